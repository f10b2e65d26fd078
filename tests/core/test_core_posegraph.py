"""Steady poses: nearer to the truth than measured, no lag, no trust in outliers, gaps bridged."""

from __future__ import annotations

import numpy as np
import pytest

from footlights.core.posegraph import steady

RNG = np.random.default_rng(4)


def seen(truth: np.ndarray, noise: float, flow: float) -> tuple[np.ndarray, ...]:
    """Landmarks with `noise`, motion with `flow`, full presence."""
    count = len(truth)
    measured = truth + RNG.normal(0, noise, truth.shape)
    step = np.diff(truth, axis=0) + RNG.normal(0, flow, (count - 1, truth.shape[1]))
    return measured, np.ones(count), step, np.full_like(step, flow**2)


def jitter(series: np.ndarray) -> float:
    return float(np.std(np.diff(series, 2, axis=0)))


def dance(count: int = 240) -> np.ndarray:
    """A head that stands, runs, stops and turns back, in samples."""
    time = np.arange(count) / 60
    x = 40 * np.sin(2 * np.pi * 0.7 * time) + 300 * np.clip(time - 1.5, 0, 0.6)
    return np.stack([x, 8 * np.sin(2 * np.pi * 2.1 * time)], axis=1)


def test_a_dancing_head_is_followed_without_lag_and_without_jitter() -> None:
    truth = dance()
    measured, presence, step, variance = seen(truth, 1.2, 0.08)
    found = steady(measured, presence, step, variance)
    assert jitter(found - truth) < jitter(measured - truth) / 6
    assert np.sqrt(np.mean((found - truth) ** 2)) < 0.5
    lags = [np.mean((found[5 + lag : -5 + lag or None] - truth[5:-5]) ** 2) for lag in (-1, 0, 1)]
    assert int(np.argmin(lags)) == 1


def test_outliers_of_the_landmarks_are_not_followed() -> None:
    truth = dance()
    measured, presence, step, variance = seen(truth, 1.0, 0.08)
    measured[RNG.choice(240, 12, replace=False)] += RNG.choice([-40.0, 40.0], (12, 2))
    assert np.abs(steady(measured, presence, step, variance) - truth).max() < 3  # of 40


def test_gaps_are_bridged_by_what_the_flow_saw() -> None:
    truth = dance()
    measured, presence, step, variance = seen(truth, 1.0, 0.05)
    measured[100:112] = np.nan
    step[150:153] = np.nan
    found = steady(measured, presence, step, variance)
    assert np.abs(found - truth)[95:160].max() < 2.5


def test_without_flow_landmarks_alone_are_smoothed_little_but_never_lost() -> None:
    truth = dance()
    measured, presence, step, variance = seen(truth, 1.0, 0.05)
    found = steady(measured, presence, np.full_like(step, np.nan), variance)
    assert np.sqrt(np.mean((found - truth) ** 2)) < 1.5


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_shortest_tracks_come_back_as_they_are(count: int) -> None:
    measured = np.arange(count, dtype=float)[:, None] * 3 + 5
    found = steady(measured, np.ones(count), np.full((count - 1, 1), 3.0), np.full((count - 1, 1), 0.01))
    assert found == pytest.approx(measured, abs=1e-3)


def test_what_was_never_measured_stays_unknown() -> None:
    measured = np.stack([np.arange(5.0), np.full(5, np.nan)], axis=1)
    found = steady(measured, np.ones(5), np.full((4, 2), np.nan), np.ones((4, 2)))
    assert np.isfinite(found[:, 0]).all()
    assert np.isnan(found[:, 1]).all()


def test_scale_of_a_parameter_changes_nothing() -> None:
    truth = dance()
    measured, presence, step, variance = seen(truth, 1.0, 0.08)
    plain = steady(measured, presence, step, variance)
    large = steady(measured * 50, presence, step * 50, variance * 2500)
    assert large == pytest.approx(plain * 50, rel=1e-6, abs=1e-4)
