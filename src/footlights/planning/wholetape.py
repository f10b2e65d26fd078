"""What holds for a whole tape while its shots are planned, and the questions that several rules ask of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from footlights.core.faces import ShotFaces
from footlights.core.plans import Step, Value
from footlights.core.reports import CadenceKind, NoiseReport, Remainder, ShotReport, Survey
from footlights.core.signal import FieldOrder
from footlights.core.source import Ingest
from footlights.core.subcarrier import Subcarrier, of_raster
from footlights.planning import conversion, halos, repairs, timebase
from footlights.planning.evidence import Correction
from footlights.planning.geometry import Geometry
from footlights.planning.rate import Pace
from footlights.restoration.base import STAGES
from footlights.settings import Settings

SD_LINES, _SD_SAMPLES = 608, 768
"""The largest raster taken for SD."""


@dataclass(frozen=True, slots=True)
class Tape:
    """What holds for the whole tape."""

    ingest: Ingest
    survey: Survey
    settings: Settings
    geometry: Geometry
    field_rate: bool
    """True where the master shows every field's instant."""
    corrections: tuple[Correction, ...]
    """Of every shot."""
    remainders: Mapping[int, Remainder]
    """Of the shots that were looked at behind the net, by number."""
    faces: Mapping[int, ShotFaces]
    """Those that were followed, by shot."""
    noise: tuple[tuple[NoiseReport, str], ...]
    """Noise of every shot as its group has it, and how its sigma was come by."""
    darkness: tuple[tuple[float, str], ...]
    """How much every shot is in need of light, 0..1, and how it was come by."""
    sharpness: tuple[tuple[float, str], ...]
    """Effective resolution of every shot, and how it was come by."""
    edges: halos.TapeHalos
    """The outlines beside the edges of all shots."""
    pace: Pace
    deck: repairs.Deck
    stray: timebase.Stray
    colourless: bool
    """None of its shots shows more colour than a tint."""

    @property
    def carrier(self) -> Subcarrier | None:
        """The subcarrier whose traces its raster can show; None where it is not sampled at 13.5 MHz."""
        return of_raster(self.ingest.source.width, self.ingest.source.height // 2 * 2)


def step(name: str, why: str, **params: Value) -> Step:
    """A step of the present version of its stage."""
    return Step(stage=name, version=STAGES.get(name).version, params=params, why=why)


def classical(tape: Tape) -> Tape:
    """The tape under settings that leave the net out."""
    restoration = tape.settings.restoration.model_copy(update={"chain": "classical"})
    return replace(tape, settings=tape.settings.model_copy(update={"restoration": restoration}))


def tape_order(survey: Survey, settings: Settings) -> FieldOrder:
    """The tape's field order: as set by hand, else as measured."""
    by_hand = settings.ingest.field_order
    return survey.field_order if by_hand == "auto" else FieldOrder(by_hand)


def order_of(tape: Tape, report: ShotReport) -> FieldOrder:
    """The shot's own order where its motion shows it, else the tape's; a person's setting wins."""
    by_hand = tape.settings.ingest.field_order != "auto"
    if not by_hand and report.cadence.kind is not CadenceKind.PROGRESSIVE and report.cadence.confidence > 0.6:
        return report.cadence.field_order
    return tape_order(tape.survey, tape.settings)


def cadence_evidence(tape: Tape, report: ShotReport) -> str:
    """Cadence, order and confidence in words, and what the file claims where it claims otherwise."""
    cadence = report.cadence
    evidence = f"cadence {cadence.kind}, {order_of(tape, report)}, confidence {cadence.confidence:.2f}"
    return evidence if cadence.agrees else f"{evidence}; the file claims {cadence.tagged}"


def film(tape: Tape, report: ShotReport) -> bool:
    """Whether a shot among interlaced ones is put back together from its fields first."""
    return tape.field_rate and report.cadence.kind is not CadenceKind.INTERLACED


def net_objection(tape: Tape, report: ShotReport) -> str:
    """Why this shot is not for FieldLift; empty where it is."""
    source = tape.ingest.source
    if tape.settings.restoration.chain != "fieldlift":
        return f"restoration.chain = {tape.settings.restoration.chain}"
    if source.height > SD_LINES or source.width > _SD_SAMPLES:
        return f"{source.width}×{source.height} is more than the SD raster the net was trained on"
    if conversion.unmixed(report, tape.settings):
        return "its fields are mixtures that are taken apart, which the net never saw"
    return ""
