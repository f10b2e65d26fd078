"""How evenly a rendition spends: its segments and its five-minute windows against its average, and limits on both.

Viewers of a premiere all meet the same peak, and networks bill by windows of five minutes. A window is the fewest whole
segments in a row that last that long, because segments are delivered whole; a programme that is not longer than one
window has none. The average is that of the very bytes that are looked at. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

BILLING_WINDOW = 300.0
"""Seconds over which networks take the rate they bill by percentile."""


@dataclass(frozen=True, slots=True)
class Caps:
    """Limits on rates, as multiples of the rendition's average."""

    segment: float = 2.0
    """Of one segment (HLS authoring guidance for video on demand)."""
    window: float = 1.5
    """Of any `BILLING_WINDOW`: viewers of a premiere all meet the same peak."""


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive segments and how many times the average rate they have."""

    places: range
    times: float


def windows(seconds: Sequence[float]) -> list[range]:
    """Runs of segments that fill a billing window; none where the programme is not longer than one."""
    runs: list[range] = []
    stop, length = 0, 0.0
    for start in range(len(seconds)):
        while stop < len(seconds) and length < BILLING_WINDOW:
            length += seconds[stop]
            stop += 1
        if length < BILLING_WINDOW:
            break
        runs.append(range(start, stop))
        length -= seconds[start]
    return runs if len(runs) > 1 else []


def worst_segment(sizes: Sequence[float], seconds: Sequence[float]) -> Run:
    """The segment of the highest rate; there must be one."""
    return _worst(sizes, seconds, _singles(seconds))


def worst_window(sizes: Sequence[float], seconds: Sequence[float]) -> Run | None:
    """The window of the highest rate, where there are any."""
    found = windows(seconds)
    return _worst(sizes, seconds, found) if found else None


def shares(seconds: Sequence[float], caps: Caps) -> list[tuple[range, float]]:
    """Every run that a cap is for, and which share of all bytes it may have: limits are on rates, and the average is
    all bytes over all seconds."""
    whole = sum(seconds)
    runs = [(run, caps.segment) for run in _singles(seconds)] + [(run, caps.window) for run in windows(seconds)]
    return [(run, cap * sum(seconds[run.start : run.stop]) / whole) for run, cap in runs]


def over(sizes: Sequence[float], seconds: Sequence[float], caps: Caps) -> list[range]:
    """The runs that are over their limit."""
    total = sum(sizes)
    return [run for run, share in shares(seconds, caps) if sum(sizes[run.start : run.stop]) > share * total]


def _singles(seconds: Sequence[float]) -> list[range]:
    return [range(place, place + 1) for place in range(len(seconds))]


def _worst(sizes: Sequence[float], seconds: Sequence[float], runs: Sequence[range]) -> Run:
    average = sum(sizes) / sum(seconds)

    def times(run: range) -> float:
        rate = sum(sizes[run.start : run.stop]) / sum(seconds[run.start : run.stop])
        return rate / average if average else 1.0

    return max((Run(run, times(run)) for run in runs), key=lambda found: found.times)
