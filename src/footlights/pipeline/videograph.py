"""The graph's first half for a video that is only to be encoded: list its frames, find its shots, cut it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from footlights.analysis import survey as analysis
from footlights.core.reports import ShotGlance
from footlights.core.signal import HDR_NAMES
from footlights.core.source import Ingest
from footlights.core.time import FrameRange
from footlights.encoding import ladder
from footlights.encoding.segments import SegmentRules, key_frames, segments
from footlights.engine.tasks import JSON, Resources, Task
from footlights.pipeline.assembly import Timing
from footlights.pipeline.graph import INGEST, OPS, SURVEY, Layout
from footlights.pipeline.job import TapeIdentity
from footlights.settings import Settings


def list_task(video: TapeIdentity, settings: Settings) -> Task:
    """Take in a video that is only to be encoded: no copy of its pictures is made."""
    params: dict[str, JSON] = {"settings": settings.ingest.model_dump(mode="json"), "sha256": video.sha256}
    resources = Resources(disk=video.bytes // 8)
    units = max(video.frames, 1)
    return Task(INGEST, f"{OPS}:list_video", 1, params, places={"video": video.path}, resources=resources, units=units)


def glance_tasks(video: TapeIdentity, listed: Ingest, settings: Settings) -> list[Task]:
    """Look at a listed video in parts, then find its shots."""
    measured: dict[str, JSON] = {"versions": dict(analysis.versions(analysis.GLANCE))}
    parts = [
        Task(
            f"glance/{number:04d}",
            f"{OPS}:glance",
            1,
            {"start": part.start, "stop": part.stop, **measured},
            needs=(INGEST,),
            places={"video": video.path},
            resources=Resources(threads=2),
            units=len(part),
            priority=90,
        )
        for number, part in enumerate(FrameRange(0, listed.frames).split(settings.analysis.part))
    ]
    needs = (INGEST, *(part.id for part in parts))
    return [*parts, Task(SURVEY, f"{OPS}:conclude_glance", 1, measured, needs=needs, units=listed.frames)]


def lay_out_video(listed: Ingest, shots: Sequence[ShotGlance], settings: Settings) -> Layout:
    """Cut a video as it is: frames keep their times, segments begin at its cuts."""
    regular = not listed.variable and listed.slot_count == listed.frames
    rate = listed.source.rate
    times = tuple(Fraction(frame) / rate for frame in range(listed.frames))
    if not regular:
        times = tuple(stamp * listed.time_base for stamp in listed.pts)
    end = times[-1] + 1 / rate
    timing = Timing(rate, listed.frames) if regular else Timing(rate, listed.frames, times, end)
    cuts = tuple(min(glance.shot.frames.start + glance.shot.first_field, listed.frames - 1) for glance in shots)
    cutting = replace(SegmentRules(), target=Fraction(settings.restoration.part).limit_denominator(100))
    cut = segments(cuts, times, end, cutting)
    plan = ladder.plan(*displayed_size(listed), rate, cut, settings.encoding)
    if listed.source.signal.transfer in HDR_NAMES:
        plan = ladder.ten_bit_only(plan)
    return Layout(1, timing, (), key_frames(cut, cuts, times, end, cutting), plan)


def displayed_size(listed: Ingest) -> tuple[int, int]:
    """Width and height with square samples, both even."""
    source = listed.source
    return round(source.width * source.signal.sample_aspect / 2) * 2, source.height // 2 * 2
