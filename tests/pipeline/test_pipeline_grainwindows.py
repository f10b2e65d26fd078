"""Which pictures of a shot are looked at for its grain, and what of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from footlights.core.time import FrameRange
from footlights.encoding.encoders import lossless_intermediate
from footlights.media import ffmpeg
from footlights.pipeline.grainwindows import spread_parts


def numbered(path: Path, frames: int, height: int, width: int) -> Path:
    """Luma is 100 codes a frame, and one more for each band of 64 lines."""
    raw = ffmpeg.RawFormat(width, height, "yuv420p10le", "25")
    with ffmpeg.EncoderPipe(raw, [*lossless_intermediate(), ffmpeg.file_url(path)], doing="making pictures") as pipe:
        for frame in range(frames):
            band = np.arange(height) // 64
            pipe.write(np.repeat((64 + 40 * frame + band)[:, None], width, 1).astype(np.uint16))
            for _ in range(2):
                pipe.write(np.full((height // 2, width // 2), 512, np.uint16))
    return path


def test_small_pictures_are_taken_whole_and_spread_over_the_shot(tmp_path: Path) -> None:
    parts = spread_parts(numbered(tmp_path / "small.mkv", 20, 128, 160), FrameRange(4, 20))
    assert [frame for frame, _ in parts] == [5, 7, 9, 11, 13, 15, 17, 19]
    for frame, planes in parts:
        assert [plane.shape for plane in planes] == [(128, 160), (64, 80), (64, 80)]
        assert planes[0][0, 0] == 64 + 40 * frame


@pytest.mark.parametrize("frames", [1, 3])
def test_short_shots_give_what_they_have(tmp_path: Path, frames: int) -> None:
    parts = spread_parts(numbered(tmp_path / "short.mkv", 6, 128, 160), FrameRange(2, 2 + frames))
    assert [frame for frame, _ in parts] == list(range(2, 2 + frames))


def test_large_pictures_give_other_bands_in_turn(tmp_path: Path) -> None:
    parts = spread_parts(numbered(tmp_path / "large.mkv", 8, 512, 1024), FrameRange(0, 8))
    seen = [sorted({int(code) - 64 - 40 * frame for code in planes[0][:, 0]}) for frame, planes in parts]
    assert seen[:2] == [[0, 2, 4, 6], [1, 3, 5, 7]]
    assert all(planes[0].shape == (256, 1024) and planes[1].shape == (128, 512) for _, planes in parts)
    assert sum(planes[0].size for _, planes in parts) == 2**20 * 2
