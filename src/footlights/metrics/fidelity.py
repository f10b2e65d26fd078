"""How near a picture is to its truth: full-reference metrics that need no trained net, on float planes.

Pictures are luma in nominal range (studio black 0, white 1) unless said otherwise; scores are of one picture each.
References: Wang et al., "Image quality assessment: from error visibility to structural similarity", 2004 (SSIM); Xue et
al., "Gradient magnitude similarity deviation", 2014 (GMSD); Reisenhofer et al., "A Haar wavelet-based perceptual
similarity index", 2018 (HaarPSI); Sharma et al., "The CIEDE2000 color-difference formula", 2005.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core.clip import Plane
from footlights.core.colour import DISPLAY_GAMMA, rgb_to_xyz, ycbcr_to_rgb
from footlights.core.signal import Matrix, Primaries

_MOST = 60.0
"""dB at which PSNR is capped, so that equal flat pictures do not rule a mean."""
_HAAR_C, _HAAR_ALPHA = 30.0, 4.2


def psnr(test: NDArray[np.floating], truth: NDArray[np.floating]) -> float:
    """Peak signal-to-noise ratio in dB, peak 1 (studio white over black), at most 60."""
    return float(min(_MOST, -10 * np.log10(max(float(np.mean((test - truth) ** 2)), 1e-12))))


def ssim(test: Plane, truth: Plane) -> float:
    """Structural similarity with the usual 11-tap Gaussian window, 1 for equal pictures."""

    def mean(plane: Plane) -> Plane:
        return np.asarray(cv2.GaussianBlur(plane, (11, 11), 1.5)[5:-5, 5:-5], np.float32)

    a, b = mean(test), mean(truth)
    var_a, var_b = mean(test * test) - a * a, mean(truth * truth) - b * b
    both = mean(test * truth) - a * b
    c1, c2 = 0.01**2, 0.03**2
    return float(np.mean((2 * a * b + c1) * (2 * both + c2) / ((a * a + b * b + c1) * (var_a + var_b + c2))))


def gmsd(test: Plane, truth: Plane) -> float:
    """Deviation of the similarity of gradients, 0 for equal pictures, smaller is better."""
    kernel = np.array([[1, 0, -1]] * 3, np.float32) / 3

    def gradient(plane: Plane) -> Plane:
        small = _halved(plane) * np.float32(255)
        x = cv2.filter2D(small, -1, kernel)
        y = cv2.filter2D(small, -1, np.ascontiguousarray(kernel.T))
        return np.asarray(np.hypot(x, y)[1:-1, 1:-1], np.float32)

    a, b = gradient(test), gradient(truth)
    return float(np.std((2 * a * b + 170) / (a * a + b * b + 170)))


def haarpsi(test: Plane, truth: Plane) -> float:
    """Haar wavelet-based perceptual similarity of luma, 0..1."""
    a, b = (_halved(plane) * np.float32(255) for plane in (test, truth))
    similarities, weights = [], []
    for transposed in (False, True):
        ours, theirs = ([_haar(plane, scale, transposed=transposed) for scale in (1, 2, 3)] for plane in (a, b))
        local = [
            (2 * x * y + _HAAR_C**2) / (x * x + y * y + _HAAR_C**2) for x, y in zip(ours[:2], theirs[:2], strict=True)
        ]
        similarities.append((local[0] + local[1]) / 2)
        weights.append(np.maximum(ours[2], theirs[2]))
    logistic = [1 / (1 + np.exp(-_HAAR_ALPHA * one)) for one in similarities]
    total = sum(float(np.sum(one * weight)) for one, weight in zip(logistic, weights, strict=True))
    share = total / max(sum(float(np.sum(weight)) for weight in weights), 1e-12)
    if share == 0:
        return 1.0
    return float((np.log(share / (1 - share)) / _HAAR_ALPHA) ** 2)


def comb_index(test: Plane, truth: Plane) -> float:
    """Energy at the vertical sampling limit over the truth's: 1 where there is as much, more where lines stick out."""

    def energy(plane: Plane) -> float:
        stick = plane[1:-1] - (plane[:-2] + plane[2:]) * np.float32(0.5)
        return float(np.mean(stick * stick))

    return energy(test) / max(energy(truth), 1e-9)


def shift(test: Plane, truth: Plane) -> tuple[float, float]:
    """How far `test` lies to the right of and below `truth`, in samples: least squares over all slopes (Lucas and
    Kanade, 1981), good to shifts of about a sample."""
    smooth, target = (cv2.GaussianBlur(plane, (0, 0), 1.5) for plane in (test, truth))
    x, y = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=1 / 8)
    apart = (target - smooth)[8:-8, 8:-8].ravel()
    slopes = np.stack([x[8:-8, 8:-8].ravel(), y[8:-8, 8:-8].ravel()], axis=1)
    found, *_ = np.linalg.lstsq(slopes, apart, rcond=None)
    return float(found[0]), float(found[1])


def moved(plane: Plane, x: float, y: float) -> Plane:
    """The plane moved to the left by `x` and up by `y` samples, edges held."""
    matrix = np.array([[1, 0, x], [0, 1, y]], np.float32)
    size = (plane.shape[1], plane.shape[0])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(plane, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32)


def lab(picture: NDArray[np.floating], matrix: Matrix, primaries: Primaries) -> NDArray[np.float64]:
    """Y'CbCr `(3, H, W)` → CIELAB `(H, W, 3)` under its own white, through BT.1886 light."""
    signal = np.einsum("cd,dhw->hwc", ycbcr_to_rgb(matrix), picture.astype(np.float64))
    xyz = np.maximum(signal, 0) ** DISPLAY_GAMMA @ rgb_to_xyz(primaries).T
    ratio = xyz / rgb_to_xyz(primaries).sum(axis=1)
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def delta_e(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """CIEDE2000 between CIELAB colours `(…, 3)`."""
    l1, a1, b1 = np.moveaxis(first, -1, 0)
    l2, a2, b2 = np.moveaxis(second, -1, 0)
    mean7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    stretch = 1 + 0.5 * (1 - np.sqrt(mean7 / (mean7 + 25.0**7)))
    c1, c2 = np.hypot(a1 * stretch, b1), np.hypot(a2 * stretch, b2)
    h1, h2 = (np.degrees(np.arctan2(b, a * stretch)) % 360 for a, b in ((a1, b1), (a2, b2)))
    grey = c1 * c2 == 0
    turn = np.where(grey, 0, (h2 - h1 + 180) % 360 - 180)
    hue_step = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn) / 2)
    light, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    hue = np.where(grey, h1 + h2, h1 + turn / 2) % 360
    t = (
        1
        - 0.17 * np.cos(np.radians(hue - 30))
        + 0.24 * np.cos(np.radians(2 * hue))
        + 0.32 * np.cos(np.radians(3 * hue + 6))
        - 0.20 * np.cos(np.radians(4 * hue - 63))
    )
    s_l = 1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2)
    s_c, s_h = 1 + 0.045 * chroma, 1 + 0.015 * chroma * t
    chroma7 = chroma**7
    rotation = -2 * np.sqrt(chroma7 / (chroma7 + 25.0**7)) * np.sin(np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2))))
    parts = ((l2 - l1) / s_l, (c2 - c1) / s_c, hue_step / s_h)
    return np.asarray(np.sqrt(sum(part**2 for part in parts) + rotation * parts[1] * parts[2]), np.float64)


def _halved(plane: Plane) -> Plane:
    """Means of 2×2 samples."""
    height, width = (side // 2 * 2 for side in plane.shape)
    even = np.ascontiguousarray(plane[:height, :width])
    return np.asarray(cv2.resize(even, (width // 2, height // 2), interpolation=cv2.INTER_AREA), np.float32)


def _haar(plane: Plane, scale: int, *, transposed: bool) -> Plane:
    """Magnitude of the Haar coefficients of one direction at a scale of 2^scale samples."""
    side = 2**scale
    kernel = np.full((side, side), 1 / side, np.float32)
    kernel[side // 2 :] *= -1
    kernel = np.ascontiguousarray(kernel.T) if transposed else kernel
    return np.abs(np.asarray(cv2.filter2D(plane, -1, kernel, borderType=cv2.BORDER_CONSTANT), np.float32))
