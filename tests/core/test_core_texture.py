"""Textures depend on seed and frame number, on nothing else."""

import cv2
import numpy as np
import pytest

from footlights.core.texture import Lasting, grain, triangular_dither


def test_every_frame_has_its_own_view_whatever_the_order() -> None:
    texture = grain(40, 60, seed=5)
    forward = [texture.view(frame).copy() for frame in range(6)]
    again = grain(40, 60, seed=5)
    assert all((again.view(frame) == forward[frame]).all() for frame in (5, 2, 0, 3))
    assert not any((forward[a] == forward[b]).all() for a in range(6) for b in range(a))


def test_other_seeds_give_other_grain() -> None:
    assert not (grain(20, 20, seed=1, zoom=2).view(0) == grain(20, 20, seed=2, zoom=2).view(0)).all()


@pytest.mark.parametrize(("down", "across"), [((), ()), ((0.3,), (0.6, 0.2)), ((), (-0.3, 0.05, 0.02))])
def test_grain_has_unit_strength_and_the_asked_correlations(down: tuple[float, ...], across: tuple[float, ...]) -> None:
    view = grain(400, 400, seed=3, down=down, across=across).view(1)
    assert view.std() == pytest.approx(1.0, abs=0.05)
    for lag in (1, 2, 3):
        wanted = [(*values, 0.0, 0.0, 0.0)[lag - 1] for values in (down, across)]
        assert float((view[lag:] * view[:-lag]).mean()) == pytest.approx(wanted[0], abs=0.05)
        assert float((view[:, lag:] * view[:, :-lag]).mean()) == pytest.approx(wanted[1], abs=0.05)


def test_enlarged_grain_is_as_noise_that_was_enlarged() -> None:
    """The spectrum of white noise through a Lanczos kernel, up to where the tape's own samples end."""
    noise = np.random.default_rng(5).standard_normal((200, 200)).astype(np.float32)
    large = cv2.resize(noise, None, fx=1.8, fy=1.8, interpolation=cv2.INTER_LANCZOS4)
    view = grain(360, 360, seed=3, zoom=1.8).view(1)
    bands = [_bands(plane / plane.std()) for plane in (large, view)]
    assert bands[1] == pytest.approx(bands[0], rel=0.08, abs=0.01 * bands[0].sum())


def _bands(
    plane: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Power along the line in eight bands."""
    power = (np.abs(np.fft.rfft(plane * np.hanning(plane.shape[1]), axis=1)) ** 2).mean(axis=0)
    return np.array([part.sum() for part in np.array_split(power, 8)])


def test_frames_of_grain_are_not_correlated() -> None:
    texture = grain(200, 200, seed=9, across=(0.5,), zoom=1.8)
    assert abs(float((texture.view(10) * texture.view(11)).mean())) < 0.03


@pytest.mark.parametrize(("rho", "apart"), [(0.0, 1), (0.3, 2), (0.6, 1), (0.6, 2), (0.9, 3)])
def test_lasting_texture_is_a_first_order_process_of_unit_strength(rho: float, apart: int) -> None:
    lasting = Lasting(grain(160, 160, seed=9, across=(0.5,), zoom=1.8), rho=rho, apart=apart)
    views = [lasting.view(frame).copy() for frame in range(13, 61)]
    assert np.mean([view.var() for view in views]) == pytest.approx(1.0, abs=0.04)
    for lag in range(1, 2 * apart + 2):
        found = float(np.mean([np.mean(a * b) for a, b in zip(views[lag:], views, strict=False)]))
        assert found == pytest.approx(0.0 if lag % apart else rho ** (lag // apart), abs=0.04)


def test_lasting_texture_of_a_frame_is_the_same_to_the_last_bit_wherever_work_begins() -> None:
    def lasting(seed: int = 5) -> Lasting:
        return Lasting(grain(60, 60, seed=seed), rho=0.6, apart=2)

    whole = lasting()
    forward = [whole.view(frame).copy() for frame in range(70)]
    for start in (69, 64, 33, 32, 31, 1):
        piece = lasting()
        assert all((piece.view(frame) == forward[frame]).all() for frame in range(start, 70))
    assert all((whole.view(frame) == forward[frame]).all() for frame in (68, 3, 40, 39)), "in any order"
    assert abs(float((lasting(6).view(69) * forward[69]).mean())) < 0.1, "another seed"


def test_dither_is_triangular() -> None:
    view = triangular_dither(200, 200, seed=4).view(0)
    assert abs(float(view.mean())) < 0.02
    assert view.var() == pytest.approx(1 / 6, abs=0.01)
    assert np.abs(view).max() < 1
