"""The other field of a frame as a witness: it was exposed nearest in time, and what the head lost in one field does not
show in it.

A thing of the scene that stands in one field alone of its parity, because it moves or glitters, is seen in the other
field as well, near by; a streak or a copied line is not. So a piece of a field with what is around it is looked for
there twice: as it is, and as the fields before and after have it. Lines of the other field lie half a line off; the
mean of two stands for the one between.
"""

from __future__ import annotations

from math import log
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
Place = tuple[slice, slice]

_AROUND, _REACH = (6, 2), (12, 3)
"""Samples and lines around a piece that are looked for with it, and by which it may lie elsewhere."""
_LONGEST = 96
"""Samples of a piece that are looked for, at most."""
_SURELY, _LITTLE = 0.05, 1.0
"""Share of what a piece adds that no match is taken to be better than, and codes added before logarithms are taken."""
_MEAN = 7
"""Samples along the line whose mean is compared."""


class Witness(NamedTuple):
    """What the other field says of a piece; logarithms."""

    own: float
    """Mean codes by which the piece differs from what is found there, where what was expected lies."""
    usual: float
    """Mean codes by which that which was expected differs from it."""
    same: float
    """What the best match leaves of the piece as it is, against what it leaves of what was expected."""


def between(field: Codes, *, lower: bool) -> Floats:
    """A field (H, W) on the lines of the other of its frame; `lower`: its own lie half a line below those."""
    above, below = field[:-1], field[1:]
    mean = cv2.addWeighted(above, 0.5, below, 0.5, 0, dtype=cv2.CV_32F)
    ends = (field[:1], mean) if lower else (mean, field[-1:])
    return np.concatenate([np.asarray(one, np.float32) for one in ends])


def witnessed(place: Place, inside: Mask, fields: tuple[Codes, Codes, Codes], beside: Floats, sigma: float) -> Witness:
    """Of a piece, whose samples are `inside` of its lines and samples `place`; `fields` are now, before and after,
    `beside` is the other field on their lines, `sigma` the noise of each."""
    lines, samples, inside = _shown(place, inside)
    box = _grown((lines, samples), _AROUND, beside.shape)
    wide = _grown(box, _REACH, beside.shape)
    now, before, after = (field[box].astype(np.float32) for field in fields)
    top, left = lines.start - box[0].start, samples.start - box[1].start
    inner = np.s_[top : top + inside.shape[0], left : left + inside.shape[1]]
    usual = np.asarray((before + after) / 2, np.float32)
    expected = now.copy()
    expected[inner][inside] = usual[inner][inside]
    there = np.ascontiguousarray(beside[wide])
    as_it_is, as_expected = (cv2.matchTemplate(there, one, cv2.TM_SQDIFF) for one in (now, expected))
    _, _, (x, y), _ = cv2.minMaxLoc(as_expected)
    found = there[y + top : y + top + inside.shape[0], x + left : x + left + inside.shape[1]]
    noise = sigma**2 * now.size + _SURELY * max(float(np.square(now - expected).sum()), 1.0)
    least = [max(float(one.min()), 0.0) + noise for one in (as_it_is, as_expected)]
    off = [_apart(found, one[inner], inside) for one in (now, usual)]
    return Witness(log(off[0] + _LITTLE), log(off[1] + _LITTLE), log(least[0] / least[1]))


def _shown(place: Place, inside: Mask) -> tuple[slice, slice, Mask]:
    """The middle of a long piece."""
    lines, samples = place
    cut = max(inside.shape[1] - _LONGEST, 0) // 2
    shown = inside[:, cut : cut + _LONGEST]
    return lines, slice(samples.start + cut, samples.start + cut + shown.shape[1]), shown


def _apart(one: Floats, other: Floats, inside: Mask) -> float:
    """Mean difference of the means along the lines, codes."""
    return float(np.abs(cv2.blur(one, (_MEAN, 1)) - cv2.blur(other, (_MEAN, 1)))[inside].mean())


def _grown(place: Place, by: tuple[int, int], shape: tuple[int, ...]) -> Place:
    lines, samples = place
    return np.s_[
        max(lines.start - by[1], 0) : min(lines.stop + by[1], shape[0]),
        max(samples.start - by[0], 0) : min(samples.stop + by[0], shape[1]),
    ]
