"""Faces: how steadily they are followed, what TrackFace gains, whom the guard refuses, and who is told apart.

`python benchmarks/faces.py --data DIR [--shards DIR] [--recogniser FILE] [--part NAME]`; a part replaces its own cells
of the last result and leaves the others.

tracking: held-out faces (one source in eight, by name, as in training) move over a still background with sway, zoom
and roll, in white or coloured light, through the tape simulator (`medium`, no codec), and are followed on single
fields; the truth is exact. gain, people: `face_scores.py`, on held-out shards as
`footlights.training.trackface_render` writes them. recall: `face_recall.py`. marks,
tracks: `face_marks.py`. pictures: `face_pictures.py`. run, what
all of it costs: `face_run.py`. strips: `face_strips.py`.

Every tape here comes from the project's own simulator.
"""

from __future__ import annotations

import argparse
import json
import sys
from itertools import islice
from pathlib import Path
from typing import Any
from zlib import crc32

import cv2
import numpy as np

import bench
from face_marks import marks, tracks
from face_pictures import pictures
from face_recall import merged, recall
from face_run import run
from face_scores import gain, people
from face_strips import strips
from face_tapes import DRAWN, SIZE, TINTS, lit, on_tape
from footlights.analysis.facetracks import FaceTracker
from footlights.core.clip import Plane
from footlights.core.faces import FACE_SHARE, ShotFaces

_OTHERS = {
    "gain": gain,
    "people": people,
    "recall": recall,
    "marks": marks,
    "tracks": tracks,
    "pictures": pictures,
    "run": run,
    "strips": strips,
}
_PARTS = ("tracking", *_OTHERS)
_PICTURES = 40
_COLOURED = ("red", "blue", "magenta", "green")
_CELLS = (("white", 90), ("white", 200), ("tinted", 90), ("tinted", 36))
_SHARE = 0.62
"""Height of the face over that of the picture it is cut from."""


def main() -> None:
    """Run the parts asked for and put them beside what is there."""
    parser = bench.arguments("faces", __doc__)
    parser.add_argument("--part", choices=_PARTS, action="append")
    parser.add_argument("--faces", type=int, default=8, help="held-out faces per cell of tracking")
    parser.add_argument("--shards", type=Path, help="held-out shards, for the other parts")
    parser.add_argument("--most", type=int, default=0, help="tracks of gain; all if 0")
    parser.add_argument("--people", type=Path, help="faces list: only tracks of its photographs, for gain")
    parser.add_argument("--again", action="store_true", help="only the tracks of the last result, for gain")
    parser.add_argument("--recogniser", type=Path, help="dlib's model, an independent judge of identity")
    parser.add_argument(
        "--faces-list", type=Path, help="as footlights.training.facesources wrote it, for recall and marks"
    )
    parser.add_argument("--detector", choices=("stageface", "blazeface"), help="the only one of recall that is run")
    parser.add_argument("--draws", type=int, default=1, help="times as many placements of recall, StageFace alone")
    parser.add_argument("--shots", type=int, default=8, help="shots of the tape of run")
    parser.add_argument("--set", dest="sets", action="append", default=[], help="settings of run, for trials")
    parser.add_argument("--pictures", type=Path, help="folder for strips: (tape |) FieldLift | ours | truth")
    options = bench.parsed(parser)
    result: dict[str, Any] = json.loads(options.out.read_text("utf-8")) if options.out.is_file() else {}
    wanted = options.part or [name for name in _PARTS if _possible(name, options)]
    if "tracking" in wanted:
        result["tracking"] = {"machine": bench.machine(), "cells": tracking(options.data, options.faces)}
    for name, part in _OTHERS.items():
        if name in wanted:
            found = part(options)
            if name == "recall" and options.detector and name in result:
                found = merged(result[name], found)
            result[name] = {"machine": bench.machine(), **found}
            bench.write(options.out, result)
    bench.write(options.out, result)
    for name in wanted:
        print(json.dumps({key: value for key, value in result[name].items() if key != "machine"}, indent=1))


def _possible(name: str, options: argparse.Namespace) -> bool:
    """Whether what a part needs was given."""
    needed = {
        "gain": options.shards,
        "people": options.shards,
        "recall": options.faces_list,
        "marks": options.faces_list,
        "tracks": options.faces_list,
        "strips": options.pictures,
    }
    return needed.get(name, True) is not None


def tracking(data: Path, count: int) -> list[dict[str, Any]]:
    """One row per light and height, each over the same held-out faces."""
    found = sorted((data / "train_faces" / "sfhq").glob("*.webp"))
    faces = [path for path in found if crc32(path.stem.encode()) % 8 == 0][:count]
    tracker = FaceTracker(threads=1)
    return [_cell(tracker, faces, light, height) for light, height in _CELLS]


def _cell(tracker: FaceTracker, faces: list[Path], light: str, height: int) -> dict[str, Any]:
    covered, jitter, error, lost, extra = [], [], [], 0, 0
    for number, path in enumerate(faces):
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR)[..., ::-1].astype(np.float32) / 255
        colour = TINTS["white"] if light == "white" else TINTS[_COLOURED[number % len(_COLOURED)]]
        scenes = (_scene(picture, colour, n, height) for n in range(_PICTURES + 2))
        followed = tracker.follow(0, islice(on_tape(scenes, number), _PICTURES))
        if not followed.faces:
            lost += 1
            covered.append(0.0)
            continue
        one = _scores(followed, len(picture), height)
        extra += len(followed.faces) - 1
        covered.append(one[0])
        jitter.append(one[1])
        error.append(one[2])
    return {
        "light": light,
        "height": height,
        "n": len(faces),
        "lost": lost,
        "false_tracks": extra,
        "covered": round(float(np.mean(covered)), 3),
        "jitter": round(float(np.mean(jitter)), 3) if jitter else None,
        "worst_jitter": round(float(np.max(jitter)), 3) if jitter else None,
        "error": round(float(np.mean(error)), 3) if error else None,
    }


def _motion(n: int, height: int) -> tuple[float, float, float, float]:
    """Size factor, turn, and place of the middle of the picture of the face."""
    bob = 0.12 * height * np.sin(2 * np.pi * n / 26)
    return 1 + 0.03 * np.sin(n / 18), 0.06 * np.sin(n / 14), 310 + 0.3 * n + bob / 2, 240 + bob


def _matrix(n: int, side: int, height: int) -> np.ndarray[Any, Any]:
    """`(2, 3)`: samples of the face's picture to square samples of the scene."""
    size, turn, x, y = _motion(n, height)
    scale = size * height / (_SHARE * side)
    cos, sin, half = scale * np.cos(turn), scale * np.sin(turn), (side - 1) / 2
    return np.array([[cos, -sin, x - half * (cos - sin)], [sin, cos, y - half * (sin + cos)]])


def _scene(face: Plane, light: tuple[float, float, float], n: int, height: int) -> Plane:
    matrix = _matrix(n, len(face), height)
    scale = float(np.hypot(*matrix[:, 0]))
    wide = DRAWN[0] / SIZE[0]
    drawn = matrix * np.array([[wide], [1.0]])
    drawn[0, 2] += (wide - 1) / 2
    soft = cv2.GaussianBlur(face, (0, 0), max(0.45 / scale, 0.3))
    scene = np.full((DRAWN[1], DRAWN[0], 3), 0.25, np.float32)
    cv2.warpAffine(soft, drawn, DRAWN, scene, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT)
    return lit(scene, light)


def _scores(followed: ShotFaces, side: int, height: int) -> tuple[float, float, float]:
    """Share of pictures covered, crop jitter, and RMS error of place behind the face's constant offset."""
    path = max((face.path for face in followed.faces), key=len)
    place = []
    for row, crop in enumerate(path.crop):
        inverse = cv2.invertAffineTransform(_matrix(path.first + row, side, height))
        place.append(inverse @ [crop[2], crop[3], 1.0])
    # In samples of a crop of 512: the picture of the face is 1 / (0.62 × side) of its height a sample.
    off = (np.array(place) - np.mean(place, axis=0)) / (_SHARE * side) * FACE_SHARE * 512
    return len(path) / _PICTURES, float(np.std(np.diff(off, 2, axis=0))), float(np.sqrt((off**2).sum(axis=1).mean()))


if __name__ == "__main__":
    sys.exit(main())
