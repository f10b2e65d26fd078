"""Halos above and below edges: the kernel that made them, and what is none."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from footlights.analysis import halos
from footlights.metrics import halosacross
from footlights.tape.camera import Detail
from footlights.tape.optics import Optics, ReadOut
from footlights.tape.presets import NEUTRAL
from tape_views import simulated

Lines = NDArray[np.float32]


def bars(soft: int = 1, *, noise: float = 0.0) -> Lines:
    """A field of level bars of many greys and heights, whose edges fall anywhere between its lines."""
    rng = np.random.default_rng(4)
    fine = np.empty((240 * 8, 24), np.float32)
    for column in fine.T:
        edges = np.cumsum(rng.integers(11 * 8, 20 * 8, 30))
        column[:] = rng.uniform(50, 190, 31)[np.searchsorted(edges, np.arange(len(column)), side="right")]
    # A line is what falls on it: `soft` line spacings high.
    read = cv2.blur(fine, (1, 8 * soft))[4::8]
    picture = np.repeat(read, 30, axis=1)
    return np.asarray(picture + rng.normal(0, noise, picture.shape), np.float32)


def sharpened(lines: Lines, above: float, below: float) -> Lines:
    """Lines less a share of those above and below."""
    taps = np.array([[-above], [1 + above + below], [-below]], np.float32)
    return np.asarray(cv2.filter2D(lines, -1, taps, borderType=cv2.BORDER_REPLICATE))


@pytest.mark.parametrize("noise", [0.0, 2.0])
@pytest.mark.parametrize(("above", "below"), [(0.1, 0.1), (0.2, 0.2), (0.0, 0.15)])
def test_the_kernel_that_sharpened_the_lines_is_found(above: float, below: float, noise: float) -> None:
    lines = sharpened(bars(), above, below)
    found = halosacross.measure(lines + np.random.default_rng(1).normal(0, noise, lines.shape).astype(np.float32))
    assert min(one.number for one in found) > 60
    # What a line takes of the one above shows behind a step, and the other way round.
    assert halosacross.shared(*found) == pytest.approx((0.95 * below, 0.95 * above), abs=0.025)


@pytest.mark.parametrize("soft", [1, 2])
def test_lines_that_were_not_sharpened_show_none(soft: int) -> None:
    assert max(halosacross.shared(*halosacross.measure(bars(soft, noise=1.0)))) < 0.015


def test_plain_low_and_small_pictures_show_no_edges() -> None:
    for picture in (np.full((240, 720), 90, np.float32), bars(5), np.zeros((8, 16), np.uint8)):
        found = halosacross.measure(picture)
        assert [one.number for one in found] == [0, 0]
        assert halosacross.shared(*found) == (0, 0)


def test_a_shot_tells_what_edges_both_ways_share_and_a_lit_rim_is_none_of_it() -> None:
    scene = np.repeat(np.linspace(0.25, 0.5, 480)[:, None, None] > 0.6, 704, axis=1).astype(np.float32) + 0.3
    for top in range(30, 450, 48):
        scene[top : top + 24] = 0.6
    pictures = [np.repeat(scene, 3, axis=2).astype(np.float32)] * 16
    optics = Optics(blur_x=0, blur_y=0, read_out=ReadOut.LINE)
    for gain in (0.0, 0.8):
        worn = replace(NEUTRAL, optics=optics, detail=Detail(gain_x=0.0, gain_y=gain, coring=0.0))
        made = simulated(worn, pictures)
        found = halos.report(made.columns("halos"), made.shot)
        assert min(found.across) > 200
        assert (found.above + found.below) / 2 == pytest.approx(gain / 4, abs=0.03)
    rims = made.frames[7]
    for top in range(30, 450, 48):
        rims.y[top - 2 : top] = 200
        rims.y[top + 24 : top + 26] = 200
    rimmed = halos.report(made.columns("halos"), made.shot)
    assert min(rimmed.above, rimmed.below) < 0.03
