"""The grid of a block transform, and levels, against pictures whose truth is known."""

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from footlights.analysis import blocking, levels
from footlights.core.clip import Plane
from footlights.core.signal import Range
from footlights.core.tape_reports import LevelsReport
from footlights.report.levels import suspicions
from footlights.restoration.blocking import smooth
from footlights.tape.camera import Sensor
from footlights.tape.levels import Levels
from footlights.tape.presets import NEUTRAL
from tape_views import Simulated, simulated, stage_scene


def coded(plane: Plane, step: float, phase: int) -> Plane:
    """Every block of eight by eight samples from `phase` on, its DCT rounded to multiples of `step`."""
    made = np.roll(plane.astype(np.float32), -phase, axis=1)
    for y in range(0, made.shape[0], 8):
        for x in range(0, made.shape[1], 8):
            block = cv2.dct(np.ascontiguousarray(made[y : y + 8, x : x + 8]))
            made[y : y + 8, x : x + 8] = cv2.idct(np.round(block / step) * step)
    return np.roll(made, phase, axis=1)


def tape(**changes: Any) -> Simulated:
    return simulated(replace(NEUTRAL, **changes), list(stage_scene(12)))


def test_a_grid_is_found_where_it_lies_and_grows_with_the_quantiser() -> None:
    made, found = tape(), []
    clean = made.frames[4].y.copy()
    for step in (0, 16, 40):
        for parity in (0, 1):
            field = clean[parity::2]
            made.frames[4].y[parity::2] = np.clip(coded(field, step, 5), 0, 255) if step else field
        found.append(blocking.report(made.columns("blocking"), made.shot))
    plain, fine, coarse = found
    assert plain.confidence < 0.5
    assert fine.phase == coarse.phase == 5
    assert min(fine.confidence, coarse.confidence) > 0.7
    assert coarse.strength > fine.strength > 0.5


def test_steps_between_blocks_are_smoothed_and_edges_stay() -> None:
    true = cv2.GaussianBlur(np.random.default_rng(4).normal(120, 500, (64, 240)).astype(np.float32), (0, 0), 14)
    made = coded(true, 24, 0)
    worn = float(np.mean((made - true) ** 2))
    for lines in (made.T, made):
        smooth(lines, 8.0, 0)
    assert float(np.mean((made - true) ** 2)) < 0.6 * worn
    edge = np.repeat(np.float32([[50], [150]]), 8, axis=0)
    kept = edge.copy()
    smooth(kept, 8.0, 0)
    np.testing.assert_array_equal(kept, edge)


def test_blacks_that_were_cut_off_are_told_from_dark_ones() -> None:
    noise = Sensor(luma_sigma=2.0, knee=1.2)
    dark = tape(sensor=noise, levels=Levels(pedestal=10))
    cut = tape(sensor=noise)
    for frame in cut.frames:
        frame.y[:] = np.maximum(frame.y, 90)
    reports = [levels.report(one.columns("levels"), one.shot) for one in (dark, cut)]
    assert reports[0].crushed == 0
    assert reports[1].crushed > 0.05
    assert reports[1].lowest == 90


@pytest.mark.parametrize(
    ("lowest", "highest", "tagged", "name"),
    [
        ((0, 1, 0, 2), (255, 254, 255, 252), Range.LIMITED, "wrong-range"),
        ((30, 31, 30, 33), (210, 217, 200, 180), Range.FULL, "wrong-range"),
        ((32, 31, 33, 32), (220, 230, 210, 235), Range.LIMITED, "setup"),
        ((16, 31, 33, 18), (220, 230, 210, 235), Range.LIMITED, ""),
        ((30, 45, 60, 38), (220, 230, 210, 235), Range.LIMITED, ""),
        ((32, 32), (220, 230), Range.LIMITED, ""),
    ],
)
def test_levels_of_all_shots_together_raise_a_suspicion(
    lowest: tuple[float, ...], highest: tuple[float, ...], tagged: Range, name: str
) -> None:
    shots = [LevelsReport(low, high, 0.0, 6, "test") for low, high in zip(lowest, highest, strict=True)]
    assert [str(defect) for defect, _ in suspicions(shots, tagged)] == ([name] if name else [])
