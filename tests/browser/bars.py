"""A stream whose pictures carry their frame number as bars and whose sound clicks once a second."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from footlights.encoding.package import Rendition, write_stream
from footlights.encoding.segments import SegmentRules, key_frames, segments
from footlights.media.audio import AudioTrack, encoded
from footlights.media.ffmpeg import file_url, input_arguments, run
from footlights.media.pieces import Clock, Piece

RATE = Fraction(30000, 1001)
FRAMES = 240
CUTS = (75, 100, 180)
RULES = SegmentRules(target=Fraction(2), longest=Fraction(3))
"""Short segments, so that there is something to switch between in eight seconds."""
SIZES = {"av1-144": (256, 144), "av1-72": (128, 72), "h264-144": (256, 144)}
BITS = 8
TAGS = ["-vf", "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv"]
ENCODERS = {
    "av1": ["-c:v", "libsvtav1", "-preset", "10", "-pix_fmt", "yuv420p10le", "-svtav1-params", "keyint=-1:scd=0:lp=2"],
    "h264": [
        "-c:v",
        "libx264",
        "-preset",
        "fast",
        "-bf",
        "3",
        "-x264-params",
        "stitchable=1:keyint=infinite:scenecut=0",
    ],
}
CLICK_FROM, CLICK_EVERY = Fraction(1, 2), Fraction(1)


def write_test_stream(folder: Path, frames: int = FRAMES, cuts: Sequence[int] = CUTS) -> None:
    """`stream` in `folder`; frame numbers go around after 255."""
    clock = Clock([number / RATE for number in range(frames)], frames / RATE, RATE)
    parts = segments(cuts, clock.times, clock.end, RULES)
    keys = key_frames(parts, cuts, clock.times, clock.end)
    renditions = []
    for name, (width, height) in SIZES.items():
        pieces = []
        for index, part in enumerate(parts):
            path = folder / f"{name}-{index}.mkv"
            inner = [key - part.start for key in keys if part.start <= key < part.stop]
            _encode(path, name.split("-")[0], range(part.start, part.stop), width, height, 30 + 2 * index, inner)
            pieces.append(Piece(path, len(part)))
        renditions.append(Rendition(name, tuple(pieces)))
    sound = folder / "clicks.nut"
    _clicks(sound, clock.end)
    write_stream(folder / "stream", renditions, clock, parts, sound=[AudioTrack(sound, Fraction(0), "eng", "Clicks")])


def _encode(path: Path, codec: str, frames: range, width: int, height: int, crf: int, keys: list[int]) -> None:
    raw = path.with_name("raw.yuv")
    raw.write_bytes(b"".join(_picture(number, width, height) for number in frames))
    forced = ",".join(f"{float(max(key - Fraction(1, 4), Fraction(0)) / RATE):.6f}" for key in keys)
    source = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{width}x{height}", *input_arguments(raw, RATE)]
    quality = ["-crf", str(crf), "-force_key_frames", forced]
    run([*source, *TAGS, *ENCODERS[codec], *quality, file_url(path)], doing="encoding test bars")


def _picture(number: int, width: int, height: int) -> bytes:
    """Raw 4:2:0: the frame number as eight bars, dark for 0 and light for 1, above something that moves."""
    luma = np.full((height, width), 90, np.uint8)
    luma[height // 2 :] += ((np.arange(width) // 4 + number) % 32).astype(np.uint8)
    for bit in range(BITS):
        luma[: height // 3, bit * width // BITS : (bit + 1) * width // BITS] = 220 if number >> bit & 1 else 30
    return luma.tobytes() + bytes([128]) * (width * height // 2)


def _clicks(path: Path, end: Fraction) -> None:
    rate = 48_000
    hum = 300 * np.sin(np.arange(int(end * rate)) * 2 * np.pi * 310 / rate)  # never silent: recording begins with it
    sound = np.stack([hum, hum]).astype(np.int16)
    moment = CLICK_FROM
    burst = np.sin(np.arange(480) * 2 * np.pi * 1000 / rate) * np.hanning(480) * 28000
    while moment + Fraction(1, 10) < end:
        begin = int(moment * rate)
        sound[:, begin : begin + 480] = burst.astype(np.int16)
        moment += CLICK_EVERY
    with av.open(str(path), "w", format="nut") as output:
        stream = output.add_stream("pcm_s16le", rate=rate)
        stream.codec_context.layout = "stereo"
        output.start_encoding()
        for packet in encoded(stream.codec_context, iter([sound]), "stereo"):
            packet.stream = stream
            output.mux(packet)
