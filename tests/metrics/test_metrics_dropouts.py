"""Dropouts of three lines, copied lines, and light that must not be taken for either."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from footlights.metrics import dropouts

Fields = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]


def _scene(contrast: float = 30.0) -> NDArray[np.float32]:
    """Detail in all directions, codes around 100; (120, 360)."""
    rng = np.random.default_rng(3)
    detail = cv2.GaussianBlur(rng.standard_normal((120, 360)).astype(np.float32), (0, 0), 1.2)
    return np.asarray(100 + contrast * detail / detail.std(), np.float32)


def _taped(*fields: NDArray[np.float32], sigma: float = 2.0) -> list[NDArray[np.float32]]:
    """Fields with noise of their own, as long along the line as a tape's."""
    rng = np.random.default_rng(4)
    noise = [cv2.blur(rng.standard_normal(field.shape).astype(np.float32), (2, 1)) for field in fields]
    return [field + np.float32(sigma) * one / one.std() for field, one in zip(fields, noise, strict=True)]


def _codes(fields: list[NDArray[np.float32]]) -> Fields:
    now, before, after = (np.clip(np.rint(field), 0, 255).astype(np.uint8) for field in fields)
    return now, before, after


def test_a_streak_of_three_lines_is_found_whole() -> None:
    now, before, after = _taped(*[_scene()] * 3)
    now[50:53, 100:140] = 230
    found = dropouts.find(*_codes([now, before, after]), sigma=2.0)
    struck = np.zeros(now.shape, np.bool_)
    struck[50:53, 100:140] = True
    assert found.number == 1
    assert (found.mask & struck).sum() > 0.9 * struck.sum()
    assert (found.mask & ~struck).sum() < 0.2 * struck.sum()


def test_a_streak_is_followed_to_its_end_where_things_change_around_it() -> None:
    """It fades, over a haze that is another in each field."""
    rng = np.random.default_rng(9)
    fields = [_scene(12.0) for _ in range(3)]
    for field in fields:
        haze = cv2.GaussianBlur(rng.standard_normal(field.shape).astype(np.float32), (0, 0), 4)
        field[40:80, 100:300] += (9 * haze / haze.std())[40:80, 100:300]
    streak = fields[0][60, 120:210]
    fading = np.exp(-4 * np.maximum(np.arange(90) / 90 - 0.3, 0)) * (235 - streak)
    streak += fading
    mask = dropouts.find(*_codes(_taped(*fields)), sigma=2.0).mask
    assert mask[60, 120:210][np.abs(fading) > 12].mean() > 0.95


def test_a_line_that_repeats_the_one_above_is_found() -> None:
    now, before, after = _taped(*[_scene()] * 3)
    now[60, 80:160] = now[59, 80:160]
    found = dropouts.find(*_codes([now, before, after]), sigma=2.0)
    assert found.mask[60, 80:160].sum() > 40
    found.mask[59:62, 70:170] = False
    assert not found.mask.any()


@pytest.mark.parametrize("lines", [1, 2, 3])
@pytest.mark.parametrize("sigma", [0.0, 3.0])
def test_lines_that_repeat_another_are_found_with_noise_and_without(lines: int, sigma: float) -> None:
    now, before, after = _taped(*[_scene()] * 3, sigma=sigma)
    now[60 : 60 + lines, 80:150] = now[59, 80:150]
    mask = dropouts.find(*_codes([now, before, after]), sigma=sigma).mask
    copied = mask[60 : 60 + lines, 80:150].sum()
    assert copied > 0.5 * lines * 70
    mask[59 : 61 + lines, 70:160] = False
    assert not mask.any()


@pytest.mark.parametrize("samples", [0, 7])
def test_a_copy_is_found_in_a_picture_that_pans(samples: int) -> None:
    """Along the motion the fields before and after say what stood there."""
    now, before, after = _taped(*[np.roll(_scene(), samples * number, axis=1) for number in (1, 0, 2)])
    now[60, 80:160] = now[59, 80:160]
    mask = dropouts.find(*_codes([now, before, after]), sigma=2.0).mask
    assert mask[60, 80:160].sum() > 40
    mask[59:62, 70:170] = False
    assert not mask.any()


def test_a_copy_of_what_nothing_shows_is_left_to_the_eye_unless_it_carries_the_same_noise() -> None:
    """Where the fields before and after are of another scene, lines that are alike prove nothing; two lines with the
    same noise do."""
    scene = _scene()
    scene[60, 80:160] = scene[59, 80:160]
    others = _scene()[::-1], _scene()[:, ::-1]
    assert dropouts.find(*_codes(_taped(scene, *others)), sigma=2.0).number == 0
    now, before, after = _taped(_scene(), *others)
    now[60, 80:160] = now[59, 80:160]
    mask = dropouts.find(*_codes([now, before, after]), sigma=2.0).mask
    assert mask[60, 80:160].sum() > 60
    mask[60, 76:164] = False
    assert not mask.any()


@pytest.mark.parametrize("lines", [1, 3])
def test_repeated_noise_is_found_where_things_move_without_a_way_to_follow(lines: int) -> None:
    """Everything passes by another way in every field, so that nothing is known of what stood there."""
    rng = np.random.default_rng(5)
    fields = [cv2.GaussianBlur(rng.standard_normal((120, 360)).astype(np.float32), (0, 0), 3) for _ in range(3)]
    now, before, after = _taped(*[100 + 25 * field / field.std() for field in fields], sigma=3.0)
    now[60 : 60 + lines, 100:190] = now[59, 100:190]
    mask = dropouts.find(*_codes([now, before, after]), sigma=3.0).mask
    assert mask[60 : 60 + lines, 100:190].mean() > 0.8
    mask[60 : 60 + lines, 92:198] = False
    assert not mask.any()


@pytest.mark.parametrize("shape", [(8, 360), (31, 95), (40, 40)])
def test_a_field_too_small_to_be_judged_has_no_repeats(shape: tuple[int, int]) -> None:
    fields = _taped(*[_scene()[: shape[0], : shape[1]]] * 3, sigma=3.0)
    assert not dropouts.find(*_codes(fields), sigma=3.0).mask.any()


def test_a_lamp_that_is_cut_off_at_white_repeats_no_noise() -> None:
    """Its lines are alike because nothing is left in them, and it moves."""
    fields = _taped(*[_scene(12.0)] * 3, sigma=3.0)
    for number, field in zip((1, 0, 2), fields, strict=True):
        field[60:66, 100 + 30 * number : 160 + 30 * number] = 300
    assert dropouts.find(*_codes(fields), sigma=3.0).number == 0


def test_a_thing_that_passes_and_hides_detail_is_no_copy() -> None:
    """Its lines repeat each other, and many more than three of them."""
    now, before, after = _taped(*[_scene()] * 3)
    now[50:64, 100:160] = 120
    mask = dropouts.find(*_codes([now, before, after]), sigma=2.0).mask
    assert mask.sum() < 0.05 * 14 * 60


def test_lines_that_are_alike_anyway_are_no_copies() -> None:
    """Upright edges repeat from line to line: a copy there does no harm, and nothing tells it from the picture."""
    across = np.broadcast_to(_scene()[:1], (120, 360)).copy()
    now, before, after = _taped(*[across] * 3)
    now[60, 80:160] = now[59, 80:160]
    assert dropouts.find(*_codes([now, before, after]), sigma=2.0).number == 0


@pytest.mark.parametrize("gain", [0.4, 1.8])
def test_strobes_over_thin_lines_are_no_dropouts(gain: float) -> None:
    scene = np.full((120, 360), 60, np.float32)
    scene[20::12, 40:200] = 110  # rigging
    lit = 16 + (scene - 16) * np.float32(gain)
    assert dropouts.find(*_codes(_taped(lit, scene, scene)), sigma=2.0).number == 0


@pytest.mark.parametrize("step", [3, 6])
def test_a_bar_that_sinks_through_the_picture_is_no_dropout(step: int) -> None:
    """It lies outside of both neighbours in time, is thin and long, and stands elsewhere in them."""
    fields = [np.full((120, 360), 40, np.float32) for _ in range(3)]
    for number, field in zip((1, 0, 2), fields, strict=True):
        field[40 + step * number : 42 + step * number, 30:200] = 120
    assert dropouts.find(*_codes(_taped(*fields)), sigma=2.0).number == 0


def test_a_streak_on_what_moves_fast_stays_a_streak() -> None:
    """Only the streak is marked, and not what moved beside it."""
    fields = [np.roll(_scene(12.0), 9 * number, axis=1) for number in (1, 0, 2)]
    fields[0][60, 120:170] = 235
    found = dropouts.find(*_codes(_taped(*fields)), sigma=2.0)
    struck = np.zeros(found.mask.shape, np.bool_)
    struck[60, 110:185] = True
    assert found.mask[60, 120:170].sum() > 45
    assert not (found.mask & ~struck).any()


@pytest.mark.parametrize("lines", [0.4, 0.9])
def test_edges_that_tremble_up_and_down_are_no_dropouts(lines: float) -> None:
    """A horizon and a bright thin cable before a camera that shakes by less than a line."""
    scene = np.full((120, 360), 150, np.float32)
    scene[70:] = 40
    scene[30:32, 20:330] = 220
    scene = cv2.GaussianBlur(scene, (0, 0), sigmaX=0.8, sigmaY=0.5)
    moved = [cv2.warpAffine(scene, np.array([[1, 0, 0], [0, 1, dy]], np.float32), (360, 120)) for dy in (lines, 0, 0)]
    assert dropouts.find(*_codes(_taped(*[np.asarray(one, np.float32)[2:-2] for one in moved])), sigma=2.0).number == 0


def test_sparkle_of_a_few_samples_is_no_dropout() -> None:
    fields = [_scene(4.0) for _ in range(3)]
    for column in (60, 150, 240):
        fields[0][50, column : column + 3] = 235
    assert dropouts.find(*_codes(_taped(*fields)), sigma=2.0).number == 0


@pytest.mark.parametrize("gain", [0.3, 3.5])
def test_a_field_under_quite_another_light_is_not_judged(gain: float) -> None:
    """Clipped or dark, its neighbours do not show what stood there; a clip under strobes was marked in such fields."""
    scene = np.clip(_scene(20.0), 16, 235)
    lit = np.clip(16 + (scene - 16) * np.float32(gain), 16, 235)
    lit[60, 100:160] = 230 if gain < 1 else 20
    assert dropouts.find(*_codes(_taped(lit, scene, scene)), sigma=2.0).number == 0


@pytest.mark.parametrize(("gain", "judged"), [(0.33, 1), (0.2, 0)])
def test_a_field_is_judged_while_its_neighbour_can_be_brought_to_its_light(gain: float, judged: int) -> None:
    """Light over black; the other neighbour has the field's own."""
    now, before, after = _taped(*[_scene()] * 3)
    now[50:53, 100:140] = 230
    found = dropouts.find(*_codes([now, 16 + (before - 16) * np.float32(gain), after]), sigma=2.0)
    assert found.number == judged


def test_at_the_end_of_a_shot_what_moves_is_no_dropout_and_a_streak_is_one() -> None:
    """One field stands for both neighbours there."""
    now, other = _taped(*[np.roll(_scene(), 3 * number, axis=0) for number in (0, 1)])
    assert dropouts.find(*_codes([now, other, other]), sigma=2.0).number == 0
    still, same = _taped(*[_scene(12.0)] * 2)
    still[60, 100:160] = 235
    assert dropouts.find(*_codes([still, same, same]), sigma=2.0).mask[60, 100:160].sum() > 40
