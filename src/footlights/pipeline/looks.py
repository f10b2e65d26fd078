"""What chunks look like: to the search, from the shots they show; and to viewers, at every rendition. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from footlights.core import records
from footlights.core.encodes import ORDINARY, Look
from footlights.core.reports import Survey
from footlights.core.source import Ingest
from footlights.core.time import FrameRange
from footlights.engine.tasks import Task
from footlights.pipeline.chunks import ChunkRequest

SEE = "footlights.pipeline.ops:see"


def chunk_looks(shots: Sequence[tuple[FrameRange, Look]], chunks: Sequence[FrameRange]) -> list[Look]:
    """What every chunk looks like, from the shots it shows, by output frames: the mean, the place of the longest."""
    found = []
    for frames in chunks:
        weights, seen = [], []
        for part, look in shots:
            shown = part.intersect(frames)
            if len(shown):
                weights.append(len(shown))
                seen.append(look)
        if not seen:
            found.append(ORDINARY)
            continue
        rows = np.array([(one.spatial, one.temporal, one.luma) for one in seen])
        spatial, temporal, luma = (round(float(value), 2) for value in np.average(rows, axis=0, weights=weights))
        found.append(Look(spatial, temporal, luma, seen[int(np.argmax(weights))].place))
    return found


def survey_looks(survey: Survey, ingest: Ingest) -> list[tuple[FrameRange, Look]]:
    """Instants and looks of a tape's shots, with camera and light where they were told apart."""
    found = []
    for number, one in enumerate(survey.shots):
        place = f"{survey.stage.cameras[number]}/{survey.stage.lights[number]}" if survey.stage else ""
        look = Look(one.complexity.spatial, one.complexity.temporal, one.exposure.luma_median, place)
        found.append((ingest.slot_range(one.shot.frames), look))
    return found


def see_tasks(first: Mapping[str, Sequence[Task]]) -> list[Task]:
    """Tasks that see how the first chunks of every AV1 rendition look at the size of the largest; none where no
    rendition could be left out.

    `first` are the tasks of the same chunks by rendition.
    """
    requests = {
        name: [records.from_data(ChunkRequest, task.params["request"], "the request") for task in tasks]
        for name, tasks in first.items()
    }
    names = sorted(
        (name for name, found in requests.items() if found and found[0].rung.codec == "av1"),
        key=lambda name: requests[name][0].rung.height,
    )
    if len(names) < 3:
        return []
    tasks = []
    for number, largest in enumerate(first[names[-1]]):
        request = requests[names[-1]][number]
        pixels = len(request.frames) * request.rung.width * request.rung.height
        tasks.append(
            Task(
                f"see/{request.frames.start}",
                SEE,
                4,
                {"request": records.to_data(request)},
                needs=(largest.needs[0], *(first[name][number].id for name in names)),
                places=largest.places,
                resources=largest.resources,
                units=len(names) * max(1, round(pixels / 1e6)),
                priority=12,
            )
        )
    return tasks
