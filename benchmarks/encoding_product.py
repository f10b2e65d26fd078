"""The product's own two modes over the shots of a programme, for the comparison of encoders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from encoding_clips import Shot
from encoding_contents import RATE
from encoding_ledger import Ledger
from footlights.core import records
from footlights.core.encodes import ChunkEncode, Probe
from footlights.core.signal import BT709_SIGNAL
from footlights.core.time import FrameRange
from footlights.encoding import ladder
from footlights.encoding.peaks import Caps
from footlights.engine.tasks import Task
from footlights.pipeline.allotting import ROUNDS, raised, still_good, trims
from footlights.pipeline.chunks import ChunkRequest, Picture
from footlights.pipeline.graph import ENCODE
from footlights.pipeline.rungs import encode_chunk
from footlights.pipeline.waves import Asked, curve_of, waves
from footlights.settings import EncodingSettings

_SLACK = EncodingSettings().slack
_NO_CAPS = Caps(segment=1e9, window=1e9)
"""The others have none."""


def floor_way(shots: Sequence[Shot], options: Any, work: Path, ledger: Ledger) -> dict[str, Any]:
    """Every shot searched to the target, dear ones then brought down to it, as `pipeline.allotting` does it."""
    requests = [_request(shot, number, options) for number, shot in enumerate(shots)]
    made = _searched(shots, requests, work, ledger)
    trials, chosen = [list(one.probes) for one in made], [one.chosen for one in made]
    for place, q in trims(list(zip(requests, trials, made, strict=True))).items():
        again = _encode(replace(requests[place], q=q), shots[place], work, ledger)
        trials[place].append(again.chosen)
        chosen[place] = again.chosen if still_good(made[place], again) else chosen[place]
    return {
        "chosen": [_numbers(one) for one in chosen],
        "encodes": [len(one) for one in trials],
        "trials": [[[*_numbers(probe), probe.why] for probe in row] for row in trials],
        "outcomes": [one.outcome for one in made],
        "priors": [one.prior for one in made],
        "proxies": [one.proxy and [one.proxy.q, round(one.proxy.score, 3)] for one in made],
        "targets": [one.target for one in made],
    }


def mean_way(shots: Sequence[Shot], options: Any, work: Path, ledger: Ledger) -> dict[str, Any]:
    """The first trials, then allocation, as `pipeline.allotting` does it."""
    requests = [_request(shot, number, options, _SLACK) for number, shot in enumerate(shots)]
    searched = _searched(shots, requests, work, ledger)
    trials, chosen = [list(one.probes) for one in searched], [one.chosen for one in searched]
    names = [str(number) for number in range(len(shots))]
    for number in range(ROUNDS):
        curves = [curve_of(*one) for one in zip(requests, trials, chosen, strict=True)]
        again = raised(curves, names, requests[0].rung, options.target, number, _NO_CAPS)
        for place, q in ((int(name), q) for name, q in again.items()):
            chosen[place] = _encode(replace(requests[place], q=q), shots[place], work, ledger).chosen
            trials[place].append(chosen[place])
    return {
        "chosen": [_numbers(one) for one in chosen],
        "encodes": [len(one) for one in trials],
        "trials": [[[*_numbers(probe), probe.why] for probe in row] for row in trials],
        "priors": [one.prior for one in searched],
        "proxies": [one.proxy and [one.proxy.q, round(one.proxy.score, 3)] for one in searched],
    }


def _searched(shots: Sequence[Shot], requests: Sequence[ChunkRequest], work: Path, ledger: Ledger) -> list[ChunkEncode]:
    """In the waves of the product."""
    tasks = [
        Task(f"encode/{request.rung.name}/{number}", ENCODE, 1, {"request": records.to_data(request)})
        for number, request in enumerate(requests)
    ]
    course, results = waves(tasks), dict[str, ChunkEncode]()
    try:
        wave = next(course)
        while True:
            for task in wave:
                asked = Asked.of(task).request
                shot = shots[int(task.id.rpartition("/")[2])]
                results[task.id] = _encode(asked, shot, work, ledger)
            wave = course.send(results)
    except StopIteration:
        return [results[task.id] for task in tasks]


def _request(shot: Shot, number: int, options: Any, slack: float = 0.0) -> ChunkRequest:
    settings = EncodingSettings(
        heights=(shot.height,), h264_height=0, target=options.target, preset=options.preset, dark=0
    )
    (rung,) = ladder.rungs(shot.width, shot.height, settings)
    rung = replace(rung, max_rate=10**12)  # the others have no limit either
    frames = FrameRange(number * options.frames, (number + 1) * options.frames)
    guess = ladder.first_guess(rung, shot.look)
    return ChunkRequest(
        rung, frames, (0,), RATE, rung.width, rung.height, BT709_SIGNAL, guess, settings.probes, look=shot.look,
        banding=options.banding, slope=ladder.expected_slope(rung, shot.look), slack=slack,
    )  # fmt: skip


def _encode(request: ChunkRequest, shot: Shot, work: Path, ledger: Ledger) -> ChunkEncode:
    return ledger.once([shot.name, request], ChunkEncode, partial(_chunk, request, shot, work))


def _chunk(request: ChunkRequest, shot: Shot, work: Path) -> ChunkEncode:
    made = encode_chunk(request, Picture(shot.path, FrameRange(0, shot.frames)), work, lambda _: None)
    (work / "chunk.mkv").unlink()
    return made


def _numbers(one: Probe) -> list[float]:
    return [one.q, one.bytes, one.mean, one.low, round(one.score, 3)]
