"""Sound: loudness, clipping, hum, dropouts, balance and phase, and its clock. One track at a time, never in memory as a
whole.

Two passes: the track's own samples tell clipping and clock; the programme's sound, stereo at 48 kHz with holes filled,
tells the rest. Nothing is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from math import log10, sqrt

import numpy as np
from numpy.typing import NDArray

from footlights.core.sound_reports import SoundReport
from footlights.media.audio import STREAM_RATE, AudioTrack, Samples, heard, programme_sound, source_format
from footlights.media.loudness import FLOOR, LoudnessMeter

VERSION = 2
_METHOD = (
    "loudness: EBU R128 by FFmpeg; hum: lines 10 dB above their surroundings in four fifths of all 4 s windows; "
    "dropouts: 5 ms levels against the median of half a second"
)
_FULL, _FLAT, _FLAT_LEAST = 0.999, 6, 0.25
"""Samples at full scale (three in a row are clipped), equal samples in a row that are a cut peak, and their least
level: the peaks of a 40 Hz tone in 16 bit hold 4 equal samples."""
_HOLE = 0.05
"""Seconds between what the timestamps say and the samples given from which something is missing."""
_DECIMATE, _WINDOW = 12, 16384
"""48 kHz to 4 kHz, in windows of 4.1 s: 0.24 Hz between bins."""
_HARMONICS = 7
_HUM_OVER, _HUM_SHARE, _HUM_LEAST = 10.0, 20, 1e-10
"""dB above the surroundings; percentile of the windows, so that bass notes are no hum; power (-100 dBFS)."""
_STEP = STREAM_RATE // 200
_MEDIAN, _LONGEST, _SHORTEST = 101, 60, 2
_FALL, _LEAST = 25.0, -45.0
"""dB below the median that is a dropout; dBFS that the median must have."""


@dataclass(slots=True)
class _Own:
    """What the track's own samples tell."""

    clipped: int = 0
    clip_level: float = 0.0
    missing: float = 0.0
    drift: float = 0.0


@dataclass(slots=True)
class _Programme:
    """Sums over the programme's sound."""

    meter: LoudnessMeter = field(default_factory=LoudnessMeter)
    energy: NDArray[np.float64] = field(default_factory=lambda: np.zeros((2, 2)))
    """Σ of products of the channels."""
    levels: list[NDArray[np.float32]] = field(default_factory=list)
    """Mean square of every 5 ms."""
    lines: list[NDArray[np.float64]] = field(default_factory=list)
    """Per window: power of every line, and of its surroundings, (2, 2, harmonics)."""


def measure(
    track: AudioTrack, index: int, duration: Fraction, progress: Callable[[int], None] = lambda seconds: None
) -> tuple[SoundReport, NDArray[np.float32]]:
    """Everything of one track, and its momentary loudness in LUFS, ten times a second. `duration` is the picture's."""
    form = source_format(track)
    own, length = _own(track, form.sample_rate) if form.packets else (_Own(), Fraction(0))
    whole = _heard(track, duration, progress)
    meter = whole.meter
    silent = meter.integrated <= FLOOR
    frequency, level = hum(np.array(whole.lines)) if not silent else (0, -120.0)
    moments = dropouts(np.concatenate([*whole.levels, np.zeros(0, np.float32)]))
    left, right = whole.energy[0, 0], whole.energy[1, 1]
    product = sqrt(left * right)
    report = SoundReport(
        track=index,
        channels=form.channels,
        silent=silent,
        loudness=round(meter.integrated, 2),
        loudness_range=round(meter.range, 2),
        true_peak=round(meter.true_peak, 2),
        clipped=own.clipped,
        clip_level=round(own.clip_level, 2),
        hum_frequency=frequency,
        hum_level=round(level, 1),
        dropouts=len(moments),
        dropout_seconds=tuple(moments[:100]),
        missing=round(own.missing, 4),
        balance=0.0 if silent else round(10 * log10(min(max((left + 1e-12) / (right + 1e-12), 1e-6), 1e6)), 2),
        correlation=round(float(whole.energy[0, 1]) / product, 4) if product > 0 else 0.0,
        ends=round(float(track.start + length - duration), 4),
        drift=round(own.drift, 1),
        measured_by=_METHOD,
    )
    return report, meter.momentary


def hum(lines: NDArray[np.float64]) -> tuple[int, float]:
    """Mains frequency and level in dBFS from powers per window, `(n, 2 frequencies, 2, harmonics)`; 0 where none."""
    if len(lines) < 2:
        return 0, -120.0
    quiet = np.percentile(lines, _HUM_SHARE, axis=0)
    best = (0, -120.0)
    for mains, (line, around) in zip((50, 60), quiet, strict=True):
        there = (line > _HUM_LEAST) & (line > around * 10 ** (_HUM_OVER / 10))
        if there.sum() >= 2 or there[0]:
            level = 10 * log10(float(line[there].sum()))
            best = (mains, level) if level > best[1] else best
    return best


def dropouts(power: NDArray[np.float32]) -> list[float]:
    """Seconds at which the sound falls away for a moment, from the mean square of every 5 ms."""
    if len(power) < _MEDIAN:
        return []
    level = 10 * np.log10(np.maximum(power, 1e-12))
    from scipy.ndimage import median_filter  # costs every worker's start, and few listen

    usual = median_filter(level, _MEDIAN, mode="nearest")
    low = (level < usual - _FALL) & (usual > _LEAST)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], low.astype(np.int8), [0]])))
    found = []
    for start, stop in zip(edges[0::2], edges[1::2], strict=True):
        if not _SHORTEST <= stop - start <= _LONGEST or start < 2 or stop + 1 >= len(level):
            continue
        sudden = level[start - 2] > usual[start] - 10 and level[stop + 1] > usual[stop - 1] - 10
        if sudden:
            found.append(round(float(start) * _STEP / STREAM_RATE, 3))
    return found


def clipping(block: NDArray[np.float64]) -> tuple[int, float]:
    """Runs of clipped samples in `(C, n)`, and the highest level among them, 0..1."""
    count, highest = 0, 0.0
    for channel in np.abs(block):
        peak = float(channel.max(initial=0.0))
        full = list(_runs(channel >= _FULL, 3))
        flat = np.concatenate([[False], (np.diff(channel) == 0) & (channel[1:] >= max(0.995 * peak, _FLAT_LEAST))])
        cut = full or (list(_runs(flat, _FLAT - 1)) if peak < _FULL else [])
        if cut:
            count, highest = count + len(cut), max(highest, min(peak, 1.0))
    return count, highest


def _runs(marks: NDArray[np.bool_], least: int) -> Iterator[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], marks.astype(np.int8), [0]])))
    return ((int(a), int(b)) for a, b in zip(edges[0::2], edges[1::2], strict=True) if b - a >= least)


def _own(track: AudioTrack, rate: int) -> tuple[_Own, Fraction]:
    """Of the track's own samples, and the seconds to the end of the last."""
    own, count, held, waiting = _Own(), 0, 0, []
    points: list[tuple[float, float]] = []
    end, highest = Fraction(0), 0.0
    for stated, samples in heard(track):
        ahead = float(stated) - count / rate - own.missing
        if abs(ahead) > _HOLE:
            own.missing += ahead
            ahead = 0.0
        points.append((float(stated), ahead))
        count += samples.shape[1]
        end = stated + Fraction(samples.shape[1], rate)
        waiting.append(samples)
        held += samples.shape[1]
        if held >= rate:
            highest = _clip(own, waiting, highest)
            waiting, held = [], 0
    if waiting:
        highest = _clip(own, waiting, highest)
    own.clip_level = 20 * log10(highest) if highest else 0.0
    own.missing = max(own.missing, 0.0)
    own.drift = _drift(np.array(points))
    return own, end


def _clip(own: _Own, waiting: list[NDArray[np.float64]], highest: float) -> float:
    count, level = clipping(np.concatenate(waiting, axis=1))
    own.clipped += count
    return max(highest, level)


def _drift(points: NDArray[np.float64]) -> float:
    """Slope of the offsets in parts per million; 0 where the rounding of the stamps could make it."""
    if len(points) < 3 or points[-1, 0] <= points[0, 0]:
        return 0.0
    slope, start = np.polyfit(points[:, 0], points[:, 1], 1)
    rest = points[:, 1] - (slope * points[:, 0] + start)
    drawn = abs(slope) * (points[-1, 0] - points[0, 0])
    return float(slope * 1e6) if drawn > 3 * float(rest.std()) + 1e-4 else 0.0


def _heard(track: AudioTrack, duration: Fraction, progress: Callable[[int], None]) -> _Programme:
    whole = _Programme()
    waiting: list[Samples] = []
    held, seconds, span = 0, 0, _WINDOW * _DECIMATE
    for block in programme_sound(track, duration):
        whole.meter.add(block)
        whole.energy += block.astype(np.float64) @ block.T.astype(np.float64)
        waiting.append(block)
        held += block.shape[1]
        while held >= span:
            joined = np.concatenate(waiting, axis=1)
            _window(whole, joined[:, :span])
            waiting, held = [joined[:, span:]], held - span
            seconds += span // STREAM_RATE
            progress(seconds)
    whole.meter.close()
    if held:
        _levels(whole, np.concatenate(waiting, axis=1))
    return whole


def _window(whole: _Programme, sound: Samples) -> None:
    _levels(whole, sound)
    from scipy.signal import resample_poly  # a second of imports, in every worker

    slow = resample_poly(sound.mean(axis=0).astype(np.float64), 1, _DECIMATE)
    taper = np.hanning(len(slow))
    # Scaled so that the power of a sine, summed over its main lobe, is its mean square.
    power = 2 * np.abs(np.fft.rfft(slow * taper)) ** 2 / (len(slow) * (taper**2).sum())
    whole.lines.append(np.array([_lines(power, mains, len(slow)) for mains in (50, 60)]))


def _lines(power: NDArray[np.float64], mains: int, length: int) -> NDArray[np.float64]:
    """Power of the harmonics and, scaled to the same width, of what lies 2 to 6 Hz beside them, (2, harmonics)."""
    to_bin = length / (STREAM_RATE / _DECIMATE)
    found = np.zeros((2, _HARMONICS))
    for number in range(_HARMONICS):
        centre = mains * (number + 1)
        half = max(round((0.6 + 0.004 * centre) * to_bin), 2)
        place = round(centre * to_bin)
        near, far = half + round(1 * to_bin), half + round(5 * to_bin)
        beside = np.concatenate([power[place - far : place - near], power[place + near : place + far]])
        found[0, number] = power[place - half : place + half + 1].sum()
        found[1, number] = np.median(beside) * (2 * half + 1)
    return found


def _levels(whole: _Programme, sound: Samples) -> None:
    """Mean square of both channels of every 5 ms."""
    length = sound.shape[1] // _STEP * _STEP
    square = (sound[:, :length].astype(np.float64) ** 2).mean(axis=0)
    whole.levels.append(square.reshape(-1, _STEP).mean(axis=1).astype(np.float32))
