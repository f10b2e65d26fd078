"""Strengths after a failed check: what is lowered, how far, and what the plan says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from math import sqrt

import pytest

from footlights.core.plans import RestorationPlan, ShotPlan, Step
from footlights.core.redegraded import LIMIT, Knob, ShotFidelity, StrengthTrial
from footlights.core.signal import Matrix, Primaries, Signal
from footlights.core.time import FrameRange, Span, SpanKind, TimeMap
from footlights.planning.strengths import (
    AIM,
    HOLD,
    MOST,
    TAKEN,
    Name,
    Ratio,
    held,
    in_vain,
    lowered,
    planned,
    settled,
    unlowered,
    with_strengths,
)

GRAIN, DETAIL, FINE = ("grain.synthesis", "share"), ("detail.limited", "strength"), ("upscale.fine", "detail")


def step(name: Name, value: float) -> Step:
    return Step(name[0], 1, {name[1]: value}, "why")


SHOT = ShotPlan(3, FrameRange(0, 40), 0, (step(FINE, 1.0), step(DETAIL, 0.6), step(GRAIN, 0.7)))


def squares(least: float, **put: float) -> Ratio:
    """Residuals whose squares add up, each with the square of its share of the strength."""
    most = {FINE: (put.get("fine", 0), 1.0), DETAIL: (put.get("detail", 0), 0.6), GRAIN: (put.get("grain", 0), 0.7)}

    def ratio(strengths: Mapping[Name, float]) -> float:
        parts = (most[name][0] * (strengths.get(name, wanted) / wanted) ** 2 for name, (_, wanted) in most.items())
        return sqrt(least**2 + sum(parts))

    return ratio


def plan_of(shot: ShotPlan) -> RestorationPlan:
    rate, signal = Fraction(60000, 1001), Signal(Matrix.BT709, Primaries.BT709)
    times = TimeMap(rate / 2, rate, (Span(FrameRange(0, 80), shot.slots, SpanKind.ORIGINAL),))
    return RestorationPlan("content", (shot,), 2880, 2160, rate, signal, 2000, times)


def kept(trial: StrengthTrial) -> dict[Name, float]:
    return {(knob.stage, knob.parameter): knob.kept for knob in trial.knobs if knob.changed}


def test_what_puts_in_most_is_lowered_until_the_rest_is_explained() -> None:
    ratio = squares(1.0, grain=0.4, detail=0.05)
    measured = ratio({})
    found = settled(SHOT, measured, ratio)
    exact = 0.7 * sqrt(1 - (measured**2 - AIM**2) / 0.4)
    assert kept(found) == {GRAIN: pytest.approx(exact, abs=0.05)}
    assert kept(found)[GRAIN] <= exact
    assert LIMIT - 0.05 < found.foretold <= AIM
    assert found.least == pytest.approx(sqrt(1 + 0.4 / 4), abs=0.001), "half of the grain stays"


def test_the_next_follows_where_one_is_not_enough() -> None:
    found = settled(SHOT, 1.3, squares(1.05, grain=0.3, detail=1.69 - 1.05**2 - 0.3))
    assert kept(found)[GRAIN] == 0.35, "shots of one tape have one grain: half of it stays"
    assert 0 < kept(found)[DETAIL] < 0.6
    assert found.foretold <= LIMIT


def test_nothing_is_lowered_where_all_of_it_would_not_be_enough() -> None:
    found = settled(SHOT, 1.3, squares(1.2, grain=0.25))
    assert not found.lowered
    assert found.foretold == found.measured == 1.3
    assert found.least == pytest.approx(sqrt(1.44 + 0.25 / 4), abs=0.001)


def test_the_masters_encoder_is_reckoned_with() -> None:
    """A master that came to less than its pictures before encoding needs less lowering."""
    ratio = squares(1.0, grain=0.4)
    plain, coded = (settled(SHOT, measured, ratio) for measured in (ratio({}), ratio({}) - 0.04))
    assert kept(coded)[GRAIN] > kept(plain)[GRAIN]


def test_strengths_that_put_nothing_in_are_left_alone() -> None:
    assert set(kept(settled(SHOT, 1.15, squares(1.0, grain=1.15**2 - 1)))) == {GRAIN}


@pytest.mark.parametrize(("enough", "expected"), [(0.3, 0.15), (0.02, 0.0)])
def test_where_a_foretelling_does_not_hold_less_is_tried(enough: float, expected: float) -> None:
    """Fine contrast whose residual falls all at once, below a strength that no parabola tells."""
    seen: list[Mapping[Name, float]] = []

    def ratio(strengths: Mapping[Name, float]) -> float:
        seen.append(strengths)
        return 1.2 if strengths.get(DETAIL, 0.6) > enough else 1.02

    found = settled(SHOT, 1.2, ratio)
    assert kept(found) == {DETAIL: expected}
    assert found.foretold == pytest.approx(1.02)
    assert len(seen) <= 9, "bounded"


def test_only_strengths_that_are_not_nothing_are_tried() -> None:
    bare = ShotPlan(0, FrameRange(0, 4), 0, (step(FINE, 0.0), Step("denoise.steady", 1, {"strength": 1.0}, "")))
    assert planned(bare) == {}
    assert planned(SHOT) == {FINE: 1.0, DETAIL: 0.6, GRAIN: 0.7}
    assert not Knob(*GRAIN, 0.7, 0.7, 1.0).changed


NET = Step("fieldlift.restore", 5, {"sigma": 1.0}, "a net")
LIFTED = replace(SHOT, steps=(NET, Step("denoise.steady", 2, {}, "steadied"), *SHOT.steps))


def lines(structure: float, noise: float, **put: float) -> Ratio:
    """As `squares`, with structure that falls by the share of the tape's lines."""
    others = squares(noise, **put)

    def ratio(strengths: Mapping[Name, float]) -> float:
        return sqrt(others(strengths) ** 2 + structure * (1 - strengths.get(HOLD, 0.0)) ** 2)

    return ratio


def test_pictures_are_held_to_the_tape_by_no_more_than_it_takes() -> None:
    ratio = lines(0.5, 0.9, grain=0.1)
    found = settled(LIFTED, ratio({}), ratio)
    exact = 1 - sqrt(((AIM - TAKEN) ** 2 - 0.91) / 0.5)
    (share,) = kept(found).values()
    assert kept(found) == {HOLD: pytest.approx(exact, abs=0.05)}
    assert exact <= share <= MOST
    assert found.foretold == pytest.approx(ratio({HOLD: share}), abs=0.001)


def test_where_the_lines_are_not_enough_strengths_are_lowered_besides() -> None:
    ratio = lines(0.6, 0.9, grain=0.3)
    found = settled(LIFTED, ratio({}), ratio)
    assert set(kept(found)) == {HOLD, GRAIN}
    assert kept(found)[HOLD] == MOST
    assert found.foretold <= LIMIT


def test_where_all_is_not_enough_the_lines_stay_if_they_bring_it_half_of_the_way() -> None:
    far, near = lines(2.0, 1.3, grain=0.3), lines(2.0, 0.9, grain=0.3)
    nothing, held_to = (settled(LIFTED, ratio({}), ratio) for ratio in (far, near))
    assert not nothing.lowered
    assert kept(held_to) == {HOLD: MOST}
    assert held_to.least == pytest.approx(near({HOLD: MOST, GRAIN: 0.0}), abs=0.001)
    assert held_to.least > LIMIT
    assert held_to.foretold == pytest.approx(near({HOLD: MOST}), abs=0.001)


def test_grain_that_the_tapes_own_lines_bring_counts_for_the_half_that_stays() -> None:
    needy = lines(0.1, 1.02, grain=0.4)
    found = kept(settled(LIFTED, needy({}), needy))
    assert found[GRAIN] < 0.35
    assert sqrt(found[GRAIN] ** 2 + found[HOLD] ** 2) >= 0.35
    alone = squares(1.0, grain=0.84)
    assert kept(settled(SHOT, alone({}), alone)) == {GRAIN: 0.35}


def test_a_strength_without_which_more_is_left_over_stays() -> None:
    plain = lines(0.6, 0.9, grain=0.3)

    def ratio(strengths: Mapping[Name, float]) -> float:
        return plain(strengths) + (0.2 if strengths.get(DETAIL, 0.6) < 0.6 else 0.0)

    assert set(kept(settled(LIFTED, ratio({}), ratio))) == {HOLD, GRAIN}


def test_a_shot_without_a_net_or_held_already_as_far_as_may_be_is_only_lowered() -> None:
    assert held(SHOT) is None
    assert held(LIFTED) == 0.0
    most = replace(LIFTED, steps=with_strengths(LIFTED, {HOLD: MOST}, 0.0))
    assert held(most) == MOST
    found = settled(most, 1.2, squares(1.0, grain=0.44))
    assert set(kept(found)) == {GRAIN}


def test_holding_comes_in_behind_the_net_and_what_steadies_it_with_its_why() -> None:
    trial = StrengthTrial(3, 1.25, 1.24, (Knob(*HOLD, 0.0, 0.25, 1.24),), 1.09, 1.0)
    plan = lowered(plan_of(LIFTED), [trial], {3: 0.265})
    names = [one.stage for one in plan.shots[0].steps]
    assert names[:4] == ["fieldlift.restore", "denoise.steady", "fields.hold", "upscale.fine"]
    step = plan.shots[0].steps[2]
    assert step.params == {"share": 0.25, "subcarrier": 0.265}
    assert "1.25 of its noise" in step.why
    further = lowered(plan, [replace(trial, knobs=(Knob(*HOLD, 0.25, 0.35, 1.2),))], {3: 0.265})
    assert further.shots[0].steps[2].params == {"share": 0.35, "subcarrier": 0.265}
    assert "raised from 0.25" in further.shots[0].steps[2].why


def test_what_was_lowered_in_vain_is_as_planned_again_and_told_once() -> None:
    def trial(shot: int, kept: float, measured: float = 1.13) -> StrengthTrial:
        return StrengthTrial(shot, measured, 1.14, (Knob(*GRAIN, 0.7, kept, 1.1),), 1.09, 1.08)

    trials = (trial(0, 0.35), trial(1, 0.35), trial(2, 0.7), trial(0, 0.7, 1.14))
    found = [ShotFidelity(shot, 4, ratio=ratio) for shot, ratio in enumerate((1.14, 1.09, 1.2))]
    vain = in_vain(trials, found)
    assert vain == {0}
    nearer = [ShotFidelity(0, 4, ratio=1.11), *found[1:]]
    assert not in_vain(trials, nearer), "more than half of the way from 1.13 to 1.1"
    first, second, third = unlowered(trials, vain)
    assert not first.lowered
    assert (first.measured, first.foretold) == (1.13, 1.13)
    assert (second, third) == trials[1:3]
