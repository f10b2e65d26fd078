"""Pieces of a line that repeat the line above with all its noise: what a deck's compensator leaves on tapes that no
codec has smoothed since.

Two lines of a tape never carry the same noise unless one is a copy of the other. Per sample this is the likelihood
ratio of two deviations of the step from the line above: a small share of that of the steps some lines further up and
down, whichever is less, against the whole; along the line it is summed, and a piece is the run with the greatest sum.
What is a copy is decided by a weighted sum of what is seen of a run; the weights are those of a logistic regression on
runs of simulated tapes of the training clips (`heavy` and `vhs`), counted by their area. Flat places without noise
repeat by themselves: a field that is not noisy nearly everywhere is left to `linecopies`, as are tapes that were coded.

Steps are taken after a mean over seven samples weighted as a triangle, which takes away the subcarrier and leaves
noise below 2 MHz, at every third sample.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import log
from operator import mul
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.metrics.dropoutsigns import Seen, mean_of
from footlights.metrics.linecopies import Copy, best_runs, stacked

Codes = NDArray[np.uint8]
Sums = NDArray[np.uint16]
Shorts = NDArray[np.int16]
Mask = NDArray[np.bool_]

_EACH, _UNITS = 3, 16
"""Every third sample is looked at; steps are in sixteenths of a code."""
_TRIANGLE = np.array([[1, 2, 3, 4, 3, 2, 1]], np.float32)
_AROUND, _FAR = (5, 3), 4
"""Samples and lines over which steps are averaged, and how many lines further up and down that is done."""
_DEVIATION = 1.25 / (_AROUND[0] * _AROUND[1] * _UNITS)
"""Codes of standard deviation for each sixteenth of the sum of steps around."""
_LEAST, _EVERYWHERE, _EDGE = 1.3, 0.95, 6
"""Deviation in codes from which there is noise that can be repeated, the share of a field that must have it, and
samples at either side that say nothing of it."""
_QUIET, _WINDOW = 0.25, 4
"""Share of the deviation below which a step speaks for a repeat, and how many samples in a row must."""
_SEEN, _HARM = 7, 3
"""Codes by which such a place differs from the fields before and after, somewhere and in the mean."""
_SHARE, _ROUNDING = 0.15, 0.25
"""Deviation of a repeat's steps as a share of those around, and in codes at least."""
_RARE, _AGAINST, _QUIETER, _ALIKE = 0.75, 4.0, 1.8, 1.67
"""What each sample is against being a repeat, the least and the greatest of one sample's likelihood ratio (the
logarithm of how many times less a repeat steps), and samples that tell the same."""
_SURE, _CORE = 1.5, 6
"""Logarithm of the likelihood ratio of a run, and samples within which it is reached."""
_LONGEST = 70
"""Samples: 15 µs."""
_ALONG = 0.3
"""Mean step along the line, in units of the noise of a step, that a repeat has at least: what is clipped or flat
carries no noise."""
_END = 2
"""Samples that the mean over seven hides at either end of a repeat."""
_SMALLEST = (32, 96)
"""Lines and samples of a field that can be judged."""
_LITTLE = 0.5
"""Codes that are added before logarithms are taken."""


class Signs(NamedTuple):
    """What is seen of a repeat; all but the last two are logarithms of codes in units of the noise of a step."""

    harm: float
    """Mean difference to the fields before and after."""
    most: float
    """Greatest difference."""
    above: float
    """Mean difference of the line above to those fields."""
    below: float
    """Mean difference of the line below."""
    same: float
    """Mean step from the line above."""
    near: float
    """Mean step between the lines around."""
    unit: float
    """Logarithm of the noise of a step, in codes."""
    sure: float
    """Logarithm of the logarithm of the likelihood ratio."""


WEIGHTS = Signs(harm=1.37, most=1.72, above=-1.52, below=-1.07, same=-4.82, near=2.57, unit=-4.23, sure=1.81)
BIAS = -6.94
"""Half less than fitted; 0 parts what is likelier a repeat from what is not."""


class Steps(NamedTuple):
    """A field at every third sample."""

    fine: Shorts
    """Smoothed luma in sixteenths of a code, `(H, W)`."""
    own: Codes
    """Sixteenths by which every line differs from the one above it, `(H - 1, W)`."""
    around: Sums
    """Sum of the steps some lines further up or down, whichever is less."""
    off: Codes
    """Codes by which a sample differs from the fields before and after, `(H, W)`."""


def find_repeats(seen: Seen, known: Mask) -> Mask:
    """Repeats in the field that is looked at, (H, W), apart from what is `known`: a streak that is cut off at white
    repeats as well."""
    mask: Mask = np.zeros_like(known)
    height, width = known.shape
    if height < _SMALLEST[0] or width < _SMALLEST[1]:
        return mask
    there = steps_of(seen)
    for piece in pieces(there):
        wide = [(one.line, slice(max(one.start * _EACH - _END, 0), one.stop * _EACH + _END)) for one in piece]
        if any(known[place].any() for place in wide):
            continue
        if _carries_noise(piece, there) and odds(signs(piece, there)) > 0:
            for place in wide:
                mask[place] = True
    return mask


def steps_of(seen: Seen) -> Steps:
    """The steps of the field that is looked at."""
    thin = np.s_[:, _EACH // 2 :: _EACH]
    fine = np.ascontiguousarray(cv2.filter2D(seen.fields[0], cv2.CV_16S, _TRIANGLE)[thin])
    own = cv2.convertScaleAbs(cv2.subtract(fine[1:], fine[:-1]))
    total = cv2.boxFilter(own, cv2.CV_16U, _AROUND, normalize=False)
    around = np.empty_like(total)
    cv2.min(total[: -2 * _FAR], total[2 * _FAR :], dst=around[_FAR:-_FAR])
    around[:_FAR], around[-_FAR:] = total[_FAR : 2 * _FAR], total[-2 * _FAR : -_FAR]
    now, before, after = (np.ascontiguousarray(one[thin]) for one in seen.smooth)
    off = cv2.absdiff(now, cv2.addWeighted(before, 0.5, after, 0.5, 0))
    return Steps(
        np.asarray(fine, np.int16), np.asarray(own, np.uint8), np.asarray(around, np.uint16), np.asarray(off, np.uint8)
    )


def pieces(there: Steps) -> list[list[Copy]]:
    """Runs that may be repeats, those under each other together; samples are counted in thirds."""
    return stacked(list(_runs(there, _promising(there))))


def _promising(there: Steps) -> NDArray[np.intp]:
    """Lines on which some samples in a row step by next to nothing and differ from before and after."""
    noisy = cv2.compare(there.around, _LEAST / _DEVIATION, cv2.CMP_GE)
    inner = noisy[:, _EDGE:-_EDGE]
    if cv2.countNonZero(inner) < _EVERYWHERE * inner.size:
        return np.zeros(0, np.intp)
    least = cv2.convertScaleAbs(there.around, alpha=_QUIET * _DEVIATION * _UNITS)
    quiet = cv2.bitwise_and(noisy, cv2.compare(there.own, least, cv2.CMP_LE))
    off, row = there.off[1:], np.ones((1, _WINDOW), np.uint8)
    some = cv2.compare(cv2.dilate(off, row), _SEEN, cv2.CMP_GE)
    mean = cv2.compare(cv2.boxFilter(off, cv2.CV_16U, (_WINDOW, 1), normalize=False), _HARM * _WINDOW, cv2.CMP_GE)
    told = np.asarray(cv2.bitwise_and(cv2.erode(quiet, row), cv2.bitwise_and(some, mean)), np.uint8)
    return np.flatnonzero(told.any(axis=1)) + 1


def _runs(there: Steps, lines: NDArray[np.intp]) -> Iterator[Copy]:
    """Runs of a likelihood ratio of `_SURE` and more on these lines."""
    if not len(lines):
        return
    own = there.own[lines - 1].astype(np.float32)
    least = np.maximum(there.around[lines - 1] * np.float32(_SHARE * _DEVIATION), _ROUNDING) * np.float32(_UNITS)
    share = own / least
    ratio = np.clip(_QUIETER - 0.5 * share * share, -_AGAINST, None) / np.float32(_ALIKE) - np.float32(_RARE)
    enough = np.asarray(cv2.boxFilter(ratio, -1, (_CORE, 1), normalize=False)).max(axis=1) >= _SURE
    some = lines[enough].tolist()
    for row, start, stop, total in best_runs(ratio[enough]):
        if stop - start <= _LONGEST:
            yield Copy(some[row], start, stop, total)


def _carries_noise(piece: list[Copy], there: Steps) -> bool:
    one = piece[0]
    along = cv2.absdiff(
        *(there.fine[one.line, start : start + one.stop - one.start - 1] for start in (one.start, one.start + 1))
    )
    around = there.around[one.line - 1, one.start : one.stop]
    return mean_of(along) / _UNITS >= _ALONG * mean_of(around) * _DEVIATION


def odds(signs: Signs) -> float:
    """Logarithm of the odds that a run is a repeat."""
    return BIAS + sum(map(mul, WEIGHTS, signs))


def signs(piece: list[Copy], there: Steps) -> Signs:
    """All signs of a repeat of one or more lines."""
    line, below = piece[0].line, piece[-1].line + 1
    start, stop = min(one.start for one in piece), max(one.stop for one in piece)
    inner = slice(start, stop)
    # The mean over seven samples mixes what lies beyond the ends into the outermost.
    core = slice(start + 1, stop - 1) if stop - start > _EACH else inner
    unit = mean_of(there.around[line - 1 : below - 1, inner]) * _DEVIATION + 0.1
    near = [one for one in (line - 4, line - 3, below - 1, below) if 0 <= one < len(there.own)]

    def sign(codes: NDArray[np.uint8], scale: int = 1) -> float:
        return log((mean_of(codes) / scale + _LITTLE) / unit)

    off = there.off
    return Signs(
        harm=sign(off[line:below, inner]),
        most=log((int(off[line:below, inner].max()) + _LITTLE) / unit),
        above=sign(off[line - 1, inner]),
        below=sign(off[min(below, len(off) - 1), inner]),
        same=sign(there.own[line - 1 : below - 1, core], _UNITS),
        near=sign(there.own[near, inner], _UNITS),
        unit=log(unit),
        sure=log(sum(one.sure for one in piece)),
    )
