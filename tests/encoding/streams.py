"""A small stream of real encodes for the packaging tests: AV1 and H.264 in pieces, two sound tracks."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from footlights.core.time import FrameRange
from footlights.encoding.hls import Stream
from footlights.encoding.package import Rendition, write_stream
from footlights.encoding.segments import SegmentRules, key_frames, segments
from footlights.encoding.streamcheck import Expected
from footlights.media.audio import AudioTrack, encoded
from footlights.media.ffmpeg import file_url, input_arguments, run
from footlights.media.pieces import Clock, Piece

RATE = Fraction(60000, 1001)
FRAMES = 131
CUTS = (28, 45, 90)
RULES = SegmentRules(
    shortest=Fraction(1, 2), longest=Fraction(1), target=Fraction(7, 10), grid=Fraction(1, 10), near=Fraction(1, 20),
    spacing=Fraction(1, 5),
)  # fmt: skip
"""Segments of less than a second, so that two seconds of programme hold several."""
WIDTH, HEIGHT = 96, 64
TAGS = ["-vf", "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv"]
X264 = "keyint=infinite:scenecut=0:threads=1:stitchable=1:bframes=3:b-adapt=0"
ENCODERS = {
    "av1": ["-c:v", "libsvtav1", "-preset", "10", "-pix_fmt", "yuv420p10le", "-svtav1-params", "keyint=-1:scd=0:lp=1"],
    "h264": ["-c:v", "libx264", "-preset", "fast", "-x264-params", X264],
}


@dataclass(frozen=True, slots=True)
class Programme:
    """Everything a stream is made from."""

    clock: Clock
    segments: tuple[FrameRange, ...]
    keys: tuple[int, ...]
    renditions: tuple[Rendition, ...]
    sound: tuple[AudioTrack, ...]

    def write(self, folder: Path) -> Stream:
        return write_stream(folder, self.renditions, self.clock, self.segments, sound=self.sound)

    def expected(self, stream: Stream | None = None) -> Expected:
        tracks = [*(v.track for v in stream.video), *(s.track for s in stream.sound)] if stream else []
        names = tuple(rendition.name for rendition in self.renditions)
        contents = {track.name: track.content for track in tracks}
        return Expected(self.clock, self.segments, names, self.sound, contents=contents)


def programme(folder: Path, clock: Clock | None = None) -> Programme:
    """Two pieces for three segments and more, with a key frame inside one of them."""
    clock = clock or Clock([number / RATE for number in range(FRAMES)], FRAMES / RATE, RATE)
    parts = segments(CUTS, clock.times, clock.end, RULES)
    keys = key_frames(parts, CUTS, clock.times, clock.end, RULES)
    chunks = (FrameRange(0, parts[1].start), FrameRange(parts[1].start, FRAMES))
    renditions = tuple(Rendition(f"{codec}-64", _pieces(folder, codec, chunks, keys)) for codec in ENCODERS)
    tracks = (_noise(folder / "one.nut", 48_000, "stereo", 1), _noise(folder / "two.nut", 44_100, "mono", 2))
    sound = (
        AudioTrack(tracks[0], Fraction(-1, 9), "eng", 'Hall "A" & <B>'),
        AudioTrack(tracks[1], Fraction(2, 9), "deu"),
    )
    return Programme(clock, parts, keys, renditions, sound)


def _pieces(folder: Path, codec: str, chunks: tuple[FrameRange, ...], keys: tuple[int, ...]) -> tuple[Piece, ...]:
    pieces = []
    for index, chunk in enumerate(chunks):
        raw, path = folder / "raw.yuv", folder / f"{codec}-{index}.mkv"
        raw.write_bytes(b"".join(picture(number) for number in chunk))
        moments = [max(key - chunk.start - Fraction(1, 4), Fraction(0)) / RATE for key in keys if key in chunk]
        forced = ",".join(f"{float(moment):.6f}" for moment in moments)
        source = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{WIDTH}x{HEIGHT}", *input_arguments(raw, RATE)]
        quality = ["-crf", str(28 + 6 * index), "-force_key_frames", forced]
        run([*source, *TAGS, *ENCODERS[codec], *quality, file_url(path)], doing="encoding a piece")
        pieces.append(Piece(path, len(chunk)))
    return tuple(pieces)


def picture(number: int) -> bytes:
    """Raw 4:2:0 that changes at the cuts."""
    shot = sum(number >= cut for cut in CUTS)
    luma = (np.add.outer(np.arange(HEIGHT), (2 + shot) * np.arange(WIDTH)) + 5 * number) % (110 + 30 * shot) + 20
    return luma.astype(np.uint8).tobytes() + bytes([100 + 20 * shot]) * (WIDTH * HEIGHT // 2)


def _noise(path: Path, rate: int, layout: str, seed: int) -> Path:
    channels = len(av.AudioLayout(layout).channels)
    samples = (np.random.default_rng(seed).standard_normal((channels, 5 * rate // 2)) * 3000).astype(np.int16)
    with av.open(str(path), "w", format="nut") as output:
        stream = output.add_stream("pcm_s16le", rate=rate)
        stream.codec_context.layout = layout
        output.start_encoding()
        for packet in encoded(stream.codec_context, iter([samples]), layout):
            packet.stream = stream
            output.mux(packet)
    return path
