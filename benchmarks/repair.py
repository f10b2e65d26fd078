"""Repairs, each alone and all together: `python benchmarks/repair.py --data DIR`.

Tapes of our own simulator (same author), from the dev clips, colour-neutral. In pieces: rows that are done are kept.

- `own defect`: every repair on a tape with its defect alone, against the classical FFmpeg filter (`repair_own`).
- `whole tapes`, `clean tapes`: tape file, ingest, analysis and plan; its repairs before FieldLift against FieldLift
  alone, and its repairs on tapes that need none (`repair_whole`); of every clip as much as it has, up to 32 frames.
- `lines`: jitter and bend per tape of a preset without its codec, against the truth; luma of woven fields through
  `timebase.align` in dB over the same tape left as it is, both against the same tape played without time-base errors;
  and how near the stage stays to that steady tape if it is made to run on it (`forced`, dB).
- `blocks`: measured grid of a camera original coded as MPEG-2 at a fixed quantiser; dB of luma of woven fields against
  the tape before coding, through `blocking.smooth` as the plan sets it and through FFmpeg's `deblock` on fields; and
  before FieldLift against FieldLift alone, against the true pictures.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import bench
import defects
import pieces
import quality_methods as methods
import quality_tapes as tapes
import repair_own as own
import repair_whole as whole
from footlights.analysis import timebase
from footlights.core.clip import Clip, Plane
from footlights.core.reports import Entry, Shot
from footlights.core.time import FrameRange
from footlights.media import ffmpeg
from footlights.media.recode import Pictures
from footlights.metrics import blocking
from footlights.planning.repairs import GRID_FACTOR
from footlights.tape.presets import Preset, preset
from footlights.tape.simulate import Simulator
from footlights.tape.timebase import TimeBase
from footlights.training.tapes import neutral

Row = dict[str, Any]
_SEED = 41
_PRESETS = ("light", "medium", "heavy", "vhs")
_QUANTISERS = (4, 16)
_INNER = np.s_[:, 8:-20, 24:-24]
_RAW = ["-f", "rawvideo", "-pix_fmt", "yuv422p", "-r", "30000/1001"]


def worn(name: str, *, lossy: bool = False) -> Preset:
    """A preset without its change of colour, and without its lost fields unless `lossy`."""
    base: Preset = neutral(preset(name))
    return base if lossy else replace(base, losses=base.losses.__class__())


def strayed(name: str, scene: list[Plane], seed: int) -> Row:
    """Jitter and bend measured, lines moved back."""
    chosen = worn(name)
    tape = own.played(chosen, scene, seed)
    steady = own.played(replace(chosen, timebase=TimeBase()), scene, seed)
    errors = chosen.timebase
    shot = Shot(0, FrameRange(0, len(tape.pictures.luma)), 0, Entry.START, 1.0)
    found = timebase.report(defects.columns(tape, "timebase"), shot)
    row: Row = {
        "preset": name,
        "jitter": [round(tape.truth.jitter_rms, 3), found.jitter, found.confidence],
        "skew": [errors.skew, found.skew, found.skew_confidence],
    }
    return row | _moved(tape, steady, errors) if errors.jitter >= 0.1 else row


def _moved(tape: defects.Made, steady: defects.Made, errors: TimeBase) -> Row:
    before, true = (tapes.clip_of(one.pictures, one.simulator) for one in (tape, steady))
    params = {"jitter": errors.jitter, "memory": errors.jitter_memory}
    after = methods.repaired("timebase.align", before, **params, skew=errors.skew, skew_lines=errors.skew_lines)
    forced = methods.repaired("timebase.align", true, **params)
    wanted, left = true.take(after.frames).luma, before.take(after.frames).luma
    return {"db": _gain(left, after.luma, wanted), "forced": _db(forced.luma, wanted)}


def blocked(scene: list[Plane], seed: int) -> Row:
    """The grid measured and smoothed, by quantiser."""
    tape = own.played(worn("light"), scene, seed)
    true = _truth(tape.simulator, scene)
    rows: list[Row] = []
    for quantiser in (0, *_QUANTISERS):
        pictures = _coded(tape.pictures, quantiser) if quantiser else tape.pictures
        seen = [blocking.measure(one[f::2]) for one in pictures.luma for f in (0, 1)]
        known = [one for one in seen if one is not None]
        strength = float(np.median([one.strength for one in known]))
        certainty = float(np.median([one.certainty for one in known]))
        row: Row = {"q": quantiser, "strength": round(strength, 3), "certainty": round(certainty, 1)}
        rows.append(row | _smoothed(tape, pictures, strength, true) if quantiser else row)
    return {"by quantiser": rows}


def _smoothed(tape: defects.Made, pictures: Pictures, strength: float, true: Plane) -> Row:
    clip, params = tapes.clip_of(pictures, tape.simulator), {"strength": GRID_FACTOR * strength, "phase": 0}
    wanted = tapes.clip_of(tape.pictures, tape.simulator).luma
    sigma, step = tapes.sigma_of(pictures.luma[:, 0::2]), methods._step("blocking.smooth", **params)
    net = [_score(way, clip, true, sigma) for way in ([], [step])]
    return {
        "db": _gain(clip.luma, methods.repaired("blocking.smooth", clip, **params).luma, wanted),
        "deblock db": _gain(clip.luma, _deblock(pictures), wanted),
        "before net db": round(net[1] - net[0], 2),
    }


def _score(steps: list[Any], clip: Clip, true: Plane, sigma: float) -> float:
    """dB of luma behind FieldLift, the ends left out."""
    lifted = methods._run([*steps, methods._lift("S", sigma)], clip)
    made = methods._active(lifted.luma, lifted.chroma)
    return round(_db(made[4:-4, 0, 16:-16, 16:-16], true[4:-4, 0, 16:-16, 16:-16], whole=True), 2)


def _truth(simulator: Simulator, scene: list[Plane]) -> Plane:
    return np.stack([tapes.truth_of(simulator.lit(one, number)) for number, one in enumerate(scene)])


def _db(made: Plane, true: Plane, *, whole: bool = False) -> float:
    cut = ... if whole else _INNER
    return round(-10 * float(np.log10(np.mean((made[cut] - true[cut]) ** 2))), 2)


def _gain(before: Plane, after: Plane, true: Plane) -> float:
    return round(_db(after, true) - _db(before, true), 2)


def _coded(pictures: Pictures, quantiser: int) -> Pictures:
    """Through MPEG-2 at one quantiser, interlaced."""
    raw = b"".join(y.tobytes() + c.tobytes() for y, c in zip(pictures.luma, pictures.chroma, strict=True))
    coder = ["-c:v", "mpeg2video", "-q:v", str(quantiser), "-qmin", str(quantiser), "-flags", "+ildct+ilme", "-bf", "2"]
    base = [str(ffmpeg.binary()), "-v", "error"]
    with TemporaryDirectory() as folder:
        path = str(Path(folder) / "tape.mpg")
        graph = ["-vf", "setfield=tff", "-pix_fmt", "yuv422p"]
        subprocess.run([*base, *_RAW, "-s", "720x480", "-i", "-", *graph, *coder, path], input=raw, check=True)
        played_back = [*base, "-i", path, "-pix_fmt", "yuv422p", "-f", "rawvideo", "-"]
        codes = np.frombuffer(subprocess.run(played_back, capture_output=True, check=True).stdout, np.uint8)
    frames = codes.reshape(-1, 2, 480 * 720)[: len(pictures.luma)]
    return Pictures(frames[:, 0].reshape(-1, 480, 720), frames[:, 1].reshape(-1, 2, 480, 360))


def _deblock(pictures: Pictures) -> Plane:
    """Luma through FFmpeg's deblock, each parity of fields as a sequence of its own."""
    made = np.empty(pictures.luma.shape, np.float32)
    for field in (0, 1):
        luma, chroma = pictures.luma[:, field::2], pictures.chroma[:, :, field::2]
        raw = b"".join(y.tobytes() + c.tobytes() for y, c in zip(luma, chroma, strict=True))
        command = [str(ffmpeg.binary()), "-v", "error", *_RAW, "-s", "720x240", "-i", "-", "-vf", "deblock"]
        command += ["-pix_fmt", "yuv422p", "-f", "rawvideo", "-"]
        ran = subprocess.run(command, input=raw, capture_output=True, check=True)
        planes = np.frombuffer(ran.stdout, np.uint8).reshape(-1, 2, 240 * 720)[:, 0].reshape(-1, 240, 720)
        made[:, field::2] = (planes.astype(np.float32) - 16) / 219
    return made


def summary(rows: list[Row]) -> Row:
    """Errors and gains per preset."""
    found: Row = {}
    for name in _PRESETS:
        here = [row for row in rows if row["preset"] == name]
        sure = [row["jitter"] for row in here if row["jitter"][2] >= 0.4]
        bent = [row["skew"] for row in here if row["skew"][2] >= 0.4]
        gains = [row["db"] for row in here if "db" in row]
        found[name] = {
            "clips": len(here),
            "jitter_error": round(float(np.mean([abs(a - b) for a, b, _ in sure])), 3) if sure else None,
            "jitter_worst": round(max(abs(a - b) for a, b, _ in sure), 3) if sure else None,
            "skew_error": round(float(np.mean([abs(a - b) for a, b, _ in bent])), 3) if bent else None,
            "skew_worst": round(max(abs(a - b) for a, b, _ in bent), 3) if bent else None,
            "told": [len(sure), len(bent)],
            "db": [round(float(np.mean(gains)), 2), min(gains), max(gains)] if gains else None,
        }
    return found


def main() -> int:
    parser = bench.arguments("repair", __doc__)
    parser.add_argument("--frames", type=int, default=12, help="tape frames per clip, and the least of a whole tape")
    parser.add_argument("--clips", nargs="*", help="names of dev clips; all by default")
    parser.add_argument("--net-clips", type=int, default=3, help="clips of `own defect` and `blocks`")
    pieces.arguments(parser)
    options = bench.parsed(parser)
    facts, kept = bench.machine(), pieces.opened(options)
    long = whole.Clips(options.data / "dev_clips", 2 * options.frames, options.clips)
    wholes = list(kept.rows("whole", long, ("heavy", "vhs"), lambda n, s, k: whole.worn(n, worn(n, lossy=True), s, k)))
    cleans = list(kept.rows("clean", long, ("light", "medium"), lambda n, s, k: whole.clean(n, worn(n), s, k)))
    clips = dict(defects.clips_of(options))
    few = dict(list(clips.items())[:: max(1, len(clips) // max(options.net_clips, 1))][: options.net_clips])
    owns = list(kept.rows("own", few, ("heavy", "vhs"), lambda n, s, k: own.mended(n, worn(n), s, k)))
    blocks = list(kept.rows("blocks", few, ("light",), lambda _, s, k: blocked(s[:10], k)))
    lines = list(kept.rows("lines", clips, _PRESETS, strayed))
    result = {
        "machine": facts,
        "commits": kept.commits(),
        "rows_missing": kept.missing,
        "simulator": "footlights.tape, same author",
        "own defect": own.summary(owns),
        "whole tapes": whole.summary(wholes),
        "clean tapes": whole.summary(cleans),
        "lines": summary(lines),
        "rows": {"own": owns, "whole": wholes, "clean": cleans, "blocks": blocks, "lines": lines},
    }
    for part in ("own defect", "whole tapes", "clean tapes", "lines"):
        for name, one in result[part].items():
            print(part, name, one)
    bench.write(options.out, result)
    return pieces.PAUSED if kept.missing else 0


if __name__ == "__main__":
    sys.exit(pieces.finished(main))
