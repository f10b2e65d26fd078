"""Sound: a tape's track decoded onto the programme's timeline, mixed to stereo, resampled, encoded as AAC-LC.

The timeline begins with the first video frame and ends with the programme. Samples lie where their packets' times put
them: holes become silence, what sounds before zero or after the end is left out. All of it streams; a track is never in
memory as a whole.

Downmix after ITU-R BS.775 (centre and surrounds at -3 dB, low-frequency channel left out), scaled so that it cannot
clip; mono goes to both sides unchanged. AAC-LC after ISO/IEC 14496-3: the encoder needs 1024 samples to start
(`PRIMING`), which the container's edit list takes away again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from logging import getLogger
from pathlib import Path
from typing import Any

import av
import av.error
import av.logging
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from footlights.errors import ToolError

_log = getLogger(__name__)

STREAM_RATE = 48_000
"""Samples per second of every delivered sound track."""
AAC_FRAME = 1024
"""Samples per AAC-LC packet."""
PRIMING = 1024
"""Samples the AAC encoder puts before the first real one."""
_BLOCK = 8192
_COARSE = Fraction(3, 2000)
"""Seconds that times may wobble whatever the clock of the file is: a copy out of Matroska keeps its milliseconds in a
finer clock. Shorter than any packet, and so than any hole."""
_HALF_POWER = 0.5**0.5

_USUAL_LAYOUTS = {2: ("FL", "FR"), 6: ("FL", "FR", "FC", "LFE", "BL", "BR")}

_NUT_FILE = b"nut/multimedia container\0"
_NUT_SYNCPOINT = bytes.fromhex("4e4be4adeeca4569")
_NUT_HEADERS = 65_536
"""Bytes: more than the headers of any file without packets."""

Samples = NDArray[np.float32]
"""`(2, n)`, full scale ±1."""


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """One sound track of the tape, its packets as they were, in a file with an exact clock."""

    path: Path
    start: Fraction
    """Seconds from the first video frame to the first sample of the first packet; negative where it sounds earlier."""
    language: str = ""
    """ISO 639-2 code."""
    title: str = ""


@dataclass(frozen=True, slots=True)
class SourceFormat:
    """A track as its container describes it."""

    codec: str
    sample_rate: int
    channels: int
    sample_format: str
    """FFmpeg's name of what the decoder gives, without the `p` of planar layouts."""
    packets: bool
    """Whether there is at least one packet."""
    adts: bool = False
    """AAC whose packets carry headers of their own (from MPEG transport streams)."""


@dataclass(frozen=True, slots=True)
class PlacedSamples:
    """Decoded samples at their place in the track."""

    position: int
    """Of the first one: samples from the first video frame, at the track's own rate; may be negative."""
    samples: NDArray[Any]
    """`(C, n)` in the decoder's number format."""
    channels: tuple[str, ...]
    """FFmpeg's channel names, e.g. `FL`."""


def source_format(track: AudioTrack) -> SourceFormat:
    """What the track is; `packets` is false for a file without sound."""
    if _has_no_packet(track.path):
        return SourceFormat("none", STREAM_RATE, 2, "flt", packets=False)
    with open_sound(track) as container:
        if not container.streams.audio:
            return SourceFormat("none", STREAM_RATE, 2, "flt", packets=False)
        stream = container.streams.audio[0]
        context = stream.codec_context
        any_packet = any(packet.size for packet in container.demux(stream))
        return SourceFormat(
            codec=context.codec.canonical_name,
            sample_rate=context.sample_rate,
            channels=context.channels,
            sample_format=context.format.packed.name if context.format is not None else "",
            packets=any_packet,
            adts=context.name == "aac" and not context.extradata,
        )


def _has_no_packet(path: Path) -> bool:
    """Whether a NUT file ends before its first syncpoint, without which it cannot even be opened."""
    if path.stat().st_size > _NUT_HEADERS:
        return False
    data = path.read_bytes()
    return not data or (data.startswith(_NUT_FILE) and _NUT_SYNCPOINT not in data)


def decoded(track: AudioTrack) -> Iterator[PlacedSamples]:
    """Every decodable frame, not overlapping, in order. What cannot be decoded leaves a hole.

    A clock coarser than a sample makes times wobble; within one tick, and 1.5 ms, the samples simply follow each other,
    so that rounding never cuts or stretches continuous sound.
    """
    damaged = 0
    try:
        with open_sound(track) as container:
            stream = container.streams.audio[0]
            place = _Placing(track.start, stream.time_base, stream.codec_context.sample_rate)
            for packet in container.demux(stream):
                frames = _decode(packet)
                damaged += frames is None
                for frame in frames or ():
                    placed = place(packet.pts, frame)
                    if placed is not None:
                        yield placed
    finally:
        if damaged:
            _log.warning("%d packets of the sound track %s cannot be decoded and stay silent", damaged, track.path)


def heard(track: AudioTrack) -> Iterator[tuple[Fraction, NDArray[np.float64]]]:
    """Every decodable frame as it is: the seconds its packet states, from the track's first, and `(C, n)` samples of
    full scale ±1."""
    with open_sound(track) as container:
        stream = container.streams.audio[0]
        first: int | None = None
        for packet in container.demux(stream):
            for frame in _decode(packet) or ():
                stamp = frame.pts if frame.pts is not None else packet.pts
                if stamp is None or not frame.samples:
                    continue
                first = stamp if first is None else first
                yield (stamp - first) * Fraction(stream.time_base), floating(_planar(frame))


class _Placing:
    """Gives every frame its place, never before the end of the one before."""

    def __init__(self, start: Fraction, base: Fraction, rate: int) -> None:
        self._start, self._base, self._rate = start, base, rate
        self._wobble = max(-(-rate * _COARSE // 1), -(-3 * rate * base // 2))
        self._first: int | None = None
        self._reached: int | None = None

    def __call__(self, packet_pts: int | None, frame: AudioFrame) -> PlacedSamples | None:
        self._first = packet_pts if self._first is None else self._first
        if frame.sample_rate != self._rate or not frame.samples:
            return None
        place = round(self._start * self._rate) if self._reached is None else self._reached
        if frame.pts is not None and self._first is not None:
            stated = round((self._start + (frame.pts - self._first) * self._base) * self._rate)
            if self._reached is None or abs(stated - self._reached) > self._wobble:
                place = stated
        samples = _planar(frame)
        if self._reached is not None and place < self._reached:
            samples, place = samples[:, self._reached - place :], self._reached
        if not samples.shape[1]:
            return None
        self._reached = place + samples.shape[1]
        return PlacedSamples(place, samples, tuple(channel.name for channel in frame.layout.channels))


def programme_sound(track: AudioTrack, duration: Fraction) -> Iterator[Samples]:
    """The track as stereo at 48 kHz: exactly `round(duration * 48000)` samples from the first video frame on."""
    total = round(duration * STREAM_RATE)
    given = 0
    for block in _resampled(track, duration):
        part = block[:, : total - given]
        given += part.shape[1]
        if part.shape[1]:
            yield part
    while given < total:
        count = min(_BLOCK, total - given)
        yield np.zeros((2, count), np.float32)
        given += count


@dataclass(slots=True)
class AacStream:
    """A track encoded for streaming; iterate `packets` once.

    `packets` gives `packet_count` payloads of 1024 samples each, the first of which is priming. `config` is the
    AudioSpecificConfig.
    """

    config: bytes
    packet_count: int
    samples: int
    """Real samples, without priming and padding."""
    bit_rate: int
    packets: Iterator[bytes] = field(repr=False)

    def duration(self, packet: int) -> int:
        """Samples a packet stands for on the media timeline; the last one ends with the programme."""
        whole = self.packet_count - 1
        return AAC_FRAME if packet < whole else self.samples + PRIMING - AAC_FRAME * whole


def encode_aac(track: AudioTrack, duration: Fraction, bit_rate: int) -> AacStream:
    """Encode the track with FFmpeg's own AAC encoder: stereo, 48 kHz, low complexity."""
    samples = round(duration * STREAM_RATE)
    context = AudioCodecContext.create("aac", "w")
    context.sample_rate, context.layout, context.format = STREAM_RATE, "stereo", "fltp"
    context.bit_rate, context.time_base = bit_rate, Fraction(1, STREAM_RATE)
    context.flags |= av.codec.context.Flags.bitexact
    context.open()
    return AacStream(
        config=bytes(context.extradata or b""),
        packet_count=-(-samples // AAC_FRAME) + PRIMING // AAC_FRAME,
        samples=samples,
        bit_rate=bit_rate,
        packets=(bytes(packet) for packet in encoded(context, programme_sound(track, duration), "stereo")),
    )


def encoded(context: Any, blocks: Iterator[NDArray[Any]], layout: str) -> Iterator[Any]:
    """Packets of an opened audio encoder, fed with `(C, n)` blocks of any length."""
    kind = context.format.planar.name if context.format.is_planar else context.format.name
    size = context.frame_size or _BLOCK
    position = 0
    for block in _rechunked(blocks, size):
        flat = block if context.format.is_planar else block.T.reshape(1, -1)
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(flat), format=kind, layout=layout)
        frame.sample_rate, frame.time_base, frame.pts = context.sample_rate, Fraction(1, context.sample_rate), position
        position += block.shape[1]
        yield from context.encode(frame)
    yield from (packet for packet in context.encode(None) if packet.size)  # FLAC ends with an empty one


def measure_offset(reference: NDArray[Any], other: NDArray[Any], rate: int) -> Fraction:
    """Seconds by which `other` is later than `reference` (mono signals at `rate`), to the sample."""
    from scipy.signal import correlate, correlation_lags

    strength = correlate(other.astype(np.float64), reference.astype(np.float64), mode="full", method="fft")
    lags = correlation_lags(len(other), len(reference), mode="full")
    return Fraction(int(lags[int(np.argmax(strength))]), rate)


def stereo(samples: NDArray[Any], channels: tuple[str, ...]) -> Samples:
    """`(C, n)` in any number format → `(2, n)` float, full scale ±1, never beyond what the source reaches."""
    mixed: Samples = (_mix(channels) @ floating(samples)).astype(np.float32)
    return mixed


def _mix(channels: tuple[str, ...]) -> NDArray[np.float64]:
    if len(channels) == 1:
        return np.ones((2, 1))
    if set(channels) == {"NONE"}:  # NUT does not keep the layout of PCM
        channels = _USUAL_LAYOUTS.get(len(channels), channels)
    gains = np.zeros((2, len(channels)))
    left = {"FL": 1.0, "FC": _HALF_POWER, "BL": _HALF_POWER, "SL": _HALF_POWER, "FLC": _HALF_POWER, "BC": 0.5}
    right = {"FR": 1.0, "FC": _HALF_POWER, "BR": _HALF_POWER, "SR": _HALF_POWER, "FRC": _HALF_POWER, "BC": 0.5}
    known = {*left, *right, "LFE"}
    for index, name in enumerate(channels):
        if not known.issuperset(channels):  # unnamed tracks of a field recorder: pairs
            gains[index % 2, index] = 1.0
        else:
            gains[0, index], gains[1, index] = left.get(name, 0.0), right.get(name, 0.0)
    loudest = gains.sum(axis=1).max()
    return gains / max(loudest, 1.0)


def floating(samples: NDArray[Any]) -> NDArray[np.float64]:
    """Samples in any number format → float, full scale ±1."""
    if samples.dtype == np.uint8:
        return (samples.astype(np.float64) - 128) / 128
    if np.issubdtype(samples.dtype, np.integer):
        return samples.astype(np.float64) / -float(np.iinfo(samples.dtype).min)
    return samples.astype(np.float64)


def _resampled(track: AudioTrack, duration: Fraction) -> Iterator[Samples]:
    form = source_format(track)
    if not form.packets:
        return
    blocks = _laid_out(track, -(-duration * form.sample_rate // 1))
    if form.sample_rate == STREAM_RATE:
        yield from blocks
        return
    resampler = AudioResampler(format="fltp", layout="stereo", rate=STREAM_RATE)
    position = 0
    for block in blocks:
        frame = AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
        frame.sample_rate, frame.time_base, frame.pts = form.sample_rate, Fraction(1, form.sample_rate), position
        position += block.shape[1]
        yield from _arrays(resampler.resample(frame))
    yield from _arrays(resampler.resample(None))


def _arrays(frames: list[AudioFrame]) -> Iterator[Samples]:
    for frame in frames:
        yield frame.to_ndarray().astype(np.float32, copy=False)


def _laid_out(track: AudioTrack, total: int) -> Iterator[Samples]:
    """Stereo at the track's own rate from time zero on, holes filled, at most `total` samples."""
    reached = 0
    for placed in decoded(track):
        while reached < min(placed.position, total):
            count = min(_BLOCK, placed.position - reached, total - reached)
            yield np.zeros((2, count), np.float32)
            reached += count
        part = placed.samples[:, max(reached - placed.position, 0) :][:, : max(total - reached, 0)]
        if part.shape[1]:
            yield np.ascontiguousarray(stereo(part, placed.channels))
            reached += part.shape[1]
        if reached >= total:
            return


def _planar(frame: AudioFrame) -> NDArray[Any]:
    """`(C, n)` whatever the frame's layout in memory."""
    values = frame.to_ndarray()
    if frame.format.is_planar:
        return values
    return values.reshape(-1, len(frame.layout.channels)).T


def _decode(packet: Any) -> list[AudioFrame] | None:
    """None for a packet that gives no sound because it is damaged."""
    try:
        frames: list[AudioFrame] = packet.decode()
    except av.error.EOFError:
        return []
    except av.error.FFmpegError:
        return None
    return frames


def _rechunked(blocks: Iterator[NDArray[Any]], size: int) -> Iterator[NDArray[Any]]:
    """Blocks of exactly `size` samples; the last one may be shorter."""
    waiting: list[NDArray[Any]] = []
    count = 0
    for block in blocks:
        waiting.append(block)
        count += block.shape[1]
        if count >= size:
            joined = np.concatenate(waiting, axis=1)
            whole = count - count % size
            for start in range(0, whole, size):
                yield joined[:, start : start + size]
            waiting, count = [joined[:, whole:]], count - whole
    if count:
        yield np.concatenate(waiting, axis=1)


def open_sound(track: AudioTrack) -> Any:
    """The file of a track, opened with PyAV."""
    av.logging.set_level(None)  # any level would let a decoder's thread wait for the GIL while it is being joined
    try:
        return av.open(f"file:{track.path.absolute()}", options={"protocol_whitelist": "file"})
    except (av.error.FFmpegError, OSError) as error:
        raise ToolError(
            f"the sound track {track.path} cannot be opened", str(error), "run the ingest again; the copy is damaged"
        ) from error
