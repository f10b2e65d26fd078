"""Landmarks of the face mesh and of StageMarks on the same faces of simulated tapes, and tracks by them. Parts of
`faces.py`: `marks`, `tracks`.

Photographed faces that no net of ours was trained on are laid on pictures without people, lit and taken through the
simulator, as in `face_recall.py`; each net looks twice, first in a square that is somewhat off, then by its own answer.
Truth is what the mesh says of the clean photograph, which flatters the mesh. Error: mean distance of the rigid points
in percent of the extent of the landmarks, of the faces that both nets see and of those that only StageMarks sees.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from face_recall import EMPTY, FEW, PICTURES, SEARCHED, Cell, Placed, followed, ground_of, scenes_of, stage_of
from face_tapes import TINTS, on_tape
from footlights.analysis.facetracks import FaceTracker, Limits
from footlights.core.faces import FACE_SHARE
from footlights.models.face_points import FacePoints
from footlights.models.facemesh import FaceMesh, brightness
from footlights.models.faces import Picture
from footlights.models.landmarks import RIGID, ROOM, Mesh, Square, pose_of
from footlights.models.stagemarks import StageMarks, told
from footlights.training.facesources import SourceFace, read_faces
from footlights.training.sources import read_picture

Values = NDArray[np.float64]
Look = Callable[[Picture, Square], Mesh]

_CELLS = (
    Cell("45 to 75 lines, any light", (45, 75), tuple(TINTS), 1, (4, 2), followed=False),
    Cell("28 lines, white and red", (28, 28), ("white", "red"), 1, (5, 4), followed=False),
)
_FOLLOWED = (
    Cell("45 to 80 lines, red", (45, 80), ("red",), 2, (4, 2), followed=True),
    Cell("36 lines, white and red", (36, 36), ("white", "red"), 1, (4, 2), followed=True),
)
_NETS = ("face_landmark", "stagemarks")
_PRESENCE = 0.5
_EXTENT = 0.62
"""Of the landmarks in an aligned crop, in sides."""
_OFF, _SIZE, _TURN = 0.04, 0.08, 0.06
"""Deviations of the first square: sides, logarithm of its size, radians."""


@dataclass(slots=True)
class _Tally:
    """What both nets have said of the faces of a cell in one kind of light: one row a face."""

    presence: list[tuple[float, ...]] = field(default_factory=list)
    error: list[tuple[float, ...]] = field(default_factory=list)
    yaw: list[tuple[float, ...]] = field(default_factory=list)

    def row(self) -> dict[str, Any]:
        """For the table."""
        seen = np.array(self.presence) > _PRESENCE
        error, yaw = np.array(self.error), np.array(self.yaw)
        both, alone = seen.all(axis=1), seen[:, 1] & ~seen[:, 0]
        row: dict[str, Any] = {"n": len(seen), "both": int(both.sum()), "stagemarks_alone": int(alone.sum())}
        for number, name in enumerate(_NETS):
            row[name] = {
                "seen": int(seen[:, number].sum()),
                "error_both": _middle(error[both, number]),
                "error_p90_both": _middle(error[both, number], 90),
                "yaw_both": _middle(yaw[both, number]),
            }
        row["error_alone"], row["error_p90_alone"] = _middle(error[alone, 1]), _middle(error[alone, 1], 90)
        return row


def marks(options: argparse.Namespace) -> dict[str, Any]:
    """Rows of the table, white and coloured light apart."""
    faces = [face for face in read_faces(options.faces_list, held_out=True) if face.real and face.frame < 0]
    truths = _truths(faces, options.data)
    empty = [read_picture(path) for path in sorted(options.data.glob(EMPTY))]
    looks = _looks()
    cells = [_cell(cell, faces, truths, empty, looks, options.data) for cell in _CELLS]
    return {"sources": len(faces), "cells": cells}


def tracks(options: argparse.Namespace) -> dict[str, Any]:
    """Faces followed by the mesh alone, and by the mesh and StageMarks."""
    faces = [face for face in read_faces(options.faces_list, held_out=True) if face.real and face.frame < 0]
    empty = [read_picture(path) for path in sorted(options.data.glob(EMPTY))]
    return {"sources": len(faces), "cells": [_tracks(cell, faces, empty, options.data) for cell in _FOLLOWED]}


def _tracks(cell: Cell, faces: Sequence[SourceFace], empty: Sequence[Picture], data: Path) -> dict[str, Any]:
    """How many faces of a cell are followed by the mesh alone and by both nets, and for how much of their time."""
    shares: dict[str, list[float]] = {"mesh": [], "both": []}
    wrong, pictures = dict.fromkeys(shares, 0), 0
    for number in range(cell.stages * len(cell.lights)):
        rng = np.random.default_rng((7, number, round(cell.heights[0])))
        stage = stage_of(cell, faces, data, rng)
        light = TINTS[cell.lights[number % len(cell.lights)]]
        shown = list(on_tape(scenes_of(stage, ground_of(empty, rng), light, PICTURES), number))
        for name in shares:
            tracker = FaceTracker(Limits(most=2 * len(stage)), marks=name == "both", threads=1)
            covered, false = followed(tracker, stage, shown)
            shares[name] += covered
            wrong[name] += false
        pictures += len(shown)
    row: dict[str, Any] = {"name": cell.name, "faces": len(shares["both"]), "pictures": pictures}
    for name, each in shares.items():
        seen = [share for share in each if share > 0]
        row[name] = {
            "tracks": len(seen),
            "covered": round(float(np.mean(seen)), 4) if seen else None,
            "covered_of_all": round(float(np.mean(each)), 4),
            "false_tracks": wrong[name],
        }
    return row


def _looks() -> tuple[Look, ...]:
    mesh, own = FaceMesh(threads=1), StageMarks(threads=1)
    return (lambda picture, square: mesh.look(picture, square, brightness(picture)), own.look)


def _truths(faces: Sequence[SourceFace], data: Path) -> list[Values]:
    """Of every face the landmarks in sides of its aligned crop about its middle, `(468, 3)`."""
    net, found = FacePoints(threads=1), []
    for face in faces:
        picture = read_picture(data / face.path)
        square = Square(face.x, face.y, ROOM * _EXTENT * face.side, face.turn)
        for _ in range(3):
            marked = net.read(picture, np.array([square.x, square.y]), square.side, square.turn)
            square = Mesh(marked.points, marked.presence).square
        found.append(told(marked.points, Square(face.x, face.y, face.side, face.turn)))
    return found


def _cell(
    cell: Cell,
    faces: Sequence[SourceFace],
    truths: Sequence[Values],
    empty: Sequence[Picture],
    looks: Sequence[Look],
    data: Path,
) -> dict[str, Any]:
    tallies = {"white": _Tally(), "coloured": _Tally()}
    for number in range(cell.stages * len(cell.lights)):
        light = cell.lights[number % len(cell.lights)]
        rng = np.random.default_rng((5, number, round(cell.heights[0])))
        stage = stage_of(cell, faces, data, rng)
        shown = list(on_tape(scenes_of(stage, ground_of(empty, rng), TINTS[light], FEW), number))
        for one in stage:
            _look_at(
                one,
                truths[one.face],
                shown[SEARCHED[0]],
                looks,
                tallies["white" if light == "white" else "coloured"],
                rng,
            )
    return {"name": cell.name} | {light: tally.row() for light, tally in tallies.items() if tally.presence}


def _look_at(
    one: Placed, truth: Values, picture: Picture, looks: Sequence[Look], tally: _Tally, rng: np.random.Generator
) -> None:
    x, y = one.at(SEARCHED[0])
    true = laid_all(truth, Square(x, y, one.height / FACE_SHARE, 0.0))
    wanted = Mesh(true, 1.0).square
    off = rng.normal(0, _OFF * wanted.side, 2)
    size = float(np.exp(rng.normal(0, _SIZE)))
    square = Square(wanted.x + off[0], wanted.y + off[1], wanted.side * size, wanted.turn + float(rng.normal(0, _TURN)))
    said = [look(picture, look(picture, square).square) for look in looks]
    extent = float(np.ptp(true[:, :2], axis=0).max())
    rigid = list(RIGID)
    tally.presence.append(tuple(each.presence for each in said))
    tally.error.append(
        tuple(100 * float(np.hypot(*(each.points[rigid, :2] - true[rigid, :2]).T).mean()) / extent for each in said)
    )
    tally.yaw.append(tuple(abs(float(pose_of(each)[0] - pose_of(Mesh(true, 1.0))[0])) for each in said))


def laid_all(points: Values, square: Square) -> Values:
    """Landmarks in sides about the middle of an upright square, in the picture."""
    return points * square.side + (square.x, square.y, 0)


def _middle(values: Values, percent: float = 50) -> float | None:
    return round(float(np.percentile(values, percent)), 3) if len(values) else None
