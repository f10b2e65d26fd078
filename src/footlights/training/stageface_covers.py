"""How faces are cut out, lit one by one and partly hidden before they are laid on a scene."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from footlights.core.clip import Plane

_OVAL = 0.45
"""Share of faces that are cut out without hair, ears and what is beside them."""


def mask(size: int, side: float, rng: np.random.Generator, *, narrow: bool = False) -> Plane:
    """An oval around the face alone, which is all if `narrow`, or the whole head, or a soft rectangle."""
    grid = (np.arange(size) - (size - 1) / 2) / side
    kind = rng.random() * (_OVAL if narrow else 1)
    wide, high = (0.40, 0.50) if kind < _OVAL else (0.68, 0.8)
    wide, high = (axis * float(rng.uniform(0.88, 1.12)) for axis in (wide, high))
    power = 2.0 if kind < 0.8 else 6.0
    down = float(rng.normal(0, 0.03)) + (0.0 if kind < _OVAL else 0.05)
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


def shadowed(colours: Plane, side: float, rng: np.random.Generator) -> Plane:
    """A part of the face in the shadow of a head, a hat or the other side of the nose."""
    grid = (np.arange(len(colours)) - (len(colours) - 1) / 2) / side
    angle = rng.uniform(0, 2 * np.pi)
    along = np.cos(angle) * grid[None, :] + np.sin(angle) * grid[:, None]
    share = np.clip((along - rng.uniform(-0.15, 0.2)) / rng.uniform(0.02, 0.3) + 0.5, 0, 1)
    depth = float(rng.uniform(0.4, 0.9))
    return np.asarray(colours * (1 - depth * share[..., None]), np.float32)


def barred(colours: Plane, side: float, rng: np.random.Generator) -> Plane:
    """Bars, strings or a lattice before the face, covering up to a third of it."""
    grid = (np.arange(len(colours)) - (len(colours) - 1) / 2) / side
    cover = np.zeros(colours.shape[:2], np.float32)
    first = rng.uniform(0, np.pi)
    for angle in (first, first + np.pi / 2)[: int(rng.integers(1, 3))]:
        along = np.cos(angle) * grid[None, :] + np.sin(angle) * grid[:, None]
        pitch, share = rng.uniform(0.12, 0.35), rng.uniform(0.1, 0.2)
        away = np.abs((along / pitch + rng.random()) % 1 - 0.5)
        fade = max(1.2 / (side * pitch), 0.02)
        cover = np.maximum(cover, np.clip((share / 2 - away) / fade + 0.5, 0, 1))
    tone = rng.uniform(0, 0.9, 3) ** 2 if rng.random() < 0.5 else np.full(3, rng.uniform(0, 0.7))
    return np.asarray(colours + cover[..., None] * (tone - colours), np.float32)
