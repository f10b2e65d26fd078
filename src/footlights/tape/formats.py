"""What a tape format lets through: luma and chroma bandwidth, ringing, chroma lag; once per generation.

Figures: Betacam SP and S-VHS from their makers' data sheets (-3 dB luma 4.5 and 5 MHz, colour-difference 1.5 MHz,
colour-under 0.4 MHz); VHS corners and chroma lag as ntsc-rs publishes them (luma 2.4 / 1.9 MHz, chroma 320 / 300 kHz,
4 / 5 samples).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np

from footlights.core.clip import Plane
from footlights.tape import spectrum
from footlights.tape.parameters import Bounded, bounded, counted
from footlights.tape.raster import Component


@dataclass(frozen=True, slots=True)
class TapeFormat(Bounded):
    """Band limits of one generation on tape. Corners are -3 dB points."""

    group: ClassVar[str] = "format"

    name: str = "none"
    luma_mhz: float = bounded(6.2, 1.0, 20.0, "MHz")
    """Above 6.75 nothing is cut."""
    luma_order: float = bounded(4.0, 1.0, 10.0, "")
    """Steepness: 6 dB per octave each."""
    chroma_mhz: float = bounded(2.75, 0.1, 20.0, "MHz")
    chroma_order: float = bounded(3.0, 1.0, 10.0, "")
    peaking: float = bounded(0.0, 0.0, 12.0, "dB")
    """Rise of luma before the corner, by playback equalisers and edge boost; rings after every edge."""
    peaking_mhz: float = bounded(2.2, 1.0, 6.0, "MHz")
    peaking_q: float = bounded(1.2, 0.4, 4.0, "")
    """Sharpness of the resonance: the ringing decays over about `q` periods."""
    chroma_delay: float = bounded(0.0, -6.0, 8.0, "samples")
    """Chroma lies this far to the right of luma, in luma samples."""
    chroma_drop: float = bounded(0.0, 0.0, 2.0, "field lines")
    """Chroma lies this far below luma: the colour-under comb averages with the line before."""
    generations: int = counted(1, 1, 3, "generations")
    """Copies of copies; every limit and lag above acts this many times."""


DIGITAL = TapeFormat(name="dv")
"""DV and other component-digital tape: the analogue filters before the converters only."""
DIGIBETA = TapeFormat(name="digibeta", luma_mhz=5.75, luma_order=6.0)
BETACAM_SP = TapeFormat(
    name="betacam-sp", luma_mhz=4.4, luma_order=4.0, chroma_mhz=1.5, chroma_delay=0.4, peaking=1.0, peaking_mhz=3.4
)
S_VHS = TapeFormat(
    name="s-vhs",
    luma_mhz=5.0,
    luma_order=3.0,
    chroma_mhz=0.5,
    chroma_order=2.0,
    chroma_delay=1.0,
    chroma_drop=0.5,
    peaking=1.5,
    peaking_mhz=3.0,
)
VHS_SP = TapeFormat(
    name="vhs-sp",
    luma_mhz=2.4,
    luma_order=3.0,
    chroma_mhz=0.32,
    chroma_order=2.0,
    chroma_delay=4.0,
    chroma_drop=0.5,
    peaking=4.0,
    peaking_mhz=1.9,
    peaking_q=1.4,
)
VHS_LP = TapeFormat(
    name="vhs-lp",
    luma_mhz=1.9,
    luma_order=3.0,
    chroma_mhz=0.3,
    chroma_order=2.0,
    chroma_delay=5.0,
    chroma_drop=0.5,
    peaking=5.0,
    peaking_mhz=1.6,
    peaking_q=1.4,
)
FORMATS = {entry.name: entry for entry in (DIGITAL, DIGIBETA, BETACAM_SP, S_VHS, VHS_SP, VHS_LP)}


def transfer(field: Component, tape: TapeFormat) -> Component:
    """One field through recording and playback, all generations at once."""
    width = field.luma.shape[-1]
    luma = spectrum.filter_lines(field.luma, luma_response(tape, width))
    chroma = spectrum.filter_lines(field.chroma, chroma_response(tape, width), halved=True)
    return Component(luma, lower(chroma, tape.chroma_drop * tape.generations))


@lru_cache(maxsize=16)
def luma_response(tape: TapeFormat, width: int) -> spectrum.Response:
    """Response of luma over the bins of a line of `width` samples, all generations."""
    response = spectrum.low_pass(width, tape.luma_mhz, tape.luma_order).astype(np.complex128)
    if tape.peaking:
        response *= _resonance(spectrum.frequencies(width), tape)
    return np.asarray(response**tape.generations, dtype=np.complex64)


@lru_cache(maxsize=16)
def chroma_response(tape: TapeFormat, width: int) -> spectrum.Response:
    """Response of chroma, delay included, over the half-rate bins of a line of `width` luma samples."""
    low = spectrum.low_pass(width // 2, tape.chroma_mhz, tape.chroma_order, halved=True)
    seconds = tape.chroma_delay / 13.5
    turn = np.exp(-2j * np.pi * spectrum.frequencies(width // 2, halved=True) * seconds)
    return np.asarray((low * turn) ** tape.generations, dtype=np.complex64)


def lower(chroma: Plane, lines: float) -> Plane:
    """Chroma `(2, h, w)` moved down by a number of field lines; fractions average neighbouring lines."""
    whole, part = int(lines), np.float32(lines % 1)
    moved: Plane = chroma
    if whole:
        moved = np.concatenate([np.repeat(chroma[:, :1], whole, axis=1), chroma[:, :-whole]], axis=1)
    if part:
        above = np.concatenate([moved[:, :1], moved[:, :-1]], axis=1)
        moved = np.asarray(moved + (above - moved) * part, dtype=np.float32)
    return moved


def _resonance(frequencies: Plane, tape: TapeFormat) -> np.ndarray[tuple[int], np.dtype[np.complex128]]:
    """Second-order peak without delay at low frequencies: 1 at 0, `peaking` dB at its centre, causal ringing."""
    gain = 10 ** (tape.peaking / 20)
    ratio = frequencies.astype(np.float64) / tape.peaking_mhz
    peak = (1 - ratio**2 + 1j * ratio * gain / tape.peaking_q) / (1 - ratio**2 + 1j * ratio / tape.peaking_q)
    return np.asarray(peak * np.exp(-1j * ratio * (gain - 1) / tape.peaking_q))
