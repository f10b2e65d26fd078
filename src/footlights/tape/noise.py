"""Tape noise: FM luma noise, streaky chroma noise, line phase and line level.

Noise of an FM channel has a power density that rises with the square of the frequency; de-emphasis takes the top down
again (Carson and Fry 1937). Chroma recorded under luma, or as two compressed lines, gives noise of low frequency along
the line and nearly independent from line to line: horizontal streaks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import cv2
import numpy as np

from footlights.core.clip import Plane
from footlights.tape import spectrum
from footlights.tape.draws import normal, white
from footlights.tape.parameters import Bounded, bounded
from footlights.tape.raster import CHROMA_CODE, LUMA_CODE, Component, Moment


@dataclass(frozen=True, slots=True)
class TapeNoise(Bounded):
    """Noise of the whole chain of generations, as standard deviations on playback."""

    group: ClassVar[str] = "noise"

    luma_sigma: float = bounded(0.0, 0.0, 20.0, "8-bit codes")
    """FM noise of luma. 46 dB signal to noise are 1.1 codes, 40 dB 2.2."""
    corner_mhz: float = bounded(4.0, 1.0, 6.5, "MHz")
    """Upper end of the noise: the playback low-pass."""
    deemphasis_mhz: float = bounded(1.2, 0.1, 6.0, "MHz")
    """Corner of the de-emphasis; lower makes the noise coarser."""
    chroma_sigma: float = bounded(0.0, 0.0, 20.0, "8-bit codes")
    streak: float = bounded(16.0, 2.0, 60.0, "luma samples")
    """Length of a chroma streak (correlation down to 1/e)."""
    chroma_lines: float = bounded(0.3, 0.0, 0.5, "")
    """Share of the noise of the line above in each line: 0 independent lines, 0.5 the average of two."""
    line_phase: float = bounded(0.0, 0.0, 20.0, "degrees")
    """Hue of whole lines wanders by this standard deviation."""
    line_level: float = bounded(0.0, 0.0, 4.0, "8-bit codes")
    """Brightness of whole lines wanders by this standard deviation (clamp noise)."""


def add_noise(field: Component, noise: TapeNoise, at: Moment) -> Component:
    """One field with its own noise."""
    luma, chroma = field.luma, field.chroma
    if noise.luma_sigma:
        luma = luma + fm_noise(noise, at)
    if noise.line_level:
        levels = normal(at.draws("noise.level"), luma.shape[0], 1)
        luma = luma + levels * np.float32(noise.line_level * LUMA_CODE)
    if noise.line_phase:
        chroma = _turn_lines(chroma, normal(at.draws("noise.phase"), luma.shape[0]) * np.deg2rad(noise.line_phase))
    if noise.chroma_sigma:
        chroma = chroma + chroma_noise(noise, at)
    return Component(luma, chroma)


def fm_noise(noise: TapeNoise, at: Moment) -> Plane:
    """Triangular noise `(h, W)` of standard deviation `luma_sigma`."""
    grain = white(at.draws("noise.luma"), at.raster.lines, at.raster.width)
    shaped = spectrum.filter_lines(grain, fm_response(at.raster.width, noise.corner_mhz, noise.deemphasis_mhz))
    shaped *= np.float32(noise.luma_sigma * LUMA_CODE)
    return shaped


def chroma_noise(noise: TapeNoise, at: Moment) -> Plane:
    """Streaks `(2, h, W/2)` of standard deviation `chroma_sigma`."""
    half = at.raster.width // 2
    grain = white(at.draws("noise.chroma"), 2, at.raster.lines, half)
    streaks = spectrum.filter_lines(grain, streak_response(half, noise.streak), halved=True)
    share = noise.chroma_lines
    gain = noise.chroma_sigma * CHROMA_CODE / np.hypot(share, 1 - share)
    taps = np.array([[share], [1 - share], [0]], dtype=np.float32) * np.float32(gain)
    for plane in streaks:
        cv2.filter2D(plane, -1, taps, dst=plane, borderType=cv2.BORDER_REFLECT_101)
    return streaks


@lru_cache(maxsize=16)
def fm_response(width: int, corner: float, deemphasis: float) -> Plane:
    """Amplitude ∝ f up to the corner, de-emphasised by a first-order corner; unit power over white noise."""
    frequency = spectrum.frequencies(width)
    triangle = (frequency + 0.15) * spectrum.low_pass(width, corner, 4) / np.sqrt(1 + (frequency / deemphasis) ** 2)
    return _unit_power(triangle)


@lru_cache(maxsize=16)
def streak_response(half_width: int, streak: float) -> Plane:
    """First-order low-pass over the half-rate bins: correlation falls to 1/e after `streak` luma samples."""
    corner = 13.5 / (2 * np.pi * streak)
    return _unit_power(spectrum.low_pass(half_width, corner, 1, halved=True))


def _unit_power(amplitude: Plane) -> Plane:
    """Scaled so that white noise keeps its variance; all bins but the first and last stand for two."""
    power = 2 * float((amplitude[1:-1].astype(np.float64) ** 2).sum()) + float(amplitude[0] ** 2 + amplitude[-1] ** 2)
    return np.asarray(amplitude * np.sqrt((2 * len(amplitude) - 2) / power), dtype=np.float32)


def _turn_lines(chroma: Plane, angle: Plane) -> Plane:
    """Hue of every line turned by its angle `(h,)` in radians."""
    cos, sin = np.cos(angle)[:, None].astype(np.float32), np.sin(angle)[:, None].astype(np.float32)
    return np.stack([chroma[0] * cos - chroma[1] * sin, chroma[0] * sin + chroma[1] * cos])
