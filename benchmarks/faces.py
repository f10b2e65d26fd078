"""How steadily faces are followed: `python benchmarks/faces.py --data DIR`.

Composites with exact truth: held-out faces (one source in eight, by name, as in training) move over a still background
with sway, zoom and roll, are blurred, lit white or red, and get fresh noise and JPEG compression per picture. Not the
tape simulator: only what shakes landmarks. Reported: share of pictures covered, crop jitter (σ of the second difference
of the crop's place in a crop of 512) and RMS position error, after the constant offset of each face.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from zlib import crc32

import cv2
import numpy as np

import bench
from footlights.analysis.facetracks import FaceTracker
from footlights.core.faces import FACE_SHARE, ShotFaces

_PICTURES = 40
_SIZE = (480, 360)
_LIGHTS = {"white": (1.0, 1.0, 1.0), "red": (1.0, 0.035, 0.02)}
_HEIGHTS = (90, 36)


def main() -> None:
    parser = bench.arguments("faces", __doc__)
    parser.add_argument("--faces", type=int, default=4, help="held-out faces per cell")
    options = bench.parsed(parser)
    found = sorted((options.data / "train_faces" / "sfhq").glob("*.webp"))
    faces = [path for path in found if crc32(path.stem.encode()) % 8 == 0][: options.faces]
    tracker = FaceTracker(threads=1)
    rows = [_cell(tracker, faces, light, height) for light in _LIGHTS for height in _HEIGHTS]
    bench.write(options.out, {"machine": bench.machine(), "cells": rows})
    for row in rows:
        print(row)


def _cell(tracker: FaceTracker, faces: list[Path], light: str, height: int) -> dict[str, Any]:
    covered, jitter, error, lost = [], [], [], 0
    for number, path in enumerate(faces):
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR)[..., ::-1].astype(np.float32) / 255
        shown = [_picture(picture, n, light, height, number) for n in range(_PICTURES)]
        followed = tracker.follow(0, shown)
        if not followed.faces:
            lost += 1
            covered.append(0.0)
            continue
        one = _scores(followed, len(picture), height)
        covered.append(one[0])
        jitter.append(one[1])
        error.append(one[2])
    return {
        "light": light,
        "height": height,
        "n": len(faces),
        "lost": lost,
        "covered": round(float(np.mean(covered)), 3),
        "jitter": round(float(np.mean(jitter)), 3) if jitter else None,
        "worst_jitter": round(float(np.max(jitter)), 3) if jitter else None,
        "error": round(float(np.mean(error)), 3) if error else None,
    }


def _motion(n: int, height: int) -> tuple[float, float, float, float]:
    """Size factor, turn, and place of the middle of the picture of the face."""
    bob = 0.12 * height * np.sin(2 * np.pi * n / 13)
    return 1 + 0.03 * np.sin(n / 9), 0.06 * np.sin(n / 7), 240 + 0.4 * n + bob / 2, 180 + bob


def _matrix(n: int, side: int, height: int) -> np.ndarray[Any, Any]:
    size, turn, x, y = _motion(n, height)
    scale = size * height / (0.62 * side)
    cos, sin, half = scale * np.cos(turn), scale * np.sin(turn), (side - 1) / 2
    return np.array([[cos, -sin, x - half * (cos - sin)], [sin, cos, y - half * (sin + cos)]])


def _picture(face: np.ndarray[Any, Any], n: int, light: str, height: int, seed: int) -> np.ndarray[Any, Any]:
    matrix = _matrix(n, len(face), height)
    scale = float(np.hypot(*matrix[:, 0]))
    soft = cv2.GaussianBlur(face, (0, 0), max(0.45 / scale, 0.3))
    scene = np.full((_SIZE[1], _SIZE[0], 3), 0.25, np.float32)
    cv2.warpAffine(soft, matrix, _SIZE, scene, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT)
    lit = np.minimum(scene**2.2 * np.array(_LIGHTS[light], np.float32) * (1.8 if light != "white" else 1), 1) ** (
        1 / 2.2
    )
    lit = cv2.GaussianBlur(lit.astype(np.float32), (0, 0), 0.8) * 255
    lit += np.random.default_rng([seed, n]).normal(0, 3, lit.shape)
    _, data = cv2.imencode(".jpg", np.clip(lit, 0, 255).astype(np.uint8)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 50])
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])


def _scores(followed: ShotFaces, side: int, height: int) -> tuple[float, float, float]:
    path = max((face.path for face in followed.faces), key=len)
    place = []
    for row, crop in enumerate(path.crop):
        inverse = cv2.invertAffineTransform(_matrix(path.first + row, side, height))
        place.append(inverse @ [crop[2], crop[3], 1.0])
    # In samples of a crop of 512: the picture of the face is 1 / (0.62 × side) of its height a sample.
    off = (np.array(place) - np.mean(place, axis=0)) / (0.62 * side) * FACE_SHARE * 512
    return len(path) / _PICTURES, float(np.std(np.diff(off, 2, axis=0))), float(np.sqrt((off**2).sum(axis=1).mean()))


if __name__ == "__main__":
    sys.exit(main())
