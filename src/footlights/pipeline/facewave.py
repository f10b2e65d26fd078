"""The wave of the graph that follows faces: after the survey, before the plan. Pure but for reading what was found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from footlights.analysis import facetracks, people
from footlights.core import faces, records
from footlights.core.faces import PersonTrack, ShotFaces
from footlights.core.plans import RestorationPlan
from footlights.core.reports import Survey
from footlights.core.source import Ingest
from footlights.engine.artifacts import Artifact
from footlights.engine.tasks import Resources, Task
from footlights.pipeline.facetracks import FACES, FaceRequest
from footlights.pipeline.graph import INGEST, Layout
from footlights.planning import rules
from footlights.planning.wholetape import SD_LINES, tape_order
from footlights.settings import Settings

PEOPLE = "people"
PERSONS = "people.json"
_WHOLE = 60
"""Shots, the longest, of which all kept crops are shown."""


def face_tasks(survey: Survey, ingest: Ingest, settings: Settings) -> dict[int, Task]:
    """One task per shot in which the survey saw faces worth following, or that is too short to have been searched."""
    chosen, searched = settings.restoration.faces, settings.analysis.faces.enabled
    if not (chosen.enabled and searched) or ingest.source.height > SD_LINES:
        return {}
    factor = rules.instants(survey, settings)
    tasks = {}
    for report, following in zip(survey.shots, [*survey.shots[1:], None], strict=True):
        seen = any(track.height >= facetracks.LEAST / 2 for track in report.faces.tracks)
        if report.faces.key_frames and not seen:
            continue
        late = factor == 2 and following is not None and bool(following.shot.first_field)
        slots = ingest.slot_range(report.shot.frames)
        request = FaceRequest(
            shot=report.shot.index,
            slots=slots.grow(0, 1) if late else slots,
            starts_late=factor == 2 and bool(report.shot.first_field),
            ends_late=late,
            instants=factor,
            field_order=tape_order(survey, settings),
            most=chosen.most,
        )
        tasks[report.shot.index] = Task(
            f"faces/{report.shot.index:04d}",
            "footlights.pipeline.ops:track_faces",
            facetracks.VERSION,
            {"request": records.to_data(request)},
            needs=(INGEST,),
            resources=Resources(memory=2**30),
            units=factor * len(slots),
            priority=70,
        )
    return tasks


def guided(restored: Sequence[Task], plan: RestorationPlan, layout: Layout, tasks: Mapping[int, Task]) -> list[Task]:
    """The tasks of the pieces, those that restore faces with what was followed in their shots as a further input."""
    chosen = {shot.shot for shot in plan.shots if any(step.stage == "faces.restore" for step in shot.steps)}
    out = []
    for task, piece in zip(restored, layout.pieces, strict=True):
        shots = [part.shot for part in piece.parts if part.shot in chosen and part.shot in tasks]
        out.append(replace(task, needs=(*task.needs, *(tasks[shot].id for shot in shots))))
    return out


def people_task(tasks: Mapping[int, Task]) -> Task:
    """Who is who in everything that was followed."""
    return Task(
        PEOPLE,
        "footlights.pipeline.ops:link_people",
        people.VERSION,
        needs=tuple(task.id for task in tasks.values()),
        units=len(tasks),
        priority=70,
    )


def found(artifacts: Mapping[int, Artifact], linked: Artifact) -> dict[int, ShotFaces]:
    """What the tasks of the wave have found, by shot, with the persons of the tape; of the crops only small ones, and
    only the best of most shots, so that a tape of thousands of shots fits into memory."""
    persons: dict[int, dict[int, int]] = defaultdict(dict)
    for track in records.read(tuple[PersonTrack, ...], linked.folder / PERSONS):
        persons[track.shot][track.face] = track.person
    lengths = {shot: artifact.facts["instants"] for shot, artifact in artifacts.items()}
    longest = set(sorted(lengths, key=lambda shot: (-int(str(lengths[shot])), shot))[:_WHOLE])
    tracked = {}
    for shot, artifact in artifacts.items():
        one = faces.small(faces.load(artifact.folder / FACES), most=None if shot in longest else 1)
        tracked[shot] = faces.named(one, persons[shot])
    return tracked
