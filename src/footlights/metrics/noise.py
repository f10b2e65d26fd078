"""Noise of video in code values: from what changes between fields of one parity where nothing else is going on.

Blocks that are flat in the mean of two fields show only noise in their difference, moving or not; the standard
deviation of the difference is √2 sigma. A plane is taken out of every block so that moving light does not count. Coarse
noise loses a part of itself with the plane; how much follows from its correlations (`_share_of`), and is given back.
Where it is longer along the line than they reach, as chroma under a VHS carrier, it follows from the correlation of
what is left (`_kept`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

BANDS = 8
"""Brightness bands of equal width between codes 0 and 255."""
_BLOCK_W, _BLOCK_H = 16, 8
_FLAT_SHARE = 0.15
"""Share of the blocks taken as flat."""
_STEEP = 32.0
"""Codes of structure beyond which the flattest lit blocks are no flat ones: all that is lit is text on black, and what
changes there is its own motion. Then black may hide noise, but it is no worse a witness. Tapes show 1 to 20, credits
65 to 150."""
_QUIET = 0.3
"""Of the flat blocks this quantile of sigma counts, because motion only ever adds."""
_QUIET_NORMAL = -0.5244
"""The same quantile of the normal distribution."""
_CALM = 1.7
"""Times the typical sigma up to which a block tells of the shape of noise."""
_FAR = 4
"""Samples along the line over which the correlation shows how long noise is; one sample shows the band limit."""
_LENGTHS = 1 - np.geomspace(1, 0.02, 18)
"""Correlations with the next sample for which `_kept` is worked out."""
_HEIGHTS = np.linspace(0, 0.7, 8)
"""Correlations with the next line."""
DOWN, ACROSS = 4, 6
"""Neighbours over which the shape of noise is told."""
_FARTHEST = [(down, across) for down in (5, 6) for across in range(9, 14)]
"""Lines and samples between which noise has nothing in common."""
_ENDED = 0.15
"""Correlation over the farthest of these samples, or lines, up to which they tell all of it."""
_NO_SHAPE = np.full(DOWN, np.nan, np.float32), np.full(ACROSS, np.nan, np.float32)
_ROUNDED, _WEAK = 1 / 6, 1 / 6
"""Variance that rounding to codes leaves in the difference of two fields, and noise below which shape is a guess."""

_SPREAD, _AGREE = (0.1, _QUIET, 0.6), 0.12
"""Quantiles of the blocks at which noise must last alike, for what moves does not, and within how much."""
_MOVES = 3.0
"""Times what flat blocks differ by that the typical block may: more is a picture that moves."""
_NO_STEPS = np.full(10, np.nan, np.float32)
_PLACES, _CALMEST = 3, 1.06
"""Places that must tell of a shot, and by what sigma of the typical block is above that of the calmest by chance."""
_FEWEST, _SAME, _MOST = 16, 0.7, 0.75
"""For noise in time: flat blocks, how alike the steps from field to field are, for else one was repeated or lit by a
flash, and the largest correlation that is believed."""


class NoiseSample(NamedTuple):
    """Noise between two fields."""

    sigma: float
    """Codes; typical of flat blocks."""
    bands: Floats
    """Sigma per brightness band (BANDS,), NaN where no flat block has that brightness."""
    horizontal: float
    """Correlation with the next sample of the line."""
    vertical: float
    """Correlation with the next line of the field."""
    down: Floats
    """Correlation with the next line, the one after it … `(DOWN,)`, rounding to codes and blocks' ends taken out; NaN
    where there is too little noise."""
    across: Floats
    """The same along the line `(ACROSS,)`."""


def measure(now: NDArray[np.generic], before: NDArray[np.generic], *, shape: bool = True) -> NoiseSample | None:
    """Noise of two consecutive fields of one parity (H, W), in the code values given; None where too small. Without
    `shape` all of `down` and `across` is NaN, and coarse noise is taken to be streaks."""
    height, width = _in_blocks(now)
    if height < 2 * _BLOCK_H or width < 2 * _BLOCK_W:
        return None
    a, b = now[:height, :width].astype(np.float32), before[:height, :width].astype(np.float32)
    chosen, brightness = _flat_blocks((a + b) * np.float32(0.5))
    found_tiles = _tiles(a - b, chosen)
    residual = _without_plane(found_tiles)
    if len(residual) < 4:
        return None
    sigmas = np.sqrt(np.einsum("nyx,nyx->n", residual, residual) / np.float32(2 * residual[0].size))
    bands = _per_band(sigmas, brightness[chosen])
    sigma = _typical(sigmas)
    quiet = residual[sigmas <= sigma * 1.25]
    power = _product(quiet, quiet) or 1.0
    vertical = _product(quiet[:, 1:], quiet[:, :-1]) / power
    # A narrower choice would leave out the blocks in which coarse noise is strong by chance.
    calm = sigmas <= sigma * _CALM
    down, across = _shape(found_tiles[calm], residual[calm]) if shape else _NO_SHAPE
    if max(abs(down[-1]), abs(across[-1])) <= _ENDED:
        found = 1 / _share_of(down, across)
    else:
        found = 1 / _share_kept(_product(quiet[:, :, _FAR:], quiet[:, :, :-_FAR]) / power, vertical)
    return NoiseSample(
        sigma=sigma * found,
        bands=bands * np.float32(found),
        horizontal=_product(quiet[:, :, 1:], quiet[:, :, :-1]) / power,
        vertical=vertical,
        down=down,
        across=across,
    )


def steps_in_time(fields: Sequence[NDArray[np.generic]]) -> Floats:
    """Variances by which flat blocks of four consecutive fields of a parity differ from those one, two and three
    before, at three quantiles each, and how many times what these do the typical block changes `(10,)`; NaN where a
    field was repeated, or with little noise."""
    height, width = _in_blocks(fields[0])
    if height < 2 * _BLOCK_H or width < 2 * _BLOCK_W:
        return _NO_STEPS
    codes = np.stack([one[:height, :width] for one in fields]).astype(np.float32)
    chosen, _ = _flat_blocks(codes.mean(axis=0))
    tiles = [_tiles(one, chosen) for one in codes]
    steps = [[_powers(new, old) for new, old in zip(tiles[lag:], tiles, strict=False)] for lag in (1, 2, 3)]
    typical = [powers[1] for powers in steps[0]]
    if len(tiles[0]) < _FEWEST or min(typical) < max(_SAME * max(typical), 2 * (_ROUNDED + _WEAK)):
        return _NO_STEPS
    changes = _change(codes) / (float(np.mean([powers[1] for powers in steps[2]])) + _ROUNDED)
    return np.array([*np.concatenate([np.mean(each, axis=0) - _ROUNDED for each in steps]), changes], np.float32)


def correlation_in_time(steps: Floats) -> float:
    """Correlation of noise with that of the next field, from what `steps_in_time` tells of several places `(n, 10)`; 0
    where they tell nothing, where the picture moves, or weak blocks something else than strong ones, as where things in
    it move. Decks and cameras that reduce noise by what was before leave noise that lasts.

    Where it falls by the same factor rho with every field, fields k apart differ by the variance d(k) = 2 sigma² (1 -
    rho^k), and rho is the ratio of second differences of d. What moves adds to d in proportion to k at first, which has
    no part in these, or makes rho smaller. Where they are small, d(2) / d(1) - 1, which is rho too, keeps it in bounds.
    """
    rests = np.isfinite(steps).all(axis=1) & (steps[:, -1] <= _MOVES)
    known = steps[rests, :-1].reshape(-1, 3, len(_SPREAD))
    if not len(known):
        return 0.0
    ratios = np.median(known[:, 1:] / known[:, :1], axis=0)
    if np.ptp(ratios[0]) > _AGREE:
        return 0.0
    second, third = (float(value) for value in ratios[:, 1])
    falls = 2 - second, 2 * second - 1 - third
    return min(max(falls[1] / falls[0], 0.0), second - 1, _MOST) if falls[0] > 0 < second - 1 else 0.0


class Calm(NamedTuple):
    """What of noise between fields two frames apart is noise, by `calm_of`."""

    share: float
    """Of sigma between one field and the next, that of the calmest blocks between fields two frames apart."""
    turns: float
    """Of the variance between one field and the next, what is left two frames apart: a subcarrier turns over from frame
    to frame, and its dots are gone."""
    spread: float
    """Sigma of livelier flat blocks over that of the calmest: more than chance is what moves."""


def calm_of(steps: Floats) -> Calm | None:
    """Of several places' steps `(n, 10)`; nothing where fewer than three tell. The calmest blocks have least of what
    moves and of edges that jitter."""
    known = steps[np.isfinite(steps).all(axis=1)]
    if len(known) < _PLACES:
        return None
    near, calmest, typical, lively = (known[:, at] for at in (1, 3, 4, 5))
    shares = [np.median(one / near) for one in (calmest, typical)]
    return Calm(
        share=float(min(np.sqrt(shares[0]) * _CALMEST, 1.0)),
        turns=float(shares[1]),
        spread=float(np.sqrt(np.median(lively / calmest))),
    )


def _change(codes: Floats) -> float:
    """By how much the typical block, flat or not, of the last field differs from the first; codes²."""
    squares = np.square(codes[-1] - codes[0])
    blocks = cv2.resize(
        squares, (squares.shape[1] // _BLOCK_W, squares.shape[0] // _BLOCK_H), interpolation=cv2.INTER_AREA
    )
    return float(np.median(blocks))


def _powers(now: Floats, before: Floats) -> list[float]:
    """Variances of what blocks differ by, at the quantiles."""
    residual = _without_plane(now - before)
    variances = np.einsum("nyx,nyx->n", residual, residual) / np.float32(residual[0].size)
    return [_quantile(variances, share) for share in _SPREAD]


def _in_blocks(plane: NDArray[np.generic]) -> tuple[int, int]:
    """Lines and samples that whole blocks fill."""
    return (plane.shape[0] // _BLOCK_H) * _BLOCK_H, (plane.shape[1] // _BLOCK_W) * _BLOCK_W


def _flat_blocks(plane: Floats) -> tuple[NDArray[np.bool_], Floats]:
    """Which blocks are flat, and how bright all are."""
    coarse = _coarse(plane)
    flat = _flatness(coarse)
    brightness = coarse.mean(axis=(1, 2))
    lit = (brightness > 20) & (brightness < 232)  # clipping at either end hides noise
    every = np.ones_like(lit)
    usable = lit if lit.sum() >= 16 and _quantile(flat[lit], _FLAT_SHARE) <= _STEEP else every
    return usable & (flat <= _quantile(flat[usable], _FLAT_SHARE)), brightness


def _shape(tiles: Floats, residual: Floats) -> tuple[Floats, Floats]:
    """Correlations down and across of noise in blocks `(n, 8, 16)`, by the variogram: half the mean square of what two
    samples differ by, over what it is between samples that lie far apart. Unlike products it needs no mean, so that
    noise as coarse as the blocks are large loses nothing. Blocks over which the light moved are left out."""
    own = np.square(residual).mean(axis=(1, 2))
    plane = np.square(tiles - tiles.mean(axis=(1, 2), keepdims=True)).mean(axis=(1, 2)) - own
    still = tiles[plane <= 2 * own]
    if len(still) < 4:
        still = tiles
    far = float(np.mean([_apart(still, *way) for way in _FARTHEST]))
    noise = far - _ROUNDED
    if noise < _WEAK:
        return _NO_SHAPE
    down = [(far - _apart(still, lag, 0)) / noise for lag in range(1, DOWN + 1)]
    across = [(far - _apart(still, 0, lag)) / noise for lag in range(1, ACROSS + 1)]
    return np.clip(down, -1, 1).astype(np.float32), np.clip(across, -1, 1).astype(np.float32)


def _apart(tiles: Floats, down: int, across: int) -> float:
    """Half the mean square of the differences between samples so far apart."""
    differs = tiles[:, down:, across:] - tiles[:, : _BLOCK_H - down, : _BLOCK_W - across]
    return _product(differs, differs) / 2


def _product(one: Floats, other: Floats) -> float:
    """Mean of the products of two sets of blocks."""
    return float(np.einsum("nyx,nyx->", one, other)) / one.size


def _tiles(plane: Floats, chosen: NDArray[np.bool_]) -> Floats:
    """(H, W) → (chosen blocks, 8, 16)."""
    rows, columns = plane.shape[0] // _BLOCK_H, plane.shape[1] // _BLOCK_W
    tiled = plane.reshape(rows, _BLOCK_H, columns, _BLOCK_W).swapaxes(1, 2)
    return tiled[np.divmod(np.flatnonzero(chosen), columns)]


def _coarse(plane: Floats) -> Floats:
    """(H, W) → (blocks, 2, 4): means over 4×4 samples."""
    height, width = plane.shape[0] // 4, plane.shape[1] // 4
    means = np.asarray(cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA), np.float32)
    down, across = _BLOCK_H // 4, _BLOCK_W // 4
    tiled = means.reshape(height // down, down, width // across, across).swapaxes(1, 2)
    return tiled.reshape(-1, down, across)


def _flatness(coarse: Floats) -> Floats:
    """Structure of each block beyond a plane: the largest steps of its 4×4 means, which noise hardly moves."""
    across = np.abs(np.diff(coarse, axis=2)).max(axis=(1, 2))
    down = np.abs(np.diff(coarse, axis=1)).max(axis=(1, 2))
    return np.asarray(across + down, np.float32)


def _without_plane(blocks: Floats) -> Floats:
    """Blocks less their mean and linear trend."""
    rows = blocks.reshape(len(blocks), -1)
    basis = _plane().astype(np.float32)
    # Three parameters were fitted to each block; what is left is that much too quiet.
    samples = rows.shape[1]
    left = (rows - rows @ basis @ basis.T) * np.float32(np.sqrt(samples / (samples - 3)))
    return np.asarray(left, np.float32).reshape(blocks.shape)


@lru_cache(maxsize=1)
def _plane() -> NDArray[np.float64]:
    """Orthonormal columns that hold every plane over a block `(samples, 3)`."""
    y, x = (axis.ravel() for axis in np.mgrid[-1 : 1 : _BLOCK_H * 1j, -1 : 1 : _BLOCK_W * 1j])
    return np.asarray(np.linalg.qr(np.stack([np.ones(y.size), y, x], axis=1))[0], np.float64)


def _typical(sigmas: Floats) -> float:
    return _quantile(sigmas, _QUIET)


def _quantile(values: Floats, share: float) -> float:
    """As `numpy.quantile`, which takes ten times as long for the few values there are."""
    ranked = np.sort(values)
    low, rest = divmod(share * (len(ranked) - 1), 1)
    here, above = ranked[int(low)], ranked[min(int(low) + 1, len(ranked) - 1)]
    return float(here + (above - here) * rest)


def _share_of(down: Floats, across: Floats) -> float:
    """Share of sigma that the quantile of the blocks shows of noise with these correlations, of which lines and samples
    have their own (`_shown`)."""
    lines, samples = (_toeplitz(lags, size) for lags, size in ((down, _BLOCK_H), (across, _BLOCK_W)))
    basis = _plane()
    seen = np.einsum("ab,bxk->axk", lines, np.einsum("xy,ayk->axk", samples, basis.reshape(_BLOCK_H, _BLOCK_W, 3)))
    seen = seen.reshape(-1, 3)
    # Traces of PCP and of its square, by the few columns of the plane: C itself is never written out.
    planes = basis.T @ seen
    trace = len(basis) - float(np.trace(planes))
    squares = float((lines**2).sum() * (samples**2).sum()) - 2 * float((seen**2).sum()) + float((planes**2).sum())
    return _shown(trace, squares)


def _toeplitz(lags: Floats, size: int) -> NDArray[np.float64]:
    """Covariance of `size` samples in a row that have nothing in common beyond the lags."""
    reached = np.zeros(size)
    reached[0], reached[1 : len(lags) + 1] = 1, lags
    places = np.arange(size)
    return reached[np.abs(places[:, None] - places[None, :])]


def _shown(trace: float, squares: float) -> float:
    """Share of sigma that the quantile of the blocks shows, from the traces of their residual's covariance R and of R²:
    mean variance tr R / n, and tr² R / tr R² degrees of freedom (Satterthwaite), whose chi-squared quantile is Wilson
    and Hilferty's."""
    size = _BLOCK_H * _BLOCK_W
    spread = 2 * squares / (9 * trace**2)
    quantile = (1 - spread + _QUIET_NORMAL * np.sqrt(spread)) ** 3
    return float(np.sqrt(quantile * trace / (size - 3)))


def _share_kept(far: float, vertical: float) -> float:
    """Share of sigma that is measured of noise whose residual has these correlations: that of the three nearest kinds
    of noise, weighted by nearness."""
    table = _kept()
    distance = np.hypot(table[:, 0] - far, table[:, 1] - vertical) + 1e-3
    nearest = np.argpartition(distance, 3)[:3]
    return float(np.average(table[nearest, 2], weights=1 / distance[nearest]))


@lru_cache(maxsize=1)
def _kept() -> NDArray[np.float64]:
    """For noise of exponential correlation, every length with every height: correlation of the residual over `_FAR`
    samples and over a line, and the share of sigma that the quantile of the blocks shows.

    With P the projection that takes the plane out and C the covariance of a block, the residual has covariance
    R = P C P.
    """
    size, basis = _BLOCK_H * _BLOCK_W, _plane()
    project = np.eye(size) - basis @ basis.T
    rows = []
    for height in _HEIGHTS:
        for length in _LENGTHS:
            residual = project @ np.kron(_exponential(height, _BLOCK_H), _exponential(length, _BLOCK_W)) @ project
            trace = float(np.trace(residual))
            shaped = residual.reshape(_BLOCK_H, _BLOCK_W, _BLOCK_H, _BLOCK_W)
            far = np.einsum("ijij->", shaped[:, :-_FAR, :, _FAR:]) / (size - _FAR * _BLOCK_H)
            near = np.einsum("ijij->", shaped[:-1, :, 1:, :]) / (size - _BLOCK_W)
            variance = trace / size
            rows.append((far / variance, near / variance, _shown(trace, float((residual**2).sum()))))
    return np.array(rows)


def _exponential(correlation: float, samples: int) -> NDArray[np.float64]:
    """Covariance of samples in a row, each correlated with the next."""
    places = np.arange(samples)
    return np.asarray(correlation ** np.abs(places[:, None] - places[None, :]), np.float64)


def _per_band(sigmas: Floats, brightness: Floats) -> Floats:
    band = np.clip((brightness / (256 / BANDS)).astype(int), 0, BANDS - 1)
    return np.array(
        [_typical(sigmas[band == index]) if (band == index).sum() >= 3 else np.nan for index in range(BANDS)],
        np.float32,
    )


def residual_sigma(plane: Floats) -> float:
    """Sigma of what is left after a 3×3 median, scaled for white Gaussian noise: a quick spatial estimate."""
    codes = np.clip(plane, 0, 65535).astype(np.uint16)
    residual = codes.astype(np.float32) - cv2.medianBlur(codes, 3)
    return float(np.median(np.abs(residual)) * 1.4826 / 0.92)
