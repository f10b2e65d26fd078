"""Who gets the bits: one quality value per chunk, so that a rendition reaches its mean quality with the fewest bytes.

Giving every chunk the same quality is not the cheapest way to a mean: where a point of VMAF costs little it should be
bought, where it costs much it should not. At the optimum every chunk pays the same price for the last point (constant
slope: Shoham and Gersho 1988; per shot, Katsavounidis 2018), save that none may fall below the floor, below which a
viewer would notice the shot itself.

Near the trials that were made, bytes halve with every so many steps of q, and what VMAF lacks of 100 doubles with
every so many (`Curve`). For such curves the value at a price has a closed form, and price and mean are found by
bisection. Chunks near their value are left as they are (`worth_again`): at the optimum a little off costs almost
nothing. Pure: equal trials give equal values.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import ceil, log2

from footlights.core.encodes import Probe
from footlights.encoding.peaks import Caps, shares

HALVING = 10.0
"""Units of q that halve the bytes, where one trial is all there is."""
_HALVINGS = (3.0, 20.0)
"""Bounds of what trials may say."""
_DOUBLING = 11.0
"""Units of q that double what is lacking of VMAF 100; measured curves have 6 to 28."""
_DOUBLINGS = (3.0, 30.0)
_APART = 1.5
"""Units of q between two trials from which on they tell slopes."""
_MISSED = 0.25
"""Units of q by which a chunk may be coarser than its floor."""
_LEAST_LOSS = 0.05
"""VMAF: pictures equal to the reference score 99.9, and a logarithm needs more than nothing."""
_DEAR = 0.15
"""Of what a chunk has in the mean: bytes that another trial must promise to save."""
_LIFTED = 0.125
"""Of all chunks: those that may be made finer, rounded up. More would be a narrower tolerance by another name."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Bytes and quality of one chunk as functions of q, around one trial."""

    frames: int
    seconds: float
    q: float
    """Of the trial."""
    bytes: float
    loss: float
    """100 minus the mean VMAF."""
    halving: float
    doubling: float
    q_low: float
    """Finest allowed: of the encoder's range, or where the chunk would break its rate."""
    q_high: float
    """Coarsest allowed: where the chunk is on its floor."""

    def bytes_at(self, q: float) -> float:
        return float(self.bytes * 2 ** ((self.q - q) / self.halving))

    def loss_at(self, q: float) -> float:
        return float(self.loss * 2 ** ((q - self.q) / self.doubling))

    def at_price(self, price: float) -> float:
        """The q at which one more point of mean VMAF, per frame, costs `price` bytes; inside the allowed range.

        Where it may cost nothing, because floors alone are better than the mean, that is the floor.
        """
        if price <= 0:
            return self.q_high
        # d bytes / d q = -ln2 / halving · bytes and d loss / d q = ln2 / doubling · loss; equal weights cancel ln2.
        here = log2(self.bytes / self.halving) - log2(price * self.frames * self.loss / self.doubling)
        found = self.q + here / (1 / self.halving + 1 / self.doubling)
        return min(max(found, self.q_low), self.q_high)


def fit(
    probes: Sequence[Probe],
    chosen: Probe,
    frames: int,
    seconds: float,
    limits: tuple[float, float],
    doubling: float = _DOUBLING,
) -> Curve:
    """The curve through the trial `chosen`; `limits` are the finest q and the most bytes.

    Its slopes are those to the trial nearest to `chosen` (curves bend: what lies far away tells little), where there is
    one far enough to tell, else `doubling` and what is usual. The coarsest allowed value is that of `chosen`.
    """
    finest, most = limits
    halving = HALVING
    others = [one for one in probes if abs(one.q - chosen.q) >= _APART]
    if others:
        near = min(others, key=lambda one: abs(one.q - chosen.q))
        apart = near.q - chosen.q
        halving = _step(log2(chosen.bytes / near.bytes) / apart, _HALVINGS)
        doubling = _step((_lacking(near.mean) - _lacking(chosen.mean)) / apart, _DOUBLINGS)
    keeps_rate = chosen.q - halving * log2(max(most / chosen.bytes, 1.0))
    return Curve(
        frames=frames,
        seconds=seconds,
        q=chosen.q,
        bytes=float(chosen.bytes),
        loss=2 ** _lacking(chosen.mean),
        halving=halving,
        doubling=doubling,
        q_low=min(max(finest, keeps_rate), chosen.q),
        q_high=chosen.q,
    )


def floor_of(curve: Curve, score: float, lowest: float, limits: tuple[float, float], step: float) -> float:
    """The coarsest q a chunk may have, a multiple of `step` within `limits`: where the curve meets the score `lowest`;
    `score` is that of the trial it runs through."""
    found = _reaching(curve, score, lowest)
    return min(max(round(found / step) * step, limits[0]), limits[1])


def _lacking(score: float) -> float:
    """Logarithm to the base 2 of what is lacking of 100."""
    return log2(max(100 - score, _LEAST_LOSS))


def price_of(curves: Sequence[Curve], target: float) -> float | None:
    """What one more point of VMAF of one frame may cost, in bytes, for these chunks to have the mean `target`; None
    where not even their finest values reach it."""
    if not curves or mean_quality(curves, [curve.q_low for curve in curves]) < target:
        return None
    return _price(curves, target)


def _price(curves: Sequence[Curve], target: float) -> float:
    low, high = 1e-9, 1e12
    for _ in range(120):
        price = (low * high) ** 0.5
        if mean_quality(curves, [curve.at_price(price) for curve in curves]) < target:
            low = price
        else:
            high = price
    return high


def allocate(curves: Sequence[Curve], target: float, step: float, caps: Caps | None = None) -> tuple[float, ...]:
    """A q for every chunk, multiples of `step`, such that the mean VMAF over all frames is `target`, with least bytes.

    Where not even the finest values reach it they are given; where the floors alone exceed it the floors are. Caps come
    last and may cost some of the mean, but never the floor.
    """
    price = _price(curves, target)
    chosen = tuple(_grid(curve, curve.at_price(price), step) for curve in curves)
    return chosen if caps is None else capped(curves, chosen, step, caps)


def capped(curves: Sequence[Curve], values: Sequence[float], step: float, caps: Caps) -> tuple[float, ...]:
    """The values coarsened where a chunk or a window of chunks is over its limit, first where a byte saved costs least
    quality. Every run then keeps its limit, or all of its chunks are on their floors: `peaks.over` tells which.

    Limits are multiples of the average that results, and each cut lowers it: what was within its limit may be over it
    afterwards, so all runs are gone through until none is cut any more. Values only grow, step by step, and never
    beyond `q_high`, so this ends. Of chunks alone no more is cut than must be: let v be any values, none finer than
    those given, that keep all limits, and let ours be no coarser than v so far. If chunk i is over its limit, then
    bytes(i) > cap * all bytes >= cap * all bytes of v >= bytes of v at i; so ours at i is finer than v's, and one step
    more is still no coarser. (Windows share chunks, and which of them gives way is a choice.)
    """
    chosen = list(values)
    sizes = [curve.bytes_at(q) for curve, q in zip(curves, chosen, strict=True)]
    limits = shares([curve.seconds for curve in curves], caps)
    total, cut = sum(sizes), True
    while cut:
        cut = False
        for run, share in limits:
            while sum(sizes[run.start : run.stop]) > share * total:
                free = [place for place in run if chosen[place] < curves[place].q_high]
                if not free:
                    break
                place = min(free, key=lambda one: _dearness(curves[one], chosen[one]))
                chosen[place] = min(chosen[place] + step, curves[place].q_high)
                sizes[place] = curves[place].bytes_at(chosen[place])
                total, cut = sum(sizes), True
    return tuple(chosen)


def worth_again(
    curves: Sequence[Curve],
    values: Sequence[float],
    target: float,
    *,
    far: float,
    near: float,
    least: float,
    bound: Collection[int] = (),
) -> tuple[int, ...]:
    """Which chunks to encode again with `values`: those below their floor, those `far` units of q off, and `bound` ones
    (whose value keeps a rate); and while the mean then expected is not within `near` of the target, the next farthest.
    None that is less than `least` off."""
    standing = [curve.q for curve in curves]
    farthest = sorted(range(len(curves)), key=lambda one: -abs(values[one] - standing[one]))
    again: list[int] = []
    for one in farthest:
        off = abs(values[one] - standing[one])
        must = one in bound or standing[one] > curves[one].q_high + _MISSED or off >= far
        if off >= least and (must or abs(mean_quality(curves, standing) - target) > near):
            standing[one] = values[one]
            again.append(one)
    return tuple(sorted(again))


def evened(
    curves: Sequence[Curve], scores: Sequence[float], floors: Sequence[float], band: tuple[float, float]
) -> dict[int, float]:
    """Where every chunk is searched to its floor and ended near it: those that are worth one more encode, with the q's.

    A programme looks as good as its worst shot, counted from its floor. What that one is brought to is a matter of
    bytes: chunks that lie below are encoded finer, and those above, which buy nothing, coarser where that saves as much
    as an encode must (near is not near enough where one chunk has five times the bytes of the others). A point more is
    worth what it costs all chunks together. Few are made finer, and none is brought above `band` or, by a coarser
    encode, below it: how far from their floors chunks may lie."""
    if len(curves) < 2:
        return {}
    over = [score - floor for score, floor in zip(scores, floors, strict=True)]
    least, most = _DEAR * sum(curve.bytes for curve in curves) / len(curves), ceil(_LIFTED * len(curves))
    best, found, worst = 0.0, dict[int, float](), min(*over, band[1])
    for level in sorted({min(one, band[1]) for one in over}):
        below = {place for place, one in enumerate(over) if one < level}
        wanted = [floor + (level if place in below else max(level, band[0])) for place, floor in enumerate(floors)]
        values = [_reaching(*one) for one in zip(curves, scores, wanted, strict=True)]
        if len(below) > most or any(values[place] < curves[place].q_low for place in below):
            break
        saved = [curve.bytes - curve.bytes_at(q) for curve, q in zip(curves, values, strict=True)]
        again = [place for place, one in enumerate(saved) if place in below or one >= least]
        gain = _point(curves, scores) * (level - worst) + sum(saved[place] - least for place in again)
        if gain > best:
            best, found = gain, {place: values[place] for place in again}
    return found


def _point(curves: Sequence[Curve], scores: Sequence[float]) -> float:
    """Bytes that one more point of score costs all chunks together."""
    lost = [max(100 - score, _LEAST_LOSS) for score in scores]
    return sum(one.bytes / one.halving * one.doubling / loss for one, loss in zip(curves, lost, strict=True))


def _reaching(curve: Curve, score: float, wanted: float) -> float:
    """The q at which the curve meets another score than that of the trial it runs through."""
    return curve.q + curve.doubling * (_lacking(wanted) - _lacking(score))


def mean_quality(curves: Sequence[Curve], values: Sequence[float]) -> float:
    """Mean VMAF over all frames if the chunks were encoded with these values."""
    frames = sum(curve.frames for curve in curves)
    return 100 - sum(one.frames * one.loss_at(q) for one, q in zip(curves, values, strict=True)) / frames


def _dearness(curve: Curve, q: float) -> float:
    """VMAF · frames lost per byte saved by the next step."""
    return curve.frames * curve.loss_at(q) / curve.doubling / (curve.bytes_at(q) / curve.halving)


def _step(slope: float, bounds: tuple[float, float]) -> float:
    """Units of q per doubling, within the bounds; what does not rise is not believed."""
    return bounds[1] if slope <= 1 / bounds[1] else max(1 / slope, bounds[0])


def _grid(curve: Curve, q: float, step: float) -> float:
    """The nearest multiple inside the range; the floor itself is one that was tried."""
    if q >= curve.q_high - step / 2:
        return curve.q_high
    finest = ceil(curve.q_low / step - 1e-9) * step
    return min(max(round(q / step) * step, finest), curve.q_high)
