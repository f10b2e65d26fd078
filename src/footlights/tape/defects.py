"""Damage at playback: dropouts, head switching, tracking bands and snow.

A dropout is a loss of carrier under dirt or missing oxide: it begins at once, and the limiter and de-emphasis recover
with an exponential tail. A deck with a compensator repeats the line before instead. Head switching is the change of
video heads a few lines before the end of each field: the new head's lines begin late and bend.

Calibration: ntsc-rs defaults (head switching 8 lines, up to 72 samples; tracking band of 12 lines; snow 2.5e-4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core.clip import Plane
from footlights.tape.draws import chances, generator, normal
from footlights.tape.parameters import Bounded, bounded
from footlights.tape.raster import CHROMA_CODE, LUMA_CODE, Component, Moment

_WHITE, _BLACK = 1.05, -0.03
"""Luma of an uncompensated streak: the demodulator swings to one end or the other."""

_PLATEAU, _TAIL = 0.3, 4.0
"""A streak holds over the first part of its length, then falls as e^(-4 x / length)."""

_TRACKING_PERIOD = 64
"""Fields: at most one tracking band passes through the picture in each such period."""


@dataclass(frozen=True, slots=True)
class Defects(Bounded):
    """Rates and sizes of local damage."""

    group: ClassVar[str] = "defects"

    dropout_rate: float = bounded(0.0, 0.0, 30.0, "dropouts per field")
    """Mean of a Poisson distribution."""
    dropout_shortest: float = bounded(6.0, 2.0, 400.0, "samples")
    dropout_longest: float = bounded(80.0, 2.0, 700.0, "samples")
    """Lengths are spread evenly in their logarithm between the two."""
    compensated: float = bounded(0.7, 0.0, 1.0, "of all dropouts")
    """Share that the deck's compensator hides under the line before."""
    white: float = bounded(0.7, 0.0, 1.0, "of the others")
    """Share of white streaks among the uncompensated; the rest is dark."""
    switch_lines: float = bounded(0.0, 0.0, 16.0, "field lines")
    """Mean height of the head-switching band at the bottom; it bounces by a line."""
    switch_shift: float = bounded(40.0, -80.0, 80.0, "samples")
    """Displacement of the last line."""
    switch_noise: float = bounded(12.0, 0.0, 80.0, "8-bit codes")
    """Luma noise inside the band."""
    tracking_rate: float = bounded(0.0, 0.0, 1.0, "bands per 64 fields")
    tracking_lines: float = bounded(12.0, 4.0, 60.0, "field lines")
    tracking_noise: float = bounded(60.0, 0.0, 120.0, "8-bit codes")
    snow: float = bounded(0.0, 0.0, 0.01, "specks per sample")
    """Short bright specks all over the picture."""


@dataclass(frozen=True, slots=True)
class Dropout:
    """One dropout as it lies in the output."""

    field: int
    """Output field number, counted in time."""
    line: int
    """Topmost line within the field."""
    lines: int
    """Height in field lines."""
    start: int
    """First luma sample, blanking counted."""
    length: int
    """Luma samples."""
    compensated: bool
    """Whether the line before was repeated in its place."""
    white: bool
    """Polarity of an uncompensated streak."""


@dataclass(frozen=True, slots=True)
class Band:
    """Lines of one field."""

    field: int
    line: int
    lines: int


def damage(field: Component, defects: Defects, at: Moment) -> Component:
    """One field with all its local damage, in planes of its own."""
    field = Component(field.luma.copy(), field.chroma.copy())
    if defects.snow:
        _snow(field, defects, at)
    for dropout in dropouts(defects, at):
        _drop(field, dropout, at)
    band = tracking_band(defects, at)
    if band is not None:
        _mistrack(field, band, defects, at)
    band = switch_band(defects, at)
    if band is not None:
        _switch(field, band, defects, at)
    return field


def dropouts(defects: Defects, at: Moment) -> list[Dropout]:
    """The dropouts of one field, from its own draws."""
    if not defects.dropout_rate:
        return []
    rng = at.draws("defects.dropouts")
    found = []
    for _ in range(int(rng.poisson(defects.dropout_rate))):
        place, along, size, height, repaired, polarity = rng.random(6)
        shortest, longest = sorted((defects.dropout_shortest, defects.dropout_longest))
        length = round(shortest * (longest / shortest) ** size)
        lines = 1 + int(height > 0.8) + int(height > 0.95)
        active = at.raster.active
        start = active.start + int(along * at.raster.active_width)
        line = 1 + int(place * (at.raster.lines - 1 - lines))
        stop = min(start + length, active.stop)
        white = bool(polarity < defects.white)
        found.append(Dropout(at.number, line, lines, start, stop - start, bool(repaired < defects.compensated), white))
    return found


def switch_band(defects: Defects, at: Moment) -> Band | None:
    """The lines of one field below the head switch."""
    if not defects.switch_lines:
        return None
    bounce = int(at.draws("defects.switch.place").integers(-1, 2))
    lines = max(1, min(round(defects.switch_lines) + bounce, at.raster.lines - 1))
    return Band(at.number, at.raster.lines - lines, lines)


def tracking_band(defects: Defects, at: Moment) -> Band | None:
    """The lines of one field inside a tracking band, which rises or sinks through the picture."""
    if not defects.tracking_rate:
        return None
    period, step = divmod(at.number, _TRACKING_PERIOD)
    happens, begin, length, place, speed = chances(at.seed, "defects.tracking", period, 5)
    first = int(begin * _TRACKING_PERIOD * 0.7)
    last = first + 6 + int(length * 30)
    if happens >= defects.tracking_rate or not first <= step < last:
        return None
    lines = round(defects.tracking_lines)
    top = place * at.raster.lines + (step - first) * (speed - 0.5) * 8
    start = int(top) % max(1, at.raster.lines - lines)
    return Band(at.number, start, min(lines, at.raster.lines - start))


def _drop(field: Component, dropout: Dropout, at: Moment) -> None:
    """Write one dropout into a field."""
    start, stop = dropout.start, dropout.start + dropout.length
    half = slice(start // 2, max(start // 2 + 1, stop // 2))
    for line in range(dropout.line, dropout.line + dropout.lines):
        if dropout.compensated:
            field.luma[line, start:stop] = field.luma[dropout.line - 1, start:stop]
            field.chroma[:, line, half] = field.chroma[:, dropout.line - 1, half]
            continue
        progress = np.arange(stop - start, dtype=np.float32) / dropout.length
        envelope = np.exp(-_TAIL * np.maximum(progress - _PLATEAU, 0))
        rng = generator(at.seed, f"defects.streak.{dropout.line}.{start}.{line}", at.number)
        crackle = 1 + np.float32(0.15) * normal(rng, stop - start)
        level = np.float32(_WHITE if dropout.white else _BLACK)
        target = field.luma[line, start:stop]
        target += envelope * (level * crackle - target)
        field.chroma[:, line, half] *= (
            1 - envelope[:: max(1, len(envelope) // (half.stop - half.start))][: half.stop - half.start]
        )


def _switch(field: Component, band: Band, defects: Defects, at: Moment) -> None:
    """Bend the band sideways, more with every line, under noise and with its colour failing."""
    rng = at.draws("defects.switch")
    progress = (np.arange(band.lines, dtype=np.float32) + 1) / band.lines
    shift = np.float32(defects.switch_shift) * progress**1.5 + normal(rng, band.lines) * (0.3 + 1.2 * progress)
    lines = slice(band.line, band.line + band.lines)
    # The switch falls somewhere inside its first line: what lies left of it is still the old head's.
    column = int(rng.random() * at.raster.width)
    kept = field.luma[band.line, :column].copy()
    field.luma[lines] = _slide(field.luma[lines], shift)
    field.luma[band.line, :column] = kept
    noise = _hiss(rng, (band.lines, at.raster.width)) * np.float32(defects.switch_noise * LUMA_CODE)
    flash = np.exp(-((np.arange(at.raster.width) - column) ** 2) / np.float32(2 * 6**2))
    field.luma[lines] += noise * progress[:, None]
    field.luma[band.line] += flash.astype(np.float32) * np.float32(0.4)
    colour = (1 - 0.7 * progress)[:, None]
    for plane in field.chroma:
        plane[lines] = _slide(plane[lines], shift / 2) * colour
        plane[lines] += normal(rng, band.lines, plane.shape[1] // 8 + 1).repeat(8, axis=1)[
            :, : plane.shape[1]
        ] * np.float32(0.5 * defects.switch_noise * CHROMA_CODE)


def _mistrack(field: Component, band: Band, defects: Defects, at: Moment) -> None:
    """Cover a band with demodulator noise, densest in its middle, its lines torn a little and without colour."""
    rng = at.draws("defects.track")
    lines = slice(band.line, band.line + band.lines)
    depth = np.sin(np.pi * (np.arange(band.lines, dtype=np.float32) + 0.5) / band.lines)
    field.luma[lines] = _slide(field.luma[lines], normal(rng, band.lines) * 2 * depth)
    hiss = _hiss(rng, (band.lines, at.raster.width))
    # The carrier fades in and out along the line, so the noise comes in dashes.
    fade = cv2.resize(rng.random((band.lines, 24), dtype=np.float32), (at.raster.width, band.lines))
    dashes = np.maximum(hiss, -0.6) * np.maximum(fade - 0.35, 0) * np.float32(2.2)
    field.luma[lines] += dashes * depth[:, None] * np.float32(defects.tracking_noise * LUMA_CODE)
    field.chroma[:, lines] *= 1 - np.float32(0.8) * depth[:, None]


def _snow(field: Component, defects: Defects, at: Moment) -> None:
    """Bright specks with a short tail, anywhere in the active picture."""
    rng = at.draws("defects.snow")
    active = at.raster.active
    count = int(rng.poisson(defects.snow * at.raster.lines * at.raster.active_width))
    lines = rng.integers(0, at.raster.lines, count)
    starts = rng.integers(active.start, active.stop, count)
    heights = rng.uniform(0.15, 0.9, count)
    decays = rng.uniform(1.0, 4.0, count)
    reach = np.arange(12)
    columns = np.minimum(starts[:, None] + reach, at.raster.width - 1)
    tails = heights[:, None] * np.exp(-reach / decays[:, None])
    np.add.at(field.luma, (np.repeat(lines, len(reach)), columns.ravel()), tails.ravel().astype(np.float32))


def _slide(lines: Plane, shift: NDArray[np.floating]) -> Plane:
    """Lines `(n, w)` each moved right by its shift; black comes in."""
    count, width = lines.shape
    columns = np.arange(width, dtype=np.float32)[None, :] - shift[:, None].astype(np.float32)
    rows = np.repeat(np.arange(count, dtype=np.float32)[:, None], width, axis=1)
    return np.asarray(
        cv2.remap(
            np.ascontiguousarray(lines), columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0
        ),
        dtype=np.float32,
    )


def _hiss(rng: np.random.Generator, shape: tuple[int, int]) -> Plane:
    """Noise of a starved demodulator: white, softened over two samples, unit variance."""
    white = normal(rng, *shape)
    hiss: Plane = (white + np.roll(white, 1, axis=1)) * np.float32(np.sqrt(0.5))
    return hiss
