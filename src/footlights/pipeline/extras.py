"""What a job makes beside master and stream where settings ask for it: treated sound, and an HDR rendition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from footlights.core.plans import RestorationPlan
from footlights.core.products import HdrFacts
from footlights.core.sound_reports import SoundCare
from footlights.engine.tasks import Task
from footlights.pipeline import graph, hdr, ops, soundcaring

if TYPE_CHECKING:
    from footlights.pipeline.run import Surveyed
    from footlights.pipeline.session import Session


def products(
    one: Session, known: Surveyed, restoration: RestorationPlan, layout: graph.Layout, restored: Sequence[Task]
) -> list[Task]:
    """The tasks of master, stream and HDR, on treated sound where a setting asks for it."""
    settings = one.job.settings
    made = graph.product_tasks(restoration, known.ingest, known.survey, settings, layout, restored)
    made += hdr.tasks(restored, layout.timing, layout.sound, settings)
    for sentence in soundcaring.unheard_hum(known.sound, settings.sound):
        one.warn(sentence)
    caring = soundcaring.tasks(known.sound, known.ingest, settings.sound)
    sounding = [*caring, *soundcaring.stretching(layout.sound, known.ingest, caring)]
    return [*sounding, *soundcaring.attached(made, sounding, (graph.MASTER, graph.STREAM, hdr.JOIN))]


def sound_care(one: Session, made: Sequence[Task]) -> tuple[SoundCare, ...]:
    """What was done to the sound tracks."""
    if not any(task.id == soundcaring.TASK for task in made):
        return ()
    return one.record(tuple[SoundCare, ...], soundcaring.TASK, soundcaring.RECORD)


def bright(one: Session, made: Sequence[Task]) -> HdrFacts | None:
    """The HDR rendition, published, where one was made."""
    if not any(task.id == hdr.JOIN for task in made):
        return None
    one.publish(hdr.JOIN, {hdr.FILE: hdr.FILE})
    return one.record(HdrFacts, hdr.JOIN, ops.RESULT)
