"""The ways `quality.py` compares from a woven tape to clean pictures at field rate: FFmpeg's filters over a grid of
strengths, the classical chain, and our net."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from footlights.core.clip import Clip, Fine, Plane, join
from footlights.core.colour import chroma_to_codes, luma_to_codes
from footlights.core.plans import Step
from footlights.core.reports import Remainder
from footlights.core.time import FrameRange
from footlights.media import ffmpeg
from footlights.models.fieldlift_run import reference
from footlights.pipeline.remainder import FRAMES, remainder
from footlights.planning import remainders
from footlights.restoration import chain
from footlights.restoration.base import STAGES, build
from footlights.settings import DenoiseSettings
from quality_tapes import Tape

GRID: dict[str, tuple[str, ...]] = {
    "bwdif": ("bwdif=mode=send_field",),
    "bwdif+hqdn3d": tuple(f"bwdif=mode=send_field,hqdn3d={s}" for s in (1.5, 3, 6)),
    "bwdif+nlmeans": tuple(f"bwdif=mode=send_field,nlmeans=s={s}:p=7:r=9" for s in (2, 5)),
    "bwdif+atadenoise": tuple(
        f"bwdif=mode=send_field,atadenoise=0a={a}:0b={b}:1a={a}:1b={b}:2a={a}:2b={b}:s=9"
        for a, b in ((0.02, 0.04), (0.05, 0.1))
    ),
    "estdif": ("estdif=mode=field",),
    "w3fdif": ("w3fdif=mode=field",),
}
"""FFmpeg's chains; the best of all is chosen per clip by its score: an oracle no user has."""


@dataclass(frozen=True, slots=True)
class Made:
    """What a method made of a tape."""

    pictures: Plane
    """`(2T, 3, 480, 704)`, as `Tape.truth`."""
    fine: Fine | None = None
    """Fine residuals over the whole raster, where the method finds some."""
    whole: Clip | None = None
    """The pictures over the whole raster."""


def candidates() -> dict[str, Callable[[Tape], Made]]:
    """Every classical method by name."""
    found: dict[str, Callable[[Tape], Made]] = {}
    for family, graphs in GRID.items():
        for graph in graphs:
            found[f"{family} {graph}" if len(graphs) > 1 else family] = _Filter(graph)
    for strength, radius in product((0.7, 1.0, 1.5), (2,)):
        found[f"classical chain, strength {strength}"] = _Chain(strength, radius)
    return found


def fieldlift(tape: Tape, *, size: str = "S", lost: tuple[int, ...] = (), rebuilt: bool = True) -> Made:
    """Our net; frames of `lost` are rebuilt from their neighbours first, as in the chain, and marked."""
    steps = []
    if lost:
        fields = (3,) * len(lost)
        if rebuilt:
            steps.append(_step("gaps.rebuild", lost=lost, fields=fields, damaged=(), longest=6))
        steps.append(_lift(size, tape, keep=remainders.KEPT, lost=lost, fields=fields))
    else:
        steps.append(_lift(size, tape, keep=remainders.KEPT))
    made = _run(steps, tape.clip)
    middle = len(made) // 2
    seen = slice(max(middle - FRAMES, 0), middle + FRAMES)
    left = remainder(0, made.luma[seen], made.chroma[seen])
    made = _steadied(made, tape.sigma, left)
    return Made(_active(made.luma, made.chroma), made.fine, made)


def whole_fieldlift(tape: Tape, *, film: bool) -> Made:
    """Our net on pictures that are whole: of film put together first, else one a frame."""
    steps = [_step("deinterlace.match")] if film else []
    steps.append(_lift("S", tape, keep=remainders.KEPT, instants=1, film=film))
    made = _run(steps, tape.clip, rate=1 + film)
    middle = len(made) // 2
    seen = slice(max(middle - FRAMES, 0), middle + FRAMES)
    made = _steadied(made, tape.sigma, remainder(0, made.luma[seen], made.chroma[seen], instants=1 + film))
    return Made(_active(made.luma, made.chroma), made.fine, made)


def whole_classical(tape: Tape, strength: float, *, film: bool, combed: bool = False) -> Made:
    """What such pictures get without the net; strength 0: they are put together, and nothing more. `combed`: what a
    composite connection left is taken out first."""
    steps = [_step("composite.comb", system="ntsc")] if combed else []
    steps += [_step("deinterlace.match")] if film else []
    if strength:
        denoise = {"radius": 2, "strength": strength, "sigmas": (tape.sigma,), "levels": (128.0,)}
        steps.append(_step("denoise.motion", chroma_sigma=tape.chroma_sigma, **denoise))
    made = _run(steps, tape.clip, rate=1 + film) if steps else tape.clip
    return Made(_active(made.luma, made.chroma), whole=made)


def _steadied(made: Clip, sigma: float, left: Remainder) -> Clip:
    """Through the filter that the plan lets follow the net."""
    step = remainders.behind_net(DenoiseSettings(), (sigma, sigma), left)
    steady = join(list(chain.run([build(step)], [replace(made, fine=None)], made.frames)))
    return replace(steady, fine=made.fine)


def _lift(size: str, tape: Tape, **more: object) -> Step:
    colour = remainders.COLOUR_KEPT if tape.chroma_sigma <= remainders.CLEAN_COLOUR else 0.0
    params = {"net": size, "sigma": tape.sigma, "keep_colour": colour, "chroma_sigma": tape.chroma_sigma, **more}
    return Step("fieldlift.restore", STAGES.get("fieldlift.restore").version, params, "", reference(size))  # type: ignore[arg-type]


def _step(name: str, **params: object) -> Step:
    return Step(name, STAGES.get(name).version, params, "")  # type: ignore[arg-type]


def _run(steps: list[Step], clip: Clip, rate: int = 2) -> Clip:
    blocks = (clip.take(part) for part in clip.frames.split(6))
    wanted = FrameRange(rate * clip.frames.start, rate * clip.frames.stop)
    return join(list(chain.run([build(step) for step in steps], blocks, wanted)))


def repaired(name: str, clip: Clip, **params: object) -> Clip:
    """A clip through one repairing stage; the frames its context takes are dropped at the ends."""
    return build(_step(name, **params)).run(clip)


@dataclass(frozen=True, slots=True)
class _Chain:
    """bwdif and our motion-compensated noise reduction."""

    strength: float
    radius: int

    def __call__(self, tape: Tape) -> Made:
        denoise = {"radius": self.radius, "strength": self.strength, "sigmas": (tape.sigma,), "levels": (128.0,)}
        steps = [_step("deinterlace.bwdif"), _step("denoise.motion", chroma_sigma=tape.sigma, **denoise)]
        made = _run(steps, tape.clip)
        return Made(_active(made.luma, made.chroma))


@dataclass(frozen=True, slots=True)
class _Filter:
    """A graph of FFmpeg's filters on 8-bit 4:4:4, as such chains are used."""

    graph: str

    def __call__(self, tape: Tape) -> Made:
        clip = tape.clip
        count, height, width = clip.luma.shape
        raw = b"".join(
            plane.astype(np.uint8).tobytes()
            for luma, chroma in zip(clip.luma, clip.chroma, strict=True)
            for plane in (luma_to_codes(luma, 8), *(chroma_to_codes(one, 8) for one in chroma))
        )
        kind = ["-f", "rawvideo", "-pix_fmt", "yuv444p", "-s", f"{width}x{height}"]
        graph = f"setfield=tff,{self.graph},format=yuv444p16le"
        command = [str(ffmpeg.binary()), "-v", "error", *kind, "-r", "30000/1001", "-i", "-", "-vf", graph]
        ran = subprocess.run([*command, "-f", "rawvideo", "-"], input=raw, capture_output=True, check=True)
        planes = np.frombuffer(ran.stdout, np.uint16).reshape(-1, 3, height, width).astype(np.float32) / 256
        made = np.empty((2 * count, 3, height, width), np.float32)
        # Filters that hold back the last field give one picture less.
        index = np.minimum(np.arange(2 * count), len(planes) - 1)
        made[:, 0] = (planes[index, 0] - 16) / 219
        made[:, 1:] = (planes[index, 1:] - 128) / 224
        return Made(_cropped(made))


def _active(luma: Plane, chroma: Plane) -> Plane:
    return _cropped(np.concatenate([luma[:, None], chroma], axis=1))


def _cropped(planes: Plane) -> Plane:
    return np.ascontiguousarray(planes[..., 8:712])
