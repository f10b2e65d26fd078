"""The slate: what is shown in the lobby, in the same renditions as the programme, and its countdown.

Three times `schedule.LOOP` seconds: the picture, the picture again (which the schedule repeats), and the picture with
the last seconds counted down. The picture is one the user gives, or a dark stage lit from its edge; it holds no words,
so that it needs no translation. Sound is silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from shutil import rmtree
from uuid import uuid4

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core import records
from footlights.core.colour import chroma_to_codes, luma_to_codes, rgb_to_ycbcr
from footlights.core.signal import Matrix
from footlights.core.time import FrameRange
from footlights.encoding.encoders import rung_encoder
from footlights.encoding.package import Rendition, write_stream
from footlights.errors import SourceError
from footlights.media import ffmpeg
from footlights.media.audio import AudioTrack
from footlights.media.pieces import Clock, Piece
from footlights.premiere.programme import Programme, Track, read_programme
from footlights.premiere.schedule import LOOP, PER_LOOP

VERSION = 1
RATE = Fraction(10)
"""Pictures per second: a still needs few, and a digit a second no more."""
_QUALITY = {"av1": (30.0, "10"), "h264": (22.0, "fast")}
_PER_LOOP = int(LOOP * RATE)
_FRAMES = 3 * _PER_LOOP
_SEGMENT = _PER_LOOP // PER_LOOP
_KEY_FILE = "slate.json"

Picture = NDArray[np.float32]
"""`(H, W, 3)` R'G'B', 0..1."""


def make_slate(programme: Programme, folder: Path, image: Path | None = None) -> Programme:
    """The slate of a programme as a stream in `folder`; one that is there and fits is taken as it is.

    Raises SourceError for a picture that cannot be read.
    """
    wanted = _identity(programme, image)
    if (folder / _KEY_FILE).is_file() and (folder / _KEY_FILE).read_text("utf-8") == wanted:
        return read_programme(folder)
    given = _read(image) if image is not None else None
    draft = folder.with_name(f".{folder.name}.{uuid4().hex[:8]}.part")
    draft.mkdir(parents=True)
    try:
        _write(programme, given, draft)
        records.write(draft / _KEY_FILE, wanted)
        if folder.exists():
            rmtree(folder)
        draft.rename(folder)
    finally:
        rmtree(draft, ignore_errors=True)
    return read_programme(folder)


def picture(width: int, height: int, given: Picture | None, left: int | None = None) -> Picture:
    """One picture of the slate; `left` are the seconds to be shown, None for none."""
    shown = _stage(width, height) if given is None else _fitted(given, width, height)
    if left is not None:
        shown = (shown * 0.35).astype(np.float32)
        _draw_seconds(shown, left)
    return shown


def _write(programme: Programme, given: Picture | None, folder: Path) -> None:
    clock = Clock([Fraction(frame) / RATE for frame in range(_FRAMES)], _FRAMES / RATE, RATE)
    segments = tuple(FrameRange(start, start + _SEGMENT) for start in range(0, _FRAMES, _SEGMENT))
    pieces = folder / "pieces"
    pieces.mkdir()
    renditions = []
    for track in (one for one in programme.tracks if not one.is_sound):
        path = pieces / f"{track.name}.mkv"
        _encode(track, given, [segment.start for segment in segments], path)
        renditions.append(Rendition(track.name, (Piece(path, _FRAMES),)))
    silence = pieces / "silence.nut"
    silence.touch()
    tags = [tag for tag in programme.tags if tag.name == "MEDIA"]
    sound = [AudioTrack(silence, Fraction(0), tag.get("LANGUAGE"), tag.get("NAME")) for tag in tags]
    stream = folder / "stream"
    write_stream(stream, renditions, clock, segments, sound=sound, sound_bit_rate=64_000)
    rmtree(pieces)
    for made in stream.iterdir():
        made.rename(folder / made.name)
    stream.rmdir()


def _encode(track: Track, given: Picture | None, keys: Sequence[int], path: Path) -> None:
    codec = "av1" if track.codecs.startswith("av01") else "h264"
    quality, preset = _QUALITY[codec]
    encoder = rung_encoder(codec, preset)
    raw = ffmpeg.RawFormat(track.width, track.height, "yuv420p10le", str(RATE))
    arguments = [*encoder.arguments(quality, keys, RATE), ffmpeg.file_url(path)]
    still = _planes(picture(track.width, track.height, given))
    per_second = int(RATE)
    with ffmpeg.EncoderPipe(raw, arguments, doing=f"encoding the slate {track.name}") as pipe:
        for second in range(_FRAMES // per_second):
            left = _FRAMES // per_second - second
            planes = still
            if left <= int(LOOP):
                planes = _planes(picture(track.width, track.height, given, left))
            for _ in range(per_second):
                for plane in planes:
                    pipe.write(plane)


def _planes(rgb: Picture) -> tuple[NDArray[np.uint16], ...]:
    """10-bit BT.709 codes, 4:2:0."""
    luma, blue, red = np.moveaxis(rgb @ rgb_to_ycbcr(Matrix.BT709).astype(np.float32).T, -1, 0)
    half = (rgb.shape[1] // 2, rgb.shape[0] // 2)
    chroma = [cv2.resize(np.ascontiguousarray(plane), half, interpolation=cv2.INTER_AREA) for plane in (blue, red)]
    return luma_to_codes(luma, 10), *(chroma_to_codes(plane, 10) for plane in chroma)


def _stage(width: int, height: int) -> Picture:
    """A dark stage with a row of warm lights along its lower edge."""
    across, down = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    lights = sum(np.exp(-(((across - place) / 0.05) ** 2)) for place in (0.1, 0.3, 0.5, 0.7, 0.9))
    glow = lights * np.exp(-(((1 - down) / 0.22) ** 2)) + 0.6 * np.exp(-(((1 - down) / 0.5) ** 2))
    warm = np.array([0.62, 0.38, 0.16])
    return np.clip(0.03 + glow[..., None] * warm * 0.45, 0, 1).astype(np.float32)


def _draw_seconds(shown: Picture, left: int) -> None:
    """Digits in a ring, centred."""
    height, width = shown.shape[:2]
    size = height / 240
    weight = max(1, round(2.5 * size))
    text, face = str(left), cv2.FONT_HERSHEY_SIMPLEX
    (wide, tall), _ = cv2.getTextSize(text, face, 2.2 * size, weight)
    place = ((width - wide) // 2, (height + tall) // 2)
    ink = (0.92, 0.88, 0.8)
    cv2.putText(shown, text, place, face, 2.2 * size, ink, weight, cv2.LINE_AA)
    centre, radius = (width // 2, height // 2), round(height / 4)
    sweep = 360 * left / float(LOOP)
    cv2.ellipse(shown, centre, (radius, radius), -90, 0, sweep, ink, weight, cv2.LINE_AA)


def _fitted(given: Picture, width: int, height: int) -> Picture:
    """The whole picture, centred, black around it where the shapes differ."""
    scale = min(width / given.shape[1], height / given.shape[0])
    size = (max(1, round(given.shape[1] * scale)), max(1, round(given.shape[0] * scale)))
    small = cv2.resize(given, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    shown = np.zeros((height, width, 3), np.float32)
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    shown[top : top + size[1], left : left + size[0]] = np.clip(small, 0, 1)
    return shown


def _read(image: Path) -> Picture:
    try:
        data = np.frombuffer(image.read_bytes(), np.uint8)
    except OSError as error:
        raise _unreadable(image, error.strerror or str(error)) from error
    try:
        found = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except cv2.error as error:
        raise _unreadable(image, str(error).strip()) from error
    if found is None:
        raise _unreadable(image, "it is no picture that can be decoded")
    return (cv2.cvtColor(found, cv2.COLOR_BGR2RGB) / 255).astype(np.float32)


def _unreadable(image: Path, why: str) -> SourceError:
    return SourceError(f"the slate {image} cannot be used", why, "give a PNG or JPEG picture")


def _identity(programme: Programme, image: Path | None) -> str:
    """What the slate is made from; equal text means that the one that is there fits."""
    tags = [(tag.get("NAME"), tag.get("LANGUAGE")) for tag in programme.tags if tag.name == "MEDIA"]
    facts = {
        "version": VERSION,
        "tracks": [[one.name, one.codecs.split(".")[0], one.width, one.height] for one in programme.tracks],
        "sound": [list(tag) for tag in tags],
        "image": records.file_digest(image) if image is not None and image.is_file() else str(image or ""),
    }
    return records.canonical(facts).decode() + "\n"
