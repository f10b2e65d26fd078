"""Dropouts: how many, how large, where the worst are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from footlights.analysis.base import ANALYSERS, Notes, Scene, Series
from footlights.analysis.view import FrameView
from footlights.core.reports import DropoutReport, Shot
from footlights.metrics.dropouts import Beside, find_prepared

_WORST = 5
_METHOD = "thin streaks that lie outside of both neighbouring fields and are not in the other field, and copied lines"
LARGEST = 0.02
"""More than this share of a field is no dropout: a cut, a flash or a torn field."""


@ANALYSERS.add("dropouts")
class DropoutAnalyser:
    """Notes count and area for the frame in the middle of three."""

    name: ClassVar[str] = "dropouts"
    version: ClassVar[int] = 14
    before: ClassVar[int] = 1
    after: ClassVar[int] = 1
    columns: ClassVar[dict[str, int]] = {"dropouts.count": 1, "dropouts.area": 1}

    def __init__(self, scene: Scene) -> None:
        del scene

    def look(self, views: Sequence[FrameView], notes: Notes) -> None:
        if len(views) < 3:
            return
        before, now, after = views[-3:]
        fields = zip(now.prepared_fields, before.prepared_fields, after.prepared_fields, strict=True)
        top, bottom = now.prepared_fields
        others = Beside(bottom, lower=True), Beside(top, lower=False)
        streaks = [find_prepared(*three, beside=other) for three, other in zip(fields, others, strict=True)]
        found = [streak for streak in streaks if streak.area < LARGEST]
        notes.set(
            now.number,
            **{
                "dropouts.count": float(sum(streak.number for streak in found)),
                "dropouts.area": float(np.mean([streak.area for streak in found])) if found else 0.0,
            },
        )


def report(series: Series, shot: Shot) -> DropoutReport:
    """Conclude for one shot; its first and last frame have a neighbour in another shot and are left out."""
    inside = slice(shot.frames.start + 1, max(shot.frames.stop - 1, shot.frames.start + 1))
    count, area = series["dropouts.count"][inside], series["dropouts.area"][inside]
    if not np.isfinite(count).any():
        return DropoutReport(0, 0.0, 0.0, (), _METHOD)
    order = np.argsort(np.nan_to_num(-area), kind="stable")[:_WORST]
    return DropoutReport(
        count=int(np.nansum(count)),
        rate=round(float(np.nanmean(count)) / 2, 4),
        area=round(float(np.nanmean(area)), 7),
        worst_frames=tuple(shot.frames.start + 1 + int(index) for index in order if count[index] > 0),
        measured_by=_METHOD,
    )
