"""Single defects: how well each is measured and mended: `python benchmarks/defects.py --data DIR`.

Tapes of our own simulator (same author), from the dev clips, colour-neutral, with the codecs of `quality_tapes.CODECS`.

- `borders`: head-switching lines against the truth of each tape; the filled lines against those left as they are.
- `alignment`: Y/C delay per tape, and over all tapes of a preset as over the shots of one tape. The truth along the
  line is the shift by which the colour of the tape is nearest to that of the true pictures: where composite is passed
  twice, colour that luma carried is not late, so that this is less than the delay of the tape format, which stands
  beside it. Across lines it is the format's, and what combs of decoders add.
- `composite`: dot crawl in codes per tape; luma of woven fields with and without the comb, and through FFmpeg's
  `dedot` on fields.
- `dropouts`: samples whose mean over seven changes by more than 8 codes when the tape is made once with and once
  without its dropouts; found ones that touch no changed sample are false, unless they touch what specks of snow or
  tracking bands have changed: those are damage as well, found or not, and count neither way. `counted_false` counts
  them as false. `shown`: visible samples that the codec left, which differ by more than two sigma of the tape's noise
  after it as well.
- `strobes`: samples taken for dropouts on tapes without any, under made-up strobes, percent of the area.

In pieces: rows that are done are kept, and the same command goes on. Repairs through the net: `repair.py`.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

import bench
import pieces
import quality_methods as methods
import quality_tapes as tapes
from footlights.analysis import alignment, borders, composite
from footlights.analysis.base import ANALYSERS, Notes, Scene, Series
from footlights.analysis.dropouts import LARGEST
from footlights.analysis.view import FrameView
from footlights.config import resolve
from footlights.core.clip import Plane
from footlights.core.reports import Entry, Shot
from footlights.core.signal import FieldOrder
from footlights.core.source import Ingest, Source
from footlights.core.time import FrameRange
from footlights.media import ffmpeg
from footlights.media.pixels import layout
from footlights.media.recode import Pictures, recode
from footlights.metrics import dropouts
from footlights.tape.composite import Composite, Decoder
from footlights.tape.presets import PRESETS, Preset, preset
from footlights.tape.raster import NTSC
from footlights.tape.simulate import Simulator
from footlights.tape.truth import Truth
from footlights.training.tapes import neutral

Row = dict[str, Any]
_DROPPED = 3.0
"""Dropouts per field in the table of dropouts: enough to count in few frames."""
_VISIBLE, _TOUCHED, _TOLD = 8.0, 2, 2.0
_COUNTS = ("samples", "visible", "found", "false", "found_beside", "shown", "found_shown")
_SEED = 41
_COLOUR = 0.07
"""Cycles a sample: where the colour of tapes ends."""


@dataclass(frozen=True, slots=True)
class Made:
    """A tape in memory: codes, truth, and the true pictures of its fields woven."""

    pictures: Pictures
    truth: Truth
    wanted: Plane
    """`(T, 3, 480, 704)`: Y'CbCr of every field's instant on its own lines."""
    simulator: Simulator


def made(name: str, scene: list[Plane], seed: int, **changes: Any) -> Made:
    """The scene on a tape of a preset, through its codec."""
    base: Preset = neutral(preset(name))
    chosen = replace(base, losses=base.losses.__class__(), **changes)
    simulator = Simulator(chosen, seed, NTSC, FieldOrder.TOP_FIRST)
    recording = simulator.run(iter(scene), frames=FrameRange(0, len(scene) // 2))
    frames = list(recording)
    luma = np.stack([frame.y for frame in frames]).astype(np.uint8)
    chroma = np.stack([np.stack([frame.cb, frame.cr]) for frame in frames]).astype(np.uint8)
    codec, bit_rate = tapes.CODECS[name]
    pictures = Pictures(luma, chroma)
    if codec is not None:
        pictures = recode(pictures, codec, bit_rate=bit_rate)
    true = np.stack([tapes.truth_of(simulator.lit(one, number)) for number, one in enumerate(scene)])
    wanted = true[0::2].copy()
    wanted[..., 1::2, :] = true[1::2, ..., 1::2, :]
    return Made(pictures, recording.truth(), wanted, simulator)


def columns(tape: Made, name: str) -> Series:
    """What one analyser notes."""
    count = len(tape.pictures.luma)
    signal, rate, every = tape.simulator.signal(), NTSC.standard.frame_rate, tuple(range(count))
    source = Source("t", "0" * 64, 1, "mkv", "ffv1", "yuv422p", 720, 480, rate, signal, 8, "4:2:2")
    ingest = Ingest(source, count, 1 / rate, every, every, False, (True,) * count, 0, (), (), "c" * 64)
    analyser = ANALYSERS.get(name)(Scene(ingest, resolve((), Path("/dev/null")).settings.analysis))
    notes, views = Notes(analyser.columns, FrameRange(0, count)), list[FrameView]()
    for number, (luma, chroma) in enumerate(zip(tape.pictures.luma, tape.pictures.chroma, strict=True)):
        views = [*views, FrameView(number, (luma, chroma[0], chroma[1]), layout("yuv422p"), signal)][-3:]
        analyser.look(views, notes)
    return notes.columns


def measured(name: str, scene: list[Plane], seed: int) -> Row:
    """Borders, alignment and dot crawl of a clip on one preset, and the classical repairs."""
    tape = made(name, scene, seed)
    shot = Shot(0, FrameRange(0, len(tape.pictures.luma)), 0, Entry.START, 1.0)
    edge = borders.report(columns(tape, "borders"), shot)
    delay = alignment.report(columns(tape, "alignment"), shot)
    traces = composite.report(columns(tape, "composite"), shot)
    lines = tape.truth.switch_lines
    return {
        "preset": name,
        "switch_lines": [round(float(np.mean(lines)), 2) if lines else 0, edge.switch_lines, edge.confidence],
        "right": [_late(tape), delay.horizontal, delay.confidence],
        "right_of_format": tape.truth.chroma_delay,
        "below": [_drop(tape), delay.vertical, delay.vertical_confidence],
        "dot_crawl": traces.dot_crawl,
        "cross_colour": traces.cross_colour,
        "db": _classical(tape, (delay.horizontal, delay.vertical)),
    }


def _late(tape: Made) -> float:
    """Luma samples by which colour lies right of luma, to 0.05: the shifts of both against the true pictures."""
    clip = tapes.clip_of(tape.pictures, tape.simulator)
    inner = np.s_[1:-1, ..., 8:712]
    colour = _shift(clip.chroma[inner], tape.wanted[1:-1, 1:])
    return round(colour - _shift(clip.luma[inner], tape.wanted[1:-1, 0]), 2)


def _shift(seen: Plane, true: Plane) -> float:
    """Samples right by which `true` is most like `seen` along lines, below the 0.95 MHz that tapes give to colour."""
    width = seen.shape[-1]
    window = np.hanning(width).astype(np.float32)
    given, wanted = (
        np.fft.rfft((one - one.mean(axis=-1, keepdims=True)) * window, axis=-1).reshape(-1, width // 2 + 1)
        for one in (seen, true)
    )
    crossed, frequency = (given * wanted.conj()).sum(axis=0), np.arange(width // 2 + 1) / width
    band = frequency < _COLOUR
    shifts = np.arange(-6, 12, 0.05)
    turns = np.exp(2j * np.pi * shifts[:, None] * frequency[band])
    return float(shifts[int(np.argmax((turns * crossed[band]).sum(axis=1).real))])


def _drop(tape: Made) -> float:
    """Field lines by which colour lies too low: the format's, and half a line for every comb over one line."""
    combs = (tape.truth.parameters.recording, tape.truth.parameters.playback)
    return tape.truth.chroma_drop + sum(0.5 for one in combs if _one_line(one))


def _one_line(connection: Composite | None) -> bool:
    return connection is not None and connection.decoder is Decoder.ONE_LINE


def _classical(tape: Made, measured_delay: tuple[float, float]) -> Row:
    """dB against the tape as it is, on woven fields: fill (in the band), align (chroma; by the truth, and by what was
    measured on this clip), comb and dedot (luma)."""
    clip = tapes.clip_of(tape.pictures, tape.simulator)
    cut = np.s_[1:-1, ..., 8:712]
    luma, chroma = clip.luma[cut], clip.chroma[cut]
    true = tape.wanted[1:-1]
    inner, gains = np.s_[..., 16:-16, 16:-16], {}
    lines = tape.truth.switch_lines
    if lines:
        band = np.s_[..., -2 * max(lines) :, 16:-40]
        filled = methods.repaired("switching.fill", clip, lines=max(lines)).luma[cut]
        gains["fill"] = _better(luma, filled, true[:, 0], band)
    for kind, (right, below) in (("align", (_late(tape), _drop(tape))), ("align measured", measured_delay)):
        moved = methods.repaired("chroma.align", clip, right=right, below=below).chroma[cut]
        gains[kind] = _better(chroma, moved, true[:, 1:], inner)
    combed = methods.repaired("composite.comb", clip)
    gains["comb luma"] = _better(luma, combed.luma[..., 8:712], true[:, 0], inner)
    gains["comb chroma"] = _better(chroma, combed.chroma[..., 8:712], true[:, 1:], inner)
    gains["dedot luma"] = _better(luma, _dedot(tape.pictures)[cut], true[:, 0], inner)
    return gains


def _better(before: Plane, after: Plane, true: Plane, where: Any) -> float:
    errors = [float(np.mean((one[where] - true[where]) ** 2)) for one in (before, after)]
    return round(10 * float(np.log10(errors[0] / errors[1])), 3)


def _dedot(pictures: Pictures) -> Plane:
    """Luma through FFmpeg's dedot, each parity of fields as a sequence of its own."""
    made = np.empty(pictures.luma.shape, np.float32)
    for field in (0, 1):
        luma, chroma = pictures.luma[:, field::2], pictures.chroma[:, :, field::2]
        raw = b"".join(y.tobytes() + c.tobytes() for y, c in zip(luma, chroma, strict=True))
        kind = ["-f", "rawvideo", "-pix_fmt", "yuv422p", "-s", "720x240", "-r", "30000/1001", "-i", "-"]
        command = [str(ffmpeg.binary()), "-v", "error", *kind, "-vf", "dedot", "-f", "rawvideo", "-"]
        ran = subprocess.run(command, input=raw, capture_output=True, check=True)
        planes = np.frombuffer(ran.stdout, np.uint8).reshape(-1, 2, 240 * 720)[:, 0].reshape(-1, 240, 720)
        made[:, field::2] = (planes[np.minimum(np.arange(len(luma)), len(planes) - 1)].astype(np.float32) - 16) / 219
    return made


def dropped(name: str, scene: list[Plane], seed: int) -> Row:
    """Visible damage by dropouts found on one clip, in samples."""
    total = dict.fromkeys(_COUNTS, 0)
    defects = replace(preset(name).defects, dropout_rate=_DROPPED, switch_lines=0)
    tape = made(name, scene, seed, defects=defects)
    plain = Simulator(tape.simulator.preset, tape.simulator.seed, NTSC)
    others = replace(defects, dropout_rate=0)
    bare = replace(others, snow=0, tracking_rate=0)
    each = [replace(plain, preset=replace(plain.preset, defects=one)) for one in (defects, others, bare)]
    full, clean, calmest = (_luma(one, scene) for one in each)
    change, beside = full - clean, clean - calmest
    calm = made(name, scene, seed, defects=replace(defects, dropout_rate=0)).pictures.luma
    left, sigma = tape.pictures.luma.astype(np.float32) - calm, tapes.sigma_of(tape.pictures.luma[:, 0::2])
    for frame, field, found in _found(tape.pictures):
        visible = _count(total, found, change[frame, field::2], beside[frame, field::2])
        shown = visible & (np.abs(cv2.blur(left[frame, field::2], (7, 1))) > _TOLD * sigma)
        total["shown"] += int(shown.sum())
        total["found_shown"] += int((found & shown).sum())
    return {"preset": name, **total}


def _luma(simulator: Simulator, scene: list[Plane]) -> Plane:
    """Codes of luma as they are recorded `(T, H, W)`."""
    recording = simulator.run(iter(scene), frames=FrameRange(0, len(scene) // 2))
    return np.stack([frame.y.astype(np.float32) for frame in recording])


def strobed(name: str, scene: list[Plane], seed: int) -> Row:
    """Samples taken for dropouts on a tape that has none, under made-up strobes."""
    period = 3 + seed % 5
    gains = [2.2 if number // 2 % period < 1 + seed % 2 else 0.5 for number in range(len(scene))]
    lit = [np.minimum(picture * np.float32(gain), 1) for picture, gain in zip(scene, gains, strict=True)]
    tape = made(name, lit, seed, defects=replace(preset(name).defects, dropout_rate=0, switch_lines=0, tracking_rate=0))
    masks = [found for _, _, found in _found(tape.pictures)]
    return {"preset": name, "samples": sum(m.size for m in masks), "false": int(sum(m.sum() for m in masks))}


def _found(pictures: Pictures) -> Iterator[tuple[int, int, NDArray[np.bool_]]]:
    """Frame, field and mask of dropouts of all fields but those of the ends, as the analyser takes them."""
    sigma = tapes.sigma_of(pictures.luma[:, 0::2])
    for frame in range(1, len(pictures.luma) - 1):
        for field in (0, 1):
            seen = [pictures.luma[frame + k, field::2] for k in (0, -1, 1)]
            other = dropouts.Beside(dropouts.Prepared(pictures.luma[frame, 1 - field :: 2]), lower=field == 0)
            found = dropouts.find(*seen, sigma, other)
            yield frame, field, found.mask & (found.area < LARGEST)


def dropouts_of(rows: list[Row]) -> Row:
    """Precision, recall and F1 of samples over clips."""
    total = {name: sum(row[name] for row in rows) for name in _COUNTS}
    false, beside = total["false"], total["found_beside"]
    recall, recall_shown = (
        total[found] / max(total[there], 1) for found, there in (("found", "visible"), ("found_shown", "shown"))
    )

    def scores(wrong: int) -> Row:
        precision = total["found"] / max(total["found"] + wrong, 1)
        return {
            "precision": round(precision, 3),
            "f1": _f1(precision, recall),
            "f1_shown": _f1(precision, recall_shown),
            "false_percent": round(100 * wrong / total["samples"], 5),
        }

    return {
        **total,
        "recall": round(recall, 3),
        "recall_shown": round(recall_shown, 3),
        **scores(false),
        "counted_false": scores(false + beside),
    }


def _f1(precision: float, recall: float) -> float:
    return round(2 * precision * recall / max(precision + recall, 1e-9), 3)


def _count(total: dict[str, int], found: NDArray[np.bool_], change: Plane, beside: Plane) -> NDArray[np.bool_]:
    """Enter what was found into the counts; which samples change visibly. `beside` is what snow and tracking change."""
    visible = np.abs(cv2.blur(change, (7, 1))) > _VISIBLE
    touched, other = (
        cv2.dilate((np.abs(one) > _TOUCHED).astype(np.uint8), np.ones((1, 9), np.uint8)) > 0 for one in (change, beside)
    )
    total["samples"] += found.size
    total["visible"] += int(visible.sum())
    total["found"] += int((found & visible).sum())
    total["false"] += int((found & ~touched & ~other).sum())
    total["found_beside"] += int((found & ~touched & other).sum())
    return np.asarray(visible, np.bool_)


def summary(rows: list[Row]) -> Row:
    """Per preset: shots within tolerance, errors of the tape's delay, mean gains."""
    found: Row = {}
    for name in dict.fromkeys(row["preset"] for row in rows):
        here = [row for row in rows if row["preset"] == name]
        judged = [row["switch_lines"] for row in here if row["switch_lines"][2] > 0]
        found[name] = {
            "clips": len(here),
            "switch_lines_within_1": f"{sum(abs(a - b) <= 1 for a, b, _ in judged)}/{len(judged)}",
            "right": [
                round(float(np.median([row["right"][0] for row in here])), 2),
                _middle([row["right"] for row in here], 0.5),
            ],
            "right_of_format": here[0]["right_of_format"],
            "right_within_quarter": _within([row["right"] for row in here], 0.5, 0.25),
            "below": [here[0]["below"][0], _middle([row["below"] for row in here], 0.3)],
            "dot_crawl": round(float(np.median([row["dot_crawl"] for row in here])), 2),
            "db": {kind: round(float(np.mean([row["db"][kind] for row in here])), 2) for kind in here[0]["db"]},
        }
    return found


def _within(found: list[list[float]], least: float, tolerance: float) -> str:
    known = [abs(value - true) <= tolerance for true, value, sure in found if sure >= least]
    return f"{sum(known)}/{len(known)}"


def _middle(found: list[list[float]], least: float) -> float | None:
    known = [value for _, value, sure in found if sure >= least]
    return round(float(np.median(known)), 2) if known else None


def main() -> int:
    parser = bench.arguments("defects", __doc__)
    parser.add_argument("--frames", type=int, default=12, help="tape frames per clip")
    parser.add_argument("--presets", nargs="*", default=list(PRESETS))
    parser.add_argument("--clips", nargs="*", help="names of dev clips; all by default")
    pieces.arguments(parser)
    options = bench.parsed(parser)
    facts, kept, clips = bench.machine(), pieces.opened(options), dict(clips_of(options))
    lost = list(kept.rows("dropouts", clips, ("heavy", "vhs"), dropped))
    lit = list(kept.rows("strobes", clips, ("light", "heavy"), strobed))
    del clips  # two gigabytes
    rows = list(kept.rows("single", dict(clips_of(options, sited=True)), options.presets, measured))
    result = {
        "machine": facts,
        "commits": kept.commits(),
        "rows_missing": kept.missing,
        "simulator": "footlights.tape, same author",
        "summary": summary(rows),
        "dropouts": {
            name: dropouts_of([row for row in lost if row["preset"] == name]) for name in ("heavy", "vhs") if lost
        },
        "strobes_false_percent": {name: _strobes(lit, name) for name in ("light", "heavy")},
        "rows": {"dropouts": lost, "strobes": lit, "single": rows},
    }
    for name, one in [*result["summary"].items(), *result["dropouts"].items()]:
        print(name, one)
    print("false area under strobes, percent, all and worst clip", result["strobes_false_percent"])
    bench.write(options.out, result)
    return pieces.PAUSED if kept.missing else 0


def _strobes(rows: list[Row], name: str) -> list[float]:
    """False area in percent, of all clips and of the worst."""
    here = [row for row in rows if row["preset"] == name]
    if not here:
        return []
    whole = 100 * sum(row["false"] for row in here) / sum(row["samples"] for row in here)
    return [round(whole, 5), round(max(100 * row["false"] / row["samples"] for row in here), 5)]


def clips_of(options: Any, *, sited: bool = False) -> Iterator[tuple[str, list[Plane]]]:
    for path in sorted((options.data / "dev_clips").iterdir()):
        if path.suffix in (".mp4", ".mkv") and (not options.clips or path.stem in options.clips):
            pictures = list(tapes.clip_pictures(path, 2 * options.frames, sited=sited))
            if len(pictures) == 2 * options.frames:
                yield path.stem, pictures


if __name__ == "__main__":
    sys.exit(pieces.finished(main))
