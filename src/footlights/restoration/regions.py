"""Places in a picture, as few rectangles."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core.plans import Region

_MOST = 24
"""Rectangles of one picture; beyond, one around all of them stands for them."""


def regions_of(mask: NDArray[np.bool_] | NDArray[np.float32]) -> tuple[Region, ...]:
    """Rectangles that cover all of a mask `(h, w)` of a picture or of one of its fields, touching places as one."""
    count, _, boxes, _ = cv2.connectedComponentsWithStats((mask > 0).astype(np.uint8), connectivity=8)
    found = [rectangle(x, y, x + w, y + h, mask.shape) for x, y, w, h, _ in boxes[1:count].tolist()]
    if len(found) <= _MOST:
        return tuple(found)
    sides = np.array([(one.left, one.top, one.right, one.bottom) for one in found])
    return (Region(*sides[:, :2].min(axis=0).tolist(), *sides[:, 2:].max(axis=0).tolist()),)


def rectangle(left: float, top: float, right: float, bottom: float, shape: tuple[int, ...]) -> Region:
    """A rectangle in samples and lines of a picture of `shape`, rounded outward and cut at its sides."""
    height, width = shape[-2:]

    def share(value: float, whole: int, up: int) -> int:
        thousandths = -(-value * 1000 // whole) if up else value * 1000 // whole
        return int(min(max(thousandths, 0), 1000))

    return Region(share(left, width, 0), share(top, height, 0), share(right, width, 1), share(bottom, height, 1))
