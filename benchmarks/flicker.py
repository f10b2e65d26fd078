"""Flicker and pumping levelled: `python benchmarks/flicker.py --data DIR`.

Tapes of our own simulator (same author), from the dev clips, colour-neutral: the light of a clip's pictures multiplied
before they are taped, the same tape without that, the stage as analysis and plan set it, and FFmpeg's `deflicker` on
fields in the same run (the better of two lengths, knowing the truth).

- by kind of flicker: whether it is planned, and dB of luma over the tape left as it is, both against the tape without
  flicker; no codec in between.
- `calm`: the tape without flicker: whether it is planned, and how near the stage stays if it is made to run on it (dB).
- `stage light`: lights of a show, none of which may be planned.

In pieces: rows that are done are kept, and the same command goes on.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

import bench
import defects
import pieces
import quality_methods as methods
import quality_tapes as tapes
import repair_own as own
from footlights.analysis import flicker
from footlights.config import resolve
from footlights.core.clip import Clip, Plane
from footlights.core.plans import Skipped, Step
from footlights.core.reports import Entry, Shot
from footlights.core.tape_reports import FlickerReport
from footlights.core.time import FrameRange
from footlights.planning import repairs
from footlights.restoration import chain
from footlights.restoration.base import build
from footlights.tape.presets import Preset, preset
from footlights.training.tapes import neutral

Row = dict[str, Any]
FRAMES, _BLOCK = 48, 8
"""Tape frames of a clip: three periods of the pumping; and frames of a block."""
_INNER = np.s_[:, 8:-24, 24:-24]
_X, _Y = np.meshgrid(np.linspace(-1, 1, 48, dtype=np.float32), np.linspace(-1, 1, 36, dtype=np.float32))
_LEFT = (_X < 0).astype(np.float32)
_LAMP = np.exp(-((_X - 0.2) ** 2 + (_Y + 0.2) ** 2) / 0.5)
Light = NDArray[np.float32]
"""Gain of every picture and place, `(pictures, 36, 48)` or `(pictures, 1, 1)`."""


class Clips(Mapping[str, list[Plane]]):
    """Dev clips that are long enough, one of them in memory at a time."""

    def __init__(self, data: Path, names: list[str] | None) -> None:
        found = sorted((data / "dev_clips").iterdir())
        paths = [path for path in found if path.suffix in (".mp4", ".mkv") and (not names or path.stem in names)]
        self._paths = {path.stem: path for path in paths if _long_enough(path)}

    def __getitem__(self, name: str) -> list[Plane]:
        return list(tapes.clip_pictures(self._paths[name], 2 * FRAMES))

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


def flickers(seed: int) -> dict[str, Light]:
    """Flicker by kind: of frames, even (2, 4 and 8 %) and uneven; of the two fields; slow pumping."""
    rng = np.random.default_rng(seed)
    number = np.arange(2 * FRAMES)

    def frames(sigma: float) -> Light:
        return _even(np.exp(np.repeat(rng.normal(0, sigma, FRAMES), 2)))

    tilts = [np.repeat(rng.normal(0, 0.02, FRAMES), 2)[:, None, None] * plane for plane in (_X, _Y, _X * _Y)]
    return {
        **{f"frames {percent} %": frames(percent / 100) for percent in (2, 4, 8)},
        "uneven 4 %": np.asarray(frames(0.04) * np.exp(sum(tilts)), np.float32),
        "fields 2 %": _even(1 + 0.02 * (-1.0) ** number),
        "pumping 4 %": _even(1 + 0.057 * np.sin(2 * np.pi * number / 28)),
    }


def stage_lights(seed: int) -> dict[str, Light]:
    """Lights of a show."""
    number = np.arange(2 * FRAMES)
    period = 3 + seed % 5
    swing = np.sin(2 * np.pi * number / 9)[:, None, None].astype(np.float32)
    return {
        "strobe": _even(np.where(number // 2 % period < 1 + seed % 2, 2.2, 0.5)),
        "chase": 1 + np.float32(0.2) * swing * (2 * _LEFT - 1),
        "one side": 1 + np.float32(0.1) * swing * _LEFT,
        "pulsing lamp": 1 + np.float32(0.15) * swing * _LAMP,
        "fade": _even(np.linspace(1, 0.2, len(number))),
        "flashes": _even(np.where(number % 22 < 2, 1.7, 1.0)),
    }


def row(name: str, scene: list[Plane], seed: int) -> Row:
    """Every kind on one clip and one preset, other damage left out."""
    base: Preset = neutral(preset(name))
    calm = replace(
        base, losses=base.losses.__class__(), defects=base.defects.__class__(), timebase=base.timebase.__class__()
    )
    true = own.played(calm, scene, seed)
    wanted = tapes.clip_of(true.pictures, true.simulator).luma
    made: Row = {"preset": name, "calm": _calm(true, wanted)}
    for kind, light in flickers(seed).items():
        made[kind] = _levelled(own.played(calm, _lit(scene, light), seed), wanted)
    lights = {kind: _judged(own.played(calm, _lit(scene, one), seed)) for kind, one in stage_lights(seed).items()}
    return made | {"stage light": {kind: [*_shown(one), _planned(one)] for kind, one in lights.items()}}


def _levelled(tape: defects.Made, wanted: Plane) -> Row:
    found, clip = _judged(tape), tapes.clip_of(tape.pictures, tape.simulator)
    step = _step(found)
    after = clip.luma if isinstance(step, Skipped) else _through(step, clip)
    other = max(
        (own.filtered(tape.pictures, graph) for graph in ("deflicker=size=5", "deflicker=size=9")),
        key=lambda one: _gain(clip.luma, one, wanted),
    )
    return {
        "found": _shown(found),
        "planned": _planned(found),
        "db": _gain(clip.luma, after, wanted),
        "ffmpeg db": _gain(clip.luma, other, wanted),
    }


def _calm(tape: defects.Made, wanted: Plane) -> Row:
    """Whether it is planned, and the distance in dB of what the stage would make of it."""
    found, clip = _judged(tape), tapes.clip_of(tape.pictures, tape.simulator)
    forced = _through(methods._step("flicker.level", swing=0.02), clip)
    error = float(np.mean((forced[_INNER] - wanted[_INNER]) ** 2))
    return {"found": _shown(found), "planned": _planned(found), "forced": round(-10 * float(np.log10(error)), 2)}


def _judged(tape: defects.Made) -> FlickerReport:
    count = len(tape.pictures.luma)
    shot = Shot(0, FrameRange(0, count), 0, Entry.START, 1.0)
    series = defects.columns(tape, "flicker")
    return flicker.report(series, shot, np.zeros(count, np.bool_))


def _planned(found: FlickerReport) -> bool:
    return isinstance(_step(found), Step)


def _step(found: FlickerReport) -> Step | Skipped:
    return repairs.flicker(found, resolve((), Path("/dev/null")).settings, interlaced=True, top_first=True)


def _shown(found: FlickerReport) -> list[float]:
    return [found.strength, found.period, found.evenness, found.confidence]


def _lit(scene: list[Plane], light: Light) -> list[Plane]:
    """R'G'B' pictures under a light; what is too bright is cut off, as a camera does."""
    height, width = scene[0].shape[:2]
    gains = (cv2.resize(one, (width, height), interpolation=cv2.INTER_LINEAR) for one in light)
    return [np.minimum(picture * gain[..., None], 1) for picture, gain in zip(scene, gains, strict=True)]


def _even(gains: NDArray[np.floating[Any]]) -> Light:
    return np.asarray(gains, np.float32)[:, None, None]


def _through(step: Step, clip: Clip) -> Plane:
    """Luma of the clip as the chain gives it, ends and all."""
    made = chain.run([build(step)], (clip.take(part) for part in clip.frames.split(_BLOCK)), clip.frames)
    return np.concatenate([one.luma for one in made])


def _gain(before: Plane, after: Plane, true: Plane) -> float:
    errors = [float(np.mean((one[_INNER] - true[_INNER]) ** 2)) + 1e-9 for one in (before, after)]
    return round(10 * float(np.log10(errors[0] / errors[1])), 2)


def _long_enough(path: Path) -> bool:
    return sum(1 for _ in tapes.clip_pictures(path, 2 * FRAMES)) == 2 * FRAMES


def summary(rows: list[Row]) -> Row:
    """Mean and worst gain by kind over clips that are planned, and how many are; what stage light was taken for it."""
    found: Row = {}
    for name in dict.fromkeys(one["preset"] for one in rows):
        here = [one for one in rows if one["preset"] == name]
        for kind in flickers(0):
            each = [one[kind] for one in here]
            known = [one for one in each if one["planned"]]
            found[f"{name} {kind}"] = {
                "planned": f"{len(known)}/{len(each)}",
                "db": own._spread([one["db"] for one in known]) if known else None,
                "ffmpeg db": own._spread([one["ffmpeg db"] for one in known]) if known else None,
                "ahead": f"{sum(one['db'] > one['ffmpeg db'] for one in known)}/{len(known)}",
                "ffmpeg db, not planned": [one["ffmpeg db"] for one in each if not one["planned"]],
            }
        found[f"{name} calm"] = {
            "planned": f"{sum(one['calm']['planned'] for one in here)}/{len(here)}",
            "forced": own._spread([one["calm"]["forced"] for one in here]),
        }
        lights = [light for one in here for light in one["stage light"].values()]
        found[f"{name} stage light"] = {"planned": f"{sum(one[-1] for one in lights)}/{len(lights)}"}
    return found


def main() -> int:
    parser = bench.arguments("flicker", __doc__)
    parser.add_argument("--clips", nargs="*", help="names of dev clips; all of two seconds and more by default")
    pieces.arguments(parser)
    options = bench.parsed(parser)
    facts, kept = bench.machine(), pieces.opened(options)
    rows = list(kept.rows("flicker", Clips(options.data, options.clips), ("heavy", "vhs"), row))
    result = {
        "machine": facts,
        "commits": kept.commits(),
        "rows_missing": kept.missing,
        "simulator": "footlights.tape, same author",
        "summary": summary(rows),
        "rows": rows,
    }
    for name, one in result["summary"].items():
        print(name, one)
    bench.write(options.out, result)
    return pieces.PAUSED if kept.missing else 0


if __name__ == "__main__":
    sys.exit(pieces.finished(main))
