"""Which shots a page shows in full: a tape of ten thousand cuts must not make a page that no browser opens."""

from __future__ import annotations

from footlights.core.reports import Survey

MOST_SHOTS = 300
"""With pictures of about 10 kB each, some 4 MB."""


def shown_shots(survey: Survey) -> frozenset[int]:
    """Indices of the shots described one by one: all, or the longest."""
    longest = sorted(survey.shots, key=lambda report: -len(report.shot.frames))[:MOST_SHOTS]
    return frozenset(report.shot.index for report in longest)
