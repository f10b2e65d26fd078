"""What the sections of the report are written from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from footlights.core.defects import Defect
from footlights.core.plans import ShotPlan
from footlights.core.products import JobResult
from footlights.report.findings import Found, find

Series = Mapping[str, NDArray[np.float32]]
"""Columns of the analysers by name, one row per ingest frame."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """JPEG pictures that go into the page."""

    shots: Mapping[int, bytes] = field(default_factory=dict)
    """By shot."""
    pairs: tuple[tuple[str, bytes], ...] = ()
    """Captions with pictures before and after."""
    worst: Mapping[tuple[int, Defect], bytes] = field(default_factory=dict)
    """By frame and defect."""
    faces: Mapping[tuple[int, int], bytes] = field(default_factory=dict)
    """By shot and face: before and after side by side, where they are least alike."""


@dataclass(frozen=True)
class Story:
    """Everything a section may tell of."""

    result: JobResult
    series: Series
    pictures: Pictures

    @cached_property
    def found(self) -> tuple[Found, ...]:
        """Defects per shot, from heavy to slight."""
        return find(self.result)

    @cached_property
    def plans(self) -> Mapping[int, ShotPlan]:
        """By shot; empty before there is a plan."""
        plan = self.result.plan
        return {shot.shot: shot for shot in plan.shots} if plan else {}
