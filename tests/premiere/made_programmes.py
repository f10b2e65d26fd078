"""Programmes without files, for what is pure; and a small real one."""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import numpy as np

from footlights.core.time import FrameRange
from footlights.encoding.encoders import rung_encoder
from footlights.encoding.hls import Tag
from footlights.encoding.package import Rendition, write_stream
from footlights.media import ffmpeg
from footlights.media.audio import AudioTrack
from footlights.media.pieces import Clock, Piece
from footlights.premiere.programme import Programme, Track
from footlights.premiere.schedule import LOOP, PER_LOOP, Schedule, plan

START = Fraction(1_800_000_000)
TAGS = (
    Tag(
        "MEDIA", (("TYPE", "AUDIO"), ("GROUP-ID", "sound"), ("NAME", "Hall"), ("LANGUAGE", "en")), "sound-1/media.m3u8"
    ),
    Tag("STREAM-INF", (("BANDWIDTH", "900000"), ("CODECS", "av01.0.04M.10"), ("AUDIO", "sound")), "av1-144/media.m3u8"),
)


def synthetic(lengths: list[int], rate: Fraction = Fraction(60000, 1001), folder: str = "/nowhere") -> Programme:
    """Segments of so many frames; sound is cut on the nearest packet."""
    scale = rate.numerator
    marks = [0, *accumulate(length * rate.denominator for length in lengths)]
    duration = Fraction(marks[-1], scale)
    packets = [0, *(round(Fraction(mark, scale) * 48_000 / 1024) * 1024 for mark in marks[1:-1])]
    sound = [*packets, round(duration * 48_000)]
    tracks = (
        _track("av1-144", "av01.0.04M.10", 256, scale, marks),
        _track("sound-1", "mp4a.40.2", 0, 48_000, sound),
    )
    return Programme(Path(folder), duration, tracks, TAGS)


def slate() -> Programme:
    """As `slate.make_slate` cuts it."""
    length = int(LOOP) * 10 // PER_LOOP
    return synthetic([length] * (3 * PER_LOOP), Fraction(10), "/slate")


def schedule(*programmes: Programme, lobby: int = 100, window: int = 30) -> Schedule:
    shown = programmes or (synthetic([211, 240, 180, 299] * 20),)
    return plan(shown, START, slate(), lobby=Fraction(lobby), window=Fraction(window))


def real(folder: Path, frames: int = 250, part: int = 50) -> Path:
    """A stream of moving bars at 25 pictures a second, AV1 and H.264, with one silent sound track; its folder."""
    rate = Fraction(25)
    clock = Clock([Fraction(frame) / rate for frame in range(frames)], frames / rate, rate)
    parts = tuple(FrameRange(0, frames).split(part))
    work = folder / "work"
    work.mkdir(parents=True)
    renditions = []
    for codec, preset in (("av1", "12"), ("h264", "ultrafast")):
        path = work / f"{codec}.mkv"
        arguments = rung_encoder(codec, preset).arguments(35, [one.start for one in parts], rate)
        raw = ffmpeg.RawFormat(96, 64, "yuv420p", str(rate))
        with ffmpeg.EncoderPipe(raw, [*arguments, ffmpeg.file_url(path)], doing="encoding bars") as pipe:
            for frame in range(frames):
                luma = (np.add.outer(np.arange(64), 3 * np.arange(96)) + 2 * frame) % 200 + 20
                pipe.write(luma.astype(np.uint8))
                pipe.write(np.full((2, 32, 48), 128, np.uint8))
        renditions.append(Rendition(f"{codec}-64", (Piece(path, frames),)))
    silence = work / "silence.nut"
    silence.touch()
    write_stream(folder / "stream", renditions, clock, parts, sound=[AudioTrack(silence, Fraction(0), "eng", "Hall")])
    return folder / "stream"


def _track(name: str, codecs: str, width: int, scale: int, marks: list[int]) -> Track:
    files = tuple(f"{name}/{number:05d}.m4s" for number in range(1, len(marks)))
    sizes = tuple(1000 + mark % 977 for mark in marks[1:])
    return Track(name, codecs, 800_000, width, width * 9 // 16, scale, files, sizes, tuple(marks))
