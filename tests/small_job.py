"""A small job: an interlaced PAL tape of two scenes with sound, to a 240-line master."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from footlights.core.products import JobResult
from footlights.media import ffmpeg
from footlights.pipeline import job as jobs
from footlights.pipeline import run
from footlights.pipeline.session import Listener
from made_tapes import PAL, interlaced, panned, texture, write_ffv1

SMALL = ("geometry.height=240", "encoding.heights=[144]", "encoding.h264_height=144", "analysis.faces.enabled=false")
FRAMES, CUT = 16, 8


def silent(event: object) -> None:
    """A listener that does not listen."""


def make_tape(path: Path, frames: int = FRAMES) -> Path:
    """`frames` of 352×288i50, half of them of another scene, with a tone."""
    scenes = texture(1), texture(7)
    pictures = interlaced(lambda instant: panned(scenes[instant >= frames], instant), frames)
    picture = write_ffv1(path.with_name("silent.mkv"), pictures, rate=PAL, order="tff")
    tone = ["-f", "lavfi", "-i", f"sine=440:r=48000:d={float(Fraction(frames) / PAL)}"]
    tail = ["-c:v", "copy", "-c:a", "flac", ffmpeg.file_url(path)]
    ffmpeg.run([*ffmpeg.input_arguments(picture), *tone, *tail], doing="adding sound")
    return path


def restore(tape: Path | None, folder: Path, *sets: str, listen: Listener = silent) -> JobResult:
    """Open the job and run it to its end."""
    return run.restore(jobs.open_job(tape, folder, (*SMALL, *sets), Path("/dev/null")), listen)
