"""Film grain synthesis exactly as a decoder does it, sample for sample, in numpy.

Needed to calibrate strength without decoding again and again, to draw grain into pictures for codecs that cannot, and
to check that a decoder draws what the table says.

Reference: AV1 specification 7.18.3 (the names of its variables are given in the comments).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from footlights.core.filmgrain import FilmGrain, Points
from footlights.encoding.grain.gaussian import GAUSSIAN

Ints = NDArray[np.int32]
Codes = NDArray[Any]

_LUMA_SIZE = (73, 82)
_CHROMA_SEEDS = (0xB524, 0x49D8)
_STRIPE = 32
_PERIOD = 65535


@dataclass(frozen=True, slots=True)
class Format:
    """Shape of the samples."""

    bits: int
    across: int
    """Horizontal sub-sampling of chroma as a power of two: 1 for 4:2:0."""
    down: int

    @property
    def limits(self) -> tuple[int, int]:
        """GrainMin, GrainMax."""
        centre = 128 << (self.bits - 8)
        return -centre, centre - 1


YUV420_10 = Format(10, 1, 1)


def apply(planes: Sequence[Codes], grain: FilmGrain, seed: int, shape: Format = YUV420_10) -> tuple[Codes, ...]:
    """Decoded planes (Y, or Y Cb Cr) with grain; codes of `shape.bits` bits. `seed` is the frame's grain_seed."""
    luma = planes[0].astype(np.int32)
    noise = noise_image(luma.shape, grain, seed, shape, planes=len(planes))
    low, high = (16, 235) if grain.restricted else (0, 255)
    low, high, chroma_high = (value << (shape.bits - 8) for value in (low, high, 240 if grain.restricted else 255))
    if not grain.restricted:
        high = chroma_high = (1 << shape.bits) - 1
    out: list[Codes] = []
    kind = planes[0].dtype
    if grain.y:
        added = _round2(_scale(scaling_table(grain.y), luma, shape.bits) * noise[0], grain.scaling_shift)
        out.append(np.clip(luma + added, low, high).astype(kind))
    else:
        out.append(planes[0])
    average = _average_luma(luma, shape)
    for plane, points, drawn in zip(planes[1:], (grain.cb, grain.cr), noise[1:], strict=False):
        if not points:
            out.append(plane)
            continue
        codes = plane.astype(np.int32)
        mult, luma_mult, offset = grain.chroma_mix
        mixed = (average * (luma_mult - 128) + codes * (mult - 128)) >> 6
        merged = np.clip(mixed + ((offset - 256) << (shape.bits - 8)), 0, (1 << shape.bits) - 1)
        added = _round2(_scale(scaling_table(points), merged, shape.bits) * drawn, grain.scaling_shift)
        out.append(np.clip(codes + added, low, chroma_high).astype(kind))
    return tuple(out)


def noise_image(
    size: tuple[int, ...], grain: FilmGrain, seed: int, shape: Format = YUV420_10, *, planes: int = 3
) -> list[Ints]:
    """Unscaled grain for a picture of `size` (H, W) (noiseImage), one array per plane."""
    templates = grain_templates(grain, seed, shape, planes=planes)
    fields = []
    for number, template in enumerate(templates):
        across, down = (0, 0) if number == 0 else (shape.across, shape.down)
        fields.append(_tiled(template, size, seed, (across, down), shape, overlap=grain.overlap))
    return fields


def grain_templates(grain: FilmGrain, seed: int, shape: Format = YUV420_10, *, planes: int = 3) -> list[Ints]:
    """LumaGrain (73×82), CbGrain and CrGrain (38×44 for 4:2:0): texture that the blocks are cut from."""
    shift = 12 - shape.bits + grain.scale_shift
    low, high = shape.limits
    luma = _white(_LUMA_SIZE, seed, shift) if grain.y else np.zeros(_LUMA_SIZE, np.int32)
    if grain.y:
        _filter(luma, grain.taps_y, grain.lag, grain.tap_shift, (low, high))
    templates = [luma]
    size = (38 if shape.down else 73, 44 if shape.across else 82)
    sets = ((grain.cb, grain.taps_cb), (grain.cr, grain.taps_cr))
    for (points, taps), salt in list(zip(sets, _CHROMA_SEEDS, strict=True))[: planes - 1]:
        plane = _white(size, seed ^ salt, shift) if points else np.zeros(size, np.int32)
        if points:
            count = 2 * grain.lag * (grain.lag + 1)
            from_luma = _luma_part(luma, size, shape) * taps[count] if grain.y else None
            _filter(plane, taps[:count], grain.lag, grain.tap_shift, (low, high), from_luma)
        templates.append(plane)
    return templates


def luma_templates(grain: FilmGrain, seeds: Sequence[int], shape: Format = YUV420_10) -> Ints:
    """LumaGrain of many frames at once, `(seeds, 73, 82)`."""
    shift = 12 - shape.bits + grain.scale_shift
    planes = np.stack([_white(_LUMA_SIZE, seed, shift) for seed in seeds])
    _filter(planes, grain.taps_y, grain.lag, grain.tap_shift, shape.limits)
    return planes


def scaling_table(points: Points) -> Ints:
    """ScalingLut: 256 values, and the last once more for the interpolation of deeper samples."""
    table = np.zeros(257, np.int32)
    if not points:
        return table
    table[: points[0][0]] = points[0][1]
    for (place, value), (following, target) in pairwise(points):
        width = following - place
        delta = (target - value) * ((65536 + (width >> 1)) // width)
        table[place:following] = value + ((np.arange(width) * delta + 32768) >> 16)
    table[points[-1][0] :] = points[-1][1]
    return table


def _scale(table: Ints, codes: Ints, bits: int) -> Ints:
    """scale_lut()."""
    shift = bits - 8
    place = codes >> shift
    start = table[place]
    if not shift:
        return start
    rest = codes - (place << shift)
    return np.asarray(start + _round2((table[place + 1] - start) * rest, shift), np.int32)


def _average_luma(luma: Ints, shape: Format) -> Ints:
    """Luma at the places of chroma samples."""
    lines = luma[:: 1 << shape.down]
    if not shape.across:
        return lines
    left = lines[:, ::2]
    right = lines[:, 1::2]
    if right.shape[1] < left.shape[1]:
        right = np.concatenate([right, left[:, -1:]], axis=1)
    return _round2(left + right, 1)


def _round2(values: Ints, shift: int) -> Ints:
    return np.asarray((values + ((1 << shift) >> 1)) >> shift, np.int32)


@lru_cache(maxsize=1)
def _register() -> tuple[Ints, Ints]:
    """All states of the 16-bit shift register in the order it takes them, and the place of each."""
    states = np.empty(_PERIOD, np.int32)
    state = 1
    for number in range(_PERIOD):
        states[number] = state
        bit = (state ^ state >> 1 ^ state >> 3 ^ state >> 12) & 1
        state = state >> 1 | bit << 15
    places = np.zeros(65536, np.int32)
    places[states] = np.arange(_PERIOD)
    return states, places


def _random(seed: int, count: int, bits: int) -> Ints:
    """The next `count` results of get_random_number(bits) after the register was set to `seed`."""
    if seed == 0:  # the register then never leaves zero
        return np.zeros(count, np.int32)
    states, places = _register()
    order = (places[seed] + 1 + np.arange(count)) % _PERIOD
    return np.asarray(states[order] >> (16 - bits), np.int32)


def _white(size: tuple[int, int], seed: int, shift: int) -> Ints:
    return _round2(GAUSSIAN[_random(seed, size[0] * size[1], 11)], shift).reshape(size)


def _filter(
    plane: Ints, taps: Sequence[int], lag: int, shift: int, limits: tuple[int, int], more: Ints | None = None
) -> None:
    """The autoregressive filter in place, of one plane or several alike. Samples of one slanted line, which do not need
    each other, go together."""
    rows, columns = plane.shape[-2:]
    inside = (rows - 3, columns - 6)
    steps = [(dy, dx) for dy in range(-lag, 1) for dx in range(-lag, lag + 1)][: len(taps)]
    weights = np.array(taps, np.float64)  # whole numbers, and their sums, are exact in it
    flat = plane.reshape(-1, rows * columns)
    reach = np.array([dy * columns + dx for dy, dx in steps], np.int64)
    y, x = np.mgrid[: inside[0], : inside[1]]
    order = (x + (lag + 1) * y).reshape(-1)
    places = ((y + 3) * columns + x + 3).reshape(-1)
    sorting = np.argsort(order, kind="stable")
    cuts = np.flatnonzero(np.diff(order[sorting])) + 1
    extra = more.reshape(-1, rows * columns) if more is not None else None
    for line in np.split(places[sorting], cuts):
        total = (
            (flat[:, line[:, None] + reach] @ weights).astype(np.int64)
            if len(weights)
            else np.zeros((len(flat), len(line)), np.int64)
        )
        if extra is not None:
            total = total + extra[:, line]
        flat[:, line] = np.clip(flat[:, line] + ((total + (1 << (shift - 1))) >> shift), *limits)


def _luma_part(luma: Ints, size: tuple[int, int], shape: Format) -> Ints:
    """Mean luma grain at the places of chroma grain; only places the filter visits are filled."""
    part = np.zeros(size, np.int32)
    rows, columns = size[0] - 3, size[1] - 6
    total = np.zeros((rows, columns), np.int32)
    for i in range(1 << shape.down):
        for j in range(1 << shape.across):
            total += luma[3 + i :: 1 << shape.down, 3 + j :: 1 << shape.across][:rows, :columns]
    part[3:, 3:-3] = _round2(total, shape.across + shape.down)
    return part


def _tiled(
    template: Ints, size: tuple[int, ...], seed: int, sub: tuple[int, int], shape: Format, *, overlap: bool
) -> Ints:
    """Blocks cut from the template at random places, stripe by stripe, seams blended (noiseStripe, noiseImage)."""
    across, down = sub
    height, width = (size[0] + down) >> down, (size[1] + across) >> across
    step, tall = _STRIPE >> across, _STRIPE >> down
    count = -(-size[0] // _STRIPE)
    columns = -(-((size[1] + 1) // 2) // 16)
    image = np.zeros((count * tall, columns * step), np.int32)
    below: Ints | None = None
    for number in range(count):
        start = seed ^ ((number * 37 + 178) & 255) << 8 ^ ((number * 173 + 105) & 255)
        stripe = _stripe(template, _random(start, columns, 8), sub, shape.limits, overlap=overlap)
        rows = stripe[:tall, : columns * step].copy()
        if overlap and below is not None:
            _blend(rows, below[:, : columns * step], shape.limits)
        image[number * tall : (number + 1) * tall] = rows
        below = stripe[tall:]
    return image[:height, :width]


def _stripe(template: Ints, randoms: Ints, sub: tuple[int, int], limits: tuple[int, int], *, overlap: bool) -> Ints:
    """One row of blocks with the lines and samples that reach into the next."""
    across, down = sub
    step, wide, tall = _STRIPE >> across, 34 >> across, 34 >> down
    stripe = np.zeros((tall, len(randoms) * step + wide - step), np.int32)
    for number, value in enumerate(randoms):
        right, lower = int(value) >> 4, int(value) & 15
        x = 6 + right if across else 9 + 2 * right
        y = 6 + lower if down else 9 + 2 * lower
        block = template[y : y + tall, x : x + wide].copy()
        place = number * step
        if overlap and number:
            _blend(block.T, stripe[:, place : place + wide - step].T, limits)
        stripe[:, place : place + wide] = block
    return stripe


def _blend(rows: Ints, old: Ints, limits: tuple[int, int]) -> None:
    """Blend the first rows with what the block before left there, in place: two rows, or one where sub-sampled."""
    weights = ((27, 17), (17, 27)) if len(old) == 2 else ((23, 22),)
    for row, (before, now) in enumerate(weights):
        rows[row] = np.clip((old[row] * before + rows[row] * now + 16) >> 5, *limits)
