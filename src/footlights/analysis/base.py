"""Analysers: each looks at every frame once and notes numbers; conclusions per shot are drawn later from the notes.

Splitting the two lets a long tape be measured in parts, side by side and resumable, with results that do not depend on
where the parts begin: an analyser says how many frames before and after a part it must see.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from footlights.analysis.view import FrameView
from footlights.core.registry import Registry
from footlights.core.signal import FieldOrder, Signal
from footlights.core.source import Ingest
from footlights.core.time import FrameRange
from footlights.settings import AnalysisSettings

Series = Mapping[str, NDArray[np.float32]]
"""Columns by name, `(frames, …)`; NaN where a frame was not measured."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What an analyser may know beforehand."""

    ingest: Ingest
    settings: AnalysisSettings
    field_order: FieldOrder | None = None
    """As a sample of the tape shows it; None where it shows nothing."""

    @property
    def signal(self) -> Signal:
        return self.ingest.source.signal

    @property
    def first_field(self) -> int:
        """0 top, 1 bottom: as measured on a sample, else by tag or assumption; the cadence analyser checks it."""
        return 1 if (self.field_order or self.signal.field_order) is FieldOrder.BOTTOM_FIRST else 0


class Analyser(Protocol):
    """Measures frames in order. One object sees one part of a tape, with context around it."""

    name: ClassVar[str]
    version: ClassVar[int]
    before: ClassVar[int]
    """Frames before a part that must be shown (their notes are dropped)."""
    after: ClassVar[int]
    columns: ClassVar[dict[str, int]]
    """Names of the notes and their width per frame (1: a number, n: a row)."""

    def __init__(self, scene: Scene) -> None: ...

    def look(self, views: Sequence[FrameView], notes: Notes) -> None:
        """`views[-1]` is the frame to measure, those before it in time come before it (at most `before` + `after`).

        Notes may also be set for earlier frames: what a frame is, sometimes only its successors show.
        """
        ...


ANALYSERS: Registry[Analyser] = Registry("analyser", ("footlights.analysis",), "footlights.analysers")


class Notes:
    """The columns of one analyser for a run of frames."""

    def __init__(self, columns: Mapping[str, int], frames: FrameRange) -> None:
        self._frames = frames
        self.columns = {
            name: np.full((len(frames), width) if width > 1 else len(frames), np.nan, np.float32)
            for name, width in columns.items()
        }

    def set(self, frame: int, **values: float | NDArray[Any]) -> None:
        """Note values for a frame; frames outside the part are ignored."""
        if frame in self._frames:
            for name, value in values.items():
                self.columns[name][frame - self._frames.start] = value

    def add(self, frame: int, name: str, index: int, value: float) -> None:
        """Note one element of a row."""
        if frame in self._frames:
            self.columns[name][frame - self._frames.start, index] = value
