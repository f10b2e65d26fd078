"""Rules on the way from fields to pictures of the master's size: by the net, or by filters where it cannot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from footlights.core.plans import Skipped, Step, Value
from footlights.core.reports import CadenceKind, ShotReport
from footlights.core.signal import FieldOrder
from footlights.models import user_nets
from footlights.models.fieldlift_run import reference
from footlights.planning import conversion, enhancement, remainders
from footlights.planning.enhancement import QUIET
from footlights.planning.faces import face_step
from footlights.planning.timeline import gap_slots
from footlights.planning.wholetape import Tape, cadence_evidence, film, net_objection, order_of, step


def fieldlift(tape: Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    """The net, where the shot is for it."""
    objection = net_objection(tape, report)
    if objection:
        yield Skipped("fieldlift.restore", objection)
        return
    if film(tape, report):
        yield _matched(tape, report)
    settings = tape.settings.restoration
    noise, measured = tape.noise[report.shot.index]
    fields = tape.field_rate and not film(tape, report)
    keep = remainders.kept_detail(report.composite.dot_crawl)
    chroma_sigma = max(noise.cb_sigma, noise.cr_sigma)
    lost, which, _ = gap_slots(report.gaps, tape.ingest.slot_range(report.shot.frames))
    params: dict[str, Value] = {
        "net": settings.fieldlift.net,
        "top_first": not fields or order_of(tape, report) is not FieldOrder.BOTTOM_FIRST,
        "instants": 2 if fields else 1,
        "film": film(tape, report),
        "sigma": round(min(noise.luma_sigma * settings.fieldlift.strength, 40.0), 3),
        "keep": keep,
        "subcarrier": remainders.carrier_left(report, tape.ingest.source) if keep and tape.field_rate else 0.0,
        "keep_colour": 0.0 if tape.colourless else remainders.kept_colour(report, chroma_sigma),
        "chroma_sigma": round(min(chroma_sigma, 60.0), 3),
        "lost": lost if settings.gaps.rebuild else (),
        "fields": which if settings.gaps.rebuild else (),
        "colourless": tape.colourless,
    }
    why = f"{cadence_evidence(tape, report)}; {measured}"
    if keep:
        why += f"; {keep:.0%} of the fields' own detail beyond noise is kept"
    if params["subcarrier"]:
        why += ", none around the subcarrier"
    if params["keep_colour"]:
        why += f"; {remainders.COLOUR_KEPT:.0%} of their own colour"
    if params["colourless"]:
        why += "; the tape carries no colour: its tint stays, none is made"
    if settings.fieldlift.strength != 1:
        why += f", taken for {settings.fieldlift.strength:g} times as much"
    yield replace(step("fieldlift.restore", why, **params), weights=reference(settings.fieldlift.net))


def deinterlace(tape: Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    """What makes pictures of fields where the net does not."""
    cadence = report.cadence
    if not net_objection(tape, report) and tape.field_rate:
        whole = film(tape, report)
        why = "film is put back together from its fields" if whole else "the net gives both fields' instants"
        yield Skipped("deinterlace.bwdif", why)
        return
    if not tape.field_rate:
        by_hand = tape.settings.ingest.field_order == "progressive"
        why = "ingest.field_order = progressive" if by_hand else f"cadence {cadence.kind}: every frame is one instant"
        yield Skipped("deinterlace.bwdif", why)
        return
    if film(tape, report):
        yield _matched(tape, report)
    else:
        top_first = order_of(tape, report) is not FieldOrder.BOTTOM_FIRST
        yield step("deinterlace.bwdif", cadence_evidence(tape, report), top_first=top_first)


def _matched(tape: Tape, report: ShotReport) -> Step:
    why = f"{cadence_evidence(tape, report)}: fields of one film frame are put together"
    return step("deinterlace.match", why, top_first=order_of(tape, report) is not FieldOrder.BOTTOM_FIRST)


def unmix(tape: Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    """Fields that a conversion mixed, taken apart."""
    if tape.field_rate and report.cadence.kind is CadenceKind.INTERLACED:
        slots = tape.ingest.slot_range(report.shot.frames)
        yield from conversion.rule(report, slots, tape.settings, rate=tape.pace.step != 1)


def denoise(tape: Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    """What takes away the noise that is left."""
    settings, noise = tape.settings.restoration.denoise, report.noise
    behind = not net_objection(tape, report)
    if settings.strength == 0:
        yield Skipped("denoise.steady" if behind else "denoise.motion", "restoration.denoise.strength = 0")
    elif behind:
        sigmas = noise.luma_sigma, max(noise.cb_sigma, noise.cr_sigma)
        yield remainders.behind_net(settings, sigmas, tape.remainders.get(report.shot.index))
    elif max(noise.luma_sigma, (noise.cb_sigma + noise.cr_sigma) / 2) < QUIET:
        yield Skipped("denoise.motion", f"noise.luma_sigma {noise.luma_sigma:.2f} < {QUIET} codes")
    else:
        yield step(
            "denoise.motion",
            f"noise.luma_sigma {noise.luma_sigma:.2f} codes, chroma {noise.cb_sigma:.2f}/{noise.cr_sigma:.2f}",
            radius=settings.radius,
            strength=settings.strength,
            levels=noise.luma_levels or (128.0,),
            sigmas=noise.luma_sigmas or (noise.luma_sigma,),
            chroma_sigma=max(noise.cb_sigma, noise.cr_sigma),
        )


def hold(tape: Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    """The tape's own lines beside the net's pictures, where the settings ask for a share of them."""
    share = tape.settings.restoration.fieldlift.hold
    if share and not net_objection(tape, report):
        why = f"restoration.fieldlift.hold = {share:g}"
        dots_out = tape.settings.restoration.chroma.dots > 0
        carrier = remainders.carrier_held(report, tape.ingest.source, dots_out=dots_out) if tape.field_rate else 0.0
        yield step("fields.hold", why, share=share, subcarrier=carrier)


def upscale(tape: Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    """The one enlargement to the size of the master."""
    geometry, detail = tape.geometry, tape.settings.restoration.fieldlift.detail
    raster: dict[str, Value] = {
        "width": geometry.width,
        "height": geometry.height,
        "crop": geometry.crop,
        "pillar": geometry.pillar,
    }
    objection, own = net_objection(tape, report), tape.settings.restoration.sr_model
    if own:
        file = str(Path(own).expanduser().absolute())
        why = f"restoration.sr_model = {own}, on the clean pictures; colour and coarse light stay the tape's"
        enlarging = step("upscale.model", f"{why}. {geometry.why}", file=file, **raster)
        yield replace(enlarging, weights=user_nets.reference(file))
    elif objection:
        yield step("upscale.lanczos", f"{objection}. {geometry.why}", **raster)
    else:
        share, why = enhancement.finer(detail, tape.sharpness[report.shot.index], geometry.scale)
        yield step("upscale.fine", f"{why}. {geometry.why}", detail=share, **raster)


def faces(tape: Tape, report: ShotReport) -> Iterator[Step | Skipped]:
    """The net of faces, on those that were followed."""
    objection, source = net_objection(tape, report), tape.ingest.source
    if objection or tape.settings.restoration.sr_model:
        yield Skipped("faces.restore", objection or "restoration.sr_model: the face net was trained behind our own")
        return
    raster = (source.width, source.height // 2 * 2)
    yield face_step(tape.settings, report, tape.faces.get(report.shot.index), tape.geometry, raster)
