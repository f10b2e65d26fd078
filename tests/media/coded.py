"""Tiny encoded pieces and sound tracks for the tests of muxing and sound."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from footlights.media.audio import encoded
from footlights.media.ffmpeg import file_url, input_arguments, run
from footlights.media.lossless import frame_digest
from footlights.media.pieces import Clock, Piece
from footlights.media.pixels import layout, plane_views

RATE = Fraction(60000, 1001)
WIDTH, HEIGHT = 96, 64
LENGTHS = (24, 17, 7)
CLOCK = Clock([number / RATE for number in range(sum(LENGTHS))], sum(LENGTHS) / RATE, RATE)
TAGS = ["-vf", "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv"]
X264 = "keyint=infinite:scenecut=0:threads=1:bframes=3:b-adapt=0"
ENCODERS = {
    "av1": ["-c:v", "libsvtav1", "-preset", "10", "-svtav1-params", "keyint=-1:scd=0:lp=1", "-crf"],
    "h264": ["-c:v", "libx264", "-preset", "fast", "-x264-params", f"{X264}:stitchable=1", "-crf"],
    "h264 unstitchable": ["-c:v", "libx264", "-preset", "fast", "-x264-params", X264, "-qp"],
    "hevc": ["-c:v", "libx265", "-preset", "superfast", "-x265-params", "info=0:log-level=error:pools=1", "-crf"],
    "ffv1": ["-c:v", "ffv1", "-level", "3", "-g", "1", "-compression_level"],
    "prores": ["-c:v", "prores_ks", "-profile:v", "3", "-qscale:v"],
}
QUALITY = {"ffv1": (0, 0, 0), "prores": (8, 8, 8)}


def encode_pieces(folder: Path, encoder: str, suffix: str) -> tuple[Piece, ...]:
    """Three pieces, each with its own quality value."""
    pieces = []
    start = 0
    for index, (length, quality) in enumerate(zip(LENGTHS, QUALITY.get(encoder, (25, 31, 36)), strict=True)):
        path = folder / f"{encoder.replace(' ', '-')}-{index}{suffix}"
        raw = folder / "raw.yuv"
        raw.write_bytes(b"".join(picture(number) for number in range(start, start + length)))
        source = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{WIDTH}x{HEIGHT}", *input_arguments(raw, RATE)]
        run([*source, *TAGS, *ENCODERS[encoder], str(quality), file_url(path)], doing="encoding a piece")
        pieces.append(Piece(path, length))
        start += length
    return tuple(pieces)


def picture(number: int) -> bytes:
    """A moving gradient as raw 4:2:0."""
    luma = (np.add.outer(np.arange(HEIGHT), 2 * np.arange(WIDTH)) + 5 * number) % 200 + 20
    return luma.astype(np.uint8).tobytes() + bytes([120]) * (WIDTH * HEIGHT // 2)


def digests(path: Path) -> list[str]:
    """Digest of every decoded frame, in the order of display."""
    with av.open(str(path)) as source:
        return [frame_digest(plane_views(frame, layout(frame.format.name))) for frame in source.decode(video=0)]


def click_track(
    path: Path,
    codec: str,
    clicks: Sequence[Fraction],
    seconds: Fraction,
    *,
    rate: int = 48_000,
    channels: str = "stereo",
    hole: tuple[Fraction, Fraction] | None = None,
) -> None:
    """Write a NUT file with single-sample clicks; packets inside `hole` (seconds) are left out."""
    count = len(av.AudioLayout(channels).channels)
    levels = np.zeros((count, int(seconds * rate)))
    for click in clicks:
        levels[:, round(click * rate)] = 0.9
    with av.open(str(path), "w", format="nut", container_options={"fflags": "+bitexact"}) as output:
        stream = output.add_stream(codec, rate=rate)
        stream.codec_context.layout = channels
        output.start_encoding()
        kind = stream.codec_context.format.packed.name
        top = {"u8": 127, "s16": 2**15 - 1, "s32": 2**31 - 2**8, "flt": 1}[kind]
        dtype = {"u8": np.uint8, "s16": np.int16, "s32": np.int32, "flt": np.float32}[kind]
        samples = (levels * top + (128 if kind == "u8" else 0)).astype(dtype)
        for packet in encoded(stream.codec_context, iter([samples]), channels):
            time = packet.pts * packet.time_base
            if hole is None or not hole[0] <= time < hole[1]:
                packet.stream = stream
                output.mux(packet)


def heard(path: Path, track: int = 0) -> tuple[list[Fraction], Fraction]:
    """Times of the clicks in a file's sound track, and the time of its first picture, in seconds."""
    with av.open(str(path)) as source:
        first = next(frame.pts * frame.time_base for frame in source.decode(video=0))
    found: list[Fraction] = []
    with av.open(str(path)) as source:
        for frame in source.decode(source.streams.audio[track]):
            planar = frame.to_ndarray()
            values = planar[0] if frame.format.is_planar else planar.reshape(-1, len(frame.layout.channels))[:, 0]
            full = np.abs(values.astype(np.float64)) / (np.iinfo(values.dtype).max if values.dtype.kind == "i" else 1)
            begin = frame.pts * frame.time_base
            found += [begin + Fraction(int(index), frame.sample_rate) for index in np.flatnonzero(full > 0.5)]
    return found, first
