"""Search for the quality value: as few trial encodes as possible, the accepted one is the final bitstream.

A pure generator: it yields q and is sent the score; no encoder, no file. Warm start, secant, then a bracket with a
monotone cubic in it; quality is taken to fall with q, and where it does not the bracket is halved.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from itertools import pairwise

_SLOPE = -1.3
"""VMAF per unit of q where nothing is known yet: median of measured curves (0.9 to 2.1)."""
_SLOPE_RANGE = (-4.0, -0.2)
_OVERSHOOT = 1.05
_NOISE = 0.15
"""VMAF by which a coarser trial may score higher without being taken for a contradiction."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What to look for."""

    target: float
    tolerance: float
    """Scores from `target - tolerance` to `target + 2 * tolerance` are accepted."""
    q_low: float
    q_high: float
    step: float
    probes: int


@dataclass(frozen=True, slots=True)
class Found:
    """Where the search ended."""

    q: float
    score: float
    outcome: str
    """`reached`, `ceiling` (not even q_low reaches the target), `floor` (q_high still exceeds it), `budget` (the best
    of the allowed trials)."""


def search(goal: Goal, first: float) -> Generator[float, float, Found]:
    """Yields q, is sent the score of that trial, returns what was found. Never yields the same q twice."""
    tried: dict[float, float] = {}
    q = _grid(first, goal)
    while True:
        tried[q] = yield q
        found = _judge(goal, tried, q)
        if found is not None:
            return found
        following = _next(goal, tried)
        if following in tried:
            return _best(goal, tried, "budget")
        q = following


def _judge(goal: Goal, tried: dict[float, float], q: float) -> Found | None:
    score = tried[q]
    if goal.target - goal.tolerance <= score <= goal.target + 2 * goal.tolerance:
        return Found(q, score, "reached")
    if score < goal.target and q <= goal.q_low:
        return Found(q, score, "ceiling")
    if score > goal.target and q >= goal.q_high:
        return Found(q, score, "floor")
    return _best(goal, tried, "budget") if len(tried) >= goal.probes else None


def _next(goal: Goal, tried: dict[float, float]) -> float:
    good = max((q for q, score in tried.items() if score >= goal.target), default=None)
    bad = min((q for q, score in tried.items() if score < goal.target), default=None)
    if good is not None and bad is not None and good < bad:
        between = _inside(goal, tried, good, bad)
        # Stay off the ends of the bracket: a trial there would tell nothing.
        edge = 0.1 * (bad - good)
        return _grid(min(max(between, good + edge), bad - edge), goal)
    last = list(tried)[-1]
    # A little further than the slope says, so that the target comes to lie between two trials.
    return _grid(last + _OVERSHOOT * (goal.target - tried[last]) / _slope(tried), goal)


def _inside(goal: Goal, tried: dict[float, float], good: float, bad: float) -> float:
    """Where the target lies in a bracket: on a monotone cubic through three trials or more (PCHIP, Fritsch and Butland
    1984), on a line through two, in the middle where the trials contradict each other."""
    points = sorted(tried.items())
    falls = [early - late for (_, early), (_, late) in pairwise(points)]
    if any(fall < -_NOISE for fall in falls):
        return (good + bad) / 2
    if len(points) > 2 and all(fall > 0 for fall in falls):
        from scipy.interpolate import PchipInterpolator

        scores, values = [score for _, score in reversed(points)], [q for q, _ in reversed(points)]
        return float(PchipInterpolator(scores, values)(goal.target))
    share = (tried[good] - goal.target) / max(tried[good] - tried[bad], 1e-9)
    return good + share * (bad - good)


def _slope(tried: dict[float, float]) -> float:
    points = sorted(tried.items())
    if len(points) < 2:
        return _SLOPE
    (q0, s0), (q1, s1) = points[0], points[-1]
    return min(max((s1 - s0) / (q1 - q0), _SLOPE_RANGE[0]), _SLOPE_RANGE[1])


def _best(goal: Goal, tried: dict[float, float], outcome: str) -> Found:
    """The coarsest trial that reaches the target; if none does, the one that comes nearest."""
    reaching = [q for q, score in tried.items() if score >= goal.target - goal.tolerance]
    q = max(reaching) if reaching else max(tried, key=lambda one: tried[one])
    return Found(q, tried[q], "reached" if outcome != "budget" else outcome)


def _grid(q: float, goal: Goal) -> float:
    bounded = min(max(q, goal.q_low), goal.q_high)
    return round(bounded / goal.step) * goal.step
