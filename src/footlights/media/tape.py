"""Reading an untrusted tape file: opened by ourselves, formats and codecs from a list, every complaint kept.

Threats and limits: reliability notes in docs/decisions/20261122-untrusted-input.md. Playlists and concatenation
scripts are never opened (their demuxers are not on the list), so no second file is read on a tape's behalf.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import av
import av.error
import av.logging
import numpy as np
from av.audio.stream import AudioStream as AvAudioStream
from av.packet import Packet
from av.sidedata.sidedata import SideData
from av.video.stream import VideoStream as AvVideoStream

from footlights.errors import SourceError
from footlights.media.tapefacts import TapeFacts, facts_of

DEMUXERS = (
    "mpeg,mpegts,mpegvideo,dv,avi,mov,matroska,mxf,gxf,nut,yuv4mpegpipe,h264,hevc,asf,flv,ogg,wtv,lxf,m4v,obu,ivf"
)
VIDEO_CODECS = frozenset(
    {
        "mpeg1video",
        "mpeg2video",
        "mpeg4",
        "h263",
        "msmpeg4v1",
        "msmpeg4v2",
        "msmpeg4",
        "msmpeg4v3",
        "wmv1",
        "wmv2",
        "wmv3",
        "vc1",
        "dvvideo",
        "h264",
        "hevc",
        "prores",
        "ffv1",
        "huffyuv",
        "ffvhuff",
        "utvideo",
        "lagarith",
        "v210",
        "v410",
        "r210",
        "rawvideo",
        "mjpeg",
        "ljpeg",
        "jpeg2000",
        "vp8",
        "vp9",
        "av1",
        "libdav1d",
        "theora",
        "dnxhd",
        "cfhd",
        "svq3",
        "cinepak",
        "qtrle",
        "flv",
        "flv1",
        "wrapped_avframe",
    }
)
"""What tapes, discs and captures come as. Anything else is refused with the way to convert it."""
QUANTISED = ("mpeg1video", "mpeg2video")
"""Formats whose decoder tells how coarsely each macroblock was coded."""
_DELTA = 16
"""Byte of `delta_qp` in an AVVideoBlockParams, behind four integers of place and size."""
MAX_SIDE = 8192
MIN_SIDE = 16
MAX_STREAMS = 64

_QUIET = ("Last message repeated", "deprecated pixel format", "max_analyze_duration", "Estimating duration")


@dataclass(slots=True)
class TapePicture:
    """One decoded frame."""

    frame: av.VideoFrame
    pts: int | None
    """Ticks of the stream's time base; None when the file gives none."""
    interlaced: bool
    corrupt: bool
    captions: bool
    timecode: str | None
    messages: tuple[str, ...]
    """What the decoder complained of since the last frame."""
    quantiser: float = 0.0
    """Root mean square of its macroblocks' quantiser_scale (ISO/IEC 13818-2, 7.4.2.2); 0 where the format has none."""


@dataclass(slots=True)
class TapeSound:
    """One undecoded audio packet."""

    packet: Packet[AvAudioStream]
    stream: int


@dataclass(slots=True)
class TapeFault:
    """A part of the file that gave no picture."""

    message: str


@dataclass(slots=True)
class TapeFile:
    """An opened tape; use `open_tape`, and `read` once."""

    path: Path
    facts: TapeFacts
    _container: Any
    _video: AvVideoStream
    _audio: list[AvAudioStream] = field(default_factory=list)

    def close(self) -> None:
        self._container.close()

    def __enter__(self) -> TapeFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def audio_stream(self, index: int) -> AvAudioStream:
        """The PyAV stream, as template for a copy."""
        return next(stream for stream in self._audio if stream.index == index)

    def read(self) -> Iterator[TapePicture | TapeSound | TapeFault]:
        """Every picture and every audio packet in file order, the decoder drained at the end.

        Damage never raises: it comes as messages on the next picture, or as a TapeFault.
        """
        # One thread: a decoder thread that has something to say waits for the interpreter, which may be waiting for it.
        self._video.thread_type = "NONE"
        self._video.codec_context.thread_count = 1
        if self._video.codec_context.name in QUANTISED:
            self._video.codec_context.options = {"export_side_data": "venc_params"}
        with _listening() as log:
            packets = self._container.demux([self._video, *self._audio])
            while True:
                try:
                    packet = next(packets)
                except StopIteration:
                    break
                except av.error.FFmpegError as error:
                    yield TapeFault(f"the file cannot be read further: {error}")
                    yield from self._drain(log)
                    break
                if packet.stream.type == "audio":
                    if packet.size:
                        yield TapeSound(packet, packet.stream.index)
                    continue
                yield from self._decode(packet, log)
            yield from (TapeFault(message) for message in _complaints(log))

    def sounds(self) -> Iterator[TapeSound]:
        """Every audio packet in file order; the pictures are not looked at. SourceError where the file breaks off."""
        if not self._audio:
            return
        try:
            for packet in self._container.demux(self._audio):
                if packet.size:
                    yield TapeSound(packet, packet.stream.index)
        except av.error.FFmpegError as error:
            raise SourceError(
                f"the sound of {self.path} cannot be read to its end", _reason(error), "check that the copy is complete"
            ) from error

    def _decode(self, packet: Packet[Any], log: list[tuple[int, str, str]]) -> Iterator[TapePicture | TapeFault]:
        torn = bool(packet.size) and packet.is_corrupt
        try:
            frames = packet.decode()
        except av.error.EOFError:
            return
        except av.error.FFmpegError as error:
            yield TapeFault(f"a packet of {packet.size} bytes gave no picture: {error}")
            return
        for frame in frames:
            assert isinstance(frame, av.VideoFrame)
            messages = _complaints(log)
            if torn:
                messages = (*messages, "the container marks this packet as corrupt")
            yield _picture(frame, messages)

    def _drain(self, log: list[tuple[int, str, str]]) -> Iterator[TapePicture | TapeFault]:
        try:
            for frame in self._video.codec_context.decode(None):
                yield _picture(frame, _complaints(log))
        except av.error.FFmpegError as error:
            yield TapeFault(f"the last pictures are unreadable: {error}")


@contextmanager
def _listening() -> Iterator[list[tuple[int, str, str]]]:
    """Collect what FFmpeg complains of, and be deaf again afterwards: a decoder thread that wants to be heard while its
    decoder is being freed would wait for the interpreter for ever, and other readers in this process use threads."""
    av.logging.set_level(av.logging.WARNING)
    try:
        with av.logging.Capture(local=False) as log:
            yield log
    finally:
        av.logging.set_level(None)


def open_tape(path: Path) -> TapeFile:
    """Open a tape file, or refuse it with SourceError."""
    _check_regular(path)
    options = {
        "format_whitelist": DEMUXERS,
        "protocol_whitelist": "file",
        "max_streams": str(MAX_STREAMS),
        "probesize": str(20 * 2**20),
    }
    try:
        container = av.open(f"file:{path.absolute()}", options=options, metadata_errors="replace")
    except (av.error.FFmpegError, ValueError, UnicodeError) as error:
        raise SourceError(
            f"{path} cannot be opened as video",
            _reason(error),
            "give a video file: MPEG, VOB, DV, AVI, MOV, MP4, MXF or MKV",
        ) from error
    try:
        return _opened(path, container)
    except BaseException:
        container.close()
        raise


def _opened(path: Path, container: Any) -> TapeFile:
    videos = [stream for stream in container.streams.video if not _is_cover(stream)]
    if not videos:
        raise SourceError(f"{path} holds no video", "there is no video stream in it", "give a file with pictures")
    video = max(videos, key=lambda stream: (stream.codec_context.width or 0) * (stream.codec_context.height or 0))
    audio = [stream for stream in container.streams.audio if _playable(stream)]
    context = video.codec_context
    _check_codec(path, context)
    facts = facts_of(container, video, audio, other_video=len(videos) - 1)
    return TapeFile(path, facts, container, video, audio)


def _check_regular(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise SourceError(f"{path} cannot be read", error.strerror or str(error), "check the path") from error
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
        raise SourceError(f"{path} cannot be used as a tape", f"it is {kind}", "give one video file")
    if path.stat().st_size == 0:
        raise SourceError(f"{path} cannot be used as a tape", "the file is empty", "check the copy or the capture")
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read", error.strerror or str(error), "check the permissions of the file"
        ) from error


def _check_codec(path: Path, context: Any) -> None:
    if context.name not in VIDEO_CODECS:
        raise SourceError(
            f"{path} is encoded as {context.name!r}",
            "that decoder is not on the list of those trusted with untrusted files",
            "convert it losslessly first, for example with ffmpeg -i IN -c:v ffv1 -c:a copy OUT.mkv",
        )
    width, height = context.width or 0, context.height or 0
    if not (MIN_SIDE <= width <= MAX_SIDE and MIN_SIDE <= height <= MAX_SIDE):
        raise SourceError(
            f"{path} says its pictures are {width}×{height}",
            f"pictures from {MIN_SIDE} to {MAX_SIDE} samples a side are taken",
            "check the file: its header is wrong or it is not video",
        )
    if not context.pix_fmt:
        raise SourceError(
            f"{path} holds no readable picture",
            "the decoder found no picture format",
            "check that the copy is complete",
        )


def _picture(frame: av.VideoFrame, messages: tuple[str, ...]) -> TapePicture:
    kinds = {side.type.name: side for side in cast("Iterable[SideData]", frame.side_data)}
    return TapePicture(
        frame=frame,
        pts=frame.pts,
        interlaced=frame.interlaced_frame,
        corrupt=frame.is_corrupt,
        captions="A53_CC" in kinds,
        timecode=_gop_timecode(bytes(kinds["GOP_TIMECODE"])) if "GOP_TIMECODE" in kinds else None,
        messages=messages,
        quantiser=_quantiser(kinds["VIDEO_ENC_PARAMS"]) if "VIDEO_ENC_PARAMS" in kinds else 0.0,
    )


def _quantiser(params: Any) -> float:
    """Of all macroblocks, as errors add up: by their squares. `qp_map` is no way to them: it raises where the picture
    has another size than the stream began with."""
    if not params.nb_blocks:
        return float(params.qp)
    start, size, count = params.blocks_offset, params.block_size, params.nb_blocks
    blocks = np.frombuffer(bytes(params), np.uint8)[start : start + size * count].reshape(count, size)
    scales = np.float64(params.qp) + blocks[:, _DELTA : _DELTA + 4].copy().view(np.int32)
    return round(float(np.sqrt(np.square(scales).mean())), 2)


def _gop_timecode(data: bytes) -> str:
    """The 25-bit time_code of an MPEG-2 group of pictures (ISO/IEC 13818-2, 6.3.8)."""
    code = int.from_bytes(data[:8], "little")
    mark = ";" if code >> 24 & 1 else ":"
    return f"{code >> 19 & 31:02d}:{code >> 13 & 63:02d}:{code >> 6 & 63:02d}{mark}{code & 63:02d}"


def _complaints(log: list[tuple[int, str, str]]) -> tuple[str, ...]:
    """Messages since the last call, the harmless ones left out."""
    fresh = tuple(f"{name}: {text.strip()}" for _, name, text in log if not any(quiet in text for quiet in _QUIET))
    log.clear()
    return fresh


def _is_cover(stream: AvVideoStream) -> bool:
    return "attached_pic" in str(stream.disposition)


def _playable(stream: AvAudioStream) -> bool:
    context: Any = stream.codec_context  # None where FFmpeg has no decoder for it
    return context is not None and bool(context.sample_rate) and bool(context.channels)


def _reason(error: BaseException) -> str:
    text = str(error)
    if isinstance(error, av.error.ArgumentError):  # what FFmpeg answers for a format outside `format_whitelist`
        return "its format is one that opens other files, or is not on the list of formats taken"
    return text.split("[")[0].strip() if "Errno" not in text else text.split("] ", 1)[-1].split(":")[0]
