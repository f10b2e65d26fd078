"""Pictures of faces against faces: how much of their landmarks lasts that no affine motion explains, and what is said
of them. Part of `faces.py`.

Living: clips of real and of generated people, each of their pictures shown on two fields. Pictures: one picture of a
clip, or a photograph, on a backdrop that a hand-held camera pans, zooms and rolls over, and on a shirt that also
shears, stretches and tilts. All through the tape simulator, followed field by field by the mesh from where the detector
finds them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from face_tapes import DRAWN, SIZE, on_tape
from footlights.analysis import facelife
from footlights.core.clip import Plane
from footlights.core.faces import PICTURE
from footlights.core.time import FrameRange
from footlights.media.reader import VideoReader, index_video
from footlights.models.facemesh import FaceMesh, brightness, square_of
from footlights.models.faces import FaceFinder, Picture
from footlights.training.scenes import to_rgb
from footlights.training.sources import read_picture

_FRAMES = 125
_SHORT = 120
"""Pictures of the shortest pieces, of which nothing should be said however still somebody is."""
_LIVING = (
    ("train_video/aigen_office3.mp4", 60, "medium"),
    ("dev_clips/face_man_shkraba.mp4", 90, "medium"),
    ("train_video/aigen_office1.mp4", 70, "medium"),
    ("train_video/aigen_office5.mp4", 60, "vhs"),
    ("dev_clips/face_colourlight_cottonbro.mp4", 70, "medium"),
)
"""Clip, lines of the face, tape."""
_STILL = (
    ("dev_clips/face_man_shkraba.mp4", 90, "medium"),
    ("train_faces/real/us_5940841_0.webp", 60, "medium"),
    ("train_video/aigen_office5.mp4", 60, "vhs"),
    ("train_faces/real/us_6147161_0.webp", 90, "light"),
)
_SHIRTS = _STILL[:1]


def pictures(options: argparse.Namespace) -> dict[str, Any]:
    """One row a track."""
    rows = []
    for number, (name, height, tape) in enumerate(_LIVING):
        scenes = _lively(options.data / name, height)
        rows.append({"kind": "living", "source": name, **_row(scenes, number, tape)})
    for kind, sources in (("backdrop", _STILL), ("shirt", _SHIRTS)):
        for number, (name, height, tape) in enumerate(sources):
            still = _still(options.data / name)
            scenes = _backdrop(still, height, number, bent=kind == "shirt")
            rows.append({"kind": kind, "source": name, **_row(scenes, 50 + number, tape)})
    return {"rows": rows, "said": {kind: _said(rows, kind) for kind in ("living", "backdrop", "shirt")}}


def _said(rows: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    own = [row for row in rows if row["kind"] == kind]
    return {
        "n": len(own),
        "taken_for_pictures": sum(row["picture"] >= PICTURE for row in own),
        "lasting": [min(row["lasting"] for row in own), max(row["lasting"] for row in own)],
    }


def _row(scenes: Iterator[Plane], seed: int, tape: str) -> dict[str, Any]:
    shapes = _followed(on_tape(scenes, seed, tape=tape))
    instants = sorted(shapes)
    pieces = [
        facelife.lasting({instant: shapes[instant] for instant in instants[start : start + _SHORT]})
        for start in range(0, max(len(instants) - _SHORT, 0) + 1, 30)
    ]
    return {
        "tape": tape,
        "pictures": len(shapes),
        "lasting": round(facelife.lasting(shapes), 3),
        "lasting_of_pieces": [round(min(pieces), 3), round(max(pieces), 3)],
        "picture": facelife.picture(shapes),
    }


def _followed(shown: Iterator[Picture]) -> dict[int, facelife.Shape]:
    finder, mesh, square, shapes = FaceFinder(threads=1), FaceMesh(threads=1), None, {}
    for instant, picture in enumerate(shown):
        if square is None:
            found = finder.find(picture, judge="mesh")
            if not found:
                continue
            square = square_of(max(found, key=lambda face: face.height))
        seen = mesh.look(picture, square, brightness(picture))
        if seen.presence > 0.5:
            shapes[instant], square = facelife.shape_of(seen), seen.square
    return shapes


def _lively(path: Path, height: float) -> Iterator[Plane]:
    matrix, soft = _laid(_still(path), height)
    for picture in _clip(path, _FRAMES):
        scene = cv2.warpAffine(_softened(picture, soft), matrix, DRAWN, borderMode=cv2.BORDER_REPLICATE)
        yield scene
        yield scene


def _backdrop(still: Picture, height: float, seed: int, *, bent: bool) -> Iterator[Plane]:
    """One picture under a hand-held camera; bent: sheared, stretched and tilted as well."""
    rng = np.random.default_rng(seed)
    phase, tempo, size = rng.uniform(0, 6, 8), rng.uniform(0.5, 1.5, 8), rng.uniform(0.2, 1)
    matrix, soft = _laid(still, height)
    drawn, place = _softened(still, soft), np.vstack([matrix, [0, 0, 1]])
    to_middle = np.array([[1, 0, -DRAWN[0] / 2], [0, 1, -DRAWN[1] / 2], [0, 0, 1]])
    for number in range(2 * _FRAMES):
        wave = np.sin(tempo * number / 30 + phase)
        shake = 0.6 * np.sin(9 * tempo * number / 60 + phase)
        zoom, turn = 1 + 0.03 * size * wave[2], (0.06 if bent else 0.02) * size * wave[3]
        shear, wide = (0.08 * wave[4], 1 + 0.1 * wave[5]) if bent else (0.0, 1.0)
        tilt = (3e-4 * wave[6], 2e-4 * wave[7]) if bent else (0.0, 0.0)
        move = np.array(
            [
                [zoom * wide * np.cos(turn), zoom * (shear - np.sin(turn)), 20 * size * wave[0] + shake[0]],
                [zoom * np.sin(turn), zoom * np.cos(turn), 20 * size * wave[1] + shake[1]],
                [*tilt, 1],
            ]
        )
        whole = np.linalg.inv(to_middle) @ move @ to_middle @ place
        yield cv2.warpPerspective(drawn, whole, DRAWN, borderMode=cv2.BORDER_REPLICATE)


def _laid(picture: Picture, height: float) -> tuple[np.ndarray[Any, Any], float]:
    """From samples of a picture to those of the scene, its largest face in the middle; the blur that sampling needs."""
    found = max(FaceFinder(threads=1).find(_reduced(picture), judge="mesh"), key=lambda face: face.height)
    factor = len(picture) / len(_reduced(picture))
    zoom = min(height / (found.height * factor), 1.2)
    x, y = factor * (found.left + found.width / 2), factor * (found.top + found.height / 2)
    wide = zoom * DRAWN[0] / SIZE[0]
    return np.array([[wide, 0, DRAWN[0] / 2 - wide * x], [0, zoom, DRAWN[1] / 2 - zoom * y]]), max(0.45 / zoom, 0.3)


def _reduced(picture: Picture) -> Picture:
    factor = min(1.0, 1280 / max(picture.shape[:2]))
    return np.asarray(cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)


def _softened(picture: Picture, sigma: float) -> Plane:
    return np.asarray(cv2.GaussianBlur(picture.astype(np.float32) / 255, (0, 0), sigma), np.float32)


def _still(path: Path) -> Picture:
    return read_picture(path) if path.suffix == ".webp" else next(_clip(path, 1))


def _clip(path: Path, count: int) -> Iterator[Picture]:
    index = index_video(path)
    with VideoReader(path, index, threads=1) as reader:
        for frame in reader.read(FrameRange(0, min(count, index.frames))):
            yield to_rgb(frame.planes)
