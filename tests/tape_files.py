"""Tape files in the formats tapes come in, made by the ffmpeg program from its own test pictures."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from footlights.media import ffmpeg


def sound_of(frames: int, rate: Fraction) -> list[str]:
    """As an input: as long as the pictures. Endless sound and `-shortest` give a tail whose length depends on how
    busy the machine is."""
    return ["-f", "lavfi", "-i", f"sine=440:r=48000:d={float(frames / rate):.6f}"]


def make(
    path: Path, frames: int = 25, *, size: str = "352x288", rate: str = "50", order: str = "tff", sound: bool = True
) -> Path:
    """An interlaced tape named `path`; the suffix chooses the format: mpg, ts, mkv, mov, avi, mp4."""
    fields = "interlace=scan=tff:lowpass=0" if order == "tff" else "interlace=scan=bff:lowpass=0"
    suffix = path.suffix
    codec = {
        ".mpg": ["-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-b:v", "3M", "-g", "12", "-bf", "2", "-c:a", "mp2"],
        ".ts": ["-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-b:v", "3M", "-g", "12", "-bf", "2", "-c:a", "mp2"],
        ".mkv": ["-c:v", "ffv1", "-level", "3", "-c:a", "flac"],
        ".mov": ["-c:v", "prores_ks", "-profile:v", "1", "-flags", "+ildct", "-c:a", "pcm_s16le"],
        ".avi": ["-c:v", "mjpeg", "-q:v", "3", "-c:a", "pcm_s16le"],
        ".mp4": ["-c:v", "libx264", "-preset", "veryfast", "-flags", "+ildct+ilme", "-bf", "2", "-c:a", "aac"],
    }[suffix]
    tracks = sound_of(frames, Fraction(rate) / 2) if sound else []
    picture = f"testsrc2=s={size}:r={rate},format=yuv420p"
    graph = ["-vf", f"{fields},setsar=12/11,setfield={order}"]
    tail = ["-frames:v", str(frames), *([] if sound else ["-an"])]
    ffmpeg.run(
        ["-f", "lavfi", "-i", picture, *tracks, *graph, *codec, *tail, ffmpeg.file_url(path)], doing="making a tape"
    )
    return path


def make_dv(path: Path, frames: int = 10) -> Path:
    """NTSC DV 4:1:1, bottom field first, in AVI or MOV or raw."""
    picture = "testsrc2=s=720x480:r=60000/1001,format=yuv411p"
    graph = ["-vf", "interlace=scan=bff:lowpass=0,setsar=8/9"]
    tail = ["-c:v", "dvvideo", "-c:a", "pcm_s16le", "-ac", "2", "-ar", "48000", "-frames:v", str(frames)]
    sound = sound_of(frames, Fraction(30000, 1001))
    ffmpeg.run(["-f", "lavfi", "-i", picture, *sound, *graph, *tail, ffmpeg.file_url(path)], doing="making a DV tape")
    return path
