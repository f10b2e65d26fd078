"""Grain: what the stage gives back against the noise it was measured on: strength, shape, and change over time.

Flat grey fields with noise of a known shape are measured by the analyser's own method; the plan's rule makes parameters
for a 4K picture (scale 4.5), share 1. The texture is compared with the noise at the size that the rule aims at, 0.4 of
what the tape's own would have on that display: standard deviation, energy in eight rings of spatial frequency, and
correlation of a picture with the next. Noise that lasts from frame to frame is drawn as a deck's recursive noise
reduction leaves it; the grain of a master of one picture per field and per frame is compared with it a frame apart.
What of luma noise is the camera's and what the tape's is measured on simulated tapes (`enhancement_separation`).
"""

from __future__ import annotations

import argparse
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

import bench
import enhancement_separation
from footlights.core.clip import Clip
from footlights.core.plans import Step
from footlights.core.signal import BT709_SIGNAL
from footlights.core.time import FrameRange
from footlights.metrics import noise
from footlights.planning.enhancement import grain_lasting, grain_zoom
from footlights.restoration.base import STAGES, build

WIDTH, HEIGHT, FRAMES = 704, 480, 6
SCALE, SHARE_OF_SIZE = 4.5, 0.4
SHAPES = {"white": (0.0, 0.0), "camera": (0.35, 0.5), "tape": (0.3, 0.9), "coarse": (0.8, 1.2), "edged": (0.3, 0.6)}
"""Standard deviations (vertical, horizontal) of the Gaussian that shapes the noise, in samples of a field."""
EDGED = 0.7
"""Share of what "edged" loses to a wider Gaussian: noise that went through a camera's detail circuit has a spectrum
that no Gaussian has."""
LEVELS = {"dark": (60.0, 1.2), "middle": (128.0, 2.5), "bright": (200.0, 3.5)}
LASTING, LASTING_SHAPES, PLACES = (0.0, 0.3, 0.6), ("white", "camera", "tape"), 12
"""Correlations in time, of which noise, and the places of a shot that tell."""
PACES = {"fields": Fraction(2), "frames": Fraction(1)}
"""Pictures of the master in the time of a frame."""
RINGS = 8
SHAPE_TARGET, TIME_TARGET = 0.10, 0.05
Plane = NDArray[np.float32]


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Every shape at every level, every correlation in time, and every simulated tape."""
    rows = [_row(name, level) for name in SHAPES for level in LEVELS]
    lasting = [_lasting(shape, rho, pace) for shape in LASTING_SHAPES for rho in LASTING for pace in PACES]
    apart = enhancement_separation.rows(options.data, enhancement_separation.CLIPS[:: 4 if options.quick else 1])
    return {
        "what": f"{len(rows)} drawn fields, {FRAMES} pictures each, {WIDTH}×{HEIGHT}",
        "targets": {"sigma": SHAPE_TARGET, "rings": SHAPE_TARGET, "time": TIME_TARGET},
        "rows": rows,
        "lasting": lasting,
        "separation": {"by_tape": enhancement_separation.summary(apart), "rows": apart},
        "met": {
            "sigma": sum(abs(row["sigma_error"]) <= SHAPE_TARGET for row in rows),
            "rings": sum(row["ring_error"] <= SHAPE_TARGET for row in rows),
            "time": sum(abs(row["time"]) <= TIME_TARGET for row in rows),
            "of": len(rows),
            "lasting": sum(abs(row["error"]) <= TIME_TARGET for row in lasting),
            "of_lasting": len(lasting),
        },
    }


def show(result: dict[str, Any]) -> None:
    """A row per shape and level."""
    names = ["shape", "level", "sigma", "sigma_error", "ring_error", "worst_ring", "time"]
    bench.table(names, [[row[name] for name in names] for row in result["rows"]])
    names = ["shape", "pace", "rho", "measured", "given", "error", "next", "two_frames"]
    bench.table(names, [[row[name] for name in names] for row in result["lasting"]])
    enhancement_separation.show(result["separation"]["by_tape"])


def _row(shape: str, level: str) -> dict[str, Any]:
    code, sigma = LEVELS[level]
    rng = np.random.default_rng(4)
    own = [_noise(rng, shape) * sigma for _ in range(FRAMES)]
    fields = [np.clip(np.rint(code + one), 0, 255).astype(np.uint8) for one in own]
    found = [noise.measure(a, b) for a, b in zip(fields[1:], fields[:-1], strict=True)]
    seen = [one for one in found if one is not None]
    params = {
        "share": 1.0,
        "levels": (code,),
        "sigmas": (float(np.median([one.sigma for one in seen])),),
        "down": tuple(np.median([one.down for one in seen], axis=0).round(3).tolist()),
        "across": tuple(np.median([one.across for one in seen], axis=0).round(3).tolist()),
        "zoom": grain_zoom(SCALE),
    }
    made = _given(code, params)
    rings, target = _rings(made), _rings([_displayed(one) for one in own])
    apart = np.abs(rings / target - 1)
    # Rings by the energy they hold: a tenth of a ring that holds nothing is nothing.
    return {
        "shape": shape,
        "level": level,
        "sigma": round(float(np.std(made)), 3),
        "sigma_error": round(float(np.std(made) / np.std(own) - 1), 4),
        "ring_error": round(float((apart * target).sum() / target.sum()), 4),
        "worst_ring": round(float(apart[target > 0.02 * target.sum()].max()), 3),
        "time": round(float(np.corrcoef(made[0].reshape(-1), made[1].reshape(-1))[0, 1]), 4),
    }


def _lasting(shape: str, rho: float, pace: str) -> dict[str, Any]:
    """Noise that lasts from frame to frame by `rho`, measured, and given back."""
    code, sigma = LEVELS["middle"]
    rng = np.random.default_rng(8)
    own, fields = _noise(rng, shape), []
    for _ in range(PLACES + 3):
        fields.append(np.clip(np.rint(code + own * np.float32(sigma)), 0, 255).astype(np.uint8)[: HEIGHT // 2])
        own = np.float32(rho) * own + np.float32(np.sqrt(1 - rho**2)) * _noise(rng, shape)
    steps = [noise.steps_in_time(fields[at : at + 4]) for at in range(PLACES)]
    measured = noise.correlation_in_time(np.stack(steps))
    lasts, apart = grain_lasting(measured, PACES[pace])
    made = _given(code, {"share": 1.0, "levels": (code,), "sigmas": (sigma,), "lasts": lasts, "apart": apart}, 12)

    def with_later(pictures: int) -> float:
        pairs = zip(made[pictures:], made, strict=False)
        return round(float(np.mean([np.mean(a * b) / np.sqrt(np.mean(a * a) * np.mean(b * b)) for a, b in pairs])), 4)

    frame = int(PACES[pace])
    given = with_later(frame)
    return {
        "shape": shape,
        "pace": pace,
        "rho": rho,
        "measured": round(measured, 3),
        "given": given,
        "error": round(given - rho, 4),
        "next": with_later(1),
        "two_frames": with_later(2 * frame),
    }


def _noise(rng: np.random.Generator, shape: str) -> Plane:
    plane, size = rng.standard_normal((HEIGHT, WIDTH), dtype=np.float32), SHAPES[shape]
    if max(size) > 0:
        plane = np.asarray(cv2.GaussianBlur(plane, (0, 0), sigmaX=max(size[1], 1e-3), sigmaY=max(size[0], 1e-3)))
    if shape == "edged":
        plane = plane - np.float32(EDGED) * np.asarray(cv2.GaussianBlur(plane, (0, 0), sigmaX=1.5, sigmaY=1e-3))
    return (plane / plane.std()).astype(np.float32)


def _displayed(noise_of_tape: Plane) -> Plane:
    """The noise at the size it shall have on the display, its strength kept; the part that fills a picture."""
    factor = SCALE * SHARE_OF_SIZE
    large = cv2.resize(noise_of_tape, None, fx=factor, fy=factor, interpolation=cv2.INTER_LANCZOS4)
    cut = np.asarray(large[:HEIGHT, :WIDTH], np.float32)
    return cut * np.float32(noise_of_tape.std() / cut.std())


def _given(code: float, params: dict[str, Any], count: int = FRAMES) -> list[Plane]:
    """The texture in codes, of consecutive pictures."""
    flat = np.full((count, HEIGHT, WIDTH), (code - 16) / 219, np.float32)
    half = np.zeros((count, 2, HEIGHT // 2, WIDTH // 2), np.float32)
    clip = Clip(flat, half, BT709_SIGNAL, FrameRange(0, count), Fraction(50))
    out = build(Step("grain.synthesis", STAGES.get("grain.synthesis").version, params, "")).run(clip)
    return [plane * np.float32(219) for plane in out.luma - flat]


def _rings(planes: list[Plane]) -> NDArray[np.float64]:
    """Energy in rings of equal width up to the sampling limit."""
    window = np.outer(np.hanning(HEIGHT), np.hanning(WIDTH))
    power = np.mean([np.abs(np.fft.rfft2(one * window)) ** 2 for one in planes], axis=0)
    radius = np.hypot(np.fft.fftfreq(HEIGHT)[:, None], np.fft.rfftfreq(WIDTH)[None])
    ring = np.minimum((radius / 0.5 * RINGS).astype(int), RINGS)
    return np.bincount(ring.reshape(-1), power.reshape(-1), RINGS + 1)[:RINGS]
