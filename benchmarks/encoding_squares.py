"""Squares of colour in renditions, and what it costs to have none: quick decisions of SVT-AV1 or on ten bits.

    python benchmarks/encoding.py --part squares --data DIR [--lines 720] [--frames 72] [--ways quick-8 9 8]

Clips in coloured light that moves, and two without, each encoded alone at two values of CRF that lie around the same
scores; the logarithm of bytes is interpolated to the middle of what all ways reach. `colour` is CIEDE2000 of the mean
colours of 64×64 blocks that one in a thousand exceeds (`metrics.coarse`), the worse of both encodes; `square` the mean
error of 32×32 chroma samples in codes of 10 bits that one block in a hundred exceeds, on every picture; `cpu` processor
time of both encodes, one thread each, against the first way. A way is a preset, with `quick-` for quick decisions.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import arguments, machine, parsed, table, write
from encoding_clips import Shot
from encoding_contents import RATE, Take, cut_take
from encoding_ledger import clock
from footlights.core.time import FrameRange
from footlights.encoding.encoders import SvtAv1
from footlights.media import ffmpeg
from footlights.media.reader import VideoReader
from footlights.metrics import sampled
from footlights.metrics.video import Need, judge, large

TAKES = (
    Take("dev_clips/concert_crowd_720p.mp4"),
    Take("dev_clips/face_colourlight_cottonbro.mp4"),
    Take("dev_clips/dance_dj_480p50.mp4", 0, "", 2),
    Take("train_video/imgly_tima_fruit.mp4"),
    Take("train_video/aigen_office1.mp4"),
)
_SIDE = 32


def main() -> None:
    parser = arguments("encoding_squares", __doc__)
    parser.add_argument("--lines", type=int, default=720)
    parser.add_argument("--frames", type=int, default=72)
    parser.add_argument("--ways", nargs="+", default=["quick-8", "9", "8"])
    options = parsed(parser)
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "work").mkdir()
        shots = [cut_take(options.data, take, options.lines, options.frames, folder) for take in TAKES]
        rows = [{"shot": shot.name, **_compared(shot, options.ways)} for shot in shots]
    summary = {
        way: _summary([row[way] for row in rows], [row[options.ways[0]] for row in rows]) for way in options.ways
    }
    facts = {name: getattr(options, name) for name in ("lines", "frames")}
    write(options.out, {"machine": machine(), "options": facts, "summary": summary, "shots": rows})
    table(
        ("", "bytes", "least", "most", "cpu", "colour", "square"),
        [(way, *one.values()) for way, one in summary.items()],
    )


def _encoder(way: str) -> SvtAv1:
    return SvtAv1(preset=int(way.split("-")[-1]), quick=way.startswith("quick"))


def _compared(shot: Shot, ways: list[str]) -> dict[str, dict[str, Any]]:
    base = 30.0 + (6.0 if large(shot.height) else 0.0)
    made = {way: [_one(_encoder(way), base + step, shot) for step in (0.0, 6.0)] for way in ways}
    low = max(min(one["score"] for one in both) for both in made.values())
    high = min(max(one["score"] for one in both) for both in made.values())
    return {way: _at(both, (low + high) / 2, made[ways[0]]) for way, both in made.items()}


def _one(encoder: SvtAv1, q: float, shot: Shot) -> dict[str, float]:
    path, before = shot.path.parent / "work" / "squares.mkv", clock()
    words = [*ffmpeg.input_arguments(shot.path, RATE), *encoder.arguments(q, (0,), RATE), ffmpeg.file_url(path)]
    ffmpeg.run(words, doing="encoding")
    cpu = clock() - before
    need = Need(sampled.CLOSER)
    scores = judge(path, shot.path, RATE, height=shot.height, frames=shot.frames, need=need)
    found = {"q": q, "bytes": path.stat().st_size, "score": scores.score, "colour": scores.colour}
    square = _square(path, shot.path)
    path.unlink()
    return {**found, "square": square, "cpu": cpu}


def _square(test: Path, reference: Path) -> float:
    """Of chroma, 99th percentile over blocks and pictures."""
    found = []
    with VideoReader(test) as ours, VideoReader(reference) as theirs:
        frames = FrameRange(0, theirs.index.frames)
        for one, other in zip(ours.read(frames), theirs.read(frames), strict=True):
            found.append(np.maximum(*(_means(one.planes[n], other.planes[n]) for n in (1, 2))))
    return float(np.percentile(found, 99))


def _means(test: NDArray[Any], reference: NDArray[Any]) -> NDArray[np.float64]:
    rows, columns = (side // _SIDE for side in test.shape)
    error = test[: rows * _SIDE, : columns * _SIDE].astype(np.int32) - reference[: rows * _SIDE, : columns * _SIDE]
    return np.abs(error.reshape(rows, _SIDE, columns, _SIDE).mean(axis=(1, 3)))


def _at(both: list[dict[str, float]], score: float, first: list[dict[str, float]]) -> dict[str, Any]:
    fine, coarse = both
    slope = np.log(fine["bytes"] / coarse["bytes"]) / (fine["score"] - coarse["score"])
    size = float(coarse["bytes"] * np.exp(slope * (score - coarse["score"])))
    cpu = sum(one["cpu"] for one in both) / sum(one["cpu"] for one in first)
    worst = {name: round(max(one[name] for one in both), 2) for name in ("colour", "square")}
    points = [[one["q"], one["bytes"], round(one["score"], 2)] for one in both]
    return {"score": round(score, 2), "bytes": round(size), "cpu": round(cpu, 2), **worst, "points": points}


def _summary(ours: list[dict[str, Any]], base: list[dict[str, Any]]) -> dict[str, float]:
    logs = [float(np.log(one["bytes"] / other["bytes"])) for one, other in zip(ours, base, strict=True)]
    return {
        "bytes": round(float(np.expm1(np.mean(logs))), 3),
        "least": round(float(np.expm1(min(logs))), 3),
        "most": round(float(np.expm1(max(logs))), 3),
        "cpu": round(float(np.mean([one["cpu"] for one in ours])), 2),
        "colour": max(one["colour"] for one in ours),
        "square": max(one["square"] for one in ours),
    }


if __name__ == "__main__":
    main()
