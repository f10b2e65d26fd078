"""Strips of ten consecutive fields of real faces: tape | FieldLift alone | with TrackFace | the scene before the tape.
Part of `faces.py`.

Shots of real and generated people (coloured light, half turned away, a microphone, a hand, a cut) go through the tape
simulator (`medium`) and, shot by shot, through FieldLift, the tracker and the stage `faces.restore`, as the program
runs them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from face_tapes import TINTS, lit
from footlights.analysis.facetracks import FaceTracker
from footlights.core.clip import Clip, Plane, join
from footlights.core.colour import chroma_from_codes, luma_from_codes, ycbcr_to_rgb
from footlights.core.faces import FACE_SHARE
from footlights.core.signal import Range
from footlights.core.time import FrameRange
from footlights.media.reader import VideoReader, index_video
from footlights.models.faces import FaceFinder, Picture
from footlights.models.fieldlift import fine_chroma, fine_luma
from footlights.models.fieldlift_run import FieldLift, Frame
from footlights.pipeline.facetracks import picture_of
from footlights.restoration.faces import RestoreFaces
from footlights.tape.raster import NTSC
from footlights.tape.simulate import Simulator
from footlights.training.scenes import to_rgb
from footlights.training.tapes import known_tape

FINE = (1408, 960)
"""Samples of the scenes: twice the tape's."""
FIELDS = 14
"""Of a shot."""
_RATE = Fraction(60000, 1001)
_SIGMA = 2.0
_CROPS, _SIDE, _FIRST = 10, 160, 2
_ROOM = 1.9
"""Side of a shown crop in heights of the face."""


@dataclass(frozen=True, slots=True)
class Shot:
    """Consecutive pictures of a clip as consecutive fields."""

    name: str
    clip: str
    start: int
    height: float
    """Lines of the box of the largest face; from brow to chin it is a sixth higher."""
    light: str = "white"
    before: str = ""
    """What passes before the face: `hand` or `microphone`."""


SHOTS = (
    Shot("red", "dev_clips/face_colourlight_cottonbro.mp4", 0, 60, "red"),
    Shot("hand", "dev_clips/face_man_shkraba.mp4", 20, 58, before="hand"),
    Shot("turned", "dev_clips/face_redhead_koolshooters.mp4", 0, 62),
    Shot("microphone", "train_video/aigen_office1.mp4", 0, 54, "magenta", "microphone"),
    Shot("two", "dev_clips/dance_dj_480p50.mp4", 0, 54, "amber"),
    Shot("blue", "train_video/aigen_office2.mp4", 30, 50, "blue"),
    Shot("speaking", "dev_clips/face_man_shkraba.mp4", 80, 52),
    Shot("small", "train_video/imgly_koolshooters_face.mp4", 0, 40, "red"),
)


def strips(options: argparse.Namespace) -> dict[str, Any]:
    """One picture a shot and one over the first cut, into the folder `--pictures`."""
    options.pictures.mkdir(parents=True, exist_ok=True)
    made = [_versions(options.data, shot, number) for number, shot in enumerate(SHOTS)]
    rows = []
    for number, (shot, versions) in enumerate(zip(SHOTS, made, strict=True)):
        inside = [each[_FIRST : _FIRST + _CROPS] for each in versions.rows]
        _save(options.pictures / f"strip-{number}-{shot.name}.png", inside)
        rows.append(
            {"shot": shot.name, "heights": versions.heights, "yaw": versions.yaw, "area": versions.area}
            | {"gain_db": _gain(*inside[1:])}
        )
    half = _CROPS // 2
    pairs = zip(made[0].rows, made[1].rows, strict=True)
    _save(options.pictures / "strip-cut.png", [[*one[-half:], *other[:half]] for one, other in pairs])
    return {"shots": rows}


@dataclass(frozen=True, slots=True)
class _Versions:
    """One shot: crops of every field, from above, and what was followed."""

    rows: list[list[Picture]]
    heights: list[float]
    yaw: list[float]
    """Of the first face, degrees, at its first and its last field."""
    area: float
    """Share of the picture that TrackFace changes at most."""


def _versions(data: Path, shot: Shot, seed: int) -> _Versions:
    scenes = list(scenes_of(data, shot))
    fields, frames, simulator = _recorded(scenes, seed)
    size = (round(NTSC.width * float(simulator.signal(Fraction(4, 3)).sample_aspect)), 480)
    pictures = [picture_of(field, 0, parity, size) for field in fields for parity in (0, 1)]
    found = FaceTracker(threads=1).follow(0, pictures)
    base = list(_lifted(frames, simulator))
    stage = RestoreFaces(RestoreFaces.Params(sigma=_SIGMA, raster=(NTSC.width, NTSC.height)))
    stage.guide(found, 0)
    # A run in which nothing shows comes back in one piece.
    ours = [one.take(part) for one in stage.stream(iter([join(base)])) for part in one.frames.split(1)]
    middle = (NTSC.left + NTSC.active_width / 2) / NTSC.width
    place = (middle, 0.5, _ROOM * shot.height / 480)
    whole = (0.5, 0.5, place[2])
    rows = [
        [_crop(picture, place) for picture in pictures],
        *([_crop(_shown(one), place) for one in version] for version in (base, ours)),
        [_crop(np.asarray(scene * 255 + 0.5, np.uint8), whole) for scene in scenes],
    ]
    yaw = [round(float(found.faces[0].path.pose[at, 0]), 1) for at in (0, -1)] if found.faces else []
    area = max((float(touch.area) for touch in stage.touched), default=0.0)
    heights = [round(float(np.median(face.path.crop[:, 0])) * FACE_SHARE, 1) for face in found.faces]
    return _Versions(rows, heights, yaw, round(area, 4))


def _gain(base: Sequence[Picture], ours: Sequence[Picture], truth: Sequence[Picture]) -> float:
    """dB of the middle of the shown crops, where the face is, over FieldLift alone."""
    weights = np.array([0.299, 0.587, 0.114])
    grid = (np.arange(_SIDE) + 0.5) / _SIDE - 0.5
    face = np.hypot(grid[None, :] / 0.22, grid[:, None] / 0.3) < 1
    errors = [
        np.mean([((np.asarray(a, np.float64) - b) @ weights)[face] ** 2 for a, b in zip(made, truth, strict=True)])
        for made in (base, ours)
    ]
    return round(float(10 * np.log10(max(errors[0], 1e-9) / max(errors[1], 1e-9))), 3)


def _recorded(scenes: Sequence[Plane], seed: int) -> tuple[list[Clip], list[Frame], Simulator]:
    """The tape's frames, as clips and as FieldLift takes them."""
    simulator = Simulator(known_tape("medium").preset, 21 + seed, NTSC)
    clips, frames = [], []
    for frame in simulator.run(iter(scenes)):
        luma = luma_from_codes(frame.y, 8, Range.LIMITED)
        chroma = np.stack([chroma_from_codes(plane, 8, Range.LIMITED) for plane in (frame.cb, frame.cr)])
        clips.append(Clip(luma[None], chroma[None], simulator.signal(), FrameRange(0, 1), _RATE / 2))
        frames.append(Frame(luma, chroma))
    return clips, frames, simulator


def _lifted(frames: Sequence[Frame], simulator: Simulator) -> Iterator[Clip]:
    """FieldLift's fine pictures, one clip a field."""
    for number, lifted in enumerate(FieldLift("S", threads=1).lift(frames, _SIGMA)):
        for which in (0, 1):
            luma = fine_luma(lifted.luma[which], lifted.fine.luma[which])
            planes = [fine_chroma(lifted.chroma[which, k], lifted.fine.chroma[which][k]) for k in (0, 1)]
            at = 2 * number + which
            yield Clip(luma[None], np.stack(planes)[None], simulator.signal(), FrameRange(at, at + 1), _RATE)


def _shown(one: Clip) -> Picture:
    """R'G'B' of a fine picture at the size of its chroma."""
    size = one.chroma.shape[:1:-1]
    luma = cv2.resize(one.luma[0], size, interpolation=cv2.INTER_AREA)
    rgb = cv2.transform(np.stack([luma, *one.chroma[0]], axis=-1), ycbcr_to_rgb(one.signal.matrix).astype(np.float32))
    return np.asarray(np.clip(rgb * 255 + 0.5, 0, 255), np.uint8)


def scenes_of(data: Path, shot: Shot) -> Iterator[Plane]:
    """Its scenes, R'G'B' `(960, 1408, 3)` 0..1, one a field."""
    clip = list(_pictures(data / shot.clip, shot.start))
    framing = _framing(shot, clip[0])
    for number, picture in enumerate(clip):
        yield _scene(shot, picture, number, framing)


def _pictures(path: Path, start: int) -> Iterator[Picture]:
    index = index_video(path)
    with VideoReader(path, index, threads=1) as reader:
        for frame in reader.read(FrameRange(start, start + FIELDS)):
            yield to_rgb(frame.planes)


def _framing(shot: Shot, picture: Picture) -> tuple[float, float, float]:
    """Lines of the tape per line of the clip, and the face's middle in the clip."""
    found = max(FaceFinder(threads=1).find(picture, judge="mesh"), key=lambda face: face.height)
    return shot.height / found.height, found.left + found.width / 2, found.top + found.height / 2


def _scene(shot: Shot, picture: Picture, number: int, framing: tuple[float, float, float]) -> Plane:
    """R'G'B' `(960, 1408, 3)`, the face in the middle."""
    zoom, x, y = framing
    across, down = zoom * FINE[0] / 640, zoom * FINE[1] / 480
    soft = cv2.GaussianBlur(picture.astype(np.float32) / 255, (0, 0), max(0.45 / down, 0.3))
    matrix = np.array([[across, 0, FINE[0] / 2 - across * x], [0, down, FINE[1] / 2 - down * y]])
    scene = cv2.warpAffine(soft, matrix, FINE, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if shot.before:
        scene = _before(scene, shot, number)
    return lit(np.clip(scene, 0, 1), TINTS[shot.light])


def _before(scene: Plane, shot: Shot, number: int) -> Plane:
    """A hand that passes over the lower half of the face, or a microphone before the mouth."""
    unit = shot.height * FINE[1] / 480
    middle = np.array([FINE[0] / 2, FINE[1] / 2 + 0.25 * unit])
    cover = np.zeros(scene.shape[:2], np.float32)

    def line(start: tuple[float, float], stop: tuple[float, float], width: float) -> None:
        ends = [tuple((middle + unit * np.array(end)).round().astype(int).tolist()) for end in (start, stop)]
        cv2.line(cover, *ends, 1.0, max(round(width * unit), 1), cv2.LINE_AA)

    if shot.before == "hand":
        x = -1.0 + 2.0 * number / FIELDS
        line((x, 0.75), (x, 0.2), 0.42)
        for finger in range(4):
            line((x - 0.15 + 0.1 * finger, 0.2), (x - 0.19 + 0.13 * finger, -0.25), 0.085)
        colour = np.array([0.78, 0.58, 0.47], np.float32)
    else:
        x = 0.05 * np.sin(number / 4)
        line((x, 0.08), (x, 0.10), 0.24)
        line((x + 0.05, 0.15), (x + 0.3, 0.9), 0.11)
        colour = np.array([0.1, 0.1, 0.11], np.float32)
    cover = cv2.GaussianBlur(cover, (0, 0), 1.2)[..., None]
    shade = 0.85 + 0.15 * np.linspace(-1, 1, scene.shape[0], dtype=np.float32)[:, None, None]
    return np.asarray(scene * (1 - cover) + cover * colour * shade, np.float32)


def _crop(picture: Picture, place: tuple[float, float, float]) -> Picture:
    height, width = picture.shape[:2]
    x, y, side = place[0] * width, place[1] * height, place[2]
    # The active picture is 4:3 whatever its samples are.
    active = width if place[0] == 0.5 else width * NTSC.active_width / NTSC.width
    half_x, half_y = side * active * 3 / 4 / 2, side * height / 2
    part = picture[round(y - half_y) : round(y + half_y), round(x - half_x) : round(x + half_x)]
    return np.asarray(cv2.resize(part, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC), np.uint8)


def _save(path: Path, rows: Sequence[Sequence[Picture]]) -> None:
    cv2.imwrite(str(path), np.vstack([np.hstack(row) for row in rows])[..., ::-1])
