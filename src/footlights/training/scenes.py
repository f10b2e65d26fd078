"""Scenes at field rate with exact truth: stills moved by a virtual camera, layers before them, footage with its own
motion, all under moving stage light.

Four scenes share one tape picture, so that stills of 1440 samples are wide enough for a truth at four times the size
of the tape. Light is linear inside; 1 is white.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core.clip import Plane
from footlights.core.colour import DISPLAY_GAMMA
from footlights.core.time import FrameRange
from footlights.media.reader import VideoReader, index_video
from footlights.tape.light import StageLight, illuminate
from footlights.training.sources import Picture, Sources, read_picture
from footlights.training.tapes import draw_light

SCALE = 4
SCENE_HEIGHT, SCENE_WIDTH = 240, 352
"""Samples of the tape a scene fills; four of them fill the active picture."""
FINE = (SCENE_HEIGHT * SCALE, SCENE_WIDTH * SCALE)

_VIDEO = (480, 640)
"""Lines and columns of a piece of footage at the fine size; four pieces fill a scene."""
_LEAST_REDUCTION = 1.5
"""Footage is reduced at least so much before it passes as truth: its coding must not be learned."""
_LIGHT_GRID = (60, 88)
_RIGID: Plane = np.zeros((4, 6, 2), np.float32)


@dataclass(frozen=True, slots=True)
class Place:
    """A rectangle of a scene, in samples of the tape."""

    top: int
    left: int
    height: int
    width: int


class Scene(Protocol):
    """A moving picture."""

    @property
    def places(self) -> Sequence[Place]:
        """Where in the scene there is picture without seams."""
        ...

    def light_at(self, field: int) -> Plane:
        """Linear R'G'B'-primaries light `(960, 1408, 3)` at a field's instant."""
        ...


@dataclass(frozen=True, slots=True)
class Mix:
    """Shares of scenes."""

    video: float = 0.25
    """Footage; the rest are stills."""
    calm: float = 0.0
    """Of the stills: before a camera that stands on its tripod."""
    shaken: float = 0.0
    """Of the stills: before a camera that jolts from field to field."""


def draw_scene(sources: Sources, fields: int, rng: np.random.Generator, mix: Mix = Mix()) -> Scene:
    """A scene of `fields` fields."""
    moving: Scene
    if sources.videos and rng.random() < mix.video:
        moving = Footage(sources.videos, fields, rng)
    else:
        # Without such scenes nothing is drawn, so that the shards of earlier seeds stay what they were.
        still = MovedStill(sources, fields, rng, at_rest=mix.calm > 0 and bool(rng.random() < mix.calm))
        if mix.shaken and rng.random() < mix.shaken:
            still.shake(_jolts(fields, rng))
        moving = still
    return LitScene(moving, draw_light(rng), int(rng.integers(2**31)))


@dataclass(frozen=True, slots=True)
class LitScene:
    """A scene under stage light."""

    scene: Scene
    light: StageLight
    seed: int

    @property
    def places(self) -> Sequence[Place]:
        return self.scene.places

    def light_at(self, field: int) -> Plane:
        light = self.scene.light_at(field)
        if self.light.dark:
            return light
        # The stage light is affine in the scene's light: white and black under it give factor and veil.
        white, black = (
            illuminate(np.full((*_LIGHT_GRID, 3), level, np.float32), self.light, self.seed, field, 0)
            for level in (1, 0)
        )
        size = (FINE[1], FINE[0])
        lit = light * cv2.resize(white - black, size, interpolation=cv2.INTER_LINEAR)
        return np.asarray(lit + cv2.resize(black, size, interpolation=cv2.INTER_LINEAR), np.float32)


@dataclass(frozen=True, slots=True)
class Path4:
    """The way of a layer: position, magnification and turn at every field."""

    x: NDArray[np.float64]
    """Fine samples to the right."""
    y: NDArray[np.float64]
    zoom: NDArray[np.float64]
    turn: NDArray[np.float64]
    """Radians."""


def draw_path(fields: int, rng: np.random.Generator) -> Path4:
    """Pans with a long tail of speeds, slow zoom and turn, a trembling hand."""
    still = rng.random() < 0.12
    speed = 0.0 if still else min(14.0, float(rng.exponential(1.6))) * SCALE
    angle = rng.normal(0, 0.5) + np.pi * rng.integers(0, 2)
    bend = rng.normal(0, 0.03)
    time = np.arange(fields) - fields / 2
    heading = angle + bend * time
    hand = float(rng.uniform(0, 0.5)) * SCALE if rng.random() < 0.5 else 0.0
    return Path4(
        x=np.cumsum(speed * np.cos(heading)) + _tremble(fields, hand, rng),
        y=np.cumsum(speed * np.sin(heading)) + _tremble(fields, hand, rng),
        zoom=np.exp((0 if still else rng.normal(0, 0.004)) * time),
        turn=np.asarray((0 if still else rng.normal(0, 0.002)) * time, np.float64),
    )


def _at_rest(fields: int, rng: np.random.Generator) -> Path4:
    """A camera on its tripod: any place between the lines, no motion."""
    x, y = rng.uniform(-SCALE, SCALE, 2)
    none = np.zeros(fields)
    return Path4(none + x, none + y, none + 1, none)


def _jolts(fields: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """What a pushed camera does from field to field: no motion can be foretold from the fields around one."""
    size = rng.uniform(0.2, 3.0) * SCALE
    jolts = rng.laplace(0, size / 2, (2, fields)) * (rng.random(fields) < rng.uniform(0.2, 1.0))
    return np.asarray(np.clip(jolts, -6 * SCALE, 6 * SCALE), np.float64)


def _tremble(fields: int, amount: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """A smooth random walk about zero."""
    steps = np.convolve(rng.normal(0, 1, fields + 8), np.hanning(11)[1:-1], "valid")[:fields]
    return np.asarray(amount * steps / 2, np.float64)


@dataclass(frozen=True, slots=True)
class Layer:
    """A texture and its way."""

    texture: Plane
    """`(h, w, 3)` linear light, or `(h, w, 4)` with an opacity that has already been multiplied in."""
    path: Path4
    sway: Plane
    """`(rows, columns, 2)` amplitudes of a local swaying, fine samples; all zero for a rigid layer."""
    tempo: float
    """Radians per field."""

    def at(self, field: int) -> Plane:
        """The layer as the camera sees it `(960, 1408, channels)`."""
        height, width = FINE
        zoom, turn = self.path.zoom[field], self.path.turn[field]
        cos, sin = np.cos(turn) * zoom, np.sin(turn) * zoom
        rows = np.arange(height, dtype=np.float32)[:, None] - height / 2
        columns = np.arange(width, dtype=np.float32)[None, :] - width / 2
        x = (cos * columns - sin * rows + (self.texture.shape[1] / 2 + self.path.x[field])).astype(np.float32)
        y = (sin * columns + cos * rows + (self.texture.shape[0] / 2 + self.path.y[field])).astype(np.float32)
        if self.sway.any():
            swing = self.sway * np.float32(np.sin(self.tempo * field))
            x += cv2.resize(swing[..., 0], (width, height), interpolation=cv2.INTER_CUBIC)
            y += cv2.resize(swing[..., 1], (width, height), interpolation=cv2.INTER_CUBIC)
        solid = self.texture.shape[2] == 3
        border = cv2.BORDER_REFLECT_101 if solid else cv2.BORDER_CONSTANT
        seen = cv2.remap(self.texture, x, y, cv2.INTER_CUBIC, borderMode=border)
        return np.asarray(np.maximum(seen, 0), np.float32)


class MovedStill:
    """A still behind a virtual camera, often with a cut-out of another picture moving before it."""

    def __init__(self, sources: Sources, fields: int, rng: np.random.Generator, *, at_rest: bool = False) -> None:
        picture = read_picture(sources.stills[int(rng.integers(len(sources.stills)))])
        ground = Layer(_ground_texture(picture, rng), draw_path(fields, rng), _draw_sway(rng), _draw_tempo(rng))
        self._ground = Layer(ground.texture, _at_rest(fields, rng), _RIGID, ground.tempo) if at_rest else ground
        self._front: list[Layer] = []
        for _ in range(int(rng.choice([0, 1, 2], p=[0.5, 0.35, 0.15]))):
            cut = _cut_out(_front_picture(sources, rng), rng)
            self._front.append(Layer(cut, draw_path(fields, rng), _draw_sway(rng), _draw_tempo(rng)))

    def shake(self, jolts: NDArray[np.float64]) -> None:
        """Move everything by `(2, fields)` fine samples, as a camera that is pushed does."""
        self._ground, *self._front = (
            replace(layer, path=replace(layer.path, x=layer.path.x + jolts[0], y=layer.path.y + jolts[1]))
            for layer in (self._ground, *self._front)
        )

    @property
    def places(self) -> Sequence[Place]:
        return (Place(12, 12, SCENE_HEIGHT - 24, SCENE_WIDTH - 24),)

    def light_at(self, field: int) -> Plane:
        light = self._ground.at(field)
        for layer in self._front:
            seen = layer.at(field)
            opacity = np.minimum(seen[..., 3:], 1)
            light = light * (1 - opacity) + seen[..., :3]
        return np.asarray(light, np.float32)


class Footage:
    """Four pieces of video; consecutive pictures serve as consecutive fields, faster than life but true motion."""

    def __init__(self, videos: Sequence[Path], fields: int, rng: np.random.Generator) -> None:
        self._pieces = [_read_piece(videos[int(rng.integers(len(videos)))], fields, rng) for _ in range(4)]

    @property
    def places(self) -> Sequence[Place]:
        height, width = _VIDEO[0] // SCALE, _VIDEO[1] // SCALE
        corners = [(row, column) for row in (0, SCENE_HEIGHT // 2) for column in (0, SCENE_WIDTH // 2)]
        return tuple(Place(row + 6, column + 6, height - 12, width - 12) for row, column in corners)

    def light_at(self, field: int) -> Plane:
        scene = np.zeros((*FINE, 3), np.float32)
        for number, piece in enumerate(self._pieces):
            row, column = (number // 2) * FINE[0] // 2, (number % 2) * FINE[1] // 2
            scene[row : row + _VIDEO[0], column : column + _VIDEO[1]] = _linear(piece[field])
        return scene


def _linear(picture: Picture) -> Plane:
    """8-bit R'G'B' → linear light."""
    table = np.power(np.arange(256) / 255, DISPLAY_GAMMA).astype(np.float32)
    return np.asarray(table[picture], np.float32)


def _ground_texture(picture: Picture, rng: np.random.Generator) -> Plane:
    """A still at the fine scale, never magnified, sometimes dark, sometimes with lettering."""
    height, width = picture.shape[:2]
    cover = max(FINE[0] / height, FINE[1] / width)
    scale = min(1.0, float(rng.uniform(min(cover, 1.0), 1.0)))
    small = np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    if rng.random() < 0.5:
        small = np.ascontiguousarray(small[:, ::-1])
    if rng.random() < 0.12:
        _letter(small, rng)
    light = _linear(small)
    if rng.random() < 0.3:
        light = np.power(light, np.float32(rng.uniform(1.0, 1.5)))
    if rng.random() < 0.3:
        light = light * np.float32(rng.uniform(0.08, 0.6))
    return light


def _letter(picture: Picture, rng: np.random.Generator) -> None:
    """Lines of lettering, as credits and lyrics stand in the picture."""
    height, width = picture.shape[:2]
    for _ in range(int(rng.integers(1, 5))):
        text = "".join(chr(int(code)) for code in rng.choice([*range(65, 91), *range(97, 123), 32], 18))
        place = (int(rng.integers(0, width // 2)), int(rng.integers(height // 5, height)))
        colour = tuple(float(level) for level in rng.choice([rng.integers(0, 256, 3), np.full(3, 245)]))
        size = float(rng.uniform(1.5, 6))
        cv2.putText(picture, text, place, int(rng.integers(0, 8)), size, colour, int(2 + 2 * size), cv2.LINE_AA)


def _draw_sway(rng: np.random.Generator) -> Plane:
    """Local motion of cloth, limbs and faces."""
    if rng.random() < 0.55:
        return _RIGID
    return (rng.normal(0, 1, (4, 6, 2)) * rng.uniform(2, 24)).astype(np.float32)


def _draw_tempo(rng: np.random.Generator) -> float:
    return float(rng.uniform(0.05, 0.35))


def _front_picture(sources: Sources, rng: np.random.Generator) -> Picture:
    pool = sources.faces if sources.faces and rng.random() < 0.5 else sources.stills
    return read_picture(pool[int(rng.integers(len(pool)))])


def _cut_out(picture: Picture, rng: np.random.Generator) -> Plane:
    """A blob of a picture with its opacity `(h, w, 4)`, light multiplied by it."""
    height, width = min(picture.shape[0], 900), min(picture.shape[1], 900)
    top, left = (
        int(rng.integers(0, size - part + 1)) for size, part in zip(picture.shape, (height, width), strict=False)
    )
    light = _linear(picture[top : top + height, left : left + width])
    rows = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    columns = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    rough = cv2.resize(rng.normal(0, 0.25, (7, 7)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    inside = (1 - np.sqrt(rows**2 + columns**2) + rough - 0.12).astype(np.float32)
    edge = np.minimum(1 - np.abs(rows), 1 - np.abs(columns)) * 40
    softness = float(rng.uniform(60, 300))
    opacity = np.clip(np.minimum(inside * softness, edge), 0, 1).astype(np.float32)
    return np.concatenate([light * opacity[..., None], opacity[..., None]], axis=-1)


def _read_piece(path: Path, fields: int, rng: np.random.Generator) -> list[Picture]:
    """`fields` consecutive pictures of a video, reduced and cut to the size of a piece."""
    index = index_video(path)
    start = int(rng.integers(0, max(1, index.frames - fields)))
    with VideoReader(path, index, threads=1) as reader:
        pictures = [to_rgb(each.planes) for each in reader.read(FrameRange(start, min(start + fields, index.frames)))]
    pictures += [pictures[-1]] * (fields - len(pictures))
    if pictures[0].shape[0] > pictures[0].shape[1]:
        pictures = [np.ascontiguousarray(np.rot90(each)) for each in pictures]
    height, width = pictures[0].shape[:2]
    most = min(1 / _LEAST_REDUCTION, 1.0)
    least = max(_VIDEO[0] / height, _VIDEO[1] / width)
    scale = least if least >= most else float(rng.uniform(least, most))
    small = [cv2.resize(each, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) for each in pictures]
    top = int(rng.integers(0, max(1, small[0].shape[0] - _VIDEO[0] + 1)))
    left = int(rng.integers(0, max(1, small[0].shape[1] - _VIDEO[1] + 1)))
    mirror = bool(rng.random() < 0.5)
    pieces = []
    for each in small:
        piece = _fitted(each[top : top + _VIDEO[0], left : left + _VIDEO[1]])
        pieces.append(np.ascontiguousarray(piece[:, ::-1] if mirror else piece))
    return pieces


def _fitted(piece: NDArray[np.generic]) -> Picture:
    """A piece that rounding left a line or column short is filled up."""
    short = (_VIDEO[0] - piece.shape[0], _VIDEO[1] - piece.shape[1])
    return np.asarray(np.pad(piece, ((0, short[0]), (0, short[1]), (0, 0)), mode="edge"), np.uint8)


def read_source(path: Path, frame: int) -> Picture:
    """A still where `frame` is negative, else that frame of footage, as R'G'B'."""
    if frame < 0:
        return read_picture(path)
    with VideoReader(path, index_video(path), threads=1) as reader:
        return to_rgb(next(iter(reader.read(FrameRange(frame, frame + 1)))).planes)


def to_rgb(planes: tuple[NDArray[np.generic], ...]) -> Picture:
    """Planar 8-bit 4:2:0 → R'G'B'; a small error of matrix is nothing to a texture."""
    y, cb, cr = planes
    stacked = np.concatenate([y.ravel(), cb.ravel(), cr.ravel()]).reshape(y.shape[0] * 3 // 2, y.shape[1])
    return np.asarray(cv2.cvtColor(stacked, cv2.COLOR_YUV2RGB_I420), np.uint8)
