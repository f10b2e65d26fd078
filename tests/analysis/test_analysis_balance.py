"""The tape's own white: found where all channels of the camera were clipped, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from footlights.analysis.balance import white

Codes = NDArray[np.uint8]
H, W = 240, 360


def picture(
    lamp: tuple[float, float, float], *, clip: float = 255.0, noise: float = 2.0, side: int = 30
) -> tuple[Codes, Codes, Codes]:
    """A dim noisy scene with a lamp of this luma, Cb and Cr; the camera stops at `clip`."""
    rng = np.random.default_rng(3)
    x = np.linspace(0, 1, W)[None, :]
    y = 30 + 60 * x + np.zeros((H, 1))
    cb, cr = np.full((H // 2, W // 2), 140.0), np.full((H // 2, W // 2), 118.0)
    top, left = 60, 150
    y[top : top + side, left : left + side] = lamp[0]
    half = slice(top // 2, (top + side) // 2), slice(left // 2, (left + side) // 2)
    cb[half], cr[half] = 128 + lamp[1], 128 + lamp[2]
    y = np.minimum(y, clip)
    noisy = (plane + noise * rng.standard_normal(plane.shape) for plane in (y, cb, cr))
    made = [np.clip(np.rint(plane), 1, 254).astype(np.uint8) for plane in noisy]
    return made[0], made[1], made[2]


@pytest.mark.parametrize("lamp", [(235.0, 0.0, 0.0), (196.0, -9.0, 5.0), (180.0, 6.0, -3.0)])
def test_a_clipped_lamp_shows_the_white_of_the_tape(lamp: tuple[float, float, float]) -> None:
    found = white(*picture(lamp))
    assert found[0] == pytest.approx(lamp[0], abs=1.0)
    assert found[1:] == pytest.approx(lamp[1:], abs=0.7)


def test_what_is_not_white_is_not_taken_for_it() -> None:
    assert np.isnan(white(*picture((200.0, -30.0, 60.0)))).all(), "one channel clipped under red light"
    assert np.isnan(white(*picture((90.0, 0.0, 0.0)))).all(), "too dim to be clipped"
    assert np.isnan(white(*picture((230.0, 0.0, 0.0), side=6))).all(), "too small to have an inside"
    y, cb, cr = picture((60.0, 0.0, 0.0))
    gradient = np.broadcast_to(np.linspace(20, 220, W), (H, W)).astype(np.uint8)
    assert np.isnan(white(gradient, cb, cr)).all(), "bright, but nothing piles up"
    assert np.isnan(white(y, cb, cr)).all()
