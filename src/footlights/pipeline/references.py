"""The pictures of a chunk at a rendition's size, without loss: what its encodes are made of and judged against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from footlights.core.signal import Range, Signal, delivered
from footlights.core.time import FrameRange
from footlights.encoding.encoders import intermediate, intermediate_suffix
from footlights.media import ffmpeg
from footlights.media.pixels import Samples
from footlights.media.reader import VideoReader, index_video
from footlights.metrics import sampled
from footlights.metrics.video import KEPT, seen_at, thinning
from footlights.pipeline import graining
from footlights.pipeline.chunks import ChunkRequest, Picture
from footlights.pipeline.graining import Treatment

_TELLING = 96
"""Pictures of a chunk of one shot that tell its grain where there is a clean master: to decode pictures with grain
takes three times as long as without."""
_CLEANED = 49
"""Frames by which renditions are told apart where grain has to be taken out first, which takes ten times as long."""


def make(request: ChunkRequest, picture: Picture, folder: Path, every: int = 1, *, name: str = "reference") -> Path:
    """The chunk's pictures at the rung's size, lossless, as the file `name`, or what `thinning` leaves of them. Where a
    whole file already is all that, and raw pictures would be too many, the file itself."""
    index = index_video(picture.path)
    whole = picture.frames == FrameRange(0, index.frames)
    scaling = _scaling(request)
    frames = min(KEPT * -(-len(request.frames) // every), len(request.frames))
    suffix = intermediate_suffix(frames * request.rung.width * request.rung.height)
    if every == 1 and scaling is None and whole and index.pixel_format == "yuv420p10le" and suffix != ".nut":
        return picture.path
    target = folder / f"{name}{suffix}"
    if whole:
        thinned = ",".join([*([thinning(every)] if every > 1 else []), *([scaling] if scaling else [])])
        tail = [*intermediate(suffix, thinned or None, request.hdr), ffmpeg.file_url(target)]
        ffmpeg.run([*ffmpeg.input_arguments(picture.path, request.rate), *tail], doing="scaling the reference")
        return target
    tail = [*intermediate(suffix, scaling, request.hdr), ffmpeg.file_url(target)]
    with VideoReader(picture.path, index) as reader:
        raw = ffmpeg.RawFormat(index.width, index.height, index.pixel_format, str(request.rate))
        with ffmpeg.EncoderPipe(raw, tail, doing="cutting the reference") as pipe:
            for number, one in enumerate(reader.read(picture.frames)):
                if number % every < KEPT:
                    _send(pipe, one.planes)
    return target


def treated(request: ChunkRequest, picture: Picture, folder: Path) -> Treatment:
    """The chunk's pictures at the rung's size, without grain where that is worth taking out: by the clean pictures,
    where they were kept, else found."""
    if request.grain != "auto":
        return graining.as_it_is(make(request, picture, folder), request.keyframes)
    if picture.clean is None:
        return _prepared(request, make(request, picture, folder), folder)
    clean = make(request, replace(picture, path=picture.clean), folder, name="clean-master")
    told = min(_TELLING, len(request.frames)) if request.keyframes == (0,) else len(request.frames)
    grainy = make(*_first(request, picture, told), folder)
    found = graining.prepare_clean(grainy, clean, request.keyframes, request.rung.codec)
    bakes = request.rung.codec != "av1"
    if told < len(request.frames) and (found is None or not found.removed or bakes):
        grainy = make(request, picture, folder)
    if found is None:
        return _prepared(request, grainy, folder)
    return replace(found, grainy=grainy, pictures=clean if found.removed else grainy)


def _prepared(request: ChunkRequest, reference: Path, folder: Path) -> Treatment:
    return graining.prepare(reference, request.keyframes, request.rate, folder, request.rung.codec)


def _first(request: ChunkRequest, picture: Picture, count: int) -> tuple[ChunkRequest, Picture]:
    """The first pictures of a chunk."""
    frames, shown = (FrameRange(one.start, one.start + count) for one in (request.frames, picture.frames))
    return replace(request, frames=frames), replace(picture, frames=shown)


def seen_large(
    request: ChunkRequest, picture: Picture, made: Sequence[Path], folder: Path, *, removed: bool
) -> tuple[float, ...]:
    """VMAF of the same chunk at several renditions, all seen at the size of `request`, the largest; without grain where
    that was `removed`. Few frames are looked at: whether renditions are alike they tell as well as all."""
    rung, frames, every = request.rung, len(request.frames), sampled.every_of(len(request.frames))
    if removed and picture.clean is not None:
        picture, removed = replace(picture, path=picture.clean), False
    if removed:
        frames, every = min(frames, _CLEANED), 1
        request, picture = _first(request, picture, frames)
    pictures = reference = make(request, picture, folder, every)
    if removed:
        pictures = _prepared(request, reference, folder).pictures
    seen = tuple(
        round(
            seen_at(path, pictures, request.rate, width=rung.width, height=rung.height, frames=frames, every=every), 3
        )
        for path in made
    )
    for path in {reference, pictures}:
        if path.parent == folder:
            path.unlink(missing_ok=True)
    return seen


def _scaling(request: ChunkRequest) -> str | None:
    """The filter from the pictures as they are to the rung's size and colour; None where nothing is to be done."""
    rung, signal = request.rung, request.signal
    size = f"{rung.width}:{rung.height}"
    if _delivered(signal):
        same = (request.width, request.height) == (rung.width, rung.height) and signal.sample_aspect == 1
        return None if same else f"scale={size}:flags=lanczos+accurate_rnd,setsar=1"
    # H.273 numbers. The transfer stays: SDR of any tag is meant for the one curve that displays have (BT.1886).
    levels = "full" if signal.range is Range.FULL else "limited"
    told = f"matrixin={signal.matrix.value}:primariesin={signal.primaries.value}:transferin=1:rangein={levels}"
    even = "crop=trunc(iw/2)*2:trunc(ih/2)*2:0:0"  # zscale refuses halves of a chroma sample; an odd line goes
    return f"{even},zscale={size}:filter=lanczos:{told}:matrix=1:primaries=1:transfer=1:range=limited,setsar=1"


def _delivered(signal: Signal) -> bool:
    """Whether the samples need no conversion."""
    wanted = delivered(signal)
    return (signal.matrix, signal.primaries, signal.range) == (wanted.matrix, wanted.primaries, wanted.range)


def _send(pipe: ffmpeg.EncoderPipe, planes: Sequence[Samples]) -> None:
    for plane in planes:
        pipe.write(plane)
