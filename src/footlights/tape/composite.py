"""Composite video: chroma laid on the subcarrier and taken off again, with dot crawl and cross-colour left behind.

NTSC (SMPTE 170M): the subcarrier makes 227.5 cycles per line, so its phase turns by half a cycle from line to line and
from frame to frame: four fields until it repeats. PAL (ITU-R BT.1700): 283.75 + 1/625 cycles, and the V axis alternates
from line to line; two lines apart the carrier is opposite, so PAL combs span two lines where NTSC combs span one.

Motion-adaptive (three-dimensional) decoders are not modelled: where the picture stands still they leave no trace.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import ClassVar

import numpy as np

from footlights.core.clip import Plane
from footlights.tape import spectrum
from footlights.tape.parameters import Bounded, bounded
from footlights.tape.raster import SAMPLE_MHZ, Component, Moment, Raster, Standard

_UV = np.array([0.492111 * 1.772, 0.877283 * 1.402], dtype=np.float32)[:, None, None]
"""U and V per Cb and Cr: U = 0.492111 (B' - Y'), Cb = (B' - Y') / 1.772;
V = 0.877283 (R' - Y'), Cr = (R' - Y') / 1.402
(BT.601-7, SMPTE 170M)."""

_IQ_AXIS = np.deg2rad(33.0)
"""I and Q lie 33° from V and U (SMPTE 170M)."""


class Decoder(StrEnum):
    """How luma and chroma are separated."""

    NOTCH = "notch"
    """A band is cut out of luma: dots wherever chroma changes along the line."""
    ONE_LINE = "1-line comb"
    """Difference of two lines: dots along horizontal colour edges."""
    TWO_LINE = "2-line comb"
    """Difference to the mean of both neighbours."""


@dataclass(frozen=True, slots=True)
class Composite(Bounded):
    """One pass through a composite connection: encoder and decoder."""

    group: ClassVar[str] = "composite"

    decoder: Decoder = Decoder.ONE_LINE
    luma_mhz: float = bounded(4.2, 3.0, 6.0, "MHz")
    """-3 dB of luma before the encoder."""
    i_mhz: float = bounded(1.3, 0.4, 1.5, "MHz")
    """-3 dB of I (orange-cyan) before the encoder; equal to `q_mhz` in equiband encoders."""
    q_mhz: float = bounded(0.6, 0.4, 1.5, "MHz")
    chroma_mhz: float = bounded(1.0, 0.4, 1.5, "MHz")
    """-3 dB of the demodulated chroma."""
    notch_mhz: float = bounded(1.0, 0.3, 2.0, "MHz")
    """Half-width of the band taken for chroma: narrow leaves dots, wide takes luma."""
    leak: float = bounded(0.0, 0.0, 0.5, "of the subcarrier")
    """Left in luma even where colour is flat: a fine checkerboard over everything coloured (poor Y/C separation)."""
    hue: float = bounded(0.0, -20.0, 20.0, "degrees")
    saturation: float = bounded(1.0, 0.5, 1.3, "×")
    differential_phase: float = bounded(0.0, -8.0, 8.0, "degrees")
    """Hue shift of white against black."""


def transcode(field: Component, composite: Composite, at: Moment) -> Component:
    """One field through encoder and decoder."""
    return decode(encode(field, composite, at), composite, at)


def encode(field: Component, composite: Composite, at: Moment) -> Plane:
    """Component field → composite signal `(h, W)`: luma plus modulated chroma, without sync and burst."""
    width = at.raster.width
    chroma = _band_limit(field.chroma * _UV, composite)
    if composite.differential_phase:
        bend = field.luma[:, ::2] * np.float32(np.deg2rad(composite.differential_phase))
        chroma = np.stack([chroma[0] - bend * chroma[1], chroma[1] + bend * chroma[0]])
    chroma = _turn(_switch_v(chroma, at), *_line_axes(at))
    chroma = spectrum.double(chroma, _flat(width))
    sine, cosine = _carrier(at.raster)
    signal = spectrum.filter_lines(field.luma, spectrum.low_pass(width, composite.luma_mhz, 6))
    signal += chroma[0] * sine
    signal += chroma[1] * cosine
    return signal


def decode(signal: Plane, composite: Composite, at: Moment) -> Component:
    """Composite signal `(h, W)` → component field with whatever the decoder cannot tell apart."""
    width = at.raster.width
    spacing = 1 if at.raster.standard is Standard.NTSC else 2
    response = spectrum.band(width, subcarrier_mhz(at.raster), _band_width(composite))
    carried = spectrum.filter_lines(_comb(signal, composite.decoder, spacing), response)
    sine, cosine = _carrier(at.raster)
    modulated = carried * np.stack([2 * sine, 2 * cosine])[:, None, :]
    chroma = spectrum.halve(modulated, spectrum.low_pass(width // 2, composite.chroma_mhz, 3, halved=True))
    cos, sin = _line_axes(at)
    chroma = _switch_v(_turn(chroma, cos, -sin), at)
    hue = np.deg2rad(composite.hue)
    if hue:
        chroma = _turn(chroma, np.float32(np.cos(hue)), np.float32(np.sin(hue)))
    chroma *= np.float32(composite.saturation) / _UV
    carried *= np.float32(1 - composite.leak)
    return Component(signal - carried, chroma)


def subcarrier_mhz(raster: Raster) -> float:
    """Subcarrier frequency on the 13.5 MHz raster: 3.58 MHz for NTSC, 4.43 MHz for PAL."""
    return float(raster.standard.subcarrier / raster.standard.samples_per_line) * SAMPLE_MHZ


def line_phase(at: Moment) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Subcarrier phase at the first sample of every line of the field, in cycles 0..1.

    Lines are counted through the tape: the second field of a frame begins 263 (PAL: 313) lines after the first.
    """
    total = at.raster.standard.lines_per_frame
    first = (at.number // 2) * total + (at.number % 2) * (total // 2 + 1)
    step = at.raster.standard.subcarrier
    # Reduced exactly, with integers, before the float: a long tape counts millions of lines.
    cycles = (first + np.arange(at.raster.lines, dtype=np.int64)) * step.numerator % step.denominator
    return np.asarray(cycles / step.denominator, dtype=np.float64)


def _line_axes(at: Moment) -> tuple[Plane, Plane]:
    """Cosine and sine of every line's phase, `(h, 1)`."""
    angle = 2 * np.pi * line_phase(at)[:, None]
    # Rounded so that half cycles have a sine of exactly zero.
    return np.cos(angle).round(12).astype(np.float32), np.sin(angle).round(12).astype(np.float32)


@lru_cache(maxsize=8)
def _carrier(raster: Raster) -> tuple[Plane, Plane]:
    """Sine and cosine of the subcarrier along a line, `(W,)`."""
    cycles = raster.standard.subcarrier / raster.standard.samples_per_line
    angle = 2 * np.pi * float(cycles) * np.arange(raster.width)
    return np.sin(angle).astype(np.float32), np.cos(angle).astype(np.float32)


def _turn(chroma: Plane, cos: Plane | np.float32, sin: Plane | np.float32) -> Plane:
    """U and V `(2, h, w)` such that U·sin(a + p) + V·cos(a + p) becomes U'·sin a + V'·cos a."""
    turned = chroma * cos
    if np.any(sin):  # NTSC lines differ by half cycles only: a change of sign
        turned[0] -= chroma[1] * sin
        turned[1] += chroma[0] * sin
    return turned


def _band_limit(chroma: Plane, composite: Composite) -> Plane:
    """U and V through the encoder's filters, on the I and Q axes where they differ."""
    width = chroma.shape[-1]
    if composite.i_mhz == composite.q_mhz:
        return spectrum.filter_lines(chroma, spectrum.low_pass(width, composite.i_mhz, 2, halved=True), halved=True)
    cos, sin = np.float32(np.cos(_IQ_AXIS)), np.float32(np.sin(_IQ_AXIS))
    axes = _turn(chroma, cos, -sin)  # Q, I
    responses = np.stack(
        [spectrum.low_pass(width, corner, 2, halved=True) for corner in (composite.q_mhz, composite.i_mhz)]
    )
    return _turn(spectrum.filter_lines(axes, responses[:, None, :], halved=True), cos, sin)


def _comb(signal: Plane, decoder: Decoder, spacing: int) -> Plane:
    """The part of the signal that turns its phase from line to line; lines without a neighbour stay uncombed."""
    if decoder is Decoder.NOTCH:
        return signal
    combed = signal.copy()
    if decoder is Decoder.ONE_LINE:
        combed[spacing:] = (signal[spacing:] - signal[:-spacing]) * np.float32(0.5)
    else:
        neighbours = signal[: -2 * spacing] + signal[2 * spacing :]
        inner = slice(spacing, -spacing)
        combed[inner] = signal[inner] * np.float32(0.5) - neighbours * np.float32(0.25)
    return combed


def _band_width(composite: Composite) -> float:
    """Combs may take a wider band: what is not chroma cancels between the lines."""
    return composite.notch_mhz if composite.decoder is Decoder.NOTCH else max(1.6, composite.notch_mhz)


def _switch_v(chroma: Plane, at: Moment) -> Plane:
    """PAL's alternating V axis: the sign of V on every other line of the tape."""
    if at.raster.standard is Standard.NTSC:
        return chroma
    first = (at.number // 2) * at.raster.standard.lines_per_frame + (at.number % 2) * 313
    sign = 1 - 2 * ((first + np.arange(chroma.shape[1])) % 2)
    switched = chroma.copy()
    switched[1] *= sign[:, None].astype(np.float32)
    return switched


@lru_cache(maxsize=4)
def _flat(width: int) -> Plane:
    """All half-rate bins pass."""
    return np.ones(spectrum.frequencies(width // 2, halved=True).size, dtype=np.float32)
