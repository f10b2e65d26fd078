"""Fading, casts and drift are taken out where the tape's own black and white show them; stage light never is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_planning import ingest, shot, survey

from footlights.core.colour import ycbcr_to_rgb
from footlights.core.plans import RestorationPlan, Step
from footlights.core.reports import ShotReport, StageReport, Survey
from footlights.core.signal import Matrix
from footlights.errors import LookError
from footlights.planning import rules
from footlights.planning.evidence import veiled
from made_tapes import settings

LIGHTS = ((60.0, 20.0), (-30.0, 70.0), (3.0, -2.0), (-20.0, -40.0))
"""Blue, red, white and green."""
FRAMES = 20


def sight(
    number: int,
    black: tuple[float, float] = (0.0, 0.0),
    white: tuple[float, float, float] | None = None,
    *,
    low: float = 16,
    light: tuple[float, float] | None = None,
) -> ShotReport:
    """A shot that shows a black and a clipped white."""
    report = shot(number, number * FRAMES, (number + 1) * FRAMES)
    cb, cr = LIGHTS[number % len(LIGHTS)] if light is None else light
    exposure = replace(report.exposure, luma_high=white[0] if white else 120, chroma_cb=cb, chroma_cr=cr)
    balance = replace(report.balance, black_luma=low, black_cb=black[0], black_cr=black[1], blacks=4)
    if white:
        balance = replace(balance, white_luma=white[0], white_cb=white[1], white_cr=white[2], whites=4)
    return replace(report, exposure=exposure, balance=balance)


def planned(found: Survey, *sets: str) -> RestorationPlan:
    return rules.plan(found, ingest(found.frames), settings(*sets))


def step_of(plan: RestorationPlan, number: int = 0) -> Step | None:
    return next((step for step in plan.shots[number].steps if step.stage == "colour.balance"), None)


def points(plan: RestorationPlan, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Black and white of a shot's step in R'G'B'."""
    step = step_of(plan, number)
    assert step is not None
    return np.array(step.params["black"]), np.array(step.params["white"])


def rgb(luma: float, cb: float, cr: float) -> np.ndarray:
    """Codes of BT.601 → R'G'B'."""
    return ycbcr_to_rgb(Matrix.SMPTE170M) @ np.array([(luma - 16) / 219, cb / 224, cr / 224])


def why_not(plan: RestorationPlan) -> str:
    return next(one.why for one in plan.shots[0].skipped if one.stage == "colour.balance")


def test_a_pedestal_a_cast_and_a_fade_that_all_shots_show_are_taken_out() -> None:
    shots = [sight(n, (4.0, -3.0), (196.0, -6.0, 9.0), low=30 + n % 2) for n in range(4)]
    plan = planned(survey(*shots))
    black, white = points(plan, 2)
    assert black == pytest.approx(rgb(30, 4, -3), abs=1e-3)
    assert white == pytest.approx(rgb(196, -6, 9), abs=2e-3)
    step = step_of(plan)
    assert step is not None
    for words in ("pedestal removed", "cast removed", "faded, raised", "4 of 4 shots agree"):
        assert words in step.why
    assert step_of(planned(survey(*shots), "enhancement.colour.cast=off", "enhancement.colour.levels=off")) is None


def test_without_clipped_white_a_cast_is_an_offset() -> None:
    black, white = points(planned(survey(*(sight(n, (4.0, -3.0)) for n in range(4)))), 0)
    assert white - black == pytest.approx(np.ones(3), abs=1e-4)


def test_a_drift_along_the_tape_is_followed() -> None:
    def at(number: int) -> float:
        return (number + 0.5) / 12

    shots = [sight(n, (2 + 8 * at(n), -6 * at(n)), (220 - 30 * at(n), 0.0, 0.0)) for n in range(12)]
    plan = planned(survey(*shots))
    for number in (0, 6, 11):
        black, white = points(plan, number)
        assert black == pytest.approx(rgb(16, 2 + 8 * at(number), -6 * at(number)), abs=2e-3)
        assert white == pytest.approx(rgb(220 - 30 * at(number), 0, 0), abs=4e-3)
    step = step_of(plan)
    assert step is not None
    assert "drifting by +8.0/-6.0" in step.why


def test_a_camera_of_its_own_colour_is_matched_to_the_others() -> None:
    cameras = tuple(n // 4 % 2 for n in range(16))
    shots = [sight(n, (6.0, -4.0) if cameras[n] else (0.2, 0.1)) for n in range(16)]
    found = replace(survey(*shots), stage=StageReport(cameras, (0,) * 16, (0.0,) * 16, (), "test"))
    plan = planned(found)
    assert points(plan, 4)[0] == pytest.approx(rgb(16, 6, -4), abs=1e-3)
    assert points(plan, 0)[0] == pytest.approx(rgb(16, 0.2, 0.1), abs=1e-3)


@pytest.mark.parametrize(
    ("shots", "words"),
    [
        ([sight(n, (6.0 * (-1) ** n, 5.0 * n), low=17) for n in range(4)], "No cast"),
        ([sight(n, (5.0, -4.0), low=20 + 12 * n) for n in range(4)], "Too few shots"),
        ([sight(n, (-3.0, 8.0), light=(-25.0, 80.0)) for n in range(8)], "that is light, not a cast"),
        ([sight(n, (9.0, 1.0), light=(70.0, 10.0)) for n in range(8)], "that is light, not a cast"),
        ([sight(n, (0, 0), (235.0, 12.0, 6.0), light=(70.0, 40.0)) for n in range(8)], "that is light, not a cast"),
        ([sight(n, (-6.0, 4.0), low=35, light=(-13.0, 8.0)) for n in range(8)], "haze, not a pedestal"),
        ([sight(n, (5.0, -3.0)) for n in range(2)], "Too few shots"),
    ],
)
def test_stage_light_is_never_corrected(shots: list[ShotReport], words: str) -> None:
    plan = planned(survey(*shots))
    assert step_of(plan) is None
    assert words in why_not(plan)


def test_a_tape_without_colour_keeps_its_tint_and_is_told() -> None:
    shots = [sight(n, (4.0, -3.0), light=(4.0, -3.0)) for n in range(4)]
    grey = survey(*(replace(one, balance=replace(one.balance, colour=0.4)) for one in shots))
    plan = planned(grey)
    assert step_of(plan) is None
    assert "carries no colour" in why_not(plan)
    net = next(step for step in plan.shots[0].steps if step.stage == "fieldlift.restore")
    assert net.params["colourless"] is True
    assert "none is made" in net.why
    coloured = planned(survey(*shots[:3], grey.shots[3]))
    assert not any(step.params.get("colourless") for shot in coloured.shots for step in shot.steps)


def test_a_log_curve_without_a_tag_is_named_and_not_stretched() -> None:
    shots = [sight(n) for n in range(4)]
    flat = survey(*(replace(one, balance=replace(one.balance, blacks=0, black_luma=0)) for one in shots))
    plan = planned(flat)
    assert step_of(plan) is None
    assert veiled(flat).startswith("No shot shows black")
    assert veiled(survey(*shots)) == ""
    assert "a log curve without a tag, or a veil; nothing is stretched" in why_not(plan)


def test_lamps_brighter_than_the_faded_white_forbid_to_raise_it() -> None:
    shots = [sight(n, white=(196.0, 0.0, 0.0)) for n in range(5)]
    bright = replace(shots[2], exposure=replace(shots[2].exposure, luma_high=230.0))
    assert step_of(planned(survey(*shots))) is not None
    assert step_of(planned(survey(*shots[:2], bright, *shots[3:]))) is None


def test_only_murky_shots_are_lifted_and_alike_shots_alike() -> None:
    def lit(number: int, middle: float, high: float) -> ShotReport:
        report = shot(number, number * FRAMES, (number + 1) * FRAMES)
        return replace(report, exposure=replace(report.exposure, luma_median=middle, luma_high=high))

    shots = survey(lit(0, 40, 120), lit(1, 60, 130), lit(2, 30, 225), lit(3, 120, 200), lit(4, 36, 120))
    alike = StageReport((0, 0, 1, 1, 0), (0, 0, 0, 1, 0), (0.0,) * 5, (), "test")
    asked = "enhancement.light.lift=0.8"
    alone, together = planned(shots, asked), planned(replace(shots, stage=alike), asked)
    found = [next((s for s in one.steps if s.stage == "light.lift"), None) for one in alone.shots]
    assert [one.params["strength"] if one else 0 for one in found] == [0.8, 0.4, 0, 0, 0.8]
    assert "white spot" not in why_of(alone, 2)
    assert "not a dark, murky shot" in why_of(alone, 2)
    shared = [next((s for s in one.steps if s.stage == "light.lift"), None) for one in together.shots]
    assert [one.params["strength"] if one else 0 for one in shared] == [0.8, 0.8, 0, 0, 0.8]
    assert not any(step.stage == "light.lift" for step in planned(shots).shots[0].steps), "off by default"


def why_of(plan: RestorationPlan, number: int) -> str:
    return next(one.why for one in plan.shots[number].skipped if one.stage == "light.lift")


def test_a_look_table_is_planned_with_its_hash_and_a_wrong_one_ends_planning(tmp_path: Path) -> None:
    file = tmp_path / "look.cube"
    file.write_text("LUT_1D_SIZE 2\n0 0 0\n1 1 1\n", "utf-8")
    plan = planned(survey(sight(0)), f"enhancement.look.table={file}")
    step = next(one for one in plan.shots[0].steps if one.stage == "look.table")
    assert step.weights is not None
    assert step.weights.startswith("look@sha256:")
    assert [one.stage for one in plan.shots[0].steps].index("look.table") == 4
    file.write_text("no table", "utf-8")
    with pytest.raises(LookError, match="no look table that can be used"):
        planned(survey(sight(0)), f"enhancement.look.table={file}")


@pytest.mark.parametrize(("white", "taken"), [((-9.0, 8.0), True), ((0.2, 0.1), False)])
def test_blacks_that_lean_as_a_warm_light_does_are_a_cast_where_whites_lean_alike(
    *, white: tuple[float, float], taken: bool
) -> None:
    """Black is seen under red light alone, as by chance in a short show; a lamp outshines haze, so whites decide."""
    shots = [
        sight(n, (-2.5, 3.5), low=20, light=(-15.0, 40.0))
        if n % 3 == 0
        else sight(n, (1.0, 1.0), (186.0, *white), low=30)
        for n in range(9)
    ]
    plan = planned(survey(*shots))
    said = step_of(plan)
    assert said is not None
    assert ("cast removed" in said.why) is taken
    assert ("that is light, not a cast" in said.why) is not taken


def test_a_fade_that_grows_along_the_tape_is_followed_at_both_ends() -> None:
    """White sinks from 235 and black rises from 16, each on a line over time; shots full of light show no black."""
    times = [(n + 0.5) / 12 for n in range(12)]
    shots = [
        sight(n, low=16 + 12 * t) if n % 3 == 0 else sight(n, white=(235 - 48 * t, 0.0, 0.0), low=34)
        for n, t in enumerate(times)
    ]
    plan = planned(survey(*shots))
    for number in (0, 11):
        black, white = points(plan, number)
        assert black == pytest.approx(rgb(16 + 12 * times[number], 0, 0), abs=5e-3)
        assert white == pytest.approx(rgb(235 - 48 * times[number], 0, 0), abs=1e-2)
    thicker = [replace(one, balance=replace(one.balance, whites=0, white_luma=0.0)) for one in shots]
    assert step_of(planned(survey(*thicker))) is None, "without its whites it may be haze that thickens"
