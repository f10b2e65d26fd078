"""Lens, sensor aperture and field read-out: from a clean picture to the light that one field's lines collected.

A CCD camera reads a field by adding pairs of sensor rows, rows (0, 1), (2, 3) … for one field and (1, 2), (3, 4) … for
the other; that is what keeps line flicker down. Dropping every second row instead is what no camera does. The sensor's
rows lie so that each pair is centred on the line it makes: a field never shifts the picture.

Reference: data sheets of interline CCDs (field read-out mode adds vertical neighbours, in other pairs for each field).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from math import gamma, sqrt
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from footlights.core.clip import Plane
from footlights.core.colour import DISPLAY_GAMMA
from footlights.errors import ParameterError
from footlights.tape.parameters import Bounded, bounded
from footlights.tape.raster import Raster

_BLOCK_ROWS = 32
"""Sensor rows sampled at a time: a 1440-sample picture's share of them is about 1 MB."""

_DARKEST = np.float32(1e-6)
"""Signal taken for black: the power of an exact zero passes through denormal numbers, at a third of the speed."""

_HIGHLIGHT = 0.8
"""Linear light above which the CCD's columns begin to smear."""


class ReadOut(StrEnum):
    """Vertical filter of the field read-out."""

    LINE = "line"
    """Every line is one sensor row (frame-integration and some later cameras)."""
    TWO_LINE = "two-line"
    """Sum of a pair of rows; the pairing alternates between the fields."""
    THREE_LINE = "1-2-1"
    """[1 2 1] / 4 over the rows."""


@dataclass(frozen=True, slots=True)
class Optics(Bounded):
    """Lens and sensor geometry. Lengths are in samples and lines of the SD frame."""

    group: ClassVar[str] = "optics"

    blur_x: float = bounded(0.4, 0.0, 3.0, "samples")
    """Standard deviation of the point spread along the line; 0 is a perfect lens, above 1.5 is out of focus."""
    blur_y: float = bounded(0.4, 0.0, 3.0, "frame lines")
    blur_exponent: float = bounded(2.0, 1.0, 6.0, "")
    """Shape of the point spread exp(-|x|^e): 1 peaked with wide skirts, 2 Gaussian, 6 nearly a disc."""
    aberration: float = bounded(0.0, 0.0, 2.0, "samples")
    """Lateral chromatic aberration at the picture's side: red lies this far outside green, blue inside."""
    smear: float = bounded(0.0, 0.0, 0.03, "of a column's highlights")
    """Vertical CCD smear below and above clipped lamps, in linear light."""
    exposure: float = bounded(0.0, 0.0, 2.0, "picture intervals")
    """Time over which neighbouring pictures are averaged; 0 takes the pictures as they are."""
    read_out: ReadOut = ReadOut.TWO_LINE


def expose(picture: Plane, raster: Raster, read_out: ReadOut) -> Plane:
    """Display-referred R'G'B' `(H, W, 3)` 0..1 → linear light on the sensor rows `(rows, active_width, 3)`, same
    primaries. Every sensor cell averages the light that falls on it.
    """
    check_picture(picture, raster)
    size, width = picture.shape[0], raster.active_width
    # Two-line read-out has one row more, all of them half a row higher: the pairs are then centred on the lines.
    paired = read_out is ReadOut.TWO_LINE
    rows, offset = (raster.height + 1, -0.5) if paired else (raster.height, 0.0)
    light = np.empty((rows, width, 3), dtype=np.float32)
    source = np.ascontiguousarray(picture)
    for block in _row_blocks(size, rows, size / raster.height, offset):
        lines = source[block.lines]
        if not float(lines.min()) >= 0:
            remedy = "give numbers from 0 up: clip what a resampler left below black"
            raise ParameterError("tape.picture", float(lines.min()), remedy)
        linear = np.asarray(cv2.pow(np.maximum(lines, _DARKEST), DISPLAY_GAMMA), dtype=np.float32)
        summed = np.asarray(block.sampler @ linear.reshape(len(linear), -1), dtype=np.float32)
        light[block.rows] = _narrow(summed.reshape(len(summed), -1, 3), width)
    return light


def check_picture(picture: Plane, raster: Raster) -> None:
    """Refuse pictures the sampler cannot reduce."""
    shape = picture.shape
    fits = len(shape) == 3 and shape[2] == 3 and shape[0] >= raster.height and shape[1] >= raster.active_width
    if not fits or picture.dtype != np.float32:
        remedy = f"give float32 (H, W, 3) of at least {raster.height} × {raster.active_width}"
        raise ParameterError("tape.picture", (shape, str(picture.dtype)), remedy)


def lens(light: Plane, optics: Optics) -> Plane:
    """Point spread and smear on sensor light `(rows, W, 3)`."""
    if optics.blur_x or optics.blur_y:
        kernel_x = point_spread(optics.blur_x, optics.blur_exponent)
        kernel_y = point_spread(optics.blur_y, optics.blur_exponent)
        light = np.asarray(cv2.sepFilter2D(light, -1, kernel_x, kernel_y, borderType=cv2.BORDER_REPLICATE))
    if optics.smear:
        _, lamps = cv2.threshold(light, _HIGHLIGHT, 0, cv2.THRESH_TOZERO)
        charge = np.asarray(cv2.reduce(lamps, 0, cv2.REDUCE_AVG), dtype=np.float32)
        if charge.any():
            light = light + np.float32(optics.smear) * charge
    return light


def collect(light: Plane, parity: int, optics: Optics) -> Plane:
    """Sensor rows `(rows, W, 3)` → the lines of the TOP or BOTTOM field `(h, W, 3)`.

    The chromatic aberration is laid on here, where it costs half: it is the same magnification for rows and lines.
    """
    lines = _read(light, parity, optics.read_out)
    return _disperse(lines, optics.aberration) if optics.aberration else lines


def _read(light: Plane, parity: int, read_out: ReadOut) -> Plane:
    if read_out is ReadOut.LINE:
        return np.ascontiguousarray(light[parity::2])
    if read_out is ReadOut.TWO_LINE:
        lines = (len(light) - 1) // 2
        upper, lower = light[parity::2][:lines], light[parity + 1 :: 2][:lines]
        return np.asarray((upper + lower) * np.float32(0.5))
    padded = np.pad(light, ((1, 1), (0, 0), (0, 0)), mode="edge")
    lines = len(light) // 2
    above, line, below = (padded[parity + step :: 2][:lines] for step in range(3))
    return np.asarray(line * np.float32(0.5) + (above + below) * np.float32(0.25))


@lru_cache(maxsize=64)
def point_spread(sigma: float, exponent: float) -> NDArray[np.float32]:
    """1-D kernel exp(-|x / a|^e), each tap averaged over its cell, scaled to the standard deviation `sigma`."""
    if sigma == 0:
        return np.ones(1, dtype=np.float32)
    deviation = sqrt(gamma(3 / exponent) / gamma(1 / exponent))  # of exp(-|x|^e)
    radius = max(1, int(np.ceil((2 + 2.4 / exponent) * sigma)))
    cells = np.arange(-radius, radius + 1)[:, None] + np.linspace(-0.5, 0.5, 21)[None, 1::2]
    taps = np.exp(-(np.abs(cells * deviation / sigma) ** exponent)).mean(axis=1)
    return np.asarray(taps / taps.sum(), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class _Block:
    """Some sensor rows and the picture lines they collect; small enough for the processor's cache."""

    rows: slice
    lines: slice
    sampler: sparse.csr_matrix
    """`(rows, lines)` weights."""


@lru_cache(maxsize=16)
def _row_blocks(size: int, rows: int, pitch: float, offset: float) -> tuple[_Block, ...]:
    """Row r averages picture lines `[(r + offset) * pitch, (r + 1 + offset) * pitch)`; the edge lines are held."""
    matrix = sparse.lil_matrix((rows, size), dtype=np.float32)
    for row in range(rows):
        start, stop = (row + offset) * pitch, (row + 1 + offset) * pitch
        for line in range(int(np.floor(start)), int(np.ceil(stop))):
            share = (min(stop, line + 1) - max(start, line)) / pitch
            matrix[row, min(max(line, 0), size - 1)] += share
    sampler = sparse.csr_matrix(matrix)
    blocks = []
    for first in range(0, rows, _BLOCK_ROWS):
        part = sampler[first : first + _BLOCK_ROWS]
        lines = slice(int(part.indices.min()), int(part.indices.max()) + 1)
        blocks.append(_Block(slice(first, first + part.shape[0]), lines, part[:, lines]))
    return tuple(blocks)


def _narrow(light: Plane, width: int) -> Plane:
    """Rows `(n, W, 3)` averaged down to `width` samples."""
    if light.shape[1] == width:
        return light
    return np.asarray(cv2.resize(light, (width, len(light)), interpolation=cv2.INTER_AREA), dtype=np.float32)


def _disperse(light: Plane, aberration: float) -> Plane:
    """Red magnified and blue reduced about the picture's centre, `aberration` samples at its side."""
    rows, width = light.shape[:2]
    spread = light.copy()
    for channel, sign in ((0, 1.0), (2, -1.0)):
        scale = 1 - sign * 2 * aberration / width  # reads from nearer the centre, so the image lies further outside
        warp = np.array(
            [[scale, 0, (1 - scale) * (width - 1) / 2], [0, scale, (1 - scale) * (rows - 1) / 2]], dtype=np.float64
        )
        spread[..., channel] = cv2.warpAffine(
            np.ascontiguousarray(light[..., channel]),
            warp,
            (width, rows),
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
    return spread
