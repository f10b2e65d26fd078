"""What an elementary stream says of itself: NAL units and parameter sets of H.264 and HEVC, AV1 sequence headers.

Encoders' own header records are not taken on trust: SVT-AV1 writes the record before it has settled its preset, so that
its `av1C` differs from the sequence header inside the stream. Headers for the container are therefore built from the
first key frame.

References: ITU-T H.264 (7.3.1, Annex B), ITU-T H.265 (7.3.1.2), ISO/IEC 14496-15 (avcC, hvcC), AV1 specification
(5.3, 5.5, Annex A.3), "AV1 Codec ISO Media File Format Binding".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from footlights.errors import ToolError

_START_CODE = b"\x00\x00\x00\x01"
_H264_SETS = frozenset({7, 8, 13, 15})
"""nal_unit_type of sequence and picture parameter sets and their extensions."""
_HEVC_SETS = frozenset({32, 33, 34})
"""VPS, SPS, PPS."""
_OBU_SEQUENCE_HEADER = 1
_OBU_TEMPORAL_DELIMITER = 2
_OBU_FRAME_HEADER = 3
_OBU_FRAME = 6


def is_annex_b(record: bytes) -> bool:
    """Whether a codec record is a byte stream with start codes (an avcC or hvcC record begins with version 1)."""
    return record[:3] == b"\x00\x00\x01" or record[:4] == _START_CODE


def split_annex_b(data: bytes) -> list[bytes]:
    """NAL units of a byte stream, without start codes and trailing zeros."""
    units: list[bytes] = []
    begin = data.find(b"\x00\x00\x01")
    while begin >= 0:
        following = data.find(b"\x00\x00\x01", begin + 3)
        unit = data[begin + 3 : following if following >= 0 else len(data)].rstrip(b"\x00")
        if unit:
            units.append(unit)
        begin = following
    return units


def split_lengths(data: bytes, length_size: int) -> list[bytes]:
    """NAL units of a sample that has a big-endian length before each."""
    units: list[bytes] = []
    position = 0
    while position < len(data):
        size = int.from_bytes(data[position : position + length_size], "big")
        position += length_size
        if position + size > len(data):
            raise _broken("an access unit", f"a NAL unit of {size} bytes reaches beyond its end")
        units.append(data[position : position + size])
        position += size
    return units


def join_lengths(units: list[bytes]) -> bytes:
    """NAL units as a sample with four-byte lengths."""
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)


def join_annex_b(units: list[bytes]) -> bytes:
    """A byte stream, which muxers turn into the form their container wants."""
    return b"".join(_START_CODE + unit for unit in units)


@dataclass(frozen=True, slots=True)
class NalCodec:
    """How one stream of H.264 or HEVC is cut into NAL units."""

    codec: str
    """`h264` or `hevc`."""
    sets: tuple[bytes, ...]
    """Parameter sets of the codec record, in its order."""
    length_size: int
    """Bytes of the length before each unit; 0 for start codes."""

    def units(self, packet: bytes) -> list[bytes]:
        return split_lengths(packet, self.length_size) if self.length_size else split_annex_b(packet)

    def is_set(self, unit: bytes) -> bool:
        if self.codec == "h264":
            return unit[0] & 31 in _H264_SETS
        return unit[0] >> 1 & 63 in _HEVC_SETS


def nal_codec(codec: str, record: bytes) -> NalCodec:
    """Read an avcC or hvcC record, or parameter sets with start codes."""
    if not record:
        return NalCodec(codec, (), 0)
    if is_annex_b(record):
        return NalCodec(codec, tuple(split_annex_b(record)), 0)
    try:
        return _avc_record(record) if codec == "h264" else _hevc_record(record)
    except (IndexError, struct.error) as error:
        raise _broken(f"a {codec} codec record", str(error)) from error


def _avc_record(record: bytes) -> NalCodec:
    sets: list[bytes] = []
    position = 5
    for mask in (31, 255):
        count = record[position] & mask
        position += 1
        for _ in range(count):
            (size,) = struct.unpack_from(">H", record, position)
            sets.append(record[position + 2 : position + 2 + size])
            position += 2 + size
    return NalCodec("h264", tuple(sets), (record[4] & 3) + 1)


def _hevc_record(record: bytes) -> NalCodec:
    sets: list[bytes] = []
    position = 23
    for _ in range(record[22]):
        kind, count = struct.unpack_from(">BH", record, position)
        position += 3
        for _ in range(count):
            (size,) = struct.unpack_from(">H", record, position)
            if kind & 63 in _HEVC_SETS:
                sets.append(record[position + 2 : position + 2 + size])
            position += 2 + size
    return NalCodec("hevc", tuple(sets), (record[21] & 3) + 1)


def obus(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Type, whole bytes and payload of each OBU of a temporal unit (all with a size field, AV1 5.3.1)."""
    position = 0
    while position < len(data):
        header = data[position]
        extended, sized = header >> 2 & 1, header >> 1 & 1
        start = position + 1 + extended
        size, width = _leb128(data, start) if sized else (len(data) - start, 0)
        stop = start + width + size
        if header & 0x80 or stop > len(data):
            raise _broken("an AV1 temporal unit", f"an OBU at byte {position} reaches beyond its end")
        yield header >> 3 & 15, data[position:stop], data[start + width : stop]
        position = stop


def av1_sequence(data: bytes) -> bytes | None:
    """The sequence header OBU of a temporal unit, as its bytes stand; None where it has none."""
    return next((whole for kind, whole, _ in obus(data) if kind == _OBU_SEQUENCE_HEADER), None)


def without_delimiter(data: bytes) -> bytes:
    """A temporal unit as samples hold it: without the temporal delimiter (AV1-ISOBMFF 2.4)."""
    return b"".join(whole for kind, whole, _ in obus(data) if kind != _OBU_TEMPORAL_DELIMITER)


def starts_decoding(codec: str, record: bytes, data: bytes) -> bool:
    """Whether decoding can begin at this packet: an IDR picture, or an AV1 key frame with its sequence header.

    `record` is the codec record (avcC, hvcC, av1C). Codecs whose every picture stands alone always can.
    """
    if codec == "av1":
        kinds = [(kind, payload) for kind, _, payload in obus(data)]
        frames = [payload for kind, payload in kinds if kind in (_OBU_FRAME, _OBU_FRAME_HEADER) and payload]
        # show_existing_frame = 0, frame_type = KEY_FRAME, show_frame = 1 (AV1 5.9.2)
        return any(kind == _OBU_SEQUENCE_HEADER for kind, _ in kinds) and bool(frames) and frames[0][0] >> 4 == 1
    if codec in ("h264", "hevc"):
        units = nal_codec(codec, record).units(data)
        if codec == "h264":
            return any(unit[0] & 31 == 5 for unit in units)
        return any(unit[0] >> 1 & 63 in (19, 20) for unit in units)
    return True


@dataclass(frozen=True, slots=True)
class Av1Sequence:
    """What a sequence header says that a codec string needs (AV1 5.5)."""

    profile: int
    level: int
    """seq_level_idx[0]."""
    high_tier: bool
    bit_depth: int
    monochrome: bool
    subsampling: str
    """chroma_sample_position and subsampling as the three digits of the codec string, `110` for 4:2:0."""
    primaries: int
    transfer: int
    matrix: int
    full_range: bool


class _Bits:
    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = len(data) * 8

    def __call__(self, count: int) -> int:
        if count > self._left:
            raise _broken("an AV1 sequence header", "it ends too early")
        self._left -= count
        return self._value >> self._left & ((1 << count) - 1)

    def uvlc(self) -> int:
        zeros = 0
        while not self(1):
            zeros += 1
        return (1 << zeros) - 1 + self(zeros) if zeros < 32 else (1 << 32) - 1


def parse_av1_sequence(sequence: bytes) -> Av1Sequence:
    """Read a sequence header OBU up to its colour description."""
    payload = next(payload for _, _, payload in obus(sequence))
    bits = _Bits(payload)
    profile = bits(3)
    bits(1)  # still_picture
    level, tier = _operating_point(bits)
    width_bits, height_bits = bits(4) + 1, bits(4) + 1
    bits(width_bits + height_bits)
    if not _reduced(payload) and bits(1):  # frame_id_numbers_present_flag
        bits(7)
    bits(3)  # superblock size, filter intra, intra edge filter
    if not _reduced(payload):
        _skip_tools(bits)
    bits(3)  # superres, cdef, restoration
    return _colour(bits, profile, level, bool(tier))


def _reduced(payload: bytes) -> bool:
    return bool(payload[0] >> 3 & 1)


def _operating_point(bits: _Bits) -> tuple[int, int]:
    """Level and tier of the first operating point; reads up to frame_width_bits."""
    if bits(1):  # reduced_still_picture_header
        return bits(5), 0
    model = False
    if bits(1):  # timing_info_present_flag
        bits(64)
        if bits(1):  # equal_picture_interval
            bits.uvlc()
        model = bool(bits(1))
    delay_length = 0
    if model:
        delay_length = bits(5) + 1
        bits(32 + 10)
    initial_delay = bits(1)
    first: tuple[int, int] | None = None
    for _ in range(bits(5) + 1):
        bits(12)  # operating_point_idc
        level = bits(5)
        tier = bits(1) if level > 7 else 0
        first = first or (level, tier)
        if model and bits(1):
            bits(2 * delay_length + 1)
        if initial_delay and bits(1):
            bits(4)
    assert first is not None
    return first


def _skip_tools(bits: _Bits) -> None:
    bits(4)  # interintra, masked, warped, dual filter
    order_hint = bits(1)
    if order_hint:
        bits(2)
    screen = 2 if bits(1) else bits(1)
    if screen and not bits(1):
        bits(1)  # seq_force_integer_mv
    if order_hint:
        bits(3)


def _colour(bits: _Bits, profile: int, level: int, high_tier: bool) -> Av1Sequence:
    """color_config() (AV1 5.5.2)."""
    high_depth = bits(1)
    depth = (12 if bits(1) else 10) if profile == 2 and high_depth else (10 if high_depth else 8)
    mono = bool(bits(1)) if profile != 1 else False
    primaries, transfer, matrix = (bits(8), bits(8), bits(8)) if bits(1) else (2, 2, 2)
    position, across, down, full = 0, 1, 1, False
    if mono:
        full = bool(bits(1))
    elif (primaries, transfer, matrix) == (1, 13, 0):
        full, across, down = True, 0, 0
    else:
        full = bool(bits(1))
        across, down = _subsampling(bits, profile, depth)
        if across and down:
            position = bits(2)
    return Av1Sequence(
        profile=profile,
        level=level,
        high_tier=high_tier,
        bit_depth=depth,
        monochrome=mono,
        subsampling=f"{across}{down}{position}",
        primaries=primaries,
        transfer=transfer,
        matrix=matrix,
        full_range=full,
    )


def _subsampling(bits: _Bits, profile: int, depth: int) -> tuple[int, int]:
    if profile == 0:
        return 1, 1
    if profile == 1:
        return 0, 0
    if depth < 12:
        return 1, 0
    across = bits(1)
    return across, bits(1) if across else 0


def _leb128(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for index in range(8):
        if position + index >= len(data):
            break
        byte = data[position + index]
        value |= (byte & 127) << 7 * index
        if not byte & 128:
            return value, index + 1
    raise _broken("an AV1 OBU", "its size field does not end")


def _broken(what: str, why: str) -> ToolError:
    return ToolError(f"{what} cannot be read", why, "encode the piece again; report this defect if it comes back")
