"""Faces: how steadily they are followed, what TrackFace gains, whom the guard refuses, and who is told apart.

`python benchmarks/faces.py --data DIR [--shards DIR] [--recogniser FILE] [--part NAME]`; a part replaces its own cells
of the last result and leaves the others.

tracking: held-out faces (one source in eight, by name, as in training) move over a still background with sway, zoom
and roll, in white or coloured light, through the tape simulator (`medium`, no codec), and are followed on single
fields; the truth is exact. gain, people: `face_scores.py`, on held-out shards as
`footlights.training.trackface_render` writes them.

Every tape here comes from the project's own simulator.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any
from zlib import crc32

import cv2
import numpy as np

import bench
from face_scores import gain, people
from footlights.analysis.facetracks import FaceTracker
from footlights.core.clip import Clip, Plane
from footlights.core.colour import DISPLAY_GAMMA, chroma_from_codes, luma_from_codes
from footlights.core.faces import FACE_SHARE, ShotFaces
from footlights.core.signal import Range
from footlights.core.time import FrameRange
from footlights.pipeline.facetracks import picture_of
from footlights.tape.raster import NTSC
from footlights.tape.simulate import Simulator
from footlights.training.tapes import known_tape

_PICTURES = 40
_SIZE = (640, 480)
_DRAWN = (704, 480)
"""Samples and lines in which scenes are drawn; those of the tape's active picture."""
_TINTS = ((1.0, 0.035, 0.02), (0.03, 0.07, 1.0), (1.0, 0.03, 0.75), (0.05, 1.0, 0.12))
"""Red, blue, magenta and green: shares of linear light."""
_CELLS = (("white", 90), ("white", 200), ("tinted", 90), ("tinted", 36))
_SHARE = 0.62
"""Height of the face over that of the picture it is cut from."""


def main() -> None:
    """Run the parts asked for and put them beside what is there."""
    parser = bench.arguments("faces", __doc__)
    parser.add_argument("--part", choices=("tracking", "gain", "people"), action="append")
    parser.add_argument("--faces", type=int, default=8, help="held-out faces per cell of tracking")
    parser.add_argument("--shards", type=Path, help="held-out shards, for the other parts")
    parser.add_argument("--most", type=int, default=0, help="tracks of gain; all if 0")
    parser.add_argument("--recogniser", type=Path, help="dlib's model, an independent judge of identity")
    parser.add_argument("--pictures", type=Path, help="folder for strips: FieldLift | ours | truth")
    options = bench.parsed(parser)
    result: dict[str, Any] = json.loads(options.out.read_text("utf-8")) if options.out.is_file() else {}
    wanted = options.part or ["tracking", *(["gain", "people"] if options.shards else [])]
    if "tracking" in wanted:
        result["tracking"] = {"machine": bench.machine(), "cells": tracking(options.data, options.faces)}
    for name, part in (("gain", gain), ("people", people)):
        if name in wanted:
            result[name] = {"machine": bench.machine(), **part(options)}
    bench.write(options.out, result)
    for name in wanted:
        print(json.dumps({key: value for key, value in result[name].items() if key != "machine"}, indent=1))


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
        colour = (1.0, 1.0, 1.0) if light == "white" else _TINTS[number % len(_TINTS)]
        followed = tracker.follow(0, _on_tape(picture, np.array(colour, np.float32), height, number))
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


def _on_tape(face: Plane, light: Plane, height: int, seed: int) -> Iterator[np.ndarray[Any, Any]]:
    """The scene's pictures as the tracker is shown them: field by field of a simulated tape."""
    simulator = Simulator(known_tape("medium").preset, seed, NTSC)
    scenes = (_scene(face, light, n, height) for n in range(_PICTURES + 2))
    active = slice(NTSC.left, NTSC.left + NTSC.active_width)
    for frame in simulator.run(scenes):
        if frame.number >= _PICTURES // 2:
            return
        luma = luma_from_codes(frame.y, 8, Range.LIMITED)[:, active]
        halved = slice(active.start // 2, active.stop // 2)
        chroma = np.stack([chroma_from_codes(plane, 8, Range.LIMITED)[:, halved] for plane in (frame.cb, frame.cr)])
        clip = Clip(luma[None], chroma[None], simulator.signal(), FrameRange(0, 1), Fraction(30000, 1001))
        for parity in (0, 1):
            yield picture_of(clip, 0, parity, _SIZE)


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


def _scene(face: Plane, light: Plane, n: int, height: int) -> Plane:
    matrix = _matrix(n, len(face), height)
    scale = float(np.hypot(*matrix[:, 0]))
    wide = _DRAWN[0] / _SIZE[0]
    drawn = matrix * np.array([[wide], [1.0]])
    drawn[0, 2] += (wide - 1) / 2
    soft = cv2.GaussianBlur(face, (0, 0), max(0.45 / scale, 0.3))
    scene = np.full((_DRAWN[1], _DRAWN[0], 3), 0.25, np.float32)
    cv2.warpAffine(soft, drawn, _DRAWN, scene, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT)
    gain = 1.8 if light.min() < 1 else 1.0
    lit = np.minimum(np.maximum(scene, 0) ** DISPLAY_GAMMA * light * gain, 1) ** (1 / DISPLAY_GAMMA)
    return np.ascontiguousarray(lit, np.float32)


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
