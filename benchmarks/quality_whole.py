"""Progressive tapes and film: the net against the classical chain: `python benchmarks/quality_whole.py --data DIR`.

Tapes of our own simulator (same author as the training data) whose frames show one picture each, or film spread 3:2
over its fields, on the presets and codecs of `quality.py`, and progressive ones that FFmpeg's filters make
(`elsewhere`: no code and no number of our simulator). Clean pictures at the raster of the tape against the truth,
on dev clips, whose sources were never trained on; luma at four times the raster on held-out stills under a virtual
camera. Against our net stands the classical chain, the best of three strengths per clip by its luma: an oracle; and
the tape as it is, put together and no more. `--sheets` keeps a sheet of crops per clip.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2

import bench
import quality
import quality_methods as methods
import quality_scores as scores
import quality_tapes as tapes
from footlights.core.clip import Plane
from footlights.tape.presets import PRESETS
from quality_methods import Made
from quality_tapes import ELSEWHERE, Tape

OURS, BEST, PLAYED = quality.OURS, quality.BEST, "as played"
_STRENGTHS = (0.7, 1.0, 1.5)
_COMBED = -1.5
"""The highest strength behind a comb, in the column of strengths."""
_LEAST = 12
"""Pictures a clip must have."""
_SCENES = 20
"""Pictures of the virtual camera."""
Row = dict[str, Any]


def main() -> int:
    parser = bench.arguments("quality_whole", __doc__)
    parser.add_argument("--pictures", type=int, default=16, help="pictures per clip")
    parser.add_argument("--clips", nargs="*", help="names of dev clips; all by default")
    parser.add_argument("--presets", nargs="*", default=[*PRESETS, ELSEWHERE], choices=[*PRESETS, ELSEWHERE])
    parser.add_argument("--scans", nargs="*", default=["progressive", "film"], choices=["progressive", "film"])
    parser.add_argument("--stills", type=int, default=2, help="pictures of four held-out stills for the fine table")
    parser.add_argument("--sheets", type=Path, help="folder for a sheet of crops per clip and preset")
    options = bench.parsed(parser)
    found: Row = {"machine": bench.machine(), "simulator": "footlights.tape, same author as the training data"}
    for scan in options.scans:
        rows = list(clean(options, film=scan == "film"))
        found[scan] = {"clean": rows, "clean_gain": gains(rows)}
    if options.stills:
        rows = list(fine(options))
        found["fine"] = {"rows": rows, "gain": gains(rows)}
    bench.write(options.out, found)
    return 0


def clean(options: Any, *, film: bool) -> Iterator[Row]:
    """Every dev clip on every preset, at the raster of the tape."""
    for name, pictures in _clips(options):
        for preset in (one for one in options.presets if one != ELSEWHERE or not film):
            tape = _tape(preset, pictures, film=film)
            ours, (strength, best) = methods.whole_fieldlift(tape, film=film), _best(tape, film=film)
            made = {OURS: ours, BEST: best, PLAYED: methods.whole_classical(tape, 0, film=film)}
            row = {"clip": name, "preset": preset, "sigma": round(tape.sigma, 2), "strength": strength}
            row |= {method: scores.clean(one.pictures, tape.truth) for method, one in made.items()}
            if options.sheets:
                quality.sheet(options.sheets / f"{name}-{preset}{'-film' * film}.png", tape, best, ours)
            _say(row)
            yield row


def _clips(options: Any) -> Iterator[tuple[str, list[Plane]]]:
    for path in sorted((options.data / "dev_clips").iterdir()):
        if path.suffix in (".mp4", ".mkv") and (not options.clips or path.stem in options.clips):
            pictures = list(tapes.clip_pictures(path, options.pictures, sited=True))
            if len(pictures) >= _LEAST:
                yield path.stem, pictures[: len(pictures) // 4 * 4]


def _tape(preset: str, pictures: list[Plane], *, film: bool) -> Tape:
    if preset == ELSEWHERE:
        return tapes.shot_elsewhere(pictures, whole=True)
    return tapes.shot_whole(preset, pictures, seed=5, film=film)


def _best(tape: Tape, *, film: bool) -> tuple[float, Made]:
    """The classical chain at the strength whose luma is nearest the truth."""
    made = {strength: methods.whole_classical(tape, strength, film=film) for strength in _STRENGTHS}
    if film:
        # The plan combs the fields of film where it finds traces of a composite connection, never progressive frames.
        made[_COMBED] = methods.whole_classical(tape, _STRENGTHS[-1], film=film, combed=True)
    best = max(made, key=lambda strength: quality.clean_luma(made[strength], tape))
    return best, made[best]


def fine(options: Any) -> Iterator[Row]:
    """Held-out stills on progressive tapes, luma at four times the raster."""
    for seed in range(options.stills):
        pictures, truth = tapes.still_pictures(options.data, 100 + seed, _SCENES)
        for preset in (one for one in options.presets if one != ELSEWHERE):
            tape = tapes.shot_whole(preset, pictures, seed=9 + seed, film=False)
            (strength, best), ours = _best(tape, film=False), methods.whole_fieldlift(tape, film=False)
            row = {"clip": f"stills {seed}", "preset": preset, "sigma": round(tape.sigma, 2), "strength": strength}
            row[OURS] = scores.fine(quality.with_detail(ours), truth)
            row[BEST] = scores.fine(quality.enlarged(best, cv2.INTER_LANCZOS4), truth)
            played = methods.whole_classical(tape, 0, film=False)
            row[PLAYED] = scores.fine(quality.enlarged(played, cv2.INTER_LANCZOS4), truth)
            if options.sheets:
                quality.fine_sheet(options.sheets / f"fine-{seed}-{preset}.png", tape, best, ours, truth)
            _say(row)
            yield row


def gains(rows: Sequence[Row]) -> Row:
    """Of our net over both others per preset and metric: mean with interval over clips, worst clip, wins."""
    found: Row = {}
    for preset in dict.fromkeys(row["preset"] for row in rows):
        chosen = [row for row in rows if row["preset"] == preset]
        metrics = [metric for metric, value in chosen[0][OURS].items() if isinstance(value, float)]
        found[preset] = {
            metric: {over: quality.rounded(quality.gain(chosen, metric, over)) for over in (BEST, PLAYED)}
            for metric in metrics
        }
    return found


def _say(row: Row) -> None:
    shown = ", ".join(
        f"{metric} {row[OURS][metric]:.4g} ({row[OURS][metric] - row[BEST][metric]:+.4f})"
        for metric in ("psnr_y", "psnr_c", "haarpsi", "gmsd", "tof", "flicker", "vmaf")
        if metric in row[OURS]
    )
    print(f"{row['clip']} {row['preset']} sigma {row['sigma']}: {shown}; played "
          f"{row[PLAYED]['psnr_y']:.2f}, strength {row['strength']}", flush=True)  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
