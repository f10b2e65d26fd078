"""The other field of a frame: what it shows as well is a thing of the scene, what it lacks is lost tape."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from footlights.metrics import dropouts
from footlights.metrics.witness import between, witnessed

Floats = NDArray[np.float32]
Codes = NDArray[np.uint8]


def _frame(seed: int, contrast: float = 6.0) -> Floats:
    """A calm scene (240, 360) with noise of its own, codes around 80."""
    still = cv2.GaussianBlur(np.random.default_rng(3).standard_normal((240, 360)).astype(np.float32), (0, 0), 3)
    noise = cv2.blur(np.random.default_rng(seed).standard_normal(still.shape).astype(np.float32), (2, 1))
    return np.asarray(80 + contrast * still / still.std() + 1.5 * noise / noise.std(), np.float32)


def _codes(frame: Floats) -> Codes:
    return np.clip(np.rint(frame), 0, 255).astype(np.uint8)


def _found(frames: list[Floats], field: int, *, asked: bool) -> dropouts.Streaks:
    """Of one field (0 top) of the middle of three frames, its other field asked or not."""
    before, now, after = (_codes(one) for one in frames)
    other = dropouts.Beside(dropouts.Prepared(now[1 - field :: 2]), lower=field == 0)
    fields = (one[field::2] for one in (now, before, after))
    return dropouts.find(*fields, 1.5, other if asked else None)


@pytest.mark.parametrize("field", [0, 1])
def test_a_field_is_brought_to_the_lines_of_the_other(field: int) -> None:
    """Of a slope down the picture the mean of two lines is the one between, exactly."""
    slope = np.repeat(np.arange(10, 210, 4, dtype=np.uint8)[:, None], 64, axis=1)
    lines = between(slope[1 - field :: 2], lower=field == 0)
    inner = slice(1, -1)
    np.testing.assert_allclose(lines[inner], slope[field::2][inner].astype(np.float32))


def _stick(frame: Floats, line: int, left: int, codes: float) -> None:
    """A thing 48 samples long and four lines of the frame high, as a lens draws it."""
    shape = np.zeros_like(frame)
    shape[line - 2 : line + 2, left : left + 48] = codes
    frame += cv2.GaussianBlur(shape, (0, 0), sigmaX=0.8, sigmaY=1.2)


def test_a_piece_is_judged_by_what_the_other_field_has() -> None:
    now, scene = _frame(1), _codes(_frame(2))
    _stick(now, 100, 100, 120)
    place, inside = np.s_[49:51, 100:148], np.ones((2, 48), np.bool_)
    fields = _codes(now)[0::2], scene[0::2], scene[0::2]
    shown, lacked = (
        witnessed(place, inside, fields, between(other[1::2], lower=True), 1.5)
        for other in (np.roll(_codes(now), 7, axis=1), scene)
    )
    assert shown.same < -1
    assert lacked.same > 1
    assert lacked.own > np.log(80) > lacked.usual + 2


@pytest.mark.parametrize("field", [0, 1])
@pytest.mark.parametrize("along", [0, 9])
@pytest.mark.parametrize("codes", [120, -60])
def test_a_thing_that_passes_is_no_dropout_where_the_other_field_shows_it(field: int, along: int, codes: float) -> None:
    """A glow stick, or an arm before a wall, that flies through one frame; and what is like it in one field alone."""
    frames = [_frame(seed) for seed in (1, 2, 3)]
    alone = frames[1].copy()
    _stick(alone, 100, 120, codes)
    frames[1][field::2] = alone[field::2]
    lost = _found(frames, field, asked=True)
    assert lost.mask[49 + (1 - field), 122:166].mean() > 0.9
    _stick(frames[1], 100, 120 + along, codes)
    frames[1][field::2] = alone[field::2]
    assert _found(frames, field, asked=False).number == 1
    assert _found(frames, field, asked=True).number == 0


@pytest.mark.parametrize("field", [0, 1])
def test_a_copied_line_is_found_by_what_the_other_field_shows(field: int) -> None:
    frames = [_frame(seed, contrast=30.0) for seed in (1, 2, 3)]
    line = 100 + field
    frames[1][line, 80:160] = frames[1][line - 2, 80:160]
    mask = _found(frames, field, asked=True).mask
    assert mask[line // 2, 80:160].sum() > 40
    mask[line // 2 - 1 : line // 2 + 2, 70:170] = False
    assert not mask.any()


@pytest.mark.parametrize("field", [0, 1])
def test_a_streak_beside_what_is_as_bright_is_found_by_the_other_field_alone(field: int) -> None:
    """Next to a lit rail it may be an edge of it that trembles, as far as fields of one parity can tell."""
    frames = [_frame(seed) for seed in (1, 2, 3)]
    for frame in frames:
        frame[96:100, 40:320] = 215
    line = 102 + field
    frames[1][line, 120:170] = 200
    assert _found(frames, field, asked=False).number == 0
    found = _found(frames, field, asked=True)
    assert found.mask[line // 2, 120:170].mean() > 0.9
    assert found.mask.sum() < 80


def test_another_light_on_the_other_field_is_no_witness() -> None:
    """Beyond what can be brought to one light it is not asked, and the streak is told as without it."""
    frames = [_frame(seed) for seed in (1, 2, 3)]
    frames[1][100, 120:160] = 230
    frames[1][1::2] = 16 + (frames[1][1::2] - 16) * np.float32(0.1)
    asked, alone = (_found(frames, 0, asked=one) for one in (True, False))
    assert asked.number == alone.number == 1
    np.testing.assert_array_equal(asked.mask, alone.mask)
