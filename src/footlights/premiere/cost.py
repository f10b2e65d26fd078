"""What a premiere costs to deliver: gigabytes per viewer hour, and the rate that billing by percentile sees.

All viewers of a premiere watch the same second, so the peaks of a variable rate add up instead of evening out. Networks
that bill by the 95th percentile look at windows of five minutes: the rate of those windows is what counts, not the
average. Every viewer is taken to hold the largest rendition whose peak is within four fifths of what their line
carries, or the smallest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from footlights.errors import UsageError
from footlights.premiere.programme import Programme, Track

WINDOW = 300
"""Seconds of a billing window."""
_SHARE = 0.8
"""Of a line that players dare to use."""
USUAL_MIX = ((50.0, 0.35), (25.0, 0.25), (10.0, 0.2), (5.0, 0.12), (2.5, 0.08))
"""Lines in Mbit/s and the share of viewers that has them: an assumption, not a measurement."""


@dataclass(frozen=True, slots=True)
class Share:
    """How many viewers hold a rendition."""

    rendition: str
    share: float
    average: int
    """Bits per second, with the first sound track."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What delivery takes."""

    seconds: float
    shares: tuple[Share, ...]
    average: float
    """Bits per second of the average viewer."""
    gigabytes_per_viewer_hour: float
    window_average: float
    """Bits per second of the average viewer in the mean window."""
    window_p95: float
    """… in the window that 95 of 100 do not exceed."""
    window_peak: float

    def total_terabytes(self, viewers: int) -> float:
        """Bytes that leave the network for so many viewers from beginning to end, in 10¹²."""
        return self.average * self.seconds * viewers / 8 / 1e12

    def billed_gigabits(self, viewers: int) -> float:
        """Rate in 10⁹ bits per second that billing by the 95th percentile counts."""
        return self.window_p95 * viewers / 1e9


def estimate(programme: Programme, mix: Sequence[tuple[float, float]] = USUAL_MIX) -> Cost:
    """Cost of a programme; `mix` are lines in Mbit/s with shares that need not sum to one.

    Counts renditions of the programme's first codec; viewers whose device lacks it take another.
    """
    total = sum(share for _, share in mix)
    if not mix or total <= 0 or any(line <= 0 or share < 0 for line, share in mix):
        raise UsageError(
            "the mix of lines cannot be used", "rates and shares are above zero", "write --mix 25:0.6,5:0.4"
        )
    sound = next((track for track in programme.tracks if track.is_sound), None)
    pictures = [track for track in programme.tracks if not track.is_sound]
    codec = pictures[0].codecs.split(".")[0]
    ladder = sorted((one for one in pictures if one.codecs.split(".")[0] == codec), key=lambda one: one.bandwidth)
    heard = sound.bandwidth if sound else 0
    held: dict[str, float] = {}
    for line, share in mix:
        fitting = [one for one in ladder if one.bandwidth + heard <= line * 1e6 * _SHARE]
        name = (fitting[-1] if fitting else ladder[0]).name
        held[name] = held.get(name, 0.0) + share / total
    seconds = float(programme.duration)
    extra = [sound] if sound else []
    shares = tuple(
        Share(one.name, held[one.name], round(sum(sum(track.sizes) for track in (one, *extra)) * 8 / seconds))
        for one in ladder
        if one.name in held
    )
    average = sum(one.share * one.average for one in shares)
    windows = _windows(programme, held, extra)
    ordered = sorted(windows)
    return Cost(
        seconds=seconds,
        shares=shares,
        average=average,
        gigabytes_per_viewer_hour=average * 3600 / 8 / 1e9,
        window_average=sum(windows) / len(windows),
        window_p95=ordered[max(0, ceil(0.95 * len(ordered)) - 1)],
        window_peak=ordered[-1],
    )


def _windows(programme: Programme, held: dict[str, float], sound: Sequence[Track]) -> list[float]:
    """Bits per second of the average viewer in windows side by side; the last, shorter one by its own length."""
    seconds = float(programme.duration)
    bits = [0.0] * max(1, ceil(seconds / WINDOW))
    tracks = [(programme.track(name), share) for name, share in held.items()]
    for track, share in [*tracks, *((one, 1.0) for one in sound)]:
        for index, size in enumerate(track.sizes):
            begin = Fraction(track.marks[index], track.timescale)
            stop = Fraction(track.marks[index + 1], track.timescale)
            for window in range(int(begin // WINDOW), min(int(stop // WINDOW), len(bits) - 1) + 1):
                inside = min(stop, Fraction((window + 1) * WINDOW)) - max(begin, Fraction(window * WINDOW))
                bits[window] += share * size * 8 * float(inside / (stop - begin))
    return [total / min(WINDOW, seconds - number * WINDOW) for number, total in enumerate(bits)]
