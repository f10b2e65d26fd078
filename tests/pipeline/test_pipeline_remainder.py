"""What is left of the noise behind the net: which shots are looked at, and that what is found is right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from footlights.core.plans import ShotPlan, Step
from footlights.core.products import JobResult
from footlights.core.time import FrameRange
from footlights.pipeline import remainder

RNG = np.random.default_rng(4)


@pytest.mark.parametrize(("luma", "chroma"), [(0.5, 2.0), (2.0, 0.7)])
def test_noise_of_known_strength_is_found(luma: float, chroma: float) -> None:
    grey = np.full((12, 96, 128), 0.4, np.float32) + RNG.normal(0, luma / 219, (12, 96, 128)).astype(np.float32)
    colour = RNG.normal(0, chroma / 224, (12, 2, 96, 128)).astype(np.float32)
    found = remainder.remainder(3, grey, colour)
    assert found.shot == 3
    assert found.luma_sigma == pytest.approx(luma, rel=0.15)
    assert found.chroma_sigma == pytest.approx(chroma, rel=0.15)


def test_shots_without_the_net_and_very_short_ones_are_not_looked_at() -> None:
    net, after = Step("fieldlift.restore", 3, {}, "why"), Step("upscale.fine", 1, {}, "why")
    shots = [
        ShotPlan(0, FrameRange(0, 40), 0, (net, after)),
        ShotPlan(1, FrameRange(40, 44), 0, (net, after)),
        ShotPlan(2, FrameRange(44, 90), 0, (after,)),
    ]
    (only,) = [one for shot in shots if (one := remainder.looked_at(shot)) is not None]
    assert only.shot == 0
    assert [(step.stage, step.why) for step in only.steps] == [("fieldlift.restore", "")]


def test_a_job_plans_by_what_it_saw_behind_the_net(finished: tuple[Path, JobResult]) -> None:
    result = finished[1]
    assert result.plan is not None
    for shot in result.plan.shots:
        (why,) = [one.why for one in shot.steps if one.stage == "denoise.steady"]
        assert "the net leaves " in why
    assert result.timings["remainder"] > 0
