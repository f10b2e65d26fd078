"""Shots sorted by camera on multi-camera edits of real pictures: `python benchmarks/cameras.py --data DIR`.

An edit cuts between four cameras: each stands before one clip of its own (two of them before other parts of one clip),
has its own sharpness, noise and blacks, and drifts in colour along the edit; the light changes twice and is the same
for all. Frames 704×480 of 8 bits, no tape in between. Scored by the adjusted Rand index (Hubert and Arabie 1985); the
baseline sorts shots by their mean colour alone with the same linkage. Lights are not scored: every clip has its own.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

import bench
import pieces
from footlights.analysis import cameras, exposure, noise, sharpness
from footlights.analysis.base import ANALYSERS, Notes, Scene, Series
from footlights.analysis.view import FrameView
from footlights.config import resolve
from footlights.core.clip import Plane
from footlights.core.reports import Entry, NoiseReport, Shot
from footlights.core.signal import FieldOrder, Matrix, Primaries, Range, Signal
from footlights.core.source import Ingest, Source
from footlights.core.time import FrameRange
from footlights.media.pixels import layout
from footlights.metrics.agreement import adjusted_rand

Row = dict[str, Any]
WIDTH, HEIGHT = 704, 480
_RATE = Fraction(30000, 1001)
_SHOTS, _LENGTH, _CAMERAS = 20, 8, 4
_LIGHTS = ((1.0, 0.0, 0.0), (0.6, 18.0, -8.0), (0.8, -8.0, 22.0))
"""Gain, and Cb and Cr of what is lit."""
_DRIFT = 3.0
"""Codes of chroma by which a camera drifts over the edit."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The parts of a shot's report that sorting looks at."""

    shot: Shot
    noise: NoiseReport
    sharpness: Any
    exposure: Any


@dataclass(frozen=True, slots=True)
class Camera:
    """One camera of an edit."""

    path: Path
    corner: tuple[float, float]
    blur: float
    sigma: float
    black: tuple[float, float]
    drift: tuple[float, float]


def drawn(paths: list[Path], rng: np.random.Generator) -> list[Camera]:
    """Four cameras, the last before another part of the first one's clip."""
    chosen = [paths[n] for n in rng.permutation(len(paths))[: _CAMERAS - 1]]
    corners = [(0.0, 0.0), *[(float(rng.random()), float(rng.random())) for _ in range(_CAMERAS - 2)], (1.0, 1.0)]
    sigmas = rng.permutation(np.geomspace(1.0, 3.5, _CAMERAS))
    return [
        Camera(
            path,
            corner,
            blur=float(rng.uniform(0.4, 1.4)),
            sigma=float(sigma),
            black=(float(rng.uniform(-4, 4)), float(rng.uniform(-4, 4))),
            drift=(float(rng.uniform(-_DRIFT, _DRIFT)), float(rng.uniform(-_DRIFT, _DRIFT))),
        )
        for path, corner, sigma in zip([*chosen, chosen[0]], corners, sigmas, strict=True)
    ]


def edited(seed: int, paths: list[Path]) -> Row:
    """One edit, measured and sorted."""
    rng = np.random.default_rng(seed)
    cast = drawn(paths, rng)
    takes = [int(n) for n in np.concatenate([np.arange(_CAMERAS), rng.integers(0, _CAMERAS, _SHOTS - _CAMERAS)])]
    lights = [number * len(_LIGHTS) // _SHOTS for number in range(_SHOTS)]
    shown = {path: list(_decoded(path, 60)) for path in {one.path for one in cast}}
    series, means = _measured(cast, takes, lights, shown, rng)
    shots = [
        Shot(n, FrameRange(n * _LENGTH, (n + 1) * _LENGTH), 0, Entry.CUT if n else Entry.START, 1.0)
        for n in range(_SHOTS)
    ]
    dark = np.zeros(_SHOTS * _LENGTH, np.bool_)
    reports: Any = [
        Seen(
            one,
            noise.report(series, one),
            sharpness.report(series, one, WIDTH, Fraction(4, 3)),
            exposure.report(series, one, dark),
        )
        for one in shots
    ]
    found = cameras.conclude(series, reports, dark, _RATE)
    plain = cameras._groups(means / 8, None, np.full(_SHOTS, _LENGTH), 1.0, cameras.MOST_CAMERAS)
    return {
        "clips": [one.path.stem for one in cast],
        "cameras": round(adjusted_rand(takes, found.cameras), 3),
        "found": len(set(found.cameras)),
        "by mean colour": round(adjusted_rand(takes, plain), 3),
    }


def _measured(
    cast: list[Camera], takes: list[int], lights: list[int], shown: dict[Path, list[Plane]], rng: np.random.Generator
) -> tuple[Series, NDArray[np.float64]]:
    """Columns of the analysers that sorting needs, and mean Y'CbCr of every shot."""
    signal = Signal(Matrix.SMPTE170M, Primaries.SMPTE170M, range=Range.LIMITED, field_order=FieldOrder.PROGRESSIVE)
    count = len(takes) * _LENGTH
    every = tuple(range(count))
    source = Source("t", "0" * 64, 1, "mkv", "ffv1", "yuv420p", WIDTH, HEIGHT, _RATE, signal, 8, "4:2:0")
    ingest = Ingest(source, count, 1 / _RATE, every, every, False, (False,) * count, 0, (), (), "c" * 64)
    scene = Scene(ingest, resolve((), Path("/dev/null")).settings.analysis)
    analysers = [ANALYSERS.get(name)(scene) for name in ("noise", "sharpness", "exposure", "framing")]
    notes = [Notes(one.columns, FrameRange(0, count)) for one in analysers]
    means = np.zeros((len(takes), 3))
    for number, (take, light) in enumerate(zip(takes, lights, strict=True)):
        first = int(rng.integers(0, max(len(shown[cast[take].path]) - _LENGTH, 1)))
        views: list[FrameView] = []
        for frame in range(_LENGTH):
            pictures = shown[cast[take].path]
            place = (number + frame / _LENGTH) / len(takes)
            planes = _taken(pictures[(first + frame) % len(pictures)], cast[take], _LIGHTS[light], place, rng)
            means[number] += [float(plane.mean()) / _LENGTH for plane in planes]
            views = [*views, FrameView(number * _LENGTH + frame, planes, layout("yuv420p"), signal)][-2:]
            for analyser, own in zip(analysers, notes, strict=True):
                analyser.look(views[-1 - analyser.before :], own)
    return {name: column for own in notes for name, column in own.columns.items()}, means


def _taken(
    picture: Plane, camera: Camera, light: tuple[float, float, float], place: float, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], ...]:
    """Codes of one frame: a camera's part of a picture under a light, `place` 0..1 along the edit."""
    high = round(picture.shape[0] * 0.62)
    wide = round(high * 4 / 3)
    top = round((picture.shape[0] - high) * camera.corner[1])
    left = round(max(picture.shape[1] - wide, 0) * camera.corner[0])
    part = cv2.resize(picture[top : top + high, left : left + wide], (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    codes = cv2.cvtColor(cv2.GaussianBlur(part, (0, 0), camera.blur), cv2.COLOR_RGB2YCrCb).astype(np.float32)
    luma = 16 + codes[..., 0] * np.float32(219 / 255 * light[0])
    small = cv2.resize(codes, (WIDTH // 2, HEIGHT // 2), interpolation=cv2.INTER_AREA)
    lit = np.clip(small[..., 0] / 160, 0, 1)
    chroma = [
        128 + (small[..., at] - 128) * 0.88 * light[0] + light[1 + side] * lit + camera.black[side]
        + camera.drift[side] * place
        for side, at in ((0, 2), (1, 1))
    ]  # fmt: skip
    noisy = [
        plane + rng.standard_normal(plane.shape, np.float32) * np.float32(share * camera.sigma)
        for plane, share in zip((luma, *chroma), (1, 0.5, 0.5), strict=True)
    ]
    return tuple(np.clip(np.rint(plane), 1, 254).astype(np.uint8) for plane in noisy)


def _decoded(path: Path, most: int) -> Any:
    """Pictures R'G'B' of a clip, 720 lines at most."""
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number == most:
                return
            width, height = frame.width, frame.height
            scale = min(1.0, 720 / height)
            yield frame.reformat(width=round(width * scale) // 2 * 2, height=round(height * scale) // 2 * 2,
                                 format="rgb24").to_ndarray()  # fmt: skip


def main() -> int:
    parser = bench.arguments("cameras", __doc__)
    parser.add_argument("--edits", type=int, default=8)
    pieces.arguments(parser)
    options = bench.parsed(parser)
    cv2.setNumThreads(1)
    facts, kept = bench.machine(), pieces.opened(options)
    wide = []
    for path in sorted((options.data / "dev_clips").glob("*.m*")):
        with av.open(str(path)) as container:
            picture = container.streams.video[0]
            if picture.codec_context.width > picture.codec_context.height:
                wide.append(path)
    rows = [kept.row(f"edit {seed}", lambda s=seed: edited(s, wide)) for seed in range(options.edits)]  # type: ignore[misc]
    names = ("cameras", "by mean colour")
    scores = {name: [row[name] for row in rows] for name in names}
    result = {
        "machine": facts,
        "commits": kept.commits(),
        "edits": len(rows),
        "adjusted_rand": {name: [round(float(np.mean(one)), 3), min(one)] for name, one in scores.items()},
        "reached 0.8": sum(one >= 0.8 for one in scores["cameras"]),
        "rows": rows,
    }
    print(result["adjusted_rand"], "cameras at 0.8 or more:", result["reached 0.8"], "of", len(rows))
    bench.write(options.out, result)
    return 0


if __name__ == "__main__":
    sys.exit(pieces.finished(main))
