"""HDR of BT.2100 read back by another library: the tags stand in the container and on every decoded picture."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest

from footlights.encoding.encoders import X265, Encoder, SvtAv1
from footlights.media import ffmpeg

NUMBERS = {"smpte2084": 16, "arib-std-b67": 18}
"""Transfer characteristics of H.273."""


@pytest.mark.parametrize("curve", list(NUMBERS))
@pytest.mark.parametrize("kind", [SvtAv1, X265])
def test_tags_of_hdr_are_read_by_another_library(tmp_path: Path, kind: type[SvtAv1 | X265], curve: str) -> None:
    encoder: Encoder = kind(hdr=curve)
    path = tmp_path / "hdr.mkv"
    source = ["-f", "lavfi", "-i", "mandelbrot=s=128x96:r=25", "-frames:v", "3"]
    ffmpeg.run([*source, *encoder.arguments(30, (0,), Fraction(25)), ffmpeg.file_url(path)], doing="encoding HDR")
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        wanted = (9, NUMBERS[curve], 9, 1)  # BT.2020 primaries and non-constant luminance, limited range
        for one in (context, *container.decode(video=0)):
            assert (one.color_primaries, one.color_trc, one.colorspace, one.color_range) == wanted
        assert context.pix_fmt == "yuv420p10le"
