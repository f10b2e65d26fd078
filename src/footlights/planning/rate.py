"""Rules for the frame rate: by default every instant of the tape is shown once; a conversion is asked for. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from footlights.core.plans import Skipped, Step
from footlights.core.reports import CadenceKind, ShotReport
from footlights.core.source import Ingest
from footlights.core.time import FILM_NTSC_RATE, NTSC_FIELD_RATE
from footlights.planning.refusals import asked_rate, refuse_rate
from footlights.planning.repairs import step
from footlights.settings import Settings


@dataclass(frozen=True, slots=True)
class Pace:
    """How the master's frames follow the tape's instants."""

    rate: Fraction
    """Of the master."""
    step: Fraction
    """Instants from one output frame to the next."""
    speed: Fraction
    """Below 1: slow motion."""
    note: str
    """In words; empty where every instant is shown at its time."""


def pace(ingest: Ingest, native: Fraction, settings: Settings) -> Pace:
    """What the settings ask of a tape of `native` instants a second. ConfigError for what cannot be had."""
    refuse_rate(ingest, [native], settings)
    rate, speed, stride = asked_rate(native, settings)
    if stride == 1 and speed == 1:
        return Pace(native, stride, speed, "")
    words = [f"Rate converted: {rate} pictures a second from the {native} instants of the tape"]
    if speed != 1:
        words = [f"Slow motion at {float(speed):g} of the speed: {rate} pictures a second"]
        words.append(_SOUND[settings.enhancement.rate.sound])
    return Pace(rate, stride, speed, "; ".join(words) + ".")


_SOUND = {
    "stretch": "the sound is stretched to the same length at its own pitch",
    "drop": "the sound is left out, because it would not fit the pictures",
}


def convert(found: Pace, report: ShotReport, fields: bool) -> Iterator[Step | Skipped]:
    """The conversion, alike for all shots but film on fields, whose pictures are taken as they are."""
    if found.step == 1:
        why = "every instant of the tape keeps its picture" if found.speed == 1 else "the master's rate shows all"
        yield Skipped("rate.convert", f"{why}: {found.rate} a second")
        return
    cadence = report.cadence
    film = fields and cadence.kind is not CadenceKind.INTERLACED
    why = f"{found.rate} pictures a second, {float(found.step):.4g} instants of the tape apart"
    if film:
        why += f"; cadence {cadence.kind}: its film frames are shown as they are, none is made between them"
    yield step(
        "rate.convert",
        why,
        numerator=found.step.denominator,
        denominator=found.step.numerator,
        interpolate=not film,
        later=film and _later(found, report),
    )


def _later(found: Pace, report: ShotReport) -> bool:
    """Whether the later of two pictures as near gives each film frame of a 3:2 cadence once: where the run of three
    fields begins on a whole output frame."""
    telecine = report.cadence.kind is CadenceKind.TELECINE
    if not telecine or found.rate != FILM_NTSC_RATE or found.rate * found.step != NTSC_FIELD_RATE:
        return False
    first = 2 * report.shot.frames.start + report.shot.first_field
    return (first + report.cadence.phase) % 5 == 0
