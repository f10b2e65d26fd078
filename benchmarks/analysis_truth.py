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
import zlib
from argparse import Namespace
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

import bench
import concerts
import pieces
import truth_scores as scores
from footlights.analysis import survey as analysis
from footlights.config import resolve
from footlights.core import records
from footlights.core.clip import Plane
from footlights.core.reports import CadenceKind, Survey
from footlights.core.signal import FieldOrder
from footlights.core.source import Ingest
from footlights.core.time import FrameRange
from footlights.ingest import ingest as taking_in
from footlights.metrics.interlace import repeat_level
from footlights.pipeline.simulate import write_frames
from footlights.tape import optics
from footlights.tape.presets import PRESETS
from footlights.tape.raster import NTSC, PAL, Raster, parity_of
from footlights.tape.record import Sample
from footlights.tape.schedule import Schedule
from footlights.tape.simulate import Simulator
from footlights.tape.truth import NoiseTruth, Truth

TOP, BOTTOM = FieldOrder.TOP_FIRST, FieldOrder.BOTTOM_FIRST
INTERLACED, PROGRESSIVE, TELECINE = CadenceKind.INTERLACED, CadenceKind.PROGRESSIVE, CadenceKind.TELECINE
SUFFIX = {"ffv1": ".mkv", "mpeg2": ".mpg", "dv": ".avi"}
LOSSES = {"lost_frame_rate": 0.008, "lost_field_rate": 0.006, "duplicate_rate": 0.010}
"""Per frame or field: enough of them to count, not so many that they would be a cadence."""
_OVERLAP = 0.7
"""Share of a true shot that a found one must cover for its noise to be compared."""
Row = dict[str, Any]
Codes = NDArray[np.uint8]
LIGHT: dict[str, Callable[[Row], bool]] = {
    "steady": lambda row: not row["strobes"] and "telecine" not in row["case"],
    "film": lambda row: "telecine" in row["case"],
    "strobes": lambda row: row["strobes"],
    "all": lambda row: True,
}
"""Situations in which losses are counted."""


@dataclass(frozen=True, slots=True)
class Case:
    """One tape."""

    preset: str
    number: int
    raster: Raster
    order: FieldOrder
    scan: CadenceKind
    codec: str
    strobes: bool
    lies: bool
    """The tape's field order tag is wrong."""

    @property
    def name(self) -> str:
        parts = [self.preset, str(self.number), self.raster.standard, self.order, self.scan, self.codec]
        return " ".join([*parts, *(["strobes"] if self.strobes else []), *(["wrong tag"] if self.lies else [])])


def cases(preset: str) -> Iterator[Case]:
    """The tapes of one preset."""
    rows = (
        (NTSC, TOP, INTERLACED, "ffv1", False, False),
        (NTSC, BOTTOM, INTERLACED, "ffv1", True, True),
        (NTSC, TOP, INTERLACED, "mpeg2", False, False),
        (NTSC, BOTTOM, INTERLACED, "dv", True, False),
        (PAL, TOP, INTERLACED, "mpeg2", True, True),
        (PAL, TOP, PROGRESSIVE, "ffv1", True, False),
        (NTSC, TOP, TELECINE, "ffv1", False, False),
        (NTSC, BOTTOM, TELECINE, "mpeg2", False, True),
    )
    for number, row in enumerate(rows):
        yield Case(preset, number, *row)


def examine(case: Case, data: Path, frames: int, seed: int, keep: Path | None) -> Row:
    """Make the tape, take it in, analyse it, compare."""
    cv2.setNumThreads(1)
    folder = Path(tempfile.mkdtemp(prefix="analysis-truth-"))
    begin = perf_counter()
    try:
        tape = folder / f"tape{SUFFIX[case.codec]}"
        concert, truth, noises, (lost, still) = _make(case, data, frames, seed, tape)
        made = perf_counter()
        series, ingest, survey = _analyse(tape, folder / "ingest")
        analysed = perf_counter()
        if keep is not None:
            name = case.name.replace(" ", "-")
            tape.replace(keep / f"{name}{tape.suffix}")
            records.write(keep / f"{name}.truth.json", records.dumps(truth))
            records.write(keep / f"{name}.lost.json", records.dumps(tuple(lost)))
            analysis.save(keep / f"{name}.npz", series)
    finally:
        shutil.rmtree(folder)
    shots = list(scores.paired(truth, survey))
    noise_rows = [
        {**scores.noise(noise, found), "photograph": scene.photograph}
        for noise, scene, (frames_, found) in zip(noises, concert.scenes, shots, strict=True)
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
        "losses": scores.losses(lost, still, truth.frames, survey, series),
        "noise": noise_rows,
        "seconds": {"make": round(made - begin, 2), "analyse": round(analysed - made, 2)},
    }


def _make(
    case: Case, data: Path, frames: int, seed: int, tape: Path
) -> tuple[concerts.Concert, Truth, list[NoiseTruth], tuple[list[scores.Lost], set[scores.Field]]]:
    """Write the tape; returns its truth, that of the noise of every shot, and that of its losses: fields lost, and
    fields at which the clip itself rests."""
    seed = zlib.crc32(f"{case.name} {seed}".encode())
    preset = PRESETS[case.preset]
    preset = replace(preset, losses=replace(preset.losses, **LOSSES))
    simulator = Simulator(preset, seed % 10_000, case.raster, case.order, case.scan)
    rng = np.random.default_rng(seed)
    concert, cuts = concerts.draw(data, frames, simulator.schedule(()), rng, strobes=case.strobes)
    wanted = _sampled(cuts, frames, simulator)
    kept: dict[int, Plane] = {}
    schedule = simulator.schedule(cuts)
    numbers = {schedule.picture_of(field) for fields in wanted for field in fields}
    replaced = _replaced(schedule, frames)
    shown: dict[int, Codes] = {}
    stream = _keep(concerts.show(concert), numbers, kept, shown)
    recording = simulator.run(stream, cuts, frames=FrameRange(0, frames))
    other = TOP if case.order is BOTTOM else BOTTOM
    tagged = replace(simulator, field_order=other) if case.lies else simulator
    aspect = simulator.signal(Fraction(4, 3)).sample_aspect
    write_frames(tape, recording, tagged, case.codec, aspect, None, 8_000_000, lambda _: None)
    deque(stream, maxlen=0)  # what a field lost at the very end should have shown
    noises = [simulator.noise([_sample(simulator, kept, cuts, field) for field in fields]) for fields in wanted]
    lost = [_lost(schedule, field, kind, case.order, shown) for field, kind in replaced.items()]
    return concert, recording.truth(), noises, (lost, _still(schedule, frames, case.order, shown))


def _replaced(schedule: Schedule, frames: int) -> dict[int, str]:
    """Fields that do not show their own instant, and what became of it."""
    slots = map(schedule.slot, range(2 * frames))
    return {
        slot.number: "lost frame" if slot.lost_frame else "lost field" if slot.lost_field else "duplicate"
        for slot in slots
        if slot.lost_frame or slot.lost_field or slot.duplicate
    }


def _pictures(schedule: Schedule, field: int) -> tuple[int, int]:
    """The picture a field should show, and the one it shows."""
    return schedule.picture_of(field), schedule.slot(field).sources[0][0]


def _lost(schedule: Schedule, field: int, kind: str, order: FieldOrder, shown: dict[int, Codes]) -> scores.Lost:
    parity = parity_of(field, order)
    repeats = field > 1 and schedule.slot(field).recorded == schedule.slot(field - 2).recorded
    should, does = (shown[picture][parity::2] for picture in _pictures(schedule, field))
    return scores.Lost(field // 2, parity, kind, repeats, repeat_level(should, does))


def _still(schedule: Schedule, frames: int, order: FieldOrder, shown: dict[int, Codes]) -> set[scores.Field]:
    """Frame and parity of fields whose own picture is not the one of the field of their parity before, but looks so."""
    found = set()
    for field in range(2, 2 * frames):
        own, before, parity = schedule.picture_of(field), schedule.picture_of(field - 2), parity_of(field, order)
        if own != before and repeat_level(shown[own][parity::2], shown[before][parity::2]) < scores.SEEN:
            found.add((field // 2, parity))
    return found


def _sampled(cuts: Sequence[int], frames: int, simulator: Simulator) -> list[tuple[int, int]]:
    """Of every shot two fields whose noise is measured."""
    return [
        (start + (stop - start) // 3, start + 2 * (stop - start) // 3)
        for start, stop in pairwise([0, *cuts, 2 * frames])
    ]


def _keep(
    pictures: Iterable[Plane], numbers: set[int], kept: dict[int, Plane], shown: dict[int, Codes]
) -> Iterator[Plane]:
    """Pass pictures on, and keep some as they are, and all as luma codes of a frame."""
    for number, picture in enumerate(pictures):
        if number in numbers:
            kept[number] = picture
        grey = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (720, 480), interpolation=cv2.INTER_AREA)
        shown[number] = (16 + 219 * grey).astype(np.uint8)
        yield picture


def _sample(simulator: Simulator, kept: dict[int, Plane], cuts: Sequence[int], field: int) -> Sample:
    """The light of a field's lines before the camera."""
    schedule = simulator.schedule(cuts)
    picture = schedule.picture_of(field)
    rows = simulator.expose(kept[picture], picture, schedule.shot_of_picture(picture))
    lines = optics.collect(rows, parity_of(field, simulator.field_order), simulator.preset.optics)
    return Sample(lines, field, field)


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


def summed(rows: Sequence[Row]) -> Row:
    """The figures of some tapes together."""
    return {
        "tapes": len(rows),
        "frames": sum(row["frames"] for row in rows),
        "cuts_steady": _cuts([row["cuts"] for row in rows if not row["strobes"]]),
        "cuts_strobes": _cuts([row["cuts"] for row in rows if row["strobes"]]),
        "cadence": _cadence([shot for row in rows for shot in row["cadence"]]),
        "order_of_tape": scores.ratio(
            sum(row["order_of_tape"][0] == row["order_of_tape"][1] for row in rows if "progressive" not in row["case"]),
            sum("progressive" not in row["case"] for row in rows),
        ),
        "losses": {name: _losses([row["losses"] for row in rows if fits(row)]) for name, fits in LIGHT.items()},
        "noise": {codec: _noise([row for row in rows if row["codec"] == codec]) for codec in SUFFIX},
    }


def _cuts(rows: Sequence[Row]) -> Row:
    total: Row = {name: sum(row[name] for row in rows) for name in ("true", "found", "hits_0", "hits_1", "field_exact")}
    true, right, found = (sum(row["between_fields"][place] for row in rows) for place in range(3))
    return total | {
        "between_fields": {"true": true, "recall": scores.ratio(right, true), "precision": scores.ratio(right, found)},
        "precision_0": scores.ratio(total["hits_0"], total["found"]),
        "recall_0": scores.ratio(total["hits_0"], total["true"]),
        "precision_1": scores.ratio(total["hits_1"], total["found"]),
        "recall_1": scores.ratio(total["hits_1"], total["true"]),
    }


def _cadence(shots: Sequence[Row]) -> Row:
    """Per kind: share of the shots recognised; field order of all that have one."""
    ordered = [shot for shot in shots if shot["order"] is not None and shot["sure"]]
    kinds = {
        kind: scores.ratio(
            sum(shot["found_kind"] == kind for shot in shots if shot["kind"] == kind),
            sum(shot["kind"] == kind for shot in shots),
        )
        for kind in (INTERLACED, PROGRESSIVE, TELECINE)
    }
    right = sum(shot["order"] == shot["found_order"] for shot in ordered)
    return {
        "shots": len(shots),
        "kind": kinds,
        "order_judged": len(ordered),
        "order_abstained": sum(shot["order"] is not None and not shot["sure"] for shot in shots),
        "order_accuracy": scores.ratio(right, len(ordered)),
    }


def _losses(rows: Sequence[Row]) -> Row:
    kinds = rows[0]["by_kind"].keys() if rows else ()
    found: Row = {}
    for kind in kinds:
        total = {
            name: sum(row["by_kind"][kind][name] for row in rows)
            for name in ("true", "found", "fields_right", "seen", "seen_found")
        }
        found[kind] = total | {
            "recall": scores.ratio(total["found"], total["true"]),
            "recall_seen": scores.ratio(total["seen_found"], total["seen"]),
        }
    everything = sum(total["true"] for total in found.values())
    invented, claimed = (sum(len(row["invented"]) for row in rows), sum(row["found"] for row in rows))
    return found | {
        "recall": scores.ratio(sum(total["found"] for total in found.values()), everything),
        "recall_seen": scores.ratio(
            sum(total["seen_found"] for total in found.values()), sum(total["seen"] for total in found.values())
        ),
        "late": sum(row["late"] for row in rows),
        "of_the_clip": sum(len(row["of_the_clip"]) for row in rows),
        "unsure": sum(row["unsure"] for row in rows),
        "invented": invented,
        "precision": scores.ratio(claimed - invented, claimed),
        "invented_per_1000_frames": round(1000 * invented / max(sum(row["frames"] for row in rows), 1), 2),
    }


def _noise(rows: Sequence[Row]) -> Row:
    """Relative errors over shots; photographs have no grain of their own, clips do."""
    found: Row = {}
    for name, photograph in (("photographs", True), ("clips", False)):
        shots = [shot for row in rows for shot in row["noise"] if shot["photograph"] is photograph]
        luma = scores.relative_errors(shot["luma"] for shot in shots)
        chroma = scores.relative_errors(shot[plane] for shot in shots for plane in ("cb", "cr"))
        bands = scores.relative_errors(band[1:] for shot in shots for band in shot["bands"])
        found[name] = {
            "luma": bench.spread(luma, 3),
            "luma_mean_absolute": round(float(np.mean(np.abs(luma))), 3) if luma else None,
            "chroma": bench.spread(chroma, 3),
            "luma_by_brightness": bench.spread(bands, 3),
        }
    return found


def show(result: Row) -> None:
    """The figures that matter, one line per preset."""
    presets = result["presets"]
    bench.table(
        ("cuts", *(f"{light} {what}" for light in ("steady", "strobes") for what in ("n", "P±0", "R±0", "P±1", "R±1"))),
        (
            (name, *(one[f"cuts_{light}"][key] for light in ("steady", "strobes")
                     for key in ("true", "precision_0", "recall_0", "precision_1", "recall_1")))
            for name, one in presets.items()
        ),
    )  # fmt: skip
    print()
    bench.table(
        ("cadence", "shots", "interlaced", "progressive", "telecine", "field order", "judged", "order of tape"),
        (
            (name, one["cadence"]["shots"], *one["cadence"]["kind"].values(), one["cadence"]["order_accuracy"],
             one["cadence"]["order_judged"], one["order_of_tape"])
            for name, one in presets.items()
        ),
    )  # fmt: skip
    print()
    for light in LIGHT:
        bench.table(
            (f"losses, {light}", "lost frames", "R", "lost fields", "R", "duplicates", "R", "R seen", "precision"),
            (
                (name, *_loss_row(found))
                for name, one in presets.items()
                if "lost frame" in (found := one["losses"][light])  # of such light some tape is done
            ),
        )
        print()
    columns = [(codec, stock) for codec in SUFFIX for stock in ("photographs", "clips")]
    for plane in ("luma_by_brightness", "luma", "chroma"):
        bench.table(
            (f"noise, {plane}: median (10 %..90 %)", *(f"{codec} {stock[0]}." for codec, stock in columns)),
            (
                (name, *(_error(one["noise"][codec][stock][plane]) for codec, stock in columns))
                for name, one in presets.items()
            ),
        )
        print()


def _loss_row(found: Row) -> list[object]:
    kinds = [found[kind] for kind in ("lost frame", "lost field", "duplicate")]
    return [
        *(one[key] for one in kinds for key in ("true", "recall")),
        found["recall_seen"],
        found["precision"],
    ]


def _error(found: Row) -> str:
    return f"{found['median']:+.2f} ({found['p10']:+.2f}..{found['p90']:+.2f})" if found["count"] else "-"


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
        (case for name in options.presets for case in cases(name) if options.only in case.name),
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
        "losses_per_frame_or_field": LOSSES,
        "presets": {name: summed(of) for name in [*options.presets, "all"] if (of := _of(name, rows))},
        "tapes": rows,
    }
    print(f"{len(rows)} of {len(chosen)} tapes\n")
    show(result)
    bench.write(options.out, result)
    return pieces.PAUSED if missing else 0


def _of(preset: str, rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if preset in (row["preset"], "all")]


def _done(kept: pieces.Pieces, chosen: Sequence[Case], options: Namespace) -> tuple[list[Row], list[str]]:
    """Rows of the tapes for which the minutes suffice or that were kept, and the names of the others."""
    rows, missing = [], []
    for case in chosen:
        make = partial(examine, case, options.data, options.frames, options.seed, options.keep)
        try:
            rows.append(kept.row(f"{case.name} {options.frames} {options.seed}", make))
        except pieces.OutOfMinutesError:
            missing.append(case.name)
    return rows, missing


if __name__ == "__main__":
    sys.exit(pieces.finished(main))
