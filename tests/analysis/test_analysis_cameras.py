"""Cameras and light on made edits: four cameras, each with its own noise, sharpness, blacks and place."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from footlights.analysis import cameras, exposure, framing, noise, sharpness
from footlights.analysis.base import ANALYSERS, Notes, Scene
from footlights.analysis.view import FrameView
from footlights.core.reports import Entry, Shot, ShotReport
from footlights.core.time import FrameRange
from footlights.media.pixels import layout
from footlights.metrics.agreement import adjusted_rand
from made_tapes import HEIGHT, WIDTH, TakenIn, settings, surveyed, texture

LENGTH, SHOTS = 8, 16
NOISE, BLUR, BLACK = (1.2, 2.4, 1.8, 3.2), (0.4, 1.2, 0.8, 0.5), ((0, 0), (3, -2), (-3, 2), (1, 4))
LIGHTS = ((1.0, 0, 0), (0.5, 30, -12), (0.8, -15, 35))


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> tuple[TakenIn, ShotReport]:
    """A tape whose report lends what is not looked at here."""
    taken, survey = surveyed([texture(1)[:HEIGHT, :WIDTH]] * 3, tmp_path_factory.mktemp("tape"))
    return taken, survey.shots[0]


def edited(
    known: tuple[TakenIn, ShotReport], seed: int
) -> tuple[list[ShotReport], dict[str, NDArray], list[int], list[int]]:
    """Shots of one edit as measured, and who took them under which light."""
    rng = np.random.default_rng(seed)
    taken, like = known
    scene = Scene(taken.ingest, settings().analysis)
    names = ("noise", "sharpness", "exposure", "framing")
    analysers = [ANALYSERS.get(name)(scene) for name in names]
    notes = [Notes(one.columns, FrameRange(0, SHOTS * LENGTH)) for one in analysers]
    takes = [int(n) for n in np.concatenate([np.arange(4), rng.integers(0, 4, SHOTS - 4)])]
    lights = [n * 3 // SHOTS for n in range(SHOTS)]
    places = [texture(10 * seed + 40 + n) for n in range(4)]
    for number, (camera, light) in enumerate(zip(takes, lights, strict=True)):
        shift = rng.integers(0, 40, 2)
        gain, *chroma = LIGHTS[light]
        view = places[camera][shift[0] : shift[0] + HEIGHT, shift[1] : shift[1] + WIDTH]
        seen = cv2.GaussianBlur(16 + (view - 30) * gain, (0, 0), BLUR[camera])
        views: list[FrameView] = []
        for frame in range(LENGTH):
            luma = seen + rng.standard_normal(seen.shape) * NOISE[camera]
            small = cv2.resize(seen, (WIDTH // 2, HEIGHT // 2), interpolation=cv2.INTER_AREA)
            lit = np.clip((small - 20) / 80, 0, 1)
            colour = [
                128 + black + value * lit + rng.standard_normal(small.shape) * NOISE[camera] / 2
                for black, value in zip(BLACK[camera], chroma, strict=True)
            ]
            planes = tuple(np.clip(np.rint(plane), 1, 254).astype(np.uint8) for plane in (luma, *colour))
            views = [*views, FrameView(number * LENGTH + frame, planes, layout("yuv420p"), scene.signal)][-2:]
            for analyser, own in zip(analysers, notes, strict=True):
                analyser.look(views[-1 - analyser.before :], own)
    series = {name: column for own in notes for name, column in own.columns.items()}
    dark = np.zeros(SHOTS * LENGTH, np.bool_)
    reports = []
    for number in range(SHOTS):
        shot = Shot(number, FrameRange(number * LENGTH, (number + 1) * LENGTH), 0, Entry.CUT, 1.0)
        found = {
            "noise": noise.report(series, shot),
            "sharpness": sharpness.report(series, shot, WIDTH, Fraction(4, 3)),
            "exposure": exposure.report(series, shot, dark),
        }
        reports.append(replace(like, shot=shot, **found))
    return reports, series, takes, lights


def test_the_measure_of_agreement_has_its_closed_forms() -> None:
    assert adjusted_rand([0, 0, 1, 1], (5, 5, 2, 2)) == 1
    assert adjusted_rand([0, 0, 1, 1], (0, 1, 0, 1)) == pytest.approx(-0.5)


@pytest.mark.parametrize("seed", [11, 12])
def test_shots_are_sorted_by_camera_and_by_light(known: tuple[TakenIn, ShotReport], seed: int) -> None:
    reports, series, takes, lights = edited(known, seed)
    found = cameras.conclude(series, reports, np.zeros(SHOTS * LENGTH, np.bool_), Fraction(25))
    assert adjusted_rand(takes, found.cameras) >= 0.8
    assert adjusted_rand(lights, found.lights) >= 0.8
    assert found.cameras[0] == found.lights[0] == 0
    again = cameras.conclude(series, reports, np.zeros(SHOTS * LENGTH, np.bool_), Fraction(25))
    assert again == found


@pytest.mark.parametrize("count", [0, 1, 3000])
def test_any_number_of_shots_is_sorted_in_bounded_memory(known: tuple[TakenIn, ShotReport], count: int) -> None:
    _, like = known
    shots = [replace(like, shot=Shot(n, FrameRange(n, n + 1), 0, Entry.CUT, 1.0)) for n in range(count)]
    series = {
        "framing.layout": np.full((count, framing.ACROSS * framing.DOWN), np.nan, np.float32),
        "framing.haze": np.full(count, np.nan, np.float32),
    }
    found = cameras.conclude(series, shots, np.zeros(count, np.bool_), Fraction(25))
    assert found.cameras == found.lights == (0,) * count
    assert found.haze == (0.0,) * count


def test_flashes_close_together_are_one_strobe() -> None:
    flashes = np.zeros(200, np.bool_)
    flashes[[10, 11, 20, 30, 100]] = True
    found = cameras.strobes(flashes, Fraction(25))
    assert [(one.start, one.stop, one.flashes) for one in found] == [(10, 31, 3), (100, 101, 1)]
    assert cameras.strobes(np.ones(50, np.bool_), Fraction(25))[0].flashes == 1
    assert cameras.strobes(np.zeros(0, np.bool_), Fraction(25)) == ()


@pytest.mark.parametrize("veil", [0.0, 0.2, 0.5])
def test_haze_is_the_light_over_the_shadows(known: tuple[TakenIn, ShotReport], veil: float) -> None:
    """Hazy = clear x (1 - veil) + white x veil: black patches all over show the veil."""
    picture = np.full((HEIGHT, WIDTH), 235.0)
    picture[(np.arange(HEIGHT)[:, None] // 8 + np.arange(WIDTH)[None] // 8) % 2 == 0] = 16
    hazy = np.rint(picture * (1 - veil) + 235 * veil).astype(np.uint8)
    grey = np.full((HEIGHT // 2, WIDTH // 2), 128, np.uint8)
    view = FrameView(1, (hazy, grey, grey), layout("yuv420p"), known[0].ingest.source.signal)
    assert framing.haze(view) == pytest.approx(veil, abs=0.06)
    black = FrameView(1, (np.full_like(hazy, 16), grey, grey), layout("yuv420p"), known[0].ingest.source.signal)
    assert np.isnan(framing.haze(black))
