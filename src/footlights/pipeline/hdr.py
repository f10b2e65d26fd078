"""The HDR rendition: every piece of the finished master once more as BT.2100 video, and one file of them with sound.

The SDR master is read, never changed; `hdr.mkv` stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from footlights.core import colour, records
from footlights.core.clip import Clip, Plane
from footlights.core.products import Check, HdrFacts
from footlights.core.signal import Range, Transfer
from footlights.core.source import Ingest
from footlights.core.time import FrameRange
from footlights.encoding.encoders import X265
from footlights.engine.tasks import Resources, Task
from footlights.enhancement.hdr import expanded, signal_of
from footlights.media.audio import AudioTrack
from footlights.media.ffmpeg import EncoderPipe, RawFormat, file_url
from footlights.media.mux import write_master
from footlights.media.pieces import Piece
from footlights.media.reader import VideoReader, colour_tags, index_video
from footlights.media.soundtrack import Container
from footlights.pipeline import assembly
from footlights.pipeline.assembly import AS_IT_IS, SoundPlan, Timing
from footlights.pipeline.pictures import Quantiser
from footlights.pipeline.restore import PieceRequest
from footlights.settings import Settings

JOIN = "hdr"
FILE = "hdr.mkv"
_CURVES = {"pq": Transfer.PQ, "hlg": Transfer.HLG}
_NAMES = {Transfer.PQ: "smpte2084", Transfer.HLG: "arib-std-b67"}
_QUALITY = 10.0
"""CRF of the HEVC encoder: what masters of HEVC have."""
_OPS = "footlights.pipeline.ops"


@dataclass(frozen=True, slots=True)
class HdrPiece:
    """One piece of the master to be made anew."""

    frames: FrameRange
    """Output frames."""
    keyframes: tuple[int, ...]
    """In the piece."""
    curve: int
    """H.273 transfer characteristics."""
    rate: Fraction
    seed: int


@dataclass(frozen=True, slots=True)
class HdrJoin:
    """All pieces, to be joined."""

    curve: int
    timing: Timing
    sound: SoundPlan = AS_IT_IS


def tasks(restored: Sequence[Task], timing: Timing, sound: SoundPlan, settings: Settings) -> list[Task]:
    """One task per piece of the master, and one that joins them; none where no HDR is wanted."""
    if settings.master.hdr == "off":
        return []
    curve = int(_CURVES[settings.master.hdr])
    made = []
    for task in restored:
        asked = records.from_data(PieceRequest, task.params["request"], "the piece")
        piece = HdrPiece(asked.piece.frames, asked.keyframes, curve, asked.rate, asked.seed)
        made.append(
            Task(
                f"hdr/{asked.piece.index:05d}",
                f"{_OPS}:make_hdr",
                1,
                {"request": records.to_data(piece)},
                needs=(task.id,),
                resources=task.resources,
                units=task.units,
                priority=8,
            )
        )
    join = HdrJoin(curve, timing, sound)
    needs = ("ingest", *(task.id for task in made))
    disk = sum(task.resources.disk for task in made)
    params = {"request": records.to_data(join)}
    return [
        *made,
        Task(
            JOIN,
            f"{_OPS}:join_hdr",
            1,
            params,
            needs=needs,
            resources=Resources(disk=disk),
            units=timing.frames,
            priority=4,
        ),
    ]


def make(request: HdrPiece, source: Path, target: Path, progress: Callable[[int], None]) -> int:
    """Write one piece; the number of frames with light sources brighter than white."""
    curve, bright, quantiser = Transfer(request.curve), 0, Quantiser(request.seed)
    index = index_video(source)
    raw = RawFormat(index.width, index.height, "yuv420p10le", str(request.rate))
    encoder = X265(hdr=_NAMES[curve])
    arguments = [*encoder.arguments(_QUALITY, request.keyframes, request.rate), file_url(target)]
    with VideoReader(source, index) as reader, EncoderPipe(raw, arguments, doing="encoding HDR") as pipe:
        for number, (luma, chroma) in enumerate(_pictures(reader, len(request.frames))):
            made = expanded(luma, chroma, curve)
            bright += made.sources > 0
            frame = request.frames.start + number
            one = Clip(made.luma[None], made.chroma[None], signal_of(curve), FrameRange(frame, frame + 1), request.rate)
            for plane in quantiser.codes(one, 0):
                pipe.write(plane)
            progress(number + 1)
    found = index_video(target).frames
    assembly.refuse_failed([_count("HDR piece frames", found, len(request.frames))], target.name)
    return bright


def join(
    request: HdrJoin,
    ingest: Ingest,
    sound: Sequence[AudioTrack],
    pieces: Sequence[tuple[Path, int]],
    bright: int,
    folder: Path,
) -> HdrFacts:
    """Write `hdr.mkv` of pieces with their numbers of frames, and check what it holds and how it is tagged."""
    target, signal = folder / FILE, signal_of(Transfer(request.curve))
    write_master(
        target,
        Container.MATROSKA,
        [Piece(path, frames) for path, frames in pieces],
        request.timing.clock(),
        signal=signal,
        sound=sound,
        timecode=assembly.timecode_of(ingest, request.timing, request.sound),
    )
    found = index_video(target)
    tags = colour_tags(target)
    wanted = tuple(int(tag) for tag in (signal.primaries, signal.transfer, signal.matrix, signal.range))
    checks = (
        _count("HDR frames", found.frames, request.timing.frames),
        Check("HDR colour tags", tags == wanted, str(tags), str(wanted)),
    )
    assembly.refuse_failed(checks, FILE)
    return HdrFacts(FILE, found.frames, Transfer(request.curve).name, bright, checks)


def _pictures(reader: VideoReader, frames: int) -> Iterator[tuple[Plane, Plane]]:
    bits = reader.layout.bits
    for picture in reader.read(FrameRange(0, frames)):
        luma = colour.luma_from_codes(picture.planes[0], bits, Range.LIMITED)
        chroma = np.stack([colour.chroma_from_codes(plane, bits, Range.LIMITED) for plane in picture.planes[1:3]])
        if chroma.shape[1] == luma.shape[0]:  # 4:2:2 masters: lines in pairs
            chroma = (chroma[:, ::2] + chroma[:, 1::2]) * np.float32(0.5)
        yield luma, chroma


def _count(name: str, found: int, expected: int) -> Check:
    return Check(name, found == expected, str(found), str(expected))
