"""The frame rate of a plan: every instant by default, another rate where it is asked for and can be had."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from test_planning import NTSC, ingest, shot, survey

from footlights.core.plans import Step
from footlights.core.reports import CadenceKind
from footlights.core.time import FrameRange
from footlights.errors import ConfigError
from footlights.planning import rules
from footlights.planning.timeline import clock_times, output_range, pieces
from made_tapes import settings

RATE = "enhancement.rate.output="


def conversion(plan: object, shot: int = 0) -> Step | None:
    return next((step for step in plan.shots[shot].steps if step.stage == "rate.convert"), None)


def test_by_default_every_instant_keeps_its_picture() -> None:
    plan = rules.plan(survey(shot(0, 0, 60)), ingest(), settings())
    assert plan.rate == 2 * NTSC
    assert plan.time_map.step == plan.time_map.speed == 1
    assert conversion(plan) is None
    assert "every instant" in next(one.why for one in plan.shots[0].skipped if one.stage == "rate.convert")
    assert rules.plan(survey(shot(0, 0, 60)), ingest(), settings(f"{RATE}59.94")) == plan


@pytest.mark.parametrize(
    ("name", "rate"),
    [("23.976", Fraction(24000, 1001)), ("24", 24), ("25", 25), ("29.97", NTSC), ("30", 30), ("50", 50), ("60", 60)],
)
def test_another_rate_keeps_the_length_within_a_frame(name: str, rate: Fraction) -> None:
    plan = rules.plan(survey(shot(0, 0, 25), shot(1, 25, 60, first_field=1)), ingest(), settings(RATE + name))
    assert plan.rate == plan.time_map.out_rate == rate
    times, end = clock_times(ingest(), plan)
    assert times[-1] < 60 / NTSC <= end < 60 / NTSC + 1 / Fraction(rate)
    step = conversion(plan)
    assert step is not None
    assert Fraction(int(step.params["numerator"]), int(step.params["denominator"])) == rate / (2 * NTSC)
    # Before the grain, which must not be moved along with the picture.
    stages = [one.stage for one in plan.shots[0].steps]
    assert stages[stages.index("rate.convert") + 1] == "grain.synthesis"
    assert f"{rate} pictures a second" in plan.notes[1]


def test_shots_and_pieces_share_out_all_frames_of_another_rate() -> None:
    plan = rules.plan(survey(shot(0, 0, 25), shot(1, 25, 60, first_field=1)), ingest(), settings(f"{RATE}24"))
    step = plan.time_map.step
    first, second = (output_range(plan.shots, n, 2, step) for n in (0, 1))
    assert first.start == 0
    assert first.stop == second.start
    assert second.stop == plan.time_map.frames
    # The second shot begins at instant 51; no frame of the first lies at or behind it.
    assert (first.stop - 1) * step < 51 <= second.start * step
    made = pieces(plan.shots, 2, [FrameRange(0, 20), FrameRange(20, plan.time_map.frames)], step)
    assert [frame for piece in made for part in piece.parts for frame in part.frames] == list(range(second.stop))
    for part in (part for piece in made for part in piece.parts):
        assert part.slots.start * 2 <= part.frames.start * step
        assert (part.frames.stop - 1) * step < part.slots.stop * 2


def test_slow_motion_is_as_much_longer_as_it_is_slower() -> None:
    plan = rules.plan(survey(shot(0, 0, 60)), ingest(), settings("enhancement.rate.speed=0.25"))
    assert plan.rate == 2 * NTSC
    assert plan.time_map.frames == 480
    assert plan.time_map.instants == 2
    assert "stretched" in plan.notes[1]
    silent = settings("enhancement.rate.speed=0.25", "enhancement.rate.sound=drop")
    assert "left out" in rules.plan(survey(shot(0, 0, 60)), ingest(), silent).notes[1]


def test_film_keeps_its_frames_and_shows_each_once_at_its_own_rate() -> None:
    telecine = shot(0, 0, 60, kind=CadenceKind.TELECINE)
    for phase in range(10):
        cadence = replace(telecine.cadence, phase=phase)
        found = survey(replace(telecine, cadence=cadence), shot(1, 60, 120))
        plan = rules.plan(found, ingest(120), settings(f"{RATE}23.976"))
        step = conversion(plan)
        assert step.params["interpolate"] is False
        assert conversion(plan, 1).params["interpolate"] is True
        film = [(n - phase + 10) // 5 * 2 + ((n - phase + 10) % 5 >= 3) for n in range(120)]
        ties = [Fraction(5, 2) * n for n in range(40)]
        shown = [film[int(at) if at.denominator == 1 or not step.params["later"] else int(at) + 1] for at in ties]
        assert shown == list(range(shown[0], shown[0] + 40))


def test_what_cannot_be_had_is_refused() -> None:
    with pytest.raises(ConfigError, match="no common clock"):
        rules.plan(survey(shot(0, 0, 60)), ingest(variable=True), settings(f"{RATE}25"))
    with pytest.raises(ConfigError, match=r"59\.94"):
        settings(f"{RATE}48")
