"""Labels for StageFace: `python -m footlights.training.stageface_labels --data DIR --faces-list F.json --out L.json`.

The teacher (BlazeFace over three renderings and tiles, verified by the mesh) looks at clean pictures: at the aligned
face crops that `facesources` lists, and at whole photographs and video frames. Nothing held out is looked at, nor any
`wall_` photograph: the benchmark of recall lays its faces on those.
"""

from __future__ import annotations

import argparse
import json
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.models.faces import Face, FaceFinder
from footlights.training.facesources import SourceFace, photograph_of, read_faces, some_frames
from footlights.training.sources import Picture, find_sources, read_picture

Values = NDArray[np.float64]

_CROP = 236
"""Samples a side of the aligned crop that the teacher sees: one tile."""
_ROOM = 1.15
_LONGEST = 1280
_BACKGROUND = "wall_"


@dataclass(frozen=True, slots=True)
class Aligned:
    """A face that can be cut out and laid elsewhere: its crop (see `facesources`) and the teacher's box in it."""

    source: SourceFace
    box: tuple[float, ...]
    """Middle, width, height, then six points, x and y, in sides of the crop about its middle."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A whole picture: boxes as `(middle x, y, width, height, 6 × (x, y))` in its samples."""

    path: str
    frame: int
    """Of a video; -1 for a still."""
    sure: tuple[tuple[float, ...], ...]
    doubtful: tuple[tuple[float, ...], ...]
    """Boxes that the mesh did not confirm: neither faces nor the lack of them."""


@dataclass(frozen=True, slots=True)
class Labels:
    """All the material."""

    aligned: tuple[Aligned, ...]
    shown: tuple[Shown, ...]


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the labels."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--faces-list", type=Path, required=True, help="as footlights.training.facesources wrote it")
    parser.add_argument("--seen", type=Path, required=True, help="which pictures show faces, looked through by eye")
    parser.add_argument("--held-out", action="store_true", help="held-out synthetic faces and pictures, for validation")
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    finder = FaceFinder("blazeface", threads=1)
    faces, held_out = (read_faces(chosen.faces_list, held_out=away) for away in (False, True))
    if chosen.held_out:
        # Held-out photographs of faces stay unseen even here: recall is measured on them.
        faces = [face for face in held_out if not face.real]
        shown = list(held_out_grounds(chosen.data, chosen.seen))
    else:
        shown = list(look_around(chosen.data, _photographs(held_out), chosen.seen, finder))
    aligned = [found for face in faces if face.frame < 0 and (found := look_at(face, chosen.data, finder))]
    labels = Labels(tuple(aligned), tuple(shown))
    chosen.out.write_text(json.dumps(asdict(labels)), "utf-8")
    print(f"{len(aligned)} of {len(faces)} faces, {len(shown)} pictures, {sum(len(each.sure) for each in shown)} there")  # noqa: T201


def read_labels(path: Path) -> Labels:
    """What `main` wrote."""
    entries = json.loads(path.read_text("utf-8"))
    aligned = tuple(Aligned(SourceFace(**each["source"]), tuple(each["box"])) for each in entries["aligned"])
    shown = tuple(
        Shown(each["path"], each["frame"], *(tuple(map(tuple, each[kind])) for kind in ("sure", "doubtful")))
        for each in entries["shown"]
    )
    return Labels(aligned, shown)


def look_at(face: SourceFace, data: Path, finder: FaceFinder) -> Aligned | None:
    """The teacher's box of a face in its own crop; None where it does not see the face there."""
    picture = read_picture(data / face.path)
    step = _ROOM * face.side / _CROP
    cos, sin, middle = step * np.cos(face.turn), step * np.sin(face.turn), (_CROP - 1) / 2
    matrix = np.array([[cos, -sin, face.x - middle * (cos - sin)], [sin, cos, face.y - middle * (sin + cos)]])
    flags = cv2.INTER_AREA | cv2.WARP_INVERSE_MAP
    crop = np.asarray(cv2.warpAffine(picture, matrix, (_CROP, _CROP), flags=flags), np.uint8)
    found = [row_of(each) for each in finder.find(crop)]
    rows = [((row.reshape(-1, 2) - middle * _is_place(row)) * _ROOM / _CROP).reshape(-1) for row in found]
    near = min(rows, key=lambda row: float(np.hypot(*row[:2])), default=None)
    if near is None or np.hypot(*near[:2]) > 0.2:
        return None
    return Aligned(face, tuple(round(float(value), 4) for value in near))


def look_around(data: Path, away: set[str], seen: Path, finder: FaceFinder) -> Iterator[Shown]:
    """Photographs and some video frames, with what the teacher sees in those that show people."""
    listed = tomllib.loads(seen.read_text("utf-8"))
    sources = find_sources(data, held_out=False)
    for path in sources.stills:
        fit = photograph_of(path.name) not in away and path.name not in listed["unfit"]
        if fit and not path.name.startswith(_BACKGROUND):
            people = path.name in listed["people"]
            yield _shown(path.relative_to(data), -1, read_picture(path), finder if people else None)
    for path in sources.videos:
        people = path.stem in listed["people_videos"]
        if people or path.stem in listed["nobody_videos"]:
            for frame, picture in some_frames(path):
                yield _shown(path.relative_to(data), frame, picture, finder if people else None)


def held_out_grounds(data: Path, seen: Path) -> Iterator[Shown]:
    """Held-out photographs that show nobody's face."""
    listed = tomllib.loads(seen.read_text("utf-8"))["nobody_held_out"]
    for path in find_sources(data, held_out=True).stills:
        if path.name in listed:
            yield Shown(str(path.relative_to(data)), -1, (), ())


def row_of(face: Face) -> Values:
    """A face as a row of a label."""
    middle = (face.left + face.width / 2, face.top + face.height / 2)
    return np.array([*middle, face.width, face.height, *np.ravel(face.points)])


def _shown(path: Path, frame: int, picture: Picture, finder: FaceFinder | None) -> Shown:
    shrink = min(1.0, _LONGEST / max(picture.shape[:2]))
    sure: list[tuple[float, ...]] = []
    doubtful: list[tuple[float, ...]] = []
    if finder is not None:
        size = (round(picture.shape[1] * shrink), round(picture.shape[0] * shrink))
        small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
        for face in finder.find(small, judge="nobody"):
            row = tuple(round(float(value / shrink), 1) for value in row_of(face))
            apart = all(np.hypot(row[0] - one[0], row[1] - one[1]) > 0.7 * max(row[3], one[3]) for one in sure)
            (sure if face.presence > 0.5 and apart else doubtful).append(row)
    return Shown(str(path), frame, tuple(sure), tuple(doubtful))


def _is_place(row: Values) -> Values:
    """Which pairs of a row are places, the rest being a size, `(8, 1)`."""
    return (np.arange(len(row) // 2) != 1).astype(np.float64)[:, None]


def _photographs(faces: Sequence[SourceFace]) -> set[str]:
    return {photograph_of(face.path) for face in faces if face.real}


if __name__ == "__main__":
    main()
