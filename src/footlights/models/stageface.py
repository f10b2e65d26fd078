"""StageFace: our own detector of faces, which sees neither the colour nor the strength of light.

One pass over a picture and its octaves. What the net sees is contrast over the contrast around it, at two widths, of
luma and of the strongest channel: a face under clipped red light and the same face in daylight look alike. What it says
of a cell of 4×4 samples is whether the middle of a face lies there, the box around it and six points.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.models.runtime import Net

Picture = NDArray[np.uint8]
Planes = NDArray[np.float32]
Rows = NDArray[np.float64]
"""`(N, 17)`: left, top, right, bottom, score and six points, as BlazeFace orders them."""

NAME = "stageface"
PLANES = 4
OUT_PLANES = 17
"""Logit; middle from that of the cell, over `NEAR`; logarithms of width and height over `UNIT`; six points from the
middle, in heights."""
CELL = 4
NEAR, UNIT = 8.0, 24.0
SMALLEST, LARGEST = 10.0, 110.0
"""Heights of boxes, in samples of an octave, that the net was trained to find."""
STEP = 32
"""Sides of an octave are padded to multiples of it."""
_NARROW, _WIDE = 9, 33
"""Sides of the boxes, each run twice, whose means and deviations contrast is measured by."""
_FLOOR = 2.0
"""Codes of contrast that count as nothing."""
_LIMIT = 4.0
_LUMA = np.array([[0.299, 0.587, 0.114]], np.float32)
_LEAST_SIDE = 56
_SIDE, _HEIGHT = 128, 44.0
"""Of the square of another look, and of the face in it."""
_COARSEST = 1.6
_MOST_TURN = 0.6
_SAME, _SIZES = 0.35, (0.6, 1.6)
"""Heights from the middle, and sizes, within which another look sees the same face."""
_NOTHING = -4.0
"""Logit of a square in which another look sees none."""
_MIRRORED = 3.0
"""Logits by which a mirrored look can be surer: 1788 boxes of 50 clips, of which none that is believed was lost."""
_AT_ONCE = 16
_MOST = 300


def planes_of(picture: Picture) -> Planes:
    """What the net sees of R'G'B' `(H, W, 3)`: `(4, H, W)`, luma over its contrast nearby and farther around, the
    strongest channel likewise, and how strong the contrast is."""
    values = picture.astype(np.float32)
    luma = np.asarray(cv2.transform(values, _LUMA), np.float32)
    parts = cv2.split(values)
    made = np.empty((PLANES, *luma.shape), np.float32)
    _evened(luma, _NARROW, made[0])
    strength = _evened(luma, _WIDE, made[1])
    _evened(np.asarray(cv2.max(cv2.max(*parts[:2]), parts[2]), np.float32), _WIDE, made[2])
    made[3] = cv2.log(strength) * (1 / (3 * np.log(2))) - 1
    return made


def _evened(plane: Planes, side: int, made: Planes) -> Planes:
    """Make a plane over its contrast; returns the contrast, in codes."""
    off = plane - _mean(plane, side)
    strength = cv2.sqrt(_mean(off * off, side) + np.float32(_FLOOR**2))
    np.clip(off / strength, -_LIMIT, _LIMIT, out=made)
    return np.asarray(strength, np.float32)


def _mean(plane: Planes, side: int) -> Planes:
    once = cv2.boxFilter(plane, -1, (side, side), borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(cv2.boxFilter(once, -1, (side, side), borderType=cv2.BORDER_REFLECT_101), np.float32)


class StageFace:
    """The net, compiled."""

    def __init__(self, *, threads: int = 0) -> None:
        self._net = Net(NAME, threads=threads)

    def boxes(self, picture: Picture, least: float) -> Rows:
        """All boxes whose score is at least `least`, of every octave; one face may have several."""
        found = [np.zeros((0, OUT_PLANES))]
        for octave, scale in octaves(picture):
            planes = padded(planes_of(octave))
            rows = decoded(self._net(planes[None])[0][0], least)
            rows[:, :4] = (rows[:, :4] + 0.5) * scale - 0.5
            rows[:, 5:] = (rows[:, 5:] + 0.5) * scale - 0.5
            found.append(rows)
        return np.concatenate(found)

    def again(self, picture: Picture, rows: Rows, least: float = 0.0) -> NDArray[np.float64]:
        """Scores `(N,)` of boxes after two more looks at each: alone, upright, at a size the net knows, and mirrored.

        What is no face rarely looks like one again and again; the mean of the three logits finds a third more of the
        faces of 28 lines at as many false ones (measured). Where no mirrored look could bring the score to `least`, the
        one before counts twice.
        """
        if not len(rows):
            return np.zeros(0)
        held = list(octaves(picture))
        alone = np.stack([planes_of(_alone(held, row)) for row in rows])
        first = np.clip(rows[:, 4], 1e-3, 1 - 1e-3)
        logits, once = np.log(first / (1 - first)), self._middles(alone)
        twice = once.copy()
        hopeful = (
            np.flatnonzero(logits + 2 * once + _MIRRORED >= 3 * np.log(least / (1 - least))) if least else slice(None)
        )
        twice[hopeful] = self._middles(np.ascontiguousarray(alone[hopeful][..., ::-1]))
        return np.asarray(1 / (1 + np.exp(-(logits + once + twice) / 3)))

    def _middles(self, planes: Planes) -> NDArray[np.float64]:
        """How sure the net is of a face in the middle of each square `(N, 4, side, side)`."""
        seen = [self._net(planes[first : first + _AT_ONCE])[0] for first in range(0, len(planes), _AT_ONCE)]
        return np.array([_middle_logit(each) for one in seen for each in one], np.float64)


def _alone(held: Sequence[tuple[Picture, float]], row: Rows) -> Picture:
    """A square around a box, whose face is upright in it and 44 samples high."""
    height = float(row[3] - row[1])
    # The octave that is reduced least, and no more than keeps the sampling from aliasing.
    picture, scale = next((each for each in held if height / each[1] <= _COARSEST * _HEIGHT), held[-1])
    eyes = row[7:9] - row[5:7]
    turn = float(np.clip(np.arctan2(eyes[1], eyes[0]), -_MOST_TURN, _MOST_TURN))
    step = height / scale / _HEIGHT
    cos, sin = step * np.cos(turn), step * np.sin(turn)
    linear = np.array([[cos, -sin], [sin, cos]])
    middle = ((row[:2] + row[2:4]) / 2 + 0.5) / scale - 0.5
    matrix = np.concatenate([linear, (middle - linear @ np.full(2, (_SIDE - 1) / 2))[:, None]], axis=1)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    seen = cv2.warpAffine(picture, matrix, (_SIDE, _SIDE), flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(seen, np.uint8)


def _middle_logit(raw: NDArray[np.float32]) -> float:
    """How sure the net is of a face in the middle of its square, about as high as it should be."""
    grid = (np.arange(raw.shape[1]) + 0.5) * CELL - _SIDE / 2
    near = grid[None, :] ** 2 + grid[:, None] ** 2 < (_SAME * _HEIGHT) ** 2
    ratio = UNIT / _HEIGHT * np.exp(np.clip(raw[4], -4, 4))
    fit = near & (ratio > _SIZES[0]) & (ratio < _SIZES[1])
    return float(raw[0][fit].max()) if fit.any() else _NOTHING


def octaves(picture: Picture) -> Iterator[tuple[Picture, float]]:
    """A picture, halved again and again, and how many of its samples one of the octave's is."""
    scale = 1.0
    while True:
        yield picture, scale
        half = (picture.shape[1] // 2, picture.shape[0] // 2)
        if min(half) < _LEAST_SIDE:
            return
        picture = np.asarray(cv2.resize(picture, half, interpolation=cv2.INTER_AREA), np.uint8)
        scale *= 2


def padded(planes: Planes) -> Planes:
    """Planes with sides that are multiples of 32."""
    below, beside = (-side % STEP for side in planes.shape[1:])
    return np.pad(planes, ((0, 0), (0, below), (0, beside)))


def decoded(raw: NDArray[np.float32], least: float) -> Rows:
    """Boxes of the cells `(17, h, w)` that are surer than their neighbours."""
    sure = float(np.log(least / (1 - least)))
    heat = raw[0]
    peaks = (heat >= cv2.dilate(heat, np.ones((3, 3), np.uint8))) & (heat >= sure)
    rows, columns = np.nonzero(peaks)
    order = np.argsort(-heat[rows, columns], kind="stable")[:_MOST]
    rows, columns = rows[order], columns[order]
    said = raw[:, rows, columns].astype(np.float64)
    middle = said[1:3] * NEAR + (np.stack([columns, rows]) + 0.5) * CELL - 0.5
    size = UNIT * np.exp(np.clip(said[3:5], -4, 4))
    points = middle[None] + said[5:].reshape(6, 2, -1) * size[1]
    score = 1 / (1 + np.exp(-said[0]))
    return np.concatenate([middle - size / 2, middle + size / 2, score[None], points.reshape(12, -1)]).T
