"""Allocation on curves of known shape: the mean is met with the fewest bytes, no floor is broken, caps hold."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from math import log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footlights.core.encodes import Probe
from footlights.encoding.allocation import (
    Curve,
    allocate,
    capped,
    evened,
    fit,
    floor_of,
    mean_quality,
    price_of,
    worth_again,
)
from footlights.encoding.peaks import BILLING_WINDOW, Caps, over, windows, worst_segment, worst_window


def curve(size: float = 50_000, loss: float = 13, halving: float = 6, doubling: float = 7, frames: int = 100) -> Curve:
    return Curve(frames, 4.0, 40.0, size, loss, halving, doubling, 18.0, 40.0)


curves = st.lists(
    st.builds(curve, st.floats(2e3, 1e6), st.floats(2, 16), st.floats(3, 12), st.floats(3, 14), st.integers(20, 300)),
    min_size=1,
    max_size=12,
)


def total(given: list[Curve], values: tuple[float, ...]) -> float:
    return sum(one.bytes_at(q) for one, q in zip(given, values, strict=True))


@settings(deadline=None, max_examples=60)
@given(curves, st.floats(80, 99))
def test_the_mean_is_met_and_no_floor_is_broken(given: list[Curve], target: float) -> None:
    values = allocate(given, target, 0.01)
    assert all(one.q_low <= q <= one.q_high for one, q in zip(given, values, strict=True))
    found = mean_quality(given, values)
    floors, finest = (mean_quality(given, [getattr(one, end) for one in given]) for end in ("q_high", "q_low"))
    assert found == pytest.approx(min(max(target, floors), finest), abs=0.05)


@settings(deadline=None, max_examples=30)
@given(curves, st.floats(88, 97), st.randoms())
def test_no_other_values_of_the_same_mean_take_fewer_bytes(given: list[Curve], target: float, draw) -> None:
    values = allocate(given, target, 1e-6)
    least, mean = total(given, values), mean_quality(given, values)
    for _ in range(20):
        other = tuple(
            min(max(q + draw.uniform(-4, 4), one.q_low), one.q_high) for one, q in zip(given, values, strict=True)
        )
        if mean_quality(given, other) >= mean:
            assert total(given, other) >= least * (1 - 1e-6)


def test_it_is_as_good_as_trying_everything() -> None:
    given = [curve(20_000, 12, 5), curve(200_000, 12, 9), curve(60_000, 8, 6, 10)]
    grid = np.arange(18, 40.01, 0.5)
    best = min(
        sum(one.bytes_at(q) for one, q in zip(given, values, strict=True))
        for values in product(grid, repeat=3)
        if mean_quality(given, values) >= 94
    )
    assert total(given, allocate(given, 94, 0.01)) <= best * 1.005


def test_equal_quality_is_dearer_where_shots_differ() -> None:
    """Grain that costs ten times as much for the same point: it gets less, the cheap shot more."""
    given = [curve(500_000, 13, 9, 12), curve(20_000, 13, 4, 5)]
    values = allocate(given, 92, 0.01)
    same = tuple(one.q - one.doubling * np.log2(one.loss / 8) for one in given)
    assert mean_quality(given, same) == pytest.approx(mean_quality(given, values), abs=0.02)
    assert total(given, values) < 0.9 * total(given, same)
    assert given[0].loss_at(values[0]) > given[1].loss_at(values[1])


def taken(given: list[Curve], values: tuple[float, ...]) -> tuple[list[float], list[float]]:
    """Bytes and seconds of every chunk."""
    return [one.bytes_at(q) for one, q in zip(given, values, strict=True)], [one.seconds for one in given]


def test_a_peak_is_cut_to_its_cap_of_the_average_that_results_but_not_below_the_floor() -> None:
    """Twice the average of before the cut would be 2.16 times that of after it."""
    quiet = [curve(20_000) for _ in range(20)]
    loud = replace(curve(300_000, 20), q_high=60.0)
    given = [*quiet, loud]
    sizes, _ = taken(given, allocate(given, 93, 0.25, Caps()))
    assert sizes[-1] <= 2 * sum(sizes) / 21
    assert sizes[-1] * 2 ** (0.25 / loud.halving) > 2 * sum(sizes) / 21  # no more than must be
    free, _ = taken(given, allocate(given, 93, 0.25))
    assert free[-1] > 2 * sum(free) / 21
    stuck = [*quiet, replace(loud, q_high=40.0)]
    values = allocate(stuck, 93, 0.25, Caps())
    assert values[-1] == 40.0
    assert over(*taken(stuck, values), Caps()) == [range(20, 21)]


def test_a_billing_window_keeps_its_cap_of_the_average_that_results() -> None:
    """Within 1.5 times the average of before the cut it would have 1.56 times that of after it."""
    loud, quiet = replace(curve(90_000, 13), q_high=60.0), replace(curve(20_000, 13), q_high=60.0)
    count = int(BILLING_WINDOW / 4)
    given = [*[quiet] * (3 * count), *[loud] * count, *[quiet] * (3 * count)]

    def highest(values: tuple[float, ...]) -> float:
        sizes = np.array(taken(given, values)[0])
        return float(np.convolve(sizes, np.ones(count), "valid").max() / count / sizes.mean())

    assert highest(allocate(given, 90, 0.25)) > 1.7
    assert 1.49 < highest(allocate(given, 90, 0.25, Caps(segment=10.0))) <= 1.5 * (1 + 1e-9)


uneven = st.lists(
    st.builds(
        lambda size, halving, frames, seconds, low, steps: Curve(
            frames, seconds, 40.0, size, 13.0, halving, 7.0, low, low + 0.5 * steps
        ),
        st.floats(1, 1e6),
        st.floats(3, 20),
        st.integers(1, 300),
        st.floats(0.04, 160),
        st.sampled_from([18.0, 30.0, 40.0]),
        st.integers(0, 30),
    ),
    min_size=1,
    max_size=14,
)
caps = st.builds(Caps, st.floats(1, 4), st.floats(1, 3))


@settings(deadline=None, max_examples=150)
@given(uneven, caps, st.data())
def test_every_run_keeps_its_cap_of_what_results_or_is_on_its_floors(given: list[Curve], limits: Caps, data) -> None:
    """Also where no values keep them: one chunk alone, all on their floors, limits that cannot hold."""
    values = [data.draw(st.sampled_from(np.arange(one.q_low, one.q_high + 0.1, 0.5).tolist())) for one in given]
    found = capped(given, values, 0.5, limits)
    assert all(q <= after <= one.q_high for one, q, after in zip(given, values, found, strict=True))
    sizes, seconds = taken(given, found)
    average = sum(sizes) / sum(seconds)
    broken = []
    runs = [(range(at, at + 1), limits.segment) for at in range(len(given))]
    for run, cap in [*runs, *((one, limits.window) for one in windows(seconds))]:
        length = sum(seconds[at] for at in run)
        if sum(sizes[at] for at in run) > cap * average * length * (1 + 1e-9):
            assert all(found[at] == given[at].q_high for at in run)
            broken.append(run)
    assert set(broken) <= set(over(sizes, seconds, limits))
    assert capped(given, found, 0.5, limits) == found


@settings(deadline=None, max_examples=150)
@given(st.lists(uneven.map(lambda some: some[0]), min_size=2, max_size=3), st.floats(1.05, 3))
def test_chunks_are_cut_no_more_than_every_way_of_keeping_the_caps_needs(given: list[Curve], cap: float) -> None:
    """Against all values on a grid: the outcome is the finest of those that keep the limits, chunk by chunk."""
    limits = Caps(cap, 1e9)
    grids = [np.linspace(one.q_high - 2.5, one.q_high, 6).tolist() for one in given]
    found = capped(given, [grid[0] for grid in grids], 0.5, limits)
    keeping = [values for values in product(*grids) if not over(*taken(given, values), limits)]
    if keeping:
        assert found in keeping
        assert all(q <= other for values in keeping for q, other in zip(found, values, strict=True))
    elif len(given) > 1:
        assert over(*taken(given, found), limits)


def test_a_chunk_alone_is_its_own_average() -> None:
    (q,) = allocate([replace(curve(300_000), q_high=60.0)], 93, 0.25, Caps(1.0, 1.0))
    assert (q,) == allocate([replace(curve(300_000), q_high=60.0)], 93, 0.25)


def test_silence_that_takes_next_to_nothing_ends_at_the_floors_of_the_rest() -> None:
    """What lies below two thirds of the time cannot keep 1.5 times an average that it makes alone."""
    dark, lit = replace(curve(1.0), q_low=40.0), replace(curve(90_000), q_low=30.0)
    given = [*[dark] * 100, *[lit] * 100]
    values = allocate(given, 93, 0.25, Caps())
    assert set(values[100:]) == {40.0}
    sizes, seconds = taken(given, values)
    assert over(sizes, seconds, Caps())
    worst = worst_window(sizes, seconds)
    assert worst is not None
    assert worst.times == pytest.approx(2, rel=1e-3)
    assert worst_segment(sizes, seconds).times == pytest.approx(2, rel=1e-3)


def probe(q: float, size: int, mean: float) -> Probe:
    return Probe(q, size, mean, mean - 2, mean - 5)


def test_slopes_come_from_the_trials() -> None:
    probes = [probe(40, 40_000, 84), probe(34, 80_000, 92), probe(37, 56_569, 100 - 11.3137)]
    found = fit(probes, probes[0], 100, 4.0, (18, 1e9))
    assert (found.halving, found.doubling) == (pytest.approx(6, rel=1e-3), pytest.approx(6, rel=1e-3))
    assert (found.q_low, found.q_high) == (18, 40)


@pytest.mark.parametrize(
    "probes",
    [
        [probe(40, 40_000, 84)],
        [probe(40, 40_000, 84), probe(34, 39_000, 83)],  # not monotone
        [probe(40, 40_000, 100), probe(34, 40_000, 100)],  # all black
        [probe(40, 1, 84), probe(34, 900_000, 99.9)],
    ],
)
def test_trials_that_say_little_give_a_curve_all_the_same(probes: list[Probe]) -> None:
    found = fit(probes, probes[0], 1, 0.04, (18, 1e9))
    assert 3 <= found.halving <= 20
    assert 3 <= found.doubling <= 30
    (q,) = allocate([found], 93, 0.25, Caps())
    assert found.q_low <= q <= found.q_high


def test_slopes_are_those_to_the_nearest_trial_that_is_far_enough_to_tell() -> None:
    """Curves bend: a trial 20 units away says little of the next three."""
    here, near, far, beside = probe(30, 64_000, 92), probe(36, 32_000, 84), probe(10, 70_000, 92.5), probe(29, 1, 1)
    found = fit([far, here, near, beside], here, 100, 4.0, (8, 1e9))
    assert (found.halving, found.doubling) == (pytest.approx(6), pytest.approx(6))
    alone = fit([here, beside], here, 100, 4.0, (8, 1e9), 17.0)
    assert (alone.halving, alone.doubling) == (10, 17)


@pytest.mark.parametrize("score", [98.0, 92.0, 70.0])
def test_the_floor_is_where_the_curve_meets_the_least_score(score: float) -> None:
    found = fit([probe(28, 160_000, score)], probe(28, 160_000, score), 100, 4.0, (18, 1e9), 7.0)
    floor = floor_of(found, score, 84, (1, 63), 0.25)
    assert replace(found, q_high=63.0).loss_at(floor) == pytest.approx(16, rel=0.02)
    assert floor_of(found, score, 84, (27, 29), 0.25) == min(max(floor, 27), 29)


@settings(deadline=None, max_examples=40)
@given(curves, st.floats(80, 99))
def test_at_their_price_chunks_have_the_mean(given: list[Curve], target: float) -> None:
    price = price_of(given, target)
    if price is None:
        assert mean_quality(given, [one.q_low for one in given]) < target
        return
    mean = mean_quality(given, [one.at_price(price) for one in given])
    assert mean == pytest.approx(max(target, mean_quality(given, [one.q_high for one in given])), abs=0.01)
    assert allocate(given, target, 1e-6) == pytest.approx([one.at_price(price) for one in given], abs=1e-3)


def test_where_floors_alone_are_better_than_the_mean_nothing_is_paid() -> None:
    """Their price rounds to nothing, and a chunk that is offered nothing has its floor."""
    good = [replace(curve(loss=5.0), q_high=curve().q)] * 3
    price = price_of(good, 90.0)
    assert price is not None
    assert round(price, 3) == 0
    assert good[0].at_price(round(price, 3)) == good[0].at_price(price) == good[0].q_high


def test_without_chunks_there_is_no_price() -> None:
    assert price_of([], 93) is None


def again(given: list[Curve], values: list[float], target: float, **changes: object) -> tuple[int, ...]:
    return worth_again(given, values, target, **({"far": 3.0, "near": 0.15, "least": 0.5} | changes))


def test_only_chunks_far_from_their_value_are_made_again_where_the_mean_is_right() -> None:
    given = [replace(curve(), q_high=50.0) for _ in range(4)]
    mean = mean_quality(given, [40.0] * 4)
    assert again(given, [40.0, 41, 38, 42.9], mean) == ()
    assert again(given, [44.0, 41, 36.5, 40], mean, near=9.0) == (0, 2)
    assert again(given, [44.0, 41, 36.5, 40], mean, far=10.0) == ()


def test_the_farthest_are_made_again_until_the_mean_is_right_and_no_more() -> None:
    given = [replace(curve(), q_high=50.0) for _ in range(6)]
    values = [38.0, 37.5, 39.5, 39.9, 38.5, 40.2]
    wanted = mean_quality(given, [38.0, 37.5, 40, 40, 40, 40])
    assert again(given, values, wanted) == (0, 1)
    assert again(given, values, mean_quality(given, values), near=0.001) == (0, 1, 2, 4)
    assert again(given, values, 99.0) == (0, 1, 2, 4)  # the others lie too near to their value


def test_chunks_below_their_floor_and_those_that_keep_a_rate_are_made_again() -> None:
    given = [replace(curve(), q_high=39.0), replace(curve(), q_high=39.9), replace(curve(), q_high=50.0)]
    mean = mean_quality(given, [40.0] * 3)
    assert again(given, [39.0, 39.9, 41.0], mean, near=9.0) == (0,)
    assert again(given, [39.0, 39.9, 41.0], mean, near=9.0, bound=[2]) == (0, 2)


def test_a_chunk_is_never_made_finer_than_its_rate_allows() -> None:
    found = fit([probe(40, 40_000, 84)], probe(40, 40_000, 84), 100, 4.0, (18, 80_000))
    assert found.bytes_at(found.q_low) == pytest.approx(80_000)
    already = fit([probe(40, 40_000, 84)], probe(40, 40_000, 84), 100, 4.0, (18, 30_000))
    assert already.q_low == already.q_high == 40


def test_a_chunk_that_ended_above_the_worst_comes_down_to_it_where_it_is_large() -> None:
    """What is lacking doubles with 7 units of q, bytes halve with 6: 8 to 9 are 1.19 units and save 13 %."""
    large, small = curve(1e6), curve(5e4)
    scores, floors, band = [92.0, *[91.0] * 4], [91.2] * 5, (-0.5, 0.0)
    found = evened([large, *[small] * 4], scores, floors, band)
    assert found == {0: pytest.approx(40 + 7 * log2(9 / 8))}
    assert evened([small] * 5, scores, floors, band) == {}
    assert evened([large, *[small] * 4], [91.0] * 5, floors, band) == {}
    not_so_far = evened([large, *[small] * 4], scores, floors, (-0.1, 0.0))
    assert not_so_far == {0: pytest.approx(40 + 7 * log2(8.9 / 8))}
    assert evened([large], scores[:1], floors[:1], band) == evened([], [], [], band) == {}


def test_the_worst_chunk_is_made_finer_where_it_is_small() -> None:
    """Nine chunks reach 93 and one with a fifth of their bytes 92.6: it comes up, but no farther than they or its floor
    are, nor where it is as large as they, or its rate allows no finer value."""
    large, small = curve(1e6), curve(2e5)
    scores, band = [92.6, *[93.2] * 9], (-0.3, 0.0)
    found = evened([small, *[large] * 9], scores, [93.0] * 10, band)
    assert found == {0: pytest.approx(40 - 7 * log2(7.4 / 7))}
    assert evened([small, *[large] * 9], scores, [93.4] * 10, band) == {0: pytest.approx(40 - 7 * log2(7.4 / 6.8))}
    assert evened([small, *[large] * 9], scores, [93.0] * 10, (-0.3, -0.4)) == {}
    assert evened([replace(small, q_low=39.9), *[large] * 9], scores, [93.0] * 10, band) == {}
    assert evened([curve(3e7), *[large] * 9], scores, [93.0] * 10, band) == {}


def test_few_chunks_are_made_finer() -> None:
    """One in eight, rounded up: of sixteen two, and no third, though it were worth it."""
    curves, floors, band = [*[curve(1e3)] * 3, *[curve(1e6)] * 13], [93.0] * 16, (-0.3, 0.0)
    assert set(evened(curves, [92.6, 92.6, *[93.2] * 14], floors, band)) == {0, 1}
    assert evened(curves, [92.6, 92.6, 92.6, *[93.2] * 13], floors, band) == {}


@given(st.lists(st.tuples(st.floats(2e4, 1e6), st.floats(92.55, 93.45)), min_size=2, max_size=12))
def test_evening_brings_every_chunk_to_one_level_or_leaves_it(chunks: list[tuple[float, float]]) -> None:
    """What it promises: no chunk moved ends above its floor or, made coarser, below where the worst ends."""
    given = [curve(size) for size, _ in chunks]
    scores = [score for _, score in chunks]
    found = evened(given, scores, [93.0] * len(chunks), (-0.25, 0.0))
    ended = {place: 100 - (100 - scores[place]) * 2 ** ((q - 40) / 7) for place, q in found.items()}
    assert all(score <= 93 + 1e-6 for score in ended.values())
    after = [ended.get(place, score) for place, score in enumerate(scores)]
    assert min(after) >= min(scores) - 1e-6
