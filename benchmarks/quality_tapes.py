"""Tapes with their truth for `quality.py`: dev clips whose consecutive pictures serve as consecutive fields, and
held-out stills under a virtual camera, whose truth is exact at four times the size of the tape."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core.clip import Clip, Plane
from footlights.core.colour import (
    DISPLAY_GAMMA,
    chroma_from_codes,
    chroma_to_codes,
    luma_from_codes,
    luma_to_codes,
    primaries_matrix,
    rgb_to_ycbcr,
    signed_power,
)
from footlights.core.reports import CadenceKind
from footlights.core.signal import FieldOrder, Matrix, Primaries, Range, Signal
from footlights.core.time import FrameRange
from footlights.media import ffmpeg
from footlights.media.recode import Pictures, TapeCodec, recode
from footlights.metrics import noise
from footlights.models.fieldlift import columns_doubled
from footlights.tape.presets import PRESETS, Preset, preset
from footlights.tape.raster import NTSC
from footlights.tape.schedule import Schedule
from footlights.tape.simulate import Simulator
from footlights.training.scenes import SCENE_HEIGHT, SCENE_WIDTH, Mix, draw_scene
from footlights.training.sources import find_sources
from footlights.training.tapes import neutral

WIDTH, HEIGHT = 960, 720
"""Of the pictures the simulator is given: 4:3."""
CODECS: dict[str, tuple[TapeCodec | None, int]] = {
    "light": (TapeCodec.MPEG2, 8_000_000),
    "medium": (TapeCodec.DV, 0),
    "heavy": (TapeCodec.MPEG2, 6_000_000),
    "vhs": (None, 0),
}
"""How the tapes of each preset come: as in validation of the training."""
ELSEWHERE = "elsewhere"
"""The tape that our simulator did not make."""
_RATE = Fraction(30000, 1001)
assert set(CODECS) == set(PRESETS)


@dataclass(frozen=True, slots=True)
class Tape:
    """A damaged tape and what it should have been."""

    clip: Clip
    """Woven frames 720×480, 4:4:4, top field first."""
    sigma: float
    """Luma noise as the analysis measures it, 8-bit codes."""
    chroma_sigma: float
    """The same of chroma, the worse plane."""
    truth: Plane
    """`(2T, 3, 480, 704)`: Y'CbCr of the active picture at every field's instant."""


def clip_pictures(path: Path, count: int, *, sited: bool = False) -> Iterator[Plane]:
    """R'G'B' pictures `(HEIGHT, WIDTH, 3)`: the middle of each picture of a clip, 4:3.

    `sited`: colour where its siting says; else each sample stands for two of luma, half a sample too far right.
    """
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number == count:
                return
            shown = frame.reformat(format="yuv444p", interpolation="BICUBIC") if sited else frame
            picture = np.asarray(shown.to_ndarray(format="rgb24"), np.uint8)
            height, width = picture.shape[:2]
            if height > width:  # a clip shot upright: its upper part
                high = round(width * HEIGHT / WIDTH)
                picture = picture[height // 8 : height // 8 + high]
            high = min(picture.shape[0], round(width * HEIGHT / WIDTH))
            wide = round(high * WIDTH / HEIGHT)
            top, left = (picture.shape[0] - high) // 2, (width - wide) // 2
            part = picture[top : top + high, left : left + wide]
            how = cv2.INTER_AREA if high > HEIGHT else cv2.INTER_CUBIC
            yield cv2.resize(part, (WIDTH, HEIGHT), interpolation=how).astype(np.float32) / np.float32(255)


def still_pictures(data: Path, seed: int, count: int) -> tuple[list[Plane], Plane]:
    """Four moving scenes of held-out sources as one picture per field: R'G'B' for the simulator, at twice the raster
    (960 × 1408), and the exact luma of the whole `(count, 1920, 2816)` at four times it."""
    rng = np.random.default_rng(seed)
    sources = find_sources(data, held_out=True)
    scenes = [draw_scene(sources, count, rng, Mix(video=0.0)) for _ in range(4)]
    pictures, luma = [], np.empty((count, 8 * SCENE_HEIGHT, 8 * SCENE_WIDTH), np.float32)
    for number in range(count):
        lights = [scene.light_at(number) for scene in scenes]
        rows = [np.concatenate(lights[:2], axis=1), np.concatenate(lights[2:], axis=1)]
        mosaic = np.minimum(np.concatenate(rows), 1.1)
        luma[number] = _ycbcr(mosaic)[..., 0]
        small = cv2.resize(mosaic, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        pictures.append(np.asarray(signed_power(np.maximum(small, 0), 1 / DISPLAY_GAMMA), np.float32))
    return pictures, luma


def shot_on(name: str, pictures: list[Plane], seed: int, *, lose: tuple[int, ...] = ()) -> Tape:
    """The pictures on a tape of a preset, colour-neutral, with its codec; frames of `lose` repeat the one before."""
    simulator = _simulator(name, seed, CadenceKind.INTERLACED)
    coded = _recorded(name, simulator, pictures, len(pictures) // 2, lose)
    lit = [simulator.lit(picture, number) for number, picture in enumerate(pictures[: 2 * len(coded.luma)])]
    return tape_of(clip_of(coded, simulator), np.stack([truth_of(one) for one in lit]))


def shot_whole(name: str, pictures: list[Plane], seed: int, *, film: bool) -> Tape:
    """The same for pictures that stay whole: one a frame, or those of film spread 3:2, four over five frames.

    The truth has one picture a frame, for film one a field.
    """
    cadence = CadenceKind.TELECINE if film else CadenceKind.PROGRESSIVE
    simulator = _simulator(name, seed, cadence)
    count = len(pictures) // 4 * 5 if film else len(pictures)
    given = pictures if film else [picture for picture in pictures for _ in range(2)]
    coded = _recorded(name, simulator, given, count)
    shown = Schedule(seed, simulator.preset.losses, cadence)
    numbers = [shown.picture_of(field) for field in range(0, 2 * count, 1 if film else 2)]
    made = {number: truth_of(simulator.lit(given[number], number)) for number in sorted(set(numbers))}
    truth = np.stack([made[number] for number in numbers])
    return tape_of(clip_of(coded, simulator), truth)


def _simulator(name: str, seed: int, cadence: CadenceKind) -> Simulator:
    chosen: Preset = replace(neutral(preset(name)), losses=preset(name).losses.__class__())
    return Simulator(chosen, seed, NTSC, FieldOrder.TOP_FIRST, cadence)


def _recorded(
    name: str, simulator: Simulator, pictures: list[Plane], count: int, lose: tuple[int, ...] = ()
) -> Pictures:
    frames = list(simulator.run(iter(pictures), frames=FrameRange(0, count)))
    luma = np.stack([frame.y for frame in frames]).astype(np.uint8)
    chroma = np.stack([np.stack([frame.cb, frame.cr]) for frame in frames]).astype(np.uint8)
    for number in lose:
        luma[number], chroma[number] = luma[number - 1], chroma[number - 1]
    codec, bit_rate = CODECS[name]
    coded = Pictures(luma, chroma)
    return coded if codec is None else recode(coded, codec, bit_rate=bit_rate)


def shot_elsewhere(pictures: list[Plane], *, whole: bool = False) -> Tape:
    """The pictures on a tape that FFmpeg's filters make: nothing of it, code or number, is in our simulator.

    Camera: bicubic, lines filtered before they interlace. Recording: luma and colour of little bandwidth, ringing,
    colour that comes late, noise that is stronger in colour. Then MPEG-2 at 5 Mbit/s.
    `whole`: progressive, one picture a frame.
    """
    laced = "" if whole else "tinterlace=mode=interleave_top:flags=low_pass_filter,setfield=tff,"
    graph = (
        "scale=704:480:flags=bicubic:out_color_matrix=bt601,format=yuv422p,"
        "gblur=sigma=0.9:sigmaV=0.01:planes=1,unsharp=lx=7:ly=3:la=0.7:cx=3:cy=3:ca=0,"
        "gblur=sigma=2.2:sigmaV=0.01:planes=6,chromashift=cbh=1:crh=2,"
        f"{laced}pad=720:480:8:0,"
        "noise=c0s=9:c0f=t:c1s=14:c1f=t:c2s=14:c2f=t:all_seed=11"
    )
    rate = "30000/1001" if whole else "60000/1001"
    raw = b"".join((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8).tobytes() for picture in pictures)
    kind = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{WIDTH}x{HEIGHT}", "-r", rate, "-i", "-"]
    flags = [] if whole else ["-flags", "+ildct+ilme"]
    coder = ["-pix_fmt", "yuv422p", "-c:v", "mpeg2video", "-b:v", "5M", *flags, "-g", "15", "-bf", "2"]
    base = [str(ffmpeg.binary()), "-v", "error"]
    with TemporaryDirectory() as folder:
        path = str(Path(folder) / "tape.mpg")
        subprocess.run([*base, *kind, "-vf", graph, *coder, path], input=raw, check=True)
        played = [*base, "-i", path, "-pix_fmt", "yuv422p", "-f", "rawvideo", "-"]
        codes = np.frombuffer(subprocess.run(played, capture_output=True, check=True).stdout, np.uint8)
    frames = codes.reshape(-1, 2, 480 * 720)
    luma = frames[:, 0].reshape(-1, 480, 720)
    chroma = frames[:, 1].reshape(-1, 2, 480, 360)
    order = FieldOrder.PROGRESSIVE if whole else FieldOrder.TOP_FIRST
    signal = Signal(Matrix.SMPTE170M, Primaries.SMPTE170M, range=Range.LIMITED, field_order=order)
    colour = columns_doubled(chroma_from_codes(chroma, 8, Range.LIMITED))
    clip = Clip(luma_from_codes(luma, 8, Range.LIMITED), colour, signal, FrameRange(0, len(luma)), _RATE)
    return tape_of(clip, np.stack([_unlit(one) for one in pictures[: (2 - whole) * len(luma)]]))


def _unlit(picture: Plane) -> Plane:
    """R'G'B' → Y'CbCr `(3, 480, 704)` with no change of primaries: FFmpeg makes none."""
    linear = cv2.pow(np.maximum(picture, 0), DISPLAY_GAMMA)
    small = np.asarray(cv2.resize(linear, (NTSC.active_width, NTSC.height), interpolation=cv2.INTER_AREA), np.float32)
    signal = np.asarray(signed_power(small, 1 / DISPLAY_GAMMA), np.float32)
    return np.ascontiguousarray(np.moveaxis(cv2.transform(signal, rgb_to_ycbcr(Matrix.SMPTE170M)), -1, 0))


def clip_of(coded: Pictures, simulator: Simulator) -> Clip:
    luma = luma_from_codes(coded.luma, 8, Range.LIMITED)
    chroma = columns_doubled(chroma_from_codes(coded.chroma, 8, Range.LIMITED))
    return Clip(luma, chroma, simulator.signal(), FrameRange(0, len(luma)), NTSC.standard.frame_rate)


def truth_of(picture: Plane) -> Plane:
    """R'G'B' → Y'CbCr `(3, 480, 704)`: the mean of the light that falls on each sample."""
    linear = cv2.pow(np.maximum(picture, 0), DISPLAY_GAMMA)
    small = cv2.resize(linear, (NTSC.active_width, NTSC.height), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(np.moveaxis(_ycbcr(np.asarray(small, np.float32)), -1, 0))


def _ycbcr(light: Plane) -> Plane:
    """Linear BT.709 light `(H, W, 3)` → Y'CbCr of the tape."""
    linear = cv2.transform(light, primaries_matrix(Primaries.BT709, Primaries.SMPTE170M))
    signal = np.clip(signed_power(np.asarray(linear, np.float32), 1 / DISPLAY_GAMMA), 0, 1.09)
    return np.asarray(cv2.transform(signal, rgb_to_ycbcr(Matrix.SMPTE170M)), np.float32)


def tape_of(clip: Clip, truth: Plane) -> Tape:
    """With its noise measured on the fields that come first."""
    chroma = [sigma_of(chroma_to_codes(clip.chroma[:, plane, 0::2], 8), least=0.0) for plane in (0, 1)]
    return Tape(clip, sigma_of(luma_to_codes(clip.luma[:, 0::2], 8)), max(chroma), truth)


def sigma_of(fields: NDArray[Any], *, least: float = 1.0) -> float:
    """Noise of consecutive fields in codes; `least` where no pair of them shows it."""
    pairs = pairwise(fields)
    found = sorted(sample.sigma for before, now in pairs if (sample := noise.measure(now, before)) is not None)
    return float(np.mean(found[: max(1, len(found) // 3)])) if found else least
