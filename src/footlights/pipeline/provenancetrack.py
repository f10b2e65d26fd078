"""The provenance track: `provenance.mkv` beside the master, a map for every output frame, and its task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

from footlights.core import records
from footlights.core.plans import Intervention, RestorationPlan
from footlights.core.products import Check
from footlights.core.source import Ingest
from footlights.engine.tasks import Task
from footlights.media.lossless import LosslessWriter
from footlights.media.pixels import new_frame
from footlights.media.reader import index_video
from footlights.pipeline import assembly
from footlights.pipeline.assembly import Timing
from footlights.planning.provenancemap import MapRequest, frame_map, request

TASK, FILE = "provenance", "provenance.mkv"


def task(plan: RestorationPlan, ingest: Ingest, timing: Timing, restored: Sequence[Task]) -> Task:
    """The map of the whole master, from its plan and from what every piece recorded."""
    source = ingest.source
    asked = request(plan, (source.width, source.height // 2 * 2))
    params = {"request": records.to_data(asked), "timing": records.to_data(timing)}
    needs = tuple(one.id for one in restored)
    operation = "footlights.pipeline.ops:map_provenance"
    return Task(TASK, operation, 2, params, needs=needs, units=timing.frames, priority=9)


def write(
    asked: MapRequest,
    timing: Timing,
    touched: Sequence[Intervention],
    folder: Path,
    progress: Callable[[int], None],
) -> int:
    """Write `provenance.mkv` and read its number of frames back; that number."""
    target, clock = folder / FILE, timing.clock()
    ticks = clock.ticks()
    at: dict[int, list[Intervention]] = {}
    for one in touched:
        for frame in one.frames:
            at.setdefault(frame, []).append(one)
    with LosslessWriter(target, *asked.size, "gray", Fraction(1, clock.timescale)) as writer:
        for shot in asked.shots:
            for frame in shot.frames:
                drawn = frame_map(asked, shot, frame, at.get(frame, ()))
                writer.write(new_frame((drawn,), "gray"), ticks[frame])
                progress(frame + 1)
    found = index_video(target).frames
    name, expected = "frames of the provenance track", timing.frames
    assembly.refuse_failed([Check(name, found == expected, str(found), str(expected))], FILE)
    return found
