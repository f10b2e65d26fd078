"""Short shots for the encoding benchmarks: cut from sources of 1080 lines or more, scaled down, lossless."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from footlights.core.encodes import Look
from footlights.core.time import FrameRange
from footlights.encoding.encoders import lossless_intermediate
from footlights.media import ffmpeg
from footlights.media.reader import VideoReader

RATE = Fraction(25)
PROGRAMMES = {
    "people": (
        ("dev_clips/dancer_1080p.mp4", 0.2),
        ("train_video/barista_mikejones.mp4", 0.5),
        ("dev_clips/dancer_1080p.mp4", 2.4),
        ("train_video/barista_mikejones.mp4", 4.5),
    ),
    "rooms": (
        ("train_video/aigen_office1.mp4", 0.5),
        ("train_video/androidx_face_selfie.mp4", 0.2),
        ("train_video/aigen_office1.mp4", 3.0),
        ("train_video/androidx_graffiti60.mp4", 0.1),
    ),
}
"""Every source of 1080 lines or more in the data set, some of them twice, as cameras return in a concert."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One shot on disk."""

    name: str
    path: Path
    width: int
    height: int
    frames: int
    look: Look


def cut(data: Path, programme: str, lines: int, frames: int, folder: Path) -> list[Shot]:
    """The shots of a programme at 16:9, lossless in `folder`."""
    return [_shot(data / file, second, lines, frames, folder) for file, second in PROGRAMMES[programme]]


def _shot(file: Path, second: float, lines: int, frames: int, folder: Path) -> Shot:
    width = lines * 16 // 9 // 2 * 2
    name = f"{file.stem}@{second:g}"
    target = folder / f"{name}-{lines}.mkv"
    size = f"{width}:{lines}"
    scale = f"scale={size}:flags=lanczos:force_original_aspect_ratio=increase,crop={size},setsar=1"
    tail = ["-an", "-frames:v", str(frames), *lossless_intermediate(scale), ffmpeg.file_url(target)]
    ffmpeg.run(["-ss", f"{second:g}", *ffmpeg.input_arguments(file, RATE), *tail], doing="cutting a shot")
    with VideoReader(target) as reader:
        picture = [one.planes[0].astype(np.float32) / 4 for one in reader.read(FrameRange(0, reader.index.frames))]
    return Shot(name, target, width, lines, frames, look_of(picture))


def look_of(luma: list[NDArray[np.float32]]) -> Look:
    """SI and TI after ITU-T P.910 at the size given (a stand-in for the analysers', which look at SD width), and the
    median luma; 8-bit codes."""
    spatial = max(float(np.hypot(*np.gradient(one)).std()) * 4 for one in luma[::8])
    temporal = max((float((b - a).std()) for a, b in itertools.pairwise(luma)), default=0.0)
    return Look(round(spatial, 2), round(temporal, 2), round(float(np.median(luma[len(luma) // 2])), 1))
