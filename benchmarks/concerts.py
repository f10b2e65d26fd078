"""Made-up concerts with known cuts: shots from real clips and from photographs under a moving camera, with strobes.

Clips give true motion, but also a grain of their own. Photographs, panned and zoomed, have no noise that changes from
picture to picture: only on them does the simulator's noise stand alone.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core.clip import Plane
from footlights.core.reports import CadenceKind
from footlights.tape.schedule import Schedule

WIDTH, HEIGHT = 960, 720
_STAGE = ("concert", "people")
"""Words in the photographs' manifest."""
_LATEST_START = 120
"""Pictures of a clip that may be skipped; decoding them costs time."""
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Scene:
    """One shot of a made-up concert."""

    path: Path
    photograph: bool
    start: int
    """First picture of a clip."""
    left: float
    """Place of the crop, 0..1 of what is free to choose."""
    top: float
    zoom: float
    """Height of the crop as share of the picture."""
    pan: tuple[float, float]
    """Of a photograph: samples per picture."""
    strobe: tuple[int, int, int, float, float]
    """First picture of the light show (from the shot's first), its period and pictures lit in it, gain lit and unlit;
    a period of 0 is steady light."""


@dataclass(frozen=True, slots=True)
class Concert:
    """A recording to be: scenes and the pictures they begin with."""

    scenes: tuple[Scene, ...]
    starts: tuple[int, ...]
    """Pictures of the stream that begin a shot; the first is 0."""
    pictures: int
    hold: int
    """Pictures of the stream that show one picture of the clip: 2 for progressive scan, which shows every second."""


def stock(data: Path) -> tuple[list[Path], list[Path]]:
    """Clips without a cut inside, and stage photographs."""
    clips = sorted(path for path in (data / "dev_clips").iterdir() if path.suffix in (".mp4", ".mkv"))
    folder = data / "train_images"
    with (folder / "MANIFEST.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if any(word in row["content"] for word in _STAGE)]
    long_enough = [path for path in clips if path.stem != "crowdrun_720p50_10bit"]  # it has ten pictures
    return long_enough, [folder / row["file"] for row in rows]


def draw(
    data: Path, frames: int, schedule: Schedule, rng: np.random.Generator, *, strobes: bool
) -> tuple[Concert, tuple[int, ...]]:
    """A concert of about `frames` tape frames, and its cuts as field numbers."""
    clips, photographs = stock(data)
    hold = 2 if schedule.scan is CadenceKind.PROGRESSIVE else 1
    scenes: list[Scene] = []
    fields = 0
    starts, cuts = [], []
    while fields < 2 * frames - 20:
        first = schedule.picture_of(fields)
        fields = schedule.field_of(first) if hold == 1 else 2 * ((fields + 1) // 2)
        starts.append(schedule.picture_of(fields))
        cuts.append(fields)
        photograph = len(scenes) % 2 == 1
        shelf = photographs if photograph else clips
        used = {scene.path for scene in scenes[-3:]}
        path = next(one for one in (shelf[int(rng.integers(len(shelf)))] for _ in range(99)) if one not in used)
        scenes.append(_scene(path, rng, photograph=photograph, strobes=strobes))
        fields += int(rng.integers(24, 91))
    pictures = schedule.picture_of(2 * frames - 1) + 1
    return Concert(tuple(scenes), tuple(starts), pictures, hold), tuple(cuts[1:])


def show(concert: Concert) -> Iterator[Plane]:
    """The pictures, R'G'B' (HEIGHT, WIDTH, 3) float32 0..1."""
    stops = [*concert.starts[1:], concert.pictures]
    for scene, start, stop in zip(concert.scenes, concert.starts, stops, strict=True):
        source = _photograph(scene) if scene.photograph else _clip(scene)
        picture = next(source)
        for number in range(stop - start):
            if number and number % concert.hold == 0:
                picture = next(source, picture)
            yield _lit(picture, scene, number)


def _scene(path: Path, rng: np.random.Generator, *, photograph: bool, strobes: bool) -> Scene:
    speed, angle = float(rng.uniform(0.4, 4.0)), float(rng.uniform(0, 2 * np.pi))
    period = int(rng.integers(3, 12)) if strobes else 0
    gains = float(rng.uniform(1.4, 3.0)), float(rng.uniform(0.25, 0.7))
    return Scene(
        path=path,
        photograph=photograph,
        start=int(rng.integers(0, _LATEST_START)),
        left=float(rng.random()),
        top=float(rng.random()),
        zoom=float(rng.uniform(0.65, 1.0)),
        pan=(speed * float(np.cos(angle)), speed * float(np.sin(angle)) / 2),
        strobe=(int(rng.integers(0, 20)), period, int(rng.integers(1, max(period // 2, 2))), *gains),
    )


def _lit(picture: Bytes, scene: Scene, number: int) -> Plane:
    """A picture under the light of its moment."""
    begin, period, lit, high, low = scene.strobe
    gain = 1.0
    if period and number >= begin:
        gain = high if (number - begin) % period < lit else low
    return np.minimum(picture.astype(np.float32) * np.float32(gain / 255), np.float32(1))


def _clip(scene: Scene) -> Iterator[Bytes]:
    """Pictures of a clip from the scene's start on; where it ends it runs backwards, so that motion never jumps."""
    shown: list[Bytes] = []
    with av.open(str(scene.path)) as container:
        known = container.streams.video[0].frames or 200
        start = min(scene.start, max(known - 100, 0))
        for number, frame in enumerate(container.decode(video=0)):
            if number >= start:
                shown.append(_cropped(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8), scene))
                yield shown[-1]
    while True:
        yield from shown[-2::-1]
        yield from shown[1:]


def _photograph(scene: Scene) -> Iterator[Bytes]:
    """A photograph seen by a camera that pans and zooms slowly."""
    picture = cv2.cvtColor(cv2.imread(str(scene.path), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    height, width = picture.shape[:2]
    scale = min(height / HEIGHT, width / WIDTH) * (0.6 + 0.3 * scene.zoom)
    picture = cv2.GaussianBlur(picture, (0, 0), 0.5 * scale) if scale > 1.2 else picture  # no aliasing
    number = 0
    while True:
        size = scale * (1 - 0.0005 * number)
        x = (width - WIDTH * size) * (0.2 + 0.6 * scene.left) + scene.pan[0] * number
        y = (height - HEIGHT * size) * (0.2 + 0.6 * scene.top) + scene.pan[1] * number
        move = np.array([[size, 0, x], [0, size, y]], np.float32)
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        yield np.asarray(cv2.warpAffine(picture, move, (WIDTH, HEIGHT), flags=flags, borderMode=cv2.BORDER_REFLECT_101))
        number += 1


def _cropped(picture: Bytes, scene: Scene) -> Bytes:
    """The scene's part of a picture, 4:3, at the size all pictures have."""
    height, width = picture.shape[:2]
    high = min(height, width * HEIGHT / WIDTH) * scene.zoom
    wide = high * WIDTH / HEIGHT
    left, top = round((width - wide) * scene.left), round((height - high) * scene.top)
    part = picture[top : top + round(high), left : left + round(wide)]
    shrink = part.shape[0] > HEIGHT
    how = cv2.INTER_AREA if shrink else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(part, (WIDTH, HEIGHT), interpolation=how), np.uint8)
