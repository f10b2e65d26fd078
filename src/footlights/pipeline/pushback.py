"""A picture of the master beside the tape's lines it came from: both on the tape's raster, in the tape's colours.

What a plan changed on purpose in levels and matrix is undone with the plan's own numbers, as is the sharpening that it
took back and the flicker that it levelled; dots that it took out are put back, lines that it moved to their place are
put back astray, and where streaks were concealed nothing is compared (`pipeline/putback.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import hypot
from pathlib import Path

import cv2
import numpy as np

from footlights.core import colour
from footlights.core.clip import Plane
from footlights.core.plans import Step
from footlights.core.signal import BT709_SIGNAL, Matrix, Primaries
from footlights.core.subcarrier import of_raster
from footlights.core.time import FrameRange
from footlights.enhancement.balance import affine
from footlights.enhancement.lift import lowered
from footlights.media.pixels import Samples
from footlights.media.reader import VideoReader, index_video
from footlights.media.roundtrip import through_dv
from footlights.metrics.redegradation import Coder, Pushed, Residual, compare
from footlights.metrics.tapepath import behind, crawl, in_light
from footlights.pipeline import putback
from footlights.pipeline.pictures import to_planes
from footlights.pipeline.unconvert import unconverted

ROUNDING = 0.5
"""Codes: noise that rounding to 8 bits on the tape and the master's encoder leave even where the tape has none."""
_COARSE = (5, 3)
"""Samples and lines of a field over which its chroma is taken."""
Shown = tuple[Plane, Plane]
"""Luma `(H, W)` and 4:2:0 chroma `(2, h, w)` of a picture of the master, nominal range."""


@dataclass(frozen=True, slots=True)
class Instant:
    """One picture of the master and the tape's lines it came from."""

    source: int
    """Ingest frame number."""
    first: int
    """First of the lines."""
    piece: int
    """Which of the given pieces."""
    frame: int
    """In that piece."""
    quantiser: float = 0.0
    """MPEG's quantiser_scale of the source frame; 0 where there is none."""


@dataclass(frozen=True, slots=True)
class ShotRequest:
    """Everything the check of one shot needs besides pictures."""

    shot: int
    frames: FrameRange
    """Ingest frame numbers."""
    instants: tuple[Instant, ...]
    raster: tuple[int, ...]
    """Of the master: width and height of the picture, pillar, then what was cropped at left, top, right, bottom."""
    matrix: int
    primaries: int
    balance: tuple[float, ...]
    """R', G', B' that the plan made black, then those it made white."""
    lift: float
    """Strength of the plan's `light.lift`."""
    levels: tuple[float, ...]
    sigmas: tuple[float, ...]
    step: int
    """2 for fields, 1 for frames."""
    lossy: bool
    """The tape's format adds an error of its own that cannot be had again."""
    coded: str = ""
    """Pixel format of a DV tape, whose own error is had by coding again."""
    why: str = ""
    """Why nothing is compared."""
    timebase: Step | None = None
    """The step that moved lines to their place."""
    torn: int = 0
    """Frame lines at the bottom that were filled anew."""
    conceal: Step | None = None
    """The step that filled streaks anew."""
    flicker: Step | None = None
    """The step that levelled the light."""
    halos: Step | None = None
    """The step that took sharpening back."""
    dots: Step | None = None
    """The step that took dots off edges of colour."""
    composite: bool = False
    """Traces of a composite connection were measured in the shot."""


def residual(request: ShotRequest, opened: putback.Opened, pictures: Iterable[Shown]) -> Residual:
    """What the master's pictures at all instants of a request leave of the tape's lines."""
    samples = [_pushed(request, at, opened, shown) for at, shown in zip(request.instants, pictures, strict=True)]
    return compare(samples, request.levels, request.sigmas)


def shown_by(piece: Path, frame: int) -> Shown:
    """A picture of a file of the master."""
    with VideoReader(piece, index_video(piece)) as reader:
        (picture,) = reader.read(FrameRange(frame, frame + 1))
        bits, levels = reader.layout.bits, BT709_SIGNAL.range
    chroma = [colour.chroma_from_codes(plane, bits, levels) for plane in picture.planes[1:3]]
    return colour.luma_from_codes(picture.planes[0], bits, levels), np.stack(chroma)


def _pushed(request: ShotRequest, instant: Instant, opened: putback.Opened, shown: Shown) -> Pushed:
    """Both pictures as luma codes on the part of the tape's raster that fills the master."""
    ingest, reader = opened
    left, top, right, bottom = request.raster[3:]
    (picture,) = reader.read(FrameRange(instant.source, instant.source + 1))
    luma, colours = to_planes(
        picture, reader.layout, ingest.source.signal, interlaced=ingest.interlaced[instant.source]
    )
    height, width = luma.shape
    inside = slice(top, height - bottom), slice(left, width - right)
    line = (instant.first - top) % request.step
    tape = np.stack([luma, *colours])[:, *inside]
    own, chroma = _on_tape(request, shown, _about(tape, line, request.step))
    if request.halos:
        own = putback.sharpened(request.halos, own)
    if request.flicker:
        gain = putback.levelled(request.flicker, opened, instant.source, request.frames)
        own = own / gain[inside]
    if request.dots:
        own = own + putback.dotted(request.dots, luma, colours)[inside]
    place = slice(top + line, height - bottom, request.step), slice(left, width - right)
    coder = putback.mpeg(instant.quantiser) if instant.quantiser else None
    if request.coded:
        coder = _dv(tuple(plane.copy() for plane in picture.planes), request.coded, place)
    strayed = concealed = None
    if request.timebase:
        strayed = putback.strayed(request.timebase, opened, instant.source, request.frames, place[0])
    if request.conceal:
        concealed = putback.concealed(request.conceal, opened, instant.source, request.frames)[place]
    matrix = Matrix(request.matrix)
    noise = putback.noise(opened, request.frames, instant.source, request.levels) if instant.quantiser else ()
    return Pushed(
        tape[0, line :: request.step] * 219 + 16,
        own * 219 + 16,
        line,
        request.step,
        coder,
        strayed,
        max(request.torn - bottom, 0),
        lit=tuple(lit * 219 + 16 for lit in in_light(own, chroma, matrix)),
        crawl=_crawl(own, chroma, matrix, (width, height)) if request.composite else (),
        concealed=concealed,
        sigmas=tuple(hypot(sigma, ROUNDING) for sigma in noise),
    )


def _crawl(luma: Plane, chroma: Plane, matrix: Matrix, raster: tuple[int, int]) -> tuple[Plane, ...]:
    """What a composite connection may have left of colour in luma, codes; nothing where a raster has no subcarrier."""
    carrier = of_raster(*raster)
    return tuple(one * 219 for one in crawl(*behind(luma, chroma, matrix), carrier)) if carrier else ()


def _dv(planes: tuple[Samples, ...], pixel_format: str, place: tuple[slice, slice]) -> Coder:
    """Lines put into a frame of the tape, coded as DV, and taken out again."""

    def through(lines: Plane) -> Plane:
        frame = planes[0].copy()
        frame[place] = np.clip(np.round(lines), 1, 254)
        return through_dv((frame, *planes[1:3]), pixel_format)[place].astype(np.float32)

    return through


def _about(picture: Plane, first: int, step: int) -> Plane:
    """Colours `(3, H, W)` of a frame, chroma without noise, from the lines `first`, `first + step` … on all lines."""
    lines = np.moveaxis(picture[:, first::step], 0, -1).copy()
    lines[..., 1:] = cv2.blur(lines[..., 1:], _COARSE)
    return np.moveaxis(np.repeat(lines, step, axis=0)[: picture.shape[1]], -1, 0)


def _on_tape(request: ShotRequest, shown: Shown, about: Plane) -> tuple[Plane, Plane]:
    """Luma and chroma of a picture of the master at the tape's raster, in the tape's matrix, primaries and balance.
    `about` `(3, H, W)` is what the tape shows there."""
    width, height, pillar = request.raster[:3]
    luma, chroma = shown[0][:, pillar : pillar + width], shown[1][..., pillar // 2 : (pillar + width) // 2]
    assert luma.shape[0] == height
    small = (about.shape[2], about.shape[1])
    y, cb, cr = (cv2.resize(plane, small, interpolation=cv2.INTER_AREA) for plane in (luma, *chroma))
    y = lowered(y, request.lift) if request.lift else y
    target = (Matrix(request.matrix), Primaries(request.primaries))
    mixing, offset = affine(target[0], request.balance[:3], request.balance[3:])
    balanced = np.einsum("cd,dhw->chw", mixing, about) + offset[:, None, None]
    back = unconverted(np.stack([y, cb, cr]), target, balanced.astype(np.float32)) - offset[:, None, None]
    y, *chroma = np.einsum("cd,dhw->chw", np.linalg.inv(mixing), back).astype(np.float32)
    return y, np.stack(chroma)
