"""Continuity: from timestamps as found to frame instants on an exact grid, holes counted. Pure.

Nothing is moved to make a tape look regular: frames keep their own times in the ingest, and the grid only numbers the
instants, so that what is missing has a place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from statistics import median

from footlights.core.source import DecodeFault, Gap, GapKind
from footlights.core.time import FrameRange, timecode

STANDARD_RATES = tuple(
    Fraction(n, d)
    for n, d in (
        (24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (50, 1), (60000, 1001), (60, 1), (15, 1), (16, 1),
        (18, 1), (12, 1), (10, 1), (48, 1), (100, 1), (120000, 1001), (120, 1), (20, 1), (15000, 1001),
    )
)  # fmt: skip
_LONGEST_HOLE = 10
"""Seconds without a picture that still count as lost frames; more, or a step backwards, is a new start of the clock."""
_VARIABLE_SHARE = 0.15
"""More irregular steps than this, and the frames have no common clock."""


@dataclass(frozen=True, slots=True)
class Clock:
    """The grid that a list of timestamps lies on."""

    rate: Fraction
    """Frame instants per second."""
    slots: tuple[int, ...]
    """Instant of each frame."""
    pts: tuple[int, ...]
    """Ticks of each frame from the first frame on; jumps of the clock taken out."""
    variable: bool
    """True where frames follow no common clock; then slots only count frames."""
    notes: tuple[str, ...]


def clock(stamps: Sequence[int | None], time_base: Fraction, stated: Iterable[Fraction | None]) -> Clock:
    """Find the grid of timestamps `stamps` (ticks of `time_base` seconds, display order, None where missing).

    `stated` are the rates the container gives, preferred where they fit as well as any other.
    """
    notes: list[str] = []
    usual = [_snap(rate) for rate in stated if rate] or [Fraction(25)]
    ticks = _complete(stamps, time_base, usual[0], notes)
    ticks = _without_jumps(ticks, time_base, usual[0], notes)
    if len(ticks) < 2:
        return Clock(usual[0], tuple(range(len(ticks))), tuple(ticks), variable=False, notes=tuple(notes))
    believed = [rate for rate in usual if rate in STANDARD_RATES]
    candidates = list(dict.fromkeys([*usual, *_measured_rates(ticks, time_base)]))
    costs = [_irregular(ticks, time_base, rate) for rate in candidates]
    tolerable = max(2.0, _VARIABLE_SHARE * len(ticks))
    # What the container states is believed while it fits at all, for with few frames any other rate fits as well; but
    # not a rate that no system has, the mean over parts of different systems, where a system's fits as well.
    fit = [
        (0.0 if rate in believed else cost, rate not in STANDARD_RATES)
        for rate, cost in zip(candidates, costs, strict=True)
    ]
    order = sorted(range(len(fit)), key=fit.__getitem__)
    chosen = next((number for number in order if costs[number] <= tolerable), None)
    if chosen is None:
        notes.append(
            f"The frames follow no common clock ({min(costs)} of {len(ticks)} steps irregular): each keeps its time."
        )
        return Clock(candidates[-1], tuple(range(len(ticks))), tuple(ticks), variable=True, notes=tuple(notes))
    rate = candidates[chosen]
    return Clock(rate, _slots(ticks, time_base, rate), tuple(ticks), variable=False, notes=tuple(notes))


def lost(slots: Sequence[int], rate: Fraction) -> tuple[Gap, ...]:
    """A LOST gap for every hole in the grid."""
    return tuple(
        Gap(
            start=number + 1,
            stop=number + 1,
            kind=GapKind.LOST,
            slots=FrameRange(before + 1, after),
            evidence=f"timestamps leave {after - before - 1} of the instants empty",
            timecode=timecode(before + 1, rate),
        )
        for number, (before, after) in enumerate(pairwise(slots))
        if after > before + 1
    )


def damaged(faults: Sequence[DecodeFault], slots: Sequence[int], rate: Fraction) -> tuple[Gap, ...]:
    """DAMAGED gaps: runs of frames the decoder complained of."""
    frames = sorted({min(fault.frame, len(slots) - 1) for fault in faults}) if slots else []
    runs: list[list[int]] = []
    for frame in frames:
        if runs and frame == runs[-1][-1] + 1:
            runs[-1].append(frame)
        else:
            runs.append([frame])
    by_frame = {fault.frame: fault.message for fault in reversed(faults)}
    return tuple(
        Gap(
            start=run[0],
            stop=run[-1] + 1,
            kind=GapKind.DAMAGED,
            slots=FrameRange(slots[run[0]], slots[run[-1]] + 1),
            evidence=by_frame.get(run[0], "the decoder stopped here"),
            timecode=timecode(slots[run[0]], rate),
        )
        for run in runs
    )


def _complete(stamps: Sequence[int | None], time_base: Fraction, rate: Fraction, notes: list[str]) -> list[int]:
    """Missing timestamps follow the frame before."""
    step = max(1, round(1 / (rate * time_base)))
    filled: list[int] = []
    missing = 0
    for stamp in stamps:
        if stamp is None:
            missing += 1
            stamp = filled[-1] + step if filled else 0
        filled.append(stamp)
    if missing:
        notes.append(f"{missing} frames carry no time; they are placed one frame after the one before.")
    return filled


def _without_jumps(ticks: list[int], time_base: Fraction, rate: Fraction, notes: list[str]) -> list[int]:
    """Start at zero; where the clock steps back or leaps, go on one frame later."""
    step = max(1, round(1 / (rate * time_base)))
    limit = _LONGEST_HOLE / time_base
    out: list[int] = []
    offset = -ticks[0] if ticks else 0
    for number, stamp in enumerate(ticks):
        if out:
            distance = stamp + offset - out[-1]
            if distance <= 0 or distance > limit:
                notes.append(f"The clock jumps by {float((distance - step) * time_base):+.3f} s before frame {number}.")
                offset += step - distance
        out.append(stamp + offset)
    return out


def _measured_rates(ticks: Sequence[int], time_base: Fraction) -> list[Fraction]:
    """The rate of the usual step, and the mean rate."""
    step = median(b - a for a, b in pairwise(ticks))
    mean = (len(ticks) - 1) / ((ticks[-1] - ticks[0]) * time_base)
    # The mean of n steps that are not all equal is only known to one part in n.
    return [_snap(1 / (Fraction(step) * time_base)), _snap(mean, max(Fraction(1, 1000), Fraction(1, len(ticks))))]


def _snap(rate: Fraction, tolerance: Fraction = Fraction(1, 1000)) -> Fraction:
    """The standard rate within a relative tolerance, else the rate with a denominator people can read."""
    nearest = min(STANDARD_RATES, key=lambda standard: abs(standard - rate))
    return nearest if abs(nearest - rate) <= rate * tolerance else rate.limit_denominator(1001)


def _irregular(ticks: Sequence[int], time_base: Fraction, rate: Fraction) -> int:
    """Collisions on the grid (several frames in one instant) count five times, holes once each."""
    scale = time_base * rate
    places = [round((tick - ticks[0]) * scale) for tick in ticks]
    steps = [b - a for a, b in pairwise(places)]
    return sum(5 for step in steps if step <= 0) + sum(1 for step in steps if step > 1)


def _slots(ticks: Sequence[int], time_base: Fraction, rate: Fraction) -> tuple[int, ...]:
    scale = time_base * rate
    slots: list[int] = []
    for tick in ticks:
        place = round((tick - ticks[0]) * scale)
        slots.append(max(place, slots[-1] + 1) if slots else place)
    return tuple(slots)
