"""Masters leave no block far behind where a flash lights a picture, which SVT-AV1 does at low CRF by default."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.encoding.encoders import MASTERS, SvtAv1
from footlights.media.ffmpeg import EncoderPipe, RawFormat, file_url

_WIDTH, _HEIGHT, _FRAMES = 320, 192, 16
_LIT = (3, 9, 11)
"""Pictures that no other is told from, in the usual order of coding."""
_BLOCK = 8
Codes = NDArray[np.uint16]


def flashes() -> Codes:
    """A scene that rests under grain of 1.3 codes (8 bit), of which a lamp lights the middle on single pictures."""
    rng = np.random.default_rng(3)
    small = cv2.GaussianBlur(rng.random((_HEIGHT // 8, _WIDTH // 8), np.float32), (0, 0), 2)
    scene = cv2.resize(small, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_CUBIC)
    scene = 0.3 * (scene - scene.min()) / np.ptp(scene)
    across = (np.arange(_WIDTH)[None] - 0.6 * _WIDTH) / (0.2 * _WIDTH)
    down = (np.arange(_HEIGHT)[:, None] - 0.5 * _HEIGHT) / (0.25 * _HEIGHT)
    lamp = 0.6 * np.exp(-(across**2) - down**2)
    light = np.stack([scene + lamp * (n in _LIT) + rng.normal(0, 0.006, scene.shape) for n in range(_FRAMES)])
    return np.clip(64 + 876 * light, 64, 940).astype(np.uint16)


def decoded(encoder: SvtAv1, path: Path, pictures: Codes) -> Iterator[Codes]:
    """Luma of the pictures after coding at the master's CRF."""
    grey = np.full((_HEIGHT // 2, _WIDTH // 2), 512, np.uint16)
    raw = RawFormat(_WIDTH, _HEIGHT, encoder.pixel_format, "60")
    with EncoderPipe(raw, [*encoder.arguments(12, (0,), Fraction(60)), file_url(path)], doing="encoding") as pipe:
        for picture in pictures:
            for plane in (picture, grey, grey):
                pipe.write(plane)
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray()[:_HEIGHT]


def worst_block(encoder: SvtAv1, path: Path, pictures: Codes) -> float:
    """Root mean square error of the worst block, 8-bit codes."""
    error = np.stack(list(decoded(encoder, path, pictures))).astype(np.float32) - pictures
    tiles = (error / 4).reshape(_FRAMES, _HEIGHT // _BLOCK, _BLOCK, _WIDTH // _BLOCK, _BLOCK)
    return float(np.sqrt(np.square(tiles).mean(axis=(2, 4))).max())


def test_no_block_of_a_master_keeps_the_light_of_the_picture_before(tmp_path: Path) -> None:
    pictures, master = flashes(), MASTERS["av1"].encoder
    assert isinstance(master, SvtAv1)
    ours = worst_block(master, tmp_path / "master.mkv", pictures)
    usual = worst_block(SvtAv1(preset=master.preset), tmp_path / "usual.mkv", pictures)
    assert ours < 5 < 10 < usual
    assert (tmp_path / "master.mkv").stat().st_size < (tmp_path / "usual.mkv").stat().st_size
