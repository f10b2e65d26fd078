"""How good the pictures are: `python benchmarks/quality.py --data DIR [--frames 24] [--clips …]`.

Two tables, both on tapes of our own simulator (same author as the training data; sources never trained on):

- `clean`: pictures of 720×480 at both fields' instants against the truth, on the dev clips. Consecutive pictures serve
  as consecutive fields. Every method is registered once per clip, to a fraction of a sample, before it is scored:
  composite decoding delays luma.
- `fine`: luma at four times the raster against exact truth, on held-out stills under a virtual camera.

Each clip goes onto the presets light, medium, heavy and vhs, with their codecs. Against our net stand bwdif alone and
the best of all classical candidates, chosen per clip by its PSNR: an oracle. Means over clips with a bootstrap interval
of 95 %, wins, and the worst clip. Besides: lost frames, and a sheet of crops per clip in `--sheets`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import bench
import quality_methods as methods
import quality_tapes as tapes
from footlights.core.clip import Plane
from footlights.core.signal import Matrix, Primaries
from footlights.metrics import fidelity
from footlights.models.fieldlift import SCALE
from footlights.tape.presets import PRESETS
from footlights.training.scenes import SCENE_HEIGHT, SCENE_WIDTH
from quality_methods import Made
from quality_tapes import Tape

_EDGE = 16
"""Lines and samples at the border that are not scored."""
_ENDS = 2
"""Frames at either end that are not scored: some methods lack their neighbours there."""
_LESS_IS_BETTER = frozenset({"gmsd", "flicker", "tof", "comb", "delta_e_low"})
OURS, BASE, BEST = "fieldlift", "bwdif", "best classical"
Row = dict[str, Any]


def main() -> int:
    parser = bench.arguments("quality", __doc__)
    parser.add_argument("--frames", type=int, default=20, help="tape frames per clip")
    parser.add_argument("--clips", nargs="*", help="names of dev clips; all by default")
    parser.add_argument("--presets", nargs="*", default=list(PRESETS))
    parser.add_argument("--stills", type=int, default=3, help="pictures of four held-out stills for the fine table")
    parser.add_argument("--sheets", type=Path, help="folder for a sheet of crops per clip and preset")
    options = bench.parsed(parser)
    result: Row = {"machine": bench.machine(), "simulator": "footlights.tape, same author as the training data"}
    result["clean"] = clean_table(options)
    result["lost"] = lost_table(options)
    result["fine"] = fine_table(options)
    for name in ("clean", "fine", "lost"):
        result[f"{name}_summary"] = summary(result[name])
        print(f"\n{name}")
        show(result[f"{name}_summary"])
    bench.write(options.out, result)
    return 0


def clean_table(options: Any) -> list[Row]:
    """Every dev clip on every preset."""
    rows: list[Row] = []
    for path in sorted((options.data / "dev_clips").iterdir()):
        if path.suffix not in (".mp4", ".mkv") or (options.clips and path.stem not in options.clips):
            continue
        pictures = list(tapes.clip_pictures(path, 2 * options.frames))
        if len(pictures) < 16:
            continue  # too few fields to leave the ends out
        pictures = pictures[: len(pictures) // 2 * 2]
        for preset in options.presets:
            tape = tapes.shot_on(preset, pictures, seed=5)
            row = {"clip": path.stem, "preset": preset, "sigma": round(tape.sigma, 2)}
            row |= _clean_row(tape, options.sheets and options.sheets / f"{path.stem}-{preset}.png")
            rows.append(row)
            _say(row)
    return rows


def _clean_row(tape: Tape, sheet: Path | None) -> Row:
    scores = {name: (make(tape), name) for name, make in methods.candidates().items()}
    scored = {name: _scores(made.pictures, tape.truth) for name, (made, _) in scores.items()}
    best = max(scored, key=lambda name: scored[name]["psnr_y"])
    ours = methods.fieldlift(tape)
    if sheet is not None:
        _sheet(sheet, tape, scores[best][0], ours)
    return {"best": best, OURS: _scores(ours.pictures, tape.truth), BASE: scored["bwdif"], BEST: scored[best]}


def _scores(made: Plane, truth: Plane) -> Row:
    """Means over the scored pictures of one clip."""
    x, y = np.mean([fidelity.shift(made[n, 0], truth[n, 0]) for n in range(4, len(truth) - 4, 5)], axis=0)
    apart = abs(x) + abs(y) > 0.02
    inner = slice(2 * _ENDS, len(truth) - 2 * _ENDS)
    ours = [[fidelity.moved(plane, x, y) if apart else plane for plane in picture] for picture in made[inner]]
    found = np.stack([np.stack(picture) for picture in ours])[..., _EDGE:-_EDGE, _EDGE:-_EDGE]
    true = truth[inner][..., _EDGE:-_EDGE, _EDGE:-_EDGE]
    luma, luma_true = (np.ascontiguousarray(planes[:, 0]) for planes in (found, true))
    every = range(0, len(luma), 3)
    change, change_true = np.diff(luma, axis=0), np.diff(luma_true, axis=0)
    return {
        "psnr_y": _mean(fidelity.psnr(luma[n], luma_true[n]) for n in range(len(luma))),
        "psnr_c": _mean(fidelity.psnr(found[n, 1:], true[n, 1:]) for n in range(len(luma))),
        "ssim": _mean(fidelity.ssim(luma[n], luma_true[n]) for n in every),
        "haarpsi": _mean(fidelity.haarpsi(luma[n], luma_true[n]) for n in every),
        "gmsd": _mean(fidelity.gmsd(luma[n], luma_true[n]) for n in every),
        "psnr_change": fidelity.psnr(change, change_true),
        "flicker": float(np.mean((change - change_true) ** 2)) * 1e4,
        "tof": _motion_error(luma, luma_true),
        "comb": _mean(fidelity.comb_index(luma[n], luma_true[n]) for n in every),
        "delta_e_low": _mean(_colour_error(found[n], true[n]) for n in range(0, len(luma), 6)),
        "shift": [round(float(x), 3), round(float(y), 3)],
    }


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def _motion_error(luma: Plane, truth: Plane) -> float:
    """tOF: mean distance of the motion seen in the pictures from that in the truth, in samples."""
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    codes = [[np.clip(one * 219 + 16, 0, 255).astype(np.uint8) for one in planes] for planes in (luma, truth)]
    errors = []
    for n in range(0, len(luma) - 1, 4):
        ours, true = (search.calc(planes[n], planes[n + 1], None) for planes in codes)
        errors.append(float(np.linalg.norm(ours - true, axis=-1).mean()))
    return float(np.mean(errors))


def _colour_error(made: Plane, truth: Plane) -> float:
    """Mean CIEDE2000 of what is left after a Gaussian of 16 samples: colour and light without detail."""
    small = []
    for picture in (made, truth):
        soft = np.stack([cv2.GaussianBlur(plane, (0, 0), 16)[::8, ::8] for plane in picture])
        small.append(fidelity.lab(soft, Matrix.SMPTE170M, Primaries.SMPTE170M))
    return float(fidelity.delta_e(small[0], small[1]).mean())


def lost_table(options: Any) -> list[Row]:
    """One frame in ten lost: rebuilt ones against the frame before in its place, both through our net."""
    rows: list[Row] = []
    for path in sorted((options.data / "dev_clips").iterdir()):
        if path.suffix not in (".mp4", ".mkv") or (options.clips and path.stem not in options.clips):
            continue
        pictures = list(tapes.clip_pictures(path, 24))
        if len(pictures) < 24:
            continue
        lose = (5, 8)
        tape = tapes.shot_on("medium", pictures, seed=5, lose=lose)
        ways = {
            "repeated": methods.fieldlift(tape),
            "rebuilt": methods.fieldlift(tape, lost=lose),
            "net alone": methods.fieldlift(tape, lost=lose, rebuilt=False),
        }
        at = [2 * slot + instant for slot in lose for instant in (0, 1)]
        row: Row = {"clip": path.stem, "preset": "medium"}
        row |= {name: {"psnr_y": _at(made, tape, at)} for name, made in ways.items()}
        row |= {OURS: row["rebuilt"], BASE: row["repeated"], BEST: row["net alone"]}
        rows.append(row)
        _say(row)
    return rows


def _at(made: Made, tape: Tape, numbers: Sequence[int]) -> float:
    edge = (slice(_EDGE, -_EDGE), slice(_EDGE, -_EDGE))
    return _mean(fidelity.psnr(made.pictures[n, 0][edge], tape.truth[n, 0][edge]) for n in numbers)


def fine_table(options: Any) -> list[Row]:
    """Held-out stills at four times the raster, luma."""
    rows: list[Row] = []
    for seed in range(options.stills):
        pictures, truth = tapes.still_pictures(options.data, 100 + seed, 20)
        for preset in options.presets:
            tape = tapes.shot_on(preset, pictures, seed=9 + seed)
            row: Row = {"clip": f"stills {seed}", "preset": preset, "sigma": round(tape.sigma, 2)}
            made = {name: make(tape) for name, make in methods.candidates().items()}
            best = max(made, key=lambda name: _clean_luma(made[name], tape))
            ours = methods.fieldlift(tape)
            row["best"] = best
            row[BASE] = _fine_scores(_enlarged(made["bwdif"], cv2.INTER_CUBIC), truth)
            row[BEST] = _fine_scores(_enlarged(made[best], cv2.INTER_LANCZOS4), truth)
            row[OURS] = _fine_scores(_with_detail(ours), truth)
            rows.append(row)
            _say(row)
            if options.sheets:
                _fine_sheet(options.sheets / f"fine-{seed}-{preset}.png", tape, made[best], ours, truth)
    return rows


def _clean_luma(made: Made, tape: Tape) -> float:
    return _mean(fidelity.psnr(made.pictures[n, 0], tape.truth[n, 0]) for n in range(4, len(tape.truth) - 4))


def _enlarged(made: Made, kernel: int) -> Callable[[int], Plane]:
    size = (704 * SCALE, 480 * SCALE)
    return lambda number: np.asarray(cv2.resize(made.pictures[number, 0], size, interpolation=kernel), np.float32)


def _with_detail(made: Made) -> Callable[[int], Plane]:
    from footlights.models.fieldlift import fine_luma

    assert made.whole is not None
    assert made.fine is not None
    whole, fine = made.whole, made.fine
    return lambda number: fine_luma(whole.luma[number], fine.luma[number])[:, 8 * SCALE : 712 * SCALE]


def _fine_scores(picture: Callable[[int], Plane], truth: Plane) -> Row:
    """Means over the four scenes' insides and some instants."""
    found: dict[str, list[float]] = {"psnr_y": [], "haarpsi": [], "gmsd": [], "ssim": []}
    for number in range(6, len(truth) - 6, 3):
        large = picture(number)
        for row in (0, 1):
            for column in (0, 1):
                tall, wide, edge = SCENE_HEIGHT * SCALE, SCENE_WIDTH * SCALE, 20 * SCALE
                part = (
                    slice(row * tall + edge, (row + 1) * tall - edge),
                    slice(column * wide + edge, (column + 1) * wide - edge),
                )
                ours, true = (np.ascontiguousarray(one[part]) for one in (large, truth[number]))
                for name in found:
                    found[name].append(float(getattr(fidelity, name.removesuffix("_y"))(ours, true)))
    return {name: float(np.mean(values)) for name, values in found.items()}


@dataclass(frozen=True, slots=True)
class Gain:
    """Of our net over another method, over clips."""

    mean: float
    low: float
    high: float
    worst: float
    wins: int
    count: int


def gain(rows: Sequence[Row], metric: str, over: str) -> Gain:
    """Differences per clip; the interval is a bootstrap over clips."""
    values = np.array([row[OURS][metric] - row[over][metric] for row in rows])
    rng = np.random.default_rng(1)
    means = values[rng.integers(0, len(values), (2000, len(values)))].mean(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    better = -values if metric in _LESS_IS_BETTER else values
    worst = float(values[int(np.argmin(better))])
    return Gain(float(values.mean()), float(low), float(high), worst, int((better > 0).sum()), len(values))


def summary(rows: Sequence[Row]) -> Row:
    """Per preset and metric: means of the three, our gain over both others, with interval, worst clip and wins."""
    found: Row = {}
    for preset in dict.fromkeys(row["preset"] for row in rows):
        chosen = [row for row in rows if row["preset"] == preset]
        found[preset] = {
            metric: {
                "means": {name: round(_mean(row[name][metric] for row in chosen), 4) for name in (OURS, BASE, BEST)},
                "over": {over: _rounded(gain(chosen, metric, over)) for over in (BASE, BEST)},
            }
            for metric, value in chosen[0][OURS].items()
            if isinstance(value, float)
        }
    return found


def _rounded(found: Gain) -> Row:
    return {name: round(getattr(found, name), 4) for name in Gain.__slots__}


def show(found: Row) -> None:
    """The table for the eye."""
    lines = []
    for preset, metrics in found.items():
        for metric, entry in metrics.items():
            over = entry["over"]
            texts = [
                f"{one['mean']:+.3f} [{one['low']:+.3f}, {one['high']:+.3f}] worst {one['worst']:+.3f}, "
                f"{one['wins']}/{one['count']}"
                for one in (over[BASE], over[BEST])
            ]
            lines.append(
                (f"{preset} {metric}", *(f"{entry['means'][name]:.3f}" for name in (OURS, BASE, BEST)), *texts)
            )
    bench.table(("", "ours", "bwdif", "best", "over bwdif", "over best classical"), lines)


def _say(row: Row) -> None:
    ours, base, best = (row[name]["psnr_y"] for name in (OURS, BASE, BEST))
    print(f"{row['clip']} {row['preset']}: ours {ours:.2f}, bwdif {base:.2f}, best {best:.2f} dB "
          f"({row.get('best', '')})", flush=True)  # fmt: skip


def _sheet(path: Path, tape: Tape, best: Made, ours: Made) -> None:
    """Crops tape | best classical | ours | truth around the busiest place, three times enlarged."""
    number = len(tape.truth) // 2
    top, left = _busiest(tape.truth[number, 0], 120, 160)
    part = (slice(None), slice(top, top + 120), slice(left, left + 160))
    frame = tape.clip.take(tape.clip.frames).luma[number // 2], tape.clip.chroma[number // 2]
    woven = np.concatenate([frame[0][None], frame[1]])[..., 8:712]
    shown = [_bgr(one[part]) for one in (woven, best.pictures[number], ours.pictures[number], tape.truth[number])]
    _write(path, [cv2.resize(one, None, fx=3, fy=3, interpolation=cv2.INTER_NEAREST) for one in shown])


def _fine_sheet(path: Path, tape: Tape, best: Made, ours: Made, truth: Plane) -> None:
    number = len(truth) // 2
    top, left = (SCALE * side for side in _busiest(tape.truth[number, 0], 90, 120))
    part = (slice(top, top + 90 * SCALE), slice(left, left + 120 * SCALE))
    pictures = [_enlarged(best, cv2.INTER_LANCZOS4)(number), _with_detail(ours)(number), truth[number]]
    woven = tape.clip.luma[number // 2][:, 8:712]
    woven = cv2.resize(woven, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_NEAREST)
    _write(path, [np.clip(one[part] * 255 + 0.5, 0, 255).astype(np.uint8) for one in (woven, *pictures)])


def _busiest(luma: Plane, tall: int, wide: int) -> tuple[int, int]:
    """Top and left of the window with most detail, on a coarse grid inside the border."""
    edges = np.abs(cv2.Laplacian(luma, cv2.CV_32F))
    places = [
        (top, left)
        for top in range(16, luma.shape[0] - tall - 16, 40)
        for left in range(16, luma.shape[1] - wide - 16, 40)
    ]
    return max(places, key=lambda place: float(edges[place[0] : place[0] + tall, place[1] : place[1] + wide].mean()))


def _bgr(picture: Plane) -> np.ndarray:
    y, cb, cr = picture
    colours = np.stack([y + 1.772 * cb, y - 0.344136 * cb - 0.714136 * cr, y + 1.402 * cr], axis=-1)
    return np.clip(colours * 255 + 0.5, 0, 255).astype(np.uint8)


def _write(path: Path, shown: list[np.ndarray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.concatenate(shown, axis=1))


if __name__ == "__main__":
    sys.exit(main())
