"""Pieces of a line that repeat the line above: how a deck's dropout compensator hides what the head lost.

Where the line above and the place itself differed before and afterwards, they still should; in a copy they do not. Per
sample this is the likelihood ratio of two means, that of the fields before and after against none, under the noise that
those two fields show between them; along the line it is summed, and the piece is the run with the greatest sum (Page,
"Continuous inspection schemes", 1954; the search for start and end is Bentley's). Means that noise could make count
for nothing, so that a copy that does no harm is left alone, and so is what moves. A copy stands alone: the lines
above, which it repeats, and below are what they were.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.metrics.dropoutsigns import Seen

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
_SURE = 3.0
"""Logarithm of the likelihood ratio of a whole copy."""
_LIKELY, _WINDOW, _NEARER, _STANDS = 0.6, 9, 0.75, 2.0
"""Share of the samples in a window that must speak for a copy on a line that is looked at: that step by less than this
share of what they did, and differ from before and after by so many codes more than those above."""
_SHORTEST, _LONGEST, _HIGHEST, _PER_LINE = 10, 200, 3, 6
"""Samples (15 µs at most: longer is an edge that moved) and lines of a copy, and copies of a line."""
_HARM, _ALONE, _CLOSER = 5.0, 2.2, 0.4
"""Mean codes by which a copy differs from the fields before and after; that against the lines beside it, at least; and
the difference to the line above against that, at most."""
_RESTS = 5.0
"""Mean codes between the fields before and after, at most: a camera that shakes for a field copies nothing."""
_GROWN, _SEEN = 24, 4.0
"""Samples by which a copy may go on at either end, and codes by which it must differ there."""


class Copy(NamedTuple):
    """A run of samples that repeats the line above."""

    line: int
    start: int
    stop: int
    sure: float
    """Logarithm of its likelihood ratio."""


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
    copies = list(_runs(seen, _promising(seen)))
    if not copies:
        return mask
    for piece in _stacked(copies):
        first = piece[0].line - 1
        seen_there = _Nearby(*(field[first : piece[-1].line + 2].astype(np.float32) for field in seen.smooth))
        if _harmful(piece, seen_there):
            for number, one in enumerate(piece):
                _enter(mask, one, seen_there.off[number + 1], seen_there.steps[number])
    return mask


def _promising(seen: Seen) -> NDArray[np.intp]:
    """Lines on which many samples in a row are like those above and were not: few, found in whole codes."""
    now, before, after = seen.smooth
    mean = cv2.addWeighted(before, 0.5, after, 0.5, 0)
    usual, own = (cv2.absdiff(field[1:], field[:-1]) for field in (mean, now))
    least = cv2.convertScaleAbs(seen.change[1:], alpha=_SPREAD * _DOUBT, beta=_ROUNDING * _DOUBT + 1)
    alike = cv2.compare(cv2.convertScaleAbs(usual, alpha=_NEARER), own, cv2.CMP_GT)
    off = cv2.absdiff(now, mean)
    alone = cv2.compare(off[1:], cv2.add(off[:-1], _STANDS), cv2.CMP_GT)
    speaks = cv2.bitwise_and(cv2.bitwise_and(cv2.compare(usual, least, cv2.CMP_GT), alike), alone)
    count = np.asarray(cv2.reduce(speaks, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S))[:, 0]
    some = np.flatnonzero(count >= 255 * _SHORTEST)
    if not len(some):
        return some
    crowd = cv2.blur(speaks[some], (_WINDOW, 1)).max(axis=1)
    return np.asarray(some[crowd >= 255 * _LIKELY] + 1, np.intp)


def _runs(seen: Seen, lines: NDArray[np.intp]) -> Iterator[Copy]:
    """Runs of a likelihood ratio of `_SURE` and more on these lines."""
    if not len(lines):
        return
    own, *others = (cv2.subtract(field[lines], field[lines - 1], dtype=cv2.CV_32F) for field in seen.smooth)
    mean, deviation = cv2.addWeighted(others[0], 0.5, others[1], 0.5, 0), seen.change[lines] * _SPREAD + _ROUNDING
    sure = np.copysign(cv2.max(np.abs(mean) - deviation * _DOUBT - 1, 0.0), mean)
    ratio = sure * (sure - 2 * own) / (2 * deviation * deviation) - _RARE
    ratio = np.clip(ratio, -2 * _MOST, _MOST, out=ratio) / _ALIKE
    enough = np.asarray(cv2.reduce(cv2.max(ratio, 0.0), 1, cv2.REDUCE_SUM))[:, 0] >= _SURE
    for line, row in zip(lines[enough].tolist(), ratio[enough], strict=True):
        for start, stop, total in _best_runs(row):
            if _SHORTEST <= stop - start <= _LONGEST:
                yield Copy(line, start, stop, total)


def _best_runs(row: Floats) -> Iterator[tuple[int, int, float]]:
    """Start, stop and sum of the runs with the greatest sums, apart from each other."""
    row = row.copy()
    for _ in range(_PER_LINE):
        climbed = np.concatenate([[0], np.cumsum(row, dtype=np.float64)])
        gained = climbed - np.minimum.accumulate(climbed)
        stop = int(gained.argmax())
        if gained[stop] < _SURE:
            return
        start = int(np.argmin(climbed[:stop]))
        yield start, stop, float(gained[stop])
        row[start:stop] = -_MOST


def _stacked(copies: list[Copy]) -> list[list[Copy]]:
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


def _harmful(piece: list[Copy], there: _Nearby) -> bool:
    """Whether a copy differs from the fields before and after while what is beside it does not, and those agree."""
    box = slice(min(one.start for one in piece), max(one.stop for one in piece))
    lines = slice(1, len(piece) + 1)
    harm = float(there.off[lines, box].mean())
    above = float(there.off[0, box].mean())
    below = float(there.off[lines.stop :, box].mean()) if len(there.off) > lines.stop else 0.0
    differs = float(there.steps[: len(piece), box].mean())
    agree = float(there.apart[lines, box].mean()) < min(harm, _RESTS)
    return agree and harm > _HARM and harm > _ALONE * max(above, below) and differs < _CLOSER * harm


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
