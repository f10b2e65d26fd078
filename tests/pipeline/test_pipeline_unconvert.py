"""Colours of the master in the tape's primaries: the exact inverse where it tells something, or the likeliest."""

from __future__ import annotations

import numpy as np
import pytest

from footlights.core import colour
from footlights.core.clip import Plane
from footlights.core.signal import Matrix, Primaries
from footlights.pipeline.unconvert import unconverted

MASTER = (Matrix.BT709, Primaries.BT709)
NTSC = (Matrix.SMPTE170M, Primaries.SMPTE170M)
PAL = (Matrix.BT470BG, Primaries.BT470BG)
CODE = 1 / 219


def lit(y: float, cb: float, cr: float, noise: float = 0.0) -> Plane:
    """A surface in coloured light `(3, 40, 60)`, noise in codes."""
    grain = np.random.default_rng(3).normal(0, noise * CODE, (3, 40, 60)) if noise else 0
    return (np.array([y, cb, cr])[:, None, None] + grain + np.zeros((3, 40, 60))).astype(np.float32)


def converted(picture: Plane, source: tuple[Matrix, Primaries], target: tuple[Matrix, Primaries]) -> Plane:
    luma, chroma = colour.convert_primaries(picture[0], picture[1:], source, target)
    return np.stack([luma, *chroma])


def off(found: Plane, true: Plane) -> float:
    """Root mean square of luma, codes."""
    return float((found - true)[0].std() / CODE)


def test_magenta_light_comes_back_without_specks() -> None:
    """Green is next to nothing: a quarter of a code in the master makes more than one on the way back."""
    tape = lit(0.3, 0.32, 0.2, noise=1.0)
    master = converted(tape, NTSC, MASTER)
    master += np.random.default_rng(4).normal(0, 0.25 * CODE, master.shape).astype(np.float32)
    exact = converted(master, MASTER, NTSC)
    likeliest = unconverted(master, NTSC, lit(0.3, 0.32, 0.2))
    assert off(exact, tape) > 1.4
    assert off(likeliest, tape) < 1.0
    assert float((likeliest - tape)[0].mean() / CODE) == pytest.approx(0, abs=0.1)


def test_a_master_that_is_darker_there_comes_back_darker() -> None:
    tape = lit(0.3, 0.32, 0.2)
    dark = lit(0.3 - 6 * CODE, 0.32, 0.2)
    back = unconverted(converted(dark, NTSC, MASTER), NTSC, tape)
    assert float((back - tape)[0].mean() / CODE) == pytest.approx(-6, abs=0.5)


@pytest.mark.parametrize("tape", [NTSC, PAL], ids=["ntsc", "pal"])
def test_ordinary_colours_come_back_exactly_whatever_the_tape_shows(tape: tuple[Matrix, Primaries]) -> None:
    picture = lit(0.5, 0.05, -0.04, noise=2.0)
    back = unconverted(converted(picture, tape, MASTER), tape, lit(0.52, 0.0, 0.0))
    assert back == pytest.approx(picture, abs=1e-4)
