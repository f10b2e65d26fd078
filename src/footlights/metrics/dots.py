"""Dots that hang on edges of colour: what a comb decoder left in luma where colour changes from line to line.

A decoder that takes neighbouring lines for alike leaves their difference in colour on the subcarrier, in luma: a
chequerboard along the upper and lower edges of everything coloured. That difference is known, for the tape carries the
colour. Put on the subcarrier anew it is the pattern itself, but for the decoder's gain and the phase of the burst,
which a whole field tells; small things have left more than their colour, which is coarser than luma, says, and the
places around tell how much. Only what colour explains goes: fine detail has no such phase, and stays.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core import subcarrier
from footlights.core.clip import Plane
from footlights.core.subcarrier import Subcarrier

Baseband = NDArray[np.complex64]
_U, _V = 0.874, 1.230
"""U and V of the composite signal per Cb and Cr, luma 0..1 and chroma ±0.5 (SMPTE 170M, ITU-R BT.470)."""
EXPLAINED = 0.1
"""Share of the pattern's power that colour has to explain; below it the phase runs astray from line to line, as on
tapes whose time base was not corrected, or there is no pattern."""
_MOST = 2.0
"""Of the colour's difference: more a decoder cannot leave, though its colour is narrower than what it leaves."""
_NEARBY = (13, 3)
"""Samples and field lines over which a place tells how much of the pattern stands there."""
_GAIN = 2.5
"""Times the colour's difference that may be found in a place: colour of small lamps is that much too soft."""
_FAINT = 0.3 / 219
"""Amplitude of a pattern that a place tells nothing about."""
_RIM = (8, 20)
"""Field lines and samples at the rims by which nothing is told: blanking and torn lines."""
_SMOOTH = np.hanning(17)[1:-1]
"""Along the line, over the demodulated pattern: about the band that colour has."""


def hanging(luma: Plane, chroma: Plane, carrier: Subcarrier) -> Plane:
    """Dots `(h, w)` in the luma `(h, w)` of a field that its chroma `(2, h', w')` explains, both in nominal range; zero
    where it explains less than `EXPLAINED` of what lies on the subcarrier."""
    found = _found(luma, chroma, carrier)
    if found is None or found.explained < EXPLAINED:
        return np.zeros_like(luma)
    dots = (found.made * _wave(carrier, *luma.shape)).real
    return np.asarray(_standing(found.pattern, found.made) * dots, np.float32)


def explained(luma: Plane, chroma: Plane, carrier: Subcarrier) -> float:
    """Share 0..1 of the power of what lies on the subcarrier in a field, inverted from line to line, that its colour
    explains."""
    found = _found(luma, chroma, carrier)
    return 0.0 if found is None else found.explained


def _found(luma: Plane, chroma: Plane, carrier: Subcarrier) -> _Fit | None:
    """What colour makes of the pattern; None for small fields and for more than a decoder can leave."""
    height, width = luma.shape
    if height <= 4 * _RIM[0] or width <= 4 * _RIM[1]:
        return None
    pattern = _demodulated(luma, _wave(carrier, height, width), carrier)
    differing = _differing(chroma, (width, height), carrier.inverted)
    ways = [_switched(differing, sign) for sign in (1, -1)] if carrier.alternating else [differing]
    found = max((_fitted(pattern, way) for way in ways), key=lambda fit: fit.explained)
    return None if max(map(abs, found.gains)) > _MOST else found


class _Fit(NamedTuple):
    explained: float
    """Share of the pattern's power."""
    gains: tuple[complex, ...]
    made: Baseband
    pattern: Baseband


def _standing(pattern: Baseband, made: Baseband) -> Plane:
    """How much of what colour makes of a pattern stands in each place: as much of it as has its phase."""
    faint = np.float32(_FAINT**2)
    found = cv2.blur(np.ascontiguousarray((pattern * made.conj()).real), _NEARBY) + faint
    expected = cv2.blur(np.ascontiguousarray((made * made.conj()).real), _NEARBY) + faint
    return np.clip(found / expected, 0, _GAIN)


@lru_cache(maxsize=4)
def _wave(carrier: Subcarrier, height: int, width: int) -> Baseband:
    """The subcarrier on the lines of a field, of unit amplitude and some phase."""
    along = carrier.cycles * np.arange(width)
    down = carrier.per_line % 1 * np.arange(height)
    return np.exp(2j * np.pi * (along + down[:, None])).astype(np.complex64)


def _demodulated(luma: Plane, wave: Baseband, carrier: Subcarrier) -> Baseband:
    """Amplitude and phase of what is inverted from line to line near the subcarrier."""
    across = subcarrier.across(carrier.inverted)
    inverted = cv2.sepFilter2D(np.ascontiguousarray(luma), -1, subcarrier.band(carrier.cycles), across)
    beat = 2 * inverted * wave.conj()
    smooth, one = (_SMOOTH / _SMOOTH.sum()).astype(np.float32), np.ones(1, np.float32)
    real, imaginary = (cv2.sepFilter2D(np.ascontiguousarray(part), -1, smooth, one) for part in (beat.real, beat.imag))
    return np.asarray(real + 1j * imaginary, np.complex64)


def _differing(chroma: Plane, size: tuple[int, int], reach: int) -> tuple[Baseband, Baseband]:
    """By how much colour differs from the lines `reach` above and below: halves of the first and second difference, at
    the raster of luma. Decoders of two lines leave the one, of three the other."""
    u, v = (cv2.resize(np.ascontiguousarray(plane), size, interpolation=cv2.INTER_LINEAR) for plane in chroma)
    colour = np.asarray(_V * v - 1j * _U * u, np.complex64)
    edged = np.pad(colour, ((reach, reach), (0, 0)), mode="edge")
    above, below = edged[: -2 * reach], edged[2 * reach :]
    return (below - above) / 2, (2 * colour - above - below) / 4


def _switched(differing: tuple[Baseband, ...], sign: int) -> tuple[Baseband, ...]:
    """With V of every other line inverted, as PAL carries it; `sign` is that of the first line."""
    signs = np.float32(sign) * (1 - 2 * (np.arange(len(differing[0])) % 2))[:, None].astype(np.float32)
    return tuple(np.asarray(signs * one.real + 1j * one.imag, np.complex64) for one in differing)


def _fitted(pattern: Baseband, parts: tuple[Baseband, ...]) -> _Fit:
    """The complex gains by which the parts make most of the pattern (least squares over the inner field)."""
    inner = slice(_RIM[0], -_RIM[0]), slice(_RIM[1], -_RIM[1])
    columns, wanted = [part[inner].ravel() for part in parts], pattern[inner].ravel()
    crossed = np.array([[np.vdot(one, other) for other in columns] for one in columns], np.complex128)
    answers = np.array([np.vdot(one, wanted) for one in columns], np.complex128)
    power = float(np.vdot(wanted, wanted).real)
    ridge = 1e-6 * float(np.trace(crossed).real) + 1e-9
    gains = np.linalg.solve(crossed + ridge * np.eye(len(parts)), answers)
    # What least squares explains is what the answers make of the gains.
    share = float(np.vdot(gains, answers).real) / power if power > 0 else 0.0
    made = np.zeros_like(pattern)
    for gain, part in zip(gains, parts, strict=True):
        made += np.complex64(gain) * part
    return _Fit(share, tuple(map(complex, gains)), made, pattern)
