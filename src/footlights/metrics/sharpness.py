"""Effective resolution: up to which frequency lines carry picture above what an ideal picture would lose to noise.

Pictures fall off as a power of frequency (Field 1987: amplitude about 1/f). The fall is fitted where every tape still
carries picture; the frequency at which the measured spectrum has dropped 20 dB below the fit is the limit of the chain:
camera, tape and codec together.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_FIT = (0.03, 0.16)
"""Share of the sampling limit in which VHS, too, carries picture."""
_DROP = 0.01
"""-20 dB in power."""
_SLOPES = (1.4, 3.2)


def limit(lines: NDArray[np.generic], noise_sigma: float) -> float:
    """Share (0..1) of the sampling limit along the last axis that carries picture; NaN where there is too little of it.

    `lines` are code values (N, W); `noise_sigma` is the white noise in them.
    """
    samples = lines.astype(np.float32)
    samples = samples - samples.mean(axis=1, keepdims=True)
    window = np.hanning(samples.shape[1]).astype(np.float32)
    power = np.abs(np.fft.rfft(samples * window, axis=1)) ** 2
    spectrum = power.mean(axis=0) / float((window**2).sum())
    spectrum = np.maximum(spectrum - noise_sigma**2, 1e-6)
    frequency = np.linspace(0, 1, len(spectrum))
    fit = (frequency >= _FIT[0]) & (frequency <= _FIT[1])
    if spectrum[fit].mean() < 4 * max(noise_sigma**2, 0.05):
        return float("nan")
    slope, level = np.polyfit(np.log(frequency[fit]), np.log(spectrum[fit]), 1)
    slope = float(np.clip(slope, -_SLOPES[1], -_SLOPES[0]))
    level = float(np.mean(np.log(spectrum[fit]) - slope * np.log(frequency[fit])))
    ideal = np.exp(level + slope * np.log(np.maximum(frequency, 1e-3)))
    ratio = _smooth(spectrum / ideal)
    below = np.flatnonzero((ratio < _DROP) & (frequency > _FIT[1]))
    return float(frequency[below[0]]) if len(below) else 1.0


def television_lines(share: float, width: int, picture_width_by_height: float) -> float:
    """Horizontal limit in television lines per picture height: two lines a cycle, over a width equal to the height."""
    return share * width / picture_width_by_height


def _smooth(values: NDArray[np.floating]) -> NDArray[np.floating]:
    width = max(3, len(values) // 60) | 1
    return np.convolve(values, np.ones(width) / width, mode="same")
