"""A tape's sound track on its way into the master: packets copied bit for bit, or decoded where they must be.

A track is copied where the container can carry its codec. Where it cannot, the decoder's sample values are stored as
PCM (FLAC in MP4), which loses nothing of PCM tracks; either way it is reported. PCM in MOV and MP4 has no times of its
own, so a hole there is filled with silence and reported too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from hashlib import sha256
from itertools import chain, pairwise
from typing import Any

import numpy as np
from av.packet import Packet
from numpy.typing import NDArray

from footlights.media.audio import AudioTrack, decoded, encoded, open_sound, source_format


class Container(StrEnum):
    """Container of the master; the value is FFmpeg's name of the muxer."""

    MATROSKA = "matroska"
    MOV = "mov"
    MP4 = "mp4"


_COMPRESSED = frozenset({"aac", "ac3", "eac3", "mp2", "mp3", "alac"})
_CARRIES = {
    Container.MATROSKA: _COMPRESSED
    | {"dca", "flac", "mp1", "opus", "truehd", "vorbis", "pcm_f32le", "pcm_f64le", "pcm_u8"}
    | {f"pcm_s{bits}{end}" for bits in (16, 24, 32) for end in ("le", "be")},
    Container.MOV: _COMPRESSED
    | {"pcm_s8", "pcm_u8"}
    | {f"pcm_{kind}{end}" for kind in ("s16", "s24", "s32", "f32", "f64") for end in ("le", "be")},
    Container.MP4: _COMPRESSED | {"dca", "flac", "opus", "pcm_s32le", "pcm_s32be", "pcm_f32le", "pcm_f64le"},
}
"""Codecs copied as they are. FFmpeg would put 16 and 24 bit PCM into MP4 too, but few players find it there, and FLAC
holds the same samples."""
_PCM = re.compile(r"pcm_[fsu](8|16|24|32|64)(le|be)?$")
_STORED_AS = {"u8": "pcm_u8", "s16": "pcm_s16le", "s32": "pcm_s24le", "flt": "pcm_f32le", "dbl": "pcm_f64le"}
"""Decoder's number format → codec. Decoders that give 32-bit integers hold at most 24 bits (DVD PCM, lossless codecs);
true 32-bit PCM is copied everywhere."""


@dataclass(frozen=True, slots=True)
class SoundFacts:
    """One sound track as written."""

    source_codec: str
    codec: str
    copied: bool
    """Whether every packet is bit for bit the tape's."""
    packets: int
    """As handed to the muxer; MOV and MP4 readers cut PCM into others."""
    payload: str
    """SHA-256 over all payloads, one after the other, as the file holds them: inserted silence included."""
    start: Fraction
    """Seconds from the first video frame to the first sample."""
    silence: Fraction
    """Seconds of silence put into holes, where the container cannot leave them open."""
    note: str
    """What was done to it, as a sentence, where it was not simply copied."""


class SoundWriter:
    """One sound track: `add_to` the output, mux what `timed` gives, then ask for `facts`."""

    def __init__(self, source: AudioTrack, container: Container) -> None:
        self.source, self.form = source, source_format(source)
        self._milliseconds = container is Container.MATROSKA
        pcm = _PCM.match(self.form.codec)
        self._copied = self.form.codec in _CARRIES[container]
        self._unit_bytes = 0
        if self._copied and pcm and not self._milliseconds:
            self._unit_bytes = self.form.channels * int(pcm.group(1)) // 8
        self.codec = self.form.codec if self._copied else _replacement(container, self.form.sample_format)
        self._digest, self._packets, self._silence = sha256(), 0, Fraction(0)
        self._stream: Any = None
        self._wobble = Fraction(0)

    def add_to(self, output: Any) -> None:
        with open_sound(self.source) as container:
            template = container.streams.audio[0]
            if self._copied:
                self._stream = output.add_stream_from_template(template)
            else:
                self._stream = output.add_stream(self.codec, rate=self.form.sample_rate)
                self._stream.codec_context.layout = template.codec_context.layout
                self._stream.codec_context.format = self._kind
        if self.source.language:
            self._stream.metadata["language"] = self.source.language
        if self.source.title:
            self._stream.metadata["title"] = self.source.title

    def timed(self, shift: Fraction) -> Iterator[tuple[Fraction, Packet[Any]]]:
        """Packets, each with the time by which it is interleaved. `shift` moves the whole programme, in seconds."""
        tick = Fraction(1, 1000) if self._milliseconds else Fraction(1, self.form.sample_rate)
        for time, duration, data in self._copies() if self._copied else self._conversions():
            packet: Packet[Any] = Packet(data)
            packet.stream, packet.time_base, packet.is_keyframe = self._stream, tick, True
            packet.pts = packet.dts = round((time + shift) / tick)
            packet.duration = round(duration / tick)
            self._count(data)
            yield time, packet

    def facts(self) -> SoundFacts:
        same = "the same sample values" if self.form.codec.startswith("pcm_") else "its packets stay in the ingest"
        notes = [] if self._copied else [f"{self.form.codec} was decoded and stored as {self.codec}: {same}"]
        if self.form.adts and self._copied:
            notes.append("the ADTS headers of its AAC packets moved into the file's own header")
        if self._silence:
            notes.append(f"holes of {float(self._silence):.3f} s in all were filled with silence")
        return SoundFacts(
            source_codec=self.form.codec,
            codec=self.codec,
            copied=self._copied,
            packets=self._packets,
            payload=self._digest.hexdigest(),
            start=self.source.start,
            silence=self._silence,
            note="; ".join(notes),
        )

    def _copies(self) -> Iterator[tuple[Fraction, Fraction, bytes]]:
        """Time, duration (seconds) and payload of the tape's packets, and of silence between them."""
        rate = self.form.sample_rate
        reached: Fraction | None = None
        for time, duration, data in self._packets_of_source():
            if self._unit_bytes:
                if reached is not None and time - reached > self._wobble:
                    yield from self._silent(reached, round((time - reached) * rate))
                elif reached is not None:
                    time = reached
                duration = Fraction(len(data) // self._unit_bytes, rate)
                reached = time + duration
            yield time, duration, data

    def _packets_of_source(self) -> Iterator[tuple[Fraction, Fraction, bytes]]:
        """NUT does not tell every packet's duration; then it lasts to the next one, the last as long as that before."""
        with open_sound(self.source) as container:
            stream = container.streams.audio[0]
            base: Fraction = stream.time_base
            self._wobble = max(Fraction(1, self.form.sample_rate), base * 3 / 2)
            first: int | None = None
            step = 1
            for packet, following in pairwise(
                chain((packet for packet in container.demux(stream) if packet.size), [None])
            ):
                first = packet.pts if first is None else first
                step = step if following is None else following.pts - packet.pts
                time = self.source.start + (packet.pts - first) * base
                yield time, (packet.duration or step) * base, bytes(packet)

    def _silent(self, start: Fraction, samples: int) -> Iterator[tuple[Fraction, Fraction, bytes]]:
        level = b"\x80" if self.form.codec == "pcm_u8" else b"\0"
        duration = Fraction(samples, self.form.sample_rate)
        self._silence += duration
        yield start, duration, level * (samples * self._unit_bytes)

    def _conversions(self) -> Iterator[tuple[Fraction, Fraction, bytes]]:
        """The track decoded and encoded anew, holes filled with silence."""
        context, rate = self._stream.codec_context, self.form.sample_rate
        for packet in encoded(context, self._continuous(), context.layout.name):
            time = self.source.start + Fraction(packet.pts, rate)
            yield time, Fraction(packet.duration or 0, rate), bytes(packet)

    def _continuous(self) -> Iterator[NDArray[Any]]:
        reached: int | None = None
        for placed in decoded(self.source):
            hole = placed.position - (reached if reached is not None else placed.position)
            if hole > 0:
                self._silence += Fraction(hole, self.form.sample_rate)
                quiet = 128 if placed.samples.dtype == np.uint8 else 0
                yield self._stored(np.full((len(placed.channels), hole), quiet, placed.samples.dtype))
            yield self._stored(placed.samples)
            reached = placed.position + placed.samples.shape[1]

    def _stored(self, samples: NDArray[Any]) -> NDArray[Any]:
        if samples.dtype == np.uint8 and self._kind == "s16":
            return (samples.astype(np.int16) - 128) << 8
        return samples

    def _count(self, data: bytes) -> None:
        if self.form.adts:  # the muxers take the header of 7 bytes, or 9 with a checksum, away
            data = data[7 if data[1] & 1 else 9 :]
        self._digest.update(data)
        self._packets += 1

    @property
    def _kind(self) -> str:
        """Number format given to the encoder."""
        if self.codec == "flac":
            return "s16" if self.form.sample_format == "u8" else self.form.sample_format
        return self.form.sample_format


def _replacement(container: Container, sample_format: str) -> str:
    if container is Container.MP4 and sample_format in ("u8", "s16", "s32"):
        return "flac"
    return _STORED_AS[sample_format]
