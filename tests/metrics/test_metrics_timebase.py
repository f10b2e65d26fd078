"""Offsets of lines, where only a part of the picture speaks for them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.metrics import timebase

Floats = NDArray[np.float32]


def _texture(seed: int, contrast: float, shape: tuple[int, int] = (96, 480)) -> Floats:
    detail = cv2.GaussianBlur(np.random.default_rng(seed).standard_normal(shape).astype(np.float32), (0, 0), 2.0)
    return np.asarray(contrast * detail / detail.std(), np.float32)


def _strayed(field: Floats, offsets: Floats) -> Floats:
    """Lines moved right, each by its own offset."""
    y, x = np.mgrid[: field.shape[0], : field.shape[1]].astype(np.float32)
    return np.asarray(cv2.remap(field, x - offsets[:, None], y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT))


def _scene(moved: float, offsets: Floats) -> Floats:
    """A quiet backdrop that rests; before it a thing of strong texture that moves and strays by itself."""
    thing = _strayed(np.roll(_texture(5, 40), round(moved), axis=1), offsets)
    scene = 110 + _texture(6, 10)
    scene[:, 180:300] = 110 + thing[:, 180:300]
    return np.asarray(scene, np.float32)


def test_a_thing_that_bends_while_it_moves_does_not_move_lines() -> None:
    bends = np.random.default_rng(7).normal(0, 1, 96).astype(np.float32)
    found = timebase.line_shift(_scene(6, bends), _scene(0, np.zeros(96, np.float32)))
    sure = 1 / found.variance
    assert np.sqrt(np.average(found.shift**2, weights=sure)) < 0.1


def test_lines_of_a_resting_picture_are_still_found() -> None:
    offsets = np.random.default_rng(8).normal(0, 0.5, 96).astype(np.float32)
    scene = np.asarray(110 + _texture(6, 25), np.float32)
    found = timebase.line_shift(_strayed(scene, offsets), scene)
    assert np.sqrt(np.mean((found.shift - offsets)[8:-8] ** 2)) < 0.15
