"""`footlights encode`: the second half of the way, for any progressive video as it is, SDR or HDR.

No copy of its pictures is made: parts of the file are looked at to find shots, then every rendition reads its chunks
from it. Its SHA-256, taken when the job was begun, stands for its pictures.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from footlights.config import explicit
from footlights.core import records
from footlights.core.encodes import ChunkEncode, Look, RenditionRates
from footlights.core.products import Check
from footlights.core.reports import CadenceKind, ShotGlance
from footlights.core.signal import HDR_NAMES, delivered
from footlights.core.source import Ingest, Source
from footlights.core.wording import counted
from footlights.engine.events import Note
from footlights.errors import SourceError
from footlights.ingest import ingest as taking_in
from footlights.pipeline import graph, ops, products, videograph
from footlights.pipeline.allotting import foreseen, run_stream
from footlights.pipeline.foretelling import Foretold, foretell
from footlights.pipeline.job import Job
from footlights.pipeline.looks import chunk_looks
from footlights.pipeline.session import Listener, Session, session
from footlights.report import page, summary
from footlights.report.sections import encodes as encodes_section
from footlights.report.sections import products as products_section


@dataclass(frozen=True, slots=True)
class Encoded:
    """What came of a video."""

    listed: Ingest
    shots: tuple[ShotGlance, ...]
    layout: graph.Layout
    foretold: Foretold
    """Before the first encode; the layout's ladder is that which was made."""
    encodes: tuple[ChunkEncode, ...]
    checks: tuple[Check, ...]
    warnings: tuple[str, ...]
    rates: tuple[RenditionRates, ...] = ()
    """Of the finished stream, per rendition."""


def encode(job: Job, listen: Listener, *, dry: bool = False) -> Encoded:
    """Make `stream/` and the reports from a video; `dry` looks at it and tells what that would take, no more.

    Raises SourceError for a video that is interlaced, damaged, or HDR of an unusual kind.
    """
    settings = job.settings
    with session(job, listen) as one:
        one.run([videograph.list_task(job.tape, settings)])
        listed = one.record(Ingest, graph.INGEST, taking_in.RECORD)
        _refuse_other_hdr(listed.source)
        one.run(videograph.glance_tasks(job.tape, listed, settings))
        shots = one.record(tuple[ShotGlance, ...], graph.SURVEY, ops.SURVEY)
        _refuse_interlaced(shots, job)
        layout = videograph.lay_out_video(listed, shots, settings)
        width, height = videograph.displayed_size(listed)
        looks = [(seen.shot.frames, Look(seen.spatial, seen.temporal, seen.luma)) for seen in shots]
        feed = graph.Feed(width, height, listed.source.signal, video=job.tape.path)
        seen = chunk_looks(looks, layout.encode.chunks)
        tasks = graph.stream_tasks(layout, settings, seen, feed)
        begun = foreseen(one, tasks, settings, layout.encode)
        forecasts = one.coordinator.preview(begun)
        told = foretell(layout.encode, seen, settings.encoding, forecasts, one.coordinator.seconds_per_unit)
        one.coordinator.announce(Note(told.sentence()))
        if dry:
            return Encoded(listed, shots, layout, told, (), (), tuple(dict.fromkeys(one.warnings)))
        streamed = run_stream(one, tasks, settings, layout.encode)
        layout = replace(layout, encode=streamed.plan)
        one.publish(graph.STREAM, {"stream": "stream"})
        encoded = Encoded(
            listed,
            shots,
            layout,
            told,
            streamed.encodes,
            one.record(tuple[Check, ...], graph.STREAM, ops.RESULT),
            (*dict.fromkeys(one.warnings), *summary.shortfalls(streamed.encodes, streamed.rates)),
            streamed.rates,
        )
        _report(one, encoded)
        return encoded


def _refuse_other_hdr(source: Source) -> None:
    """HDR goes through as BT.2100 in studio range; what is something between is refused."""
    signal = source.signal
    wanted = delivered(signal)
    if signal.transfer in HDR_NAMES and (signal.matrix, signal.primaries, signal.range) != (
        wanted.matrix,
        wanted.primaries,
        wanted.range,
    ):
        raise SourceError(
            f"{source.name} is HDR video of an unusual kind",
            f"{signal.transfer.name} with {signal.primaries.name} primaries, {signal.matrix.name} matrix and "
            f"{signal.range.name.lower()} range",
            "convert it to BT.2020 in studio range first, for example with ffmpeg's zscale filter",
        )


def _refuse_interlaced(shots: tuple[ShotGlance, ...], job: Job) -> None:
    kinds = Counter[CadenceKind]()
    for glance in shots:
        kinds[glance.cadence] += len(glance.shot.frames)
    woven = kinds.total() - kinds[CadenceKind.PROGRESSIVE]
    if woven > kinds[CadenceKind.PROGRESSIVE]:
        raise SourceError(
            f"{job.tape.path} is interlaced",
            f"{woven} of its {kinds.total()} frames are woven from two fields; scaled as they are they would comb",
            "run `footlights restore` on it, which deinterlaces and encodes",
        )


def _report(one: Session, encoded: Encoded) -> None:
    listed, plan = encoded.listed, encoded.layout.encode
    rows = list(summary.renditions(plan, encoded.encodes, encoded.rates))
    data = {
        **summary.heading(listed),
        "shots": [
            {"index": seen.shot.index, "start": seen.shot.frames.start, "stop": seen.shot.frames.stop}
            for seen in encoded.shots
        ],
        "renditions": rows,
        "left_out": [records.to_data(one) for one in plan.left_out],
        "foretold": records.to_data(encoded.foretold),
        "parts": list(summary.parts(encoded.encodes)),
        "segments": [records.to_data(segment) for segment in plan.segments],
        "checks": [records.to_data(check) for check in encoded.checks],
        "warnings": list(encoded.warnings),
        "settings": explicit(one.job.resolved),
        "timings": {name: round(seconds, 2) for name, seconds in sorted(one.seconds.items())},
    }
    products.write(one.job.folder, "report.json", json.dumps(data, indent=1, ensure_ascii=False) + "\n")
    title = listed.source.name
    made = sum(chunk.chosen.bytes for chunk in encoded.encodes)
    heading = {
        "title": title,
        "foretold": encoded.foretold.sentence(),
        "made": f"{counted(len(plan.rungs), 'rendition')} of {counted(len(plan.chunks), 'part')}, {made / 1e6:.3g} MB",
        "warnings": encoded.warnings,
    }
    contents: list[tuple[str, Mapping[str, object] | None]] = [
        ("video", heading),
        ("products", products_section.tables(rows, encoded.checks, one.seconds)),
        ("encodes", encodes_section.ladder(plan, encoded.encodes)),
    ]
    products.write(one.job.folder, "report.html", page.page(title, contents))
