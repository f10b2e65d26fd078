"""Pictures before and after."""

from __future__ import annotations

from collections.abc import Mapping

from footlights.report.pictures import data_url
from footlights.report.story import Story


def content(story: Story) -> Mapping[str, object] | None:
    """Captions with pictures."""
    pairs = story.pictures.pairs
    return {"pairs": [(caption, data_url(data)) for caption, data in pairs]} if pairs else None
