"""The master file: pieces and sound in one container, every time exact, nothing re-encoded that can be copied.

MOV and MP4 keep times exactly: the video timescale makes every frame time a whole number of ticks, and the edit lists
count in a clock common to all tracks. Matroska counts milliseconds, so times there are rounded, by at most 0.5 ms, each
from its exact value; where sound begins before the first picture everything is moved by whole milliseconds, because
Matroska has no negative times.

References: ISO/IEC 14496-12 (edts, stts, ctts), Apple QuickTime File Format (colr, tmcd), RFC 9559 (Matroska).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from heapq import merge
from math import ceil, lcm
from pathlib import Path
from typing import Any

import av
import av.error
from av.packet import Packet

from footlights.core.signal import BT709_SIGNAL, Signal
from footlights.core.time import NTSC_FRAME_RATE
from footlights.errors import PausedError, ToolError, UsageError
from footlights.media.audio import AudioTrack, source_format
from footlights.media.bitstreams import join_annex_b, split_lengths
from footlights.media.lossless import ENOSPC
from footlights.media.pieces import Clock, Piece, VideoTrack
from footlights.media.soundtrack import Container, SoundFacts, SoundWriter
from footlights.settings import CONTAINERS

_MAX_TIMESCALE = 2**31 - 1
_PROGRESSIVE = 1
"""AV_FIELD_PROGRESSIVE."""
_CARRIES = {Container.MATROSKA: CONTAINERS["mkv"], Container.MOV: CONTAINERS["mov"], Container.MP4: CONTAINERS["mp4"]}
_TIMECODE = re.compile(r"(\d\d):([0-5]\d):([0-5]\d)([:;.])(\d\d)$")


@dataclass(frozen=True, slots=True)
class MuxFacts:
    """The master as written."""

    codec: str
    frames: int
    timescale: int
    """Video ticks per second in the container."""
    video_start: Fraction
    """Seconds: time of the first picture in the file; above zero only in Matroska with earlier sound."""
    sound: tuple[SoundFacts, ...]
    timecode: str | None
    """The tag written; None where none was given, or where the given one does not fit the frame rate."""


def write_master(
    path: Path,
    container: Container,
    pieces: Sequence[Piece],
    clock: Clock,
    *,
    signal: Signal = BT709_SIGNAL,
    sound: Sequence[AudioTrack] = (),
    timecode: str | None = None,
) -> MuxFacts:
    """Write `path` (whatever its name) from pieces and sound tracks; equal input gives equal bytes.

    Sound tracks without packets are left out. `timecode` is that of the first frame as the tape counts it, at most 30
    frames a second (SMPTE ST 12-1).
    """
    with VideoTrack(pieces, clock, signal) as video:
        _check_carries(container, video)
        tracks = [SoundWriter(track, container) for track in sound if source_format(track).packets]
        shift = _shift(container, tracks)
        tag = _timecode_tag(timecode, clock.rate, container)
        try:
            with av.open(
                str(path), "w", format=container.value, container_options=_options(container, video, tracks)
            ) as output:
                stream = _add_video(output, container, video, tag)
                for track in tracks:
                    track.add_to(output)
                output.start_encoding()
                timed = [_pictures(video, stream, container, shift), *(track.timed(shift) for track in tracks)]
                for _, packet in merge(*timed, key=lambda item: item[0]):
                    output.mux(packet)
                timescale: int = stream.time_base.denominator
        except (av.error.FFmpegError, OSError) as error:
            raise _failure(path, error) from error
        return MuxFacts(
            codec=video.codec,
            frames=len(clock.times),
            timescale=timescale,
            video_start=shift,
            sound=tuple(track.facts() for track in tracks),
            timecode=tag,
        )


def payload_digest(path: Path, track: int) -> tuple[int, str]:
    """Packets of a file's sound track (counted from zero) and SHA-256 over their payloads, as in `SoundFacts`.

    The number of packets means nothing for PCM in MOV and MP4, which readers cut as they like.
    """
    total, count = sha256(), 0
    with av.open(f"file:{path.absolute()}", options={"protocol_whitelist": "file"}) as source:
        for packet in source.demux(source.streams.audio[track]):
            if packet.size:
                total.update(bytes(packet))
                count += 1
    return count, total.hexdigest()


def describe_video(stream: Any, video: VideoTrack, *, tag: str | None) -> None:
    """Put what the container should say of the pictures on an output stream: H.273 numbers, aspect, rate, record."""
    context, signal = stream.codec_context, video.signal
    context.extradata = video.record or None
    context.framerate = video.clock.rate
    context.sample_aspect_ratio = signal.sample_aspect
    context.color_primaries, context.color_trc = int(signal.primaries), int(signal.transfer)
    context.colorspace, context.color_range = int(signal.matrix), int(signal.range)
    context.bit_rate = 0  # it would be the first piece's, which says nothing of the whole
    if tag is not None:
        context.codec_tag = tag
    stream.time_base = Fraction(1, video.timescale)


def muxer_form(video: VideoTrack, data: bytes) -> bytes:
    """A sample as FFmpeg's muxers take it beside a record with start codes: NAL units with start codes too."""
    return join_annex_b(split_lengths(data, 4)) if video.codec in ("h264", "hevc") else data


def _check_carries(container: Container, video: VideoTrack) -> None:
    if video.codec not in _CARRIES[container]:
        fits = [other.value for other, codecs in _CARRIES.items() if video.codec in codecs]
        raise UsageError(
            f"a {container.value} master cannot hold {video.codec}",
            "the container has no place for that codec that players know",
            f"choose {' or '.join(fits) or 'another codec'}",
        )
    if container is Container.MATROSKA and video.signal.sample_aspect != 1:
        raise UsageError(
            f"a Matroska master with sample aspect {video.signal.sample_aspect} cannot be written",
            "PyAV has no way to tell FFmpeg's Matroska muxer the display size",
            "choose mov or mp4, or square samples",
        )


def _shift(container: Container, tracks: Sequence[SoundWriter]) -> Fraction:
    if container is not Container.MATROSKA:
        return Fraction(0)
    earliest = min((track.source.start for track in tracks), default=Fraction(0))
    return Fraction(max(0, ceil(-earliest * 1000)), 1000)


def _options(container: Container, video: VideoTrack, tracks: Sequence[SoundWriter]) -> dict[str, str]:
    options = {"fflags": "+bitexact"}
    if container is Container.MATROSKA:
        return options
    common = lcm(video.timescale, *(track.form.sample_rate for track in tracks))
    options["video_track_timescale"] = str(video.timescale)
    options["movie_timescale"] = str(common if common <= _MAX_TIMESCALE else video.timescale)
    options["movflags"] = "+write_colr"
    return options


def _add_video(output: Any, container: Container, video: VideoTrack, timecode: str | None) -> Any:
    stream = output.add_stream_from_template(video.template, opaque=True)
    describe_video(stream, video, tag=None if container is Container.MATROSKA else video.tag)
    if container is not Container.MP4:  # where it would become a box that belongs to QuickTime
        stream.codec_context.field_order = _PROGRESSIVE
    if timecode is not None:
        stream.metadata["timecode"] = timecode
    return stream


def _pictures(
    video: VideoTrack, stream: Any, container: Container, shift: Fraction
) -> Iterator[tuple[Fraction, Packet[Any]]]:
    scale = video.timescale
    tick = Fraction(1, 1000 if container is Container.MATROSKA else scale)
    for sample in video.samples():
        packet: Packet[Any] = Packet(muxer_form(video, sample.data))
        packet.stream, packet.is_keyframe, packet.time_base = stream, sample.key, tick
        shown = video.ticks[sample.frame + 1] - sample.pts
        packet.pts = round((Fraction(sample.pts, scale) + shift) / tick)
        packet.dts = round((Fraction(sample.dts, scale) + shift) / tick)
        packet.duration = round(Fraction(shown, scale) / tick)
        yield Fraction(sample.dts, scale), packet


def _timecode_tag(text: str | None, rate: Fraction, container: Container) -> str | None:
    """The tape's timecode as the container wants it; tmcd counts output frames, so above 30 a second it doubles."""
    found = _TIMECODE.match(text or "")
    if found is None:
        return None
    hours, minutes, seconds, mark, digits = found.groups()
    base = rate / 2 if rate > 30 else rate
    frames = int(digits)
    if frames >= ceil(base) or (mark != ":" and base != NTSC_FRAME_RATE):
        return None
    if container is not Container.MATROSKA and rate > 30:
        frames *= 2
    return f"{hours}:{minutes}:{seconds}{';' if mark != ':' else ':'}{frames:02d}"


def _failure(path: Path, error: OSError | av.error.FFmpegError) -> PausedError | ToolError:
    if error.errno == ENOSPC:
        return PausedError(f"the disk is full while writing {path}", str(error), "make space and run it again")
    return ToolError(f"{path} could not be written", str(error), "choose another container, or report this defect")
