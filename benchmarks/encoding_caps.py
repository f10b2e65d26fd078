"""Caps on rates in the mode `mean`, on measured curves and without encoding: what is kept, and what it costs.

    python benchmarks/encoding.py --part caps [--programmes 8] [--minutes 30]

Reads `results/encoding_curves.json` (`--part curves`; 540 lines). A programme is a row of acts of one to four minutes;
each shows the shots of one or two sources, drawn by chance, in segments of four seconds. The rounds of the product run
(`pipeline.allotting.raised`, floors and all) without caps and with them; a trial is the measured curve with noise of
0.05 VMAF. Counted by what stands after the last round, as the report of a job does by its finished files: highest
segment and five minutes as multiples of the average that resulted, and runs over a cap, those apart of which every
segment is within a point of its floor or at the coarsest q that was measured, where nothing more may be cut.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bench import RESULTS, machine, table, write
from encoding_simulated import SLACK, Q, Shot, floor_search, measured_shots, rung_of, shot_curve
from footlights.core.encodes import Probe
from footlights.encoding.peaks import Caps, over, worst_segment, worst_window
from footlights.pipeline.allotting import ROUNDS, raised, standing

TARGETS = (88.0, 91.0)
SECONDS = 4.0
WAYS = {"none": Caps(segment=1e9, window=1e9), "caps": Caps()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="not needed")
    parser.add_argument("--curves", type=Path, default=RESULTS / "encoding_curves.json")
    parser.add_argument("--out", type=Path, default=RESULTS / "encoding_caps.json")
    parser.add_argument("--programmes", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=30.0)
    options = parser.parse_args()
    shots = measured_shots(json.loads(options.curves.read_text("utf-8")))
    rows = []
    for target in TARGETS:
        for seed in range(options.programmes):
            programme = _programme(shots, round(options.minutes * 60 / SECONDS), np.random.default_rng(seed))
            rows += [{"target": target, "programme": seed, "way": name, **_row(programme, target, seed, caps)}
                     for name, caps in WAYS.items()]  # fmt: skip
    facts = {"programmes": options.programmes, "minutes": options.minutes}
    summary = [_mean(rows, target, name) for target in TARGETS for name in WAYS]
    write(options.out, {"machine": machine(), **facts, "rows": rows, "summary": summary})
    table(tuple(summary[0]), [list(one.values()) for one in summary])


def _programme(shots: Sequence[Shot], count: int, draw: np.random.Generator) -> list[Shot]:
    sources = sorted({shot.source for shot in shots})
    found: list[Shot] = []
    while len(found) < count:
        seen = draw.choice(sources, draw.integers(1, 3), replace=False)
        shown = [shot for shot in shots if shot.source in seen]
        found += [shown[draw.integers(len(shown))] for _ in range(draw.integers(15, 61))]
    return found[:count]


def _row(programme: Sequence[Shot], target: float, seed: int, caps: Caps) -> dict[str, Any]:
    chosen, encodes = _allotted(programme, target, np.random.default_rng(seed), caps)
    sizes, seconds = [float(one.bytes) for one in chosen], [SECONDS] * len(chosen)
    window = worst_window(sizes, seconds)
    broken = over(sizes, seconds, Caps())
    lowest = [one.score <= target - SLACK + 1.0 or one.q == Q[-1] for one in chosen]
    stuck = [run for run in broken if all(lowest[run.start : run.stop])]
    return {
        "segment": round(worst_segment(sizes, seconds).times, 3),
        "window": round(window.times, 3) if window else 0.0,
        "over": len(broken) - len(stuck),
        "over_on_floor": len(stuck),
        "megabytes": round(sum(sizes) / 1e6, 2),
        "lowest": round(min(one.score for one in chosen), 2),
        "mean": round(float(np.mean([one.mean for one in chosen])), 3),
        "encodes": round(encodes, 3),
    }


def _allotted(
    programme: Sequence[Shot], target: float, draw: np.random.Generator, caps: Caps
) -> tuple[list[Probe], float]:
    """What stands after all rounds, and encodes a segment."""
    rung = rung_of(target)
    searched = [floor_search(shot, target, draw, SLACK) for shot in programme]
    trials, chosen = [list(one.probes) for one in searched], [one.chosen for one in searched]
    names, made = [str(number) for number in range(len(programme))], [[one] for one in chosen]
    for number in range(ROUNDS):
        curves = [
            replace(shot_curve(*one, rung), seconds=SECONDS) for one in zip(programme, trials, chosen, strict=True)
        ]
        for place, q in ((int(name), q) for name, q in raised(curves, names, rung, target, number, caps).items()):
            chosen[place] = programme[place].probe(min(q, Q[-1]), draw)
            trials[place].append(chosen[place])
            made[place].append(chosen[place])
    shipped = [one[standing(one, target - SLACK)] for one in made]
    return shipped, sum(map(len, trials)) / len(trials)


def _mean(rows: Sequence[dict[str, Any]], target: float, way: str) -> dict[str, Any]:
    own = [row for row in rows if row["target"] == target and row["way"] == way]
    names = [name for name in own[0] if name not in ("target", "programme", "way")]
    highest = {f"highest_{name}": max(row[name] for row in own) for name in ("segment", "window")}
    means = {name: round(float(np.mean([row[name] for row in own])), 3) for name in names}
    return {"target": target, "way": way, **means, **highest}


if __name__ == "__main__":
    main()
