"""Chroma: how steep colour's edges are and how much of small patches' colour is left, by the net and by bwdif alone.

A drawn chart of colour bars, whose edges are edges of luma as well, and of patches of 6 to 24 samples on grey, is
played onto the four tapes of our own simulator (same author). Width is from 10 to 90 % of a step of the colour
difference that changes most, in samples of the tape; colour left is that in the middle of a patch over the truth's.
FieldLift knows luma's edges while it restores colour; bwdif only goes between lines.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from numpy.typing import NDArray

import bench
import quality_methods as methods
import quality_tapes as tapes
from footlights.core.clip import Plane
from footlights.tape.presets import PRESETS

_BARS = ((0.75, 0.75, 0.1), (0.1, 0.6, 0.7), (0.2, 0.65, 0.1), (0.7, 0.15, 0.6), (0.75, 0.1, 0.1), (0.1, 0.15, 0.75))
"""R'G'B'."""
_PATCHES = (6, 10, 16, 24)
"""Samples a side."""
_PATCH = (0.75, 0.2, 0.15)
_FIELDS, _SEED = 24, 7
_RISE = (0.1, 0.9)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Every tape by both methods."""
    rows = []
    for name in list(PRESETS)[:1] if options.quick else PRESETS:
        tape = tapes.shot_on(name, [_chart()] * _FIELDS, _SEED)
        made = {"fieldlift": methods.fieldlift(tape), "bwdif": methods.candidates()["bwdif"](tape)}
        for method, pictures in {key: one.pictures for key, one in made.items()}.items():
            rows.append({"tape": name, "method": method, **_found(pictures, tape.truth)})
    return {"rows": rows, "what": f"{len(_BARS) - 1} edges and {len(_PATCHES)} patches a tape, {_FIELDS} fields; drawn"}


def show(found: dict[str, Any]) -> None:
    """A row per tape and method."""
    sizes = [f"{size} samples" for size in _PATCHES]
    bench.table(
        ("tape", "method", "width of edges", "widest", *sizes),
        [
            (row["tape"], row["method"], row["width"], row["widest"], *(f"{one:.2f}" for one in row["left"]))
            for row in found["rows"]
        ],
    )


def _chart() -> Plane:
    """`(720, 960, 3)` R'G'B': bars above, patches below."""
    picture = np.full((tapes.HEIGHT, tapes.WIDTH, 3), 0.35, np.float32)
    wide = tapes.WIDTH // len(_BARS)
    for number, colour in enumerate(_BARS):
        picture[: tapes.HEIGHT // 2, number * wide : (number + 1) * wide] = colour
    for (top, left), size in zip(_places(), _PATCHES, strict=True):
        side = _scaled(size)
        picture[top : top + side, left : left + side] = _PATCH
    return picture


def _places() -> list[tuple[int, int]]:
    """Where patches begin, line and sample of the chart."""
    step = tapes.WIDTH // len(_PATCHES)
    return [(tapes.HEIGHT * 3 // 4, step // 2 + number * step) for number in range(len(_PATCHES))]


def _scaled(size: int) -> int:
    """Samples of the chart that so many samples of the active tape are; the chart's are square."""
    return round(size * tapes.WIDTH / 704)


def _found(pictures: Plane, truth: Plane) -> dict[str, Any]:
    middle = slice(len(pictures) // 2 - 3, len(pictures) // 2 + 3)
    made, true = pictures[middle].mean(axis=0), truth[middle].mean(axis=0)
    height, width = true.shape[1:]
    bars = slice(height // 8, height * 3 // 8)
    centres = [round(number * width / len(_BARS)) for number in range(1, len(_BARS))]
    widths = [_rise(made[1:, bars], true[1:, bars], centre) for centre in centres]
    left = []
    for (top, start), size in zip(_places(), _PATCHES, strict=True):
        half = _scaled(size) / 2
        row, column = round((top + half) * height / tapes.HEIGHT), round((start + half) * width / tapes.WIDTH)
        spot = np.s_[1:, row - 1 : row + 1, column - 1 : column + 2]
        theirs, ours = (one[spot].mean(axis=(1, 2)) for one in (true, made))
        left.append(round(float(ours @ theirs / (theirs @ theirs)), 3))
    return {"width": round(float(np.median(widths)), 2), "widest": round(max(widths), 2), "left": left}


def _rise(made: NDArray[np.float32], true: NDArray[np.float32], centre: int) -> float:
    """10 to 90 % width of the colour difference that steps most at a column, samples."""
    reach = 40
    near = np.s_[:, :, centre - reach : centre + reach]
    steps = true[near].mean(axis=1)
    plane = int(np.argmax(np.abs(steps[:, -reach // 2 :].mean(axis=1) - steps[:, : reach // 2].mean(axis=1))))
    profile = made[near].mean(axis=1)[plane]
    low, high = profile[: reach // 4].mean(), profile[-reach // 4 :].mean()
    share = (profile - low) / (high - low)
    places = [float(np.interp(level, np.maximum.accumulate(share), np.arange(len(share)))) for level in _RISE]
    return places[1] - places[0]
