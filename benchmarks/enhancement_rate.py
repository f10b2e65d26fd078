"""Frame rate: pictures made between pictures, against the truth and against FFmpeg's minterpolate in the same run.

Every second picture of true 50p and 60p clips is dropped and made again. Cuts (clips joined without telling where) and
strobes (every n-th picture lit up) are counted apart: a picture across a cut or beside a flash must be a real one.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import bench
from footlights.core.clip import Clip
from footlights.core.signal import BT709_SIGNAL
from footlights.core.time import FrameRange
from footlights.enhancement.rate import ConvertRate
from footlights.media import ffmpeg
from footlights.restoration import chain

Codes = NDArray[np.uint8]
"""`(T, 3H/2, W)`: pictures in yuv420p."""
RATE = Fraction(25)
HOLDS = 0.6
"""Mean absolute difference of luma in codes up to which a picture is one of its neighbours."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run of pictures of a clip at its true rate."""

    file: str
    start: int
    size: tuple[int, int]
    """Width and height they are scaled to."""


RUNS = (
    Run("dev_clips/dance_dj_480p50.mp4", 0, (856, 480)),
    Run("dev_clips/dance_dj_480p50.mp4", 300, (856, 480)),
    Run("dev_clips/dance_dj_480p50.mp4", 700, (856, 480)),
    Run("dev_clips/street_people_720p50.mkv", 0, (854, 480)),
    Run("dev_clips/street_people_720p50.mkv", 120, (854, 480)),
    Run("train_video/androidx_graffiti60.mp4", 10, (854, 480)),
    Run("train_video/cosmos_cat60.mp4", 20, (352, 640)),
)
_CUT_SIZE = (426, 240)
_CUT_RUN = 5
"""Pictures between two cuts."""


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All numbers of this part."""
    count = 17 if options.quick else 41
    rows = []
    for run in RUNS[::3] if options.quick else RUNS:
        rows.append(_truth(options.data, run, count))
        print(f"  {run.file} from {run.start}", file=sys.stderr)
    gains = [row["gain_db"] for row in rows]
    return {
        "runs": rows,
        "gain_db": {"mean": round(float(np.mean(gains)), 2), "worst": min(gains), "target": 1.5, "n": len(gains)},
        "cuts": _cuts(options.data),
        "strobe": _strobes(options.data),
        "size": "luma at 480 lines; cuts and strobes at 240 lines",
    }


def show(found: dict[str, Any]) -> None:
    bench.table(
        ("clip", "from", "made", "held", "ours dB", "minterpolate dB", "gain"),
        (
            (
                Path(row["file"]).stem,
                row["start"],
                row["made"],
                row["held"],
                row["ours_db"],
                row["minterpolate_db"],
                row["gain_db"],
            )
            for row in found["runs"]
        ),
    )
    for name in ("gain_db", "cuts", "strobe"):
        print(f"{name}: {found[name]}")


def _truth(data: Path, run: Run, count: int) -> dict[str, Any]:
    """Peak signal-to-noise ratio of luma over the dropped pictures, means over pictures."""
    true = pictures(data, run, count)
    ours, touched = doubled(true[::2])
    theirs = minterpolated(true[::2])
    # minterpolate gives nothing behind the last picture but one.
    odd = range(1, min(len(ours), len(theirs), len(true)), 2)
    mine, other = (float(np.mean([_psnr(one[n], true[n]) for n in odd])) for one in (ours, theirs))
    return {
        "file": run.file,
        "start": run.start,
        "made": len(odd),
        "held": sum(frame in odd for frame in touched),
        "ours_db": round(mine, 2),
        "minterpolate_db": round(other, 2),
        "gain_db": round(mine - other, 2),
    }


def _cuts(data: Path) -> dict[str, Any]:
    """Pictures across cuts that are neither of their neighbours."""
    files = sorted({run.file for run in RUNS} | {f"dev_clips/{name}" for name in _OTHERS})
    parts = [pictures(data, Run(file, start, _CUT_SIZE), _CUT_RUN) for start in (0, 40, 60) for file in files]
    pictures = np.concatenate(parts)
    ends = np.cumsum([len(part) for part in parts])[:-1]
    ours, _ = doubled(pictures)
    theirs = minterpolated(pictures)
    places = [int(2 * end - 1) for end in ends if 2 * end - 1 < len(theirs)]
    blended = [sum(_blended(one, place) for place in places) for one in (ours, theirs)]
    false = sum(
        not _blended(ours, place) and _moves(pictures, place)
        for place in range(1, len(ours) - 1, 2)
        if place not in places
    )
    return {"n": len(places), "blended": blended[0], "minterpolate": blended[1], "held_elsewhere": false, "target": 0}


_OTHERS = (
    "concert_crowd_720p.mp4",
    "dancer_1080p.mp4",
    "face_colourlight_cottonbro.mp4",
    "face_redhead_koolshooters.mp4",
    "school_show_540p.mp4",
)


def _strobes(data: Path) -> dict[str, Any]:
    """Flashes of one and two pictures, of the whole picture and of a third of it, in 50p made into 60p and into 100p: a
    picture must be as bright as the nearest of the tape, never between."""
    right = wrong = missed = 0
    for run in (RUNS[1], RUNS[3]):
        dark = pictures(data, Run(run.file, run.start, _CUT_SIZE), 40).copy()
        for length, part in ((1, 1.0), (2, 1.0), (1, 0.34)):
            lit, flashes = _flashed(dark, length, part)
            for ratio in (Fraction(6, 5), Fraction(2)):
                found, _ = converted(lit, ratio)
                base, _ = converted(dark, ratio)
                for n in range(len(found)):
                    source = Fraction(n) / ratio
                    before = int(source)
                    wanted = {flashes[min(before, 39)], flashes[min(before + (source > before), 39)]}
                    level = _lift(found[n], base[n], part)
                    shown = level > 0.85
                    if True in wanted and len(wanted) == 2:
                        # Beside the edge of a flash either is right, nothing between.
                        right += level > 0.85 or level < 0.15
                        wrong += 0.15 <= level <= 0.85
                    elif True in wanted:
                        right, missed = right + shown, missed + (not shown)
                    else:
                        wrong += level >= 0.15
    f1 = 2 * right / max(2 * right + wrong + missed, 1)
    return {"f1": round(f1, 4), "right": right, "between_or_false": wrong, "missed": missed, "target": 0.97}


def _flashed(dark: Codes, length: int, part: float) -> tuple[Codes, list[bool]]:
    """Every ninth picture lit by a strobe, in a part of its width from the left, and which ones."""
    lit = dark.copy()
    flashes = [n % 9 in range(4, 4 + length) for n in range(len(dark))]
    height, width = dark.shape[1] * 2 // 3, round(dark.shape[2] * part)
    for n, flash in enumerate(flashes):
        if flash:
            luma = lit[n, :height, :width].astype(np.float32)
            lit[n, :height, :width] = np.clip(np.round(16 + (luma - 16) * 1.2 + 70), 16, 235)
    return lit, flashes


def _lift(one: Codes, base: Codes, part: float) -> float:
    """Share of the flash's light in a picture, by the dark parts, which it cannot clip."""
    height, width = base.shape[0] * 2 // 3, round(base.shape[1] * part)
    a, b = (picture[:height, :width].astype(np.float32) for picture in (one, base))
    dark = b < 120
    full = (b[dark] - 16) * 0.2 + 70
    return float(np.median((a[dark] - b[dark]) / full))


def doubled(pictures: Codes) -> tuple[Codes, list[int]]:
    """Pictures at twice the rate through the stage, and which of them are real ones held."""
    return converted(pictures, Fraction(2))


def converted(pictures: Codes, ratio: Fraction) -> tuple[Codes, list[int]]:
    """Pictures at `ratio` times the rate through the stage, and which of them are real ones held."""
    params = ConvertRate.Params(ratio.numerator, ratio.denominator)
    stage = ConvertRate(params)
    count = len(pictures)
    wanted = FrameRange(0, int(-(-count * ratio // 1)))
    made = chain.run([stage], (_clip(pictures[n : n + 4], n) for n in range(0, count, 4)), wanted)
    return np.concatenate([_codes(clip) for clip in made]), sorted({touch.frame for touch in stage.touched})


def minterpolated(pictures: Codes) -> Codes:
    """FFmpeg's motion-compensated interpolation at its best settings, at twice the rate."""
    filters = "minterpolate=fps=50:mi_mode=mci:mc_mode=aobmc:me_mode=bidir:vsbmc=1"
    width = pictures.shape[2]
    height = pictures.shape[1] * 2 // 3
    raw = ["-f", "rawvideo", "-pix_fmt", "yuv420p"]
    source = [*raw, "-s", f"{width}x{height}", "-r", str(RATE), "-i", "-"]
    output = piped([*source, "-vf", filters, *raw, "-"], pictures.tobytes())
    return np.frombuffer(output, np.uint8).reshape(-1, *pictures.shape[1:])


def pictures(data: Path, run: Run, count: int) -> Codes:
    width, height = run.size
    filters = (
        f"trim=start_frame={run.start}:end_frame={run.start + count},setpts=N,"
        f"scale={width}:{height}:flags=area:force_original_aspect_ratio=disable"
    )
    raw = ["-fps_mode", "passthrough", "-pix_fmt", "yuv420p", "-f", "rawvideo", "-"]
    output = piped(["-i", str(data / run.file), "-vf", filters, *raw], b"")
    return np.frombuffer(output, np.uint8).reshape(-1, height * 3 // 2, width)


def piped(arguments: list[str], given: bytes) -> bytes:
    command = [str(ffmpeg.binary()), "-v", "error", *arguments]
    return subprocess.run(command, input=given, capture_output=True, check=True).stdout


def _clip(pictures: Codes, start: int) -> Clip:
    count, rows, width = pictures.shape
    height = rows * 2 // 3
    luma = (pictures[:, :height].astype(np.float32) - 16) / 219
    chroma = (pictures[:, height:].reshape(count, 2, height // 2, width // 2).astype(np.float32) - 128) / 224
    return Clip(luma, chroma, BT709_SIGNAL, FrameRange(start, start + count), RATE)


def _codes(clip: Clip) -> Codes:
    luma = np.clip(np.round(clip.luma * 219 + 16), 0, 255).astype(np.uint8)
    chroma = np.clip(np.round(clip.chroma * 224 + 128), 0, 255).astype(np.uint8)
    count, _, width = luma.shape
    return np.concatenate([luma, chroma.reshape(count, -1, width)], axis=1)


def _psnr(one: Codes, true: Codes) -> float:
    height = true.shape[0] * 2 // 3
    error = np.square(one[:height].astype(np.float64) - true[:height]).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def _apart(one: Codes, other: Codes) -> float:
    height = one.shape[0] * 2 // 3
    return float(np.abs(one[:height].astype(np.float32) - other[:height]).mean())


def _blended(pictures: Codes, place: int) -> bool:
    return min(_apart(pictures[place], pictures[place - 1]), _apart(pictures[place], pictures[place + 1])) > HOLDS


def _moves(pictures: Codes, place: int) -> bool:
    """Whether the pictures around an odd place of the doubled rate differ at all."""
    index = place // 2
    return index + 1 < len(pictures) and _apart(pictures[index], pictures[index + 1]) > 4 * HOLDS


if __name__ == "__main__":
    raise SystemExit("run benchmarks/enhancement.py --part rate")
