"""Search for the quality value: as few trial encodes as possible, the accepted one is the final bitstream.

A pure generator of events: it yields a `Trial` and is sent its score; no encoder, no file. It begins where `priors`
expects the answer, goes on along the slope expected there, and from two trials around the target on along a line or a
monotone cubic; quality is taken to fall with q, and where it does not the bracket is halved.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import log, log2

SLOPE_RANGE = (-4.0, -0.1)
USUAL_DOUBLING = 13.0
"""Units of q in which what is lacking of 100 doubles, where nothing is known yet: measured curves have 4 to 30; with 13
cold searches took fewest trials (41 curves at targets of 91 and 93)."""
_OVERSHOOT = 1.02
_LEAST_LOSS = 0.05
"""VMAF: pictures equal to the reference score 99.9, and a logarithm needs more than nothing."""
_LN2 = log(2)
_FARTHEST = 25.0
"""Units of q from what was tried that anything is foreseen."""
_BESIDE = 5.0
"""Units of q above the finest value at which a dark crowd was measured to have fewer bad frames than at that."""
_NOISE = 0.15
"""VMAF by which a coarser trial may score higher without being taken for a contradiction."""


def slope_at(target: float, doubling: float = USUAL_DOUBLING) -> float:
    """VMAF per unit of q around a target, where what is lacking of 100 doubles with every `doubling` units."""
    return min(max(-_LN2 * (100 - target) / doubling, SLOPE_RANGE[0]), SLOPE_RANGE[1])


def doubling_of(target: float, slope: float) -> float:
    """Units of q in which what is lacking of 100 doubles, of a slope around a target: `slope_at` the other way."""
    return _LN2 * max(100 - target, 1.0) / -slope


SLOPE = slope_at(93)


class Reason(StrEnum):
    """What led to a trial."""

    PRIOR = "prior"
    """Expected before any trial."""
    SLOPE = "slope"
    """From trials on one side of the target."""
    LINE = "line"
    """Between two trials around the target."""
    CUBIC = "cubic"
    """Between three or more."""
    HALVING = "halving"
    """Trials contradict each other: the middle of the bracket."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What to look for."""

    target: float
    tolerance: float
    """Scores nearer to the target than this are accepted."""
    q_low: float
    q_high: float
    step: float
    probes: int
    aside: float = 0.0
    """VMAF beside the target, inside the tolerance, at which trials after the first are aimed."""

    @property
    def aim(self) -> float:
        return self.target + self.aside


@dataclass(frozen=True, slots=True)
class Prior:
    """What is expected before the first trial."""

    q: float
    slope: float = SLOPE
    """VMAF per unit of q around the target."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Encode with this value and send the score."""

    q: float
    why: Reason


@dataclass(frozen=True, slots=True)
class Found:
    """Where the search ended."""

    q: float
    score: float
    outcome: str
    """`reached`, `ceiling` (not even q_low reaches the target: the best trial, the coarsest of equally good ones, for
    on some shots the worst frames get worse again with more bits), `floor` (q_high still exceeds it), `budget` (the
    best of the allowed trials, outside the tolerance)."""


def search(goal: Goal, prior: Prior) -> Generator[Trial, float, Found]:
    """Yields trials, is sent their scores, returns what was found. Never yields the same q twice."""
    tried: dict[float, float] = {}
    trial = Trial(on_grid(prior.q, goal), Reason.PRIOR)
    while True:
        tried[trial.q] = yield trial
        found = _judge(goal, tried, trial.q)
        if found is not None:
            return found
        trial = _next(goal, tried, prior.slope)
        if trial.q in tried:
            return _best(goal, tried)


def _judge(goal: Goal, tried: dict[float, float], q: float) -> Found | None:
    score = tried[q]
    if abs(score - goal.target) <= goal.tolerance:
        return Found(q, score, "reached")
    if goal.q_low in tried and max(tried.values()) < goal.target:
        further = q == goal.q_low and len(tried) < goal.probes and _peak(goal, tried) is not None
        return None if further else _ceiling(tried)
    if score > goal.target and q >= goal.q_high:
        return Found(q, score, "floor")
    return _best(goal, tried) if len(tried) >= goal.probes else None


def _ceiling(tried: dict[float, float]) -> Found:
    """The best of all trials, the coarsest of equally good ones."""
    highest = max(tried.values())
    q = max(one for one in tried if tried[one] >= highest - _NOISE)
    return Found(q, tried[q], "ceiling")


def _peak(goal: Goal, tried: dict[float, float]) -> float | None:
    """Where the finest value scores less than a coarser one: halfway from the best trial to the next coarser one. Where
    it was the first trial, a little coarser, to see whether it does."""
    if len(tried) == 1:
        return on_grid(goal.q_low + _BESIDE, goal)
    best = max(tried, key=lambda one: tried[one])
    coarser = min((one for one in tried if one > best), default=best)
    middle = on_grid((best + coarser) / 2, goal)
    return middle if tried[best] > tried[goal.q_low] + _NOISE and middle not in tried else None


def _next(goal: Goal, tried: dict[float, float], slope: float) -> Trial:
    if goal.q_low in tried and max(tried.values()) < goal.target and (peak := _peak(goal, tried)) is not None:
        return Trial(peak, Reason.HALVING)
    good = max((q for q, score in tried.items() if score >= goal.aim), default=None)
    bad = min((q for q, score in tried.items() if score < goal.aim), default=None)
    if good is not None and bad is not None and good < bad:
        between, why = _inside(goal, tried, good, bad)
        # Stay off the ends of the bracket: a trial there would tell nothing.
        edge = 0.1 * (bad - good)
        return Trial(on_grid(min(max(between, good + edge), bad - edge), goal), why)
    near = min(tried, key=lambda q: abs(tried[q] - goal.aim))
    # A little further than the slope says, so that the target comes to lie between two trials.
    step = _OVERSHOOT * _doubling(goal, tried, slope) * (_loss(goal.aim) - _loss(tried[near]))
    return Trial(on_grid(near + step, goal), Reason.SLOPE)


def _inside(goal: Goal, tried: dict[float, float], good: float, bad: float) -> tuple[float, Reason]:
    """Where the target lies in a bracket: on a monotone cubic through three trials or more (PCHIP, Fritsch and Butland
    1984), on a line through two, over the logarithm of the loss; in the middle where the trials contradict each
    other."""
    points = sorted(tried.items())
    falls = [early - late for (_, early), (_, late) in pairwise(points)]
    if any(fall < -_NOISE for fall in falls):
        return (good + bad) / 2, Reason.HALVING
    if len(points) > 2:
        from scipy.interpolate import PchipInterpolator

        losses, values = [_loss(score) for _, score in points], [q for q, _ in points]
        if all(late > early for early, late in pairwise(losses)):
            return float(PchipInterpolator(losses, values)(_loss(goal.aim))), Reason.CUBIC
    share = (_loss(goal.aim) - _loss(tried[good])) / max(_loss(tried[bad]) - _loss(tried[good]), 1e-9)
    return good + share * (bad - good), Reason.LINE


def foreseen(goal: Goal, q: float, score: float, slope: float) -> float:
    """Where the target lies by one trial of something alike, with the slope that is expected around the target."""
    step = _doubling(goal, {}, slope) * (_loss(goal.target) - _loss(score))
    return q + min(max(step, -_FARTHEST), _FARTHEST)


def _doubling(goal: Goal, tried: dict[float, float], expected: float) -> float:
    """Units of q in which what is lacking of 100 doubles: of the two trials nearest to the target, or by the slope
    expected there. Curves of quality bend; those of the logarithm of the loss are nearly straight."""
    low, high = (_LN2 * max(100 - goal.target, 1.0) / -slope for slope in SLOPE_RANGE)
    if len(tried) < 2:
        return min(max(_LN2 * (100 - goal.target) / -expected, low), high)
    (q0, s0), (q1, s1) = sorted(tried.items(), key=lambda one: abs(one[1] - goal.target))[:2]
    rise = (_loss(s1) - _loss(s0)) / (q1 - q0)
    return high if rise <= 1 / high else max(1 / rise, low)


def _loss(score: float) -> float:
    """Logarithm to the base 2 of what is lacking of 100."""
    return log2(max(100 - score, _LEAST_LOSS))


def _best(goal: Goal, tried: dict[float, float]) -> Found:
    """The coarsest trial that reaches the target; if none does, the one that comes nearest. Where the two neighbouring
    values of the grid lie around the target nothing nearer exists, and it is reached."""
    reaching = [q for q, score in tried.items() if score >= goal.target - goal.tolerance]
    q = max(reaching) if reaching else max(tried, key=lambda one: tried[one])
    beside = any(
        other < goal.target and other_q - q <= goal.step + 1e-9 for other_q, other in tried.items() if other_q > q
    )
    outcome = "reached" if reaching and (beside or abs(tried[q] - goal.target) <= goal.tolerance) else "budget"
    return Found(q, tried[q], outcome)


def on_grid(q: float, goal: Goal) -> float:
    """The nearest value that the encoder tells from its neighbours, within the range."""
    bounded = min(max(q, goal.q_low), goal.q_high)
    return round(bounded / goal.step) * goal.step
