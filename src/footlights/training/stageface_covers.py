"""How faces are cut out, lit one by one and partly hidden before they are laid on a scene."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from footlights.core.clip import Plane


def mask(size: int, side: float, rng: np.random.Generator) -> Plane:
    """An oval around the face alone, or the whole head, or a soft rectangle."""
    grid = (np.arange(size) - (size - 1) / 2) / side
    kind = rng.random()
    wide, high = (0.40, 0.50) if kind < 0.45 else (0.68, 0.8)
    wide, high = (axis * float(rng.uniform(0.88, 1.12)) for axis in (wide, high))
    power = 2.0 if kind < 0.8 else 6.0
    down = float(rng.normal(0, 0.03)) + (0.0 if kind < 0.45 else 0.05)
    radius = (np.abs(grid[None, :] / wide) ** power + np.abs((grid[:, None] - down) / high) ** power) ** (1 / power)
    return np.asarray(np.clip((1 - radius) / float(rng.uniform(0.04, 0.25)), 0, 1), np.float32)


def varied(colours: Plane, rng: np.random.Generator) -> Plane:
    """Another exposure, contrast and fall of light."""
    grid = np.linspace(-0.5, 0.5, len(colours), dtype=np.float32)
    slope = 1 + float(rng.normal(0, 0.6)) * grid[None, :] + float(rng.normal(0, 0.4)) * grid[:, None]
    gain = float(np.exp(rng.normal(0, 0.35)))
    power = float(np.exp(rng.normal(0, 0.2)))
    varied = np.power(np.maximum(colours, 0), power) * gain * np.clip(slope, 0.15, 2.5)[..., None]
    return np.asarray(np.clip(varied, 0, 1.2), np.float32)


def hidden(colours: Plane, side: float, patch_of: Callable[[int], Plane], rng: np.random.Generator) -> Plane:
    """Sometimes a microphone, dark glasses, hair, or what `patch_of` a side gives before a part of the face."""
    size = len(colours)
    grid = (np.arange(size) - (size - 1) / 2) / side
    x, y = np.meshgrid(grid, grid)
    kind = rng.random()
    if kind < 0.14:
        at_x, at_y, lean = rng.normal(0.05, 0.08), rng.uniform(0.2, 0.34), rng.normal(0, 0.6)
        head = np.hypot(x - at_x, y - at_y) < rng.uniform(0.05, 0.09)
        stick = (np.abs((x - at_x) - lean * (y - at_y)) < 0.035) & (y > at_y)
        cover, tone = head | stick, float(rng.uniform(0, 0.5))
    elif kind < 0.19:
        eye = 0.17
        cover = (np.abs(y + 0.08) < 0.07) & (np.abs(np.abs(x) - eye) < 0.13)
        tone = float(rng.uniform(0, 0.2))
    elif kind < 0.36:
        angle, away = rng.uniform(0, 2 * np.pi), rng.uniform(-0.02, 0.3)
        cover = np.cos(angle) * x + np.sin(angle) * y > away
        cover &= np.abs(-np.sin(angle) * x + np.cos(angle) * y) < rng.uniform(0.08, 0.5)
        patch = patch_of(size)
        soft = cv2.GaussianBlur(cover.astype(np.float32), (0, 0), max(0.01 * side, 0.3))[..., None]
        return np.asarray(colours + soft * (patch - colours), np.float32)
    else:
        return colours
    soft = cv2.GaussianBlur(cover.astype(np.float32), (0, 0), max(0.01 * side, 0.3))[..., None]
    return np.asarray(colours + soft * (tone - colours), np.float32)
