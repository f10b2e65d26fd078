"""Playlists as a function of the clock: continuous for hours, under embargo, the same from every replica."""

from __future__ import annotations

import random
from fractions import Fraction
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_programmes import START, schedule, slate, synthetic

from footlights.encoding.hls import read_media
from footlights.errors import UsageError
from footlights.premiere import dash, hls
from footlights.premiere.schedule import HOLD, Schedule, plan

LINE = schedule()
TRACKS = tuple(LINE.lines)


def tag(text: str, name: str) -> str:
    (found,) = [line.split(":", 1)[1] for line in text.splitlines() if line.startswith(f"#{name}:")]
    return found


def test_the_line_is_without_holes_and_the_programme_begins_exactly_on_time() -> None:
    for line in LINE.lines.values():
        assert line[0].start == 0
        assert all(late.start == early.end for early, late in pairwise(line))
        assert [entry.number for entry in line] == list(range(len(line)))
        first = next(entry for entry in line if entry.part == 1)
        assert LINE.opening + first.start == START
        assert LINE.opening + line[-1].end == LINE.end


def test_the_slate_repeats_its_middle_with_time_going_on() -> None:
    line = [entry for entry in LINE.lines["sound-1"] if entry.part == 0]
    files = [entry.file for entry in line]
    assert files[:2] == ["sound-1/00001.m4s", "sound-1/00002.m4s"]
    assert set(files[2:-2]) == {"sound-1/00003.m4s", "sound-1/00004.m4s"}
    assert files[-2:] == ["sound-1/00005.m4s", "sound-1/00006.m4s"]
    assert all(late.tick == early.tick + early.duration for early, late in pairwise(line))


def test_hours_of_playlists_is_continuous() -> None:
    """Instants of a fuzzed clock, in order: nothing is taken back, numbered anew, or shown before its time."""
    day = schedule(synthetic([240] * 1000), lobby=4000)
    draw = random.Random(5)
    moments = sorted(day.opening + Fraction(draw.uniform(0, float(day.duration) + 90)) for _ in range(120))
    edges = [day.doors, day.end, day.ending, day.end + HOLD, *draw.sample(day.turns, 40)]
    for name in TRACKS:
        known: dict[int, str] = {}
        before = 0
        for now in sorted([*moments, *edges, *(edge - Fraction(1, 1000) for edge in edges)]):
            text = hls.media(day, name, now)
            if now < day.doors:
                assert text == ""
                continue
            playlist = read_media(text)
            first = int(tag(text, "EXT-X-MEDIA-SEQUENCE"))
            for number, segment in enumerate(playlist.segments, start=first):
                assert known.setdefault(number, segment.uri) == segment.uri
                assert day.due(day.lines[name][number], now)
            assert max(segment.duration for segment in playlist.segments) < playlist.target + Fraction(1, 2)
            if now < day.end + HOLD:
                assert first >= before
                assert sum(segment.duration for segment in playlist.segments) >= day.window - Fraction(1, 1000)
                before = first
            # The last segments are listed before it is said that they are the last.
            assert playlist.ended == (now >= day.ending)
            if day.end + Fraction(1, 1000) <= now < day.end + HOLD:
                assert playlist.segments[-1].uri.endswith(day.lines[name][-1].file)


def test_the_newest_segment_is_always_listed_the_next_never() -> None:
    line = LINE.lines["av1-144"]
    for entry in random.Random(1).sample([one for one in line if one.end > LINE.window], 40):
        due = LINE.opening + entry.end
        assert LINE.seen("av1-144", due)[-1] == entry
        assert entry not in LINE.seen("av1-144", due - Fraction(1, 10**9))


@settings(max_examples=60, deadline=None)
@given(st.fractions(-50, 1000, max_denominator=10**6))
def test_two_replicas_and_one_that_was_restarted_agree_byte_for_byte(offset: Fraction) -> None:
    other = schedule()
    now = START + offset
    for name in TRACKS:
        assert hls.media(LINE, name, now) == hls.media(other, name, now)
        # What was said last is what is said until the next turn: nothing depends on when it was asked.
        assert hls.media(LINE, name, now) == hls.media(LINE, name, LINE.changed(now))
    assert dash.manifest(LINE, now) == dash.manifest(other, now) == dash.manifest(LINE, LINE.changed(now))


def test_breaks_are_counted_as_they_leave_the_window() -> None:
    three = schedule(synthetic([240] * 12), synthetic([200] * 9), synthetic([240] * 12))
    seen = []
    for now in three.turns:
        if three.doors <= now < three.end + HOLD:
            text = hls.media(three, "av1-144", now)
            first = int(tag(text, "EXT-X-MEDIA-SEQUENCE"))
            count = int(tag(text, "EXT-X-DISCONTINUITY-SEQUENCE"))
            assert count == three.lines["av1-144"][first].part
            listed = text.count("#EXT-X-DISCONTINUITY\n")
            assert count + listed == three.seen("av1-144", now)[-1].part
            assert text.count("#EXT-X-MAP") == listed + 1
            # Sound may be a packet behind; every break has the same number in it.
            other = hls.media(three, "sound-1", now)
            assert abs(int(tag(other, "EXT-X-DISCONTINUITY-SEQUENCE")) - count) <= 1
            seen.append(count)
    assert sorted(set(seen)) == [0, 1, 2, 3]
    assert seen == sorted(seen)


def test_the_end_and_what_comes_after() -> None:
    last = hls.media(LINE, "av1-144", LINE.ending)
    assert last.endswith("#EXT-X-ENDLIST\n")
    assert hls.media(LINE, "av1-144", LINE.end) == last.removesuffix("#EXT-X-ENDLIST\n")
    assert "PLAYLIST-TYPE" not in last
    assert "#EXT-X-ENDLIST" not in hls.media(LINE, "av1-144", LINE.end - Fraction(1, 1000))
    later = read_media(hls.media(LINE, "av1-144", LINE.end + HOLD))
    assert len(later.segments) == 80
    assert sum(one.duration for one in later.segments) == pytest.approx(float(LINE.duration - LINE.parts[1].start))
    assert all(one.uri.startswith("1/") for one in later.segments)


def test_program_date_time_is_that_of_the_wall() -> None:
    text = hls.media(LINE, "av1-144", START + 10)
    begins = text.split("#EXT-X-DISCONTINUITY\n")[1].split("\n")[1]
    assert begins == f"#EXT-X-PROGRAM-DATE-TIME:{hls.instant(START)}"
    assert hls.instant(START) == "2027-01-15T08:00:00.000Z"


def listed(text: str, base: str) -> dict[str, list[str]]:
    """Addresses of all segments by representation, from the manifest alone."""
    space = "{urn:mpeg:dash:schema:mpd:2011}"
    found: dict[str, list[str]] = {}
    for period in ElementTree.fromstring(text).iter(f"{space}Period"):
        prefix = period.findtext(f"{space}BaseURL")
        for group in period.iter(f"{space}AdaptationSet"):
            template = group.find(f"{space}SegmentTemplate")
            count = sum(int(one.get("r", 0)) + 1 for one in template.iter(f"{space}S"))
            for one in group.iter(f"{space}Representation"):
                first = int(template.get("startNumber"))
                found.setdefault(one.get("id"), []).extend(
                    f"{base}{prefix}{one.get('id')}/{number:05d}.m4s" for number in range(first, first + count)
                )
    return found


def test_dash_lists_the_same_files_as_hls_but_at_a_break_what_one_track_has_not_yet() -> None:
    for now in LINE.turns[:: max(1, len(LINE.turns) // 40)]:
        if now < LINE.doors:
            continue
        addresses = listed(dash.manifest(LINE, now), "")
        for name in TRACKS:
            hls_files = [one.uri for one in read_media(hls.media(LINE, name, now)).segments]
            missing = set(hls_files) - set(addresses[name])
            assert addresses[name] == [file for file in hls_files if file not in missing]
            assert missing <= {hls_files[0], hls_files[-1]}


def test_dash_says_when_it_is_live_when_over_and_when_on_demand() -> None:
    def root(now: Fraction) -> ElementTree.Element:
        return ElementTree.fromstring(dash.manifest(LINE, now))

    assert dash.manifest(LINE, LINE.doors - 1) == ""
    live, last, over, later = (root(now) for now in (START, LINE.end, LINE.closing, LINE.end + HOLD))
    assert (live.get("type"), last.get("type"), over.get("type")) == ("dynamic", "dynamic", "dynamic")
    assert live.get("availabilityStartTime") == hls.instant(LINE.opening)
    assert live.get("minimumUpdatePeriod")
    assert live.get("mediaPresentationDuration") is None
    # The last segment is listed while the manifest is still asked for: Shaka fetches none of a later one.
    assert last.get("minimumUpdatePeriod")
    assert last.get("mediaPresentationDuration") is None
    periods = [[one for one in seen if one.tag.endswith("Period")] for seen in (last, over)]
    assert periods[1][-1].attrib.pop("duration")
    kept = [[ElementTree.tostring(one).split() for one in seen] for seen in periods]
    assert kept[0] == kept[1]
    assert over.get("minimumUpdatePeriod") is None
    assert over.get("mediaPresentationDuration")
    assert LINE.closing in LINE.turns
    # A viewer five target durations behind, with ten seconds in the buffer, still has the last segment to ask for.
    lagging = root(LINE.end + 5 * LINE.target - 10)
    assert lagging.get("minimumUpdatePeriod")
    assert LINE.end < LINE.ending < LINE.closing <= LINE.end + min(LINE.window, HOLD)
    assert later.get("type") == "static"
    assert later[0].get("start") == "PT0.000000S"


def test_dash_says_how_long_a_period_is_when_the_next_one_is_listed() -> None:
    """dash.js takes a whole period without a next one for the end of the presentation."""
    counts = set()
    for now in (turn for turn in LINE.turns if LINE.doors <= turn < LINE.closing):
        found = [one for one in ElementTree.fromstring(dash.manifest(LINE, now)) if one.tag.endswith("Period")]
        assert [one.get("duration") is None for one in found] == [False] * (len(found) - 1) + [True]
        counts.add(len(found))
    assert max(counts) > 1


@pytest.mark.parametrize(("lobby", "window"), [(-1, 60), (90_000, 60), (0, 5), (0, 90_000)])
def test_lengths_that_make_no_sense_are_refused(lobby: int, window: int) -> None:
    with pytest.raises(UsageError, match="cannot be"):
        schedule(lobby=lobby, window=window)


def test_the_shortest_lobby_still_fills_a_window() -> None:
    short: Schedule = plan([synthetic([60])], START, slate(), lobby=Fraction(0), window=Fraction(20))
    assert short.doors <= START
    assert len(read_media(hls.media(short, "av1-144", short.doors)).segments) >= 3
