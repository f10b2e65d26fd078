"""Masters keep the grain of their key frames, which SVT-AV1 filters along time unless it is told not to."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from footlights.encoding.encoders import MASTERS, SvtAv1
from footlights.media.ffmpeg import EncoderPipe, RawFormat, file_url

_SIZE, _FRAMES = (144, 256), 20


def grainy() -> NDArray[np.uint16]:
    """A ramp that rests, with new grain of 3 codes (8 bit) on every picture."""
    ramp = np.linspace(300, 700, _SIZE[1])[None, None, :]
    grain = np.random.default_rng(5).normal(0, 12, (_FRAMES, *_SIZE))
    return np.round(ramp + grain).astype(np.uint16)


def first_error(encoder: SvtAv1, path: Path, pictures: NDArray[np.uint16]) -> float:
    """RMS error of the key frame, 10-bit codes."""
    grey = np.full((_SIZE[0] // 2, _SIZE[1] // 2), 512, np.uint16)
    raw = RawFormat(_SIZE[1], _SIZE[0], encoder.pixel_format, "25")
    with EncoderPipe(raw, [*encoder.arguments(12, (0,), Fraction(25)), file_url(path)], doing="encoding") as pipe:
        for picture in pictures:
            for plane in (picture, grey, grey):
                pipe.write(plane)
    with av.open(str(path)) as container:
        decoded = next(container.decode(video=0)).to_ndarray()[: _SIZE[0]]
    return float(np.sqrt(np.mean((decoded.astype(float) - pictures[0]) ** 2)))


def test_key_frames_of_masters_keep_their_grain(tmp_path: Path) -> None:
    pictures, master = grainy(), MASTERS["av1"].encoder
    assert isinstance(master, SvtAv1)
    kept = first_error(master, tmp_path / "master.mkv", pictures)
    filtered = first_error(SvtAv1(preset=master.preset), tmp_path / "filtered.mkv", pictures)
    assert kept < 0.95 * filtered
