"""Which moments the report shows as the worst."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from footlights.core.defects import Defect
from footlights.core.products import JobResult
from footlights.core.reports import Survey
from footlights.report import page, worst
from footlights.report.pictures import jpeg
from footlights.report.story import Pictures, Story
from made_tapes import TakenIn, interlaced, measured, noisy, panned, settings, surveyed, texture

CUT, HELD, STRUCK, FRAMES = 12, 18, 6, 24
RATE = Fraction(25)


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> tuple[TakenIn, Survey]:
    scenes = texture(1), texture(7) * np.float32(0.5) + 10
    frames = noisy(interlaced(lambda instant: panned(scenes[instant >= 2 * CUT], instant), FRAMES), 2.0)
    frames[HELD] = frames[HELD - 1].copy()
    frames[STRUCK][101, 80:160] = 235
    return surveyed(frames, tmp_path_factory.mktemp("tape"))


def test_every_list_names_its_frames_with_what_was_measured(tape: tuple[TakenIn, Survey]) -> None:
    taken, survey = tape
    series = measured(taken, settings("analysis.faces.enabled=false"))
    found = {(one.defect, one.frame) for one in worst.moments(survey, series, RATE)}
    assert (Defect.DUPLICATE_FRAME, HELD) in found
    assert (Defect.DROPOUT, STRUCK) in found
    assert {defect for defect, _ in found} >= {Defect.NOISE, Defect.COMBING}


def test_a_cut_is_no_flicker(tape: tuple[TakenIn, Survey]) -> None:
    taken, survey = tape
    series = dict(measured(taken, settings("analysis.faces.enabled=false")))
    mean = np.full(FRAMES, 100, np.float32)
    mean[CUT:], mean[20] = 50, 70
    listed = worst.moments(survey, {"exposure.mean": mean, "noise.luma": series["noise.luma"]}, RATE)
    assert [(one.frame, one.value) for one in listed if one.defect is Defect.FLICKER] == [
        (20, "20 codes brighter or darker")
    ]


def test_lists_are_short_and_their_moments_apart(tape: tuple[TakenIn, Survey]) -> None:
    _, survey = tape
    long = replace(survey, gaps=(), frames=20_000)
    noise = np.linspace(2, 9, 20_000, dtype=np.float32)
    frames = [one.frame for one in worst.moments(long, {"noise.luma": noise}, RATE)]
    assert len(frames) == worst.MOST
    assert frames[0] == 19_999
    assert min(np.diff(sorted(frames))) > RATE


def test_the_page_shows_their_pictures(tape: tuple[TakenIn, Survey], tmp_path: Path) -> None:
    taken, survey = tape
    series = measured(taken, settings("analysis.faces.enabled=false"))
    picture = jpeg(np.full((48, 64, 3), 90, np.uint8))
    shown = Pictures(worst={(HELD, Defect.DUPLICATE_FRAME): picture})
    text = page.render(Story(JobResult(taken.ingest, survey), series, shown))
    assert "Worst moments" in text
    assert text.count("data:image/jpeg;base64,") == 1
    assert f"frame {HELD}" in text
