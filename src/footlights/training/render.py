"""Renders shards: four scenes a picture, several tapes of them through the simulator at full raster and real codecs,
crops of tape and truth. `python -m footlights.training.render --data DIR --out DIR --count 100`
"""

from __future__ import annotations

import argparse
import multiprocessing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core.clip import Plane
from footlights.core.colour import (
    DISPLAY_GAMMA,
    chroma_from_codes,
    chroma_to_codes,
    luma_from_codes,
    luma_to_codes,
    primaries_matrix,
    rgb_to_ycbcr,
)
from footlights.core.fields import weave
from footlights.core.signal import FieldOrder, Matrix, Primaries, Range
from footlights.media.deinterlace import bwdif
from footlights.media.recode import Pictures, recode
from footlights.metrics import noise
from footlights.models.fieldlift import columns_doubled, motion_between
from footlights.tape import defects, levels, optics
from footlights.tape.optics import ReadOut
from footlights.tape.presets import PRESETS
from footlights.tape.raster import NTSC, parity_of
from footlights.tape.simulate import Simulator
from footlights.training.scenes import SCALE, SCENE_HEIGHT, SCENE_WIDTH, Mix, Scene, draw_scene
from footlights.training.shards import MOTION_STEP, TapeFacts, write_shard
from footlights.training.sources import find_sources
from footlights.training.tapes import Tape, draw_tape, known_tape

Codes = NDArray[np.uint8]

FRAMES = 8
SIDE = 80
"""Samples of the tape; training cuts smaller pieces out of it."""
_WHITE_CLIP = 1.09
"""As the camera's: what lies above is on no tape."""


@dataclass(frozen=True, slots=True)
class Job:
    """One shard to render."""

    number: int
    seed: int
    data: Path
    out: Path
    held_out: bool
    tapes: int
    """Tapes drawn for each mosaic; validation uses the presets instead."""
    crops: int
    """Per scene."""
    mix: Mix


@dataclass(frozen=True, slots=True)
class Crop:
    """A square of the whole mosaic, `SIDE` samples of the tape wide; top and left are even."""

    scene: int
    top: int
    left: int
    """Within the scene."""

    @property
    def frame_top(self) -> int:
        return self.top + (self.scene // 2) * SCENE_HEIGHT

    @property
    def frame_left(self) -> int:
        return self.left + (self.scene % 2) * SCENE_WIDTH + NTSC.left


def main(arguments: Sequence[str] | None = None) -> None:
    """Render what is missing; shards that exist are left alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with train_images, train_video, train_faces")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, required=True, help="shards")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tapes", type=int, default=4, help="tapes drawn per mosaic")
    parser.add_argument("--crops", type=int, default=8, help="crops per scene")
    parser.add_argument("--calm", type=float, default=0.0, help="share of stills before a camera at rest")
    parser.add_argument("--shaken", type=float, default=0.0, help="share of stills before a camera that jolts")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--held-out", action="store_true", help="validation sources on the four presets")
    chosen = parser.parse_args(arguments)
    mix = Mix(calm=chosen.calm, shaken=chosen.shaken)
    jobs = [
        Job(number, chosen.seed, chosen.data, chosen.out, chosen.held_out, chosen.tapes, chosen.crops, mix)
        for number in range(chosen.first, chosen.first + chosen.count)
        if not (chosen.out / _name(number)).exists()
    ]
    chosen.out.mkdir(parents=True, exist_ok=True)
    with multiprocessing.get_context("spawn").Pool(chosen.workers, maxtasksperchild=20) as pool:
        for done in pool.imap_unordered(render, jobs):
            print(done, flush=True)  # noqa: T201


def _name(number: int) -> str:
    return f"shard-{number:04d}"


def render(job: Job) -> str:
    """Render one shard; its name and size for the log."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng((job.seed, int(job.held_out), job.number))
    sources = find_sources(job.data, held_out=job.held_out)
    scenes = [draw_scene(sources, 2 * FRAMES, rng, job.mix) for _ in range(4)]
    tapes = [known_tape(name) for name in PRESETS] if job.held_out else [draw_tape(rng) for _ in range(job.tapes)]
    crops = [crop for number, scene in enumerate(scenes) for crop in _draw_crops(scene, number, job.crops, rng)]
    takes = [_Take(tape, int(rng.integers(2**31))) for tape in tapes]
    truth_luma = np.empty((len(crops), 2 * FRAMES, SCALE * SIDE, SCALE * SIDE), np.uint8)
    truth_chroma = np.empty((len(crops), 2 * FRAMES, 2, SCALE * SIDE // 2, SCALE * SIDE // 2), np.uint8)
    for field in range(2 * FRAMES):
        lights = [scene.light_at(field) for scene in scenes]
        for index, crop in enumerate(crops):
            truth_luma[index, field], truth_chroma[index, field] = _truth(lights[crop.scene], crop)
        half_rows = _half_rows(lights)
        for take in takes:
            take.shoot(half_rows)
    finished = [_finish(take, crops, held_out=job.held_out) for take in takes]
    arrays = {name: np.stack([arrays[name] for _, arrays in finished]) for name in finished[0][1]}
    arrays |= {"truth_luma": truth_luma, "truth_chroma": truth_chroma}
    write_shard(job.out / _name(job.number), [facts for facts, _ in finished], arrays)
    return f"{_name(job.number)} {len(crops)} crops, {', '.join(facts.name for facts, _ in finished)}"


def _draw_crops(scene: Scene, number: int, count: int, rng: np.random.Generator) -> list[Crop]:
    """Crops of one scene, those with detail likelier."""
    luma = cv2.cvtColor(np.clip(scene.light_at(FRAMES), 0, 1) ** np.float32(1 / DISPLAY_GAMMA), cv2.COLOR_RGB2GRAY)
    small = cv2.resize(luma, (SCENE_WIDTH, SCENE_HEIGHT), interpolation=cv2.INTER_AREA)
    candidates, weights = [], []
    for _ in range(4 * count):
        place = scene.places[int(rng.integers(len(scene.places)))]
        top = place.top + 2 * int(rng.integers(0, (place.height - SIDE) // 2 + 1))
        left = place.left + 2 * int(rng.integers(0, (place.width - SIDE) // 2 + 1))
        detail = np.abs(np.diff(small[top : top + SIDE, left : left + SIDE], axis=1)).mean()
        candidates.append(Crop(number, top, left))
        weights.append(0.002 + float(detail))
    share = np.array(weights) / sum(weights)
    return [candidates[int(index)] for index in rng.choice(len(candidates), count, replace=False, p=share)]


def _truth(light: Plane, crop: Crop) -> tuple[Codes, Codes]:
    """Fine luma `(4S, 4S)` and chroma `(2, 2S, 2S)` of a crop, in the tape's colours."""
    rows = slice(crop.top * SCALE, (crop.top + SIDE) * SCALE)
    columns = slice(crop.left * SCALE, (crop.left + SIDE) * SCALE)
    linear = cv2.transform(light[rows, columns], primaries_matrix(Primaries.BT709, Primaries.SMPTE170M))
    signal = np.copysign(cv2.pow(np.abs(linear), 1 / DISPLAY_GAMMA), linear)
    picture = cv2.transform(np.clip(signal, 0, _WHITE_CLIP), rgb_to_ycbcr(Matrix.SMPTE170M))
    half = cv2.resize(picture[..., 1:], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    luma = np.ascontiguousarray(picture[..., 0], np.float32)
    chroma = [chroma_to_codes(np.ascontiguousarray(half[..., plane], np.float32), 8) for plane in (0, 1)]
    return luma_to_codes(luma, 8).astype(np.uint8), np.stack(chroma).astype(np.uint8)


def _half_rows(lights: list[Plane]) -> Plane:
    """The mosaic's light on half sensor rows `(2 × 480, 704, 3)`: pairs of them make rows for every read-out."""
    size = (SCENE_WIDTH, 2 * SCENE_HEIGHT)
    small = [np.asarray(cv2.resize(light, size, interpolation=cv2.INTER_AREA), np.float32) for light in lights]
    return np.concatenate([np.concatenate(small[:2], axis=1), np.concatenate(small[2:], axis=1)])


def _sensor_rows(half_rows: Plane, read_out: ReadOut) -> Plane:
    """Rows as `tape.optics.expose` lays them: half a row higher, and one more, where pairs are summed."""
    if read_out is ReadOut.TWO_LINE:
        half_rows = np.concatenate([half_rows[:1], half_rows, half_rows[-1:]])
    return np.asarray((half_rows[0::2] + half_rows[1::2]) * np.float32(0.5))


class _Take:
    """The mosaic going onto one tape, field by field."""

    def __init__(self, tape: Tape, seed: int) -> None:
        order = FieldOrder.BOTTOM_FIRST if tape.bottom_first else FieldOrder.TOP_FIRST
        self.tape = tape
        self.simulator = Simulator(tape.preset, seed, NTSC, order)
        self._fields: list[tuple[Codes, Codes]] = []
        self._light: Plane | None = None
        self.damage: list[NDArray[np.uint8]] = []

    def shoot(self, half_rows: Plane) -> None:
        """The next field."""
        number, preset = len(self._fields), self.tape.preset
        if self.tape.progressive and number % 2 and self._light is not None:
            half_rows = self._light
        self._light = half_rows
        parity = parity_of(number, self.simulator.field_order)
        rows = optics.lens(_sensor_rows(half_rows, preset.optics.read_out), preset.optics)
        field = self.simulator.degrade(optics.collect(rows, parity, preset.optics), number, number)
        y, cb, cr = levels.quantise(field, 8)
        self._fields.append((y.astype(np.uint8), np.stack([cb, cr]).astype(np.uint8)))
        self.damage.append(self._damage(number))

    def _damage(self, number: int) -> NDArray[np.uint8]:
        """Cells of this field `(240, 360)` that dropouts, head switching or mistracking touch."""
        at, mask = self.simulator.moment(number), np.zeros((NTSC.lines, NTSC.width // 2), np.uint8)
        for dropout in defects.dropouts(self.tape.preset.defects, at):
            stop = dropout.start + dropout.length
            mask[dropout.line : dropout.line + dropout.lines, dropout.start // 2 : -(-stop // 2)] = 1
        for band in (
            defects.switch_band(self.tape.preset.defects, at),
            defects.tracking_band(self.tape.preset.defects, at),
        ):
            if band is not None:
                mask[band.line : band.line + band.lines] = 1
        return mask

    def frames(self) -> Pictures:
        """The tape as it plays, codec included, woven as recorded."""
        luma, chroma = [], []
        for pair in _pairs(self._fields):
            top, bottom = pair if not self.tape.bottom_first else pair[::-1]
            luma.append(_woven(top[0], bottom[0]))
            chroma.append(_woven(top[1], bottom[1]))
        pictures = Pictures(np.stack(luma), np.stack(chroma))
        if self.tape.codec is None:
            return pictures
        return recode(pictures, self.tape.codec, bit_rate=self.tape.bit_rate)


def _pairs(fields: list[tuple[Codes, Codes]]) -> Iterator[tuple[tuple[Codes, Codes], tuple[Codes, Codes]]]:
    return zip(fields[0::2], fields[1::2], strict=True)


def _woven(top: Codes, bottom: Codes) -> Codes:
    return np.asarray(weave(top.astype(np.float32), bottom.astype(np.float32)), np.uint8)


def _finish(take: _Take, crops: list[Crop], *, held_out: bool) -> tuple[TapeFacts, dict[str, NDArray[Any]]]:
    """Cut the crops out of a finished tape, turned so that the first field lies on the even lines."""
    pictures, flip = take.frames(), take.tape.bottom_first
    damage = np.stack(take.damage)
    if flip:
        pictures = Pictures(pictures.luma[:, ::-1], pictures.chroma[:, :, ::-1])
        damage = damage[:, ::-1]
    damage = damage.reshape(FRAMES, 2, *damage.shape[1:])
    luma = luma_from_codes(pictures.luma, 8, Range.LIMITED)
    motion = _motion(luma[:, 0::2])
    turned = [_turned(crop, NTSC.height) if flip else (crop.frame_top, crop.frame_left) for crop in crops]
    arrays: dict[str, NDArray[Any]] = {
        "luma": _cut(pictures.luma, turned, SIDE, SIDE),
        "chroma": _cut(pictures.chroma, [(top, left // 2) for top, left in turned], SIDE, SIDE // 2),
        "motion": _cut(motion, [(top // 2, left // 2) for top, left in turned], SIDE // 2, SIDE // 2),
        "damage": _cut(damage, [(top // 2, left // 2) for top, left in turned], SIDE // 2, SIDE // 2),
    }
    if held_out:
        colour = columns_doubled(chroma_from_codes(pictures.chroma, 8, Range.LIMITED))
        y, c = bwdif(luma, colour, top_first=True)
        both = np.concatenate([y[:, None], c], axis=1)
        arrays["bwdif"] = _cut(both, turned, SIDE, SIDE).astype(np.float16)
    facts = TapeFacts(take.tape.preset.name, _sigma(pictures.luma[:, 0::2]), flip, take.tape.progressive)
    return facts, arrays


def _turned(crop: Crop, height: int) -> tuple[int, int]:
    """Top and left of a crop in the picture turned upside down."""
    return height - crop.frame_top - SIDE, crop.frame_left


def _cut(planes: NDArray[Any], corners: list[tuple[int, int]], height: int, width: int) -> NDArray[Any]:
    return np.stack([planes[..., top : top + height, left : left + width] for top, left in corners])


def _motion(fields: Plane) -> NDArray[np.int8]:
    """First fields `(T, h, 2w)` → quarter cells `(T, 2, 2, h, w)` to the frame before and after; zero at the ends."""
    count, height, width = fields.shape
    motion = np.zeros((count, 2, 2, height, width // 2), np.int8)
    for number in range(count):
        for way, other in enumerate((number - 1, number + 1)):
            if 0 <= other < count:
                motion[number, way] = np.rint(motion_between(fields[number], fields[other]) / MOTION_STEP)
    return motion


def _sigma(fields: Codes) -> float:
    """Noise as the analysis measures it; the quietest third of the pairs, as motion only adds."""
    samples = [noise.measure(now, before) for before, now in pairwise(fields)]
    sigmas = sorted(sample.sigma for sample in samples if sample is not None)
    return float(np.mean(sigmas[: max(1, len(sigmas) // 3)])) if sigmas else 1.0


if __name__ == "__main__":
    main()
