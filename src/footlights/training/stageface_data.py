"""Batches for StageFace: crops of rendered pictures at drawn sizes, and what the net should say of each cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.models.faces import Picture
from footlights.models.stageface import CELL, LARGEST, NEAR, SMALLEST, UNIT, planes_of
from footlights.training.shards import whole_shards
from footlights.training.stageface_scenes import FACE, MIRRORED_POINTS

Values = NDArray[np.float32]
Rows = NDArray[np.float64]

_SCALES = (0.42, 1.2)
"""Samples of a crop over those of the picture."""
_AIMED = 0.7
"""Share of crops that are laid around a face."""
_SUSPECTS = 0.15
"""Share of crops that are laid around what an earlier net took for a face, where the shard knows any."""
SUSPECTS = "suspects.npz"
"""Beside a shard's pictures: what StageFace takes for faces there and is none (see `stagemarks_suspects`)."""
_BLURRED = 0.75
"""Scale below which sampling would alias."""
_FAINT = 2.0
"""Codes of contrast, over a face seen as 12×12 samples, below which nobody can tell that it is there."""


@dataclass(frozen=True, slots=True)
class Shard:
    """Rendered pictures, memory-mapped, and the rows of each."""

    pictures: NDArray[np.uint8]
    rows: tuple[Rows, ...]
    kinds: tuple[NDArray[np.int8], ...]
    suspects: Rows
    """`(S, 6)`: picture, middle x and y, height, turn, score."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What the net sees and what it should say."""

    planes: Values
    """`(B, 4, S, S)`."""
    heat: Values
    """`(B, S/4, S/4)`: 1 where the middle of a face lies, falling off around it."""
    counted: Values
    """`(B, S/4, S/4)`: 0 where it is not known or not asked."""
    boxes: Values
    """`(B, 16, S/4, S/4)`: the net's other planes."""
    weights: Values
    """`(B, S/4, S/4)` of boxes; 0 where there are none."""


def open_shards(folder: Path, limit: int = 0) -> list[Shard]:
    """All whole shards of a folder in the order of their names, at most `limit` if that is not 0."""
    found = whole_shards(folder, "stageface_render")
    return [_open(path) for path in found[: limit or None]]


def _open(folder: Path) -> Shard:
    pictures = np.load(folder / "pictures.npy", mmap_mode="r")
    with np.load(folder / "faces.npz") as faces:
        rows, kinds, owner = faces["rows"].astype(np.float64), faces["kinds"], faces["owner"]
    own = [owner == number for number in range(len(pictures))]
    return Shard(
        pictures, tuple(rows[each] for each in own), tuple(kinds[each] for each in own), suspects_beside(folder)
    )


def suspects_beside(folder: Path) -> Rows:
    """Suspects of a shard `(S, 6)`; none where nobody has looked for them."""
    if not (folder / SUSPECTS).exists():
        return np.zeros((0, 6))
    with np.load(folder / SUSPECTS) as file:
        return np.asarray(file["suspects"], np.float64)


def draw_batch(shards: Sequence[Shard], count: int, side: int, seed: int, number: int) -> Batch:
    """Batch `number` of a run."""
    rng = np.random.default_rng((seed, number))
    samples = [_draw(shards[int(rng.integers(len(shards)))], side, rng) for _ in range(count)]
    return Batch(*(np.stack(arrays) for arrays in zip(*samples, strict=True)))


def _draw(shard: Shard, side: int, rng: np.random.Generator) -> tuple[Values, ...]:
    number = int(rng.integers(len(shard.pictures)))
    middle = None
    if len(shard.suspects) and rng.random() < _SUSPECTS:
        suspect = shard.suspects[int(rng.integers(len(shard.suspects)))]
        number, middle = int(suspect[0]), suspect[1:3]
    rows, kinds = shard.rows[number].copy(), shard.kinds[number]
    scale = float(np.exp(rng.uniform(*np.log(_SCALES))))
    room = np.array(shard.pictures.shape[2:0:-1]) - side / scale
    corner = rng.uniform(np.minimum(room, 0), np.maximum(room, 0))
    faces = np.flatnonzero(kinds == FACE)
    if middle is None and len(faces) and rng.random() < _AIMED:
        middle = rows[int(rng.choice(faces)), :2]
    if middle is not None:
        aimed = middle - rng.uniform(0.05, 0.95, 2) * side / scale
        corner = np.clip(aimed, np.minimum(room, 0), np.maximum(room, 0))
    crop = varied(_cut(shard.pictures[number], corner, scale, side), rng)
    pairs = rows.reshape(-1, 8, 2)
    places = [0, *range(2, 8)]
    pairs[:, places] = (pairs[:, places] + 0.5 - corner) * scale - 0.5
    pairs[:, 1] *= scale
    if rng.random() < 0.5:
        crop = np.ascontiguousarray(crop[:, ::-1])
        pairs[:, places, 0] = side - 1 - pairs[:, places, 0]
        pairs[:, 2:] = pairs[:, 2:][:, list(MIRRORED_POINTS)]
    return (planes_of(crop), *targets(crop, pairs.reshape(-1, 16), kinds))


def _cut(picture: Picture, corner: Rows, scale: float, side: int) -> Picture:
    """A square of a picture; what lies beyond it is black."""
    first = np.floor(corner).astype(int)
    low = np.maximum(first, 0)
    high = np.minimum(first + int(np.ceil(side / scale)) + 2, picture.shape[1::-1])
    piece = np.asarray(picture[low[1] : high[1], low[0] : high[0]])
    if scale < _BLURRED:
        # Octaves are halved by areas; a mean before sampling stands for that.
        piece = np.asarray(cv2.blur(piece, (2, 2)), np.uint8)
    shift = (corner - low + 0.5) * scale - 0.5
    matrix = np.array([[scale, 0, -shift[0]], [0, scale, -shift[1]]])
    return np.asarray(cv2.warpAffine(piece, matrix, (side, side), flags=cv2.INTER_LINEAR), np.uint8)


def varied(crop: Picture, rng: np.random.Generator) -> Picture:
    """Cheap changes on top of the tape's: exposure, blur, noise, a channel taken away."""
    if rng.random() < 0.5:
        table = np.arange(256)[None, :, None] * rng.uniform(0.5, 1.3, 3)
        crop = np.asarray(cv2.LUT(crop, np.clip(table + 0.5, 0, 255).astype(np.uint8)), np.uint8)
    if rng.random() < 0.25:
        across, down = float(rng.uniform(0.3, 1.3)), float(rng.uniform(0.3, 1.0))
        crop = np.asarray(cv2.GaussianBlur(crop, (0, 0), across, sigmaY=down), np.uint8)
    if rng.random() < 0.4:
        noise = rng.standard_normal(crop.shape[:2], np.float32) * np.float32(rng.uniform(0.5, 7))
        if rng.random() < 0.5:
            noise = 1.5 * cv2.GaussianBlur(noise, (0, 0), 0.8, sigmaY=0.3)
        crop = np.asarray(cv2.add(crop, cv2.merge([noise, noise, noise]), dtype=cv2.CV_8U), np.uint8)
    return crop


def targets(crop: Picture, rows: Rows, kinds: NDArray[np.int8]) -> tuple[Values, Values, Values, Values]:
    """Heat, where it counts, boxes and their weights, of a square crop."""
    cells = crop.shape[0] // CELL
    grid = (np.arange(cells) + 0.5) * CELL - 0.5
    heat, counted = np.zeros((cells, cells)), np.ones((cells, cells))
    boxes, weights = np.zeros((16, cells, cells)), np.zeros((cells, cells))
    for row, kind in zip(rows, kinds, strict=True):
        across, down = grid - row[0], grid - row[1]
        distance = across[None, :] ** 2 + down[:, None] ** 2
        inside = bool(np.all(row[:2] >= -0.5) and np.all(row[:2] < crop.shape[0] - 0.5))
        asked = kind == FACE and inside and SMALLEST <= row[3] <= LARGEST and not faint(crop, row)
        if not asked:
            counted[distance < (0.55 * row[3] + CELL) ** 2] = 0
            continue
        fall = np.exp(-distance / (2 * max(0.09 * row[3], 0.55 * CELL) ** 2))
        best = np.unravel_index(int(distance.argmin()), distance.shape)
        fall[best] = 1
        own = (fall > 0.3) & (fall >= weights)
        weights[own] = fall[own]
        heat = np.maximum(heat, fall)
        boxes[0][own] = np.broadcast_to(-across[None, :] / NEAR, own.shape)[own]
        boxes[1][own] = np.broadcast_to(-down[:, None] / NEAR, own.shape)[own]
        boxes[2:4, own] = np.log(row[2:4] / UNIT)[:, None]
        boxes[4:, own] = ((row[4:].reshape(6, 2) - row[:2]) / row[3]).reshape(12, 1)
    counted[heat == 1] = 1
    return tuple(each.astype(np.float32) for each in (heat, counted, boxes, weights))  # type: ignore[return-value]


def faint(crop: Picture, row: Rows) -> bool:
    """Whether a face is lost in darkness or light."""
    first, stop = row[:2] - 0.4 * row[2:4], row[:2] + 0.4 * row[2:4]
    left, top = np.maximum(np.floor(first), 0).astype(int)
    right, bottom = np.ceil(stop).astype(int) + 1
    small = cv2.resize(crop[top:bottom, left:right], (12, 12), interpolation=cv2.INTER_AREA)
    return bool((small.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)).std() < _FAINT)
