"""Random draws that depend only on the seed, the step and the absolute number of the field or frame.

However the fields are visited, in whatever order or part, a step draws the same numbers for the same field.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod
from zlib import crc32

import cv2
import numpy as np

from footlights.core.clip import Plane


def generator(seed: int, step: str, number: int = 0) -> np.random.Generator:
    """The generator of one step at one field or frame; all three keys decide the stream."""
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence((seed, crc32(step.encode()), number))))


@lru_cache(maxsize=4096)
def chances(seed: int, step: str, number: int, count: int) -> tuple[float, ...]:
    """`count` uniform numbers 0..1; kept, because rare events look back over the same draws again and again."""
    return tuple(float(value) for value in generator(seed, step, number).random(count))


def normal(rng: np.random.Generator, *shape: int) -> Plane:
    """Standard normal noise by the transform of Box and Muller (1958), vectorised: a third of the ziggurat's time."""
    count = prod(shape)
    uniform = rng.random((2, 1, (count + 1) // 2), dtype=np.float32)
    radius = cv2.sqrt(cv2.log(1 - uniform[0]) * np.float32(-2))
    pair = cv2.polarToCart(radius, uniform[1] * np.float32(2 * np.pi))
    return np.concatenate(pair, axis=1, dtype=np.float32)[0, :count].reshape(shape)


def white(rng: np.random.Generator, *shape: int) -> Plane:
    """Uniform white noise of unit variance: a quarter of the cost of `normal`, for noise that a filter shapes after
    (its sums of many samples are normal)."""
    noise = rng.random(shape, dtype=np.float32)
    noise -= np.float32(0.5)
    noise *= np.float32(12**0.5)
    return noise
