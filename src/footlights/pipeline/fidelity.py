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
from dataclasses import replace
from fractions import Fraction
from math import hypot
from pathlib import Path
from statistics import median

from footlights.core import records
from footlights.core.plans import Piece, RestorationPlan, ShotPlan, Value
from footlights.core.products import Check
from footlights.core.redegraded import LIMIT, ShotFidelity
from footlights.core.reports import ShotReport, Survey
from footlights.core.signal import FieldOrder, Matrix, Primaries
from footlights.core.source import Ingest
from footlights.core.time import SpanKind
from footlights.engine.tasks import Task
from footlights.media.reader import VideoReader
from footlights.media.roundtrip import is_dv
from footlights.pipeline import putback
from footlights.pipeline.pushback import ROUNDING, Instant, ShotRequest, Shown, residual, shown_by
from footlights.planning import remainders

RESULT = "result.json"
_SAMPLES = 3
"""Pictures of a shot that are compared."""
_BATCH = 8
"""Shots per task: when a shot is made anew, so many are compared again."""
_LOSSLESS = frozenset({"ffv1", "huffyuv", "ffvhuff", "utvideo", "rawvideo", "v210", "v308", "r210", "magicyuv", "png"})
"""Codecs of tapes that add no error of their own."""


def tasks(
    plan: RestorationPlan, ingest: Ingest, survey: Survey, pieces: Sequence[Piece], order: FieldOrder
) -> list[Task]:
    """The check of all shots, some in each task, on the pieces of the master that they need."""
    asked = requests(plan, ingest, survey, pieces, order)
    return [_task(number, asked[start : start + _BATCH]) for number, start in enumerate(range(0, len(asked), _BATCH))]


def _task(number: int, asked: Sequence[ShotRequest]) -> Task:
    used = sorted({instant.piece for one in asked for instant in one.instants})
    narrowed = tuple(
        replace(one, instants=tuple(replace(at, piece=used.index(at.piece)) for at in one.instants)) for one in asked
    )
    return Task(
        f"fidelity/{number:04d}",
        "footlights.pipeline.ops:fidelity",
        8,
        {"request": records.to_data(narrowed, tuple)},
        needs=("ingest", *(f"restore/{index:05d}" for index in used)),
        units=max(sum(len(one.instants) for one in narrowed), 1),
        priority=12,
    )


def requests(
    plan: RestorationPlan, ingest: Ingest, survey: Survey, pieces: Sequence[Piece], order: FieldOrder
) -> list[ShotRequest]:
    """What is to be compared of every shot; `Instant.piece` counts among `pieces`."""
    factor = plan.time_map.instants
    lost = {slot for span in plan.time_map.spans if span.kind is not SpanKind.ORIGINAL for slot in span.slots}
    lost |= {slot for gap in survey.gaps for slot in gap.slots}
    return [
        _request(shot, report, ingest, pieces, (factor, plan.time_map.step, order, lost))
        for shot, report in zip(plan.shots, survey.shots, strict=True)
    ]


def measure(
    asked: Sequence[ShotRequest],
    opened: tuple[Ingest, VideoReader],
    pieces: Sequence[Path],
    progress: Callable[[int], None],
) -> tuple[ShotFidelity, ...]:
    """Compare every shot; shots without instants come out with the reason."""
    found, done = [], 0

    def seen(request: ShotRequest) -> Iterator[Shown]:
        nonlocal done
        for at in request.instants:
            yield shown_by(pieces[at.piece], at.frame)
            done += 1
            progress(done)

    for request in asked:
        if not request.instants:
            found.append(ShotFidelity(request.shot, 0, why=request.why))
            continue
        left = residual(request, opened, seen(request))
        rms, noise, ratio, high, edges = (
            round(value, 3) for value in (left.rms, left.noise, left.rms / left.noise, left.high, left.edges)
        )
        samples = len(request.instants)
        found.append(ShotFidelity(request.shot, samples, rms, noise, ratio, high, edges, request.lossy))
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
    """A sentence where the master shows what the tape's noise does not explain, where nothing is decided, and where
    nothing could be compared."""
    flagged = [one.shot for one in found if one.samples and not one.explained and not one.undecided]
    undecided = [one.shot for one in found if one.undecided]
    if flagged:
        yield (
            f"Pushed back to the tape, {len(flagged)} of {len(found)} shots differ from it by more than its noise: "
            f"{_named(flagged)}. Look at them in the report, or restore with --faithful."
        )
    if undecided:
        yield (
            f"Pushed back to the tape, {len(undecided)} of {len(found)} shots differ from it by more than its noise, "
            "which the tape's lossy format may explain: its own error is not known, so that nothing is decided: "
            f"{_named(undecided)}."
        )
    blind: dict[str, list[int]] = {}
    for one in found:
        if not one.samples:
            blind.setdefault(one.why, []).append(one.shot)
    if blind:
        count = sum(map(len, blind.values()))
        whys = "; ".join(why if len(blind) == 1 else f"{why} ({_named(shots)})" for why, shots in blind.items())
        yield f"{count} of {len(found)} shots could not be compared with the tape; nothing is proven of them: {whys}."


def _named(shots: Sequence[int]) -> str:
    """The first twelve of some shots."""
    return ", ".join(map(str, shots[:12])) + (" …" if len(shots) > 12 else "")


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
    elif "fields.unmix" in steps:
        why = "its mixed fields were taken apart: the tape's are not the master's"
    unshown = "no instant of it is shown as it came through"
    if shown != 1:
        unshown += ", at the rate that was asked for"
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
        sigmas=tuple(round(hypot(sigma, ROUNDING), 4) for sigma in noise.luma_sigmas or (noise.luma_sigma,)),
        step=step,
        lossy=ingest.source.codec not in _LOSSLESS and not coded and not ingest.quantisers,
        coded=coded,
        timebase=aligned,
        torn=2 * _whole(steps.get("switching.fill", {}), "lines"),
        conceal=undone.get("dropouts.conceal"),
        flicker=undone.get("flicker.level"),
        halos=undone.get("halos.equalise"),
        dots=undone.get("composite.dots"),
        composite=step == 2 and remainders.composite(report),
        why=why or ("" if instants else unshown),
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
