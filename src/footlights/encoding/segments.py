"""Where the stream is cut: one list of segments for all renditions and the sound, and the key frames.

Candidates are the cuts of the programme and a grid of half seconds. A shortest-path search over them minimises the sum
of what each segment and each boundary costs (`SegmentRules`). Lengths outside the limits and boundaries beside a
cut are not forbidden but so dear that they happen only where the material leaves no other way: a programme shorter than
two seconds, a hole of ten seconds between two frames. Pure: the same cuts and times give the same segments.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import lcm

from footlights.core.time import FrameRange

_OUT_OF_LIMITS = 10_000.0
"""Per segment and per second outside the limits: more than any number of the other costs in reach of one segment."""


@dataclass(frozen=True, slots=True)
class SegmentRules:
    """Limits in seconds, and costs that mean something only beside each other."""

    shortest: Fraction = Fraction(2)
    longest: Fraction = Fraction(6)
    target: Fraction = Fraction(4)
    grid: Fraction = Fraction(1, 2)
    key_cost: float = 1.0
    """A boundary that is not a cut: its key frame buys nothing but the boundary."""
    length_cost: float = 0.6
    """Per squared second away from the target. A cut within 1.3 s of it beats the grid; where there are no cuts, less
    than 0.5 would make segments longer than the target to save key frames (best is √(target² + key / length))."""
    near: Fraction = Fraction(1, 5)
    near_cost: float = 100.0
    """A boundary this near to a cut without being on it: two key frames where one would do."""
    spacing: Fraction = Fraction(1)
    """Least distance of a key frame inside a segment from the key frames around it."""


DEFAULT_RULES = SegmentRules()


def segments(
    cuts: Sequence[int], times: Sequence[Fraction], end: Fraction, rules: SegmentRules = DEFAULT_RULES
) -> tuple[FrameRange, ...]:
    """Segments that cover all frames. `cuts` are frames that begin a shot, `times` seconds, `end` that of the last."""
    problem = _Problem.of(cuts, times, end, rules)
    count = len(problem.places)
    best = [0.0] + [float("inf")] * (count - 1)
    before = [0] * count
    for stop in range(1, count):
        for start in problem.starts(stop):
            cost = best[start] + problem.cost(start, stop)
            if cost < best[stop]:
                best[stop], before[stop] = cost, start
    path = [count - 1]
    while path[-1]:
        path.append(before[path[-1]])
    frames = [problem.frames[place] for place in reversed(path)]
    return tuple(FrameRange(start, stop) for start, stop in pairwise(frames))


def segmentation_cost(
    boundaries: Sequence[int],
    cuts: Sequence[int],
    times: Sequence[Fraction],
    end: Fraction,
    rules: SegmentRules = DEFAULT_RULES,
) -> float:
    """What a segmentation costs; `boundaries` are candidate frames from 0 to the frame count, both included."""
    problem = _Problem.of(cuts, times, end, rules)
    places = [problem.frames.index(frame) for frame in boundaries]
    return sum(problem.cost(start, stop) for start, stop in pairwise(places))


def candidates(
    cuts: Sequence[int], times: Sequence[Fraction], end: Fraction, rules: SegmentRules = DEFAULT_RULES
) -> tuple[int, ...]:
    """Frames at which a segment may begin, and the frame count."""
    return _Problem.of(cuts, times, end, rules).frames


def key_frames(
    parts: Sequence[FrameRange],
    cuts: Sequence[int],
    times: Sequence[Fraction],
    end: Fraction,
    rules: SegmentRules = DEFAULT_RULES,
) -> tuple[int, ...]:
    """Frames that begin closed groups of pictures: every boundary, and cuts far enough from the keys around them."""
    keys: list[int] = []
    shots = sorted(set(cuts))
    for part in parts:
        keys.append(part.start)
        limit = times[part.stop] if part.stop < len(times) else end
        for cut in shots[bisect_right(shots, part.start) : bisect_left(shots, part.stop)]:
            if times[cut] - times[keys[-1]] >= rules.spacing and limit - times[cut] >= rules.spacing:
                keys.append(cut)
    return tuple(keys)


@dataclass(frozen=True, slots=True)
class _Problem:
    """Candidates with their places on a clock of whole ticks, which is exact and quick to compare."""

    frames: tuple[int, ...]
    places: tuple[int, ...]
    is_cut: tuple[bool, ...]
    is_near: tuple[bool, ...]
    scale: int
    rules: SegmentRules

    @staticmethod
    def of(cuts: Sequence[int], times: Sequence[Fraction], end: Fraction, rules: SegmentRules) -> _Problem:
        scale = lcm(
            *{stamp.denominator for stamp in (*times, end, rules.grid, rules.shortest, rules.longest, rules.near)}
        )
        ticks = [int(stamp * scale) for stamp in (*times, end)]
        count = len(times)
        shots = sorted({cut for cut in cuts if 0 < cut < count})
        grid = {_nearest(ticks, step) for step in range(0, ticks[-1], int(rules.grid * scale))}
        frames = sorted({0, count, *shots, *(frame for frame in grid if 0 < frame < count)})
        shot_ticks = [ticks[cut] for cut in shots]
        reach = int(rules.near * scale)
        cut_set = set(shots)
        places = [ticks[frame] for frame in frames]
        near = [
            frame not in cut_set
            and 0 < frame < count
            and bisect_right(shot_ticks, place + reach) > bisect_left(shot_ticks, place - reach)
            for frame, place in zip(frames, places, strict=True)
        ]
        return _Problem(tuple(frames), tuple(places), tuple(f in cut_set for f in frames), tuple(near), scale, rules)

    def starts(self, stop: int) -> range:
        """Candidates a segment ending at `stop` may begin at: all within twice the limit, and at least one."""
        reach = self.places[stop] - 2 * int(self.rules.longest * self.scale)
        return range(min(bisect_left(self.places, reach), stop - 1), stop)

    def cost(self, start: int, stop: int) -> float:
        """Of the segment between two candidates and of the boundary at its end."""
        rules = self.rules
        seconds = (self.places[stop] - self.places[start]) / self.scale
        outside = max(float(rules.shortest) - seconds, seconds - float(rules.longest), 0.0)
        cost = rules.length_cost * (seconds - float(rules.target)) ** 2
        if outside > 0:
            cost += _OUT_OF_LIMITS * (1 + outside)
        if stop < len(self.places) - 1 and not self.is_cut[stop]:
            cost += rules.key_cost + (rules.near_cost if self.is_near[stop] else 0.0)
        return cost


def _nearest(ticks: Sequence[int], place: int) -> int:
    """Index of the tick nearest to a place, the earlier of two."""
    after = bisect_left(ticks, place)
    if after == len(ticks) or (after > 0 and place - ticks[after - 1] <= ticks[after] - place):
        return after - 1
    return after
