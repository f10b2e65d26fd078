"""How evenly a finished stream spends: rates by the sizes of its published segments, not of the encodes in them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from footlights.core.encodes import Peak, RenditionRates
from footlights.core.time import FrameRange
from footlights.encoding.peaks import Caps, Run, worst_segment, worst_window
from footlights.engine.manifest import FileRecord
from footlights.pipeline.assembly import StreamRequest


def finished_rates(
    request: StreamRequest, files: Mapping[str, FileRecord], caps: Caps | None
) -> tuple[RenditionRates, ...]:
    """Of every rendition in the files of a packaged stream; `caps` are those of the mode, None where it has none."""
    plan, clock = request.plan, request.timing.clock()
    marks = [*(clock.times[part.start] for part in plan.segments), clock.end]
    seconds = [float(late - early) for early, late in pairwise(marks)]

    def peak(run: Run, cap: float | None) -> Peak:
        first, last = plan.segments[run.places[0]], plan.segments[run.places[-1]]
        return Peak(round(run.times, 4), FrameRange(first.start, last.stop), cap)

    found = []
    for rung in plan.rungs:
        names = sorted(name for name in files if name.startswith(f"stream/{rung.name}/") and name.endswith(".m4s"))
        sizes = [files[name].bytes for name in names]
        segment, window = worst_segment(sizes, seconds), worst_window(sizes, seconds)
        average = sum(sizes) * 8 / sum(seconds)
        found.append(
            RenditionRates(
                rung.name,
                round(average, 1),
                rung.max_rate,
                peak(segment, caps.segment if caps else None),
                peak(window, caps.window if caps else None) if window else None,
            )
        )
    return tuple(found)
