"""Each repair on its own defect, for `repair.py`: a tape with one defect, the same tape without it, the stage as the
analysis sets it, and the classical FFmpeg filter in the same run. dB inside the places the defect touched, over the
tape left as it is, both against the tape without the defect; no codec in between."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

import defects
import quality_methods as methods
import quality_tapes as tapes
from footlights.analysis import alignment, borders
from footlights.core.clip import Clip, Plane
from footlights.core.reports import Entry, Shot
from footlights.core.signal import FieldOrder
from footlights.core.time import FrameRange
from footlights.media import ffmpeg
from footlights.media.recode import Pictures
from footlights.tape.defects import Defects
from footlights.tape.presets import Preset, quiet
from footlights.tape.raster import NTSC
from footlights.tape.simulate import Simulator
from footlights.tape.timebase import TimeBase

Row = dict[str, Any]
Mask = NDArray[np.bool_]
_TOUCHED, _ROUND = 2, 5
"""Codes by which a sample must differ to be touched by a defect, and samples around that belong to it."""
_BETWEEN = 2
"""Frames on each side of a lost one that are left as they are."""


def played(chosen: Preset, scene: list[Plane], seed: int) -> defects.Made:
    """The scene on a tape, without a codec."""
    simulator = Simulator(chosen, seed, NTSC, FieldOrder.TOP_FIRST)
    recording = simulator.run(iter(scene), frames=FrameRange(0, len(scene) // 2))
    frames = list(recording)
    luma = np.stack([frame.y for frame in frames]).astype(np.uint8)
    chroma = np.stack([np.stack([frame.cb, frame.cr]) for frame in frames]).astype(np.uint8)
    return defects.Made(Pictures(luma, chroma), recording.truth(), np.empty(0, np.float32), simulator)


def mended(name: str, worn: Preset, scene: list[Plane], seed: int) -> Row:
    """Every defect of this module on one clip and one preset, other damage left out."""
    calm = replace(worn, defects=Defects(), timebase=TimeBase())
    plain = played(calm, scene, seed)
    return {
        "preset": name,
        "dropouts": _dropouts(worn, calm, scene, seed),
        "head switching": _switching(worn, calm, scene, seed),
        "colour delay": _delay(calm, scene, seed),
        "lost frames": _lost(plain),
    }


def _dropouts(worn: Preset, calm: Preset, scene: list[Plane], seed: int) -> Row:
    """Streaks, three a field; found by the stage itself. FFmpeg: the better of tmedian and removegrain on fields."""
    struck = replace(worn.defects, dropout_rate=3.0, switch_lines=0, tracking_rate=0, snow=0)
    tape = played(replace(calm, defects=struck), scene, seed)
    plain = played(replace(calm, defects=replace(struck, dropout_rate=0)), scene, seed)
    before, true = _clips(tape, plain)
    after = methods.repaired("dropouts.conceal", before, sigma=tapes.sigma_of(tape.pictures.luma[:, 0::2]))
    graphs = ("tmedian=radius=1", "removegrain=m0=4")
    return _row(before, after, true, [filtered(tape.pictures, graph) for graph in graphs])


def _switching(worn: Preset, calm: Preset, scene: list[Plane], seed: int) -> Row:
    """The torn lines at the bottom, as many as the analysis finds. FFmpeg: fillborders on fields."""
    if not worn.defects.switch_lines:
        return {}
    torn = replace(worn.defects, dropout_rate=0, tracking_rate=0, snow=0)
    tape = played(replace(calm, defects=torn), scene, seed)
    plain = played(calm, scene, seed)
    found = borders.report(defects.columns(tape, "borders"), _shot(tape))
    lines = found.switch_lines + 1
    before, true = _clips(tape, plain)
    after = methods.repaired("switching.fill", before, lines=lines) if found.switch_lines else before
    graphs = [f"fillborders=bottom={lines}:mode={mode}" for mode in ("smear", "mirror")]
    return {"lines": found.switch_lines} | _row(before, after, true, [filtered(tape.pictures, one) for one in graphs])


def _delay(calm: Preset, scene: list[Plane], seed: int) -> Row:
    """Colour beside its place by the format, as the analysis finds it. FFmpeg: chromashift by whole samples, knowing
    the true delay."""
    tape = played(calm, scene, seed)
    found = alignment.report(defects.columns(tape, "alignment"), _shot(tape))
    right = found.horizontal if found.confidence >= 0.5 else 0.0
    below = found.vertical if found.vertical_confidence > 0.3 else 0.0
    # Combs of the decoders add to what the format drops; the tape without the format's drop keeps theirs.
    true_drop = tape.truth.chroma_drop
    # Moved on tapes without noise: it moves along, and would no longer be that of the other tape.
    straight = replace(calm.tape, chroma_delay=0, chroma_drop=0)
    tape, plain = (played(quiet(one), scene, seed) for one in (calm, replace(calm, tape=straight)))
    before, true = _clips(tape, plain)
    moved = methods.repaired("chroma.align", before, right=right, below=min(below, true_drop))
    known = round(tape.truth.chroma_delay / 2), round(true_drop)
    graph = f"chromashift=cbh={-known[0]}:crh={-known[0]}:cbv={-known[1]}:crv={-known[1]}"
    kept, wanted = (one.take(moved.frames).chroma for one in (before, true))
    other = _filtered_chroma(tape.pictures, graph)[moved.frames.start : moved.frames.stop]
    return {
        "found": [round(right, 2), round(below, 2), found.confidence],
        "db": _gain(kept, moved.chroma, wanted, ...),
        "ffmpeg db": _gain(kept, other, wanted, ...),
    }


def _lost(plain: defects.Made) -> Row:
    """One frame in five shows the frame before. FFmpeg: minterpolate over the fields that are left."""
    before = tapes.clip_of(plain.pictures, plain.simulator)
    luma, chroma = before.luma.copy(), before.chroma.copy()
    lost = tuple(range(4, len(luma) - 4, 5))
    for frame in lost:
        luma[frame], chroma[frame] = luma[frame - 1], chroma[frame - 1]
    tape = before.with_pictures(luma, chroma)
    steps = [methods._step("gaps.rebuild", lost=lost, fields=(3,) * len(lost), damaged=(), longest=_BETWEEN)]
    made = methods.build(steps[0]).run(tape)
    shown = [frame - made.frames.start for frame in lost]
    own = _gain(luma[list(lost)], made.luma[shown], before.luma[list(lost)], ...)
    others = np.stack([_minterpolated(plain.pictures.luma, frame) for frame in lost])
    return {
        "frames": len(lost),
        "db": own,
        "ffmpeg db": _gain(luma[list(lost)], others, before.luma[list(lost)], ...),
    }


def _minterpolated(luma: NDArray[np.uint8], lost: int) -> Plane:
    """A frame's luma from two frames on each side through FFmpeg's minterpolate, on each parity of fields."""
    made = np.empty(luma.shape[1:], np.float32)
    places = [lost - 3, lost - 1, lost + 1, lost + 3]
    for field in (0, 1):
        fields = luma[[min(max(place, 0), len(luma) - 1) for place in places], field::2]
        graph = "minterpolate=fps=2:mi_mode=mci:mc_mode=aobmc:me_mode=bidir:scd=none"
        raw = _through(fields.tobytes(), graph, (720, 240), "gray", rate="1")
        pictures = np.frombuffer(raw, np.uint8).reshape(-1, 240, 720)
        made[field::2] = (pictures[min(3, len(pictures) - 1)].astype(np.float32) - 16) / 219
    return made


def filtered(pictures: Pictures, graph: str) -> Plane:
    """Luma `(T, 480, 720)` through a graph of FFmpeg, each parity of fields as a sequence of its own."""
    made = np.empty(pictures.luma.shape, np.float32)
    for field in (0, 1):
        raw = _through(np.ascontiguousarray(pictures.luma[:, field::2]).tobytes(), graph, (720, 240), "gray")
        planes = np.frombuffer(raw, np.uint8).reshape(-1, 240, 720)
        made[:, field::2] = (planes[np.minimum(np.arange(len(made)), len(planes) - 1)].astype(np.float32) - 16) / 219
    return made


def _filtered_chroma(pictures: Pictures, graph: str) -> Plane:
    """Chroma `(T, 2, 480, 720)` through a graph, each parity of fields as a sequence of its own."""
    chroma = np.empty_like(pictures.chroma)
    for field in (0, 1):
        luma, colour = pictures.luma[:, field::2], pictures.chroma[:, :, field::2]
        raw = b"".join(y.tobytes() + c.tobytes() for y, c in zip(luma, colour, strict=True))
        codes = np.frombuffer(_through(raw, graph, (720, 240), "yuv422p"), np.uint8).reshape(-1, 2, 240 * 720)
        chroma[:, :, field::2] = codes[:, 1].reshape(-1, 2, 240, 360)
    return np.asarray(tapes.columns_doubled(tapes.chroma_from_codes(chroma, 8, tapes.Range.LIMITED)), np.float32)


def _through(raw: bytes, graph: str, size: tuple[int, int], kind: str, rate: str = "30000/1001") -> bytes:
    form = ["-f", "rawvideo", "-pix_fmt", kind, "-s", f"{size[0]}x{size[1]}", "-r", rate]
    command = [str(ffmpeg.binary()), "-v", "error", "-filter_threads", "1", *form, "-i", "-", "-vf", graph]
    command += ["-pix_fmt", kind, "-f", "rawvideo", "-"]
    return subprocess.run(command, input=raw, capture_output=True, check=True).stdout


def _clips(tape: defects.Made, plain: defects.Made) -> tuple[Clip, Clip]:
    return tapes.clip_of(tape.pictures, tape.simulator), tapes.clip_of(plain.pictures, plain.simulator)


def _shot(tape: defects.Made) -> Shot:
    return Shot(0, FrameRange(0, len(tape.pictures.luma)), 0, Entry.START, 1.0)


def _row(before: Clip, after: Clip, true: Clip, others: list[Plane]) -> Row:
    """Luma inside the mask: our gain, and the best of the filters'; codes (RMS) that either changed elsewhere."""
    kept, wanted = (one.take(after.frames).luma for one in (before, true))
    mask = _touched(kept, wanted)
    inside = slice(after.frames.start, after.frames.stop)
    best = max((one[inside] for one in others), key=lambda one: _gain(kept, one, wanted, mask))
    return {
        "share": round(float(mask.mean()), 6),
        "db": _gain(kept, after.luma, wanted, mask),
        "ffmpeg db": _gain(kept, best, wanted, mask),
        "changed outside": [_changed(one, kept, ~mask) for one in (after.luma, best)],
    }


def _changed(after: Plane, before: Plane, where: Mask) -> float:
    """RMS codes by which a repair changed what the defect had not touched."""
    return round(219 * float(np.sqrt(np.mean((after[where] - before[where]) ** 2))), 3) if where.any() else 0.0


def _touched(one: Plane, other: Plane) -> Mask:
    differs = (np.abs(one - other) * 219 > _TOUCHED).astype(np.uint8)
    return np.stack([cv2.dilate(plane, np.ones((1, _ROUND), np.uint8)) for plane in differs]) > 0


def _gain(before: Plane, after: Plane, true: Plane, where: Any) -> float:
    errors = [float(np.mean((one[where] - true[where]) ** 2)) + 1e-9 for one in (before, after)]
    return round(10 * float(np.log10(errors[0] / errors[1])), 2)


def summary(rows: list[Row]) -> Row:
    """Mean and worst gain per preset and defect, ours and FFmpeg's."""
    found: Row = {}
    for name in dict.fromkeys(row["preset"] for row in rows):
        here = [row for row in rows if row["preset"] == name]
        for kind in ("dropouts", "head switching", "colour delay", "lost frames"):
            known = [row[kind] for row in here if row[kind]]
            if known:
                found[f"{name} {kind}"] = {
                    "clips": len(known),
                    "db": _spread([one["db"] for one in known]),
                    "ffmpeg db": _spread([one["ffmpeg db"] for one in known]),
                    "ahead": f"{sum(one['db'] > one['ffmpeg db'] for one in known)}/{len(known)}",
                }
    return found


def _spread(gains: list[float]) -> list[float]:
    """Mean and worst."""
    return [round(float(np.mean(gains)), 2), min(gains)]
