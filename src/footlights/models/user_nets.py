"""Super-resolution nets that users bring: named by their file's hash, run in tiles. No torch here.

The nets themselves run in `models/user_torch.py` through spandrel, which `footlights setup user-models` installs.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterator
from functools import lru_cache
from logging import getLogger
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from footlights.core.clip import Plane
from footlights.errors import FootlightsError, MissingExtraError, PausedError, UsageError

SUFFIXES = (".safetensors", ".pth", ".pt", ".ckpt")
_TILE, _OVERLAP, _LEAST_TILE = 256, 24, 64
_LOCKED_ABOVE = 4.0
"""Samples of the tape: contrasts coarser than a Gaussian of this width are the source's."""
_LOG = getLogger(__name__)


class Enlarger(Protocol):
    """A net that makes a picture larger."""

    scale: int

    def __call__(self, picture: Plane) -> Plane:
        """R'G'B' `(3, h, w)`, 0..1 → `(3, h·scale, w·scale)`; MemoryError where it does not fit."""
        ...


def reference(path: str) -> str:
    """The net in a file as plans name it; UsageError unless it can be used here."""
    file = Path(path)
    if file.suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"{file.name} is no net that can be loaded",
            f"its name does not end in {', '.join(SUFFIXES)}",
            "give weights for an architecture that spandrel knows",
        )
    if not file.is_file():
        raise UsageError(f"{path} cannot be read", "there is no such file", "give the path of the weights")
    if not installed():
        raise MissingExtraError("a net of your own", "models", "spandrel", "footlights setup user-models")
    return f"{file.stem}@sha256:{_digest(file, file.stat().st_size, file.stat().st_mtime_ns)[:16]}"


def installed() -> bool:
    """Whether nets of users can run here."""
    return all(importlib.util.find_spec(name) is not None for name in ("torch", "spandrel", "safetensors"))


@lru_cache(maxsize=8)
def _digest(file: Path, size: int, changed: int) -> str:
    del size, changed  # part of the key only: a file that was replaced is read again
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class Tiled:
    """A net over whole pictures, in tiles that overlap; when memory runs out, in smaller ones from then on."""

    def __init__(self, net: Enlarger, tile: int = _TILE) -> None:
        self.net = net
        self.tile = tile

    def __call__(self, picture: Plane) -> Plane:
        """R'G'B' `(3, H, W)` → `(3, H·scale, W·scale)`; PausedError where even small tiles do not fit."""
        while True:
            try:
                return self._over(picture)
            except MemoryError as error:
                if self.tile // 2 < _LEAST_TILE:
                    raise PausedError(
                        "the net does not fit into memory",
                        f"it failed on tiles of {self.tile} samples",
                        "close other programs or choose a smaller net; the same command goes on",
                    ) from error
                self.tile //= 2
                _LOG.warning("out of memory: tiles of %d samples from here on", self.tile)

    def _over(self, picture: Plane) -> Plane:
        scale, (_, height, width) = self.net.scale, picture.shape
        made = np.zeros((3, height * scale, width * scale), np.float32)
        weight = np.zeros((height * scale, width * scale), np.float32)
        for top, bottom in _spans(height, self.tile):
            for left, right in _spans(width, self.tile):
                part = self.net(np.ascontiguousarray(picture[:, top:bottom, left:right]))
                tall, wide = (bottom - top) * scale, (right - left) * scale
                if part.shape != (3, tall, wide):
                    raise _strange(part.shape, (3, tall, wide))
                share = np.minimum.outer(_ramp(tall, _OVERLAP * scale), _ramp(wide, _OVERLAP * scale))
                place = (slice(top * scale, bottom * scale), slice(left * scale, right * scale))
                made[:, *place] += part * share
                weight[place] += share
        return np.asarray(made / weight, np.float32)


def colour_locked(enlarged: Plane, source: Plane) -> Plane:
    """Enlarged luma `(H·s, W·s)` whose coarse contrasts are again those of the source `(H, W)`: brightness and light
    are the tape's, only the detail is the net's."""
    height, width = source.shape
    small = cv2.resize(enlarged, (width, height), interpolation=cv2.INTER_AREA)
    lost = cv2.GaussianBlur(source - small, (0, 0), _LOCKED_ABOVE, borderType=cv2.BORDER_REPLICATE)
    large = cv2.resize(lost, (enlarged.shape[1], enlarged.shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(enlarged + large, np.float32)


def _spans(length: int, tile: int) -> Iterator[tuple[int, int]]:
    """Tiles of one axis, as even as can be, each overlapping the next by `_OVERLAP` or more."""
    if length <= tile:
        yield 0, length
        return
    count = -(-(length - _OVERLAP) // (tile - _OVERLAP))
    for number in range(count):
        start = number * (length - tile) // (count - 1)
        yield start, start + tile


def _ramp(length: int, border: int) -> Plane:
    """Weights that rise from both ends."""
    rise = np.minimum(np.arange(1, length + 1), np.arange(length, 0, -1)) / border
    return np.asarray(np.minimum(rise, 1), np.float32)


def _strange(found: tuple[int, ...], expected: tuple[int, ...]) -> FootlightsError:
    return UsageError(
        f"the net gives pictures of {found}",
        f"{expected} was expected",
        "use a super-resolution net for R'G'B' pictures",
    )
