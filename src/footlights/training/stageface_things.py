"""Round things that are no faces: lamps, drums, balls, loudspeakers, heads of microphones, wheels, ovals with spots."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from footlights.core.clip import Plane

Drawn = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Lightness `(S, S)` 0..1, and how much of each sample the thing covers."""

_COLOUR = 0.25


def draw_thing(size: int, side: float, rng: np.random.Generator) -> tuple[Plane, Plane]:
    """R'G'B' `(S, S, 3)` and cover `(S, S)` of a thing about `side` · 0.67 samples high."""
    grid = (np.arange(size) - (size - 1) / 2) / (0.335 * side)
    turn, squeeze = float(rng.uniform(0, 2 * np.pi)), float(rng.uniform(0.6, 1.0))
    cos, sin = np.cos(turn), np.sin(turn)
    x, y = np.meshgrid(grid, grid)
    across, down = (cos * x + sin * y) / squeeze, -sin * x + cos * y
    kind = _THINGS[int(rng.integers(len(_THINGS)))]
    light, cover = kind(across, down, np.hypot(across, down), rng)
    # A sample of the picture is as wide as the edge is soft.
    fade = max(1.2 / (0.335 * side), float(rng.uniform(0, 0.12)))
    alpha = np.clip(cover / fade + 0.5, 0, 1)
    shade = 1 + float(rng.normal(0, 0.4)) * x + float(rng.normal(0, 0.4)) * y
    grey = np.clip(light * np.clip(shade, 0.2, 2), 0, 1.2)
    tint = np.clip(rng.normal(1, _COLOUR, 3), 0.2, 1.6)
    return (grey[..., None] * tint).astype(np.float32), np.asarray(alpha, np.float32)


def _ball(x: NDArray[np.float64], y: NDArray[np.float64], r: NDArray[np.float64], rng: np.random.Generator) -> Drawn:
    """A shaded sphere: balls, moons, balloons, bald heads from behind."""
    dx, dy = rng.normal(0, 0.5, 2)
    depth = np.sqrt(np.clip(1 - r**2, 0, 1))
    light = np.clip(0.25 + 0.7 * (depth + dx * x + dy * y) / np.sqrt(1 + dx**2 + dy**2), 0, 1)
    return light * float(rng.uniform(0.4, 1.1)), 1 - r


def _lamp(x: NDArray[np.float64], y: NDArray[np.float64], r: NDArray[np.float64], rng: np.random.Generator) -> Drawn:
    """A bright disc in its housing, with or without a glow."""
    inner = float(rng.uniform(0.4, 0.95))
    light = np.where(r < inner, 1.0, float(rng.uniform(0, 0.4)))
    light = light - float(rng.uniform(0, 0.3)) * np.clip(r / inner, 0, 1) ** 2
    return light, 1 - r if rng.random() < 0.6 else 0.6 * np.exp(-2 * r**2) - 0.1


def _drum(x: NDArray[np.float64], y: NDArray[np.float64], r: NDArray[np.float64], rng: np.random.Generator) -> Drawn:
    """A skin in a hoop, with lugs around and perhaps a mark in the middle."""
    skin = float(rng.uniform(0.3, 1.0))
    light = np.where(r < 0.86, skin, skin * float(rng.uniform(0.1, 0.7)))
    lugs = np.cos(np.arctan2(y, x) * int(rng.integers(4, 11))) > 0.93
    light = np.where(lugs & (r > 0.8), float(rng.uniform(0.5, 1)), light)
    if rng.random() < 0.5:
        mark = np.hypot(x - rng.normal(0, 0.15), y - rng.normal(0, 0.15)) < rng.uniform(0.1, 0.4)
        light = np.where(mark, float(rng.uniform(0, 1)), light)
    return light, 1 - r


def _rings(x: NDArray[np.float64], y: NDArray[np.float64], r: NDArray[np.float64], rng: np.random.Generator) -> Drawn:
    """A loudspeaker, a reel, a life-buoy: rings around a cap, some of them cut into pieces."""
    edges = np.sort(rng.uniform(0.1, 1.0, int(rng.integers(2, 5))))
    tones = rng.uniform(0, 1, len(edges) + 1)
    ring = np.searchsorted(edges, r)
    light = tones[ring]
    if rng.random() < 0.5:
        pieces = np.cos(np.arctan2(y, x) * int(rng.integers(2, 7))) > rng.uniform(-0.3, 0.6)
        light = np.where(pieces & (ring == int(rng.integers(len(tones)))), float(rng.uniform(0, 1)), light)
    return light, 1 - r


def _mesh(x: NDArray[np.float64], y: NDArray[np.float64], r: NDArray[np.float64], rng: np.random.Generator) -> Drawn:
    """The head of a microphone: a sphere of wire, often with a stick below."""
    light, cover = _ball(x, y, r, rng)
    wires = int(rng.integers(5, 16))
    light = light * (0.75 + 0.25 * np.sign(np.sin(wires * x * 3) * np.sin(wires * y * 3)))
    stick = (np.abs(x) < 0.35) & (y > 0) & (y < 2.5)
    light = np.where((r > 1) & stick, float(rng.uniform(0, 0.5)), light)
    return light, np.maximum(cover, np.where(stick, 0.35 - np.abs(x), -1))


def _wheel(x: NDArray[np.float64], y: NDArray[np.float64], r: NDArray[np.float64], rng: np.random.Generator) -> Drawn:
    """A rim, a hub and spokes, seen through."""
    spokes = np.cos(np.arctan2(y, x) * int(rng.integers(3, 12))) > rng.uniform(0.6, 0.95)
    solid = (r > rng.uniform(0.7, 0.9)) | (r < rng.uniform(0.1, 0.3)) | spokes
    light = np.where(solid, float(rng.uniform(0.3, 1)), float(rng.uniform(0, 0.25)))
    return light, 1 - r


def _spotted(x: NDArray[np.float64], y: NDArray[np.float64], r: NDArray[np.float64], rng: np.random.Generator) -> Drawn:
    """An oval with dark and bright spots anywhere: sockets, buttons, fruit, stones."""
    light, cover = _ball(x, y, r, rng)
    for _ in range(int(rng.integers(1, 7))):
        at = rng.uniform(-0.75, 0.75, 2)
        wide, high = rng.uniform(0.08, 0.35, 2)
        spot = np.clip(1.5 - np.hypot((x - at[0]) / wide, (y - at[1]) / high), 0, 1)
        light = light + spot * float(rng.uniform(-0.6, 0.4))
    return np.clip(light, 0, 1.2), cover


_Kind = Callable[[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], np.random.Generator], Drawn]
_THINGS: tuple[_Kind, ...] = (_ball, _lamp, _drum, _rings, _mesh, _wheel, _spotted)
