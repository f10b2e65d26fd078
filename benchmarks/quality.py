"""How good the pictures are: `python benchmarks/quality.py --data DIR [--frames 24] [--clips …]`.

Two tables, both on tapes of our own simulator (same author as the training data; sources never trained on):

- `clean`: pictures of 720×480 at both fields' instants against the truth, on the dev clips. Consecutive pictures serve
  as consecutive fields. Every method is registered once per clip, to a fraction of a sample, before it is scored:
  composite decoding delays luma.
- `fine`: luma at four times the raster against exact truth, on held-out stills under a virtual camera.

Each clip goes onto the presets light, medium, heavy and vhs, with their codecs, and onto `elsewhere`, a tape that
FFmpeg's filters make: it shares neither code nor numbers with our simulator. Against our net stand bwdif alone and
the best of all classical candidates, chosen per clip by its PSNR: an oracle. Means over clips with a bootstrap
interval of 95 %, wins, and the worst clip. Besides: long runs, lost frames, first pictures after a cut, strobes,
coloured flashes, and a sheet of crops per clip in `--sheets`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import bench
import quality_methods as methods
import quality_scores as scores
import quality_tapes as tapes
from footlights.core.clip import Plane
from footlights.core.colour import DISPLAY_GAMMA
from footlights.core.time import FrameRange
from footlights.metrics import fidelity
from footlights.models.fieldlift import SCALE, fine_luma
from footlights.tape.presets import PRESETS
from quality_known import Known, taken_over
from quality_methods import Made
from quality_scores import EDGE
from quality_tapes import ELSEWHERE, Tape

_LESS_IS_BETTER = frozenset({"gmsd", "flicker", "tof", "e_warp", "comb", "delta_e_low"})
_PAST = 7
"""Frames of a shot before the one at which it is begun anew, in the table of cuts."""
_LATE = 14
"""Frames from the end at which a long run is begun anew; its second half is compared."""
OURS, BASE, BEST = "fieldlift", "bwdif", "best classical"
Row = dict[str, Any]


def main() -> int:
    parser = bench.arguments("quality", __doc__)
    parser.add_argument("--frames", type=int, default=20, help="tape frames per clip")
    parser.add_argument("--clips", nargs="*", help="names of dev clips; all by default")
    parser.add_argument("--presets", nargs="*", default=[*PRESETS, ELSEWHERE])
    parser.add_argument("--tables", nargs="*", choices=TABLES, default=list(TABLES))
    parser.add_argument("--long", type=int, default=60, help="tape frames of the long runs")
    parser.add_argument("--stills", type=int, default=3, help="pictures of four held-out stills for the fine table")
    parser.add_argument("--sheets", type=Path, help="folder for a sheet of crops per clip and preset")
    parser.add_argument(
        "--candidates-of", type=Path, help="an earlier result: of the candidates only bwdif is run again"
    )
    options = bench.parsed(parser)
    options.known = Known.read(options.candidates_of)
    result: Row = {"machine": bench.machine(), "simulator": "footlights.tape, same author as the training data"}
    for name in options.tables:
        result[name] = TABLES[name](options)
    for name in sorted({*options.tables} & {"clean", "fine", "lost"}):
        result[f"{name}_summary"] = summary(result[name])
        print(f"\n{name}")
        show(result[f"{name}_summary"])
    bench.write(options.out, result)
    return 0


def clean_table(options: Any) -> list[Row]:
    """Every dev clip on every preset."""
    rows: list[Row] = []
    for name, pictures in _clips(options, 2 * options.frames, least=16):
        for preset in options.presets:
            tape = tapes.shot_elsewhere(pictures) if preset == ELSEWHERE else tapes.shot_on(preset, pictures, seed=5)
            row = {"clip": name, "preset": preset, "sigma": round(tape.sigma, 2)}
            row |= _clean_row(tape, options, f"{name}-{preset}.png", options.known.row("clean", name, preset))
            rows.append(row)
            _say(row)
    return rows


def _clips(options: Any, count: int, *, least: int) -> Iterator[tuple[str, list[Plane]]]:
    """Name and an even number of pictures of each dev clip that has enough of them."""
    for path in sorted((options.data / "dev_clips").iterdir()):
        if path.suffix not in (".mp4", ".mkv") or (options.clips and path.stem not in options.clips):
            continue
        pictures = list(tapes.clip_pictures(path, count))
        if len(pictures) >= least:
            yield path.stem, pictures[: len(pictures) // 2 * 2]


def _clean_row(tape: Tape, options: Any, sheet: str, earlier: Row | None) -> Row:
    ours = methods.fieldlift(tape)
    scored = {OURS: scores.clean(ours.pictures, tape.truth)}
    if earlier is not None:
        bwdif = scores.clean(methods.candidates()["bwdif"](tape).pictures, tape.truth)
        return scored | taken_over(earlier, BASE, BEST, bwdif)
    made = {name: make(tape) for name, make in methods.candidates().items()}
    others = {name: scores.clean(one.pictures, tape.truth) for name, one in made.items()}
    best = max(others, key=lambda name: others[name]["psnr_y"])
    if options.sheets:
        sheet(options.sheets / sheet, tape, made[best], ours)
    return scored | {"best": best, BASE: others["bwdif"], BEST: others[best]}


def long_table(options: Any) -> list[Row]:
    """What a memory does that builds up over more frames than any training saw: the last frames of a long run against
    the same frames begun anew a few frames before."""
    rows: list[Row] = []
    for name, pictures in _clips(options, 2 * options.long, least=80):
        tape = tapes.shot_on("heavy", pictures, seed=5)
        count = len(tape.clip)
        start = count - _LATE
        numbers = range(2 * count - _LATE, 2 * count - 4)
        late = FrameRange(start, count)
        long = _at(methods.fieldlift(tape), tape, numbers)
        part = replace(tape, clip=tape.clip.take(late), truth=tape.truth[2 * start :])
        anew = _at(methods.fieldlift(part), part, [number - 2 * start for number in numbers])
        rows.append({"clip": name, "preset": "heavy", "frames": count, "long": long, "anew": anew})
        print(name, {"long": round(long, 3), "anew": round(anew, 3)}, flush=True)
    return rows


def lost_table(options: Any) -> list[Row]:
    """One frame in ten lost: rebuilt ones against the frame before in its place, both through our net."""
    rows: list[Row] = []
    for name, pictures in _clips(options, 24, least=24):
        lose = (5, 8)
        tape = tapes.shot_on("medium", pictures, seed=5, lose=lose)
        ways = {
            "repeated": methods.fieldlift(tape),
            "rebuilt": methods.fieldlift(tape, lost=lose),
            "net alone": methods.fieldlift(tape, lost=lose, rebuilt=False),
        }
        at = [2 * slot + instant for slot in lose for instant in (0, 1)]
        row: Row = {"clip": name, "preset": "medium"}
        row |= {way: {"psnr_y": _at(made, tape, at)} for way, made in ways.items()}
        row |= {OURS: row["rebuilt"], BASE: row["repeated"], BEST: row["net alone"]}
        rows.append(row)
        _say(row)
    return rows


def cut_table(options: Any) -> list[Row]:
    """What the first pictures behind a cut lack: the same frames begun anew against those with their past."""
    rows: list[Row] = []
    for name, pictures in _clips(options, 22, least=22):
        tape = tapes.shot_on("medium", pictures, seed=5)
        past = methods.fieldlift(tape)
        rest = FrameRange(_PAST, len(tape.clip))
        anew = methods.fieldlift(replace(tape, clip=tape.clip.take(rest), truth=tape.truth[2 * _PAST :]))
        row: Row = {"clip": name, "preset": "medium"}
        for instant in range(4):
            inside = _picture_psnr(past, tape, 2 * _PAST + instant)
            row[f"instant {instant}"] = _picture_psnr(anew, tape, instant, at=2 * _PAST + instant) - inside
        rows.append(row)
        print(name, {key: round(value, 2) for key, value in row.items() if key.startswith("instant")}, flush=True)
    return rows


def strobe_table(options: Any) -> list[Row]:
    """Flashes of one and of two fields: how much of their light our pictures keep, 1 for all of it, and how many codes
    of it the pictures around show. What the tape does to the mean light of every picture alike is no flash's doing."""
    rows: list[Row] = []
    flashes = {9: 2.0, 14: 1.8, 15: 1.8}
    for name, pictures in _clips(options, 24, least=24):
        lit = [
            np.asarray(np.clip(picture * np.float32(flashes.get(number, 1) ** (1 / DISPLAY_GAMMA)), 0, 1), np.float32)
            for number, picture in enumerate(pictures)
        ]
        tape = tapes.shot_on("medium", lit, seed=5)
        made = methods.fieldlift(tape).pictures[:, 0].mean(axis=(1, 2)) * 219
        true = tape.truth[:, 0].mean(axis=(1, 2)) * 219
        error = made - true - np.median((made - true)[6:18])
        row: Row = {"clip": name, "preset": "medium", "ghost": float(np.abs(error[[8, 10, 13, 16]]).max())}
        for number in flashes:
            light = true[number] - min(true[8], true[10], true[13], true[16])
            row[f"picture {number}"] = float(1 + error[number] / light)
            row[f"light {number}"] = float(light)
        rows.append(row)
        print(name, {key: round(value, 3) for key, value in row.items() if isinstance(value, float)}, flush=True)
    return rows


def tint_table(options: Any) -> list[Row]:
    """Coloured flashes: how much of the colour that the tape's own field shows is in our picture of it, along its own
    direction in Cb and Cr, and how many codes of it the pictures around show; against the same tape without flashes."""
    rows: list[Row] = []
    flashes = {9: (-0.05, -0.05, 0.4), 14: (0.35, -0.05, -0.05), 15: (0.35, -0.05, -0.05)}
    for name, pictures in _clips(options, 24, least=24):
        lit = [
            np.clip(picture + np.float32(flashes.get(number, (0, 0, 0))), 0, 1).astype(np.float32)
            for number, picture in enumerate(pictures)
        ]
        for preset in (one for one in options.presets if one != ELSEWHERE):
            with_them, without = (tapes.shot_on(preset, given, seed=5) for given in (lit, pictures))
            made, plain = (
                methods.fieldlift(tape).pictures[:, 1:].mean(axis=(2, 3)) * 224 for tape in (with_them, without)
            )
            shown = made - plain
            own = np.stack([tape.clip.chroma.mean(axis=3) * 224 for tape in (with_them, without)])
            row: Row = {"clip": name, "preset": preset}
            row["ghost"] = float(max(np.hypot(*shown[number]) for number in (7, 8, 10, 11, 13, 16, 17)))
            for number in flashes:
                change = (own[0] - own[1])[number // 2, :, number % 2 :: 2].mean(axis=1)
                row[f"colour {number}"] = float(shown[number] @ change / (change @ change))
            rows.append(row)
            print(name, preset, {key: round(v, 3) for key, v in row.items() if isinstance(v, float)}, flush=True)
    return rows


def _at(made: Made, tape: Tape, numbers: Sequence[int]) -> float:
    return scores.mean(_picture_psnr(made, tape, n) for n in numbers)


def _picture_psnr(made: Made, tape: Tape, number: int, *, at: int | None = None) -> float:
    """Luma of one picture; `at` is its number in the truth, where that differs."""
    edge = (slice(EDGE, -EDGE), slice(EDGE, -EDGE))
    return fidelity.psnr(made.pictures[number, 0][edge], tape.truth[number if at is None else at, 0][edge])


def fine_table(options: Any) -> list[Row]:
    """Held-out stills at four times the raster, luma."""
    rows: list[Row] = []
    for seed in range(options.stills):
        pictures, truth = tapes.still_pictures(options.data, 100 + seed, 20)
        for preset in (one for one in options.presets if one != ELSEWHERE):
            tape = tapes.shot_on(preset, pictures, seed=9 + seed)
            row: Row = {"clip": f"stills {seed}", "preset": preset, "sigma": round(tape.sigma, 2)}
            ours, earlier = methods.fieldlift(tape), options.known.row("fine", row["clip"], preset)
            row[OURS] = scores.fine(with_detail(ours), truth)
            if earlier is not None:
                bwdif = methods.candidates()["bwdif"](tape)
                row |= taken_over(earlier, BASE, BEST, scores.fine(enlarged(bwdif, cv2.INTER_CUBIC), truth))
                rows.append(row)
                _say(row)
                continue
            made = {name: make(tape) for name, make in methods.candidates().items()}
            best = max(made, key=lambda name: clean_luma(made[name], tape))
            row["best"] = best
            row[BASE] = scores.fine(enlarged(made["bwdif"], cv2.INTER_CUBIC), truth)
            row[BEST] = scores.fine(enlarged(made[best], cv2.INTER_LANCZOS4), truth)
            rows.append(row)
            _say(row)
            if options.sheets:
                fine_sheet(options.sheets / f"fine-{seed}-{preset}.png", tape, made[best], ours, truth)
    return rows


def clean_luma(made: Made, tape: Tape) -> float:
    return scores.mean(fidelity.psnr(made.pictures[n, 0], tape.truth[n, 0]) for n in range(4, len(tape.truth) - 4))


def enlarged(made: Made, kernel: int) -> Callable[[int], Plane]:
    size = (704 * SCALE, 480 * SCALE)
    return lambda number: np.asarray(cv2.resize(made.pictures[number, 0], size, interpolation=kernel), np.float32)


def with_detail(made: Made) -> Callable[[int], Plane]:
    assert made.whole is not None
    assert made.fine is not None
    whole, fine = made.whole, made.fine
    return lambda number: fine_luma(whole.luma[number], fine.luma[number])[:, 8 * SCALE : 712 * SCALE]


TABLES = {
    "clean": clean_table,
    "long": long_table,
    "lost": lost_table,
    "cuts": cut_table,
    "strobes": strobe_table,
    "tints": tint_table,
    "fine": fine_table,
}


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
                "means": {
                    name: round(scores.mean(row[name][metric] for row in chosen), 4) for name in (OURS, BASE, BEST)
                },
                "over": {over: rounded(gain(chosen, metric, over)) for over in (BASE, BEST)},
            }
            for metric, value in chosen[0][OURS].items()
            if isinstance(value, float)
        }
    return found


def rounded(found: Gain) -> Row:
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


def sheet(path: Path, tape: Tape, best: Made, ours: Made) -> None:
    """Crops tape | best classical | ours | truth around the busiest place, three times enlarged."""
    number = len(tape.truth) // 2
    top, left = _busiest(tape.truth[number, 0], 120, 160)
    part = (slice(None), slice(top, top + 120), slice(left, left + 160))
    frame = tape.clip.take(tape.clip.frames).luma[number // 2], tape.clip.chroma[number // 2]
    woven = np.concatenate([frame[0][None], frame[1]])[..., 8:712]
    shown = [_bgr(one[part]) for one in (woven, best.pictures[number], ours.pictures[number], tape.truth[number])]
    _write(path, [cv2.resize(one, None, fx=3, fy=3, interpolation=cv2.INTER_NEAREST) for one in shown])


def fine_sheet(path: Path, tape: Tape, best: Made, ours: Made, truth: Plane) -> None:
    number = len(truth) // 2
    top, left = (SCALE * side for side in _busiest(tape.truth[number, 0], 90, 120))
    part = (slice(top, top + 90 * SCALE), slice(left, left + 120 * SCALE))
    pictures = [enlarged(best, cv2.INTER_LANCZOS4)(number), with_detail(ours)(number), truth[number]]
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
