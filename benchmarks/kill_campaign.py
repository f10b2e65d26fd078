"""`kill -9` at random moments over a short job, again and again: the same bytes must come out, nothing half-written.

A reference job runs once undisturbed. Then the same command is started in a session of its own, killed with all its
processes after a random time, and started again, until it finishes; then a new job begins, until enough kills are made.
After every kill all artifacts are hashed against their manifests and every listed product must be whole. At the end of
every job the digests of all products (master, frame list, stream) are compared with the reference.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import bench

sys.path.insert(0, str(bench.ROOT / "tests"))

from footlights.core import records
from footlights.engine.artifacts import ArtifactStore, Level
from footlights.engine.manifest import DamagedArtifactError
from footlights.pipeline.products import read_list
from small_job import SMALL, make_tape


def main() -> None:
    """Run the campaign."""
    parser = bench.arguments("kill_campaign", __doc__)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    machine = bench.machine()
    with tempfile.TemporaryDirectory() as folder:
        result = campaign(Path(folder), options.kills, random.Random(options.seed))
    bench.write(options.out, {"what": "kill_campaign", "machine": machine, **result})
    bench.table(["fact", "value"], [(name, value) for name, value in result.items() if not isinstance(value, list)])


def campaign(folder: Path, kills: int, chance: random.Random) -> dict[str, Any]:
    """Kill until enough; returns the counts."""
    tape = make_tape(folder / "tape.mkv")
    reference = folder / "reference"
    begin = time.perf_counter()
    bench.checked(command(tape, reference))
    whole_run = time.perf_counter() - begin
    expected = products(reference)
    stages: Counter[str] = Counter()
    damaged: list[str] = []
    mismatched: list[str] = []
    jobs = restarts = 0
    while sum(stages.values()) < kills:
        job = folder / "job"
        shutil.rmtree(job, ignore_errors=True)
        jobs += 1
        while not killed(command(tape, job), chance.uniform(0.3, whole_run)):
            stages[stage(job)] += 1
            damaged += half_written(job)
            restarts += 1
        found = products(job)
        mismatched += sorted(name for name in {*expected, *found} if expected.get(name) != found.get(name))
        print(f"{sum(stages.values())} kills, {jobs} jobs, {len(damaged)} damaged, {len(mismatched)} mismatched")
    return {
        "tape": "60 frames of 352×288i50 in two shots with sound, to a 240-line master, two renditions of 144 lines",
        "undisturbed_seconds": round(whole_run, 2),
        "kills": sum(stages.values()),
        "jobs": jobs,
        "kills_while": dict(stages.most_common()),
        "files_compared_a_job": len(expected),
        "half_written": len(damaged),
        "mismatching_hashes": len(mismatched),
        "half_written_files": damaged,
        "mismatching_files": mismatched,
    }


def command(tape: Path, job: Path) -> list[str]:
    """The command line of the job."""
    sets = [word for assignment in SMALL for word in ("--set", assignment)]
    return bench.footlights("restore", tape, "-o", job, *sets)


def killed(words: list[str], seconds: float) -> bool:
    """Start a command and kill all of it after `seconds`; True if it had finished by itself before."""
    process = subprocess.Popen(words, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        _, said = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return False
    if process.returncode:
        raise SystemExit(f"the job ended with {process.returncode}: {said.decode()[-2000:]}")
    return True


def half_written(job: Path) -> list[str]:
    """What stands under a final name and is not whole."""
    store, bad = ArtifactStore(job), []
    for key in store.keys():  # noqa: SIM118 - it is no mapping
        try:
            store.validate(key, Level.FULL)
        except DamagedArtifactError as error:
            bad.append(f"{key[:12]}: {error.why}")
    for name, digest in read_list(job).items():
        path = job / name
        # Reports are written anew by every run, list after file; the others never change.
        if not name.startswith("report") and (not path.is_file() or records.file_digest(path) != digest):
            bad.append(name)
    return bad


def products(job: Path) -> dict[str, str]:
    """SHA-256 of everything a job promises to make again the same."""
    return {name: digest for name, digest in read_list(job).items() if not name.startswith("report.")}


def stage(job: Path) -> str:
    """What the job was doing: the operation that was last begun, by its log."""
    log = job / "events.ndjson"
    lines = log.read_text("utf-8", "replace").splitlines() if log.is_file() else []
    for line in reversed(lines):
        if '"task-started"' in line:
            return line.split('"op":', 1)[1].split('"')[1].rsplit(":", 1)[-1]
        if '"task-done"' in line and '"reuse"' not in line:
            return "between tasks"
    return "start"


if __name__ == "__main__":
    main()
