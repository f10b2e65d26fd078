"""Borders and the head-switching band against simulated tapes whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest

from footlights.analysis.borders import report
from footlights.core.clip import Plane
from footlights.core.reports import BorderReport
from footlights.tape.defects import Defects
from footlights.tape.presets import NEUTRAL, Preset
from footlights.tape.raster import Raster
from tape_views import simulated, stage_scene


def found(preset: Preset, pictures: list[Plane], **changes: object) -> BorderReport:
    tape = simulated(preset, pictures, **changes)  # type: ignore[arg-type]
    return report(tape.columns("borders"), tape.shot)


def torn(lines: float, shift: float = 40) -> Preset:
    return replace(NEUTRAL, defects=Defects(switch_lines=lines, switch_shift=shift))


@pytest.mark.parametrize(("lines", "shift"), [(4, 34), (7, 50), (7, -50)])
def test_head_switching_lines_are_counted(lines: int, shift: float) -> None:
    tape = found(torn(lines, shift), list(stage_scene(18)))
    assert abs(tape.switch_lines - lines) <= 1
    assert tape.confidence > 0.4


def test_a_sound_tape_has_no_torn_lines() -> None:
    tape = found(NEUTRAL, list(stage_scene(18)))
    assert tape.switch_lines == 0
    assert tape.confidence > 0.4
    assert (tape.left, tape.top, tape.right, tape.bottom) == (8, 0, 8, 0)


def test_an_edge_of_the_scene_near_the_bottom_is_no_head_switching() -> None:
    pictures = [picture.copy() for picture in stage_scene(18)]
    floor = stage_scene(18, seed=5)
    for picture, other in zip(pictures, floor, strict=True):
        picture[-8:] = other[-8:]
    assert found(NEUTRAL, pictures).switch_lines == 0


def test_letterbox_and_pillars_are_measured() -> None:
    pictures = [picture.copy() for picture in stage_scene(18)]
    for picture in pictures:
        picture[:60], picture[-60:] = 0, 0
    tape = found(NEUTRAL, pictures)
    assert abs(tape.top - 60) <= 1
    assert abs(tape.bottom - 60) <= 1


def test_what_cannot_be_told_says_so() -> None:
    black = [np.zeros((480, 704, 3), np.float32)] * 18
    assert found(torn(5), black).confidence == 0
    small = found(
        NEUTRAL, [np.full((96, 128, 3), 0.5, np.float32)] * 18, raster=Raster(width=128, height=96, active_width=128)
    )
    assert (small.switch_lines, small.confidence) == (0, 0)
    single = found(NEUTRAL, list(stage_scene(2)))
    assert (single.switch_lines, single.confidence) == (0, 0)


def plain_floor(count: int) -> list[Plane]:
    """A stage whose floor shows nothing that lines could be recognised by, with a dark shoe in its left corner."""
    pictures = [picture.copy() for picture in stage_scene(count)]
    for number, picture in enumerate(pictures):
        picture[-80:] = 0.5
        picture[-6:, : 10 + 2 * number] = 0
    return pictures


@pytest.mark.parametrize(("lines", "shift"), [(2, 14), (4, 34), (3, -20)])
def test_a_band_on_a_plain_floor_is_seen_by_the_black_beside_it(lines: float, shift: float) -> None:
    tape = found(torn(lines, shift), [picture.copy() for picture in plain_floor(24)])
    assert abs(tape.switch_lines - lines) <= 1
    assert tape.confidence > 0.4


def test_a_shoe_in_the_corner_is_no_band() -> None:
    assert found(NEUTRAL, plain_floor(24)).switch_lines == 0
