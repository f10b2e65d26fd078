"""What happens to a picture before a tape holds it, as planes that a fit can weigh: a camera's aperture gathers light,
not signal, and a composite connection leaves colour in luma.

A lens blurs light, and the camera bends it into signal afterwards, so that no blur of the signal makes the same edge:
between black and white it lies nearer the dark side. Dot crawl is the chroma of a line and of those beside it (which a
comb subtracts), on the subcarrier, with all its band or without what the decoder's filter took. Its phase against the
samples is nobody's to know: each pattern comes in quadrature. References: ITU-R BT.1886 (gamma 2.4 of the display that
a picture was judged on), SMPTE 170M and ITU-R BT.1700 (phase of the subcarrier from line to line).
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core import subcarrier
from footlights.core.clip import Plane
from footlights.core.colour import DISPLAY_GAMMA, rgb_to_ycbcr, signed_power, ycbcr_to_rgb
from footlights.core.signal import Matrix
from footlights.core.subcarrier import Subcarrier

APERTURES = ((0.8, 1.0), (1.2, 1.2))
"""Standard deviations of the Gaussian apertures in light, samples and frame lines: a lens in focus with a field's
lines, and one that is softer. What lies between and around is left to the weights of a fit."""
FOCUSED = (0.6, 0.7)
"""The aperture of a camera in focus, behind which colour is before a composite connection carries it: dot crawl is as
strong as colour changes from line to line, which a master shows harder than a field did."""
_U, _V = 0.492111 * 1.772, 0.877283 * 1.402
"""U and V per Cb and Cr (SMPTE 170M)."""


def in_light(luma: Plane, chroma: Plane, matrix: Matrix) -> tuple[Plane, ...]:
    """Luma `(H, W)` and chroma `(2, H, W)` in nominal range → luma of the picture behind each aperture."""
    return tuple(behind(luma, chroma, matrix, aperture)[0] for aperture in APERTURES)


def behind(luma: Plane, chroma: Plane, matrix: Matrix, aperture: tuple[float, float] = FOCUSED) -> tuple[Plane, Plane]:
    """Luma `(H, W)` and chroma `(2, H, W)` in nominal range → the same behind one aperture."""
    channels = np.einsum("cd,dhw->chw", ycbcr_to_rgb(matrix), np.stack([luma, *chroma]).astype(np.float64))
    signal = []
    for channel in channels.astype(np.float32):
        light = signed_power(channel, DISPLAY_GAMMA)
        blurred = cv2.GaussianBlur(light, (0, 0), sigmaX=aperture[0], sigmaY=aperture[1])
        signal.append(signed_power(np.asarray(blurred, np.float32), 1 / DISPLAY_GAMMA))
    made = np.tensordot(rgb_to_ycbcr(matrix), np.stack(signal), 1).astype(np.float32)
    return made[0], made[1:]


def crawl(luma: Plane, chroma: Plane, carrier: Subcarrier) -> tuple[Plane, ...]:
    """Luma `(H, W)` and chroma `(2, H, W)` in nominal range of an interlaced frame → what a decoder may have left of
    chroma in luma, and what it may have taken from luma for chroma."""
    away = 2 * carrier.inverted
    height, width = chroma.shape[1:]
    line = (np.arange(height) // 2)[:, None]
    phase = np.exp(2j * np.pi * (carrier.per_line % 1 * line + carrier.cycles * np.arange(width)[None, :]))
    u, v = _U * chroma[0], _V * chroma[1]
    if carrier.alternating:
        # Which lines carry V inverted is not known either.
        axes = [u + 1j * v * (1 - 2 * (line % 2)), u - 1j * v * (1 - 2 * (line % 2))]
    else:
        axes = [u + 1j * v]
    beside = [luma, *(np.roll(luma, lines, axis=0) - luma for lines in (-away, away))]
    left = [one for axis in axes for one in _beside(axis * phase, away)]
    banded = [plane for one in (*left, *beside) for plane in _banded(one, carrier)]
    return tuple(np.asarray(plane, np.float32) for plane in (*left, *banded))


def _banded(plane: NDArray[np.floating], carrier: Subcarrier) -> Iterator[NDArray[np.floating]]:
    """What lies near the subcarrier; and the same again, with which a fit makes the band wider or narrower."""
    for _ in range(2):
        plane = cv2.filter2D(plane, -1, subcarrier.band(carrier.cycles)[None, :])
        yield plane


def _beside(carried: NDArray[np.complex128], away: int) -> Iterator[NDArray[np.float64]]:
    """A line's own pattern and those of the lines that a comb takes in, in quadrature."""
    for lines in (0, -away, away):
        moved = np.roll(carried, lines, axis=0)
        yield np.ascontiguousarray(moved.real)
        yield np.ascontiguousarray(moved.imag)
