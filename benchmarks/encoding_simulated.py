"""Searches and allocation on measured curves, without encoding: floor and mean mode, one CRF, the scheme of Av1an.

    python benchmarks/encoding.py --part simulated [--groups 60]

Reads `results/encoding_curves.json` (`--part curves`). Bytes and what is lacking of VMAF 100 go by monotone cubics
through the six encodes of a shot; a simulated trial adds noise of 0.05 VMAF. Groups are programmes of unlike shots, one
from each of so many sources, 540 lines, as if nothing had been learnt before (cold searches, the product's first guess
from the look). `floor` and the scheme of Av1an are held against one CRF at their own worst shot, and against each other
through it; `mean` against one CRF at its mean, with what is possible at that mean under the same floor where every
curve is known. The first guess was fitted to these sources; leaving each out in turn makes it less sure (see `ladder`).
Intervals: bootstrap over groups. `warm` is the search of all 44 chunks (22 shots at 540 and 270 lines) as one
programme in the waves of the product (`pipeline.waves`), as a concert whose cameras return; `cold` the same without
what was learnt.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.interpolate import PchipInterpolator

from bench import RESULTS, machine, table, write
from encoding_av1an import search as av1an_search
from encoding_clips import RATE
from footlights.core import records
from footlights.core.encodes import ChunkEncode, Look, Probe, Rung
from footlights.core.signal import BT709_SIGNAL
from footlights.core.time import FrameRange
from footlights.encoding import ladder
from footlights.encoding.allocation import Curve, fit, floor_of
from footlights.encoding.peaks import Caps
from footlights.encoding.search import Goal, Prior, search
from footlights.engine.tasks import Task
from footlights.pipeline.allotting import ROUNDS, raised
from footlights.pipeline.chunks import TOLERANCE, ChunkRequest
from footlights.pipeline.graph import ENCODE
from footlights.pipeline.waves import Asked, waves
from footlights.settings import EncodingSettings

Q = np.arange(18.0, 55.01, 0.25)
TARGETS, SIZES = (88.0, 91.0), (4, 6)
SLACK = EncodingSettings().slack
NOISE = 0.05


@dataclass(frozen=True, slots=True)
class Shot:
    """One shot's curves over q: logarithms to the base 2 of bytes and of what mean and 5th percentile lack of 100."""

    source: str
    look: Look
    bytes: PchipInterpolator
    mean: PchipInterpolator
    low: PchipInterpolator

    def score(self, q: Any) -> Any:
        return np.minimum(100 - 2 ** self.mean(q), 103 - 2 ** self.low(q))

    def probe(self, q: float, draw: np.random.Generator) -> Probe:
        noise = draw.normal(0, NOISE)
        mean, low = (100 - float(2 ** one(q)) + noise for one in (self.mean, self.low))
        return Probe(q, int(2 ** self.bytes(q)), mean, low, low)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="not needed")
    parser.add_argument("--curves", type=Path, default=RESULTS / "encoding_curves.json")
    parser.add_argument("--out", type=Path, default=RESULTS / "encoding_simulated.json")
    parser.add_argument("--groups", type=int, default=60)
    options = parser.parse_args()
    shots = measured_shots(json.loads(options.curves.read_text("utf-8")))
    rows = [_row(shots, target, size, options.groups) for target in TARGETS for size in SIZES]
    courses = [_course(options.curves, target) for target in (87.0, 90.0, 93.0)]
    result = {"groups": options.groups, "tolerance": TOLERANCE, "rows": rows, "courses": courses}
    write(options.out, {"machine": machine(), **result})
    first = ("target", "shots", "floor_vs_crf", "av1an_vs_crf", "floor_vs_av1an", "mean_vs_crf", "mean_possible")
    second = ("target", "shots", "trials", "av1an_trials", "mean_encodes", "miss", "miss_p95", "mean_miss")
    for names in (first, second):
        table(names, [[row[name] for name in names] for row in rows])
    names = tuple(courses[0])
    table(names, [[row[name] for name in names] for row in courses])


def measured_shots(measured: dict[str, Any], lines: str = "540") -> list[Shot]:
    shots = []
    for one in measured["shots"]:
        q, size, mean, low = np.array(one["curves"][lines]).T
        ways = [PchipInterpolator(q, np.log2(values)) for values in (size, 100 - mean, 100 - low)]
        shots.append(Shot(one["source"], Look(*one["look"]), *ways))
    return shots


def _course(curves: Path, target: float) -> dict[str, Any]:
    """Trials and misses of one programme of all shots at both sizes."""
    measured = json.loads(curves.read_text("utf-8"))
    shots = {lines: measured_shots(measured, str(lines)) for lines in (540, 270)}
    settings = EncodingSettings(heights=(540, 270), h264_height=0, target=target)
    tasks = []
    for rung in ladder.rungs(960, 540, settings):
        for number, shot in enumerate(shots[rung.height]):
            request = ChunkRequest(
                rung, FrameRange(number * 32, number * 32 + 32), (0,), RATE, rung.width, rung.height, BT709_SIGNAL,
                ladder.first_guess(rung, shot.look), settings.probes, look=shot.look,
                slope=ladder.expected_slope(rung, shot.look),
            )  # fmt: skip
            tasks.append(Task(f"encode/{rung.name}/{number}", ENCODE, 1, {"request": records.to_data(request)}))
    draw = np.random.default_rng(2)

    def answer(task: Task) -> ChunkEncode:
        asked = Asked.of(task).request
        shot = shots[asked.rung.height][asked.frames.start // 32]
        return _searched(shot, asked.rung, Prior(asked.guess, asked.slope), draw)

    course, warm = waves(tasks), dict[str, ChunkEncode]()
    try:
        wave = next(course)
        while True:
            warm |= {task.id: answer(task) for task in wave}
            wave = course.send(warm)
    except StopIteration:
        pass
    return {
        "target": target,
        **_trials("cold", [answer(task) for task in tasks]),
        **_trials("warm", list(warm.values())),
    }


def _trials(name: str, made: Sequence[ChunkEncode]) -> dict[str, Any]:
    counts = [len(one.probes) for one in made]
    misses = [abs(one.chosen.score - one.target) for one in made if one.outcome in ("reached", "budget")]
    return {
        name: _average(counts),
        f"{name}_p95": float(np.percentile(counts, 95)),
        f"{name}_miss": _average(misses),
        f"{name}_miss_p95": round(float(np.percentile(misses, 95)), 3),
        f"{name}_unflagged": sum(abs(one.chosen.score - one.target) > 0.5 for one in made if one.outcome == "reached"),
    }


def _row(shots: Sequence[Shot], target: float, size: int, count: int) -> dict[str, Any]:
    draw = np.random.default_rng(1)
    groups = [_group(shots, size, draw) for _ in range(count)]
    floor = [[floor_search(shot, target, draw) for shot in group] for group in groups]
    av1an = [[av1an_search(lambda q, s=shot: s.probe(q, draw), target) for shot in group] for group in groups]
    mean = [_mean(group, target, draw) for group in groups]
    ours = np.array(
        [_against_floor(group, [one.chosen for one in made]) for group, made in zip(groups, floor, strict=True)]
    )
    theirs = np.array(
        [_against_floor(group, [one for one, _ in made]) for group, made in zip(groups, av1an, strict=True)]
    )
    means = np.array([_against_mean(group, made) for group, (made, _) in zip(groups, mean, strict=True)])
    possible = np.array(
        [_possible(group, _mean_of(made), target) for group, (made, _) in zip(groups, mean, strict=True)]
    )
    reached = [one for made in floor for one in made if one.outcome in ("reached", "budget")]
    return {
        "target": target,
        "shots": size,
        "floor_vs_crf": _share(ours),
        "floor_vs_crf_interval": _interval(ours, draw),
        "av1an_vs_crf": _share(theirs),
        "floor_vs_av1an": _share(ours - theirs),
        "floor_vs_av1an_interval": _interval(ours - theirs, draw),
        "mean_vs_crf": _share(means),
        "mean_vs_crf_interval": _interval(means, draw),
        "mean_possible": _share(possible[np.isfinite(possible)]),
        "trials": _average(len(one.probes) for made in floor for one in made),
        "av1an_trials": _average(len(tried) for made in av1an for _, tried in made),
        "mean_encodes": _average(number for _, number in mean),
        "miss": _average(abs(one.chosen.score - target) for one in reached),
        "miss_p95": round(float(np.percentile([abs(one.chosen.score - target) for one in reached], 95)), 3),
        "mean_miss": _average(abs(_mean_of(made) - target) for made, _ in mean),
    }  # fmt: skip


def _group(shots: Sequence[Shot], size: int, draw: np.random.Generator) -> list[Shot]:
    by_source: dict[str, list[Shot]] = {}
    for shot in shots:
        by_source.setdefault(shot.source, []).append(shot)
    names = draw.choice(sorted(by_source), size, replace=False)
    return [by_source[name][draw.integers(len(by_source[name]))] for name in names]


def rung_of(target: float) -> Rung:
    (rung,) = ladder.rungs(960, 540, EncodingSettings(heights=(540,), h264_height=0, target=target))
    return rung


def floor_search(shot: Shot, target: float, draw: np.random.Generator, slack: float = 0.0) -> ChunkEncode:
    """A cold search of the product."""
    rung = rung_of(target)
    prior = Prior(ladder.first_guess(rung, shot.look), ladder.expected_slope(rung, shot.look))
    return _searched(shot, rung, prior, draw, slack)


def _searched(shot: Shot, rung: Rung, prior: Prior, draw: np.random.Generator, slack: float = 0.0) -> ChunkEncode:
    lowest, probes = max(rung.q_min, Q[0]), EncodingSettings().probes
    goal = Goal(rung.target, TOLERANCE + slack, lowest, rung.q_max, 0.25, probes)
    solver = search(goal, prior)
    made: list[Probe] = []
    try:
        trial = next(solver)
        while True:
            made.append(shot.probe(trial.q, draw))
            trial = solver.send(min(made[-1].score, rung.target) if slack else made[-1].score)
    except StopIteration as end:
        chosen = next(one for one in made if one.q == end.value.q)
        return ChunkEncode(
            rung.name, FrameRange(0, 32), (0,), chosen, tuple(made), end.value.outcome, target=rung.target - slack
        )


def _mean(group: Sequence[Shot], target: float, draw: np.random.Generator) -> tuple[list[Probe], float]:
    """The mode `mean` without proxies: what was accepted, and encodes a shot."""
    rung = rung_of(target)
    searched = [floor_search(shot, target, draw, SLACK) for shot in group]
    trials, chosen = [list(one.probes) for one in searched], [one.chosen for one in searched]
    names = [str(number) for number in range(len(group))]
    for number in range(ROUNDS):
        curves = [shot_curve(*one, rung) for one in zip(group, trials, chosen, strict=True)]
        again = raised(curves, names, rung, target, number, Caps(segment=1e9, window=1e9), blind=True)
        for place, q in ((int(name), q) for name, q in again.items()):
            chosen[place] = group[place].probe(q, draw)
            trials[place].append(chosen[place])
    return chosen, _average(len(one) for one in trials)


def shot_curve(shot: Shot, trials: Sequence[Probe], chosen: Probe, rung: Rung) -> Curve:
    curve = fit(trials, chosen, 32, 1.28, (Q[0], 1e12), ladder.doubling(shot.look))
    floor = floor_of(curve, chosen.score, rung.target - SLACK, (Q[0], Q[-1]), 0.25)
    return replace(curve, q_high=floor, q_low=min(curve.q_low, floor))


def _mean_of(made: Sequence[Probe]) -> float:
    return float(np.mean([one.mean for one in made]))


def _against_floor(group: Sequence[Shot], made: Sequence[Probe]) -> float:
    """Logarithm of bytes against one CRF whose worst shot is as good as the worst of these."""
    return _against(group, made, lambda shot: shot.score(Q), np.min, min(one.score for one in made))


def _against_mean(group: Sequence[Shot], made: Sequence[Probe]) -> float:
    return _against(group, made, lambda shot: 100 - 2 ** shot.mean(Q), np.mean, _mean_of(made))


def _against(
    group: Sequence[Shot], made: Sequence[Probe], shown: Callable[[Shot], Any], pool: Callable[..., Any], quality: float
) -> float:
    pooled = pool([shown(shot) for shot in group], axis=0)
    total = np.log(np.sum([2 ** shot.bytes(Q) for shot in group], axis=0))
    return float(np.log(sum(one.bytes for one in made)) - np.interp(-quality, -pooled, total))


def _possible(group: Sequence[Shot], quality: float, target: float) -> float:
    """The least bytes at that mean with every shot above the floor, against one CRF; NaN where there are none."""
    size = np.array([2 ** shot.bytes(Q) for shot in group])
    mean = np.array([100 - 2 ** shot.mean(Q) for shot in group])
    score = np.array([shot.score(Q) for shot in group])
    found = np.inf
    for price in np.logspace(1, 6, 600):
        at = (np.arange(len(group)), np.argmin(np.where(score >= target - SLACK, size - price * mean, np.inf), axis=1))
        if mean[at].mean() >= quality:
            found = min(found, float(size[at].sum()))
    fixed = np.interp(-quality, -mean.mean(axis=0), np.log(size.sum(axis=0)))
    return float(np.log(found) - fixed) if np.isfinite(found) else float("nan")


def _average(values: Any) -> float:
    return round(float(np.mean(list(values))), 3)


def _share(logs: np.ndarray) -> float:
    return round(float(np.expm1(logs.mean())), 4)


def _interval(logs: np.ndarray, draw: np.random.Generator) -> list[float]:
    spread = [np.mean(draw.choice(logs, len(logs))) for _ in range(1000)]
    return [round(float(x), 4) for x in np.expm1(np.percentile(spread, (2.5, 97.5)))]


if __name__ == "__main__":
    main()
