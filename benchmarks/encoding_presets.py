"""Bytes and time of SVT-AV1's presets and of x265 medium at one mean VMAF-NEG, shot by shot.

    python benchmarks/encoding.py --part presets --data DIR [--shots 4] [--frames 32] [--presets 10 8 6 4]

Unlike shots of `encoding_contents` at 960×540, each encoded alone at two values of CRF around the target; the logarithm
of bytes is interpolated between them. `cpu` is processor time of the encodes, relative to preset 10 in the same run.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from bench import arguments, machine, parsed, table, write
from encoding_baselines import probe
from encoding_clips import Shot
from encoding_contents import PROGRAMMES, cut_take
from encoding_ledger import Ledger
from footlights.encoding.encoders import X265, Encoder, SvtAv1

TAKES = (("concert", 4), ("home", 0), ("street", 0), ("studio", 2))
"""Programme and number of the take."""
VALUES = {"svt": (30.0, 40.0), "x265": (20.0, 26.0)}


def main() -> None:
    parser = arguments("encoding_presets", __doc__)
    parser.add_argument("--shots", type=int, default=len(TAKES))
    parser.add_argument("--frames", type=int, default=32)
    parser.add_argument("--presets", type=int, nargs="+", default=[10, 8, 6, 4])
    parser.add_argument("--target", type=float, default=93.0)
    options = parsed(parser)
    encoders: dict[str, Encoder] = {f"preset {n}": SvtAv1(preset=n) for n in options.presets}
    encoders["x265 medium"] = X265(preset="medium")
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "work").mkdir()
        shots = [
            cut_take(options.data, PROGRAMMES[name][number], 540, options.frames, folder)
            for name, number in TAKES[: options.shots]
        ]
        rows = [{name: _measured(one, shot, options, folder) for name, one in encoders.items()} for shot in shots]
    first = next(iter(encoders))
    summary = {name: _against([row[name] for row in rows], [row[first] for row in rows]) for name in encoders}
    facts = {name: getattr(options, name) for name in ("frames", "target")}
    named = [{"shot": shot.name, **row} for shot, row in zip(shots, rows, strict=True)]
    write(options.out, {"machine": machine(), "options": facts, "summary": summary, "shots": named})
    table(("", "bytes", "least", "most", "cpu"), [(name, *one.values()) for name, one in summary.items()])


def _measured(encoder: Encoder, shot: Shot, options: Any, folder: Path) -> dict[str, Any]:
    ledger = Ledger(folder / "pieces")
    made = [probe(encoder, q, shot, ledger) for q in VALUES["x265" if isinstance(encoder, X265) else "svt"]]
    fine, coarse = made
    slope = np.log(fine.bytes / coarse.bytes) / (fine.mean - coarse.mean)
    return {
        "bytes": round(float(coarse.bytes * np.exp(slope * (options.target - coarse.mean)))),
        "cpu": round(ledger.encode, 2),
        "points": [[one.q, one.bytes, one.mean] for one in made],
    }


def _against(ours: list[dict[str, Any]], base: list[dict[str, Any]]) -> dict[str, float]:
    logs = [float(np.log(one["bytes"] / other["bytes"])) for one, other in zip(ours, base, strict=True)]
    return {
        "bytes": round(float(np.expm1(np.mean(logs))), 3),
        "least": round(float(np.expm1(min(logs))), 3),
        "most": round(float(np.expm1(max(logs))), 3),
        "cpu": round(sum(one["cpu"] for one in ours) / sum(one["cpu"] for one in base), 2),
    }


if __name__ == "__main__":
    main()
