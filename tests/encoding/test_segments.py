"""Segments: the cheapest division there is, and what that means for cuts, lengths and key frames."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footlights.encoding.segments import SegmentRules, candidates, key_frames, segmentation_cost, segments

RATE = Fraction(60000, 1001)


def programme(frames: int, rate: Fraction = RATE) -> tuple[list[Fraction], Fraction]:
    return [number / rate for number in range(frames)], frames / rate


def lengths(parts, times, end) -> list[Fraction]:
    marks = [*(times[part.start] for part in parts), end]
    return [late - early for early, late in pairwise(marks)]


QUICK = SegmentRules(shortest=Fraction(1), longest=Fraction(3), target=Fraction(2))
"""The same rules on a shorter scale, so that a few candidates make several segments."""


@settings(max_examples=50, deadline=None)
@given(
    frames=st.integers(1, 140),
    rate=st.sampled_from([Fraction(25), Fraction(30000, 1001)]),
    rules=st.sampled_from([SegmentRules(), QUICK]),
    data=st.data(),
)
def test_no_other_division_is_cheaper(frames, rate, rules, data):
    times, end = programme(frames, rate)
    cuts = data.draw(st.lists(st.integers(0, frames - 1), max_size=2))
    parts = segments(cuts, times, end, rules)
    assert [part.start for part in parts] == [0, *(part.stop for part in parts[:-1])]
    assert parts[-1].stop == frames
    places = candidates(cuts, times, end, rules)
    price = {pair: segmentation_cost(pair, cuts, times, end, rules) for pair in combinations(places, 2)}
    cheapest = min(
        sum(price[pair] for pair in pairwise([0, *chosen, frames]))
        for count in range(len(places) - 1)
        for chosen in combinations(places[1:-1], count)
    )
    assert sum(price[part.start, part.stop] for part in parts) == pytest.approx(cheapest, abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(
    seconds=st.integers(4, 120),
    rate=st.sampled_from([Fraction(25), Fraction(30000, 1001), RATE]),
    data=st.data(),
)
def test_lengths_stay_within_the_limits(seconds, rate, data):
    times, end = programme(int(seconds * rate), rate)
    cuts = data.draw(st.lists(st.integers(1, len(times) - 1), max_size=40))
    for length in lengths(segments(cuts, times, end), times, end):
        assert 2 <= length <= 6


def test_without_cuts_segments_last_four_seconds():
    times, end = programme(40 * 25, Fraction(25))
    found = lengths(segments([], times, end), times, end)
    assert found == [4] * 10


def test_boundaries_prefer_cuts():
    times, end = programme(20 * 60)
    cuts = [180, 400, 650, 900]
    starts = {part.start for part in segments(cuts, times, end)}
    assert starts >= set(cuts)


def test_a_boundary_is_on_a_cut_or_well_away_from_it():
    times, end = programme(30 * 60)
    cuts = [235, 246, 480 + 5, 730, 957]  # some beside half seconds, where the grid would put a boundary
    for part in segments(cuts, times, end)[1:]:
        assert part.start in cuts or all(abs(times[part.start] - times[cut]) > Fraction(1, 5) for cut in cuts)


@pytest.mark.parametrize("frames", [1, 2, 60, 119, 121, 239])
def test_short_programmes_are_one_segment(frames):
    times, end = programme(frames)
    assert len(segments([frames // 2], times, end)) == 1


def test_a_tail_is_shared_out_rather_than_left_short():
    times, end = programme(round(float(9 * RATE)))
    assert all(length >= 2 for length in lengths(segments([], times, end), times, end))


def test_a_hole_longer_than_any_segment_is_accepted():
    times = [Fraction(k, 25) for k in range(100)] + [Fraction(14) + Fraction(k, 25) for k in range(100)]
    parts = segments([], times, Fraction(18))
    assert parts[-1].stop == 200
    assert max(lengths(parts, times, Fraction(18))) >= 10


def test_key_frames_stand_at_boundaries_and_at_cuts_with_room():
    times, end = programme(8 * 60)
    parts = segments([], times, end)
    cuts = [30, 90, 100, parts[1].start + 30, 400, 470]
    keys = key_frames(parts, cuts, times, end)
    assert [key for key in keys if key not in {part.start for part in parts}] == [90, 400]
    assert {part.start for part in parts} <= set(keys)
    assert list(keys) == sorted(set(keys))


def test_two_hours_take_little_time():
    times, end = programme(2 * 3600 * 25, Fraction(25))
    assert segments(range(80, len(times), 113), times, end)[-1].stop == len(times)
