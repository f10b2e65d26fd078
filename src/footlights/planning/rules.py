"""The restoration plan: from reports and settings to steps per shot, each with its reason. Pure.

Rules read measurements, never file names. A rule that decides against a stage says so as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from footlights.core.faces import ShotFaces
from footlights.core.plans import RestorationPlan, ShotPlan, Skipped, Step, Value
from footlights.core.reports import CadenceKind, Remainder, ShotReport, Survey
from footlights.core.signal import BT709_SIGNAL, FieldOrder, Transfer
from footlights.core.source import Ingest, Source
from footlights.core.subcarrier import of_raster
from footlights.errors import SourceError
from footlights.models import user_nets
from footlights.models.fieldlift_run import reference
from footlights.planning import conversion, enhancement, halos, rate, remainders, repairs, timebase
from footlights.planning.enhancement import QUIET
from footlights.planning.evidence import Correction, corrections
from footlights.planning.faces import face_step
from footlights.planning.geometry import Geometry, lay_out
from footlights.planning.rate import Pace
from footlights.planning.shared import darkness_of, noise_of, sharpness_of
from footlights.planning.timeline import gap_slots, time_map
from footlights.restoration.base import STAGES
from footlights.settings import Settings

SD_LINES, _SD_SAMPLES = 608, 768
"""The largest raster taken for SD."""


@dataclass(frozen=True, slots=True)
class _Tape:
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
    noise: tuple[tuple[float, str], ...]
    """Luma sigma of every shot, and how it was come by."""
    darkness: tuple[tuple[float, str], ...]
    """How much every shot is in need of light, 0..1, and how it was come by."""
    sharpness: tuple[tuple[float, str], ...]
    """Effective resolution of every shot, and how it was come by."""
    edges: halos.TapeHalos
    """The outlines beside the edges of all shots."""
    pace: Pace
    deck: repairs.Deck
    stray: timebase.Stray


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
    tape = _Tape(ingest, survey, settings, geometry, field_rate, balance, left, tracked or {}, *shared, pace, *decks)
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


def tape_order(survey: Survey, settings: Settings) -> FieldOrder:
    """The tape's field order: as set by hand, else as measured."""
    by_hand = settings.ingest.field_order
    return survey.field_order if by_hand == "auto" else FieldOrder(by_hand)


def refuse_hdr(source: Source) -> None:
    """SourceError for HDR and log pictures: everything here is meant for SDR, and would show them grey."""
    transfer = source.signal.transfer
    if transfer in (Transfer.PQ, Transfer.HLG, Transfer.LOG100, Transfer.LOG316):
        kind = "HDR video" if transfer in (Transfer.PQ, Transfer.HLG) else "video with a log curve"
        raise SourceError(
            f"{source.name} is {kind}",
            f"its transfer characteristic is {transfer.name}, and only SDR is worked on",
            "convert it to SDR first, for example with ffmpeg's zscale and tonemap filters",
        )


def _shot(tape: _Tape, report: ShotReport) -> ShotPlan:
    decided = _decided(tape, report)
    allowed = tape.settings.restoration.fieldlift.on_failure == "classical"
    instead = _decided(_classical(tape), report) if allowed and not _net_objection(tape, report) else []
    return ShotPlan(
        shot=report.shot.index,
        slots=tape.ingest.slot_range(report.shot.frames),
        first_field=report.shot.first_field if tape.field_rate else 0,
        steps=tuple(one for one in decided if isinstance(one, Step)),
        skipped=tuple(one for one in decided if isinstance(one, Skipped)),
        instead=tuple(one for one in instead if isinstance(one, Step)),
    )


def _decided(tape: _Tape, report: ShotReport) -> list[Step | Skipped]:
    rules = (
        _gaps,
        _switching,
        _timebase,
        _flicker,
        _dropouts,
        _alignment,
        _comb,
        _blocking,
        _halos,
        _fieldlift,
        _deinterlace,
        _unmix,
        _denoise,
        _colour,
        _light,
        _upscale,
        _faces,
        _detail,
        _rate,
        _grain,
    )
    return [one for rule in rules for one in rule(tape, report)]


def _classical(tape: _Tape) -> _Tape:
    """The tape under settings that leave the net out."""
    restoration = tape.settings.restoration.model_copy(update={"chain": "classical"})
    return replace(tape, settings=tape.settings.model_copy(update={"restoration": restoration}))


def _step(name: str, why: str, **params: Value) -> Step:
    return Step(stage=name, version=STAGES.get(name).version, params=params, why=why)


def _gaps(tape: _Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    settings = tape.settings.restoration.gaps
    lost, which, damaged = gap_slots(report.gaps, tape.ingest.slot_range(report.shot.frames))
    if not lost and not damaged:
        return
    if not settings.rebuild:
        yield Skipped("gaps.rebuild", "restoration.gaps.rebuild = false")
        return
    evidence = "; ".join(dict.fromkeys(gap.evidence for gap in report.gaps))
    yield _step(
        "gaps.rebuild",
        f"{len(lost)} instants lost or repeated, {len(damaged)} damaged: {evidence[:200]}",
        lost=lost,
        fields=which,
        damaged=damaged,
        longest=settings.longest,
    )


def _switching(tape: _Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    if tape.field_rate:
        yield from repairs.switching(tape.deck, report, tape.settings)


def _timebase(tape: _Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    if tape.field_rate:
        top_first = _order(tape, report) is not FieldOrder.BOTTOM_FIRST
        yield timebase.align(tape.stray, tape.ingest, report, tape.settings, top_first=top_first)


def _flicker(tape: _Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    top_first = _order(tape, report) is not FieldOrder.BOTTOM_FIRST
    yield repairs.flicker(report.flicker, tape.settings, interlaced=tape.field_rate, top_first=top_first)


def _dropouts(tape: _Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    strength = tape.settings.restoration.dropouts.strength
    if not report.dropouts.count:
        yield Skipped("dropouts.conceal", "no dropout found")
    elif strength == 0:
        yield Skipped("dropouts.conceal", "restoration.dropouts.strength = 0")
    elif not tape.field_rate:
        yield Skipped("dropouts.conceal", "the source is progressive: its streaks are not those of a tape head")
    else:
        yield _step(
            "dropouts.conceal",
            f"dropouts {report.dropouts.count} in the shot, {report.dropouts.rate:.3g} a field",
            strength=strength,
            sigma=report.noise.luma_sigma,
        )


def _alignment(tape: _Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    if tape.field_rate:
        yield from repairs.alignment(tape.deck, report, tape.settings, net=not _net_objection(tape, report))


def _comb(tape: _Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    if tape.field_rate:
        source = tape.ingest.source
        carrier = of_raster(source.width, source.height // 2 * 2)
        yield from repairs.comb(report, carrier, tape.settings, net=not _net_objection(tape, report))


def _blocking(tape: _Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    if tape.field_rate:
        yield repairs.blocking(report, tape.settings)


def _halos(tape: _Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    yield halos.rule(tape.edges, report.halos, tape.settings, net=not _net_objection(tape, report))


def _net_objection(tape: _Tape, report: ShotReport) -> str:
    """Why this shot is not for FieldLift; empty where it is."""
    source = tape.ingest.source
    if tape.settings.restoration.chain != "fieldlift":
        return f"restoration.chain = {tape.settings.restoration.chain}"
    if source.height > SD_LINES or source.width > _SD_SAMPLES:
        return f"{source.width}×{source.height} is more than the SD raster the net was trained on"
    if not tape.field_rate:
        return "the source is progressive, and the net was made for fields"
    if report.cadence.kind is not CadenceKind.INTERLACED:
        return f"cadence {report.cadence.kind}: its frames are put back together from their fields as they are"
    if conversion.unmixed(report, tape.settings):
        return "its fields are mixtures that are taken apart, which the net never saw"
    return ""


def _fieldlift(tape: _Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    objection = _net_objection(tape, report)
    if objection:
        yield Skipped("fieldlift.restore", objection)
        return
    settings = tape.settings.restoration
    noise, measured = tape.noise[report.shot.index]
    keep = remainders.kept_detail(report.composite.dot_crawl)
    lost, which, _ = gap_slots(report.gaps, tape.ingest.slot_range(report.shot.frames))
    params: dict[str, Value] = {
        "net": settings.fieldlift.net,
        "top_first": _order(tape, report) is not FieldOrder.BOTTOM_FIRST,
        "sigma": round(min(noise * settings.fieldlift.strength, 40.0), 3),
        "keep": keep,
        "lost": lost if settings.gaps.rebuild else (),
        "fields": which if settings.gaps.rebuild else (),
    }
    why = f"{_cadence_evidence(tape, report)}; {measured}"
    if keep:
        why += f"; {keep:.0%} of the fields' own detail beyond noise is kept"
    if settings.fieldlift.strength != 1:
        why += f", taken for {settings.fieldlift.strength:g} times as much"
    yield replace(_step("fieldlift.restore", why, **params), weights=reference(settings.fieldlift.net))


def _deinterlace(tape: _Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    cadence = report.cadence
    if not _net_objection(tape, report):
        yield Skipped("deinterlace.bwdif", "the net gives both fields' instants")
        return
    if not tape.field_rate:
        by_hand = tape.settings.ingest.field_order == "progressive"
        why = "ingest.field_order = progressive" if by_hand else f"cadence {cadence.kind}: every frame is one instant"
        yield Skipped("deinterlace.bwdif", why)
        return
    top_first = _order(tape, report) is not FieldOrder.BOTTOM_FIRST
    evidence = _cadence_evidence(tape, report)
    if cadence.kind is CadenceKind.INTERLACED:
        yield _step("deinterlace.bwdif", evidence, top_first=top_first)
    else:
        yield _step("deinterlace.match", f"{evidence}: fields of one film frame are put together", top_first=top_first)


def _unmix(tape: _Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    if tape.field_rate and report.cadence.kind is CadenceKind.INTERLACED:
        slots = tape.ingest.slot_range(report.shot.frames)
        yield from conversion.rule(report, slots, tape.settings, rate=tape.pace.step != 1)


def _cadence_evidence(tape: _Tape, report: ShotReport) -> str:
    cadence = report.cadence
    evidence = f"cadence {cadence.kind}, {_order(tape, report)}, confidence {cadence.confidence:.2f}"
    return evidence if cadence.agrees else f"{evidence}; the file claims {cadence.tagged}"


def _order(tape: _Tape, report: ShotReport) -> FieldOrder:
    """The shot's own order where its motion shows it, else the tape's; a person's setting wins."""
    by_hand = tape.settings.ingest.field_order != "auto"
    if not by_hand and report.cadence.kind is not CadenceKind.PROGRESSIVE and report.cadence.confidence > 0.6:
        return report.cadence.field_order
    return tape_order(tape.survey, tape.settings)


def _denoise(tape: _Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    settings, noise = tape.settings.restoration.denoise, report.noise
    behind = not _net_objection(tape, report)
    if settings.strength == 0:
        yield Skipped("denoise.steady" if behind else "denoise.motion", "restoration.denoise.strength = 0")
    elif behind:
        sigmas = noise.luma_sigma, max(noise.cb_sigma, noise.cr_sigma)
        yield remainders.behind_net(settings, sigmas, tape.remainders.get(report.shot.index))
    elif max(noise.luma_sigma, (noise.cb_sigma + noise.cr_sigma) / 2) < QUIET:
        yield Skipped("denoise.motion", f"noise.luma_sigma {noise.luma_sigma:.2f} < {QUIET} codes")
    else:
        yield _step(
            "denoise.motion",
            f"noise.luma_sigma {noise.luma_sigma:.2f} codes, chroma {noise.cb_sigma:.2f}/{noise.cr_sigma:.2f}",
            radius=settings.radius,
            strength=settings.strength,
            levels=noise.luma_levels or (128.0,),
            sigmas=noise.luma_sigmas or (noise.luma_sigma,),
            chroma_sigma=max(noise.cb_sigma, noise.cr_sigma),
        )


def _colour(tape: _Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    yield from enhancement.colour(tape.ingest.source.signal, tape.corrections[report.shot.index])


def _light(tape: _Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    yield from enhancement.light(tape.settings, report, tape.darkness[report.shot.index])
    yield from enhancement.look(tape.settings)


def _upscale(tape: _Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    geometry, detail = tape.geometry, tape.settings.restoration.fieldlift.detail
    raster: dict[str, Value] = {
        "width": geometry.width,
        "height": geometry.height,
        "crop": geometry.crop,
        "pillar": geometry.pillar,
    }
    objection, own = _net_objection(tape, report), tape.settings.restoration.sr_model
    if own:
        file = str(Path(own).expanduser().absolute())
        why = f"restoration.sr_model = {own}, on the clean pictures; colour and coarse light stay the tape's"
        step = _step("upscale.model", f"{why}. {geometry.why}", file=file, **raster)
        yield replace(step, weights=user_nets.reference(file))
    elif objection:
        yield _step("upscale.lanczos", f"{objection}. {geometry.why}", **raster)
    else:
        share, why = enhancement.finer(detail, tape.sharpness[report.shot.index], geometry.scale)
        yield _step("upscale.fine", f"{why}. {geometry.why}", detail=share, **raster)


def _faces(tape: _Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    objection, source = _net_objection(tape, report), tape.ingest.source
    if objection or tape.settings.restoration.sr_model:
        yield Skipped("faces.restore", objection or "restoration.sr_model: the face net was trained behind our own")
        return
    raster = (source.width, source.height // 2 * 2)
    yield face_step(tape.settings, report, tape.faces.get(report.shot.index), tape.geometry, raster)


def _detail(tape: _Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    yield from enhancement.detail(tape.settings, report, tape.sharpness[report.shot.index], tape.geometry.scale)


def _rate(tape: _Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    yield from rate.convert(tape.pace, report, tape.field_rate)


def _grain(tape: _Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    yield from enhancement.grain(tape.settings, report, tape.geometry.scale)
