"""What MPEG coding leaves of a picture: its DCT coefficients on the steps of the tape's own quantiser.

Reconstruction is that of non-intra macroblocks (ISO/IEC 13818-2, 7.4.2.3) with the standard's flat matrix: levels in
the middle of their intervals, and none below the first step. A decoded picture does not tell what was predicted from
where; the steps of its transform are the same whether it was, so that this stands for pictures of all three types.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from footlights.core.clip import Plane

SIDE = 8
"""Samples and lines of a block."""


def quantised(lines: Plane, scale: float) -> Plane:
    """Lines `(h, w)` of a field or frame in codes, through a transform of 8×8 blocks whose coefficients are coded in
    steps of `scale`, the quantiser_scale; what fills no block at the right and the bottom is left as it is."""
    high, wide = (size // SIDE for size in lines.shape)
    out = np.array(lines, np.float32)
    part = out[: high * SIDE, : wide * SIDE]
    blocks = part.reshape(high, SIDE, wide, SIDE).swapaxes(1, 2).astype(np.float64)
    coefficients = _BASIS @ (blocks - 128) @ _BASIS.T
    level = np.floor(np.abs(coefficients) / scale)
    coded = np.sign(coefficients) * np.where(level > 0, level + 0.5, 0) * scale
    back = _BASIS.T @ coded @ _BASIS + 128
    part[:] = back.swapaxes(1, 2).reshape(part.shape)
    return out


def _basis() -> NDArray[np.float64]:
    """The orthonormal DCT of eight samples, rows by frequency."""
    place, frequency = np.arange(SIDE), np.arange(SIDE)[:, None]
    waves = np.cos((2 * place + 1) * frequency * np.pi / (2 * SIDE)) * np.sqrt(2 / SIDE)
    waves[0] /= np.sqrt(2)
    return np.asarray(waves, np.float64)


_BASIS = _basis()
