"""Light split and relighting of a face's crop: closed forms, and colour kept whatever the net asks for."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from footlights.core.clip import Plane
from footlights.core.colour import rgb_to_ycbcr
from footlights.core.facelight import FaceLight, coarse, detail_of, relight, split
from footlights.core.signal import Matrix, Primaries
from footlights.errors import ParameterError
from footlights.metrics.fidelity import delta_e, lab

SIDE = 128
WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)
LIGHTS = {
    "white": (0.8, 0.75, 0.7),
    "red": (0.9, 0.03, 0.02),
    "blue": (0.03, 0.06, 0.9),
    "magenta": (0.9, 0.02, 0.8),
    "clipped red": (1.9, 0.05, 0.02),
}


def albedo(seed: int = 1) -> Plane:
    """Something with strokes at every size, 0.2..1, like features on a cheek."""
    rng = np.random.default_rng(seed)
    plane = np.zeros((SIDE, SIDE))
    for sigma in (1.0, 2.5, 6.0):
        noise = cv2.GaussianBlur(rng.standard_normal((SIDE, SIDE)), (0, 0), sigma)
        plane += noise / noise.std()
    return np.exp(0.15 * plane - 0.3).astype(np.float32)


def lit(light: tuple[float, float, float], detail: Plane) -> Plane:
    ramp = np.linspace(0.5, 1.3, SIDE, dtype=np.float32)
    return np.clip(np.array(light, np.float32)[:, None, None] * detail * ramp, 0, 1.02).astype(np.float32)


def luma(rgb: Plane) -> Plane:
    return np.tensordot(WEIGHTS, rgb, 1).astype(np.float32)


def colours(rgb: Plane) -> NDArray[np.float64]:
    """Coarse colour: means over a Gaussian of 7 % of a face that fills two thirds of the crop."""
    smooth = [cv2.GaussianBlur(plane, (0, 0), 0.07 * 0.674 * SIDE) for plane in rgb]
    ycbcr = np.einsum("cd,dhw->chw", rgb_to_ycbcr(Matrix.BT709), np.clip(np.stack(smooth), 0, 1))
    return lab(ycbcr, Matrix.BT709, Primaries.BT709)


@pytest.mark.parametrize("light", LIGHTS.values(), ids=LIGHTS)
def test_equal_detail_gives_the_crop_itself(light: tuple[float, float, float]) -> None:
    rgb = lit(light, albedo())
    face = split(rgb, luma(rgb))
    assert np.array_equal(relight(face, face.detail), rgb)


@pytest.mark.parametrize("light", LIGHTS.values(), ids=LIGHTS)
def test_coarse_colour_stays_whatever_detail_comes_back(light: tuple[float, float, float]) -> None:
    rgb = lit(light, albedo())
    face = split(rgb, luma(rgb))
    other = 1.7 * face.detail + 0.8 * np.random.default_rng(2).standard_normal((SIDE, SIDE)).astype(np.float32) + 1
    distance = delta_e(colours(rgb), colours(relight(face, other.astype(np.float32))))
    assert distance.mean() <= 0.3
    assert np.quantile(distance, 0.95) <= 1.0


def test_detail_does_not_depend_on_the_strength_of_light() -> None:
    bright = lit((0.7, 0.7, 0.7), albedo())
    one, half = luma(bright) + 0, luma(bright) * 0.5
    # The 8 codes of offset are all that differs between ln(x + 8) and ln(x / 2 + 8).
    fine = detail_of(one, 1.0)
    assert np.corrcoef(fine.ravel(), detail_of(half, 1.0).ravel())[0, 1] > 0.995


def test_detail_of_an_exponential_is_the_exponent() -> None:
    x = np.arange(SIDE) * 2 * np.pi / 8
    wave = (0.1 * np.sin(x)).astype(np.float32)
    plane = np.broadcast_to((100 * np.exp(wave) - 8) / 255, (SIDE, SIDE)).astype(np.float32)
    inner = slice(24, -24)
    assert np.allclose(detail_of(plane, 0.5)[inner, inner], (wave / 0.5)[None, inner], atol=2e-3)


def test_an_empty_channel_carries_no_share_and_stays_empty() -> None:
    rgb = lit((0.8, 0.0, 0.0), albedo())
    rng = np.random.default_rng(3)
    rgb[1:] = 0.004 * rng.random((2, SIDE, SIDE))
    face = split(rgb, luma(rgb))
    assert face.shares[0] > 0.8
    assert max(face.shares[1:]) < 0.15
    changed = relight(face, 2 * face.detail) - rgb
    assert np.abs(changed[1:]).max() < 0.01 < np.abs(changed[0]).max()


def test_white_light_moves_all_channels_alike() -> None:
    rgb = lit((0.6, 0.6, 0.6), albedo())
    face = split(rgb, luma(rgb))
    assert np.allclose(face.shares, 1, atol=1e-3)
    change = relight(face, 1.5 * face.detail) - rgb
    assert np.allclose(change[0], change[1], atol=1e-6)


def test_true_detail_brings_the_true_picture_back() -> None:
    sharp = lit((0.6, 0.05, 0.03), albedo())
    soft = np.stack([cv2.GaussianBlur(plane, (0, 0), 2.0) for plane in sharp])
    face = split(soft, luma(soft))
    back = relight(face, detail_of(luma(sharp), face.deviation))
    inner = (slice(None), slice(12, -12), slice(12, -12))
    assert np.mean((back - sharp)[inner] ** 2) < 0.1 * np.mean((soft - sharp)[inner] ** 2)


def test_clipped_parts_are_not_touched() -> None:
    rgb = lit((1.9, 0.05, 0.02), albedo())
    rgb[0, 30:90, 30:90] = 1.0
    face = split(rgb, luma(rgb))
    assert np.array_equal(relight(face, 2 * face.detail)[0, 30:90, 30:90], rgb[0, 30:90, 30:90])


def test_a_flat_crop_is_not_amplified() -> None:
    rgb = np.full((3, SIDE, SIDE), 0.4, np.float32)
    face = split(rgb, luma(rgb))
    assert np.abs(face.detail).max() < 0.01
    assert np.isfinite(relight(face, np.ones((SIDE, SIDE), np.float32))).all()


@pytest.mark.parametrize("side", [64, 256, 512])
def test_coarse_is_a_gaussian(side: int) -> None:
    rng = np.random.default_rng(4)
    plane = cv2.GaussianBlur(rng.standard_normal((side, side)).astype(np.float32), (0, 0), side / 40)
    plane /= plane.std()
    reference = cv2.GaussianBlur(plane, (0, 0), 0.09 * side, borderType=cv2.BORDER_REFLECT)
    assert np.abs(coarse(plane) - reference).max() < 0.04 * np.abs(reference).max() + 0.01


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ParameterError, match=r"face\.crop"):
        split(np.zeros((3, 60, 60), np.float32), np.zeros((60, 60), np.float32))


def test_face_light_holds_the_crop_it_was_made_of() -> None:
    rgb = lit((0.5, 0.4, 0.3), albedo())
    face = split(rgb, luma(rgb))
    assert isinstance(face, FaceLight)
    assert face.rgb is rgb
