"""The stream in a real Chromium: hls.js and Shaka play it to the end, frame by frame the right pictures."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from bars import CLICK_EVERY, CLICK_FROM, FRAMES, RATE, SIZES

pytestmark = pytest.mark.browser

DURATION = FRAMES / RATE
EXACT_FRAMES = [0, 1, 2, 5, 74, 75, 99, 100, 101, 119, 120, 179, 180, 200, FRAMES - 1]
MAX_STALL = 1000.0
"""Milliseconds in all; an idle machine has none."""
MAX_DROPPED = FRAMES // 10
"""Frames decoded and not painted: a busy machine without a GPU leaves some out. A fault of the stream shows in `errors`
and `total`."""
ATTEMPTS = 4


def check_played(seen: dict[str, Any], record: Any) -> None:
    for name in ("stalled", "dropped", "total", "took"):
        record(name, round(seen[name], 3))
    assert seen["errors"] == []
    assert seen["ended"]
    assert abs(seen["time"] - float(DURATION)) < 0.02
    assert seen["took"] < float(DURATION) + 3
    assert seen["stalled"] <= MAX_STALL
    assert seen["corrupted"] == 0
    assert seen["total"] >= FRAMES - FRAMES // 100
    assert seen["dropped"] <= MAX_DROPPED
    assert seen["audioBytes"] > 0
    check_pictures(seen["samples"])


def check_pictures(samples: list[tuple[float, float, int]]) -> None:
    """Time goes forward, and the painted number is that of the frame due: at nine moments of ten at most half a frame
    beyond the next (the page's clock stands still while a busy machine paints) and at most two frames late, at none
    more than two early or eight late. Which frame belongs to which time exactly is tested by seeking."""
    times = [before for before, _, _ in samples]
    assert times == sorted(times)
    assert len(samples) > 20
    late = [before * float(RATE) - number for before, _, number in samples]
    early = [number - after * float(RATE) for _, after, number in samples]
    assert sorted(early)[9 * len(early) // 10] <= 1.5, early
    assert max(early) <= 2.2, early
    assert sorted(late)[9 * len(late) // 10] <= 2.2, late
    assert max(late) <= 8, late


def test_hls_js_plays_av1_and_switches_levels(page: Any, record_property: Any):
    levels = page.evaluate("() => loadHls('av01')")
    assert [width for width, _, _ in levels] == [128, 256]
    seen = page.evaluate("() => play(chooseHls, [[1.5, 128], [4.5, 256]], null)")
    check_played(seen, record_property)
    assert 128 in seen["switches"]
    assert seen["switches"][-1] == 256


def test_hls_js_plays_h264(page: Any, record_property: Any):
    assert [width for width, _, _ in page.evaluate("() => loadHls('avc1')")] == [256]
    check_played(page.evaluate("() => play(chooseHls, [], null)"), record_property)


@pytest.mark.parametrize(
    ("source", "codec"), [("manifest.mpd", "av01"), ("manifest.mpd", "avc1"), ("master.m3u8", "av01")]
)
def test_shaka_plays_and_switches(page: Any, record_property: Any, source: str, codec: str):
    tracks = page.evaluate("([codec, source]) => loadShaka(codec, 'stream/' + source)", [codec, source])
    assert {name.split(".")[0] for _, name, _ in tracks} == {codec}
    changes = [[1.5, 128], [4.5, 256]] if codec == "av01" else []
    seen = page.evaluate("changes => play(chooseShaka, changes, null)", changes)
    check_played(seen, record_property)
    if changes:
        assert seen["switches"][-2:] == [128, 256]


@pytest.mark.parametrize("codec", ["av01", "avc1"])
def test_seeking_shows_exactly_the_frame(page: Any, codec: str):
    """Also for H.264, whose pictures are reordered: the edit list is honoured."""
    page.evaluate("codec => loadHls(codec)", codec)
    times = [float((frame + Fraction(1, 2)) / RATE) for frame in EXACT_FRAMES]
    assert page.evaluate("times => shownAt(times)", times) == EXACT_FRAMES


def test_the_browsers_parser_gives_every_track_the_same_range(page: Any, site: str):
    codecs = {"av1": "av01.0.00M.10", "h264": "avc1.64000C"}
    for name in SIZES:
        kind = f'video/mp4; codecs="{codecs[name.split("-")[0]]}"'
        ((start, end),) = page.evaluate("([name, kind]) => bufferedRange(name, kind)", [name, kind])
        assert (start, end) == (0, pytest.approx(float(DURATION), abs=2e-6))
    ((start, end),) = page.evaluate("""() => bufferedRange('sound-1', 'audio/mp4; codecs="mp4a.40.2"')""")
    assert (start, end) == (0, pytest.approx(float(DURATION), abs=2e-5))


def test_sound_is_heard_to_the_sample(page: Any):
    """Recorded from the element after an exact seek: without the edit list over priming it is 1024 samples late.

    A busy machine leaves single blocks of 128 samples out of what is recorded, another one each time; a stream that is
    wrong is wrong in every recording."""
    page.evaluate("() => loadHls('av01')")
    begin = Fraction(5, 4)
    rise = 105  # samples until the burst is louder than the threshold
    due = [float((CLICK_FROM + CLICK_EVERY * number - begin) * 48_000) + rise for number in (1, 2, 3)]
    off: list[list[float]] = []
    while len(off) < ATTEMPTS and (not off or max(off[-1]) > 3):
        heard = page.evaluate("begin => heardClicks(begin, 3)", float(begin))
        assert len(heard) >= len(due)
        off.append([abs(time * 48_000 - sample) for time, sample in zip(heard, due, strict=False)])
    assert max(off[-1]) <= 3, off
