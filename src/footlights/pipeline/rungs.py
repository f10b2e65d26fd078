"""Encoding one chunk at one rung: a lossless reference at the rung's size, then trials until the quality fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, log2
from pathlib import Path

from footlights.core.encodes import ChunkEncode, Probe, Rung
from footlights.core.signal import BT709_SIGNAL, Range, Signal
from footlights.core.time import FrameRange
from footlights.encoding.encoders import Encoder, lossless_intermediate, rung_encoder
from footlights.encoding.search import Goal, search
from footlights.errors import VerificationError
from footlights.media import ffmpeg
from footlights.media.pixels import Samples
from footlights.media.reader import VideoReader, index_video
from footlights.metrics.video import vmaf

TOLERANCE = 0.75
"""VMAF by which the accepted trial may fall short of the target."""
_MEASURED = 48
"""Frames of a chunk that VMAF looks at, where it has that many; never fewer than every sixth."""
_SPARSEST = 6


@dataclass(frozen=True, slots=True)
class ChunkRequest:
    """Everything one encode is made from."""

    rung: Rung
    frames: FrameRange
    """Output frames, for the record."""
    keyframes: tuple[int, ...]
    """Inside the chunk; the first is 0."""
    rate: Fraction
    width: int
    """Of the pictures as displayed, in square samples."""
    height: int
    signal: Signal
    """Of the pictures; a rendition is always BT.709 in studio range."""
    guess: float
    """q to begin with."""
    probes: int


@dataclass(frozen=True, slots=True)
class Picture:
    """Where the chunk's pictures come from."""

    path: Path
    frames: FrameRange
    """Of that file."""


def encode_chunk(request: ChunkRequest, picture: Picture, folder: Path, progress: Callable[[int], None]) -> ChunkEncode:
    """Leave the accepted encode as `chunk.mkv` in `folder`; temporary files are gone when it returns."""
    rung = request.rung
    encoder = rung_encoder(rung.codec, rung.preset)
    reference = _reference(request, picture, folder)
    trials: dict[float, tuple[Path, Probe]] = {}

    def trial(q: float) -> Probe:
        path = folder / f"trial-{q:g}{encoder.suffix}"
        trials[q] = (path, _trial(request, encoder, q, reference, path))
        progress(min(len(trials), request.probes))
        return trials[q][1]

    found_q, outcome = _solve(request, encoder, trial)
    found_q, outcome = _capped(request, encoder, trials, trial, found_q, outcome)
    chosen = trials[found_q]
    chosen[0].replace(folder / f"chunk{encoder.suffix}")
    for path, _ in trials.values():
        path.unlink(missing_ok=True)
    if reference.parent == folder:
        reference.unlink()
    probes = tuple(probe for _, probe in trials.values())
    return ChunkEncode(rung.name, request.frames, request.keyframes, chosen[1], probes, outcome)


def _solve(request: ChunkRequest, encoder: Encoder, trial: Callable[[float], Probe]) -> tuple[float, str]:
    rung = request.rung
    goal = Goal(rung.target, TOLERANCE, rung.q_min, rung.q_max, encoder.q.step, request.probes)
    solver = search(goal, request.guess)
    try:
        q = next(solver)
        while True:
            probe = trial(q)
            # The worst moments count: a chunk may not buy a good mean with a bad second.
            q = solver.send(min(probe.mean, probe.low + 3))
    except StopIteration as end:
        return end.value.q, end.value.outcome


def _capped(
    request: ChunkRequest,
    encoder: Encoder,
    trials: dict[float, tuple[Path, Probe]],
    trial: Callable[[float], Probe],
    q: float,
    outcome: str,
) -> tuple[float, str]:
    """Coarsen until the segment keeps the rung's rate."""
    seconds = float(len(request.frames) / request.rate)
    limit = request.rung.max_rate * seconds / 8
    while trials[q][1].bytes > limit and q < request.rung.q_max:
        outcome = "capped"
        step = log2(trials[q][1].bytes / limit) / _halvings(trials) + encoder.q.step
        q = min(ceil((q + step) / encoder.q.step) * encoder.q.step, request.rung.q_max)
        if q not in trials:
            trial(q)
    return q, outcome


def _halvings(trials: dict[float, tuple[Path, Probe]]) -> float:
    """By how many factors of two the bytes fall per unit of q: from the trials where there are two, else a sixth."""
    sizes = sorted((q, probe.bytes) for q, (_, probe) in trials.items())
    if len(sizes) < 2:
        return 1 / 6
    (first, most), (last, least) = sizes[0], sizes[-1]
    return min(max(log2(most / least) / (last - first), 1 / 16), 1 / 3)


def _trial(request: ChunkRequest, encoder: Encoder, q: float, reference: Path, path: Path) -> Probe:
    rung, count = request.rung, len(request.frames)
    arguments = [
        *ffmpeg.input_arguments(reference, request.rate),
        *encoder.arguments(q, request.keyframes, request.rate),
        ffmpeg.file_url(path),
    ]
    ffmpeg.run(arguments, doing=f"encoding {rung.name} at q {q:g}")
    frames = index_video(path).frames
    if frames != count:
        raise VerificationError(
            f"{rung.name} at q {q:g} holds {frames} frames instead of {count}",
            "the encoder lost or invented frames",
            "run the same command again",
        )
    every = max(1, min(count // _MEASURED, _SPARSEST))
    scores = vmaf(path, reference, request.rate, height=rung.height, frames=count, every=every)
    return Probe(q, path.stat().st_size, round(scores.mean, 3), round(scores.low, 3), round(scores.worst, 3))


def _reference(request: ChunkRequest, picture: Picture, folder: Path) -> Path:
    """The chunk's pictures at the rung's size, lossless. Where a whole file already is that, the file itself."""
    index = index_video(picture.path)
    whole = picture.frames == FrameRange(0, index.frames)
    scaling = _scaling(request)
    if scaling is None and whole and index.pixel_format == "yuv420p10le":
        return picture.path
    target = folder / "reference.mkv"
    tail = [*lossless_intermediate(scaling), ffmpeg.file_url(target)]
    if whole:
        ffmpeg.run([*ffmpeg.input_arguments(picture.path, request.rate), *tail], doing="scaling the reference")
        return target
    with VideoReader(picture.path, index) as reader:
        raw = ffmpeg.RawFormat(index.width, index.height, index.pixel_format, str(request.rate))
        with ffmpeg.EncoderPipe(raw, tail, doing="cutting the reference") as pipe:
            for one in reader.read(picture.frames):
                _send(pipe, one.planes)
    return target


def _scaling(request: ChunkRequest) -> str | None:
    """The filter from the pictures as they are to the rung's size and BT.709; None where nothing is to be done."""
    rung, signal = request.rung, request.signal
    size = f"{rung.width}:{rung.height}"
    if _delivered(signal):
        same = (request.width, request.height) == (rung.width, rung.height) and signal.sample_aspect == 1
        return None if same else f"scale={size}:flags=lanczos+accurate_rnd,setsar=1"
    # H.273 numbers. The transfer stays: SDR of any tag is meant for the one curve that displays have (BT.1886).
    levels = "full" if signal.range is Range.FULL else "limited"
    told = f"matrixin={signal.matrix.value}:primariesin={signal.primaries.value}:transferin=1:rangein={levels}"
    return f"zscale={size}:filter=lanczos:{told}:matrix=1:primaries=1:transfer=1:range=limited,setsar=1"


def _delivered(signal: Signal) -> bool:
    """Whether the samples need no conversion: those of BT.709 in studio range."""
    delivered = BT709_SIGNAL
    return (signal.matrix, signal.primaries, signal.range) == (delivered.matrix, delivered.primaries, delivered.range)


def _send(pipe: ffmpeg.EncoderPipe, planes: Sequence[Samples]) -> None:
    for plane in planes:
        pipe.write(plane)
