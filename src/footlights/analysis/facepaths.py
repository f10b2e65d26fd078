"""A followed face: what was seen of it, and the steady path and the kept moments that are concluded from that."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.analysis import faceflow, facelife
from footlights.analysis.facelife import Shape
from footlights.core.faces import FACE_SHARE, REFERENCE_SIDE, FacePath, TrackedFace
from footlights.core.posegraph import steady
from footlights.models.faces import Picture
from footlights.models.landmarks import Square

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A face in one picture."""

    crop: Values
    pose: Values
    presence: float
    square: Square
    shape: Shape | None
    """Landmarks as they were measured: the steady path would hide what they tell of life."""


@dataclass(slots=True, eq=False)
class Track:
    """A face on its way: what was seen of it, by instant."""

    looks: dict[int, Look] = field(default_factory=dict)
    keys: int = 0
    hits: int = 0
    steps: dict[int, tuple[Values, Values]] = field(default_factory=dict)
    """Motion to the next instant and its variances, in the units of `_parameters`."""
    judged: dict[int, tuple[float, float]] = field(default_factory=dict)
    """Sharpness and share clipped."""
    kept: list[tuple[float, int, Values, Picture]] = field(default_factory=list)
    """Quality, instant, crop as measured, and its picture."""
    ended: bool = False

    def saw(self, instant: int, look: Look) -> None:
        """Note a look; landmarks only of the first pictures, so that a long shot takes little memory."""
        self.looks[instant] = look if len(self.looks) < facelife.ENOUGH else replace(look, shape=None)

    @property
    def last(self) -> int:
        return max(self.looks)

    @property
    def size(self) -> float:
        """Median side of the crop."""
        return float(np.median([look.crop[0] for look in self.looks.values()]))


def span_of(track: Track) -> range:
    """Its instants, from where it was first seen to where it was last seen."""
    return range(min(track.looks), track.last + 1)


def guesses(track: Track) -> Values:
    """Crops `(T, 4)` of every instant; where the face was lost, between those around."""
    instants = sorted(track.looks)
    crops = np.array([track.looks[instant].crop for instant in instants])
    crops[:, 1] = np.unwrap(crops[:, 1])
    return np.stack([np.interp(span_of(track), instants, column) for column in crops.T], axis=1)


def concluded(track: Track) -> TrackedFace:
    """Its steady path, and its moments cut out anew along it."""
    span = span_of(track)
    crop = _steady(track, span)
    seen = np.array([instant in track.looks for instant in span])
    presence = np.array([track.looks[i].presence if i in track.looks else 0.0 for i in span])
    pose = np.array([track.looks[i].pose if i in track.looks else np.full(3, np.nan) for i in span])
    judged = np.array([track.judged[instant] for instant in span])
    pose[seen] = _median_of_five(pose[seen])
    path = FacePath(span[0], crop, presence, pose, judged[:, 0], judged[:, 1])
    crops = [_turned(kept, path) for kept in track.kept]
    moments = tuple(kept[1] for kept in track.kept)
    shown = np.array(crops, np.uint8).reshape(-1, REFERENCE_SIDE, REFERENCE_SIDE, 3)
    return TrackedFace(path, moments, shown, picture=facelife.picture(_shapes(track)))


def _shapes(track: Track) -> dict[int, Shape]:
    return {instant: look.shape for instant, look in track.looks.items() if look.shape is not None}


def _steady(track: Track, span: range) -> Values:
    height = track.size * FACE_SHARE
    measured = np.full((len(span), 4), np.nan)
    presence = np.zeros(len(span))
    for row, instant in enumerate(span):
        if instant in track.looks:
            side, turn, x, y = track.looks[instant].crop
            measured[row] = np.log(side), turn, x / height, y / height
            presence[row] = track.looks[instant].presence
    known = np.isfinite(measured[:, 1])
    measured[known, 1] = np.unwrap(measured[known, 1])
    steps, variances = np.full((len(span) - 1, 4), np.nan), np.ones((len(span) - 1, 4))
    guessed = guesses(track)
    for row, (instant, _) in enumerate(pairwise(span)):
        if instant in track.steps:
            step, variance = track.steps[instant]
            own = guessed[row, 0] * FACE_SHARE / height
            steps[row] = step * np.array([1, 1, own, own])
            variances[row] = variance * np.array([1, 1, own**2, own**2])
    found = steady(measured, presence, steps, variances)
    return np.stack([np.exp(found[:, 0]), found[:, 1], found[:, 2] * height, found[:, 3] * height], axis=1)


def _median_of_five(values: Values) -> Values:
    padded = np.pad(values, ((2, 2), (0, 0)), mode="edge")
    return np.median(np.stack([padded[k : k + len(values)] for k in range(5)]), axis=0)


def _turned(kept: tuple[float, int, Values, Picture], path: FacePath) -> Picture:
    """A kept crop as the steady path would have cut it."""
    _, instant, measured, crop = kept
    to_picture = np.vstack([path.matrix(instant, REFERENCE_SIDE), [0, 0, 1]])
    from_picture = np.linalg.inv(np.vstack([faceflow.matrix(measured, REFERENCE_SIDE), [0, 0, 1]]))
    matrix = (from_picture @ to_picture)[:2]
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    size = (REFERENCE_SIDE, REFERENCE_SIDE)
    return np.asarray(cv2.warpAffine(crop, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8)
