"""Pictures full of faces with exact boxes: photographs, faces laid on pictures without people, decoys, stage light.

Places are in square samples of the picture `(480, 640)`; scenes are drawn on the raster of the tape `(480, 704)`.
A label is a row of middle x, y, width, height and six points; its kind says whether it is a face or to be ignored.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core.clip import Plane
from footlights.training.sources import Picture
from footlights.training.stageface_covers import barred, hidden, mask, shadowed, varied
from footlights.training.stageface_labels import Aligned
from footlights.training.stageface_lights import diode_light, light
from footlights.training.stageface_stock import Stock, full_height, is_alone, load, named, reduced, weights_of
from footlights.training.stageface_things import draw_thing
from footlights.training.stageface_turned import draw_turn, turned_box, turned_picture, turned_points

Values = NDArray[np.float64]

WIDTH, HEIGHT = 640, 480
DRAWN = 704
FACE, IGNORED = 1, 0
_SIZES = (11.0, 170.0)
"""Heights of boxes, lines."""
MIRRORED_POINTS = (1, 0, 2, 3, 5, 4)
"""Right and left change places when a face is mirrored."""
_PHOTOGRAPH = 0.3
"""Share of scenes that show people as they were photographed."""

_COUNT_CHANCES = (0.15, 0.4, 0.45)
"""That no face is laid on a scene, some, or many."""
_TURNED = 0.3
"""Share of laid faces that look to the side."""
_HARD_SIZES = (18.0, 80.0)
"""Heights in hard scenes."""
_HARD_TURNED, _HARD_TILT, _BARRED, _SHADOWED = 0.5, 0.4, 0.12, 0.35
"""Of laid faces in hard scenes: share that looks to the side, deviation of tilt, shares behind bars and in shadow."""
_THINGS = 0.45
"""Share of decoys that are round things."""


@dataclass(slots=True)
class Scene:
    """One picture while it is made."""

    picture: Plane
    """`(480, 640, 3)` R'G'B' 0..1."""
    rows: list[Values]
    kinds: list[int]
    marks: list[Values]
    """Of every row the landmarks `(468, 3)` in samples; NaN where unknown."""

    def free(self, x: float, y: float, radius: float) -> bool:
        """Whether nothing known lies there."""
        return all(np.hypot(row[0] - x, row[1] - y) > radius + 0.5 * row[3] for row in self.rows)


def draw_scene(stock: Stock, rng: np.random.Generator, hard: float = 0.0) -> Scene:
    """A scene, lit; `hard` is the share of scenes of what detectors miss: faces aside, tilted, behind bars, in shadow,
    and dark ones, under diodes that leave channels empty."""
    if hard and rng.random() < hard:
        return _hard_scene(stock, rng)
    scene = _photographed(stock, rng) if stock.people and rng.random() < _PHOTOGRAPH else _empty(stock, rng)
    some, many = int(rng.integers(1, 5)), int(rng.integers(5, 17))
    count = (0, some, many)[int(rng.choice(3, p=_COUNT_CHANCES))]
    common = _draw_height(rng) if rng.random() < 0.4 else None
    for _ in range(count):
        height = common * float(np.exp(rng.normal(0, 0.1))) if common else _draw_height(rng)
        _lay_face(scene, stock, height, rng)
    for _ in range(int(rng.poisson(2.5))):
        _lay_decoy(scene, stock, _draw_height(rng), rng)
    scene.picture = light(scene.picture, rng)
    return scene


def _hard_scene(stock: Stock, rng: np.random.Generator) -> Scene:
    scene = _photographed(stock, rng) if stock.people and rng.random() < _PHOTOGRAPH else _empty(stock, rng)
    for _ in range(int(rng.integers(3, 13))):
        _lay_face(scene, stock, float(np.exp(rng.uniform(*np.log(_HARD_SIZES)))), rng, hard=True)
    for _ in range(int(rng.poisson(2.5))):
        _lay_decoy(scene, stock, _draw_height(rng), rng)
    scene.picture = diode_light(scene.picture, rng)
    return scene


def _draw_height(rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(*np.log(_SIZES))))


def _empty(stock: Stock, rng: np.random.Generator) -> Scene:
    """A part of a picture without people, or a bare stage."""
    if rng.random() < 0.12:
        levels = rng.uniform(0, 0.6, (4, 4, 3)) ** 2
        bare = cv2.resize(levels.astype(np.float32), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
        return Scene(np.clip(bare, 0, 1), [], [], [])
    source = load(stock.data, *named(stock.nobody[int(rng.integers(len(stock.nobody)))]))
    high, wide = source.shape[:2]
    scale = max(WIDTH / wide, HEIGHT / high) * float(np.exp(rng.uniform(0, 1.1)))
    place = (rng.uniform(0, max(wide * scale - WIDTH, 1)), rng.uniform(0, max(high * scale - HEIGHT, 1)))
    matrix = np.array([[scale, 0, -place[0]], [0, scale, -place[1]]])
    picture = _window(source, matrix, mirrored=bool(rng.random() < 0.5))
    return Scene(np.clip(picture * float(rng.uniform(0.4, 1.2)), 0, 1), [], [], [])


def _photographed(stock: Stock, rng: np.random.Generator) -> Scene:
    """A part of a photograph of people around one of its faces, at a drawn size."""
    number = int(rng.integers(len(stock.people)))
    shown = stock.people[number]
    source = load(stock.data, *named(shown))
    reduced = source.shape[0] / full_height(stock.data, *named(shown))
    sure = np.array(shown.sure) * reduced
    anchor = sure[int(rng.integers(len(sure)))]
    scale = min(_draw_height(rng), 1.3 * anchor[3]) / anchor[3]
    middle = np.array([rng.uniform(0.1, 0.9) * WIDTH, rng.uniform(0.1, 0.9) * HEIGHT])
    if rng.random() < 0.7:
        # No wider than what the photograph shows, where its size allows.
        low = np.array([WIDTH, HEIGHT]) - np.array(source.shape[1::-1]) * scale + anchor[:2] * scale
        middle = np.clip(middle, np.minimum(low, anchor[:2] * scale), np.maximum(low, anchor[:2] * scale))
    matrix = np.array([[scale, 0, middle[0] - scale * anchor[0]], [0, scale, middle[1] - scale * anchor[1]]])
    mirrored = bool(rng.random() < 0.5)
    scene = Scene(_window(source, matrix, mirrored=mirrored), [], [], [])
    doubtful = np.array(shown.doubtful).reshape(-1, 16) * reduced
    unknown = np.full((len(doubtful), 468, 3), np.nan)
    known = stock.people_meshes[number] * reduced
    for rows, meshes, kind in ((sure, known, FACE), (doubtful, unknown, IGNORED)):
        for row, mesh in zip(rows, meshes, strict=True):
            marks = mesh * scale + (*matrix[:, 2], 0)
            if mirrored:
                marks = (marks * (-1, 1, 1) + (WIDTH - 1, 0, 0))[stock.mirror]
            _label(scene, _placed(row, matrix, mirrored), kind, marks)
    return scene


def _window(source: Picture, matrix: Values, *, mirrored: bool) -> Plane:
    scale = matrix[0, 0]
    if scale < 0.7:
        source = cv2.resize(source, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.uint8)
        matrix = np.array([[1.0, 0, matrix[0, 2]], [0, 1.0, matrix[1, 2]]])
    seen = cv2.warpAffine(source, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR).astype(np.float32) / 255
    return np.ascontiguousarray(seen[:, ::-1] if mirrored else seen)


def _placed(row: Values, matrix: Values, mirrored: bool) -> Values:
    """A label of the source as it lies in the window."""
    pairs = row.reshape(8, 2) * matrix[0, 0]
    pairs[[0, *range(2, 8)]] += matrix[:, 2]
    return _flipped(pairs).reshape(-1) if mirrored else pairs.reshape(-1)


def _flipped(pairs: Values) -> Values:
    pairs = pairs.copy()
    places = [0, *range(2, 8)]
    pairs[places, 0] = WIDTH - 1 - pairs[places, 0]
    pairs[2:] = pairs[2:][list(MIRRORED_POINTS)]
    return pairs


def _label(scene: Scene, row: Values, kind: int, marks: Values) -> None:
    """A face whose middle has left the picture is ignored; one that has left it altogether is forgotten."""
    x, y, wide, high = row[:4]
    if x + wide < 0 or y + high < 0 or x - wide > WIDTH or y - high > HEIGHT:
        return
    inside = 0 <= x < WIDTH and 0 <= y < HEIGHT
    scene.rows.append(row)
    scene.kinds.append(kind if inside else IGNORED)
    scene.marks.append(marks)


def _lay_face(scene: Scene, stock: Stock, height: float, rng: np.random.Generator, *, hard: bool = False) -> None:
    """A face cut out of its picture, turned, squeezed, lit, partly hidden, and laid where there is room."""
    number = int(rng.choice(len(stock.aligned), p=weights_of(stock.aligned, height)))
    face, mesh = stock.aligned[number], stock.aligned_meshes[number]
    side = height / face.box[3]
    x, y = rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT)
    if not scene.free(x, y, 0.5 * height):
        return
    turn = float(rng.normal(0, _HARD_TILT if hard else 0.15) if rng.random() < 0.8 else rng.normal(0, 0.45))
    squeeze = float(rng.uniform(0.78, 1.08))
    mirrored = bool(rng.random() < 0.5)
    box = np.array(face.box)
    if mirrored:
        box, mesh = _mirrored_box(box), (mesh * (-1, 1, 1))[stock.mirror]
    if rng.random() < (_HARD_TURNED if hard else _TURNED) and np.isfinite(mesh).all():
        colours, alpha, box, mesh = _from_the_side(stock, face, side, mirrored, (box, mesh), rng)
        colours, alpha = (_rotated(each, turn, squeeze) for each in (colours, alpha))
    else:
        colours, there = _cut(stock.data, face, side, turn, squeeze, mirrored)
        # Beside a face of a crowd lie others, which nobody would name.
        alpha = there * mask(len(colours), side, rng, narrow=not is_alone(face))
    colours = hidden(varied(colours, rng), side, partial(_patch, stock, rng), rng)
    if hard:
        colours = _worsened(colours, side, rng)
    _lay(scene.picture, colours, alpha, x, y)
    turned = _linear(turn, squeeze)
    placed = box.reshape(8, 2) * side
    places = [0, *range(2, 8)]
    placed[places] = placed[places] @ turned.T + (x, y)
    placed[1, 0] *= squeeze
    flat = mesh[:, :2] @ turned.T * side + (x, y)
    _label(scene, placed.reshape(-1), FACE, np.concatenate([flat, mesh[:, 2:] * side], axis=1))


def _worsened(colours: Plane, side: float, rng: np.random.Generator) -> Plane:
    """In shadow, behind bars, or darker than what is behind."""
    if rng.random() < _SHADOWED:
        colours = shadowed(colours, side, rng)
    if rng.random() < _BARRED:
        colours = barred(colours, side, rng)
    return np.asarray(colours * np.exp(rng.uniform(-0.8, 0.3)), np.float32)


def _from_the_side(
    stock: Stock, face: Aligned, side: float, mirrored: bool, known: tuple[Values, Values], rng: np.random.Generator
) -> tuple[Plane, Plane, Values, Values]:
    """A face as it looks when the head is turned away: its picture, cover, box and mesh."""
    box, mesh = known
    after = turned_points(mesh, draw_turn(rng))
    colours, _ = _cut(stock.data, face, side, 0.0, 1.0, mirrored)
    return (*turned_picture(colours, mesh * side, after * side, side, rng), turned_box(box, mesh, after), after)


def _linear(turn: float, squeeze: float) -> Values:
    cos, sin = np.cos(turn), np.sin(turn)
    return np.array([[cos, -sin], [sin, cos]]) @ np.diag([squeeze, 1.0])


def _rotated(plane: Plane, turn: float, squeeze: float) -> Plane:
    linear = _linear(turn, squeeze)
    middle = np.full(2, (len(plane) - 1) / 2)
    matrix = np.concatenate([linear, (middle - linear @ middle)[:, None]], axis=1)
    return np.asarray(cv2.warpAffine(plane, matrix, plane.shape[1::-1], flags=cv2.INTER_LINEAR), np.float32)


def _mirrored_box(box: Values) -> Values:
    pairs = box.reshape(8, 2).copy()
    pairs[[0, *range(2, 8)], 0] *= -1
    pairs[2:] = pairs[2:][list(MIRRORED_POINTS)]
    return np.asarray(pairs.reshape(-1))


def _cut(data: Path, face: Aligned, side: float, turn: float, squeeze: float, mirrored: bool) -> tuple[Plane, Plane]:
    """R'G'B' of the crop and all around it, 1.9 sides wide, and where the source has it at all."""
    source = face.source
    reach = int(np.ceil(0.95 * side)) * 2 + 1
    full = full_height(data, source.path, source.frame)
    held = load(data, source.path, source.frame).shape[0] / full
    factor = min(1.0, 2.0 ** (round(np.log2(max(side / (source.side * held), 1e-3)) * 2) / 2))
    picture = reduced(data, source.path, source.frame, factor)
    scale = picture.shape[0] / full
    step = source.side / side * scale
    cos, sin = np.cos(source.turn), np.sin(source.turn)
    upright = np.array([[cos, -sin], [sin, cos]]) @ np.diag([-1.0 if mirrored else 1.0, 1.0])
    back = np.diag([1 / squeeze, 1.0]) @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    linear = step * upright @ back
    middle = np.array([source.x + 0.5, source.y + 0.5]) * scale - 0.5
    matrix = np.concatenate([linear, (middle - linear @ np.full(2, (reach - 1) / 2))[:, None]], axis=1)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    colours = cv2.warpAffine(picture, matrix, (reach, reach), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    ones = np.ones(picture.shape[:2], np.float32)
    there = cv2.warpAffine(ones, matrix, (reach, reach), flags=flags)
    there = cv2.GaussianBlur(there, (0, 0), max(0.02 * side, 0.3))
    return colours.astype(np.float32) / 255, np.asarray(np.clip(2 * there - 1, 0, 1), np.float32)


def _lay_decoy(scene: Scene, stock: Stock, height: float, rng: np.random.Generator) -> None:
    """What is cut out like a face and is none: a piece of a picture without people, or of a head beside the face."""
    side = height / 0.67
    x, y = rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT)
    if not scene.free(x, y, 0.9 * height):
        return
    size = int(np.ceil(0.95 * side)) * 2 + 1
    if rng.random() < _THINGS:
        _lay(scene.picture, *draw_thing(size, side, rng), x, y)
        return
    alpha = mask(size, side, rng)
    patch = _beside(stock, size, rng) if rng.random() < 0.3 else _patch(stock, rng, size)
    _lay(scene.picture, varied(patch, rng), alpha, x, y)


def _patch(stock: Stock, rng: np.random.Generator, size: int) -> Plane:
    source = load(stock.data, *named(stock.nobody[int(rng.integers(len(stock.nobody)))]))
    room = min(source.shape[:2])
    taken = int(np.clip(size * np.exp(rng.uniform(-0.7, 1.2)), 8, room))
    top, left = (int(rng.integers(0, length - taken + 1)) for length in source.shape[:2])
    piece = source[top : top + taken, left : left + taken]
    return np.asarray(cv2.resize(piece, (size, size), interpolation=cv2.INTER_AREA), np.float32) / np.float32(255)


def _beside(stock: Stock, size: int, rng: np.random.Generator) -> Plane:
    """Hair, ear, neck or shoulder: a small piece next to a face, as large as a face."""
    source = stock.alone[int(rng.integers(len(stock.alone)))].source
    picture = load(stock.data, source.path, source.frame)
    scale = picture.shape[0] / full_height(stock.data, source.path, source.frame)
    angle, away, width = rng.uniform(0, 2 * np.pi), rng.uniform(0.55, 0.75), rng.uniform(0.25, 0.4)
    # Faces are higher than wide: the same distance to the side leaves more of them behind.
    shift = away * np.array([0.85 * np.cos(angle), np.sin(angle)]) / max(abs(np.cos(angle)), abs(np.sin(angle)))
    step = width * source.side / size * scale
    middle = (np.array([source.x, source.y]) + shift * source.side) * scale
    matrix = np.array([[step, 0, middle[0] - step * size / 2], [0, step, middle[1] - step * size / 2]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    piece = cv2.warpAffine(picture, matrix, (size, size), flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(piece, np.float32) / np.float32(255)


def _lay(picture: Plane, colours: Plane, alpha: Plane, x: float, y: float) -> None:
    """Lay a square about a place of the picture, whatever of it lies inside."""
    half = (len(colours) - 1) / 2
    left, top = round(x - half), round(y - half)
    shift = np.array([[1.0, 0, x - half - left], [0, 1.0, y - half - top]])
    size = (len(colours), len(colours))
    colours, alpha = (cv2.warpAffine(each, shift, size, borderMode=cv2.BORDER_REPLICATE) for each in (colours, alpha))
    first = (max(top, 0), max(left, 0))
    stop = (min(top + size[0], HEIGHT), min(left + size[0], WIDTH))
    if stop[0] <= first[0] or stop[1] <= first[1]:
        return
    inner = (slice(first[0] - top, stop[0] - top), slice(first[1] - left, stop[1] - left))
    outer = picture[first[0] : stop[0], first[1] : stop[1]]
    outer += alpha[inner][..., None] * (colours[inner] - outer)
