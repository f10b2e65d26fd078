"""The re-degradation check: which pictures of the master are pushed back to the tape, by which task, and what is said.

A few instants of every shot are compared, taken where nothing was lost or damaged. What a plan changed on purpose in
levels and matrix is undone with the plan's own numbers, as is the sharpening that it took back and the flicker that it
levelled; lines that it moved to their place are put back astray, where streaks were concealed nothing is compared, and
what the tape's own coding makes of such a picture is reckoned with (`pipeline/putback.py`). What lens, camera and a
composite connection did is found with the comparison (`metrics/redegradation.py`). Other repairs, detail, grain and the
encoder's loss are not undone: they have to disappear in the tape's noise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import hypot
from pathlib import Path
from statistics import median

import cv2
import numpy as np

from footlights.core import colour, records
from footlights.core.clip import Plane
from footlights.core.plans import Piece, RestorationPlan, ShotPlan, Step, Value
from footlights.core.products import Check
from footlights.core.redegraded import LIMIT, ShotFidelity
from footlights.core.reports import ShotReport, Survey
from footlights.core.signal import BT709_SIGNAL, FieldOrder, Matrix, Primaries
from footlights.core.source import Ingest
from footlights.core.subcarrier import of_raster
from footlights.core.time import FrameRange, SpanKind
from footlights.engine.tasks import Task
from footlights.enhancement.balance import affine
from footlights.enhancement.lift import lowered
from footlights.media.pixels import Samples
from footlights.media.reader import VideoReader, index_video
from footlights.media.roundtrip import is_dv, through_dv
from footlights.metrics.redegradation import Coder, Pushed, compare
from footlights.metrics.tapepath import crawl, in_light
from footlights.pipeline import putback
from footlights.pipeline.pictures import to_planes

FIDELITY = "fidelity"
_SAMPLES = 3
"""Pictures of a shot that are compared."""
_ROUNDING = 0.5
"""Codes: noise that rounding to 8 bits on the tape and the master's encoder leave even where the tape has none."""
_CRAWL = 0.1
"""Codes of dot crawl or cross-colour from which a tape is taken to have been composite."""
_LOSSLESS = frozenset({"ffv1", "huffyuv", "ffvhuff", "utvideo", "rawvideo", "v210", "v308", "r210", "magicyuv", "png"})
"""Codecs of tapes that add no error of their own."""


@dataclass(frozen=True, slots=True)
class Instant:
    """One picture of the master and the tape's lines it came from."""

    source: int
    """Ingest frame number."""
    first: int
    """First of the lines."""
    piece: int
    """Which of the given pieces."""
    frame: int
    """In that piece."""
    quantiser: float = 0.0
    """MPEG's quantiser_scale of the source frame; 0 where there is none."""


@dataclass(frozen=True, slots=True)
class ShotRequest:
    """Everything the check of one shot needs besides pictures."""

    shot: int
    frames: FrameRange
    """Ingest frame numbers."""
    instants: tuple[Instant, ...]
    raster: tuple[int, ...]
    """Of the master: width and height of the picture, pillar, then what was cropped at left, top, right, bottom."""
    matrix: int
    primaries: int
    balance: tuple[float, ...]
    """R', G', B' that the plan made black, then those it made white."""
    lift: float
    """Strength of the plan's `light.lift`."""
    levels: tuple[float, ...]
    sigmas: tuple[float, ...]
    step: int
    """2 for fields, 1 for frames."""
    lossy: bool
    """The tape's format adds an error of its own that cannot be had again."""
    coded: str = ""
    """Pixel format of a DV tape, whose own error is had by coding again."""
    why: str = ""
    """Why nothing is compared."""
    timebase: Step | None = None
    """The step that moved lines to their place."""
    torn: int = 0
    """Frame lines at the bottom that were filled anew."""
    conceal: Step | None = None
    """The step that filled streaks anew."""
    flicker: Step | None = None
    """The step that levelled the light."""
    halos: Step | None = None
    """The step that took sharpening back."""
    composite: bool = False
    """Traces of a composite connection were measured in the shot."""


def task(plan: RestorationPlan, ingest: Ingest, survey: Survey, pieces: Sequence[Piece], order: FieldOrder) -> Task:
    """The check of all shots, on the pieces of the master that they need."""
    factor = plan.time_map.instants
    lost = {slot for span in plan.time_map.spans if span.kind is not SpanKind.ORIGINAL for slot in span.slots}
    lost |= {slot for gap in survey.gaps for slot in gap.slots}
    asked = [
        _request(shot, report, ingest, pieces, (factor, plan.time_map.step, order, lost))
        for shot, report in zip(plan.shots, survey.shots, strict=True)
    ]
    used = sorted({instant.piece for one in asked for instant in one.instants})
    requests = tuple(
        replace(one, instants=tuple(replace(at, piece=used.index(at.piece)) for at in one.instants)) for one in asked
    )
    return Task(
        FIDELITY,
        "footlights.pipeline.ops:fidelity",
        4,
        {"request": records.to_data(requests, tuple)},
        needs=("ingest", *(f"restore/{index:05d}" for index in used)),
        units=max(sum(len(one.instants) for one in requests), 1),
        priority=12,
    )


def measure(
    requests: Sequence[ShotRequest],
    opened: tuple[Ingest, VideoReader],
    pieces: Sequence[Path],
    progress: Callable[[int], None],
) -> tuple[ShotFidelity, ...]:
    """Compare every shot; shots without instants come out with the reason."""
    found, done = [], 0
    for request in requests:
        samples = []
        for instant in request.instants:
            samples.append(_pushed(request, instant, opened, pieces[instant.piece]))
            done += 1
            progress(done)
        if not samples:
            found.append(ShotFidelity(request.shot, 0, why=request.why))
            continue
        floor = putback.noise(opened, request.frames, [one.source for one in request.instants if one.quantiser])
        left = compare(samples, request.levels, [max(sigma, hypot(floor, _ROUNDING)) for sigma in request.sigmas])
        rms, noise, ratio, high, edges = (
            round(value, 3) for value in (left.rms, left.noise, left.rms / left.noise, left.high, left.edges)
        )
        found.append(ShotFidelity(request.shot, len(samples), rms, noise, ratio, high, edges, request.lossy))
    return tuple(found)


def checks(found: Sequence[ShotFidelity]) -> Iterator[Check]:
    """One check for all shots that could be compared, and one for each that is not explained by noise."""
    compared = [one for one in found if one.samples and not one.undecided]
    undecided = sum(one.undecided for one in found)
    expected = f"residual at most {LIMIT:g} of the source's noise"
    if compared:
        good = sum(one.explained for one in compared)
        yield Check(
            "master pushed back to the tape",
            good >= 0.95 * len(compared),
            f"{good} of {len(compared)} shots explained, {undecided} undecided, "
            f"{len(found) - len(compared) - undecided} not compared",
            f"95% of shots: {expected}",
        )
    for one in compared:
        if not one.explained:
            words = f"{one.ratio:.2f} of the noise ({one.residual:.2f} codes), {one.edges:.0%} of it on edges"
            yield Check(f"shot {one.shot} pushed back to the tape", passed=False, found=words, expected=expected)


def warnings(found: Sequence[ShotFidelity]) -> Iterator[str]:
    """A sentence where the master shows what the tape's noise does not explain."""
    flagged = [one.shot for one in found if one.samples and not one.explained and not one.undecided]
    undecided = sum(one.undecided for one in found)
    if flagged:
        named = ", ".join(map(str, flagged[:12])) + (" …" if len(flagged) > 12 else "")
        yield (
            f"Pushed back to the tape, {len(flagged)} of {len(found)} shots differ from it by more than its noise: "
            f"{named}. Look at them in the report, or restore with --faithful."
        )
    if undecided:
        yield (
            f"Pushed back to the tape, {undecided} of {len(found)} shots differ from it by more than its noise, which "
            "the tape's lossy format may explain: its own error is not known, so that nothing is decided."
        )


def _request(
    shot: ShotPlan,
    report: ShotReport,
    ingest: Ingest,
    pieces: Sequence[Piece],
    tape: tuple[int, Fraction, FieldOrder, set[int]],
) -> ShotRequest:
    factor, shown, order, lost = tape
    steps = {step.stage: step.params for step in shot.steps}
    undone = {step.stage: replace(step, why="") for step in shot.steps}
    aligned = undone.get("timebase.align")
    lost = lost | putback.jumped(aligned)
    scaled = next((params for name, params in steps.items() if name.startswith("upscale.")), {})
    converted = steps.get("colour.convert", {})
    crop = scaled.get("crop", (0, 0, 0, 0))
    assert isinstance(crop, tuple)
    size = [_whole(scaled, name) for name in ("width", "height", "pillar")]
    noise = report.noise
    step = 2 if factor == 2 else 1
    lines = ingest.source.height - int(crop[1]) - int(crop[3])
    source = ingest.source
    coded = source.pixel_format if is_dv(source.codec, source.width, source.height, source.pixel_format) else ""
    why = ""
    if size[1] < lines:
        why = f"the master has {size[1]} lines and the tape {lines}: what was left out on purpose cannot come back"
    elif "look.table" in steps:
        why = "a look table changed its colours on purpose"
    instants = () if why else tuple(_instants(shot, ingest, pieces, order, (factor, shown, lost)))
    return ShotRequest(
        shot=shot.shot,
        frames=report.shot.frames,
        instants=instants,
        raster=(*size, *(int(side) for side in crop)),
        matrix=_whole(converted, "matrix", int(Matrix.BT709)),
        primaries=_whole(converted, "primaries", int(Primaries.BT709)),
        lift=float(str(steps.get("light.lift", {}).get("strength", 0.0))),
        balance=_balance(steps.get("colour.balance", {})),
        levels=noise.luma_levels or (128.0,),
        sigmas=tuple(round(hypot(sigma, _ROUNDING), 4) for sigma in noise.luma_sigmas or (noise.luma_sigma,)),
        step=step,
        lossy=ingest.source.codec not in _LOSSLESS and not coded and not ingest.quantisers,
        coded=coded,
        timebase=aligned,
        torn=2 * _whole(steps.get("switching.fill", {}), "lines"),
        conceal=undone.get("dropouts.conceal"),
        flicker=undone.get("flicker.level"),
        halos=undone.get("halos.equalise"),
        composite=step == 2 and max(report.composite.dot_crawl, report.composite.cross_colour) >= _CRAWL,
        why=why or ("" if instants else "no instant of it is shown as it came through"),
    )


def _instants(
    shot: ShotPlan, ingest: Ingest, pieces: Sequence[Piece], order: FieldOrder, tape: tuple[int, Fraction, set[int]]
) -> Iterator[Instant]:
    """Up to `_SAMPLES` instants spread over the shot, its first and last frame left out; fields take turns. Where the
    rate was converted only those that a picture shows as they are."""
    factor, step, lost = tape
    number = {slot: frame for frame, slot in enumerate(ingest.slots)}
    inside = shot.slots.shrink(1) if len(shot.slots) > 2 else shot.slots
    whole = [slot for slot in inside if slot in number and slot not in lost]
    exact = [[slot for slot in whole if ((slot * factor + n) / step).denominator == 1] for n in range(factor)]
    first = 1 if order is FieldOrder.BOTTOM_FIRST else 0
    for turn in range(min(_SAMPLES, max(map(len, exact)))):
        second = turn % factor if exact[turn % factor] else exact.index(max(exact, key=len))
        slots = exact[second]
        slot = (
            slots[(2 * turn + 1) * len(slots) // (2 * _SAMPLES)] if len(slots) >= _SAMPLES else slots[turn % len(slots)]
        )
        shown = int((slot * factor + second) / step)
        piece = next((one for one in pieces if shown in one.frames), None)
        if piece is not None:
            line = (first ^ second) if factor == 2 else 0
            source = number[slot]
            yield Instant(source, line, piece.index, shown - piece.frames.start, _quantiser(ingest, source))


def _quantiser(ingest: Ingest, source: int) -> float:
    """MPEG's quantiser_scale of a frame, or what is usual on the tape where the decoder did not tell it."""
    known = [scale for scale in ingest.quantisers if scale]
    return ingest.quantisers[source] or median(known) if known else 0.0


def _pushed(request: ShotRequest, instant: Instant, opened: tuple[Ingest, VideoReader], piece: Path) -> Pushed:
    """Both pictures as luma codes on the part of the tape's raster that fills the master."""
    ingest, reader = opened
    left, top, right, bottom = request.raster[3:]
    (picture,) = reader.read(FrameRange(instant.source, instant.source + 1))
    luma, _ = to_planes(picture, reader.layout, ingest.source.signal, interlaced=ingest.interlaced[instant.source])
    height, width = luma.shape
    source = luma[top : height - bottom, left : width - right] * 219 + 16
    own, chroma = _master(request, piece, instant.frame, source.shape)
    if request.halos:
        own = putback.sharpened(request.halos, own)
    if request.flicker:
        gain = putback.levelled(request.flicker, opened, instant.source, request.frames)
        own = own / gain[top : height - bottom, left : width - right]
    line = (instant.first - top) % request.step
    place = slice(top + line, height - bottom, request.step), slice(left, width - right)
    coder = putback.mpeg(instant.quantiser) if instant.quantiser else None
    if request.coded:
        coder = _dv(tuple(plane.copy() for plane in picture.planes), request.coded, place)
    strayed = concealed = None
    if request.timebase:
        strayed = putback.strayed(request.timebase, opened, instant.source, request.frames, place[0])
    if request.conceal:
        concealed = putback.concealed(request.conceal, opened, instant.source, request.frames)[place]
    carrier = of_raster(width, height) if request.composite else None
    return Pushed(
        source[line :: request.step],
        own * 219 + 16,
        line,
        request.step,
        coder,
        strayed,
        max(request.torn - bottom, 0),
        lit=tuple(lit * 219 + 16 for lit in in_light(own, chroma, Matrix(request.matrix))),
        crawl=tuple(one * 219 for one in crawl(own, chroma, carrier)) if carrier else (),
        concealed=concealed,
    )


def _dv(planes: tuple[Samples, ...], pixel_format: str, place: tuple[slice, slice]) -> Coder:
    """Lines put into a frame of the tape, coded as DV, and taken out again."""

    def through(lines: Plane) -> Plane:
        frame = planes[0].copy()
        frame[place] = np.clip(np.round(lines), 1, 254)
        return through_dv((frame, *planes[1:3]), pixel_format)[place].astype(np.float32)

    return through


def _master(request: ShotRequest, piece: Path, frame: int, size: tuple[int, ...]) -> tuple[Plane, Plane]:
    """Luma and chroma of a picture of the master at the tape's raster, in the tape's matrix, primaries and balance."""
    width, height, pillar = request.raster[:3]
    with VideoReader(piece, index_video(piece)) as reader:
        (picture,) = reader.read(FrameRange(frame, frame + 1))
        bits, levels = reader.layout.bits, BT709_SIGNAL.range
        luma = colour.luma_from_codes(picture.planes[0], bits, levels)[:, pillar : pillar + width]
        half = slice(pillar // 2, (pillar + width) // 2)
        chroma = [colour.chroma_from_codes(plane, bits, levels)[:, half] for plane in picture.planes[1:3]]
    assert luma.shape[0] == height
    small = (size[1], size[0])
    y, cb, cr = (cv2.resize(plane, small, interpolation=cv2.INTER_AREA) for plane in (luma, *chroma))
    y = lowered(y, request.lift) if request.lift else y
    target = (Matrix(request.matrix), Primaries(request.primaries))
    back, off = colour.convert_primaries(y, np.stack([cb, cr]), (Matrix.BT709, Primaries.BT709), target)
    mixing, offset = affine(target[0], request.balance[:3], request.balance[3:])
    shifted = np.stack([back, *off]) - offset[:, None, None]
    y, *chroma = np.einsum("cd,dhw->chw", np.linalg.inv(mixing), shifted).astype(np.float32)
    return y, np.stack(chroma)


def _balance(params: Mapping[str, Value]) -> tuple[float, ...]:
    """Black and white of a `colour.balance` step, or of none."""
    black, white = params.get("black", (0.0, 0.0, 0.0)), params.get("white", (1.0, 1.0, 1.0))
    assert isinstance(black, tuple)
    assert isinstance(white, tuple)
    return tuple(float(value) for value in (*black, *white))


def _whole(params: Mapping[str, Value], name: str, otherwise: int = 0) -> int:
    value = params.get(name, otherwise)
    assert isinstance(value, int)
    return value
