"""Pictures of faces and faces: what an affine motion explains is flat, what blinks, speaks or turns is alive."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from footlights.analysis import facelife
from footlights.analysis.facelife import Shape
from footlights.analysis.facetracks import FaceTracker
from footlights.analysis.people import people_of
from footlights.core import faces
from footlights.core.faces import PICTURE, ShotFaces, TrackedFace
from footlights.report import faces as shown
from footlights.restoration.faces import shares

COUNT = 260
HEIGHT = 90.0
Points = NDArray[np.float64]
Life = Callable[[Points, int], Points]


def head(seed: int) -> tuple[Points, Points]:
    """Landmarks `(58, 2)` in heights of the face, and their depth."""
    rng = np.random.default_rng(seed)
    flat = rng.uniform(-0.5, 0.5, (58, 2))
    return flat, 0.3 - (flat**2).sum(axis=1)


def seen(life: Life, noise: float, count: int = COUNT) -> dict[int, Shape]:
    """As a swaying, zooming, rolling and shearing plane shows them, with noise in percent of the height."""
    rng = np.random.default_rng(3)
    flat, _ = head(1)
    found = {}
    for n in range(count):
        turn, size, shear = 0.2 * np.sin(n / 9), 1 + 0.2 * np.sin(n / 31), 0.1 * np.sin(n / 23)
        plane = size * np.array([[np.cos(turn), shear - np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        points = life(flat, n) @ plane.T + (2 * np.sin(n / 7), n / 40) + rng.normal(0, noise / 100, flat.shape)
        found[n] = (HEIGHT * points).astype(np.float32)
    return found


def flat(points: Points, n: int) -> Points:
    return points


def blinking(points: Points, n: int) -> Points:
    """Eight landmarks of the lids, 3 % of the height for eight fields every second."""
    moved = points.copy()
    moved[4:12:2, 1] += 0.03 * (n % 60 < 8)
    return moved


def speaking(points: Points, n: int) -> Points:
    moved = points.copy()
    moved[28:40, 1] += 0.02 * np.sin(n / 5) * np.linspace(-1, 1, 12)
    return moved


def turning(points: Points, n: int) -> Points:
    """Two degrees to either side."""
    return np.asarray(points + np.stack([0.035 * np.sin(n / 20) * head(1)[1], np.zeros(58)], axis=1))


@pytest.mark.parametrize("noise", [0.1, 0.3])
def test_what_is_flat_is_a_picture_however_it_moves(noise: float) -> None:
    assert facelife.lasting(seen(flat, noise)) < 0.12
    assert 0.5 < facelife.picture(seen(flat, noise)) < 1
    assert facelife.picture(seen(flat, noise, 700)) == 1


@pytest.mark.parametrize("life", [blinking, speaking, turning])
@pytest.mark.parametrize("noise", [0.1, 0.3])
def test_what_blinks_speaks_or_turns_is_alive(life: Life, noise: float) -> None:
    assert facelife.picture(seen(life, noise)) < PICTURE / 2


def test_nothing_is_said_of_less_than_four_seconds() -> None:
    assert facelife.picture({}) == 0
    assert facelife.picture(seen(flat, 0.2, 239)) == 0


def test_instants_at_which_it_was_lost_are_passed_over() -> None:
    def gaps(found: dict[int, Shape]) -> dict[int, Shape]:
        return {n: shape for n, shape in found.items() if n % 11 < 8}

    assert facelife.picture(gaps(seen(flat, 0.2, 400))) > 0.5
    assert facelife.picture(gaps(seen(blinking, 0.2, 400))) < PICTURE / 2


def poster(portrait: NDArray[np.uint8], n: int, open_mouth: float) -> NDArray[np.uint8]:
    """The portrait on a wall that a hand-held camera shows; its lower half drawn out by `open_mouth` lines."""
    lines = 110
    scale = lines / len(portrait)
    small = cv2.GaussianBlur(portrait, (0, 0), 0.4 / scale).astype(np.float32)
    rows = np.arange(lines, dtype=np.float32)[:, None].repeat(lines, axis=1)
    columns = rows.T.copy()
    # Below the nose everything moves down, the more the lower.
    rows -= open_mouth * np.clip((rows - 62) / 20, 0, 1)
    drawn = cv2.remap(small, columns / scale, rows / scale, cv2.INTER_LINEAR)
    out = np.full((240, 320, 3), 60, np.float32)
    move = np.array([[1, 0, 100 + 6 * np.sin(n / 11)], [0, 1, 60 + 4 * np.cos(n / 8)]])
    cv2.warpAffine(drawn, move, (320, 240), out, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT)
    out += np.random.default_rng(n).normal(0, 2.5, out.shape)
    return np.clip(out + 0.5, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def followed() -> tuple[ShotFaces, ShotFaces]:
    """A poster, and the same face speaking."""
    data = np.frombuffer((files("footlights.pipeline.sample") / "singer.webp").read_bytes(), np.uint8)
    portrait = np.ascontiguousarray(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)[..., ::-1])
    tracker = FaceTracker(threads=1)
    with pytest.MonkeyPatch.context() as patch:
        # Four seconds would take the test as long; what is measured is the same.
        patch.setattr(facelife, "_LEAST", 60)
        patch.setattr(facelife, "_SURE", 90)
        still = tracker.follow(0, (poster(portrait, n, 0) for n in range(90)))
        return still, tracker.follow(1, (poster(portrait, n, 3 + 3 * np.sin(n / 6)) for n in range(90)))


def test_a_poster_is_followed_named_and_left_alone(followed: tuple[ShotFaces, ShotFaces]) -> None:
    (face,) = followed[0].faces
    assert not face.alive
    assert not shares(face, followed[0].instants).any()
    (row,) = shown.facts({0: followed[0]})
    assert row["picture"] == face.picture >= 0.5
    (section,) = shown.sections({0: followed[0]})
    assert "taken for a picture of a face" in section.sheets[0][0]
    assert people_of([followed[0]]) == {}


def test_the_same_face_speaking_is_restored(followed: tuple[ShotFaces, ShotFaces]) -> None:
    (face,) = followed[1].faces
    assert face.alive
    assert face.picture == 0
    assert shares(face, followed[1].instants).max() > 0.9
    (section,) = shown.sections({1: followed[1]})
    assert "picture of a face" not in section.sheets[0][0]
    assert people_of([followed[1]]) == {(1, 0): 0}


def test_how_sure_it_is_is_kept(followed: tuple[ShotFaces, ShotFaces], tmp_path: Path) -> None:
    path = tmp_path / "faces.npz"
    faces.save(path, followed[0])
    (again,) = faces.load(path).faces
    assert again.picture == followed[0].faces[0].picture


def test_half_sure_is_sure_enough(followed: tuple[ShotFaces, ShotFaces]) -> None:
    def alive(sure: float) -> bool:
        one: TrackedFace = replace(followed[0].faces[0], picture=sure)
        return one.alive

    assert [alive(sure) for sure in (0.0, 0.49, 0.5, 1.0)] == [True, True, False, False]
