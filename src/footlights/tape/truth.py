"""What a simulated tape really holds: the answer sheet for detectors, restorers and tests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from footlights.core.clip import Plane
from footlights.core.reports import CadenceKind
from footlights.core.signal import FieldOrder
from footlights.tape.defects import Band, Dropout
from footlights.tape.levels import quantise
from footlights.tape.presets import Preset
from footlights.tape.raster import CHROMA_CODE, LUMA_CODE, Component, Raster

BANDS = 8
"""Brightness bands of the noise measurement, equally wide between studio black and white."""

_LEAST_SAMPLES = 200
"""A band with fewer samples says nothing."""


@dataclass(frozen=True, slots=True)
class CutPoint:
    """Where a shot begins."""

    field: int
    """Field number, counted in time."""
    frame: int
    first_field: int
    """0, or 1 when the frame's first field still belongs to the shot before."""


@dataclass(frozen=True, slots=True)
class Flash:
    """A strobe of the stage light in one output field."""

    field: int
    gain: float
    """Factor on all light."""


@dataclass(frozen=True, slots=True)
class NoiseBand:
    """Noise of luma within one band of brightness."""

    level: float
    """Mean luma of the clean samples, in 8-bit codes."""
    sigma: float
    """Standard deviation, in 8-bit codes."""
    share: float
    """Share of all measured samples."""


@dataclass(frozen=True, slots=True)
class NoiseTruth:
    """Standard deviation of output codes (8-bit scale) minus the same fields computed without noise or rounding."""

    luma_sigma: float
    cb_sigma: float
    cr_sigma: float
    bands: tuple[NoiseBand, ...]
    """By brightness, dark to light; empty bands are left out."""
    fields: int
    """Fields measured."""


@dataclass(frozen=True, slots=True)
class Truth:
    """Everything known of one simulated tape. Frames and fields count from the start of the tape."""

    seed: int
    preset: str
    parameters: Preset
    raster: Raster
    field_order: FieldOrder
    cadence: CadenceKind
    telecine_phase: int
    """Field number modulo 10 at which a three-field run begins; 0 where there is no telecine."""
    bits: int
    rate: Fraction
    """Frames per second."""
    sample_aspect: Fraction
    """Width to height of a sample, from the shape of the pictures (square pixels)."""
    first_frame: int
    frames: int
    """Frames delivered."""
    cuts: tuple[CutPoint, ...]
    swapped_shots: tuple[int, ...]
    """Fields that begin a shot of swapped field order."""
    flashes: tuple[Flash, ...]
    lost_frames: tuple[int, ...]
    """Frames that show an earlier frame (held before the tape: their noise is their own)."""
    lost_fields: tuple[int, ...]
    """Fields, counted in time, that show the field two before (noise their own)."""
    duplicated_frames: tuple[int, ...]
    """Frames whose codes are those of the frame before, bit for bit."""
    blended_fields: tuple[int, ...]
    dropouts: tuple[Dropout, ...]
    switch_lines: tuple[int, ...]
    """Height of the head-switching band at the bottom of every field, in field lines; empty where there is none."""
    tracking: tuple[Band, ...]
    chroma_delay: float
    """Chroma to the right of luma, in luma samples, all generations."""
    chroma_drop: float
    """Chroma below luma, in field lines, all generations."""
    jitter_rms: float
    """Root mean square of the line jitter that was drawn, in luma samples."""
    noise: NoiseTruth


def measure_noise(pairs: Iterable[tuple[Component, Component]], raster: Raster, bits: int, spared: int) -> NoiseTruth:
    """Noise present in fields, from pairs of (with noise, without noise), both before the converter.

    Measured on what the converter makes of the first against the second, inside the active picture, the lowest
    `spared` lines of each field left out (head switching).
    """
    luma_noise: list[Plane] = []
    luma_clean: list[Plane] = []
    cb_noise: list[Plane] = []
    cr_noise: list[Plane] = []
    for noisy, clean in pairs:
        y, cb, cr = quantise(noisy, bits)
        lines = raster.lines - spared
        half = slice((raster.active.start + 1) // 2, raster.active.stop // 2)
        scale = np.float32(2.0 ** (8 - bits))
        truth = 16 + clean.luma[:lines, raster.active] / LUMA_CODE
        luma_clean.append(truth.ravel())
        luma_noise.append((y[:lines, raster.active] * scale - truth).ravel())
        for codes, plane, found in ((cb, clean.chroma[0], cb_noise), (cr, clean.chroma[1], cr_noise)):
            found.append((codes[:lines, half] * scale - 128 - plane[:lines, half] / CHROMA_CODE).ravel())
    if not luma_noise:
        return NoiseTruth(0.0, 0.0, 0.0, (), 0)
    noise, level = np.concatenate(luma_noise), np.concatenate(luma_clean)
    return NoiseTruth(
        luma_sigma=float(noise.std()),
        cb_sigma=float(np.concatenate(cb_noise).std()),
        cr_sigma=float(np.concatenate(cr_noise).std()),
        bands=_bands(noise, level),
        fields=len(luma_noise),
    )


def _bands(noise: Plane, level: Plane) -> tuple[NoiseBand, ...]:
    """Noise by brightness."""
    index = np.clip((level - 16) * (BANDS / 219), 0, BANDS - 1).astype(np.intp)
    found = []
    for band in range(BANDS):
        inside = index == band
        count = int(inside.sum())
        if count >= _LEAST_SAMPLES:
            mean, sigma = float(level[inside].mean()), float(noise[inside].std())
            found.append(NoiseBand(level=mean, sigma=sigma, share=count / level.size))
    return tuple(found)
