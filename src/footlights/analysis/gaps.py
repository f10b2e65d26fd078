"""Frames and fields that hold an earlier picture in place of the one that was lost.

A frame store that loses its input repeats the last field of the same parity (`repeats` says which fields look so);
repeats that come in a pattern are a cadence, not a loss.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from footlights.analysis import noise, repeats
from footlights.analysis.base import Series
from footlights.core.reports import CadenceKind, Shot
from footlights.core.source import Gap, GapKind
from footlights.core.time import FrameRange, timecode

_PATTERN = (0.12, 0.5)
"""More repeats than this share of a shot's frames, at even distances, are a cadence; more than the second always."""
_CYCLE = 5
_NOISE = (3.4, 2.0)
"""Sigmas of the shot's noise, and codes besides, by which the most changed blocks of a repeat differ at most from its
model: two fields of nothing but noise differ by 1.13 sigma in the mean; coders and a deck's jitter add to that. What
rests under a strobe, or only moves less than what is around it, differs by more."""
Levels = NDArray[np.float32]
"""Change against the frame before of the top and the bottom field, (frames, 2); NaN where unknown."""


@dataclass(frozen=True, slots=True)
class Repeats:
    """Frames of one shot whose fields repeat: number and which fields (0 top, 1 bottom)."""

    frames: tuple[tuple[int, tuple[int, ...]], ...]


def find_repeats(series: Series, shot: Shot, kind: CadenceKind) -> Repeats:
    """Repeated fields inside a shot (never its first frame), given its cadence."""
    level = series["cadence.repeat"][shot.frames.start : shot.frames.stop].copy()
    level[: 1 + shot.first_field] = np.nan  # a change of shot
    if kind is CadenceKind.TELECINE:
        _take_out_film(level)
    flags = repeats.evidence(series, shot, np.isfinite(level)) > 0
    sigma = noise.report(series, shot)
    if sigma.confidence > 0:
        flags &= level <= _NOISE[0] * sigma.luma_sigma + _NOISE[1]
    if _is_cadence(np.asarray(flags.any(axis=1))):
        return Repeats(())
    return Repeats(
        tuple(
            (shot.frames.start + int(frame), tuple(int(field) for field in np.flatnonzero(flags[frame])))
            for frame in np.flatnonzero(flags.any(axis=1))
        )
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


def _runs(flags: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Start and stop of every run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    yield from zip(edges[0::2].tolist(), edges[1::2].tolist(), strict=True)


def _take_out_film(level: Levels) -> None:
    """Mark the fields that a 3:2 cadence repeats as unknown: in every column the quietest of the five places."""
    for column in level.T:
        places = [column[start::_CYCLE] for start in range(_CYCLE)]
        typical = [np.median(one[np.isfinite(one)]) if np.isfinite(one).any() else np.inf for one in places]
        column[int(np.argmin(typical)) :: _CYCLE] = np.nan


def _is_cadence(found: NDArray[np.bool_]) -> bool:
    """Whether repeats are so many, and come so evenly, that they are how time was laid into the frames."""
    share = float(found.mean())
    starts = [start for start, _ in _runs(found)]
    even = len(starts) > 2 and int(np.ptp(np.diff(starts))) <= 1
    return share > _PATTERN[1] or (even and share > _PATTERN[0])
