"""A proxy: where the search of a chunk begins, from one quick encode of an eighth of its samples.

A proxy is the first half of the chunk at half its width and height by SVT-AV1 at preset 10, judged against its own
small pictures; that takes a seventh of the time of a trial at preset 8 (960×540). On 36 shots the half says as much as
the whole: it is off by 3.3 units of q where that is off by 3.4 (root mean square). Small fast encodes choose parameters
for large slow ones in convex-hull encoding too (Wu et al., Fast encoding parameter selection for convex hull video
encoding, SPIE 11510, 2020). What is shipped is always a trial, never a proxy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf, log2
from pathlib import Path

from footlights.core.encodes import Probe, Rung
from footlights.core.time import FrameRange
from footlights.encoding.allocation import fit, floor_of
from footlights.encoding.encoders import SvtAv1, intermediate, intermediate_suffix
from footlights.encoding.ladder import COARSER
from footlights.encoding.search import Goal, Prior, doubling_of, foreseen, on_grid
from footlights.media import ffmpeg
from footlights.metrics import sampled
from footlights.metrics.video import judge, large
from footlights.pipeline.chunks import ChunkRequest, encode

PRESET = 10
_SLOWEST_QUICK = 9
"""The fastest preset of a rendition for which a proxy is worth its time."""
LEAST_LINES = 240
"""Of a rendition; a smaller one is quick itself."""
_SMALLER = -1.0
"""Units of q by which a chunk at full size lies below its proxy at the same preset. The median of 30 shots at a target
of 93 is -1.7, and they spread by 3.7 around it; searches on their curves took fewest trials from -0.5 to -2.5."""
_SMALLER_LARGE = 2.8
"""The same where the rendition, and so its proxy, is judged as on a 4K screen: six shots of 2160 lines by preset 8 lie
3.8 above their proxies of preset 10 in the median, five of them 3.4 to 12.6, and one with grain, which half the size
averages away, 8.2 below. By the model for 1080 lines, as proxies were judged before, they lie 6 to 22 above."""
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
    rung = request.rung
    shift = _shift(rung)
    goal = Goal(rung.target, 0.0, *_RANGE, SvtAv1().q.step, 1)
    part = replace(request, frames=FrameRange(0, shown(len(request.frames))), keyframes=(0,))
    small = _small(part, pictures, folder)
    proxy, every = _proxy(part, on_grid(request.guess - shift, goal), small, folder / "proxy.mkv")
    small.unlink()
    q = foreseen(goal, proxy.q, proxy.score, request.slope) + shift
    if request.price is not None:
        q = _priced(request, proxy, shift, request.price)
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


def _shift(rung: Rung) -> float:
    """Units of q by which a chunk of a rendition lies above its proxy at the same score."""
    return (_SMALLER_LARGE if large(rung.height) else _SMALLER) + COARSER * (PRESET - int(rung.preset))


def _priced(request: ChunkRequest, proxy: Probe, shift: float, price: float) -> float:
    """Where the last point of VMAF costs as much as it does elsewhere, by the proxy; no lower than the floor."""
    rung = request.rung
    count = len(request.frames)
    size = round(proxy.bytes * _LARGER * count / shown(count))
    large = replace(proxy, q=proxy.q + shift, bytes=size)
    doubling = doubling_of(rung.target, request.slope)
    curve = fit([large], large, count, request.seconds, (rung.q_min, inf), doubling)
    floor = floor_of(curve, proxy.score, request.lowest, (rung.q_min, rung.q_max), SvtAv1().q.step)
    return replace(curve, q_high=floor, q_low=rung.q_min).at_price(price)


def worthwhile(request: ChunkRequest) -> bool:
    """Whether a proxy costs less than the trials it saves."""
    rung = request.rung
    quick = rung.codec != "av1" or int(rung.preset) > _SLOWEST_QUICK or rung.height < LEAST_LINES
    return request.q is None and request.prior != "rendition" and not quick


def shown(count: int) -> int:
    """Frames of a proxy of a chunk of `count`."""
    return min(count, max((count + 1) // 2, _LEAST_FRAMES))


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


def _proxy(request: ChunkRequest, q: float, small: Path, path: Path) -> tuple[Probe, int]:
    """The proxy, and every how many frames of the chunk VMAF is to look at first."""
    count = len(request.frames)
    encode(request, SvtAv1(PRESET, request.hdr, request.threads), q, small, path)
    every = _every(count)
    scores = judge(path, small, request.rate, height=request.rung.height, frames=count, every=every)
    size = path.stat().st_size
    path.unlink()
    numbers = (round(scores.mean, 3), round(scores.low, 3), round(scores.worst, 3))
    proxy = Probe(q, size, *numbers, "proxy", 0.0, scores.every)
    # So short a proxy was measured whole anyway.
    first = sampled.EVERY if every == 1 else sampled.first_look(scores.scatter, scores.every)
    # There all frames take longer than the encode, and small restless pictures need not be so at full size.
    return proxy, max(first, sampled.CLOSER) if large(request.rung.height) else first
