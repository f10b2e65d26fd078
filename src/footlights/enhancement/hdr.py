"""HDR: the finished SDR picture as BT.2100 video, looking as it did; brighter only where lamps were clipped.

The light of an SDR display (BT.1886) is mapped as it is, white to the reference white of HDR, 203 cd/m² (ITU-R
BT.2408, display-referred mapping: 58 % of PQ, 75 % of HLG). Nothing is stretched: the tape has no more range than that.
The one exception are light sources that overdrove the camera in all channels: small white places, which were brighter
than white by an amount nobody recorded. Those are given up to `peak`, rounded towards their edges; large white surfaces
are left alone. What is not clipped comes out exactly as the plain mapping gives it.

References: ITU-R BT.2100 (PQ, HLG, its OOTF), BT.2087 (709 in 2020), BT.2408.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from footlights.core.clip import Plane
from footlights.core.colour import DISPLAY_GAMMA, primaries_matrix, rgb_to_ycbcr, ycbcr_to_rgb
from footlights.core.signal import FieldOrder, Matrix, Primaries, Range, Signal, Transfer

WHITE = 203.0
"""cd/m² of reference white (BT.2408)."""
PEAK = 1000.0
"""cd/m² of a clipped lamp, and of the display that HLG is reckoned for."""
_HLG_GAMMA = 1.2
"""System gamma of HLG at 1000 cd/m² (BT.2100 table 5)."""
_CLIPPED = (0.955, 0.99)
"""Signal of the least channel over which a sample counts as clipped."""
_ROUND = 0.004
"""Standard deviation over which sources are rounded, of the picture's height."""
_LARGE = (0.2, 0.45)
"""Share of the neighbourhood, three tenths of the height around, from which white is a surface and not a source."""


@dataclass(frozen=True, slots=True)
class Hdr:
    """One frame as BT.2100 Y'CbCr."""

    luma: Plane
    """(H, W)."""
    chroma: Plane
    """(2, H/2, W/2)."""
    sources: float
    """Share of the picture that was made brighter than white."""


def signal_of(curve: Transfer) -> Signal:
    """How the result is tagged."""
    return Signal(Matrix.BT2020_NCL, Primaries.BT2020, curve, Range.LIMITED, FieldOrder.PROGRESSIVE)


def expanded(luma: Plane, chroma: Plane, curve: Transfer, peak: float = PEAK) -> Hdr:
    """BT.709 luma `(H, W)` and left-sited chroma at half size `(2, H/2, W/2)` as HDR of this curve (PQ or HLG)."""
    signal = cv2.transform(np.stack([luma, *_raised(chroma, luma.shape)], axis=-1), ycbcr_to_rgb(Matrix.BT709))
    signal = np.clip(signal, 0, None)
    light = cv2.pow(signal, DISPLAY_GAMMA) * np.float32(WHITE)
    shine = sources(signal)
    if shine is not None:
        light *= (1 + np.float32(peak / WHITE - 1) * shine)[..., None]
    light = np.clip(cv2.transform(light, primaries_matrix(Primaries.BT709, Primaries.BT2020)), 0, None)
    coded = pq(light) if curve is Transfer.PQ else hlg(light)
    made = cv2.transform(coded, rgb_to_ycbcr(Matrix.BT2020_NCL))
    half = np.stack([_halved(made[..., channel]) for channel in (1, 2)])
    share = 0.0 if shine is None else float((shine > 0.01).mean())
    return Hdr(np.ascontiguousarray(made[..., 0]), half, share)


def sources(signal: Plane) -> Plane | None:
    """How much each sample of R'G'B' `(H, W, 3)` is part of a clipped light source, 0..1; None where there is none."""
    least = signal.min(axis=-1)
    clipped = _ramp(least, *_CLIPPED)
    if not clipped.any():
        return None
    height = signal.shape[0]
    side = max(3, round(0.3 * height)) | 1
    around = cv2.blur(clipped, (side, side), borderType=cv2.BORDER_REPLICATE)
    small = 1 - _ramp(cv2.blur(around, (side, side), borderType=cv2.BORDER_REPLICATE), *_LARGE)
    rounded = cv2.GaussianBlur(clipped, (0, 0), max(0.8, _ROUND * height))
    return np.asarray(clipped * rounded * small, np.float32)


def pq(light: Plane) -> Plane:
    """cd/m² → PQ signal 0..1 (BT.2100 table 4)."""
    m1, m2 = 2610 / 16384, 2523 / 4096 * 128
    c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    power = cv2.pow(light * np.float32(1 / 10_000), m1)
    return np.asarray(cv2.pow((c1 + c2 * power) / (1 + c3 * power), m2), np.float32)


def hlg(light: Plane) -> Plane:
    """cd/m² of a display of 1000 → HLG signal 0..1: the inverse OOTF, then the OETF (BT.2100 table 5)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    shown = light * np.float32(1 / PEAK)
    weights = rgb_to_ycbcr(Matrix.BT2020_NCL)[0].astype(np.float32)
    grey = np.maximum(shown @ weights, np.float32(1e-7))
    scene = shown * cv2.pow(grey, 1 / _HLG_GAMMA - 1)[..., None]
    high = a * np.log(np.maximum(12 * scene - b, 1e-6)) + c
    return np.asarray(np.where(scene <= 1 / 12, np.sqrt(3 * scene), high), np.float32)


def _ramp(values: Plane, low: float, high: float) -> Plane:
    """0 up to `low`, 1 from `high`, smooth between."""
    t = np.clip((values - np.float32(low)) * np.float32(1 / (high - low)), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def _raised(chroma: Plane, size: tuple[int, ...]) -> Plane:
    """Left-sited chroma on the raster of luma."""
    place = np.array([[0.5, 0, 0], [0, 0.5, -0.25]], np.float32)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    target = (size[1], size[0])
    return np.stack(
        [cv2.warpAffine(one, place, target, flags=flags, borderMode=cv2.BORDER_REPLICATE) for one in chroma]
    )


def _halved(plane: Plane) -> Plane:
    """Chroma at the left-sited places of half size."""
    kernel = np.array([[0.25, 0.5, 0.25]], np.float32)
    smooth = cv2.filter2D(plane, -1, kernel, borderType=cv2.BORDER_REPLICATE)[:, ::2]
    return np.asarray((smooth[::2] + smooth[1::2]) * np.float32(0.5), np.float32)
