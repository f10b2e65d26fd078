"""Which faces of a tape are the same person: tracks of all shots joined by their descriptors, rather too few than too
many.

A track is described by the mean of the descriptors of its best moments. From the clearest track on, each joins the
person whose mean descriptor it is most alike, if it is alike enough and that person is nowhere else at that moment;
otherwise it is somebody new. A person may so be counted twice (in profile, in make-up, under another light), but two
people are rarely taken for one. Small or unclear faces and pictures of faces are nobody's: nothing is said of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from footlights.core.faces import ShotFaces, TrackedFace
from footlights.models.faceid import Vector, descriptor

VERSION = 2
LEAST = 40.0
"""Lines from brow to chin below which descriptors say little about who it is."""
ALIKE = 0.68
"""Cosine from which two descriptors are one person's."""
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_UPRIGHT = 35.0
"""Degrees of yaw up to which a moment is looked at, where there is one."""
Key = tuple[int, int]
"""Shot and face."""


@dataclass(frozen=True, slots=True, eq=False)
class Described:
    """One track."""

    key: Key
    instants: range
    """Of its shot."""
    vector: Vector
    weight: float
    """How clear it is: the height of the face times the number of its moments."""


@dataclass(slots=True, eq=False)
class _Person:
    total: NDArray[np.float64]
    tracks: list[Described] = field(default_factory=list)

    def alike(self, one: Described) -> float:
        return float(one.vector @ self.total / np.linalg.norm(self.total))

    def elsewhere(self, one: Described) -> bool:
        """Whether this person is seen in another place at the same moment."""
        return any(_together(one, other) for other in self.tracks)


def describe(shot: int, number: int, face: TrackedFace) -> Described | None:
    """What a track says of who it is; None where that is too little."""
    if face.height < LEAST or not face.path.landmarks or not face.alive or not len(face.crops):
        return None
    yaw = [abs(face.path.pose[moment - face.path.first, 0]) for moment in face.moments]
    upright = [crop for crop, turned in zip(face.crops, yaw, strict=True) if turned <= _UPRIGHT]
    vectors = [descriptor(crop.astype(np.float32) @ _LUMA / np.float32(255)) for crop in upright or face.crops[:1]]
    mean = np.mean(vectors, axis=0)
    vector = np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), np.float32)
    instants = range(face.path.first, face.path.first + len(face.path))
    return Described((shot, number), instants, vector, face.height * len(vectors))


def link(tracks: Sequence[Described], alike: float = ALIKE) -> dict[Key, int]:
    """Numbers of persons by track, from 0 in the order in which they first appear."""
    people: list[_Person] = []
    for one in sorted(tracks, key=lambda track: (-track.weight, track.key)):
        near = [person for person in people if person.alike(one) >= alike and not person.elsewhere(one)]
        person = max(near, key=lambda each: each.alike(one), default=None)
        if person is None:
            person = _Person(np.zeros(len(one.vector)))
            people.append(person)
        person.total += one.vector
        person.tracks.append(one)
    people.sort(key=lambda each: min(track.key for track in each.tracks))
    return {track.key: number for number, person in enumerate(people) for track in person.tracks}


def people_of(found: Iterable[ShotFaces]) -> dict[Key, int]:
    """The same from everything that was followed on a tape."""
    described = (describe(one.shot, number, face) for one in found for number, face in enumerate(one.faces))
    return link([each for each in described if each is not None])


def _together(one: Described, other: Described) -> bool:
    apart = one.instants.stop <= other.instants.start or other.instants.stop <= one.instants.start
    return one.key[0] == other.key[0] and not apart
