"""Coarse colour: squares are told in CIEDE2000, whatever VMAF says of them; grain, detail and luma are not."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from footlights.core.signal import Matrix, Primaries
from footlights.errors import ToolError
from footlights.media.ffmpeg import EncoderPipe, RawFormat, file_url
from footlights.metrics.coarse import apart
from footlights.metrics.fidelity import delta_e, lab
from footlights.metrics.video import vmaf

RATE = Fraction(25)
SIZE, FRAMES = (200, 136), 15
"""Three columns and two rows of whole blocks, and what is left of others."""
LUMA, BLUE, RED = 500, 560, 470
Codes = NDArray[np.int64]


def picture() -> list[Codes]:
    width, height = SIZE
    rng = np.random.default_rng(5)
    luma = LUMA + rng.integers(-60, 61, (height, width))
    return [luma, np.full((height // 2, width // 2), BLUE), np.full((height // 2, width // 2), RED)]


def clip(path: Path, pictures: list[list[Codes]]) -> Path:
    raw = RawFormat(*SIZE, "yuv420p10le", str(RATE))
    with EncoderPipe(raw, ["-c:v", "ffv1", file_url(path)], doing="making a clip") as pipe:
        for planes in pictures:
            for plane in planes:
                pipe.write(np.clip(plane, 64, 940).astype(np.uint16))
    return path


def measured(folder: Path, test: list[list[Codes]], every: int = 1) -> float:
    paths = [clip(folder / f"{name}.mkv", one) for name, one in (("r", [picture()] * FRAMES), ("t", test))]
    scores = vmaf(paths[1], paths[0], RATE, height=SIZE[1], frames=FRAMES, every=every)
    return scores.colour


def step(blue: int, red: int, luma: float) -> float:
    """CIEDE2000 between the clip's even colour and it moved by so many codes of 10 bits."""
    first, second = (
        lab(
            np.array([(luma - 64) / 876, (b - 512) / 896, (r - 512) / 896])[:, None, None],
            Matrix.BT709,
            Primaries.BT709,
        )
        for b, r in ((BLUE, RED), (BLUE + blue, RED + red))
    )
    return float(delta_e(first, second).item())


@pytest.mark.parametrize("every", [1, 3])
def test_a_square_of_colour_is_told_by_as_much_as_it_is_off(tmp_path: Path, every: int) -> None:
    still = picture()
    still[1][32:64, 64:96] += 24
    still[2][32:64, 64:96] -= 12
    mean = float(still[0][64:128, 128:192].mean())
    assert measured(tmp_path, [still] * FRAMES, every) == pytest.approx(step(24, -12, mean), abs=0.03)
    assert step(24, -12, mean) > 3


def test_a_square_between_the_pictures_looked_at_is_not_seen_and_one_on_them_is(tmp_path: Path) -> None:
    off = picture()
    off[1][:32, :32] += 24
    pictures = [picture() if number % 7 else off for number in range(FRAMES)]
    assert measured(tmp_path, pictures) > 2
    assert measured(tmp_path, [off if number % 7 == 3 else picture() for number in range(FRAMES)]) < 0.05


def test_grain_detail_and_luma_are_no_squares(tmp_path: Path) -> None:
    """Of noise with a sigma of 11.7 codes a mean over 32×32 samples keeps 0.37: a tenth of CIEDE2000."""
    rng = np.random.default_rng(6)
    noisy = []
    for _ in range(FRAMES):
        luma, *chroma = picture()
        grain = [plane + rng.integers(-20, 21, plane.shape) for plane in chroma]
        for plane in grain:
            plane[:, ::2] += 10
            plane[:, 1::2] -= 10
        noisy.append([luma + 40, *grain])
    assert measured(tmp_path, noisy) < 0.6


def test_blocks_that_an_edge_cuts_are_left_out(tmp_path: Path) -> None:
    cut = picture()
    cut[1][64:], cut[2][:, 96:] = 700, 300
    assert measured(tmp_path, [cut] * FRAMES) < 0.1


def test_pictures_smaller_than_a_block_are_one() -> None:
    means = np.array([[[2000], [2000]], [[2300], [2048]], [[2048], [2048]]], np.uint16)
    assert apart(means).shape == (1, 1)
    assert apart(means).item() > 5
    assert apart(means[:, 1:].repeat(2, 1)).item() == 0


def test_a_video_that_lost_pictures_is_not_judged(tmp_path: Path) -> None:
    short = clip(tmp_path / "short.mkv", [picture()] * 7)
    whole = clip(tmp_path / "whole.mkv", [picture()] * FRAMES)
    with pytest.raises(ToolError):
        vmaf(short, whole, RATE, height=SIZE[1], frames=FRAMES)
