"""HLS playlists: written exactly, and read back by the checks.

Every duration is the difference of two boundary times rounded to microseconds, so that rounding never adds up and the
sum of all EXTINF is the duration. Version 7; segments are fMP4 and begin with a key frame.

Reference: RFC 8216 and draft-pantos-hls-rfc8216bis (VIDEO-RANGE, EXT-X-I-FRAME-STREAM-INF).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from urllib.parse import quote, unquote

from footlights.encoding.cmaf import HEADER_FILE, StreamTrack, measured_rates

MASTER_FILE = "master.m3u8"
MEDIA_FILE = "media.m3u8"
IFRAME_FILE = "iframes.m3u8"
_VERSION = 7
_SOUND_GROUP = "sound"
_MICRO = 1_000_000
_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^",]*)(?:,|$)')

_LANGUAGES = {
    "chi": "zh",
    "cze": "cs",
    "deu": "de",
    "dut": "nl",
    "eng": "en",
    "fra": "fr",
    "fre": "fr",
    "ger": "de",
    "ita": "it",
    "jpn": "ja",
    "kor": "ko",
    "nld": "nl",
    "pol": "pl",
    "por": "pt",
    "rus": "ru",
    "spa": "es",
    "swe": "sv",
    "zho": "zh",
}
"""ISO 639-2 → ISO 639-1: RFC 5646 wants the shortest code there is."""


@dataclass(frozen=True, slots=True)
class VideoVariant:
    """A rendition for the manifests."""

    track: StreamTrack
    codecs: str
    width: int
    height: int
    rate: Fraction
    """Frames per second, nominal."""
    sample_aspect: Fraction = Fraction(1)
    video_range: str = "SDR"
    """`SDR`, `PQ` or `HLG`."""


@dataclass(frozen=True, slots=True)
class SoundVariant:
    """A sound track for the manifests."""

    track: StreamTrack
    codecs: str
    title: str
    language: str
    """RFC 5646 tag; empty where unknown."""
    channels: int = 2


@dataclass(frozen=True, slots=True)
class Stream:
    """Everything the manifests speak of."""

    video: tuple[VideoVariant, ...]
    sound: tuple[SoundVariant, ...]
    duration: Fraction
    """Seconds: of the programme."""

    @property
    def target(self) -> int:
        """EXT-X-TARGETDURATION, the same for all playlists: the longest segment rounded to seconds."""
        tracks = [*(variant.track for variant in self.video), *(variant.track for variant in self.sound)]
        longest = max(Fraction(segment.duration, track.timescale) for track in tracks for segment in track.segments)
        return max(1, _half_up(longest))


def language_tag(code: str) -> str:
    """RFC 5646 tag of an ISO 639-2 code; empty for none and for `und`."""
    return "" if code in ("", "und") else _LANGUAGES.get(code, code)


def master_playlist(stream: Stream) -> str:
    """The multivariant playlist."""
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{_VERSION}", "#EXT-X-INDEPENDENT-SEGMENTS"]
    lines += [_sound_line(variant, first=index == 0) for index, variant in enumerate(stream.sound)]
    for variant in stream.video:
        lines += _variant_lines(stream, variant)
    lines += [_iframe_line(stream, variant) for variant in stream.video]
    return "\n".join(lines) + "\n"


def media_playlist(track: StreamTrack, stream: Stream) -> str:
    """The playlist of one track, all segments in it; sound, which ends on a whole sample, ends with the programme."""
    lines = [*_head(stream.target), "#EXT-X-INDEPENDENT-SEGMENTS", f'#EXT-X-MAP:URI="{HEADER_FILE}"']
    durations = _durations([segment.start for segment in track.segments], track.timescale, stream.duration)
    for segment, duration in zip(track.segments, durations, strict=True):
        lines += [f"#EXTINF:{duration},", segment.file]
    return "\n".join([*lines, "#EXT-X-ENDLIST"]) + "\n"


def iframe_playlist(track: StreamTrack, stream: Stream) -> str:
    """Every key frame as the byte range of its own fragment (RFC 8216 4.3.3.6)."""
    keys = [(segment.file, key) for segment in track.segments for key in segment.keys]
    durations = _durations([key.start for _, key in keys], track.timescale, stream.duration)
    longest = max(Fraction(duration) for duration in durations)
    lines = [*_head(max(1, _half_up(longest))), "#EXT-X-I-FRAMES-ONLY", f'#EXT-X-MAP:URI="{HEADER_FILE}"']
    for (file, key), duration in zip(keys, durations, strict=True):
        lines += [f"#EXTINF:{duration},", f"#EXT-X-BYTERANGE:{key.length}@{key.offset}", file]
    return "\n".join([*lines, "#EXT-X-ENDLIST"]) + "\n"


def _head(target: int) -> list[str]:
    return [
        "#EXTM3U",
        f"#EXT-X-VERSION:{_VERSION}",
        f"#EXT-X-TARGETDURATION:{target}",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-MEDIA-SEQUENCE:1",
    ]


def _sound_line(variant: SoundVariant, *, first: bool) -> str:
    attributes = [
        "TYPE=AUDIO",
        f'GROUP-ID="{_SOUND_GROUP}"',
        f"NAME={_quoted(variant.title)}",
        *([f"LANGUAGE={_quoted(variant.language)}"] if variant.language else []),
        f"DEFAULT={'YES' if first else 'NO'}",
        "AUTOSELECT=YES",
        f'CHANNELS="{variant.channels}"',
        f'URI="{quote(variant.track.name)}/{MEDIA_FILE}"',
    ]
    return "#EXT-X-MEDIA:" + ",".join(attributes)


def _variant_lines(stream: Stream, variant: VideoVariant) -> list[str]:
    rates = variant.track.rates(stream.target)
    sound = [other.track.rates(stream.target) for other in stream.sound]
    codecs = ",".join(dict.fromkeys([variant.codecs, *(other.codecs for other in stream.sound)]))
    attributes = [
        f"BANDWIDTH={rates.peak + max((other.peak for other in sound), default=0)}",
        f"AVERAGE-BANDWIDTH={rates.average + max((other.average for other in sound), default=0)}",
        f'CODECS="{codecs}"',
        f"RESOLUTION={variant.width}x{variant.height}",
        f"FRAME-RATE={_decimal(variant.rate, 3)}",
        f"VIDEO-RANGE={variant.video_range}",
        *([f'AUDIO="{_SOUND_GROUP}"'] if stream.sound else []),
        "CLOSED-CAPTIONS=NONE",
    ]
    return ["#EXT-X-STREAM-INF:" + ",".join(attributes), f"{quote(variant.track.name)}/{MEDIA_FILE}"]


def _iframe_line(stream: Stream, variant: VideoVariant) -> str:
    keys = [key for segment in variant.track.segments for key in segment.keys]
    marks = [*(Fraction(key.start, variant.track.timescale) for key in keys), stream.duration]
    seconds = [late - early for early, late in pairwise(marks)]
    rates = measured_rates([key.length for key in keys], seconds, stream.target)
    attributes = [
        f"BANDWIDTH={rates.peak}",
        f"AVERAGE-BANDWIDTH={rates.average}",
        f'CODECS="{variant.codecs}"',
        f"RESOLUTION={variant.width}x{variant.height}",
        f"VIDEO-RANGE={variant.video_range}",
        f'URI="{quote(variant.track.name)}/{IFRAME_FILE}"',
    ]
    return "#EXT-X-I-FRAME-STREAM-INF:" + ",".join(attributes)


def _durations(starts: Sequence[int], timescale: int, end: Fraction) -> list[str]:
    """Seconds between starts (ticks) and to the end (seconds), with six decimals."""
    marks = [_half_up(Fraction(start * _MICRO, timescale)) for start in starts]
    marks.append(_half_up(end * _MICRO))
    return [_decimal(Fraction(late - early, _MICRO), 6) for early, late in pairwise(marks)]


def _decimal(value: Fraction, digits: int) -> str:
    scaled = _half_up(value * 10**digits)
    whole, rest = divmod(scaled, 10**digits)
    return f"{whole}.{rest:0{digits}d}"


def _half_up(value: Fraction) -> int:
    return int((2 * value + 1) // 2)


def _quoted(text: str) -> str:
    """A quoted-string cannot hold quotes or line breaks (RFC 8216 4.2)."""
    return '"' + "".join("'" if letter == '"' else letter if letter.isprintable() else " " for letter in text) + '"'


@dataclass(frozen=True, slots=True)
class ListedSegment:
    """One entry of a media playlist."""

    uri: str
    duration: Fraction
    byte_range: tuple[int, int] | None
    """Offset and length."""


@dataclass(frozen=True, slots=True)
class MediaPlaylist:
    """A media playlist as read."""

    target: int
    header: str
    segments: tuple[ListedSegment, ...]
    ended: bool
    independent: bool


@dataclass(frozen=True, slots=True)
class Tag:
    """A line of the multivariant playlist with its attributes, and the URI on the line after it."""

    name: str
    attributes: tuple[tuple[str, str], ...]
    uri: str

    def get(self, name: str) -> str:
        """An attribute without its quotes; empty where there is none."""
        return dict(self.attributes).get(name, "")


def read_master(text: str) -> tuple[Tag, ...]:
    """All EXT-X-MEDIA, EXT-X-STREAM-INF and EXT-X-I-FRAME-STREAM-INF tags; ValueError for what is no playlist."""
    lines = _lines(text)
    tags: list[Tag] = []
    for number, line in enumerate(lines):
        name, _, rest = line.partition(":")
        if name in ("#EXT-X-MEDIA", "#EXT-X-STREAM-INF", "#EXT-X-I-FRAME-STREAM-INF"):
            attributes = tuple((key, value.strip('"')) for key, value in _ATTRIBUTE.findall(rest))
            uri = lines[number + 1] if name == "#EXT-X-STREAM-INF" else dict(attributes).get("URI", "")
            tags.append(Tag(name.removeprefix("#EXT-X-"), attributes, unquote(uri)))
    return tuple(tags)


def read_media(text: str) -> MediaPlaylist:
    """A media playlist; ValueError for what is none."""
    target, header = 0, ""
    duration: Fraction | None = None
    span: tuple[int, int] | None = None
    found: list[ListedSegment] = []
    lines = _lines(text)
    for line in lines:
        name, _, rest = line.partition(":")
        if name == "#EXT-X-TARGETDURATION":
            target = int(rest)
        elif name == "#EXT-X-MAP":
            header = unquote(dict(_ATTRIBUTE.findall(rest))["URI"].strip('"'))
        elif name == "#EXTINF":
            duration = Fraction(rest.split(",")[0])
        elif name == "#EXT-X-BYTERANGE":
            length, _, offset = rest.partition("@")
            span = (int(offset), int(length))
        elif not line.startswith("#") and duration is not None:
            found.append(ListedSegment(unquote(line), duration, span))
            duration = span = None
    tags = set(lines)
    return MediaPlaylist(target, header, tuple(found), "#EXT-X-ENDLIST" in tags, "#EXT-X-INDEPENDENT-SEGMENTS" in tags)


def _lines(text: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines or lines[0] != "#EXTM3U":
        raise ValueError("it does not begin with #EXTM3U")
    return lines
