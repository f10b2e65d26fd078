"""HDR: reference white where BT.2408 puts it, zimg as an independent oracle, lamps brighter and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from footlights.core.colour import chroma_to_codes, luma_to_codes, rgb_to_ycbcr
from footlights.core.signal import Matrix, Transfer
from footlights.enhancement.hdr import expanded, hlg, pq, sources
from footlights.media import ffmpeg

H, W = 120, 160


def flat(red: float, green: float, blue: float) -> tuple[np.ndarray, np.ndarray]:
    """A picture of one colour of BT.709, chroma at half size."""
    y, cb, cr = rgb_to_ycbcr(Matrix.BT709) @ np.array([red, green, blue])
    chroma = np.stack([np.full((H // 2, W // 2), cb), np.full((H // 2, W // 2), cr)])
    return np.full((H, W), y, np.float32), chroma.astype(np.float32)


@pytest.mark.parametrize(("curve", "signal"), [(Transfer.PQ, 0.5807), (Transfer.HLG, 0.7498)])
def test_white_lies_at_the_reference_white_and_black_at_black(curve: Transfer, signal: float) -> None:
    grey = expanded(*flat(0.95, 0.95, 0.95), curve)
    white = expanded(*flat(1, 1, 1), curve)
    assert white.luma == pytest.approx(np.full((H, W), signal, np.float32), abs=2e-4), "a large white is no lamp"
    assert grey.luma[0, 0] < signal
    assert np.abs(white.chroma).max() < 1e-5
    assert np.abs(expanded(*flat(0, 0, 0), curve).luma).max() < 1e-3


def test_curves_end_where_the_standard_says() -> None:
    light = np.array([[[10_000.0] * 3, [1000.0] * 3, [0.0] * 3]], np.float32)
    assert pq(light)[0, :, 0] == pytest.approx([1.0, 0.7518, 0.0], abs=2e-4)
    assert hlg(light[:, 1:])[0, :, 0] == pytest.approx([1.0, 0.0], abs=2e-4)


def test_colours_agree_with_zimg(tmp_path: Path) -> None:
    """Fields of one colour each, so that the siting of chroma does not count."""
    worst = 0.0
    for number, colour in enumerate(((0.7, 0.2, 0.1), (0.1, 0.6, 0.3), (0.2, 0.2, 0.8), (0.9, 0.8, 0.6))):
        luma, chroma = flat(*colour)
        source, target = tmp_path / f"{number}.in", tmp_path / f"{number}.out"
        planes = [luma_to_codes(luma, 16), *(chroma_to_codes(plane, 16) for plane in chroma)]
        source.write_bytes(b"".join(plane.tobytes() for plane in planes))
        raw = ["-f", "rawvideo", "-pix_fmt", "yuv420p16le", "-s", f"{W}x{H}"]
        tags = "matrixin=709:primariesin=709:transferin=709:rangein=limited"
        graph = f"zscale={tags}:primaries=2020:transfer=smpte2084:matrix=2020_ncl:range=limited:npl=203"
        ffmpeg.run([*raw, "-i", str(source), "-vf", graph, *raw[:4], str(target)], doing="converting with zimg")
        theirs = np.frombuffer(target.read_bytes(), np.uint16)
        made = expanded(luma, chroma, Transfer.PQ)
        ours = [luma_to_codes(made.luma, 16), *(chroma_to_codes(plane, 16) for plane in made.chroma)]
        worst = max(worst, *(abs(int(a.reshape(-1)[99]) - int(b)) for a, b in zip(
            ours, (theirs[99], theirs[W * H + 99], theirs[W * H * 5 // 4 + 99]), strict=True)))  # fmt: skip
    assert worst < 0.004 * 65_535


def test_hlg_shows_the_same_light_as_pq() -> None:
    """The signal through the OETF's inverse and the OOTF of BT.2100 is the light that went in."""
    light = np.random.default_rng(1).uniform(1, 900, (1, 50, 3)).astype(np.float32)
    signal = hlg(light).astype(np.float64)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    shown = 1000 * scene * (scene @ np.array([0.2627, 0.678, 0.0593]))[..., None] ** 0.2
    assert shown == pytest.approx(light, rel=2e-3)


def test_a_clipped_lamp_shines_and_its_surroundings_stay_as_they_are() -> None:
    luma, chroma = flat(0.3, 0.3, 0.3)
    luma[50:62, 70:82] = 1.0
    plain, lit = expanded(np.minimum(luma, 0.94), chroma, Transfer.PQ), expanded(luma, chroma, Transfer.PQ)
    around = luma < 0.5
    np.testing.assert_array_equal(plain.luma[around], lit.luma[around])
    assert 0.68 < lit.luma[56, 76] <= 0.7519, "up to 1000 cd/m²"
    assert lit.luma[50, 70] < lit.luma[56, 76], "rounded towards its edge"
    assert 0 < lit.sources < 0.02
    assert plain.sources == 0


def test_a_large_white_and_a_coloured_lamp_are_no_sources() -> None:
    sheet = np.full((H, W, 3), 0.2, np.float32)
    sheet[20:100, 30:130] = 1.0
    found = sources(sheet)
    assert found is not None
    assert found[40:80, 50:110].max() < 0.02
    red = np.full((H, W, 3), 0.1, np.float32)
    red[50:60, 70:80] = (1.0, 0.6, 0.5)
    assert sources(red) is None
