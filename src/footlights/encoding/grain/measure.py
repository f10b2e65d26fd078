"""Grain measured: strength over brightness, shape, and whether it is grain at all.

Two pictures of one thing differ by their grain alone. On blocks where the cleaned pictures are flat and rest, the
difference of two neighbours holds √2 of its strength and all of its shape, whatever the cleaning left or took. Hardly
anything rests wholly: what cleaned blocks change more than the calmest of their brightness is movement, and is taken
off (without, a crowd measures 3 % too strong). Where a picture is compared with itself without grain (synthesised
grain, a decode), the difference holds it once.

Units are 10-bit codes. Sources: B. T. Oh et al., "Film grain noise modeling in advanced video coding" (2007); AV1's
noise model (flat blocks, brightness bins), with differences in time in the place of a denoiser's residual.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Reals = NDArray[np.float64]
Planes = tuple[NDArray[Any], ...]
"""Y, or Y Cb Cr in 4:2:0: codes of 10 bits."""

BINS = 20
"""Of brightness, over the whole range of codes."""
LEVELS: Reals = np.linspace(128 / BINS, 256 - 128 / BINS, BINS)
"""Their middles in 8-bit codes."""
_APART = 2.0
"""8-bit codes by which the brightnesses of neighbouring bins stay apart, whatever their blocks have."""
DOWN, ACROSS = 4, 6
"""Lines and samples over which correlation is measured."""
BLOCK = 32
"""Lines and samples of the blocks that are judged."""
_FLAT_SHARE = 0.3
_GENTLE = 6.0
"""10-bit codes: structure of a cleaned block below which it is flat in any picture."""
_ENOUGH = 6
"""Blocks a bin needs."""
_CALM = 0.1
"""Share of the blocks of a bin that are taken to rest; what these change is grain that the cleaning left."""
_OUTLIER = 2.0
"""A block whose variance is this many times its bin's median shows something that moved."""
_REPEATED = 0.02
"""10-bit codes: mean difference below which a frame repeats the one before and says nothing of grain."""
_DARKEST, _BRIGHTEST = 17.0, 234.0
"""8-bit codes; clipping hides grain beyond them."""


@dataclass(frozen=True, slots=True)
class GrainShape:
    """Correlation with samples `(0..DOWN, -ACROSS..ACROSS)` away; 1 at no distance."""

    values: Reals

    @property
    def near(self) -> Reals:
        """The part that is compared: 0..4 lines, -4..4 samples."""
        return np.asarray(self.values[:, ACROSS - 4 : ACROSS + 5], np.float64)

    def error(self, other: GrainShape) -> float:
        """Root mean square difference of the near parts."""
        return float(np.sqrt(np.mean((self.near - other.near) ** 2)))

    def whole_error(self, other: GrainShape) -> float:
        """The same over all that was measured: taps that ring show far away."""
        return float(np.sqrt(np.mean((self.values - other.values) ** 2)))

    def mirrored(self) -> Reals:
        """`(2·DOWN+1, 2·ACROSS+1)`, point-symmetric."""
        upper = self.values[:0:-1, ::-1]
        middle = self.values.copy()
        return np.concatenate([upper, middle])


@dataclass(frozen=True, slots=True)
class GrainStatistics:
    """Grain of a run of pictures."""

    sigma: Reals
    """(BINS,) luma grain in 10-bit codes; NaN where no flat block has that brightness."""
    weight: Reals
    """(BINS,) share of the picture at each brightness."""
    shape: GrainShape
    chroma: tuple[float, float] = (0.0, 0.0)
    """Sigma of Cb and Cr grain."""
    chroma_shape: GrainShape | None = None
    correlation: float = 0.0
    """Between the grain of neighbouring pictures; grain of film is near 0, a dirty lens at 1."""
    blocks: int = 0
    brightness: Reals = field(default_factory=lambda: np.full(BINS, np.nan))
    """(BINS,) mean of the blocks that each sigma was measured on, 8-bit codes; NaN where none was."""

    @property
    def places(self) -> Reals:
        """(BINS,) brightnesses that the sigmas belong to, strictly rising: blocks of a dark picture may all lie at the
        upper edge of its darkest bin, where grain falls steeply towards black."""
        half = 128 / BINS - _APART / 2
        known = np.where(np.isfinite(self.brightness), self.brightness, LEVELS)
        return np.asarray(np.clip(known, LEVELS - half, LEVELS + half), np.float64)

    @property
    def mean(self) -> float:
        """Sigma over the brightnesses the pictures have."""
        known = np.isfinite(self.sigma) & (self.weight > 0)
        if not known.any():
            return 0.0
        return float(np.sqrt(np.average(self.sigma[known] ** 2, weights=self.weight[known])))


NO_SHAPE = GrainShape(np.pad(np.ones((1, 1)), ((0, DOWN), (ACROSS, ACROSS))))


@dataclass(slots=True)
class _Blocks:
    """Flat blocks collected from many differences."""

    luma: list[Floats] = field(default_factory=list)
    level: list[Floats] = field(default_factory=list)
    moved: list[Floats] = field(default_factory=list)
    """Power of the change of the cleaned pictures."""
    chroma: list[list[Floats]] = field(default_factory=lambda: [[], []])

    def add(
        self, difference: Sequence[Floats], clean: Floats, flat: NDArray[np.bool_], change: Floats | None = None
    ) -> None:
        tiles = blocks_of(difference[0], BLOCK)
        self.luma.append(without_plane(tiles[flat]))
        self.level.append(blocks_of(clean, BLOCK).mean(axis=(1, 2))[flat] / 4)
        self.moved.append(np.zeros(flat.sum(), np.float32) if change is None else power(change, flat))
        for store, plane in zip(self.chroma, difference[1:], strict=False):
            store.append(without_plane(blocks_of(plane, BLOCK // 2)[flat]))


def differences_in_time(
    runs: Iterable[tuple[Sequence[Planes], Sequence[Planes]]], lost: GrainStatistics | None = None
) -> GrainStatistics:
    """Grain of runs of neighbouring pictures, each with cleaned versions to know where they are flat and rest. What
    they `lost` hides as much movement as if it were still there: without it only blocks that an encoder left restless
    would be taken to rest."""
    collected = _Blocks()
    lags: list[tuple[float, float]] = []
    weight = np.zeros(BINS)
    for noisy, clean in runs:
        history: list[Pair] = []
        for picture, cleaned in zip(noisy, clean, strict=True):
            now = Pair([as_float(plane) for plane in picture], as_float(cleaned[0]))
            weight += np.histogram(now.clean / 4, bins=BINS, range=(0, 256))[0]
            if history:
                _compare(now, history, collected, lags, lost)
            history = [*history[-1:], now]
    weight = weight / max(weight.sum(), 1)
    return replace(_conclude(collected, weight, factor=2.0), correlation=_correlated(lags))


@dataclass(frozen=True, slots=True)
class Pair:
    """A picture with grain, and its cleaned version."""

    noisy: list[Floats]
    clean: Floats
    """Luma."""


def _compare(
    now: Pair,
    history: Sequence[Pair],
    collected: _Blocks,
    lags: list[tuple[float, float]],
    lost: GrainStatistics | None,
) -> None:
    """A picture with the one before it, and with the one before that."""
    before = history[-1]
    difference = [a - b for a, b in zip(now.noisy, before.noisy, strict=True)]
    if repeats(difference[0]):
        return
    flat = still_and_flat(now, before, lost)
    collected.add(difference, (now.clean + before.clean) * 0.5, flat, now.clean - before.clean)
    if len(history) > 1:
        still = flat & still_and_flat(now, history[-2], lost)
        pairs = (before, history[-2])
        one, two = (without_plane(blocks_of(now.noisy[0] - other.noisy[0], BLOCK)[still]) for other in pairs)
        lags.append((float((one**2).sum()), float((two**2).sum())))


def differences_in_picture(grainy: Iterable[Planes], base: Iterable[Planes]) -> GrainStatistics:
    """Grain between pictures with and without it: synthesised grain over a decode."""
    collected = _Blocks()
    weight = np.zeros(BINS)
    for picture, plain in zip(grainy, base, strict=True):
        over, under = [as_float(p) for p in picture], [as_float(p) for p in plain]
        weight += np.histogram(under[0] / 4, bins=BINS, range=(0, 256))[0]
        collected.add([a - b for a, b in zip(over, under, strict=True)], under[0], _flat(under[0]))
    return _conclude(collected, weight / max(weight.sum(), 1), factor=1.0)


def repeats(difference: Floats) -> bool:
    """Whether a picture so different from the one before is the same again."""
    return float(np.abs(difference).mean()) < _REPEATED


def power(change: Floats, flat: NDArray[np.bool_]) -> Floats:
    """Of the flat blocks of a difference of cleaned pictures."""
    return np.asarray((without_plane(blocks_of(change, BLOCK)[flat]) ** 2).mean(axis=(1, 2)), np.float32)


def softened(planes: Planes) -> Planes:
    """Luma blurred: enough to tell where a grainy picture is flat."""
    return (np.asarray(cv2.GaussianBlur(as_float(planes[0]), (0, 0), 2.5), np.float32),)


def as_float(plane: NDArray[Any]) -> Floats:
    """Codes as numbers to reckon with."""
    return plane.astype(np.float32)


def blocks_of(plane: Floats, size: int) -> Floats:
    """(H, W) → (blocks, size, size); what does not fill a block is left out."""
    rows, columns = plane.shape[0] // size, plane.shape[1] // size
    tiled = plane[: rows * size, : columns * size].reshape(rows, size, columns, size).swapaxes(1, 2)
    return np.ascontiguousarray(tiled.reshape(-1, size, size))


def without_plane(blocks: Floats) -> Floats:
    """Blocks less their mean and slope: light that moves is no grain."""
    size = blocks.shape[-1]
    ramp = np.linspace(-1, 1, size, dtype=np.float32)
    power = float((ramp * ramp).sum()) * size
    out = blocks - blocks.mean(axis=(1, 2), keepdims=True)
    across = np.einsum("bij,j->b", out, ramp) / power
    down = np.einsum("bij,i->b", out, ramp) / power
    return np.asarray(out - across[:, None, None] * ramp - down[:, None, None] * ramp[:, None], np.float32)


def _structure(clean: Floats) -> Floats:
    """Largest step inside each block of a softened picture, beyond its slope."""
    soft = cv2.GaussianBlur(clean, (0, 0), 2.0)
    return np.asarray(without_plane(blocks_of(soft, BLOCK)).std(axis=(1, 2)), np.float32)


def _flat(clean: Floats) -> NDArray[np.bool_]:
    structure = _structure(clean)
    if not structure.size:
        return np.zeros(0, bool)
    level = blocks_of(clean, BLOCK).mean(axis=(1, 2)) / 4
    lit = (level > _DARKEST) & (level < _BRIGHTEST)
    limit = max(_GENTLE, float(np.quantile(structure, _FLAT_SHARE)))
    return np.asarray(lit & (structure <= limit), np.bool_)


def still_and_flat(now: Pair, before: Pair, lost: GrainStatistics | None = None) -> NDArray[np.bool_]:
    """Blocks that are flat in both pictures, and changing by less than their difference does, with what they `lost`."""
    change = without_plane(blocks_of(now.clean - before.clean, BLOCK)).std(axis=(1, 2))
    seen = without_plane(blocks_of(now.noisy[0] - before.noisy[0], BLOCK)).std(axis=(1, 2))
    middle = (now.clean + before.clean) * 0.5
    if lost is not None:
        known = np.isfinite(lost.sigma)
        level = blocks_of(middle, BLOCK).mean(axis=(1, 2)) / 4
        grain = np.interp(level, lost.places[known], lost.sigma[known]) if known.any() else 0.0
        seen = np.sqrt(seen**2 + 2 * grain**2)
    return np.asarray(_flat(middle) & (change <= 0.45 * seen + 0.5), np.bool_)


def _correlated(lags: Sequence[tuple[float, float]]) -> float:
    """First-order model: variances over one and two pictures are as 1 - ρ to 1 - ρ²."""
    one, two = (sum(values) for values in zip(*lags, strict=True)) if lags else (0.0, 0.0)
    return float(np.clip(two / one - 1, -1, 1)) if one > 0 else 0.0


def _conclude(collected: _Blocks, weight: Reals, factor: float) -> GrainStatistics:
    """Statistics of blocks whose variance is `factor` times that of the grain."""
    empty = np.full(BINS, np.nan)
    if not collected.luma or not sum(len(part) for part in collected.luma):
        return GrainStatistics(empty, weight, NO_SHAPE)
    blocks, level, moved = (np.concatenate(one) for one in (collected.luma, collected.level, collected.moved))
    variance = (blocks**2).mean(axis=(1, 2)) * (BLOCK**2 / (BLOCK**2 - 3))
    kept = np.zeros(len(blocks), bool)
    sigma, brightness = empty.copy(), empty.copy()
    for chosen in chosen_in_bins(level, variance):
        kept |= chosen
        index = _bin_of(level[chosen])[0]
        brightness[index] = level[chosen].mean()
        sigma[index] = np.sqrt(max(variance[chosen].mean() - moved_beyond_calm(moved[chosen]), 0) / factor)
    if not kept.any():
        return GrainStatistics(empty, weight, NO_SHAPE)
    chroma, colour_shape = _colour(collected, kept, factor)
    # Every block counts alike in the shape, whatever its strength.
    shape = correlation(blocks[kept] / np.sqrt(np.maximum(variance[kept], 1e-6))[:, None, None])
    blocks_used = int(kept.sum())
    return GrainStatistics(sigma, weight, shape, chroma, colour_shape, blocks=blocks_used, brightness=brightness)


def _bin_of(level: Floats) -> NDArray[np.int64]:
    return np.clip((level / (256 / BINS)).astype(np.int64), 0, BINS - 1)


def chosen_in_bins(level: Floats, variance: Floats) -> Iterator[NDArray[np.bool_]]:
    """The blocks of every brightness that has enough, without those that show something that moved."""
    number = _bin_of(level)
    for index in range(BINS):
        inside = number == index
        if inside.sum() >= _ENOUGH:
            yield inside & (variance <= _OUTLIER * np.median(variance[inside]))


def moved_beyond_calm(moved: Floats) -> float:
    """Mean power of movement in blocks, beyond the calmest of them."""
    return float(np.maximum(moved - np.quantile(moved, _CALM), 0).mean())


def _colour(
    collected: _Blocks, kept: NDArray[np.bool_], factor: float
) -> tuple[tuple[float, float], GrainShape | None]:
    """Sigma of both chroma planes, and the shape they have in common."""
    if not all(collected.chroma):
        return (0.0, 0.0), None
    both = [np.concatenate(parts)[kept] for parts in collected.chroma]
    powers = [(plane**2).mean(axis=(1, 2)) for plane in both]
    sigmas = [float(np.sqrt(power[power <= _OUTLIER * np.median(power)].mean() / factor)) for power in powers]
    return (sigmas[0], sigmas[1]), correlation(np.concatenate(both))


def correlation(blocks: Floats) -> GrainShape:
    """Autocorrelation of blocks of grain."""
    rows, columns = blocks.shape[1:]
    values = np.zeros((DOWN + 1, 2 * ACROSS + 1))
    for dy in range(DOWN + 1):
        for dx in range(-ACROSS, ACROSS + 1):
            here = blocks[:, : rows - dy, max(0, -dx) : columns - max(0, dx)]
            there = blocks[:, dy:, max(0, dx) : columns - max(0, -dx)]
            values[dy, dx + ACROSS] = float((here * there).mean())
    power = values[0, ACROSS]
    return GrainShape(values / power) if power > 0 else NO_SHAPE
