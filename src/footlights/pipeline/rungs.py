"""Encoding one chunk at one rung: a lossless reference at the rung's size, then trials until the quality fits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from math import ceil, log2
from pathlib import Path

from footlights.core.encodes import ChunkEncode, GrainEncode, Probe
from footlights.core.time import FrameRange
from footlights.encoding.encoders import Encoder, rung_encoder
from footlights.encoding.search import Goal, Prior, Reason, search
from footlights.media.reader import index_video
from footlights.metrics import sampled
from footlights.metrics.video import Need, Scores, cambi, judge
from footlights.pipeline import graining, proxies, references
from footlights.pipeline.chunks import MOST_BANDING, TOLERANCE, ChunkRequest, Picture, encode
from footlights.pipeline.graining import Treatment

_FINER = 4.0
"""Units of q by which a chunk with banding is encoded finer."""
_MENDING = 2
"""Times it is."""
_FIRST = 8
"""Frames of a chunk by which it is seen whether that may help."""
_SURE = (0.5, 1.5)
"""Times the bands allowed: where a few frames have less in the mean, or each of them more, they are enough."""
_SOUGHT = frozenset[str](Reason)
"""What leads a search to a trial."""
_TEMPORARY = ("reference.*", "clean.*", "clean-master.*", "trial-*")
_CAP_STEP = 1.0
"""q by which baked grain is coarsened until it keeps the rate."""


def encode_chunk(request: ChunkRequest, picture: Picture, folder: Path, progress: Callable[[int], None]) -> ChunkEncode:
    """Leave the accepted encode as `chunk.mkv` in `folder`; temporary files are gone when it returns."""
    encoder = rung_encoder(request.rung.codec, request.rung.preset, request.hdr, request.threads)
    treated = references.treated(request, picture, folder)
    # Grain that is drawn again hides bands; what is left of them is looked at with it.
    found = _accepted(request, encoder, treated.pictures, folder, progress, mend=not treated.removed)
    target = folder / f"chunk{encoder.suffix}"
    if request.grain == "auto":
        found = _grained(request, encoder, treated, found, target)
        if found.grain is not None and found.grain.outcome != "kept" and request.banding < MOST_BANDING:
            found = _looked_at(request, found, target, treated.grainy)
    else:
        found.path.replace(target)
        found = replace(found, grain=graining.with_left(treated.kept, treated, target))
    for path in (one for name in _TEMPORARY for one in folder.glob(name)):
        path.unlink()
    return ChunkEncode(
        request.rung.name,
        request.frames,
        request.keyframes,
        found.chosen,
        found.probes,
        found.outcome,
        found.grain,
        request.lowest,
        found.bands,
        request.prior,
        found.proxy,
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """Where a search ended."""

    path: Path
    chosen: Probe
    probes: tuple[Probe, ...]
    outcome: str
    grain: GrainEncode | None = None
    bands: str = "few"
    proxy: Probe | None = None


def _accepted(
    request: ChunkRequest,
    encoder: Encoder,
    reference: Path,
    folder: Path,
    progress: Callable[[int], None],
    *,
    mend: bool = True,
) -> _Found:
    """Search for q against `reference`; the accepted trial is the encode, the others are deleted."""
    trials = _Trials(request, encoder, reference, folder, progress)
    if request.q is not None:
        trials.make(request.q, "allocation")
        probe = trials.settled(request.q) if mend else trials.made[request.q][1]
        return _Found(trials.made[request.q][0], probe, (probe,), "allocated", bands=_bands(request, probe.banding))
    start = proxies.begin(request, reference, folder)
    trials.every = min(trials.every, start.every)
    found_q, outcome = _solve(request, encoder, start, trials.make)
    found_q, outcome = _capped(request, encoder, trials.made, trials.make, found_q, outcome)
    # What is not to be mended is looked at again with its grain.
    bands = _bands(request, (trials.settled(found_q) if mend else trials.made[found_q][1]).banding)
    # Eight bits have no finer steps to give.
    if mend and bands == "seen" and request.rung.bit_depth > 8 and trials.promising(found_q):
        found_q, bands = _mended(request, encoder, trials.made, trials.make, found_q)
    for q, (path, _) in trials.made.items():
        if q != found_q:
            path.unlink(missing_ok=True)
    path, chosen = trials.made[found_q]
    probes = tuple(probe for _, probe in trials.made.values())
    return _Found(path, chosen, probes, outcome, bands=bands, proxy=start.proxy)


@dataclass(slots=True)
class _Trials:
    """Encodes of one chunk, made as they are asked for."""

    request: ChunkRequest
    encoder: Encoder
    reference: Path
    folder: Path
    progress: Callable[[int], None]
    made: dict[float, tuple[Path, Probe]] = field(default_factory=dict)
    """By q."""
    doubtful: set[float] = field(default_factory=set)
    """Those of whose bands a few frames do not say enough."""
    every: int = field(init=False)
    """VMAF looks at every so many frames of the next one; fewer than that were too few before."""

    def __post_init__(self) -> None:
        self.every = sampled.every_of(len(self.request.frames))

    def make(self, q: float, why: str) -> Probe:
        path = self.folder / f"trial-{q:g}{self.encoder.suffix}"
        probe, doubt = _trial(self.request, self.encoder, q, self.reference, path, self.every, why)
        self.every = probe.every
        self.made[q] = (path, replace(probe, why=why))
        if doubt:
            self.doubtful.add(q)
        self.progress(min(len(self.made), self.request.probes))
        return self.settled(q) if why == "banding" else self.made[q][1]

    def promising(self, q: float) -> bool:
        """Whether the first frames have few enough bands at the finest value that `q` would be mended with. Where the
        pictures' own grain hides what no encode keeps, they do not."""
        if len(self.request.frames) < 2 * _FIRST:
            return True
        first = FrameRange(self.request.frames.start, self.request.frames.start + _FIRST)
        part = replace(self.request, frames=first, keyframes=(0,))
        path = self.folder / f"trial-first{self.encoder.suffix}"
        finest = max(q - _MENDING * _FINER, self.request.rung.q_min)
        encode(part, self.encoder, finest, self.reference, path)
        added = _added(part, path, self.reference)
        path.unlink()
        return added <= self.request.banding

    def settled(self, q: float) -> Probe:
        """With bands measured on more frames where few left it open: of a trial that is not kept nobody asks."""
        path, probe = self.made[q]
        if q in self.doubtful:
            self.doubtful.remove(q)
            self.made[q] = (path, replace(probe, banding=round(_added(self.request, path, self.reference), 3)))
        return self.made[q][1]


def _grained(request: ChunkRequest, encoder: Encoder, treated: Treatment, found: _Found, target: Path) -> _Found:
    """The accepted encode with its grain given back, as `target`."""
    first = request.frames.start
    if request.rung.codec != "av1":
        return _baked(request, encoder, treated, found, target)
    if treated.removed:
        grain = graining.code(treated, found.path, target, first)
    else:
        grain = graining.with_left(graining.mark(treated, found.path, target, first), treated, target)
    return replace(found, grain=grain, chosen=replace(found.chosen, bytes=target.stat().st_size))


def _baked(request: ChunkRequest, encoder: Encoder, treated: Treatment, found: _Found, target: Path) -> _Found:
    """A codec whose decoders draw no grain: pictures with a share of it, at the q that clean pictures need."""
    if not treated.removed:
        found.path.replace(target)
        return replace(found, grain=graining.with_left(treated.kept, treated, target))
    pictures = graining.baked(treated, request.rate, target.parent)
    q, outcome = found.chosen.q, found.outcome
    limit = request.rung.max_rate * request.seconds / 8
    while (size := _size_at(request, encoder, pictures, q, target)) > limit and q < request.rung.q_max:
        q, outcome = min(q + _CAP_STEP, request.rung.q_max), "capped"
    pictures.unlink()
    grain = graining.bake_figures(treated, target)
    return replace(found, grain=grain, outcome=outcome, chosen=replace(found.chosen, q=q, bytes=size))


def _size_at(request: ChunkRequest, encoder: Encoder, pictures: Path, q: float, path: Path) -> int:
    """Bytes of an encode that is not judged."""
    encode(request, encoder, q, pictures, path)
    return path.stat().st_size


def _solve(
    request: ChunkRequest, encoder: Encoder, start: proxies.Start, trial: Callable[[float, str], Probe]
) -> tuple[float, str]:
    rung, slack = request.rung, request.slack
    goal = Goal(rung.target, TOLERANCE + slack, rung.q_min, rung.q_max, encoder.q.step, request.probes)
    wanted = next(search(goal, start.prior))
    probe = trial(wanted.q, wanted.why)
    # What the first trial says of the slope, and whether the chunk is dear, is known before the second.
    goal = replace(goal, aside=request.aside(probe.bytes / len(request.frames)))
    solver = search(goal, Prior(start.prior.q, proxies.slope_after(request, start, probe)))
    next(solver)
    try:
        while True:
            wanted = solver.send(min(probe.score, rung.target) if slack else probe.score)
            probe = trial(wanted.q, wanted.why)
    except StopIteration as end:
        return end.value.q, end.value.outcome


def _capped(
    request: ChunkRequest,
    encoder: Encoder,
    trials: dict[float, tuple[Path, Probe]],
    trial: Callable[[float, str], Probe],
    q: float,
    outcome: str,
) -> tuple[float, str]:
    """Coarsen until the segment keeps the rung's rate; where that leaves it near the target, the target is reached."""
    limit = request.rung.max_rate * request.seconds / 8
    before = q
    while trials[q][1].bytes > limit and q < request.rung.q_max:
        step = log2(trials[q][1].bytes / limit) / _halvings(trials) + encoder.q.step
        q = min(ceil((q + step) / encoder.q.step) * encoder.q.step, request.rung.q_max)
        if q not in trials:
            trial(q, "rate")
    if q != before:
        outcome = "reached" if trials[q][1].score >= request.lowest - TOLERANCE else "capped"
    return q, outcome


def _looked_at(request: ChunkRequest, found: _Found, made: Path, grainy: Path) -> _Found:
    """Bands in the finished chunk with its grain drawn or baked, against the pictures with theirs."""
    added = _added(request, made, grainy)
    return replace(found, bands=_bands(request, added), chosen=replace(found.chosen, banding=round(added, 3)))


def _bands(request: ChunkRequest, added: float) -> str:
    return "few" if added <= request.banding else "seen"


def _mended(
    request: ChunkRequest,
    encoder: Encoder,
    trials: dict[float, tuple[Path, Probe]],
    trial: Callable[[float, str], Probe],
    q: float,
) -> tuple[float, str]:
    """Finer until the encode adds no more bands than allowed, as far as the rate goes; where that fails, as it was."""
    limit = request.rung.max_rate * request.seconds / 8
    finer = q
    for _ in range(_MENDING):
        finer = max(round((finer - _FINER) / encoder.q.step) * encoder.q.step, request.rung.q_min)
        probe = trials[finer][1] if finer in trials else trial(finer, "banding")
        if probe.bytes > limit:
            break
        if probe.banding <= request.banding:
            return finer, "mended"
    return q, "seen"


def _halvings(trials: dict[float, tuple[Path, Probe]]) -> float:
    """By how many factors of two the bytes fall per unit of q: from the trials where there are two, else a sixth."""
    sizes = sorted((q, probe.bytes) for q, (_, probe) in trials.items())
    if len(sizes) < 2:
        return 1 / 6
    (first, most), (last, least) = sizes[0], sizes[-1]
    return min(max(log2(most / least) / (last - first), 1 / 16), 1 / 3)


def _trial(
    request: ChunkRequest, encoder: Encoder, q: float, reference: Path, path: Path, every: int, why: str
) -> tuple[Probe, bool]:
    """One encode measured, on every `every`-th frame or, where these are not enough, on more; its bands on a few
    frames, and whether these leave it open if too many were added."""
    rung, count = request.rung, len(request.frames)
    encode(request, encoder, q, reference, path)
    width = rung.width if request.banding < MOST_BANDING else 0
    scores = judge(
        path,
        reference,
        request.rate,
        height=rung.height,
        frames=count,
        need=Need(every, partial(_told, request, q)) if why in _SOUGHT else Need(every),
        width=width,
        starts=request.keyframes,
    )
    probe = Probe(
        q,
        path.stat().st_size,
        round(scores.mean, 3),
        round(scores.low, 3),
        round(scores.worst, 3),
        banding=round(scores.banding, 3),
        every=scores.every,
        second=round(scores.second, 3),
        colour=None if request.hdr else round(scores.colour, 2),
    )
    return probe, _doubtful(scores, request.banding)


def _told(request: ChunkRequest, q: float, found: Scores) -> bool:
    """Whether a trial of a search is so far from the target that no closer look would bring it there. Where allocation
    decides every trial counts, and at the ends of the range it may be what is shipped."""
    rung = request.rung
    inside = rung.q_min < q < rung.q_max and not request.slack
    return inside and sampled.missed(found.score, rung.target)


def _doubtful(scores: Scores, allowed: float) -> bool:
    """Whether the few frames that were looked at for bands leave it open if too many were added."""
    if not len(scores.bands):
        return False
    few = scores.banding <= _SURE[0] * allowed and float(scores.bands.max()) <= allowed
    return not few and float(scores.bands.min()) <= _SURE[1] * allowed


def _added(request: ChunkRequest, made: Path, reference: Path) -> float:
    """Mean CAMBI beyond that of the reference, on all of its frames that VMAF looks at."""
    rung, count = request.rung, min(len(request.frames), index_video(reference).frames)
    seen = cambi(
        made,
        reference,
        request.rate,
        width=rung.width,
        height=rung.height,
        frames=count,
        every=sampled.every_of(count),
    )
    return float(seen.mean()) if len(seen) else 0.0
