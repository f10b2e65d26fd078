"""What tells a dropout from a thing that moves: signs of a piece of a field that lies outside of its neighbours in
time, and how much each counts.

The weights are those of a logistic regression on pieces of simulated tapes of the training clips (`heavy` and `vhs`, a
third of them under strobes), counted by their area; the clips on which the figures in benchmarks/README.md were taken
are others.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

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
_TRAVELLED = (-2.0, 6.0)
_ELSEWHERE = 2.0
"""Bounds of two signs."""
_OWN = 0.4
"""Share of its excess that a piece must keep against all that lies near it in the fields before and after."""
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
    """A field (H, W) and its neighbours in time."""

    fields: tuple[Codes, Codes, Codes]
    """Now, before, after."""
    smooth: tuple[Codes, Codes, Codes]
    """Their means along the line."""
    outside: tuple[Codes, Codes]
    """Codes by which the smooth field lies above both neighbours, and below both."""
    change: Floats
    """Mean difference of the neighbours around each place, codes."""
    sigma: float
    """Luma noise, codes."""

    @property
    def unit(self) -> float:
        """Noise of the smooth fields, with one code for what is not noise."""
        return self.sigma / 1.87 + 1.0


class Signs(NamedTuple):
    """What is seen of a piece."""

    excess: float
    """Logarithm of the codes by which it stands out, in units of noise."""
    change: float
    """Logarithm of how much moves around it, in units of noise."""
    elsewhere: float
    """How far its lines stick out from those two above and below in the fields before and after, in five units of
    noise, 2 at most."""
    travelled: float
    """What is left of it where the fields before or after match it best, against what it adds, -2..6."""
    height: float
    """Lines."""
    alone: float
    """Logarithm of how far its surroundings stand out, in units of noise."""
    peak: float
    """Its highest code, or 255 less its lowest, in 128."""
    crowd: float
    """Logarithm of how many others are near, and one."""


WEIGHTS = Signs(
    excess=3.73, change=-2.18, elsewhere=0.28, travelled=0.25, height=-0.76, alone=-1.02, peak=3.54, crowd=-0.49
)
BIAS = -12.83
"""Fitted by the pieces alone; 0 parts what is likelier a dropout from what is not."""


def dropouts_among(pieces: Sequence[Piece], seen: Seen) -> list[Piece]:
    """Those that are likelier dropouts than not."""
    places = np.array([(one.left + one.width / 2, one.top + one.height / 2) for one in pieces]).reshape(-1, 2)
    crowds = (np.abs(places[:, None] - places[None]) < _CROWD).all(axis=2).sum(axis=1) - 1
    found = []
    for piece, near in zip(pieces, crowds.tolist(), strict=True):
        # What the dearer signs cannot make a dropout even at their best is not looked at further.
        if odds(_first(piece, seen, near)) <= 0 or _length(piece, seen) < _SHORTEST:
            continue
        if _stands(piece, seen) < _OWN * piece.excess:
            continue
        hopeful = _around_it(piece, seen, near)
        if odds(hopeful) <= 0:
            continue
        whole = hopeful._replace(travelled=_travelled(piece, seen))
        if whole.travelled >= _SAME and odds(whole) > 0:
            found.append(piece)
    return found


def odds(signs: Signs) -> float:
    """Logarithm of the odds that a piece is a dropout."""
    return BIAS + sum(weight * sign for weight, sign in zip(WEIGHTS, signs, strict=True))


def signs(piece: Piece, seen: Seen, near: int) -> Signs:
    """All signs of a piece that has so many others near."""
    return _around_it(piece, seen, near)._replace(travelled=_travelled(piece, seen))


def _around_it(piece: Piece, seen: Seen, near: int) -> Signs:
    """All signs but what is left where it is found again, which is as favourable as it can be."""
    unit = seen.unit
    elsewhere = max(_sticks(field, piece) for field in seen.smooth[1:]) / unit / 5
    return _first(piece, seen, near)._replace(
        elsewhere=min(elsewhere, _ELSEWHERE), alone=log((_around(piece, seen) + _LITTLE) / unit)
    )


def _first(piece: Piece, seen: Seen, near: int) -> Signs:
    """The signs that cost little, the others as favourable as they can be."""
    unit, smooth = seen.unit, seen.smooth[0][piece.box]
    peak = int(smooth.max()) if piece.above else 255 - int(smooth.min())
    return Signs(
        excess=log(piece.excess / unit),
        change=log((piece.change + _LITTLE) / unit),
        elsewhere=_ELSEWHERE,
        travelled=_TRAVELLED[1],
        height=float(piece.height),
        alone=log(_LITTLE / unit),
        peak=peak / 128,
        crowd=log(1 + near),
    )


def mean_of(samples: NDArray[Any]) -> float:
    """As `samples.mean()`, which takes several times as long for the few samples of a piece."""
    return cv2.sumElems(samples)[0] / samples.size


def _length(piece: Piece, seen: Seen) -> int:
    """Samples of its longest line that lie outside by half of the mean and more: sparkle is a few samples long, and the
    mean along the line stretches it."""
    box = piece.box
    now, before, after = (field[box] for field in seen.fields)
    out = cv2.subtract(now, cv2.max(before, after)) if piece.above else cv2.subtract(cv2.min(before, after), now)
    return max(cv2.countNonZero(line) for line in cv2.compare(out, piece.excess / 2, cv2.CMP_GT))


def _stands(piece: Piece, seen: Seen) -> float:
    """The same against all that lies within two lines and two samples there: edges that tremble by less lie outside of
    their neighbours too."""
    box = _grown((piece.top, piece.top + piece.height, piece.left, piece.left + piece.width), (2, 2), seen.change.shape)
    inner = np.s_[
        piece.top - box[0].start : piece.top - box[0].start + piece.height,
        piece.left - box[1].start : piece.left - box[1].start + piece.width,
    ]
    now, before, after = (field[box] for field in seen.smooth)
    if piece.above:
        out = cv2.subtract(now, cv2.dilate(cv2.max(before, after), _NEAR))
    else:
        out = cv2.subtract(cv2.erode(cv2.min(before, after), _NEAR), now)
    return mean_of(out[inner][piece.inside])


def _line(field: Codes, piece: Piece, below: int) -> Codes:
    """Samples of a piece's columns on the line so far below its top, edges held."""
    row = min(max(piece.top + below, 0), len(field) - 1)
    return field[row, piece.left : piece.left + piece.width]


def _sticks(field: Codes, piece: Piece) -> float:
    """Codes by which a piece's lines stick out from the second line above and below, to the side it stands out to."""
    own = mean_of(field[piece.box])
    sides = _line(field, piece, -2), _line(field, piece, piece.height + 1)
    return own - mean_of(np.maximum(*sides)) if piece.above else mean_of(np.minimum(*sides)) - own


def _around(piece: Piece, seen: Seen) -> float:
    """Mean codes by which the lines above and below stand out, to either side."""
    lines = [side for far in range(_RING[1], _RING[0] + 1) for side in (-far, piece.height - 1 + far)]
    return sum(mean_of(_line(out, piece, below)) for out in seen.outside for below in lines) / len(lines)


def _travelled(piece: Piece, seen: Seen) -> float:
    """What the best match in either field leaves of a piece with what is around it, against what the piece adds."""
    now, before, after = seen.fields
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
        for field in (before, after)
    )
    return float(np.clip((least - 2 * seen.sigma**2 * wanted.size) / added, *_TRAVELLED))


def _grown(sides: tuple[int, int, int, int], by: tuple[int, int], shape: tuple[int, int]) -> tuple[slice, slice]:
    """A box of top, bottom, left and right with samples and lines around it, inside a field."""
    top, bottom, left, right = sides
    return np.s_[
        max(top - by[1], 0) : min(bottom + by[1], shape[0]), max(left - by[0], 0) : min(right + by[0], shape[1])
    ]


def strongest(pieces: Sequence[Piece], seen: Seen, most: int) -> list[Piece]:
    """The `most` pieces that stand out furthest against what moves around them."""
    if len(pieces) <= most:
        return list(pieces)

    def strength(piece: Piece) -> float:
        return piece.excess / (mean_of(seen.change[piece.box]) + 1)

    return sorted(pieces, key=strength, reverse=True)[:most]
