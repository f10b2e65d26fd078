"""What a scan foresees: the plan of the rules, before faces are followed and the net's remainder is looked at. Pure."""

from __future__ import annotations

from dataclasses import replace

from footlights.core.plans import RestorationPlan
from footlights.core.reports import Survey
from footlights.core.source import Ingest
from footlights.errors import FootlightsError
from footlights.planning import rules
from footlights.settings import Settings

_NOTE = "Planned from the scan alone: `footlights plan` also follows faces and looks at the noise the net leaves."


def foresee(survey: Survey, ingest: Ingest, settings: Settings) -> tuple[RestorationPlan | None, str]:
    """The plan, or why the tape or the settings allow none: a scan tells what it found all the same."""
    try:
        fresh = rules.plan(survey, ingest, settings)
    except FootlightsError as error:
        return None, f"No plan can be made: {error}"
    return replace(fresh, notes=(*fresh.notes, _NOTE)), ""
