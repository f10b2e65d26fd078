"""StageFace: blind to colour and strength of light, at home on every octave, sure of nobody where nobody is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from footlights.models.stageface import LARGEST, SMALLEST, StageFace, _alone, decoded, octaves, padded, planes_of
from made_tapes import texture
from sample_face import MARKS, singer

Picture = NDArray[np.uint8]


@pytest.fixture(scope="module")
def net() -> StageFace:
    return StageFace(threads=1)


@pytest.fixture(scope="module")
def portrait() -> Picture:
    return singer()


def stage(portrait: Picture, side: int, light: tuple[float, float, float] = (1, 1, 1)) -> Picture:
    """The portrait on a stage of 480 lines, one field of it, with the noise of a tape."""
    scene = np.full((480, 640, 3), 60, np.float32)
    left, top = 320 - side // 2, 240 - side // 2
    scene[top : top + side, left : left + side] = cv2.resize(portrait, (side, side), interpolation=cv2.INTER_AREA)
    linear = (scene / 255) ** 2.4 * np.array(light)
    scene = np.minimum(linear, 1) ** (1 / 2.4) * 255
    field = cv2.resize(scene.astype(np.float32)[::2], (640, 480), interpolation=cv2.INTER_LINEAR)
    field += np.random.default_rng(side).normal(0, 3, (480, 640, 1))
    return np.asarray(np.clip(field + 0.5, 0, 255), np.uint8)


def test_planes_do_not_know_the_strength_of_light_nor_its_colour() -> None:
    values = 60 + 40 * cv2.GaussianBlur(np.random.default_rng(1).standard_normal((96, 128)), (0, 0), 2)
    white = np.repeat(np.clip(values, 0, 127)[..., None], 3, axis=2)
    bright = planes_of((2 * white).astype(np.uint8))
    red = planes_of((2 * white * (1, 0, 0)).astype(np.uint8))
    for plane in range(3):
        assert np.corrcoef(bright[plane].ravel(), red[plane].ravel())[0, 1] > 0.99
        assert np.abs(bright[plane]).max() <= 4
    # A flat picture shows no contrast at all, whatever its colour.
    assert np.abs(planes_of(np.full((64, 64, 3), (200, 10, 90), np.uint8))[:3]).max() < 1e-3


def test_octaves_halve_and_are_padded_to_what_the_net_takes() -> None:
    found = [(picture.shape[:2], scale) for picture, scale in octaves(np.zeros((480, 640, 3), np.uint8))]
    assert found == [((480, 640), 1), ((240, 320), 2), ((120, 160), 4), ((60, 80), 8)]
    assert [scale for _, scale in octaves(np.zeros((16, 16, 3), np.uint8))] == [1]
    assert padded(np.ones((4, 60, 80), np.float32)).shape == (4, 64, 96)


def test_boxes_are_read_from_the_cells_that_are_surest() -> None:
    raw = np.zeros((17, 8, 8), np.float32)
    raw[0] = -5
    raw[0, 2, 3], raw[0, 2, 4], raw[0, 6, 6] = 2.0, 1.0, -1.0
    raw[1:3, 2, 3] = (0.25, -0.5)
    raw[3:5, 2, 3] = (0.0, np.log(2))
    raw[5:7, 2, 3] = (-0.25, 0.125)
    (found,) = decoded(raw, 0.5)
    x, y = 3.5 * 4 - 0.5 + 2, 2.5 * 4 - 0.5 - 4
    np.testing.assert_allclose(found[:4], [x - 12, y - 24, x + 12, y + 24], atol=1e-4)
    assert found[4] == pytest.approx(1 / (1 + np.exp(-2)))
    np.testing.assert_allclose(found[5:7], [x - 12, y + 6], atol=1e-4)
    assert len(decoded(raw, 0.2)) == 2
    assert decoded(raw, 0.95).shape == (0, 17)


@pytest.mark.parametrize("side", [48, 90, 200, 420])
@pytest.mark.parametrize("light", [(1, 1, 1), (1.8, 0.063, 0.036), (0.05, 0.13, 1.8), (1.8, 0.05, 1.35)])
def test_a_face_is_found_at_any_size_in_any_light(
    net: StageFace, portrait: Picture, side: int, light: tuple[float, float, float]
) -> None:
    best = max(net.boxes(stage(portrait, side, light), 0.3), key=lambda box: box[4])
    off = best[5:13].reshape(4, 2) - ((320 - side // 2, 240 - side // 2) + MARKS * side / 560)
    height = 0.62 * side
    assert np.hypot(*off.T).max() < 0.22 * height
    assert (best[3] - best[1]) / height == pytest.approx(1, abs=0.3)


@pytest.mark.parametrize("height", [20.0, 60.0, 300.0])
def test_another_look_is_upright_and_of_one_size(height: float) -> None:
    """A bright right eye, tilted: in the square it lies level with the left one."""
    picture = np.full((900, 1200, 3), 90, np.uint8)
    middle, turn = np.array([610.0, 430.0]), 0.4
    across = height * np.array([np.cos(turn), np.sin(turn)])
    right, left = middle - 0.3 * across, middle + 0.3 * across
    cv2.circle(picture, tuple(int(v) for v in right.round()), max(round(height / 12), 1), (255, 255, 255), -1)
    corners = [*(middle - height / 2), *(middle + height / 2)]
    row = np.array([*corners, 0.5, *right, *left, *np.tile(middle, 4)])
    seen = _alone(list(octaves(picture)), row)
    assert seen.shape == (128, 128, 3)
    y, x = np.argwhere(seen[..., 0] > 0.5 * (90.0 + seen.max())).mean(axis=0)
    assert x == pytest.approx(63.5 - 0.3 * 44, abs=1.5)
    assert y == pytest.approx(63.5, abs=1.5)


def test_another_look_keeps_faces_and_doubts_the_rest(net: StageFace, portrait: Picture) -> None:
    picture = stage(portrait, 90, (1.8, 0.063, 0.036))
    face = max(net.boxes(picture, 0.3), key=lambda box: box[4])
    aside = face.copy()
    aside[[0, 2, *range(5, 17, 2)]] += 180
    sure, unsure = net.again(picture, np.stack([face, aside]))
    assert sure > 0.6
    assert unsure < 0.4
    assert net.again(picture, np.zeros((0, 17))).shape == (0,)


def test_a_face_twice_as_large_has_a_box_twice_as_large(net: StageFace, portrait: Picture) -> None:
    small, large = (max(net.boxes(stage(portrait, side), 0.3), key=lambda box: box[4]) for side in (100, 200))
    assert (large[3] - large[1]) / (small[3] - small[1]) == pytest.approx(2, rel=0.15)
    assert SMALLEST < small[3] - small[1] < LARGEST


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((480, 640, 3), np.uint8),
        np.full((240, 320, 3), 255, np.uint8),
        np.full((16, 16, 3), 70, np.uint8),
        np.full((20, 320, 3), 70, np.uint8),
        np.full((1, 1, 3), 70, np.uint8),
        np.random.default_rng(5).integers(0, 256, (240, 320, 3), dtype=np.uint8),
        np.repeat(texture(2)[:240, :320, None], 3, axis=2).astype(np.uint8),
    ],
    ids=["black", "white", "tiny", "thin", "one sample", "noise", "texture"],
)
def test_it_is_sure_of_nobody_where_nobody_is(net: StageFace, picture: Picture) -> None:
    assert len(net.boxes(picture, 0.4)) == 0


def test_what_cannot_reach_a_score_is_not_looked_at_mirrored_and_stays_below_it(
    net: StageFace, portrait: Picture
) -> None:
    picture = stage(portrait, 150)
    rows = net.boxes(picture, 0.02)
    whole, spared = net.again(picture, rows), net.again(picture, rows, 0.3)
    assert (whole >= 0.3).any()
    assert (whole < 0.3).any()
    np.testing.assert_allclose(spared[whole >= 0.3], whole[whole >= 0.3], atol=1e-4)
    assert (spared[whole < 0.3] < 0.3).all()
