"""Measured curves of bytes and quality: what searches and allocation can be tried on without encoding anything.

    python benchmarks/encoding.py --part curves --data DIR [--preset 10] [--frames 32]

Shots of six sources, from three to six of each, seconds apart, at 540 and 270 lines; six values of CRF, each an encode
by the product (`encode_chunk`), VMAF-NEG of every frame. Takes half an hour of one processor. `encoding_simulated`
reads the result.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from bench import arguments, machine, parsed, write
from encoding_clips import RATE, Shot, look_of
from footlights.core.signal import BT709_SIGNAL
from footlights.core.time import FrameRange
from footlights.encoding import ladder
from footlights.encoding.encoders import lossless_intermediate
from footlights.media import ffmpeg
from footlights.media.reader import VideoReader
from footlights.pipeline.chunks import ChunkRequest, Picture
from footlights.pipeline.rungs import encode_chunk
from footlights.settings import EncodingSettings

SOURCES: dict[str, tuple[float, ...]] = {
    "dev_clips/dance_dj_480p50.mp4": (0, 3, 6, 9, 12, 15),
    "dev_clips/face_colourlight_cottonbro.mp4": (0, 3, 6, 9),
    "dev_clips/concert_crowd_720p.mp4": (0, 2.5, 5),
    "dev_clips/school_show_540p.mp4": (0, 2.5, 5),
    "train_video/imgly_koolshooters_face.mp4": (0, 3, 6),
    "train_video/food_3769033.mp4": (0, 3, 6),
}
"""First seconds of the shots."""
LINES = (540, 270)
GRID = (20.0, 26.0, 32.0, 38.0, 44.0, 50.0)


def main() -> None:
    parser = arguments("encoding_curves", __doc__)
    parser.add_argument("--frames", type=int, default=32)
    parser.add_argument("--preset", type=int, default=10)
    options = parsed(parser)
    shots: list[dict[str, Any]] = []
    with TemporaryDirectory() as scratch:
        for file, seconds in SOURCES.items():
            shots += [_measured(options.data / file, second, options, Path(scratch)) for second in seconds]
    facts = {name: getattr(options, name) for name in ("frames", "preset")}
    write(options.out, {"machine": machine(), "options": facts, "shots": shots})


def _measured(file: Path, second: float, options: Any, folder: Path) -> dict[str, Any]:
    curves: dict[str, list[list[float]]] = {}
    for lines in LINES:
        shot = _cut(file, second, lines, options.frames, folder)
        curves[str(lines)] = [_encoded(shot, q, options, folder) for q in GRID]
    look = shot.look
    return {
        "source": file.stem,
        "second": second,
        "look": [look.spatial, look.temporal, look.luma],
        "curves": curves,
    }


def _encoded(shot: Shot, q: float, options: Any, folder: Path) -> list[float]:
    settings = EncodingSettings(heights=(shot.height,), h264_height=0, preset=options.preset, dark=0)
    (rung,) = ladder.rungs(shot.width, shot.height, settings)
    frames = FrameRange(0, shot.frames)
    request = ChunkRequest(
        replace(rung, max_rate=10**12), frames, (0,), RATE, shot.width, shot.height, BT709_SIGNAL, 36.0, 1, q=q
    )
    one = encode_chunk(request, Picture(shot.path, frames), folder, lambda _: None).chosen
    (folder / "chunk.mkv").unlink()
    return [q, one.bytes, one.mean, one.low]


def _cut(file: Path, second: float, lines: int, frames: int, folder: Path) -> Shot:
    width = lines * 16 // 9 // 2 * 2
    target = folder / f"{file.stem}-{second:g}-{lines}.mkv"
    size = f"{width}:{lines}"
    scale = f"scale={size}:flags=lanczos:force_original_aspect_ratio=increase,crop={size},setsar=1"
    tail = ["-an", "-frames:v", str(frames), *lossless_intermediate(scale), ffmpeg.file_url(target)]
    ffmpeg.run(["-ss", f"{second:g}", *ffmpeg.input_arguments(file), *tail], doing="cutting a shot")
    with VideoReader(target) as reader:
        luma = [one.planes[0].astype(np.float32) / 4 for one in reader.read(FrameRange(0, reader.index.frames))]
    return Shot(target.stem, target, width, lines, frames, look_of(luma))


if __name__ == "__main__":
    main()
