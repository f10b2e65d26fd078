"""Detail: contrast of gratings and overshoot of edges through `detail.limited`, at the scale of the 4K picture.

Edges are steps as a tape of this sharpness holds them (a Gaussian of a standard deviation in tape samples), slanted,
enlarged 4.5 times by the chain's own kernel; the stage's parameters are those that the rules plan for that sharpness.
Contrast is that of gratings of ±8 codes at half of the sampling limit (0.25 cycles a sample) and at the tape's own
limit (0.11); overshoot is how far the profile across the edge leaves the range of both sides, as a share of the step,
beyond what the enlarged edge already did.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
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
from footlights.enhancement.detail import LimitedDetail
from footlights.restoration.base import STAGES, build

SCALE = 4.5
BLURS = (0.35, 0.6, 0.9, 1.3)
"""Standard deviations of edges, in samples of the tape."""
STRENGTHS = {"balanced": 0.6, "bold": 1.0, "most": 2.0}
FREQUENCIES = {"half": 0.25, "tape": 0.5 / SCALE}
MTF_TARGET, OVERSHOOT_TARGET = 1.2, 0.05
STEPS = ((0.2, 0.8), (0.0, 1.0), (0.45, 0.55))
Plane = NDArray[np.float32]


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Every strength on gratings and edges."""
    del options
    rows = []
    for name, strength in STRENGTHS.items():
        step = Step("detail.limited", STAGES.get("detail.limited").version, _planned(strength), "")
        gains = {label: round(_gain(step, frequency), 3) for label, frequency in FREQUENCIES.items()}
        edges = [_overshoot(step, blur, ends) for blur in BLURS for ends in STEPS]
        rises = [_rise(step, blur) for blur in BLURS]
        rows.append(
            {
                "preset": name,
                "strength": strength,
                "mtf": gains,
                "overshoot": {"worst": round(max(edges), 4), **bench.spread(edges)},
                "rise": [round(rise, 3) for rise in rises],
            }
        )
    return {
        "what": f"{len(BLURS) * len(STEPS)} slanted edges and 2 gratings a strength, no noise; drawn",
        "targets": {"mtf_half": MTF_TARGET, "overshoot": OVERSHOOT_TARGET},
        "rows": rows,
        "met": all(row["mtf"]["half"] >= MTF_TARGET and row["overshoot"]["worst"] <= OVERSHOOT_TARGET for row in rows),
    }


def show(result: dict[str, Any]) -> None:
    """A row per strength."""
    bench.table(
        ("preset", "strength", "MTF 0.25", "MTF 0.11", "overshoot worst", "median", "10-90 rise, after over before"),
        [
            (
                row["preset"], row["strength"], row["mtf"]["half"], row["mtf"]["tape"], row["overshoot"]["worst"],
                row["overshoot"]["median"], ", ".join(f"{rise:.2f}" for rise in row["rise"]),
            )
            for row in result["rows"]
        ],
    )  # fmt: skip


def _planned(strength: float) -> dict[str, Any]:
    """Parameters as the rules give them to a clean shot that resolves 0.6 of the tape's limit."""
    return {"strength": strength, "radius": round(0.5 * SCALE * 0.8 / 0.6, 2), "floor": 0.3}


def _through(step: Step, luma: Plane) -> Plane:
    stage = build(step)
    assert isinstance(stage, LimitedDetail)
    half = np.zeros((1, 2, luma.shape[0] // 2, luma.shape[1] // 2), np.float32)
    signal = replace(BT709_SIGNAL, sample_aspect=Fraction(1))
    return stage.run(Clip(luma[None], half, signal, FrameRange(0, 1), Fraction(50))).luma[0]


def _gain(step: Step, frequency: float) -> float:
    """Amplitude of a grating after over before."""
    x = np.arange(480, dtype=np.float32)
    wave = np.exp(-2j * np.pi * frequency * x)
    before = np.broadcast_to(0.5 + 8 / 219 * np.cos(2 * np.pi * frequency * x + 0.4), (64, 480)).astype(np.float32)
    after = _through(step, np.ascontiguousarray(before))
    inner = slice(100, 100 + 2 * 128)
    return float(abs((after[32, inner] * wave[inner]).sum()) / abs((before[32, inner] * wave[inner]).sum()))


def _edge(blur: float, ends: tuple[float, float]) -> Plane:
    """A slanted step of the tape, enlarged."""
    y, x = np.mgrid[:64, :96].astype(np.float32)
    fine = cv2.GaussianBlur(
        (np.kron(x - 48 - 0.12 * (y - 32), np.ones((4, 4), np.float32)) > 0).astype(np.float32), (0, 0), 4 * blur
    )
    step = ends[0] + (ends[1] - ends[0]) * cv2.resize(fine, (96, 64), interpolation=cv2.INTER_AREA)
    size = (round(96 * SCALE), round(64 * SCALE))
    return np.asarray(cv2.resize(step, size, interpolation=cv2.INTER_LANCZOS4), np.float32)


def _overshoot(step: Step, blur: float, ends: tuple[float, float]) -> float:
    """Share of the step by which the profile leaves both sides' range further than before."""
    before = _edge(blur, ends)
    after = _through(step, before)
    inner = np.s_[40:-40, 60:-60]
    tall = ends[1] - ends[0]
    further = max(after[inner].max() - before[inner].max(), before[inner].min() - after[inner].min())
    return max(float(further), 0.0) / tall


def _rise(step: Step, blur: float) -> float:
    """Width of the edge from 10 to 90 per cent, after over before."""
    before = _edge(blur, STEPS[0])
    return _width(_through(step, before)) / _width(before)


def _width(edge: Plane) -> float:
    line = edge[edge.shape[0] // 2]
    low, high = STEPS[0]
    marks = [low + share * (high - low) for share in (0.1, 0.9)]
    first, last = (float(np.interp(mark, np.maximum.accumulate(line), np.arange(len(line)))) for mark in marks)
    return last - first
