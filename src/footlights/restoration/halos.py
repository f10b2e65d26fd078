"""Halos: lines through the equaliser that takes back what a detail circuit and a deck's peaking raised.

The taps come from the tape's own edges (`metrics/halos.py`). What the peaking raised beside the edges it raised all
along the line, detail and earlier noise alike, and a filter takes it all back; what never was there is not made up.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from footlights.core.clip import Clip, Plane
from footlights.errors import ParameterError
from footlights.restoration.base import Contract, Fields, Touch, bound, changed, stage

_MOST, _SUM = 31, 0.01
_FADE, _WEAKEST = 32, 0.1
"""Samples by which lines are drawn on to be unfiltered, and the gain below which a frequency counts as lost."""


@stage("halos.equalise", version=1)
class EqualiseHalos:
    """A short filter along every line of luma, the same for all; chroma passes unchanged."""

    @dataclass(frozen=True, slots=True)
    class Params:
        taps: tuple[float, ...] = (1.0,)
        """Weights of the samples from the left to the right of each; an odd number of them, adding up to 1."""
        strength: float = 1.0
        """Share of the change that is made, 0..1."""

        def __post_init__(self) -> None:
            bound("halos.equalise.strength", self.strength, 0, 1)
            if len(self.taps) % 2 == 0 or len(self.taps) > _MOST:
                raise ParameterError("halos.equalise.taps", len(self.taps), f"give an odd number of taps, 1..{_MOST}")
            if abs(sum(self.taps) - 1) > _SUM or any(abs(tap) > 2 for tap in self.taps):
                raise ParameterError("halos.equalise.taps", self.taps, "give taps of -2..2 that add up to 1")

    def __init__(self, params: Params) -> None:
        self.params = params
        self.touched: list[Touch] = []
        self._kernel = response(params.taps, params.strength)

    @property
    def contract(self) -> Contract:
        return Contract(fields=Fields.WOVEN)

    def run(self, clip: Clip) -> Clip:
        """Clip of T frames → T frames."""
        if np.count_nonzero(self._kernel) == 1:
            return clip
        luma = np.stack([filtered(frame, self._kernel) for frame in clip.luma])
        for number, after, before in zip(clip.frames, luma, clip.luma, strict=True):
            area = changed(after, before)
            if area:
                self.touched.append(Touch(number, area))
        return clip.with_pictures(luma, clip.chroma)


def response(taps: tuple[float, ...], strength: float) -> Plane:
    """The kernel `(1, n)` at a strength: a mixture with the one that changes nothing. Exact sum 1."""
    kernel = np.array(taps, np.float64) / sum(taps) * strength
    kernel[len(taps) // 2] += 1 - strength
    return kernel[None].astype(np.float32)


def filtered(lines: Plane, kernel: Plane) -> Plane:
    """Lines `(h, w)` correlated with a kernel `(1, n)`; beyond its ends a line goes on as it ended."""
    return np.asarray(cv2.filter2D(lines, -1, kernel, borderType=cv2.BORDER_REPLICATE), np.float32)


def refiltered(lines: Plane, kernel: Plane) -> Plane:
    """Lines `(h, w)` as they were before `filtered`, but for what it left below a tenth of its strength."""
    width = lines.shape[1]
    spectrum = np.fft.rfft(np.pad(lines.astype(np.float64), ((0, 0), (_FADE, _FADE)), mode="reflect"), axis=1)
    length = width + 2 * _FADE
    taps, half = np.zeros(length), kernel.shape[1] // 2
    taps[np.arange(-half, half + 1)] = kernel[0, ::-1]  # correlated with, not convolved
    gain = np.fft.rfft(taps)
    undone = np.conj(gain) / np.maximum(np.abs(gain) ** 2, _WEAKEST**2)
    return np.asarray(np.fft.irfft(spectrum * undone, length, axis=1)[:, _FADE:-_FADE], np.float32)
