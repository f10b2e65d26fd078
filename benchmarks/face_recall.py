"""Recall of faces on simulated tapes, and tracks where nobody is. Part of `faces.py`; needs the list of faces that
`footlights.training.facesources` writes.

Photographed faces that no net of ours was trained on are laid, oval and swaying, on pictures without people, lit, and
taken through the simulator (`medium`, no codec). Found in one picture means a face within 0.35 of its height of the
true middle and between 0.6 and 1.6 of its size, verified that a landmark net sees it too; covered is the share of
pictures in which a followed track lies there. False is what lies on no true face. Both detectors see the same pictures.
Nobody: pictures without people that are panned over. Grounds: held-out ones under every light, one field of each.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import process_time
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bench import ROOT
from face_tapes import DRAWN, SIZE, TINTS, lit, on_tape
from footlights.analysis.facetracks import FaceTracker, Limits
from footlights.core.clip import Plane
from footlights.core.faces import FACE_SHARE
from footlights.models.faces import Detector, FaceFinder, Picture
from footlights.training.facesources import SourceFace, read_faces
from footlights.training.sources import read_picture
from footlights.training.stageface_labels import held_out_grounds

PICTURES, FEW = 22, 10
"""Of a stage whose faces are followed, and of one that is only searched."""
SEARCHED = (5, 9)
"""Instants on which single pictures are searched."""
_GROUNDS = 6
"""Pictures without people on which tracks are looked for."""
_NEAR, _SIZES = 0.35, (0.6, 1.6)
_OVAL, _FEATHER = (0.40, 0.50), 0.12
"""Half axes of what is cut out of a photograph, in sides of the crop, and the share of them over which it fades."""
_DETECTORS: tuple[Detector, ...] = ("blazeface", "stageface")
_PRESENCE = 0.5
EMPTY = "train_images/wall_*.webp"
"""Pictures without people."""
SEEN = ROOT / "training" / "configs" / "stageface-pictures.toml"
"""What was looked through by eye, held-out pictures without people among them."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One row of the table."""

    name: str
    heights: tuple[float, float]
    """Lines from brow to chin, drawn log-uniformly."""
    lights: tuple[str, ...]
    stages: int
    """Per light."""
    grid: tuple[int, int]
    """Faces across and down."""
    followed: bool
    first: int = 0
    """Number of the first stage: stages follow from their numbers, others from other numbers."""

    def others(self, draws: int) -> Cell:
        """As many further stages as this cell has, and again for every further draw, that are only searched."""
        return replace(self, first=self.stages * len(self.lights), stages=self.stages * (draws - 1), followed=False)


CELLS = (
    Cell("45 to 75 lines, any light", (45, 75), tuple(TINTS), 1, (4, 2), followed=True),
    Cell("18 to 80 lines, red", (18, 80), ("red",), 4, (4, 2), followed=False),
    Cell("28 lines, any light", (28, 28), tuple(TINTS), 1, (5, 4), followed=False),
)


@dataclass(frozen=True, slots=True)
class Placed:
    """A face on the stage."""

    alpha: Plane
    colours: Plane
    height: float
    x: float
    y: float
    phase: float
    face: int
    """Number in the list of faces."""

    def at(self, instant: int) -> tuple[float, float]:
        """Its middle in square samples."""
        sway = 0.1 * self.height
        x = self.x + sway * np.sin(self.phase + instant / 6)
        return float(x), float(self.y + 0.6 * sway * np.cos(self.phase + instant / 5))


def recall(options: argparse.Namespace) -> dict[str, Any]:
    """Rows of the table, and what was followed on stages with nobody."""
    faces = [face for face in read_faces(options.faces_list, held_out=True) if face.real and face.frame < 0]
    empty = [read_picture(path) for path in sorted(options.data.glob(EMPTY))]
    names = (options.detector,) if options.detector else _DETECTORS
    others = [each.others(options.draws) for each in CELLS] if options.draws > 1 else []
    return {
        "sources": len(faces),
        "cells": [_cell(cell, faces, empty, options.data, names) for cell in CELLS],
        "other_draws": [_cell(cell, faces, empty, options.data, names[-1:]) for cell in others],
        "nobody": _nobody(empty, names),
        "grounds": _grounds(options.data, names),
    }


def merged(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """A result of one detector, and what an earlier run has said of the other."""
    cells = [old | new for old, new in zip(before["cells"], now["cells"], strict=True)]
    empty = {
        name: now[name]
        | {
            key: before.get(name, {}).get(key, {}) | value
            for key, value in now[name].items()
            if isinstance(value, dict)
        }
        for name in ("nobody", "grounds")
    }
    return now | {"cells": cells} | empty


@dataclass(slots=True)
class _Tally:
    """What one detector found in a cell."""

    hits: dict[str, list[bool]] = field(default_factory=dict)
    verified: int = 0
    false: int = 0
    searched: int = 0
    seconds: list[float] = field(default_factory=list)
    covered: list[float] = field(default_factory=list)
    false_tracks: int = 0
    pictures: int = 0

    def row(self) -> dict[str, Any]:
        """For the table."""
        hits = [hit for each in self.hits.values() for hit in each]
        row: dict[str, Any] = {
            "recall": round(float(np.mean(hits)), 4),
            "verified": round(self.verified / len(hits), 4),
            "by_light": {light: round(float(np.mean(each)), 3) for light, each in self.hits.items()},
            "false_faces_per_picture": round(self.false / self.searched, 4),
            "processor_ms_per_picture": round(1e3 * float(np.median(self.seconds)), 1),
        }
        if self.covered:
            seen = [share for share in self.covered if share > 0]
            row |= {
                "tracks": len(seen),
                "covered": round(float(np.mean(seen)), 4) if seen else None,
                "covered_of_all": round(float(np.mean(self.covered)), 4),
                "false_tracks_per_picture": round(self.false_tracks / self.pictures, 4),
            }
        return row


def _cell(
    cell: Cell, faces: Sequence[SourceFace], empty: Sequence[Picture], data: Path, names: Sequence[Detector]
) -> dict[str, Any]:
    """All detectors on the same pictures, one after the other on each."""
    finders = {name: FaceFinder(name, threads=1) for name in names}
    tallies = {name: _Tally() for name in names}
    placed = 0
    for number in range(cell.first, cell.first + cell.stages * len(cell.lights)):
        light = cell.lights[number % len(cell.lights)]
        rng = np.random.default_rng((5, number, round(cell.heights[0])))
        stage = stage_of(cell, faces, data, rng)
        placed += len(stage)
        scenes = scenes_of(stage, ground_of(empty, rng), TINTS[light], PICTURES if cell.followed else FEW)
        shown = list(on_tape(scenes, number))
        for instant in SEARCHED:
            for name, finder in finders.items():
                _search(finder, shown[instant], instant, stage, light, tallies[name])
        if cell.followed:
            for name, tally in tallies.items():
                tracker = FaceTracker(Limits(most=2 * len(stage)), detector=name, threads=1)
                shares, wrong = followed(tracker, stage, shown)
                tally.covered += shares
                tally.false_tracks += wrong
                tally.pictures += len(shown)
    return {"name": cell.name, "placements": placed} | {name: tally.row() for name, tally in tallies.items()}


def _search(
    finder: FaceFinder, picture: Picture, instant: int, stage: Sequence[Placed], light: str, tally: _Tally
) -> None:
    begun = process_time()
    found = finder.find(picture)
    tally.seconds.append(process_time() - begun)
    seen = [(*_middle(face.points), face.height) for face in found]
    sure = [each for face, each in zip(found, seen, strict=True) if face.presence > _PRESENCE]
    tally.hits.setdefault(light, []).extend(any(_matches(one, instant, each) for each in seen) for one in stage)
    tally.verified += sum(any(_matches(one, instant, each) for each in sure) for one in stage)
    tally.false += sum(not any(_matches(one, instant, each) for one in stage) for each in seen)
    tally.searched += 1


def followed(tracker: FaceTracker, stage: Sequence[Placed], shown: Sequence[Picture]) -> tuple[list[float], int]:
    """Share of the pictures in which each face is followed, and how many tracks lie on none."""
    tracks = tracker.follow(0, shown).faces
    shares, used = [], set()
    for one in stage:
        hits = np.zeros(len(shown), bool)
        for number, track in enumerate(tracks):
            for row, crop in enumerate(track.path.crop):
                instant = track.path.first + row
                if _matches(one, instant, (crop[2], crop[3], crop[0] * FACE_SHARE)):
                    hits[instant] = True
                    used.add(number)
        shares.append(float(hits.mean()))
    return shares, len(tracks) - len(used)


def _nobody(empty: Sequence[Picture], names: Sequence[Detector]) -> dict[str, Any]:
    """Faces and tracks on pictures without people that are panned over, in white, red and blue light."""
    finders = {name: FaceFinder(name, threads=1) for name in names}
    trackers = {name: FaceTracker(detector=name, threads=1) for name in names}
    faces, tracks, pictures = dict.fromkeys(names, 0), dict.fromkeys(names, 0), 0
    for number, ground in enumerate(empty[:: max(1, len(empty) // _GROUNDS)]):
        light = ("white", "red", "blue")[number % 3]
        rng = np.random.default_rng((6, number))
        shown = list(on_tape(scenes_of([], ground_of([ground], rng), TINTS[light], PICTURES), number))
        for name in names:
            faces[name] += sum(len(finders[name].find(picture)) for picture in shown)
            tracks[name] += len(trackers[name].follow(0, shown).faces)
        pictures += len(shown)
    return {"pictures": pictures, "faces": faces, "tracks": tracks}


def _grounds(data: Path, names: Sequence[Detector]) -> dict[str, Any]:
    """Faces found on one field of every held-out picture without people, under every light."""
    finders = {name: FaceFinder(name, threads=1) for name in names}
    faces, pictures = dict.fromkeys(names, 0), 0
    for ground in held_out_grounds(data, SEEN):
        scene = cv2.resize(read_picture(data / ground.path), DRAWN, interpolation=cv2.INTER_AREA)
        for light in TINTS.values():
            shone = lit(scene.astype(np.float32) / np.float32(255), light)
            field = list(on_tape(iter((shone, shone)), pictures))[1]
            for name, finder in finders.items():
                faces[name] += len(finder.find(field))
            pictures += 1
    return {"pictures": pictures, "faces": faces}


def stage_of(cell: Cell, faces: Sequence[SourceFace], data: Path, rng: np.random.Generator) -> list[Placed]:
    """Faces in a grid, each somewhere in its cell."""
    across, down = cell.grid
    room = np.array([SIZE[0] / across, SIZE[1] / down])
    chosen = rng.choice(len(faces), across * down, replace=False)
    stage = []
    for place, number in enumerate(chosen):
        height = float(np.exp(rng.uniform(*np.log(cell.heights))))
        free = np.maximum(room - 1.5 * height, 0) / 2
        x, y = (np.array([place % across, place // across]) + 0.5) * room + rng.uniform(-free, free)
        cut = _cut(faces[number], height, data)
        stage.append(Placed(*cut, height, float(x), float(y), float(rng.uniform(0, 6)), int(number)))
    return stage


def _cut(face: SourceFace, height: float, data: Path) -> tuple[Plane, Plane]:
    """How much of each sample of the crop is the face, and its R'G'B', three samples a line."""
    side = int(np.ceil(3 * height / FACE_SHARE))
    step = face.side / side
    picture = read_picture(data / face.path).astype(np.float32) / 255
    soft = cv2.GaussianBlur(picture, (0, 0), max(0.45 * 3 * step, 0.3))
    cos, sin, middle = step * np.cos(face.turn), step * np.sin(face.turn), (side - 1) / 2
    matrix = np.array([[cos, -sin, face.x - middle * (cos - sin)], [sin, cos, face.y - middle * (sin + cos)]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    colours = cv2.warpAffine(soft, matrix, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    grid = (np.arange(side) + 0.5) / side - 0.5
    radius = np.hypot(grid[None, :] / _OVAL[0], grid[:, None] / _OVAL[1])
    alpha = np.clip((1 - radius) / _FEATHER, 0, 1)
    return np.asarray(alpha, np.float32), np.asarray(colours, np.float32)


def ground_of(empty: Sequence[Picture], rng: np.random.Generator) -> Plane:
    """A picture without people, a little larger than the stage."""
    picture = empty[int(rng.integers(len(empty)))]
    size = (DRAWN[0] + 40, DRAWN[1] + 20)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32) / np.float32(255)


def scenes_of(stage: Sequence[Placed], ground: Plane, light: tuple[float, float, float], count: int) -> Iterator[Plane]:
    """Instants of a stage."""
    wide = DRAWN[0] / SIZE[0]
    for instant in range(count):
        scene = ground[10 : 10 + DRAWN[1], instant // 2 : instant // 2 + DRAWN[0]].copy()
        for one in stage:
            x, y = one.at(instant)
            step = one.height / FACE_SHARE / len(one.alpha)
            half = step * (len(one.alpha) - 1) / 2
            matrix = np.array([[wide * step, 0, wide * (x - half) + (wide - 1) / 2], [0, step, y - half]])
            alpha = cv2.warpAffine(one.alpha, matrix, DRAWN)[..., None]
            colours = cv2.warpAffine(one.colours, matrix, DRAWN, borderMode=cv2.BORDER_REPLICATE)
            scene += alpha * (colours - scene)
        yield lit(scene, light)


def _middle(points: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
    """Between the eyes and the mouth, which is about the middle of a crop."""
    eyes = (np.array(points[0]) + np.array(points[1])) / 2
    return np.asarray((eyes + np.array(points[3])) / 2)


def _matches(one: Placed, instant: int, seen: tuple[float, float, float]) -> bool:
    x, y = one.at(instant)
    near = np.hypot(seen[0] - x, seen[1] - y) < _NEAR * one.height
    return bool(near and _SIZES[0] < seen[2] / one.height < _SIZES[1])
