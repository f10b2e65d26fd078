"""How bad one second of an accepted encode is, and what the newer VMAF says of encodes and of their grain.

    python benchmarks/encoding.py --part pooling --data DIR [--programmes concert ...] [--work DIR] [--beside 8]

The encodes are those that the product accepted in the mode `floor` (`results/encoding_baselines.json`), made again from
the same shots, and, of two shots of every programme, one finer and one coarser by `--beside` units of q. Each is scored
twice: as the product does, and on every frame by VMAF-NEG and by VMAF v1 in one pass.

seconds   the lowest mean over one second (25 frames on end): how often a score that took it as well, and allowed it to
          lie 0 to 3 below, would be lower than the lesser of mean and 5th percentile + 3, and by how much.
models    rank correlation of the two over all encodes and inside shots; and what each says of every shot beside itself.
grain     the first shot with grain of every programme at `--grain-q`: grain kept in the pictures, taken out, and drawn
          again by the decoder, each against the pictures with grain; and taken out against pictures without, which is
          what a search judges.

With `--work` what is finished is kept there, and a run that was stopped goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from bench import RESULTS, arguments, machine, parsed, table, write
from encoding_clips import Shot
from encoding_contents import PROGRAMMES, RATE, cut
from footlights.encoding.encoders import SvtAv1
from footlights.media import ffmpeg
from footlights.metrics import sampled
from footlights.metrics.comparison import v1_model
from footlights.metrics.video import Need, judge, model_for
from footlights.pipeline import graining

_ACCEPTED = RESULTS / "encoding_baselines.json"
_SAME = "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv,format=yuv420p10le"
PRESET, LINES, FRAMES, SHOTS = 9, 540, 96, 6
SCORE_ALLOWS = 3.0
"""VMAF by which the 5th percentile may lie below the target."""
ALLOWED = (0.0, 1.0, 2.0, 3.0)
"""The same for the worst second, if it counted."""
_SEEN, _FEW = 0.01, 40
_BESIDE = 2
"""Shots of every programme."""
Row = dict[str, Any]


def main() -> None:
    parser = arguments("encoding_pooling", __doc__)
    parser.add_argument("--programmes", nargs="+", default=list(PROGRAMMES), choices=list(PROGRAMMES))
    parser.add_argument("--work", type=Path, help="folder for shots and finished encodes")
    parser.add_argument("--beside", type=float, default=8.0, help="units of q; 0: accepted encodes alone")
    parser.add_argument("--grain-q", nargs="+", type=float, default=[32.0], help="values of CRF")
    options = parsed(parser)
    with TemporaryDirectory() as scratch:
        work = options.work or Path(scratch)
        own = {name: _of_themselves(name, options, work / name) for name in options.programmes}
        rows = [row for name in options.programmes for row in _programme(name, options, work / name)]
        grain = [row for name in options.programmes for row in _grainy(name, options, work / name)]
    summary = {"seconds": _seconds(rows), "models": _models(rows), "grain": _ranking(grain)}
    found = {"summary": summary, "themselves": own, "encodes": rows, "grain": grain}
    write(options.out, {"machine": machine(), **found})
    table(("encodes", "n", "binding", "share", "by, mean", "most"), _lines(summary["seconds"]))
    print(json.dumps({name: summary[name] for name in ("models", "grain")}, indent=1))


def _lines(found: Row) -> list[tuple[object, ...]]:
    return [(name, *one.values()) for name, one in found.items()]


def _once(file: Path, make: Callable[[], Row]) -> Row:
    if not file.exists():
        part = file.with_suffix(".part")
        part.write_text(json.dumps(make()), "utf-8")
        part.replace(file)
    found: Row = json.loads(file.read_text("utf-8"))
    return found


def _programme(name: str, options: Any, folder: Path) -> list[Row]:
    """Every shot at its accepted value and beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    known = {one["name"]: one for one in json.loads(_ACCEPTED.read_text("utf-8"))["programmes"]}[name]
    accepted = dict(zip(known["floor"]["shots"], (one[0] for one in known["floor"]["chosen"]), strict=True))
    found = []
    for place, shot in enumerate(cut(options.data, name, LINES, FRAMES, folder, SHOTS)):
        for step in dict.fromkeys((0.0, -options.beside, options.beside) if place < _BESIDE else (0.0,)):
            q = min(max(accepted[shot.name] + step, 8.0), 60.0)
            kept = folder / f"{shot.name}-{q:g}.json"
            made = _once(kept, lambda shot=shot, q=q: _scored(shot, q, folder))
            found.append({"programme": name, "accepted": step == 0, **made})
    return found


def _scored(shot: Shot, q: float, folder: Path) -> Row:
    path = folder / "trial.mkv"
    _encode(shot.path, q, path)
    need = Need(sampled.every_of(shot.frames))
    told = judge(path, shot.path, RATE, height=shot.height, frames=shot.frames, need=need)
    neg, newer = _both(path, shot.path, shot)
    size = path.stat().st_size
    path.unlink()
    lasting = round(RATE)
    return {
        "shot": shot.name,
        "q": q,
        "bytes": size,
        "told": [round(value, 3) for value in (told.mean, told.low, told.second, told.score)],
        "neg": _pooled(neg, lasting),
        "v1": _pooled(newer, lasting),
    }


def _encode(pictures: Path, q: float, path: Path) -> None:
    encoder = SvtAv1(preset=PRESET)
    source = [*ffmpeg.input_arguments(pictures, RATE), *encoder.arguments(q, (0,), RATE)]
    ffmpeg.run([*source, ffmpeg.file_url(path)], doing="encoding a shot")


def _pooled(values: np.ndarray, lasting: int) -> list[float]:
    """Mean, 5th percentile, worst second and worst frame of all frames."""
    low = float(np.percentile(values, 5, method="hazen"))
    found = (float(values.mean()), low, sampled.second(values, lasting), float(values.min()))
    return [round(value, 3) for value in found]


def _both(
    test: Path, reference: Path, shot: Shot, *, drawn: bool = False, every: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """VMAF-NEG and VMAF v1 of every so many frames, with or without the grain that a decoder draws."""
    models = (("neg", model_for(shot.height)), ("v1", v1_model(shot.width, shot.height, RATE)))
    told = "|".join(f"version={model}\\:name={name}" for name, model in models)
    with TemporaryDirectory() as folder:
        log = Path(folder) / "vmaf.json"
        cut = f"trim=end_frame={shot.frames},{_SAME}"
        graph = (
            f"[0:v]{cut}[t];[1:v]{cut}[r];[t][r]libvmaf=model='{told}':n_subsample={every}:log_fmt=json:log_path={log}"
        )
        plain = [] if drawn else ["-export_side_data", "film_grain"]
        inputs = [*plain, *ffmpeg.input_arguments(test, RATE), *ffmpeg.input_arguments(reference, RATE)]
        ffmpeg.run([*inputs, "-lavfi", graph, "-f", "null", "-"], doing="measuring VMAF twice")
        frames = [one["metrics"] for one in json.loads(log.read_text("utf-8"))["frames"]]
    if len(frames) != -(-shot.frames // every):
        raise SystemExit(f"{test.name}: {len(frames)} of {shot.frames} frames were compared")
    neg, newer = (np.array([one[name] for one in frames]) for name, _ in models)
    return neg, newer


def _of_themselves(name: str, options: Any, folder: Path) -> dict[str, Row]:
    """What each model says of the shots without any loss, on every eighth of their first frames."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for shot in cut(options.data, name, LINES, FRAMES, folder, SHOTS):
        first = replace(shot, frames=_FEW)
        found[shot.name] = _once(folder / f"{shot.name}-itself.json", lambda first=first: _itself(first))
    return found


def _itself(shot: Shot) -> Row:
    neg, newer = _both(shot.path, shot.path, shot, every=8)
    return {"neg": round(float(neg.mean()), 2), "v1": round(float(newer.mean()), 2)}


def _grainy(name: str, options: Any, folder: Path) -> list[Row]:
    found = []
    shots = cut(options.data, name, LINES, FRAMES, folder, SHOTS)
    for shot in [one for one in shots if one.name.endswith("-grain")][:1]:
        for q in options.grain_q:
            kept = folder / f"{shot.name}-grain-{q:g}.json"
            found.append(_once(kept, lambda shot=shot, q=q: _of_grain(shot, q, folder)))
    return found


def _of_grain(shot: Shot, q: float, folder: Path) -> Row:
    """The same value with grain kept, taken out, and drawn again."""
    treated = graining.prepare(shot.path, (0,), RATE, folder, "av1")
    if not treated.removed:
        return {"shot": shot.name, "q": q, "why": treated.why}
    kept, base, coded = (folder / f"grain-{what}.mkv" for what in ("kept", "base", "coded"))
    _encode(shot.path, q, kept)
    _encode(treated.pictures, q, base)
    record = graining.code(treated, base, coded, 0)
    ways = {
        "kept": (kept, treated.grainy, False),
        "taken out": (base, treated.grainy, False),
        "drawn again": (coded, treated.grainy, True),
        "taken out, against clean": (base, treated.pictures, False),
    }
    row: Row = {"shot": shot.name, "q": q, "sigma": record.sigma, "drawn": record.drawn}
    for way, (test, reference, drawn) in ways.items():
        neg, newer = _both(test, reference, shot, drawn=drawn)
        row[way] = {"bytes": test.stat().st_size, "neg": _pooled(neg, round(RATE)), "v1": _pooled(newer, round(RATE))}
    for path in (kept, base, coded, treated.pictures):
        path.unlink()
    return row


_MEAN, _LOW, _SECOND = 0, 1, 2


def _seconds(rows: Sequence[Row]) -> Row:
    """How often a score that took the worst second too, and allowed it to lie so far below, would be lower."""
    found: Row = {}
    for name, chosen in (("accepted", True), ("beside", False)):
        for kind in ("told", "neg", "v1"):
            made = np.array([one[kind][:3] for one in rows if one["accepted"] is chosen])
            for allowed in ALLOWED if len(made) else ():
                score = np.minimum(made[:, _MEAN], made[:, _LOW] + SCORE_ALLOWS)
                by = score - (made[:, _SECOND] + allowed)
                hit = by[by > _SEEN]
                found[f"{name}, {kind}, {allowed:g} allowed"] = {
                    "n": len(made),
                    "binding": len(hit),
                    "share": round(len(hit) / len(made), 3),
                    "by_mean": round(float(hit.mean()), 2) if len(hit) else 0.0,
                    "by_most": round(float(hit.max()), 2) if len(hit) else 0.0,
                }
    return found


@dataclass(frozen=True, slots=True)
class _Pair:
    neg: np.ndarray
    v1: np.ndarray


def _models(rows: Sequence[Row]) -> Row:
    """How alike the two models are: over encodes, over the accepted ones, which NEG holds equal, and inside shots."""
    pair = _Pair(*(np.array([one[kind][_MEAN] for one in rows]) for kind in ("neg", "v1")))
    accepted = np.array([one["accepted"] for one in rows])
    shots = [one["shot"] for one in rows]
    names = np.array([f"{one['programme']}/{shot}" for one, shot in zip(rows, shots, strict=True)])
    several = [names == one for one in sorted(set(names)) if (names == one).sum() > 1]
    orders = [np.array_equal(np.argsort(pair.neg[one]), np.argsort(pair.v1[one])) for one in several]
    return {
        "n": len(rows),
        "spearman": round(float(spearmanr(pair.neg, pair.v1)[0]), 3),
        "pearson": round(float(np.corrcoef(pair.neg, pair.v1)[0, 1]), 3),
        "same_order_inside_shots": [int(sum(orders)), len(orders)],
        "v1_of_accepted": _spread(pair.v1[accepted]),
        "neg_of_accepted": _spread(pair.neg[accepted]),
    }


def _spread(values: np.ndarray) -> list[float]:
    """Mean, standard deviation, least and most."""
    return [round(float(one), 2) for one in (values.mean(), values.std(), values.min(), values.max())]


def _ranking(rows: Sequence[Row]) -> Row:
    """By how much each model scores pictures whose grain was taken out, or drawn again, below those that keep it."""
    there = [one for one in rows if "kept" in one]
    found: Row = {"n": len(there), "without grain worth taking out": len(rows) - len(there)}
    for kind in ("neg", "v1"):
        for way in ("kept", "taken out", "drawn again", "taken out, against clean"):
            means = np.array([one[way][kind][_MEAN] for one in there])
            found[f"{way}, {kind}"] = _spread(means) if len(means) else []
    return found


if __name__ == "__main__":
    main()
