"""Re-degradation: noise is explained, blur of the tape is explained, what was invented is not."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from footlights.metrics.redegradation import Pushed, compare
from footlights.restoration.timebase import shifted
from made_tapes import texture

SIGMA = 2.0
LEVELS, SIGMAS = (60.0, 140.0), (SIGMA, SIGMA)


def scene(number: int) -> np.ndarray:
    """A picture finer than the tape, 160×240, codes."""
    return np.asarray(cv2.resize(texture(31)[number : number + 80, :120], (240, 160), interpolation=cv2.INTER_CUBIC))


def pushed(number: int, *, blur: float = 0.0, invented: float = 0.0, noise: float = SIGMA) -> Pushed:
    """A field of a blurred, noisy tape, and a master that knows the scene but for what it invented."""
    clean = scene(number).astype(np.float32)
    rng = np.random.default_rng(number)
    seen = cv2.GaussianBlur(clean, (0, 0), blur) if blur else clean
    field = seen[number % 2 :: 2] + rng.normal(0, noise, seen[number % 2 :: 2].shape)
    fine = cv2.GaussianBlur(rng.normal(0, 1, clean.shape).astype(np.float32), (0, 0), 1.0)
    return Pushed(field.astype(np.float32), clean + fine * (invented / fine.std()), number % 2, 2)


def test_noise_that_was_taken_away_is_what_is_left() -> None:
    found = compare([pushed(n) for n in range(3)], LEVELS, SIGMAS)
    assert found.noise == pytest.approx(SIGMA)
    assert found.rms == pytest.approx(SIGMA, rel=0.03)
    assert found.high < 1.3
    assert found.edges == pytest.approx(0.1, abs=0.03)


def test_a_softer_tape_is_no_fault_of_the_master() -> None:
    found = compare([pushed(n, blur=0.9) for n in range(3)], LEVELS, SIGMAS)
    assert found.rms / found.noise < 1.05


@pytest.mark.parametrize("invented", [2.5, 4.0])
def test_what_was_invented_shows(invented: float) -> None:
    found = compare([pushed(n, invented=invented) for n in range(3)], LEVELS, SIGMAS)
    plain = compare([pushed(n) for n in range(3)], LEVELS, SIGMAS)
    assert found.rms > 1.1 * SIGMA
    assert found.high > plain.high


def test_a_halo_shows_on_edges() -> None:
    def ringing(one: Pushed) -> Pushed:
        steps = np.where(np.arange(240) // 30 % 2, 180, 60).astype(np.float32)
        clean = np.broadcast_to(steps, one.master.shape)
        rng = np.random.default_rng(1)
        field = clean[::2] + rng.normal(0, SIGMA, clean[::2].shape)
        # An overshoot on one side only: no symmetric point spread makes it.
        halo = np.roll(clean, 2, axis=1) - clean
        return Pushed(field.astype(np.float32), (clean + 0.2 * halo).astype(np.float32), 0, 2)

    found = compare([ringing(pushed(0))], LEVELS, SIGMAS)
    assert found.rms > 1.1 * SIGMA
    assert found.edges > 0.4


def test_lines_that_were_mended_are_put_back_before_they_are_compared() -> None:
    one = pushed(2)
    stray = np.random.default_rng(8).normal(0, 3.0, len(one.source)).astype(np.float32)

    def astray(lines: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        return shifted(lines.astype(np.float32), -stray[numbers]).astype(np.float64)

    tape = replace(one, source=shifted(one.source, -stray))
    plain, known = (compare([case], LEVELS, SIGMAS) for case in (tape, replace(tape, strayed=astray)))
    assert plain.rms > 1.5 * SIGMA
    assert known.rms == pytest.approx(SIGMA, rel=0.06)


def test_lines_that_were_filled_anew_tell_nothing() -> None:
    one = pushed(2)
    one.source[-14:] = 16
    assert compare([one], LEVELS, SIGMAS).rms > 1.5 * SIGMA
    assert compare([replace(one, torn=28)], LEVELS, SIGMAS).rms == pytest.approx(SIGMA, rel=0.04)


def test_a_wrong_field_is_not_explained() -> None:
    rng = np.random.default_rng(5)
    grains = cv2.GaussianBlur(rng.normal(0, 1, (160, 240)).astype(np.float32), (0, 0), 1.2)
    clean = 120 + grains * np.float32(20 / grains.std())
    field = (clean[::2] + rng.normal(0, 0.5, (80, 240))).astype(np.float32)
    good = compare([Pushed(field, clean, 0, 2)], LEVELS, (0.5, 0.5))
    wrong = compare([Pushed(field, np.roll(clean, 1, axis=0), 0, 2)], LEVELS, (0.5, 0.5))
    assert good.rms / good.noise < 1.05
    assert wrong.rms / wrong.noise > 5
