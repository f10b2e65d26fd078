"""Re-degradation: a restored picture, pushed back through what the tape did to it, must give the tape's fields again.

What is left over is the tape's noise where restoring took nothing but noise away and brought nothing in. Geometry,
matrix and field sampling are undone by the caller; how the tape answers is found here, per shot, by least squares: a
symmetric point spread of 7 samples by 5 frame lines whose sum is one, of the signal and of what apertures in light
make of it (`metrics/tapepath.py`), shared by all samples; and per instant, whose phase is its own, what a composite
connection left of the colour in luma. So few numbers cannot take invented detail for a blur of the camera. Any blur
could be undone by a fit that is free to sharpen, so the answer may not sharpen more than a tape does
(`metrics/tapeanswer.py`).

Lines that strayed on the tape, and were moved to their place, are put back astray by what was measured of them. Places
that were concealed on purpose tell nothing.

A lossy format adds an error of its own, more of it on edges than the noise of flat places shows. Where a picture can be
put through the format again, or through its quantiser, that error is measured: the pushed-back picture with noise on it
goes through, and comes back with what the format does to such a picture. The noise put on is as strong as leaves flat
places as noisy as the tape's are, because the format takes some of it away. So what the format would have lost counts
for nothing, and what it would have kept counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core.clip import Plane
from footlights.metrics.tapeanswer import REACH, Floats, View, answered

_MARGIN = (8, 12)
"""Frame lines and samples left out at the picture's sides: blanking, head switching, what a kernel cannot see."""
_BLOCK = (8, 16)
_STEEP = 0.9
"""Quantile of the gradient above which a sample lies on an edge."""
_CALM = 0.3
"""Share of the samples, those in the plainest surroundings, that count as flat."""
_ROUNDS = 6
"""Trials in search of the noise that leaves flat places as noisy as they are."""
_FACTORS = (0.3, 4.0)
"""Of the tape's noise, between which that is looked for."""

Strayed = Callable[[NDArray[np.float64], NDArray[np.intp]], NDArray[np.float64]]
"""Lines of the master `(n, W)` and which of the source's lines they stand for `(n,)` → the same, astray."""
Coder = Callable[[Plane], Plane]
"""Lines `(h, W)` of a field or frame in luma codes → the same as the tape's format gives them back."""


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
    coder: Coder | None = None
    """The tape's lossy format, where a picture can be put through it again."""
    strayed: Strayed | None = None
    """What puts lines astray as they are on the tape, where they were mended."""
    torn: int = 0
    """Frame lines at the bottom that were filled anew, and tell nothing."""
    lit: tuple[Plane, ...] = ()
    """The master behind apertures in light, `(H, W)` each, in the order of `tapepath.APERTURES`."""
    crawl: tuple[Plane, ...] = ()
    """What a composite connection may have left of the master's colour in luma, `(H, W)` each, codes."""
    concealed: NDArray[np.bool_] | None = None
    """Samples of `source` that were filled anew, and tell nothing."""
    sigmas: tuple[float, ...] = ()
    """Noise of this instant alone, in codes at the levels of the shot's, where it is known."""


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
    views = [_view(sample) for sample in samples]
    seen = answered(views)
    flat = [np.interp(view.own, levels, one.sigmas or sigmas) for view, one in zip(views, samples, strict=True)]
    noise = [_coded(sample, one, sigma) for sample, one, sigma in zip(samples, seen, flat, strict=True)]
    left = [(view.source - one) * view.told for view, one in zip(views, seen, strict=True)]
    energy = sum(float(np.square(one).sum()) for one in left)
    expected = sum(float(np.square(one * view.told).sum()) for one, view in zip(noise, views, strict=True))
    count = sum(float(view.told.sum()) for view in views)
    blocks = np.concatenate([_blocks(a) / _blocks(b) for a, b in zip(left, noise, strict=True)])
    steep = sum(_on_edges(one, view.own) for one, view in zip(left, views, strict=True))
    return Residual(
        rms=float(np.sqrt(energy / count)),
        noise=float(np.sqrt(expected / count)),
        high=float(np.sqrt(np.quantile(blocks, 0.95))),
        edges=steep / max(energy, 1e-12),
    )


def _coded(sample: Pushed, seen: NDArray[np.float64], sigma: NDArray[np.float64]) -> NDArray[np.float64]:
    """Noise expected at every sample: `sigma` of flat places, or what the tape's format makes of it."""
    if sample.coder is None:
        return sigma
    rows = _rows(sample)
    columns = slice(_MARGIN[1], sample.master.shape[1] - _MARGIN[1])
    steep = cv2.blur(np.abs(cv2.Laplacian(seen, cv2.CV_64F)), (_BLOCK[1] + 1, _BLOCK[0] + 1))
    calm = steep <= np.quantile(steep, _CALM)
    grain = np.random.default_rng(0).standard_normal(seen.shape)
    wanted = np.square(sigma[calm]).mean()
    (low, high), error = _FACTORS, np.zeros_like(seen)
    for _ in range(_ROUNDS):
        factor = np.sqrt(low * high)
        lines = sample.source.astype(np.float32)
        lines[rows, columns] = seen + factor * sigma * grain
        error = sample.coder(lines)[rows, columns] - seen
        low, high = (factor, high) if np.square(error[calm]).mean() < wanted else (low, factor)
    side = (2 * _BLOCK[1] + 1, 2 * _BLOCK[0] + 1)
    return np.asarray(np.sqrt(np.maximum(cv2.blur(np.square(error), side), 1e-6)))


def _rows(sample: Pushed) -> NDArray[np.intp]:
    """The source's lines without the margins."""
    return (_lines(sample) - sample.first) // sample.step


def _lines(sample: Pushed) -> NDArray[np.intp]:
    """The same as lines of the frame."""
    top = _MARGIN[0] + (sample.first - _MARGIN[0]) % sample.step
    return np.arange(top, sample.master.shape[0] - max(_MARGIN[0], sample.torn), sample.step)


def _view(sample: Pushed) -> View:
    """Source lines and what a fit may weigh to explain them."""
    rows, columns = _rows(sample), slice(_MARGIN[1], sample.master.shape[1] - _MARGIN[1])
    own, *others = _neighbours(sample, sample.master)
    shared = [other - own for other in others]
    for picture in sample.lit:
        lit, *beside = _neighbours(sample, picture)
        shared += [lit - own, *(other - lit for other in beside)]
    lines = _lines(sample)
    crawl = [_astray(sample, pattern[lines].astype(np.float64))[:, columns] for pattern in sample.crawl]
    told = np.ones(own.shape) if sample.concealed is None else (~sample.concealed[rows, columns]).astype(np.float64)
    return View(sample.source[rows, columns].astype(np.float64), own, shared, crawl, told)


def _neighbours(sample: Pushed, picture: Plane) -> list[Floats]:
    """A picture on the source's lines, then for each pair of distances the mean of its neighbours at these."""
    lines, width = _lines(sample), picture.shape[1]
    near = range(-REACH[0], REACH[0] + 1)
    rows = {down: _astray(sample, picture[lines + down].astype(np.float64)) for down in near}
    shifted = []
    for down in range(REACH[0] + 1):
        for right in range(REACH[1] + 1):
            ways = sorted({(a * down, b * right) for a in (1, -1) for b in (1, -1)})
            seen = [rows[d][:, _MARGIN[1] + r : width - _MARGIN[1] + r] for d, r in ways]
            shifted.append(np.mean(seen, axis=0))
    return shifted


def _astray(sample: Pushed, lines: Floats) -> Floats:
    return sample.strayed(lines, _rows(sample)) if sample.strayed else lines


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
