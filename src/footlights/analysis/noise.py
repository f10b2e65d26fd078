"""Noise: sigma of luma and chroma, how it depends on brightness, how fine its grain is, what of it is the tape's."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from footlights.analysis.base import ANALYSERS, Notes, Scene, Series
from footlights.analysis.floor import UNTOLD, Floor, keeps_noise
from footlights.analysis.view import FrameView
from footlights.core.reports import NoiseReport, Shot, Untold
from footlights.metrics.margins import NUMBERS, margins
from footlights.metrics.noise import ACROSS, BANDS, DOWN, calm_of, correlation_in_time, measure, steps_in_time

_EVERY = 5
_METHOD = "difference of same-parity fields on flat blocks, plane removed, median"
_REPEAT = 0.25
"""A sample this much below the shot's median comes from a repeated field and is no noise."""

_PLENTY = 1000
"""Frames of a tape from which the black beside the picture is looked at more seldom: 200 places and more tell one
noise of a tape well enough, and the rest would only cost time."""
_ENOUGH = 3
"""Places of a shot that must tell how long noise lasts."""
_PICTURE = 0.5
"""Correlation with the next line above which what changes may be fine texture that moves, where nothing is flat: that
lasts as well."""
_LASTS = (0.08, 0.16)
"""Correlation in time from which it counts, and from which in full: below, chance and codecs make as much."""

_LONGEST = 0.75
"""Correlation in time up to which it is believed."""
_MORE = 1.25
"""Times a shot's sigma that the noise beside the picture may be."""
_DOTS = 0.75
"""Of what changes from frame to frame, so much must change from one to the next but one: the rest is a subcarrier's,
whose spectrum is neither the camera's nor the tape's."""
_LIVELY = 1.35
"""Times the sigma of the calmest flat blocks that the lively ones' may be: 1.1 to 1.3 was seen where pictures rest, 1.4
to 2.2 where a face moves before the camera and is read as noise."""
_LEAST = 0.6
"""Times the tape's sigma that the camera's must be. On tapes without any camera noise up to 0.43 was read, where lines
that jitter look as noise at every edge."""


@ANALYSERS.add("noise")
class NoiseAnalyser:
    """Notes the noise between this frame and the last, for every fifth frame."""

    name: ClassVar[str] = "noise"
    version: ClassVar[int] = 8
    before: ClassVar[int] = 3
    after: ClassVar[int] = 0
    columns: ClassVar[dict[str, int]] = {
        "noise.luma": 1,
        "noise.cb": 1,
        "noise.cr": 1,
        "noise.bands": BANDS,
        "noise.grain": 2,
        "noise.down": DOWN,
        "noise.across": ACROSS,
        "noise.steps": 10,
        "noise.margins": 2 * NUMBERS,
    }

    def __init__(self, scene: Scene) -> None:
        source = scene.ingest.source
        self._beside = _EVERY * max(scene.ingest.frames // _PLENTY, 1) if keeps_noise(source.codec) else 0

    def look(self, views: Sequence[FrameView], notes: Notes) -> None:
        if len(views) < 2 or views[-1].number % _EVERY != 1:
            return
        now, before = views[-1], views[-2]
        samples = [measure(new, old) for new, old in zip(now.fields, before.fields, strict=True)]
        found = [sample for sample in samples if sample is not None]
        if not found:
            return
        if len(views) > 3:
            notes.set(now.number, **{"noise.steps": steps_in_time([view.y[0::2] for view in views[-4:]])})
            if self._beside and views[-1].number % self._beside == 1:
                beside = np.mean([margins([view.y[parity::2] for view in views[-3:]]) for parity in (0, 1)], axis=0)
                notes.set(now.number, **{"noise.margins": beside.reshape(-1)})
        notes.set(
            now.number,
            **{
                "noise.luma": float(np.mean([sample.sigma for sample in found])),
                "noise.cb": _chroma(now.cb, before.cb),
                "noise.cr": _chroma(now.cr, before.cr),
                "noise.bands": _mean([sample.bands for sample in found]),
                "noise.grain": np.mean([[sample.horizontal, sample.vertical] for sample in found], axis=0),
                "noise.down": _mean([sample.down for sample in found]),
                "noise.across": _mean([sample.across for sample in found]),
            },
        )


def report(series: Series, shot: Shot, floor: Floor = UNTOLD) -> NoiseReport:
    """Conclude for one shot; samples across its first cut are left out. `floor` is the tape's own noise.

    What lasts from field to field has no part in their differences: sigma is what those show over √(1 - rho).
    """
    inside = slice(shot.frames.start + 1, shot.frames.stop)
    luma = series["noise.luma"][inside]
    usable = np.isfinite(luma)
    if usable.any():
        usable &= luma >= _REPEAT * np.median(luma[usable])
    count = int(usable.sum())
    if not count:
        return NoiseReport(0.0, 0.0, 0.0, (), (), 0.0, 0.0, 0.0, f"{_METHOD}: the shot is too short")
    bands = _mean(list(series["noise.bands"][inside][usable]))
    known = np.isfinite(bands)
    levels = (np.arange(BANDS) + 0.5) * (256 / BANDS)
    grain = np.median(series["noise.grain"][inside][usable], axis=0)
    down = _shape(series["noise.down"][inside][usable])
    steps = series["noise.steps"][shot.frames.start + 3 : shot.frames.stop]
    lasting = _lasting(steps, down)
    shown = _shown(lasting)
    sigma = _round(np.median(luma[usable]) / shown)
    tape, untold = _tape(floor, sigma, steps)
    return NoiseReport(
        luma_sigma=sigma,
        cb_sigma=_typical(series["noise.cb"][inside][usable]),
        cr_sigma=_typical(series["noise.cr"][inside][usable]),
        luma_levels=tuple(float(level) for level in levels[known]),
        luma_sigmas=tuple(_round(value / shown) for value in bands[known]),
        vertical_correlation=_round(grain[1]),
        horizontal_correlation=_round(grain[0]),
        confidence=round(min(1.0, count / 10), 2),
        measured_by=_METHOD,
        down=down,
        across=_shape(series["noise.across"][inside][usable]),
        in_time=_round(lasting),
        tape_sigma=tape,
        tape_across=floor.across if tape else (),
        untold=untold,
    )


def _shown(lasting: float) -> float:
    """Share of sigma that differences from field to field show of noise that lasts."""
    counts = np.clip((lasting - _LASTS[0]) / (_LASTS[1] - _LASTS[0]), 0, 1)
    return float(np.sqrt(1 - min(lasting, _LONGEST) * counts))


def _tape(floor: Floor, sigma: float, steps: NDArray[np.float32]) -> tuple[float, Untold | None]:
    """What of a shot's sigma is not the camera's: the tape's, and what else sigma holds that is neither."""
    if floor.untold:
        return 0.0, floor.untold
    calm, tape = calm_of(steps), floor.step / _shown(floor.lasts)
    if tape > _MORE * sigma:
        return 0.0, Untold.LOUD
    if calm is None or calm.spread > _LIVELY:
        return 0.0, Untold.MOVES
    if calm.turns < _DOTS:
        return 0.0, Untold.DOTS
    camera = (sigma * calm.share) ** 2 - tape**2
    if camera < (_LEAST * tape) ** 2:
        return 0.0, Untold.WEAK
    return _round(np.sqrt(sigma**2 - camera)), None


def _typical(values: NDArray[np.float32]) -> float:
    """Median of what is known; 0 where nothing is, as of colour planes too small to tell."""
    known = values[np.isfinite(values)]
    return _round(np.median(known)) if len(known) else 0.0


def _lasting(steps: NDArray[np.float32], down: tuple[float, ...]) -> float:
    known = int(np.isfinite(steps).all(axis=1).sum())
    return correlation_in_time(steps) if known >= _ENOUGH and max(down[:1], default=0.0) <= _PICTURE else 0.0


def _shape(rows: NDArray[np.float32]) -> tuple[float, ...]:
    """Median of each correlation over the samples that show it; empty where none does."""
    known = rows[np.isfinite(rows).all(axis=1)]
    return tuple(_round(value) for value in np.median(known, axis=0)) if len(known) else ()


def _chroma(now: NDArray[np.uint8], before: NDArray[np.uint8]) -> float:
    found = [measure(now[field::2], before[field::2], shape=False) for field in (0, 1)]
    values = [sample.sigma for sample in found if sample is not None]
    return float(np.mean(values)) if values else float("nan")


def _mean(rows: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Mean over rows, NaN where every row is NaN."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.asarray(np.nanmean(np.stack(rows), axis=0), np.float32)


def _round(value: float | np.floating[Any]) -> float:
    return round(float(value), 3)
