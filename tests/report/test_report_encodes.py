"""The encoding section: bounded however many parts there are, with plots whose points are the trials."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction

from footlights.core import records
from footlights.core.encodes import ChunkEncode, EncodePlan, LeftOut, Probe
from footlights.core.time import FrameRange
from footlights.encoding import ladder
from footlights.report import page, summary
from footlights.report.rdplot import rd_plot
from footlights.report.sections import encodes as section
from footlights.settings import EncodingSettings


def encode(number: int) -> ChunkEncode:
    frames = FrameRange(100 * number, 100 * number + 100)
    trials = (Probe(40, 20_000 + number, 90, 88, 80, "prior"), Probe(36, 30_000 + number, 93, 91, 85, "slope"))
    return ChunkEncode("av1-270", frames, (0,), trials[1], trials, "reached", target=93.0)


def plan(parts: int) -> EncodePlan:
    rungs = ladder.rungs(480, 270, EncodingSettings(heights=(270,), h264_height=0))
    ranges = tuple(encode(number).frames for number in range(parts))
    return EncodePlan(rungs, ranges, ranges, Fraction(25), 100 * parts, (LeftOut("av1-180", "it looks <alike>"),))


def test_better_and_larger_is_up_and_right() -> None:
    drawn = rd_plot("av1-270", [encode(0)], 25.0)
    (points,) = re.findall(r'polyline class="rd" points="([^"]+)"', drawn)
    (x0, y0), (x1, y1) = ([float(value) for value in point.split(",")] for point in points.split())
    assert x1 < x0  # sorted by q: the second is coarser
    assert y1 > y0
    (dot,) = re.findall(r'circle class="rd" cx="([\d.]+)" cy="([\d.]+)"', drawn)
    assert (float(dot[0]), float(dot[1])) == (x0, y0)


def test_ten_thousand_parts_stay_a_small_page_and_text_is_escaped() -> None:
    many = [encode(number) for number in range(10_000)]
    text = page.page("film", [("encodes", section.ladder(plan(10_000), many))])
    assert len(text) < 120_000
    assert "9960 more are in report.json" in text
    assert "it looks &lt;alike&gt;" in text
    assert "36 (slope)" in text


def test_a_bad_second_is_warned_of_and_shown() -> None:
    """From more than three below the target on; of trials made before it was kept nothing is said."""
    seconds = (90.0, 89.9, 84.2, None)
    made = [
        replace(one, chosen=replace(one.chosen, second=second))
        for one, second in zip(map(encode, range(4)), seconds, strict=True)
    ]
    (told,) = summary.shortfalls(made)
    assert told.startswith("av1-270: 2 of 4 parts have a second whose mean VMAF lies more than 3 below the target")
    assert told.endswith("(-8.8 at most, in the part from frame 200)")
    assert not list(summary.shortfalls([made[0], made[3]]))
    assert [row["vmaf_second"] for row in summary.parts(made)] == list(seconds)
    (row,) = summary.renditions(plan(4), tuple(made))
    assert row["vmaf_second"] == 84.2
    (row,) = summary.renditions(plan(1), (made[3],))
    assert row["vmaf_second"] is None
    shown = page.page("film", [("encodes", section.ladder(plan(4), made))])
    assert '<th class="number">worst second</th>' in shown
    assert '<td class="number">84.2</td>' in shown


def test_squares_of_colour_are_warned_of_and_shown() -> None:
    """From more than two CIEDE2000 on; of HDR, and of trials made before it was kept, nothing is said."""
    colours = (0.8, 2.0, 2.1, 3.04, None)
    made = [
        replace(one, chosen=replace(one.chosen, colour=colour))
        for one, colour in zip(map(encode, range(5)), colours, strict=True)
    ]
    (told,) = summary.shortfalls(made)
    assert told.startswith("av1-270: 2 of 5 parts have blocks whose colour is off by more than 2 CIEDE2000")
    assert "(3.0 at most, from frame 300)" in told
    assert not list(summary.shortfalls([made[0], made[1], made[4]]))
    assert [row["colour"] for row in summary.parts(made)] == list(colours)
    (row,) = summary.renditions(plan(5), tuple(made))
    assert row["colour"] == 3.04
    (row,) = summary.renditions(plan(1), (made[4],))
    assert row["colour"] is None
    shown = page.page("film", [("encodes", section.ladder(plan(5), made))])
    assert '<td class="number">3.0</td>' in shown


def test_a_record_from_before_seconds_and_colour_were_kept_is_read() -> None:
    data = records.to_data(encode(0))
    for probe in (data["chosen"], *data["probes"]):
        del probe["second"], probe["colour"]
    assert records.from_data(ChunkEncode, data) == encode(0)


def test_without_a_stream_there_is_no_section() -> None:
    assert section.ladder(None, ()) is None
    assert section.ladder(plan(1), ()) is None
