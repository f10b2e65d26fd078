"""Time base: where each line begins. Jitter from line to line, a bend below the head switch, a slow wave.

Offsets are in luma samples, positive to the right. Luma and chroma move together, as on a tape they do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.signal import lfilter

from footlights.core.clip import Plane
from footlights.tape import spectrum
from footlights.tape.draws import generator, normal
from footlights.tape.parameters import Bounded, bounded
from footlights.tape.raster import Component, Moment

_WAVES = 3


@dataclass(frozen=True, slots=True)
class TimeBase(Bounded):
    """Time-base error left after the deck's or the capture's corrector."""

    group: ClassVar[str] = "timebase"

    jitter: float = bounded(0.0, 0.0, 3.0, "samples")
    """Standard deviation of the line offsets; an AR(1) process down the field."""
    jitter_memory: float = bounded(0.9, 0.0, 0.999, "")
    """Correlation of neighbouring lines."""
    skew: float = bounded(0.0, -16.0, 16.0, "samples")
    """Bend of the topmost line."""
    skew_lines: float = bounded(8.0, 1.0, 60.0, "field lines")
    """The bend falls to 1/e over this height."""
    wave: float = bounded(0.0, 0.0, 4.0, "samples")
    """Standard deviation of a slow wave of the edges."""
    wave_lines: float = bounded(60.0, 10.0, 400.0, "field lines")
    """Mean length of the wave."""
    wave_speed: float = bounded(0.08, 0.0, 1.0, "cycles per field")

    @property
    def steady(self) -> bool:
        """Whether no line moves."""
        return not self.jitter and not self.skew and not self.wave


def displace(field: Component, timebase: TimeBase, at: Moment) -> Component:
    """One field with its lines where the time base put them."""
    if timebase.steady:
        return field
    offset = offsets(timebase, at)
    return Component(
        spectrum.shift_lines(field.luma, offset),
        spectrum.shift_lines(field.chroma, offset * np.float32(0.5), halved=True),
    )


def offsets(timebase: TimeBase, at: Moment) -> Plane:
    """Offset of every line of the field `(h,)`."""
    line = np.arange(at.raster.lines, dtype=np.float32)
    offset = jitter(timebase, at)
    if timebase.skew:
        offset = offset + np.float32(timebase.skew) * np.exp(-line / np.float32(timebase.skew_lines))
    if timebase.wave:
        rng = generator(at.seed, "timebase.wave")
        for _ in range(_WAVES):
            stretch, speed, phase = rng.random(3)
            cycles = line / (timebase.wave_lines * (0.6 + 0.8 * stretch)) + phase
            cycles = cycles + (at.number * timebase.wave_speed * (0.5 + speed)) % 1.0
            offset = offset + np.float32(timebase.wave * np.sqrt(2 / _WAVES)) * np.sin(2 * np.pi * cycles)
    return np.asarray(offset, dtype=np.float32)


def jitter(timebase: TimeBase, at: Moment) -> Plane:
    """The random part of the offsets `(h,)`: stationary AR(1) of standard deviation `jitter`."""
    if not timebase.jitter:
        return np.zeros(at.raster.lines, dtype=np.float32)
    memory = timebase.jitter_memory
    white = normal(at.draws("timebase.jitter"), at.raster.lines).astype(np.float64)
    white[1:] *= np.sqrt(1 - memory**2)
    return np.asarray(timebase.jitter * lfilter([1.0], [1.0, -memory], white), dtype=np.float32)
