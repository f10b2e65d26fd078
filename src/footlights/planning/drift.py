"""What all shots of a tape share of a fault: constant, drifting along the tape, or a camera's own. Pure.

Each shot gives a sight of the fault. A fault is believed only where nine tenths of the sights lie on one line over time
(with a step for each camera that shows one), and where the light cannot be what they have in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

LEAST = 3
"""Shots that must agree."""
_LEAST_DRIFT = 6
"""Shots from which a drift or a camera's own fault is looked for."""
_SHARE = 0.9
_BETTER = 0.6
"""Of the constant's median distance that a drift must leave at most, to be believed."""
_LIGHTS_APART = 12.0
"""Chroma codes by which two lights are of another colour."""
_WHITE = 8.0
"""Chroma codes that a light may lean and still be white."""
_ALONG, _FAINT, _MOST = 0.7, 3.0, 0.6
"""Cosine from which a fault leans as the light does, codes of light that count, and the share of shots where it may."""
_APART = 0.1
"""Share of the tape's length between two shots whose difference tells of a drift."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sight:
    """What one shot shows of a fault."""

    time: float
    """Middle of the shot, 0 at the tape's beginning and 1 at its end."""
    camera: int
    value: tuple[float, float]
    """In codes."""
    light: tuple[float, float]
    """Mean chroma of what is lit, in codes around 0."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that sights agree on."""

    level: tuple[float, float]
    slope: tuple[float, float] = (0.0, 0.0)
    """Change from the tape's beginning to its end."""
    cameras: dict[int, tuple[float, float]] = field(default_factory=dict)
    """Level of cameras that have one of their own."""
    agreeing: int = 0
    of: int = 0

    def at(self, time: float, camera: int) -> tuple[float, float]:
        """The fault in a shot."""
        level = self.cameras.get(camera, self.level)
        return level[0] + self.slope[0] * time, level[1] + self.slope[1] * time

    @property
    def words(self) -> str:
        """How it was found."""
        drift = f", drifting by {self.slope[0]:+.1f}/{self.slope[1]:+.1f} along the tape" if any(self.slope) else ""
        cameras = f", cameras {', '.join(map(str, sorted(self.cameras)))} on their own" if self.cameras else ""
        return f"{self.agreeing} of {self.of} shots agree{drift}{cameras}"


def fault(sights: Sequence[Sight], agree: float) -> Fault | None:
    """The fault on which sights agree within `agree` codes; None where they do not."""
    if len(sights) < LEAST:
        return None
    values = np.array([one.value for one in sights])
    level = np.median(values, axis=0)
    constant = _judged(Fault(_pair(level)), sights, agree)
    if len(sights) < _LEAST_DRIFT:
        return constant
    moving = _judged(_moving(sights, values), sights, agree)
    if constant is None or moving is None:
        return constant or moving
    return moving if _distance(moving, sights) < _BETTER * _distance(constant, sights) else constant


def light_apart(sights: Sequence[Sight]) -> bool:
    """Whether the light cannot be what the sights have in common: it changes while they do not, or it is white.

    That it would be white with the fault taken out proves nothing: amber haze leans as the amber light does.
    """
    lights, values = np.array([one.light for one in sights]), np.array([one.value for one in sights])
    lengths = np.hypot(*lights.T) * np.hypot(*values.T) + 1e-6
    along = ((lights * values).sum(axis=1) / lengths > _ALONG) & (np.hypot(*lights.T) > _FAINT)
    if along.mean() >= _MOST:
        return False
    if any(np.hypot(*(a - b)) >= _LIGHTS_APART for a, b in combinations(lights[:60], 2)):
        return True
    return bool((np.hypot(lights[:, 0], lights[:, 1]) < _WHITE).mean() >= _SHARE)


def _moving(sights: Sequence[Sight], values: Floats) -> Fault:
    """Slope over time and levels of cameras, each from the other in turn."""
    times = np.array([one.time for one in sights])
    cameras = np.array([one.camera for one in sights])
    own = [
        camera
        for camera in np.unique(cameras).tolist()
        if (cameras == camera).sum() >= LEAST and light_apart([one for one in sights if one.camera == camera])
    ]
    slope, level = np.zeros(2), np.median(values, axis=0)
    levels: dict[int, Floats] = {}
    for _ in range(6):
        still = values - slope * times[:, None]
        level = np.median(still, axis=0)
        levels = {camera: np.median(still[cameras == camera], axis=0) for camera in own} if len(own) > 1 else {}
        known = np.array([levels.get(camera, level) for camera in cameras.tolist()])
        slope = _theil_sen(times, values - known)
    return Fault(_pair(level), _pair(slope), {camera: _pair(value) for camera, value in levels.items()})


def _theil_sen(times: Floats, values: Floats) -> Floats:
    """Median of the slopes between pairs that lie apart (Sen 1968); none where no pair does."""
    step = max(1, len(times) // 150)
    chosen = range(0, len(times), step)
    slopes = [
        (values[b] - values[a]) / (times[b] - times[a])
        for a, b in combinations(chosen, 2)
        if abs(times[b] - times[a]) >= _APART
    ]
    return np.median(np.array(slopes), axis=0) if slopes else np.zeros(2)


def _judged(found: Fault, sights: Sequence[Sight], agree: float) -> Fault | None:
    near = sum(
        max(abs(a - b) for a, b in zip(found.at(s.time, s.camera), s.value, strict=True)) <= agree for s in sights
    )
    if near < _SHARE * len(sights):
        return None
    return Fault(found.level, found.slope, found.cameras, near, len(sights))


def _distance(found: Fault, sights: Sequence[Sight]) -> float:
    apart = [np.hypot(*(np.array(found.at(one.time, one.camera)) - np.array(one.value))) for one in sights]
    return float(np.median(apart)) + 0.1


def _pair(values: Floats) -> tuple[float, float]:
    return round(float(values[0]), 3), round(float(values[1]), 3)
