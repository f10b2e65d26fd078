"""Faces: found where they are, in any light and at the edges; none where nobody is; weights only with their cards."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from importlib.resources import as_file
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from footlights.errors import InternalError
from footlights.models import runtime
from footlights.models.faces import Face, FaceFinder, seen_best, soft_skin, tinted
from made_tapes import texture
from sample_face import MARKS, singer

Picture = NDArray[np.uint8]
CHEEKS = 310
"""Width of the face there."""


@pytest.fixture(scope="module", params=["stageface", "blazeface"])
def either(request: pytest.FixtureRequest) -> FaceFinder:
    return FaceFinder(request.param, threads=1)


@pytest.fixture(scope="module")
def finder() -> FaceFinder:
    return FaceFinder(threads=1)


@pytest.fixture(scope="module")
def portrait() -> Picture:
    return singer()


def scaled(picture: Picture, side: int) -> Picture:
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def grey(width: int, height: int, level: int = 70) -> Picture:
    return np.full((height, width, 3), level, np.uint8)


def errors(face: Face, side: int, left: float = 0, top: float = 0) -> NDArray[np.float64]:
    """How far the marks lie off, in samples of the portrait, where it was put with this size at this place."""
    found = (np.array(face.points[:4]) - (left, top)) * 560 / side
    return np.hypot(*(found - MARKS).T)


@pytest.mark.parametrize("side", [200, 420])
def test_a_frontal_face_is_found_where_it_is(either: FaceFinder, portrait: Picture, side: int) -> None:
    (face,) = either.find(scaled(portrait, side))
    assert errors(face, side).max() < 25
    assert face.width * 560 / side == pytest.approx(CHEEKS, rel=0.2)
    assert face.left < min(x for x, _ in face.points[:4])
    assert face.score > 0.6
    assert face.presence > 0.9


@pytest.mark.parametrize("light", [(1, 0.25, 0.2), (0.2, 0.3, 1), (0.25, 0.9, 0.3), (0.25, 0.25, 0.25)])
def test_it_is_found_under_any_light(either: FaceFinder, portrait: Picture, light: tuple[float, ...]) -> None:
    lit = (scaled(portrait, 200) * np.array(light)).astype(np.uint8)
    (face,) = either.find(lit)
    assert errors(face, 200).max() < 30


def test_a_face_that_only_one_dark_channel_still_shows_is_seen(portrait: Picture) -> None:
    """Magenta light that clips red and blue: what is bright says nothing, luma has the green that is left."""
    net = runtime.Net("face_landmark", threads=1)
    crop = np.full((192, 192, 3), 255, np.uint8)
    noise = np.random.default_rng(1).normal(0, 1, (192, 192))
    crop[..., 1] = np.clip(30 + 0.12 * scaled(portrait, 192)[..., 1] + noise, 0, 255)
    soft = soft_skin(crop)
    assert tinted(crop)
    assert seen_best(net, crop, soft)[1] > 0.9
    # White light is never looked at twice.
    white = np.repeat(crop[..., 1:2], 3, axis=2)
    assert not tinted(white)
    assert seen_best(net, white, soft)[1] == pytest.approx(seen_best(net, crop[:, :, [1, 1, 1]], soft)[1])
    assert seen_best(net, white, soft)[1] < 0.5


def ruined(portrait: Picture) -> Picture:
    """The portrait blurred, noisy, under clipped red light: the mesh sees nobody."""
    scene = grey(320, 240).astype(np.float32)
    scene[80:140, 130:190] = scaled(portrait, 60)
    lit = np.minimum((scene / 255) ** 2.4 * (1.8, 0.063, 0.036), 1) ** (1 / 2.4) * 255
    blurred = cv2.GaussianBlur(lit.astype(np.float32), (0, 0), 2.2)
    return np.clip(blurred + np.random.default_rng(1).normal(0, 8, (240, 320, 1)), 0, 255).astype(np.uint8)


def test_a_face_that_only_the_detector_sees_is_told_with_its_low_presence(portrait: Picture) -> None:
    (face,) = FaceFinder(marks=False, threads=1).find(ruined(portrait))
    assert face.presence < 0.5
    assert face.score > 0.5
    assert face.left < 130 + 30 < face.left + face.width
    assert FaceFinder("blazeface", threads=1).find(ruined(portrait)) == []


def test_a_face_that_the_mesh_does_not_see_is_verified_by_our_own_landmarks(
    finder: FaceFinder, portrait: Picture
) -> None:
    (face,) = finder.find(ruined(portrait))
    assert face.presence > 0.5
    assert finder.find(ruined(portrait), judge="mesh") == []


def test_a_small_face_in_a_wide_shot_is_found(either: FaceFinder, portrait: Picture) -> None:
    """40 samples of 640: below what the net sees in the whole picture, found in a tile."""
    scene, side = grey(640, 480), 64
    scene[300 : 300 + side, 500 : 500 + side] = scaled(portrait, side)
    (face,) = either.find(scene)
    assert errors(face, side, 500, 300).max() < 40
    assert 30 < face.width < 50


@pytest.mark.parametrize(
    "cut",
    [
        lambda picture: picture[:, 65:],
        lambda picture: picture[:, :135],
        lambda picture: picture[:118],
    ],
    ids=["left", "right", "bottom"],
)
def test_boxes_end_where_the_picture_does(
    finder: FaceFinder, portrait: Picture, cut: Callable[[Picture], Picture]
) -> None:
    picture = np.ascontiguousarray(cut(scaled(portrait, 200)))
    height, width = picture.shape[:2]
    (face,) = finder.find(picture)
    assert 0 <= face.left < face.left + face.width <= width
    assert 0 <= face.top < face.top + face.height <= height
    assert min(face.left, face.top, width - face.left - face.width, height - face.top - face.height) == 0


@pytest.mark.parametrize(
    "picture",
    [
        grey(320, 240, 0),
        grey(320, 240, 128),
        grey(320, 240, 255),
        grey(16, 16),
        grey(320, 20),
        np.random.default_rng(5).integers(0, 256, (240, 320, 3), dtype=np.uint8),
        np.repeat(texture(2)[:240, :320, None], 3, axis=2).astype(np.uint8),
    ],
    ids=["black", "grey", "white", "tiny", "thin", "noise", "texture"],
)
def test_nothing_is_found_where_there_is_nobody(either: FaceFinder, picture: Picture) -> None:
    assert either.find(picture) == []


def test_the_same_picture_gives_the_same_faces(finder: FaceFinder, portrait: Picture) -> None:
    picture = scaled(portrait, 200)
    assert finder.find(picture) == finder.find(picture) == FaceFinder(threads=2).find(picture)


@pytest.mark.parametrize("harm", ["a flipped bit", "cut short", "missing"])
def test_weights_that_are_not_those_of_their_card_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    with as_file(runtime._WEIGHTS) as folder:
        shutil.copytree(folder, tmp_path / "weights")
    monkeypatch.setattr(runtime, "_WEIGHTS", tmp_path / "weights")
    weights = tmp_path / "weights" / "face_landmark.tflite"
    data = bytearray(weights.read_bytes())
    runtime.Net("face_landmark", threads=1)
    if harm == "missing":
        weights.unlink()
    else:
        data[len(data) // 2] ^= 1
        weights.write_bytes(data if harm == "a flipped bit" else data[:-100])
    with pytest.raises(InternalError, match=r"face_landmark\.tflite are not those of their card.*Reinstall"):
        runtime.Net("face_landmark", threads=1)


def test_every_card_says_where_its_weights_are_from(tmp_path: Path) -> None:
    for card in runtime.cards().values():
        assert card.file in card.files
        assert all(len(digest) == 64 for digest in card.files.values())
        assert card.licence == "Apache-2.0"
        assert card.source
        assert card.what
        assert re.fullmatch(rf"{card.name}@sha256:[0-9a-f]{{16}}", card.reference)
        if card.name.startswith("fieldlift"):
            assert card.data
            assert card.scores
            assert card.command


def test_the_best_of_all_faces_are_found_alone(either: FaceFinder, portrait: Picture) -> None:
    scene = grey(640, 480)
    for left, side in ((40, 200), (360, 160)):
        scene[150 : 150 + side, left : left + side] = scaled(portrait, side)
    found = either.find(scene)
    assert len(found) == 2
    assert either.find(scene, best=1) == found[:1]
    assert either.find(scene, best=8) == found
