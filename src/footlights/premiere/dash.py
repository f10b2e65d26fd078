"""The DASH manifest of a premiere: a function of the schedule and the clock, over the same files as the HLS playlists.

Every part is a period. While it is live the manifest lists what may be seen, and the last period says no duration:
dash.js 5.2 ends the presentation with a period that is complete while none follows. The last segment of all is listed
as any other; only when players have had time to ask for it does the manifest say that this was the end
(`Schedule.is_closed`) and is not asked for again: Shaka Player 5.2 takes a dynamic manifest with a duration for a
recording in progress, and what was not fetched before is never fetched. Later it is the manifest of the whole on
demand.

Reference: ISO/IEC 23009-1 (5.3.1 MPD, 5.3.2 Period, 5.3.9.6 SegmentTimeline, 5.8.4.11 UTCTiming).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from xml.etree import ElementTree

from footlights.premiere.hls import instant
from footlights.premiere.programme import Programme, Track
from footlights.premiere.schedule import Entry, Schedule

_NAMESPACE = "urn:mpeg:dash:schema:mpd:2011"
_PROFILES = "urn:mpeg:dash:profile:isoff-live:2011"
_CHANNELS = "urn:mpeg:mpegB:cicp:ChannelConfiguration"
_MICRO = 1_000_000
MANIFEST = "manifest.mpd"


def manifest(schedule: Schedule, now: Fraction) -> str:
    """The manifest at an instant (seconds since 1970); empty before the doors open."""
    seen = {track.name: schedule.seen(track.name, now) for track in schedule.model.tracks}
    if not any(seen.values()):
        return ""
    root = ElementTree.Element("MPD", _presentation(schedule, now))
    # On demand the slate is gone, and the first programme begins at zero.
    zero = schedule.parts[1].start if schedule.on_demand(now) else Fraction(0)
    period: ElementTree.Element | None = None
    for number, part in enumerate(schedule.parts):
        listed = {name: [one for one in entries if one.part == number] for name, entries in seen.items()}
        if all(listed.values()):
            place = {"id": part.name, "start": _duration(part.start - zero), "duration": _duration(part.duration)}
            period = ElementTree.SubElement(root, "Period", place)
            ElementTree.SubElement(period, "BaseURL").text = f"{part.name}/"
            _add_sets(period, part.programme, listed)
    if period is not None and not schedule.is_closed(now):
        del period.attrib["duration"]
    # The `Date` of whoever answers: a server of ours, a web server, a CDN.
    timing = {"schemeIdUri": "urn:mpeg:dash:utc:http-head:2014", "value": MANIFEST}
    if not schedule.is_closed(now):
        ElementTree.SubElement(root, "UTCTiming", timing)
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _presentation(schedule: Schedule, now: Fraction) -> dict[str, str]:
    target = schedule.target
    attributes = {"xmlns": _NAMESPACE, "profiles": _PROFILES, "minBufferTime": f"PT{target}S"}
    attributes["maxSegmentDuration"] = f"PT{target}S"
    if schedule.on_demand(now):
        length = schedule.duration - schedule.parts[1].start
        return {**attributes, "type": "static", "mediaPresentationDuration": _duration(length)}
    attributes |= {
        "type": "dynamic",
        "availabilityStartTime": instant(schedule.opening),
        "timeShiftBufferDepth": _duration(schedule.window),
        "suggestedPresentationDelay": f"PT{3 * target}S",
    }
    if schedule.is_closed(now):
        return {
            **attributes,
            "publishTime": instant(schedule.closing),
            "mediaPresentationDuration": _duration(schedule.duration),
        }
    # Of the manifest, not of the answer: replicas that are asked at other moments of the same second say the same.
    last = max(entries[-1].end for entries in (schedule.seen(name, now) for name in schedule.lines) if entries)
    return {
        **attributes,
        "publishTime": instant(schedule.opening + last),
        "minimumUpdatePeriod": f"PT{max(1, target // 2)}S",
    }


def _add_sets(period: ElementTree.Element, programme: Programme, listed: dict[str, list[Entry]]) -> None:
    pictures = [track for track in programme.tracks if not track.is_sound]
    groups = [
        [track for track in pictures if track.codecs.split(".")[0] == codec]
        for codec in dict.fromkeys(track.codecs.split(".")[0] for track in pictures)
    ]
    groups += [[track] for track in programme.tracks if track.is_sound]
    languages = {tag.uri.split("/")[0]: tag.get("LANGUAGE") for tag in programme.tags if tag.name == "MEDIA"}
    for number, tracks in enumerate(groups, start=1):
        kind = "audio" if tracks[0].is_sound else "video"
        common = {"id": str(number), "contentType": kind, "mimeType": f"{kind}/mp4", "segmentAlignment": "true"}
        group = ElementTree.SubElement(period, "AdaptationSet", {**common, "startWithSAP": "1"})
        if languages.get(tracks[0].name):
            group.set("lang", languages[tracks[0].name])
        _add_template(group, tracks[0], listed[tracks[0].name])
        for track in tracks:
            _add_representation(group, track)


def _add_representation(group: ElementTree.Element, track: Track) -> None:
    attributes = {"id": track.name, "codecs": track.codecs, "bandwidth": str(track.bandwidth)}
    if track.is_sound:
        attributes["audioSamplingRate"] = str(track.timescale)
    else:
        attributes |= {"width": str(track.width), "height": str(track.height)}
    element = ElementTree.SubElement(group, "Representation", attributes)
    if track.is_sound:
        ElementTree.SubElement(element, "AudioChannelConfiguration", {"schemeIdUri": _CHANNELS, "value": "2"})


def _add_template(group: ElementTree.Element, track: Track, entries: Sequence[Entry]) -> None:
    template = ElementTree.SubElement(
        group,
        "SegmentTemplate",
        {
            "timescale": str(track.timescale),
            "startNumber": str(entries[0].index + 1),
            "initialization": "$RepresentationID$/init.mp4",
            "media": "$RepresentationID$/$Number%05d$.m4s",
        },
    )
    timeline = ElementTree.SubElement(template, "SegmentTimeline")
    last: ElementTree.Element | None = None
    for entry in entries:
        if last is not None and last.get("d") == str(entry.duration):
            last.set("r", str(int(last.get("r", "0")) + 1))
            continue
        place = {"t": str(entry.tick)} if last is None else {}
        last = ElementTree.SubElement(timeline, "S", {**place, "d": str(entry.duration)})


def _duration(seconds: Fraction) -> str:
    micro = int((2 * seconds * _MICRO + 1) // 2)
    return f"PT{micro // _MICRO}.{micro % _MICRO:06d}S"
