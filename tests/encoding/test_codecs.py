"""Codec strings against values worked out by hand from the specifications."""

from __future__ import annotations

from dataclasses import replace

import pytest

from footlights.encoding.boxes import BoxError, boxes, find
from footlights.encoding.codecs import av1_string, codec_string, h264_string
from footlights.media.bitstreams import (
    Av1Sequence,
    av1_sequence,
    join_annex_b,
    join_lengths,
    nal_codec,
    obus,
    parse_av1_sequence,
    split_annex_b,
    split_lengths,
    starts_decoding,
    without_delimiter,
)

UHD = Av1Sequence(
    profile=0, level=13, high_tier=False, bit_depth=10, monochrome=False, subsampling="110",
    primaries=1, transfer=1, matrix=1, full_range=False,
)  # fmt: skip


def test_av1_strings():
    assert av1_string(UHD) == "av01.0.13M.10"
    assert av1_string(replace(UHD, level=5, bit_depth=8)) == "av01.0.05M.08"
    assert av1_string(replace(UHD, high_tier=True, level=16)) == "av01.0.16H.10"
    pq = replace(UHD, primaries=9, transfer=16, matrix=9)
    assert av1_string(pq) == "av01.0.13M.10.0.110.09.16.09.0"
    assert av1_string(replace(UHD, full_range=True, subsampling="112")) == "av01.0.13M.10.0.112.01.01.01.1"


def test_sequence_header_by_hand():
    """As SVT-AV1 writes it for 96×64, 8 bit: seq_level_idx 0, no colour description."""
    header = bytes.fromhex("0a0b02000005196ffe257c8020")
    assert av1_sequence(bytes.fromhex("1200") + header) == header
    assert parse_av1_sequence(header) == replace(UHD, level=0, bit_depth=8, primaries=2, transfer=2, matrix=2)
    assert without_delimiter(bytes.fromhex("1200") + header) == header
    assert [kind for kind, _, _ in obus(bytes.fromhex("1200") + header)] == [2, 1]


def test_h264_strings():
    assert h264_string("avc1", bytes.fromhex("67640028acd9")) == "avc1.640028"
    assert h264_string("avc3", bytes.fromhex("674d401f")) == "avc3.4D401F"


def box(kind: bytes, body: bytes) -> bytes:
    return (len(body) + 8).to_bytes(4, "big") + kind + body


def header_with(entry: bytes) -> bytes:
    table = box(b"stsd", bytes(4) + (1).to_bytes(4, "big") + entry)
    inner = box(b"mdia", box(b"minf", box(b"stbl", table)))
    return box(b"ftyp", b"iso6") + box(b"moov", box(b"trak", inner))


def test_strings_come_from_the_sample_entry():
    visual = bytes(24) + (1920).to_bytes(2, "big") + (1080).to_bytes(2, "big") + bytes(50)
    assert codec_string(header_with(box(b"avc1", visual + box(b"avcC", bytes.fromhex("01640028ff"))))) == "avc1.640028"
    esds = bytes.fromhex("00000000 0316 000100 0411 4015000000 00000000 00000000 0502 1190 0601 02".replace(" ", ""))
    assert codec_string(header_with(box(b"mp4a", bytes(28) + box(b"esds", esds)))) == "mp4a.40.2"
    with pytest.raises(BoxError, match="no sample entry"):
        codec_string(header_with(box(b"vp09", bytes(100))))


def test_boxes_that_lie_about_their_size_are_refused():
    good = box(b"moov", box(b"trak", b"abcd"))
    assert good[find(good, b"moov", b"trak").body :] == b"abcd"
    assert [found.kind for found in boxes(box(b"free", b"") + good)] == [b"free", b"moov"]
    for bad in (good[:-1], b"\0\0\0\3free", good + b"xyz"):
        with pytest.raises(BoxError):
            list(boxes(bad))
    with pytest.raises(BoxError, match="moov/mdia"):
        find(good, b"moov", b"mdia")


def test_nal_units_survive_both_forms():
    units = [bytes([0x67, 1, 2, 3]), bytes([0x68, 9]), bytes([0x65, 0, 0, 3, 1, 255])]
    assert split_annex_b(join_annex_b(units)) == units
    assert split_lengths(join_lengths(units), 4) == units
    record = nal_codec("h264", join_annex_b(units[:2]))
    assert record.sets == tuple(units[:2])
    assert [record.is_set(unit) for unit in units] == [True, True, False]
    assert starts_decoding("h264", join_annex_b(units[:2]), join_annex_b(units[2:]))
    assert not starts_decoding("h264", join_annex_b(units[:2]), join_annex_b([bytes([0x41, 1])]))
