"""What scenes are made of: faces that can be cut out, pictures of people and of nobody, and how they are read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.training.scenes import read_source
from footlights.training.sources import Picture
from footlights.training.stageface_labels import Aligned, Labels, Shown
from footlights.training.stagemarks_labels import Meshes

Values = NDArray[np.float64]

_LONGEST = 1440
_ENLARGED = 1.4
"""Times its height in its picture that a face may be laid."""
_REAL = 10.0
"""Times that a photographed face is drawn for every generated one: they are few."""
_ALONE = "train_faces/"


@dataclass(frozen=True, slots=True)
class Stock:
    """What scenes are made of."""

    data: Path
    aligned: tuple[Aligned, ...]
    people: tuple[Shown, ...]
    nobody: tuple[Shown, ...]
    aligned_meshes: Values
    """`(N, 468, 3)` of the aligned faces, in sides about the middle; NaN where unknown."""
    people_meshes: tuple[Values, ...]
    """`(M, 468, 3)` of each picture's sure boxes."""
    mirror: NDArray[np.int64]
    """Of landmarks."""

    @property
    def alone(self) -> tuple[Aligned, ...]:
        """Faces beside which there is no other."""
        return tuple(each for each in self.aligned if is_alone(each)) or self.aligned

    @staticmethod
    def of(labels: Labels, data: Path, meshes: Meshes | None = None) -> Stock:
        """The material of some labels."""
        people = tuple(each for each in labels.shown if each.sure)
        counts = [len(each.sure) for each in people]
        if meshes is None:
            meshes = Meshes(np.full((len(labels.aligned), 468, 3), np.nan), np.full((sum(counts), 468, 3), np.nan))
        shown = tuple(np.split(meshes.shown, np.cumsum(counts)[:-1])) if people else ()
        nobody = tuple(each for each in labels.shown if not each.sure + each.doubtful)
        return Stock(data, labels.aligned, people, nobody, meshes.aligned, shown, meshes.mirror())


def is_alone(face: Aligned) -> bool:
    """Whether its picture was cut out around this one face."""
    return _ALONE in face.source.path


def weights_of(aligned: tuple[Aligned, ...], height: float) -> Values:
    """Photographed faces are few and come more often; none is laid much larger than it was seen."""
    weights, heights = _known(aligned)
    fit = weights * (heights * _ENLARGED >= min(height, _ENLARGED * heights.max()))
    return np.asarray(fit / fit.sum())


@lru_cache(maxsize=1)
def _known(aligned: tuple[Aligned, ...]) -> tuple[Values, Values]:
    """How often each is drawn, and its height in its picture."""
    weights = np.array([_REAL if face.source.real else 1.0 for face in aligned])
    return weights, np.array([face.box[3] * face.source.side for face in aligned])


def named(shown: Shown) -> tuple[str, int]:
    """Path and frame, as sources are read by."""
    return shown.path, shown.frame


@lru_cache(maxsize=4096)
def full_height(data: Path, path: str, frame: int) -> int:
    """Lines of a source as it lies on the disk."""
    return int(_read(data, path, frame).shape[0])


@lru_cache(maxsize=700)
def load(data: Path, path: str, frame: int) -> Picture:
    """A source, no longer than 1440 samples."""
    picture = _read(data, path, frame)
    shrink = _LONGEST / max(picture.shape[:2])
    if shrink < 1:
        picture = np.asarray(cv2.resize(picture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA), np.uint8)
    return picture


@lru_cache(maxsize=3000)
def reduced(data: Path, path: str, frame: int, factor: float) -> Picture:
    """A source made smaller by a factor."""
    picture = load(data, path, frame)
    if factor > 0.99:
        return picture
    return np.asarray(cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)


@lru_cache(maxsize=2)
def _read(data: Path, path: str, frame: int) -> Picture:
    return read_source(data / path, frame)
