"""Codec strings of RFC 6381 for manifests, read from the sample entry of a CMAF header.

`av01.P.LLT.DD` (AV1-ISOBMFF 5) is given short where the rest has its default (4:2:0, BT.709, limited range), and in
full where it has not; `avc1.PPCCLL` and `avc3.PPCCLL` (ISO/IEC 14496-15 annex E), `mp4a.40.2` (ISO/IEC 14496-3).
"""

from __future__ import annotations

from dataclasses import dataclass

from footlights.encoding.boxes import Box, BoxError, boxes, find
from footlights.media.bitstreams import Av1Sequence, av1_sequence, parse_av1_sequence

_VISUAL_FIELDS = 78
"""Bytes of a VisualSampleEntry before its boxes (ISO/IEC 14496-12 12.1.3), the box header not counted."""
_AUDIO_FIELDS = 28
_SHORT_FORM = (False, "110", 1, 1, 1, False)


@dataclass(frozen=True, slots=True)
class SampleEntry:
    """What a header says of its only track."""

    kind: str
    """`av01`, `avc1`, `avc3` or `mp4a`."""
    record: bytes
    """Contents of av1C, avcC or esds."""
    width: int
    """0 for sound."""
    height: int


def sample_entry(header: bytes) -> SampleEntry:
    """The sample entry of a CMAF header; BoxError where it is of no kind this program writes."""
    table = find(header, b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")
    entry = next(boxes(header, table.body + 8, table.stop), None)
    if entry is None:
        raise BoxError("the sample description is empty")
    kind = entry.kind.decode("latin-1")
    if kind == "mp4a":
        return SampleEntry(kind, _child(header, entry, _AUDIO_FIELDS, b"esds"), 0, 0)
    record = {"av01": b"av1C", "avc1": b"avcC", "avc3": b"avcC"}.get(kind)
    if record is None:
        raise BoxError(f"{kind!r} is no sample entry of a stream")
    width, height = (int.from_bytes(header[entry.body + at : entry.body + at + 2], "big") for at in (24, 26))
    return SampleEntry(kind, _child(header, entry, _VISUAL_FIELDS, record), width, height)


def codec_string(header: bytes) -> str:
    """The codec string of a CMAF header's track."""
    entry = sample_entry(header)
    if entry.kind == "mp4a":
        return f"mp4a.40.{_object_type(entry.record)}"
    if entry.kind == "av01":
        sequence = av1_sequence(entry.record[4:])
        if sequence is None:
            raise BoxError("av1C holds no sequence header")
        return av1_string(parse_av1_sequence(sequence))
    return f"{entry.kind}.{entry.record[1:4].hex().upper()}"


def av1_string(sequence: Av1Sequence) -> str:
    """The codec string of an AV1 sequence header."""
    tier = "H" if sequence.high_tier else "M"
    short = f"av01.{sequence.profile}.{sequence.level:02d}{tier}.{sequence.bit_depth:02d}"
    colour = (sequence.primaries, sequence.transfer, sequence.matrix, sequence.full_range)
    if (sequence.monochrome, sequence.subsampling, *colour) == _SHORT_FORM:
        return short
    primaries, transfer, matrix, full = colour
    rest = f"{primaries:02d}.{transfer:02d}.{matrix:02d}.{int(full)}"
    return f"{short}.{int(sequence.monochrome)}.{sequence.subsampling}.{rest}"


def h264_string(kind: str, parameter_set: bytes) -> str:
    """The codec string of a sequence parameter set NAL unit (profile, constraints and level are its bytes 1 to 3)."""
    return f"{kind}.{parameter_set[1:4].hex().upper()}"


def _child(header: bytes, entry: Box, fields: int, kind: bytes) -> bytes:
    box = next((box for box in boxes(header, entry.body + fields, entry.stop) if box.kind == kind), None)
    if box is None:
        raise BoxError(f"the sample entry has no {kind.decode()}")
    return header[box.body : box.stop]


def _object_type(descriptor: bytes) -> int:
    """Audio object type of the AudioSpecificConfig inside an esds (ISO/IEC 14496-1 7.2.6, 14496-3 1.6.2)."""
    position = 4
    while position < len(descriptor):
        tag = descriptor[position]
        position += 1
        size = 0
        while True:
            byte = descriptor[position]
            position += 1
            size = size << 7 | byte & 127
            if not byte & 128:
                break
        if tag == 5:
            return descriptor[position] >> 3
        position += {3: 3, 4: 13}.get(tag, size)  # descriptors 3 and 4 hold the next one after these bytes
    raise BoxError("esds holds no AudioSpecificConfig")
