"""Encoding: what search and allocation save against SVT-AV1 at one CRF, the same preset, in the same run.

    python benchmarks/encoding.py --part allocation --data DIR [--lines 270] [--frames 50] [--preset 8]

Part `allocation`: programmes of unlike shots, each shot one chunk, as the product would cut them. The baseline encodes
every chunk at one CRF, for a grid of CRFs; its bytes at a given quality are interpolated between two of them (logarithm
of bytes over quality). Mode `floor` is compared at the worst chunk (the lesser of its mean and its 5th percentile + 3),
mode `mean` at the mean over all frames. The product's own functions run: `encode_chunk`, `allocate`. Every encode it
makes counts in `encodes`, in units of one plain pass over the programme. Grain is kept in both. `best_possible` is what
constant slope could save at that mean with every curve known (monotone cubics through the grid), under the same floor,
and `best_without_floor` what it could save with none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from scipy.interpolate import PchipInterpolator

from bench import arguments, machine, parsed, write
from footlights.core.encodes import ChunkEncode, Probe
from footlights.core.signal import BT709_SIGNAL
from footlights.core.time import FrameRange
from footlights.encoding import ladder
from footlights.encoding.encoders import lossless_intermediate
from footlights.media import ffmpeg
from footlights.pipeline.allotting import ROUNDS, raised
from footlights.pipeline.chunks import TOLERANCE, ChunkRequest, Picture
from footlights.pipeline.rungs import encode_chunk
from footlights.pipeline.waves import curve_of
from footlights.settings import EncodingSettings

RATE = Fraction(25)
PROGRAMMES = {
    "stage": (
        "concert_crowd_720p.mp4",
        "dance_dj_480p50.mp4",
        "face_colourlight_cottonbro.mp4",
        "school_show_540p.mp4",
    ),
    "people": ("dancer_1080p.mp4", "face_man_shkraba.mp4", "face_redhead_koolshooters.mp4", "street_people_720p50.mkv"),
    "busy": ("crowdrun_720p50_10bit.mkv", "vid4_walk_480p.mp4", "concert_crowd_720p.mp4", "dancer_1080p.mp4"),
}
GRID = (22, 27, 32, 37, 42, 47, 52)
SLACK = EncodingSettings().slack


def main() -> None:
    parser = arguments("encoding_allocation", __doc__)
    parser.add_argument("--lines", type=int, default=270)
    parser.add_argument("--frames", type=int, default=50, help="of every shot")
    parser.add_argument("--preset", type=int, default=8)
    parser.add_argument("--target", type=float, default=93.0)
    options = parsed(parser)
    with TemporaryDirectory() as scratch:
        rows = [
            programme(name, [options.data / "dev_clips" / file for file in files], options, Path(scratch))
            for name, files in PROGRAMMES.items()
        ]
    summary = {
        "floor": float(np.mean([row["floor"]["bytes_against_fixed"] for row in rows])),
        "mean": float(np.mean([row["mean"]["bytes_against_fixed"] for row in rows])),
        "trials": float(np.mean([row["floor"]["encodes"] for row in rows])),
    }
    facts = {name: getattr(options, name) for name in ("lines", "frames", "preset", "target")}
    write(options.out, {"machine": machine(), "options": facts, "allocation": rows, "summary": summary})
    for row in rows:
        for mode in ("floor", "mean"):
            one = row[mode]
            print(
                f"{row['name']:8} {mode:6} {one['bytes_against_fixed']:+.1%} bytes, quality {one['quality']:.2f}, "
                f"CRF {min(one['q']):g} to {max(one['q']):g}, {one['encodes']:.2f} encodes, misses {one['miss']:+.2f}"
            )
    print({name: round(value, 3) for name, value in summary.items()})


def programme(name: str, files: Sequence[Path], options: Any, scratch: Path) -> dict[str, Any]:
    """All measurements of one programme."""
    folder = scratch / name
    folder.mkdir()
    work = folder / "work"
    work.mkdir()
    shots = [_shot(file, folder / f"{number}.mkv", options) for number, file in enumerate(files)]
    requests = [_request(options, size) for _, size in shots]
    grid = [
        [_encode(request, shot, work, q=float(q)) for q in GRID]
        for request, (shot, _) in zip(requests, shots, strict=True)
    ]
    searched = [_encode(request, shot, work) for request, (shot, _) in zip(requests, shots, strict=True)]
    lenient = [replace(one, slack=SLACK) for one in requests]
    trials = [list(_encode(request, shot, work).probes) for request, (shot, _) in zip(lenient, shots, strict=True)]
    chosen = [_accepted(probes, options.target - SLACK) for probes in trials]
    names = [str(number) for number in range(len(shots))]
    for number in range(ROUNDS):
        curves = [curve_of(*one) for one in zip(lenient, trials, chosen, strict=True)]
        again = raised(curves, names, requests[0].rung, options.target, number)
        for place, q in ((int(one), q) for one, q in again.items()):
            chosen[place] = _encode(requests[place], shots[place][0], work, q=q).chosen
            trials[place].append(chosen[place])
    floor_found = [one.chosen for one in searched]
    return {
        "name": name,
        "files": [file.name for file in files],
        "fixed": [[[one.chosen.q, one.chosen.bytes, one.chosen.mean, one.chosen.low] for one in row] for row in grid],
        "floor": _judged(
            grid, floor_found, sum(len(one.probes) for one in searched) / len(shots), _worst, options.target
        ),
        "mean": {
            **_judged(grid, chosen, sum(map(len, trials)) / len(shots), _mean, options.target),
            "best_possible": best(grid, _mean(chosen), options.target - SLACK),
            "best_without_floor": best(grid, _mean(chosen), 0.0),
        },
    }


def best(grid: Sequence[Sequence[ChunkEncode]], quality: float, floor: float) -> float | None:
    """Bytes against one CRF at a mean quality, with every shot's curve known and no shot below the floor."""
    fine = np.arange(GRID[0], GRID[-1] + 0.01, 0.25)
    probes = [[one.chosen for one in row] for row in grid]
    size = np.array([2 ** PchipInterpolator(GRID, np.log2([one.bytes for one in row]))(fine) for row in probes])
    mean = np.array([PchipInterpolator(GRID, [one.mean for one in row])(fine) for row in probes])
    score = np.array([PchipInterpolator(GRID, [one.score for one in row])(fine) for row in probes])
    fixed = 2 ** float(np.interp(quality, mean.mean(axis=0)[::-1], np.log2(size.sum(axis=0))[::-1]))
    found = []
    for price in np.logspace(1, 6, 1000):
        cost = np.where(score >= floor, size - price * mean, np.inf)
        at = (np.arange(len(probes)), np.argmin(cost, axis=1))
        if mean[at].mean() >= quality:
            found.append(float(size[at].sum()) / fixed - 1)
    return min(found, default=None)


def _judged(
    grid: Sequence[Sequence[ChunkEncode]], found: Sequence[Probe], encodes: float, pool: Any, target: float
) -> dict[str, Any]:
    """Bytes against the baseline at the quality that was reached."""
    quality = pool(found)
    columns = [[row[place].chosen for row in grid] for place in range(len(GRID))]
    points = sorted((pool(column), np.log2(sum(probe.bytes for probe in column))) for column in columns)
    fixed = 2 ** float(np.interp(quality, [x for x, _ in points], [y for _, y in points]))
    total = sum(probe.bytes for probe in found)
    return {
        "bytes": total,
        "fixed_bytes": round(fixed),
        "bytes_against_fixed": total / fixed - 1,
        "quality": quality,
        "miss": quality - target,
        "inside_grid": points[0][0] <= quality <= points[-1][0],
        "q": [probe.q for probe in found],
        "encodes": encodes,
    }


def _worst(found: Sequence[Probe]) -> float:
    return min(min(probe.mean, probe.low + 3) for probe in found)


def _mean(found: Sequence[Probe]) -> float:
    return float(np.mean([probe.mean for probe in found]))


def _accepted(probes: Sequence[Probe], lowest: float) -> Probe:
    """The coarsest trial that is not below the floor, as the search accepts it; else the best there is."""
    fine = [probe for probe in probes if probe.score >= lowest - TOLERANCE]
    return max(fine, key=lambda probe: probe.q) if fine else max(probes, key=lambda probe: probe.mean)


def _request(options: Any, size: tuple[int, int]) -> ChunkRequest:
    settings = EncodingSettings(heights=(options.lines,), h264_height=0, target=options.target, preset=options.preset)
    (rung,) = ladder.rungs(*size, settings)
    rung = replace(rung, max_rate=10**9)  # the baseline has no limit either
    frames = FrameRange(0, options.frames)
    return ChunkRequest(rung, frames, (0,), RATE, *size, BT709_SIGNAL, 36.0, settings.probes)


def _encode(request: ChunkRequest, shot: Path, folder: Path, q: float | None = None) -> ChunkEncode:
    made = encode_chunk(replace(request, q=q), Picture(shot, request.frames), folder, lambda _: None)
    (folder / "chunk.mkv").unlink()
    return made


def _shot(file: Path, target: Path, options: Any) -> tuple[Path, tuple[int, int]]:
    """The first frames at the rendition's size, lossless; its size."""
    width = options.lines * 16 // 9 // 2 * 2
    scale = (
        f"scale={width}:{options.lines}:flags=lanczos:force_original_aspect_ratio=increase,crop={width}:{options.lines}"
    )
    tail = ["-an", "-frames:v", str(options.frames), *lossless_intermediate(f"{scale},setsar=1")]
    source = ["-stream_loop", "-1", *ffmpeg.input_arguments(file, RATE)]
    ffmpeg.run([*source, *tail, ffmpeg.file_url(target)], doing="cutting a shot")
    return target, (width, options.lines)


if __name__ == "__main__":
    main()
