"""Frames and fields that hold an earlier picture in place of the one that was lost.

A frame store that loses its input repeats the last field of the same parity. The repeat differs from its model only by
coding noise, where a true field brings fresh tape noise and motion; repeats that come in a pattern are a cadence, not a
loss.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from footlights.analysis.base import Series
from footlights.core.reports import CadenceKind, NoiseReport, Shot
from footlights.core.source import Gap, GapKind
from footlights.core.time import FrameRange, timecode

_SHARE = 0.4
"""A repeat shows less than this share of the change that the quieter of its neighbours show."""
_HELD_SHARE = (0.6, 0.72)
"""The same for held pictures of a composite tape, whose colour crawls; the larger where a leap follows."""
_ONSET = 0.65
"""A held frame changes by less than this share of the frame before it: a camera comes to rest more slowly."""
_JUMP = (1.2, 1.8)
"""A frame after held ones changes by this much more than is usual around; the larger is a leap."""
_NOISE = (3.6, 0.8)
"""Codes of change (most changed blocks) that noise of one sigma, and coding alone, leave where both fields
of a frame repeat: the frame store may have held them before the tape added its noise."""
_LEAP = 1.1
"""A frame after such a repeat changes by this much more than is usual around (what moves very fast does not)."""
_DEEP = 0.22
"""A repeat that changes by less than this share of the usual needs no leap (hand-held cameras come down to 0.31)."""
_IDENTICAL = (0.6, 0.3)
"""The same where one field repeats by itself: a shaken camera that comes back looks like it, so it must be identical
but for coding."""
_CRAWL = (9.0, 3.0)
"""The same for held pictures that a jump follows: the crawl of composite colour grows with the noise of the tape."""
_FIELD = (4.5, 3.0)
"""The same for a single field that is leapt over."""
_SKIPPED = (0.6, 1.25)
"""Where one field was lost and its model has noise of its own: it changes by less than the first share of what is usual
around, and the next of its parity, which then shows what both missed, by more than the second and by more than nine in
ten around: a shaken camera that comes back for a moment makes no leap beyond its other movements."""
_STEADY = 0.06
"""Change of light, as a share of it, up to which a change from frame to frame counts as motion."""
_PATTERN = (0.12, 0.5)
"""More repeats than this share of a shot's frames, at even distances, are a cadence; more than the second always."""
_CYCLE = 5
_AROUND = 12
Levels = NDArray[np.float32]
"""Change against the frame before of the top and the bottom field, (frames, 2); NaN where unknown."""


@dataclass(frozen=True, slots=True)
class Repeats:
    """Frames of one shot whose fields repeat: number and which fields (0 top, 1 bottom)."""

    frames: tuple[tuple[int, tuple[int, ...]], ...]


def find_repeats(series: Series, shot: Shot, noise: NoiseReport, kind: CadenceKind) -> Repeats:
    """Repeated fields inside a shot (never its first frame), given the shot's noise and cadence."""
    inside = slice(shot.frames.start, shot.frames.stop)
    level, light = series["cadence.repeat"][inside].copy(), series["cadence.light"][inside]
    level[0] = np.nan  # a change of shot
    if kind is CadenceKind.TELECINE:
        _take_out_film(level)
    held = _NOISE[0] * max((noise.luma_sigma, *noise.luma_sigmas)) + _NOISE[1]
    same = _IDENTICAL[0] * noise.luma_sigma + _IDENTICAL[1]
    flags = _quiet(level, level, _SHARE, 25) & (level < same)
    # What strobes add to the change is no motion: only frames under steady light say what is usual.
    steady = np.where(light[:, None] < _STEADY, level, np.float32(np.nan))
    both = np.logical_and(*(_quiet(level, steady, _SHARE, 25) & (level < held)).T)
    flags |= _leapt_over(both, steady)[:, None]
    resting = (level < _CRAWL[0] * noise.luma_sigma + _CRAWL[1]).all(axis=1)
    flags |= (_held_then_caught_up(steady) & resting)[:, None]
    flags |= _skipped(steady) & (level < _FIELD[0] * max((noise.luma_sigma, *noise.luma_sigmas)) + _FIELD[1])
    flags[0] = False
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
    for frame, fields in (item for repeats in found for item in repeats.frames):
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


def _quiet(level: Levels, usual: Levels, share: float, percentile: float) -> NDArray[np.bool_]:
    """Where the change of a field falls below a share of a percentile of the usual changes of its parity around."""
    flags = np.zeros(level.shape, np.bool_)
    for index, field in np.argwhere(np.isfinite(level)):
        column = usual[:, field]
        around = np.concatenate([column[max(index - _AROUND, 1) : index], column[index + 1 : index + 1 + _AROUND]])
        around = around[np.isfinite(around)]
        if len(around) >= 2:
            flags[index, field] = level[index, field] < share * float(np.percentile(around, percentile))
    return flags


def _leapt_over(still: NDArray[np.bool_], level: Levels) -> NDArray[np.bool_]:
    """Those runs of still frames after which the scene moves on by more than is usual, or that are all but still: a
    hand-held camera comes nearly to rest for a frame, and need not catch up."""
    flags = np.zeros(len(still), np.bool_)
    for start, stop in _runs(still):
        around = np.concatenate([level[max(start - _AROUND, 1) : start], level[stop + 1 : stop + 1 + _AROUND]])
        around = around[np.isfinite(around)]
        if not len(around):
            continue
        usual = np.median(around)
        caught = level[start:stop].mean(axis=0) < _DEEP * usual
        if stop < len(level):
            caught |= level[stop] > _LEAP * usual
        flags[start:stop] = bool(caught.all())
    return flags


def _runs(flags: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Start and stop of every run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    yield from zip(edges[0::2].tolist(), edges[1::2].tolist(), strict=True)


def _skipped(level: Levels) -> NDArray[np.bool_]:
    """Single fields, under steady light, that stand still while those around move, and that are leapt over."""
    flags = np.zeros(level.shape, np.bool_)
    for index in range(1, len(level) - 1):
        around = np.concatenate([level[max(index - _AROUND, 1) : index], level[index + 2 : index + 2 + _AROUND]])
        around = around[np.isfinite(around)]
        if len(around) >= _AROUND:
            usual, fastest = np.percentile(around, (50, 90))
            leap = max(_SKIPPED[1] * usual, 1.1 * fastest)
            flags[index] = (level[index] < _SKIPPED[0] * usual) & (level[index + 1] > leap)
    return flags


def _take_out_film(level: Levels) -> None:
    """Mark the fields that a 3:2 cadence repeats as unknown: in every column the quietest of the five places."""
    for column in level.T:
        places = [column[start::_CYCLE] for start in range(_CYCLE)]
        typical = [np.median(one[np.isfinite(one)]) if np.isfinite(one).any() else np.inf for one in places]
        column[int(np.argmin(typical)) :: _CYCLE] = np.nan


def _is_cadence(repeats: NDArray[np.bool_]) -> bool:
    """Whether repeats are so many, and come so evenly, that they are how time was laid into the frames."""
    share = float(repeats.mean())
    starts = [start for start, _ in _runs(repeats)]
    even = len(starts) > 2 and int(np.ptp(np.diff(starts))) <= 1
    return share > _PATTERN[1] or (even and share > _PATTERN[0])


def _held_then_caught_up(level: Levels) -> NDArray[np.bool_]:
    """Frames, both fields, in which the scene stands still for a moment and then jumps on by what it missed.

    Jitter and crawling colour make held pictures of a composite tape differ by more than noise; the jump tells them
    from a camera that rests.
    """
    flags = np.zeros(len(level), np.bool_)
    still = np.logical_and(*_quiet(level, level, _HELD_SHARE[1], 50).T)
    for start, stop in _runs(still):
        around = np.concatenate([level[max(start - _AROUND, 1) : start], level[stop + 1 : stop + 1 + _AROUND]])
        around = around[np.isfinite(around).all(axis=1)]
        if stop >= len(level) or len(around) < 4:
            continue
        usual = np.median(around, axis=0)
        abrupt = (level[start] < _ONSET * level[start - 1]).all()
        held = (level[start:stop].mean(axis=0) < _HELD_SHARE[0] * usual).all()
        caught_up, leapt = ((level[stop] > factor * usual).all() for factor in _JUMP)
        flags[start:stop] = abrupt and (leapt or (held and caught_up))
    return flags
