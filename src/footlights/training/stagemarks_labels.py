"""Landmarks for StageMarks: `python -m footlights.training.stagemarks_labels --labels L.json --data DIR --out M.npz`.

The face mesh looks at every face of StageFace's labels (see `stageface_labels`) in its clean picture, where it is at
its best; what it is not sure of is NaN. `aligned (N, 468, 3)`: in sides of the aligned crop about its middle, upright.
`shown (M, 468, 3)`: in samples of the picture, one for every sure box of every picture, in order.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from footlights.models.face_points import FacePoints, Marked
from footlights.models.landmarks import ROOM, Mesh, Square
from footlights.models.stagemarks import told
from footlights.training.scenes import read_source
from footlights.training.sources import Picture
from footlights.training.stageface_labels import Aligned, Shown, read_labels

Values = NDArray[np.float64]

_EXTENT = 0.62
"""Of the landmarks of a face in its aligned crop, in sides."""
_SURE = 0.8
_NEAR = 0.3
"""Heights of the box that the middle of the landmarks may lie from the middle of the box."""
_MIDLINE = (10, 151, 9, 8, 168, 6, 197, 195, 5, 4, 1, 152)
_UNKNOWN = np.full((468, 3), np.nan)


@dataclass(frozen=True, slots=True)
class Meshes:
    """What the mesh says of the labels' faces."""

    aligned: Values
    shown: Values

    @staticmethod
    def read(path: Path) -> Meshes:
        """What `main` wrote."""
        with np.load(path) as file:
            return Meshes(file["aligned"].astype(np.float64), file["shown"].astype(np.float64))

    def mirror(self) -> NDArray[np.int64]:
        """Which landmark takes the place of each when a face is mirrored `(468,)`: their mean shape is its own mirror
        image, and every landmark lies on another, or itself."""
        known = self.aligned[np.isfinite(self.aligned).all(axis=(1, 2))]
        if not len(known):
            return np.arange(468)
        mean = (known - known.mean(axis=1, keepdims=True)).mean(axis=0)
        mean[:, 0] -= mean[list(_MIDLINE), 0].mean()
        apart = (((mean * (-1, 1, 1))[:, None] - mean[None]) ** 2).sum(axis=-1)
        return np.asarray(linear_sum_assignment(apart)[1], np.int64)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the landmarks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    labels, net = read_labels(chosen.labels), FacePoints(threads=1)
    pictures = (read_source(chosen.data / each.source.path, each.source.frame) for each in labels.aligned)
    aligned = [_of_crop(each, picture, net) for each, picture in zip(labels.aligned, pictures, strict=True)]
    shown = [mesh for each in labels.shown for mesh in _of_picture(each, chosen.data, net)]
    crops, whole = (np.array(each, np.float32).reshape(-1, 468, 3) for each in (aligned, shown))
    np.savez(chosen.out, aligned=crops, shown=whole)
    for name, each in (("aligned", crops), ("shown", whole)):
        print(f"{name}: {int(np.isfinite(each[:, 0, 0]).sum())} of {len(each)}")  # noqa: T201


def _of_crop(face: Aligned, picture: Picture, net: FacePoints) -> Values:
    source = face.source
    square = Square(source.x, source.y, source.side, source.turn)
    said = _looked(net, picture, Square(source.x, source.y, ROOM * _EXTENT * source.side, source.turn))
    if said is None:
        return _UNKNOWN
    crop = told(said, square)
    # In a crowd the looks may have wandered to a neighbour.
    return crop if np.hypot(*(Mesh(crop, 1.0).middle - face.box[:2])) < _NEAR * face.box[3] else _UNKNOWN


def _of_picture(shown: Shown, data: Path, net: FacePoints) -> Iterator[Values]:
    if not shown.sure:
        return
    picture = read_source(data / shown.path, shown.frame)
    for box in shown.sure:
        x, y, wide, high, right_x, right_y, left_x, left_y = box[:8]
        turn = float(np.arctan2(left_y - right_y, left_x - right_x))
        said = _looked(net, picture, Square(x, y, ROOM * max(wide, high), turn))
        near = said is not None and np.hypot(*(Mesh(said, 1.0).middle - (x, y))) < _NEAR * high
        yield said if said is not None and near else _UNKNOWN


def _looked(net: FacePoints, picture: Picture, square: Square) -> Values | None:
    """Landmarks after three looks, each by the square of the one before."""
    marked: Marked | None = None
    for _ in range(3):
        marked = net.read(picture, np.array([square.x, square.y]), square.side, square.turn)
        square = Mesh(marked.points, marked.presence).square
    assert marked is not None
    return marked.points if marked.presence > _SURE else None


if __name__ == "__main__":
    main()
