"""Provenance: which share of every shot was recorded, filtered, interpolated, learned or repeated."""

from __future__ import annotations

from collections.abc import Mapping

from footlights.core.provenance import ShotProvenance
from footlights.report.story import Story


def content(story: Story) -> Mapping[str, object] | None:
    """A row per shot; nothing before there is a master."""
    found = story.result.provenance
    return {"rows": [_row(one) for one in found]} if found else None


def _row(one: ShotProvenance) -> Mapping[str, object]:
    shares = (one.recorded, one.filtered, one.interpolated, one.learned, one.repeated)
    return {
        "shot": one.shot,
        "shares": ["" if share == 0 else f"{share:.2%}" for share in shares],
        "added": ", ".join(one.added) or "nothing",
    }
