"""A tape from clean video: pictures out of any file, through the simulator, into a real DV, MPEG-2 or FFV1 encode."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from footlights.core import colour, records
from footlights.core.clip import Plane
from footlights.core.reports import CadenceKind
from footlights.core.signal import FieldOrder, Matrix, Primaries, Range, Signal
from footlights.core.time import FrameRange
from footlights.errors import OutputExistsError, ParameterError, UsageError, did_you_mean
from footlights.media import ffmpeg
from footlights.media.reader import VideoIndex, VideoReader, index_video
from footlights.media.tape import open_tape
from footlights.pipeline.pictures import to_planes
from footlights.tape.presets import preset
from footlights.tape.raster import NTSC, PAL, Raster, Standard
from footlights.tape.simulate import Simulator, TapeFrame
from footlights.tape.truth import Truth

_CODECS = {".mpg": "mpeg2", ".mpeg": "mpeg2", ".vob": "mpeg2", ".dv": "dv", ".avi": "dv", ".mov": "dv", ".mkv": "ffv1"}
_SOUND = {"mpeg2": ["-c:a", "mp2", "-b:a", "192k"], "dv": ["-c:a", "pcm_s16le"], "ffv1": ["-c:a", "pcm_s16le"]}
_RATE_SLACK = Fraction(1, 10)
_NATURAL = {"ntsc": (Fraction(24), Fraction(30), Fraction(60)), "pal": (Fraction(25), Fraction(50))}
"""Picture rates that go with each standard."""
Progress = Callable[[int], None]
E = TypeVar("E", FieldOrder, CadenceKind)


@dataclass(frozen=True, slots=True)
class TapeChoice:
    """What tape to make; `auto` looks at the file name and the video's rate."""

    preset: str = "medium"
    seed: int = 1
    standard: str = "auto"
    field_order: str = "auto"
    codec: str = "auto"
    scan: str = "interlaced"
    cuts: tuple[int, ...] = ()
    """Field numbers that begin a shot, for the ground truth."""
    bit_rate: int = 8_000_000
    """Of MPEG-2, in bits per second."""


@dataclass(frozen=True, slots=True)
class Made:
    """A finished tape."""

    tape: Path
    truth_file: Path
    truth: Truth
    notes: tuple[str, ...]


def make_tape(clean: Path, output: Path, choice: TapeChoice, progress: Progress) -> Made:
    """Simulate a tape of the video `clean`; `progress` gets the number of frames done.

    Writes `output` and its ground truth beside it, both under other names until complete. Raises UsageError for a
    choice that cannot be, OutputExistsError where either file exists, SourceError for an unreadable video.
    """
    truth_file = output.with_name(f"{output.name}.truth.json")
    for path in (output, truth_file):
        if path.exists():
            raise OutputExistsError(f"{path} exists", "nothing is overwritten", "choose another name, or remove it")
    with open_tape(clean) as opened:  # refuses what is no video
        has_sound = bool(opened.facts.audio)
    index = index_video(clean)
    codec = _codec(choice.codec, output)
    simulator, speed, held, notes = _simulator(choice, codec, index.rate)
    _refuse_small(clean, index, simulator.raster)
    part = output.with_name(f".{output.stem}.part{output.suffix}")
    try:
        with VideoReader(clean, index) as reader:
            recording = simulator.run(_held(_pictures(reader), held), choice.cuts)
            aspect = simulator.signal(Fraction(index.width, index.height)).sample_aspect
            sound = clean if has_sound and speed == 1 else None
            if has_sound and sound is None:
                notes.append("The sound is left out: it does not belong to pictures at another speed.")
            write_frames(part, recording, simulator, codec, aspect, sound, choice.bit_rate, progress)
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)
    truth = recording.truth()
    records.write(truth_file, records.dumps(truth))
    return Made(output, truth_file, truth, tuple(notes))


def _refuse_small(clean: Path, index: VideoIndex, raster: Raster) -> None:
    least = raster.active_width, raster.height
    if index.width < least[0] or index.height < least[1]:
        raise UsageError(
            f"{clean} has {index.width}×{index.height} samples, too few for this tape",
            f"a tape of this standard resolves {least[0]}×{least[1]}; enlarged pictures would be softer than it",
            "give a larger video, or --standard ntsc for one of 480 lines",
        )


def write_frames(
    path: Path,
    frames: Iterable[TapeFrame],
    simulator: Simulator,
    codec: str,
    sample_aspect: Fraction,
    sound: Path | None,
    bit_rate: int,
    progress: Progress,
) -> None:
    """Encode tape frames as real tape formats hold them: field-coded, 4:1:1 or interlaced 4:2:0."""
    raster = simulator.raster
    raw = ffmpeg.RawFormat(raster.width, raster.height, "yuv422p", str(raster.standard.frame_rate))
    order = "tff" if simulator.field_order is FieldOrder.TOP_FIRST else "bff"
    aspect = f"setsar={sample_aspect.numerator}/{sample_aspect.denominator}"
    tags = ["-colorspace", "bt470bg" if raster.standard is Standard.PAL else "smpte170m"]
    tracks = ["-map", "0:v"]
    inputs: list[str] = []
    if sound is not None:
        inputs = ffmpeg.input_arguments(sound)
        tracks += ["-map", "1:a", *_SOUND[codec]]
    arguments = [
        *inputs, *tracks, "-vf", f"{_chroma(codec, raster)},setfield={order},{aspect}",
        *_video(codec, raster, bit_rate), *tags, "-fflags", "+bitexact", ffmpeg.file_url(path),
    ]  # fmt: skip
    with ffmpeg.EncoderPipe(raw, arguments, doing=f"writing {path.name}") as pipe:
        for frame in frames:
            for plane in (frame.y, frame.cb, frame.cr):
                pipe.write(plane)
            progress(frame.number + 1)


def to_display(planes: tuple[Plane, Plane], signal: Signal) -> Plane:
    """4:4:4 Y'CbCr → R'G'B' (H, W, 3) with BT.709 primaries, 0..1, as the simulator takes it."""
    matrix = Matrix.SMPTE170M if signal.matrix is Matrix.IDENTITY else signal.matrix
    source = (matrix, signal.primaries)
    luma, chroma = planes
    if source != (Matrix.BT709, Primaries.BT709):
        luma, chroma = colour.convert_primaries(luma, chroma, source, (Matrix.BT709, Primaries.BT709))
    stacked = np.stack([luma, chroma[0], chroma[1]], axis=-1)
    rgb = cv2.transform(stacked, colour.ycbcr_to_rgb(Matrix.BT709))
    return np.clip(rgb, 0, 1).astype(np.float32)


def _pictures(reader: VideoReader) -> Iterator[Plane]:
    """Every frame of a progressive video as the simulator takes it; tags as in the file, HD taken for BT.709."""
    signal = Signal(matrix=Matrix.BT709, primaries=Primaries.BT709, range=Range.LIMITED)
    if reader.index.height <= 576 and reader.index.codec != "libdav1d":
        signal = replace(signal, matrix=Matrix.SMPTE170M, primaries=Primaries.SMPTE170M)
    for picture in reader.read(FrameRange(0, reader.index.frames)):
        yield to_display(to_planes(picture, reader.layout, signal, interlaced=False), signal)


def _held(pictures: Iterator[Plane], times: int) -> Iterator[Plane]:
    """Each picture as often as fields show it."""
    for picture in pictures:
        for _ in range(times):
            yield picture


def _simulator(choice: TapeChoice, codec: str, rate: Fraction) -> tuple[Simulator, Fraction, int, list[str]]:
    """The simulator, how much faster than life pictures run, how many fields show each, and what to say about it."""
    raster = _raster(choice.standard, rate)
    order = choice.field_order
    if order == "auto":
        order = "bottom-first" if codec == "dv" else "top-first"
    simulator = Simulator(
        preset(choice.preset),
        choice.seed,
        raster,
        _choice(FieldOrder, order, "field order", ("top-first", "bottom-first")),
        _choice(CadenceKind, choice.scan, "scan", tuple(CadenceKind)),
    )
    needed = simulator.picture_rate
    # A progressive tape shows one picture a frame: video of that rate has them all.
    held = 2 if simulator.scan is CadenceKind.PROGRESSIVE and abs(needed / rate - 2) <= 2 * _RATE_SLACK else 1
    speed = needed / rate / held
    if abs(speed - 1) <= _RATE_SLACK:
        return simulator, Fraction(1), held, []
    note = f"{float(rate):.3g} pictures a second are taken as {float(needed):.4g}: {float(speed):.3g} times as fast."
    return simulator, speed, held, [note]


def _choice(kind: type[E], text: str, what: str, allowed: tuple[str, ...]) -> E:
    if text not in allowed:
        raise UsageError(
            f"there is no {what} {text!r}",
            did_you_mean(text, allowed) or f"known: {', '.join(allowed)}",
            f"choose a {what}",
        )
    return kind(text)


def _raster(standard: str, rate: Fraction) -> Raster:
    if standard == "auto":
        distance = {name: min(abs(rate - r) for r in rates) for name, rates in _NATURAL.items()}
        standard = min(distance, key=lambda name: distance[name])
    try:
        return {"ntsc": NTSC, "pal": PAL}[standard]
    except KeyError:
        raise ParameterError("standard", standard, "choose ntsc, pal or auto") from None


def _codec(name: str, output: Path) -> str:
    if name == "auto":
        name = _CODECS.get(output.suffix.lower(), "")
    if name not in _SOUND:
        raise UsageError(
            f"no tape format is known for {output.name}",
            f"known names end in {', '.join(_CODECS)}",
            "choose --codec too",
        )
    return name


def _chroma(codec: str, raster: Raster) -> str:
    """From co-sited 4:2:2 to what the format holds; 4:2:0 inside each field."""
    if codec == "ffv1":
        return "format=yuv422p"
    if codec == "dv" and raster.standard is Standard.NTSC:
        return "scale=flags=bicubic+accurate_rnd,format=yuv411p"
    return "scale=interl=1:flags=bicubic+accurate_rnd,format=yuv420p"


def _video(codec: str, raster: Raster, bit_rate: int) -> list[str]:
    if codec == "dv":
        return ["-c:v", "dvvideo"]
    if codec == "ffv1":
        return ["-c:v", "ffv1", "-level", "3", "-g", "1", "-slices", "4", "-slicecrc", "1"]
    group = "15" if raster.standard is Standard.NTSC else "12"
    return [
        "-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-b:v", str(bit_rate), "-maxrate", str(bit_rate * 5 // 4),
        "-bufsize", "1835008", "-g", group, "-bf", "2", "-alternate_scan", "1",
    ]  # fmt: skip
