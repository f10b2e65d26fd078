"""Frames of the tape simulator as analysers look at them, and as clips for stages, without a file in between."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.analysis.base import ANALYSERS, Notes, Scene
from footlights.analysis.view import FrameView
from footlights.core.clip import Clip, Plane
from footlights.core.colour import chroma_from_codes, luma_from_codes
from footlights.core.reports import Entry, Shot
from footlights.core.signal import Range
from footlights.core.source import Ingest, Source
from footlights.core.time import FrameRange
from footlights.media.pixels import layout
from footlights.models.fieldlift import columns_doubled
from footlights.tape.presets import Preset
from footlights.tape.raster import NTSC, Raster
from footlights.tape.simulate import Simulator, TapeFrame
from footlights.tape.truth import Truth
from made_tapes import settings


@dataclass(frozen=True, slots=True)
class Simulated:
    """A tape in memory, with its truth."""

    simulator: Simulator
    frames: list[TapeFrame]
    truth: Truth

    @property
    def shot(self) -> Shot:
        return Shot(0, FrameRange(0, len(self.frames)), 0, Entry.START, 1.0)

    def columns(self, name: str) -> dict[str, NDArray[np.float32]]:
        """What one analyser notes."""
        analyser = ANALYSERS.get(name)(Scene(self._ingest(), settings().analysis))
        notes, shown = Notes(analyser.columns, self.shot.frames), 1 + analyser.before + analyser.after
        views: list[FrameView] = []
        for frame in self.frames:
            planes = (frame.y, frame.cb, frame.cr)
            view = FrameView(frame.number, planes, layout("yuv422p"), self.simulator.signal())  # type: ignore[arg-type]
            views = [*views, view][-shown:]
            analyser.look(views, notes)
        return notes.columns

    def clip(self) -> Clip:
        """The frames as float pictures, 4:4:4."""
        luma = luma_from_codes(np.stack([frame.y for frame in self.frames]), 8, Range.LIMITED)
        codes = np.stack([np.stack([frame.cb, frame.cr]) for frame in self.frames])
        chroma = columns_doubled(chroma_from_codes(codes, 8, Range.LIMITED))
        return Clip(luma, chroma, self.simulator.signal(), self.shot.frames, self.simulator.raster.standard.frame_rate)

    def _ingest(self) -> Ingest:
        raster, count = self.simulator.raster, len(self.frames)
        rate, every = raster.standard.frame_rate, tuple(range(count))
        size = (raster.width, raster.height)
        source = Source("t", "0" * 64, 1, "mkv", "ffv1", "yuv422p", *size, rate, self.simulator.signal(), 8, "4:2:2")
        return Ingest(source, count, 1 / rate, every, every, False, (True,) * count, 0, (), (), "c" * 64)


def simulated(
    preset: Preset, pictures: Iterable[Plane], *, seed: int = 3, raster: Raster = NTSC, **changes: Any
) -> Simulated:
    """The pictures, two per frame, on a tape of this preset."""
    simulator = Simulator(preset, seed, raster, **changes)
    recording = simulator.run(pictures)
    frames = list(recording)
    return Simulated(simulator, frames, recording.truth())


def stage_scene(count: int, *, seed: int = 11, speed: float = 1.5, dark: float = 0.0) -> Sequence[Plane]:
    """R'G'B' pictures `(480, 704, 3)` of a coloured texture with hard edges that a camera pans over.

    `dark` is the share of light taken away.
    """
    rng = np.random.default_rng(seed)
    height, width = 480, 704 + int(abs(speed) * count) + 8
    scene = np.full((height, width, 3), 0.35, np.float32)
    for size in (16, 40, 110):
        noise = rng.standard_normal((height // size + 2, width // size + 2, 3)).astype(np.float32)
        scene += 0.1 * cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(60):
        x, y, w, h = (int(v) for v in rng.integers((0, 0, 20, 30), (width, height, 90, 160)))
        scene[y : y + h, x : x + w] = rng.uniform(0.1, 0.9, 3)
    scene = np.clip(cv2.GaussianBlur(scene, (0, 0), 1.0), 0, 1) * np.float32(1 - dark)
    return [_window(scene, speed * number) for number in range(count)]


def _window(scene: Plane, left: float) -> Plane:
    move = np.array([[1, 0, left], [0, 1, 0]], np.float32)
    return cv2.warpAffine(scene, move, (704, scene.shape[0]), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
