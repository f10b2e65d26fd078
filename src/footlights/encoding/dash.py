"""The DASH manifest over the same files as the HLS playlists: static, one period, SegmentTimeline in exact ticks.

Times in the timeline are those of presentation: pictures begin decoding at their presentation time, and the edit list
in the sound's header takes priming away, so presentationTimeOffset is 0 throughout.

Reference: ISO/IEC 23009-1 (5.3.9 segments, Annex on profiles), ISO/IEC 23000-19.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd
from xml.etree import ElementTree

from footlights.encoding.cmaf import HEADER_FILE, SegmentFile, StreamTrack
from footlights.encoding.hls import SoundVariant, Stream, VideoVariant

MANIFEST_FILE = "manifest.mpd"
_NAMESPACE = "urn:mpeg:dash:schema:mpd:2011"
_PROFILES = "urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019"
_ROLE = "urn:mpeg:dash:role:2011"
_CHANNELS = "urn:mpeg:mpegB:cicp:ChannelConfiguration"
_MICRO = 1_000_000
_DURATION = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?$")


def manifest(stream: Stream) -> str:
    """The media presentation description as XML."""
    root = ElementTree.Element(
        "MPD",
        {
            "xmlns": _NAMESPACE,
            "profiles": _PROFILES,
            "type": "static",
            "mediaPresentationDuration": _duration(stream.duration),
            "maxSegmentDuration": f"PT{stream.target}S",
            "minBufferTime": f"PT{stream.target}S",
        },
    )
    period = ElementTree.SubElement(root, "Period", {"id": "0", "start": "PT0S"})
    number = 0
    for codec in dict.fromkeys(variant.codecs.split(".")[0] for variant in stream.video):
        number += 1
        _add_video_set(period, number, [v for v in stream.video if v.codecs.split(".")[0] == codec], stream.target)
    for index, variant in enumerate(stream.sound):
        number += 1
        _add_sound_set(period, number, variant, stream.target, role="main" if index == 0 else "alternate")
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _add_video_set(period: ElementTree.Element, number: int, variants: Sequence[VideoVariant], target: int) -> None:
    fastest = max(variants, key=lambda variant: variant.rate)
    group = _adaptation_set(
        period,
        number,
        contentType="video",
        mimeType="video/mp4",
        maxWidth=str(max(variant.width for variant in variants)),
        maxHeight=str(max(variant.height for variant in variants)),
        maxFrameRate=_rate(fastest.rate),
        par=_ratio(Fraction(fastest.width, fastest.height) * fastest.sample_aspect),
    )
    ElementTree.SubElement(group, "Role", {"schemeIdUri": _ROLE, "value": "main"})
    _add_template(group, variants[0].track)
    for variant in variants:
        ElementTree.SubElement(
            group,
            "Representation",
            {
                "id": variant.track.name,
                "codecs": variant.codecs,
                "bandwidth": str(variant.track.rates(target).peak),
                "width": str(variant.width),
                "height": str(variant.height),
                "frameRate": _rate(variant.rate),
                "sar": _ratio(variant.sample_aspect),
            },
        )


def _add_sound_set(period: ElementTree.Element, number: int, variant: SoundVariant, target: int, *, role: str) -> None:
    group = _adaptation_set(period, number, contentType="audio", mimeType="audio/mp4")
    if variant.language:
        group.set("lang", variant.language)
    ElementTree.SubElement(group, "Role", {"schemeIdUri": _ROLE, "value": role})
    ElementTree.SubElement(group, "Label").text = "".join(c if c.isprintable() else " " for c in variant.title)
    _add_template(group, variant.track)
    representation = ElementTree.SubElement(
        group,
        "Representation",
        {
            "id": variant.track.name,
            "codecs": variant.codecs,
            "bandwidth": str(variant.track.rates(target).peak),
            "audioSamplingRate": str(variant.track.timescale),
        },
    )
    ElementTree.SubElement(
        representation, "AudioChannelConfiguration", {"schemeIdUri": _CHANNELS, "value": str(variant.channels)}
    )


def _adaptation_set(period: ElementTree.Element, number: int, **attributes: str) -> ElementTree.Element:
    common = {"id": str(number), "segmentAlignment": "true", "startWithSAP": "1"}
    return ElementTree.SubElement(period, "AdaptationSet", {**common, **attributes})


def _add_template(group: ElementTree.Element, track: StreamTrack) -> None:
    """One template and timeline for all representations of a set: they are cut at the same ticks."""
    template = ElementTree.SubElement(
        group,
        "SegmentTemplate",
        {
            "timescale": str(track.timescale),
            "presentationTimeOffset": "0",
            "startNumber": "1",
            "initialization": f"$RepresentationID$/{HEADER_FILE}",
            "media": "$RepresentationID$/$Number%05d$.m4s",
        },
    )
    timeline = ElementTree.SubElement(template, "SegmentTimeline")
    for first, repeats in _runs(track.segments):
        entry = {"d": str(first.duration)}
        if first.start == 0:
            entry = {"t": "0", **entry}
        if repeats:
            entry["r"] = str(repeats)
        ElementTree.SubElement(timeline, "S", entry)


def _runs(segments: Sequence[SegmentFile]) -> list[tuple[SegmentFile, int]]:
    runs: list[tuple[SegmentFile, int]] = []
    for segment in segments:
        if runs and runs[-1][0].duration == segment.duration:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((segment, 0))
    return runs


def _duration(seconds: Fraction) -> str:
    micro = int((2 * seconds * _MICRO + 1) // 2)
    return f"PT{micro // _MICRO}.{micro % _MICRO:06d}S"


def _rate(rate: Fraction) -> str:
    return str(rate.numerator) if rate.denominator == 1 else f"{rate.numerator}/{rate.denominator}"


def _ratio(value: Fraction) -> str:
    common = gcd(value.numerator, value.denominator)
    return f"{value.numerator // common}:{value.denominator // common}"


@dataclass(frozen=True, slots=True)
class Representation:
    """One representation as read, its template resolved."""

    name: str
    codecs: str
    bandwidth: int
    width: int
    height: int
    timescale: int
    header: str
    files: tuple[str, ...]
    starts: tuple[Fraction, ...]
    """Seconds of presentation, and the end of the last segment."""


def read_manifest(text: str) -> tuple[Fraction, tuple[Representation, ...]]:
    """Duration in seconds and all representations; ValueError for what is no manifest of ours."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError("it declares entities, which no manifest of ours does")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - without entities expat builds only what is written
        found = _DURATION.match(root.attrib["mediaPresentationDuration"])
        if found is None:
            raise ValueError("its duration cannot be read")
        hours, minutes, seconds = (Fraction(part or 0) for part in found.groups())
        groups = root.iter(f"{{{_NAMESPACE}}}AdaptationSet")
        return hours * 3600 + minutes * 60 + seconds, tuple(item for group in groups for item in _read_group(group))
    except (ElementTree.ParseError, KeyError) as error:
        raise ValueError(f"it lacks something: {error}") from error


def _read_group(group: ElementTree.Element) -> list[Representation]:
    template = group.find(f"{{{_NAMESPACE}}}SegmentTemplate")
    if template is None:
        raise ValueError("an AdaptationSet has no SegmentTemplate")
    scale = int(template.attrib["timescale"])
    marks = [0]
    for entry in template.iter(f"{{{_NAMESPACE}}}S"):
        marks[-1] = int(entry.get("t", marks[-1]))
        for _ in range(int(entry.get("r", 0)) + 1):
            marks.append(marks[-1] + int(entry.attrib["d"]))
    offset, first = int(template.get("presentationTimeOffset", 0)), int(template.get("startNumber", 1))
    found: list[Representation] = []
    for item in group.iter(f"{{{_NAMESPACE}}}Representation"):
        name = item.attrib["id"]
        pattern = template.attrib["media"].replace("$RepresentationID$", name)
        found.append(
            Representation(
                name=name,
                codecs=item.attrib["codecs"],
                bandwidth=int(item.attrib["bandwidth"]),
                width=int(item.get("width", 0)),
                height=int(item.get("height", 0)),
                timescale=scale,
                header=template.attrib["initialization"].replace("$RepresentationID$", name),
                files=tuple(pattern.replace("$Number%05d$", f"{first + k:05d}") for k in range(len(marks) - 1)),
                starts=tuple(Fraction(mark - offset, scale) for mark in marks),
            )
        )
    return found
