"""Who is who on a tape: alike faces joined, others and those seen at once kept apart, unclear ones left alone."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from footlights.analysis.people import ALIKE, Described, describe, link, people_of
from footlights.core.faces import FACE_SHARE, FacePath, ShotFaces, TrackedFace


def track(shot: int, face: int, vector: Sequence[float], weight: float = 100, first: int = 0) -> Described:
    unit = np.array(vector, np.float32) / np.linalg.norm(vector)
    return Described((shot, face), range(first, first + 50), unit.astype(np.float32), weight)


def at(degrees: float) -> tuple[float, float]:
    return float(np.cos(np.radians(degrees))), float(np.sin(np.radians(degrees)))


def test_alike_faces_are_one_person_and_others_are_not() -> None:
    found = link([track(0, 0, at(0)), track(1, 0, at(90)), track(2, 0, at(20)), track(3, 0, at(100))])
    assert found == {(0, 0): 0, (1, 0): 1, (2, 0): 0, (3, 0): 1}


def test_the_order_of_shots_changes_nothing() -> None:
    tracks = [track(shot, 0, at(angle)) for shot, angle in enumerate((0, 70, 12, 140, 66))]
    assert link(tracks) == link(tracks[::-1])


def test_doubt_makes_two_people_rather_than_one() -> None:
    apart = np.degrees(np.arccos(ALIKE)) + 1
    assert len(set(link([track(0, 0, at(0)), track(1, 0, at(apart))]).values())) == 2
    # A chain of little steps does not make one person of its ends: the mean decides.
    chain = link([track(shot, 0, at(40 * shot)) for shot in range(5)])
    assert chain[0, 0] != chain[4, 0]


def test_nobody_is_in_two_places_at_once() -> None:
    twins = [track(0, 0, at(0)), track(0, 1, at(1)), track(1, 0, at(0))]
    found = link(twins)
    assert found[0, 0] != found[0, 1]
    later = link([track(0, 0, at(0)), track(0, 1, at(1), first=60)])
    assert later[0, 0] == later[0, 1]


def portrait() -> NDArray[np.uint8]:
    data = np.frombuffer((files("footlights.pipeline.sample") / "singer.webp").read_bytes(), np.uint8)
    picture = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)[..., ::-1]
    return np.ascontiguousarray(cv2.resize(picture, (256, 256), interpolation=cv2.INTER_AREA))


def face(crop: NDArray[np.uint8], height: float = 60, *, landmarks: bool = True, moments: int = 1) -> TrackedFace:
    ones = np.ones(30)
    lines = np.tile([height / FACE_SHARE, 0.0, 100.0, 100.0], (30, 1))
    path = FacePath(0, lines, ones, np.zeros((30, 3)), ones, np.zeros(30), landmarks)
    return TrackedFace(
        path, tuple(range(moments)), np.stack([crop] * moments) if moments else np.zeros((0, 256, 256, 3))
    )


def test_the_same_face_in_another_light_is_found_again() -> None:
    bright = portrait()
    dim = (bright * np.array([0.7, 0.15, 0.1])).astype(np.uint8)
    other = np.ascontiguousarray(np.roll(bright, (40, 60), (0, 1)))
    shots = [ShotFaces(n, 30, 640, 480, (face(crop),)) for n, crop in enumerate((bright, dim, other))]
    found = people_of(shots)
    assert found[0, 0] == found[1, 0] != found[2, 0]


@pytest.mark.parametrize(
    "one",
    [face(portrait(), 30), face(portrait(), landmarks=False), face(portrait(), moments=0)],
    ids=["small", "box", "no moment"],
)
def test_of_unclear_faces_nothing_is_said(one: TrackedFace) -> None:
    assert describe(0, 0, one) is None
    assert people_of([ShotFaces(0, 30, 640, 480, (one,))]) == {}
