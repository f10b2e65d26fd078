"""How fields lie in time: distances between neighbouring fields, and combing of woven pictures.

For two fields of opposite parity, lines of one are compared with the mean of the lines around them in the other. With
K the part that vertical detail alone causes and m the difference one field period of motion makes, top-first material
gives D(bottom before, top) = K + m and D(bottom, top before) = K + 3m; bottom-first material the reverse;
progressive material D(top, bottom of the same frame) = K.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint8]

_BLACK = 16.0
"""Studio black, codes."""
_LEAST_LIGHT = 4.0
"""Codes above black; the light of darker pictures is too little to take shares of."""
_EVEN = 0.01
"""Light that changes by less is left alone: scaling would only add rounding."""


QUIET = 4, 6
"""Parts of a field, down and across, whose calmest blocks are looked at."""
_FEW = 12
"""Blocks of such a part below which a quarter of them says little."""


class FieldDistances(NamedTuple):
    """Mean absolute differences in codes between a frame's fields and those of the frame before."""

    within: float
    """Top to bottom of the same frame."""
    bottom_before: float
    """Bottom of the frame before to this top: one field apart when the top field is first."""
    top_before: float
    """Top of the frame before to this bottom: one field apart when the bottom field is first."""
    top_repeat: float
    """Top to top."""
    bottom_repeat: float
    """Bottom to bottom."""


def field_distances(now: Codes, before: Codes) -> tuple[FieldDistances, float]:
    """Of woven frames (H, W), and by how much the light changes between their four fields, as a share of it.

    The fields are brought to the same mean luma first: a strobe changes them more than motion does, and a field that
    is lit alone looks as if it came from another time. Codes near the picture edge (blanking, head switching) are left
    out.
    """
    now, before = _inner(now), _inner(before)
    (top, bottom, top_old, bottom_old), change = _one_light([now[0::2], now[1::2], before[0::2], before[1::2]])
    distances = FieldDistances(
        within=_cross(top, bottom),
        bottom_before=_cross(top, bottom_old),
        top_before=_cross(top_old, bottom),
        top_repeat=_mean_difference(top, top_old),
        bottom_repeat=_mean_difference(bottom, bottom_old),
    )
    return distances, change


def block_changes(now: Codes, before: Codes) -> NDArray[np.float32]:
    """Mean absolute differences of a field and the same field one frame earlier over blocks of 16×8 samples, in codes.

    Both fields are brought to one light: a repeat has the light of its model, and a strobe must not pass for motion
    around it.
    """
    (now, before), _ = _one_light([now, before])
    difference = cv2.absdiff(now, before).astype(np.float32)  # averages of whole codes would be rounded
    height, width = difference.shape
    blocks = cv2.resize(difference, (max(width // 16, 1), max(height // 8, 1)), interpolation=cv2.INTER_AREA)
    return np.asarray(blocks[1:-1] if len(blocks) > 4 else blocks, np.float32)


def repeat_level(blocks: NDArray[np.float32]) -> float:
    """How much the most changed part of a field differs, from its `block_changes`, in codes.

    Their 97th percentile: a repeated field leaves only coding noise everywhere, while of a moving scene at least some
    part moves; streaks fill fewer blocks than that.
    """
    return float(np.percentile(blocks, 97))


def quiet_changes(blocks: NDArray[np.float32]) -> NDArray[np.float32]:
    """By how much the calmest blocks differ in every one of `QUIET` parts of the picture, row by row, in codes: a
    quarter of the blocks differ by less. Where nothing moves that is noise alone. NaN where there are too few blocks.
    """
    down, across = QUIET
    high, wide = blocks.shape[0] // down, (blocks.shape[1] - 2) // across
    if high * wide < _FEW:
        return np.full(down * across, np.nan, np.float32)
    inner = blocks[: high * down, 1 : 1 + wide * across]
    parts = inner.reshape(down, high, across, wide).swapaxes(1, 2).reshape(down * across, high * wide)
    return np.partition(parts, high * wide // 4, axis=1)[:, high * wide // 4]


def comb(frame: NDArray[np.float32], threshold: float) -> NDArray[np.float32]:
    """Combing of a woven picture (H, W): by how much a line sticks out from both its neighbours the same way, beyond
    `threshold` and beyond what detail in its own field explains. Zero where the fields fit."""
    up, here, down = frame[:-2], frame[1:-1], frame[2:]
    out: NDArray[np.float32] = np.zeros_like(frame)
    stick = np.minimum(np.abs(here - up), np.abs(here - down))
    stick[(here - up) * (here - down) <= 0] = 0
    # A real horizontal edge or line moves the neighbours apart from each other as well.
    stick -= np.abs(up - down) + np.float32(threshold)
    np.maximum(stick, 0, out=out[1:-1])
    return out


def _inner(frame: Codes) -> Codes:
    height, width = frame.shape
    top, side = height // 24 // 2 * 2, width // 36
    return frame[top : height - top - height % 2, side : width - side]


def _one_light(fields: list[Codes]) -> tuple[list[Codes], float]:
    """Fields scaled to their common mean luma above black, and the spread of their means as a share of it."""
    light = [max(float(cv2.mean(field)[0]) - _BLACK, 1.0) for field in fields]
    common = sum(light) / len(light)
    change = (max(light) - min(light)) / max(common, _LEAST_LIGHT)
    if change < _EVEN:
        return fields, change
    scaled = [
        np.asarray(cv2.convertScaleAbs(field, alpha=gain, beta=_BLACK * (1 - gain)), np.uint8)
        for field, gain in ((field, common / own) for field, own in zip(fields, light, strict=True))
    ]
    return scaled, change


def _cross(top: Codes, bottom: Codes) -> float:
    """Bottom lines against the mean of the top lines around them."""
    between = cv2.addWeighted(top[:-1], 0.5, top[1:], 0.5, 0)
    return _mean_difference(between, bottom[:-1])


def _mean_difference(a: NDArray[np.generic], b: NDArray[np.generic]) -> float:
    return float(cv2.norm(a, b, cv2.NORM_L1)) / max(a.size, 1)
