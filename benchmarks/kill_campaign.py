"""`kill -9` at random moments over a short job: `python benchmarks/kill_campaign.py --kills 50`.

A tape of two shots with sound is restored once undisturbed. Then the same command is started again and again in
sessions of its own and killed, at moments drawn evenly over the time the undisturbed run took: half the times the
command alone (its workers must notice and go), half the times every process of the session at once. After every kill
everything under a final name must be whole: each artifact against its manifest, byte for byte, and each product at
the top of the job against the artifact it came from. Whenever a job comes to its end, every frame of its master and
every file of its stream must have the hashes of the undisturbed run, as must whatever else `SHA256SUMS` lists but the
reports (they hold times); then a new job begins.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, perf_counter, sleep
from typing import Any

import av

import bench
from footlights.engine.artifacts import ArtifactStore, Level
from footlights.engine.events import read_events
from footlights.engine.manifest import DamagedArtifactError
from footlights.media import ffmpeg
from footlights.pipeline.products import read_list

SETTINGS = (
    "geometry.height=240",
    "encoding.heights=[144]",
    "encoding.h264_height=144",
    "encoding.probes=1",
    "encoding.preset=13",
    "restoration.part=2",
    "engine.reserve=0.1",
)
PATIENCE = 10.0
"""Seconds in which the children of a killed command must have gone."""


@dataclass(slots=True)
class Tally:
    """What the campaign has seen."""

    kills: int = 0
    jobs: int = 0
    stages: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    leftovers: Counter[str] = field(default_factory=Counter)
    stale_sums: int = 0
    """Kills after which SHA256SUMS did not yet list the newest products."""
    slowest_exit: float = 0.0
    """Seconds until the last child of a killed command was gone."""
    compared_frames: int = 0
    compared_files: int = 0


def make_tape(path: Path) -> None:
    """48 fields of two moving test pictures, PAL, top field first, MPEG-2, with sound."""
    pictures = [f"testsrc2=s=352x288:r=50:d={24 / 50}", "mandelbrot=s=352x288:r=50:start_scale=0.7:end_scale=0.1"]
    graph = f"[1]trim=duration={24 / 50}[b];[0][b]concat,format=yuv420p,interlace=scan=tff:lowpass=0,setsar=12/11[v]"
    inputs = [word for source in (*pictures, "sine=440:r=48000") for word in ("-f", "lavfi", "-i", source)]
    coding = ["-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-b:v", "3M", "-g", "12", "-bf", "2", "-c:a", "mp2"]
    maps = ["-map", "[v]", "-map", "2:a", "-frames:v", "24", "-shortest"]
    ffmpeg.run(
        [*inputs, "-filter_complex", graph, *maps, *coding, ffmpeg.file_url(path)],
        doing="making the tape of the campaign",
    )


def start(tape: Path, folder: Path, log: Path) -> subprocess.Popen[bytes]:
    """`footlights restore` at the head of a session of its own."""
    sets = [word for one in SETTINGS for word in ("--set", one)]
    with log.open("wb") as file:
        return subprocess.Popen(
            bench.footlights("restore", tape, "-o", folder, *sets),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def kill(process: subprocess.Popen[bytes], *, everything: bool) -> float:
    """Kill the command's group, or all processes of its session; seconds until the last of them is gone."""
    members = bench.session_members(process.pid) if everything else []
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    for member in members:
        with suppress(ProcessLookupError):
            os.kill(member, signal.SIGKILL)
    begin = monotonic()
    process.wait()
    while bench.session_members(process.pid) and monotonic() - begin < PATIENCE:
        sleep(0.01)
    return monotonic() - begin


def stage_of(folder: Path, before: int) -> str:
    """What the job was doing, from the events it logged after the first `before`: the kinds of task under way."""
    events = list(read_events(folder / "events.ndjson"))[before:] if (folder / "events.ndjson").is_file() else []
    if not events:
        return "starting"
    running: set[str] = set()
    for event in events:
        if event.kind == "task-started":
            running.add(str(event.data["task"]))
        elif event.kind in ("task-done", "task-failed", "paused"):
            running.discard(str(event.data.get("task", "")))
    if running:
        return " + ".join(sorted({task.split("/")[0] for task in running}))
    done = {str(event.data["task"]) for event in events if event.kind == "task-done"}
    return "publishing, reporting" if "stream" in done else "between tasks"


def inspect(folder: Path, tally: Tally) -> None:
    """Whatever has a final name must be whole."""
    store = ArtifactStore(folder)
    manifests: list[dict[str, str]] = []
    for place in sorted(folder.glob("artifacts/??/*")):
        try:
            artifact = store.validate(place.name, Level.FULL)
        except DamagedArtifactError as error:
            tally.violations.append(f"kill {tally.kills}: {error}")
            continue
        if artifact is not None:
            manifests.append({name: record.sha256 for name, record in artifact.manifest.files.items()})
    known = {(name, digest) for files in manifests for name, digest in files.items()}
    for name in ("master.mkv", "master.frames.csv"):
        if (folder / name).exists() and (name, _digest(folder / name)) not in known:
            tally.violations.append(f"kill {tally.kills}: {name} is not what an artifact holds")
    if (folder / "stream").exists():
        found = _stream(folder)
        if found not in [{n: d for n, d in files.items() if n.startswith("stream/")} for files in manifests]:
            tally.violations.append(f"kill {tally.kills}: stream/ is not what an artifact holds ({len(found)} files)")
    _inspect_text(folder, tally)


def _inspect_text(folder: Path, tally: Tally) -> None:
    for path in (folder / "report.json", folder / "plan.json", *folder.glob("reports/*.json")):
        if path.exists():
            try:
                json.loads(path.read_text("utf-8"))
            except ValueError as error:
                tally.violations.append(f"kill {tally.kills}: {path.name} cannot be parsed: {error}")
    page = folder / "report.html"
    if page.exists() and not page.read_text("utf-8").rstrip().endswith("</html>"):
        tally.violations.append(f"kill {tally.kills}: report.html has no end")
    sums = folder / "SHA256SUMS"
    if sums.exists():
        rows = [line.split("  ", 1) for line in sums.read_text("utf-8").splitlines()]
        tally.stale_sums += any(
            not (folder / name).is_file() or _digest(folder / name) != found for found, name in rows
        )


def outcome(folder: Path) -> dict[str, Any]:
    """What a finished job is judged by: every decoded frame of the master, and every file of the stream."""
    frames = []
    with av.open(str(folder / "master.mkv")) as container:
        for frame in container.decode(video=0):
            moment = f"{frame.pts} {frame.time_base} {frame.format.name}"
            frames.append(hashlib.sha256(moment.encode() + frame.to_ndarray().tobytes()).hexdigest())
    report = json.loads((folder / "report.json").read_text("utf-8"))
    listed = {name: digest for name, digest in read_list(folder).items() if not name.startswith("report.")}
    return {"frames": frames, "stream": _stream(folder), "listed": listed, "content": report["master"]["content"]}


def _stream(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): _digest(path)
        for path in sorted((folder / "stream").rglob("*"))
        if path.is_file()
    }


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _logged(folder: Path) -> int:
    log = folder / "events.ndjson"
    return sum(1 for _ in read_events(log)) if log.is_file() else 0


def _spent(folder: Path) -> float:
    """Seconds of finished tasks; they are not needed again."""
    log = folder / "events.ndjson"
    events = read_events(log) if log.is_file() else ()
    return sum(float(str(event.data["seconds"])) for event in events if event.kind == "task-done")


def campaign(work: Path, kills: int, seed: int) -> tuple[Tally, dict[str, Any]]:
    """All jobs of the campaign."""
    tape, chance, tally = work / "tape.mpg", random.Random(seed), Tally()
    make_tape(tape)
    begin = perf_counter()
    undisturbed = start(tape, work / "undisturbed", work / "undisturbed.log")
    if undisturbed.wait() != 0:
        raise SystemExit((work / "undisturbed.log").read_text("utf-8")[-3000:])
    needed = perf_counter() - begin
    expected = outcome(work / "undisturbed")
    facts = {
        "undisturbed_seconds": round(needed, 2),
        "task_seconds": round(_spent(work / "undisturbed"), 2),
        "frames": len(expected["frames"]),
        "stream_files": len(expected["stream"]),
    }
    while tally.kills < kills:
        _one_job(tape, work / f"job-{tally.jobs:03d}", needed, expected, tally, chance, kills)
    return tally, facts


def _one_job(
    tape: Path,
    folder: Path,
    needed: float,
    expected: dict[str, Any],
    tally: Tally,
    chance: random.Random,
    kills: int,
) -> None:
    """Kill a job until it comes to its end in time, then compare."""
    tally.jobs += 1
    log = folder.with_suffix(".log")
    while True:
        logged = _logged(folder)
        process = start(tape, folder, log)
        try:
            process.wait(chance.uniform(0, needed) if tally.kills < kills else None)
        except subprocess.TimeoutExpired:
            tally.slowest_exit = max(tally.slowest_exit, kill(process, everything=chance.random() < 0.5))
            tally.kills += 1
            if survivors := bench.session_members(process.pid):
                tally.violations.append(f"kill {tally.kills}: processes {survivors} live on")
            tally.stages[stage_of(folder, logged)] += 1
            inspect(folder, tally)
            print(
                f"\r{tally.kills} kills, {tally.jobs} jobs, {len(tally.violations)} violations", end="", file=sys.stderr
            )
            continue
        break
    if process.returncode != 0:
        tally.violations.append(f"job {folder.name} ended with {process.returncode}: {log.read_text('utf-8')[-600:]}")
        return
    inspect(folder, tally)
    found = outcome(folder)
    for what in expected:
        if found[what] != expected[what]:
            tally.violations.append(f"job {folder.name}: {what} differs from the undisturbed run")
    tally.compared_frames += len(found["frames"])
    tally.compared_files += len(found["stream"])
    for left_over in (*folder.glob(".*.part"), *folder.glob(".*.old"), *folder.glob("tmp/*")):
        tally.leftovers[left_over.name.split(".")[1] if left_over.name.startswith(".") else "tmp"] += 1


def main() -> int:
    parser = bench.arguments("kill_campaign", __doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=None, help="of the moments; drawn when left out")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.randrange(1 << 32)
    facts = bench.machine()
    begin = perf_counter()
    with tempfile.TemporaryDirectory(prefix="kill-campaign-") as work:
        tally, reference = campaign(Path(work), options.kills, seed)
    print(file=sys.stderr)
    result: dict[str, Any] = {
        "machine": facts,
        "seed": seed,
        "settings": list(SETTINGS),
        "minutes": round((perf_counter() - begin) / 60, 1),
        "reference": reference,
        "kills": tally.kills,
        "jobs_finished": tally.jobs,
        "kills_by_stage": dict(tally.stages.most_common()),
        "violations": tally.violations,
        "frames_compared": tally.compared_frames,
        "stream_files_compared": tally.compared_files,
        "slowest_exit_of_children_seconds": round(tally.slowest_exit, 3),
        "kills_with_sums_not_yet_listing_the_newest": tally.stale_sums,
        "leftovers_after_finishing": dict(tally.leftovers),
    }
    bench.table(("killed during", "kills"), result["kills_by_stage"].items())
    equal = f"{tally.compared_frames} frames and {tally.compared_files} stream files compared"
    print(f"{tally.kills} kills over {tally.jobs} jobs: {len(tally.violations)} violations; {equal}")
    bench.write(options.out, result)
    return 1 if tally.violations else 0


if __name__ == "__main__":
    sys.exit(main())
