"""Flicker: levelled to a closed form, and light of the scene left bit for bit."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from numpy.typing import NDArray

from contracts_stage import RATE, through
from footlights.core.clip import Clip
from footlights.core.plans import Step
from footlights.core.signal import FieldOrder, Matrix, Primaries, Range, Signal
from footlights.core.time import FrameRange
from footlights.restoration.base import build
from footlights.restoration.flicker import LevelFlicker
from made_tapes import panned, texture

FRAMES, REACH = 30, 8
SIGNAL = Signal(Matrix.SMPTE170M, Primaries.SMPTE170M, range=Range.LIMITED, field_order=FieldOrder.TOP_FIRST)


@lru_cache(maxsize=1)
def scene() -> Clip:
    """A moving scene, 176×144, every field at its own instant."""
    pictures = [(panned(texture(6), n, dx=1.0)[::2, ::2] - 16) / 219 for n in range(2 * FRAMES)]
    luma = np.empty((FRAMES, 144, 176), np.float32)
    for field in (0, 1):
        luma[:, field::2] = np.stack(pictures[field::2])[:, field::2]
    chroma = np.stack([0.3 * luma - 0.15, 0.1 - 0.2 * luma], axis=1)
    return Clip(luma, chroma, SIGNAL, FrameRange(0, FRAMES), RATE)


def lit(gains: NDArray[np.float64], clip: Clip | None = None) -> Clip:
    """The scene with the light of every field `(60,)`, or of every place of it `(60, 176)`, multiplied."""
    clip = clip or scene()
    luma, chroma = clip.luma.copy(), clip.chroma.copy()
    for number in range(2 * FRAMES):
        frame, field = divmod(number, 2)
        luma[frame, field::2] *= np.float32(gains[number])
        chroma[frame, :, field::2] *= np.float32(gains[number])
    return clip.with_pictures(luma, chroma)


def levelled(clip: Clip, **params: float) -> tuple[Clip, LevelFlicker]:
    stage = build(Step("flicker.level", 1, {"reach": REACH, "swing": 0.04, **params}, ""))
    assert isinstance(stage, LevelFlicker)
    return through(stage, clip, 7), stage


def error(made: Clip, true: Clip) -> float:
    """In luma codes."""
    return float(np.sqrt(np.mean((made.luma - true.luma) ** 2)) * 219)


def test_flicker_of_frames_is_levelled_in_luma_and_chroma_and_recorded() -> None:
    gains = np.repeat(np.exp(np.random.default_rng(4).normal(0, 0.04, FRAMES)), 2)
    worn = lit(gains)
    made, stage = levelled(worn)
    assert error(made, scene()) < 0.4 * error(worn, scene())
    share = np.abs(made.chroma - scene().chroma).mean() / np.abs(worn.chroma - scene().chroma).mean()
    assert share < 0.4
    touched = {one.frame for one in stage.touched}
    assert len(touched) > 0.8 * FRAMES
    assert {one.area for one in stage.touched} == {1.0}


def test_fields_of_two_lights_come_to_one() -> None:
    worn = lit(1 + 0.03 * (-1.0) ** np.arange(2 * FRAMES))
    made, _ = levelled(worn, swing=0.03)
    assert error(made, scene()) < 0.25 * error(worn, scene())


def test_flicker_that_differs_over_the_picture_is_levelled_place_by_place() -> None:
    swing = np.repeat(np.random.default_rng(4).normal(0, 0.05, FRAMES), 2)
    worn = lit(1 + swing[:, None] * np.linspace(0.5, 1.5, 176)[None, :])
    made, _ = levelled(worn, swing=0.05)
    assert error(made, scene()) < 0.45 * error(worn, scene())


@pytest.mark.parametrize("per_second", [0.0, 0.5])
def test_steady_light_and_fades_stay(per_second: float) -> None:
    faded = lit(np.exp(-per_second * np.arange(2 * FRAMES) / 50))
    made, _ = levelled(faded)
    assert error(made, faded) < 0.25


def test_a_flash_stays_bit_for_bit_and_its_neighbours_do_not_take_of_it() -> None:
    gains = np.ones(2 * FRAMES)
    gains[30:32] = 1.8
    flashed = lit(gains)
    made, _ = levelled(flashed)
    np.testing.assert_array_equal(made.luma[15], flashed.luma[15])
    assert error(made, flashed) < 0.25


def test_another_light_begins_at_once() -> None:
    gains = np.exp(np.repeat(np.random.default_rng(4).normal(0, 0.01, FRAMES), 2))
    changed = lit(gains * np.where(np.arange(2 * FRAMES) < 30, 0.8, 1.1))
    true = lit(np.where(np.arange(2 * FRAMES) < 30, 0.8, 1.1))
    made, _ = levelled(changed, swing=0.01)
    assert error(made, true) < 0.8 * error(changed, true)
    assert np.abs(made.luma[13:17] / true.luma[13:17] - 1).mean() < 0.02


def test_what_is_clipped_keeps_its_white() -> None:
    bright = scene().with_pictures(np.where(scene().luma > 0.6, np.float32(1.0), scene().luma), scene().chroma)
    gains = np.repeat(np.exp(np.random.default_rng(4).normal(0, 0.04, FRAMES)), 2)
    worn = lit(gains, bright)
    worn = worn.with_pictures(np.where(bright.luma >= 1, np.float32(1.0), worn.luma), worn.chroma)
    made, _ = levelled(worn)
    np.testing.assert_array_equal(made.luma[bright.luma >= 1], 1.0)


def test_progressive_frames_are_levelled_as_wholes() -> None:
    still = scene().picked(np.zeros(FRAMES, np.intp), scene().frames)
    gains = np.repeat(np.exp(np.random.default_rng(4).normal(0, 0.04, FRAMES)), 2)
    made, _ = levelled(lit(gains, still), interlaced=False)
    ratio = made.luma / still.luma
    assert np.abs(ratio[:, 0::2].mean(axis=(1, 2)) / ratio[:, 1::2].mean(axis=(1, 2)) - 1).max() < 1e-4
