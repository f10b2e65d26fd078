"""CMAF tracks on disk: a header and one file per segment.

One file per segment rather than byte ranges into one: a segment can be held back until it is due (a premiere), cached
for ever under its own name, and replaced or missed alone. Byte ranges are left to the I-frame playlists: inside a
segment every key frame is a fragment (a CMAF chunk) of its own, so that its range is a complete moof with its mdat.

References: ISO/IEC 14496-12 (boxes), ISO/IEC 23000-19 (CMAF header, segment, fragment), RFC 8216 4.3.4.2 (bit rates).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from itertools import islice, pairwise
from pathlib import Path
from typing import NamedTuple

from footlights.core.time import FrameRange
from footlights.encoding.boxes import NOT_SYNC, find
from footlights.errors import PausedError, ToolError
from footlights.media.audio import AAC_FRAME, PRIMING, STREAM_RATE, AacStream
from footlights.media.headers import sound_header, video_header
from footlights.media.lossless import ENOSPC
from footlights.media.pieces import VideoTrack

HEADER_FILE = "init.mp4"
_SEGMENT_TYPE = struct.pack(">I4s4sI4s4s", 24, b"styp", b"msdh", 0, b"msdh", b"cmfs")
_KEY_FLAGS = 0x2000000
"""sample_depends_on = 2: on no other."""
_OTHER_FLAGS = 0x1000000 | NOT_SYNC


@dataclass(frozen=True, slots=True)
class KeyRange:
    """The fragment of a segment that holds nothing but one key frame."""

    start: int
    """Ticks of presentation."""
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class SegmentFile:
    """One media segment, in the order of presentation."""

    file: str
    start: int
    """Ticks of presentation, priming not counted."""
    duration: int
    bytes: int
    keys: tuple[KeyRange, ...]


@dataclass(frozen=True, slots=True)
class StreamTrack:
    """One rendition or sound track as it lies in its folder."""

    name: str
    """Also its folder."""
    header: bytes
    """Contents of `init.mp4`."""
    timescale: int
    segments: tuple[SegmentFile, ...]
    content: str
    """SHA-256 over the header and all segments, one after the other."""

    def rates(self, target: int) -> Rates:
        seconds = [Fraction(segment.duration, self.timescale) for segment in self.segments]
        return measured_rates([segment.bytes for segment in self.segments], seconds, target)


@dataclass(frozen=True, slots=True)
class Rates:
    """Bits per second of a track's segments, rounded up."""

    peak: int
    """Largest of any run of segments that lasts 0.5 to 1.5 target durations (RFC 8216 4.3.4.2)."""
    average: int


def measured_rates(sizes: Sequence[int], seconds: Sequence[Fraction], target: int) -> Rates:
    """Peak and average bit rate of consecutive segments; `target` is the target duration in seconds."""
    average = sum(sizes) * 8 / sum(seconds, Fraction(0))
    peak = average
    for begin in range(len(sizes)):
        total, duration = 0, Fraction(0)
        for size, length in zip(sizes[begin:], seconds[begin:], strict=True):
            total, duration = total + size, duration + length
            if duration > Fraction(3, 2) * target:
                break
            if 2 * duration >= target:
                peak = max(peak, total * 8 / duration)
    return Rates(-(-peak // 1), -(-average // 1))


def write_video(folder: Path, name: str, video: VideoTrack, segments: Sequence[FrameRange]) -> StreamTrack:
    """Cut a rendition at the given frames and write its header and segments into `folder / name`.

    On the media timeline decoding begins at zero; the edit list takes the reordering delay away.
    """
    output = _TrackWriter(folder, name, video.delay)
    samples = video.samples()
    for frames in segments:
        batch = list(islice(samples, len(frames)))
        if not batch or not batch[0].key or {sample.frame for sample in batch} != set(frames):
            raise ToolError(
                f"rendition {name} cannot be cut at frame {frames.start}",
                "no closed group of pictures begins there",
                "force a key frame at every segment boundary when encoding",
            )
        if frames.start == 0:
            output.write_header(with_edit_list(video_header(video, batch[0]), video.delay))
        begin, end = video.ticks[frames.start], video.ticks[frames.stop]
        payloads = [Payload(sample.data, sample.duration, sample.pts - sample.dts, sample.key) for sample in batch]
        output.add(list(_key_chunks(payloads)), begin, start=begin, duration=end - begin)
    return output.finish(video.timescale)


def write_sound(folder: Path, name: str, sound: AacStream, edges: Sequence[int]) -> StreamTrack:
    """Cut a sound track at the given packets and write its header and segments into `folder / name`.

    On the media timeline priming begins at zero; the edit list moves it before the programme.
    """
    output = _TrackWriter(folder, name, PRIMING)
    packets = iter(sound.packets)
    for first, stop in pairwise(edges):
        batch = list(islice(packets, stop - first))
        if first == 0:
            output.write_header(with_edit_list(sound_header(sound, batch[0]), PRIMING))
        payloads = [Payload(data, sound.duration(first + index), 0, key=True) for index, data in enumerate(batch)]
        media = first * AAC_FRAME
        end = media + sum(payload.duration for payload in payloads) - PRIMING
        begin = max(media - PRIMING, 0)
        output.add([payloads], media, start=begin, duration=end - begin)
    return output.finish(STREAM_RATE)


def sound_edges(sound: AacStream, boundaries: Sequence[Fraction]) -> tuple[int, ...]:
    """Packets at which segments begin, nearest to the boundaries (seconds, zero left out), and the packet count."""
    edges = [0]
    for boundary in boundaries:
        packet = round((boundary * STREAM_RATE + PRIMING) / AAC_FRAME)
        edges.append(min(max(packet, edges[-1] + 1), sound.packet_count - 1))
    return (*dict.fromkeys(edges), sound.packet_count)


class Payload(NamedTuple):
    """One sample to be written."""

    data: bytes
    duration: int
    """Ticks."""
    composition: int
    """Ticks from decoding to presentation."""
    key: bool


def with_edit_list(header: bytes, offset: int) -> bytes:
    """A header whose presentation begins `offset` ticks into the media (8.6.6); unchanged for 0.

    Negative composition offsets would do without, but FFmpeg's demuxer shows what follows them late.
    """
    if offset == 0:
        return header
    edit = _box(b"edts", _box(b"elst", struct.pack(">IIIiHH", 0, 1, 0, offset, 1, 0)))
    movie, track = find(header, b"moov"), find(header, b"moov", b"trak")
    place = find(header, b"moov", b"trak", b"tkhd").stop
    grown = bytearray(header)
    for box in (movie, track):
        struct.pack_into(">I", grown, box.start, box.stop - box.start + len(edit))
    return bytes(grown[:place]) + edit + bytes(grown[place:])


def fragment_bytes(number: int, decode_time: int, payloads: Sequence[Payload]) -> bytes:
    """One moof with its mdat. All samples of a fragment are key frames, or none is."""
    durations = {payload.duration for payload in payloads}
    flags = 0x20000 | 0x20 | (0x8 if len(durations) == 1 else 0)  # default-base-is-moof, default flags and duration
    fields = [1, *(durations if len(durations) == 1 else ()), _KEY_FLAGS if payloads[0].key else _OTHER_FLAGS]
    header = _box(b"tfhd", struct.pack(f">I{len(fields)}I", flags, *fields))
    clock = _box(b"tfdt", struct.pack(">IQ", 1 << 24, decode_time))
    columns = 0x200 | (0 if len(durations) == 1 else 0x100)
    if any(payload.composition for payload in payloads):
        columns |= 0x800
    rows = b"".join(_row(columns, payload) for payload in payloads)
    offset = 8 + 16 + 8 + len(header) + len(clock) + 20 + len(rows) + 8  # from the moof to the first sample
    run = _box(b"trun", struct.pack(">IIi", columns | 1, len(payloads), offset) + rows)
    moof = _box(b"moof", _box(b"mfhd", struct.pack(">II", 0, number)) + _box(b"traf", header + clock + run))
    return moof + _box(b"mdat", b"".join(payload.data for payload in payloads))


def _row(columns: int, payload: Payload) -> bytes:
    duration = struct.pack(">I", payload.duration) if columns & 0x100 else b""
    composition = struct.pack(">I", payload.composition) if columns & 0x800 else b""
    return duration + struct.pack(">I", len(payload.data)) + composition


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _key_chunks(payloads: Sequence[Payload]) -> Iterator[Sequence[Payload]]:
    """Key frames alone, what follows each of them together."""
    marks = [index for index, payload in enumerate(payloads) if payload.key]
    for first, stop in pairwise([*marks, len(payloads)]):
        yield payloads[first : first + 1]
        if stop > first + 1:
            yield payloads[first + 1 : stop]


class _TrackWriter:
    """Writes the files of one track; the folder as a whole is published by the caller."""

    def __init__(self, folder: Path, name: str, delay: int) -> None:
        self._folder, self._name, self._delay = folder / name, name, delay
        self._folder.mkdir(parents=True)
        self._segments: list[SegmentFile] = []
        self._content = sha256()
        self._header = b""
        self._fragments = 0

    def write_header(self, header: bytes) -> None:
        self._header = header
        self._write(HEADER_FILE, header)

    def add(self, chunks: Sequence[Sequence[Payload]], decode_time: int, *, start: int, duration: int) -> None:
        """Write a segment, one fragment per chunk, that begins decoding at `decode_time` and is shown from `start`."""
        parts = [_SEGMENT_TYPE]
        keys: list[KeyRange] = []
        for chunk in chunks:
            self._fragments += 1
            part = fragment_bytes(self._fragments, decode_time, chunk)
            if chunk[0].key:
                keys.append(KeyRange(decode_time + chunk[0].composition - self._delay, sum(map(len, parts)), len(part)))
            parts.append(part)
            decode_time += sum(payload.duration for payload in chunk)
        file = f"{len(self._segments) + 1:05d}.m4s"
        data = b"".join(parts)
        self._write(file, data)
        self._segments.append(SegmentFile(file, start, duration, len(data), tuple(keys)))

    def finish(self, timescale: int) -> StreamTrack:
        return StreamTrack(self._name, self._header, timescale, tuple(self._segments), self._content.hexdigest())

    def _write(self, file: str, data: bytes) -> None:
        self._content.update(data)
        write_file(self._folder / file, data)


def write_file(path: Path, data: bytes) -> None:
    """A file of a folder that is not yet published; a full disk pauses the job."""
    try:
        path.write_bytes(data)
    except OSError as error:
        if error.errno == ENOSPC:
            raise PausedError("the disk is full", str(error), "make space and run the same command again") from error
        raise
