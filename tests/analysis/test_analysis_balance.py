"""The tape's own white: found where all channels of the camera were clipped, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from footlights.analysis.balance import black, white

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


@pytest.mark.parametrize("noise", [0.3, 4.0])
def test_black_is_told_through_noise(noise: float) -> None:
    y, cb, cr = picture((200.0, 0.0, 0.0), noise=0)
    rng = np.random.default_rng(5)
    dark = y.astype(float)
    dark[100:180] = 27.3
    noisy = np.clip(np.rint(dark + noise * rng.standard_normal(dark.shape)), 1, 254).astype(np.uint8)
    blue, red = (np.full(cb.shape, 128.0) for _ in range(2))
    blue[50:90], red[50:90] = 125.6, 131.2
    chroma = [np.clip(np.rint(p + noise * rng.standard_normal(p.shape)), 1, 254).astype(np.uint8) for p in (blue, red)]
    found = black(noisy, *chroma)
    assert found[0] == pytest.approx(27.3, abs=0.1 + 0.25 * noise)
    assert found[1:] == pytest.approx((-2.4, 3.2), abs=0.35 + 0.1 * noise)
    assert np.isnan(black(np.full_like(y, 90), cb, cr)).all(), "nothing dark"
    assert np.isnan(black(np.full_like(y, 16), cb, cr)).all(), "blanking is no black"
