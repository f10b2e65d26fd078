"""Frames and fields that hold an earlier picture in place of the one that was lost.

A frame store that loses its input repeats the last field of the same parity. The repeat differs from its model only by
coding noise, where a true field brings fresh tape noise and motion; repeats that come in a pattern are a cadence, not a
loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from footlights.analysis.base import Series
from footlights.core.reports import NoiseReport, Shot
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
_IDENTICAL = (0.6, 0.3)
"""The same where one field repeats by itself: a shaken camera that comes back looks like it, so it must be identical
but for coding."""
_CRAWL = (9.0, 3.0)
"""The same for held pictures that a jump follows: the crawl of composite colour grows with the noise of the tape."""
_PATTERN = 0.12
"""More repeats than this share of a shot's frames are a cadence."""
_AROUND = 12


@dataclass(frozen=True, slots=True)
class Repeats:
    """Frames of one shot whose fields repeat: number and which fields (0 top, 1 bottom)."""

    frames: tuple[tuple[int, tuple[int, ...]], ...]


def find_repeats(series: Series, shot: Shot, noise: NoiseReport) -> Repeats:
    """Repeated fields inside a shot (never its first frame), given the shot's noise."""
    level = series["cadence.repeat"][shot.frames.start : shot.frames.stop]
    held = _NOISE[0] * max((noise.luma_sigma, *noise.luma_sigmas)) + _NOISE[1]
    same = _IDENTICAL[0] * noise.luma_sigma + _IDENTICAL[1]
    quiet = np.stack([_quiet(level[:, field], _SHARE, 25) for field in (0, 1)], axis=1)
    flags = quiet & (level < same)
    flags |= (quiet & (level < held)).all(axis=1, keepdims=True)
    resting = (level < _CRAWL[0] * noise.luma_sigma + _CRAWL[1]).all(axis=1)
    flags |= (_held_then_caught_up(level) & resting)[:, None]
    flags[0] = False
    if flags.any(axis=1).sum() > max(2, _PATTERN * len(flags)):
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


def _quiet(level: NDArray[np.float32], share: float, percentile: float) -> NDArray[np.bool_]:
    """Where the change from frame to frame falls below a share of a percentile of the changes around."""
    flags = np.zeros(len(level), np.bool_)
    for index in np.flatnonzero(np.isfinite(level)):
        around = np.concatenate([level[max(index - _AROUND, 1) : index], level[index + 1 : index + 1 + _AROUND]])
        around = around[np.isfinite(around)]
        if len(around) >= 2:
            flags[index] = level[index] < share * float(np.percentile(around, percentile))
    return flags


def _held_then_caught_up(level: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Frames, both fields, in which the scene stands still for a moment and then jumps on by what it missed.

    Jitter and crawling colour make held pictures of a composite tape differ by more than noise; the jump tells them
    from a camera that rests.
    """
    flags = np.zeros(len(level), np.bool_)
    still = np.logical_and(*(_quiet(level[:, field], _HELD_SHARE[1], 50) for field in (0, 1)))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], still, [False]]).astype(np.int8)))
    for start, stop in zip(edges[0::2], edges[1::2], strict=True):
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
