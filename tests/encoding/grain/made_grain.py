"""Small pictures with grain of known strength and shape."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint16]


def scene(frames: int, *, height: int = 128, width: int = 192, moving: bool = True) -> list[tuple[Codes, ...]]:
    """A sloping ground in grey, a textured square that moves, colour that changes slowly; 10 bits, 4:2:0."""
    ground = np.tile(np.linspace(240, 760, width, dtype=np.float32), (height, 1))
    rng = np.random.default_rng(3)
    patch = 500 + 180 * cv2.GaussianBlur(rng.standard_normal((40, 40)).astype(np.float32), (0, 0), 1.2)
    pictures = []
    for frame in range(frames):
        luma = ground.copy()
        left = 20 + 2 * frame * moving
        luma[16:56, left : left + 40] = patch
        colour = [np.full((height // 2, width // 2), value, np.uint16) for value in (500, 540)]
        pictures.append((np.rint(luma).astype(np.uint16), *colour))
    return pictures


def grainy(
    pictures: list[tuple[Codes, ...]], sigma: float, *, size: float = 0.6, chroma: float = 0.0, still: bool = False
) -> list[tuple[Codes, ...]]:
    """Pictures with Gaussian grain of `sigma` 10-bit codes at mid grey, half at the ends; `still`: the same in all."""
    rng = np.random.default_rng(7)
    made = []
    fixed = [rng.standard_normal(plane.shape).astype(np.float32) for plane in pictures[0]]
    for planes in pictures:
        out = []
        for number, plane in enumerate(planes):
            noise = fixed[number] if still else rng.standard_normal(plane.shape).astype(np.float32)
            noise = cv2.GaussianBlur(noise, (0, 0), size) if size else noise
            noise /= noise.std()
            strength = np.float32(chroma) if number else curve(plane, sigma)
            out.append(np.clip(np.rint(plane + noise * strength), 64, 940).astype(np.uint16))
        made.append(tuple(out))
    return made


def curve(luma: NDArray[np.unsignedinteger], sigma: float) -> NDArray[np.float32]:
    """Strength of `grainy` over 10-bit luma."""
    return np.asarray(sigma * (0.5 + 0.5 * np.sin(np.clip((luma / 4.0 - 16) / 219, 0, 1) * np.pi)), np.float32)
