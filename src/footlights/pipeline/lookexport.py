"""The colours that a plan gives to a shot, as a look table for other programs: from the tape's R'G'B' to the master's.

The plan's own stages are run on the points of a cube: balance, matrix and primaries, lift, the user's look. What
depends on more than a sample's colour (detail, grain, noise) is no look, and not in it.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np

from footlights.core import lookup, records
from footlights.core.clip import Clip, Plane
from footlights.core.colour import rgb_to_ycbcr, ycbcr_to_rgb
from footlights.core.lookup import LookTable
from footlights.core.plans import RestorationPlan, ShotPlan
from footlights.core.signal import Matrix, Signal
from footlights.core.source import Ingest
from footlights.core.time import FrameRange
from footlights.errors import UsageError
from footlights.ingest import ingest as taking_in
from footlights.pipeline import graph
from footlights.pipeline.inspect import latest
from footlights.pipeline.job import PLAN, require
from footlights.planning.enhancement import tape_matrix
from footlights.restoration.base import build

STAGES = ("colour.balance", "colour.convert", "light.lift", "look.table")
"""Stages that change a sample by its colour alone."""
LEAST, MOST = 2, 65
"""Points a side."""
_BLOCK = 4096
"""Colours that are worked on at once."""


def export(folder: Path, output: Path, shot: int, points: int) -> tuple[str, ...]:
    """Write the table of a shot of a planned job; the stages in it come back. UsageError where there is no such
    shot."""
    if not LEAST <= points <= MOST:
        raise UsageError(
            f"{points} points a side", f"{LEAST} to {MOST} can be written", "33 is what most programs read"
        )
    require(folder)
    record = records.read(Ingest, latest(folder, graph.INGEST) / taking_in.RECORD)
    if not (folder / PLAN).is_file():
        raise UsageError(f"{folder} has no plan yet", "colours are decided in the plan", "run `footlights plan` first")
    plan = records.read(RestorationPlan, folder / PLAN)
    chosen = next((one for one in plan.shots if one.shot == shot), None)
    if chosen is None:
        raise UsageError(f"there is no shot {shot}", f"the tape has {len(plan.shots)}", "choose a smaller number")
    table = table_of(chosen, record.source.signal, points, f"{record.source.name}, shot {shot}")
    records.write(output, lookup.written(table))
    return tuple(step.stage for step in chosen.steps if step.stage in STAGES)


def table_of(shot: ShotPlan, signal: Signal, points: int, title: str) -> LookTable:
    """The tape's R'G'B' `(N, N, N)` through the shot's colour stages."""
    stages = [build(step) for step in shot.steps if step.stage in STAGES]
    grid = lookup.identity(points).values
    taken = grid.reshape(-1, 3) @ rgb_to_ycbcr(tape_matrix(signal)).T
    made = []
    for start in range(0, len(taken), _BLOCK):
        part = taken[start : start + _BLOCK].astype(np.float32)
        # Every colour is a picture of its own: a lift looks at its surroundings.
        clip = Clip(part[:, :1, None], part[:, 1:, None, None], signal, FrameRange(0, len(part)), Fraction(25))
        for stage in stages:
            clip = stage.run(clip)
        made.append(np.stack([clip.luma[:, 0, 0], clip.chroma[:, 0, 0, 0], clip.chroma[:, 1, 0, 0]], axis=-1))
    matrix = Matrix.BT709 if any(stage.name == "colour.convert" for stage in stages) else tape_matrix(signal)
    values: Plane = (np.concatenate(made) @ ycbcr_to_rgb(matrix).T).astype(np.float32)
    return LookTable(values.reshape(grid.shape), title=title.replace('"', "'"))
