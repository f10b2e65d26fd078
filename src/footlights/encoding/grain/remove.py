"""Grain taken out before encoding: neighbours averaged along the motion, then a Wiener filter that knows the grain.

What is averaged in time keeps its detail. Where nothing fits (uncovered places, strobes, fast hands) the spatial filter
takes what is left of the grain, with its measured strength at this brightness and its measured spectrum: where the
picture is stronger than the grain it stays.

Units are 10-bit codes. Sources: MVTools' degrain for the average; N. Wiener's filter on windowed Fourier blocks as in
FFT3DFilter, spectral subtraction as its estimate of the picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from footlights.encoding.grain.measure import BINS, Floats, GrainShape, GrainStatistics, Planes, as_float
from footlights.metrics.motion import Flow, MotionEstimator
from footlights.restoration.motion import moved

RADIUS = 3
"""Pictures on each side."""
_WINDOW = 9
"""Samples over which a neighbour is judged."""
_TOLERANCE = 1.15
"""Mean squared difference, in units of what grain alone gives, up to which a neighbour counts fully."""
_FALL = 2.0
_SOFT = 1.5
"""Samples of blur before motion is searched."""
_LARGE = 2**19
"""Samples of a picture from which on motion is searched at half its size: at full size that takes four times as long,
and leaves 0.3 to 1.5 % less of the grain (1440×1080, two strengths)."""
_BLOCK = 16
_STEP = 8
_BAND = 256
"""Lines filtered at a time, so that memory does not grow with the picture."""
_SHRINK = 2.2
"""Multiple of the grain's power that is subtracted before a coefficient counts as picture: single ones scatter."""
_LEAST = 0.3
"""10-bit codes of sigma below which a plane has no grain to speak of."""


@dataclass(slots=True)
class _Picture:
    planes: list[Floats]
    light: NDArray[np.uint8]
    """Luma in 8-bit codes, softened."""
    guide: NDArray[np.uint8]
    """What motion is searched in."""


class GrainRemover:
    """Takes the grain out of a run of pictures."""

    def __init__(self, grain: GrainStatistics) -> None:
        sigma = filled(grain)
        self._sigma = np.interp(np.arange(256), grain.places, sigma).astype(np.float32)
        self._luma_filter = _Wiener(grain.shape)
        self._chroma_filter = _Wiener(grain.chroma_shape) if grain.chroma_shape is not None else None
        self._chroma = grain.chroma
        self._estimator = MotionEstimator()

    def run(self, pictures: Iterable[Planes]) -> Iterator[Planes]:
        """Pictures → pictures of the same kind (uint16), in order; neighbours are looked for among them only."""
        window: list[_Picture] = []
        done = 0
        for picture in pictures:
            planes = [as_float(plane) for plane in picture]
            light = _softened(planes[0])
            window.append(_Picture(planes, light, _guide(light)))
            if len(window) > 2 * RADIUS + 1:
                window.pop(0)
                done -= 1
            if len(window) > done + RADIUS:
                yield self._cleaned(window, done)
                done += 1
        while done < len(window):
            yield self._cleaned(window, done)
            done += 1

    def _flow(self, own: _Picture, other: _Picture) -> Flow:
        """At the pictures' size."""
        flow = self._estimator.flow(own.guide, other.guide)
        if own.guide is own.light:
            return flow
        height, width = own.light.shape
        return np.asarray(cv2.resize(flow, (width, height), interpolation=cv2.INTER_LINEAR) * np.float32(2), np.float32)

    def _cleaned(self, window: list[_Picture], now: int) -> Planes:
        own = window[now]
        sigma = cv2.LUT(own.light, self._sigma)
        power = np.maximum(2 * sigma * sigma, 2 * _LEAST**2)
        total = np.ones_like(own.planes[0])
        squares = np.ones_like(total)
        sums = [plane.copy() for plane in own.planes]
        half = (total.shape[1] // 2, total.shape[0] // 2)
        small = np.ones((half[1], half[0]), np.float32)
        small_squares = small.copy()
        for index, other in enumerate(window):
            if index == now or abs(index - now) > RADIUS:
                continue
            flow = self._flow(own, other)
            near = moved(other.planes[0], flow)
            weight = _weight(near - own.planes[0], power)
            sums[0] += weight * near
            total += weight
            squares += weight * weight
            if len(sums) > 1:
                slow = cv2.resize(flow, half, interpolation=cv2.INTER_AREA) * np.float32(0.5)
                light = cv2.resize(weight, half, interpolation=cv2.INTER_AREA)
                for number in (1, 2):
                    sums[number] += light * moved(other.planes[number], slow)
                small += light
                small_squares += light * light
        left, chroma_left = squares / (total * total), small_squares / (small * small)
        luma = self._luma_filter.run(sums[0] / total, sigma * sigma * left)
        out = [luma]
        for plane, strength in zip(sums[1:], self._chroma, strict=False):
            mean = np.asarray(plane / small, np.float32)
            if self._chroma_filter is not None and strength > _LEAST:
                mean = self._chroma_filter.run(mean, np.asarray(np.float32(strength**2) * chroma_left, np.float32))
                out.append(mean)
            else:
                out.append(own.planes[len(out)])
        return tuple(np.clip(np.rint(plane), 0, 1023).astype(np.uint16) for plane in out)


def _softened(luma: Floats) -> NDArray[np.uint8]:
    return np.asarray(cv2.GaussianBlur(np.clip(luma / 4, 0, 255).astype(np.uint8), (0, 0), _SOFT), np.uint8)


def _guide(light: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if light.size < _LARGE:
        return light
    return np.asarray(cv2.resize(light, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)


def filled(grain: GrainStatistics) -> NDArray[np.float64]:
    """Sigma at every brightness: unmeasured bins between measured ones, or as the nearest."""
    known = np.isfinite(grain.sigma)
    if not known.any():
        return np.zeros(BINS)
    return np.asarray(np.interp(grain.places, grain.places[known], grain.sigma[known]), np.float64)


def _weight(difference: Floats, power: Floats) -> Floats:
    excess = cv2.blur(difference * difference, (_WINDOW, _WINDOW)) / power
    return np.exp(-np.maximum(excess - _TOLERANCE, 0) * np.float32(_FALL))


class _Wiener:
    """The spatial filter for grain of one shape."""

    def __init__(self, shape: GrainShape) -> None:
        ramp = np.sin(np.pi * (np.arange(_BLOCK) + 0.5) / _BLOCK).astype(np.float32)
        self._window = np.outer(ramp, ramp)
        self._spectrum = _spectrum(shape, self._window)

    def run(self, plane: Floats, variance: Floats) -> Floats:
        """Plane and the variance of its grain at every sample → plane without it."""
        height, width = plane.shape
        rows, columns = -(-height // _STEP) * _STEP, -(-width // _STEP) * _STEP
        edge = ((_STEP, _STEP + rows - height), (_STEP, _STEP + columns - width))
        padded = (
            np.pad(plane, edge, mode="reflect") if min(plane.shape) > 2 * _BLOCK else np.pad(plane, edge, mode="edge")
        )
        local = cv2.blur(variance, (_BLOCK, _BLOCK))
        local = np.pad(local, edge, mode="edge")[_STEP::_STEP, _STEP::_STEP]
        out = np.zeros_like(padded)
        for top in range(0, rows + 1, _BAND):
            bottom = min(top + _BAND, rows + _STEP)
            self._band(padded, local, out, top, bottom)
        return out[_STEP : _STEP + height, _STEP : _STEP + width]

    def _band(self, padded: Floats, local: Floats, out: Floats, top: int, bottom: int) -> None:
        """Blocks that begin in lines top..bottom."""
        lines = padded[top : min(bottom + _STEP, padded.shape[0])]
        view = np.lib.stride_tricks.sliding_window_view(lines, (_BLOCK, _BLOCK))[::_STEP, ::_STEP]
        strength = local[top // _STEP :, :][: view.shape[0], : view.shape[1], None, None]
        means = view.mean(axis=(2, 3), keepdims=True)
        spectrum = fft.rfft2((view - means) * self._window, axes=(2, 3))
        noise = self._spectrum * strength
        power = spectrum.real**2 + spectrum.imag**2
        picture = np.maximum(power - np.float32(_SHRINK) * noise, 0)
        gain = picture / np.maximum(picture + noise, 1e-6)
        blocks = fft.irfft2(spectrum * gain, s=(_BLOCK, _BLOCK), axes=(2, 3))
        blocks = (blocks + means * self._window) * self._window
        for row in range(blocks.shape[0]):
            target = out[top + row * _STEP : top + row * _STEP + _BLOCK]
            for phase in (0, 1):
                chosen = blocks[row, phase::2]
                start = phase * _STEP
                flat = chosen.swapaxes(0, 1).reshape(_BLOCK, -1)
                target[:, start : start + flat.shape[1]] += flat


def _spectrum(shape: GrainShape, window: Floats) -> Floats:
    """Power that grain of variance 1 has in each coefficient of a windowed block."""
    full = np.zeros((_BLOCK, _BLOCK))
    values = shape.mirrored()
    down, across = values.shape[0] // 2, values.shape[1] // 2
    taper = np.outer(np.hanning(values.shape[0] + 2)[1:-1], np.hanning(values.shape[1] + 2)[1:-1])
    for dy in range(-down, down + 1):
        for dx in range(-across, across + 1):
            full[dy, dx] = (values * taper)[dy + down, dx + across]
    power = np.maximum(fft.rfft2(full).real, 0.02)
    # Parseval: the mean over all coefficients of the whole plane is the energy of the window.
    both = np.concatenate([power, power[:, 1 : _BLOCK // 2]], axis=1)
    return np.asarray(power / both.mean() * float((window**2).sum()), np.float32)
