"""Quantisers of known compressions, estimated from the pictures: `python benchmarks/quantiser.py --data DIR`.

Dev clips on tapes of our own simulator (same author), without a codec of theirs, through real coders (FFmpeg's MPEG-2
with field DCT and groups of 12 at one quantiser_scale, OpenCV's JPEG, FFmpeg's DV) and through two of them; `noisy`
has noise of one code over MPEG-2, as an analogue copy would; `rate` is MPEG-2 at 8 Mb/s, whose scales are its own.
Told: shots in which the analyser is sure, and how far its step is from the truth. In pieces.
"""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

import bench
import defects
import pieces
import repair
import repair_own as own
from footlights.analysis import quantiser
from footlights.core.clip import Plane
from footlights.core.reports import Entry, Shot
from footlights.core.time import FrameRange
from footlights.media.pixels import layout, new_frame, plane_views
from footlights.media.recode import Pictures, TapeCodec, recode

Row = dict[str, Any]
PRESETS = ("light", "heavy")
_QUANTISERS = (2, 4, 8)
"""Codes of quantiser_scale: the scale is twice that."""
_QUALITIES = {50: 11, 75: 6, 90: 2}
"""JPEG qualities, and the steps of their lowest frequency across (ITU-T T.81, table K.1)."""
_SURE = 0.5


def estimated(name: str, scene: list[Plane], seed: int) -> Row:
    """What the analyser says of a clip behind every coder: step, matrix, frames, confidence."""
    tape = own.played(repair.worn(name), scene, seed)
    passes: dict[str, tuple[float, Pictures]] = {"none": (0.0, tape.pictures)}
    for q in _QUANTISERS:
        passes[f"mpeg2 {2 * q}"] = 2.0 * q, _mpeg2(tape.pictures, q)
    rated = recode(tape.pictures, TapeCodec.MPEG2)
    # Its groups are of 15: from here on one of the pictures looked at is without prediction as well.
    passes["mpeg2 rate"] = 0.0, Pictures(rated.luma[5:], rated.chroma[5:])
    passes["dv"] = 0.0, recode(tape.pictures, TapeCodec.DV)
    middle = passes["mpeg2 8"][1]
    passes["mpeg2 8, dv"] = 8.0, recode(middle, TapeCodec.DV)
    noise = np.random.default_rng(seed).normal(0, 1, middle.luma.shape)
    noisy = np.clip(np.rint(middle.luma + noise), 0, 255).astype(np.uint8)
    passes["mpeg2 8, noisy"] = 8.0, Pictures(noisy, middle.chroma)
    for quality, step in _QUALITIES.items():
        passes[f"jpeg {quality}"] = float(step), Pictures(_jpeg(tape.pictures.luma, quality), tape.pictures.chroma)
    row: Row = {"preset": name}
    for what, (true, pictures) in passes.items():
        made = defects.Made(pictures, tape.truth, tape.wanted, tape.simulator)
        shot = Shot(0, FrameRange(0, len(pictures.luma)), 0, Entry.START, 1.0)
        found = quantiser.report(defects.columns(made, "quantiser"), shot)
        row[what] = [true, found.step, found.matrix, found.frames, found.confidence]
    return row


def _mpeg2(pictures: Pictures, q: int) -> Pictures:
    """Interlaced, frame or field DCT by macroblock, every twelfth picture without prediction."""
    coder: Any = av.CodecContext.create("mpeg2video", "w")
    coder.height, coder.width = pictures.luma.shape[1:]
    coder.pix_fmt, coder.time_base, coder.framerate = "yuv422p", Fraction(1001, 30000), Fraction(30000, 1001)
    coder.gop_size, coder.max_b_frames, coder.qmin, coder.qmax, coder.thread_count = 12, 0, q, q, 1
    coder.options = {"flags": "+ildct+ilme", "sc_threshold": "1000000000"}
    decoder: Any = av.CodecContext.create("mpeg2video", "r")
    packets = []
    for number, (luma, chroma) in enumerate(zip(pictures.luma, pictures.chroma, strict=True)):
        frame: Any = new_frame((luma, chroma[0], chroma[1]), "yuv422p")
        frame.pts, frame.time_base = number, coder.time_base
        packets += coder.encode(frame)
    frames = [one for packet in (*packets, *coder.encode(None), None) for one in decoder.decode(packet)]
    return Pictures(np.stack([plane_views(one, layout("yuv422p"))[0] for one in frames]), pictures.chroma)


def _jpeg(luma: Any, quality: int) -> Any:
    coded = [cv2.imencode(".jpg", one, [cv2.IMWRITE_JPEG_QUALITY, quality])[1] for one in luma]
    return np.stack([cv2.imdecode(one, cv2.IMREAD_GRAYSCALE) for one in coded])


def summary(rows: list[Row]) -> Row:
    """By pass: shots, how many are sure, median and worst error of their steps in percent."""
    told: Row = {}
    for what in rows[0]:
        found = [row[what] for row in rows if isinstance(row[what], list)]
        if found:
            sure = [one for one in found if one[4] >= _SURE]
            errors = [100 * abs(one[1] / one[0] - 1) for one in sure if one[0]]
            told[what] = {
                "shots": len(found),
                "sure": len(sure),
                "error_percent": [round(float(np.median(errors)), 1), round(max(errors), 1)] if errors else None,
                "steps": [min(one[1] for one in sure), max(one[1] for one in sure)] if sure else None,
            }
    return told


def main() -> int:
    parser = bench.arguments("quantiser", __doc__)
    parser.add_argument("--frames", type=int, default=27, help="tape frames per clip; intra pictures are 0, 12, 24")
    parser.add_argument("--clips", nargs="*", help="names of dev clips; all by default")
    pieces.arguments(parser)
    options = bench.parsed(parser)
    facts, kept = bench.machine(), pieces.opened(options)
    rows = list(kept.rows("estimated", dict(defects.clips_of(options)), PRESETS, estimated))
    told = summary(rows) if rows else {}
    facts = {"machine": facts, "commits": kept.commits(), "rows_missing": kept.missing}
    bench.write(Path(options.out), facts | {"summary": told, "rows": rows})
    bench.table(("pass", "shots", "sure", "error %", "steps"), [(what, *one.values()) for what, one in told.items()])
    return pieces.PAUSED if kept.missing else 0


if __name__ == "__main__":
    sys.exit(pieces.finished(main))
