"""Timeline: which output frame shows which source instant, and how the tape is cut into files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise

from footlights.core.plans import Piece, PiecePart, RestorationPlan, ShotPlan
from footlights.core.reports import ShotReport
from footlights.core.source import Gap, GapKind, Ingest
from footlights.core.time import FrameRange, Span, SpanKind, TimeMap, at_step

TOP, BOTTOM = 1, 2
EVERY = Fraction(1)
"""The step that shows every instant."""


def output_range(shots: Sequence[ShotPlan], index: int, factor: int, step: Fraction = EVERY) -> FrameRange:
    """Output frames of a shot: where a cut falls between fields, the field before it belongs to the shot before.

    `factor` is how many instants a frame has, `step` how many of them lie from one output frame to the next.
    """
    shot = shots[index]
    after = shots[index + 1].first_field if index + 1 < len(shots) else 0
    shift = (shot.first_field, after) if factor == 2 else (0, 0)
    return at_step(FrameRange(shot.slots.start * factor + shift[0], shot.slots.stop * factor + shift[1]), step)


def clock_times(ingest: Ingest, restoration: RestorationPlan) -> tuple[tuple[Fraction, ...], Fraction]:
    """Seconds of every output frame, exact, and when the last one ends."""
    if not ingest.variable:
        frames = restoration.time_map.frames
        return tuple(Fraction(frame) / restoration.rate for frame in range(frames)), frames / restoration.rate
    own = tuple(stamp * ingest.time_base for stamp in ingest.pts)
    end = own[-1] + 1 / ingest.source.rate
    if restoration.rate == ingest.source.rate:
        return own, end
    # The second field of a frame lies half-way to the next frame.
    return tuple(time for a, b in pairwise([*own, end]) for time in (a, (a + b) / 2)), end


def cut_frames(shots: Sequence[ShotPlan], factor: int, step: Fraction = EVERY) -> tuple[int, ...]:
    """Output frames that begin a shot."""
    return tuple(output_range(shots, index, factor, step).start for index in range(len(shots)))


def pieces(
    shots: Sequence[ShotPlan], factor: int, segments: Sequence[FrameRange], step: Fraction = EVERY
) -> tuple[Piece, ...]:
    """The files of the master: one per segment, each with the parts of the shots that fall into it."""
    ranges = [output_range(shots, index, factor, step) for index in range(len(shots))]
    made = []
    for number, segment in enumerate(segments):
        parts = []
        for shot, whole in zip(shots, ranges, strict=True):
            frames = whole.intersect(segment)
            if len(frames):
                slots = FrameRange(int(frames.start * step // factor), -int(-frames.stop * step // factor))
                parts.append(PiecePart(shot.shot, slots, frames))
        made.append(Piece(number, segment, tuple(parts)))
    return tuple(made)


def gap_slots(gaps: Sequence[Gap], slots: FrameRange) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Lost instants with their fields (1 top, 2 bottom, 3 both), and damaged instants, inside a shot."""
    lost: dict[int, int] = {}
    damaged: set[int] = set()
    for gap in gaps:
        inside = gap.slots.intersect(slots)
        if gap.kind is GapKind.DAMAGED:
            damaged.update(inside)
            continue
        for slot in inside:
            lost[slot] = lost.get(slot, 0) | gap.fields
    ordered = sorted(lost)
    return tuple(ordered), tuple(lost[slot] for slot in ordered), tuple(sorted(damaged - set(ordered)))


def time_map(
    reports: Sequence[ShotReport],
    shots: Sequence[ShotPlan],
    ingest: Ingest,
    factor: int,
    pace: tuple[Fraction, Fraction] = (EVERY, EVERY),
) -> TimeMap:
    """Where the pictures of every output frame come from, by the steps that are planned. `pace` is step and speed.

    It goes by instants: one that lost a single field counts as interpolated with both its pictures.
    """
    kinds: dict[int, SpanKind] = {}
    for report, shot in zip(reports, shots, strict=True):
        rebuilding = next((step.params for step in shot.steps if step.stage == "gaps.rebuild"), {})
        planned, longest = rebuilding.get("lost", ()), rebuilding.get("longest", 0)
        assert isinstance(planned, tuple)
        assert isinstance(longest, int)
        lost, _, _ = gap_slots(report.gaps, shot.slots)
        for run in _runs(sorted({*lost, *(int(slot) for slot in planned)})):
            inside = run.start > shot.slots.start and run.stop < shot.slots.stop
            for slot in run:
                rebuilt = slot in planned and inside and len(run) <= longest
                kinds[slot] = SpanKind.INTERPOLATED if rebuilt else SpanKind.REPEATED
    edges = sorted({0, ingest.slot_count, *kinds, *(slot + 1 for slot in kinds)})
    spans: list[Span] = []
    for start, stop in pairwise(edges):
        kind = kinds.get(start, SpanKind.ORIGINAL)
        begin = spans.pop().slots.start if spans and spans[-1].kind is kind else start
        out = at_step(FrameRange(begin * factor, stop * factor), pace[0])
        spans.append(Span(out, FrameRange(begin, stop), kind))
    step, speed = pace
    return TimeMap(ingest.source.rate, ingest.source.rate * factor * speed / step, tuple(spans), step, speed)


def _runs(slots: Sequence[int]) -> Iterator[FrameRange]:
    start = previous = None
    for slot in slots:
        if previous is None or slot != previous + 1:
            if start is not None and previous is not None:
                yield FrameRange(start, previous + 1)
            start = slot
        previous = slot
    if start is not None and previous is not None:
        yield FrameRange(start, previous + 1)
