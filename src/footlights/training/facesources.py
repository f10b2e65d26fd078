"""Faces for training, found and aligned once: `python -m footlights.training.facesources --data DIR --out faces.json`.

Looks through `train_faces`, `train_images` and some pictures of every video of `train_video`, and notes for each face
the square crop that every instant of a face is cut to (conventions in `footlights.core.faces`). Sources are split as
in `sources`: one in eight is held out by name, and a picture that shares its photograph with one that is held out is
held out too. Of the photographed face crops half are held out: scores on real faces need more than a handful.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from zlib import crc32

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core.time import FrameRange
from footlights.media.reader import VideoReader, index_video
from footlights.models.faces import FaceFinder
from footlights.models.runtime import Net
from footlights.training.scenes import to_rgb
from footlights.training.sources import Picture, find_sources, read_picture

Points = NDArray[np.float64]

LEAST_HEIGHT = 120
"""Samples from brow to chin below which a face is no truth."""
_SIDE = 192
_MESH = 468
_BROW, _CHIN = 10, 152
_SHARE = 345 / 512
"""Of the crop's side that a face from brow to chin takes."""
_MIDDLE = 0.022
"""The middle of the crop lies this share of its side above the middle between brow and chin."""
_PRESENCE = 0.8
_LONGEST = 1280
"""Pictures are searched at this size: the truth faces are large."""
_VIDEO_STEP = 40


@dataclass(frozen=True, slots=True)
class SourceFace:
    """One face of a source and its crop: side, turn and middle in samples of the picture."""

    path: str
    """Within the data folder."""
    frame: int
    """Of a video; -1 for a still."""
    side: float
    turn: float
    x: float
    y: float
    real: bool
    held_out: bool

    @property
    def height(self) -> float:
        """Samples from brow to chin."""
        return self.side * _SHARE


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the list of faces."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    faces = kept_together(list(find_faces(chosen.data)))
    chosen.out.write_text(json.dumps([asdict(face) for face in faces], indent=0), "utf-8")
    print(f"{len(faces)} faces, {sum(face.real for face in faces)} real")  # noqa: T201


def read_faces(path: Path, *, held_out: bool) -> list[SourceFace]:
    """One side of the split."""
    faces = [SourceFace(**entry) for entry in json.loads(path.read_text("utf-8"))]
    return [face for face in faces if face.held_out is held_out]


def kept_together(faces: list[SourceFace]) -> list[SourceFace]:
    """The faces with every photograph on one side of the split: held out if any of its faces is."""
    away = {photograph_of(face.path) for face in faces if face.held_out and face.real}
    return [replace(face, held_out=face.held_out or (face.real and photograph_of(face.path) in away)) for face in faces]


def find_faces(data: Path) -> Iterator[SourceFace]:
    """All faces large enough, source by source."""
    finder, mesh = FaceFinder("blazeface", threads=1), Net("face_landmark", threads=1)
    for held_out in (False, True):
        sources = find_sources(data, held_out=held_out)
        for path in (*sources.faces, *sources.stills):
            for crop in aligned_faces(read_picture(path), finder, mesh):
                real = "sfhq" not in path.parts
                away = held_out or (path in sources.faces and real and _apart(path))
                yield SourceFace(str(path.relative_to(data)), -1, *crop, real=real, held_out=away)
        for path in sources.videos:
            real = not path.stem.startswith("aigen")
            for frame, picture in some_frames(path):
                for crop in aligned_faces(picture, finder, mesh):
                    name = str(path.relative_to(data))
                    yield SourceFace(name, frame, *crop, real=real, held_out=held_out)


def some_frames(path: Path) -> Iterator[tuple[int, Picture]]:
    """A few pictures of a video."""
    index = index_video(path)
    with VideoReader(path, index, threads=1) as reader:
        for number in range(0, index.frames, _VIDEO_STEP):
            for frame in reader.read(FrameRange(number, number + 1)):
                yield number, to_rgb(frame.planes)


def aligned_faces(picture: Picture, finder: FaceFinder, mesh: Net) -> Iterator[tuple[float, float, float, float]]:
    """Side, turn and middle of the crop of every face of a picture that is large and sure enough."""
    shrink = min(1.0, _LONGEST / max(picture.shape[:2]))
    size = (round(picture.shape[1] * shrink), round(picture.shape[0] * shrink))
    small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    for face in finder.find(small):
        if face.height / shrink < LEAST_HEIGHT * 0.7:
            continue
        middle = np.array([face.left + face.width / 2, face.top + face.height / 2])
        eyes = np.subtract(face.points[1], face.points[0])
        points, presence = mesh_points(small, mesh, middle, 1.5 * face.height, float(np.arctan2(eyes[1], eyes[0])))
        for _ in range(2):
            points, presence = mesh_points(small, mesh, *_square(points))
        side, turn, x, y = crop_of(points)
        if presence > _PRESENCE and side * _SHARE / shrink >= LEAST_HEIGHT:
            yield side / shrink, turn, x / shrink, y / shrink


def mesh_points(picture: Picture, mesh: Net, middle: Points, side: float, turn: float) -> tuple[Points, float]:
    """Landmarks `(468, 2)` in the picture, and presence, from an upright square of it."""
    step = side / _SIDE
    cos, sin = step * np.cos(turn), step * np.sin(turn)
    half = (_SIDE - 1) / 2
    matrix = np.array([[cos, -sin, middle[0] - half * (cos - sin)], [sin, cos, middle[1] - half * (sin + cos)]])
    crop = cv2.warpAffine(picture, matrix, (_SIDE, _SIDE), flags=cv2.INTER_AREA | cv2.WARP_INVERSE_MAP)
    outputs = mesh(crop[None].astype(np.float32) / np.float32(255))
    points = max(outputs, key=lambda each: each.size).reshape(_MESH, 3)[:, :2].astype(np.float64)
    presence = float(1 / (1 + np.exp(-min(outputs, key=lambda each: each.size).reshape(-1)[0])))
    return points @ matrix[:, :2].T + matrix[:, 2], presence


def crop_of(points: Points) -> tuple[float, float, float, float]:
    """Side, turn, x and y of the crop from landmarks, by brow and chin and the outer corners of the eyes."""
    upright = points[_CHIN] - points[_BROW]
    eyes = points[263] - points[33]
    turn = float(np.arctan2(eyes[1], eyes[0]))
    # Nodding shortens the face and turning the head brings the eyes together; the larger of both measures holds.
    side = max(float(np.hypot(*upright)) / _SHARE, float(np.hypot(*eyes)) / 0.345)
    middle = (points[_CHIN] + points[_BROW]) / 2 - _MIDDLE * side * upright / max(float(np.hypot(*upright)), 1e-6)
    return side, turn, float(middle[0]), float(middle[1])


def _square(points: Points) -> tuple[Points, float, float]:
    """Middle, side and turn of the square the mesh is to see next."""
    side, turn, x, y = crop_of(points)
    return np.array([x, y]), side, turn


def _apart(path: Path) -> bool:
    """Whether a photographed face is held out, by the name of its photograph as it is written: this is the split that
    the shipped nets were trained by, and no list made anew may move a face to the other side."""
    return crc32(_written(str(path)).encode()) % 2 == 0


def photograph_of(path: str) -> str:
    """Name of the picture a face was cut from, however it is written."""
    return _written(path).lower().replace("_", "").replace("-", "")


def _written(path: str) -> str:
    """The name without a crop's number; crops are called after their picture and numbered by one digit."""
    stem, _, number = Path(path).stem.rpartition("_")
    return stem if number.isdigit() and len(number) == 1 else Path(path).stem


if __name__ == "__main__":
    main()
