"""Continuity: timestamps to instants, holes counted, nothing moved."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footlights.core.source import DecodeFault, GapKind
from footlights.core.time import FrameRange
from footlights.ingest.continuity import clock, damaged, lost

NTSC = Fraction(30000, 1001)
TS = Fraction(1, 90000)
MS = Fraction(1, 1000)


def test_ntsc_in_90_khz_is_found_exactly() -> None:
    found = clock([48003 + 3003 * frame for frame in range(50)], TS, (NTSC,))
    assert (found.rate, found.slots, found.variable) == (NTSC, tuple(range(50)), False)
    assert found.pts[:3] == (0, 3003, 6006)


def test_milliseconds_of_matroska_do_not_blur_the_rate() -> None:
    found = clock([round(frame * 1001 / 30) for frame in range(300)], MS, (Fraction(2997, 100), None))
    assert (found.rate, found.slots) == (NTSC, tuple(range(300)))


@pytest.mark.parametrize("rate", [Fraction(313, 12), Fraction(331, 12)])
def test_the_mean_rate_of_two_systems_is_not_that_of_either(rate: Fraction) -> None:
    """A container whose first seconds are PAL and whose next are NTSC states a rate between them."""
    for frames in (8, 40, 100):
        found = clock([3600 * frame for frame in range(frames)], TS, (rate,))
        assert (found.rate, found.slots) == (Fraction(25), tuple(range(frames)))


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(1, 60), st.integers(1, 60))
def test_a_hole_is_counted_and_reported_where_it_is(missing: int, before: int, after: int) -> None:
    stamps = [3600 * frame for frame in range(before)] + [3600 * (before + missing + frame) for frame in range(after)]
    found = clock(stamps, TS, (Fraction(25),))
    (gap,) = lost(found.slots, found.rate)
    assert gap.kind is GapKind.LOST
    assert (gap.start, gap.stop) == (before, before)
    assert gap.slots == FrameRange(before, before + missing)


def test_soft_telecine_is_film_on_its_own_clock() -> None:
    """DVD film: frames shown for three and two fields in turn are 24000/1001 progressive frames."""
    stamps, now = [], 0
    for frame in range(100):
        stamps.append(now)
        now += 4504 if frame % 2 == 0 else 3003
    found = clock(stamps, TS, (NTSC,))
    assert (found.rate, found.slots) == (Fraction(24000, 1001), tuple(range(100)))


def test_frames_without_a_common_clock_keep_their_times() -> None:
    stamps = [0, 40, 47, 130, 180, 195, 300, 333, 390, 480]
    found = clock(stamps, MS, (Fraction(25),))
    assert found.variable
    assert found.pts == tuple(stamps)
    assert found.slots == tuple(range(10))


@pytest.mark.parametrize("jump", [-5_000_000, 20 * 90000, 95443 * 90000])
def test_a_jump_of_the_clock_is_taken_out_and_told(jump: int) -> None:
    stamps = [3003 * frame for frame in range(20)] + [3003 * frame + jump for frame in range(20, 40)]
    found = clock(stamps, TS, (NTSC,))
    assert found.slots == tuple(range(40))
    assert any("clock jumps" in note and "frame 20" in note for note in found.notes)


def test_missing_timestamps_follow_the_frame_before() -> None:
    found = clock([None] * 10, Fraction(1, 1200000), (Fraction(25),))
    assert found.slots == tuple(range(10))
    assert "10 frames carry no time" in found.notes[0]


def test_one_frame_is_a_tape_too() -> None:
    found = clock([7], TS, (Fraction(25),))
    assert (found.rate, found.slots, found.pts) == (Fraction(25), (0,), (0,))


def test_damage_is_grouped_into_runs_with_timecodes() -> None:
    faults = [
        DecodeFault(3, "ac-tex damaged"),
        DecodeFault(4, "again"),
        DecodeFault(9, "end"),
        DecodeFault(99, "after the end"),
    ]
    gaps = damaged(faults, tuple(range(12)), Fraction(25))
    assert [(gap.start, gap.stop) for gap in gaps] == [(3, 5), (9, 10), (11, 12)]
    assert gaps[0].evidence == "ac-tex damaged"
    assert gaps[1].timecode == "00:00:00:09"
