"""A stage full of faces with exact truth: each in a tile of its own, moving, turning, speaking a little, in its light.

Faces come from stills, so motion is made: a path of the head, a squeeze for its turning, and a smooth swaying of the
skin. The same face often stands in two tiles, once larger than the other: what is sharp in one helps the other.
Coordinates of a crop are u = (x, y) / side about its middle, within ±0.5.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core.clip import Plane
from footlights.core.colour import DISPLAY_GAMMA
from footlights.training.facesources import SourceFace
from footlights.training.scenes import read_source
from footlights.training.sources import Picture

Values = NDArray[np.float64]

LINES, COLUMNS = 480, 640
"""Of the stage, in square samples of one line each."""
FINE_ROWS, FINE_COLUMNS = 4 * LINES, 1408
"""Of the light that is drawn: four rows a line, two columns a sample of the tape."""
_CROP = 512 / 345
"""Side of the crop over the height of the face."""
_ROOM = 1.16
"""Side of the tile over that of the crop."""
_SIZES = (26.0, 152.0)
"""Heights of faces, lines."""
_LARGE = 78.0
_COLOURS: dict[str, tuple[float, float, float]] = {
    "white": (1, 1, 1),
    "red": (1, 0.035, 0.02),
    "blue": (0.03, 0.07, 1),
    "magenta": (1, 0.03, 0.75),
    "amber": (1, 0.5, 0.08),
    "green": (0.05, 1, 0.12),
}
_CHANCES = (0.42, 0.2, 0.14, 0.1, 0.08, 0.06)
_TILTED, _TILT = 0.35, 0.5
"""Share of heads that are tilted where the draw is wide, and how far, radians."""
_GREY = 0.18


@dataclass(frozen=True, slots=True)
class Tile:
    """One face on the stage: where, how it moves, and its light."""

    source: SourceFace
    face: SourceFace
    """The source's face as it is cut here."""
    left: float
    top: float
    room: float
    side: float
    """Of the crop, in lines, at the first instant."""
    drift: tuple[float, float, float, float]
    """Per field: x, y in lines, logarithm of the side, radians."""
    bob: tuple[float, float, float]
    """A swing: x and y in lines, radians per field."""
    turn: float
    squeeze: tuple[float, float]
    """Of the width: at rest, and more per field."""
    skin: Values
    """`(2, 2, 5, 5)`: displacement at rest and its swing, x and y, in shares of the crop."""
    tempo: float
    colour: str
    gain: tuple[float, float, float]
    slope: tuple[float, float]
    """Of the light across the face, per side."""
    mirrored: bool
    microphone: bool
    tone: float = 1.0
    """Exponent of the light about middle grey: other skins, other contrast."""

    @property
    def height(self) -> float:
        """Of the face, in lines."""
        return self.side / _CROP

    def crop(self, field: int) -> tuple[float, float, float, float]:
        """Side, turn and middle of the crop on the stage at a field."""
        swing = np.sin(self.bob[2] * field)
        x = self.left + self.room / 2 + self.drift[0] * (field - 6) + self.bob[0] * swing
        y = self.top + self.room / 2 + self.drift[1] * (field - 6) + self.bob[1] * swing
        side = self.side * float(np.exp(self.drift[2] * (field - 6)))
        return side, self.turn + self.drift[3] * (field - 6), float(x), float(y)


def draw_stage(
    faces: list[SourceFace],
    rng: np.random.Generator,
    *,
    large: float = 0.3,
    only_light: str | None = None,
    wide: bool = False,
) -> list[Tile]:
    """Tiles on shelves until the stage is full; `large` is the share of faces above 78 lines.

    `wide` varies geometry and tone beyond what people differ by: few faces must stand for many.
    """
    tiles: list[Tile] = []
    pending = sorted((_draw_height(rng, large) for _ in range(60)), reverse=True)
    top = 0.0
    while pending:
        first = int(rng.integers(0, max(1, len(pending) // 2)))
        room = pending[first] * _CROP * _ROOM
        if top + room > LINES:
            pending = [height for height in pending if top + height * _CROP * _ROOM <= LINES]
            continue
        left, shelf = 0.0, room
        for height in list(pending[first:]):
            across = height * _CROP * _ROOM
            if left + across <= COLUMNS:
                tile = _draw_tile(_pick(faces, tiles, height, rng), left, top, height, rng, only_light)
                tiles.append(_widened(tile, rng) if wide else tile)
                left += across
                pending.remove(height)
        top += shelf
    return tiles


def light_on_stage(tiles: list[Tile], data: Path, field: int) -> Plane:
    """Linear light `(1920, 1408, 3)` of the stage at a field."""
    stage = np.full((FINE_ROWS, FINE_COLUMNS, 3), 0.02, np.float32)
    for tile in tiles:
        rows = slice(round(tile.top * 4), round((tile.top + tile.room) * 4))
        columns = slice(round(tile.left * 2.2), round((tile.left + tile.room) * 2.2))
        y = (np.arange(rows.start, rows.stop) + 0.5) / 4 - 0.5
        x = (np.arange(columns.start, columns.stop) + 0.5) / 2.2 - 0.5
        side, turn, middle_x, middle_y = tile.crop(field)
        dx, dy = (x[None, :] - middle_x) / side, (y[:, None] - middle_y) / side
        cos, sin = np.cos(turn), np.sin(turn)
        stage[rows, columns] = light_at(tile, data, field, cos * dx + sin * dy, cos * dy - sin * dx, 4 * side)
    return stage


def light_at(tile: Tile, data: Path, field: int, u: Values, v: Values, density: float) -> Plane:
    """Linear light `(h, w, 3)` at points of the crop's coordinates; `density` is samples wanted per side."""
    shift_x, shift_y = _skin(tile, field, u, v)
    squeeze = 1 + tile.squeeze[0] + tile.squeeze[1] * (field - 6)
    x, y = u * squeeze + shift_x, v + shift_y
    if tile.mirrored:
        x = -x
    face = tile.face
    reduction = min(1.0, density / face.side)
    picture = _linear_picture(data, face.path, face.frame, round(float(np.log2(reduction)) * 4) / 4)
    scale = picture.shape[0] / _picture(data, face.path, face.frame).shape[0]
    cos, sin = np.cos(face.turn) * face.side, np.sin(face.turn) * face.side
    columns = (face.x + 0.5 + cos * x - sin * y) * scale - 0.5
    rows = (face.y + 0.5 + sin * x + cos * y) * scale - 0.5
    seen = cv2.remap(
        picture, columns.astype(np.float32), rows.astype(np.float32), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
    )
    light = np.maximum(seen, 0)
    if tile.tone != 1.0:
        light = np.float32(_GREY ** (1 - tile.tone)) * cv2.pow(light, tile.tone)
    if tile.microphone:
        light = _with_microphone(light, u, v, tile.tempo * field)
    slope = np.clip(1 + tile.slope[0] * u + tile.slope[1] * v, 0.15, 3)[..., None]
    return np.asarray(light * slope * np.array(tile.gain), np.float32)


def _draw_height(rng: np.random.Generator, large: float) -> float:
    low, high = (_LARGE, _SIZES[1]) if rng.random() < large else (_SIZES[0], _LARGE)
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _pick(faces: list[SourceFace], tiles: list[Tile], height: float, rng: np.random.Generator) -> SourceFace:
    """A face fine enough for its place; often one that stands on the stage already."""
    if tiles and rng.random() < 0.35:
        return tiles[int(rng.integers(len(tiles)))].source
    needed = 260.0 if height > _LARGE else 120.0
    fine = [face for face in faces if face.height >= needed] or faces
    weights = np.array([(3.0 if face.real else 1.0) * min(face.height, 300) ** 1.5 for face in fine])
    return fine[int(rng.choice(len(fine), p=weights / weights.sum()))]


def _draw_tile(
    face: SourceFace, left: float, top: float, height: float, rng: np.random.Generator, only_light: str | None
) -> Tile:
    colour = only_light or str(rng.choice(list(_COLOURS), p=_CHANCES))
    level = float(np.exp(rng.normal(0.0 if colour == "white" else 0.4, 0.4)))
    gain = np.array(_COLOURS[colour]) ** (1.0 if colour == "white" else float(rng.uniform(0.6, 1.0))) * level
    side = height * _CROP
    speed = min(0.05 * side, float(rng.exponential(0.25)))
    angle = float(rng.uniform(0, 2 * np.pi))
    still = rng.random() < 0.15
    skin = np.stack([rng.normal(0, 0.009, (2, 5, 5)), rng.normal(0, 0 if still else 0.004, (2, 5, 5))])
    move = 0.0 if still else 1.0
    # The crop is not the same to a hair for every tracker: its frame is drawn a little off.
    cut = replace(
        face,
        side=face.side * float(np.exp(rng.normal(0, 0.05))),
        x=face.x + float(rng.normal(0, 0.015)) * face.side,
        y=face.y + float(rng.normal(0, 0.015)) * face.side,
    )
    return Tile(
        source=face,
        face=cut,
        left=left,
        top=top,
        room=side * _ROOM,
        side=side,
        drift=(
            move * speed * np.cos(angle),
            move * speed * np.sin(angle),
            move * float(rng.normal(0, 0.002)),
            move * float(rng.normal(0, 0.003)),
        ),
        bob=(float(rng.normal(0, 0.02 * move)) * side, float(rng.normal(0, 0.02 * move)) * side, rng.uniform(0.1, 0.5)),
        turn=float(rng.normal(0, 0.12)),
        squeeze=(float(rng.normal(0, 0.03)), move * float(rng.normal(0, 0.002))),
        skin=skin,
        tempo=float(rng.uniform(0.1, 0.5)),
        colour=colour,
        gain=(float(gain[0]), float(gain[1]), float(gain[2])),
        slope=(float(rng.normal(0, 0.7)), float(rng.normal(0, 0.4))),
        mirrored=bool(rng.random() < 0.5),
        microphone=bool(rng.random() < 0.12),
    )


def _widened(tile: Tile, rng: np.random.Generator) -> Tile:
    """The tile with another shape of face, other contrast, and often a tilted head."""
    tilted = rng.random() < _TILTED
    return replace(
        tile,
        turn=float(rng.uniform(-_TILT, _TILT)) if tilted else tile.turn,
        squeeze=(float(rng.normal(0, 0.07)), tile.squeeze[1]),
        skin=np.stack([2 * tile.skin[0], tile.skin[1]]),
        tone=float(np.exp(rng.normal(0, 0.18))),
    )


def _skin(tile: Tile, field: int, u: Values, v: Values) -> tuple[Plane, Plane]:
    """Displacements at points of the crop, smooth across it."""
    grid = (tile.skin[0] + tile.skin[1] * np.sin(tile.tempo * field)).astype(np.float32)
    columns, rows = ((points + 0.5) * 4 for points in np.broadcast_arrays(u, v))
    found = [
        cv2.remap(
            cv2.resize(plane, (33, 33), interpolation=cv2.INTER_CUBIC),
            (columns * 8).astype(np.float32),
            (rows * 8).astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        for plane in grid
    ]
    return np.asarray(found[0], np.float32), np.asarray(found[1], np.float32)


def _with_microphone(light: Plane, u: Values, v: Values, phase: float) -> Plane:
    """A dark microphone before the mouth."""
    x, y = np.broadcast_arrays(u - 0.02 * np.sin(phase), v - 0.01 * np.cos(phase))
    head = np.hypot(x - 0.06, y - 0.24) < 0.075
    stick = (np.abs((x - 0.06) - 0.3 * (y - 0.24)) < 0.035) & (y > 0.26)
    cover = cv2.GaussianBlur((head | stick).astype(np.float32), (0, 0), 0.8)[..., None]
    grille = 0.06 + 0.04 * np.sin(220 * x) * np.sin(220 * y)
    return np.asarray(light * (1 - cover) + cover * grille[..., None], np.float32)


@lru_cache(maxsize=64)
def _picture(data: Path, path: str, frame: int) -> Picture:
    return read_source(data / path, frame)


@lru_cache(maxsize=96)
def _linear_picture(data: Path, path: str, frame: int, octave: float) -> Plane:
    """A source in linear light, reduced by a power of two's quarter."""
    table = np.power(np.arange(256) / 255, DISPLAY_GAMMA).astype(np.float32)
    light = table[_picture(data, path, frame)]
    factor = 2.0 ** min(octave, 0.0)
    if factor > 0.99:
        return np.asarray(light, np.float32)
    return np.asarray(cv2.resize(light, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.float32)
