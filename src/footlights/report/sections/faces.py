"""Faces: when each was there, and its best moments."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from footlights.report.faces import sections
from footlights.report.story import Story


def content(story: Story) -> Mapping[str, object] | None:
    """Bars over time and contact sheets per shot; None where no face was followed."""
    shown = sections(story.result.faces)
    return {"shots": [(one, Markup(one.timeline)) for one in shown]} if shown else None  # noqa: S704 - our own SVG
