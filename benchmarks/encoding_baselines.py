"""The product's encode against one CRF, against x265, and against the scheme of Av1an, all in one run.

    python benchmarks/encoding.py --part baselines --data DIR [--programmes concert ...] [--ways svt av1an ...]
        [--work DIR] [--shots 6] [--lines 540] [--frames 96] [--preset 9]

Every programme of `encoding_contents` (or those named), each shot a chunk, grain kept, one rendition, no limit on the
rate in any way. Ways:

svt      SVT-AV1, the product's preset, every shot at one CRF, for a grid of CRFs
x265     x265 medium, 10 bit, likewise
av1an    per-shot target quality after its description: values 15 to 50; the middle, then the middle of what is
         left, then a line, then a spline through the trials, at most four; accepted within 1 % of the target, the
         coarsest of those, else the nearest. Its pooling is set to ours (the lesser of mean and 5th percentile + 3), or
         it would aim at something else. An accepted trial is not encoded again: kinder than the program is.
floor    the product's mode of that name: searches in waves over the programme
mean     the product's other mode: one trial by the price of the others', then allocation, no shot 6 below the target

All are measured on the frames that the product looks at. Bytes of `floor` against each other way: at the quality of its
own worst shot, for one value by curves through every encode that any way made of a shot. For Av1an three times: as it
is by its defaults, at the worst shot and at the mean score, each through SVT-AV1 at one CRF, which is no fair measure
where a dark shot ends at the finest value that one of them allows; and aimed so that its worst shot is as good as ours,
in our range of values (`encoding_retarget`). `mean` likewise at equal mean. Intervals: bootstrap over the shots of all
programmes. Costs are user and system time of encodes and of measurements apart, as the machine counted
them, so they do not depend on the clock, but somewhat on what else the machine does. `passes` are in units of one
encode of all shots at one CRF, `measured_passes` in units of that encode and its measurement.

x265 at one value alone is put beside ours, as no curve goes through one point; one CRF at one value is not summed up
before another way is there.

With `--work` every finished way of a programme is kept there, and a run that was stopped goes on with the piece it was
at; the result tells of all ways that are there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from scipy.interpolate import PchipInterpolator

import encoding_av1an
import encoding_retarget
from bench import arguments, machine, parsed, table, write
from encoding_clips import Shot
from encoding_contents import LARGE, PROGRAMMES, RATE, cut
from encoding_ledger import Ledger
from encoding_product import floor_way, mean_way
from footlights.core.encodes import Probe
from footlights.encoding import ladder
from footlights.encoding.encoders import X265, Encoder, SvtAv1
from footlights.media import ffmpeg
from footlights.metrics import sampled
from footlights.metrics.video import Need, judge
from footlights.settings import EncodingSettings

EVERY = (*PROGRAMMES, *LARGE)
WAYS = ("svt", "av1an", "floor", "mean", "x265")


def main() -> None:
    parser = arguments("encoding_baselines", __doc__)
    parser.add_argument("--programmes", nargs="+", default=list(PROGRAMMES), choices=EVERY)
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=WAYS)
    parser.add_argument("--work", type=Path, help="folder for shots and finished ways")
    parser.add_argument("--shots", type=int, default=6, help="of every programme, the first so many")
    parser.add_argument("--svt-grid", nargs="+", type=float, default=[24.0, 36.0], help="values of CRF")
    parser.add_argument("--x265-grid", nargs="+", type=float, default=[16.0, 24.0], help="values of CRF")
    parser.add_argument("--lines", type=int, default=540)
    parser.add_argument("--frames", type=int, default=96)
    parser.add_argument("--preset", type=int, default=9)
    parser.add_argument("--banding", type=float, default=24.0, help="as encoding.banding; 24, as for the others: none")
    parser.add_argument("--target", type=float, default=93.0)
    options = parsed(parser)
    with TemporaryDirectory() as scratch:
        work = options.work or Path(scratch)
        for name in options.programmes:
            _programme(name, options, work / name)
        rows = [found for name in EVERY if (found := _found(name, options, work / name))]
    facts = {name: getattr(options, name) for name in ("shots", "lines", "frames", "preset", "target")}
    summary = _summary([row for row in rows if "svt" in row and (row["svt"]["of"] > 1 or len(row) > 2)], options)
    write(options.out, {"machine": machine(), "options": facts, "summary": summary, "programmes": rows})
    table(
        ("", "bytes", "interval", "programmes", "shots"), [_line(name, one) for name, one in summary["bytes"].items()]
    )
    table(("", "encodes", "plain passes", "encode only"), [_cost(name, one) for name, one in summary["cost"].items()])


def _line(name: str, one: dict[str, Any]) -> tuple[object, ...]:
    return name, one["bytes"], one["interval"], one["programmes"], one["shots"]


def _cost(name: str, one: dict[str, Any]) -> tuple[object, ...]:
    return name, one["encodes"], one["passes"], one["encode_passes"]


def _file(way: str, options: Any, folder: Path) -> Path:
    return folder / f"{way}-{options.shots}-{options.lines}-{options.frames}-{options.preset}-{options.target:g}.json"


def _found(name: str, options: Any, folder: Path) -> dict[str, Any]:
    """Every way of a programme that is finished."""
    files = {way: _file(way, options, folder) for way in WAYS}
    found = {way: json.loads(file.read_text("utf-8")) for way, file in files.items() if file.exists()}
    return {"name": name, **found} if found else {}


def _programme(name: str, options: Any, folder: Path) -> None:
    (folder / "work").mkdir(parents=True, exist_ok=True)
    missing = [way for way in options.ways if not _file(way, options, folder).exists()]
    if not missing:
        return
    shots = cut(options.data, name, options.lines, options.frames, folder, options.shots)
    svt, x265 = SvtAv1(preset=options.preset), X265(preset="medium")
    work = folder / "work"
    makers: dict[str, Callable[[Ledger], dict[str, Any]]] = {
        "svt": lambda ledger: _grid(svt, options.svt_grid, shots, ledger),
        "x265": lambda ledger: _grid(x265, options.x265_grid, shots, ledger),
        "av1an": lambda ledger: _searched(svt, shots, options.target, ledger),
        "floor": lambda ledger: floor_way(shots, options, work, ledger),
        "mean": lambda ledger: mean_way(shots, options, work, ledger),
    }
    for way in missing:
        ledger = Ledger(folder / f"{way}.pieces")
        made = makers[way](ledger)
        spent = {"encode": round(ledger.encode / made.get("of", 1), 2), "cpu": round(ledger.whole, 2)}
        made |= {"shots": [shot.name for shot in shots], **spent}
        part = folder / f"{way}.part"
        part.write_text(json.dumps(made), "utf-8")
        part.replace(_file(way, options, folder))
        ledger.close()
        print(name, way, made["cpu"], flush=True)


def _grid(encoder: Encoder, grid: Sequence[float], shots: Sequence[Shot], ledger: Ledger) -> dict[str, Any]:
    made = [[_numbers(probe(encoder, q, shot, ledger)) for q in grid] for shot in shots]
    return {"grid": made, "of": len(grid)}


def _searched(encoder: Encoder, shots: Sequence[Shot], target: float, ledger: Ledger) -> dict[str, Any]:
    """The scheme of Av1an."""

    def tried(shot: Shot, q: float) -> Probe:
        return probe(encoder, q, shot, ledger)

    made = [encoding_av1an.search(partial(tried, shot), target) for shot in shots]
    return {
        "chosen": [_numbers(one) for one, _ in made],
        "encodes": [len(tried) for _, tried in made],
        "trials": [[_numbers(one) for one in tried] for _, tried in made],
    }


def probe(encoder: Encoder, q: float, shot: Shot, ledger: Ledger) -> Probe:
    """One trial of a baseline: the shot is read for the encode and for the measurement."""
    return ledger.once([encoder, q, shot.name], Probe, partial(_trial, encoder, q, shot))


def _trial(encoder: Encoder, q: float, shot: Shot) -> Probe:
    path = shot.path.parent / "work" / f"trial{encoder.suffix}"
    arguments = [*ffmpeg.input_arguments(shot.path, RATE), *encoder.arguments(q, (0,), RATE), ffmpeg.file_url(path)]
    ffmpeg.run(arguments, doing="encoding a baseline")
    need = Need(sampled.every_of(shot.frames))
    scores = judge(path, shot.path, RATE, height=shot.height, frames=shot.frames, need=need)
    size = path.stat().st_size
    path.unlink()
    return Probe(q, size, round(scores.mean, 3), round(scores.low, 3), round(scores.worst, 3))


def _numbers(one: Probe) -> list[float]:
    return [one.q, one.bytes, one.mean, one.low, round(one.score, 3)]


_Q, _BYTES, _MEAN, _SCORE = 0, 1, 2, 4
Pool = Callable[..., Any]
"""Of an array along an axis, e.g. `np.min`."""
_FINE = np.arange(8.0, 60.01, 0.25)


@dataclass(frozen=True, slots=True)
class Curves:
    """One encoder's shots of a programme at every value of `_FINE`, `(shots, values)`."""

    bytes: np.ndarray
    mean: np.ndarray
    score: np.ndarray

    def pick(self, shots: np.ndarray) -> Curves:
        return Curves(self.bytes[shots], self.mean[shots], self.score[shots])


def _curves(row: dict[str, Any], ways: Sequence[str]) -> Curves:
    """Through every encode that any of the ways made of a shot: monotone cubics over the logarithms of the bytes and of
    what is lacking of 100, straight on beyond the ends."""
    sizes, means, scores = [], [], []
    for number in range(len(row[ways[0]]["shots"])):
        points = {one[_Q]: one for way in ways if way in row for one in _encodes(row[way], number)}
        q = np.array(sorted(points))
        made = np.array([points[one][: _SCORE + 1] for one in q], float)
        sizes.append(np.exp(_through(q, np.log(made[:, _BYTES]))))
        means.append(100 - np.exp(_through(q, np.log(np.maximum(100 - made[:, _MEAN], 0.05)))))
        scores.append(100 - np.exp(_through(q, np.log(np.maximum(100 - made[:, _SCORE], 0.05)))))
    return Curves(np.array(sizes), np.array(means), np.array(scores))


def _encodes(way: dict[str, Any], shot: int) -> list[list[float]]:
    found: list[list[float]] = way["grid"][shot] if "grid" in way else way["trials"][shot]
    return found


def _through(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    inside = PchipInterpolator(x, y)(np.clip(_FINE, x[0], x[-1]))
    first, last = (y[1] - y[0]) / (x[1] - x[0]), (y[-1] - y[-2]) / (x[-1] - x[-2])
    return np.asarray(inside + first * np.minimum(_FINE - x[0], 0) + last * np.maximum(_FINE - x[-1], 0))


def _against(curves: Curves, chosen: np.ndarray, pool: Pool, column: int) -> float:
    """Logarithm of the bytes of `chosen` (shots × numbers) over those of one value for all shots at equal quality."""
    quality = pool(chosen[:, column])
    shown = curves.mean if column == _MEAN else curves.score
    pooled = pool(shown, axis=0)
    total = np.log(curves.bytes.sum(axis=0))
    return float(np.log(chosen[:, _BYTES].sum()) - np.interp(-quality, -pooled, total))


COMPARISONS: dict[str, tuple[str, str, Pool, int]] = {
    "floor against one CRF, worst shot": ("floor", "svt", np.min, _SCORE),
    "floor against x265, worst shot": ("floor", "x265", np.min, _SCORE),
    "floor against Av1an aimed at the same worst shot": ("floor", "av1an", np.min, _SCORE),
    "floor against Av1an by its defaults, worst shot": ("floor", "av1an", np.min, _SCORE),
    "floor against Av1an by its defaults, mean score": ("floor", "av1an", np.mean, _SCORE),
    "mean against one CRF, mean": ("mean", "svt", np.mean, _MEAN),
    "mean against x265, mean": ("mean", "x265", np.mean, _MEAN),
}


AIMED = "floor against Av1an aimed at the same worst shot"


def _compared(name: str, row: dict[str, Any], known: Known, pick: np.ndarray) -> float:
    ours, other, pool, column = COMPARISONS[name]
    chosen, curves = np.array(row[ours]["chosen"])[pick], known.curves
    if name == AIMED:
        theirs = encoding_retarget.bytes_at(known.aimed[:, pick], pool, pool(chosen[:, column]))
        return float(np.log(chosen[:, _BYTES].sum()) - theirs)
    if other in curves:
        return _against(curves[other].pick(pick), chosen, pool, column)
    same = curves["svt"].pick(pick)
    return _against(same, chosen, pool, column) - _against(same, np.array(row[other]["chosen"])[pick], pool, column)


@dataclass(frozen=True, slots=True)
class Known:
    """Of one programme."""

    curves: dict[str, Curves]
    aimed: np.ndarray
    """Where the scheme of Av1an ends for many targets, as of `encoding_retarget.ends`."""


def _known(row: dict[str, Any], options: Any) -> Known:
    found = {"svt": _curves(row, ("svt", "av1an", "floor", "mean"))}
    found |= {"x265": _curves(row, ("x265",))} if _drawn(row, "x265") else {}
    same = found["svt"]
    (rung,) = ladder.rungs(960, 540, EncodingSettings(heights=(540,), h264_height=0, preset=options.preset))
    shots = [partial(_shown, size, score) for size, score in zip(same.bytes, same.score, strict=True)]
    return Known(found, encoding_retarget.ends(shots, options.target, (rung.q_min, rung.q_max)))


def _shown(size: np.ndarray, score: np.ndarray, q: float) -> tuple[float, float]:
    return float(np.exp(np.interp(q, _FINE, np.log(size)))), float(np.interp(q, _FINE, score))


def _summary(rows: Sequence[dict[str, Any]], options: Any) -> dict[str, Any]:
    """Geometric means over programmes, and bootstrap intervals over their shots."""
    draw = np.random.default_rng(1)
    compared: dict[str, Any] = {}
    knowledge = {row["name"]: _known(row, options) for row in rows}
    for name, (ours, other, *_) in COMPARISONS.items():
        there = [row for row in rows if ours in row and _drawn(row, other)]
        if not there:
            continue
        counts = [len(row[ours]["chosen"]) for row in there]
        known = [knowledge[row["name"]] for row in there]
        rows_of = list(zip(there, known, counts, strict=True))
        each = [_compared(name, row, curves, np.arange(n)) for row, curves, n in rows_of]
        spread = [
            np.nanmean([_compared(name, row, curves, draw.integers(0, n, n)) for row, curves, n in rows_of])
            for _ in range(500)
        ]
        compared[name] = {
            "bytes": round(float(np.expm1(np.nanmean(each))), 4),
            "interval": [round(float(x), 4) for x in np.expm1(np.nanpercentile(spread, (2.5, 97.5)))],
            "each": {row["name"]: round(float(np.expm1(x)), 4) for row, x in zip(there, each, strict=True)},
            "programmes": len(there),
            "shots": sum(counts),
        }
    found = {"bytes": compared, "cost": _costs(rows), "misses": _misses(rows)}
    beside = {row["name"]: _beside(row) for row in rows if "x265" in row and not _drawn(row, "x265")}
    return found | ({"x265 at one value": beside} if beside else {})


def _drawn(row: dict[str, Any], way: str) -> bool:
    """Whether a way is there, and at more values than one where curves are drawn through its own alone."""
    return way in row and (way != "x265" or row[way]["of"] > 1)


def _beside(row: dict[str, Any]) -> dict[str, float]:
    """x265 at the one value that was run: no quality is equal then, so both are told."""
    theirs = np.array([shot[0] for shot in row["x265"]["grid"]])
    found = {"q": theirs[0, _Q], "bytes": theirs[:, _BYTES].sum(), "worst": theirs[:, _SCORE].min()}
    found["mean"] = theirs[:, _MEAN].mean()
    for way in ("floor", "mean"):
        if way in row:
            ours = np.array(row[way]["chosen"])
            found |= {f"{way} bytes": ours[:, _BYTES].sum(), f"{way} worst": ours[:, _SCORE].min()}
            found[f"{way} mean"] = ours[:, _MEAN].mean()
    return {name: round(float(value), 3) for name, value in found.items()}


def _costs(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of the searching ways, in plain passes over the same programmes: an encode of SVT-AV1 alone."""
    costs: dict[str, Any] = {}
    for way in ("av1an", "floor", "mean"):
        there = [row for row in rows if way in row]
        if there:
            plain = sum(row["svt"]["encode"] for row in there)
            measured = sum(row["svt"]["cpu"] / row["svt"]["of"] for row in there)
            costs[way] = {
                "encodes": round(float(np.mean([n for row in there for n in row[way]["encodes"]])), 3),
                "encodes_p95": float(np.percentile([n for row in there for n in row[way]["encodes"]], 95)),
                "cpu": round(sum(row[way]["cpu"] for row in there), 1),
                "passes": round(sum(row[way]["cpu"] for row in there) / plain, 3),
                "measured_passes": round(sum(row[way]["cpu"] for row in there) / measured, 3),
                "encode_passes": round(sum(row[way]["encode"] for row in there) / plain, 3),
            }
    return costs


def _misses(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of the accepted score from the target, where the search ended inside its range."""
    found: dict[str, Any] = {}
    for way in ("av1an", "floor"):
        there = [row[way] for row in rows if way in row]
        outcomes = [one.get("outcomes", ["reached"] * len(one["chosen"])) for one in there]
        misses = [
            abs(chosen[_SCORE] - target)
            for one, outcome in zip(there, outcomes, strict=True)
            for chosen, target, said in zip(one["chosen"], one.get("targets", [93.0] * 99), outcome, strict=False)
            if said in ("reached", "budget")
        ]
        if misses:
            found[way] = {
                "n": len(misses),
                "mean": round(float(np.mean(misses)), 3),
                "p95": round(float(np.percentile(misses, 95)), 3),
                "unflagged": sum(miss > 0.5 for miss in misses) if way == "av1an" else None,
            }
    return found


if __name__ == "__main__":
    main()
