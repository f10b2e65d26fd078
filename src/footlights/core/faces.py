"""Faces through a shot: where one is at every instant, how it is turned, and how far it can be trusted.

Coordinates are those of the picture with square samples and the tape's number of lines: sample (0, 0) has its centre at
(0, 0), x to the right, y down. The crop of a face is a square that turns and grows with the head; side for side it is
26 cm on a mean face, so that a face from brow to chin fills two thirds of its height.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Crops = NDArray[np.uint8]

FACE_SHARE = 345 / 512
"""Height of a mean face over the side of its crop: what is called the height of a face follows from its crop."""
REFERENCE_SIDE = 256
PICTURE = 0.5
"""How sure it must be that a track is a picture of a face for it to be treated as one."""
_SMALL = REFERENCE_SIDE // 2
_COLUMNS = ("crop", "presence", "pose", "sharpness", "clipped")


@dataclass(frozen=True, slots=True)
class FacePath:
    """One face of one shot, instant by instant, without a gap."""

    first: int
    """Instant of the first row, counted from the first picture of the shot: one a field of an interlaced tape."""
    crop: Values
    """`(T, 4)`: side in samples, turn in radians (clockwise in the picture is positive), x and y of the middle."""
    presence: Values
    """`(T,)` 0..1: how sure the landmark net is that there is a face; 0 where it was only carried along."""
    pose: Values
    """`(T, 3)` degrees: yaw (positive: to the right of the picture), pitch (positive: up), roll; NaN if unknown."""
    sharpness: Values
    """`(T,)` variance of the Laplacian of log luma inside the crop at 128 × 128: comparable within a track."""
    clipped: Values
    """`(T,)` share of the crop that lies at white or at the top of a colour channel."""
    landmarks: bool = True
    """False: only the detector sees it (strict profile, back light); nothing may be restored that needs landmarks."""

    def __len__(self) -> int:
        return len(self.crop)

    def matrix(self, instant: int, side: int) -> Values:
        """`(2, 3)`: from samples of the crop at `side` × `side` to samples of the picture, centres on whole numbers."""
        length, turn, x, y = self.crop[instant - self.first]
        step = length / side
        cos, sin = step * np.cos(turn), step * np.sin(turn)
        middle = (side - 1) / 2
        return np.array([[cos, -sin, x - middle * (cos - sin)], [sin, cos, y - middle * (sin + cos)]])


@dataclass(frozen=True, slots=True)
class TrackedFace:
    """One face of one shot, with its best moments."""

    path: FacePath
    moments: tuple[int, ...]
    """Instants of `crops`, best first."""
    crops: Crops
    """`(N, 256, 256, 3)` R'G'B': the mean of up to five aligned pictures around each of those moments."""
    person: int = -1
    """The same number for the same person all over the tape; -1 where nobody can tell."""
    picture: float = 0.0
    """0..1: how sure it is that this is a picture of a face (poster, backdrop, printed shirt) and nobody's own."""

    @property
    def alive(self) -> bool:
        """False: taken for a picture of a face; it is shown in the report and left as it is."""
        return self.picture < PICTURE

    @property
    def height(self) -> float:
        """Median height of the face in lines of the tape."""
        return float(np.median(self.path.crop[:, 0])) * FACE_SHARE


@dataclass(frozen=True, slots=True)
class ShotFaces:
    """Everything tracked in one shot."""

    shot: int
    instants: int
    """Pictures of the shot."""
    width: int
    """Of the pictures with square samples that coordinates belong to."""
    height: int
    faces: tuple[TrackedFace, ...]
    left_out: int = 0
    """Most faces at once that were large enough but too many to be tracked."""
    dropped: int = 0
    """Tracks that were too short or too unsure to be believed."""


@dataclass(frozen=True, slots=True)
class PersonTrack:
    """A face of a shot that is somebody."""

    shot: int
    face: int
    person: int
    """From 0 on, in the order in which people first appear."""


def save(path: Path, found: ShotFaces) -> None:
    """As an archive of arrays with the facts as JSON in it."""
    arrays: dict[str, NDArray[np.generic]] = {}
    facts = [
        {
            "first": face.path.first,
            "landmarks": face.path.landmarks,
            "moments": face.moments,
            "person": face.person,
            "picture": face.picture,
        }
        for face in found.faces
    ]
    shot = {name: getattr(found, name) for name in ("shot", "instants", "width", "height", "left_out", "dropped")}
    arrays["facts"] = np.frombuffer(json.dumps({**shot, "faces": facts}, sort_keys=True).encode(), np.uint8)
    for number, face in enumerate(found.faces):
        arrays.update({f"{number}.{name}": getattr(face.path, name) for name in _COLUMNS})
        arrays[f"{number}.crops"] = face.crops
    np.savez_compressed(path, allow_pickle=False, **arrays)


def load(path: Path) -> ShotFaces:
    """What `save` wrote."""
    with np.load(path, allow_pickle=False) as archive:
        facts = json.loads(bytes(archive["facts"]))
        faces = tuple(_face(one, number, archive) for number, one in enumerate(facts.pop("faces")))
        return ShotFaces(faces=faces, **facts)


def named(found: ShotFaces, people: Mapping[int, int]) -> ShotFaces:
    """The same faces with the persons that their numbers in the shot stand for."""
    faces = tuple(replace(face, person=people.get(number, -1)) for number, face in enumerate(found.faces))
    return replace(found, faces=faces)


def small(found: ShotFaces, most: int | None = None) -> ShotFaces:
    """The same faces with crops for thumbnails, `(N, 128, 128, 3)`; of each the best `most`."""
    return replace(found, faces=tuple(replace(face, crops=_smaller(face.crops[:most])) for face in found.faces))


def _smaller(crops: Crops) -> Crops:
    # Pairs of lines and columns are averaged: 256 is twice the side.
    halves = crops.reshape(len(crops), _SMALL, 2, _SMALL, 2, 3).mean(axis=(2, 4))
    return np.asarray(halves + 0.5, np.uint8)


def _face(facts: Any, number: int, archive: Mapping[str, NDArray[Any]]) -> TrackedFace:
    crop, presence, pose, sharpness, clipped = (
        np.asarray(archive[f"{number}.{name}"], np.float64) for name in _COLUMNS
    )
    path = FacePath(int(facts["first"]), crop, presence, pose, sharpness, clipped, bool(facts["landmarks"]))
    moments, crops = tuple(facts["moments"]), archive[f"{number}.crops"]
    return TrackedFace(path, moments, crops, int(facts["person"]), float(facts["picture"]))
