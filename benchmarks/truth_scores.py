"""How far a survey is from the truth of its tape: cuts, cadence and field order, lost and repeated fields, noise."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from footlights.core.reports import CadenceKind, ShotReport, Survey
from footlights.core.signal import FieldOrder
from footlights.core.source import GapKind
from footlights.core.time import FrameRange
from footlights.tape.truth import NoiseTruth, Truth

Columns = dict[str, NDArray[np.float32]]
Row = dict[str, Any]
_FIELDS = {"both": (0, 1), "the top": (0,), "the bottom": (1,)}
Field = tuple[int, int]
"""Frame, and 0 for its top field, 1 for the bottom."""
SEEN = 2.0
"""Codes of change in the most changed blocks, without noise, from which it can be seen that a picture was lost."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A field that does not show its own instant."""

    frame: int
    field: int
    """0 top, 1 bottom."""
    kind: str
    repeats: bool
    """It shows what the field of its parity before it shows; else something nothing else shows: lost in a repeat."""
    change: float
    """Codes by which the most changed blocks of the lost field differ from what stands in its place, without noise."""


def paired(truth: Truth, survey: Survey) -> Iterator[tuple[FrameRange, ShotReport]]:
    """Every true shot's frames with the report of the found shot that holds its middle."""
    edges = [truth.first_frame, *(cut.frame for cut in truth.cuts), truth.frames]
    for start, stop in pairwise(edges):
        middle = (start + stop) // 2
        yield FrameRange(start, stop), next(one for one in survey.shots if middle in one.shot.frames)


def cuts(truth: Truth, survey: Survey) -> Row:
    """Which cuts were found, at which distance, and what was invented. Frames."""
    true = [(cut.frame, cut.first_field) for cut in truth.cuts]
    found = [(one.shot.frames.start, one.shot.first_field) for one in survey.shots[1:]]
    exact = len(set(true) & set(found))
    hits = {tolerance: _hits([f for f, _ in true], [f for f, _ in found], tolerance) for tolerance in (0, 1)}
    missed, invented = _unmatched([f for f, _ in true], [f for f, _ in found])
    between = [cut for cut in true if cut[1]]
    return {
        "between_fields": [len(between), len(set(between) & set(found)), sum(1 for _, field in found if field)],
        "true": len(true),
        "found": len(found),
        "hits_0": hits[0],
        "hits_1": hits[1],
        "field_exact": exact,
        "missed": missed,
        "invented": invented,
    }


def cadence(truth: Truth, frames: FrameRange, found: ShotReport) -> Row:
    """Kind and field order of one shot against what the tape holds there."""
    start = next((cut.field for cut in truth.cuts if cut.frame == frames.start), 0)
    order = truth.field_order
    if start in truth.swapped_shots:
        order = FieldOrder.TOP_FIRST if order is FieldOrder.BOTTOM_FIRST else FieldOrder.BOTTOM_FIRST
    report = found.cadence
    return {
        "start": frames.start,
        "frames": len(frames),
        "kind": truth.cadence,
        "found_kind": report.kind,
        "order": None if truth.cadence is CadenceKind.PROGRESSIVE else order,
        "found_order": report.field_order,
        "sure": report.confidence > 0.5,
        "confidence": round(report.confidence, 3),
    }


def losses(lost: Sequence[Lost], still: set[Field], frames: int, survey: Survey, series: Columns) -> Row:
    """What was lost and noticed, what was lost and not, and what was only believed lost; by frames. `still` names
    fields at which the clip itself rests."""
    events: dict[int, list[Lost]] = defaultdict(list)
    for one in lost:
        if one.repeats:
            events[one.frame].append(one)
    late = {one.frame for one in lost} - events.keys()
    found = _repeats(survey)
    resting = (
        {frame for frame in found if all((frame, field) in still for field in found[frame])} - events.keys() - late
    )
    missed = [
        {
            "frame": frame,
            "kind": fields[0].kind,
            "fields": [one.field for one in fields],
            "change": round(max(one.change for one in fields), 2),
            **_change(series, frame),
        }
        for frame, fields in sorted(events.items())
        if frame not in found
    ]
    return {
        "by_kind": {kind: _count(events, found, kind, series) for kind in ("lost frame", "lost field", "duplicate")},
        "late": len(late),
        "of_the_clip": sorted(resting),
        "unsure": sum(len(one.cadence.unsure) for one in survey.shots),
        "found": len(found.keys() - late - resting),
        "invented": [
            {"frame": frame, "fields": list(found[frame]), **_change(series, frame)}
            for frame in sorted(found)
            if frame not in events and frame not in late and frame not in resting
        ],
        "missed": missed,
        "frames": frames,
    }


def noise(truth: NoiseTruth, found: ShotReport) -> Row:
    """Sigmas of one shot, found and true, and the same by brightness."""
    report = found.noise
    levels = np.array([band.level for band in truth.bands])
    sigmas = np.array([band.sigma for band in truth.bands])
    inside = [
        (level, sigma)
        for level, sigma in zip(report.luma_levels, report.luma_sigmas, strict=True)
        if levels.size and levels.min() - 8 <= level <= levels.max() + 8
    ]
    return {
        "start": found.shot.frames.start,
        "luma": [report.luma_sigma, round(truth.luma_sigma, 3)],
        "in_time": report.in_time,
        "cb": [report.cb_sigma, round(truth.cb_sigma, 3)],
        "cr": [report.cr_sigma, round(truth.cr_sigma, 3)],
        "bands": [[level, sigma, round(float(np.interp(level, levels, sigmas)), 3)] for level, sigma in inside],
    }


def _hits(true: Sequence[int], found: Sequence[int], tolerance: int) -> int:
    """Cuts that have a found one of their own within `tolerance` frames."""
    left = list(found)
    hits = 0
    for cut in true:
        near = [one for one in left if abs(one - cut) <= tolerance]
        if near:
            left.remove(min(near, key=lambda one: abs(one - cut)))
            hits += 1
    return hits


def _unmatched(true: Sequence[int], found: Sequence[int]) -> tuple[list[int], list[int]]:
    """Cuts with nothing found within a frame, and found ones with no cut."""
    return (
        [cut for cut in true if not any(abs(cut - one) <= 1 for one in found)],
        [one for one in found if not any(abs(cut - one) <= 1 for cut in true)],
    )


def _repeats(survey: Survey) -> dict[int, tuple[int, ...]]:
    """Frames believed to repeat, and which fields of theirs."""
    found: dict[int, tuple[int, ...]] = {}
    for gap in survey.gaps:
        if gap.kind is GapKind.DUPLICATE:
            fields = next(fields for words, fields in _FIELDS.items() if gap.evidence.startswith(words))
            found |= dict.fromkeys(range(gap.start, gap.stop), fields)
    return found


def _count(events: dict[int, list[Lost]], found: dict[int, tuple[int, ...]], kind: str, series: Columns) -> Row:
    """Events of one kind: how many, how many found, with the right fields; and the same of those that can be seen."""
    here = {frame: fields for frame, fields in events.items() if fields[0].kind == kind}
    seen = {frame for frame, fields in here.items() if any(_seen(one, series) for one in fields)}
    return {
        "true": len(here),
        "found": sum(frame in found for frame in here),
        "fields_right": sum(found.get(frame) == tuple(one.field for one in fields) for frame, fields in here.items()),
        "seen": len(seen),
        "seen_found": len(seen & found.keys()),
    }


def _seen(one: Lost, series: Columns) -> bool:
    """Whether more changed than a repeat changes by noise, jitter and coding alone: by what it was measured to."""
    return one.change >= max(SEEN, float(series["cadence.repeat"][one.frame][one.field]))


def _change(series: Columns, frame: int) -> dict[str, float]:
    """Change of the frame's fields against the frame before, and what is usual around it, in codes."""
    level = series["cadence.repeat"]
    around = np.concatenate([level[max(frame - 5, 1) : frame], level[frame + 1 : frame + 6]])
    return {
        "top": round(float(level[frame][0]), 2),
        "bottom": round(float(level[frame][1]), 2),
        "around": round(float(np.nanmedian(around)), 2),
    }


def ratio(part: float, whole: float) -> float | None:
    """Share, None of nothing."""
    return round(part / whole, 4) if whole else None


def relative_errors(pairs: Iterable[Sequence[float]]) -> list[float]:
    """(found - true) / true."""
    return [(found - true) / true for found, true in pairs if true > 0]
