"""Frames and fields that hold an earlier picture in place of the one that was lost.

A frame store that loses its input repeats the last field of the same parity (`repeats` says which fields look so);
repeats that come in a pattern are a cadence, not a loss. What film would repeat as well, where its cadence could not be
made out, is no loss either: it is told apart as unsure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from footlights.analysis import repeats
from footlights.analysis.base import Series
from footlights.analysis.cadence import neighbours
from footlights.core.reports import CadenceKind, CadenceReport, Shot
from footlights.core.signal import FieldOrder
from footlights.core.source import Gap, GapKind
from footlights.core.time import FrameRange, timecode

_PATTERN = (0.12, 0.5)
"""More repeats than this share of a shot's frames, one frame each and at even distances, are a cadence; more than the
second always."""
_CYCLE = 5
_IN_STEP = 3
"""Single fields in step with a film cadence from which on they may be one."""
Flags = NDArray[np.bool_]
"""Of the top and the bottom field of every frame of a shot, (frames, 2)."""


@dataclass(frozen=True, slots=True)
class Repeats:
    """Frames of one shot whose fields repeat: number and which fields (0 top, 1 bottom)."""

    frames: tuple[tuple[int, tuple[int, ...]], ...]
    unsure: tuple[int, ...] = ()
    """Frames in which a field looks repeated that film would repeat as well."""


def conclude(series: Series, shots: Sequence[Shot], cadences: Sequence[CadenceReport]) -> tuple[Repeats, ...]:
    """Repeated fields of every shot of a tape, in order."""
    known = list(zip(shots, cadences, strict=True))
    around = neighbours([pair if pair[1].kind is CadenceKind.TELECINE else None for pair in known])
    return tuple(
        find_repeats(series, shot, cadence, [_film_fields(shot, *one) for one in films])
        for (shot, cadence), films in zip(known, around, strict=True)
    )


def find_repeats(series: Series, shot: Shot, cadence: CadenceReport, around: Sequence[Flags] = ()) -> Repeats:
    """Repeated fields inside a shot (never its first frame), given its cadence. `around` names the fields that film on
    other shots would repeat here if it went on."""
    usable = np.isfinite(series["cadence.repeat"][shot.frames.start : shot.frames.stop])
    usable[~_inside(len(usable), shot, cadence)] = False
    film = cadence.kind is CadenceKind.TELECINE
    if film:
        usable &= ~_film_fields(shot, shot, cadence)
    odds, rests = repeats.evidence(series, shot, usable)
    if _is_cadence(odds > 0):
        return Repeats(())
    flags = (odds > 0) & ~rests
    unsure = np.zeros(len(flags), np.bool_) if film else _unsure(flags, around)
    held = flags.any(axis=1)
    return Repeats(
        tuple(
            (shot.frames.start + int(frame), tuple(int(field) for field in np.flatnonzero(flags[frame])))
            for frame in np.flatnonzero(held & ~unsure)
        ),
        tuple(shot.frames.start + int(frame) for frame in np.flatnonzero(held & unsure)),
    )


def duplicates(found: Sequence[Repeats], slots: Sequence[int], rate: Fraction) -> tuple[Gap, ...]:
    """DUPLICATE gaps from repeats, consecutive frames joined; `slots` are the instants of the ingest frames."""
    gaps: list[Gap] = []
    for frame, fields in (item for one in found for item in one.frames):
        which = "both fields repeat" if len(fields) == 2 else f"the {('top', 'bottom')[fields[0]]} field repeats"
        evidence = f"{which} the frame before: an earlier picture stands in for the one that was lost"
        slot = slots[frame]
        if gaps and gaps[-1].stop == frame and gaps[-1].evidence == evidence:
            slots_so_far = FrameRange(gaps[-1].slots.start, slot + 1)
            gaps[-1] = replace(gaps[-1], stop=frame + 1, slots=slots_so_far)
        else:
            at = timecode(slot, rate)
            concerned = sum(1 << field for field in fields)
            gaps.append(Gap(frame, frame + 1, GapKind.DUPLICATE, FrameRange(slot, slot + 1), evidence, at, concerned))
    return tuple(gaps)


def _inside(frames: int, shot: Shot, cadence: CadenceReport) -> Flags:
    """The fields whose model, one frame earlier, is of the shot too: where it begins with the second field of a frame,
    the first field of the next has none."""
    inside = np.ones((frames, 2), np.bool_)
    inside[:1] = False
    if shot.first_field:
        first = {FieldOrder.TOP_FIRST: [0], FieldOrder.BOTTOM_FIRST: [1]}.get(cadence.field_order, [0, 1])
        inside[1:2, first] = False
    return inside


def _film_fields(shot: Shot, of: Shot, cadence: CadenceReport) -> Flags:
    """The fields of a shot that a 3:2 cadence repeats: the third of three, its own or that of another shot gone on."""
    frames = np.arange(shot.frames.start, shot.frames.stop)[:, None]
    top = 0 if cadence.field_order is FieldOrder.TOP_FIRST else 1
    number = 2 * (frames - of.frames.start) + np.array([[top, 1 - top]]) - of.first_field
    return np.asarray((number - cadence.phase - 2) % _CYCLE == 0)


def _unsure(flags: Flags, around: Sequence[Flags]) -> NDArray[np.bool_]:
    """Frames of which all that repeats, film would repeat as well: film around, or some film's by at least three."""
    single = flags.sum(axis=1) == 1
    unsure = np.zeros(len(flags), np.bool_)
    for film in around:
        unsure |= single & ~(flags & ~film).any(axis=1)
    frames = np.arange(len(flags))
    for place in range(_CYCLE):
        for lag in (2, 3):
            film = np.stack([frames % _CYCLE == place, frames % _CYCLE == (place + lag) % _CYCLE], axis=1)
            if single.sum() >= _IN_STEP and not (flags[single] & ~film[single]).any():
                unsure |= single
    return unsure


def _is_cadence(flags: Flags) -> bool:
    """Whether repeats are so many, or come so evenly and alone, that they are how time was laid into the frames."""
    held = flags.any(axis=1)
    share = float(held.mean())
    starts = np.flatnonzero(held)
    distances = np.diff(starts)
    even = len(starts) > 2 and int(np.ptp(distances)) <= 1 and int(distances.min()) > 1
    return share > _PATTERN[1] or (even and share > _PATTERN[0])
