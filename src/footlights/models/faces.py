"""Faces in one picture: boxes of a detector, looked at by a landmark net, whose presence score verifies them.

The face mesh looks first, and StageMarks where that sees nobody: half of the faces of tapes under coloured light, and
nearly all of 28 lines, have a box that the mesh does not confirm (measured). StageFace, our own detector, is also
believed alone where it is sure; landmarks of a face that neither net sees must not be used. Mesh: Kartynnik et al.,
"Real-time facial surface geometry", 2019.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.models.blazeface import BlazeFace
from footlights.models.landmarks import ROOM, Square
from footlights.models.runtime import Net
from footlights.models.stageface import StageFace
from footlights.models.stagemarks import StageMarks

Picture = NDArray[np.uint8]
"""(H, W, 3) R'G'B' with square samples."""

Detector = Literal["stageface", "blazeface"]
Judge = Literal["either", "mesh", "nobody"]
"""Who must see a face for it to be told: the mesh, StageMarks or a sure StageFace; the mesh, where all its landmarks
are wanted; or nobody, where every box is wanted."""

_SIDE = 192
_LOOKED = 0.2
"""Score at a first look from which a box is looked at again."""
_DOUBTFUL, _LIKELY, _SURE = 0.38, 0.35, 0.52
"""Scores of all looks from which StageFace is believed together with the mesh, with StageMarks, and alone: those that
find most on validation pictures of training at no more false faces than before on held-out pictures without people."""
_TOLD = 0.95
"""Presence from which StageMarks vouches for a face that StageFace is not sure of by itself."""
_OVERLAP = 0.3
_PRESENCE = 0.5
_COVERED = 0.7
"""Share of a box inside a better one from which it is a part of that face, not another face."""
_TINTED = 1.6
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True, slots=True)
class Face:
    """A face in picture coordinates; the box ends where the picture does, the points may lie beyond."""

    left: float
    top: float
    width: float
    height: float
    score: float
    presence: float
    """Of a face, as the surer landmark net sees it, 0..1; up to one half neither sees one, and the detector alone says
    so."""
    points: tuple[tuple[float, float], ...]
    """Right eye, left eye, nose tip, mouth, right ear, left ear."""


class FaceFinder:
    """Finds faces in single pictures; holds the compiled nets."""

    def __init__(self, detector: Detector = "stageface", *, marks: bool = True, threads: int = 0) -> None:
        """`marks`: StageMarks too may verify what StageFace has found."""
        self._stage = StageFace(threads=threads) if detector == "stageface" else None
        self._blaze = BlazeFace(threads=threads) if detector == "blazeface" else None
        self._mesh = Net("face_landmark", threads=threads)
        self._marks = StageMarks(threads=threads) if detector == "stageface" and marks else None

    def find(
        self, picture: Picture, *, least: float = 0.0, most: int = 0, judge: Judge = "either", best: int = 0
    ) -> list[Face]:
        """Faces, best first, the `best` of them (0: all). Boxes lower than `least` samples are passed over, and only
        the `most` largest are looked at (0: all), so that a crowd takes bounded time."""
        soft = soft_skin(picture)
        faces: list[Face] = []
        boxes = [box for box in _merge(self._candidates(picture, soft)) if box[3] - box[1] >= least]
        for box in self._looked_again(picture, _largest(boxes, most), 0.0 if judge == "nobody" else _DOUBTFUL):
            if best and len(faces) == best:
                break
            # What the detector doubts too much, or has found better already, no landmark net need look at.
            face = _face(box, 0.0, picture)
            if not self._believed(face.score, 1.0, 1.0, judge) or any(_inside(face, better) for better in faces):
                continue
            mesh = self._verify(picture, soft, box)
            own = self._told(picture, box) if mesh <= _PRESENCE and judge == "either" else 0.0
            if self._believed(face.score, mesh, own, judge):
                face = replace(face, presence=max(mesh, own))
                faces.append(face)
        return faces

    def _believed(self, score: float, mesh: float, own: float, judge: Judge) -> bool:
        seen = mesh > _PRESENCE and (self._stage is None or score >= _DOUBTFUL)
        told = score >= _LIKELY and own >= _TOLD
        alone = judge == "either" and self._stage is not None and score >= _SURE
        return judge == "nobody" or seen or told or alone

    def _candidates(self, picture: Picture, soft: Picture) -> list[NDArray[np.float64]]:
        if self._stage is not None:
            return list(self._stage.boxes(picture, _LOOKED))
        assert self._blaze is not None
        return self._blaze.candidates(picture, soft)

    def _looked_again(
        self, picture: Picture, boxes: list[NDArray[np.float64]], least: float
    ) -> list[NDArray[np.float64]]:
        """StageFace's boxes with the score of all its looks, best first; scores below `least` are only bounds."""
        if self._stage is None or not boxes:
            return boxes
        rows = np.stack(boxes)
        rows[:, 4] = self._stage.again(picture, rows, least)
        return list(rows[np.argsort(-rows[:, 4], kind="stable")])

    def _told(self, picture: Picture, box: NDArray[np.float64]) -> float:
        """Presence by StageMarks: the lesser of two looks, the second where the first has seen the face."""
        if self._marks is None:
            return 0.0
        first = self._marks.look(picture, _square(box))
        return min(first.presence, self._marks.look(picture, first.square).presence)

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


def _square(box: NDArray[np.float64]) -> Square:
    """Where landmarks are looked for first."""
    eyes = box[7:9] - box[5:7]
    side = ROOM * float(max(box[2] - box[0], box[3] - box[1]))
    x, y = (box[:2] + box[2:4]) / 2
    return Square(float(x), float(y), side, float(np.arctan2(eyes[1], eyes[0])))


def _largest(boxes: list[NDArray[np.float64]], most: int) -> list[NDArray[np.float64]]:
    if not most or len(boxes) <= most:
        return boxes
    limit = sorted((float(box[3] - box[1]) for box in boxes), reverse=True)[most - 1]
    return [box for box in boxes if box[3] - box[1] >= limit]


def _face(box: NDArray[np.float64], presence: float, picture: Picture) -> Face:
    points = tuple((float(x), float(y)) for x, y in box[5:].reshape(6, 2))
    size = np.array(picture.shape[1::-1] * 2, np.float64)
    left, top, right, bottom = (float(value) for value in np.clip(box[:4], 0, size))
    return Face(left, top, right - left, bottom - top, float(box[4]), presence, points)


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


def soft_skin(picture: Picture, peak: float = 0.0) -> Picture:
    """Brightness regardless of colour, painted weakly warm; `peak` is what counts as bright, 0 finds it."""
    red, green, blue = (np.square(plane.astype(np.float32)) for plane in cv2.split(picture))
    length = np.sqrt(red + green + blue)
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
    planes = [np.clip(plane, 0, 255).astype(np.uint8) for plane in (1.06 * grey + 6, 0.95 * grey, 0.86 * grey)]
    return np.asarray(cv2.merge(planes), np.uint8)


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
