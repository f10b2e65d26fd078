"""The search for q: trials with priors and without, and how far the accepted trial is from the target.

    python benchmarks/encoding.py --part search --data DIR [--lines 540 270] [--frames 24] [--preset 10]

One programme of all shots of `encoding_clips`, each shot a chunk, at every height. `warm` goes in the waves of the
product (`pipeline.waves`), `cold` is the same search from a guess by the pictures alone. Real encodes, VMAF-NEG of
every frame; grain is kept. Intervals: bootstrap over chunks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from bench import arguments, machine, parsed, table, write
from encoding_clips import PROGRAMMES, RATE, Shot, cut
from footlights.core import records
from footlights.core.encodes import ChunkEncode
from footlights.core.signal import BT709_SIGNAL
from footlights.core.time import FrameRange
from footlights.encoding import ladder
from footlights.engine.tasks import Task
from footlights.pipeline.chunks import ChunkRequest, Picture
from footlights.pipeline.graph import ENCODE
from footlights.pipeline.rungs import encode_chunk
from footlights.pipeline.waves import Asked, waves
from footlights.settings import EncodingSettings


def main() -> None:
    parser = arguments("encoding_search", __doc__)
    parser.add_argument("--lines", type=int, nargs="+", default=[540, 270])
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--preset", type=int, default=10)
    parser.add_argument("--target", type=float, default=93.0)
    options = parsed(parser)
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "work").mkdir()
        pictures = {
            lines: [shot for name in PROGRAMMES for shot in cut(options.data, name, lines, options.frames, folder)]
            for lines in options.lines
        }
        tasks = _tasks(pictures, options)
        warm = _warm(tasks, pictures, folder / "work")
        cold = [_answer(task, pictures, folder / "work") for task in tasks]
    result = {"warm": _summary(warm), "cold": _summary(cold)}
    facts = {name: getattr(options, name) for name in ("lines", "frames", "preset", "target")}
    rows = [_row(task, pictures, one, other) for task, one, other in zip(tasks, warm, cold, strict=True)]
    write(options.out, {"machine": machine(), "options": facts, "summary": result, "chunks": rows})
    names = ("trials", "interval", "p95", "miss", "miss_p95", "outcomes", "n")
    table(("", *names), [(way, *(found[name] for name in names)) for way, found in result.items()])


def _tasks(pictures: dict[int, list[Shot]], options: Any) -> list[Task]:
    tasks = []
    settings = EncodingSettings(
        heights=tuple(pictures), h264_height=0, target=options.target, preset=options.preset, dark=0
    )
    largest = pictures[max(pictures)]
    for rung in ladder.rungs(largest[0].width, largest[0].height, settings):
        for number, shot in enumerate(largest):
            frames = FrameRange(number * options.frames, (number + 1) * options.frames)
            request = ChunkRequest(
                rung, frames, (0,), RATE, rung.width, rung.height, BT709_SIGNAL,
                ladder.first_guess(rung, shot.look), settings.probes, look=shot.look, banding=24.0,
                slope=ladder.expected_slope(rung, shot.look),
            )  # fmt: skip
            tasks.append(Task(f"encode/{rung.name}/{number}", ENCODE, 1, {"request": records.to_data(request)}))
    return tasks


def _warm(tasks: Sequence[Task], pictures: dict[int, list[Shot]], work: Path) -> list[ChunkEncode]:
    course, results = waves(tasks), dict[str, ChunkEncode]()
    try:
        wave = next(course)
        while True:
            results |= {task.id: _answer(task, pictures, work) for task in wave}
            wave = course.send(results)
    except StopIteration:
        return [results[task.id] for task in tasks]


def _answer(task: Task, pictures: dict[int, list[Shot]], work: Path) -> ChunkEncode:
    request = Asked.of(task).request
    shot = pictures[request.rung.height][request.frames.start // len(request.frames)]
    made = encode_chunk(request, Picture(shot.path, FrameRange(0, shot.frames)), work, lambda _: None)
    (work / "chunk.mkv").unlink()
    return made


def _summary(encodes: Sequence[ChunkEncode]) -> dict[str, Any]:
    trials = np.array([len(one.probes) for one in encodes])
    inside = [one for one in encodes if one.outcome in ("reached", "budget")]
    misses = np.abs([one.chosen.score - one.target for one in inside])
    draws = np.random.default_rng(1).choice(trials, (2000, len(trials))).mean(axis=1)
    return {
        "n": len(encodes),
        "trials": float(trials.mean()),
        "interval": [round(float(value), 2) for value in np.percentile(draws, (2.5, 97.5))],
        "p95": float(np.percentile(trials, 95)),
        "miss": float(misses.mean()),
        "miss_p95": float(np.percentile(misses, 95)),
        "unflagged": sum(bool(abs(one.chosen.score - one.target) > 0.5) for one in inside if one.outcome == "reached"),
        "outcomes": dict(Counter(one.outcome for one in encodes)),
        "by_prior": {
            prior: float(np.mean([len(one.probes) for one in encodes if one.prior == prior]))
            for prior in sorted({one.prior for one in encodes})
        },
    }


def _row(task: Task, pictures: dict[int, list[Shot]], warm: ChunkEncode, cold: ChunkEncode) -> dict[str, Any]:
    request = Asked.of(task).request
    shot = pictures[request.rung.height][request.frames.start // len(request.frames)]
    return {
        "shot": shot.name,
        "rung": request.rung.name,
        **{
            way: {"prior": one.prior, "outcome": one.outcome, "trials": [[p.q, p.score, p.why] for p in one.probes]}
            for way, one in (("warm", warm), ("cold", cold))
        },
    }


if __name__ == "__main__":
    main()
