"""A proxy: where the search of a chunk begins, from one quick encode of an eighth of its samples, or of a third.

A proxy is the first half of the chunk at half its width and height by SVT-AV1 at preset 10 with quick decisions,
judged against its own small pictures; that takes a seventh of the time of a trial at preset 9 (960×540). On 36 shots
the half says as much as the whole: it is off by 3.3 units of q where that is off by 3.4 (root mean square). Small fast
encodes choose parameters for large slow ones in convex-hull encoding too (Wu et al., Fast encoding parameter selection
for convex hull video encoding, SPIE 11510, 2020). What is shipped is always a trial, never a proxy.

Where a rendition is judged as on a 4K screen half the size misleads: grain is gone there, and the dark looks worse. So
there a proxy is the first third of the chunk as it is, by the encoder of its trials.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from math import inf, log2
from pathlib import Path

from footlights.core.encodes import Probe
from footlights.core.time import FrameRange
from footlights.encoding.allocation import fit, floor_of
from footlights.encoding.encoders import Encoder, SvtAv1, intermediate, intermediate_suffix
from footlights.encoding.ladder import COARSER, STEEPER_LARGE, TEN_BITS
from footlights.encoding.search import Goal, Prior, doubling_of, foreseen, on_grid
from footlights.media import ffmpeg
from footlights.metrics import sampled
from footlights.metrics.video import large, vmaf
from footlights.pipeline.chunks import ChunkRequest, encode

PRESET = 10
_SLOWEST_QUICK = 9
"""The fastest preset of a rendition for which a proxy is worth its time."""
LEAST_LINES = 240
"""Of a rendition; a smaller one is quick itself."""
_SMALLER = -1.0
"""Units of q by which a chunk at full size lies below its proxy at the same preset. The median of 30 shots at a target
of 93 is -1.7, and they spread by 3.7 around it; searches on their curves took fewest trials from -0.5 to -2.5."""
_LARGER = 2.2
"""Bytes of a picture at full size over those of one of the proxy at the q that gives the same score: the median of 36
shots, 1.6 to 2.9 for eight of ten; 5 to 8 for three with grain, which half the size averages away."""
_HALVING = 7.0
"""Units of q in which the bytes of a chunk halve."""
_BENT, _BENT_MORE = -0.21, -0.41
"""How far the units of q in which what is lacking doubles lie from what was expected, as a power of two: of a trial
that has as many bytes for the score of its proxy as is usual, and more for every doubling of them. Twenty shots of 96
frames (960×540, preset 8, five programmes) of which the first trial missed: each left out of the fit in turn, the slope
from there to the target is told within a factor of 1.31 (root mean square) in place of 1.5. Grain, which half the size
averages away, is what takes so many more bytes, and there quality falls twice as fast as movement tells."""
_MOST_BENT = 1.0
_SURELY = 0.05
"""VMAF that is lacking at least, for the logarithm."""
_LEAST_FRAMES = 24
_EVERY = 3
"""VMAF looks at every so many frames of a proxy, where the others can be told from them."""
_RANGE = (6.0, 60.0)


@dataclass(frozen=True, slots=True)
class Start:
    """Where a search begins, and the proxy that said so."""

    prior: Prior
    proxy: Probe | None = None
    every: int = sampled.EVERY
    """VMAF looks at every so many frames of the first trial, by how well few frames of the proxy told the others."""


def begin(request: ChunkRequest, pictures: Path, folder: Path) -> Start:
    """What to expect of a chunk whose lossless `pictures` have the rendition's size.

    Nothing is made where the same chunk is known at another rendition, which says more.
    """
    if not worthwhile(request):
        return Start(Prior(request.guess, request.slope))
    rung, whole = request.rung, large(request.rung.height)
    shift = 0.0 if whole else _SMALLER + COARSER * (PRESET - int(rung.preset)) + TEN_BITS
    goal = Goal(rung.target, 0.0, *_RANGE, SvtAv1().q.step, 1)
    part = replace(request, frames=FrameRange(0, shown(len(request.frames), whole=whole)), keyframes=(0,))
    encoder = SvtAv1(int(rung.preset), request.hdr) if whole else SvtAv1(PRESET, request.hdr, quick=True)
    seen = pictures if whole else _small(part, pictures, folder)
    proxy, every = _proxy(part, encoder, on_grid(request.guess - shift, goal), seen, folder / "proxy.mkv")
    if not whole:
        seen.unlink()
    # Far from the target curves of that size are as steep as those of others.
    slope = request.slope * (STEEPER_LARGE if whole else 1.0)
    q = foreseen(goal, proxy.q, proxy.score, slope) + shift
    aside = request.aside(_likely(request, proxy, q - shift) / len(request.frames))
    q = foreseen(replace(goal, target=goal.target + aside), proxy.q, proxy.score, slope) + shift
    if request.price is not None:
        q = _priced(request, replace(proxy, q=proxy.q + shift), request.price)
    return Start(Prior(min(max(q, rung.q_min), rung.q_max), request.slope), proxy, every)


def slope_after(request: ChunkRequest, start: Start, first: Probe) -> float:
    """VMAF per unit of q to expect around the target once the first trial is known: what it takes in bytes beside its
    proxy tells grain, and where there is grain quality falls faster.

    As on a 4K screen nothing was fitted; where allocation decides, curves are fitted to all trials.
    """
    proxy, slope = start.proxy, start.prior.slope
    if proxy is None or large(request.rung.height) or request.slack:
        return slope
    count, target = len(request.frames), request.rung.target
    lost = log2(max(100 - first.score, _SURELY)) - log2(max(100 - proxy.score, _SURELY))
    excess = log2(first.bytes / count * shown(count) / proxy.bytes / _LARGER)
    excess += doubling_of(target, slope) * lost / _HALVING
    bent = _BENT + _BENT_MORE * excess
    return float(slope / 2 ** min(max(bent, -_MOST_BENT), _MOST_BENT))


def _priced(request: ChunkRequest, proxy: Probe, price: float) -> float:
    """Where the last point of VMAF costs as much as it does elsewhere, by the proxy, whose q is that of the chunk
    at its score; no lower than the floor."""
    rung, count = request.rung, len(request.frames)
    alike = replace(proxy, bytes=round(_likely(request, proxy, proxy.q)))
    doubling = doubling_of(rung.target, request.slope)
    curve = fit([alike], alike, count, request.seconds, (rung.q_min, inf), doubling)
    floor = floor_of(curve, proxy.score, request.lowest, (rung.q_min, rung.q_max), SvtAv1().q.step)
    return replace(curve, q_high=floor, q_low=rung.q_min).at_price(price)


def _likely(request: ChunkRequest, proxy: Probe, q: float) -> float:
    """Bytes that the chunk takes where its proxy, encoded with `q`, would have its score."""
    count, whole = len(request.frames), large(request.rung.height)
    size = proxy.bytes * (1.0 if whole else _LARGER) * count / shown(count, whole=whole)
    return float(size * 2 ** ((proxy.q - q) / _HALVING))


def worthwhile(request: ChunkRequest) -> bool:
    """Whether a proxy costs less than the trials it saves."""
    rung = request.rung
    quick = rung.codec != "av1" or int(rung.preset) > _SLOWEST_QUICK or rung.height < LEAST_LINES
    return request.q is None and request.prior != "rendition" and not quick


def shown(count: int, *, whole: bool = False) -> int:
    """Frames of a proxy of a chunk of `count`, at half the size or at its whole."""
    return min(count, max(-(-count // 3) if whole else (count + 1) // 2, _LEAST_FRAMES))


def _every(count: int) -> int:
    return _EVERY if count >= _LEAST_FRAMES else 1


def _size(request: ChunkRequest) -> tuple[int, int]:
    """Half the rendition's, even numbers."""
    return round(request.rung.width / 4) * 2, round(request.rung.height / 4) * 2


def _small(request: ChunkRequest, pictures: Path, folder: Path) -> Path:
    width, height = _size(request)
    suffix = intermediate_suffix(len(request.frames) * width * height)
    target = folder / f"proxy-reference{suffix}"
    first = ["-frames:v", str(len(request.frames))]
    tail = [*intermediate(suffix, f"scale={width}:{height}:flags=area", request.hdr), *first, ffmpeg.file_url(target)]
    ffmpeg.run([*ffmpeg.input_arguments(pictures, request.rate), *tail], doing="scaling the pictures of a proxy")
    return target


def _proxy(request: ChunkRequest, encoder: Encoder, q: float, pictures: Path, path: Path) -> tuple[Probe, int]:
    """The proxy, and every how many frames of the chunk VMAF is to look at first."""
    count = len(request.frames)
    encode(request, encoder, q, pictures, path)
    every = _every(count)
    see = partial(vmaf, path, pictures, request.rate, height=request.rung.height, frames=count)
    scores = see(every=every)
    first = sampled.EVERY if every == 1 else sampled.first_look(scores.scatter, every)
    # So small all of its frames cost next to nothing.
    if every > 1 and sampled.restless(scores.scatter, every) and not large(request.rung.height):
        scores = see(every=1)
    size = path.stat().st_size
    path.unlink()
    numbers = (round(scores.mean, 3), round(scores.low, 3), round(scores.worst, 3))
    proxy = Probe(q, size, *numbers, "proxy", 0.0, scores.every)
    return proxy, first
