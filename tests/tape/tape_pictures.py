"""Pictures and small measurements shared by the tape tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from footlights.core.clip import Plane
from footlights.tape.presets import NEUTRAL, Preset
from footlights.tape.raster import NTSC, Component, Raster

SMALL = Raster(width=128, height=96, active_width=128)
"""A crop without blanking: what training uses, and quick."""


def preset(**groups: Any) -> Preset:
    """The neutral tape with some groups of parameters exchanged."""
    return replace(NEUTRAL, name="test", **groups)


def flat(level: float | tuple[float, float, float], raster: Raster = NTSC) -> Plane:
    return np.broadcast_to(np.float32(level), (raster.height, raster.active_width, 3)).astype(np.float32)


def grey(raster: Raster = NTSC, level: float = 0.5) -> Component:
    """A flat grey field."""
    return Component(
        np.full((raster.lines, raster.width), level, dtype=np.float32),
        np.zeros((2, raster.lines, raster.width // 2), dtype=np.float32),
    )


def moving_bar(count: int, raster: Raster = SMALL, step: int = 8) -> Iterator[Plane]:
    """A white bar four samples wide, `step` samples further right in every picture."""
    for index in range(count):
        picture = np.zeros((raster.height, raster.active_width, 3), dtype=np.float32)
        picture[:, step * index + 4 : step * index + 8] = 1
        yield picture


def textured(count: int, raster: Raster = SMALL, seed: int = 3) -> list[Plane]:
    """Different smooth pictures, one after the other."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0 : raster.height, 0 : raster.active_width] / raster.height
    pictures = []
    for _ in range(count):
        fx, fy, phase = rng.uniform(1, 5, 3), rng.uniform(1, 5, 3), rng.uniform(0, 6, 3)
        waves = np.sin(2 * np.pi * (x[..., None] * fx + y[..., None] * fy) + phase)
        pictures.append((0.5 + 0.35 * waves).astype(np.float32))
    return pictures


def amplitude(samples: NDArray[Any], cycles: float) -> complex:
    """Complex amplitude of `cycles` per sample along the last axis of `samples`, after removing the mean."""
    n = np.arange(samples.shape[-1])
    window = np.hanning(len(n))
    centred = samples - samples.mean(axis=-1, keepdims=True)
    return complex(np.mean((centred * window) @ np.exp(-2j * np.pi * cycles * n)) * 2 / window.sum())
