"""Faces: who is seen when, what the identity guard said, and every face of a shot with its best moments."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from footlights.report.faces import sections
from footlights.report.people import pairs, people
from footlights.report.story import Story


def content(story: Story) -> Mapping[str, object] | None:
    """People over the tape, restored faces beside their sources, bars per shot; None where no face was followed."""
    result = story.result
    shown = sections(result.faces)
    if not shown:
        return None
    known, summary = people(result.faces, result.survey, result.ingest)
    return {
        "people": [(one, Markup(one.timeline)) for one in known],  # noqa: S704 - our own SVG
        "summary": summary,
        "pairs": pairs(result.likeness, story.pictures.faces),
        "restored": len(result.likeness),
        "refused": sum(bool(one.refused) for one in result.likeness),
        "shots": [(one, Markup(one.timeline)) for one in shown],  # noqa: S704 - our own SVG
        "left_out": sum(bool(one.faces or one.left_out) for one in result.faces.values()) - len(shown),
    }
