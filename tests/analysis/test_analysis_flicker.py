"""Flicker against closed forms: what goes on through a shot, and not single flashes or slow light."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from footlights.analysis import exposure
from footlights.core.reports import Entry, Shot
from footlights.core.time import FrameRange

FRAMES = 40


def flicker(mean: NDArray[np.float64], flashes: tuple[int, ...] = ()) -> float:
    """What the report says of a shot of that mean luma."""
    marks = np.zeros(len(mean), np.bool_)
    marks[list(flashes)] = True
    widths = exposure.ExposureAnalyser.columns
    series = {name: np.zeros((len(mean), width), np.float32) for name, width in widths.items() if width > 1}
    series["exposure.mean"] = mean.astype(np.float32)
    return exposure.report(series, Shot(0, FrameRange(0, len(mean)), 0, Entry.START, 1.0), marks).flicker


@pytest.mark.parametrize("swing", [0.0, 0.8, 3.0])
def test_brightness_that_swings_from_frame_to_frame_is_measured(swing: float) -> None:
    assert flicker(100 + swing / 2 * (-1.0) ** np.arange(FRAMES)) == pytest.approx(swing, abs=0.01)


def test_slow_light_flashes_and_a_single_jump_are_no_flicker() -> None:
    slow = 100 + 40 * np.sin(np.arange(FRAMES) / 15)
    assert flicker(slow) < 0.15
    slow[[10, 11, 25]] += 60
    assert flicker(slow, (10, 11, 25)) < 0.15
    assert flicker(np.where(np.arange(FRAMES) < 20, 60.0, 110.0)) == 0


def test_a_shot_that_is_short_or_all_strobes_is_not_judged() -> None:
    swings = 100 + 5 * (-1.0) ** np.arange(FRAMES)
    assert flicker(swings[:8]) == 0
    assert flicker(swings, tuple(range(0, FRAMES, 3))) == 0
