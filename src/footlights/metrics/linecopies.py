"""Pieces of a line that repeat the line above: how a deck's dropout compensator hides what the head lost.

Where the line above and the place itself differ before and afterwards, along the motion, they still should; in a copy
they do not. Per sample this is the likelihood ratio of two means, that of the fields before and after against none,
under the noise that those two fields show between them; along the line it is summed, and the piece is the run with the
greatest sum (Page, "Continuous inspection schemes", 1954; the search for start and end is Bentley's). Such runs are
many where things move; which are copies is decided by a weighted sum of what is seen of them, and of what the other
field of the frame shows there (`witness`). The weights are those of a logistic regression on runs of simulated tapes of
the training clips (`heavy` and `vhs`, and strobes without any), counted by their area.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import log
from operator import mul
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.metrics.dropoutsigns import Seen
from footlights.metrics.witness import Witness, witnessed

Codes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

_SPREAD, _ROUNDING = 1.0, 1.0
"""Standard deviation of a difference of lines against that of the fields before and after, in mean changes between
those, and codes added for what rounding and the codec do."""
_DOUBT = 0.9
"""Standard deviations, and a code, by which a mean is taken to be smaller than it is seen: noise makes it larger."""
_RARE = 0.08
"""What each sample of a line is against being a copy."""
_MOST, _ALIKE = 4.0, 6.0
"""Bound of one sample's likelihood ratio, and samples that tell the same: the mean along the line and the codec make
them alike."""
_SURE = 1.5
"""Logarithm of the likelihood ratio of a whole run that is looked at."""
_LIKELY, _WINDOW, _NEARER, _STANDS = 0.5, 9, 0.75, 1.0
"""Share of the samples in a window that must speak for a copy on a line that is looked at: that step by less than this
share of what they did, and differ from before and after by so many codes more than those above."""
_LONGEST, _HIGHEST, _PER_LINE = 200, 3, 6
"""Samples (15 µs: longer is an edge that moved) and lines of a copy at most, and copies of a line."""
_ALONE = 1.5
"""How many times what the line above differs a copy differs from the fields before and after, at least."""
_CLOSER = 0.4
"""Share of the difference to the fields before and after that the difference to the line above may be where a copy goes
on."""
_CROWD, _MANY = 12, 2
"""Lines over and under a copy in which others are counted, and others that are too many."""
_LITTLE = 0.5
"""Codes that are added before logarithms are taken."""
_BEYOND = (3, 12)
"""Samples beyond either end of a copy between which is looked at how the lines differ there."""
_GROWN, _SEEN = 24, 4.0
"""Samples by which a copy may go on at either end, and codes by which it must differ there."""


class Least(NamedTuple):
    """What a run must have to be looked at."""

    samples: int
    odds: float
    """By its signs alone."""


_ALONE_TOLD, _WORTH = Least(12, 0.0), Least(10, -10.0)
"""Where nothing else is asked, and where the other field of the frame is."""


class Copy(NamedTuple):
    """A run of samples that repeats the line above."""

    line: int
    start: int
    stop: int
    sure: float
    """Logarithm of its likelihood ratio."""


class Signs(NamedTuple):
    """What is seen of a copy; all but the last are logarithms of codes in units of noise."""

    harm: float
    """Mean difference to the fields before and after."""
    least: float
    """Least difference."""
    above: float
    """Mean difference of the line above to those fields."""
    differs: float
    """Mean difference to the line above."""
    apart: float
    """Mean difference between the fields before and after."""
    beyond_differs: float
    """Mean difference to the line above beyond the ends."""
    beyond_harm: float
    """Mean difference to the fields before and after beyond the ends."""
    still: float
    """Mean difference to the fields before and after where nothing is moved."""
    height: float
    """Lines."""


WEIGHTS = Signs(
    harm=5.4,
    least=-1.23,
    above=1.13,
    differs=-4.55,
    apart=-3.4,
    beyond_differs=1.07,
    beyond_harm=-2.01,
    still=1.53,
    height=0.86,
)
BIAS = -14.0
"""Fitted by the runs alone, and a half; 0 parts what is likelier a copy from what is not."""


WITNESSED = Signs(
    harm=3.05,
    least=-0.76,
    above=-0.29,
    differs=-2.32,
    apart=-2.55,
    beyond_differs=0.43,
    beyond_harm=-0.63,
    still=0.65,
    height=0.04,
)
WITNESS = Witness(own=2.44, usual=-1.32, same=3.02)
WITNESSED_BIAS = -11.7
"""The same where the other field of the frame is asked: fitted anew, on clean tapes too, and a half less."""


class _Nearby:
    """The lines of copies, that above and that below, as they are and in the fields before and after `(n, W)`."""

    def __init__(self, now: Floats, before: Floats, after: Floats) -> None:
        self.off = np.abs(now * 2 - before - after) / 2
        """Codes by which every sample differs from before and after."""
        self.apart = np.abs(before - after)
        """Codes by which those differ from each other."""
        self.steps = np.abs(now[1:] - now[:-1])
        """Codes by which each line differs from the one above it, `(n - 1, W)`."""


def find_copies(seen: Seen) -> Mask:
    """Copies in the field that is looked at, (H, W)."""
    now = seen.smooth[0]
    mask = np.zeros(now.shape, np.bool_)
    least = _ALONE_TOLD if seen.beside is None else _WORTH
    copies = list(_runs(seen, _promising(seen, least), least))
    if not copies:
        return mask
    likely = []
    for piece in stacked(copies):
        first = piece[0].line - 1
        there = _Nearby(*(field[first : piece[-1].line + 2].astype(np.float32) for field in seen.smooth))
        if _alone(piece, there) and _told(piece, there, seen, least):
            likely.append((piece, there))
    lone = _lone([piece for piece, _ in likely])
    for piece, there in (one for one, alone in zip(likely, lone, strict=True) if alone):
        for number, one in enumerate(piece):
            _enter(mask, one, there.off[number + 1], there.steps[number])
    return mask


def _told(piece: list[Copy], there: _Nearby, seen: Seen, least: Least) -> bool:
    """Whether a run is likelier a copy than not, by its signs and by what the other field of the frame says."""
    found = signs(piece, there, seen)
    if odds(found) <= least.odds:
        return False
    if seen.beside is None:
        return True
    place = np.s_[piece[0].line : piece[-1].line + 1, min(one.start for one in piece) : max(one.stop for one in piece)]
    inside = np.zeros([one.stop - one.start for one in place], np.bool_)
    for row, one in zip(inside, piece, strict=True):
        row[one.start - place[1].start : one.stop - place[1].start] = True
    said = witnessed(place, inside, seen.fields, seen.beside, seen.sigma)
    return WITNESSED_BIAS + sum(map(mul, WITNESSED, found)) + sum(map(mul, WITNESS, said)) > 0


def _lone(pieces: list[list[Copy]]) -> list[bool]:
    """Whether few others lie over or under a copy: a thing that passes and is seen in one field only hides detail on
    many lines."""

    def near(one: list[Copy], other: list[Copy]) -> bool:
        return abs(one[0].line - other[0].line) <= _CROWD and any(
            a.start < b.stop and b.start < a.stop for a in one for b in other
        )

    return [sum(near(one, other) for other in pieces) - 1 < _MANY for one in pieces]


def _promising(seen: Seen, least: Least) -> NDArray[np.intp]:
    """Lines on which many samples in a row are like those above and were not: few, found in whole codes."""
    now, before, after = seen.smooth
    mean = cv2.addWeighted(before, 0.5, after, 0.5, 0)
    usual, own = (cv2.absdiff(field[1:], field[:-1]) for field in (mean, now))
    doubt = cv2.convertScaleAbs(seen.change[1:], alpha=_SPREAD * _DOUBT, beta=_ROUNDING * _DOUBT + 1)
    alike = cv2.compare(cv2.convertScaleAbs(usual, alpha=_NEARER), own, cv2.CMP_GT)
    off = cv2.absdiff(now, mean)
    alone = cv2.compare(off[1:], cv2.add(off[:-1], _STANDS), cv2.CMP_GT)
    speaks = cv2.bitwise_and(cv2.bitwise_and(cv2.compare(usual, doubt, cv2.CMP_GT), alike), alone)
    count = np.asarray(cv2.reduce(speaks, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S))[:, 0]
    some = np.flatnonzero(count >= 255 * least.samples)
    if not len(some):
        return some
    crowd = cv2.blur(speaks[some], (_WINDOW, 1)).max(axis=1)
    return np.asarray(some[crowd >= 255 * _LIKELY] + 1, np.intp)


def _runs(seen: Seen, lines: NDArray[np.intp], least: Least) -> Iterator[Copy]:
    """Runs of a likelihood ratio that is enough on these lines."""
    if not len(lines):
        return
    own, *others = (cv2.subtract(field[lines], field[lines - 1], dtype=cv2.CV_32F) for field in seen.smooth)
    mean, deviation = cv2.addWeighted(others[0], 0.5, others[1], 0.5, 0), seen.change[lines] * _SPREAD + _ROUNDING
    sure = np.copysign(cv2.max(np.abs(mean) - deviation * _DOUBT - 1, 0.0), mean)
    ratio = sure * (sure - 2 * own) / (2 * deviation * deviation) - _RARE
    ratio = np.clip(ratio, -2 * _MOST, _MOST, out=ratio) / _ALIKE
    enough = np.asarray(cv2.reduce(cv2.max(ratio, 0.0), 1, cv2.REDUCE_SUM))[:, 0] >= _SURE
    some = lines[enough].tolist()
    for row, start, stop, total in best_runs(ratio[enough]):
        if least.samples <= stop - start <= _LONGEST:
            yield Copy(some[row], start, stop, total)


def best_runs(ratio: Floats) -> Iterator[tuple[int, int, int, float]]:
    """Row, start, stop and sum of the runs with the greatest sums of every row, apart from each other; a row whose best
    is too little is looked at no further. What was found is struck out."""
    rows = np.arange(len(ratio))
    for _ in range(_PER_LINE):
        climbed = np.zeros((len(rows), ratio.shape[1] + 1))
        np.cumsum(ratio[rows], axis=1, dtype=np.float64, out=climbed[:, 1:])
        gained = climbed - np.minimum.accumulate(climbed, axis=1)
        stops = gained.argmax(axis=1)
        totals = gained[np.arange(len(rows)), stops]
        sure = np.flatnonzero(totals >= _SURE)
        for one in sure.tolist():
            stop = int(stops[one])
            start = int(np.argmin(climbed[one, :stop]))
            yield int(rows[one]), start, stop, float(totals[one])
            ratio[rows[one], start:stop] = -_MOST
        rows = rows[sure]
        if not len(rows):
            return


def stacked(copies: list[Copy]) -> list[list[Copy]]:
    """Copies that lie under each other and share half of the longer, together: the line below a copy often shows a
    short run, for it steps away from what is not there."""
    pieces: list[list[Copy]] = []
    for one in sorted(copies):
        for piece in pieces:
            last = piece[-1]
            shared = min(one.stop, last.stop) - max(one.start, last.start)
            if one.line == last.line + 1 and 2 * shared > max(one.stop - one.start, last.stop - last.start):
                piece.append(one)
                break
        else:
            pieces.append([one])
    return [piece for piece in pieces if len(piece) <= _HIGHEST]


def _alone(piece: list[Copy], there: _Nearby) -> bool:
    """Whether a copy differs from the fields before and after by clearly more than the line above it."""
    inner = slice(min(one.start for one in piece), max(one.stop for one in piece))
    own, above = there.off[1 : len(piece) + 1, inner].mean(), there.off[0, inner].mean()
    return float(own) + _LITTLE > _ALONE * (float(above) + _LITTLE)


def odds(signs: Signs) -> float:
    """Logarithm of the odds that a run is a copy."""
    return BIAS + sum(map(mul, WEIGHTS, signs))


def signs(piece: list[Copy], there: _Nearby, seen: Seen) -> Signs:
    """All signs of a copy of one or more lines."""
    start, stop = min(one.start for one in piece), max(one.stop for one in piece)
    inner, lines, steps = slice(start, stop), slice(1, len(piece) + 1), there.steps[: len(piece)]
    nearest, furthest = _BEYOND
    width = there.off.shape[1]
    beside = (start - furthest, start - nearest), (stop + nearest, stop + furthest)
    beyond = np.concatenate([np.arange(*np.clip(one, 0, width)) for one in beside])
    if not len(beyond):  # a run along the whole line has nothing beside it to be told from
        beyond = np.arange(width)
    place = np.s_[piece[0].line : piece[-1].line + 1, inner]
    now, before, after = (field[place].astype(np.float32) for field in (seen.smooth[0], *seen.unmoved))

    def sign(codes: Floats) -> float:
        return log((float(codes.mean()) + _LITTLE) / seen.unit)

    return Signs(
        harm=sign(there.off[lines, inner]),
        least=sign(there.off[lines, inner].min()),
        above=sign(there.off[0, inner]),
        differs=sign(steps[:, inner]),
        apart=sign(there.apart[lines, inner]),
        beyond_differs=sign(steps[:, beyond]),
        beyond_harm=sign(there.off[lines, beyond]),
        still=sign(np.abs(now * 2 - before - after) / 2),
        height=float(len(piece)),
    )


def _enter(mask: Mask, copy: Copy, off: Floats, steps: Floats) -> None:
    """Mark a copy, and what goes on at its ends while it differs from the fields before and after, not from the line
    above."""
    first, last = max(copy.start - _GROWN, 0), min(copy.stop + _GROWN, len(off))
    fits = (off[first:last] > _SEEN) & (steps[first:last] < _CLOSER * off[first:last])
    fits[copy.start - first : copy.stop - first] = True
    gaps = np.flatnonzero(~fits)
    left, right = gaps[gaps < copy.start - first], gaps[gaps >= copy.stop - first]
    start = first + (int(left[-1]) + 1 if len(left) else 0)
    stop = first + (int(right[0]) if len(right) else last - first)
    mask[copy.line, start:stop] = True
