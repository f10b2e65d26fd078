"""What tells a dropout from a thing that moves: signs of a piece of a field that lies outside of its neighbours in
time, and how much each counts.

The weights are those of a logistic regression on pieces of simulated tapes of the training clips (`heavy` and `vhs`, a
third of them under strobes), counted by their area; the clips on which the figures in benchmarks/README.md were taken
are others.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from operator import mul
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.metrics.witness import Witness, witnessed

Codes = NDArray[np.uint8]
Floats = NDArray[np.float32]

_RING = (3, 2)
"""Lines above and below a piece that are its surroundings: from the third to the second."""
_CROWD = (100, 20)
"""Samples and lines around a piece in which others are counted."""
_SHOWN = 96
"""Samples of a piece that are looked for in the other fields, at most."""
_FRAME, _REACH = (6, 2), (16, 8)
"""Samples and lines around the piece that are looked for with it, and by which it may have moved."""
_LITTLE = 0.3
"""Codes that are added before logarithms are taken."""
_OWN = 0.3
"""Share of its excess that a piece must keep against all that lies near it in the fields before and after: an edge that
trembles by less than a line keeps none."""
_NEAR = np.ones((5, 5), np.uint8)
_SHORTEST = 5
"""Samples of a streak, at least."""
_SAME = 0.3
"""Share of a piece that a match must leave unexplained: with less left it is the same thing, which moved."""


class Piece(NamedTuple):
    """A piece of a field that lies outside of both neighbours in time."""

    left: int
    top: int
    width: int
    height: int
    inside: NDArray[np.bool_]
    """(height, width)"""
    above: bool
    """It is brighter than both, else darker."""
    excess: float
    """Mean codes by which it lies outside of both."""
    change: float
    """Mean difference of the neighbours around it, codes."""

    @property
    def box(self) -> tuple[slice, slice]:
        """Lines and samples."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


class Seen(NamedTuple):
    """A field (H, W) and its neighbours in time, moved to where its things are."""

    fields: tuple[Codes, Codes, Codes]
    """Now, before, after."""
    smooth: tuple[Codes, Codes, Codes]
    """Their means along the line."""
    unmoved: tuple[Codes, Codes]
    """The means before and after as they lay."""
    unmoved_fields: tuple[Codes, Codes]
    """The fields before and after as they lay."""
    outside: tuple[Codes, Codes]
    """Codes by which the smooth field lies above both neighbours, and below both."""
    change: Floats
    """Mean difference of the neighbours around each place, codes."""
    sigma: float
    """Luma noise, codes."""
    beside: Floats | None = None
    """The other field of the frame on these lines, under this light, where it is known."""

    @property
    def unit(self) -> float:
        """Noise of the smooth fields, with one code for what is not noise."""
        return self.sigma / 1.87 + 1.0


class Signs(NamedTuple):
    """What is seen of a piece."""

    excess: float
    """Logarithm of the codes by which it stands out, in units of noise."""
    change: float
    """Logarithm of how much the fields before and after differ around it, in units of noise."""
    height: float
    """Lines."""
    alone: float
    """Logarithm of how far its surroundings stand out, in units of noise."""
    peak: float
    """Its highest code, or 255 less its lowest, in 128."""
    crowd: float
    """Logarithm of how many others are near, and one."""
    stands: float
    """Share of its excess that is left against all that lies within two lines and two samples before and after."""
    still: float
    """Logarithm of the codes by which it stands out where nothing is moved, in units of noise."""


WEIGHTS = Signs(excess=6.41, change=-5.05, height=-0.76, alone=-1.34, peak=3.5, crowd=-0.44, stands=5.17, still=1.07)
"""Those of `peak` and `height` are of an earlier fit: streaks of the simulator are as bright or dark as can be, others
need not be, and what glitters on a stage is higher than what passes in those clips."""
BIAS = -22.9
"""Fitted by the pieces alone; 0 parts what is likelier a dropout from what is not."""


_WORTH = -4.0
"""Odds by the signs alone above which the other field of the frame is asked."""
WITNESSED = Signs(excess=0.6, change=-2.81, height=-2.03, alone=-0.93, peak=2.38, crowd=-0.7, stands=-1.6, still=0.56)
WITNESS = Witness(own=2.69, usual=0.53, same=2.28)
WITNESSED_BIAS = -12.77
"""The same where the other field of the frame is asked: fitted anew on those clips, on tapes under strobes and on
clean ones without dropouts too, and three quarters less than fitted."""


def dropouts_among(pieces: Sequence[Piece], seen: Seen) -> list[Piece]:
    """Those that are likelier dropouts than not."""
    places = np.array([(one.left + one.width / 2, one.top + one.height / 2) for one in pieces]).reshape(-1, 2)
    crowds = (np.abs(places[:, None] - places[None]) < _CROWD).all(axis=2).sum(axis=1) - 1
    found = []
    for piece, near in zip(pieces, crowds.tolist(), strict=True):
        seen_so_far = _likely(piece, seen, near)
        if seen_so_far is None or _travelled(piece, seen) < _SAME:
            continue
        if seen.beside is None or _told_beside(piece, seen, seen_so_far) > 0:
            found.append(piece)
    return found


def _likely(piece: Piece, seen: Seen, near: int) -> Signs | None:
    """The signs of a piece that is likelier a dropout than not, or worth asking the other field about; what the dearer
    signs cannot make one even at their best is not looked at further."""
    least, own = (0.0, _OWN) if seen.beside is None else (_WORTH, -np.inf)
    signs = _first(piece, seen, near)
    if odds(signs) <= least:
        return None
    signs = _still(piece, seen, signs)
    if odds(signs) <= least or _length(piece, seen) < _SHORTEST:
        return None
    for dearer in (_stands, _alone):
        signs = dearer(piece, seen, signs)
        if odds(signs) <= least or signs.stands < own:
            return None
    return signs


def _told_beside(piece: Piece, seen: Seen, signs: Signs) -> float:
    """Logarithm of the odds with what the other field says."""
    assert seen.beside is not None
    said = witnessed(piece.box, piece.inside, seen.fields, seen.beside, seen.sigma)
    return WITNESSED_BIAS + sum(map(mul, WITNESSED, signs)) + sum(map(mul, WITNESS, said))


def odds(signs: Signs) -> float:
    """Logarithm of the odds that a piece is a dropout."""
    return BIAS + sum(map(mul, WEIGHTS, signs))


def _first(piece: Piece, seen: Seen, near: int) -> Signs:
    """The signs that cost little, the others as favourable as they can be."""
    unit, smooth = seen.unit, seen.smooth[0][piece.box]
    peak = int(smooth.max()) if piece.above else 255 - int(smooth.min())
    return Signs(
        excess=log(piece.excess / unit),
        change=log((piece.change + _LITTLE) / unit),
        height=float(piece.height),
        alone=log(_LITTLE / unit),
        peak=peak / 128,
        crowd=log(1 + near),
        stands=1.0,
        still=log((255 + _LITTLE) / unit),
    )


def mean_of(samples: NDArray[Any]) -> float:
    """As `samples.mean()`, which takes several times as long for the few samples of a piece."""
    return cv2.sumElems(samples)[0] / samples.size


def _mean_inside(piece: Piece, samples: NDArray[Any]) -> float:
    """Mean of the samples of its box that are its own: on one line all are."""
    return mean_of(samples if piece.height == 1 else samples[piece.inside])


def _length(piece: Piece, seen: Seen) -> int:
    """Samples of its longest line that lie outside by half of the mean and more: sparkle is a few samples long, and the
    mean along the line stretches it."""
    box = piece.box
    now, before, after = (field[box] for field in seen.fields)
    out = _out(piece, now, before, after)
    outside = cv2.compare(out, piece.excess / 2, cv2.CMP_GT)
    return cv2.countNonZero(outside) if piece.height == 1 else max(cv2.countNonZero(line) for line in outside)


def _out(piece: Piece, now: Codes, before: Codes, after: Codes) -> NDArray[Any]:
    """Codes by which samples lie outside of both neighbours, to the side a piece stands out to."""
    return cv2.subtract(now, cv2.max(before, after)) if piece.above else cv2.subtract(cv2.min(before, after), now)


def _still(piece: Piece, seen: Seen, signs: Signs) -> Signs:
    """With the codes by which it stands out where nothing is moved."""
    before, after = (field[piece.box] for field in seen.unmoved)
    still = _mean_inside(piece, _out(piece, seen.smooth[0][piece.box], before, after))
    return signs._replace(still=log((still + _LITTLE) / seen.unit))


def _stands(piece: Piece, seen: Seen, signs: Signs) -> Signs:
    """With what is left against all that lies within two lines and two samples there: edges that tremble by less lie
    outside of their neighbours too."""
    box = _grown((piece.top, piece.top + piece.height, piece.left, piece.left + piece.width), (2, 2), seen.change.shape)
    inner = np.s_[
        piece.top - box[0].start : piece.top - box[0].start + piece.height,
        piece.left - box[1].start : piece.left - box[1].start + piece.width,
    ]
    now, before, after = (field[box] for field in seen.smooth)
    widest = cv2.dilate if piece.above else cv2.erode
    out = _out(piece, now, *(np.asarray(widest(field, _NEAR), np.uint8) for field in (before, after)))
    return signs._replace(stands=_mean_inside(piece, out[inner]) / piece.excess)


def _alone(piece: Piece, seen: Seen, signs: Signs) -> Signs:
    """With how far its surroundings stand out."""
    return signs._replace(alone=log((_around(piece, seen) + _LITTLE) / seen.unit))


def _line(field: Codes, piece: Piece, below: int) -> Codes:
    """Samples of a piece's columns on the line so far below its top, edges held."""
    row = min(max(piece.top + below, 0), len(field) - 1)
    return field[row, piece.left : piece.left + piece.width]


def _around(piece: Piece, seen: Seen) -> float:
    """Mean codes by which the lines above and below stand out, to either side."""
    lines = [side for far in range(_RING[1], _RING[0] + 1) for side in (-far, piece.height - 1 + far)]
    return sum(mean_of(_line(out, piece, below)) for out in seen.outside for below in lines) / len(lines)


def _travelled(piece: Piece, seen: Seen) -> float:
    """What the best match in either field leaves of a piece with what is around it, against what the piece adds."""
    now = seen.fields[0]
    height, width = now.shape
    shown = min(piece.width, _SHOWN)
    left = piece.left + (piece.width - shown) // 2
    box = _grown((piece.top, piece.top + piece.height, left, left + shown), _FRAME, (height, width))
    wanted = now[box].astype(np.float32)
    outside = seen.outside[0 if piece.above else 1][piece.top : piece.top + piece.height, left : left + shown]
    inside = piece.inside[:, left - piece.left : left - piece.left + shown]
    added = max(float(np.square(outside[inside].astype(np.float32)).sum()), 1.0)
    wide = _grown((box[0].start, box[0].stop, box[1].start, box[1].stop), _REACH, (height, width))
    least = min(
        float(cv2.matchTemplate(field[wide].astype(np.float32), wanted, cv2.TM_SQDIFF).min())
        for field in seen.unmoved_fields
    )
    return (least - 2 * seen.sigma**2 * wanted.size) / added


def _grown(sides: tuple[int, int, int, int], by: tuple[int, int], shape: tuple[int, int]) -> tuple[slice, slice]:
    """A box of top, bottom, left and right with samples and lines around it, inside a field."""
    top, bottom, left, right = sides
    return np.s_[
        max(top - by[1], 0) : min(bottom + by[1], shape[0]), max(left - by[0], 0) : min(right + by[0], shape[1])
    ]
