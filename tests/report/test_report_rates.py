"""Rates of the finished files: the row of a rendition, and a sentence for every limit that is not kept."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest

from footlights.core.encodes import ChunkEncode, EncodePlan, Peak, Probe, RenditionRates
from footlights.core.signal import BT709_SIGNAL
from footlights.core.time import FrameRange
from footlights.encoding import ladder
from footlights.encoding.peaks import Caps
from footlights.engine.manifest import FileRecord
from footlights.pipeline.assembly import StreamRequest, Timing
from footlights.pipeline.finishedrates import finished_rates
from footlights.report import page, rates, summary
from footlights.report.sections import products
from footlights.settings import EncodingSettings


def stream(
    sizes: list[int], seconds: list[Fraction], caps: Caps | None
) -> tuple[EncodePlan, tuple[RenditionRates, ...]]:
    """Segments of 100 frames each, that last as long as they are said to."""
    parts = tuple(FrameRange(100 * number, 100 * number + 100) for number in range(len(sizes)))
    rungs = ladder.rungs(480, 270, EncodingSettings(heights=(270,), h264_height=0))
    plan = EncodePlan(rungs, parts, parts, Fraction(25), 100 * len(sizes))
    times, end = [], Fraction(0)
    for length in seconds:
        times += [end + length * frame / 100 for frame in range(100)]
        end += length
    request = StreamRequest(plan, Timing(Fraction(25), len(times), tuple(times), end), 128_000, signal=BT709_SIGNAL)
    files = {f"stream/av1-270/{number:05d}.m4s": FileRecord(size, "") for number, size in enumerate(sizes, 1)}
    others = {"stream/av1-270/init.mp4": 700, "stream/sound-1/00001.m4s": 9_999_999, "stream/master.m3u8": 500}
    return plan, finished_rates(request, files | {name: FileRecord(size, "") for name, size in others.items()}, caps)


def test_rates_are_those_of_the_segments_on_their_own_clock() -> None:
    """A second segment as large as the first in half the time has the highest rate; headers and sound do not count."""
    _, (found,) = stream([50_000, 50_000, 20_000], [Fraction(4), Fraction(2), Fraction(4)], None)
    assert found.average == 96_000
    assert found.segment.times == pytest.approx(200_000 / 96_000, abs=1e-4)
    assert found.segment.frames == FrameRange(100, 200)
    assert found.window is None
    assert list(rates.warnings([found])) == []


def test_where_a_mode_has_caps_what_breaks_them_is_told() -> None:
    sizes = [20_000] * 75 + [60_000] * 75 + [20_000] * 75
    _, (found,) = stream(sizes, [Fraction(4)] * 225, Caps())
    window, segment = found.window, found.segment
    assert window is not None
    assert (window.frames, segment.frames.start) == (FrameRange(7_500, 15_000), 7_500)
    assert (window.times, segment.times) == (pytest.approx(1.8), pytest.approx(1.8))
    (sentence,) = rates.warnings([found])
    assert sentence.startswith("av1-270: five minutes have 1.80 times the average rate of 67 kbit/s, 1.5 times are")
    assert "from frame 7500" in sentence
    _, (higher,) = stream([*sizes, 90_000], [Fraction(4)] * 226, Caps())
    assert [one.split(" times")[0] for one in rates.warnings([higher])] == [
        "av1-270: a segment has 2.68",
        "av1-270: five minutes have 1.79",
    ]


def test_without_caps_only_the_limit_of_the_size_is_one() -> None:
    """0.9 Mbit/s for up to 360 lines: 450,000 bytes in four seconds, and a little for the boxes around them."""
    seconds = [Fraction(4)] * 12
    for size, told in ((451_000, 0), (460_000, 1)):
        _, (found,) = stream([*[20_000] * 11, size], seconds, None)
        sentences = list(rates.warnings([found]))
        assert len(sentences) == told
    assert "av1-270: a segment has 920 kbit/s, more than the 900 of its size (from frame 1100)" in sentences[0]


def test_a_cap_is_kept_where_only_boxes_are_over_it() -> None:
    one = RenditionRates("av1-270", 100_000.0, 900_000, Peak(2.009, FrameRange(0, 100), 2.0), None)
    assert list(rates.warnings([one])) == []
    assert rates.is_over(Peak(2.011, FrameRange(0, 100), 2.0))


def test_report_and_page_have_the_peaks() -> None:
    sizes = [20_000] * 75 + [60_000] * 75 + [20_000] * 75
    plan, finished = stream(sizes, [Fraction(4)] * 225, Caps())
    probe = Probe(36, 30_000, 93, 91, 85)
    encodes = tuple(
        ChunkEncode("av1-270", part, (0,), probe, (probe,), "reached", target=93.0) for part in plan.segments
    )
    (row,) = summary.renditions(plan, encodes, finished)
    assert json.loads(json.dumps(row["peaks"])) == {
        "kbit_per_second": 120,
        "limit": 900,
        "segment": 1.8,
        "segment_start": 7500,
        "segment_cap": 2.0,
        "window": 1.8,
        "window_start": 7500,
        "window_cap": 1.5,
    }
    text = page.page("film", [("products", products.tables([row], (), {}))])
    assert '<td class="number">1.80 / 1.80</td>' in text
    assert any("1.80 times the average" in one for one in summary.shortfalls(encodes, finished))
    (unknown,) = summary.renditions(plan, encodes)
    assert unknown["peaks"] is None
