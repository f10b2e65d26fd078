"""Look tables in .cube files: read, written, and looked up.

Format: Adobe, "Cube LUT Specification 1.0" (2013), with the input ranges that DaVinci Resolve writes. A table is of one
dimension (a curve per channel) or of three; red runs fastest. Between the points of three dimensions the value is
interpolated in tetrahedra, which keeps greys grey where a table does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from footlights.core.clip import Plane
from footlights.errors import LookError

_LEAST, _MOST_CURVE, _MOST_CUBE = 2, 65_536, 129
_BYTES = 256 * 2**20
_SIZES = {"LUT_1D_SIZE": 1, "LUT_3D_SIZE": 3}
_RANGES = ("LUT_1D_INPUT_RANGE", "LUT_3D_INPUT_RANGE")

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class LookTable:
    """R'G'B' in, R'G'B' out."""

    values: Floats
    """`(N, 3)` curves, or `(N, N, N, 3)` by blue, green and red."""
    low: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Input at the first point, per channel."""
    high: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Input at the last point."""
    title: str = ""

    def __call__(self, picture: Plane) -> Plane:
        """R'G'B' `(…, 3)` → R'G'B'. What input lies beyond the table's ends is added to the value at the end, so that
        super-white and what lies below black are moved with the look and not cut off."""
        flat = picture.reshape(-1, 3)
        low, high = np.array(self.low, np.float32), np.array(self.high, np.float32)
        held = np.clip(flat, low, high)
        at = (held - low) * (np.float32(self.values.shape[0] - 1) / (high - low))
        found = _curves(self.values, at) if self.values.ndim == 2 else _tetrahedra(self.values, at)
        return np.asarray((found + (flat - held)).reshape(picture.shape), np.float32)


def reference(path: str) -> str:
    """`look@sha256:…` of a file: what a plan names, so that a job does not go on with another table."""
    try:
        return f"look@sha256:{sha256(Path(path).read_bytes()).hexdigest()}"
    except OSError as error:
        raise LookError(f"the look table {path} cannot be read", str(error), "give the path of a .cube file") from error


def read(path: Path) -> LookTable:
    """A .cube file. LookError, with the line, where it is none."""
    try:
        if path.stat().st_size > _BYTES:
            raise _wrong(path, 0, f"it has more than {_BYTES >> 20} MiB")
        lines = path.read_text("utf-8-sig").splitlines()
    except OSError as error:
        raise LookError(f"the look table {path} cannot be read", str(error), "give the path of a .cube file") from error
    except UnicodeDecodeError as error:
        raise _wrong(path, 0, "it is no text") from error
    return _parsed(path, lines)


def written(table: LookTable) -> str:
    """A table as the text of a .cube file."""
    size = table.values.shape[0]
    head = [f'TITLE "{table.title}"'] if table.title else []
    head.append(f"LUT_{1 if table.values.ndim == 2 else 3}D_SIZE {size}")
    for name, ends in (("DOMAIN_MIN", table.low), ("DOMAIN_MAX", table.high)):
        head.append(f"{name} {' '.join(f'{value:g}' for value in ends)}")
    rows = (" ".join(f"{value:.6f}" for value in row) for row in table.values.reshape(-1, 3).tolist())
    return "\n".join([*head, *rows]) + "\n"


def identity(size: int) -> LookTable:
    """The table of three dimensions that changes nothing."""
    steps = np.linspace(0, 1, size, dtype=np.float32)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    return LookTable(np.stack([red, green, blue], axis=-1))


def _parsed(path: Path, lines: list[str]) -> LookTable:
    size = dimensions = 0
    ends = {"DOMAIN_MIN": (0.0, 0.0, 0.0), "DOMAIN_MAX": (1.0, 1.0, 1.0)}
    title, rows = "", list[tuple[float, float, float]]()
    for number, words in _words(lines):
        name = words[0]
        if name in _SIZES:
            if size:
                raise _wrong(path, number, "it holds two tables; only one is looked up")
            size, dimensions = _size(path, number, words), _SIZES[name]
        elif name in ends:
            ends[name] = _three(path, number, words[1:])
        elif name in _RANGES:
            first, last = _numbers(path, number, words[1:], 2)
            ends = {"DOMAIN_MIN": (first,) * 3, "DOMAIN_MAX": (last,) * 3}
        elif name == "TITLE":
            title = lines[number - 1].split(None, 1)[1].strip().strip('"') if len(words) > 1 else ""
        else:
            rows.append(_three(path, number, words))
    return _table(path, size, dimensions, ends, title, rows)


def _table(
    path: Path,
    size: int,
    dimensions: int,
    ends: dict[str, tuple[float, float, float]],
    title: str,
    rows: list[tuple[float, float, float]],
) -> LookTable:
    if not size:
        raise _wrong(path, 0, "it names neither LUT_1D_SIZE nor LUT_3D_SIZE")
    if len(rows) != size**dimensions:
        raise _wrong(path, 0, f"it holds {len(rows)} rows instead of {size**dimensions}")
    low, high = ends["DOMAIN_MIN"], ends["DOMAIN_MAX"]
    if not all(a < b for a, b in zip(low, high, strict=True)):
        raise _wrong(path, 0, f"its domain ends at {high} before it begins at {low}")
    values = np.array(rows, np.float32)
    if not np.isfinite(values).all():
        raise _wrong(path, 0, "it holds values that are no numbers")
    return LookTable(values if dimensions == 1 else values.reshape(size, size, size, 3), low, high, title)


def _words(lines: list[str]) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(lines, 1):
        words = line.split("#", 1)[0].split()
        if words:
            yield number, words


def _size(path: Path, number: int, words: list[str]) -> int:
    most = _MOST_CURVE if _SIZES[words[0]] == 1 else _MOST_CUBE
    (size,) = _numbers(path, number, words[1:], 1)
    if size != int(size) or not _LEAST <= size <= most:
        raise _wrong(path, number, f"its size {size:g} is not a whole number of {_LEAST} to {most}")
    return int(size)


def _three(path: Path, number: int, words: list[str]) -> tuple[float, float, float]:
    red, green, blue = _numbers(path, number, words, 3)
    return red, green, blue


def _numbers(path: Path, number: int, words: list[str], count: int) -> list[float]:
    try:
        found = [float(word) for word in words]
    except ValueError:
        found = []
    if len(found) != count:
        raise _wrong(path, number, f"{count} numbers were expected, not {' '.join(words)[:60]!r}")
    return found


def _wrong(path: Path, line: int, why: str) -> LookError:
    where = f", line {line}" if line else ""
    return LookError(
        f"{path}{where} is no look table that can be used", why, "export it anew as a .cube file of 2 to 129 points"
    )


def _curves(values: Floats, at: Floats) -> Floats:
    points = np.arange(len(values))
    return np.stack([np.interp(at[:, channel], points, values[:, channel]) for channel in range(3)], -1).astype(
        np.float32
    )


def _tetrahedra(values: Floats, at: Floats) -> Floats:
    """Of the six tetrahedra around the grey diagonal of a cell, the one the colour lies in is reached from the lower
    corner by one step along each axis, the channel with the greatest remainder first."""
    size = values.shape[0]
    cell = np.minimum(at.astype(np.intp), size - 2)
    rest = at - cell
    table, steps = values.reshape(-1, 3), np.array([1, size, size * size])
    corner = cell @ steps
    order = np.argsort(-rest, axis=1, kind="stable")
    before = table[corner]
    total = before.copy()
    for turn in range(3):
        channel = order[:, turn]
        corner = corner + steps[channel]
        after = table[corner]
        total += (after - before) * np.take_along_axis(rest, channel[:, None], axis=1)
        before = after
    return total
