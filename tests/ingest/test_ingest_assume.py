"""Assumptions: what silent or misleading tags are taken for, each one named."""

from dataclasses import replace
from fractions import Fraction

import pytest

from footlights.core.signal import ChromaSiting, FieldOrder, Matrix, Primaries, Range
from footlights.ingest.assume import interpret
from footlights.media.tapefacts import VideoFacts
from footlights.settings import IngestSettings

SILENT = VideoFacts(
    codec="mpeg2video",
    pixel_format="yuv420p",
    width=720,
    height=480,
    average_rate=Fraction(30000, 1001),
    base_rate=None,
    time_base=Fraction(1, 90000),
    sample_aspect=None,
    field_order="unknown",
    matrix=2,
    primaries=2,
    transfer=2,
    range=0,
    full_range_format=False,
    duration=None,
)
AUTO = IngestSettings()


def test_silent_ntsc_is_601_with_ten_by_eleven_samples_and_says_so() -> None:
    signal = interpret(SILENT, AUTO, rgb=False).signal
    assert (signal.matrix, signal.primaries) == (Matrix.SMPTE170M, Primaries.SMPTE170M)
    assert signal.sample_aspect == Fraction(10, 11)
    assert signal.range is Range.LIMITED
    assert signal.assumed == {"matrix", "primaries", "transfer", "range", "field_order", "sample_aspect"}


@pytest.mark.parametrize(
    ("height", "tag", "right"),
    [
        (480, Fraction(8, 9), Fraction(10, 11)),
        (480, Fraction(32, 27), Fraction(40, 33)),
        (576, Fraction(16, 15), Fraction(12, 11)),
        (576, Fraction(64, 45), Fraction(16, 11)),
    ],
)
def test_aspects_that_divide_by_720_are_corrected_with_a_note(height: int, tag: Fraction, right: Fraction) -> None:
    reading = interpret(replace(SILENT, height=height, sample_aspect=tag), AUTO, rgb=False)
    assert reading.signal.sample_aspect == right
    assert "704" in reading.notes[0]
    assert "sample_aspect" not in reading.signal.assumed


def test_dv_is_bottom_field_first_by_its_standard() -> None:
    signal = interpret(replace(SILENT, codec="dvvideo", pixel_format="yuv411p"), AUTO, rgb=False).signal
    assert signal.field_order is FieldOrder.BOTTOM_FIRST
    assert "field_order" in signal.assumed


def test_a_tag_counts_and_a_hand_counts_more() -> None:
    tagged = replace(SILENT, field_order="top-first", matrix=1, primaries=1, transfer=1, range=1)
    signal = interpret(tagged, AUTO, rgb=False).signal
    assert (signal.field_order, signal.matrix) == (FieldOrder.TOP_FIRST, Matrix.BT709)
    by_hand = IngestSettings(field_order="bottom-first", matrix="bt601", sample_aspect="1:1")
    reading = interpret(tagged, by_hand, rgb=False)
    assert reading.signal.field_order is FieldOrder.BOTTOM_FIRST
    assert reading.signal.matrix is Matrix.SMPTE170M
    assert reading.signal.sample_aspect == 1
    assert len(reading.notes) == 2


@pytest.mark.parametrize(
    ("codec", "pixel_format", "siting"),
    [
        ("mjpeg", "yuvj420p", ChromaSiting.CENTRE),
        ("dvvideo", "yuv420p", ChromaSiting.TOP_LEFT),
        ("h264", "yuv420p", ChromaSiting.LEFT),
    ],
)
def test_chroma_siting_follows_the_codec(codec: str, pixel_format: str, siting: ChromaSiting) -> None:
    assert (
        interpret(replace(SILENT, codec=codec, pixel_format=pixel_format), AUTO, rgb=False).signal.chroma_siting
        is siting
    )


def test_hd_is_709_and_rgb_has_no_matrix() -> None:
    hd = replace(SILENT, width=1920, height=1080)
    assert interpret(hd, AUTO, rgb=False).signal.primaries is Primaries.BT709
    rgb = interpret(hd, AUTO, rgb=True).signal
    assert (rgb.matrix, rgb.range) == (Matrix.IDENTITY, Range.FULL)
