"""Textures depend on seed and frame number, on nothing else."""

import numpy as np
import pytest

from footlights.core.texture import grain, triangular_dither


def test_every_frame_has_its_own_view_whatever_the_order() -> None:
    texture = grain(40, 60, seed=5, size=(0.0, 0.0))
    forward = [texture.view(frame).copy() for frame in range(6)]
    again = grain(40, 60, seed=5, size=(0.0, 0.0))
    assert all((again.view(frame) == forward[frame]).all() for frame in (5, 2, 0, 3))
    assert not any((forward[a] == forward[b]).all() for a in range(6) for b in range(a))


def test_other_seeds_give_other_grain() -> None:
    assert not (grain(20, 20, seed=1, size=(1, 1)).view(0) == grain(20, 20, seed=2, size=(1, 1)).view(0)).all()


@pytest.mark.parametrize("size", [0.0, 0.8, 1.6])
def test_grain_has_unit_strength_and_the_asked_coarseness(size: float) -> None:
    view = grain(300, 300, seed=3, size=(size, size)).view(1)
    assert view.std() == pytest.approx(1.0, abs=0.05)
    correlation = float((view[:, 1:] * view[:, :-1]).mean())
    expected = np.exp(-1 / (4 * size**2)) if size else 0.0
    assert correlation == pytest.approx(expected, abs=0.06)


def test_frames_of_grain_are_not_correlated() -> None:
    texture = grain(200, 200, seed=9, size=(0.9, 0.9))
    assert abs(float((texture.view(10) * texture.view(11)).mean())) < 0.03


def test_dither_is_triangular() -> None:
    view = triangular_dither(200, 200, seed=4).view(0)
    assert abs(float(view.mean())) < 0.02
    assert view.var() == pytest.approx(1 / 6, abs=0.01)
    assert np.abs(view).max() < 1
