"""Shots on tapes with known cuts; strobes, flashes and darkness that are no cuts."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from footlights.analysis.survey import sampled_order
from footlights.core.reports import Entry, Survey
from made_tapes import Picture, interlaced, measured, noisy, panned, surveyed, take_in, texture, write_ffv1

A, B, C = texture(1), texture(2), texture(3)


def _cut_at(field: int, first: Picture = A, second: Picture = B):
    return lambda f: panned(first if f < field else second, f)


@pytest.mark.parametrize(("field", "frame", "first_field"), [(24, 12, 0), (25, 12, 1), (2, 1, 0), (45, 22, 1)])
def test_a_cut_is_found_on_the_field_it_falls_on(tmp_path: Path, field: int, frame: int, first_field: int) -> None:
    _, survey = surveyed(interlaced(_cut_at(field), 25), tmp_path)
    assert [(s.shot.frames.start, s.shot.first_field, s.shot.entry) for s in survey.shots] == [
        (0, 0, Entry.START),
        (frame, first_field, Entry.CUT),
    ]
    assert survey.shots[-1].shot.frames.stop == 25


def test_bottom_first_tapes_have_their_cuts_in_the_right_field(tmp_path: Path) -> None:
    _, survey = surveyed(interlaced(_cut_at(25), 25, top_first=False), tmp_path, order="bff")
    assert [(s.shot.frames.start, s.shot.first_field) for s in survey.shots] == [(0, 0), (12, 1)]


@pytest.mark.parametrize("top_first", [True, False])
def test_a_cut_inside_a_frame_is_found_under_a_wrong_field_order_tag(tmp_path: Path, top_first: bool) -> None:
    """Read in the wrong order, the new scene shows before the old one has ended, like a flash."""
    wrong = "bff" if top_first else "tff"
    _, survey = surveyed(noisy(interlaced(_cut_at(51), 50, top_first=top_first), 1.5), tmp_path, order=wrong)
    assert [(s.shot.frames.start, s.shot.first_field) for s in survey.shots] == [(0, 0), (25, 1)]


def test_a_cut_inside_a_frame_is_found_in_a_shot_whose_fields_are_swapped(tmp_path: Path) -> None:
    """Most of the tape is in the right order, so that the tape's order does not help here."""
    right = interlaced(_cut_at(100), 60)
    frames = [*right[:30], *interlaced(lambda f: _cut_at(31, A, C)(f), 30, top_first=False), *right[30:]]
    _, survey = surveyed(noisy(frames, 1.5), tmp_path)
    assert 45 in [one.shot.frames.start for one in survey.shots]


def test_three_scenes_give_three_shots_that_cover_the_tape(tmp_path: Path) -> None:
    scene = {0: A, 1: B, 2: C}
    _, survey = surveyed(interlaced(lambda f: panned(scene[min(f // 20, 2)], f), 30), tmp_path)
    assert [(s.shot.frames.start, s.shot.frames.stop) for s in survey.shots] == [(0, 10), (10, 20), (20, 30)]


@pytest.mark.parametrize(("alone", "found"), [(1, 2), (2, 2), (3, 5), (4, 6)])
def test_frames_alone_between_two_scenes_are_shots_from_three_in_a_row_on(
    tmp_path: Path, alone: int, found: int
) -> None:
    def seen(field: int) -> Picture:
        frame = field // 2
        return panned(texture(20 + frame), 0) if 10 <= frame < 10 + alone else panned(A if frame < 10 else B, field)

    _, survey = surveyed(noisy(interlaced(seen, 24), 1.5), tmp_path)
    assert len(survey.shots) == found
    assert survey.shots[-1].shot.frames.stop == 24


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_strobe_that_whites_out_the_scene_is_no_cut(tmp_path: Path, length: int) -> None:
    def seen(field: int) -> Picture:
        picture = panned(A, field)
        return np.minimum(picture * 6 + 120, 235) if 24 <= field < 24 + length else picture

    _, survey = surveyed(interlaced(seen, 25), tmp_path)
    assert len(survey.shots) == 1


def test_a_strobing_light_show_is_one_shot(tmp_path: Path) -> None:
    """Gain ×0.3 … ×3 every other field, as the tape simulator's strobes."""
    rng = np.random.default_rng(5)
    gain = [1.0 if n % 3 else float(rng.uniform(0.3, 3)) for n in range(60)]
    _, survey = surveyed(interlaced(lambda f: np.clip(16 + (panned(A, f) - 16) * gain[f], 16, 235), 30), tmp_path)
    assert len(survey.shots) == 1


def test_a_photo_flash_over_two_frames_is_noted_as_a_flash(tmp_path: Path) -> None:
    """Half the picture white for a moment: structure breaks and comes back."""

    def seen(field: int) -> Picture:
        picture = panned(A, field, dx=0.5)
        if 26 <= field < 30:
            picture = np.maximum(picture, panned(C, field) * 0.2 + 190)
        return picture

    _, survey = surveyed(interlaced(seen, 30), tmp_path)
    assert len(survey.shots) == 1
    assert survey.shots[0].exposure.flashes == 1


def _lit(gain: Callable[[int], float], folder: Path) -> Survey:
    def seen(field: int) -> Picture:
        return 16 + (panned(A, field, dx=0.5) - 16) * np.float32(gain(field))

    return surveyed(interlaced(seen, 32), folder)[1]


def test_a_strobe_under_which_the_scene_shows_is_counted_and_no_flicker(tmp_path: Path) -> None:
    """Four fields lit, four at a tenth of the light, from field 16 to 48: three times lit, and back to the light."""
    survey = _lit(lambda f: 0.1 if 16 <= f < 48 and f // 4 % 2 == 0 else 0.9, tmp_path)
    exposure = survey.shots[0].exposure
    assert (len(survey.shots), exposure.flashes, exposure.flicker) == (1, 3, 0.0)
    assert [(one.start, one.stop, one.flashes) for one in survey.stage.strobes] == [(10, 20, 3)]


@pytest.mark.parametrize(
    ("light", "found"),
    [
        (lambda f: 1.0 if f in (30, 31) else 0.5, 1),
        (lambda f: 1.0 if f >= 30 else 0.5, 0),
        (lambda f: 0.5 if f in (30, 31) else 1.0, 0),
        (lambda f: 0.7 + 0.3 * np.sin(f / 3), 0),
    ],
    ids=["a flash", "a lamp that stays on", "a lamp that fails", "a swell"],
)
def test_what_lights_up_in_one_step_and_goes_back_is_a_flash(
    tmp_path: Path, light: Callable[[int], float], found: int
) -> None:
    assert sum(shot.exposure.flashes for shot in _lit(light, tmp_path).shots) == found


def test_the_light_going_out_and_on_again_is_one_shot(tmp_path: Path) -> None:
    _, survey = surveyed(
        interlaced(lambda f: np.full_like(A[:288, :352], 18) if 20 <= f < 34 else panned(A, f, dx=0.3), 30), tmp_path
    )
    assert len(survey.shots) == 1


def test_another_scene_after_darkness_is_a_new_shot(tmp_path: Path) -> None:
    def seen(field: int) -> Picture:
        if 20 <= field < 30:
            return np.full((288, 352), 18, np.float32)
        return panned(A if field < 20 else B, field)

    _, survey = surveyed(interlaced(seen, 30), tmp_path)
    assert [s.shot.frames.start for s in survey.shots] == [0, 15]
    assert survey.shots[1].shot.entry is Entry.FADE


def test_a_very_short_insert_is_a_shot_of_its_own(tmp_path: Path) -> None:
    _, survey = surveyed(interlaced(lambda f: panned(B if 24 <= f < 34 else A, f), 30), tmp_path)
    assert [s.shot.frames.start for s in survey.shots] == [0, 12, 17]


def test_measuring_in_parts_changes_nothing(tmp_path: Path) -> None:
    frames = interlaced(_cut_at(61), 60)
    taken = take_in(write_ffv1(tmp_path / "tape.mkv", frames, order="tff"), tmp_path / "ingest")
    whole, parts = measured(taken), measured(taken, part=23)
    for name, column in whole.items():
        np.testing.assert_array_equal(column, parts[name], err_msg=name)


def test_a_process_samples_a_tape_once_for_all_its_parts(tmp_path: Path) -> None:
    taken = take_in(write_ffv1(tmp_path / "tape.mkv", interlaced(_cut_at(61), 60), order="tff"), tmp_path / "ingest")
    sampled_order.cache_clear()
    measured(taken, part=23)
    told = sampled_order.cache_info()
    assert (told.misses, told.hits) == (1, 2)


def test_dark_and_blinding_phases_over_fast_motion_are_no_cuts(tmp_path: Path) -> None:
    """After some dark fields the scene has moved on and is less like what it was, but not unlike it."""
    rng = np.random.default_rng(5)
    gains: list[float] = []
    while len(gains) < 160:
        each = int(rng.integers(1, 7))
        gains += ([float(rng.uniform(1.2, 2.5))] * each + [float(rng.uniform(0.1, 0.5))] * each) * 3

    def seen(field: int) -> Picture:
        return np.clip(16 + (panned(A, field // 2, dx=6.0, dy=1.5) - 16) * gains[field], 16, 235)

    _, survey = surveyed(noisy(interlaced(seen, 40), 1.5), tmp_path)
    assert len(survey.shots) == 1


def test_a_torn_last_frame_is_no_shot(tmp_path: Path) -> None:
    """Three fields at the very end do not show whether another scene begins."""
    _, survey = surveyed(noisy(interlaced(_cut_at(57), 30), 1.5), tmp_path)
    assert len(survey.shots) == 1
    _, survey = surveyed(noisy(interlaced(_cut_at(56), 30), 1.5), tmp_path / "four")
    assert [one.shot.frames.start for one in survey.shots] == [0, 28]
