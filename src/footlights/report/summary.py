"""`report.json` and the sentences that sum a tape up."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import fields
from statistics import median
from typing import Any

from footlights import __version__
from footlights.core import records
from footlights.core.encodes import ChunkEncode, EncodePlan, GrainEncode, RenditionRates
from footlights.core.products import JobResult
from footlights.core.reports import TELLING, CadenceKind, ShotReport
from footlights.core.source import GapKind, Ingest
from footlights.core.time import SpanKind, clock
from footlights.core.wording import do
from footlights.report import grain, rates
from footlights.report.faces import facts
from footlights.report.findings import NOISE_GRADES, of_heads

SCHEMA = 1
BAD_SECOND = 3.0
"""VMAF by which the worst second of a part may lie below its target without a warning, as the 5th percentile may."""
SEEN_COLOUR = 2.0
"""CIEDE2000 by which one block in a thousand may be off without a warning. Where squares were seen it was 2.6 and more,
where none were 1.5 at most; 1 is what two large even patches side by side need."""
_MEASURED = tuple(one.name for one in fields(ShotReport) if one.name not in ("shot", "gaps"))


def as_json(result: JobResult) -> dict[str, Any]:
    """The content of `report.json`. New keys may come; those here keep their meaning within a schema number."""
    ingest, survey, plan = result.ingest, result.survey, result.plan
    steps = {shot.shot: shot for shot in plan.shots} if plan else {}
    return {
        **heading(ingest),
        "frames_out": plan.time_map.frames if plan else None,
        "rate_out": str(plan.rate) if plan else None,
        "field_order": survey.field_order,
        "shots": [
            {
                "index": report.shot.index,
                "start": report.shot.frames.start,
                "stop": report.shot.frames.stop,
                "first_field": report.shot.first_field,
                "entry": report.shot.entry,
                "measured": {name: records.to_data(getattr(report, name)) for name in _MEASURED},
                "steps": records.to_data(steps[report.shot.index].steps, tuple) if report.shot.index in steps else [],
                "skipped": records.to_data(steps[report.shot.index].skipped, tuple)
                if report.shot.index in steps
                else [],
                "approved_by": steps[report.shot.index].approved_by if report.shot.index in steps else None,
            }
            for report in survey.shots
        ],
        "faces": facts(result.faces, result.likeness),
        "stage": records.to_data(survey.stage) if survey.stage else None,
        "sound": [records.to_data(one) for one in result.sound],
        "sound_care": [records.to_data(one) for one in result.sound_care],
        "gaps": [records.to_data(gap) for gap in survey.gaps],
        "plan": {"notes": list(plan.notes), "width": plan.width, "height": plan.height} if plan else None,
        "time_map": records.to_data(plan.time_map) if plan else None,
        "master": records.to_data(result.master) if result.master else None,
        "hdr": records.to_data(result.hdr) if result.hdr else None,
        "renditions": list(renditions(result.encode_plan, result.encodes, result.rates)),
        "left_out": [records.to_data(one) for one in result.encode_plan.left_out] if result.encode_plan else [],
        "segments": [records.to_data(one) for one in result.encode_plan.segments] if result.encode_plan else [],
        "interventions": [records.to_data(one) for one in result.interventions],
        "provenance": [records.to_data(one) for one in result.provenance],
        "fidelity": [
            records.to_data(one) | {"explained": one.explained, "undecided": one.undecided} for one in result.fidelity
        ],
        "trials": [records.to_data(one) for one in result.trials],
        "checks": [records.to_data(check) for check in result.checks],
        "warnings": list(result.warnings),
        "settings": result.settings,
        "timings": result.timings,
    }


def as_text(data: dict[str, Any]) -> str:
    """The text of `report.json`: every shot, gap and other element of a list on a line of its own. Indented to the last
    number, the lists of ten thousand shots would be a fifth longer."""
    written = []
    for name, value in data.items():
        if isinstance(value, list) and value:
            rows = ",\n".join(f"  {json.dumps(one, ensure_ascii=False)}" for one in value)
            text = f"[\n{rows}\n ]"
        else:
            text = json.dumps(value, indent=1, ensure_ascii=False).replace("\n", "\n ")
        written.append(f" {json.dumps(name)}: {text}")
    return "{\n" + ",\n".join(written) + "\n}\n"


def heading(ingest: Ingest) -> dict[str, Any]:
    """What every report begins with: whose it is."""
    return {
        "schema": SCHEMA,
        "program": f"footlights {__version__}",
        "source": records.to_data(ingest.source),
        "frames_in": ingest.frames,
        "rate_in": str(ingest.source.rate),
        "content": ingest.content,
    }


def renditions(
    plan: EncodePlan | None, encodes: tuple[ChunkEncode, ...], finished: Sequence[RenditionRates] = ()
) -> Iterator[dict[str, Any]]:
    """One row per rung: rate, quality, trials."""
    by_rung: dict[str, list[ChunkEncode]] = defaultdict(list)
    peaks = {one.rung: rates.row(one) for one in finished}
    for encode in encodes:
        by_rung[encode.rung].append(encode)
    for rung in plan.rungs if plan else ():
        chunks = by_rung.get(rung.name, [])
        frames = sum(len(chunk.frames) for chunk in chunks)
        if not frames or plan is None:
            continue
        yield {
            "name": rung.name,
            "width": rung.width,
            "height": rung.height,
            "kbit_per_second": round(sum(c.chosen.bytes for c in chunks) * 8 * float(plan.rate) / frames / 1000),
            "peaks": peaks.get(rung.name),
            "q": round(median(c.chosen.q for c in chunks), 2),
            "vmaf_mean": round(sum(c.chosen.mean * len(c.frames) for c in chunks) / frames, 2),
            "vmaf_low": round(min(c.chosen.low for c in chunks), 2),
            "vmaf_second": _worst_second(chunks),
            "vmaf_worst": round(min(c.chosen.worst for c in chunks), 2),
            "vmaf_every": max(c.chosen.every for c in chunks),
            "probes": round(sum(len(c.probes) for c in chunks) / len(chunks), 2),
            "outcomes": dict(Counter(c.outcome for c in chunks)),
            "colour": max((c.chosen.colour for c in chunks if c.chosen.colour is not None), default=None),
            "banding": round(max(c.chosen.banding for c in chunks), 2),
            "bands": dict(Counter(c.bands for c in chunks)),
            "grain": grain.figures([c.grain for c in chunks if c.grain is not None]),
        }


def _worst_second(chunks: Sequence[ChunkEncode]) -> float | None:
    """Of those of which it is known."""
    known = [chunk.chosen.second for chunk in chunks if chunk.chosen.second is not None]
    return round(min(known), 2) if known else None


def parts(encodes: Sequence[ChunkEncode]) -> Iterator[dict[str, Any]]:
    """One row per part and rendition: where it lies, what was chosen, and every trial."""
    for encode in encodes:
        chosen = encode.chosen
        yield {
            "rendition": encode.rung,
            "start": encode.frames.start,
            "stop": encode.frames.stop,
            "outcome": encode.outcome,
            "q": chosen.q,
            "bytes": chosen.bytes,
            "vmaf_mean": chosen.mean,
            "vmaf_low": chosen.low,
            "vmaf_second": chosen.second,
            "vmaf_worst": chosen.worst,
            "vmaf_every": chosen.every,
            "colour": chosen.colour,
            "banding": chosen.banding,
            "bands": encode.bands,
            "target": encode.target,
            "prior": encode.prior,
            "grain": encode.grain and _grain(encode.grain),
            "proxy": encode.proxy and {"q": encode.proxy.q, "score": round(encode.proxy.score, 3)},
            "trials": [
                {"q": one.q, "bytes": one.bytes, "vmaf_mean": one.mean, "score": round(one.score, 3), "why": one.why}
                for one in encode.probes
            ],
        }


def _grain(found: GrainEncode) -> dict[str, Any]:
    """Of one part, without what its stream holds as well."""
    left_out = ("tables", "side_bytes", "drawn_frames", "base")
    return {one.name: getattr(found, one.name) for one in fields(found) if one.name not in left_out}


def shortfalls(encodes: Sequence[ChunkEncode], finished: Sequence[RenditionRates] = ()) -> Iterator[str]:
    """A sentence for every rendition with parts that stay below the target: no allowed quality or rate reaches it;
    for each way in which its grain is not what it was; and for every limit on rates that the finished stream does not
    keep."""
    for rung in dict.fromkeys(encode.rung for encode in encodes):
        chunks = [encode for encode in encodes if encode.rung == rung]
        below = [encode for encode in chunks if encode.outcome in ("ceiling", "capped")]
        if below:
            low = min(encode.chosen.mean for encode in below)
            yield (
                f"{rung}: {do(len(below), len(chunks), 'stays', 'stay')} below the target at the finest quality or "
                f"the highest rate allowed (VMAF {low:.1f} at the lowest); that is what is shipped"
            )
        yield from _bad_seconds(rung, chunks)
        bands = [encode for encode in chunks if encode.bands == "seen"]
        if bands:
            worst = max(bands, key=lambda encode: encode.chosen.banding)
            yield (
                f"{rung}: {do(len(bands), len(chunks), 'shows', 'show')} more banding than the master (CAMBI "
                f"{worst.chosen.banding:+.1f} at most, from frame {worst.frames.start}); more bits do not mend it"
            )
        yield from _squares(rung, chunks)
        missed = [encode.chosen.score - encode.target for encode in chunks if encode.outcome == "budget"]
        if missed:
            yield (
                f"{rung}: {do(len(missed), len(chunks), 'misses', 'miss')} the target by more than the tolerance after "
                f"all allowed trials ({min(missed):+.1f} to {max(missed):+.1f}); more of them: encoding.probes"
            )
        yield from grain.shortfalls(rung, chunks)
    yield from rates.warnings(finished)


def _squares(rung: str, chunks: Sequence[ChunkEncode]) -> Iterator[str]:
    """What VMAF, which looks at luma alone, does not see."""
    seen = [chunk for chunk in chunks if chunk.chosen.colour is not None and chunk.chosen.colour > SEEN_COLOUR]
    if seen:
        worst = max(seen, key=lambda chunk: chunk.chosen.colour or 0.0)
        yield (
            f"{rung}: {do(len(seen), len(chunks), 'has', 'have')} blocks whose colour is off by more than "
            f"{SEEN_COLOUR:g} CIEDE2000 ({worst.chosen.colour:.1f} at most, from frame {worst.frames.start}), which "
            "may be seen as squares; a slower encoding.preset or a higher encoding.target has less of it"
        )


def _bad_seconds(rung: str, chunks: Sequence[ChunkEncode]) -> Iterator[str]:
    """What a mean and a 5th percentile can hide: they are of a whole part, and a viewer sees a second."""
    missed = {one.frames.start: one.chosen.second - one.target for one in chunks if one.chosen.second is not None}
    bad = {start: value for start, value in missed.items() if value < -BAD_SECOND}
    if bad:
        start, value = min(bad.items(), key=lambda item: item[1])
        yield (
            f"{rung}: {do(len(bad), len(chunks), 'has', 'have')} a second whose mean VMAF lies more than "
            f"{BAD_SECOND:g} below the target ({value:+.1f} at most, in the part from frame {start})"
        )


def verdict(result: JobResult) -> str:
    """One paragraph for people who are no engineers."""
    ingest, survey = result.ingest, result.survey
    source = ingest.source
    length = clock(float(ingest.slot_count / source.rate))
    sentences = [f"{length} of {_cadence(result)} in {counted(len(survey.shots), 'shot')}."]
    sentences.append(_noise(result))
    faults = _faults(result)
    sentences.append(f"Found: {', '.join(faults)}." if faults else "No dropouts and no gaps found.")
    if result.plan:
        count = Counter(step.stage for shot in result.plan.shots for step in shot.steps)
        planned = ", ".join(f"{stage} on {counted(number, 'shot')}" for stage, number in count.items())
        sentences.append(f"{'Done' if result.master else 'Planned'}: {planned}.")
        repeated = result.plan.time_map.count(SpanKind.REPEATED)
        if repeated:
            sentences.append(f"{counted(repeated, 'output frame')} could not be rebuilt and hold a neighbour.")
    return " ".join(sentences)


def _cadence(result: JobResult) -> str:
    judged, kinds = Counter[CadenceKind](), Counter[CadenceKind]()
    for one in result.survey.shots:
        kinds[one.cadence.kind] += len(one.shot.frames)
        judged[one.cadence.kind] += len(one.shot.frames) if one.cadence.confidence > 0 else 0
    if judged.total() >= TELLING * kinds.total():  # else what the file says of shots that tell nothing
        kinds = judged
    kind = kinds.most_common(1)[0][0] if kinds else CadenceKind.PROGRESSIVE
    source = result.ingest.source
    order = f" ({result.survey.field_order})" if kind is CadenceKind.INTERLACED else ""
    return f"{source.width}×{source.height} {kind} video{order} at {float(source.rate):.2f} frames a second"


def _faults(result: JobResult) -> list[str]:
    faults = []
    dropouts = sum(one.dropouts.count for one in result.survey.shots)
    if dropouts and of_heads(result):
        faults.append(counted(dropouts, "dropout"))
    for kind in GapKind:
        number = sum(max(len(gap.slots), 1) for gap in result.survey.gaps if gap.kind is kind)
        if number:
            faults.append(f"{counted(number, 'frame')} {'repeated' if kind is GapKind.DUPLICATE else kind}")
    return faults


def _noise(result: JobResult) -> str:
    """Of the shots that are long enough to measure it on."""
    known = [one for one in result.survey.shots if one.noise.confidence > 0]
    frames = sum(len(one.shot.frames) for one in known)
    if not frames:
        return "Its noise could not be measured."
    sigma = sum(one.noise.luma_sigma * len(one.shot.frames) for one in known) / frames
    shots = len(result.survey.shots)
    where = f" in {len(known)} of {shots} shots" if len(known) < shots / 2 else ""
    return f"{_noise_word(sigma)}{where} (sigma {sigma:.1f} codes)."


def _noise_word(sigma: float) -> str:
    """What the list of defects calls slight, marked and heavy, and two words for less."""
    words = zip((0.45, *NOISE_GRADES), ("Clean", "Little noise", "Slight noise", "Marked noise"), strict=True)
    return next((word for limit, word in words if sigma < limit), "Heavy noise")


def counted(number: int, what: str, plural: str = "s") -> str:
    """ "1 frame", "2 frames"."""
    return f"{number} {what}" if number == 1 else f"{number} {what}{plural}"
