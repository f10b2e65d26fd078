"""A shot's colours as a look table: closed forms, and both ways through a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from footlights.cli.app import app
from footlights.core import lookup
from footlights.core.colour import DISPLAY_GAMMA, primaries_matrix
from footlights.core.plans import ShotPlan, Step
from footlights.core.products import JobResult
from footlights.core.signal import BT709_SIGNAL, Primaries
from footlights.core.time import FrameRange
from footlights.pipeline.lookexport import table_of
from footlights.restoration.base import STAGES


def shot(*steps: tuple[str, dict[str, object]]) -> ShotPlan:
    made = tuple(Step(name, STAGES.get(name).version, params, "") for name, params in steps)  # type: ignore[arg-type]
    return ShotPlan(0, FrameRange(0, 4), 0, made, ())


def test_a_plan_that_leaves_colours_alone_gives_the_identity() -> None:
    table = table_of(shot(("grain.synthesis", {})), BT709_SIGNAL, 5, "plain")
    assert table.values == pytest.approx(lookup.identity(5).values, abs=1e-6)


def test_balance_and_lift_are_in_the_table_point_by_point() -> None:
    black, white = np.array([0.06, 0.02, 0.04]), np.array([0.81, 0.9, 0.7])
    balance = {"matrix": 1, "black": tuple(black.tolist()), "white": tuple(white.tolist())}
    table = table_of(shot(("colour.balance", balance)), BT709_SIGNAL, 5, "faded")
    assert table.values == pytest.approx((lookup.identity(5).values - black) / (white - black), abs=1e-5)
    grey = np.linspace(0, 1, 5)
    lifted = table_of(shot(("light.lift", {"strength": 1.0})), BT709_SIGNAL, 5, "dark").values
    diagonal = lifted[range(5), range(5), range(5)]
    assert diagonal == pytest.approx(np.repeat((grey + 6 * grey**2 * (1 - grey) ** 3)[:, None], 3, 1), abs=1e-5)


def test_a_planned_shot_is_written_and_read_back(finished: tuple[Path, JobResult], tmp_path: Path) -> None:
    """From the tape's primaries to BT.709's: its red lies outside, and is not cut off."""
    file = tmp_path / "shot.cube"
    app(["look", str(finished[0]), "-o", str(file), "--points", "3"], standalone_mode=False)
    table = lookup.read(file)
    assert finished[1].plan is not None
    convert = next(step for step in finished[1].plan.shots[0].steps if step.stage == "colour.convert")
    own = Primaries(int(str(convert.params["primaries"])))
    linear = primaries_matrix(own, Primaries.BT709) @ np.array([1.0, 0, 0])
    red = np.sign(linear) * np.abs(linear) ** (1 / DISPLAY_GAMMA)
    assert table.values.shape == (3, 3, 3, 3)
    assert table.values[0, 0, 2] == pytest.approx(red, abs=2e-3)
    assert table.values[2, 2, 2] == pytest.approx(1, abs=1e-3)
