"""The dictionary of the defects that were found or listed, so that the page explains itself."""

from __future__ import annotations

from collections.abc import Mapping

from footlights.core.defects import Defect
from footlights.report.dictionary import DICTIONARY
from footlights.report.story import Story
from footlights.report.worst import moments


def content(story: Story) -> Mapping[str, object] | None:
    """Names with their entries."""
    listed = moments(story.result.survey, story.series, story.result.ingest.source.rate)
    found = {one.defect for one in story.found} | {one.defect for one in listed}
    entries = [(defect, DICTIONARY[defect]) for defect in Defect if defect in found]
    return {"entries": entries} if entries else None
