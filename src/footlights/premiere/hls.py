"""The HLS playlists of a premiere: functions of the schedule and the clock, and of nothing else.

References: RFC 8216 (4.3.3.2 EXT-X-MEDIA-SEQUENCE, 4.3.3.3 EXT-X-DISCONTINUITY-SEQUENCE, 6.2.2 live playlists).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from fractions import Fraction

from footlights.encoding.hls import Tag
from footlights.premiere.schedule import Entry, Schedule

_VERSION = 7
_MICRO = 1_000_000
_QUOTED = frozenset({"CODECS", "AUDIO", "NAME", "LANGUAGE", "GROUP-ID", "CHANNELS"})


def multivariant(schedule: Schedule) -> str:
    """The playlist that names the others: that of the first programme, its addresses those of the premiere."""
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{_VERSION}", "#EXT-X-INDEPENDENT-SEGMENTS"]
    for tag in schedule.model.tags:
        address = f"{tag.uri.split('/')[0]}.m3u8"
        if tag.name == "MEDIA":
            lines.append(f'#EXT-X-MEDIA:{_attributes(tag)},URI="{address}"')
        elif tag.name == "STREAM-INF":
            lines += [f"#EXT-X-STREAM-INF:{_attributes(tag)}", address]
    return "\n".join(lines) + "\n"


def media(schedule: Schedule, track: str, now: Fraction) -> str:
    """The playlist of a track at an instant (seconds since 1970); empty before the doors open."""
    entries = schedule.seen(track, now)
    if not entries:
        return ""
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{_VERSION}",
        f"#EXT-X-TARGETDURATION:{schedule.target}",
        *(["#EXT-X-PLAYLIST-TYPE:VOD"] if schedule.on_demand(now) else []),
        f"#EXT-X-MEDIA-SEQUENCE:{entries[0].number}",
        f"#EXT-X-DISCONTINUITY-SEQUENCE:{_breaks_before(entries[0])}",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        *_segments(schedule, track, entries),
        *(["#EXT-X-ENDLIST"] if schedule.is_over(now) else []),
    ]
    return "\n".join(lines) + "\n"


def _segments(schedule: Schedule, track: str, entries: Sequence[Entry]) -> list[str]:
    lines: list[str] = []
    part = -1
    for number, entry in enumerate(entries):
        if entry.part != part:
            part, placed = entry.part, schedule.parts[entry.part]
            # A break belongs to the first segment behind it; at the head of the list the sequence number says it.
            lines += ["#EXT-X-DISCONTINUITY"] if number else []
            lines.append(f'#EXT-X-MAP:URI="{placed.name}/{placed.programme.track(track).header}"')
        early, late = _micro(entry.start), _micro(entry.end)
        lines += [
            f"#EXT-X-PROGRAM-DATE-TIME:{instant(schedule.opening + entry.start)}",
            f"#EXTINF:{(late - early) // _MICRO}.{(late - early) % _MICRO:06d},",
            address(schedule, track, entry),
        ]
    return lines


def address(schedule: Schedule, track: str, entry: Entry) -> str:
    """Where a segment of the line is found, relative to the playlists."""
    return f"{schedule.parts[entry.part].name}/{track}/{entry.index + 1:05d}.m4s"


def instant(seconds: Fraction) -> str:
    """Seconds since 1970 as ISO 8601 in UTC, to the millisecond."""
    milli = int((2 * seconds * 1000 + 1) // 2)
    moment = datetime.fromtimestamp(milli // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milli % 1000:03d}Z"


def _breaks_before(entry: Entry) -> int:
    """How many discontinuities lie before a segment of the line or on it: one in front of every part but the first.

    RFC 8216 counts the tags removed from the list; that of the first listed segment has been, its tag is left out.
    """
    return entry.part


def _attributes(tag: Tag) -> str:
    kept = [(name, value) for name, value in tag.attributes if name != "URI"]
    return ",".join(f'{name}="{value}"' if name in _QUOTED else f"{name}={value}" for name, value in kept)


def _micro(seconds: Fraction) -> int:
    return int((2 * seconds * _MICRO + 1) // 2)
