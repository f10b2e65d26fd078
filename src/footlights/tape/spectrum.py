"""Filters and sub-sample shifts along the line, applied in the frequency domain.

A tape chain is a row of filters stated in MHz; in the spectrum each is one multiplication whatever its steepness, and
shifts by fractions of a sample lose nothing. A line is extended by a ramp from its last sample back to its first, so
that the periodic transform sees no step there.

Spectra are kept packed as OpenCV's real transform delivers them: Re 0, Re 1, Im 1, Re 2, Im 2, … Re n/2.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.fft import next_fast_len, rfftfreq

from footlights.core.clip import Plane
from footlights.tape.raster import SAMPLE_MHZ

Response = NDArray[np.float32] | NDArray[np.complex64]
"""Factor of every bin of `frequencies`, real or complex."""

_MARGIN = 24
"""Least extension of a line, in samples of the half-rate (chroma) raster."""


@lru_cache(maxsize=16)
def _length(width: int, halved: bool) -> int:
    """Transform length of a line: an extended line whose half-rate twin has exactly half the length."""
    half = next_fast_len((width if halved else width // 2) + _MARGIN, real=True)
    while half % 4:
        half = next_fast_len(half + 1, real=True)
    return int(half if halved else 2 * half)


@lru_cache(maxsize=16)
def frequencies(width: int, *, halved: bool = False) -> Plane:
    """Frequency in MHz of every bin of a line of `width` samples at 13.5 MHz (`halved`: chroma at 6.75 MHz)."""
    rate = SAMPLE_MHZ / 2 if halved else SAMPLE_MHZ
    return np.asarray(rfftfreq(_length(width, halved), 1 / rate), dtype=np.float32)


def filter_lines(planes: Plane, response: Response, *, halved: bool = False) -> Plane:
    """Lines `(…, W)` through one response of `frequencies(W)`, or one per plane `(n, 1, bins)`."""
    return _backward(_multiply(_forward(planes, halved), response), planes.shape, halved)


def halve(planes: Plane, response: Plane) -> Plane:
    """Full-rate lines `(…, W)` → half-rate `(…, W/2)`, co-sited; `response` is over the half-rate bins, real."""
    shape = (*planes.shape[:-1], planes.shape[-1] // 2)
    spectra = _forward(planes, False)[:, : _length(shape[-1], True)]
    return _backward(spectra * _packed(response * np.float32(0.5)), shape, True)


def double(planes: Plane, response: Plane) -> Plane:
    """Half-rate lines `(…, W/2)` → full-rate `(…, W)`, co-sited; `response` is over the half-rate bins, real.

    The highest bin is left out: at the full rate it has no partner.
    """
    shape = (*planes.shape[:-1], 2 * planes.shape[-1])
    factors = _packed(response * np.float32(2))
    factors[-1] = 0
    half = _forward(planes, True)
    spectra = np.zeros((len(half), _length(shape[-1], False)), dtype=np.float32)
    np.multiply(half, factors, out=spectra[:, : half.shape[1]])
    return _backward(spectra, shape, False)


def shift_lines(planes: Plane, shift: Plane, *, halved: bool = False) -> Plane:
    """Every line of `(…, h, W)` moved right by its own `shift` `(h,)` in samples of the plane."""
    length = _length(planes.shape[-1], halved)
    turn = np.arange(length // 2 + 1, dtype=np.float32) * np.float32(-2 * np.pi / length)
    angle = shift[:, None].astype(np.float32) * turn
    rotation = np.empty(angle.shape, dtype=np.complex64)
    np.cos(angle, out=rotation.real)
    np.sin(angle, out=rotation.imag)
    return filter_lines(planes, rotation, halved=halved)


@lru_cache(maxsize=64)
def low_pass(width: int, corner: float, order: float, *, halved: bool = False) -> Plane:
    """Butterworth magnitude without phase: -3 dB at `corner` MHz, 6·`order` dB per octave above."""
    ratio = frequencies(width, halved=halved).astype(np.float64) / corner
    return (1 / np.sqrt(1 + ratio ** (2 * order))).astype(np.float32)


@lru_cache(maxsize=64)
def band(width: int, centre: float, half_width: float) -> Plane:
    """Raised-cosine band: 1 at `centre` MHz, 0.5 at ± half of `half_width`, 0 from ± `half_width` on."""
    distance = np.abs(frequencies(width) - centre) / half_width
    return np.where(distance < 1, 0.5 + 0.5 * np.cos(np.pi * distance), 0).astype(np.float32)


@lru_cache(maxsize=16)
def studio_chroma(width: int) -> Plane:
    """4:2:2 band limit over the half-rate bins: flat to 2.75 MHz, half at 3.1 MHz (BT.601-7, figure 4, in shape)."""
    distance = (frequencies(width // 2, halved=True) - 2.75) / (3.375 - 2.75)
    return (0.5 + 0.5 * np.cos(np.pi * np.clip(distance, 0, 1))).astype(np.float32)


@lru_cache(maxsize=16)
def _ramp(length: int) -> Plane:
    """Weights from the last sample of a line (0) to its first (1) over an extension of `length` samples."""
    return np.linspace(0, 1, length + 2, dtype=np.float32)[1:-1]


def _forward(planes: Plane, halved: bool) -> Plane:
    """Lines `(…, W)` → packed spectra `(lines, n)`."""
    width = planes.shape[-1]
    length = _length(width, halved)
    extended = np.empty((planes.size // width, length), dtype=np.float32)
    lines = planes.reshape(-1, width)
    extended[:, :width] = lines
    first, last = lines[:, :1], lines[:, -1:]
    tail = extended[:, width:]
    np.multiply(first - last, _ramp(length - width), out=tail)
    tail += last
    return np.asarray(cv2.dft(extended, flags=cv2.DFT_ROWS), dtype=np.float32)


def _backward(spectra: Plane, shape: tuple[int, ...], halved: bool) -> Plane:
    """Packed spectra `(lines, n)` → lines of the given shape `(…, W)`."""
    lines = np.asarray(cv2.idft(spectra, flags=cv2.DFT_ROWS | cv2.DFT_SCALE), dtype=np.float32)
    return lines[:, : shape[-1]].reshape(shape)


def _multiply(spectra: Plane, response: Response) -> Plane:
    """Packed spectra `(lines, n)` times a response, in place: `(bins,)`, `(h, bins)` or `(n, 1, bins)`."""
    stacked = spectra.reshape(-1, response.shape[-2], spectra.shape[-1]) if response.ndim == 2 else spectra
    if response.ndim == 3:
        stacked = spectra.reshape(len(response), -1, spectra.shape[-1])
    if not np.iscomplexobj(response):
        stacked *= _packed(np.asarray(response, dtype=np.float32))
        return spectra
    stacked[..., 0] *= response[..., 0].real
    stacked[..., -1] *= response[..., -1].real
    pairs = stacked[..., 1:-1].view(np.complex64)
    pairs *= response[..., 1:-1]
    return spectra


def _packed(response: Plane) -> Plane:
    """Real response `(…, bins)` in the order of the packed spectrum `(…, n)`."""
    return np.repeat(response, 2, axis=-1)[..., 1:-1]
