"""The head of the page: what this tape suffers from, what is done about it, what cannot be mended."""

from __future__ import annotations

from collections.abc import Mapping

from footlights import __version__
from footlights.core.time import clock
from footlights.report.story import Story
from footlights.report.summary import verdict
from footlights.report.verdict import mended, mending, suffering, unmended


def content(story: Story) -> Mapping[str, object]:
    """The sentences of the head."""
    result = story.result
    ingest = result.ingest
    return {
        "version": __version__,
        "source": ingest.source,
        "rate": float(ingest.source.rate),
        "frames": ingest.frames,
        "length": clock(float(ingest.slot_count / ingest.source.rate)),
        "summary": verdict(result),
        "suffers": suffering(result, story.found),
        "doing": mending(result),
        "done": mended(result, story.found),
        "beyond": unmended(story.found),
        "warnings": result.warnings,
    }
