"""Shards: what was rendered once and is read again and again; one folder of plain arrays per mosaic of scenes.

| array | shape | type |
|---|---|---|
| `truth_luma` | (crops, 2T, 4S, 4S) | uint8 studio codes, both instants of each frame |
| `truth_chroma` | (crops, 2T, 2, 2S, 2S) | uint8 studio codes |
| `luma` | (tapes, crops, T, S, S) | uint8 studio codes, woven, first field on the even lines |
| `chroma` | (tapes, crops, T, 2, S, S/2) | uint8 studio codes, co-sited 4:2:2 |
| `motion` | (tapes, crops, T, 2, 2, S/2, S/2) | int8 quarter cells: to the frame before and after; x, y |
| `damage` | (tapes, crops, T, 2, S/2, S/2) | uint8, 1 where a dropout or switching band lies, per field |
| `bwdif` | (tapes, crops, 2T, 3, S, S) | float16, validation only: Y, Cb, Cr by the classical deinterlacer |

Tapes with the bottom field first are stored upside down, as the net sees them; the truth is turned when it is read.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from footlights.errors import SourceError

MOTION_STEP = 0.25
"""Cells per unit of the stored motion."""
_FACTS = "facts.json"


@dataclass(frozen=True, slots=True)
class TapeFacts:
    """What a loader must know of one tape of a shard."""

    name: str
    sigma: float
    """Noise of luma as the analysis measures it, 8-bit codes."""
    upside_down: bool
    progressive: bool = False
    """The second instant of a frame is the first one again."""


@dataclass(frozen=True, slots=True)
class Shard:
    """One rendered mosaic; arrays are memory maps."""

    name: str
    tapes: tuple[TapeFacts, ...]
    arrays: dict[str, NDArray[Any]]

    @property
    def crops(self) -> int:
        return int(self.arrays["truth_luma"].shape[0])

    @property
    def frames(self) -> int:
        return int(self.arrays["luma"].shape[2])

    @property
    def side(self) -> int:
        return int(self.arrays["luma"].shape[-1])


def write_shard(folder: Path, tapes: list[TapeFacts], arrays: dict[str, NDArray[Any]]) -> None:
    """Write a shard under another name and rename it when it is whole."""
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for name, array in arrays.items():
        np.save(part / f"{name}.npy", array)
    (part / _FACTS).write_text(json.dumps([asdict(tape) for tape in tapes], indent=1), "utf-8")
    part.rename(folder)


def open_shard(folder: Path) -> Shard:
    """A shard as memory maps."""
    facts = json.loads((folder / _FACTS).read_text("utf-8"))
    arrays = {path.stem: np.load(path, mmap_mode="r") for path in sorted(folder.glob("*.npy"))}
    return Shard(folder.name, tuple(TapeFacts(**each) for each in facts), arrays)


def open_shards(folder: Path, limit: int | None = None) -> list[Shard]:
    """All whole shards of a folder in the order of their names, at most `limit`."""
    return [open_shard(path) for path in whole_shards(folder, "render")[:limit]]


def whole_shards(folder: Path, renderer: str) -> list[Path]:
    """The folders of all whole shards in the order of their names; SourceError without any, naming the module of
    `footlights.training` that renders them."""
    found = sorted(path for path in folder.glob("shard-*") if not path.name.endswith(".part"))
    if not found:
        command = f"run python -m footlights.training.{renderer} first"
        raise SourceError(f"{folder} holds no shards", "nothing was rendered there", command)
    return found
