"""Colour arithmetic: code values to float and back, Y'CbCr to R'G'B', primaries in linear light.

References: ITU-R BT.601-7, BT.709-6, BT.1886 (display transfer 2.4), SMPTE RP 177 (primary matrices), ITU-T H.273.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core.clip import Plane
from footlights.core.signal import Matrix, Primaries, Range

DISPLAY_GAMMA = 2.4
"""BT.1886: what the studio monitor did, and so what 'the same colour' means for SD and HD video alike."""

_LUMA_WEIGHTS: dict[Matrix, tuple[float, float]] = {
    Matrix.BT709: (0.2126, 0.0722),
    Matrix.FCC: (0.30, 0.11),
    Matrix.BT470BG: (0.299, 0.114),
    Matrix.SMPTE170M: (0.299, 0.114),
    Matrix.SMPTE240M: (0.212, 0.087),
    Matrix.BT2020_NCL: (0.2627, 0.0593),
}
"""Kr and Kb of H.273 table 4."""

_D65 = (0.3127, 0.3290)
_PRIMARIES: dict[Primaries, tuple[tuple[float, float], ...]] = {
    Primaries.BT709: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65),
    Primaries.BT470M: ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), (0.310, 0.316)),
    Primaries.BT470BG: ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), _D65),
    Primaries.SMPTE170M: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),
    Primaries.SMPTE240M: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),
    Primaries.BT2020: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),
    Primaries.DISPLAY_P3: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),
}
"""x, y of red, green, blue and white (H.273 table 2)."""


@lru_cache
def rgb_to_ycbcr(matrix: Matrix) -> NDArray[np.float64]:
    """3×3 matrix from R'G'B' to Y' (0..1), Cb, Cr (-0.5..0.5)."""
    kr, kb = _LUMA_WEIGHTS[matrix]
    kg = 1 - kr - kb
    return np.array(
        [
            [kr, kg, kb],
            [-kr / (2 * (1 - kb)), -kg / (2 * (1 - kb)), 0.5],
            [0.5, -kg / (2 * (1 - kr)), -kb / (2 * (1 - kr))],
        ]
    )


@lru_cache
def ycbcr_to_rgb(matrix: Matrix) -> NDArray[np.float64]:
    """3×3 matrix from Y'CbCr to R'G'B'."""
    return np.asarray(np.linalg.inv(rgb_to_ycbcr(matrix)), dtype=np.float64)


@lru_cache
def rgb_to_xyz(primaries: Primaries) -> NDArray[np.float64]:
    """3×3 matrix from linear RGB to CIE XYZ with white at Y = 1 (SMPTE RP 177)."""
    points = np.array([[x / y, 1.0, (1 - x - y) / y] for x, y in _PRIMARIES[primaries]])
    colours, white = points[:3].T, points[3]
    return np.asarray(colours * np.linalg.solve(colours, white), dtype=np.float64)


@lru_cache
def primaries_matrix(source: Primaries, target: Primaries) -> NDArray[np.float64]:
    """3×3 matrix between linear RGB of two sets of primaries; white is kept (Bradford where the whites differ)."""
    source_xyz, target_xyz = rgb_to_xyz(source), rgb_to_xyz(target)
    bradford = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    cone_ratio = (bradford @ target_xyz.sum(axis=1)) / (bradford @ source_xyz.sum(axis=1))
    adapt = np.linalg.solve(bradford, np.diag(cone_ratio) @ bradford)
    return np.asarray(np.linalg.solve(target_xyz, adapt @ source_xyz), dtype=np.float64)


def signed_power(values: Plane, exponent: float) -> Plane:
    """|x|^e with the sign of x: gamma that lets values below black survive."""
    return np.copysign(cv2.pow(np.abs(values), exponent), values)


def convert_primaries(
    luma: Plane, chroma: Plane, source: tuple[Matrix, Primaries], target: tuple[Matrix, Primaries]
) -> tuple[Plane, Plane]:
    """One frame of 4:4:4 Y'CbCr, luma `(H, W)` and chroma `(2, H, W)`, to another matrix and other primaries.

    Primaries are converted in display-linear light (BT.1886); nothing is clipped. Where only the matrix differs the
    detour through linear light is left out: it would be the identity.
    """
    picture: Plane = np.stack([luma, chroma[0], chroma[1]], axis=-1)
    decode, encode = ycbcr_to_rgb(source[0]), rgb_to_ycbcr(target[0])
    if source[1] == target[1]:
        picture = _transform(picture, encode @ decode)
    else:
        linear = signed_power(_transform(picture, decode), DISPLAY_GAMMA)
        linear = _transform(linear, primaries_matrix(source[1], target[1]))
        picture = _transform(signed_power(linear, 1 / DISPLAY_GAMMA), encode)
    return np.ascontiguousarray(picture[..., 0]), np.ascontiguousarray(np.moveaxis(picture[..., 1:], -1, 0))


def difference_matrix(source: tuple[Matrix, Primaries], target: tuple[Matrix, Primaries]) -> NDArray[np.float64]:
    """3×3 matrix that small differences of Y', Cb, Cr near grey go through in `convert_primaries`.

    At grey the display's gamma has one slope for all three colours, so it cancels.
    """
    mixing = primaries_matrix(source[1], target[1])
    return np.asarray(rgb_to_ycbcr(target[0]) @ mixing @ ycbcr_to_rgb(source[0]), np.float64)


def _transform(picture: Plane, matrix: NDArray[np.float64]) -> Plane:
    """Every sample `(H, W, 3)` through a 3×3 matrix."""
    return np.asarray(cv2.transform(picture, matrix), dtype=np.float32)


def _swing(bits: int, levels: Range) -> tuple[float, float, float, float]:
    """Luma offset and scale, chroma offset and scale of code values (BT.601 section 3.5 and table 3)."""
    if levels is Range.FULL:
        peak = float(2**bits - 1)
        return 0.0, peak, float(2 ** (bits - 1)), peak
    unit = float(2 ** (bits - 8))
    return 16 * unit, 219 * unit, 128 * unit, 224 * unit


def luma_from_codes(codes: NDArray[np.unsignedinteger], bits: int, levels: Range) -> Plane:
    """Luma code values → float, studio black 0 and white 1."""
    offset, scale, _, _ = _swing(bits, levels)
    return (codes.astype(np.float32) - np.float32(offset)) * np.float32(1 / scale)


def chroma_from_codes(codes: NDArray[np.unsignedinteger], bits: int, levels: Range) -> Plane:
    """Chroma code values → float around 0."""
    _, _, offset, scale = _swing(bits, levels)
    return (codes.astype(np.float32) - np.float32(offset)) * np.float32(1 / scale)


def eight_bit_luma(plane: Plane) -> NDArray[np.uint8]:
    """One float luma plane (H, W) as 8-bit studio codes, rounded and clipped: for look-ups and motion search."""
    # Values far below black would come back bright from convertScaleAbs, which takes the absolute value.
    return np.asarray(cv2.convertScaleAbs(cv2.max(plane, -16 / 219), alpha=219, beta=16), np.uint8)


def luma_to_codes(plane: Plane, bits: int, levels: Range = Range.LIMITED) -> NDArray[np.uint16]:
    """Float luma → code values, rounded; the codes reserved for synchronisation (BT.601) are not used."""
    offset, scale, _, _ = _swing(bits, levels)
    return _round(plane, scale, offset, bits, levels)


def chroma_to_codes(plane: Plane, bits: int, levels: Range = Range.LIMITED) -> NDArray[np.uint16]:
    """Float chroma → code values, rounded."""
    _, _, offset, scale = _swing(bits, levels)
    return _round(plane, scale, offset, bits, levels)


def _round(plane: Plane, scale: float, offset: float, bits: int, levels: Range) -> NDArray[np.uint16]:
    reserve = 0 if levels is Range.FULL else 2 ** (bits - 8)
    codes = np.multiply(plane, np.float32(scale))
    codes += np.float32(offset + 0.5)
    cv2.min(cv2.max(codes, float(reserve), dst=codes), float(2**bits - 1 - reserve), dst=codes)
    return codes.astype(np.uint16)
