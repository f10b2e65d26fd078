"""The product's encode against one CRF, against x265, and against the scheme of Av1an, all in one run.

    python benchmarks/encoding.py --part baselines --data DIR [--lines 540] [--frames 24] [--preset 10]

Every programme of `encoding_clips`, each shot a chunk, grain kept, one rendition. Baselines:

svt      SVT-AV1, the product's preset, every shot at one CRF, for a grid of CRFs
x265     x265 medium, 10 bit, likewise
av1an    per-shot target quality after its description: values 15 to 50; the middle, then the middle of what is
         left, then a line, then a spline through the trials, at most four; accepted within 1 % of the target, the
         coarsest of those, else the nearest. Its pooling is set to ours (the lesser of mean and 5th percentile + 3), or
         it would aim at something else. An accepted trial is not encoded again: kinder than the program is.

Bytes of the product (mode `floor`) against each: at the quality of its own worst shot, for the grids by interpolation
of the logarithm of bytes, for Av1an through the SVT grid (both against one CRF at their own worst shot). At equal mean
likewise. Intervals: bootstrap over the shots of all programmes. `cpu` is user and system time of all encodes and
measurements of a way; it does not depend on the clock, but somewhat on what else the machine does.
"""

from __future__ import annotations

import resource
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from scipy.interpolate import CubicSpline

from bench import arguments, machine, parsed, table, write
from encoding_clips import PROGRAMMES, RATE, Shot, cut
from encoding_search import _tasks, _warm
from footlights.core.encodes import Probe
from footlights.encoding.encoders import X265, Encoder, SvtAv1
from footlights.media import ffmpeg
from footlights.metrics.video import vmaf

SVT_GRID = (22.0, 30.0, 38.0, 46.0)
X265_GRID = (16.0, 21.0, 26.0, 31.0)
AV1AN = (15.0, 50.0)
AV1AN_TRIALS = 4


def main() -> None:
    parser = arguments("encoding_baselines", __doc__)
    parser.add_argument("--lines", type=int, default=540)
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--preset", type=int, default=10)
    parser.add_argument("--target", type=float, default=93.0)
    options = parsed(parser)
    with TemporaryDirectory() as scratch:
        rows = [_programme(name, options, Path(scratch) / name) for name in PROGRAMMES]
    facts = {name: getattr(options, name) for name in ("lines", "frames", "preset", "target")}
    summary = _summary(rows)
    write(options.out, {"machine": machine(), "options": facts, "summary": summary, "programmes": rows})
    table(("", "worst shot", "interval", "mean", "encodes of it", "of ours", "cpu ratio"), _table(summary))


def _programme(name: str, options: Any, folder: Path) -> dict[str, Any]:
    (folder / "work").mkdir(parents=True)
    shots = cut(options.data, name, options.lines, options.frames, folder)
    svt, x265 = SvtAv1(preset=options.preset), X265(preset="medium")
    ways: dict[str, Any] = {"name": name, "shots": [shot.name for shot in shots]}
    for way, encoder, grid in (("svt", svt, SVT_GRID), ("x265", x265, X265_GRID)):
        found, cpu = _timed(lambda e=encoder, g=grid: [[_probe(e, q, shot, folder) for q in g] for shot in shots])
        ways[way] = {"grid": [[_numbers(one) for one in row] for row in found], "cpu": cpu}
    found, cpu = _timed(lambda: [_av1an(svt, shot, options.target, folder) for shot in shots])
    ways["av1an"] = {"chosen": [_numbers(one) for one, _ in found], "encodes": [n for _, n in found], "cpu": cpu}
    pictures = {options.lines: shots}
    made, cpu = _timed(lambda: _warm(_tasks(pictures, options), pictures, folder / "work"))
    ways["ours"] = {
        "chosen": [_numbers(one.chosen) for one in made],
        "encodes": [len(one.probes) for one in made],
        "cpu": cpu,
    }
    return ways


def _av1an(encoder: Encoder, shot: Shot, target: float, folder: Path) -> tuple[Probe, int]:
    """Its search, at most four trials; the accepted one and how many there were."""
    tried: dict[float, Probe] = {}
    low, high = AV1AN
    while len(tried) < AV1AN_TRIALS and low <= high:
        q = round(min(max(_next(tried, target, low, high), low), high) * 4) / 4
        if q in tried:
            break
        tried[q] = _probe(encoder, q, shot, folder)
        score = tried[q].score
        if abs(score - target) <= 0.01 * target:
            break
        low, high = (q + 0.25, high) if score > target else (low, q - 0.25)
    inside = [q for q, one in tried.items() if abs(one.score - target) <= 0.01 * target]
    q = max(inside) if inside else min(tried, key=lambda one: abs(tried[one].score - target))
    return tried[q], len(tried)


def _next(tried: dict[float, Probe], target: float, low: float, high: float) -> float:
    points = sorted((one.score, q) for q, one in tried.items())
    scores = [score for score, _ in points]
    if len(points) < 2 or len(set(scores)) < len(scores):
        return (low + high) / 2
    values = [q for _, q in points]
    if len(points) == 2:
        return float(np.interp(target, scores, values)) if scores[0] <= target <= scores[1] else (low + high) / 2
    return float(CubicSpline(scores, values, bc_type="natural")(target))


def _probe(encoder: Encoder, q: float, shot: Shot, folder: Path) -> Probe:
    path = folder / "work" / f"trial{encoder.suffix}"
    arguments = [*ffmpeg.input_arguments(shot.path, RATE), *encoder.arguments(q, (0,), RATE), ffmpeg.file_url(path)]
    ffmpeg.run(arguments, doing="encoding a baseline")
    scores = vmaf(path, shot.path, RATE, height=shot.height, frames=shot.frames)
    size = path.stat().st_size
    path.unlink()
    return Probe(q, size, round(scores.mean, 3), round(scores.low, 3), round(scores.worst, 3))


def _numbers(one: Probe) -> list[float]:
    return [one.q, one.bytes, one.mean, one.low, round(one.score, 3)]


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return found, round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1)


def _against(grid: np.ndarray, chosen: np.ndarray, pool: Callable[[np.ndarray], float], column: int) -> float:
    """Bytes of `chosen` (shots × numbers) against one value for all (shots × values × numbers) at equal quality."""
    quality = pool(chosen[:, column])
    points = sorted((pool(grid[:, at, column]), np.log2(grid[:, at, 1].sum())) for at in range(grid.shape[1]))
    at_quality = np.interp(quality, [x for x, _ in points], [y for _, y in points])
    return float(chosen[:, 1].sum() / 2**at_quality - 1)


def _compare(grids: Sequence[np.ndarray], chosen: Sequence[np.ndarray], worst: bool) -> float:
    pool, column = (np.min, 4) if worst else (np.mean, 2)
    return float(np.mean([_against(grid, one, pool, column) for grid, one in zip(grids, chosen, strict=True)]))


def _summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    ours = [np.array(row["ours"]["chosen"]) for row in rows]
    theirs = [np.array(row["av1an"]["chosen"]) for row in rows]
    grids = {way: [np.array(row[way]["grid"]) for row in rows] for way in ("svt", "x265")}
    draw = np.random.default_rng(1)
    picks = [[draw.integers(0, len(one), len(one)) for one in ours] for _ in range(500)]

    def ways(worst: bool, pick: list[np.ndarray] | None = None) -> dict[str, float]:
        rows_of = pick or [np.arange(len(one)) for one in ours]
        mine = [one[at] for one, at in zip(ours, rows_of, strict=True)]
        other = [one[at] for one, at in zip(theirs, rows_of, strict=True)]
        cut_grids = {way: [g[at] for g, at in zip(found, rows_of, strict=True)] for way, found in grids.items()}
        found = {way: _compare(cut_grids[way], mine, worst) for way in grids}
        av1an = _compare(cut_grids["svt"], other, worst)
        return {**found, "av1an": (1 + found["svt"]) / (1 + av1an) - 1}

    spread = [ways(True, pick) for pick in picks]
    worst, mean = ways(True), ways(False)
    mine = float(np.mean([n for row in rows for n in row["ours"]["encodes"]]))
    return {
        way: {
            "worst_shot": worst[way],
            "interval": [round(float(x), 4) for x in np.percentile([one[way] for one in spread], (2.5, 97.5))],
            "mean": mean[way],
            "encodes": float(np.mean([n for row in rows for n in row["av1an"]["encodes"]])) if way == "av1an" else 1.0,
            "our_encodes": mine,
            "cpu_ratio": sum(row["ours"]["cpu"] for row in rows)
            / sum(row[way]["cpu"] / (len(SVT_GRID) if way != "av1an" else 1) for row in rows),
        }
        for way in ("svt", "x265", "av1an")
    } | {"shots": sum(map(len, ours))}


def _table(summary: dict[str, Any]) -> list[tuple[object, ...]]:
    return [
        (way, *(one[name] for name in ("worst_shot", "interval", "mean", "encodes", "our_encodes", "cpu_ratio")))
        for way, one in summary.items()
        if isinstance(one, dict)
    ]


if __name__ == "__main__":
    main()
