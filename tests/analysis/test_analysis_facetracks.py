"""Faces followed through a shot: steady where they move, alone in a crowd, whole at borders, none where nobody is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from footlights.analysis import facetracks
from footlights.analysis.facetracks import FaceTracker, Limits
from footlights.core import faces
from footlights.core.faces import ShotFaces
from footlights.models.faces import FaceFinder
from sample_face import singer

Picture = NDArray[np.uint8]
SIZE = (320, 240)
PORTRAIT = 110
"""Lines of the sample portrait as it is put into the pictures: its face is about 64 high."""


@pytest.fixture(scope="module")
def portrait() -> Picture:
    return singer()


@pytest.fixture(scope="module")
def tracker() -> FaceTracker:
    return FaceTracker(threads=1)


def scene(portrait: Picture, places: list[tuple[float, float, float]], seed: int) -> Picture:
    """The portrait at each place (x, y, lines), with fresh noise on everything."""
    out = np.full((SIZE[1], SIZE[0], 3), 60, np.float32)
    for x, y, lines in places:
        scale = lines / len(portrait)
        small = cv2.GaussianBlur(portrait, (0, 0), 0.4 / scale)
        matrix = np.array([[scale, 0, x], [0, scale, y]])
        cv2.warpAffine(small.astype(np.float32), matrix, SIZE, out, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT)
    out += np.random.default_rng(seed).normal(0, 2.5, out.shape)
    return np.clip(out + 0.5, 0, 255).astype(np.uint8)


def swaying(portrait: Picture, count: int, change: Callable[[Picture], Picture] = lambda p: p) -> list[Picture]:
    return [change(scene(portrait, [(*sway(n), PORTRAIT)], n)) for n in range(count)]


def sway(n: int) -> tuple[float, float]:
    return 90 + 14 * np.sin(n / 5), 60 + 6 * np.cos(n / 4)


@pytest.fixture(scope="module")
def followed(tracker: FaceTracker, portrait: Picture) -> ShotFaces:
    return tracker.follow(3, swaying(portrait, 36))


def test_a_moving_face_is_followed_all_the_way_and_steadily(followed: ShotFaces) -> None:
    (face,) = followed.faces
    path = face.path
    assert (followed.shot, followed.instants, followed.width, followed.height) == (3, 36, *SIZE)
    assert (path.first, len(path)) == (0, 36)
    assert path.presence.min() > 0.5
    off = path.crop[:, 2:] - np.array([sway(n) for n in range(36)])
    off -= off.mean(axis=0)
    # In samples of a crop of 512.
    assert np.std(np.diff(off, 2, axis=0)) * 512 / path.crop[:, 0].mean() < 0.6
    assert np.sqrt((off**2).mean()) * 512 / path.crop[:, 0].mean() < 1.5
    assert abs(np.nanmean(path.pose[:, 0])) < 15
    assert face.height == pytest.approx(64, rel=0.2)


@pytest.fixture(scope="module")
def ruined(portrait: Picture) -> list[Picture]:
    """Blurred and noisy, under clipped red light: the detector is sure of it, the mesh sees it nowhere."""

    def one(n: int) -> Picture:
        picture = scene(portrait, [(120 + 8 * np.sin(n / 5), 60, 62)], n)
        lit = np.minimum((picture / 255) ** 2.4 * (1.8, 0.063, 0.036), 1) ** (1 / 2.4) * 255
        blurred = cv2.GaussianBlur(lit.astype(np.float32), (0, 0), 2.5)
        noise = np.random.default_rng(int(picture.sum()) % 97).normal(0, 9, (*picture.shape[:2], 1))
        return np.clip(blurred + noise, 0, 255).astype(np.uint8)

    return [one(n) for n in range(24)]


def test_a_face_without_landmarks_is_never_followed(ruined: list[Picture]) -> None:
    """The detector is sure of it on every picture; nothing that works on landmarks may see it."""
    seen = FaceFinder(marks=False, threads=1).find(ruined[0])
    assert [face.presence < 0.5 and face.height >= facetracks.LEAST for face in seen] == [True]
    assert FaceTracker(marks=False, threads=1).follow(0, ruined).faces == ()


def test_a_face_that_the_mesh_does_not_see_is_followed_by_our_own_landmarks(
    tracker: FaceTracker, ruined: list[Picture]
) -> None:
    (face,) = tracker.follow(0, ruined).faces
    path = face.path
    assert (path.first, len(path)) == (0, 24)
    assert path.presence.min() > 0.5
    assert face.alive
    off = path.crop[:, 2] - 8 * np.sin(np.arange(24) / 5)
    # In samples of a crop of 512, where the mesh's own noise under red light is 6 to 9 before it is made steady.
    assert np.std(np.diff(off, 2)) * 512 / path.crop[:, 0].mean() < 4
    assert np.std(off) * 512 / path.crop[:, 0].mean() < 12


def test_its_best_moments_are_kept_apart_and_aligned(followed: ShotFaces) -> None:
    (face,) = followed.faces
    assert len(face.moments) == len(face.crops) >= 2
    assert min(np.diff(sorted(face.moments))) >= 15
    a, b = (cv2.GaussianBlur(crop.astype(np.float32), (0, 0), 4) for crop in face.crops[:2])
    assert np.abs(a - b).mean() < 3


def test_what_is_saved_is_what_is_read(followed: ShotFaces, tmp_path: Path) -> None:
    named = faces.named(followed, {0: 7})
    faces.save(tmp_path / "faces.npz", named)
    again = faces.load(tmp_path / "faces.npz")
    assert [face.person for face in again.faces] == [7]
    np.testing.assert_array_equal(again.faces[0].path.crop, followed.faces[0].path.crop)
    np.testing.assert_array_equal(again.faces[0].path.pose, followed.faces[0].path.pose)
    np.testing.assert_array_equal(again.faces[0].crops, followed.faces[0].crops)
    assert again.faces[0].moments == followed.faces[0].moments


def test_runs_do_not_show(tracker: FaceTracker, portrait: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long shot is looked at in runs; a face goes on from one to the next."""
    monkeypatch.setattr(facetracks, "_RUN", 10)
    (face,) = tracker.follow(0, swaying(portrait, 25)).faces
    assert (face.path.first, len(face.path)) == (0, 25)
    assert np.abs(np.diff(face.path.crop[:, 0])).max() < 0.5


def test_a_grey_picture_and_coloured_light_are_no_obstacle(tracker: FaceTracker, portrait: Picture) -> None:
    def grey(picture: Picture) -> Picture:
        return np.repeat(picture.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)

    def red(picture: Picture) -> Picture:
        return (picture * np.array([1, 0.2, 0.15])).astype(np.uint8)

    for change in (grey, red):
        (face,) = tracker.follow(0, swaying(portrait, 14, change)).faces
        assert len(face.path) == 14


def test_a_face_is_followed_from_where_it_came_in(tracker: FaceTracker, portrait: Picture) -> None:
    """It enters by the border between two key frames: found later, followed back."""
    pictures = [scene(portrait, [(-110 + 9 * n, 60, PORTRAIT)], n) for n in range(24)]
    (face,) = tracker.follow(0, pictures).faces
    assert 0 < face.path.first < 10
    assert face.path.first + len(face.path) == 24


def test_half_a_face_at_the_border_is_followed_or_left_alone(tracker: FaceTracker, portrait: Picture) -> None:
    pictures = [scene(portrait, [(-40, 60, PORTRAIT)], n) for n in range(14)]
    for face in tracker.follow(0, pictures).faces:
        assert np.isfinite(face.path.crop).all()
        assert face.path.crop[:, 2].max() < 60


def test_of_a_crowd_the_largest_are_followed_and_the_others_counted(portrait: Picture) -> None:
    places = [(x, y, 62.0) for y in (0, 60, 120) for x in (0, 60, 120, 180)] + [(230, 150, 88.0)]
    found = FaceTracker(Limits(most=2, least=30.0), threads=1).follow(
        0, [scene(portrait, places, n) for n in range(13)]
    )
    assert len(found.faces) == 2
    assert max(face.height for face in found.faces) > 44
    assert found.left_out >= 4


@pytest.mark.parametrize("level", [0, 128])
def test_where_nobody_is_nobody_is_found(tracker: FaceTracker, level: int) -> None:
    found = tracker.follow(0, [np.full((SIZE[1], SIZE[0], 3), level, np.uint8)] * 13)
    assert found.faces == ()
    assert (found.left_out, found.dropped, found.instants) == (0, 0, 13)


def test_a_shot_of_one_picture_has_no_track(tracker: FaceTracker, portrait: Picture) -> None:
    found = tracker.follow(0, swaying(portrait, 1))
    assert found.faces == ()
    assert found.dropped == 1


def test_a_face_on_a_poster_does_not_tremble(tracker: FaceTracker, portrait: Picture) -> None:
    """Only noise changes from picture to picture: what is followed stands still."""
    (face,) = tracker.follow(0, [scene(portrait, [(90, 60, PORTRAIT)], n) for n in range(14)]).faces
    assert np.ptp(face.path.crop[:, 2:], axis=0).max() < 0.3
    assert np.ptp(face.path.crop[:, 0]) / face.path.crop[:, 0].mean() < 0.01


def test_a_face_that_a_cut_takes_away_ends_with_its_shot(tracker: FaceTracker, portrait: Picture) -> None:
    """Shots are followed one by one: the next begins with nothing known, however alike it looks."""
    before = tracker.follow(0, swaying(portrait, 13))
    after = tracker.follow(1, [scene(portrait, [(150, 90, PORTRAIT)], n) for n in range(13)])
    (first,), (second,) = before.faces, after.faces
    assert (first.path.first, len(first.path)) == (second.path.first, len(second.path)) == (0, 13)
    assert np.abs(second.path.crop[0, 2:] - second.path.crop[-1, 2:]).max() < 0.5
