"""Rates of runs against the average: windows of whole segments, and which of them are over a limit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footlights.encoding.peaks import BILLING_WINDOW, Caps, over, windows, worst_segment, worst_window


@given(st.lists(st.floats(0.5, 90), max_size=60))
def test_windows_are_the_fewest_segments_that_last_five_minutes(seconds: list[float]) -> None:
    found = windows(seconds)
    for run in found:
        assert sum(seconds[at] for at in run) >= BILLING_WINDOW - 1e-6
        assert sum(seconds[at] for at in run[:-1]) < BILLING_WINDOW + 1e-6
    assert [run.start for run in found] == list(range(len(found)))
    if found:
        assert sum(seconds[found[-1].start + 1 :]) < BILLING_WINDOW + 1e-6
    else:
        assert sum(seconds[1:]) < BILLING_WINDOW + 1e-6


def test_a_programme_of_one_window_has_none() -> None:
    assert windows([4.0] * 75) == []
    assert worst_window([1.0] * 75, [4.0] * 75) is None
    assert len(windows([4.0] * 76)) == 2


def test_the_worst_segment_has_the_highest_rate_and_not_the_most_bytes() -> None:
    found = worst_segment([100, 100, 80], [4.0, 4.0, 2.0])
    assert (found.places, found.times) == (range(2, 3), pytest.approx(40 / 28))
    assert over([100, 100, 80], [4.0, 4.0, 2.0], Caps(1.4)) == [range(2, 3)]
    assert over([100, 100, 80], [4.0, 4.0, 2.0], Caps(1.5)) == []


def test_the_worst_window_is_where_the_bytes_are() -> None:
    sizes = [1.0] * 100 + [3.0] * 75 + [1.0] * 125
    found = worst_window(sizes, [4.0] * 300)
    assert found is not None
    assert found.places == range(100, 175)
    assert found.times == pytest.approx(3 / 1.5)


def test_what_takes_no_bytes_has_its_average_everywhere() -> None:
    assert worst_segment([0, 0], [4.0, 4.0]).times == 1
    assert over([0, 0], [4.0, 4.0], Caps()) == []
