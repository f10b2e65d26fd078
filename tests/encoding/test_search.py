"""The quality search on random curves: ends, never repeats, keeps its promises."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footlights.core.encodes import Look
from footlights.core.time import FrameRange
from footlights.encoding import ladder
from footlights.encoding.encoders import MASTERS, X264, SvtAv1, rung_encoder
from footlights.encoding.search import SLOPE, Found, Goal, Prior, Reason, Trial, _next, search
from footlights.errors import ParameterError
from footlights.settings import EncodingSettings

GOAL = Goal(target=93, tolerance=0.5, q_low=18, q_high=55, step=0.25, probes=4)


def events(
    curve: Callable[[float], float], first: float, goal: Goal = GOAL, slope: float = SLOPE
) -> tuple[Found, list[Trial]]:
    solver = search(goal, Prior(first, slope))
    tried = [next(solver)]
    while True:
        try:
            tried.append(solver.send(curve(tried[-1].q)))
        except StopIteration as end:
            return end.value, tried


def run(curve: Callable[[float], float], first: float, goal: Goal = GOAL) -> tuple[Found, list[float]]:
    found, tried = events(curve, first, goal)
    return found, [trial.q for trial in tried]


def falling(slope: float, bend: float, height: float) -> Callable[[float], float]:
    return lambda q: height - slope * (q - 18) - bend * (q - 18) ** 2


@settings(deadline=None)
@given(st.floats(0.02, 2.5), st.floats(0, 0.05), st.floats(80, 100), st.floats(0, 70))
def test_search_ends_within_its_trials_and_never_repeats(
    slope: float, bend: float, height: float, first: float
) -> None:
    found, tried = run(falling(slope, bend, height), first)
    assert len(tried) <= GOAL.probes
    assert len(set(tried)) == len(tried)
    assert all(GOAL.q_low <= q <= GOAL.q_high and (q / GOAL.step).is_integer() for q in tried)
    assert found.q in tried
    score = falling(slope, bend, height)(found.q)
    if found.outcome == "reached":
        beside = falling(slope, bend, height)(found.q + GOAL.step) < GOAL.target <= score
        assert abs(score - GOAL.target) <= GOAL.tolerance or beside
    elif found.outcome == "budget":
        assert len(tried) == GOAL.probes
        assert abs(score - GOAL.target) > GOAL.tolerance
    elif found.outcome == "ceiling":
        assert GOAL.q_low in tried
        assert score < GOAL.target
    elif found.outcome == "floor":
        assert found.q == GOAL.q_high
        assert score > GOAL.target


@pytest.mark.parametrize("first", [20.0, 30.0, 40.0, 50.0])
def test_ordinary_curves_are_solved(first: float) -> None:
    found, _ = run(falling(0.4, 0.012, 99), first)
    assert found.outcome == "reached"
    assert falling(0.4, 0.012, 99)(found.q) == pytest.approx(93, abs=0.5)


@pytest.mark.parametrize("aside", [0.0, -0.3])
def test_trials_after_the_first_are_aimed_beside_the_target(aside: float) -> None:
    """What is lacking doubles in ten units, as expected: the second lies where it was aimed; the first is accepted as
    ever."""

    def curve(q: float) -> float:
        return 100 - 7 * 2 ** ((q - 33) / 10)

    goal = replace(GOAL, tolerance=0.45, aside=aside)
    for first in (26.0, 38.0):
        found, (_, second) = events(curve, first, goal, slope=SLOPE * 13 / 10)
        assert found.q == second.q
        assert curve(second.q) == pytest.approx(93 + aside, abs=0.15)
    assert events(curve, 33.0, goal)[0].q == 33.0


def test_an_unreachable_target_is_said_and_costs_no_more_bits_than_allowed() -> None:
    found, _ = run(falling(0.5, 0, 85), 30)
    assert (found.q, found.outcome) == (18, "ceiling")


def test_a_flat_curve_above_the_target_ends_at_the_coarse_end() -> None:
    assert run(falling(0.0, 0, 99), 30)[0].outcome in ("floor", "budget")


def test_a_curve_that_is_not_monotone_still_ends_on_a_trial_that_reaches() -> None:
    found, tried = run(lambda q: 95 if int(q) % 2 else 90, 31)
    assert found.q in tried


@settings(deadline=None)
@given(st.floats(0.05, 0.9), st.floats(0.005, 0.03), st.floats(94, 99.5), st.floats(18, 55))
def test_ordinary_curves_take_few_trials(slope: float, bend: float, height: float, first: float) -> None:
    """Concave, as measured curves are: from any beginning the target is met within six trials."""
    curve = falling(slope, bend, height)
    found, tried = run(curve, first, replace(GOAL, probes=6))
    assert found.outcome in ("reached", "floor")
    assert len(tried) <= 6


def test_a_cubic_through_three_trials_finds_what_a_line_misses() -> None:
    curve = falling(0.05, 0.02, 97)
    tried = {q: curve(q) for q in (20.0, 30.0, 50.0)}
    truth = next(q for q in np.arange(18, 55, 0.01) if curve(q) < 90)
    goal = replace(GOAL, target=90)
    line = 30 + (curve(30) - 90) / (curve(30) - curve(50)) * 20
    trial = _next(goal, tried, SLOPE)
    assert trial.why is Reason.CUBIC
    assert abs(trial.q - truth) < 0.5 * abs(line - truth)


def test_trials_that_contradict_each_other_halve_the_bracket() -> None:
    assert _next(replace(GOAL, target=90), {20.0: 92.0, 24.0: 93.0, 40.0: 80.0}, SLOPE) == Trial(32.0, Reason.HALVING)


@pytest.mark.parametrize("slope", [-0.3, -1.3, -3.0])
def test_with_the_right_slope_two_trials_are_enough(slope: float) -> None:
    """Where the loss doubles with every so many units, from 3.5 away; each trial says what led to it."""
    found, tried = events(lambda q: 100 - 7 * 2 ** ((33.5 - q) * slope / (7 * np.log(2))), 30.0, slope=slope)
    assert found.outcome == "reached"
    assert [trial.why for trial in tried] == [Reason.PRIOR, Reason.SLOPE][: len(tried)]


def test_the_ladder_keeps_the_shape_and_leaves_out_what_is_larger_than_the_master() -> None:
    found = ladder.rungs(2880, 2160, EncodingSettings())
    assert [(rung.name, rung.width, rung.height) for rung in found] == [
        ("av1-2160", 2880, 2160), ("av1-1080", 1440, 1080), ("av1-720", 960, 720), ("av1-480", 640, 480),
        ("h264-720", 960, 720),
    ]  # fmt: skip
    small = ladder.rungs(384, 288, EncodingSettings(heights=(2160, 144), h264_height=0))
    assert [(rung.name, rung.width) for rung in small] == [("av1-288", 384), ("av1-144", 192)]


@pytest.mark.parametrize(
    ("seen", "left"),
    [
        ((70, 80, 88, 95), []),
        ((70, 74, 88, 95), ["av1-720"]),
        ((88, 92, 93, 94), ["av1-1080", "av1-720"]),
        ((88, 92, 95, 96), ["av1-720"]),  # 1080 is told from 480, though 720 was not
        ((70, 80, 94, 95), []),  # the largest stays: it is what was asked for
    ],
)
def test_what_looks_like_a_smaller_rendition_is_left_out(seen: tuple[float, ...], left: list[str]) -> None:
    rungs = ladder.rungs(2880, 2160, EncodingSettings())
    quality = dict(zip(("av1-480", "av1-720", "av1-1080", "av1-2160"), map(float, seen), strict=True))
    found = ladder.too_alike(rungs, quality, 6.0)
    assert sorted(one.name for one in found) == left
    assert all("looks like av1-480: VMAF" in one.why for one in found)
    assert ladder.too_alike(rungs[:1], {"av1-2160": 95.0}, 6.0) == ladder.too_alike(rungs, {}, 6.0) == ()


def test_no_encoding_means_no_rungs() -> None:
    plan = ladder.plan(100, 100, 25, [FrameRange(0, 9)], EncodingSettings(enabled=False))
    assert plan.rungs == ()


@given(st.builds(Look, st.floats(0, 200), st.floats(0, 100), st.floats(16, 235)))
def test_the_first_guess_is_always_within_the_range(look: Look) -> None:
    for rung in ladder.rungs(1440, 1080, EncodingSettings()):
        assert rung.q_min <= ladder.first_guess(rung, look) <= rung.q_max


def test_where_more_bits_make_it_worse_they_are_not_spent() -> None:
    """A crowd in the dark at preset 8, as measured."""
    measured = ((12, 91.55), (16, 92.05), (19, 92.2), (22, 90.4), (36, 74.3))
    found, tried = run(lambda q: float(np.interp(q, *zip(*measured, strict=True))), 22, replace(GOAL, q_low=12))
    assert found.outcome == "ceiling"
    assert 12 in tried
    assert 16 <= found.q <= 20
    assert found.score > 92


def test_a_search_that_begins_at_the_finest_value_looks_whether_a_coarser_one_is_as_good() -> None:
    goal = replace(GOAL, q_low=12)
    crowd = ((12, 91.55), (16, 92.05), (19, 92.2), (22, 90.4), (36, 74.3))
    found, tried = run(lambda q: float(np.interp(q, *zip(*crowd, strict=True))), 12, goal)
    assert (found.outcome, found.q, tried) == ("ceiling", 17, [12, 17])
    plain, tried = run(lambda q: 92 - 0.3 * (q - 12), 12, goal)
    assert (plain.outcome, plain.q, tried) == ("ceiling", 12, [12, 17])
    enough, tried = run(lambda q: 93.2 - 0.3 * (q - 12), 12, goal)
    assert (enough.outcome, tried) == ("reached", [12])


def test_a_slower_preset_may_begin_coarser() -> None:
    quick, slow = (
        ladder.first_guess(ladder.rungs(960, 540, EncodingSettings(preset=preset))[0], Look(60.0, 15.0, 90.0))
        for preset in (10, 6)
    )
    assert slow == pytest.approx(quick + 2.4)


def test_dark_shots_reach_the_target_within_the_range_of_the_ladder() -> None:
    """Scores of a dark shot as measured: at 18, where the range once ended, it is 1.3 short."""
    rung = ladder.rungs(960, 540, EncodingSettings())[0]
    goal = replace(GOAL, tolerance=0.4, q_low=rung.q_min, q_high=rung.q_max, probes=EncodingSettings().probes)
    measured = ((12, 92.90), (14, 92.51), (16, 92.02), (18, 91.68), (24, 90.75), (36, 87.39), (63, 75.0))
    found, tried = run(lambda q: float(np.interp(q, *zip(*measured, strict=True))), 32.0, goal)
    assert found.outcome == "reached"
    assert len(tried) <= 4


def test_encoders_pin_what_pieces_must_share() -> None:
    for encoder in (SvtAv1(), X264(), *(master.encoder for master in MASTERS.values())):
        arguments = encoder.arguments(20, (0, 30), 25)
        assert "color_primaries=bt709" in arguments[arguments.index("-vf") + 1]
        assert "+bitexact" in arguments
    with pytest.raises(ParameterError, match="av1 or h264"):
        rung_encoder("vp8", "fast")


@pytest.mark.parametrize("target", [85.0, 90.0, 95.0])
def test_pictures_that_move_are_expected_to_change_faster_with_q(target: float) -> None:
    """So that a target twice as far from 100 lies one doubling coarser, and the slope there is the same law's."""
    (rung,) = ladder.rungs(960, 540, EncodingSettings(heights=(540,), h264_height=0, target=target))
    rung = replace(rung, q_min=-99.0, q_max=99.0)
    still, fast = Look(40.0, 3.0, 90.0), Look(40.0, 40.0, 90.0)
    assert ladder.doubling(still) > 2 * ladder.doubling(fast)
    assert ladder.expected_slope(rung, fast) < 2 * ladder.expected_slope(rung, still)
    for look in (still, fast):
        nearer = replace(rung, target=(100 + target) / 2)
        apart = ladder.first_guess(rung, look) - ladder.first_guess(nearer, look)
        assert apart == pytest.approx(ladder.doubling(look))
        assert ladder.expected_slope(rung, look) == pytest.approx(-np.log(2) * (100 - target) / ladder.doubling(look))


def test_what_is_seen_from_nearer_is_expected_to_be_coarser_and_steeper() -> None:
    """From 1440 lines on VMAF judges as on a 4K screen."""
    small, large = (
        ladder.rungs(lines * 16 // 9, lines, EncodingSettings(heights=(lines,), h264_height=0))[0]
        for lines in (1080, 1440)
    )
    look = Look(40.0, 12.0, 90.0)
    assert ladder.first_guess(large, look) == pytest.approx(ladder.first_guess(small, look) + 8)
    assert ladder.expected_slope(large, look) == pytest.approx(ladder.expected_slope(small, look) / 0.8)
