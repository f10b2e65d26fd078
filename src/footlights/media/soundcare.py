"""Care for a sound track on its way into the products: clicks, hum and loudness, every sample at its place.

FFmpeg's filters do the work, inside PyAV: `adeclick` (impulses found and filled by linear prediction, after Godsill and
Rayner), `bandreject` at the mains frequency and its harmonics, `ebur128` for loudness (EBU R 128, ITU-R BS.1770).
Loudness is set by one gain for the whole track, found in a first pass and bounded by the true peak: dynamics stay as
they were. The result has the track's own rate, channels, start and number of samples: nothing moves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.filter import Graph
from numpy.typing import NDArray

from footlights.core.sound_reports import SoundCare
from footlights.errors import PausedError, ToolError
from footlights.media.audio import AudioTrack, decoded, encoded, floating, programme_sound, source_format
from footlights.media.lossless import ENOSPC
from footlights.media.loudness import FLOOR, LoudnessMeter

VERSION = 1
_HARMONICS = 8
"""Multiples of the mains frequency that are notched, the first among them."""
_NOTCH = 2
"""Hz between the -3 dB points of every notch."""
_CLICK = 6
"""`adeclick`'s threshold: at its own default of 2 it changes 7 per cent of the samples of music without a click,
measured; at 9 it misses clicks of ten times the music's level."""
_LEAD = 5
"""Part of a second of silence put before a track and taken off again: `adeclick` fades its first window in."""
_BLOCK = 8192

Planar = NDArray[np.float32]
"""`(C, n)`, full scale ±1."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be done to a track."""

    track: int
    """Stream index in the tape."""
    declick: bool = False
    hum: int = 0
    """Mains frequency in Hz that is notched, 0 for none."""
    loudness: float | None = None
    """LUFS to reach; None leaves the level alone."""
    peak: float = -1.0
    """dBTP that is not passed."""


def care(track: AudioTrack, wanted: Wanted, target: Path, progress: Callable[[int], None]) -> SoundCare:
    """Write the treated track to `target`, FLAC of 24 bits in NUT; `progress` gets seconds."""
    form = source_format(track)
    between = target.with_name(f".{target.name}")
    layout = _layout(track)
    blocks = _filtered(_continuous(track), form.sample_rate, layout, wanted)
    count = _write(between, _told(blocks, form.sample_rate, progress), form.sample_rate, ("pcm_f32le", "flt", layout))
    try:
        plain = AudioTrack(between, Fraction(0))
        before, peak = _loudness(plain, Fraction(count, form.sample_rate))
        gain = 0.0
        if wanted.loudness is not None and before > FLOOR:
            gain = min(wanted.loudness - before, wanted.peak - peak)
        louder = (placed.samples * np.float32(10 ** (gain / 20)) for placed in decoded(plain))
        _write(target, map(_integers, louder), form.sample_rate, ("flac", "s32", layout))
    finally:
        between.unlink()
    return SoundCare(
        track=wanted.track,
        declicked=wanted.declick,
        hum=wanted.hum,
        loudness=round(before, 2),
        true_peak=round(peak, 2),
        gain=round(gain, 3),
        target=wanted.loudness,
        samples=count,
    )


def _continuous(track: AudioTrack) -> Iterator[Planar]:
    """The track from its first sample on, holes filled with silence."""
    reached: int | None = None
    for placed in decoded(track):
        hole = placed.position - (placed.position if reached is None else reached)
        while hole > 0:
            count = min(hole, _BLOCK)
            yield np.zeros((len(placed.channels), count), np.float32)
            hole -= count
        yield floating(placed.samples).astype(np.float32)
        reached = placed.position + placed.samples.shape[1]


def _layout(track: AudioTrack) -> str:
    """FFmpeg's name of the track's channels; NUT does not keep those of PCM."""
    first = next(decoded(track))
    return f"{len(first.channels)}c" if "NONE" in first.channels else "+".join(first.channels)


def _filtered(blocks: Iterator[Planar], rate: int, layout: str, wanted: Wanted) -> Iterator[Planar]:
    """The blocks through FFmpeg's filters: as many samples as went in, each at its place."""
    chain = [("adeclick", f"t={_CLICK}")] if wanted.declick else []
    for multiple in range(1, _HARMONICS + 1) if wanted.hum else ():
        if wanted.hum * multiple < rate / 2:
            chain.append(("bandreject", f"f={wanted.hum * multiple}:width_type=h:w={_NOTCH}"))
    if not chain:
        yield from blocks
        return
    graph = Graph()
    source: Any = graph.add_abuffer(sample_rate=rate, format="fltp", layout=layout, time_base=Fraction(1, rate))
    last = source
    for name, options in (*chain, ("aformat", "sample_fmts=fltp"), ("abuffersink", "")):
        following = graph.add(name, options)
        last.link_to(following)
        last = following
    graph.configure()
    lead = rate // _LEAD
    yield from _without(lead, _through(source, last, _led(blocks, lead), rate, layout))


def _led(blocks: Iterator[Planar], lead: int) -> Iterator[Planar]:
    """The blocks behind `lead` samples of silence."""
    for number, block in enumerate(blocks):
        yield block if number else np.concatenate([np.zeros((len(block), lead), np.float32), block], axis=1)


def _without(lead: int, blocks: Iterator[Planar]) -> Iterator[Planar]:
    """The blocks without their first `lead` samples."""
    for block in blocks:
        kept = block[:, lead:]
        lead = max(lead - block.shape[1], 0)
        if kept.shape[1]:
            yield kept


def _through(source: Any, sink: Any, blocks: Iterator[Planar], rate: int, layout: str) -> Iterator[Planar]:
    """The blocks pushed into a graph, and what comes out of it."""
    position = 0
    for block in blocks:
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(block), format="fltp", layout=layout)
        frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), position
        position += block.shape[1]
        source.push(frame)
        yield from _pulled(sink)
    source.push(None)
    yield from _pulled(sink)


def _pulled(sink: Any) -> Iterator[Planar]:
    while True:
        try:
            yield sink.pull().to_ndarray()
        except (av.error.BlockingIOError, av.error.EOFError):
            return


def _told(blocks: Iterator[Planar], rate: int, progress: Callable[[int], None]) -> Iterator[Planar]:
    done = 0
    for block in blocks:
        yield block
        done += block.shape[1]
        progress(done // rate)


def _write(path: Path, blocks: Iterator[NDArray[Any]], rate: int, form: tuple[str, str, str]) -> int:
    """A NUT file of one track by codec, sample format and layout; the number of samples."""
    codec, kind, layout = form
    count = 0

    def counted() -> Iterator[NDArray[Any]]:
        nonlocal count
        for block in blocks:
            count += block.shape[1]
            yield block

    try:
        with av.open(str(path), "w", format="nut", container_options={"fflags": "+bitexact"}) as output:
            stream: Any = output.add_stream(codec, rate=rate)
            context = stream.codec_context
            context.layout, context.format = layout, kind
            for packet in encoded(context, counted(), layout):
                packet.stream = stream
                output.mux(packet)
    except (av.error.FFmpegError, OSError) as error:
        if error.errno == ENOSPC:
            raise PausedError("the disk is full", str(error), "make space and run the same command again") from error
        raise ToolError(f"{path.name} could not be written", str(error), "report this defect") from error
    return count


def _integers(samples: Planar) -> NDArray[np.int32]:
    """24 bits at the top of 32, rounded; beyond full scale there is nothing."""
    whole = np.clip(np.rint(samples.astype(np.float64) * 2**23), -(2**23), 2**23 - 1)
    return whole.astype(np.int32) << 8


def _loudness(track: AudioTrack, duration: Fraction) -> tuple[float, float]:
    """Integrated loudness in LUFS and true peak in dBTP of the stereo mix."""
    meter = LoudnessMeter()
    for block in programme_sound(track, duration):
        meter.add(block)
    meter.close()
    return meter.integrated, meter.true_peak
