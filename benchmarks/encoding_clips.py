"""Short shots for the encoding benchmarks: cut from sources of 1080 lines or more, scaled down, lossless."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
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
        ("dev_clips/dancer_1080p.mp4", 5),
        ("train_video/barista_mikejones.mp4", 12),
        ("dev_clips/dancer_1080p.mp4", 58),
        ("train_video/barista_mikejones.mp4", 108),
    ),
    "rooms": (
        ("train_video/aigen_office1.mp4", 12),
        ("train_video/androidx_face_selfie.mp4", 6),
        ("train_video/aigen_office1.mp4", 72),
        ("train_video/androidx_graffiti60.mp4", 6),
    ),
}
"""Every source of 1080 lines or more in the data set, some of them twice, as cameras return in a concert; with the
first frame (by number: a clip with one key frame cannot be sought where its rate is overridden)."""


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
    return [_shot(data / file, start, lines, frames, folder) for file, start in PROGRAMMES[programme]]


def _shot(file: Path, start: int, lines: int, frames: int, folder: Path) -> Shot:
    width = lines * 16 // 9 // 2 * 2
    name = f"{file.stem}@{start}"
    target = folder / f"{name}-{lines}.mkv"
    size = f"{width}:{lines}"
    pick = f"select=gte(n\\,{start}),setpts=N/{RATE}/TB"
    scale = f"{pick},scale={size}:flags=lanczos:force_original_aspect_ratio=increase,crop={size},setsar=1"
    tail = ["-an", "-frames:v", str(frames), *lossless_intermediate(scale), ffmpeg.file_url(target)]
    ffmpeg.run([*ffmpeg.input_arguments(file, RATE), *tail], doing="cutting a shot")
    with VideoReader(target) as reader:
        picture = [one.planes[0].astype(np.float32) / 4 for one in reader.read(FrameRange(0, reader.index.frames))]
    return Shot(name, target, width, lines, frames, look_of(picture))


def look_of(luma: list[NDArray[np.float32]]) -> Look:
    """SI and TI after ITU-T P.910 at SD width, as the analysers see them, and the median luma; 8-bit codes."""
    small = [cv2.resize(one, (704, 704 * one.shape[0] // one.shape[1]), interpolation=cv2.INTER_AREA) for one in luma]
    spatial = max(float(_gradient(one).std()) for one in small[::5])
    temporal = max((float((b - a).std()) for a, b in itertools.pairwise(small)), default=0.0)
    return Look(round(spatial, 2), round(temporal, 2), round(float(np.median(luma[len(luma) // 2])), 1))


def _gradient(luma: NDArray[np.float32]) -> NDArray[np.float32]:
    across, down = (cv2.Sobel(luma, cv2.CV_32F, dx, dy)[1:-1, 1:-1] for dx, dy in ((1, 0), (0, 1)))
    return np.asarray(cv2.magnitude(across, down))
