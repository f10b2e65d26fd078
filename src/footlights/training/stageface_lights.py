"""Light that falls on drawn scenes: white or coloured, pools and haze, and diodes that leave channels empty."""

from __future__ import annotations

import cv2
import numpy as np

from footlights.core.clip import Plane
from footlights.core.colour import DISPLAY_GAMMA

_DIODES = ((1, 0, 0), (1, 0, 0), (0, 1, 0), (0, 1, 0), (0, 0, 1), (0, 1, 1), (1, 0, 1), (1, 0.5, 0))
"""Red and green come twice: faces are missed most under these."""
_EMPTY = 0.3
"""Share of the other channels that get nothing at all."""
_LEAK = (0.004, 0.15)
"""What the others get, as a share of linear light."""
_OPENED = (0.9, 2.8)
"""Gain of a camera that is opened until the light's own channel clips."""
_MIXED = 0.25


def light(picture: Plane, rng: np.random.Generator) -> Plane:
    """A picture under stage light, clipped as a camera clips; sometimes two lights, pools of it, haze, darkness."""
    high, wide = picture.shape[:2]
    linear = np.power(np.clip(picture, 0, 1.2), DISPLAY_GAMMA, dtype=np.float32)
    colour = _colour(rng)
    shade = np.ones((1, 1, 3), np.float32) * colour
    if rng.random() < 0.3:
        edge = np.clip((np.linspace(-1, 1, wide) - rng.uniform(-0.8, 0.8)) / rng.uniform(0.1, 1.2) + 0.5, 0, 1)
        shade = shade + edge[None, :, None].astype(np.float32) * (_colour(rng) - colour)
    if rng.random() < 0.4:
        pools = cv2.resize(rng.uniform(0, 1, (3, 4)).astype(np.float32), (wide, high), interpolation=cv2.INTER_CUBIC)
        shade = shade * np.clip(0.15 + 1.3 * pools, 0.05, 1.6)[..., None]
    linear = linear * shade
    if rng.random() < 0.25:
        share = float(rng.uniform(0.02, 0.35))
        linear = linear * (1 - share) + share * float(rng.uniform(0.05, 0.5)) * colour
    return np.asarray(np.minimum(linear, 1) ** np.float32(1 / DISPLAY_GAMMA), np.float32)


def diode_light(picture: Plane, rng: np.random.Generator) -> Plane:
    """A picture under saturated light with nearly or wholly empty channels; sometimes another colour from one side."""
    linear = np.power(np.clip(picture, 0, 1.2), DISPLAY_GAMMA, dtype=np.float32)
    shade = np.ones((1, 1, 3), np.float32) * _diode(rng)
    if rng.random() < _MIXED:
        wide = picture.shape[1]
        edge = np.clip((np.linspace(-1, 1, wide) - rng.uniform(-0.8, 0.8)) / rng.uniform(0.1, 1.2) + 0.5, 0, 1)
        shade = shade + edge[None, :, None].astype(np.float32) * (_diode(rng) - shade)
    return np.asarray(np.minimum(linear * shade, 1) ** np.float32(1 / DISPLAY_GAMMA), np.float32)


def _colour(rng: np.random.Generator) -> Plane:
    """White or coloured light; under coloured light cameras are opened until its own channel clips."""
    if rng.random() < 0.33:
        tint = 1 + rng.normal(0, 0.12, 3)
        return np.asarray(np.clip(tint, 0.4, 1.6) * np.exp(rng.uniform(-2.0, 0.4)), np.float32)
    hue = rng.uniform(0, 6)
    strength = np.clip(np.abs((hue - np.array([0, 2, 4]) + 3) % 6 - 3), 0, 2)
    floor = np.exp(rng.uniform(np.log(0.02), np.log(0.35), 3))
    tint = np.maximum(np.clip(2 - strength, 0, 1), floor)
    return np.asarray(tint * np.exp(rng.uniform(-0.7, 0.9)), np.float32)


def _diode(rng: np.random.Generator) -> Plane:
    """One colour of diodes, as shares of linear light after the camera's gain."""
    leak = np.exp(rng.uniform(np.log(_LEAK[0]), np.log(_LEAK[1]), 3)) * (rng.random(3) >= _EMPTY)
    tint = np.maximum(_DIODES[int(rng.integers(len(_DIODES)))], leak)
    return np.asarray(tint * np.exp(rng.uniform(*np.log(_OPENED))), np.float32)
