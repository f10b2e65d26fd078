"""Banding: an index of false contours on slow ramps, of the finished 10-bit picture against the source upscaled.

The index counts, at four distances, how many samples differ from a neighbour by 0.6 to 4 steps of 8 bits while both lie
on flat ground: steps that the eye sees as contours. It follows the idea of CAMBI (Tandon et al. 2021) and is not it.
Ramps are written as a tape holds them, in 8 bits, with and without noise, and smoothed as a noise filter leaves them.
"""

from __future__ import annotations

import argparse
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

import bench
from footlights.core.clip import Clip
from footlights.core.plans import Step
from footlights.core.signal import BT709_SIGNAL
from footlights.core.time import FrameRange
from footlights.pipeline.pictures import Quantiser
from footlights.restoration.base import STAGES, build

WIDTH, HEIGHT, SCALE = 176, 120, 4
RAMPS = {"black": (16.0, 24.0), "dark": (18.0, 40.0), "middle": (90.0, 120.0)}
NOISES = (0.0, 0.6, 2.0)
CHAINS: dict[str, tuple[tuple[str, dict[str, Any]], ...]] = {
    "as it is": (),
    "detail": (("detail.limited", {"strength": 0.6, "radius": 3.0, "floor": 0.3}),),
    "lift": (("light.lift", {"strength": 1.0}),),
    "detail, grain": (
        ("detail.limited", {"strength": 0.6, "radius": 3.0, "floor": 0.3}),
        ("grain.synthesis", {"share": 0.7, "sigmas": (1.0,)}),
    ),
    "lift, detail, grain": (
        ("light.lift", {"strength": 1.0}),
        ("detail.limited", {"strength": 0.6, "radius": 3.0, "floor": 0.3}),
        ("grain.synthesis", {"share": 0.7, "sigmas": (1.0,)}),
    ),
}
Plane = NDArray[np.float32]


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Index of every chain on every ramp, and of the source enlarged and rounded to 8 bits."""
    del options
    rows = []
    for name, ends in RAMPS.items():
        for noise in NOISES:
            source = _source(ends, noise)
            base = index(np.rint(_enlarged(source) * 219 + 16))
            found = {chain: round(index(_finished(source, steps) / 4), 4) for chain, steps in CHAINS.items()}
            rows.append({"ramp": name, "noise": noise, "source": round(base, 4), **found})
    over = [
        (row["ramp"], row["noise"], chain)
        for row in rows
        for chain in CHAINS
        # The rules lift no shot without noise.
        if (row["noise"] or "lift" not in chain) and row[chain] > row["source"] + 0.002
    ]
    return {"what": f"{len(rows)} drawn ramps, {WIDTH}×{HEIGHT} enlarged {SCALE} times", "rows": rows, "over": over}


def show(result: dict[str, Any]) -> None:
    """A row per ramp."""
    names = ["ramp", "noise", "source", *CHAINS]
    bench.table(names, [[row[name] for name in names] for row in result["rows"]])
    print(f"worse than the source enlarged: {result['over'] or 'none'}")


def index(codes: NDArray[np.floating]) -> float:
    """Mean over four distances of the share of flat places with a step of 0.6 to 4 8-bit codes to a flat neighbour.

    `codes` are 8-bit codes, fractions allowed: a step below what 8 bits can show is no contour.
    """
    shares = []
    for distance in (1, 2, 4, 8):
        small = codes[:: max(distance // 2, 1), :: max(distance // 2, 1)]
        flat = _flat(small)
        step = np.abs(small[:, 2:] - small[:, :-2])
        seen = flat[:, 2:] & flat[:, :-2] & (step >= 0.6) & (step <= 4)
        shares.append(float(seen.mean()))
    return float(np.mean(shares))


def _flat(codes: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Places whose column of seven samples is all of one value, as contours of bands are and noise is not."""
    plane = codes.astype(np.float32)
    spread = cv2.dilate(plane, np.ones((7, 1), np.uint8)) - cv2.erode(plane, np.ones((7, 1), np.uint8))
    return spread < 0.3


def _source(ends: tuple[float, float], noise: float) -> Plane:
    rng = np.random.default_rng(3)
    ramp = np.broadcast_to(np.linspace(*ends, WIDTH), (HEIGHT, WIDTH))
    codes = np.rint(ramp + rng.normal(0, noise, ramp.shape) if noise else ramp)
    # What a noise filter leaves: steps of the 8 bits smoothed along lines and columns by as much as the noise allowed.
    left = cv2.GaussianBlur(codes.astype(np.float32), (0, 0), 2.5) if noise else codes
    return ((left - 16) / 219).astype(np.float32)


def _enlarged(source: Plane) -> Plane:
    return np.asarray(cv2.resize(source, (WIDTH * SCALE, HEIGHT * SCALE), interpolation=cv2.INTER_LANCZOS4), np.float32)


def _finished(source: Plane, steps: tuple[tuple[str, dict[str, Any]], ...]) -> NDArray[np.uint16]:
    """The 10-bit codes of the master."""
    lifted = [one for one in steps if one[0] == "light.lift"]
    small = _run(source, lifted, chroma=(HEIGHT, WIDTH))
    large = _enlarged(small)
    half = (HEIGHT * SCALE // 2, WIDTH * SCALE // 2)
    made = _run(large, [one for one in steps if one not in lifted], chroma=half)
    clip = Clip(made[None], np.zeros((1, 2, *half), np.float32), BT709_SIGNAL, FrameRange(7, 8), Fraction(50))
    return Quantiser(2000).codes(clip, 0)[0]


def _run(luma: Plane, steps: list[tuple[str, dict[str, Any]]], *, chroma: tuple[int, int]) -> Plane:
    clip = Clip(luma[None], np.zeros((1, 2, *chroma), np.float32), BT709_SIGNAL, FrameRange(7, 8), Fraction(50))
    for name, params in steps:
        clip = build(Step(name, STAGES.get(name).version, params, "")).run(clip)
    return clip.luma[0]
