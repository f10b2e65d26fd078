"""Traces of composite video: dot crawl in luma, cross-colour in chroma.

What a decoder mistook keeps the phase of the subcarrier: it is inverted from field line to field line and from frame
to frame (every second in PAL). Noise is as strong in what a frame shares with the one before as in what differs, and
pictures that stand still have only the first; so the difference of the two powers, in what changes sign from line to
line, is the pattern's alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.analysis.base import ANALYSERS, Notes, Scene, Series
from footlights.analysis.view import Codes, FrameView
from footlights.core import subcarrier
from footlights.core.reports import CompositeReport, Shot
from footlights.core.subcarrier import Subcarrier
from footlights.metrics import dots

_EVERY = 10
_METHOD = "power inverted from line to line and frame to frame, near the subcarrier, over power that stays"
_SURE = 6
"""Measured frames that make it sure."""
_WORTH = 0.05
"""Codes of dot crawl from which it is asked what explains them."""
_BLOCK = (16, 8)
_TRIM = 0.05
"""Share of the blocks left out at either end: strobes, cuts and captions."""


@ANALYSERS.add("composite")
class CompositeAnalyser:
    """Notes mean excess power of the top field of every tenth frame, codes², and how much of it colour explains."""

    name: ClassVar[str] = "composite"
    version: ClassVar[int] = 2
    before: ClassVar[int] = 2
    after: ClassVar[int] = 0
    columns: ClassVar[dict[str, int]] = {"composite.luma": 1, "composite.chroma": 1, "composite.explained": 1}

    def __init__(self, scene: Scene) -> None:
        del scene

    def look(self, views: Sequence[FrameView], notes: Notes) -> None:
        view = views[-1]
        if view.number % _EVERY != 6:
            return
        height, width = view.y.shape
        carrier = subcarrier.of_raster(width, height)
        if carrier is None or len(views) <= carrier.inverted:
            return
        past = views[-1 - carrier.inverted]
        power = _excess(view.y[0::2], past.y[0::2], carrier, banded=True)
        notes.set(view.number, **{"composite.luma": power})
        if power > _WORTH**2:
            notes.set(view.number, **{"composite.explained": _explained(view, carrier)})
        if view.cb.shape[0] == height:  # 4:2:0 has averaged the lines of chroma
            pairs = ((view.cb, past.cb), (view.cr, past.cr))
            powers = [_excess(now[0::2], before[0::2], carrier, banded=False) for now, before in pairs]
            notes.set(view.number, **{"composite.chroma": float(np.mean(powers))})


def report(series: Series, shot: Shot) -> CompositeReport:
    """Conclude for one shot; its first frames are compared with another shot's and are left out."""
    inside = slice(min(shot.frames.start + 2, shot.frames.stop), shot.frames.stop)
    luma, chroma = (series[f"composite.{name}"][inside] for name in ("luma", "chroma"))
    known = int(np.isfinite(luma).sum())
    shares = series["composite.explained"][inside]
    shares = shares[np.isfinite(shares)]
    share = round(float(np.median(shares)), 3) if len(shares) else 0.0
    return CompositeReport(_root(luma), _root(chroma), round(min(1.0, known / _SURE), 3), _METHOD, share)


def _explained(view: FrameView, carrier: Subcarrier) -> float:
    """Share of the top field's pattern that its colour explains."""
    luma = view.y[0::2].astype(np.float32) / np.float32(219)
    colours = [plane[0::2].astype(np.float32) / np.float32(224) for plane in (view.cb, view.cr)]
    return dots.explained(luma, np.stack(colours), carrier)


def _root(powers: NDArray[np.float32]) -> float:
    known = powers[np.isfinite(powers)]
    return round(float(np.sqrt(max(float(np.median(known)), 0.0))), 3) if len(known) else 0.0


def _excess(now: Codes, before: Codes, carrier: Subcarrier, *, banded: bool) -> float:
    """Mean power, per block, of what two fields have inverted, less what they share."""
    first, second = now.astype(np.float32), before.astype(np.float32)
    along = subcarrier.band(carrier.cycles) if banded else np.ones(1, np.float32)
    powers = []
    for mixed in (first - second, first + second):
        pattern = cv2.sepFilter2D(mixed / 2, -1, along, subcarrier.across(carrier.inverted))
        powers.append(
            cv2.resize(pattern * pattern, None, fx=1 / _BLOCK[0], fy=1 / _BLOCK[1], interpolation=cv2.INTER_AREA)
        )
    excess = np.sort((powers[0] - powers[1]).ravel())
    spared = int(_TRIM * len(excess))
    return float(excess[spared : len(excess) - spared].mean())
