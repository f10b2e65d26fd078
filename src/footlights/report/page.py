"""`report.html`: one self-contained page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from importlib.resources import files
from typing import Any

import numpy as np
from jinja2 import Environment
from numpy.typing import NDArray

from footlights import __version__
from footlights.core.plans import ShotPlan
from footlights.core.products import JobResult
from footlights.core.reports import ShotReport
from footlights.core.source import Ingest
from footlights.core.time import clock, timecode
from footlights.report.pictures import data_url
from footlights.report.plots import Plot, curve, timeline
from footlights.report.summary import renditions, verdict

Series = Mapping[str, NDArray[np.float32]]

_CURVES = (
    ("exposure.mean", "Brightness", "mean luma code"),
    ("noise.luma", "Noise", "sigma in codes"),
    ("sharpness.horizontal", "Sharpness", "share of the sampling limit"),
    ("shots.motion", "Motion", "small-picture samples per field"),
    ("dropouts.count", "Dropouts", "streaks per frame"),
)


def render(
    result: JobResult, series: Series, shots: Mapping[int, bytes], pairs: Sequence[tuple[str, bytes]] = ()
) -> str:
    """The page. `shots` are JPEG pictures by shot, `pairs` captions with JPEG pictures before and after."""
    ingest, survey = result.ingest, result.survey
    source = ingest.source
    starts = [report.shot.frames.start for report in survey.shots]
    plans = {shot.shot: shot for shot in result.plan.shots} if result.plan else {}
    template = files("footlights.report") / "report.html.j2"
    environment = Environment(autoescape=True)
    safe = environment.filters["safe"]
    return environment.from_string(template.read_text("utf-8")).render(
        version=__version__,
        source=source,
        frames=ingest.frames,
        length=clock(float(ingest.slot_count / source.rate)),
        verdict=verdict(result),
        warnings=result.warnings,
        facts=_facts(result),
        notes=(*source.notes, *(result.plan.notes if result.plan else ())),
        timeline=safe(timeline(survey, source.rate)),
        plots=[
            (title, unit, safe(curve(Plot(title, unit, series[name]), source.rate, starts)))
            for name, title, unit in _CURVES
            if name in series
        ],
        pairs=[(caption, data_url(data)) for caption, data in pairs],
        gaps=survey.gaps,
        shots=[_shot(report, plans.get(report.shot.index), ingest, shots) for report in survey.shots],
        renditions=[_rendition(row) for row in renditions(result.encode_plan, result.encodes)],
        checks=result.checks,
        timings=[(name, f"{seconds:.1f}") for name, seconds in sorted(result.timings.items())],
    )


def _facts(result: JobResult) -> list[tuple[str, str]]:
    source, survey = result.ingest.source, result.survey
    signal = source.signal

    def said(name: str, value: object) -> str:
        return f"{value} (assumed: the file does not say)" if name in signal.assumed else str(value)

    facts = [
        ("Raster", f"{source.width}×{source.height}, {source.chroma}, {source.bit_depth} bit"),
        ("Rate", f"{source.rate} frames a second{', variable' if result.ingest.variable else ''}"),
        ("Sample aspect", said("sample_aspect", _ratio(signal.sample_aspect))),
        ("Field order", f"tagged {said('field_order', signal.field_order)}; measured {survey.field_order}"),
        ("Matrix", said("matrix", signal.matrix.name)),
        ("Primaries", said("primaries", signal.primaries.name)),
        ("Transfer", said("transfer", signal.transfer.name)),
        ("Range", said("range", signal.range.name)),
        ("Timecode", source.timecode or "none"),
        ("Captions", "present" if source.captions else "none found"),
    ]
    for number, audio in enumerate(source.audio):
        start = "" if audio.start is None else f", begins {float(audio.start):+.4f} s against the picture"
        facts.append(
            (f"Sound {number + 1}", f"{audio.codec}, {audio.sample_rate} Hz, {audio.channels} channels{start}")
        )
    if not source.audio:
        facts.append(("Sound", "none"))
    facts.extend((f"Setting {name}", text) for name, text in result.settings.items())
    return facts


def _shot(report: ShotReport, plan: ShotPlan | None, ingest: Ingest, pictures: Mapping[int, bytes]) -> dict[str, Any]:
    shot = report.shot
    rate = ingest.source.rate
    faces = len(report.faces.tracks)
    cadence = report.cadence
    order = f", {cadence.field_order}" if cadence.kind != "progressive" else ""
    measured = (
        f"{cadence.kind}{order}{'' if cadence.agrees else f' (the file claims {cadence.tagged})'} · "
        f"noise {report.noise.luma_sigma:.2f} / {report.noise.cb_sigma:.2f} / {report.noise.cr_sigma:.2f} codes · "
        f"sharpness {report.sharpness.horizontal:.2f} ({report.sharpness.lines:.0f} lines) · "
        f"motion {report.complexity.motion:.1f} samples a field · {report.exposure.light} light · "
        f"{report.dropouts.count} dropouts · {faces} face track{'' if faces == 1 else 's'}"
    )
    return {
        "index": shot.index,
        "start": shot.frames.start,
        "stop": shot.frames.stop,
        "time": timecode(ingest.slots[shot.frames.start], rate),
        "entry": shot.entry,
        "measured": measured,
        "picture": data_url(pictures[shot.index]) if shot.index in pictures else None,
        "steps": plan.steps if plan else (),
        "skipped": plan.skipped if plan else (),
    }


def _rendition(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": f"{row['name']} ({row['width']}×{row['height']})",
        "rate": row["kbit_per_second"],
        "q": row["q"],
        "mean": row["vmaf_mean"],
        "low": row["vmaf_low"],
        "worst": row["vmaf_worst"],
        "trials": row["probes"],
        "outcome": ", ".join(f"{name} {number}" for name, number in row["outcomes"].items()),
    }


def _ratio(value: Fraction) -> str:
    return f"{value.numerator}:{value.denominator}"
