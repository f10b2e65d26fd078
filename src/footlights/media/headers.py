"""CMAF headers (file type and movie box with the codec's sample entry), written by FFmpeg's mov muxer.

The fragments themselves are written by `encoding.cmaf`: FFmpeg can begin one before a key frame but not end one behind
it, and only a fragment that holds nothing but the key frame is a whole file part for I-frame playlists.

The headers have no edit lists: what lies before the programme (priming, reordering delay) is known where segments are
written.

References: ISO/IEC 14496-12 (moov), ISO/IEC 23000-19 (CMAF header), AV1-ISOBMFF.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
from av.packet import Packet

from footlights.media.audio import AAC_FRAME, STREAM_RATE, AacStream
from footlights.media.mux import describe_video, muxer_form
from footlights.media.pieces import Sample, VideoTrack


class _Sink:
    """What PyAV writes into; not seekable, so the muxer cannot go back."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> int:
        self.data += data
        return len(data)


def video_header(video: VideoTrack, first: Sample) -> bytes:
    """`ftyp` and `moov` of a rendition; its track counts in `video.timescale`."""
    sink = _Sink()
    scale = str(video.timescale)
    options = {"movflags": "+cmaf+skip_trailer+write_colr", "video_track_timescale": scale, "movie_timescale": scale}
    with _output(sink, options) as output:
        stream = output.add_stream_from_template(video.template, opaque=True)
        describe_video(stream, video, tag=video.tag)
        output.mux(_packet(stream, muxer_form(video, first.data), first.pts, first.duration, video.timescale))
    return _before_fragments(bytes(sink.data))


def sound_header(sound: AacStream, first: bytes) -> bytes:
    """`ftyp` and `moov` of an AAC track at 48 kHz."""
    sink = _Sink()
    with _output(sink, {"movflags": "+cmaf+skip_trailer", "movie_timescale": str(STREAM_RATE)}) as output:
        stream = output.add_stream("aac", rate=STREAM_RATE)
        context = stream.codec_context
        context.layout, context.format, context.bit_rate = "stereo", "fltp", sound.bit_rate
        context.flags |= av.codec.context.Flags.bitexact
        stream.time_base = Fraction(1, STREAM_RATE)
        output.mux(_packet(stream, first, 0, AAC_FRAME, STREAM_RATE))
    return _before_fragments(bytes(sink.data))


def _output(sink: _Sink, options: dict[str, str]) -> Any:
    return av.open(sink, "w", format="mp4", container_options={"fflags": "+bitexact", **options})


def _packet(stream: Any, data: bytes, pts: int, duration: int, timescale: int) -> Packet[Any]:
    packet: Packet[Any] = Packet(data)
    packet.stream, packet.time_base, packet.is_keyframe = stream, Fraction(1, timescale), True
    packet.pts = packet.dts = pts
    packet.duration = duration
    return packet


def _before_fragments(data: bytes) -> bytes:
    """The two boxes of the header: `ftyp`, then `moov`."""
    position = 0
    for _ in range(2):
        position += int.from_bytes(data[position : position + 4], "big")
    assert data[position + 4 : position + 8] == b"moof"
    return data[:position]
