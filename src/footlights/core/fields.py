"""Fields of interlaced pictures: taking them apart, weaving them, and raising sub-sampled chroma field by field.

Chroma geometry: MPEG-2 (ISO/IEC 13818-2, 6.1.1.8) places 4:2:0 chroma of interlaced frames on field lines, a quarter
field line below the top field's luma lines and three quarters below the bottom field's; upsampling across the two
fields mixes two instants and paints stripes on moving colour.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from footlights.core.clip import Plane
from footlights.core.signal import ChromaSiting

TOP, BOTTOM = 0, 1


def split(frames: Plane) -> tuple[Plane, Plane]:
    """`(…, H, W)` woven frames → top and bottom fields `(…, H/2, W)`, as views."""
    return frames[..., 0::2, :], frames[..., 1::2, :]


def weave(top: Plane, bottom: Plane) -> Plane:
    """Two fields `(…, H/2, W)` → one frame `(…, H, W)`."""
    frame = np.empty((*top.shape[:-2], top.shape[-2] * 2, top.shape[-1]), dtype=top.dtype)
    frame[..., 0::2, :] = top
    frame[..., 1::2, :] = bottom
    return frame


def cubic_weights(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Catmull-Rom (Keys 1981, a = -1/2) kernel values at the given distances in samples."""
    d = np.abs(distance)
    near = (1.5 * d - 2.5) * d * d + 1.0
    far = ((-0.5 * d + 2.5) * d - 4.0) * d + 2.0
    return np.where(d < 1, near, np.where(d < 2, far, 0.0))


@lru_cache(maxsize=64)
def _interpolation_matrix(size: int, out: int, step: float, offset: float) -> Plane:
    """Rows of cubic weights: output sample k reads input position `offset + k * step`; edges are held."""
    matrix = np.zeros((out, size))
    positions = offset + step * np.arange(out)
    base = np.floor(positions).astype(int)
    for tap in range(-1, 3):
        index = base + tap
        np.add.at(matrix, (np.arange(out), np.clip(index, 0, size - 1)), cubic_weights(positions - index))
    return matrix.astype(np.float32)


def interpolate_columns(planes: Plane, out_width: int, *, step: float, offset: float) -> Plane:
    """Resample along x: output column k reads position `offset + k * step` of `(…, H, W)`."""
    if out_width == planes.shape[-1] and step == 1.0 and offset == 0.0:
        return planes
    return planes @ _interpolation_matrix(planes.shape[-1], out_width, step, offset).T


def interpolate_lines(planes: Plane, out_height: int, *, step: float, offset: float) -> Plane:
    """Resample along y: output line k reads position `offset + k * step` of `(…, H, W)`."""
    if out_height == planes.shape[-2] and step == 1.0 and offset == 0.0:
        return planes
    return _interpolation_matrix(planes.shape[-2], out_height, step, offset) @ planes


def raise_chroma(chroma: Plane, width: int, height: int, siting: ChromaSiting, *, interlaced: bool) -> Plane:
    """Sub-sampled chroma `(…, h, w)` → 4:4:4 `(…, height, width)`.

    Horizontal siting is co-sited for LEFT and TOP_LEFT, centred for CENTRE; 4:1:1 is always co-sited (SMPTE 314M).
    Interlaced pictures are raised inside each field.
    """
    h, w = chroma.shape[-2], chroma.shape[-1]
    if w != width:
        ratio = width // w
        centred = siting is ChromaSiting.CENTRE and ratio == 2
        chroma = interpolate_columns(chroma, width, step=1 / ratio, offset=-0.25 if centred else 0.0)
    if h == height:
        return np.ascontiguousarray(chroma)
    if not interlaced:
        offset = 0.0 if siting is ChromaSiting.TOP_LEFT else -0.25
        return interpolate_lines(chroma, height, step=0.5, offset=offset)
    top, bottom = split(chroma)
    # Field chroma line j lies at field luma line 2j + 1/4 (top) or 2j + 3/4 (bottom): luma line k reads (k - 1/4) / 2.
    return weave(
        interpolate_lines(top, height // 2, step=0.5, offset=-0.125),
        interpolate_lines(bottom, height // 2, step=0.5, offset=-0.375),
    )
