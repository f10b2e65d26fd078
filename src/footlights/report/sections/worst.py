"""The worst moments, with pictures."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

from footlights.core.time import timecode
from footlights.report.pictures import data_url
from footlights.report.story import Story
from footlights.report.worst import moments


def content(story: Story) -> Mapping[str, object] | None:
    """Lists of moments with time, value and picture."""
    ingest, pictures = story.result.ingest, story.pictures.worst
    found = moments(story.result.survey, story.series, ingest.source.rate)
    if not found:
        return None
    lists = []
    for title, group in groupby(found, key=lambda one: one.title):
        rows = [
            {
                "defect": one.defect,
                "time": timecode(ingest.slots[one.frame], ingest.source.rate),
                "frame": one.frame,
                "value": one.value,
                "picture": data_url(pictures[one.frame, one.defect]) if (one.frame, one.defect) in pictures else None,
            }
            for one in group
        ]
        lists.append((title, rows))
    return {"lists": lists}
