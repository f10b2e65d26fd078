"""What following and restoring faces costs of a whole run, and strips of what comes of it. Part of `faces.py`.

One tape of short shots, one or two real faces in each (coloured light, half turned away, a microphone, a hand, cuts),
through the simulator (`medium`) and MPEG-2, is restored three times by the command: without faces, with faces followed
(the default), and with TrackFace; processor time of the command with its children, nothing encoded, so that the shares
are higher than those of a run that encodes. Of every shot a strip of ten consecutive fields is written, from above: the
tape, the run without faces, the run with TrackFace, the scene before the tape.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import bench
from face_tapes import TINTS, lit
from footlights.core.clip import Plane
from footlights.core.time import FrameRange
from footlights.media.reader import VideoReader, index_video
from footlights.models.faces import FaceFinder, Picture
from footlights.pipeline.simulate import write_frames
from footlights.tape.raster import NTSC
from footlights.tape.simulate import Simulator
from footlights.training.scenes import to_rgb
from footlights.training.tapes import known_tape

_FINE = (1408, 960)
"""Samples of the scenes: twice the tape's."""
_FIELDS = 20
"""Of a shot."""
_CROPS, _SIDE, _FIRST = 10, 160, 6
_ROOM = 1.9
"""Side of a shown crop in heights of the face."""
_ALWAYS = ("encoding.enabled=false",)
_ARMS = {
    "without faces": ("restoration.faces.enabled=false", "analysis.faces.enabled=false"),
    "followed": (),
    "restored": ("restoration.faces.restore=true",),
}


@dataclass(frozen=True, slots=True)
class Shot:
    """Consecutive pictures of a clip as consecutive fields."""

    name: str
    clip: str
    start: int
    height: float
    """Lines of the largest face."""
    light: str = "white"
    before: str = ""
    """What passes before the face: `hand` or `microphone`."""


SHOTS = (
    Shot("red", "dev_clips/face_colourlight_cottonbro.mp4", 0, 70, "red"),
    Shot("hand", "dev_clips/face_man_shkraba.mp4", 20, 72, before="hand"),
    Shot("turned", "dev_clips/face_redhead_koolshooters.mp4", 0, 74),
    Shot("microphone", "train_video/aigen_office1.mp4", 0, 66, "magenta", "microphone"),
    Shot("two", "dev_clips/dance_dj_480p50.mp4", 0, 62, "amber"),
    Shot("blue", "train_video/aigen_office2.mp4", 30, 56, "blue"),
    Shot("speaking", "dev_clips/face_man_shkraba.mp4", 80, 52),
    Shot("small", "train_video/imgly_koolshooters_face.mp4", 0, 40, "red"),
)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Make the tape, restore it three times, cut the strips."""
    with tempfile.TemporaryDirectory(prefix="faces-") as folder:
        work = Path(folder)
        places = _make(options.data, work / "tape.mpg")
        rows, times = {}, {}
        for name, sets in _ARMS.items():
            words = [word for one in (*_ALWAYS, *sets, *options.sets) for word in ("--set", one)]
            out = work / name.replace(" ", "-")
            ran = bench.checked(bench.footlights("restore", work / "tape.mpg", "-o", out, *words))
            times[name], rows[name] = ran.cpu_seconds, out
        if options.pictures:
            _strips(options, places, work / "tape.mpg", rows)
    whole = times["without faces"]
    return {
        "frames": len(SHOTS) * _FIELDS // 2,
        "settings": list(options.sets),
        "cpu_seconds": {name: round(spent, 1) for name, spent in times.items()},
        "share_followed": round(1 - whole / times["followed"], 3),
        "share_restored": round(1 - whole / times["restored"], 3),
    }


def _make(data: Path, path: Path) -> list[tuple[float, float, float]]:
    """Write the tape; of each shot the middle and the side of what a strip shows, in heights of the picture."""
    simulator = Simulator(known_tape("medium").preset, 21, NTSC)
    clips = [list(_pictures(data / shot.clip, shot.start)) for shot in SHOTS]
    framings = [_framing(shot, clip[0]) for shot, clip in zip(SHOTS, clips, strict=True)]
    scenes = (
        _scene(shot, picture, number, framing)
        for shot, clip, framing in zip(SHOTS, clips, framings, strict=True)
        for number, picture in enumerate(clip)
    )
    cuts = [number * _FIELDS for number in range(1, len(SHOTS))]
    frames = FrameRange(0, len(SHOTS) * _FIELDS // 2)
    recording = simulator.run(scenes, cuts, frames=frames)
    aspect = simulator.signal(Fraction(4, 3)).sample_aspect
    write_frames(path, recording, simulator, "mpeg2", aspect, None, 8_000_000, lambda _: None)
    return [(0.5, 0.5, _ROOM * shot.height / 480) for shot in SHOTS]


def _pictures(path: Path, start: int) -> Iterator[Picture]:
    index = index_video(path)
    with VideoReader(path, index, threads=1) as reader:
        for frame in reader.read(FrameRange(start, start + _FIELDS)):
            yield to_rgb(frame.planes)


def _framing(shot: Shot, picture: Picture) -> tuple[float, float, float]:
    """Lines of the tape per line of the clip, and the face's middle in the clip."""
    found = max(FaceFinder(threads=1).find(picture), key=lambda face: face.height)
    return shot.height / found.height, found.left + found.width / 2, found.top + found.height / 2


def _scene(shot: Shot, picture: Picture, number: int, framing: tuple[float, float, float]) -> Plane:
    """R'G'B' `(960, 1408, 3)`, the face in the middle."""
    zoom, x, y = framing
    across, down = zoom * _FINE[0] / 640, zoom * _FINE[1] / 480
    soft = cv2.GaussianBlur(picture.astype(np.float32) / 255, (0, 0), max(0.45 / down, 0.3))
    matrix = np.array([[across, 0, _FINE[0] / 2 - across * x], [0, down, _FINE[1] / 2 - down * y]])
    scene = cv2.warpAffine(soft, matrix, _FINE, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    if shot.before:
        scene = _before(scene, shot, number)
    return lit(np.clip(scene, 0, 1), TINTS[shot.light])


def _before(scene: Plane, shot: Shot, number: int) -> Plane:
    """A hand that passes over the lower half of the face, or a microphone before the mouth."""
    unit = shot.height * _FINE[1] / 480
    middle = np.array([_FINE[0] / 2, _FINE[1] / 2 + 0.25 * unit])
    cover = np.zeros(scene.shape[:2], np.float32)

    def line(start: tuple[float, float], stop: tuple[float, float], width: float) -> None:
        ends = [tuple((middle + unit * np.array(end)).round().astype(int).tolist()) for end in (start, stop)]
        cv2.line(cover, *ends, 1.0, max(round(width * unit), 1), cv2.LINE_AA)

    if shot.before == "hand":
        x = -1.0 + 2.0 * number / _FIELDS
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


def _strips(
    options: argparse.Namespace, places: Sequence[tuple[float, float, float]], tape: Path, rows: dict[str, Path]
) -> None:
    """One picture a shot, and one over the first cut."""
    options.pictures.mkdir(parents=True, exist_ok=True)
    truth = [list(_truth(options.data, shot)) for shot in SHOTS]
    shown = [_fields(tape), *(_master(rows[name]) for name in ("without faces", "restored"))]
    for number, (shot, place) in enumerate(zip(SHOTS, places, strict=True)):
        instants = range(number * _FIELDS + _FIRST, number * _FIELDS + _FIRST + _CROPS)
        strip = [[_crop(each[instant], place) for instant in instants] for each in shown]
        strip.append([_crop(truth[number][instant - number * _FIELDS], place) for instant in instants])
        _save(options.pictures / f"strip-{number}-{shot.name}.png", strip)
    over = range(_FIELDS - _CROPS // 2, _FIELDS + _CROPS // 2)
    both = [*truth[0], *truth[1]]
    _save(options.pictures / "strip-cut.png", [[_crop(each[i], places[0]) for i in over] for each in (*shown, both)])


def _truth(data: Path, shot: Shot) -> Iterator[Picture]:
    pictures = list(_pictures(data / shot.clip, shot.start))
    framing = _framing(shot, pictures[0])
    for number, picture in enumerate(pictures):
        yield (_scene(shot, picture, number, framing) * 255 + 0.5).astype(np.uint8)


def _fields(tape: Path) -> list[Picture]:
    """Each field of the tape, its missing lines between those it has."""
    index, found = index_video(tape), []
    with VideoReader(tape, index, threads=1) as reader:
        for frame in reader.read(FrameRange(0, index.frames)):
            rgb = to_rgb(frame.planes)
            for parity in (0, 1):
                field = np.ascontiguousarray(rgb[parity::2])
                shift = np.array([[1, 0, 0], [0, 0.5, -parity / 2]])
                size = (rgb.shape[1], rgb.shape[0])
                flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
                lines = cv2.warpAffine(field, shift, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
                found.append(np.asarray(lines[:, NTSC.left : NTSC.left + NTSC.active_width], np.uint8))
    return found


def _master(folder: Path) -> list[Picture]:
    path = folder / json.loads((folder / "report.json").read_text("utf-8"))["master"]["file"]
    index = index_video(path)
    with VideoReader(path, index, threads=1) as reader:
        return [
            np.asarray(cv2.resize(to_rgb(frame.planes), (1280, 960), interpolation=cv2.INTER_AREA), np.uint8)
            for frame in reader.read(FrameRange(0, index.frames))
        ]


def _crop(picture: Picture, place: tuple[float, float, float]) -> Picture:
    height, width = picture.shape[:2]
    x, y, side = place[0] * width, place[1] * height, place[2]
    # Pictures are 4:3 whatever their samples are.
    half_x, half_y = side * height * (width * 3 / height / 4) / 2, side * height / 2
    part = picture[round(y - half_y) : round(y + half_y), round(x - half_x) : round(x + half_x)]
    return np.asarray(cv2.resize(part, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC), np.uint8)


def _save(path: Path, rows: Sequence[Sequence[Picture]]) -> None:
    cv2.imwrite(str(path), np.vstack([np.hstack(row) for row in rows])[..., ::-1])
