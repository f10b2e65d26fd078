"""Faces in one picture: BlazeFace boxes from several renderings and tiles, verified by the face mesh's presence score.

Nets: Bazarevsky et al., "BlazeFace", 2019; Kartynnik et al., "Real-time facial surface geometry", 2019. Renderings:
under red or blue light the detector misses a quarter of the faces because it expects skin colour; the union of the
picture as it is, a half-desaturated one and a weakly warm-painted grey one brings recall from .75 to .94 on 18–80 px
faces under ten lights, while stretching contrast or taking all colour out makes it worse (measured).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.models.runtime import Net

Picture = NDArray[np.uint8]
"""(H, W, 3) R'G'B' with square samples."""

_SIDE = 192
_CELLS = 48
_SCORE = 0.5
_OVERLAP = 0.3
_PRESENCE = 0.5
_COVERED = 0.7
"""Share of a box inside a better one from which it is a part of that face, not another face."""
_TINTED = 1.6
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_TILES: tuple[tuple[int, float], ...] = ((480, 0.5), (240, 0.4))
"""Side and overlap of the square tiles searched besides the whole picture."""


@dataclass(frozen=True, slots=True)
class Face:
    """A face in picture coordinates; the box ends where the picture does, the points may lie beyond."""

    left: float
    top: float
    width: float
    height: float
    score: float
    presence: float
    points: tuple[tuple[float, float], ...]
    """Right eye, left eye, nose tip, mouth, right ear, left ear."""


class FaceFinder:
    """Finds faces in single pictures; holds two compiled nets."""

    def __init__(self, *, threads: int = 0) -> None:
        self._detector = Net("face_detection_full_range_sparse", threads=threads)
        self._mesh = Net("face_landmark", threads=threads)

    def find(self, picture: Picture, *, least: float = 0.0, most: int = 0) -> list[Face]:
        """Faces with presence above one half, best first; boxes lower than `least` samples are passed over, and only
        the `most` largest are verified (0: all), so that a crowd takes bounded time."""
        found: list[NDArray[np.float64]] = []
        soft = soft_skin(picture)
        for rendering in (picture, _half_grey(picture), soft):
            for tile in _tiles(picture.shape[1], picture.shape[0]):
                found.extend(self._detect(rendering, *tile))
        size = np.array(picture.shape[1::-1] * 2, np.float64)
        faces: list[Face] = []
        boxes = [box for box in _merge(found) if box[3] - box[1] >= least]
        if most and len(boxes) > most:
            limit = sorted((float(box[3] - box[1]) for box in boxes), reverse=True)[most - 1]
            boxes = [box for box in boxes if box[3] - box[1] >= limit]
        for box in boxes:
            presence = self._verify(picture, soft, box)
            if presence > _PRESENCE:
                points = tuple((float(x), float(y)) for x, y in box[5:].reshape(6, 2))
                left, top, right, bottom = (float(value) for value in np.clip(box[:4], 0, size))
                face = Face(left, top, right - left, bottom - top, float(box[4]), presence, points)
                if not any(_inside(face, better) for better in faces):
                    faces.append(face)
        return faces

    def _detect(self, picture: Picture, left: int, top: int, side: int) -> Iterator[NDArray[np.float64]]:
        """Candidates in one square: x0, y0, x1, y1, score and six points, in picture coordinates."""
        tile = _square(picture, left, top, side)
        tensor = tile[None].astype(np.float32) / np.float32(127.5) - np.float32(1)
        boxes, scores = self._detector(tensor)
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

    def _verify(self, picture: Picture, soft: Picture, box: NDArray[np.float64]) -> float:
        """Presence of a face, seen upright in a square 1.5 times its box."""
        right_eye, left_eye = box[5:7], box[7:9]
        angle = float(np.degrees(np.arctan2(left_eye[1] - right_eye[1], left_eye[0] - right_eye[0])))
        centre = (float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2)
        side = 1.5 * float(max(box[2] - box[0], box[3] - box[1]))
        turn = cv2.getRotationMatrix2D(centre, angle, _SIDE / side)
        turn[:, 2] += np.array([_SIDE / 2, _SIDE / 2]) - np.array(centre)

        def cut(source: Picture) -> Picture:
            return np.asarray(cv2.warpAffine(source, turn, (_SIDE, _SIDE), flags=cv2.INTER_LINEAR), np.uint8)

        return seen_best(self._mesh, cut(picture), cut(soft))[1]


def seen_best(mesh: Net, crop: Picture, soft: Picture) -> tuple[NDArray[np.float32], float]:
    """Landmarks and presence as the mesh finds them in a crop painted by `soft_skin`, or, where it finds nobody there
    in coloured light, in the crop `stretched`, whichever it is surer of."""
    points, presence = _looked(mesh, soft)
    if presence <= _PRESENCE and tinted(crop):
        others, surer = _looked(mesh, stretched(crop))
        if surer > presence:
            return others, surer
    return points, presence


def _looked(mesh: Net, crop: Picture) -> tuple[NDArray[np.float32], float]:
    points, presence = mesh(crop[None].astype(np.float32) / np.float32(255))
    return points, float(1 / (1 + np.exp(-presence.reshape(-1)[0])))


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


def soft_skin(picture: Picture, peak: float = 0.0) -> Picture:
    """Brightness regardless of colour, painted weakly warm; `peak` is what counts as bright, 0 finds it."""
    length = np.sqrt((picture.astype(np.float32) ** 2).sum(axis=2))
    return _warm(235 * np.clip(length / (peak or peak_of(length)), 0, 1))


def stretched(crop: Picture) -> Picture:
    """Luma of a square around a face, stretched to what its middle holds, painted weakly warm.

    Where one channel is clipped its size says nothing; luma still has what the others hold, at full bandwidth. Under
    magenta light faces of 36 lines get presence 0.7 to 1.0 where `soft_skin` leaves 0.1 to 0.6 (measured).
    """
    luma = crop.astype(np.float32) @ _LUMA
    quarter = len(luma) // 4
    low, high = np.percentile(luma[quarter:-quarter, quarter:-quarter], (1, 99))
    low, high = 0.8 * max(low - 0.25 * (high - low), 0.0), high + 0.1 * (high - low)
    grey = 235 * np.clip((luma - low) / max(high - low, 1.0), 0, 1)
    return _warm(grey)


def tinted(crop: Picture) -> bool:
    """Whether a crop lies in coloured light: its strongest channel is far above its weakest."""
    means = crop.reshape(-1, 3).mean(axis=0) + 2
    return bool(means.max() > _TINTED * means.min())


def _warm(grey: NDArray[np.float32]) -> Picture:
    warm = np.stack([1.06 * grey + 6, 0.95 * grey, 0.86 * grey], axis=-1)
    return np.clip(warm, 0, 255).astype(np.uint8)


def peak_of(length: NDArray[np.float32]) -> float:
    """What counts as bright in a picture, from the lengths `(H, W)` of its R'G'B'."""
    return max(float(np.percentile(length, 99.7)), 1.0)


def _merge(candidates: list[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """Weighted non-maximum suppression: overlapping boxes become their mean by score."""
    rest = sorted(candidates, key=lambda box: -box[4])
    merged = []
    while rest:
        best = rest[0]
        same = [box for box in rest if _overlap(best, box) > _OVERLAP]
        weights = np.array([box[4] for box in same])
        mean = np.average(np.stack(same), axis=0, weights=weights)
        mean[4] = best[4]
        merged.append(mean)
        rest = [box for box in rest if _overlap(best, box) <= _OVERLAP]
    return merged


def _inside(face: Face, better: Face) -> bool:
    width = min(face.left + face.width, better.left + better.width) - max(face.left, better.left)
    height = min(face.top + face.height, better.top + better.height) - max(face.top, better.top)
    return max(width, 0) * max(height, 0) >= _COVERED * face.width * face.height


def _overlap(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Intersection over union."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    common = width * height
    return float(common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common))
