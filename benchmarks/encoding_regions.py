"""What a region of interest gives a face in the H.264 rendition, and what it takes from the rest of the picture.

    python benchmarks/encoding.py --part regions --data DIR [--frames 48] [--offset -0.1] [--shots 5]

The largest face that StageFace finds on three pictures of a shot, the box around all three and a tenth more, is given
to x264 by FFmpeg's `addroi` for the whole shot. VMAF-NEG of all pictures, of the whole and of the box alone, at CRF 22,
26 and 30; read off where the plain encode at 26 ends: what the region costs at the same score of the whole (the lesser
of the mean and the 5th percentile plus 3), and what the face gains there and at the same bytes.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bench import arguments, machine, parsed, table, write
from encoding_clips import Shot
from encoding_contents import RATE, Take, cut_take
from footlights.analysis.faces import finder_of
from footlights.encoding.encoders import X264
from footlights.media import ffmpeg
from footlights.metrics.video import vmaf

TAKES = (
    Take("train_video/aigen_office3.mp4", 24),
    Take("train_video/aigen_office1.mp4", 24),
    Take("train_video/androidx_face_selfie.mp4"),
    Take("dev_clips/face_colourlight_cottonbro.mp4", 25),
    Take("dev_clips/school_show_540p.mp4", 60),
)
VALUES = (22.0, 26.0, 30.0)
_SEARCHED = 480
_MARGIN = 0.1
Floats = NDArray[np.float64]
Box = tuple[int, int, int, int]
"""Left, top, width, height; all even."""


def main() -> None:
    parser = arguments("encoding_regions", __doc__)
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--offset", type=float, default=-0.1)
    parser.add_argument("--shots", type=int, default=len(TAKES))
    options = parsed(parser)
    rows = []
    with TemporaryDirectory() as scratch:
        for take in TAKES[: options.shots]:
            shot = cut_take(options.data, take, 540, options.frames, Path(scratch))
            rows.append(_compared(shot, options.offset, Path(scratch)))
            print(rows[-1]["shot"], flush=True)
    facts = {name: getattr(options, name) for name in ("frames", "offset")}
    write(options.out, {"machine": machine(), "options": facts, "shots": rows})
    names = ("shot", "box", "whole", "face", "bytes", "face_gains", "whole_then", "face_then")
    table(names, [[row[name] for name in names] for row in rows])


def _compared(shot: Shot, offset: float, folder: Path) -> dict[str, Any]:
    box = _box(shot)
    plain, region = (np.array([_encoded(shot, q, box, one, folder) for q in VALUES]) for one in (0.0, offset))
    at = plain[1]
    same, fewer = _read(region, 1, at[1]), _read(region, 0, at[0])
    return {
        "shot": shot.name,
        "box": round(box[2] * box[3] / (shot.width * shot.height), 3),
        "whole": round(at[1], 1),
        "face": round(at[2], 1),
        "bytes": round(float(np.exp(same[0] - at[0])) - 1, 3),
        "face_gains": round(same[2] - at[2], 2),
        "whole_then": round(fewer[1] - at[1], 2),
        "face_then": round(fewer[2] - at[2], 2),
        "plain": plain.round(3).tolist(),
        "region": region.round(3).tolist(),
    }


def _read(points: Floats, column: int, value: float) -> Floats:
    """All columns where one has this value; NaN where no two encodes lie around it."""
    ordered = points[np.argsort(points[:, column])]
    return np.array([np.interp(value, ordered[:, column], one, np.nan, np.nan) for one in ordered.T])


def _encoded(shot: Shot, q: float, box: Box, offset: float, folder: Path) -> tuple[float, float, float]:
    """Logarithm of the bytes, score of the whole, mean of the face."""
    words = X264().arguments(q, (0,), RATE)
    left, top, width, height = box
    place = words.index("-vf") + 1
    words[place] = (f"addroi={left}:{top}:{width}:{height}:{offset:g}," if offset else "") + words[place]
    made, face, true = (folder / name for name in ("made.mkv", "face.mkv", "true.mkv"))
    ffmpeg.run([*ffmpeg.input_arguments(shot.path, RATE), *words, ffmpeg.file_url(made)], doing="encoding")
    for source, target in ((made, face), (shot.path, true)):
        cut = ["-vf", f"crop={width}:{height}:{left}:{top}", "-c:v", "ffv1", ffmpeg.file_url(target)]
        ffmpeg.run([*ffmpeg.input_arguments(source, RATE), *cut], doing="cutting out a face")
    whole = vmaf(made, shot.path, RATE, height=shot.height, frames=shot.frames).vmaf
    inside = vmaf(face, true, RATE, height=shot.height, frames=shot.frames).vmaf
    score = min(whole.mean(), np.percentile(whole, 5) + 3)
    return float(np.log(made.stat().st_size)), float(score), float(inside.mean())


def _box(shot: Shot) -> Box:
    scale, found = shot.height / _SEARCHED, []
    capture = cv2.VideoCapture(str(shot.path))
    for number in range(shot.frames):
        picture = capture.read()[1]
        if number in (2, shot.frames // 2, shot.frames - 2):
            small = cv2.resize(picture[..., ::-1], (round(shot.width / scale / 2) * 2, _SEARCHED))
            rows = finder_of("stageface")(np.ascontiguousarray(small, np.uint8))
            if len(rows):
                found.append(scale * max(rows, key=lambda row: row[2] * row[3])[:4])
    if not found:
        raise SystemExit(f"{shot.name} shows no face")
    boxes = np.array(found)
    low, high = boxes[:, :2].min(0), (boxes[:, :2] + boxes[:, 2:]).max(0)
    margin = _MARGIN * (high[0] - low[0])
    low = np.maximum(low - margin, 0)
    high = np.minimum(high + margin, (shot.width, shot.height))
    left, top, width, height = (int(value) // 2 * 2 for value in (*low, *(high - low)))
    return left, top, width, height


if __name__ == "__main__":
    main()
