"""The quantiser of an earlier compression, from the pictures alone: what a lossless file does not tell of its past."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from footlights.analysis.base import ANALYSERS, Notes, Scene, Series
from footlights.analysis.view import FrameView
from footlights.core.reports import Shot
from footlights.core.tape_reports import QuantiserReport
from footlights.metrics import quantiser

_EVERY, _PHASE = 7, 3
"""A prime, so that pictures coded without prediction (every 12th, 15th or 18th of MPEG-2) come up in turn."""
_SEARCHED, _FIRST = 37, 10
"""Frames between those whose blocks are looked for at every place: the DCT of all places costs thrice as much."""
_METHOD = "every seventh frame: periods in the amplitudes of the 8×8 DCT"
_CERTAIN = (0.4, 0.8)
"""Share of coefficients on the steps, from which a quantiser is believed at all, and surely."""
_ALONE = 0.8
"""Confidence of what one picture alone shows."""
_WORD = ("x", "y", "matrix", "lines")


@ANALYSERS.add("quantiser")
class QuantiserAnalyser:
    """Notes step, share and what else was found of every seventh frame; steps of 0 where nothing shows."""

    name: ClassVar[str] = "quantiser"
    version: ClassVar[int] = 1
    before: ClassVar[int] = 0
    after: ClassVar[int] = 0
    columns: ClassVar[dict[str, int]] = {"quantiser.step": 1, "quantiser.share": 1, "quantiser.grid": len(_WORD)}

    def __init__(self, scene: Scene) -> None:
        del scene

    def look(self, views: Sequence[FrameView], notes: Notes) -> None:
        view = views[-1]
        found, looked = None, False
        if view.number % _EVERY == _PHASE:
            found, looked = quantiser.measure(view.y), True
        if found is None and view.number % _SEARCHED == _FIRST:
            # Frames and fields in turn.
            found, looked = quantiser.search(view.y, field=view.number // _SEARCHED % 2 == 1), True
        if found is not None:
            grid = (found.x, found.y, quantiser.MATRICES.index(found.matrix), quantiser.LINES.index(found.lines))
            notes.set(view.number, **{"quantiser.grid": np.array(grid, np.float32)})
            notes.set(view.number, **{"quantiser.step": found.step, "quantiser.share": found.share})
        elif looked:
            notes.set(view.number, **{"quantiser.step": 0.0})


def report(series: Series, shot: Shot) -> QuantiserReport:
    """Conclude for one shot: the grid and matrix of the coarsest compression that shows for sure, else of the most
    frequent, and the median of its steps."""
    inside = slice(shot.frames.start, shot.frames.stop)
    steps, shares, grids = (series[f"quantiser.{name}"][inside] for name in ("step", "share", "grid"))
    looked, seen = int(np.isfinite(steps).sum()), np.nan_to_num(steps) > 0
    if not seen.any():
        return QuantiserReport(0.0, quantiser.FLAT, quantiser.FRAME, 0, 0, 0, looked, 0.0, _METHOD)
    same = _generation(steps, shares, grids, seen)
    share = float(np.median(shares[same]))
    certain = float(np.clip((share - _CERTAIN[0]) / (_CERTAIN[1] - _CERTAIN[0]), 0, 1))
    agreement = float(same.sum() / seen.sum()) * (_ALONE if same.sum() == 1 else 1.0)
    x, y, matrix, lines = (int(value) for value in grids[same][0])
    return QuantiserReport(
        step=round(float(np.median(steps[same])), 2),
        matrix=quantiser.MATRICES[matrix],
        lines=quantiser.LINES[lines],
        x=x,
        y=y,
        frames=int(same.sum()),
        looked=looked,
        confidence=round(certain * agreement, 3),
        measured_by=_METHOD,
    )


def _generation(
    steps: NDArray[np.float32], shares: NDArray[np.float32], grids: NDArray[np.float32], seen: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """The frames that show one and the same compression."""
    kinds, votes = np.unique(grids[seen], axis=0, return_counts=True)
    frames = [seen & (grids == kind).all(axis=1) for kind in kinds]
    sure = [one for one in frames if float(np.median(shares[one])) >= sum(_CERTAIN) / 2]
    if sure:
        return max(sure, key=lambda one: float(np.median(steps[one])))
    return frames[int(votes.argmax())]
