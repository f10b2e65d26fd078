"""Field order and cadence per shot, measured, whatever the tags say.

References: field distances as in `metrics.interlace`; 3:2 pulldown as in SMPTE ST 12 / ITU-R BT.1700 practice: of five
frames one repeats its top field and another, two frames later, its bottom field.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from footlights.analysis.base import ANALYSERS, Notes, Scene, Series
from footlights.analysis.view import FrameView
from footlights.core.reports import CadenceKind, CadenceReport, Shot
from footlights.core.signal import FieldOrder
from footlights.metrics.interlace import field_distances, repeat_level

_METHOD = "mean absolute distances between neighbouring fields, voted over the shot"
_MIN_MOTION = 0.35
"""Codes of mean change per frame below which a picture tells nothing about time."""
_TELECINE_RATIO = 0.45
"""Repeated fields must differ this much less than the others."""
_LEAST_FRAMES = 15


@ANALYSERS.add("cadence")
class CadenceAnalyser:
    """Notes distances between the fields of neighbouring frames."""

    name: ClassVar[str] = "cadence"
    version: ClassVar[int] = 1
    before: ClassVar[int] = 1
    after: ClassVar[int] = 0
    columns: ClassVar[dict[str, int]] = {"cadence.distance": 5, "cadence.repeat": 2}

    def __init__(self, scene: Scene) -> None:
        del scene

    def look(self, views: Sequence[FrameView], notes: Notes) -> None:
        if len(views) < 2:
            return
        now, before = views[-1], views[-2]
        repeats = [repeat_level(new, old) for new, old in zip(now.fields, before.fields, strict=True)]
        notes.set(
            now.number,
            **{"cadence.distance": np.array(field_distances(now.y, before.y)), "cadence.repeat": np.array(repeats)},
        )


def report(series: Series, shot: Shot, tagged: FieldOrder) -> CadenceReport:
    """Conclude for one shot; the first frame is left out, it is compared with another shot."""
    inside = slice(shot.frames.start + 1, shot.frames.stop)
    distance = series["cadence.distance"][inside].astype(np.float64)
    distance = distance[np.isfinite(distance).all(axis=1)]
    motion = distance[:, 3:5].mean(axis=1) if len(distance) else np.zeros(0)
    moving = distance[motion > _MIN_MOTION]
    fallback = tagged if tagged.interlaced else FieldOrder.PROGRESSIVE
    if not len(moving):
        kind = CadenceKind.INTERLACED if tagged.interlaced else CadenceKind.PROGRESSIVE
        return CadenceReport(kind, fallback, tagged, True, 0, 0.0, _METHOD)
    phase = _telecine_phase(distance)
    order, order_share = _order(moving)
    if phase is not None:
        return CadenceReport(
            CadenceKind.TELECINE, order, tagged, order is tagged or not tagged.interlaced, phase, 1.0, _METHOD
        )
    progressive, share = _progressive(moving)
    if progressive:
        agrees = tagged in (FieldOrder.PROGRESSIVE, FieldOrder.UNKNOWN) or tagged.interlaced
        return CadenceReport(CadenceKind.PROGRESSIVE, fallback, tagged, agrees, 0, share, _METHOD)
    return CadenceReport(CadenceKind.INTERLACED, order, tagged, order is tagged, 0, order_share, _METHOD)


def _order(moving: NDArray[np.float64]) -> tuple[FieldOrder, float]:
    """Which field is first, and the share of the motion that says so."""
    votes = moving[:, 2] - moving[:, 1]
    share = float(np.abs(votes.sum()) / max(np.abs(votes).sum(), 1e-9))
    return (FieldOrder.TOP_FIRST if votes.sum() >= 0 else FieldOrder.BOTTOM_FIRST), 0.5 + share / 2


def _progressive(moving: NDArray[np.float64]) -> tuple[bool, float]:
    """Both fields of a frame nearer to each other than to any other field?"""
    within, across = moving[:, 0].sum(), np.minimum(moving[:, 1].sum(), moving[:, 2].sum())
    apart = np.abs(moving[:, 1].sum() - moving[:, 2].sum())
    closer = across - within
    share = float(max(closer, apart) / max(abs(closer) + apart, 1e-9))
    return bool(closer > apart), share


def _telecine_phase(distance: NDArray[np.float64]) -> int | None:
    """Frame number modulo 5 at which the top field repeats, or None. Counted from the second frame of the shot."""
    if len(distance) < _LEAST_FRAMES:
        return None
    top, bottom = distance[:, 3], distance[:, 4]
    best, found = _TELECINE_RATIO, None
    for phase in range(5):
        for lag in (2, 3):
            at_top = np.arange(len(top)) % 5 == phase
            at_bottom = np.arange(len(top)) % 5 == (phase + lag) % 5
            ratio = max(
                np.median(top[at_top]) / max(np.median(top[~at_top]), 1e-6),
                np.median(bottom[at_bottom]) / max(np.median(bottom[~at_bottom]), 1e-6),
            )
            if ratio < best and np.median(top[~at_top]) > _MIN_MOTION:
                best, found = float(ratio), phase
    return found
