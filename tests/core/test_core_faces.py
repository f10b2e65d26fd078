"""The crop of a face: middle, size and turn are where they are said to be."""

from __future__ import annotations

import numpy as np
import pytest

from footlights.core.faces import FacePath


def path(side: float, turn: float, x: float, y: float) -> FacePath:
    one = np.ones(1)
    return FacePath(5, np.array([[side, turn, x, y]]), one, np.zeros((1, 3)), one, one)


def test_the_middle_of_the_crop_is_the_middle_of_the_face() -> None:
    matrix = path(100, 0.4, 320.5, 200.25).matrix(5, 64)
    assert matrix @ [31.5, 31.5, 1] == pytest.approx([320.5, 200.25])


def test_a_side_of_the_crop_is_as_long_as_said_and_turns_clockwise() -> None:
    matrix = path(100, np.pi / 6, 0, 0).matrix(5, 50)
    along = matrix @ [50, 0, 0]
    assert np.hypot(*along) == pytest.approx(100)
    assert along[1] > 0  # down on the right
