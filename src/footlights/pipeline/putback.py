"""What the tape did and restoring mended, put back by what was measured: lines astray, light that flickered, halos, and
the tape's own coding; and where nothing can be put back, because it was filled anew."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from footlights.core.clip import Clip, Plane
from footlights.core.plans import Step
from footlights.core.source import Ingest
from footlights.core.time import FrameRange
from footlights.media.reader import VideoReader
from footlights.metrics import noise as noise_of
from footlights.metrics.quantised import quantised
from footlights.metrics.redegradation import Coder, Strayed
from footlights.pipeline.pictures import to_planes
from footlights.restoration.base import build
from footlights.restoration.dots import RemoveDots
from footlights.restoration.dropouts import ConcealDropouts
from footlights.restoration.flicker import LevelFlicker
from footlights.restoration.halos import EqualiseHalos, refiltered, response
from footlights.restoration.timebase import AlignLines, shifted

_AROUND = 2
"""Frames on each side by which the offsets of lines are measured."""
_DARK = 0.02
"""Luma above black from which a gain can be told."""
_AWAY = range(3, 13)
"""Frames after which pictures of an MPEG stream are not predicted from each other directly, and still show much the
same: noise between neighbours is partly one and the same."""
_OTHERS = 3
"""Frames that one is compared with for its noise."""

Opened = tuple[Ingest, VideoReader]


def jumped(step: Step | None) -> set[int]:
    """Slots of frames with a field that lay too high or too low: nothing is compared there."""
    fields = step.params.get("jumped", ()) if step else ()
    assert isinstance(fields, tuple)
    return {int(field) // 2 for field in fields}


def strayed(step: Step, opened: Opened, source: int, shot: FrameRange, rows: slice) -> Strayed:
    """Moves lines of the master as far as those of ingest frame `source` lie from their place; `rows` are the lines of
    the frame that are compared."""
    stage = build(step)
    assert isinstance(stage, AlignLines)
    offsets = stage.offsets(_around(opened, source, shot, _AROUND))[rows]

    def moved(lines: NDArray[np.float64], numbers: NDArray[np.intp]) -> NDArray[np.float64]:
        return shifted(lines.astype(np.float32), -offsets[numbers]).astype(np.float64)

    return moved


def concealed(step: Step, opened: Opened, source: int, shot: FrameRange) -> NDArray[np.bool_]:
    """Samples `(H, W)` of ingest frame `source` that lie in streaks which the stage fills anew."""
    stage = build(step)
    assert isinstance(stage, ConcealDropouts)
    clip = _around(opened, source, shot, stage.contract.before)
    (before,), (after,) = clip.take(clip.frames.shrink(stage.contract.before)).luma, stage.run(clip).luma
    return np.asarray(after != before)


def levelled(step: Step, opened: Opened, source: int, shot: FrameRange) -> Plane:
    """Gain `(H, W)` of luma above black by which the stage levelled ingest frame `source`."""
    stage = build(step)
    assert isinstance(stage, LevelFlicker)
    reach = stage.contract.before
    clip = _around(opened, source, shot, reach, hold=True)
    before, after = clip.luma[reach], stage.run(clip).luma[0]
    return np.where(before > _DARK, after / np.maximum(before, _DARK), 1).astype(np.float32)


def sharpened(step: Step, lines: Plane) -> Plane:
    """Lines `(h, w)` with the halos that the stage took from them."""
    stage = build(step)
    assert isinstance(stage, EqualiseHalos)
    return refiltered(lines, response(stage.params.taps, stage.params.strength))


def dotted(step: Step, luma: Plane, chroma: Plane) -> Plane:
    """The dots `(H, W)` that the stage takes out of a frame of the tape, luma `(H, W)` and chroma `(2, H, W')`."""
    stage = build(step)
    assert isinstance(stage, RemoveDots)
    return luma - stage.without(luma, chroma)


def mpeg(scale: float) -> Coder:
    """What a picture loses in the tape's own quantiser."""

    def through(lines: Plane) -> Plane:
        return quantised(lines, scale)

    return through


def noise(opened: Opened, shot: FrameRange, source: int, levels: Sequence[float]) -> tuple[float, ...]:
    """Luma sigma at the luma codes `levels`, both in codes, of frame `source` of an MPEG stream: coarse steps take more
    of the tape's noise away than fine ones, so that it is told from frames whose steps are like its own. Nothing where
    the shot has no other frame."""
    others = [number for number in range(shot.start, shot.stop) if abs(number - source) in _AWAY]
    if not others:
        farthest = max((shot.start, shot.stop - 1), key=lambda number: abs(number - source))
        others = [farthest] if farthest != source else []
    quantisers = opened[0].quantisers
    unlike = {number: abs(quantisers[number] - quantisers[source]) for number in others}
    others.sort(key=lambda number: (unlike[number], abs(number - source)))
    one, found = _luma(opened, source), []
    for other in others[:_OTHERS]:
        far = _luma(opened, other)
        samples = (noise_of.measure(one[field::2], far[field::2]) for field in (0, 1))
        found += [np.where(np.isnan(sample.bands), sample.sigma, sample.bands) for sample in samples if sample]
    if not found:
        return ()
    middles = (np.arange(noise_of.BANDS) + 0.5) * 256 / noise_of.BANDS
    return tuple(float(sigma) for sigma in np.interp(levels, middles, np.median(found, axis=0)))


def _luma(opened: Opened, number: int) -> Plane:
    """Codes of an ingest frame."""
    ingest, reader = opened
    (picture,) = reader.read(FrameRange(number, number + 1))
    luma, _ = to_planes(picture, reader.layout, ingest.source.signal, interlaced=ingest.interlaced[number])
    return luma * np.float32(219) + np.float32(16)


def _around(opened: Opened, source: int, shot: FrameRange, reach: int, *, hold: bool = False) -> Clip:
    """A frame and those up to `reach` from it, mirrored at the shot's ends as the chain does, or held."""
    ingest = opened[0]
    first, last = shot.start, shot.stop - 1
    luma = []
    for number in range(source - reach, source + reach + 1):
        mirrored = 2 * first - number if number < first else 2 * last - number if number > last else number
        shown = number if hold else mirrored
        luma.append((_luma(opened, min(max(shown, first), last)) - 16) / np.float32(219))
    slot = ingest.slots[source]
    chroma = np.zeros((len(luma), 2, *luma[0].shape), np.float32)
    frames = FrameRange(slot - reach, slot + reach + 1)
    return Clip(np.stack(luma), chroma, ingest.source.signal, frames, Fraction(ingest.source.rate))
