"""What an encode will take, told before it begins: sizes and work, with how far they may be off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from footlights.core.encodes import EncodePlan, Look
from footlights.core.time import clock
from footlights.core.wording import counted
from footlights.encoding.forecast import Span, bytes_of
from footlights.engine.reuse import Action, Forecast
from footlights.pipeline import graph
from footlights.settings import EncodingSettings

_TRIALS = {"floor": 2.0, "mean": 1.75}
"""Encodes per chunk and rendition in each mode, its proxy counted by its time: 36 shots at one rendition, measured."""
_PER_PRESET = 1.25
"""How much longer a trial takes with each slower preset of SVT-AV1 (six shots of 540 lines, processor time of encodes:
1.3, 1.7 and 2.9 times as long at presets 9, 8 and 6 as at 10; measuring takes the same)."""
_MEASURED_PRESET = 10
_UNSURE, _UNSURE_ELSEWHERE = 2.0, 3.0
"""Factors within which the work should lie: at the preset that was measured, and at others."""


@dataclass(frozen=True, slots=True)
class Foretold:
    """Before the first encode."""

    renditions: tuple[tuple[str, int, int, Span], ...]
    """Name, width, height, bytes."""
    bytes: Span
    seconds: Span
    """Compute time of what is not there yet, on this machine."""
    disk: int
    """Bytes needed while it works, at most."""
    chunks: int
    reused: int
    """Encodes that are there from an earlier run."""

    def sentence(self) -> str:
        """For the terminal and the log."""
        done = f", {self.reused} encodes are there already" if self.reused else ""
        return (
            f"{counted(len(self.renditions), 'rendition')} of {counted(self.chunks, 'part')}, "
            f"{_mb(self.bytes.likely)} MB in all "
            f"({_mb(self.bytes.low)} to {_mb(self.bytes.high)}), about {clock(self.seconds.likely)} of work "
            f"({clock(self.seconds.low)} to {clock(self.seconds.high)}){done}"
        )


def foretell(
    plan: EncodePlan,
    looks: Sequence[Look],
    settings: EncodingSettings,
    forecasts: Sequence[Forecast],
    seconds_per_unit: Callable[[str], float | None],
) -> Foretold:
    """From the looks of all chunks and what a run would do with each task."""
    chunks = [
        (len(frames), float(len(frames) / plan.rate), look) for frames, look in zip(plan.chunks, looks, strict=True)
    ]
    sizes = [(rung.name, rung.width, rung.height, bytes_of(rung, chunks)) for rung in plan.rungs]
    total = Span(*(sum(getattr(one[3], end) for one in sizes) for end in ("low", "likely", "high")))
    missing = [one.task for one in forecasts if one.action is not Action.REUSE]
    trials = _TRIALS[settings.mode] / settings.probes
    slower = _PER_PRESET ** (_MEASURED_PRESET - settings.preset)
    work = 0.0
    for task in missing:
        share = trials * (slower if "/av1-" in task.id else 1.0) if task.op == graph.ENCODE else 1.0
        work += task.units * share * (seconds_per_unit(task.op) or 0.0)
    unsure = _UNSURE if settings.preset == _MEASURED_PRESET else _UNSURE_ELSEWHERE
    reused = sum(one.action is Action.REUSE and one.task.op == graph.ENCODE for one in forecasts)
    return Foretold(
        tuple(sizes),
        total,
        Span.around(work, unsure),
        sum(task.resources.disk for task in missing),
        len(plan.chunks),
        reused,
    )


def _mb(size: float) -> str:
    return f"{size / 1e6:.3g}"
