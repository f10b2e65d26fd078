"""Balance: what a tape shows of its own black and white whatever the stage light is, and whether it carries colour.

Where a lamp overdrives the camera, all three of its channels stop at the camera's white, and the tape records one code
over and over: a pile at the top of the histogram. Where no light falls, the camera shows its black. Both places know
nothing of the colour of the light, so what they lean to is the camera's and the tape's doing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.analysis.base import ANALYSERS, Notes, Scene, Series
from footlights.analysis.view import Codes, FrameView, histogram_of
from footlights.core.reports import BalanceReport, Shot

_EVERY = 5
_METHOD = "darkest blocks, and the pile of clipped samples at the top of the luma histogram, of every fifth frame"
_TOP = 2e-4
"""Share of samples brighter than the code from which the pile is looked for downwards."""
_REACH, _HALF = 14, 5
"""Codes below that code in which the pile may peak, and its half width: noise spreads it."""
_LEAST = 1.5e-3
"""Share of the picture that makes a pile."""
_STEEP = 1.6
"""How much denser than the codes below it a pile is; bright things that are not clipped thin out upwards."""
_DIMMEST = 110
"""Code below which no camera clips all channels."""
_COLOURED = 24.0
"""Chroma codes from which a pile is one clipped channel under coloured light, not white."""
_BLOCK = 8
"""Samples a side over which black is averaged."""
_DARK = 44.0
"""Code above which the darkest blocks are no black."""
_INSIDE = 24
"""Chroma samples well inside clipped places that are needed."""


@ANALYSERS.add("balance")
class BalanceAnalyser:
    """Notes black and clipped white of every fifth frame, and how much its chroma varies over the picture."""

    name: ClassVar[str] = "balance"
    version: ClassVar[int] = 2
    before: ClassVar[int] = 0
    after: ClassVar[int] = 0
    columns: ClassVar[dict[str, int]] = {"balance.black": 3, "balance.white": 3, "balance.colour": 1}

    def __init__(self, scene: Scene) -> None:
        del scene

    def look(self, views: Sequence[FrameView], notes: Notes) -> None:
        view = views[-1]
        if view.number % _EVERY == 1:
            notes.set(view.number, **{"balance.black": black(view.y, view.cb, view.cr)})
            notes.set(view.number, **{"balance.white": white(view.y, view.cb, view.cr)})
            notes.set(view.number, **{"balance.colour": _spread(view.cb, view.cr)})


def report(series: Series, shot: Shot) -> BalanceReport:
    """Conclude for one shot."""
    inside = slice(shot.frames.start, shot.frames.stop)
    whites = series["balance.white"][inside]
    whites = whites[np.isfinite(whites).all(axis=1)]
    spread = series["balance.colour"][inside]
    spread = spread[np.isfinite(spread)]
    luma, cb, cr = (round(float(value), 2) for value in np.median(whites, axis=0)) if len(whites) else (0.0, 0.0, 0.0)
    blacks = series["balance.black"][inside]
    blacks = blacks[np.isfinite(blacks).all(axis=1)]
    dark = tuple(round(float(value), 2) for value in np.median(blacks, axis=0)) if len(blacks) else (0.0, 0.0, 0.0)
    return BalanceReport(
        black_luma=dark[0],
        black_cb=dark[1],
        black_cr=dark[2],
        blacks=len(blacks),
        white_luma=luma,
        white_cb=cb,
        white_cr=cr,
        whites=len(whites),
        colour=round(float(np.percentile(spread, 90)), 2) if len(spread) else 0.0,
        measured_by=_METHOD,
    )


def black(y: Codes, cb: Codes, cr: Codes) -> NDArray[np.float32]:
    """Code and chroma around 0 of the darkest two per cent of one picture, in means of small blocks, so that noise
    neither darkens them nor colours them; NaN where they are not dark. Blanking (exactly 16) does not count."""
    size = (max(y.shape[1] // _BLOCK, 8), max(y.shape[0] // _BLOCK, 8))
    luma, blue, red = (
        cv2.resize(plane.astype(np.float32), size, interpolation=cv2.INTER_AREA) for plane in (y, cb, cr)
    )
    inner = luma > 16.02
    if inner.sum() < 0.05 * luma.size:
        return np.full(3, np.nan, np.float32)
    limit = float(np.percentile(luma[inner], 2))
    if limit > _DARK:
        return np.full(3, np.nan, np.float32)
    dark = inner & (luma <= limit + 1)
    return np.array([luma[dark].mean(), np.median(blue[dark]) - 128, np.median(red[dark]) - 128], np.float32)


def white(y: Codes, cb: Codes, cr: Codes) -> NDArray[np.float32]:
    """Code of the clipped white of one picture and its chroma around 0; NaN where no place is clipped to white."""
    unknown = np.full(3, np.nan, np.float32)
    shares = histogram_of(y) / y.size
    above = np.cumsum(shares[::-1])[::-1]
    top = int(np.flatnonzero(above >= _TOP)[-1])
    if top < _DIMMEST:
        return unknown
    smooth = np.convolve(shares, np.ones(3) / 3, "same")
    start = top - _REACH
    peak = start + int(smooth[start : top + 1].argmax())
    codes = np.arange(peak - _HALF, min(peak + _HALF, 255) + 1)
    pile, below = shares[codes].sum(), shares[peak - 3 * _HALF - 1 : peak - _HALF].sum()
    if pile < _LEAST or pile < _STEEP * below:
        return unknown
    luma = float((shares[codes] * codes).sum() / pile)
    blue, red = _inside(np.abs(y.astype(np.int16) - peak) <= _HALF, cb, cr)
    if not np.isfinite(blue) or np.hypot(blue, red) >= _COLOURED:
        return unknown
    return np.array([luma, blue, red], np.float32)


def _inside(mask: NDArray[np.bool_], cb: Codes, cr: Codes) -> tuple[float, float]:
    """Mean chroma around 0 well inside the mask, where colour that bleeds from its surroundings does not reach; NaN
    where too little is inside."""
    share = cv2.resize(mask.astype(np.float32), (cb.shape[1], cb.shape[0]), interpolation=cv2.INTER_AREA)
    core = cv2.erode(share, np.ones((3, 5), np.uint8)) > 0.9
    if np.count_nonzero(core) < _INSIDE:
        return np.nan, np.nan
    return float(cb[core].mean()) - 128, float(cr[core].mean()) - 128


def _spread(cb: Codes, cr: Codes) -> float:
    """Standard deviation of chroma over the picture in codes, noise averaged away: 0 where there is no colour."""
    size = (max(cb.shape[1] // 8, 1), max(cb.shape[0] // 8, 1))
    return max(float(cv2.resize(plane, size, interpolation=cv2.INTER_AREA).std()) for plane in (cb, cr))
