"""Colour: closed forms of BT.601 and BT.709, and zimg (through the ffmpeg binary) as an independent oracle."""

from pathlib import Path

import numpy as np
import pytest

from footlights.core import colour
from footlights.core.signal import Matrix, Primaries, Range
from footlights.media import ffmpeg


def test_pure_red_of_601_read_as_709_is_clipped_and_orange() -> None:
    red = colour.rgb_to_ycbcr(Matrix.SMPTE170M) @ np.array([1.0, 0.0, 0.0])
    misread = colour.ycbcr_to_rgb(Matrix.BT709) @ red
    assert misread == pytest.approx([1.086, 0.097, -0.014], abs=1e-3)


@pytest.mark.parametrize("matrix", [Matrix.BT709, Matrix.SMPTE170M, Matrix.BT2020_NCL, Matrix.SMPTE240M])
def test_white_has_no_chroma_and_luma_weights_sum_to_one(matrix: Matrix) -> None:
    assert colour.rgb_to_ycbcr(matrix) @ np.ones(3) == pytest.approx([1, 0, 0], abs=1e-12)
    assert colour.ycbcr_to_rgb(matrix) @ colour.rgb_to_ycbcr(matrix) == pytest.approx(np.eye(3), abs=1e-12)


@pytest.mark.parametrize("source", [Primaries.SMPTE170M, Primaries.BT470BG, Primaries.BT470M, Primaries.BT2020])
def test_primaries_conversion_keeps_white(source: Primaries) -> None:
    assert colour.primaries_matrix(source, Primaries.BT709) @ np.ones(3) == pytest.approx(np.ones(3), abs=1e-6)


def test_smpte_c_red_needs_a_trace_below_zero_in_709() -> None:
    converted = colour.primaries_matrix(Primaries.SMPTE170M, Primaries.BT709) @ np.array([1.0, 0, 0])
    assert -0.03 < converted[2] < 0, "SMPTE-C red lies a hair outside BT.709"


def test_values_outside_the_range_survive_both_ways() -> None:
    luma = np.array([[-0.1, 1.2]], np.float32)
    chroma = np.array([[[0.6, -0.6]], [[-0.6, 0.6]]], np.float32)
    ntsc, hd = (Matrix.SMPTE170M, Primaries.SMPTE170M), (Matrix.BT709, Primaries.BT709)
    there = colour.convert_primaries(luma, chroma, ntsc, hd)
    back = colour.convert_primaries(*there, hd, ntsc)
    assert np.isfinite(there[0]).all()
    assert back[0] == pytest.approx(luma, abs=2e-3)
    assert back[1] == pytest.approx(chroma, abs=2e-3)


@pytest.mark.parametrize(("bits", "levels"), [(8, Range.LIMITED), (10, Range.LIMITED), (8, Range.FULL)])
def test_codes_round_trip(bits: int, levels: Range) -> None:
    reserve = 0 if levels is Range.FULL else 2 ** (bits - 8)
    codes = np.arange(reserve, 2**bits - reserve, dtype=np.uint16).reshape(1, -1)
    assert (colour.luma_to_codes(colour.luma_from_codes(codes, bits, levels), bits, levels) == codes).all()
    assert (colour.chroma_to_codes(colour.chroma_from_codes(codes, bits, levels), bits, levels) == codes).all()


def test_synchronisation_codes_are_never_written() -> None:
    wild = np.array([[-9.0, 9.0]], np.float32)
    assert colour.luma_to_codes(wild, 8).tolist() == [[1, 254]]
    assert colour.chroma_to_codes(wild, 10).tolist() == [[4, 1019]]


def test_conversion_agrees_with_zimg(tmp_path: Path) -> None:
    """Within-gamut colours through our SMPTE-C 601 → BT.709 conversion and through zscale."""
    rng = np.random.default_rng(3)
    rgb = rng.uniform(0.12, 0.88, (8, 16, 3))
    ycc = rgb @ colour.rgb_to_ycbcr(Matrix.SMPTE170M).T
    luma = ycc[..., 0].astype(np.float32)
    chroma = np.moveaxis(ycc[..., 1:], -1, 0).astype(np.float32)
    source, target = tmp_path / "in.yuv", tmp_path / "out.yuv"
    planes = [colour.luma_to_codes(luma, 16), *(colour.chroma_to_codes(plane, 16) for plane in chroma)]
    source.write_bytes(b"".join(plane.tobytes() for plane in planes))
    raw = ["-f", "rawvideo", "-pix_fmt", "yuv444p16le", "-s", "16x8"]
    tags = "matrixin=170m:primariesin=170m:transferin=709:rangein=limited"
    goal = "matrix=709:primaries=709:transfer=709:range=limited"
    graph = f"zscale={tags}:{goal}"
    ffmpeg.run([*raw, "-i", str(source), "-vf", graph, *raw[:4], str(target)], doing="converting with zimg")
    theirs = np.frombuffer(target.read_bytes(), np.uint16).reshape(3, 8, 16)
    ours = colour.convert_primaries(
        luma, chroma, (Matrix.SMPTE170M, Primaries.SMPTE170M), (Matrix.BT709, Primaries.BT709)
    )
    assert colour.luma_from_codes(theirs[0], 16, Range.LIMITED) == pytest.approx(ours[0], abs=4e-3)
    for channel in (0, 1):
        assert colour.chroma_from_codes(theirs[1 + channel], 16, Range.LIMITED) == pytest.approx(
            ours[1][channel], abs=4e-3
        )
