"""Flicker of the whole picture against closed forms: measured to its size, told from lamps, flashes and fades."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache

import numpy as np
import pytest
from numpy.typing import NDArray

from footlights.analysis import flicker
from footlights.analysis.base import Notes, Scene
from footlights.analysis.view import FrameView
from footlights.core.reports import Entry, Shot
from footlights.core.signal import BT709_SIGNAL
from footlights.core.source import Ingest, Source
from footlights.core.tape_reports import FlickerReport
from footlights.core.time import FrameRange
from footlights.media.pixels import layout
from made_tapes import interlaced, noisy, panned, settings, texture

FRAMES = 40
Light = Callable[[int], float | NDArray[np.float32]]


@lru_cache(maxsize=1)
def fields() -> tuple[NDArray[np.float32], ...]:
    """A scene under a moving camera, half its size; one picture per field."""
    scene = texture(5)
    return tuple(panned(scene, number, dx=1.2)[::2, ::2] for number in range(2 * FRAMES))


def judged(light: Light, flashes: tuple[int, ...] = ()) -> FlickerReport:
    """The report on that scene, its light over black times `light(field)`."""
    frames = interlaced(lambda f: 16 + (fields()[f] - 16) * light(f), FRAMES)
    every = tuple(range(FRAMES))
    source = Source("t", "0" * 64, 1, "mkv", "ffv1", "yuv420p", 176, 144, Fraction(25), BT709_SIGNAL, 8, "4:2:0")
    ingest = Ingest(source, FRAMES, Fraction(1, 25), every, every, False, (True,) * FRAMES, 0, (), (), "c" * 64)
    analyser = flicker.FlickerAnalyser(Scene(ingest, settings().analysis))
    notes = Notes(analyser.columns, FrameRange(0, FRAMES))
    grey = np.full((72, 88), 128, np.uint8)
    for number, frame in enumerate(noisy(frames, 2)):
        codes = np.clip(np.rint(frame), 16, 235).astype(np.uint8)
        analyser.look([FrameView(number, (codes, grey, grey), layout("yuv420p"), BT709_SIGNAL)], notes)
    marks = np.zeros(FRAMES, np.bool_)
    marks[list(flashes)] = True
    return flicker.report(notes.columns, Shot(0, FrameRange(0, FRAMES), 0, Entry.START, 1.0), marks)


def drawn(sigma: float, count: int, every: int = 1) -> NDArray[np.float64]:
    """Gains that are drawn anew after so many fields."""
    return np.repeat(np.exp(np.random.default_rng(8).normal(0, sigma, count)), every)


@pytest.mark.parametrize("sigma", [0.01, 0.03, 0.07])
def test_flicker_of_film_is_measured_and_believed(sigma: float) -> None:
    gains = drawn(sigma, FRAMES, 2)
    found = judged(lambda f: float(gains[f]))
    # The course is a smooth of the light itself, which takes a share of the flicker along.
    wanted = 100 * float(np.std(np.log(gains)))
    assert 0.8 * wanted < found.strength < 1.05 * wanted
    assert (found.confidence, found.period) == (1.0, 0)
    assert found.evenness > 0.7


def test_fields_of_two_lights_are_flicker() -> None:
    found = judged(lambda f: 1.02 if f % 2 else 0.98)
    assert found.strength == pytest.approx(2.0, rel=0.1)
    assert found.confidence == 1.0


def test_flicker_that_is_stronger_on_one_side_is_believed() -> None:
    gains = drawn(0.04, FRAMES, 2) - 1
    slope = np.linspace(0.85, 1.15, 176, dtype=np.float32)[None, :]
    assert judged(lambda f: 1 + np.float32(gains[f]) * slope).confidence > 0.5


def test_exposure_that_pumps_is_told_by_its_period() -> None:
    found = judged(lambda f: float(np.exp(0.06 * np.sin(2 * np.pi * f / 26))))
    assert found.period == pytest.approx(13, abs=0.5)
    assert found.strength == pytest.approx(100 * 0.06 / 2**0.5, rel=0.1)
    assert found.confidence == 1.0


LEFT = (np.arange(176) < 90).astype(np.float32)[None, :]


@pytest.mark.parametrize(
    ("name", "light"),
    [
        ("steady light", lambda f: 1.0),
        ("a fade", lambda f: 1.0 - 0.6 * f / (2 * FRAMES)),
        ("a fade to black", lambda f: 1.0 - 0.97 * f / (2 * FRAMES)),
        ("a strobe", lambda f: 1.6 if f // 2 % 4 == 0 else 0.5),
        ("a lamp on one side", lambda f: 1 + LEFT * np.float32(0.1 * np.sin(f))),
        ("lamps in turn", lambda f: 1 + (LEFT - 0.5) * np.float32(0.1 * np.sin(f))),
        ("one light after another", lambda f: 0.8 if f < 50 else 1.2),
    ],
)
def test_light_of_the_stage_is_none(name: str, light: Light) -> None:
    found = judged(light)
    assert found.strength < 0.6 or found.confidence < 0.5, name


def test_flashes_and_short_shots_are_not_judged() -> None:
    lit = tuple(range(0, FRAMES, 4))
    assert judged(lambda f: 1.3 if f // 2 in lit else 1.0, lit).confidence < 0.5
    restless = judged(lambda f: 0.3 if f // 2 % 2 else 1.4)
    assert (restless.strength, restless.confidence) == (0.0, 0.0)
    columns = {name: np.zeros((12, width), np.float32) for name, width in flicker.FlickerAnalyser.columns.items()}
    short = flicker.report(columns, Shot(0, FrameRange(0, 12), 0, Entry.CUT, 1.0), np.zeros(12, np.bool_))
    assert (short.strength, short.confidence) == (0.0, 0.0)
