"""Noise that lasts from field to field, as recursive noise reduction leaves it: x[n] = rho x[n-1] + √(1-rho²) e[n], of
known sigma and correlation."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from footlights.metrics.noise import correlation_in_time, steps_in_time
from made_tapes import HEIGHT, WIDTH, Picture, interlaced, noisy, panned, surveyed, texture


def lasting(sigma: float, rho: float, shape: tuple[int, int] = (HEIGHT, WIDTH)) -> Iterator[Picture]:
    rng = np.random.default_rng(5)
    noise = rng.standard_normal(shape, dtype=np.float32)
    while True:
        yield noise * np.float32(sigma)
        noise = np.float32(rho) * noise + np.float32(np.sqrt(1 - rho**2)) * rng.standard_normal(shape, dtype=np.float32)


@pytest.mark.parametrize(("sigma", "rho"), [(1.5, 0.3), (3.0, 0.0), (3.0, 0.3), (3.0, 0.6)])
def test_correlation_and_sigma_are_those_that_the_noise_was_made_with(tmp_path: Path, sigma: float, rho: float) -> None:
    flat = np.full((HEIGHT, WIDTH), 110, np.float32)
    frames = [flat + noise for _, noise in zip(range(40), lasting(sigma, rho), strict=False)]
    noise = surveyed(frames, tmp_path)[1].shots[0].noise
    assert noise.in_time == pytest.approx(rho, abs=0.08)
    assert noise.luma_sigma == pytest.approx(np.hypot(sigma, np.sqrt(1 / 12)), rel=0.08)
    assert noise.luma_sigmas == pytest.approx((noise.luma_sigma,) * len(noise.luma_sigmas), rel=0.15)


@pytest.mark.parametrize("speed", [0.5, 3.0, 7.0])
def test_what_moves_under_new_noise_does_not_last(tmp_path: Path, speed: float) -> None:
    frames = noisy(interlaced(lambda instant: panned(texture(20), instant, dx=speed, dy=speed / 4), 25), 2.5)
    assert surveyed(frames, tmp_path)[1].shots[0].noise.in_time < 0.08


def test_repeated_fields_a_burst_and_no_noise_tell_nothing() -> None:
    fields = [120 + noise for _, noise in zip(range(4), lasting(3, 0.3, (240, 352)), strict=False)]
    assert np.isfinite(steps_in_time(fields)).all()
    assert np.isnan(steps_in_time([fields[0], fields[0], *fields[2:]])).all()
    assert np.isnan(steps_in_time([*fields[:3], 120 + 3 * (fields[3] - 120)])).all()
    assert np.isnan(steps_in_time([np.full((240, 352), 120.0)] * 4)).all()
    assert correlation_in_time(np.full((3, 10), np.nan, np.float32)) == 0
    assert correlation_in_time(np.array([[1.0, 1, 1, 2, 2, 2, 3, 3, 3, 1]], np.float32)) == 0, "it moves"
    rests = np.array([[1.0, 1, 1, 1.3, 1.3, 1.3, 1.39, 1.39, 1.39, 1]], np.float32)
    assert correlation_in_time(rests) == pytest.approx(0.3, abs=0.01)
    rests[:, -1] = 4
    assert correlation_in_time(rests) == 0, "most of the picture changes"
    spread = np.array([[1.0, 1, 1, 1.1, 1.3, 1.5, 1.11, 1.4, 1.8, 1]], np.float32)
    assert correlation_in_time(spread) == 0, "weak blocks tell other things than strong ones"
