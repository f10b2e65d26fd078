"""Y/C delay: how far the colour of a tape lies from its luma, along the line and across the lines of a field.

Where a stretch of a line holds an edge of both, the slope of chroma is the slope of luma, moved and scaled. Every
stretch votes for all lags with a high power of its normalised correlation, so that the few stretches of one clean edge
outweigh the many where luma and chroma show different things. Shading of the scene biases single shots by up to half a
sample; the delay belongs to the deck, so the shots of a tape are to be taken together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.analysis.base import ANALYSERS, Notes, Scene, Series
from footlights.analysis.view import FrameView
from footlights.core.clip import Plane
from footlights.core.fields import cubic_weights, raise_chroma
from footlights.core.reports import ChromaDelayReport, Shot
from footlights.core.signal import ChromaSiting

Votes = NDArray[np.float32]
_EVERY = 20
_METHOD = "votes of stretches of lines and columns by the correlation of chroma slopes with luma slopes"
_ACROSS, _DOWN = 11, 4
"""Largest lag that is tried: luma samples, field lines."""
_STRETCH = (80, 24)
"""Length of a stretch, in luma samples and in field lines."""
_BLUR = (5.0, 1.0)
"""Sigma that brings luma and chroma to the bandwidth of colour under the luma of a tape (0.36 MHz) along the line, and
smooths noise across lines. Above it a tape that went through composite twice holds colour of the first pass, which luma
carried and which is not late."""
_FLAT = 7.0
"""Sigma along the line where lags across lines are sought."""
_EVERY_LINE, _EVERY_COLUMN = 8, 24
_POWER = 8
_SLOPE = 0.27
"""Codes a sample, root mean square over a stretch, that luma and chroma must change by."""
_STRONG = 3.0
"""Slope from which a stretch weighs no more."""
_LEAST_VOTES = 40


@ANALYSERS.add("alignment")
class AlignmentAnalyser:
    """Notes the votes of every twentieth frame, and what they could have been at most."""

    name: ClassVar[str] = "alignment"
    version: ClassVar[int] = 3
    before: ClassVar[int] = 0
    after: ClassVar[int] = 0
    columns: ClassVar[dict[str, int]] = {
        "alignment.across": 2 * _ACROSS + 1,
        "alignment.down": 2 * _DOWN + 1,
        "alignment.most": 4,
    }

    def __init__(self, scene: Scene) -> None:
        self._siting = scene.signal.chroma_siting

    def look(self, views: Sequence[FrameView], notes: Notes) -> None:
        view = views[-1]
        if view.number % _EVERY != 3 or view.cb.shape[1] < 4 * _STRETCH[0] // 2 or view.y.shape[0] < 4 * _STRETCH[1]:
            return
        across, down = np.zeros(2 * _ACROSS + 1), np.zeros(2 * _DOWN + 1)
        most = np.zeros(4)
        chroma = _raised(view, self._siting)
        for parity, luma in enumerate(view.fields):
            given, count, best = _across(luma, chroma[:, parity::2], self._siting)
            across, most = across + given, most + np.array([best, count, 0, 0])
            given, count, best = _down(luma, chroma[:, parity::2])
            down, most = down + given, most + np.array([0, 0, best, count])
        values = {"alignment.across": across, "alignment.down": down, "alignment.most": most}
        notes.set(view.number, **values)


def report(series: Series, shot: Shot) -> ChromaDelayReport:
    """Conclude for one shot."""
    inside = slice(shot.frames.start, shot.frames.stop)
    across, down, most = (np.nansum(series[f"alignment.{name}"][inside], axis=0) for name in ("across", "down", "most"))
    horizontal, sure = _peak(across, float(most[0]), float(most[1]))
    vertical, sure_down = _peak(down, float(most[2]), float(most[3]))
    return ChromaDelayReport(horizontal, vertical, sure, sure_down, _METHOD)


def _peak(votes: Votes, most: float, count: float) -> tuple[float, float]:
    """The lag with most votes, to a fraction, and the share of what all votes together could give."""
    if count < _LEAST_VOTES:
        return 0.0, 0.0
    at = int(np.argmax(votes))
    if at in (0, len(votes) - 1):
        return 0.0, 0.0
    before, here, after = votes[at - 1 : at + 2]
    lag = at - len(votes) // 2 + 0.5 * float(before - after) / float(before - 2 * here + after)
    return round(lag, 3), round(float(here) / most, 3)


def _raised(view: FrameView, siting: ChromaSiting) -> Plane:
    """Chroma `(2, H, w)` with a line for every line of luma, at its own width."""
    chroma = np.stack([view.cb, view.cr]).astype(np.float32)
    if chroma.shape[1] == view.y.shape[0]:
        return chroma
    return raise_chroma(chroma, chroma.shape[2], view.y.shape[0], siting, interlaced=True)


def _across(luma: NDArray[np.uint8], chroma: Plane, siting: ChromaSiting) -> tuple[Votes, int, float]:
    """Votes of some lines of a field, its luma `(h, W)`, its chroma `(2, h, w)`."""
    rows = slice(_EVERY_LINE // 2, None, _EVERY_LINE)
    ratio = luma.shape[1] // chroma.shape[2]
    offset = -0.25 if siting is ChromaSiting.CENTRE and ratio == 2 else 0.0
    smooth = np.stack([cv2.GaussianBlur(plane, (0, 0), sigmaX=1e-3, sigmaY=_BLUR[1])[rows] for plane in chroma])
    wide = _widened(smooth, offset + np.arange(luma.shape[1]) / ratio)
    wide = np.stack([cv2.GaussianBlur(plane, (0, 0), sigmaX=_BLUR[0], sigmaY=1e-3) for plane in wide])
    bright = cv2.GaussianBlur(luma.astype(np.float32), (0, 0), sigmaX=_BLUR[0], sigmaY=_BLUR[1])[rows]
    return _votes(_slope(bright), [_slope(plane) for plane in wide], _STRETCH[0], _ACROSS)


def _widened(lines: Plane, places: NDArray[np.float64]) -> Plane:
    """Lines `(…, w)` at these places, as `fields.interpolate_columns` reads them: for a few lines four taps cost less
    than the product with a matrix."""
    first, last = np.floor(places).astype(np.intp), lines.shape[-1] - 1
    taps = [(np.clip(first + tap, 0, last), cubic_weights(places - first - tap)) for tap in range(-1, 3)]
    return np.asarray(sum(lines[..., at] * weight.astype(np.float32) for at, weight in taps), np.float32)


def _down(luma: NDArray[np.uint8], chroma: Plane) -> tuple[Votes, int, float]:
    """The same of some columns; chroma that is late along the line is low-passed like luma, so both are blurred."""
    ratio = luma.shape[1] // chroma.shape[2]
    columns = slice(_EVERY_COLUMN // ratio // 2, None, max(_EVERY_COLUMN // ratio, 1))
    bright = cv2.GaussianBlur(luma.astype(np.float32), (0, 0), sigmaX=_FLAT, sigmaY=_BLUR[1])
    bright = bright[:, ::ratio][:, columns]
    colour = [cv2.GaussianBlur(plane, (0, 0), sigmaX=_FLAT / ratio, sigmaY=_BLUR[1])[:, columns] for plane in chroma]
    return _votes(_slope(bright.T), [_slope(plane.T) for plane in colour], _STRETCH[1], _DOWN)


def _slope(lines: Plane) -> Plane:
    return np.asarray(np.ascontiguousarray(lines[:, 2:] - lines[:, :-2]) / 2, np.float32)


def _votes(luma: Plane, chroma: Sequence[Plane], length: int, reach: int) -> tuple[Votes, int, float]:
    """Votes per lag, how many stretches voted, and the sum of the greatest vote of each."""
    starts = np.arange(reach + 8, luma.shape[1] - length - reach - 8, length // 2)
    if not len(starts):
        return np.zeros(2 * reach + 1, np.float32), 0, 0.0
    window = np.hanning(length + 2)[1:-1].astype(np.float32)
    lags = np.arange(-reach, reach + 1)
    own = _stretches(luma, starts, length) * window
    power = np.einsum("lsx,lsx->ls", own, own / window)
    given, count, most = np.zeros(2 * reach + 1, np.float32), 0, 0.0
    for plane in chroma:
        alike = np.empty((len(lags), *power.shape), np.float32)
        for index, lag in enumerate(lags):
            np.einsum("lsx,lsx->ls", own, _stretches(plane, starts + lag, length), out=alike[index])
        places = starts + lags[:, None]
        strength = np.moveaxis(_energy(plane, window)[:, places], 0, 1)
        slope = np.sqrt(strength.max(axis=0) / length)
        clear = (np.sqrt(power / length) > _SLOPE) & (slope > _SLOPE)
        alike = np.abs(alike[:, clear]) / np.sqrt(strength[:, clear] * power[clear] + 1e-6)
        votes = alike**_POWER * np.minimum(slope[clear], _STRONG)
        given += votes.sum(axis=1)
        count += int(clear.sum())
        most += float(votes.max(axis=0).sum()) if votes.size else 0.0
    return given, count, most


def _energy(lines: Plane, window: Plane) -> Plane:
    """Squares under the window that begins at each sample `(lines, W)`; meaningless where it would reach beyond."""
    return np.asarray(cv2.filter2D(lines * lines, -1, window[None], anchor=(0, 0)), np.float32)


def _stretches(lines: Plane, starts: NDArray[np.intp], length: int) -> Plane:
    """`(lines, stretches, length)`."""
    return np.asarray(np.lib.stride_tricks.sliding_window_view(lines, length, axis=1)[:, starts], np.float32)
