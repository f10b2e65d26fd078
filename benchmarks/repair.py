"""Lines that stray, and blocks: measured and mended: `python benchmarks/repair.py --data DIR`.

Tapes of our own simulator (same author), from the dev clips, colour-neutral.

- `lines`: jitter and bend per tape of a preset without its codec, against the truth; luma of woven fields through
  `timebase.align` in dB over the same tape left as it is, both against the same tape played without time-base errors;
  and how near the stage stays to that steady tape if it is made to run on it (`forced`, dB).
- `net`: the same before FieldLift against FieldLift alone, in dB of luma against the true pictures (few clips).
- `blocks`: measured grid of a camera original coded as MPEG-2 at a fixed quantiser; dB of luma of woven fields against
  the tape before coding, through `blocking.smooth` as the plan sets it and through FFmpeg's `deblock` on fields; and
  before FieldLift against FieldLift alone, against the true pictures.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import bench
import defects
import quality_methods as methods
import quality_tapes as tapes
from footlights.analysis import timebase
from footlights.core.clip import Clip, Plane
from footlights.core.reports import Entry, Shot
from footlights.core.signal import FieldOrder
from footlights.core.time import FrameRange
from footlights.media import ffmpeg
from footlights.media.recode import Pictures
from footlights.metrics import blocking
from footlights.planning.repairs import GRID_FACTOR
from footlights.tape.presets import Preset, preset
from footlights.tape.raster import NTSC
from footlights.tape.simulate import Simulator
from footlights.tape.timebase import TimeBase
from footlights.training.tapes import neutral

Row = dict[str, Any]
_SEED = 41
_PRESETS = ("light", "medium", "heavy", "vhs")
_QUANTISERS = (4, 16)
_INNER = np.s_[:, 8:-20, 24:-24]
_RAW = ["-f", "rawvideo", "-pix_fmt", "yuv422p", "-r", "30000/1001"]


def played(chosen: Preset, scene: list[Plane], seed: int) -> defects.Made:
    """The scene on a tape, without a codec."""
    simulator = Simulator(chosen, seed, NTSC, FieldOrder.TOP_FIRST)
    recording = simulator.run(iter(scene), frames=FrameRange(0, len(scene) // 2))
    frames = list(recording)
    luma = np.stack([frame.y for frame in frames]).astype(np.uint8)
    chroma = np.stack([np.stack([frame.cb, frame.cr]) for frame in frames]).astype(np.uint8)
    return defects.Made(Pictures(luma, chroma), recording.truth(), np.empty(0, np.float32), simulator)


def worn(name: str) -> Preset:
    base: Preset = neutral(preset(name))
    return replace(base, losses=base.losses.__class__())


def strayed(clips: dict[str, list[Plane]]) -> Iterator[Row]:
    """Jitter and bend measured, lines moved back."""
    for number, (clip, scene) in enumerate(clips.items()):
        for name in _PRESETS:
            chosen = worn(name)
            tape = played(chosen, scene, _SEED + number)
            steady = played(replace(chosen, timebase=TimeBase()), scene, _SEED + number)
            errors = chosen.timebase
            shot = Shot(0, FrameRange(0, len(tape.pictures.luma)), 0, Entry.START, 1.0)
            found = timebase.report(defects.columns(tape, "timebase"), shot)
            row: Row = {
                "clip": clip,
                "preset": name,
                "jitter": [round(tape.truth.jitter_rms, 3), found.jitter, found.confidence],
                "skew": [errors.skew, found.skew, found.skew_confidence],
            }
            if errors.jitter >= 0.1:
                row |= _moved(tape, steady, errors)
            print(row, file=sys.stderr, flush=True)
            yield row


def _moved(tape: defects.Made, steady: defects.Made, errors: TimeBase) -> Row:
    before, true = (tapes._clip(one.pictures, one.simulator) for one in (tape, steady))
    params = {"jitter": errors.jitter, "memory": errors.jitter_memory}
    after = methods.repaired("timebase.align", before, **params, skew=errors.skew, skew_lines=errors.skew_lines)
    forced = methods.repaired("timebase.align", true, **params)
    wanted, left = true.take(after.frames).luma, before.take(after.frames).luma
    return {"db": _gain(left, after.luma, wanted), "forced": _db(forced.luma, wanted)}


def before_net(clips: dict[str, list[Plane]], frames: int) -> Iterator[Row]:
    """Lines moved before FieldLift, against the true pictures."""
    for number, (clip, scene) in enumerate(clips.items()):
        for name in ("heavy", "vhs"):
            tape = defects.made(name, scene[: 2 * frames], _SEED + number)
            errors, true = preset(name).timebase, _truth(tape.simulator, scene[: 2 * frames])
            clip_, sigma = tapes._clip(tape.pictures, tape.simulator), tapes._sigma(tape.pictures.luma[:, 0::2])
            align = {"jitter": errors.jitter, "skew": errors.skew, "skew_lines": errors.skew_lines}
            steps = [methods._step("timebase.align", **align)]
            scores = [_score(way, clip_, true, sigma) for way in ([], steps)]
            row = {"clip": clip, "preset": name, "net": scores[0], "gain": round(scores[1] - scores[0], 2)}
            print(row, file=sys.stderr, flush=True)
            yield row


def blocked(clips: dict[str, list[Plane]]) -> Iterator[Row]:
    """The grid measured and smoothed."""
    for number, (clip, scene) in enumerate(clips.items()):
        tape = played(worn("light"), scene, _SEED + number)
        true = _truth(tape.simulator, scene)
        for quantiser in (0, *_QUANTISERS):
            pictures = _coded(tape.pictures, quantiser) if quantiser else tape.pictures
            seen = [blocking.measure(one[f::2]) for one in pictures.luma for f in (0, 1)]
            known = [one for one in seen if one is not None]
            strength = float(np.median([one.strength for one in known]))
            certainty = float(np.median([one.certainty for one in known]))
            row: Row = {"clip": clip, "q": quantiser, "strength": round(strength, 3), "certainty": round(certainty, 1)}
            if quantiser:
                row |= _smoothed(tape, pictures, strength, true)
            print(row, file=sys.stderr, flush=True)
            yield row


def _smoothed(tape: defects.Made, pictures: Pictures, strength: float, true: Plane) -> Row:
    clip, params = tapes._clip(pictures, tape.simulator), {"strength": GRID_FACTOR * strength, "phase": 0}
    wanted = tapes._clip(tape.pictures, tape.simulator).luma
    sigma, step = tapes._sigma(pictures.luma[:, 0::2]), methods._step("blocking.smooth", **params)
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
    return np.stack([tapes._truth(simulator.lit(one, number)) for number, one in enumerate(scene)])


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
    parser.add_argument("--frames", type=int, default=12, help="tape frames per clip")
    parser.add_argument("--clips", nargs="*", help="names of dev clips; all by default")
    parser.add_argument("--net-clips", type=int, default=3, help="clips that go through the net")
    options = bench.parsed(parser)
    facts, clips = bench.machine(), dict(defects._clips(options))
    rows = list(strayed(clips))
    chosen = dict(list(clips.items())[:: max(1, len(clips) // max(options.net_clips, 1))][: options.net_clips])
    through = list(before_net(chosen, 7)) if chosen else []
    blocks = list(blocked({name: scene[:10] for name, scene in chosen.items()}))
    result = {
        "machine": facts,
        "simulator": "footlights.tape, same author",
        "summary": summary(rows),
        "net": through,
        "blocks": blocks,
        "lines": rows,
    }
    for name, one in result["summary"].items():
        print(name, one)
    bench.write(options.out, result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
