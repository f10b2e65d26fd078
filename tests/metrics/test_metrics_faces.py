"""Identity guard: hysteresis, ramps, refusals, and an independent recogniser that is not there."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from footlights.errors import MissingExtraError, SourceError
from footlights.metrics.faces import Limits, against, held, judge, ramped, recogniser, similarities

LIMITS = Limits(trust=0.7, doubt=0.5)


def test_a_good_track_is_kept_whole() -> None:
    verdict = judge(np.full(20, 0.9), limits=LIMITS)
    assert verdict.refused == ""
    assert (verdict.weights == 1).all()
    assert (verdict.similarity, verdict.lowest, verdict.drift) == (0.9, 0.9, 0.0)


def test_what_was_given_up_comes_back_only_when_trusted() -> None:
    kept = held(np.array([0.9, 0.6, 0.45, 0.6, 0.69, 0.7, 0.6]), LIMITS)
    assert kept.tolist() == [True, True, False, False, False, True, True]


def test_instants_that_were_not_judged_keep_the_state() -> None:
    kept = held(np.array([0.9, np.nan, 0.4, np.nan, 0.8]), LIMITS)
    assert kept.tolist() == [True, True, False, False, True]


def test_weights_fall_before_a_given_up_instant_and_rise_after_it() -> None:
    weights = ramped(np.array([1, 1, 1, 0, 1, 1, 1.0]), 0.4)
    assert weights.tolist() == pytest.approx([1, 0.8, 0.4, 0, 0.4, 0.8, 1])
    assert np.abs(np.diff(judge(np.r_[np.full(40, 0.9), 0.3, np.full(40, 0.9)]).weights)).max() <= 0.08 + 1e-9


@pytest.mark.parametrize(
    ("to_source", "words"),
    [(np.full(10, 0.4), "too unlike"), (np.r_[np.full(6, 0.8), np.full(4, 0.3)], "given up")],
)
def test_a_track_that_is_another_person_is_refused(to_source: np.ndarray, words: str) -> None:
    verdict = judge(to_source, limits=LIMITS)
    assert words in verdict.refused
    assert not verdict.weights.any()


def test_a_track_that_leaves_its_reference_is_refused() -> None:
    source, restored = np.full(10, 0.8), np.full(10, 0.7)
    verdict = judge(np.full(10, 0.9), restored_to_reference=restored, source_to_reference=source, limits=LIMITS)
    assert "reference" in verdict.refused
    assert verdict.drift == pytest.approx(0.1)
    assert judge(np.full(10, 0.9), restored_to_reference=source, source_to_reference=restored).refused == ""


def test_a_track_nobody_judged_is_kept_as_it_is() -> None:
    verdict = judge(np.full(5, np.nan), limits=LIMITS)
    assert (verdict.weights == 1).all()


def test_a_crop_is_entirely_like_itself() -> None:
    crops = [np.random.default_rng(seed).random((64, 64)).astype(np.float32) for seed in range(3)]
    assert similarities(crops, crops) == pytest.approx(np.ones(3), abs=1e-6)
    found = against(crops, crops[1])
    assert found[1] == pytest.approx(1, abs=1e-6)
    assert found[0] < 0.9 > found[2]


def test_a_missing_recogniser_says_what_to_install(tmp_path: Path) -> None:
    there = importlib.util.find_spec("dlib") is not None
    with pytest.raises(SourceError if there else MissingExtraError, match="recogniser"):
        recogniser(tmp_path / "none.dat")
