"""Re-degradation: a restored picture, pushed back through what the tape did to it, must give the tape's fields again.

What is left over is the tape's noise where restoring took nothing but noise away and brought nothing in. Geometry,
matrix and field sampling are undone by the caller; the bandwidth is found here, per shot, as the symmetric point spread
of 7 samples by 5 frame lines whose sum is one and which explains the fields best in the least-squares sense. So few
numbers cannot take invented detail for a blur of the camera: they are shared by all samples of the shot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core.clip import Plane

_REACH = (2, 3)
"""Frame lines and samples of the point spread on each side."""
_MARGIN = (8, 12)
"""Frame lines and samples left out at the picture's sides: blanking, head switching, what a kernel cannot see."""
_BLOCK = (8, 16)
_STEEP = 0.9
"""Quantile of the gradient above which a sample lies on an edge."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """One instant: the tape's lines, and the master at the tape's raster."""

    source: Plane
    """`(h, W)`, luma codes of the lines `first`, `first + step` … of the frame."""
    master: Plane
    """`(H, W)`, luma codes of the whole frame at that instant."""
    first: int
    step: int
    """2 for a field, 1 for a frame that is one instant."""


class Residual(NamedTuple):
    """What the pushed-back master does not explain, codes."""

    rms: float
    noise: float
    """Root mean square of the noise expected at the brightness of the same samples."""
    high: float
    """95th percentile over blocks of residual over noise."""
    edges: float
    """Share of the squared residual on the steepest tenth of the samples."""


def compare(samples: Sequence[Pushed], levels: Sequence[float], sigmas: Sequence[float]) -> Residual:
    """The residual of a shot's samples. `sigmas` is the tape's noise in codes at the luma codes `levels`, rising."""
    inner = [_inner(sample) for sample in samples]
    spread = _point_spread(inner)
    left = [source - _spread(shifted, spread) for source, shifted in inner]
    noise = [np.interp(shifted[0], levels, sigmas) for _, shifted in inner]
    energy = sum(float(np.square(one).sum()) for one in left)
    expected = sum(float(np.square(one).sum()) for one in noise)
    count = sum(one.size for one in left)
    blocks = np.concatenate([_blocks(a) / _blocks(b) for a, b in zip(left, noise, strict=True)])
    steep = sum(_on_edges(one, shifted[0]) for one, (_, shifted) in zip(left, inner, strict=True))
    return Residual(
        rms=float(np.sqrt(energy / count)),
        noise=float(np.sqrt(expected / count)),
        high=float(np.sqrt(np.quantile(blocks, 0.95))),
        edges=steep / max(energy, 1e-12),
    )


Shifted = list[NDArray[np.float64]]
"""The master on the source's lines, then for each pair of distances the mean of its neighbours at these."""


def _inner(sample: Pushed) -> tuple[NDArray[np.float64], Shifted]:
    """Source lines and shifted masters, without the margins."""
    height, width = sample.master.shape
    top = _MARGIN[0] + (sample.first - _MARGIN[0]) % sample.step
    lines = np.arange(top, height - _MARGIN[0], sample.step)
    master = sample.master.astype(np.float64)

    def seen(down: int, right: int) -> NDArray[np.float64]:
        return master[lines + down, _MARGIN[1] + right : width - _MARGIN[1] + right]

    shifted = []
    for down in range(_REACH[0] + 1):
        for right in range(_REACH[1] + 1):
            ways = {(a * down, b * right) for a in (1, -1) for b in (1, -1)}
            shifted.append(np.mean([seen(*way) for way in sorted(ways)], axis=0))
    rows = (lines - sample.first) // sample.step
    return sample.source[rows, _MARGIN[1] : width - _MARGIN[1]].astype(np.float64), shifted


def _point_spread(inner: Sequence[tuple[NDArray[np.float64], Shifted]]) -> NDArray[np.float64]:
    """Weights of the neighbours' differences to the sample itself (so that the sum is one), by least squares."""
    unknowns = len(inner[0][1]) - 1
    square, right = np.zeros((unknowns, unknowns)), np.zeros(unknowns)
    for source, (own, *others) in inner:
        columns = np.stack([(other - own).ravel() for other in others])
        square += columns @ columns.T
        right += columns @ (source - own).ravel()
    steadied = square + np.eye(unknowns) * (1e-6 * np.trace(square) + 1e-9)
    return np.linalg.solve(steadied, right)


def _spread(shifted: Shifted, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    own, *others = shifted
    return own + sum((w * (other - own) for w, other in zip(weights, others, strict=True)), np.zeros_like(own))


def _blocks(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean square per block."""
    high, wide = (size // side * side for size, side in zip(plane.shape, _BLOCK, strict=True))
    tiles = plane[:high, :wide].reshape(high // _BLOCK[0], _BLOCK[0], wide // _BLOCK[1], _BLOCK[1])
    return np.asarray(np.square(tiles).mean(axis=(1, 3))).ravel()


def _on_edges(left: NDArray[np.float64], master: NDArray[np.float64]) -> float:
    """Squared residual on the steepest tenth."""
    across, down = (cv2.Sobel(master, cv2.CV_64F, *way) for way in ((1, 0), (0, 1)))
    steep = np.hypot(across, down)
    return float(np.square(left[steep >= np.quantile(steep, _STEEP)]).sum())
