"""The product's own two modes over the shots of a programme, for the comparison of encoders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from encoding_clips import Shot
from encoding_contents import RATE
from encoding_ledger import Ledger
from footlights.core import records
from footlights.core.encodes import ChunkEncode, Probe, Rung
from footlights.core.signal import BT709_SIGNAL
from footlights.core.time import FrameRange
from footlights.encoding import ladder
from footlights.encoding.allocation import Caps, allocate, fit, floor_of
from footlights.engine.tasks import Task
from footlights.pipeline.chunks import ChunkRequest, Picture
from footlights.pipeline.graph import ENCODE
from footlights.pipeline.rungs import LENIENCE, encode_chunk
from footlights.pipeline.waves import Asked, waves
from footlights.settings import EncodingSettings

_SLACK = EncodingSettings().slack
_ROUNDS, _NEAR, _WORTH = 2, 0.3, 0.5
"""As in `pipeline.allotting`."""


def floor_way(shots: Sequence[Shot], options: Any, work: Path, ledger: Ledger) -> dict[str, Any]:
    """Every shot searched to the target."""
    made = _searched(shots, options, options.target, work, ledger)
    return {
        "chosen": [_numbers(one.chosen) for one in made],
        "encodes": [len(one.probes) for one in made],
        "trials": [[[*_numbers(probe), probe.why] for probe in one.probes] for one in made],
        "outcomes": [one.outcome for one in made],
        "priors": [one.prior for one in made],
        "proxies": [one.proxy and [one.proxy.q, round(one.proxy.score, 3)] for one in made],
        "targets": [one.target for one in made],
    }


def mean_way(shots: Sequence[Shot], options: Any, work: Path, ledger: Ledger) -> dict[str, Any]:
    """Searched to the floors, then allocation, as `pipeline.allotting` does it."""
    searched = _searched(shots, options, options.target - _SLACK, work, ledger)
    trials = [list(one.probes) for one in searched]
    chosen = [one.chosen for one in searched]
    rung = _request(shots[0], 0, options, options.target).rung
    floors = [_floor(one, shot, rung) for one, shot in zip(searched, shots, strict=True)]
    for _ in range(_ROUNDS):
        if abs(np.mean([one.mean for one in chosen]) - options.target) <= _NEAR:
            break
        values = _allotted(shots, trials, chosen, floors, options)
        for number, (shot, q) in enumerate(zip(shots, values, strict=True)):
            if abs(q - chosen[number].q) >= _WORTH:
                request = replace(_request(shot, number, options, options.target), q=q)
                chosen[number] = _encode(request, shot, work, ledger).chosen
                trials[number].append(chosen[number])
    return {
        "chosen": [_numbers(one) for one in chosen],
        "encodes": [len(one) for one in trials],
        "trials": [[[*_numbers(probe), probe.why] for probe in row] for row in trials],
        "floors": floors,
    }


def _floor(encode: ChunkEncode, shot: Shot, rung: Rung) -> float:
    curve = fit(encode.probes, encode.chosen, shot.frames, float(shot.frames / RATE), (rung.q_min, 1e12))
    return min(max(round(floor_of(curve, encode) * 4) / 4, rung.q_min), rung.q_max)


def _allotted(
    shots: Sequence[Shot],
    trials: Sequence[Sequence[Probe]],
    chosen: Sequence[Probe],
    floors: Sequence[float],
    options: Any,
) -> tuple[float, ...]:
    rung = _request(shots[0], 0, options, options.target).rung
    curves = [
        replace(fit(probes, now, shot.frames, float(shot.frames / RATE), (rung.q_min, 1e12)), q_high=floor)
        for shot, probes, now, floor in zip(shots, trials, chosen, floors, strict=True)
    ]
    return allocate(curves, options.target, 0.25, Caps(segment=1e9, window=1e9))


def _searched(shots: Sequence[Shot], options: Any, target: float, work: Path, ledger: Ledger) -> list[ChunkEncode]:
    """In the waves of the product."""
    tasks = []
    for number, shot in enumerate(shots):
        request = replace(
            _request(shot, number, options, target), lenience=LENIENCE if target < options.target else 0.0
        )
        tasks.append(Task(f"encode/{request.rung.name}/{number}", ENCODE, 1, {"request": records.to_data(request)}))
    course, results = waves(tasks), dict[str, ChunkEncode]()
    try:
        wave = next(course)
        while True:
            for task in wave:
                asked = Asked.of(task).request
                shot = shots[asked.frames.start // options.frames]
                results[task.id] = _encode(asked, shot, work, ledger)
            wave = course.send(results)
    except StopIteration:
        return [results[task.id] for task in tasks]


def _request(shot: Shot, number: int, options: Any, target: float) -> ChunkRequest:
    settings = EncodingSettings(heights=(shot.height,), h264_height=0, target=target, preset=options.preset, dark=0)
    (rung,) = ladder.rungs(shot.width, shot.height, settings)
    rung = replace(rung, max_rate=10**12)  # the others have no limit either
    frames = FrameRange(number * options.frames, (number + 1) * options.frames)
    guess = ladder.first_guess(rung, shot.look)
    return ChunkRequest(
        rung, frames, (0,), RATE, rung.width, rung.height, BT709_SIGNAL, guess, settings.probes,
        look=shot.look, banding=24.0, slope=ladder.expected_slope(rung, shot.look),
    )  # fmt: skip


def _encode(request: ChunkRequest, shot: Shot, work: Path, ledger: Ledger) -> ChunkEncode:
    return ledger.once([shot.name, request], ChunkEncode, partial(_chunk, request, shot, work))


def _chunk(request: ChunkRequest, shot: Shot, work: Path) -> ChunkEncode:
    made = encode_chunk(request, Picture(shot.path, FrameRange(0, shot.frames)), work, lambda _: None)
    (work / "chunk.mkv").unlink()
    return made


def _numbers(one: Probe) -> list[float]:
    return [one.q, one.bytes, one.mean, one.low, round(one.score, 3)]
