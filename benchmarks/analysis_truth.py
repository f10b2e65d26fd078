"""What the analysis finds on synthetic tapes whose truth is known: `python benchmarks/analysis_truth.py --data DIR`.

Per preset of the tape simulator, eight tapes: both field orders, NTSC and PAL, interlaced, progressive and telecined,
on FFV1, MPEG-2 and DV, half of them under strobes, some with a lying field order tag. Each holds shots of real clips
and of photographs under a moving camera, and loses fields and frames more often than the presets do. The tapes go the
way every tape goes (ingest, all analysers, conclusions); only faces are left out.

Measured: cut precision and recall at 0 and 1 frame of tolerance; cadence and field order per shot, and per tape; recall
and false alarms of lost frames, lost fields and duplicated frames (all, and those that can be seen: whose loss changes
the most changed blocks by two codes or more, and by more than noise, jitter and coding change them; losses inside
repeated frames show a picture that nothing else shows and are counted apart, as late; so are repeats that the clip
itself holds, where it swings back or its maker doubled a picture); sigma of luma and chroma noise against the noise
the simulator added. Every miss is listed in the JSON. In pieces, `--minutes N` and again: a result with tapes missing
says so.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import cv2

import bench
import pieces
import truth_scores as scores
import truth_tapes as tapes
from footlights.analysis import survey as analysis
from footlights.config import resolve
from footlights.core import records
from footlights.core.reports import Survey
from footlights.core.source import Ingest
from footlights.core.time import FrameRange
from footlights.ingest import ingest as taking_in
from footlights.tape.presets import PRESETS
from truth_sums import show, summed

_OVERLAP = 0.7
"""Share of a true shot that a found one must cover for its noise to be compared."""
Row = dict[str, Any]


def main() -> int:
    parser = bench.arguments("analysis_truth", __doc__)
    parser.add_argument("--frames", type=int, default=170, help="frames of each tape")
    parser.add_argument("--seed", type=int, default=2, help="of scenes, strobes, losses, noise (0, 1: used for tuning)")
    parser.add_argument("--presets", nargs="+", default=list(PRESETS), choices=list(PRESETS))
    parser.add_argument("--only", default="", help="words that a tape's name must hold")
    parser.add_argument("--keep", type=Path, help="folder for the tapes and what was measured")
    pieces.arguments(parser)
    options = bench.parsed(parser)
    facts, kept = bench.machine(), pieces.opened(options)
    chosen = sorted(
        (case for name in options.presets for case in tapes.cases(name) if options.only in case.name),
        key=lambda case: case.number,
    )  # so that a run with tapes missing has some of every preset
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
    rows, missing = _done(kept, chosen, options)
    result: Row = {
        "machine": facts,
        "tapes_done": f"{len(rows)} of {len(chosen)}",
        "tapes_missing": missing,
        "seed": options.seed,
        "frames_per_tape": options.frames,
        "commits": kept.commits(),
        "seconds": round(sum(row["seconds"]["make"] + row["seconds"]["analyse"] for row in rows)),
        "losses_per_frame_or_field": tapes.LOSSES,
        "presets": {name: summed(of) for name in [*options.presets, "all"] if (of := _of(name, rows))},
        "tapes": rows,
    }
    print(f"{len(rows)} of {len(chosen)} tapes\n")
    show(result)
    bench.write(options.out, result)
    return pieces.PAUSED if missing else 0


def _of(preset: str, rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if preset in (row["preset"], "all")]


def _done(kept: pieces.Pieces, chosen: Sequence[tapes.Case], options: Namespace) -> tuple[list[Row], list[str]]:
    """Rows of the tapes for which the minutes suffice or that were kept, and the names of the others."""
    rows, missing = [], []
    for case in chosen:
        make = partial(examine, case, options.data, options.frames, options.seed, options.keep)
        try:
            rows.append(kept.row(f"{case.name} {options.frames} {options.seed}", make))
        except pieces.OutOfMinutesError:
            missing.append(case.name)
    return rows, missing


def examine(case: tapes.Case, data: Path, frames: int, seed: int, keep: Path | None) -> Row:
    """Make the tape, take it in, analyse it, compare."""
    cv2.setNumThreads(1)
    folder = Path(tempfile.mkdtemp(prefix="analysis-truth-"))
    begin = perf_counter()
    try:
        tape = folder / f"tape{tapes.SUFFIX[case.codec]}"
        made = tapes.made(case, data, frames, seed, tape)
        written = perf_counter()
        series, ingest, survey = _analyse(tape, folder / "ingest")
        analysed = perf_counter()
        if keep is not None:
            name = case.name.replace(" ", "-")
            tape.replace(keep / f"{name}{tape.suffix}")
            records.write(keep / f"{name}.truth.json", records.dumps(made.truth))
            records.write(keep / f"{name}.lost.json", records.dumps(tuple(made.lost)))
            analysis.save(keep / f"{name}.npz", series)
    finally:
        shutil.rmtree(folder)
    truth = made.truth
    shots = list(scores.paired(truth, survey))
    noise_rows = [
        {**scores.noise(noise, found), "photograph": scene.photograph}
        for noise, scene, (frames_, found) in zip(made.noises, made.concert.scenes, shots, strict=True)
        if len(found.shot.frames.intersect(frames_)) >= _OVERLAP * len(frames_) and found.noise.confidence > 0
    ]
    return {
        "case": case.name,
        "preset": case.preset,
        "strobes": case.strobes,
        "codec": case.codec,
        "frames": truth.frames,
        "frames_taken_in": ingest.frames,
        "cuts": scores.cuts(truth, survey),
        "cadence": [scores.cadence(truth, frames_, found) for frames_, found in shots],
        "order_of_tape": [survey.field_order, case.order],
        "losses": scores.losses(made.lost, made.still, truth.frames, survey, series),
        "noise": noise_rows,
        "seconds": {"make": round(written - begin, 2), "analyse": round(analysed - written, 2)},
    }


def _analyse(tape: Path, folder: Path) -> tuple[scores.Columns, Ingest, Survey]:
    """The way of a tape through ingest and all analysers."""
    options = resolve(("analysis.faces.enabled=false",), Path("/dev/null")).settings
    folder.mkdir()
    taking_in.ingest(tape, folder, options.ingest, sha256="0" * 64, progress=lambda _: None)
    record, reader = taking_in.open_ingest(folder)
    digests = taking_in.read_hashes(folder)
    whole = FrameRange(0, record.frames)
    with reader:
        series = analysis.measure(record, reader, digests, whole, options.analysis, lambda _: None)
    return series, record, analysis.conclude(series, record, options.analysis)


if __name__ == "__main__":
    sys.exit(pieces.finished(main))
