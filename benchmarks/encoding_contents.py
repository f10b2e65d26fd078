"""Contents for the comparison of encoders: six programmes of six unlike shots, as a concert film cuts them.

Every shot is 96 frames (3.8 s at 25 a second), so a programme is 23 s long; shots are cut from different sources, or
from places of one source that lie seconds apart, scaled to the rendition's size, lossless. `dark` shots are graded down
to a third of the light above black, as a stage between two numbers; `grain` shots have synthetic luma grain (Gaussian,
softened by a 3×3 kernel, sigma 3 codes of 8 bits, none at black or white); a `still` is a photograph with grain of half
that strength and nothing that moves, like a slide or a title.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from encoding_clips import Shot, look_of
from footlights.core import records
from footlights.core.encodes import Look
from footlights.core.time import FrameRange
from footlights.encoding.encoders import lossless_intermediate
from footlights.media import ffmpeg
from footlights.media.reader import VideoReader, index_video

RATE = Fraction(25)
Plane = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Take:
    """One shot as it is cut."""

    file: str
    """In the data set."""
    start: int = 0
    """First frame. By number: a clip with one key frame cannot be sought where its rate is overridden."""
    kind: str = ""
    """`dark`, `grain`, `still` or `wall`."""
    every: int = 1
    """Of the source's frames; 2 for sources of 50 a second."""


_DEV, _TRAIN, _PHOTOS = "dev_clips", "train_video", "train_images"
PROGRAMMES: dict[str, tuple[Take, ...]] = {
    "concert": (
        Take(f"{_DEV}/concert_crowd_720p.mp4"),
        Take(f"{_DEV}/school_show_540p.mp4"),
        Take(f"{_DEV}/face_colourlight_cottonbro.mp4"),
        Take(f"{_DEV}/concert_crowd_720p.mp4", 92, "dark"),
        Take(f"{_DEV}/dancer_1080p.mp4"),
        Take(f"{_DEV}/face_colourlight_cottonbro.mp4", 150, "grain"),
    ),
    "revue": (
        Take(f"{_DEV}/school_show_540p.mp4", 120),
        Take(f"{_TRAIN}/sam2_05_default_juggle.mp4"),
        Take(f"{_TRAIN}/imgly_koolshooters_face.mp4", 0, "dark"),
        Take(f"{_PHOTOS}/cam_canon-eos-1d-mark-iii-via-adobe-lightroom.webp", 0, "still"),
        Take(f"{_DEV}/face_redhead_koolshooters.mp4"),
        Take(f"{_TRAIN}/sam2_01_dog.mp4", 0, "grain"),
    ),
    "studio": (
        Take(f"{_TRAIN}/aigen_office1.mp4"),
        Take(f"{_TRAIN}/imgly_koolshooters_face.mp4", 128),
        Take(f"{_TRAIN}/food_3769033.mp4"),
        Take(f"{_PHOTOS}/cam_nikon-e5700.webp", 0, "still"),
        Take(f"{_TRAIN}/barista_mikejones.mp4"),
        Take(f"{_TRAIN}/sam2_05_default_juggle.mp4", 72, "dark"),
    ),
    "street": (
        Take(f"{_DEV}/street_people_720p50.mkv", 0, "", 2),
        Take(f"{_TRAIN}/androidx_dog.mp4"),
        Take(f"{_TRAIN}/sam2_02_cups.mp4"),
        Take(f"{_TRAIN}/squirrel_pexels.mp4", 0, "dark"),
        Take(f"{_TRAIN}/imgly_tima_fruit.mp4"),
        Take(f"{_TRAIN}/aigen_office5.mp4", 0, "grain"),
    ),
    "home": (
        Take(f"{_TRAIN}/sam2_bedroom.mp4"),
        Take(f"{_TRAIN}/sam2_03_blocks.mp4"),
        Take(f"{_TRAIN}/sam2_04_coffee.mp4", 0, "grain"),
        Take(f"{_TRAIN}/aigen_office3.mp4"),
        Take(f"{_TRAIN}/food_3769033.mp4", 110, "dark"),
        Take(f"{_DEV}/face_redhead_koolshooters.mp4", 52),
    ),
    "film": (
        Take(f"{_TRAIN}/aigen_office2.mp4", 0, "grain"),
        Take(f"{_TRAIN}/barista_mikejones.mp4", 72, "grain"),
        Take(f"{_TRAIN}/squirrel_pexels.mp4", 52),
        Take(f"{_TRAIN}/aigen_office4.mp4", 0, "dark"),
        Take(f"{_TRAIN}/sam2_02_cups.mp4", 96, "grain"),
        Take(f"{_PHOTOS}/cam_minolta-dimage-7.webp", 0, "still"),
    ),
}
_WALL = (
    "sam2_01_dog", "sam2_02_cups", "sam2_03_blocks", "sam2_04_coffee", "food_3769033", "squirrel_pexels",
    "imgly_tima_fruit", "aigen_office2", "androidx_dog",
)  # fmt: skip
"""Clips of 1280×720, in rows of three."""
LARGE: dict[str, tuple[Take, ...]] = {
    "wall": (
        Take(f"{_DEV}/concert_crowd_720p.mp4"),
        Take(f"{_DEV}/dancer_1080p.mp4"),
        Take(f"{_TRAIN}/aigen_office1.mp4", 0, "grain"),
        Take(f"{_TRAIN}/androidx_graffiti60.mp4"),
        Take(f"{_DEV}/concert_crowd_720p.mp4", 92, "dark"),
        Take("wall.mkv", 0, "wall"),
        Take(f"{_PHOTOS}/wall_nasa-45068.webp", 0, "still"),
    )
}
"""For 2160 lines, seven shots of 72 frames. Nothing in the data set was filmed with that many: three shots are from
1080 lines and two from 720, scaled up, of which one gets grain at 2160 lines and one is dark; a `wall` is nine clips of
720 lines in a square, every sample as it was filmed; the still is a photograph of 1920 lines with grain at 2160."""
_LIGHT = 0.33
_SIGMA = 3.0
_BLACK, _WHITE = 64.0, 940.0


def cut(data: Path, programme: str, lines: int, frames: int, folder: Path, most: int = 6) -> list[Shot]:
    """The first shots of a programme at 16:9; those already in `folder` are taken as they are."""
    takes = (PROGRAMMES | LARGE)[programme][:most]
    return [cut_take(data, take, lines, frames, folder) for take in takes]


def cut_take(data: Path, take: Take, lines: int, frames: int, folder: Path) -> Shot:
    """One shot; where it is in `folder` already, as it is there."""
    width = lines * 16 // 9 // 2 * 2
    name = "-".join(part for part in (f"{Path(take.file).stem}@{take.start}", take.kind) if part)
    target = folder / f"{name}-{lines}-{frames}.mkv"
    if not target.exists():
        plain = target.with_suffix(".plain.mkv")
        _cut_plain(data, take, (width, lines), frames, plain)
        if take.kind not in ("", "wall"):
            part = target.with_suffix(".part.mkv")
            _treat(plain, take.kind, part)
            part.replace(plain)
        plain.replace(target)
    return Shot(name, target, width, lines, frames, _look(target))


def _look(shot: Path) -> Look:
    """Kept beside the shot: at 2160 lines seeing it takes half a minute."""
    kept = shot.with_suffix(".look")
    if not kept.exists():
        records.write(kept, records.dumps(look_of([luma / 4 for luma, *_ in _read(shot)])))
    return records.read(Look, kept)


def _cut_plain(data: Path, take: Take, size: tuple[int, int], frames: int, target: Path) -> None:
    if take.kind == "wall":
        return _cut_wall(data, size, frames, target)
    wanted = f"{size[0]}:{size[1]}"
    scale = (
        f"select=gte(n\\,{take.start})*not(mod(n-{take.start}\\,{take.every})),setpts=N/{RATE}/TB,"
        f"scale={wanted}:flags=lanczos:force_original_aspect_ratio=increase:out_range=tv:out_color_matrix=bt709,"
        f"crop={wanted},setsar=1"
    )
    source = ["-loop", "1"] if take.kind == "still" else []
    tail = ["-an", "-frames:v", str(frames), *lossless_intermediate(scale), "-y", ffmpeg.file_url(target)]
    ffmpeg.run([*source, *ffmpeg.input_arguments(data / take.file, RATE * take.every), *tail], doing="cutting a shot")
    if (cut := index_video(target).frames) != frames:
        raise SystemExit(f"{take.file} from frame {take.start} holds {cut} of {frames} frames: begin earlier")


def _cut_wall(data: Path, size: tuple[int, int], frames: int, target: Path) -> None:
    """`_WALL` from its first frames, scaled only where `size` is not three times theirs."""
    inputs = [word for one in _WALL for word in ffmpeg.input_arguments(data / _TRAIN / f"{one}.mp4", RATE)]
    each = ",".join((f"setpts=N/{RATE}/TB", "scale=1280:720:out_range=tv:out_color_matrix=bt709", "setsar=1"))
    legs = ";".join(f"[{number}:v]{each}[c{number}]" for number in range(len(_WALL)))
    names = "".join(f"[c{number}]" for number in range(len(_WALL)))
    places = "|".join(f"{x}_{y}" for y in (0, 720, 1440) for x in (0, 1280, 2560))
    graph = f"{legs};{names}xstack=inputs={len(_WALL)}:layout={places}:shortest=1,scale={size[0]}:{size[1]}"
    tail = ["-an", "-frames:v", str(frames), *lossless_intermediate()[2:], "-y", ffmpeg.file_url(target)]
    ffmpeg.run([*inputs, "-filter_complex", f"{graph},{lossless_intermediate()[1]}", *tail], doing="cutting a wall")


def _treat(plain: Path, kind: str, target: Path) -> None:
    """The same pictures dark or with grain, lossless."""
    draw = np.random.default_rng(1)
    index = index_video(plain)
    raw = ffmpeg.RawFormat(index.width, index.height, "yuv420p10le", str(RATE))
    tail = [*lossless_intermediate(), "-y", ffmpeg.file_url(target)]
    with ffmpeg.EncoderPipe(raw, tail, doing="treating a shot") as pipe:
        for luma, *chroma in _read(plain):
            for plane in (_luma(luma, kind, draw), *(_chroma(one, kind) for one in chroma)):
                pipe.write(np.clip(np.rint(plane), 0, 1023).astype(np.uint16))


def _luma(codes: Plane, kind: str, draw: np.random.Generator) -> Plane:
    if kind == "dark":
        return _BLACK + (codes - _BLACK) * np.float32(_LIGHT)
    field = cv2.GaussianBlur(draw.standard_normal(codes.shape, np.float32), (3, 3), 0.7)
    taper = np.clip(np.minimum(codes - _BLACK, _WHITE - codes) / 100, 0, 1)
    strength = 4 * _SIGMA * (0.5 if kind == "still" else 1.0)
    return np.asarray(codes + field / field.std() * taper * strength, np.float32)


def _chroma(codes: Plane, kind: str) -> Plane:
    return 512 + (codes - 512) * np.float32(_LIGHT) if kind == "dark" else codes


def _read(path: Path) -> Iterator[list[Plane]]:
    with VideoReader(path) as reader:
        for one in reader.read(FrameRange(0, reader.index.frames)):
            yield [plane.astype(np.float32) for plane in one.planes]
