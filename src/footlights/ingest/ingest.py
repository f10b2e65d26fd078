"""Ingest: decode the tape once into a hashed lossless copy; no stage ever opens the tape again.

Decoding a damaged tape is not repeatable (measured: damaged H.264 with two threads differs on every run), so identity
of anything downstream can only be promised from this copy on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from footlights.core import records
from footlights.core.signal import FieldOrder, Signal
from footlights.core.source import AudioStream, DecodeFault, Ingest, Source
from footlights.core.time import FrameRange
from footlights.errors import SourceError, VerificationError
from footlights.ingest import continuity
from footlights.ingest.assume import interpret
from footlights.media.lossless import LosslessWriter, PacketCopy, frame_digest, storable_formats
from footlights.media.pixels import layout, lossless_form
from footlights.media.reader import VideoIndex, VideoReader, index_video
from footlights.media.tape import TapeFault, TapeFile, TapePicture, TapeSound, open_tape
from footlights.media.tapefacts import TapeFacts
from footlights.settings import IngestSettings

VERSION = 2
PICTURES = "ingest.mkv"
HASHES = "frames.sha256"
RECORD = "ingest.json"
_PROMISE_SLACK = 2
"""Frames by which a header may promise too much (sound that outlasts the picture) without a complaint."""
_MAX_MESSAGES = 2000
"""Faults kept in the record; a tape with more is described by these and a count."""


@dataclass(slots=True)
class _Log:
    """What is gathered while decoding."""

    stamps: list[int | None] = field(default_factory=list)
    interlaced: list[bool] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)
    quantisers: list[float] = field(default_factory=list)
    faults: list[DecodeFault] = field(default_factory=list)
    first_sound: dict[int, Fraction | None] = field(default_factory=dict)
    """Seconds on the file's clock, by stream."""
    packets: dict[int, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    captions: bool = False
    timecode: str | None = None


def probe(path: Path, settings: IngestSettings) -> tuple[Source, int]:
    """What the file says of itself, with what had to be assumed, and the frames it promises (0: it does not say).

    Raises SourceError for a file that is refused. Nothing is decoded beyond what the container's probing needs.
    """
    with open_tape(path) as tape:
        source = _source(path, tape.facts, settings, sha256="")
        return source, round((tape.facts.video.duration or 0) * source.rate)


def ingest(
    path: Path, folder: Path, settings: IngestSettings, *, sha256: str, progress: Callable[[int], None]
) -> Ingest:
    """Decode `path` completely and write the lossless copy, its hashes, audio packets and record into `folder`.

    `progress` gets the number of frames done. Raises SourceError where not one frame can be decoded, and
    VerificationError where the copy does not read back as written.
    """
    log = _Log()
    with open_tape(path) as tape:
        source = _source(path, tape.facts, settings, sha256=sha256)
        time_base = tape.facts.video.time_base
        _decode(tape, folder, log, progress)
    if not log.digests:
        raise SourceError(
            f"not one picture of {path} can be decoded",
            log.faults[0].message if log.faults else "the stream is empty",
            "check that the copy is complete",
        )
    _expect(tape.facts.video.duration, source.rate, log)
    record = _record(source, time_base, log)
    _read_back(folder / PICTURES, log.digests)
    records.write(folder / HASHES, hash_lines(record.pts, log.digests))
    records.write(folder / RECORD, records.dumps(record, indent=None))
    return record


def list_video(path: Path, folder: Path, settings: IngestSettings, *, sha256: str) -> Ingest:
    """Take a sound video in without a copy of its pictures: their times, the audio packets, the record, in `folder`.

    For a video that is only to be encoded. Its pictures are identified by the file's SHA-256. Raises SourceError for a
    file that is refused, or whose pictures cannot all be found by their times.
    """
    log = _Log()
    with open_tape(path) as tape:
        video = tape.facts.video
        source = _source(path, tape.facts, settings, sha256=sha256)
        copies: dict[int, PacketCopy] = {}
        try:
            for item in tape.sounds():
                _keep_sound(item, tape, folder, copies, log)
        finally:
            _close(copies, log)
    index = index_video(path)
    if (index.width, index.height) != (video.width, video.height):
        raise SourceError(
            f"{path} holds several video streams and the largest is not the first",
            "it is not clear which one is meant",
            "remux the wanted one alone, for example with ffmpeg -map 0:v:1 -map 0:a -c copy",
        )
    log.stamps = list(index.pts)
    log.interlaced = [source.signal.field_order.interlaced] * index.frames
    log.digests = [sha256] * index.frames
    record = _record(source, index.time_base, log)
    records.write(folder / RECORD, records.dumps(record, indent=None))
    return record


def hash_lines(pts: Sequence[int], digests: Sequence[str]) -> str:
    """Text of the sidecar: number, ticks and SHA-256 of every frame."""
    return "".join(
        f"{number} {stamp} {digest}\n" for number, (stamp, digest) in enumerate(zip(pts, digests, strict=True))
    )


def read_hashes(folder: Path) -> tuple[str, ...]:
    """The SHA-256 of every frame of a lossless copy."""
    return tuple(line.split()[2] for line in (folder / HASHES).read_text("ascii").splitlines())


def open_ingest(folder: Path) -> tuple[Ingest, VideoReader]:
    """The record and a reader of a finished ingest folder."""
    record = records.read(Ingest, folder / RECORD)
    return record, VideoReader(folder / PICTURES, _index(record))


def _decode(tape: TapeFile, folder: Path, log: _Log, progress: Callable[[int], None]) -> None:
    video = tape.facts.video
    copies: dict[int, PacketCopy] = {}
    # The copy is written on a clock of its own, one tick a frame: Matroska's milliseconds could not hold every tape's
    # times. The exact times are in the record.
    writer = LosslessWriter(folder / PICTURES, video.width, video.height, video.pixel_format, Fraction(1, 25))
    try:
        with writer:
            for item in tape.read():
                if isinstance(item, TapePicture):
                    _keep_picture(item, writer, video.width, video.height, log)
                    progress(len(log.digests))
                elif isinstance(item, TapeSound):
                    _keep_sound(item, tape, folder, copies, log)
                else:
                    _complain(log, len(log.digests), item)
    finally:
        _close(copies, log)


def _keep_picture(item: TapePicture, writer: LosslessWriter, width: int, height: int, log: _Log) -> None:
    number = len(log.digests)
    for message in item.messages:
        _complain(log, number, TapeFault(message))
    if item.corrupt and not item.messages:
        _complain(log, number, TapeFault("the decoder marks this picture as corrupt"))
    if (item.frame.width, item.frame.height) != (width, height):
        _complain(
            log, number, TapeFault(f"the picture size changes to {item.frame.width}×{item.frame.height}: left out")
        )
        return
    log.digests.append(writer.write(item.frame, number))
    log.stamps.append(item.pts)
    log.interlaced.append(item.interlaced)
    log.quantisers.append(item.quantiser)
    log.captions |= item.captions
    if log.timecode is None:
        log.timecode = item.timecode


def _keep_sound(item: TapeSound, tape: TapeFile, folder: Path, copies: dict[int, PacketCopy], log: _Log) -> None:
    if item.stream not in copies:
        copies[item.stream] = PacketCopy(folder / f"audio-{item.stream}.nut", tape.audio_stream(item.stream))
        log.first_sound[item.stream] = None if item.packet.pts is None else item.packet.pts * item.packet.time_base
    back = copies[item.stream].write(item.packet)
    if back and len(log.notes) < _MAX_MESSAGES:
        where = f"near frame {len(log.digests)}"
        log.notes.append(f"The clock of sound {item.stream} goes back by {float(back):.3f} s {where}: it follows on.")


def _close(copies: dict[int, PacketCopy], log: _Log) -> None:
    for index, copy in copies.items():
        copy.close()
        log.packets[index] = copy.packets


def _complain(log: _Log, frame: int, fault: TapeFault) -> None:
    if len(log.faults) < _MAX_MESSAGES:
        log.faults.append(DecodeFault(frame, fault.message))


def _expect(duration: Fraction | None, rate: Fraction, log: _Log) -> None:
    """Complain where the header promises more than could be read."""
    promised = round((duration or 0) * rate)
    if promised - len(log.digests) > _PROMISE_SLACK:
        found = len(log.digests)
        _complain(log, found, TapeFault(f"the header promises about {promised} frames, {found} could be read"))


def _source(path: Path, facts: TapeFacts, settings: IngestSettings, *, sha256: str) -> Source:
    video = facts.video
    kind = layout(lossless_form(video.pixel_format, storable_formats()))
    reading = interpret(video, settings, rgb=kind.rgb)
    notes = list(reading.notes)
    if facts.subtitles:
        notes.append(f"{facts.subtitles} subtitle streams are noted but not carried over.")
    if facts.other_video:
        notes.append(f"{facts.other_video} further video streams are not restored.")
    return Source(
        name=path.name,
        sha256=sha256,
        bytes=path.stat().st_size,
        container=facts.container,
        codec=video.codec,
        pixel_format=video.pixel_format,
        width=video.width,
        height=video.height,
        rate=video.average_rate or video.base_rate or Fraction(25),
        signal=reading.signal,
        bit_depth=kind.bits,
        chroma=kind.chroma,
        audio=tuple(
            AudioStream(
                audio.index, audio.codec, audio.sample_rate, audio.channels, None, audio.duration, audio.language
            )
            for audio in facts.audio
        ),
        timecode=facts.timecode,
        captions=False,
        notes=tuple(notes),
    )


def _record(source: Source, time_base: Fraction, log: _Log) -> Ingest:
    first = next((stamp for stamp in log.stamps if stamp is not None), 0)
    found = continuity.clock(log.stamps, time_base, (source.rate,))
    gaps = (
        *continuity.lost(found.slots, found.rate),
        *continuity.damaged(log.faults, found.slots, found.rate),
    )
    source = replace(
        source,
        rate=found.rate,
        signal=_progressive_if_unmarked(source, log),
        audio=tuple(_placed(audio, log, first * time_base) for audio in source.audio),
        timecode=source.timecode or log.timecode,
        captions=log.captions,
        notes=(*source.notes, *found.notes, *log.notes),
    )
    identity = hashlib.sha256(f"{source.width}x{source.height} {source.pixel_format} {time_base}\n".encode())
    identity.update(hash_lines(found.pts, log.digests).encode())
    return Ingest(
        source=source,
        frames=len(log.digests),
        time_base=time_base,
        pts=found.pts,
        slots=found.slots,
        variable=found.variable,
        interlaced=tuple(log.interlaced),
        first_pts=first,
        faults=tuple(log.faults),
        gaps=tuple(sorted(gaps, key=lambda gap: gap.slots.start)),
        content=identity.hexdigest(),
        quantisers=tuple(log.quantisers) if any(log.quantisers) else (),
    )


def _progressive_if_unmarked(source: Source, log: _Log) -> Signal:
    """A silent container whose frames all say progressive is taken at its word."""
    signal = source.signal
    if signal.field_order is FieldOrder.UNKNOWN and not any(log.interlaced):
        return replace(signal, field_order=FieldOrder.PROGRESSIVE)
    return signal


def _placed(audio: AudioStream, log: _Log, video_start: Fraction) -> AudioStream:
    """The stream with its start relative to the first picture."""
    start = log.first_sound.get(audio.index)
    return replace(audio, start=None if start is None else start - video_start, packets=log.packets.get(audio.index, 0))


def _index(record: Ingest) -> VideoIndex:
    """Every frame is a key frame on a clock of 40 ms a frame: no need to scan the file."""
    source = record.source
    return VideoIndex(
        width=source.width,
        height=source.height,
        pixel_format=lossless_form(source.pixel_format, storable_formats()),
        codec="ffv1",
        time_base=Fraction(1, 1000),
        rate=Fraction(25),
        pts=tuple(range(0, 40 * record.frames, 40)),
        keyframes=tuple(range(record.frames)),
    )


def _read_back(path: Path, digests: Sequence[str]) -> None:
    """Decode the copy and compare every frame with what went in."""
    index = index_video(path)
    if index.frames != len(digests):
        raise VerificationError(
            f"the lossless copy holds {index.frames} frames instead of {len(digests)}",
            "writing it went wrong",
            "check the disk and run the same command again",
        )
    with VideoReader(path, index) as reader:
        for picture, digest in zip(reader.read(FrameRange(0, len(digests))), digests, strict=True):
            if frame_digest(picture.planes) != digest:
                raise VerificationError(
                    f"frame {picture.number} of the lossless copy reads back differently",
                    "the disk or the memory of this machine is not reliable",
                    "check both, then run the same command again",
                )
