"""The light on a face taken off its crop and put back exactly: detail goes through a net, colour never does.

A crop of side P is seen in log light, l = ln(Y' + 8 codes): light multiplies, so its coarse part (a Gaussian of 0.09 P)
is the light's and the shape's, and what is left, over its deviation, is detail that looks alike in every light. The
8 codes keep empty channels, of which LED light leaves one or two, from turning noise into detail.

What a net changes comes back channel by channel in the share in which that channel carries the detail of luma, so that
a red face is restored in red alone. Coarse colour is kept by construction: the change is a picture without low
frequencies, and where a channel is clipped nothing is changed at all.

The idea after retinex and the log-domain relighting of faces: Land and McCann, "Lightness and retinex theory", 1971.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from footlights.core.clip import Plane
from footlights.errors import ParameterError

CODES = 255.0
"""Codes of full luma: the scale on which the offset of the logarithm is given."""
OFFSET = 8.0
COARSE = 0.09
"""Deviation of the Gaussian that is called light, as a share of the crop's side."""
LEAST_DEVIATION = 0.03
"""Of log detail: an evenly lit, defocused face is not amplified beyond this."""
MOST_SHARE = 1.3
_PASSES = 4
"""Times the coarse part of a change is taken out; each pass leaves (1 - g)^n of what a Gaussian g lets through."""
_NARROW = 0.5
"""Deviation of that Gaussian, as a share of the coarse one's."""
_FINE = 2.0
"""Samples at a crop of 256: detail below this is noise to the measure of shares."""
_CLIPPED = (245 / 255, 252 / 255)
"""Where a channel fades to clipped."""
_DISC = 0.36
"""Radius of the disc on which deviation and shares are measured, as a share of the side."""


@dataclass(frozen=True, slots=True)
class FaceLight:
    """A crop taken apart."""

    rgb: Plane
    """`(3, P, P)` R'G'B' as given, nominal 0..1."""
    detail: Plane
    """`(P, P)` log detail of luma over `deviation`: what a net sees and gives back."""
    deviation: float
    shares: tuple[float, float, float]
    """Of luma's log detail that each channel carries, 0..1.3."""


def split(rgb: Plane, luma: Plane) -> FaceLight:
    """Take the light off a crop: `rgb` `(3, P, P)` and its luma `(P, P)`, nominal 0..1, P a multiple of 8."""
    side = luma.shape[-1]
    if luma.shape != (side, side) or rgb.shape != (3, side, side) or side % 8 or side < 32:
        raise ParameterError("face.crop", (rgb.shape, luma.shape), "give (3, P, P) and (P, P), P ≥ 32 and by 8")
    log = log_light(luma)
    fine = log - coarse(log)
    deviation = deviation_of(fine)
    return FaceLight(rgb, np.asarray(fine / np.float32(deviation), np.float32), deviation, _shares(rgb, fine))


def detail_of(luma: Plane, deviation: float) -> Plane:
    """Log detail of a crop `(P, P)` in units of another crop's deviation: neighbours and truths of one face."""
    log = log_light(luma)
    return np.asarray((log - coarse(log)) / np.float32(deviation), np.float32)


def evenness(rgb: Plane) -> float:
    """Of the light on a crop `(3, P, P)`: mean of its darkest channel over that of its brightest on the face's disc,
    0..1. Skin under white light has 0.45 to 0.9, under red or magenta light 0.25 and less."""
    means = np.maximum(rgb[:, _disc(rgb.shape[-1])].mean(axis=1), 0)
    return float(means.min() / max(float(means.max()), 1e-3))


def relight(face: FaceLight, detail: Plane) -> Plane:
    """The crop `(3, P, P)` with other detail `(P, P)` under its own light.

    Equal detail gives the crop itself; coarse colour is that of the crop whatever is asked for.
    """
    change = (detail - face.detail) * np.float32(face.deviation)
    lit = np.empty_like(face.rgb)
    for channel, share in enumerate(face.shares):
        plane = face.rgb[channel]
        # A change of log light by c multiplies what is above the offset's black: (x + 8) e^c - 8.
        gain = np.expm1(np.clip(np.float32(share) * change, -1.5, 1.5)).astype(np.float32)
        wanted = (np.maximum(plane, 0) + np.float32(OFFSET / CODES)) * gain * _unclipped(plane)
        lit[channel] = plane + _without_coarse(wanted, _unclipped(plane))
    return lit


def log_light(luma: Plane) -> Plane:
    """ln(codes + 8) of nominal 0..1; below black is black."""
    return np.asarray(np.log(np.maximum(luma, 0) * np.float32(CODES) + np.float32(OFFSET)), np.float32)


def coarse(plane: Plane, share: float = COARSE) -> Plane:
    """The plane `(P, P)` through a Gaussian of `share` of its side; worked out on a grid of eighths."""
    side = plane.shape[-1]
    cell = max(1, int(side * share / 4))
    while side % cell:
        cell -= 1
    small = cv2.resize(plane, (side // cell, side // cell), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), side * share / cell, borderType=cv2.BORDER_REFLECT)
    return np.asarray(cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC), np.float32)


def deviation_of(fine: Plane) -> float:
    """Root mean square of log detail on the face's disc."""
    return max(LEAST_DEVIATION, float(np.sqrt(np.mean(fine[_disc(fine.shape[-1])] ** 2))))


def _shares(rgb: Plane, fine: Plane) -> tuple[float, float, float]:
    """Regression of each channel's log detail on luma's, both without the finest, on the disc."""
    side = fine.shape[-1]
    sigma, disc = _FINE * side / 256, _disc(side)
    model = cv2.GaussianBlur(fine, (0, 0), sigma)[disc]
    power = float(np.mean(model**2)) + 1e-6
    shares = []
    for plane in rgb:
        log = log_light(plane)
        own = cv2.GaussianBlur(np.asarray(log - coarse(log), np.float32), (0, 0), sigma)[disc]
        shares.append(float(np.clip(np.mean(own * model) / power, 0, MOST_SHARE)))
    return shares[0], shares[1], shares[2]


def _without_coarse(change: Plane, open_to: Plane) -> Plane:
    """A change without its low frequencies, zero where a channel is clipped."""
    # What is taken out near a clipped patch is taken from its open surroundings alone.
    weight = np.maximum(coarse(open_to, COARSE * _NARROW), np.float32(0.05))
    for _ in range(_PASSES):
        taken = open_to * coarse(change, COARSE * _NARROW) / weight
        change = np.asarray(change - taken, np.float32)
    return change


def _unclipped(plane: Plane) -> Plane:
    """1 where a channel is free, 0 where it is clipped, smooth between."""
    low, high = _CLIPPED
    x = np.clip((plane - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(1 - x * x * (3 - 2 * x), np.float32)


def _disc(side: int) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Where a face is in its crop `(P, P)`."""
    offset = (np.arange(side) - (side - 1) / 2) / side
    return np.asarray(offset[:, None] ** 2 + offset[None, :] ** 2 < _DISC**2)
