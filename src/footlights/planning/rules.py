"""The restoration plan: from reports and settings to steps per shot, each with its reason. Pure.

Rules read measurements, never file names. A rule that decides against a stage says so as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from footlights.core.faces import ShotFaces
from footlights.core.plans import RestorationPlan, ShotPlan, Skipped, Step
from footlights.core.reports import CadenceKind, Remainder, ShotReport, Survey
from footlights.core.signal import BT709_SIGNAL, FieldOrder
from footlights.core.source import Ingest
from footlights.planning import enhancement, halos, pictures, rate, repairs, timebase
from footlights.planning.evidence import colourless, corrections
from footlights.planning.geometry import lay_out
from footlights.planning.refusals import refuse_hdr
from footlights.planning.shared import darkness_of, noise_of, sharpness_of
from footlights.planning.timeline import gap_slots, time_map
from footlights.planning.wholetape import Tape, classical, net_objection, order_of, step
from footlights.settings import Settings


def plan(
    survey: Survey,
    ingest: Ingest,
    settings: Settings,
    seen: Sequence[Remainder] = (),
    tracked: Mapping[int, ShotFaces] | None = None,
) -> RestorationPlan:
    """The restoration of a whole tape; `seen` is what the net was found to leave of the noise of its shots, `tracked`
    are the faces that were followed, by shot."""
    source = ingest.source
    refuse_hdr(source)
    factor = instants(survey, settings)
    field_rate = factor == 2
    geometry, pace = lay_out(source, settings.geometry), rate.pace(ingest, source.rate * factor, settings)
    left = {one.shot: one for one in seen}
    balance = corrections(survey, settings.enhancement.colour, enhancement.tape_matrix(source.signal))
    shared = noise_of(survey), darkness_of(survey), sharpness_of(survey), halos.of_tape(survey)
    decks = repairs.deck(survey), timebase.stray(survey)
    grey = colourless(survey.shots)
    tape = Tape(
        ingest, survey, settings, geometry, field_rate, balance, left, tracked or {}, *shared, pace, *decks, grey
    )
    timing = (
        f"Every field keeps its instant: {tape.pace.rate} pictures a second."
        if field_rate
        else f"Progressive source: {tape.pace.rate} pictures a second, as on the tape."
    )
    shots = tuple(_shot(tape, report) for report in survey.shots)
    return RestorationPlan(
        source=ingest.content,
        shots=shots,
        width=geometry.width + 2 * geometry.pillar,
        height=geometry.height,
        rate=tape.pace.rate,
        signal=BT709_SIGNAL,
        seed=settings.master.seed,
        time_map=time_map(survey.shots, shots, ingest, factor, (tape.pace.step, tape.pace.speed)),
        notes=(geometry.why, tape.pace.note or timing),
    )


def instants(survey: Survey, settings: Settings) -> int:
    """Pictures the master shows of a frame: 2 where every field has its own instant."""
    by_hand = settings.ingest.field_order == "progressive"
    field_rate = not by_hand and any(one.cadence.kind is not CadenceKind.PROGRESSIVE for one in survey.shots)
    return 2 if field_rate else 1


def _shot(tape: Tape, report: ShotReport) -> ShotPlan:
    decided = _decided(tape, report)
    allowed = tape.settings.restoration.fieldlift.on_failure == "classical"
    instead = _decided(classical(tape), report) if allowed and not net_objection(tape, report) else []
    return ShotPlan(
        shot=report.shot.index,
        slots=tape.ingest.slot_range(report.shot.frames),
        first_field=report.shot.first_field if tape.field_rate else 0,
        steps=tuple(one for one in decided if isinstance(one, Step)),
        skipped=tuple(one for one in decided if isinstance(one, Skipped)),
        instead=tuple(one for one in instead if isinstance(one, Step)),
    )


def _decided(tape: Tape, report: ShotReport) -> list[Step | Skipped]:
    rules = (
        _gaps,
        _dots,
        _switching,
        _timebase,
        _flicker,
        _dropouts,
        _alignment,
        _comb,
        _blocking,
        _halos,
        pictures.fieldlift,
        pictures.deinterlace,
        pictures.unmix,
        pictures.denoise,
        pictures.hold,
        _colour,
        _light,
        pictures.upscale,
        pictures.faces,
        _detail,
        _rate,
        _grain,
    )
    return [one for rule in rules for one in rule(tape, report)]


def _gaps(tape: Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    settings = tape.settings.restoration.gaps
    lost, which, damaged = gap_slots(report.gaps, tape.ingest.slot_range(report.shot.frames))
    if not lost and not damaged:
        return
    if not settings.rebuild:
        yield Skipped("gaps.rebuild", "restoration.gaps.rebuild = false")
        return
    evidence = "; ".join(dict.fromkeys(gap.evidence for gap in report.gaps))
    yield step(
        "gaps.rebuild",
        f"{len(lost)} instants lost or repeated, {len(damaged)} damaged: {evidence[:200]}",
        lost=lost,
        fields=which,
        damaged=damaged,
        longest=settings.longest,
        streaks=any(isinstance(one, Step) for one in _dropouts(tape, report)),
        sigma=report.noise.luma_sigma,
    )


def _switching(tape: Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    if tape.field_rate:
        yield from repairs.switching(tape.deck, report, tape.settings)


def _timebase(tape: Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    if tape.field_rate:
        top_first = order_of(tape, report) is not FieldOrder.BOTTOM_FIRST
        yield timebase.align(tape.stray, tape.ingest, report, tape.settings, top_first=top_first)


def _flicker(tape: Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    top_first = order_of(tape, report) is not FieldOrder.BOTTOM_FIRST
    yield repairs.flicker(report.flicker, tape.settings, interlaced=tape.field_rate, top_first=top_first)


def _dropouts(tape: Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    strength = tape.settings.restoration.dropouts.strength
    if not report.dropouts.count:
        yield Skipped("dropouts.conceal", "no dropout found")
    elif strength == 0:
        yield Skipped("dropouts.conceal", "restoration.dropouts.strength = 0")
    elif not tape.field_rate:
        yield Skipped("dropouts.conceal", "the source is progressive: its streaks are not those of a tape head")
    else:
        yield step(
            "dropouts.conceal",
            f"dropouts {report.dropouts.count} in the shot, {report.dropouts.rate:.3g} a field",
            strength=strength,
            sigma=report.noise.luma_sigma,
        )


def _alignment(tape: Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    if tape.field_rate:
        yield from repairs.alignment(tape.deck, report, tape.settings, net=not net_objection(tape, report))


def _dots(tape: Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    if tape.field_rate:
        yield from repairs.dots(report, tape.carrier, tape.settings)


def _comb(tape: Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    if tape.field_rate:
        yield from repairs.comb(report, tape.carrier, tape.settings, net=not net_objection(tape, report))


def _blocking(tape: Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    if tape.field_rate:
        yield repairs.blocking(report, tape.settings)


def _halos(tape: Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    yield halos.rule(tape.edges, report.halos, tape.settings, net=not net_objection(tape, report))


def _colour(tape: Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    yield from enhancement.colour(tape.ingest.source.signal, tape.corrections[report.shot.index])


def _light(tape: Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    yield from enhancement.light(tape.settings, tape.noise[report.shot.index], tape.darkness[report.shot.index])
    yield from enhancement.look(tape.settings)


def _detail(tape: Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    index = report.shot.index
    yield from enhancement.detail(tape.settings, tape.noise[index][0], tape.sharpness[index], tape.geometry.scale)


def _rate(tape: Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    yield from rate.convert(tape.pace, report, tape.field_rate)


def _grain(tape: Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    pace = tape.pace.rate / tape.ingest.source.rate
    master = enhancement.Pictures(tape.geometry.scale, pace, report.shot.index)
    yield from enhancement.grain(tape.settings, tape.noise[report.shot.index], master)
