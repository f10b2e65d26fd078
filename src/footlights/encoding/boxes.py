"""Boxes of ISO files: found, and the fragments of a segment read sample by sample.

Reads what others may have damaged: every problem is a BoxError that says where.

Reference: ISO/IEC 14496-12 (4.2 boxes, 8.8 movie fragments).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

NOT_SYNC = 0x10000
"""sample_is_non_sync_sample (8.8.3.1)."""


class Box(NamedTuple):
    """One box: its four letters and where it lies in the data."""

    kind: bytes
    start: int
    body: int
    stop: int


class BoxError(Exception):
    """The data is not a sequence of whole boxes, or lacks one that must be there."""


def boxes(data: bytes, start: int = 0, stop: int | None = None) -> Iterator[Box]:
    """The boxes that lie side by side between two positions."""
    end = len(data) if stop is None else stop
    while start < end:
        if start + 8 > end:
            raise BoxError(f"{end - start} bytes at {start} are no box")
        size, kind = struct.unpack_from(">I4s", data, start)
        body = start + 8
        if size == 1 and body + 8 <= end:
            (size,) = struct.unpack_from(">Q", data, body)
            body += 8
        if size < body - start or start + size > end:
            raise BoxError(f"box {kind!r} at {start} says it has {size} bytes, {end - start} are there")
        yield Box(kind, start, body, start + size)
        start += size


def find(data: bytes, *path: bytes, within: Box | None = None) -> Box:
    """The first box under a path such as `moov`, `trak`; BoxError where there is none."""
    found = _find(data, path, within)
    if found is None:
        raise BoxError(f"there is no box {b'/'.join(path).decode('latin-1')}")
    return found


def has(data: bytes, *path: bytes) -> bool:
    """Whether there is a box under the path."""
    return _find(data, path, None) is not None


def _find(data: bytes, path: Sequence[bytes], within: Box | None) -> Box | None:
    start, stop = (within.body, within.stop) if within is not None else (0, len(data))
    for box in boxes(data, start, stop):
        if box.kind == path[0]:
            if len(path) == 1:
                return box
            inner = _find(data, path[1:], box)
            if inner is not None:
                return inner
    return None


@dataclass(frozen=True, slots=True)
class FragmentSample:
    """One sample as its fragment describes it."""

    offset: int
    """Of its first byte in the segment."""
    size: int
    duration: int
    """Ticks."""
    composition: int
    """Ticks from decoding to presentation; may be negative."""
    key: bool


@dataclass(frozen=True, slots=True)
class Fragment:
    """One moof with its mdat."""

    start: int
    """Of the moof in the segment."""
    decode_time: int
    """Ticks: baseMediaDecodeTime."""
    samples: tuple[FragmentSample, ...]

    @property
    def duration(self) -> int:
        """Ticks."""
        return sum(sample.duration for sample in self.samples)


def fragments(segment: bytes) -> tuple[Fragment, ...]:
    """All fragments of a segment of one track."""
    return tuple(_fragment(segment, box) for box in boxes(segment) if box.kind == b"moof")


def _fragment(data: bytes, moof: Box) -> Fragment:
    try:
        track = find(data, b"traf", within=moof)
        header, clock = find(data, b"tfhd", within=track), find(data, b"tfdt", within=track)
        run = find(data, b"trun", within=track)
        wide = data[clock.body] == 1
        (decode_time,) = struct.unpack_from(">Q" if wide else ">I", data, clock.body + 4)
        return Fragment(moof.start, decode_time, tuple(_run(data, moof, header, run)))
    except struct.error as error:
        raise BoxError(f"the fragment at {moof.start} ends too early") from error


def _run(data: bytes, moof: Box, header: Box, run: Box) -> Iterator[FragmentSample]:
    """Samples of a trun with the defaults of its tfhd."""
    flags = int.from_bytes(data[header.body + 1 : header.body + 4], "big")
    fields = [struct.unpack_from(">I", data, position)[0] for position in range(header.body + 8, header.stop - 3, 4)]
    position = 2 * bool(flags & 1) + bool(flags & 2)
    defaults: list[int] = []
    for bit in (8, 16, 32):  # duration, size, flags
        defaults.append(fields[position] if flags & bit else 0)
        position += bool(flags & bit)
    kind = int.from_bytes(data[run.body + 1 : run.body + 4], "big")
    count, shift = struct.unpack_from(">Ii", data, run.body + 4)
    offset, place = moof.start + shift, run.body + 12
    first_flags: int | None = None
    if kind & 4:
        (first_flags,) = struct.unpack_from(">I", data, place)
        place += 4
    for index in range(count):
        values = list(defaults)
        for column, bit in enumerate((0x100, 0x200, 0x400)):
            if kind & bit:
                (values[column],) = struct.unpack_from(">I", data, place)
                place += 4
        if index == 0 and first_flags is not None:
            values[2] = first_flags
        composition = 0
        if kind & 0x800:
            (composition,) = struct.unpack_from(">i" if data[run.body] else ">I", data, place)
            place += 4
        yield FragmentSample(offset, values[1], values[0], composition, not values[2] & NOT_SYNC)
        offset += values[1]
