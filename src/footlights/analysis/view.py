"""FrameView: one ingest frame as analysers look at it, in 8-bit studio codes, with what several of them need computed
once."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core.signal import Range, Signal
from footlights.media.pixels import Layout, Samples
from footlights.metrics.dropouts import Prepared

Codes = NDArray[np.uint8]
Floats = NDArray[np.float32]

SMALL_WIDTH, SMALL_HEIGHT = 176, 120
"""Size of the field pictures that shots and motion are judged on."""


class Descriptor(NamedTuple):
    """A field with its light taken out: what remains is structure, so strobes and colour changes leave it alone."""

    structure: Floats
    """Local contrast normalised to about unit variance, (120, 176)."""
    energy: Floats
    """Local variance in codes², (120, 176): where it is small there is nothing to compare."""
    mean: float
    """Mean luma code."""


def describe(field: Codes | Floats) -> Descriptor:
    """Descriptor of a luma field (or frame) of any size."""
    grey = cv2.resize(field, (SMALL_WIDTH, SMALL_HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float32)
    detail = grey - cv2.GaussianBlur(grey, (0, 0), 6)
    energy = cv2.GaussianBlur(detail * detail, (0, 0), 6)
    # 3 codes of noise are no structure: they bound the gain in dark and flat places.
    return Descriptor(detail / np.sqrt(energy + 9.0), energy, float(grey.mean()))


class FrameView:
    """One frame; planes are copies and live as long as the view."""

    def __init__(self, number: int, planes: tuple[Samples, ...], layout: Layout, signal: Signal) -> None:
        self.number = number
        self.signal = signal
        self._planes = _studio_codes(planes, layout, signal)

    @property
    def y(self) -> Codes:
        """Luma (H, W), H even."""
        return self._planes[0]

    @property
    def cb(self) -> Codes:
        """Cb (h, w), as sub-sampled on the tape."""
        return self._planes[1]

    @property
    def cr(self) -> Codes:
        return self._planes[2]

    @property
    def fields(self) -> tuple[Codes, Codes]:
        """Top and bottom luma fields (H/2, W)."""
        return self.y[0::2], self.y[1::2]

    @cached_property
    def histogram(self) -> NDArray[np.intp]:
        """How many samples of luma have each code (256,)."""
        return histogram_of(self.y)

    @cached_property
    def prepared_fields(self) -> tuple[Prepared, Prepared]:
        """Top and bottom luma fields, as dropouts are looked for."""
        top, bottom = self.fields
        return Prepared(top), Prepared(bottom)

    @cached_property
    def descriptors(self) -> tuple[Descriptor, Descriptor]:
        """Of the top and the bottom field."""
        top, bottom = self.fields
        return describe(top), describe(bottom)

    def in_order(self, first: int) -> tuple[Descriptor, Descriptor]:
        """The descriptors in the order the fields were exposed; `first` is 0 for top, 1 for bottom."""
        top, bottom = self.descriptors
        return (top, bottom) if first == 0 else (bottom, top)


def histogram_of(plane: Codes, where: Codes | None = None) -> NDArray[np.intp]:
    """How many samples have each code (256,): of all, or of those where the mask is not 0."""
    return cv2.calcHist([plane], [0], where, [256], [0, 256])[:, 0].astype(np.intp)


def quantile_of(histogram: NDArray[np.intp], share: float) -> float:
    """The code below which a share of the samples lies, as `numpy.quantile` of the samples themselves gives it."""
    climbed = np.cumsum(histogram)
    low, rest = divmod(share * (int(climbed[-1]) - 1), 1)
    here, above = np.searchsorted(climbed, (low, min(low + 1, int(climbed[-1]) - 1)), side="right").tolist()
    return float(here + (above - here) * rest)


def rgb_from_codes(y: Codes, cb: Codes, cr: Codes) -> NDArray[np.uint8]:
    """BT.601 studio codes of one size → 8-bit full-range R'G'B' (H, W, 3)."""
    luma = (y.astype(np.float32) - 16) * (255 / 219)
    blue = (cb.astype(np.float32) - 128) * (255 / 224)
    red = (cr.astype(np.float32) - 128) * (255 / 224)
    picture = np.stack([luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue], axis=-1)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def _studio_codes(planes: tuple[Samples, ...], layout: Layout, signal: Signal) -> tuple[Codes, Codes, Codes]:
    height = planes[0].shape[0] // 2 * 2
    if layout.rgb:
        return _from_rgb(planes, layout, height)
    eight = [_to_eight(plane, layout.bits) for plane in planes]
    luma = eight[0][:height]
    grey = np.full((2, 2), 128, np.uint8)
    cb, cr = (eight[1], eight[2]) if len(eight) == 3 else (grey, grey)
    if signal.range is Range.FULL:
        luma = _scale(luma, 219 / 255, 16.0)
        cb, cr = (_scale(plane, 224 / 255, 128 * (1 - 224 / 255)) for plane in (cb, cr))
    return np.ascontiguousarray(luma), np.ascontiguousarray(cb), np.ascontiguousarray(cr)


def _to_eight(plane: Samples, bits: int) -> Codes:
    if bits <= 8:
        return plane.astype(np.uint8, copy=True)
    return np.asarray(np.minimum((plane + (1 << (bits - 9))) >> (bits - 8), 255), dtype=np.uint8)


def _scale(plane: Codes, gain: float, offset: float) -> Codes:
    return np.asarray(cv2.convertScaleAbs(plane, alpha=gain, beta=offset), dtype=np.uint8)


def _from_rgb(planes: tuple[Samples, ...], layout: Layout, height: int) -> tuple[Codes, Codes, Codes]:
    if layout.planes == 1:
        blue, green, red = (planes[0][:height, :, channel].astype(np.float32) for channel in range(3))
    else:
        green, blue, red = (_to_eight(plane, layout.bits)[:height].astype(np.float32) for plane in planes)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    codes = (
        16 + luma * (219 / 255),
        128 + (blue - luma) * (112 / 255 / 0.886),
        128 + (red - luma) * (112 / 255 / 0.701),
    )
    y, cb, cr = (np.clip(np.rint(plane), 0, 255).astype(np.uint8) for plane in codes)
    return y, cb, cr
