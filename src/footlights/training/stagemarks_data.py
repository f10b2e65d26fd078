"""Batches for StageMarks: squares around faces of StageFace's shards, as a detector or a track would lay them, and
squares in which there is none: what StageFace takes for a face and is none, parts of faces, and any place at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from footlights.models.faces import Picture
from footlights.models.landmarks import ROOM, Square, pose_of
from footlights.models.stageface import octaves, planes_of
from footlights.models.stagemarks import INDEX, SIDE, crop_at, laid, told
from footlights.training.shards import whole_shards
from footlights.training.stageface_data import faint, suspects_beside, varied
from footlights.training.stageface_scenes import FACE

Values = NDArray[np.float32]
Rows = NDArray[np.float64]

_POSITIVE = 0.48
_TURNED, TURNED = 0.3, 25.0
"""Share of the faces that are drawn from those that look to the side, and by how many degrees they do: of all they
are a quarter, and a net that has seen few takes them for less turned than they are."""
_HARD = 0.75
"""Share of the squares without a face that are suspects or lie on parts of faces."""
_PARTS = 0.25
_SMALLEST = 11.0
"""Heights of boxes, lines, that are shown as faces."""
_OFF, _SIZES, _TURN = 0.07, (0.82, 1.22), 0.12
"""How far squares lie from where the landmarks want them: sides, factor, radians (deviations but for the factor)."""
_APART = 0.6
"""Heights of a face from its middle, beyond which a square shows another thing."""
_EXTENT = 0.9
"""Of the landmarks over the height of a box: what a square is laid by where no landmarks are known."""


@dataclass(frozen=True, slots=True)
class MarksShard:
    """Rendered pictures, memory-mapped, and the faces and suspects of each."""

    pictures: NDArray[np.uint8]
    rows: Rows
    kinds: NDArray[np.int8]
    owner: NDArray[np.int32]
    marks: Rows
    suspects: Rows
    """`(S, 6)`: picture, middle x and y, height, turn, score."""
    asked: NDArray[np.int64]
    """Rows that are shown as faces."""
    turned: NDArray[np.int64]
    """Those of them that look to the side."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What the net sees and what it should say."""

    planes: Values
    """`(B, 4, 96, 96)`."""
    marks: Values
    """`(B, K, 3)` in sides about the middle; 0 where unknown."""
    known: Values
    """`(B,)`: 1 where landmarks are known."""
    there: Values
    """`(B,)`: 1 where a face is."""
    counted: Values
    """`(B,)`: 0 where nobody could tell."""
    size: Values
    """`(B,)` height of the face's box in lines, 0 for none."""


def open_marks_shards(folder: Path, limit: int = 0) -> list[MarksShard]:
    """All whole shards of a folder that have landmarks, with what suspects `stagemarks_suspects` has found in them."""
    found = whole_shards(folder, "stageface_render")
    return [open_marks_shard(path) for path in found[: limit or None]]


def open_marks_shard(folder: Path) -> MarksShard:
    """One shard."""
    pictures = np.load(folder / "pictures.npy", mmap_mode="r")
    with np.load(folder / "faces.npz") as faces:
        rows, kinds, owner, marks = (faces[name] for name in ("rows", "kinds", "owner", "marks"))
    rows, marks = rows.astype(np.float64), marks.astype(np.float64)
    asked = np.flatnonzero((kinds == FACE) & (rows[:, 3] >= _SMALLEST))
    turned = np.array([row for row in asked if abs(yaw_of(marks[row])) > TURNED], np.int64)
    return MarksShard(pictures, rows, kinds, owner, marks, suspects_beside(folder), asked, turned)


def yaw_of(marks: Rows) -> float:
    """Degrees that a face whose landmarks `(K, 3)` are these looks to the right; 0 where they are unknown."""
    if not np.isfinite(marks).all():
        return 0.0
    return float(pose_of(laid(marks, 1.0, Square(0.0, 0.0, 1.0, 0.0)))[0])


def alone(rows: Rows, x: float, y: float) -> bool:
    """Whether a place lies on no face."""
    return all(np.hypot(row[0] - x, row[1] - y) > _APART * row[3] for row in rows)


def draw_batch(shards: Sequence[MarksShard], count: int, seed: int, number: int) -> Batch:
    """Batch `number` of a run."""
    rng = np.random.default_rng((seed, number))
    samples = [_draw(shards[int(rng.integers(len(shards)))], rng) for _ in range(count)]
    return Batch(*(np.stack(arrays).astype(np.float32) for arrays in zip(*samples, strict=True)))


def _draw(shard: MarksShard, rng: np.random.Generator) -> tuple[Values, ...]:
    if len(shard.asked) and rng.random() < _POSITIVE:
        aside = len(shard.turned) and rng.random() < _TURNED
        return _face(shard, int(rng.choice(shard.turned if aside else shard.asked)), rng)
    return _nothing(shard, rng)


def _face(shard: MarksShard, row: int, rng: np.random.Generator) -> tuple[Values, ...]:
    """A face in a square about where it should be."""
    marks, box = shard.marks[row], shard.rows[row]
    wanted = square_about(marks, box)
    x, y = rng.normal(0, _OFF * wanted.side, 2)
    size = float(np.exp(rng.uniform(*np.log(_SIZES))))
    turn = float(rng.normal(0, _TURN))
    square = Square(wanted.x + x, wanted.y + y, wanted.side * size, wanted.turn + turn)
    crop = varied(_cut(shard.pictures[int(shard.owner[row])], square), rng)
    known = bool(np.isfinite(marks).all())
    said = told(marks, square) if known else np.zeros((len(INDEX), 3))
    # A box in samples of the square, to see whether anything can be seen there.
    at = told(np.array([box[0], box[1], 0.0]), square)[:2] * SIDE + SIDE / 2
    lost = faint(crop, np.array([*at, *(box[2:4] / square.side * SIDE)]))
    return _sample(crop, said, known=known and not lost, there=True, counted=not lost, size=float(box[3]))


def square_about(marks: Rows, box: Rows) -> Square:
    """Where a track would look for a face: by its landmarks, or by its box where they are unknown."""
    eyes = box[6:8] - box[4:6]
    turn = float(np.arctan2(eyes[1], eyes[0]))
    if not np.isfinite(marks).all():
        return Square(float(box[0]), float(box[1]), ROOM * _EXTENT * float(max(box[2:4])), turn)
    low, high = marks[:, :2].min(axis=0), marks[:, :2].max(axis=0)
    middle = (low + high) / 2
    return Square(float(middle[0]), float(middle[1]), ROOM * float((high - low).max()), turn)


def _nothing(shard: MarksShard, rng: np.random.Generator) -> tuple[Values, ...]:
    """A square without a face in its middle."""
    hard = rng.random() < _HARD
    if hard and len(shard.suspects) and rng.random() > _PARTS:
        number, x, y, high, turn, _ = shard.suspects[int(rng.integers(len(shard.suspects)))]
        square = Square(
            float(x + rng.normal(0, 0.1 * high)),
            float(y + rng.normal(0, 0.1 * high)),
            float(ROOM * high * np.exp(rng.uniform(-0.25, 0.25))),
            float(turn + rng.normal(0, 0.1)),
        )
    elif hard and len(shard.rows):
        row = shard.rows[chosen := int(rng.integers(len(shard.rows)))]
        number, angle = shard.owner[chosen], rng.uniform(0, 2 * np.pi)
        away = float(rng.uniform(0.62, 1.3)) * row[3]
        side = ROOM * row[3] * float(np.exp(rng.uniform(-0.9, 0.5)))
        square = Square(
            float(row[0] + away * np.cos(angle)), float(row[1] + away * np.sin(angle)), side, float(rng.normal(0, 0.2))
        )
    else:
        number = int(rng.integers(len(shard.pictures)))
        high, wide = shard.pictures.shape[1:3]
        side = float(np.exp(rng.uniform(np.log(18), np.log(260))))
        square = Square(float(rng.uniform(0, wide)), float(rng.uniform(0, high)), side, float(rng.normal(0, 0.2)))
    counted = alone(shard.rows[shard.owner == number], square.x, square.y)
    crop = varied(_cut(shard.pictures[int(number)], square), rng)
    return _sample(crop, np.zeros((len(INDEX), 3)), known=False, there=False, counted=counted, size=0.0)


def _sample(crop: Picture, marks: Rows, *, known: bool, there: bool, counted: bool, size: float) -> tuple[Values, ...]:
    numbers = (np.array(value, np.float32) for value in (known, there, counted, size))
    return (planes_of(crop), marks.astype(np.float32), *numbers)


def _cut(picture: Picture, square: Square) -> Picture:
    """The square of a part of the picture around it: octaves of the whole would cost more than everything else."""
    reach = int(np.ceil(0.75 * square.side)) + 4
    high, wide = picture.shape[:2]
    # A multiple of eight on the left and above, so that octaves are those of the whole picture.
    left, top = (
        int(np.clip(value - reach, 0, limit - 16)) // 8 * 8 for value, limit in ((square.x, wide), (square.y, high))
    )
    right, below = (int(np.clip(value + reach, 0, limit)) for value, limit in ((square.x, wide), (square.y, high)))
    part = np.ascontiguousarray(picture[top : max(below, top + 16), left : max(right, left + 16)])
    moved = Square(square.x - left, square.y - top, square.side, square.turn)
    return crop_at(list(octaves(part)) if square.side > 1.5 * SIDE else [(part, 1.0)], moved)
