"""Masters and renditions leave no block behind where light or its colour changes, as SVT-AV1 does by default at fast
presets."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from footlights.encoding.encoders import MASTERS, SvtAv1, rung_encoder
from footlights.media.ffmpeg import EncoderPipe, RawFormat, file_url
from footlights.settings import EncodingSettings

_WIDTH, _HEIGHT, _FRAMES = 320, 192, 16
_LIT = (3, 9, 11)
"""Pictures that no other is told from, in the usual order of coding."""
_BLOCK = 8
Codes = NDArray[np.uint16]
"""Pictures of 10 bit, `(T, H * 3 / 2, W)`: luma, and below it both chroma planes one after the other."""


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
    return _pictures(light, np.zeros((_FRAMES, 2, _HEIGHT // 2, _WIDTH // 2)))


def colours_that_turn() -> Codes:
    """A soft scene under grain, which moves a sample a picture while its light turns by 0.7 codes (8 bit) of colour."""
    rng = np.random.default_rng(4)
    soft = [cv2.GaussianBlur(rng.random((_HEIGHT, _WIDTH + _FRAMES), np.float32), (0, 0), 12) for _ in range(3)]
    luma, blue, red = ((one - one.min()) / np.ptp(one) - 0.5 for one in soft)
    light = np.stack([0.4 + 0.3 * luma[:, n : n + _WIDTH] for n in range(_FRAMES)])
    turned = np.linspace(0, 1, _WIDTH // 2)[None] * 0.7 / 224
    chroma = np.stack(
        [
            [0.2 * plane[::2, n : n + _WIDTH : 2] + sign * n * turned for plane, sign in ((blue, 1), (red, -1))]
            for n in range(_FRAMES)
        ]
    )
    return _pictures(light + rng.normal(0, 0.0025, light.shape), chroma)


def _pictures(light: NDArray[np.float64], chroma: NDArray[np.float64]) -> Codes:
    luma = np.clip(np.rint(64 + 876 * light), 64, 940)
    planes = np.clip(np.rint(512 + 896 * chroma), 64, 960).reshape(_FRAMES, -1, _WIDTH)
    return np.concatenate([luma, planes], 1).astype(np.uint16)


def errors(encoder: SvtAv1, q: float, path: Path, pictures: Codes) -> NDArray[np.float32]:
    """Of the pictures after coding, 8-bit codes."""
    raw = RawFormat(_WIDTH, _HEIGHT, encoder.pixel_format, "60")
    with EncoderPipe(raw, [*encoder.arguments(q, (0,), Fraction(60)), file_url(path)], doing="encoding") as pipe:
        for picture in pictures:
            pipe.write(picture)
    with av.open(str(path)) as container:
        seen = np.stack([frame.to_ndarray() for frame in container.decode(video=0)])
    return (seen.astype(np.float32) - pictures) / 4


def worst_block(error: NDArray[np.float32]) -> float:
    """Root mean square error of the worst block of luma."""
    tiles = error[:, :_HEIGHT].reshape(_FRAMES, _HEIGHT // _BLOCK, _BLOCK, _WIDTH // _BLOCK, _BLOCK)
    return float(np.sqrt(np.square(tiles).mean(axis=(2, 4))).max())


def worst_colour(error: NDArray[np.float32]) -> float:
    """Mean error of the worst block of chroma: what shows as a square."""
    planes = error[:, _HEIGHT:].reshape(_FRAMES, 2, _HEIGHT // 2 // _BLOCK, _BLOCK, _WIDTH // 2 // _BLOCK, _BLOCK)
    return float(np.abs(planes.mean(axis=(3, 5))).max())


def master() -> tuple[SvtAv1, float]:
    encoder = MASTERS["av1"].encoder
    assert isinstance(encoder, SvtAv1)
    return encoder, MASTERS["av1"].q


def test_no_block_of_a_master_keeps_the_light_of_the_picture_before(tmp_path: Path) -> None:
    encoder, q = master()
    ours = worst_block(errors(encoder, q, tmp_path / "master.mkv", flashes()))
    usual = worst_block(errors(SvtAv1(preset=encoder.preset, quick=True), q, tmp_path / "usual.mkv", flashes()))
    assert ours < 3 < 10 < usual


def test_the_colour_of_a_master_follows_light_that_turns(tmp_path: Path) -> None:
    encoder, q = master()
    ours = worst_colour(errors(encoder, q, tmp_path / "master.mkv", colours_that_turn()))
    usual = worst_colour(
        errors(SvtAv1(preset=encoder.preset, quick=True), q, tmp_path / "usual.mkv", colours_that_turn())
    )
    assert ours < 1 < 2 < usual


def rendition(preset: int) -> SvtAv1:
    encoder = rung_encoder("av1", str(preset))
    assert isinstance(encoder, SvtAv1)
    return encoder


@pytest.mark.parametrize("preset", [8, EncodingSettings().preset])
def test_no_block_of_a_fine_rendition_keeps_the_light_of_the_picture_before(tmp_path: Path, preset: int) -> None:
    ours = worst_block(errors(rendition(preset), 11, tmp_path / "ours.mkv", flashes()))
    quick = worst_block(errors(SvtAv1(preset, quick=True), 11, tmp_path / "quick.mkv", flashes()))
    assert ours < 3 < 10 < quick


def test_the_colour_of_a_fine_rendition_follows_light_that_turns(tmp_path: Path) -> None:
    ours = worst_colour(errors(rendition(10), 11, tmp_path / "ours.mkv", colours_that_turn()))
    quick = worst_colour(errors(SvtAv1(10, quick=True), 11, tmp_path / "quick.mkv", colours_that_turn()))
    assert ours < 1 < 2 < quick
