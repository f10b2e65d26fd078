"""Rules for the repairs that the scan asks for, on fields and before deinterlacing. Pure, as all rules are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median_high
from typing import NamedTuple

from footlights.core.plans import Skipped, Step, Value
from footlights.core.reports import CompositeReport, ShotReport, Survey
from footlights.core.subcarrier import SYSTEMS, Subcarrier
from footlights.core.tape_reports import FlickerReport
from footlights.metrics.dots import EXPLAINED
from footlights.planning.evidence import colourless
from footlights.restoration.base import STAGES
from footlights.settings import Settings

_BOUNCE = 1
"""Field lines by which the head switch moves from field to field."""

_TRUSTED = 0.4
"""Confidence from which a shot's own head-switching band counts more than those of the other shots."""

_AGREED, _OWN = 0.5, 0.75
"""Confidence from which a shot has a say in the tape's Y/C delay, and from which it may have one of its own."""
_APART = 1.0
"""Luma samples by which a shot's own delay must differ: an edit from another tape."""
_LATE = (0.75, 0.4)
"""Luma samples and field lines of delay that are worth moving colour for: scenes alone mislead by less."""

_BEFORE_NET = 0.5
"""Share of the delay along the line that is taken out before FieldLift, which learned to expect some: with all of it
taken out, tapes of little colour come out worse (benchmarks/defects.py)."""

TRACES = 0.1
"""Codes of dot crawl or cross-colour from which a tape is taken to have been composite."""
_CRAWL = 0.15
"""Codes of dot crawl or cross-colour from which a shot is combed."""


_FLICKERS, _FLICKER_SURE, _PUMPING_SURE = 0.6, 0.5, 0.75
"""Percent of flicker from which it is levelled, and confidence from which it is, and slow pumping is: lamps that swell
with the music are slow too."""
_FLICKER_REACH, _PUMPING_REACH = 10, 30
"""Frames on each side that give the course of the light, and at most where it pumps: about a period."""

_GRID, _GRID_SURE = 0.35, 0.5
"""Codes of blocking, and confidence, from which the grid is smoothed."""
GRID_FACTOR, _GRID_HIDDEN = 4.0, 2.0
"""Steps that are taken out and noise that hides the grid, both in units of the mean excess on the grid."""


def step(name: str, why: str, **params: Value) -> Step:
    """A step of the registered stage `name` at its present version."""
    return Step(stage=name, version=STAGES.get(name).version, params=params, why=why)


class Deck(NamedTuple):
    """What the shots of a tape share, for it is the deck's."""

    switch_lines: int
    """Field lines torn by head switching, on most shots that show them; 0 where none do."""
    switch_shots: int
    """Shots that show them, or that there are none."""
    right: float
    """Luma samples by which colour lies to the right."""
    below: float
    """Field lines by which it lies below."""


def deck(survey: Survey) -> Deck:
    """Over all shots; once a tape."""
    torn = [one.borders.switch_lines for one in survey.shots if one.borders.confidence >= _TRUSTED]
    # Titles and other shots without colour hold what the line's ringing leaves in chroma, which is beside it anywhere.
    shots = [(one.chroma_delay, len(one.shot.frames)) for one in survey.shots if not colourless([one])]
    right = weighted_median([(d.horizontal, d.confidence * n) for d, n in shots if d.confidence >= _AGREED])
    below = weighted_median([(d.vertical, d.vertical_confidence * n) for d, n in shots if d.vertical_confidence > 0.3])
    return Deck(median_high(torn) if torn else 0, len(torn), right, below)


def switching(deck: Deck, report: ShotReport, settings: Settings) -> Iterator[Step | Skipped]:
    """Fill the head-switching band: as high as the shot shows it, or else as the other shots of the tape do."""
    name, found = "switching.fill", report.borders
    lines, evidence = found.switch_lines, f"borders.switch_lines {found.switch_lines}"
    if found.confidence < _TRUSTED and deck.switch_shots:
        lines = deck.switch_lines
        evidence = (
            f"{lines} field lines torn on the {deck.switch_shots} shots that show it; this one is too plain there"
        )
    if not lines:
        yield Skipped(name, "no line torn by head switching at the bottom")
    elif not settings.restoration.switching.fill:
        yield Skipped(name, "restoration.switching.fill = false")
    else:
        yield step(name, f"{evidence}, and one more for its bounce", lines=min(lines + _BOUNCE, 24))


def alignment(deck: Deck, report: ShotReport, settings: Settings, *, net: bool) -> Iterator[Step | Skipped]:
    """Move colour back over luma, by what the tape as a whole shows: the delay is the deck's, not the shot's.

    `net`: FieldLift comes behind it.
    """
    name = "chroma.align"
    right, below = deck.right, deck.below
    evidence = f"chroma_delay over all shots {right:+.2f} samples, {below:+.2f} field lines"
    own = report.chroma_delay
    if own.confidence >= _OWN and abs(own.horizontal - right) > _APART and not colourless([report]):
        right = own.horizontal
        evidence = f"chroma_delay of this shot {right:+.2f} samples, unlike the others; {below:+.2f} field lines"
    right, below = right if abs(right) >= _LATE[0] else 0.0, below if abs(below) >= _LATE[1] else 0.0
    if not right and not below:
        yield Skipped(name, f"{evidence}: too little to be told from the scene")
    elif not settings.restoration.chroma.align:
        yield Skipped(name, "restoration.chroma.align = false")
    else:
        if net and right:
            right, evidence = _BEFORE_NET * right, f"{evidence}; the net moves colour along the line by the rest"
        yield step(name, evidence, right=round(right, 2), below=round(below, 2))


def comb(report: ShotReport, carrier: Subcarrier | None, settings: Settings, *, net: bool) -> Iterator[Step | Skipped]:
    """Take out dot crawl and cross-colour, where no net does it; `carrier` is None on rasters that show none."""
    name, found, share = "composite.comb", report.composite, settings.restoration.chroma.comb
    evidence = _traces(found)
    if carrier is None:
        yield Skipped(name, "the raster is not sampled at 13.5 MHz")
    elif max(found.dot_crawl, found.cross_colour) < _CRAWL:
        yield Skipped(name, f"{evidence}: none that counts")
    elif net:
        yield Skipped(name, f"{evidence}: the net takes them out")
    elif share == 0:
        yield Skipped(name, "restoration.chroma.comb = 0")
    else:
        yield step(name, evidence, system=_system(carrier), luma=share, chroma=share)


def dots(report: ShotReport, carrier: Subcarrier | None, settings: Settings) -> Iterator[Step | Skipped]:
    """Take out what a comb left of colour on the subcarrier, on what moves as well, and before any net: where colours
    are strong, nets leave it standing. `carrier` is None on rasters that show none."""
    name, found, share = "composite.dots", report.composite, settings.restoration.chroma.dots
    evidence = _traces(found)
    if carrier is None:
        yield Skipped(name, "the raster is not sampled at 13.5 MHz")
    elif max(found.dot_crawl, found.cross_colour) < TRACES:
        yield Skipped(name, f"{evidence}: no trace of a composite connection")
    elif found.explained < EXPLAINED:
        yield Skipped(name, f"{evidence}, of which the fields' colour explains {found.explained:.0%}: its phase strays")
    elif share == 0:
        yield Skipped(name, "restoration.chroma.dots = 0")
    else:
        evidence += f"; the fields' colour explains {found.explained:.0%} of what lies on the subcarrier"
        yield step(name, evidence, system=_system(carrier), share=share)


def _traces(found: CompositeReport) -> str:
    return f"composite.dot_crawl {found.dot_crawl:.2f}, cross_colour {found.cross_colour:.2f} codes"


def _system(carrier: Subcarrier) -> str:
    return next(name for name, one in SYSTEMS.items() if one == carrier)


def blocking(report: ShotReport, settings: Settings) -> Step | Skipped:
    """Smooth the grid of a block transform where noise does not hide it anyway; before the net as well, which leaves
    some of it (benchmarks/repair.py)."""
    name, found, factor = "blocking.smooth", report.blocking, settings.restoration.blocking.strength
    evidence = f"blocking.strength {found.strength:.2f} codes, confidence {found.confidence:.2f}"
    if found.confidence < _GRID_SURE or found.strength < _GRID:
        return Skipped(name, f"{evidence}: no grid that counts")
    if report.noise.luma_sigma > _GRID_HIDDEN * found.strength:
        return Skipped(name, f"{evidence}, under noise of {report.noise.luma_sigma:.2f} codes")
    if factor == 0:
        return Skipped(name, "restoration.blocking.strength = 0")
    strength = round(min(GRID_FACTOR * found.strength * factor, 40.0), 2)
    return step(name, evidence, strength=strength, phase=found.phase)


def flicker(found: FlickerReport, settings: Settings, *, interlaced: bool, top_first: bool) -> Step | Skipped:
    """Level the light where it trembles or pumps everywhere in the picture and all through the shot; light of the
    stage is none of this, and on doubt nothing is done."""
    name, share = "flicker.level", settings.restoration.flicker.strength
    kind = f"pumping every {found.period:g} frames" if found.period else "from picture to picture"
    evidence = (
        f"flicker.strength {found.strength:.2f} % {kind}, evenness {found.evenness:.2f}, "
        f"confidence {found.confidence:.2f}"
    )
    if found.strength < _FLICKERS:
        return Skipped(name, f"{evidence}: none that counts")
    if found.confidence < (_PUMPING_SURE if found.period else _FLICKER_SURE):
        return Skipped(name, f"{evidence}: it may be light of the scene")
    if share == 0:
        return Skipped(name, "restoration.flicker.strength = 0")
    return step(
        name,
        evidence,
        strength=share,
        swing=round(found.strength / 100, 4),
        reach=min(max(_FLICKER_REACH, round(found.period)), _PUMPING_REACH),
        interlaced=interlaced,
        top_first=top_first,
    )


def weighted_median(found: Sequence[tuple[float, float]]) -> float:
    """Of values with weights; 0 where nothing was found."""
    total, seen = sum(weight for _, weight in found), 0.0
    for value, weight in sorted(found):
        seen += weight
        if seen >= total / 2:
            return value
    return 0.0
