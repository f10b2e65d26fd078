"""A finished stream folder verified by reading it back: manifests, boxes, bitstreams and every decoded picture.

Nothing that was known while writing is used, only what the stream should be. Whatever is missing, damaged or wrong
becomes a failed check; a damaged stream never raises.

References: RFC 8216 (4.3.3, 4.3.4, 6.2.4), ISO/IEC 23009-1, ISO/IEC 23000-19.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from hashlib import sha256
from itertools import accumulate
from pathlib import Path

import numpy as np

from footlights.core.encodes import BasePictures
from footlights.core.products import Check
from footlights.core.signal import BT709_SIGNAL, Range, Signal
from footlights.core.time import FrameRange
from footlights.encoding import thumbnails
from footlights.encoding.boxes import BoxError, Fragment, find, fragments, has
from footlights.encoding.cmaf import measured_rates
from footlights.encoding.codecs import SampleEntry, av1_string, codec_string, h264_string, sample_entry
from footlights.encoding.dash import MANIFEST_FILE, Representation, read_manifest
from footlights.encoding.hls import IFRAME_FILE, MASTER_FILE, MEDIA_FILE, MediaPlaylist, Tag, read_master, read_media
from footlights.errors import FootlightsError
from footlights.media.audio import PRIMING, STREAM_RATE, AudioTrack, measure_offset, programme_sound
from footlights.media.bitstreams import av1_sequence, join_annex_b, nal_codec, parse_av1_sequence, starts_decoding
from footlights.media.pieces import Clock
from footlights.media.playback import EXCERPT, PlayedSound, h264_colour, play_base, play_sound, play_video

_MICROSECOND = Fraction(1, 1_000_000)
_SAMPLE = Fraction(1, STREAM_RATE)
_AUDIBLE = 1e-3
"""Full scale is 1; below this there is nothing to compare."""
_PROBLEMS = (OSError, ValueError, KeyError, IndexError, TypeError, ZeroDivisionError, struct.error)


@dataclass(frozen=True, slots=True)
class Expected:
    """What the stream should be."""

    clock: Clock
    segments: tuple[FrameRange, ...]
    renditions: tuple[str, ...]
    """Names, in any order."""
    sound: tuple[AudioTrack, ...] = ()
    """Sources of `sound-1`, `sound-2` …; what is decoded is compared with them."""
    signal: Signal = BT709_SIGNAL
    base: Mapping[str, tuple[BasePictures, ...]] = field(default_factory=dict)
    """Of AV1 renditions by name: their chunks without film grain, as they were judged."""
    contents: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of tracks by name, as `StreamTrack.content` gave it; where known, any change at all is found."""

    @property
    def boundaries(self) -> tuple[Fraction, ...]:
        """Seconds: start of every segment, and the end."""
        return (*(self.clock.times[part.start] for part in self.segments), self.clock.end)


def check_stream(folder: Path, expected: Expected) -> tuple[Check, ...]:
    """All checks, failed ones among them, in the order of the files."""
    sounds = [f"sound-{number}" for number in range(1, len(expected.sound) + 1)]
    tags: list[Tag] = []
    described: dict[str, Representation] = {}
    checks = _guarded(MASTER_FILE, _check_master(folder, expected.renditions, sounds, tags))
    checks += _guarded(MANIFEST_FILE, _check_manifest(folder, expected, sounds, described))
    for name in (*expected.renditions, *sounds):
        checks += _guarded(name, _check_track(folder, name, expected, tags, described.get(name)))
    if (folder / thumbnails.TRACK_FILE).exists():  # HDR has none
        checks += _guarded(thumbnails.TRACK_FILE, _check_thumbnails(folder, expected.clock.end))
    return tuple(checks)


def _guarded(name: str, checks: Iterator[Check]) -> list[Check]:
    """The checks of one file or track; a problem on the way is one more, failed."""
    done: list[Check] = []
    try:
        for check in checks:
            done.append(check)
    except (*_PROBLEMS, BoxError, FootlightsError) as error:
        done.append(
            Check(f"{name}: readable", passed=False, found=f"{type(error).__name__}: {error}", expected="whole")
        )
    return done


def _check_master(folder: Path, renditions: Sequence[str], sounds: Sequence[str], tags: list[Tag]) -> Iterator[Check]:
    tags += read_master((folder / MASTER_FILE).read_text("utf-8"))
    for kind, names, file in (
        ("STREAM-INF", renditions, MEDIA_FILE),
        ("I-FRAME-STREAM-INF", renditions, IFRAME_FILE),
        ("MEDIA", sounds, MEDIA_FILE),
    ):
        listed = sorted(tag.uri for tag in tags if tag.name == kind)
        yield _equal(f"{MASTER_FILE}: {kind}", listed, sorted(f"{name}/{file}" for name in names))


def _check_manifest(
    folder: Path, expected: Expected, sounds: Sequence[str], described: dict[str, Representation]
) -> Iterator[Check]:
    duration, representations = read_manifest((folder / MANIFEST_FILE).read_text("utf-8"))
    described.update({item.name: item for item in representations})
    names = sorted([*expected.renditions, *sounds])
    yield _equal(f"{MANIFEST_FILE}: representations", sorted(described), names)
    yield _near(f"{MANIFEST_FILE}: duration", duration, expected.clock.end, _MICROSECOND)


def _check_thumbnails(folder: Path, end: Fraction) -> Iterator[Check]:
    yield _equal(f"{thumbnails.TRACK_FILE}: cues and sheets that do not fit", thumbnails.faults(folder, end), [])


_Colour = tuple[int, int, int, int]
"""Primaries, transfer, matrix (H.273) and range."""


@dataclass(frozen=True, slots=True)
class _Segment:
    """What is kept of one segment file; the file itself may be large."""

    size: int
    fragments: tuple[Fragment, ...]
    codec: str
    """By the bitstream; empty where decoding cannot begin with the first sample."""
    colour: _Colour | None


@dataclass(frozen=True, slots=True)
class _Track:
    """One track as read."""

    name: str
    header: bytes
    playlist: MediaPlaylist
    parts: tuple[Path, ...]
    """Header and segments."""
    segments: tuple[_Segment, ...]
    timescale: int
    content: str

    @property
    def is_sound(self) -> bool:
        return sample_entry(self.header).kind == "mp4a"

    def starts(self) -> Iterator[Fraction]:
        """Seconds: presentation time of the first sample of each segment, by its boxes."""
        priming = _edit_offset(self.header)
        for segment in self.segments:
            first = segment.fragments[0]
            stamp = first.decode_time + first.samples[0].composition - priming
            yield Fraction(max(stamp, 0), self.timescale)

    def seconds(self) -> list[Fraction]:
        """How long each segment lasts by its boxes; the first of a sound track without its priming."""
        ticks = [sum(part.duration for part in segment.fragments) for segment in self.segments]
        if self.is_sound:
            ticks[0] -= _edit_offset(self.header)
        return [Fraction(count, self.timescale) for count in ticks]


def _check_track(
    folder: Path, name: str, expected: Expected, tags: Sequence[Tag], described: Representation | None
) -> Iterator[Check]:
    track = _read_track(folder / name, name)
    yield from _check_playlist(track, expected)
    yield from _check_manifests(track, tags, described)
    if name in expected.contents:
        yield _equal(f"{name}: content", track.content, expected.contents[name])
    if track.is_sound:
        source = expected.sound[int(name.removeprefix("sound-")) - 1]
        yield from _check_sound(track, expected.clock.end, source)
    else:
        yield from _check_bitstream(track, expected.signal)
        yield from _check_iframes(folder / name, track, expected)
        yield from _check_pictures(track, expected)


def _read_track(folder: Path, name: str) -> _Track:
    playlist = read_media((folder / MEDIA_FILE).read_text("utf-8"))
    header = (folder / playlist.header).read_bytes()
    clock = find(header, b"moov", b"trak", b"mdia", b"mdhd")
    at = clock.body + (20 if header[clock.body] else 12)
    files = [folder / segment.uri for segment in playlist.segments]
    content, entry = sha256(header), sample_entry(header)
    segments: list[_Segment] = []
    colours: dict[tuple[bytes, ...], _Colour] = {}
    for file in files:
        data = file.read_bytes()
        content.update(data)
        segments.append(_read_segment(data, entry, colours))
    scale = int.from_bytes(header[at : at + 4], "big")
    return _Track(
        name, header, playlist, (folder / playlist.header, *files), tuple(segments), scale, content.hexdigest()
    )


def _read_segment(data: bytes, entry: SampleEntry, colours: dict[tuple[bytes, ...], _Colour]) -> _Segment:
    found = fragments(data)
    first = found[0].samples[0]
    sample = data[first.offset : first.offset + first.size]
    codec = {"av01": "av1", "mp4a": "aac"}.get(entry.kind, "h264")
    if codec == "aac" or not first.key or not starts_decoding(codec, entry.record, sample):
        return _Segment(len(data), found, "", None)
    if codec == "av1":
        sequence = parse_av1_sequence(av1_sequence(sample) or b"")
        limits = Range.FULL if sequence.full_range else Range.LIMITED
        colour = (sequence.primaries, sequence.transfer, sequence.matrix, int(limits))
        return _Segment(len(data), found, av1_string(sequence), colour)
    nal = nal_codec("h264", entry.record)
    units = [*nal.sets, *nal.units(sample)]
    sets = tuple(unit for unit in units if nal.is_set(unit))
    if sets not in colours:
        colours[sets] = h264_colour(join_annex_b(units))
    latest = [unit for unit in sets if unit[0] & 31 == 7][-1]
    return _Segment(len(data), found, h264_string(entry.kind, latest), colours[sets])


def _check_playlist(track: _Track, expected: Expected) -> Iterator[Check]:
    name, listed = track.name, track.playlist.segments
    yield _equal(f"{name}: segments", len(listed), len(expected.segments))
    total = sum((segment.duration for segment in listed), Fraction(0))
    yield _near(f"{name}: sum of EXTINF", total, expected.clock.end, _MICROSECOND)
    longest = max(int(segment.duration + Fraction(1, 2)) for segment in listed)
    yield _at_least(f"{name}: EXT-X-TARGETDURATION", track.playlist.target, longest)
    whole = (track.playlist.ended, track.playlist.independent)
    yield _equal(f"{name}: EXT-X-ENDLIST, EXT-X-INDEPENDENT-SEGMENTS", whole, (True, True))
    marks = [Fraction(0), *accumulate(segment.duration for segment in listed)][:-1]
    apart = _furthest(list(track.starts()), marks)
    yield Check(
        f"{name}: EXTINF follows the media", apart is not None and apart <= _MICROSECOND, _text(apart), "≤ 1 µs"
    )
    boundaries = expected.boundaries[:-1]
    if track.is_sound:  # at the nearest packet
        apart = _furthest(list(track.starts()), boundaries)
        limit = Fraction(1024, STREAM_RATE)
        yield Check(f"{name}: boundaries", apart is not None and apart <= limit, _text(apart), "within a packet")
    else:
        yield _equal(f"{name}: boundaries", tuple(track.starts()), boundaries)


def _check_manifests(track: _Track, tags: Sequence[Tag], described: Representation | None) -> Iterator[Check]:
    name, codec = track.name, codec_string(track.header)
    measured = measured_rates([segment.size for segment in track.segments], track.seconds(), track.playlist.target)
    tag = next((tag for tag in tags if tag.uri == f"{name}/{MEDIA_FILE}" and tag.name == "STREAM-INF"), None)
    if tag is not None:
        yield _equal(f"{name}: CODECS", tag.get("CODECS").split(",")[0], codec)
        yield _at_least(f"{name}: BANDWIDTH", int(tag.get("BANDWIDTH")), measured.peak)
        yield _at_least(f"{name}: AVERAGE-BANDWIDTH", int(tag.get("AVERAGE-BANDWIDTH")), measured.average)
        entry = sample_entry(track.header)
        yield _equal(f"{name}: RESOLUTION", tag.get("RESOLUTION"), f"{entry.width}x{entry.height}")
    if described is None:
        yield Check(f"{name}: in {MANIFEST_FILE}", passed=False, found="not described", expected="described")
        return
    yield _equal(f"{name}: codecs in {MANIFEST_FILE}", described.codecs, codec)
    yield _at_least(f"{name}: bandwidth in {MANIFEST_FILE}", described.bandwidth, measured.peak)
    files = tuple(f"{part.parent.name}/{part.name}" for part in track.parts)
    yield _equal(f"{name}: files in {MANIFEST_FILE}", (described.header, *described.files), files)
    yield _equal(f"{name}: timeline in {MANIFEST_FILE}", described.starts[:-1], tuple(track.starts()))


def _check_bitstream(track: _Track, signal: Signal) -> Iterator[Check]:
    """Key frames, codec string and colour as the coded pictures themselves tell."""
    late = [number for number, segment in enumerate(track.segments, start=1) if not segment.codec]
    yield _equal(f"{track.name}: segments that do not begin with a key frame", late, [])
    told = sorted({segment.codec for segment in track.segments if segment.codec})
    yield _equal(f"{track.name}: codec in the bitstream", told, [codec_string(track.header)])
    colours = sorted({segment.colour for segment in track.segments if segment.colour is not None})
    wanted = (int(signal.primaries), int(signal.transfer), int(signal.matrix), int(signal.range))
    yield _equal(f"{track.name}: colour in the bitstream (H.273)", colours, [wanted])


def _check_iframes(folder: Path, track: _Track, expected: Expected) -> Iterator[Check]:
    playlist = read_media((folder / IFRAME_FILE).read_text("utf-8"))
    total = sum((entry.duration for entry in playlist.segments), Fraction(0))
    yield _near(f"{track.name}: sum of EXTINF of I-frames", total, expected.clock.end, _MICROSECOND)
    wrong: list[str] = []
    for entry in playlist.segments:
        offset, length = entry.byte_range or (0, 0)
        with (folder / entry.uri).open("rb") as file:
            file.seek(offset)
            data = file.read(length)
        found = fragments(data)
        if len(found) != 1 or len(found[0].samples) != 1 or not found[0].samples[0].key or not has(data, b"mdat"):
            wrong.append(f"{entry.uri}@{offset}")
    yield _equal(f"{track.name}: I-frame ranges that are no single key frame", wrong, [])


def _check_pictures(track: _Track, expected: Expected) -> Iterator[Check]:
    played = play_video(track.parts)
    yield _equal(f"{track.name}: decoding faults", list(played.faults[:5]), [])
    yield _equal(f"{track.name}: frames", len(played.times), len(expected.clock.times))
    apart = _furthest(played.times, expected.clock.times)
    yield Check(f"{track.name}: presentation times", apart == 0, _text(apart), "exactly those of the programme")
    if track.name in expected.base:
        yield from _check_base(track, expected.base[track.name])


def _check_base(track: _Track, chunks: Sequence[BasePictures]) -> Iterator[Check]:
    """The pictures without film grain, which `play_video` saw with it."""
    found = play_base(track.parts, [chunk.frames for chunk in chunks])
    wrong = [
        number
        for number, (one, chunk) in enumerate(zip(found, chunks, strict=False), start=1)
        if chunk.base and one[0] != chunk.base
    ]
    yield _equal(f"{track.name}: chunks whose pictures without grain are not those judged", wrong, [])
    drawn = [one[1] for one in found]
    yield _equal(f"{track.name}: pictures with film grain", drawn, [chunk.drawn_frames for chunk in chunks])


def _check_sound(track: _Track, end: Fraction, source: AudioTrack) -> Iterator[Check]:
    played = play_sound(track.parts)
    yield _equal(f"{track.name}: decoding faults", list(played.faults[:5]), [])
    yield _equal(f"{track.name}: priming in the edit list", _edit_offset(track.header), PRIMING)
    yield _near(f"{track.name}: first sample", played.start, Fraction(0), _SAMPLE)
    reached = played.start + Fraction(played.samples, STREAM_RATE)
    yield _at_least(f"{track.name}: samples", round(reached * STREAM_RATE), round(end * STREAM_RATE))
    offset = _offset(played, source, end)
    if offset is not None:
        yield _near(f"{track.name}: offset against the source", offset, Fraction(0), _SAMPLE)


def _offset(played: PlayedSound, source: AudioTrack, end: Fraction) -> Fraction | None:
    """Seconds by which the stream's sound is late; None where the first minute is silent."""
    blocks = [block.mean(axis=0) for block in programme_sound(source, min(end, Fraction(EXCERPT)))]
    if not blocks or not len(played.excerpt) or max(float(np.abs(block).max()) for block in blocks) < _AUDIBLE:
        return None
    return measure_offset(np.concatenate(blocks), played.excerpt, STREAM_RATE) + played.start


def _edit_offset(header: bytes) -> int:
    """Ticks the header's edit list takes from the beginning; 0 without one."""
    if not has(header, b"moov", b"trak", b"edts", b"elst"):
        return 0
    box = find(header, b"moov", b"trak", b"edts", b"elst")
    wide = header[box.body] == 1
    at = box.body + 8 + (8 if wide else 4)
    offset: int = struct.unpack_from(">q" if wide else ">i", header, at)[0]
    return offset


def _furthest(found: Sequence[Fraction], wanted: Sequence[Fraction]) -> Fraction | None:
    """Largest distance between two lists; None where their lengths differ."""
    if len(found) != len(wanted):
        return None
    return max((abs(one - other) for one, other in zip(found, wanted, strict=True)), default=Fraction(0))


def _text(apart: Fraction | None) -> str:
    return "a different number of them" if apart is None else f"{float(apart) * 1e6:.3f} µs apart"


def _equal(name: str, found: object, wanted: object) -> Check:
    return Check(name, found == wanted, _short(found), _short(wanted))


def _near(name: str, found: Fraction, wanted: Fraction, within: Fraction) -> Check:
    text = f"{float(wanted):.6f} s ± {float(within) * 1e6:.1f} µs"
    return Check(name, abs(found - wanted) <= within, f"{float(found):.6f} s", text)


def _at_least(name: str, found: int, wanted: int) -> Check:
    return Check(name, found >= wanted, str(found), f"≥ {wanted}")


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 200 else f"{text[:200]}…"
