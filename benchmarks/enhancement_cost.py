"""Cost: processor time of the enhancement stages as a share of the way from tape to finished stream.

The same tape of one segment (4 s) is restored with everything a balanced job enhances and with all of it switched off,
in turn and in pairs; what the encoders spend on grain and detail is in the difference. Matrix and primaries are
converted either way. Jobs are compared as a whole, with what a segment and what a job's start take once:
searches take more or fewer trials by chance, so that the difference of two lengths says nothing. Without the stream
(`--quick`) there are no trials, jobs are short, and the start is taken out by a job of half as many frames.
"""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

import bench
from footlights.media import ffmpeg

FRAMES, PAIRS = 100, 2
OFF = (
    "enhancement.colour.levels=off",
    "enhancement.colour.cast=off",
    "enhancement.detail.strength=0",
    "enhancement.grain.share=0",
)
ALWAYS = ("analysis.faces.enabled=false", "engine.workers=1")
TARGET = 0.25


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Processor seconds of all runs, and the share; `--quick` without the stream and once."""
    frames, pairs = (8, 1) if options.quick else (FRAMES, PAIRS)
    sets = (*ALWAYS, "encoding.enabled=false") if options.quick else ALWAYS
    counts = (frames // 2, frames) if options.quick else (frames,)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for count in counts:
            _make_tape(options.data, work / f"tape{count}.mpg", count)
        for pair in range(pairs):
            for on in (True, False) if pair % 2 == 0 else (False, True):
                for count in counts:
                    job = work / f"job-{pair}-{on}-{count}"
                    name = f"cost {pair} {on} {count}{' master' if options.quick else ''}"
                    made = partial(_spent, work, job, on, sets)
                    rows.append({"pair": pair, "on": on, "frames": count, **options.kept.row(name, made)})
    on, off = (_per_frame(rows, state, counts) for state in (True, False))
    return {
        "what": f"{frames} frames of PAL to 2880×2160 at 50p, {'master' if options.quick else 'master and stream'}",
        "runs": rows,
        "cpu_seconds_per_frame": {"on": round(on, 3), "off": round(off, 3)},
        "share": round((on - off) / on, 4),
        "pairs": _shares(rows, counts),
        "target": TARGET,
        "met": (on - off) / on <= TARGET,
    }


def show(found: dict[str, Any]) -> None:
    """The share."""
    spent = found["cpu_seconds_per_frame"]
    bench.table(
        ("on, s/frame", "off, s/frame", "share", "target"), [(spent["on"], spent["off"], found["share"], TARGET)]
    )


def _make_tape(data: Path, path: Path, frames: int) -> None:
    """A true 50p clip with noise, laid into fields, PAL 4:3, MPEG-2 at 8 Mbit/s."""
    clip = data / "dev_clips" / "dance_dj_480p50.mp4"
    drawn = "scale=720:576,noise=alls=6:allf=t,interlace=scan=tff:lowpass=0,setsar=16/15,setfield=tff,format=yuv420p"
    coding = ["-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-b:v", "8M", "-g", "12", "-bf", "2", "-an"]
    tail = ["-frames:v", str(frames), ffmpeg.file_url(path)]
    ffmpeg.run(["-i", ffmpeg.file_url(clip), "-vf", drawn, *coding, *tail], doing="making a tape")


def _spent(work: Path, job: Path, on: bool, sets: tuple[str, ...]) -> dict[str, Any]:
    tape = work / f"tape{job.name.rsplit('-', 1)[1]}.mpg"
    words = [word for one in (*sets, *(() if on else OFF)) for word in ("--set", one)]
    ran = bench.checked(bench.footlights("restore", tape, "-o", job, *words))
    return {"cpu_seconds": round(ran.cpu_seconds, 2)}


def _per_frame(rows: list[dict[str, Any]], on: bool, counts: tuple[int, ...]) -> float:
    """Processor seconds of a frame of the jobs of one length, or of one more frame where there are two."""
    spent = [fmean(row["cpu_seconds"] for row in rows if row["on"] is on and row["frames"] == one) for one in counts]
    return spent[0] / counts[0] if len(counts) == 1 else (spent[1] - spent[0]) / (counts[1] - counts[0])


def _shares(rows: list[dict[str, Any]], counts: tuple[int, ...]) -> list[float]:
    """Of every pair by itself."""
    pairs = [[row for row in rows if row["pair"] == pair] for pair in sorted({row["pair"] for row in rows})]
    both = [[_per_frame(pair, on, counts) for on in (True, False)] for pair in pairs]
    return [round((on - off) / on, 4) for on, off in both]
