"""Renders pictures for StageFace: `python -m footlights.training.stageface_render --labels L.json --data D --out DIR`.

Every shard holds `pictures.npy` `(N, 480, 640, 3)` uint8 R'G'B', single fields of simulated tapes as the finder is
shown them (one in five was never on tape), and `faces.npz`: `rows (M, 16)`, `kinds (M,)`, `owner (M,)`, the picture of
each row, and `marks (M, 44, 3)`, landmarks of `models.stagemarks.INDEX`, NaN where unknown. A shard follows from its
seed and its number alone.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core.clip import Clip, Plane
from footlights.core.colour import chroma_from_codes, luma_from_codes
from footlights.core.signal import Range
from footlights.core.time import FrameRange
from footlights.models.faces import Picture
from footlights.models.stagemarks import INDEX
from footlights.pipeline.facetracks import picture_of
from footlights.tape.raster import NTSC
from footlights.tape.simulate import Simulator
from footlights.training.stageface_labels import read_labels
from footlights.training.stageface_scenes import DRAWN, HEIGHT, WIDTH, Scene, draw_scene
from footlights.training.stageface_stock import Stock
from footlights.training.stagemarks_labels import Meshes
from footlights.training.tapes import draw_tape

_TAPES, _SCENES = 12, 14
"""Tapes of a shard, and scenes on each."""
_UNTAPED = 3
"""Scenes that never saw the tape, beside those of each tape."""
_AGAIN = 2
"""Fields for which a scene stands, of which the last is kept: the shutter has closed on the one before."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Render the shards asked for that are not there yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--marks", type=Path, help="as footlights.training.stagemarks_labels wrote it, for StageMarks")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--shards", type=int, required=True)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hard", type=float, default=0.0, help="share of scenes of what is missed most")
    chosen = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    stock = Stock.of(read_labels(chosen.labels), chosen.data, Meshes.read(chosen.marks) if chosen.marks else None)
    for number in range(chosen.first, chosen.first + chosen.shards):
        folder = chosen.out / f"shard-{number:04d}"
        if not folder.exists():
            write_shard(folder, stock, (chosen.seed, number), chosen.hard)
            print(folder.name, flush=True)  # noqa: T201


def write_shard(folder: Path, stock: Stock, seed: tuple[int, int], hard: float = 0.0) -> None:
    """One shard, written under another name until it is whole."""
    rng = np.random.default_rng(seed)
    pictures: list[Picture] = []
    rows: list[NDArray[np.float64]] = []
    kinds: list[int] = []
    marks: list[NDArray[np.float64]] = []
    owner: list[int] = []
    for _ in range(_TAPES):
        for scene, picture in taped(stock, rng, hard):
            rows += scene.rows
            kinds += scene.kinds
            marks += [each[list(INDEX)] for each in scene.marks]
            owner += [len(pictures)] * len(scene.rows)
            pictures.append(picture)
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    np.save(part / "pictures.npy", np.stack(pictures))
    flat = np.array(rows, np.float32).reshape(-1, 16)
    known = np.array(marks, np.float32).reshape(-1, len(INDEX), 3)
    np.savez(
        part / "faces.npz", rows=flat, kinds=np.array(kinds, np.int8), owner=np.array(owner, np.int32), marks=known
    )
    part.rename(folder)


def taped(stock: Stock, rng: np.random.Generator, hard: float = 0.0) -> Iterator[tuple[Scene, Picture]]:
    """Scenes of one tape and what is seen of them on one field, then some that were never on tape."""
    scenes = [draw_scene(stock, rng, hard) for _ in range(_SCENES)]
    yield from zip(scenes, on_fields(scenes, rng), strict=True)
    for _ in range(_UNTAPED):
        scene = draw_scene(stock, rng, hard)
        soft = cv2.GaussianBlur(scene.picture, (0, 0), float(rng.uniform(0.3, 1.5)))
        noisy = soft + rng.normal(0, float(rng.uniform(0, 0.03)), (*soft.shape[:2], 1)).astype(np.float32)
        yield scene, np.asarray(np.clip(noisy * 255 + 0.5, 0, 255), np.uint8)


def on_fields(scenes: Sequence[Scene], rng: np.random.Generator) -> Iterator[Picture]:
    """Every scene through one tape drawn at random, a single field of it with square samples."""
    simulator = Simulator(draw_tape(rng).preset, int(rng.integers(1 << 30)), NTSC)
    active = slice(NTSC.left, NTSC.left + NTSC.active_width)
    halved = slice(active.start // 2, active.stop // 2)
    for frame in simulator.run(_drawn(scenes)):
        luma = luma_from_codes(frame.y, 8, Range.LIMITED)[:, active]
        chroma = np.stack([chroma_from_codes(plane, 8, Range.LIMITED)[:, halved] for plane in (frame.cb, frame.cr)])
        clip = Clip(luma[None], chroma[None], simulator.signal(), FrameRange(0, 1), Fraction(30000, 1001))
        yield picture_of(clip, 0, _AGAIN - 1, (WIDTH, HEIGHT))


def _drawn(scenes: Sequence[Scene]) -> Iterator[Plane]:
    for scene in scenes:
        drawn = cv2.resize(scene.picture, (DRAWN, HEIGHT), interpolation=cv2.INTER_LINEAR)
        for _ in range(_AGAIN):
            yield np.clip(drawn, 0, 1).astype(np.float32)


if __name__ == "__main__":
    main()
