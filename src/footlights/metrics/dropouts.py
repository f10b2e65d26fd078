"""Dropouts: streaks of a few lines in one field, where the head lost the tape.

Looked for in fields, against the fields of the same parity before and after, which are moved along the motion where
something moves: pieces of lines that lie above both or below both, longer than high. What moves otherwise, or is
uncovered, does that as well. What a piece is, is decided by a weighted sum of what is seen of it (`dropoutsigns`): how
far it stands out against how well the fields before and after agree around it, how bright or dark it is, whether its
surroundings stand out too, whether something near it there is the same, and whether the other field of the frame,
which is nearer in time, shows it as well (`witness`). Under strobes the neighbours are brought to the
light of the field first. Pieces that a deck filled with the line above, which stand out less, are found by
`linecopies` and, with their noise, by `linerepeats`.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.metrics import dropoutsigns
from footlights.metrics.dropoutsigns import Piece, Seen
from footlights.metrics.linecopies import find_copies
from footlights.metrics.linerepeats import find_repeats
from footlights.metrics.lineruns import Pieces, slender
from footlights.metrics.motion import FieldMotion, small
from footlights.metrics.witness import between

Codes = NDArray[np.uint8]
Mask = NDArray[np.bool_]

_MEAN = 7
"""Samples along the line whose mean is looked at: a streak keeps its height, noise and sparkle lose theirs."""
_STEP, _STEP_SIGMA, _STEP_MOTION, _STILL = 4.5, 1.8, 1.0, 0.7
"""Codes by which that mean must lie outside, plus so many sigma of its noise, plus so much of the mean change around,
of which this share of sigma is noise."""
_HIGHEST, _SLENDER = 4, 4
"""Lines of a piece, and how many times as long as high it is at least."""
_MOST = 20
"""Pieces of a field that are looked at closely: the strongest."""
_TAIL_MEAN, _TAIL_STEP, _TAIL_MOTION, _TAIL_REACH = 5, 3.5, 0.25, (16, 3)
"""Samples whose mean is looked at for the fading end of a streak, codes by which it must still lie outside (plus one
and a half sigma, plus this share of the change around), and samples before and lengths behind in which it is looked
for: what goes on from a streak along its line needs less than what is looked for anywhere."""
_TAIL_GAP = np.ones((1, 3), np.uint8)
_BESIDE_STEP, _BESIDE_LENGTH = 12.0, 7
"""The same for the line above or below, and samples it must be long there."""
_BLACK, _DIM = 16.0, 4.0
"""Code of black, and codes added to light so that it can be divided by."""
_STROBE, _MOST_GAIN = 0.03, 4.0
"""Change of the whole field's light, as a share, from which neighbours are brought to its light; and by how much at
most."""
_DAZZLED = 2.0
"""Factor between the light of a field and that of both neighbours beyond which it is not judged: what is clipped or
dark in one of them cannot be compared. Nor is it beside one neighbour that `_MOST_GAIN` cannot bring to its light."""
_RESTS, _RESTS_SIGMA, _MOVES = 8.0, 4.0, 0.02
"""Codes, and sigma of the noise of the mean, by which fields before and after differ where something moves, and share
of the field that must for motion to be looked for."""
_AGREES = 1.0
"""Mean codes by which a field at rest differs from one that stands for both neighbours."""
_LIGHT_AROUND = (33, 17)
"""Samples and lines over which light is averaged."""


class Streaks(NamedTuple):
    """Dropouts of one field."""

    mask: Mask
    """(H, W)"""
    number: int
    area: float
    """Share of the field."""


class Prepared:
    """A field and what is needed of it whenever it is looked at; what may not be needed is made when it is."""

    def __init__(self, field: Codes, light: float | None = None) -> None:
        self.field = field
        """(H, W)"""
        self.smooth = _smoothed(field)
        """Its mean along the line, that is looked at."""
        self.light = _light(field) if light is None else light
        """Mean luma over black."""

    @cached_property
    def small(self) -> Codes:
        """As its motion is searched."""
        return small(self.field)


class Beside(NamedTuple):
    """The other field of the frame that is looked at."""

    field: Prepared
    lower: bool
    """Its lines lie half a line below those of the field that is looked at, which is the top one."""


def find(now: Codes, before: Codes, after: Codes, sigma: float = 0.0, beside: Beside | None = None) -> Streaks:
    """Streaks in the field `now` (H, W); `before` and `after` are its neighbours of the same parity.

    `sigma` is the luma noise in codes.
    """
    return find_prepared(Prepared(now), Prepared(before), Prepared(after), sigma, beside)


def find_prepared(
    now: Prepared, before: Prepared, after: Prepared, sigma: float = 0.0, beside: Beside | None = None
) -> Streaks:
    """The same, of fields that are prepared once and looked at three times."""
    others = before, after
    apart = [max(other.light / now.light, now.light / other.light) for other in others]
    if min(apart) > _DAZZLED or max(apart) > _MOST_GAIN:
        return Streaks(np.zeros(now.field.shape, np.bool_), 0, 0.0)
    lit = [_lit_alike(other, now) for other in others]
    seen = _seen(now, lit, _in_place(lit, now, sigma), sigma)
    if beside is not None and max(beside.field.light / now.light, now.light / beside.field.light) <= _MOST_GAIN:
        seen = seen._replace(beside=between(_lit_alike(beside.field, now).field, lower=beside.lower))
    mask, count = np.zeros(now.field.shape, np.bool_), 0
    for piece in dropoutsigns.dropouts_among(_pieces(seen), seen):
        _grow(mask, piece, seen)
        count += 1
    copies = (find_copies(seen) | find_repeats(seen, mask)) & ~mask
    if copies.any() and not _one_neighbour_moved(now, before, after):
        count += cv2.connectedComponents(copies.astype(np.uint8))[0] - 1
        mask |= copies
    return _streaks(mask, count)


def _one_neighbour_moved(now: Prepared, before: Prepared, after: Prepared) -> bool:
    """Whether one field stands for both neighbours, at the end of a shot, and shows something else: what lies
    between lines is then not known twice."""
    return np.array_equal(before.field, after.field) and cv2.mean(cv2.absdiff(now.smooth, before.smooth))[0] > _AGREES


def _streaks(mask: Mask, count: int) -> Streaks:
    return Streaks(mask, count, cv2.countNonZero(mask.view(np.uint8)) / mask.size)


def _smoothed(field: Codes) -> Codes:
    return np.asarray(cv2.blur(field, (_MEAN, 1)), np.uint8)


def _in_place(others: list[Prepared], now: Prepared, sigma: float) -> list[Prepared]:
    """The fields before and after with everything where it stands in `now`; as they are where next to nothing moves."""
    past, future = others
    limit = _RESTS + _RESTS_SIGMA / float(np.sqrt(_MEAN)) * sigma
    apart = cv2.compare(cv2.absdiff(past.smooth, future.smooth), limit, cv2.CMP_GT)
    if cv2.countNonZero(apart) < _MOVES * apart.size:
        return others
    motion = FieldMotion(now.small)
    return [Prepared(motion.in_place(other.field, other.small), now.light) for other in others]


def _seen(now: Prepared, unmoved: list[Prepared], moved: list[Prepared], sigma: float) -> Seen:
    past, future = moved
    high = cv2.subtract(now.smooth, cv2.max(past.smooth, future.smooth))
    low = cv2.subtract(cv2.min(past.smooth, future.smooth), now.smooth)
    # At the end of a shot one field stands for both: that they agree says nothing, only that `now` agrees with it.
    other = now if np.array_equal(past.field, future.field) else future
    change = cv2.boxFilter(cv2.absdiff(past.smooth, other.smooth), cv2.CV_32F, (31, 9))
    return Seen(
        fields=(now.field, past.field, future.field),
        smooth=(now.smooth, past.smooth, future.smooth),
        unmoved=(unmoved[0].smooth, unmoved[1].smooth),
        unmoved_fields=(unmoved[0].field, unmoved[1].field),
        outside=(high, low),
        change=np.asarray(change, np.float32),
        sigma=sigma,
    )


def _pieces(seen: Seen) -> list[Piece]:
    """Slender pieces that lie outside of both neighbours in time: the strongest."""
    still = _STEP + _STEP_SIGMA / float(np.sqrt(_MEAN)) * seen.sigma
    # Half a code less: limits are cut off to whole codes, and the conversion rounds.
    moving = still - _STEP_MOTION * _STILL * seen.sigma - 0.5
    limit = cv2.max(cv2.convertScaleAbs(seen.change, alpha=_STEP_MOTION, beta=moving), float(int(still)))
    # What lies above and what lies below are searched at once, an empty line between them.
    height, width = seen.change.shape
    both = np.zeros((2 * height + 1, width), np.uint8)
    for first, out in zip((0, height + 1), seen.outside, strict=True):
        cv2.compare(out, limit, cv2.CMP_GT, dst=both[first : first + height])
    found = slender(both, _MEAN, _HIGHEST, _SLENDER)
    excess, strength = _strengths(found, seen)
    chosen = range(len(strength)) if len(strength) <= _MOST else np.argsort(-strength, kind="stable")[:_MOST].tolist()
    return [_piece(found, number, float(excess[number]), seen) for number in chosen]


def _strengths(found: Pieces, seen: Seen) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean codes by which pieces lie outside, and how far they do against what moves around them."""
    if not len(found.first):
        return np.zeros(0), np.zeros(0)
    height, width = seen.change.shape
    place, begins = found.samples(width)
    above = int(np.count_nonzero(place < height * width))
    place[above:] -= (height + 1) * width
    high, low = seen.outside
    out = np.concatenate([high.reshape(-1)[place[:above]], low.reshape(-1)[place[above:]]])
    count = np.diff(np.append(begins, len(place)))
    excess = np.add.reduceat(out, begins, dtype=np.float64) / count
    change = np.add.reduceat(seen.change.reshape(-1)[place], begins, dtype=np.float64) / count
    for number in np.flatnonzero(found.height > 1).tolist():
        change[number] = dropoutsigns.mean_of(seen.change[_box(found, number, height)])
    return excess, excess / (change + 1)


def _box(found: Pieces, number: int, height: int) -> tuple[slice, slice]:
    """Lines and samples of a piece in a field of this height."""
    top, left = int(found.top[number]) % (height + 1), int(found.left[number])
    return slice(top, top + int(found.height[number])), slice(left, left + int(found.width[number]))


def _piece(found: Pieces, number: int, excess: float, seen: Seen) -> Piece:
    height = len(seen.change)
    box = _box(found, number, height)
    inside, change = found.inside(number), seen.change[box]
    own = dropoutsigns.mean_of(change if len(inside) == 1 else change[inside])
    above = bool(found.top[number] < height)
    return Piece(box[1].start, box[0].start, inside.shape[1], len(inside), inside, above, excess, own)


def _light(field: Codes) -> float:
    """Mean luma over black."""
    return max(float(cv2.mean(field)[0]) - _BLACK, 1.0)


def _lit_alike(other: Prepared, now: Prepared) -> Prepared:
    """A neighbour under the light of `now`, place by place, where the light of the whole has changed: under a strobe
    the lines of the picture itself would stick out."""
    if abs(now.light - other.light) < _STROBE * max(now.light, other.light):
        return other
    light = [cv2.blur(one.field, _LIGHT_AROUND).astype(np.float32) - (_BLACK - _DIM) for one in (now, other)]
    gain = np.clip(np.maximum(light[0], 1) / np.maximum(light[1], 1), 1 / _MOST_GAIN, _MOST_GAIN)
    lit = np.clip(_BLACK + (other.field - _BLACK) * gain, 0, 255).astype(np.uint8)
    return Prepared(lit, other.light)


def _grow(mask: Mask, piece: Piece, seen: Seen) -> None:
    """Enter a streak with the ends into which it fades and with the line above and below where it shows there."""
    height, width = mask.shape
    first, last = piece.top, piece.top + piece.height
    left, right = max(piece.left - _TAIL_REACH[0], 0), piece.left + (1 + _TAIL_REACH[1]) * piece.width + _MEAN
    box = np.s_[max(first - 1, 0) : min(last + 1, height), left : min(right, width)]
    now, past, future = (cv2.blur(field[box], (_TAIL_MEAN, 1)).astype(np.int16) for field in seen.fields)
    out = now - np.maximum(past, future) if piece.above else np.minimum(past, future) - now
    moved = max(float(seen.change[box].mean()) - seen.sigma, 0.0)
    noise = 1.5 * seen.sigma / np.sqrt(_TAIL_MEAN)
    weak = (out > _TAIL_STEP + noise + _TAIL_MOTION * moved).astype(np.uint8)
    weak = cv2.morphologyEx(weak, cv2.MORPH_CLOSE, _TAIL_GAP)
    beside = (out > _BESIDE_STEP + noise + 2 * moved).astype(np.uint8)
    beside = cv2.morphologyEx(beside, cv2.MORPH_OPEN, np.ones((1, _BESIDE_LENGTH), np.uint8))
    own = np.zeros(out.shape, np.bool_)
    top = first - box[0].start
    own[top : top + piece.height] = True
    seeds = np.zeros(out.shape, np.bool_)
    seeds[top : top + piece.height, piece.left - left : piece.left - left + piece.width] = piece.inside
    grown = np.where(own, weak, beside).astype(np.uint8)
    number, labels = cv2.connectedComponents(grown, connectivity=8)
    kept = np.zeros(number, np.bool_)
    kept[labels[seeds]] = True
    kept[0] = False
    mask[box] |= seeds | kept[labels]
