"""Line jitter, the bend at the top and vertical jumps against simulated tapes whose truth is known."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from footlights.analysis.timebase import report
from footlights.core.clip import Plane
from footlights.core.tape_reports import Jump, TimeBaseReport
from footlights.tape.presets import NEUTRAL, VHS
from footlights.tape.timebase import TimeBase
from tape_views import Simulated, simulated, stage_scene


def strayed(fields: int = 16, **errors: float) -> Simulated:
    return simulated(replace(NEUTRAL, timebase=TimeBase(**errors)), list(stage_scene(fields)))


def found(tape: Simulated) -> TimeBaseReport:
    return report(tape.columns("timebase"), tape.shot)


@pytest.mark.parametrize(("jitter", "memory"), [(0.4, 0.85), (1.0, 0.6)])
def test_jitter_is_measured_to_half_a_sample(jitter: float, memory: float) -> None:
    tape = strayed(jitter=jitter, jitter_memory=memory)
    measured = found(tape)
    assert abs(measured.jitter - tape.truth.jitter_rms) < 0.25
    assert abs(measured.memory - memory) < 0.25
    assert measured.confidence > 0.8


def test_jitter_is_told_from_the_noise_of_a_worn_tape() -> None:
    calm = replace(VHS, timebase=TimeBase(), losses=VHS.losses.__class__())
    assert found(simulated(calm, list(stage_scene(16)))).jitter < 0.17
    worn = replace(calm, timebase=VHS.timebase)
    measured = found(simulated(worn, list(stage_scene(16))))
    assert abs(measured.jitter - VHS.timebase.jitter) < 0.15


def test_a_pan_over_a_steady_tape_is_no_jitter_and_no_jump() -> None:
    measured = found(strayed())
    assert measured.jitter * (measured.confidence >= 0.4) == 0
    assert measured.jumps == ()


def upright(count: int) -> list[Plane]:
    """A pan over upright edges, as poles and people make them."""
    rng = np.random.default_rng(8)
    row = np.repeat(rng.uniform(0.1, 0.9, (1, 60, 3)), 20, axis=1).astype(np.float32)
    wall = cv2.GaussianBlur(np.repeat(row, 480, axis=0), (0, 0), 1.0)
    return [wall[:, 2 * n : 2 * n + 704] for n in range(count)]


@pytest.mark.parametrize("skew", [0.0, 3.5, -8.0])
def test_the_bend_at_the_top_is_measured_to_half_a_sample(skew: float) -> None:
    measured = found(simulated(replace(NEUTRAL, timebase=TimeBase(skew=skew)), upright(14)))
    assert abs(measured.skew - skew) < 0.5
    assert measured.skew_confidence > 0.6
    assert measured.skew_lines == 8


def test_jumped_fields_are_found_with_their_lines() -> None:
    tape = strayed(36)
    jumps = (Jump(6, 0, 5), Jump(10, 1, -3), Jump(13, 0, 9), Jump(13, 1, 9))
    for jump in jumps:
        frame = tape.frames[jump.frame]
        for plane in (frame.y, frame.cb, frame.cr):
            plane[jump.field :: 2] = np.roll(plane[jump.field :: 2], jump.lines, axis=0)
    assert found(tape).jumps == jumps


def test_what_shows_nothing_is_not_told() -> None:
    black = simulated(replace(NEUTRAL, timebase=TimeBase(jitter=1.0)), [np.zeros((480, 704, 3), np.float32)] * 16)
    measured = found(black)
    assert (measured.confidence, measured.skew_confidence, measured.jumps) == (0, 0, ())


WALK = (
    0.0, 1.6, 2.9, 3.0, 1.5, -0.7, -2.4, -2.8, -2.0, -1.0, -2.0, -1.0, -6.0, -7.3, -6.9, -5.3, -4.0, -4.2, -6.3, -8.4,
    -9.3, -8.4, -6.4, -5.6, -5.7, -6.2, -6.6, -7.0, -7.2, -7.1, -7.2, -8.2, -9.4, -9.6, -9.0, -8.5, -8.4, -9.1, -10.8,
    -12.3, -13.0, -12.6, -10.6, -8.6, -6.5, -5.3, -4.1, -2.1, 0.9, 3.3,
)  # fmt: skip
"""Heights of fields, in field lines, as they were measured where someone carries a camera through a street."""


def test_a_camera_carried_by_someone_who_walks_does_not_jump() -> None:
    tape = strayed(len(WALK))
    columns = tape.columns("timebase")
    steps = np.diff(np.array(WALK, np.float32), prepend=np.float32(0)).reshape(-1, 2)
    columns["timebase.rise"] = np.column_stack([steps, np.zeros(len(steps))]).astype(np.float32)
    assert report(columns, tape.shot).jumps == ()
