"""The rule for lines and fields that lie beside their place: by the deck, so over the tape as a whole. Pure."""

from __future__ import annotations

from typing import NamedTuple

from footlights.core.plans import Skipped, Step
from footlights.core.reports import ShotReport, Survey
from footlights.core.source import Ingest
from footlights.planning.repairs import step, weighted_median
from footlights.settings import Settings

_SURE, _SURE_BENT = 0.5, 0.4
"""Confidence from which a shot has a say in jitter, and in the bend: scenes of wild motion reach 0.45 without any."""
_STRAYS = 0.17
"""Samples of jitter from which lines are moved: what motion alone looks like in shots that move fast is below it."""
_BENT = 1.0
"""Samples of bend from which the top lines are straightened: slanted things at the top of a scene mislead by less."""
_BENT_ALONE = 2.0
"""The same where the tape's lines do not stray: what bends the top of a picture makes its lines stray, and things that
stand slanted there, as a truss above a stage, have been taken for a bend of 1.3 samples."""
_STRONGEST = (4.0, 30.0)
"""What the stage takes, in samples of jitter and of bend."""


class Stray(NamedTuple):
    """What a deck does to all shots of a tape."""

    jitter: float
    """Samples."""
    memory: float
    """Correlation with the next line."""
    skew: float
    """Samples."""
    height: float
    """Field lines over which the bend falls to 1/e."""


def stray(survey: Survey) -> Stray:
    """Over all shots; once a tape."""
    return Stray(*_jitter(survey), *_bend(survey))


def align(found: Stray, ingest: Ingest, report: ShotReport, settings: Settings, *, top_first: bool) -> Step | Skipped:
    """Move lines to the middle of their neighbours in time, unbend the top, put jumped fields back."""
    name = "timebase.align"
    jitter, memory, skew, height = found
    jumps = report.timebase.jumps
    evidence = f"timebase.jitter {jitter:.2f} samples and skew {skew:+.1f} over all shots, {len(jumps)} fields jumped"
    jitter = jitter if jitter >= _STRAYS else 0.0
    skew = skew if abs(skew) >= (_BENT if jitter else _BENT_ALONE) else 0.0
    if not jitter and not skew and not jumps:
        return Skipped(name, f"{evidence}: too little to be told from the scene")
    if not settings.restoration.timebase.align:
        return Skipped(name, "restoration.timebase.align = false")
    return step(
        name,
        evidence,
        jitter=round(min(jitter, _STRONGEST[0]), 3),
        memory=round(memory, 2),
        skew=round(min(max(skew, -_STRONGEST[1]), _STRONGEST[1]), 2),
        skew_lines=height,
        jumped=tuple(2 * ingest.slots[one.frame] + one.field for one in jumps),
        jumps=tuple(one.lines for one in jumps),
        top_first=top_first,
    )


def _jitter(survey: Survey) -> tuple[float, float]:
    """Samples, and correlation with the next line."""
    shots = [(one.timebase, one.timebase.confidence * len(one.shot.frames)) for one in survey.shots]
    sure = [(found, weight) for found, weight in shots if found.confidence >= _SURE]
    return (
        weighted_median([(found.jitter, weight) for found, weight in sure]),
        weighted_median([(found.memory, weight) for found, weight in sure]),
    )


def _bend(survey: Survey) -> tuple[float, float]:
    """Samples, and field lines over which it falls to 1/e."""
    shots = [(one.timebase, one.timebase.skew_confidence * len(one.shot.frames)) for one in survey.shots]
    sure = [(found, weight) for found, weight in shots if found.skew_confidence >= _SURE_BENT]
    height = weighted_median([(found.skew_lines, weight) for found, weight in sure])
    return weighted_median([(found.skew, weight) for found, weight in sure]), height or 8.0
