"""`kill -9` at random moments of `footlights encode`, then the same command: the same bytes, and how much is lost.

    python benchmarks/encoding.py --part kills [--kills 50] [--seed 1] [--add]

A made video of three scenes goes through the ladder once undisturbed. Then the same command is killed again and again
(the whole session, at a random moment of the time it took), each time followed by a look at what had been published,
until it ends by itself; then from the beginning, until all kills are used. Every file of the stream must have the bytes
of the undisturbed run, nothing under a final name may be half-written, and what was published before a kill must be
there after it. `chunks_lost` counts the encodes under way at a kill: at most one per worker. `--add` adds to the
numbers of the result file, so that a campaign can be made in pieces, each with a seed of its own.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench import RESULTS, footlights, machine, write
from footlights.engine.artifacts import ArtifactStore, Level
from footlights.engine.events import read_events
from footlights.media import ffmpeg

SETS = ("encoding.heights=[240,144]", "encoding.h264_height=144", "encoding.grain=keep", "engine.workers=1")
SCENES = ("mandelbrot=s=426x240:r=25", "testsrc2=s=426x240:r=25", "mandelbrot=s=426x240:r=25:start_scale=0.3")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="not needed")
    parser.add_argument("--out", type=Path, default=RESULTS / "encoding_kills.json")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--add", action="store_true", help="to the numbers of the result file")
    options = parser.parse_args()
    earlier = json.loads(options.out.read_text("utf-8")) if options.add and options.out.exists() else None
    with TemporaryDirectory() as scratch:
        result = _campaign(Path(scratch), options)
    if earlier is not None:
        result = _added(earlier, result)
    write(options.out, {"machine": machine(), **result})
    print(result)


def _added(earlier: dict[str, Any], piece: dict[str, Any]) -> dict[str, Any]:
    """Both campaigns as one; a seed counts once."""
    if set(earlier["seeds"]) & set(piece["seeds"]) or earlier["files"] != piece["files"]:
        raise SystemExit("the result file holds a piece of this seed, or of another video: give another --seed")
    total = {name: earlier[name] + piece[name] for name in ("kills", "jobs", "jobs_that_differ", "half_written")}
    total |= {name: earlier[name] + piece[name] for name in ("published_and_gone", "seeds")}
    return {**total, "chunks_lost": max(earlier["chunks_lost"], piece["chunks_lost"]), "files": piece["files"]}


def _campaign(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    video = folder / "video.mkv"
    graph = ";".join(f"{scene},trim=duration=2,setsar=1,format=yuv420p[s{n}]" for n, scene in enumerate(SCENES))
    joined = f"{graph};{''.join(f'[s{n}]' for n in range(len(SCENES)))}concat=n={len(SCENES)}"
    ffmpeg.run(["-f", "lavfi", "-i", joined, "-c:v", "ffv1", ffmpeg.file_url(video)], doing="making a video")
    begin = time.monotonic()
    subprocess.run(_command(video, folder / "whole"), check=True, capture_output=True)
    length, expected = time.monotonic() - begin, _digests(folder / "whole")
    draw = random.Random(options.seed)
    killed = jobs = differ = torn = gone = lost = 0
    while killed < options.kills:
        job = folder / f"job{jobs}"
        jobs += 1
        while True:
            process = subprocess.Popen(
                _command(video, job), start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            before = _published(job)
            try:
                process.wait(draw.uniform(0.5, length) if killed < options.kills else None)
                break
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            killed += 1
            after = _published(job)
            torn += None in after.values()
            gone += len(set(before) - set(after))
            lost = max(lost, _under_way(job))
        if process.returncode:
            raise SystemExit(f"the command ended with {process.returncode} after {killed} kills")
        differ += _digests(job) != expected
        shutil.rmtree(job)
    return {
        "kills": killed,
        "jobs": jobs,
        "jobs_that_differ": differ,
        "half_written": torn,
        "published_and_gone": gone,
        "chunks_lost": lost,
        "files": len(expected),
        "seeds": [options.seed],
    }


def _command(video: Path, job: Path) -> list[str]:
    return footlights("encode", video, "-o", job, *(word for one in SETS for word in ("--set", one)))


def _digests(job: Path) -> dict[str, str]:
    files = sorted(path for path in (job / "stream").rglob("*") if path.is_file())
    return {str(path.relative_to(job)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _published(job: Path) -> dict[str, object]:
    if not (job / "artifacts").is_dir():
        return {}
    store = ArtifactStore(job)
    return {key: store.validate(key, Level.FULL) for key in store.keys()}  # noqa: SIM118 - it is no mapping


def _under_way(job: Path) -> int:
    """Encodes that had been started and not finished when the last session ended."""
    open_tasks: set[str] = set()
    for event in read_events(job / "events.ndjson"):
        task = str(event.data.get("task", ""))
        if event.kind == "task-started" and "/" in task and task.startswith("encode"):
            open_tasks.add(task)
        elif event.kind in ("task-done", "job-state"):
            open_tasks.discard(task)
            if event.kind == "job-state":
                open_tasks.clear()
    return len(open_tasks)


if __name__ == "__main__":
    main()
