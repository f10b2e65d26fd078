"""BlazeFace, full range, over three renderings of a picture and many tiles of it.

Net: Bazarevsky et al., "BlazeFace", 2019. Renderings: under red or blue light it misses a quarter of the faces because
it expects skin colour; the union of the picture as it is, a half-desaturated one and a weakly warm-painted grey one
brings recall from .75 to .94 on 18–80 px faces under ten lights, while stretching contrast or taking all colour out
makes it worse (measured).
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.models.runtime import Net

Picture = NDArray[np.uint8]
"""(H, W, 3) R'G'B' with square samples."""
Row = NDArray[np.float64]
"""x0, y0, x1, y1, score and six points, in picture coordinates."""

_SIDE = 192
_CELLS = 48
_SCORE = 0.5
_TILES: tuple[tuple[int, float], ...] = ((480, 0.5), (240, 0.4))
"""Side and overlap of the square tiles searched besides the whole picture."""


class BlazeFace:
    """The net, compiled."""

    def __init__(self, *, threads: int = 0) -> None:
        self._net = Net("face_detection_full_range_sparse", threads=threads)

    def candidates(self, picture: Picture, soft: Picture) -> list[Row]:
        """Boxes of all renderings and tiles, most faces many times; `soft` is the picture painted weakly warm."""
        found: list[Row] = []
        for rendering in (picture, _half_grey(picture), soft):
            for tile in _tiles(picture.shape[1], picture.shape[0]):
                found.extend(self._detect(rendering, *tile))
        return found

    def _detect(self, picture: Picture, left: int, top: int, side: int) -> Iterator[Row]:
        """Candidates in one square: x0, y0, x1, y1, score and six points, in picture coordinates."""
        tile = _square(picture, left, top, side)
        tensor = tile[None].astype(np.float32) / np.float32(127.5) - np.float32(1)
        boxes, scores = self._net(tensor)
        probability = 1 / (1 + np.exp(-np.clip(scores[0, :, 0].astype(np.float64), -80, 80)))
        for index in np.flatnonzero(probability > _SCORE):
            row, column = divmod(int(index), _CELLS)
            raw = boxes[0, index].astype(np.float64) / _SIDE
            centre = np.array([(column + 0.5) / _CELLS, (row + 0.5) / _CELLS])
            middle, half = raw[:2] + centre, raw[2:4] / 2
            points = raw[4:].reshape(6, 2) + centre
            corners = np.concatenate([middle - half, middle + half])
            origin = np.array([left, top], np.float64)
            yield np.concatenate(
                [corners * side + np.tile(origin, 2), [probability[index]], (points * side + origin).reshape(-1)]
            )


def _tiles(width: int, height: int) -> Iterator[tuple[int, int, int]]:
    """Left, top and side of the squares searched: the whole picture (padded), then smaller ones."""
    yield 0, 0, max(width, height)
    for side, overlap in _TILES:
        if side < min(width, height) * 1.01 and side < max(width, height):
            for top in _starts(height, side, overlap):
                for left in _starts(width, side, overlap):
                    yield left, top, side


def _starts(length: int, side: int, overlap: float) -> list[int]:
    if length <= side:
        return [0]
    count = int(np.ceil((length - side) / (side * (1 - overlap)))) + 1
    return [round(value) for value in np.linspace(0, length - side, count)]


def _square(picture: Picture, left: int, top: int, side: int) -> Picture:
    tile = picture[top : top + side, left : left + side]
    if tile.shape[:2] != (side, side):
        below, beside = side - tile.shape[0], side - tile.shape[1]
        tile = cv2.copyMakeBorder(tile, 0, below, 0, beside, cv2.BORDER_CONSTANT).astype(np.uint8)
    flags = cv2.INTER_AREA if side > _SIDE else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(tile, (_SIDE, _SIDE), interpolation=flags), np.uint8)


def _half_grey(picture: Picture) -> Picture:
    """Grey-world balance, then half way to grey."""
    values = picture.astype(np.float32)
    means = values.mean(axis=(0, 1)) + 2
    balanced = np.clip(values * (means.mean() / means), 0, 255)
    grey = balanced.mean(axis=2, keepdims=True)
    return (grey + 0.5 * (balanced - grey)).astype(np.uint8)
