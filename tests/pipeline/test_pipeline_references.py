"""Renditions seen at the size of the largest: on few frames, the same whether a chunk is a file or part of one."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from footlights.core.signal import BT709_SIGNAL
from footlights.core.time import FrameRange
from footlights.encoding import ladder
from footlights.media import ffmpeg
from footlights.metrics.video import seen_at
from footlights.pipeline.chunks import ChunkRequest, Picture
from footlights.pipeline.references import seen_large
from footlights.settings import EncodingSettings

RATE, FRAMES, SIZE = Fraction(60000, 1001), 63, (192, 144)


def drawn(path: Path, frames: int, size: tuple[int, int] = SIZE, crf: int = 0) -> Path:
    """A moving test picture in Matroska, whose times are rounded to milliseconds."""
    graph = f"testsrc2=s={SIZE[0]}x{SIZE[1]}:r=60000/1001,scale={size[0]}:{size[1]}"
    codec = (
        ["-c:v", "libx264", "-preset", "ultrafast", "-qp", "0"] if not crf else ["-c:v", "libx264", "-crf", f"{crf}"]
    )
    tail = ["-frames:v", str(frames), "-pix_fmt", "yuv420p10le", *codec, ffmpeg.file_url(path)]
    ffmpeg.run(["-f", "lavfi", "-i", graph, *tail], doing="making")
    return path


def request() -> ChunkRequest:
    (rung,) = ladder.rungs(*SIZE, EncodingSettings(heights=(SIZE[1],), h264_height=0))
    return ChunkRequest(rung, FrameRange(0, FRAMES), (0,), RATE, *SIZE, BT709_SIGNAL, 30.0, 1, grain="auto")


def test_renditions_are_told_apart_on_few_frames(tmp_path: Path) -> None:
    whole, longer = drawn(tmp_path / "whole.mkv", FRAMES), drawn(tmp_path / "longer.mkv", FRAMES + 6)
    made = [drawn(tmp_path / "half.mkv", FRAMES, (96, 72), 20), drawn(tmp_path / "full.mkv", FRAMES, crf=20)]
    work = tmp_path / "work"
    work.mkdir()
    seen = seen_large(request(), Picture(whole, FrameRange(0, FRAMES)), made, work, removed=False)
    part = seen_large(request(), Picture(longer, FrameRange(0, FRAMES)), made, work, removed=False)
    every = [seen_at(path, whole, RATE, width=SIZE[0], height=SIZE[1], frames=FRAMES) for path in made]
    assert part == seen
    assert seen == pytest.approx(every, abs=1)
    assert seen[1] > seen[0] + 5
    assert not list(work.iterdir())


def test_grain_that_was_taken_out_is_not_held_against_renditions(tmp_path: Path) -> None:
    source = drawn(tmp_path / "source.mkv", FRAMES)
    seen = seen_large(request(), Picture(source, FrameRange(0, FRAMES)), [source], tmp_path, removed=True)
    assert seen[0] > 95
    assert [path.name for path in tmp_path.iterdir()] == ["source.mkv"]
