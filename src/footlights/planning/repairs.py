"""Rules for the repairs that the scan asks for, on fields and before deinterlacing. Pure, as all rules are."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median_high

from footlights.config import Settings
from footlights.core.plans import Skipped, Step, Value
from footlights.core.reports import ShotReport, Survey
from footlights.restoration.base import STAGES

_BOUNCE = 1
"""Field lines by which the head switch moves from field to field."""

_TRUSTED = 0.4
"""Confidence from which a shot's own head-switching band counts more than those of the other shots."""


def step(name: str, why: str, **params: Value) -> Step:
    """A step of the registered stage `name` at its present version."""
    return Step(stage=name, version=STAGES.get(name).version, params=params, why=why)


def switching(survey: Survey, report: ShotReport, settings: Settings) -> Iterator[Step | Skipped]:
    """Fill the head-switching band: as high as the shot shows it, or else as the other shots of the tape do."""
    name, found = "switching.fill", report.borders
    lines, evidence = found.switch_lines, f"borders.switch_lines {found.switch_lines}"
    known = [one.borders.switch_lines for one in survey.shots if one.borders.confidence >= _TRUSTED]
    if found.confidence < _TRUSTED and known:
        lines = median_high(known)
        evidence = f"{lines} field lines torn on the {len(known)} shots that show it; this one is too plain there"
    if not lines:
        yield Skipped(name, "no line torn by head switching at the bottom")
    elif not settings.restoration.switching.fill:
        yield Skipped(name, "restoration.switching.fill = false")
    else:
        yield step(name, f"{evidence}, and one more for its bounce", lines=min(lines + _BOUNCE, 24))
