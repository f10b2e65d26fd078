"""Runs of samples along lines, and the pieces that runs on lines under each other make.

A field has few runs that are long enough to be looked at; pieces are put together from their ends, which takes half as
long as labelling the samples of the field.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint8]
Numbers = NDArray[np.intp]
Mask = NDArray[np.bool_]


class Runs(NamedTuple):
    """Runs of a mask in the order of lines and samples, each array `(n,)`."""

    line: Numbers
    start: Numbers
    stop: Numbers


class Pieces(NamedTuple):
    """Pieces of a mask in the order of their first runs, each array `(n,)`."""

    left: Numbers
    top: Numbers
    width: Numbers
    height: Numbers
    first: Numbers
    """The first run of each."""
    runs: Runs
    """Those of one piece after those of the other."""

    def inside(self, number: int) -> Mask:
        """Shape `(height, width)` of one."""
        made = np.zeros((int(self.height[number]), int(self.width[number])), np.bool_)
        last = self.first[number + 1] if number + 1 < len(self.first) else len(self.runs.line)
        left, top = self.left[number], self.top[number]
        for line, start, stop in zip(*(one[self.first[number] : last].tolist() for one in self.runs), strict=True):
            made[line - top, start - left : stop - left] = True
        return made

    def samples(self, width: int) -> tuple[Numbers, Numbers]:
        """Places of the samples of all pieces in a field so wide, line after line, and where those of each begin."""
        length = self.runs.stop - self.runs.start
        begins = np.cumsum(length) - length
        place = self.runs.line * width + self.runs.start - begins
        return np.arange(int(length.sum())) + np.repeat(place, length), begins[self.first]


def slender(mask: Codes, shortest: int, highest: int, slenderness: int) -> Pieces:
    """The pieces of a mask (H, W; 0 or 255) that are at most `highest` lines high and at least `slenderness` times as
    long, made of runs of `shortest` samples and more that touch, by their corners too."""
    runs = long_runs(mask, shortest)
    piece = pieces_of(runs, mask.shape[1])
    order = np.argsort(piece, kind="stable")
    ordered = Runs(*(one[order] for one in runs))
    firsts = np.flatnonzero(np.diff(piece[order], prepend=-1))
    if not len(firsts):
        return Pieces(firsts, firsts, firsts, firsts, firsts, runs)
    left, right = np.minimum.reduceat(ordered.start, firsts), np.maximum.reduceat(ordered.stop, firsts)
    top, height = ordered.line[firsts], np.maximum.reduceat(ordered.line, firsts) + 1 - ordered.line[firsts]
    kept = (height <= highest) & (right - left >= slenderness * height)
    count = np.diff(np.append(firsts, len(order)))
    own = np.repeat(kept, count)
    first = np.cumsum(count[kept]) - count[kept]
    return Pieces(
        left[kept], top[kept], (right - left)[kept], height[kept], first, Runs(*(one[own] for one in ordered))
    )


def long_runs(mask: Codes, shortest: int) -> Runs:
    """The runs of `shortest` samples and more; of those that reach an end of their line a little more than half is
    enough, for the rest may lie beyond it."""
    width = mask.shape[1]
    count = np.asarray(cv2.reduce(mask, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S))[:, 0]
    lines = np.flatnonzero(count >= 255 * shortest)
    # With an empty sample at both ends of every line each run has a beginning and an end.
    bordered = np.zeros((len(lines), width + 2), np.uint8)
    bordered[:, 1:-1] = mask[lines]
    edges = np.flatnonzero(bordered.reshape(-1)[1:] != bordered.reshape(-1)[:-1])
    (row, start), stop = np.divmod(edges[0::2], width + 2), edges[1::2] % (width + 2)
    length = stop - start
    ends = ((start == 0) | (stop == width)) & (length > shortest // 2)
    kept = (length >= shortest) | ends
    return Runs(lines[row[kept]], start[kept], stop[kept])


def pieces_of(runs: Runs, width: int) -> Numbers:
    """For every run the number of the first run of its piece `(n,)`."""
    piece = np.arange(len(runs.line))
    place = runs.line * (width + 2)
    # Runs of the next line that end where this one begins or later, up to the last that begins where it ends.
    first = np.searchsorted(place + runs.stop, place + width + 2 + runs.start, side="left")
    last = np.searchsorted(place + runs.start, place + width + 2 + runs.stop, side="right")
    touched = np.maximum(last - first, 0)
    if not touched.any():
        return piece
    upper = np.repeat(piece, touched)
    lower = np.arange(len(upper)) - np.repeat(np.cumsum(touched) - touched, touched) + np.repeat(first, touched)
    while True:
        least, before = np.minimum(piece[upper], piece[lower]), piece.copy()
        np.minimum.at(piece, upper, least)
        np.minimum.at(piece, lower, least)
        piece = piece[piece]
        if np.array_equal(piece, before):
            return piece
