"""What is left of known grain, and how steady drawn grain is, against what was put in."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from made_grain import curve, grainy, scene
from numpy.typing import NDArray

from footlights.encoding.grain.measure import Planes, as_float
from footlights.encoding.grain.steadiness import Drawn, steadiness
from footlights.encoding.grain.survival import survived

CLEAN = scene(5)
NOISY = grainy(CLEAN, 18.0)


def run(made: list[Planes]) -> tuple[float, float]:
    return survived([(NOISY, made)])


def weaker(share: float, *, below: int = 0) -> list[Planes]:
    """The grainy pictures with a share of their grain from this line on."""
    made = []
    for clean, noisy in zip(CLEAN, NOISY, strict=True):
        luma = noisy[0].astype(np.float32)
        luma[below:] = clean[0][below:] + share * (luma[below:] - clean[0][below:])
        made.append((np.rint(luma).astype(np.uint16), *noisy[1:]))
    return made


@pytest.mark.parametrize("share", [1.0, 0.9, 0.5, 0.1])
def test_a_share_of_grain_is_found_as_such(share: float) -> None:
    there, left = run(weaker(share))
    assert there == pytest.approx(float(curve(CLEAN[0][0], 18.0).mean()), rel=0.06)
    assert left / there == pytest.approx(share, abs=0.02)


def test_grain_lost_in_places_counts_by_their_area() -> None:
    """Not by the places that kept it: of the flat ground below the moving square a half."""
    there, left = run(weaker(0.0, below=96))
    assert 0.6 < left / there < 0.9


def test_grain_that_is_repeated_is_lost() -> None:
    there, left = run([NOISY[0]] * len(NOISY))
    assert there > 0
    assert left == pytest.approx(0.0, abs=0.2)


def test_where_nothing_rests_nothing_is_said() -> None:
    still = [NOISY[0]] * 4
    assert survived([(still, still)]) == (0.0, 0.0)


def drawn(clean: NDArray[np.uint16], sigma: float, seed: int) -> Drawn:
    plain = as_float(clean)
    grain = (np.random.default_rng(seed).standard_normal(plain.shape) * sigma).astype(np.float32)
    return Drawn(grain, plain + grain, plain)


def test_steady_grain_neither_steps_nor_stays() -> None:
    pictures = [drawn(CLEAN[0][0], 16.0, seed) for seed in range(7)]
    found = steadiness([(3, pictures)])
    assert found.step == pytest.approx(0.0, abs=0.02)
    assert found.correlation == pytest.approx(0.0, abs=0.02)
    assert found.keys == 1


@pytest.mark.parametrize("factor", [0.8, 1.2])
def test_a_step_at_the_key_frame_is_measured(factor: float) -> None:
    pictures = [drawn(CLEAN[0][0], 16.0 * (factor if number == 3 else 1), number) for number in range(7)]
    assert steadiness([(3, pictures)]).step == pytest.approx(factor - 1, abs=0.02)


def test_grain_that_stays_is_correlated() -> None:
    pictures = [drawn(CLEAN[0][0], 16.0, 1) for _ in range(5)]
    assert steadiness([(2, pictures)]).correlation == pytest.approx(1.0, abs=0.01)


def test_a_cut_is_no_step() -> None:
    """Before it stood other pictures with twice the grain."""
    before = np.rint(np.random.default_rng(2).uniform(200, 700, CLEAN[0][0].shape)).astype(np.uint16)
    pictures = [drawn(before, 32.0, number) for number in range(3)]
    pictures += [drawn(CLEAN[0][0], 16.0, number) for number in range(3, 7)]
    assert steadiness([(3, pictures)]).step == pytest.approx(0.0, abs=0.03)
    assert steadiness([(0, pictures[2:4])]).keys == 0


@pytest.mark.parametrize("place", [2, 3])
def test_the_grain_of_the_shot_before_is_no_step(place: int) -> None:
    """Half of the pictures is equally dark in both shots and rests across the cut."""
    other = CLEAN[0][0].copy()
    other[: len(other) // 2] = 1000 - other[: len(other) // 2]
    pictures = [drawn(other, 24.0, number) for number in range(place)]
    pictures += [drawn(CLEAN[0][0], 16.0, number) for number in range(place, 2 * place + 1)]
    assert steadiness([(place, pictures)]).step == pytest.approx(0.0, abs=0.02)


def test_another_strength_from_a_key_frame_on_inside_a_shot_is_a_step() -> None:
    pictures = [drawn(CLEAN[0][0], 16.0 if number < 3 else 20.0, number) for number in range(4)]
    assert steadiness([(3, pictures)]).step == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize(("more", "step"), [(0.0, 0.0), (12.0, 0.25)])
def test_detail_that_a_key_frame_lost_is_no_grain(more: float, step: float) -> None:
    """What the encode put into it is: its noise is 12 beside drawn grain of 16."""
    rng = np.random.default_rng(4)
    detail = cv2.GaussianBlur(rng.standard_normal(CLEAN[0][0].shape).astype(np.float32), (0, 0), 1.2)
    clean = as_float(CLEAN[0][0]) + 8 * detail / detail.std()
    pictures = []
    for number in range(7):
        plain = clean if number != 3 else cv2.GaussianBlur(clean, (0, 0), 1.5)
        grain = drawn(CLEAN[0][0], 16.0, number).grain
        noise = drawn(CLEAN[0][0], more, 90).grain if number == 3 else 0
        pictures.append(Drawn(grain, plain + grain + noise, clean))
    assert steadiness([(3, pictures)]).step == pytest.approx(step, abs=0.03)
