"""StageMarks: the same landmarks in any light, at any size, and nobody where nobody is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from footlights.models.face_points import FacePoints
from footlights.models.landmarks import RIGID, Mesh, Square, crop_of, pose_of
from footlights.models.stageface import octaves
from footlights.models.stagemarks import INDEX, SIDE, SURE, StageMarks, crop_at, laid, told
from made_tapes import texture
from sample_face import singer

Picture = NDArray[np.uint8]


@pytest.fixture(scope="module")
def net() -> StageMarks:
    return StageMarks(threads=1)


@pytest.fixture(scope="module")
def portrait() -> Picture:
    return singer()


@pytest.fixture(scope="module")
def truth(portrait: Picture) -> Mesh:
    """What the face mesh says of the clean portrait."""
    (marked,) = FacePoints(threads=1).find(portrait)
    return Mesh(marked.points, marked.presence)


def on_stage(portrait: Picture, side: int, light: tuple[float, float, float], blur: float = 0.5) -> Picture:
    """The portrait in the middle of a stage of 480 lines, one field of it, with the noise of a tape."""
    scene = np.full((480, 640, 3), 60, np.float32)
    left, top = 320 - side // 2, 240 - side // 2
    scene[top : top + side, left : left + side] = cv2.resize(portrait, (side, side), interpolation=cv2.INTER_AREA)
    linear = (scene / 255) ** 2.4 * np.array(light)
    scene = np.minimum(linear, 1) ** (1 / 2.4) * 255
    field = cv2.resize(scene.astype(np.float32)[::2], (640, 480), interpolation=cv2.INTER_LINEAR)
    field = cv2.GaussianBlur(field, (0, 0), blur)
    field += np.random.default_rng(side).normal(0, 3, (480, 640, 1))
    return np.asarray(np.clip(field + 0.5, 0, 255), np.uint8)


def where(truth: Mesh, side: int) -> Mesh:
    """The truth as it lies on the stage."""
    half, corner = np.array([0.5, 0.5, 0]), np.array([320 - side // 2, 240 - side // 2, 0])
    return Mesh((truth.points + half) * side / 560 - half + corner, 1.0)


def test_what_is_laid_in_a_picture_is_told_of_its_square_again() -> None:
    said = np.random.default_rng(1).uniform(-0.5, 0.5, (len(INDEX), 3))
    square = Square(210.0, 90.0, 64.0, 0.4)
    mesh = laid(said, 0.7, square)
    assert mesh.presence == 0.7
    np.testing.assert_allclose(told(mesh.points[list(INDEX)], square), said, atol=1e-12)
    # Turned clockwise, what is to the right of the middle lies below it.
    (right,) = laid(np.tile([0.25, 0, 0], (len(INDEX), 1)), 1.0, square).points[[RIGID[0]]]
    np.testing.assert_allclose(right[:2], (210 + 16 * np.cos(0.4), 90 + 16 * np.sin(0.4)))


@pytest.mark.parametrize("side", [30.0, 150.0, 600.0])
def test_a_square_is_cut_upright_whatever_its_size(side: float) -> None:
    picture = np.full((700, 900, 3), 90, np.uint8)
    x, y = 450 + 0.25 * side * np.cos(0.5), 350 + 0.25 * side * np.sin(0.5)
    cv2.circle(picture, (round(x), round(y)), max(round(side / 20), 1), (255, 255, 255), -1)
    crop = crop_at(list(octaves(picture)), Square(450.0, 350.0, side, 0.5))
    assert crop.shape == (SIDE, SIDE, 3)
    row, column = np.argwhere(crop[..., 0] > 0.5 * (90.0 + crop.max())).mean(axis=0)
    assert (column, row) == pytest.approx((SIDE * 0.75, SIDE / 2), abs=2.5)


@pytest.mark.parametrize("side", [46, 90, 200, 420])
@pytest.mark.parametrize("light", [(1, 1, 1), (1.8, 0.063, 0.036), (0.05, 0.13, 1.8), (1.8, 0.05, 1.35)])
def test_landmarks_lie_where_they_lie_in_daylight(
    net: StageMarks, portrait: Picture, truth: Mesh, side: int, light: tuple[float, float, float]
) -> None:
    picture, true = on_stage(portrait, side, light), where(truth, side)
    wanted = true.square
    square = Square(wanted.x + 0.05 * wanted.side, wanted.y - 0.04 * wanted.side, 1.1 * wanted.side, wanted.turn + 0.08)
    mesh = net.look(picture, net.look(picture, square).square)
    assert mesh.presence > SURE
    off = np.hypot(*(mesh.points[list(RIGID), :2] - true.points[list(RIGID), :2]).T)
    assert off.mean() < 0.06 * true.square.side / 1.5
    assert crop_of(mesh)[0] == pytest.approx(crop_of(true)[0], rel=0.12)
    assert abs(pose_of(mesh)[0] - pose_of(true)[0]) < 15
    assert np.isnan(mesh.points[0]).all()


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((480, 640, 3), np.uint8),
        np.full((16, 16, 3), 70, np.uint8),
        np.random.default_rng(5).integers(0, 256, (240, 320, 3), dtype=np.uint8),
        np.repeat(texture(2)[:240, :320, None], 3, axis=2).astype(np.uint8),
    ],
    ids=["black", "tiny", "noise", "texture"],
)
def test_nobody_is_seen_where_nobody_is(net: StageMarks, picture: Picture) -> None:
    high, wide = picture.shape[:2]
    for side in (40.0, 120.0):
        assert net.look(picture, Square(wide / 2, high / 2, side, 0.1)).presence < SURE
