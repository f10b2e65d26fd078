"""Faces: where they are on searched frames, joined to tracks inside a shot.

Always on one field, never on woven frames: combing triples the error of landmarks (measured).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from threading import Lock
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.analysis.base import ANALYSERS, Notes, Scene, Series
from footlights.analysis.view import FrameView, rgb_from_codes
from footlights.core.reports import FaceBox, FaceReport, FaceTrack, Shot
from footlights.errors import MissingExtraError
from footlights.settings import FaceSettings

MOST = 8
"""Faces kept per frame, best first."""
_METHODS = {
    "stageface": "stageface on one field: boxes that landmarks verify, or of which it is sure by itself",
    "blazeface": "blazeface on one field, three renderings, verified by landmarks",
    "hog": "hog",
}
_NUMBERS = 6
_SEARCH_HEIGHT = 480
_SAME = 0.2
"""Overlap from which a face on the next searched frame is the same one."""


def check(settings: FaceSettings) -> None:
    """Raise MissingExtraError where the chosen detector's package is not installed."""
    if settings.enabled and settings.detector == "hog":
        _dlib()


class Finder:
    """The chosen detector behind one call: picture (H, W, 3) → rows of left, top, width, height, score, presence."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._found: Any = _hog() if name == "hog" else _nets(name)
        self._turn = Lock()

    def __call__(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        with self._turn:
            rows = self._found(picture)[:MOST]
        return np.array(rows, np.float32).reshape(-1, _NUMBERS)


@lru_cache(maxsize=1)
def finder_of(name: str) -> Finder:
    """The one of this process: making its nets ready takes as long as searching four pictures, and a process measures
    one part of a tape after another."""
    return Finder(name)


@ANALYSERS.add("faces")
class FaceAnalyser:
    """Notes boxes on one frame per `analysis.faces.every` seconds, in source samples."""

    name: ClassVar[str] = "faces"
    version: ClassVar[int] = 5
    before: ClassVar[int] = 0
    after: ClassVar[int] = 0
    columns: ClassVar[dict[str, int]] = {"faces.boxes": MOST * _NUMBERS, "faces.searched": 1}

    def __init__(self, scene: Scene) -> None:
        settings = scene.settings.faces
        source = scene.ingest.source
        self._every = max(1, round(settings.every * source.rate))
        self._finder = finder_of(settings.detector) if settings.enabled else None
        self._interlaced = scene.signal.field_order.interlaced
        self._first = scene.first_field
        self._shape = (source.width * source.signal.sample_aspect) / source.height

    def look(self, views: Sequence[FrameView], notes: Notes) -> None:
        view = views[-1]
        if self._finder is None or view.number % self._every != min(2, self._every - 1):
            return
        width = round(_SEARCH_HEIGHT * float(self._shape) / 2) * 2
        picture = _picture(view, self._first if self._interlaced else None, width)
        rows = self._finder(picture)
        scale = np.array([view.y.shape[1] / width, view.y.shape[0] / _SEARCH_HEIGHT] * 2 + [1, 1], np.float32)
        boxes = np.full((MOST, _NUMBERS), np.nan, np.float32)
        boxes[: len(rows)] = rows * scale
        notes.set(view.number, **{"faces.searched": float(len(rows))})
        notes.set(view.number, **{"faces.boxes": boxes.reshape(-1)})


def report(series: Series, shot: Shot, detector: str) -> FaceReport:
    """Conclude for one shot: boxes that overlap from one searched frame to the next are one track."""
    tracks: list[list[FaceBox]] = []
    searched = 0
    for frame in shot.frames:
        if not np.isfinite(series["faces.searched"][frame]):
            continue
        searched += 1
        rows = series["faces.boxes"][frame].reshape(MOST, _NUMBERS)
        free = list(tracks)
        for row in rows[np.isfinite(rows[:, 0])]:
            box = FaceBox(frame, *(round(float(value), 2) for value in row))
            same = max(free, key=lambda track: _overlap(track[-1], box), default=None)
            if same is not None and _overlap(same[-1], box) > _SAME:
                same.append(box)
                free.remove(same)
            else:
                tracks.append([box])
    return FaceReport(tuple(FaceTrack(tuple(track)) for track in tracks), searched, _METHODS[detector])


def _picture(view: FrameView, field: int | None, width: int) -> NDArray[np.uint8]:
    """R'G'B' of one field (or of the whole progressive frame), square samples, 480 lines."""
    rows = slice(None) if field is None else slice(field, None, 2)
    size = (width, _SEARCH_HEIGHT)
    planes = [
        np.asarray(cv2.resize(np.ascontiguousarray(plane[rows]), size, interpolation=cv2.INTER_LINEAR), np.uint8)
        for plane in (view.y, view.cb, view.cr)
    ]
    return rgb_from_codes(*planes)


def _nets(name: str) -> Any:
    from footlights.models.faces import FaceFinder

    # Parts of a tape are measured side by side: more threads would only get in each other's way.
    finder = FaceFinder("blazeface" if name == "blazeface" else "stageface", threads=1)
    return lambda picture: [
        (face.left, face.top, face.width, face.height, face.score, face.presence)
        for face in finder.find(picture, best=MOST)
    ]


def _dlib() -> Any:
    try:
        import dlib
    except ImportError as error:
        raise MissingExtraError("analysis.faces.detector = hog", "faces", "dlib-bin") from error
    return dlib


def _hog() -> Any:
    detector = _dlib().get_frontal_face_detector()

    def find(picture: NDArray[np.uint8]) -> list[tuple[float, ...]]:
        boxes, scores, _ = detector.run(picture, 1, 0.0)
        order = sorted(zip(boxes, scores, strict=True), key=lambda pair: -pair[1])
        # dlib's score is a margin without upper bound; the logistic function makes a share of it.
        share = [1 / (1 + np.exp(-score)) for _, score in order]
        return [
            (box.left(), box.top(), box.width(), box.height(), value, value)
            for (box, _), value in zip(order, share, strict=True)
        ]

    return find


def _overlap(a: FaceBox, b: FaceBox) -> float:
    width = min(a.left + a.width, b.left + b.width) - max(a.left, b.left)
    height = min(a.top + a.height, b.top + b.height) - max(a.top, b.top)
    if width <= 0 or height <= 0:
        return 0.0
    common = width * height
    return common / (a.width * a.height + b.width * b.height - common)
