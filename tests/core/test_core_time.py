"""Time: ranges, timecode against SMPTE ST 12-1 values, time maps."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footlights.core.time import FrameRange, Span, SpanKind, TimeMap, clock, timecode

NTSC = Fraction(30000, 1001)


@pytest.mark.parametrize(
    ("frame", "rate", "expected"),
    [
        (0, NTSC, "00:00:00;00"),
        (1799, NTSC, "00:00:59;29"),
        (1800, NTSC, "00:01:00;02"),
        (17981, NTSC, "00:09:59;29"),
        (17982, NTSC, "00:10:00;00"),
        (107892, NTSC, "01:00:00;00"),
        (90, Fraction(25), "00:00:03:15"),
        (181, Fraction(50), "00:00:03:15.1"),
        (3600, 2 * NTSC, "00:01:00;02"),
    ],
)
def test_timecode_matches_known_values(frame: int, rate: Fraction, expected: str) -> None:
    assert timecode(frame, rate) == expected


@given(st.integers(0, 500_000))
def test_drop_frame_timecodes_are_strictly_increasing(frame: int) -> None:
    assert timecode(frame, NTSC) < timecode(frame + 1, NTSC)


@given(st.integers(-100, 100), st.integers(0, 300), st.integers(1, 50))
def test_split_covers_a_range_without_overlap(start: int, length: int, part: int) -> None:
    whole = FrameRange(start, start + length)
    parts = list(whole.split(part))
    assert [frame for one in parts for frame in one] == list(whole)
    assert all(0 < len(one) <= part for one in parts)


@given(*[st.integers(-50, 50)] * 4)
def test_intersection_holds_exactly_the_common_frames(a: int, b: int, c: int, d: int) -> None:
    first, second = FrameRange(min(a, b), max(a, b)), FrameRange(min(c, d), max(c, d))
    assert set(first.intersect(second)) == set(first) & set(second)


def test_range_cannot_stop_before_it_starts() -> None:
    with pytest.raises(ValueError, match="before it starts"):
        FrameRange(5, 4)


def test_scaling_to_field_rate_doubles_and_refuses_broken_frames() -> None:
    assert FrameRange(3, 7).scale(Fraction(2)) == FrameRange(6, 14)
    with pytest.raises(ValueError, match="whole frames"):
        FrameRange(3, 7).scale(Fraction(1, 2))


def test_time_map_must_leave_no_output_frame_without_a_span() -> None:
    with pytest.raises(ValueError, match="belong to no span"):
        TimeMap(NTSC, NTSC * 2, (Span(FrameRange(2, 4), FrameRange(1, 2), SpanKind.ORIGINAL),))


@pytest.mark.parametrize(("seconds", "text"), [(3.21, "3.2 s"), (65, "1:05"), (3723, "1:02:03")])
def test_clock_reads_like_a_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text
