"""Fidelity: closed forms, published test values, and order: what is nearer scores better."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from footlights.core.signal import Matrix, Primaries
from footlights.metrics import fidelity
from made_tapes import texture

TRUTH = ((texture(51)[:160, :200] - 16) / 219).astype(np.float32)
NOISE = np.random.default_rng(5).standard_normal(TRUTH.shape).astype(np.float32)


def test_psnr_is_its_closed_form() -> None:
    assert fidelity.psnr(TRUTH + np.float32(0.1), TRUTH) == pytest.approx(20, abs=1e-3)
    assert fidelity.psnr(TRUTH, TRUTH) == 60


@pytest.mark.parametrize(("score", "best"), [(fidelity.ssim, 1.0), (fidelity.haarpsi, 1.0), (fidelity.gmsd, 0.0)])
def test_equal_pictures_score_best_and_damage_is_ordered(score, best: float) -> None:  # type: ignore[no-untyped-def]
    assert score(TRUTH, TRUTH) == pytest.approx(best, abs=1e-3)
    losses = [abs(score(TRUTH + NOISE * np.float32(sigma), TRUTH) - best) for sigma in (0.01, 0.03, 0.1)]
    assert losses[0] < losses[1] < losses[2]
    blurred = [abs(score(cv2.GaussianBlur(TRUTH, (0, 0), sigma), TRUTH) - best) for sigma in (0.6, 1.2, 2.4)]
    assert blurred[0] < blurred[1] < blurred[2]


@pytest.mark.parametrize(("x", "y"), [(0.4, -0.25), (-0.7, 0.0)])
def test_a_shift_is_found_and_taken_back(x: float, y: float) -> None:
    soft = cv2.GaussianBlur(TRUTH, (0, 0), 1.2)
    shifted = fidelity.moved(soft, -x, -y)
    found = fidelity.shift(shifted, soft)
    assert found == pytest.approx((x, y), abs=0.06)
    back = fidelity.moved(shifted, *found)
    assert fidelity.psnr(back[8:-8, 8:-8], soft[8:-8, 8:-8]) > fidelity.psnr(shifted[8:-8, 8:-8], soft[8:-8, 8:-8]) + 8


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [  # Sharma, Wu, Dalal 2005, table 1
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, -1.3802, -84.2814), (50.0, 0.0, -82.7485), 1.0000),
        ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0009), 7.1792),
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_colour_difference_gives_the_published_values(first, second, expected: float) -> None:  # type: ignore[no-untyped-def]
    assert float(fidelity.delta_e(np.array(first), np.array(second))) == pytest.approx(expected, abs=1e-4)


def test_grey_is_grey_and_white_is_white_in_lab() -> None:
    grey = np.zeros((3, 1, 2))
    grey[0] = 0.5, 1.0
    found = fidelity.lab(grey, Matrix.SMPTE170M, Primaries.SMPTE170M)
    assert found[0, 1] == pytest.approx([100, 0, 0], abs=1e-6)
    assert np.abs(found[0, 0, 1:]).max() < 1e-6


def test_combing_raises_the_comb_index() -> None:
    combed = TRUTH.copy()
    combed[1::2, 8:] = TRUTH[1::2, :-8]
    assert fidelity.comb_index(TRUTH, TRUTH) == pytest.approx(1)
    assert fidelity.comb_index(combed, TRUTH) > 2
