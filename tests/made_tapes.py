"""Small tapes with known truth, made in a moment: moving textures, laid into fields, written losslessly, taken in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.analysis import survey as analysis
from footlights.config import resolve
from footlights.core.reports import Survey
from footlights.core.source import Ingest
from footlights.core.time import FrameRange
from footlights.ingest import ingest as taking_in
from footlights.media import ffmpeg
from footlights.media.reader import VideoReader
from footlights.settings import Settings

WIDTH, HEIGHT = 352, 288
PAL = Fraction(25)
QUIET = ("analysis.faces.enabled=false",)

Picture = NDArray[np.float32]
"""(H, W) luma codes."""


def settings(*assignments: str) -> Settings:
    """Defaults with assignments on top; no file, no environment."""
    return resolve(assignments, Path("/dev/null")).settings


def texture(seed: int, width: int = WIDTH * 2, height: int = HEIGHT * 2, *, contrast: float = 60) -> Picture:
    """A picture with structure at all scales, codes 30..220."""
    rng = np.random.default_rng(seed)
    plane = np.zeros((height, width), np.float32)
    for size in (4, 9, 20, 45):
        noise = rng.standard_normal((height // size + 2, width // size + 2)).astype(np.float32)
        plane += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC) * size**0.5
    return np.clip(125 + contrast * plane / np.abs(plane).max() * 1.4, 30, 220).astype(np.float32)


def panned(scene: Picture, instant: float, *, dx: float = 2.0, dy: float = 0.7) -> Picture:
    """The scene seen by a camera that moves dx, dy samples per instant; (HEIGHT, WIDTH)."""
    move = np.array([[1, 0, 40 + dx * instant], [0, 1, 40 + dy * instant]], np.float32)
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(scene, move, (WIDTH, HEIGHT), flags=flags, borderMode=cv2.BORDER_REFLECT)


def woven(first: Picture, second: Picture, *, top_first: bool = True) -> Picture:
    """A frame from two instants."""
    frame = np.empty_like(first)
    early, late = (0, 1) if top_first else (1, 0)
    frame[early::2], frame[late::2] = first[early::2], second[late::2]
    return frame


def interlaced(seen: Callable[[int], Picture], frames: int, *, top_first: bool = True) -> list[Picture]:
    """Frames from `seen(field)`."""
    return [woven(seen(2 * n), seen(2 * n + 1), top_first=top_first) for n in range(frames)]


def noisy(frames: Sequence[Picture], sigma: float, seed: int = 1) -> list[Picture]:
    rng = np.random.default_rng(seed)
    return [frame + rng.standard_normal(frame.shape).astype(np.float32) * np.float32(sigma) for frame in frames]


def write_ffv1(
    path: Path, frames: Sequence[Picture], *, rate: Fraction = PAL, order: str = "prog", sar: str = "12/11"
) -> Path:
    """Luma frames with neutral chroma as FFV1; `order` is tff, bff or prog."""
    height, width = frames[0].shape
    raw = ffmpeg.RawFormat(width, height, "yuv420p", str(rate))
    flag = ["-vf", f"setfield={order},setsar={sar}"]
    arguments = [*flag, "-c:v", "ffv1", "-level", "3", "-g", "1", "-slices", "4", ffmpeg.file_url(path)]
    grey = np.full((height // 2, width // 2), 128, np.uint8)
    with ffmpeg.EncoderPipe(raw, arguments, doing="making a test tape") as pipe:
        for frame in frames:
            pipe.write(np.clip(np.rint(frame), 16, 235).astype(np.uint8))
            pipe.write(grey)
            pipe.write(grey)
    return path


@dataclass(frozen=True, slots=True)
class TakenIn:
    """An ingested tape."""

    folder: Path
    ingest: Ingest

    def reader(self) -> VideoReader:
        return taking_in.open_ingest(self.folder)[1]


def take_in(path: Path, folder: Path, chosen: Settings | None = None) -> TakenIn:
    folder.mkdir(parents=True, exist_ok=True)
    options = (chosen or settings()).ingest
    record = taking_in.ingest(path, folder, options, sha256="0" * 64, progress=lambda frames: None)
    return TakenIn(folder, record)


def measured(taken: TakenIn, chosen: Settings | None = None, part: int = 10_000) -> dict[str, NDArray[np.float32]]:
    """All analysers' columns, measured in parts."""
    options = (chosen or settings(*QUIET)).analysis
    digests = taking_in.read_hashes(taken.folder)
    parts = []
    for frames in FrameRange(0, taken.ingest.frames).split(part):
        with taken.reader() as reader:
            parts.append(analysis.measure(taken.ingest, reader, digests, frames, options, lambda done: None))
    return {name: np.concatenate([one[name] for one in parts]) for name in parts[0]}


def surveyed(frames: Sequence[Picture], folder: Path, *, order: str = "tff") -> tuple[TakenIn, Survey]:
    """Write, take in, measure, conclude."""
    folder.mkdir(parents=True, exist_ok=True)
    taken = take_in(write_ffv1(folder / "tape.mkv", frames, order=order), folder / "ingest")
    options = settings(*QUIET)
    return taken, analysis.conclude(measured(taken, options), taken.ingest, options.analysis)
