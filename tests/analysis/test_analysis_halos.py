"""Halos beside edges: told from soft and plain pictures, and taken back by the filter that the edges ask for."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from footlights.metrics import halos
from footlights.restoration.halos import filtered, refiltered, response

PEAKED = np.array([[-0.05, -0.1, -0.12, -0.1, 1.74, -0.1, -0.12, -0.1, -0.05]], np.float32)
"""The line less its mean over nine samples."""
TRAILING = np.array([[-0.1, -0.2, 0.3, 1.0, 0.0, 0.0, 0.0]], np.float32)
"""Peaking that knows no future, as of a deck."""


def bars(blur: float = 1.1, *, noise: float = 0.0) -> NDArray[np.float32]:
    """A field of upright bars of many greys and widths, 240 lines."""
    rng = np.random.default_rng(2)
    lines = np.repeat(rng.uniform(50, 190, (12, 24)), 30, axis=1)[:, :720].astype(np.float32)
    for line in lines:
        line[:] = np.roll(line, int(rng.integers(30)))
    picture = cv2.GaussianBlur(np.repeat(lines, 20, axis=0), (0, 0), blur, sigmaY=0.01)
    return picture + rng.normal(0, noise, picture.shape).astype(np.float32)


@pytest.mark.parametrize(("kernel", "sides"), [(PEAKED, (True, True)), (TRAILING, (False, True))])
@pytest.mark.parametrize("noise", [0.0, 3.0])
def test_what_sharpening_left_beside_edges_is_measured_and_taken_back(
    kernel: NDArray[np.float32], sides: tuple[bool, bool], noise: float
) -> None:
    clean = bars()
    sharp = filtered(clean, kernel / kernel.sum())
    found = halos.measure(sharp + np.random.default_rng(5).normal(0, noise, sharp.shape).astype(np.float32))
    assert min(one.number for one in found) > 40
    profile = halos.common(*found)
    assert [one > 0.05 for one in halos.overshoot(profile)] == list(sides)
    taps = halos.equaliser(profile)
    assert len(taps) == halos.TAPS
    assert taps.sum() == pytest.approx(1)
    mended = filtered(sharp, response(tuple(taps), 1.0))
    inner = np.s_[:, 20:-20]
    errors = [float(np.mean((one - clean)[inner] ** 2)) for one in (sharp, mended)]
    assert 10 * np.log10(errors[0] / errors[1]) > 2.5  # dB
    left = halos.common(*halos.measure(mended))
    assert sum(halos.overshoot(left)) < 0.6 * sum(halos.overshoot(profile))


def test_the_filter_does_to_the_profile_what_it_does_to_the_line() -> None:
    profile = np.clip(np.arange(-20, 21) / 8 + 0.5, 0, 1) + 0.1 * np.exp(-((halos.PLACES - 2) ** 2))
    taps = np.array([-0.1, 0.2, 0.9, -0.05, 0.05])
    line = np.concatenate([np.zeros(8), profile[::2], np.ones(8)]).astype(np.float32)[None]
    made = filtered(line, taps[None].astype(np.float32))[0, 8:-8]
    np.testing.assert_allclose(halos.equalised(profile, taps)[::2], made, atol=1e-5)


def test_soft_and_plain_pictures_show_no_edges_and_steep_ones_no_halo() -> None:
    for picture in (np.full((240, 720), 90, np.float32), bars(4.0)):
        assert [one.number for one in halos.measure(picture)] == [0, 0]
    assert max(halos.overshoot(halos.common(*halos.measure(bars(noise=3.0))))) < 0.02


def test_what_the_scene_has_beside_its_edges_is_no_halo() -> None:
    """Dark windows with white frames: the frame is on the brighter side of edges up and down."""
    picture = np.full((240, 720), 120, np.float32)
    for left in range(40, 660, 60):
        picture[:, left - 3 : left + 23] = 140
        picture[:, left : left + 20] = 60
    picture = cv2.GaussianBlur(picture, (0, 0), 0.9)
    up, down = halos.measure(picture)
    assert min(up.number, down.number) > 100
    assert max(*halos.overshoot(up.profile), *halos.overshoot(down.profile)) > 0.1
    assert max(halos.overshoot(halos.common(up, down))) < 0.01


def test_what_was_taken_back_can_be_put_back() -> None:
    lines, kernel = bars(noise=2.0), response((-0.05, 0.1, 0.85, -0.02, 0.12), 0.8)
    np.testing.assert_allclose(refiltered(filtered(lines, kernel), kernel)[:, 16:-16], lines[:, 16:-16], atol=0.02)
