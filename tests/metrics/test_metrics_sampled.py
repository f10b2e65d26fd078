"""VMAF of all frames told from some of them and the error of all: pyramids, cuts and the low end come out right."""

from __future__ import annotations

import numpy as np
import pytest

from footlights.metrics.sampled import Series, every_of, first_look, low, lowest, missed, restless, whole

FRAMES = 97


def pyramid(frames: int = FRAMES) -> Series:
    """PSNR of an encode in layers: every sixteenth frame the best, every odd one the worst."""
    depth = np.array([(16 if n % 16 == 0 else n & -n) for n in range(frames)])
    return 40 + 0.7 * np.log2(depth)


@pytest.mark.parametrize("every", [3, 7])
def test_where_score_and_error_go_together_all_frames_are_told_exactly(every: int) -> None:
    psnr = pyramid() + np.linspace(0, 2, FRAMES)
    scores = 80 + 0.3 * (psnr - 40) * 4
    found, scatter = whole(scores[::every], every, psnr)
    assert found == pytest.approx(scores, abs=0.1)
    assert low(found, every, scatter) == pytest.approx(np.percentile(scores, 5, method="hazen"), abs=0.15)


def test_a_cut_between_pictures_that_vmaf_sees_otherwise_misleads_nothing() -> None:
    """The second shot scores less at a smaller error: together they would say that errors are good."""
    psnr = pyramid()
    psnr[40:] += 4
    scores = 95 + (pyramid() - 41) - np.where(np.arange(FRAMES) >= 40, 5.0, 0.0)
    found, _ = whole(scores[::7], 7, psnr, (0, 40))
    assert found == pytest.approx(scores, abs=0.2)
    assert np.abs(whole(scores[::7], 7, psnr)[0] - scores).max() > 1


def test_a_layer_that_vmaf_minds_more_than_its_error_says_is_told_and_no_scatter() -> None:
    """In the second shot it is the even frames that lie lowest."""
    psnr, starts = pyramid(), (0, 41)
    inside = np.arange(FRAMES) - np.where(np.arange(FRAMES) >= 41, 41, 0)
    scores = 92 + (psnr - 41) - 3.0 * (inside % 2)
    found, scatter = whole(scores[::7], 7, psnr, starts)
    assert found == pytest.approx(scores, abs=0.8)
    assert not restless(scatter)


def test_scatter_that_no_error_tells_is_not_lost_at_the_low_end() -> None:
    """Frames told from their neighbours alone would scatter less than frames do."""
    rng = np.random.default_rng(4)
    psnr = np.full(600, 42.0)
    scores = 92 + rng.normal(0, 1.0, 600)
    found, scatter = whole(scores[::3], 3, psnr)
    true = float(np.percentile(scores, 5, method="hazen"))
    assert abs(low(found, 3, scatter) - true) < abs(float(np.percentile(found, 5, method="hazen")) - true)


def test_equal_pictures_and_single_frames_are_told_too() -> None:
    found, scatter = whole(np.full(4, 97.4), 3, np.full(10, np.inf))
    assert found == pytest.approx(np.full(10, 97.4))
    assert low(found, 3, scatter) == pytest.approx(97.4)
    found, scatter = whole(np.array([90.0]), 3, np.array([40.0, 39.0, 39.0]))
    assert found == pytest.approx([90.0, 90.0, 90.0])


def test_strobes_are_restless_and_a_pyramid_is_not() -> None:
    psnr = pyramid()
    calm = 80 + 1.2 * (psnr - 40)
    strobes = calm + 8 * (np.arange(FRAMES) % 11 < 3)
    assert [restless(whole(scores[::7], 7, psnr)[1]) for scores in (calm, strobes)] == [False, True]


def test_what_every_seventh_does_not_tell_every_third_may() -> None:
    """Light that swings slowly: the third frames stand near enough to tell the others, the sevenths do not."""
    psnr = pyramid()
    swing = 80 + 1.2 * (psnr - 40) + 4 * np.sin(np.arange(FRAMES) / 4)
    told = {every: whole(swing[::every], every, psnr) for every in (3, 7)}
    assert [restless(told[every][1], every) for every in (3, 7)] == [False, True]
    assert told[3][0] == pytest.approx(swing, abs=0.6)
    strobes = swing + 8 * (np.arange(FRAMES) % 11 < 3)
    assert restless(whole(strobes[::3], 3, psnr)[1], 3)


def test_torn_frames_are_found_where_they_make_the_low_end() -> None:
    """Flashes that no neighbour tells but that their own error does: every third frame alone is off by more."""
    psnr = pyramid()
    rng = np.random.default_rng(7)
    torn = np.arange(FRAMES) % 17 < 4
    psnr[torn] -= 3 + rng.normal(0, 1, torn.sum())
    scores = 92 + (psnr - 41) * np.where(torn, 2.0, 1.2) + rng.normal(0, 0.4, FRAMES)
    found, scatter = whole(scores[::3], 3, psnr)
    numbers = lowest(found, 3)
    assert len(numbers) == FRAMES // 6
    assert (numbers % 3 > 0).all()
    # The first frames too, whose neighbours on one side are missing.
    assert 1 in numbers
    true = float(np.percentile(scores, 5, method="hazen"))
    before = abs(low(found, 3, scatter) - true)
    found[numbers] = scores[numbers]
    assert abs(low(found, 3, scatter, numbers) - true) < min(0.2, before)


def test_a_score_far_from_the_target_need_not_be_known_well() -> None:
    assert [missed(score, 93.0) for score in (90.9, 91.1, 94.9, 95.1)] == [True, False, False, True]


@pytest.mark.parametrize(("scatter", "every"), [(0.1, 7), (0.5, 3), (1.5, 3)])
def test_how_well_a_proxy_was_told_says_how_its_shot_is_first_looked_at(scatter: float, every: int) -> None:
    missed = scatter * np.tile([-1.0, 1.0], 8)
    assert first_look(missed, 3) == every
    assert first_look(np.zeros(1), 1) == 1


@pytest.mark.parametrize("count", [1, 26, 56, 57, 96, 360, 5000])
def test_what_is_measured_sees_every_layer_of_the_pyramid(count: int) -> None:
    """Odd steps pass through odd and even frames, and none is that of film repeated in five; at least 9 of them."""
    every = every_of(count)
    assert every in (1, 3, 7)
    assert every == 1 or -(-count // every) >= 9


def test_all_frames_measured_are_taken_as_they_are() -> None:
    assert low(np.arange(20.0), 1, np.zeros(1)) == pytest.approx(0.5)
