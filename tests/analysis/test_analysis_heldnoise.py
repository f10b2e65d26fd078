"""Noise that was held with a picture: told under any light, and never where a coder decides what noise there is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from footlights.analysis.heldnoise import quiet
from footlights.metrics.interlace import QUIET, block_changes, quiet_changes
from made_tapes import interlaced, noisy, panned, surveyed, texture

Codes = NDArray[np.float32]
FRAMES, HELD = 50, 25
SILENT = -3.5


def _codes(fields: NDArray[np.float32]) -> Codes:
    """What is noted of fields (frames, 2, H, W)."""
    eight = np.clip(np.rint(fields), 0, 255).astype(np.uint8)
    noted = np.full((len(eight), 2, QUIET[0] * QUIET[1]), np.nan, np.float32)
    for frame in range(1, len(eight)):
        for parity in (0, 1):
            noted[frame, parity] = quiet_changes(block_changes(eight[frame, parity], eight[frame - 1, parity]))
    return noted


@pytest.fixture(scope="module")
def strobed() -> tuple[Codes, NDArray[np.float64], NDArray[np.bool_]]:
    """Grey under light that changes every second frame, noise of the camera and of the tape growing with it; that of
    the camera, a tenth, stands twice at one place."""
    rng = np.random.default_rng(6)
    light = np.repeat(rng.choice((60, 90, 150), FRAMES // 2), 2)
    camera, tape = (rng.standard_normal((FRAMES, 2, 240, 720), np.float32) for _ in range(2))
    camera[HELD] = camera[HELD - 1]
    sigma = (light / 40)[:, None, None, None].astype(np.float32)
    codes = _codes(16 + light[:, None, None, None] + sigma * (camera + 3 * tape))
    steady = np.repeat((np.arange(FRAMES) % 2 == 1)[:, None], 2, axis=1)
    return codes, np.repeat(np.log(light)[:, None], 2, axis=1), steady


def test_a_tenth_of_the_noise_held_is_told_under_light_that_never_rests(
    strobed: tuple[Codes, NDArray[np.float64], NDArray[np.bool_]],
) -> None:
    found = quiet(*strobed)
    assert (found[HELD] < SILENT).all()
    others = np.delete(found, HELD, axis=0)
    assert others.min() > SILENT + 1
    assert (found[0::2] == 0).all()  # fields that have another light than their model are not asked


def test_noise_under_a_light_of_its_own_is_doubted(
    strobed: tuple[Codes, NDArray[np.float64], NDArray[np.bool_]],
) -> None:
    """A lamp that clips takes a tenth of it away."""
    codes, light, steady = strobed
    brightest = np.flatnonzero(steady[:, 0] & (light[:, 0] > np.log(149)))[2]
    once, lamp = codes.copy(), light.copy()
    once[brightest] *= np.float32(0.9)
    lamp[brightest] = np.log(200)
    assert quiet(once, light, steady)[brightest].max() < SILENT
    assert quiet(once, lamp, steady)[brightest].min() > SILENT


def test_motion_that_grows_is_no_quiet(strobed: tuple[Codes, NDArray[np.float64], NDArray[np.bool_]]) -> None:
    """A shot begins calmly and ends in motion that reaches the calmest blocks."""
    codes, light, steady = strobed
    moving = codes * np.linspace(1, 1.2, FRAMES, dtype=np.float32)[:, None, None]
    found = quiet(np.delete(moving, HELD, axis=0), np.delete(light, HELD, axis=0), np.delete(steady, HELD, axis=0))
    assert found.any()
    assert found.min() > SILENT


def test_noise_that_a_coder_makes_says_nothing(strobed: tuple[Codes, NDArray[np.float64], NDArray[np.bool_]]) -> None:
    """Every second field gets a third less of it."""
    codes, light, steady = strobed
    coded = codes * np.where(np.arange(FRAMES) % 4 == 1, 2 / 3, 1).astype(np.float32)[:, None, None]
    assert not quiet(coded, light, steady).any()


def test_small_pictures_and_few_fields_say_nothing() -> None:
    field = np.zeros((64, 64), np.uint8)
    assert np.isnan(quiet_changes(block_changes(field, field))).all()
    none = np.full((FRAMES, 2, QUIET[0] * QUIET[1]), np.nan, np.float32)
    usable = np.ones((FRAMES, 2), np.bool_)
    assert not quiet(none, np.zeros((FRAMES, 2)), usable).any()
    assert not quiet(none[:0], np.zeros((0, 2)), usable[:0]).any()
    few = np.ones((5, 2, QUIET[0] * QUIET[1]), np.float32)
    assert not quiet(few, np.zeros((5, 2)), usable[:5]).any()


@pytest.mark.parametrize("camera_too", [True, False])
def test_a_picture_that_hardly_moves_is_a_lost_frame_where_its_noise_was_held(tmp_path: Path, camera_too: bool) -> None:
    """The camera pauses for a frame, which says nothing; its noise does not."""
    seen = interlaced(lambda f: panned(texture(11), f, dx=0.02, dy=0.02), 40)
    if not camera_too:
        seen[22] = seen[21].copy()
    camera = noisy(seen, 1.5, seed=3)
    if camera_too:
        camera[22] = camera[21].copy()
    _, survey = surveyed(noisy(camera, 3.0, seed=4), tmp_path)
    assert [(gap.start, gap.stop) for gap in survey.gaps] == ([(22, 23)] if camera_too else [])
