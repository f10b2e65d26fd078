"""The dictionary of the defects that were found, so that the page explains itself."""

from __future__ import annotations

from collections.abc import Mapping

from footlights.core.defects import Defect
from footlights.report.dictionary import DICTIONARY
from footlights.report.story import Story


def content(story: Story) -> Mapping[str, object] | None:
    """Names with their entries."""
    found = {one.defect for one in story.found}
    entries = [(defect, DICTIONARY[defect]) for defect in Defect if defect in found]
    return {"entries": entries} if entries else None
