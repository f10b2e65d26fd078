"""Renders shards of face tracks: `python -m footlights.training.trackface_render --data DIR --faces F.json --out DIR`.

A stage of some twenty faces goes through the tape simulator, a codec and FieldLift as the program does it; every face
is cut out of FieldLift's fine picture along its path, up to 1.2 samples off, at 256 × 256: what TrackFace is given.
The truth is drawn on the same grid. Held-out faces are rendered on the four presets instead of drawn tapes.

| array | shape | type |
|---|---|---|
| `base`, `truth` | (tracks, T, 256, 256) | float16 luma, nominal 0..1 |
| `base_chroma`, `truth_chroma` | (tracks, T, 2, 128, 128) | float16; held-out shards only |
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice, pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core.clip import Plane
from footlights.core.colour import (
    DISPLAY_GAMMA,
    chroma_from_codes,
    luma_from_codes,
    primaries_matrix,
    rgb_to_ycbcr,
)
from footlights.core.signal import Matrix, Primaries, Range
from footlights.media.recode import Pictures, recode
from footlights.metrics import noise
from footlights.models.fieldlift import fine_chroma, fine_luma
from footlights.models.fieldlift_run import FieldLift, Frame, Lifted
from footlights.tape import levels, optics
from footlights.tape.optics import ReadOut
from footlights.tape.presets import PRESETS
from footlights.tape.raster import NTSC
from footlights.tape.simulate import Simulator
from footlights.training.facescenes import LINES, Tile, draw_stage, light_at, light_on_stage
from footlights.training.facesources import read_faces
from footlights.training.tapes import Tape, draw_tape, known_tape

Half = NDArray[np.float16]

FRAMES, FIRST, INSTANTS = 6, 2, 8
"""Frames of tape, the first instant kept (FieldLift has warmed up), and instants kept."""
SIDE = 256
_WHITE_CLIP = 1.09
_LARGE = 78.0
_OFF = 1.2


@dataclass(frozen=True, slots=True)
class TrackFacts:
    """What a loader must know of one track."""

    identity: str
    """Source, picture and place of the face."""
    real: bool
    height: float
    """Of the face on the tape, lines."""
    scale: float
    """Lines of the tape per sample of the crop."""
    colour: str
    tape: str
    sigma: float
    """Noise of the tape's luma as the analysis measures it, 8-bit codes."""
    whole: bool
    """Whether the crop shows the whole face; larger faces are cut at 512 and show a quarter."""
    corner: tuple[float, float]
    """Middle of the window in the crop's coordinates, within ±0.5; zero for a whole face."""


@dataclass(frozen=True, slots=True)
class Job:
    """One shard to render."""

    number: int
    seed: int
    data: Path
    faces: Path
    out: Path
    held_out: bool
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """The grid of one track at one instant: coordinates of the crop, off by what a tracker is off."""

    corner: tuple[float, float]

    u: NDArray[np.float64]
    v: NDArray[np.float64]


def main(arguments: Sequence[str] | None = None) -> None:
    """Render what is missing; shards that exist are left alone."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--faces", type=Path, required=True, help="as facesources wrote it")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--wide", action="store_true", help="other shapes and tones of faces, tilted heads, none large")
    chosen = parser.parse_args(arguments)
    chosen.out.mkdir(parents=True, exist_ok=True)
    jobs = [
        Job(number, chosen.seed, chosen.data, chosen.faces, chosen.out, chosen.held_out, chosen.wide)
        for number in range(chosen.first, chosen.first + chosen.count)
        if not (chosen.out / f"shard-{number:04d}").exists()
    ]
    with multiprocessing.get_context("spawn").Pool(chosen.workers) as pool:
        for done in pool.imap_unordered(render, jobs):
            print(done, flush=True)  # noqa: T201


def render(job: Job) -> str:
    """Render one shard; a line for the log."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng((job.seed, int(job.held_out), job.number, 77))
    faces = read_faces(job.faces, held_out=job.held_out)
    if job.held_out and job.number % 8 < 4:
        faces = [face for face in faces if face.real]
    name = list(PRESETS)[job.number % len(PRESETS)]
    tape = replace(known_tape(name) if job.held_out else draw_tape(rng), bottom_first=False, progressive=False)
    tiles = draw_stage(faces, rng, large=0.0, wide=True) if job.wide else draw_stage(faces, rng)
    pictures, sigma = _recorded(tiles, tape, job, int(rng.integers(2**31)))
    cuts = [_cuts(tile, rng) for tile in tiles]
    lifted = list(islice(FieldLift("S", threads=1).lift(_frames(pictures), sigma), FRAMES - 1))
    base, base_chroma = _bases(tiles, cuts, lifted)
    truth, truth_chroma = _truths(tiles, cuts, job.data)
    arrays = {"base": base, "truth": truth}
    if job.held_out:
        arrays |= {"base_chroma": base_chroma, "truth_chroma": truth_chroma}
    facts = [_facts(tile, track[0].corner, tape.preset.name, sigma) for tile, track in zip(tiles, cuts, strict=True)]
    _write(job.out / f"shard-{job.number:04d}", facts, arrays)
    return f"shard-{job.number:04d} {len(tiles)} tracks on {tape.preset.name}, sigma {sigma:.1f}"


def _recorded(tiles: list[Tile], tape: Tape, job: Job, seed: int) -> tuple[Pictures, float]:
    """The stage on the tape, codec included, and the noise the analysis would find."""
    simulator = Simulator(tape.preset, seed, NTSC)
    luma = np.empty((FRAMES, NTSC.height, NTSC.width), np.uint8)
    chroma = np.empty((FRAMES, 2, NTSC.height, NTSC.width // 2), np.uint8)
    for number in range(2 * FRAMES):
        stage = light_on_stage(tiles, job.data, number)
        half = np.asarray(cv2.resize(stage, (NTSC.active_width, 2 * NTSC.height), interpolation=cv2.INTER_AREA))
        rows = optics.lens(_sensor_rows(half, tape.preset.optics.read_out), tape.preset.optics)
        field = simulator.degrade(optics.collect(rows, number % 2, tape.preset.optics), number, number)
        y, cb, cr = levels.quantise(field, 8)
        luma[number // 2, number % 2 :: 2] = y
        chroma[number // 2, :, number % 2 :: 2] = np.stack([cb, cr])
    pictures = Pictures(luma, chroma)
    if tape.codec is not None:
        pictures = recode(pictures, tape.codec, bit_rate=tape.bit_rate)
    samples = [noise.measure(now, before) for before, now in pairwise(pictures.luma[:, 0::2])]
    sigmas = sorted(sample.sigma for sample in samples if sample is not None)
    return pictures, float(np.mean(sigmas[:2])) if sigmas else 1.0


def _sensor_rows(half_rows: Plane, read_out: ReadOut) -> Plane:
    """As `tape.optics.expose` lays them: half a row higher, and one more, where pairs are summed."""
    if read_out is ReadOut.TWO_LINE:
        half_rows = np.concatenate([half_rows[:1], half_rows, half_rows[-1:]])
    return np.asarray((half_rows[0::2] + half_rows[1::2]) * np.float32(0.5))


def _frames(pictures: Pictures) -> list[Frame]:
    luma = luma_from_codes(pictures.luma, 8, Range.LIMITED)
    chroma = chroma_from_codes(pictures.chroma, 8, Range.LIMITED)
    return [Frame(y, c) for y, c in zip(luma, chroma, strict=True)]


def _cuts(tile: Tile, rng: np.random.Generator) -> list[Cut]:
    """The grids of one track: one window for all instants, each a little off."""
    whole = tile.height <= _LARGE
    side = SIDE if whole else 2 * SIDE
    grid = (np.arange(SIDE) - (SIDE - 1) / 2) / side
    # The quarters of a large face overlap at its middle, where eyes and mouth are.
    corner = (0.0, 0.0) if whole else (float(rng.uniform(-0.2, 0.2)), float(rng.uniform(-0.2, 0.2)))
    off = float(rng.uniform(0, _OFF)) / SIDE
    cuts = []
    for _ in range(INSTANTS):
        scale, turn = 1 + rng.normal(0, off / 2), rng.normal(0, off / 2)
        x, y = grid[None, :] + corner[0], grid[:, None] + corner[1]
        u = scale * (np.cos(turn) * x - np.sin(turn) * y) + rng.normal(0, off)
        v = scale * (np.sin(turn) * x + np.cos(turn) * y) + rng.normal(0, off)
        cuts.append(Cut(corner, u, v))
    return cuts


def _bases(tiles: list[Tile], cuts: list[list[Cut]], lifted: list[Lifted]) -> tuple[Half, Half]:
    """Crops of what FieldLift made."""
    luma = np.empty((len(tiles), INSTANTS, SIDE, SIDE), np.float16)
    chroma = np.empty((len(tiles), INSTANTS, 2, SIDE // 2, SIDE // 2), np.float16)
    for instant in range(INSTANTS):
        field = FIRST + instant
        frame, which = lifted[field // 2], field % 2
        fine = fine_luma(frame.luma[which], frame.fine.luma[which])
        colours = [fine_chroma(frame.chroma[which, plane], frame.fine.chroma[which][plane]) for plane in (0, 1)]
        for number, (tile, track) in enumerate(zip(tiles, cuts, strict=True)):
            x, y = _places(tile, track[instant], field)
            luma[number, instant] = _sampled(fine, x, y, 4)
            for plane in (0, 1):
                seen = _sampled(colours[plane], x, y, 2)
                chroma[number, instant, plane] = cv2.resize(seen, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return luma, chroma


def _places(tile: Tile, cut: Cut, field: int) -> tuple[Plane, Plane]:
    """Points of the tape's raster that a cut's grid lies on."""
    side, turn, middle_x, middle_y = tile.crop(field)
    cos, sin = np.cos(turn) * side, np.sin(turn) * side
    x, y = middle_x + cos * cut.u - sin * cut.v, middle_y + sin * cut.u + cos * cut.v
    columns = (x + 0.5) * (NTSC.active_width * LINES / 480 / 640) - 0.5 + NTSC.left
    return columns.astype(np.float32), y.astype(np.float32)


def _sampled(plane: Plane, x: Plane, y: Plane, scale: int) -> Plane:
    columns, rows = ((points + np.float32(0.5)) * np.float32(scale) - np.float32(0.5) for points in (x, y))
    return np.asarray(cv2.remap(plane, columns, rows, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _truths(tiles: list[Tile], cuts: list[list[Cut]], data: Path) -> tuple[Half, Half]:
    """What a perfect tape would show on the same grids."""
    luma = np.empty((len(tiles), INSTANTS, SIDE, SIDE), np.float16)
    chroma = np.empty((len(tiles), INSTANTS, 2, SIDE // 2, SIDE // 2), np.float16)
    for number, (tile, track) in enumerate(zip(tiles, cuts, strict=True)):
        density = float(SIDE if tile.height <= _LARGE else 2 * SIDE) * 1.1
        for instant, cut in enumerate(track):
            light = light_at(tile, data, FIRST + instant, cut.u, cut.v, density)
            linear = cv2.transform(light, primaries_matrix(Primaries.BT709, Primaries.SMPTE170M))
            signal = np.copysign(cv2.pow(np.abs(linear), 1 / DISPLAY_GAMMA), linear)
            picture = cv2.transform(np.clip(signal, 0, _WHITE_CLIP), rgb_to_ycbcr(Matrix.SMPTE170M))
            luma[number, instant] = picture[..., 0]
            half = cv2.resize(picture[..., 1:], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
            chroma[number, instant] = np.moveaxis(half, -1, 0)
    return luma, chroma


def _facts(tile: Tile, corner: tuple[float, float], tape: str, sigma: float) -> TrackFacts:
    whole = tile.height <= _LARGE
    return TrackFacts(
        identity=f"{tile.source.path}:{tile.source.frame}:{tile.source.x:.0f}",
        real=tile.face.real,
        height=tile.height,
        scale=tile.side / (SIDE if whole else 2 * SIDE),
        colour=tile.colour,
        tape=tape,
        sigma=sigma,
        whole=whole,
        corner=corner,
    )


def _write(folder: Path, facts: list[TrackFacts], arrays: dict[str, Half]) -> None:
    """Under another name, renamed when whole."""
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for name, array in arrays.items():
        np.save(part / f"{name}.npy", array)
    (part / "facts.json").write_text(json.dumps([asdict(each) for each in facts], indent=1), "utf-8")
    part.rename(folder)


if __name__ == "__main__":
    main()
