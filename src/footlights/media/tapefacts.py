"""What a container and its decoders say of a tape file before a picture is decoded; nothing assumed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
from av.audio.stream import AudioStream as AvAudioStream
from av.video.stream import VideoStream as AvVideoStream

from footlights.media.pixels import FULL_RANGE_NAMES

_FIELD_ORDER_NAMES = {1: "progressive", 2: "top-first", 3: "bottom-first", 4: "top-first", 5: "bottom-first"}
"""AVFieldOrder: TB and BT (4, 5) store one order and show the other; what is shown counts."""


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """The video stream as the container and the decoder describe it; raw H.273 numbers, nothing assumed."""

    codec: str
    pixel_format: str
    width: int
    height: int
    average_rate: Fraction | None
    base_rate: Fraction | None
    time_base: Fraction
    sample_aspect: Fraction | None
    field_order: str
    matrix: int
    primaries: int
    transfer: int
    range: int
    full_range_format: bool
    duration: Fraction | None
    """Seconds."""


@dataclass(frozen=True, slots=True)
class AudioFacts:
    """One audio stream as the container describes it."""

    index: int
    codec: str
    sample_rate: int
    channels: int
    time_base: Fraction
    start: Fraction | None
    duration: Fraction | None
    language: str


@dataclass(frozen=True, slots=True)
class TapeFacts:
    """A file that can be taken in."""

    container: str
    video: VideoFacts
    audio: tuple[AudioFacts, ...]
    timecode: str | None
    subtitles: int
    other_video: int
    """Further video streams, which are not restored."""


def facts_of(container: Any, video: Any, audio: Sequence[AvAudioStream], *, other_video: int) -> TapeFacts:
    """Facts of an opened container, of the streams that are taken from it."""
    context: Any = video.codec_context
    return TapeFacts(
        container=container.format.name,
        video=VideoFacts(
            codec=context.name,
            pixel_format=context.pix_fmt,
            width=context.width,
            height=context.height,
            average_rate=_average_rate(video),
            base_rate=video.base_rate,
            time_base=video.time_base,
            sample_aspect=video.sample_aspect_ratio or context.sample_aspect_ratio,
            field_order=_FIELD_ORDER_NAMES.get(int(context.field_order), "unknown"),
            matrix=int(context.colorspace),
            primaries=int(context.color_primaries),
            transfer=int(context.color_trc),
            range=int(context.color_range),
            full_range_format=context.pix_fmt in FULL_RANGE_NAMES,
            duration=_duration(container, video),
        ),
        audio=tuple(_audio_facts(stream) for stream in audio),
        timecode=_timecode(container, video),
        subtitles=len(container.streams.subtitles),
        other_video=other_video,
    )


def _average_rate(video: AvVideoStream) -> Fraction | None:
    """The mean rate the container tells; None where it is nonsense.

    FFmpeg gives raw DV the ticks of its clock, 60000 a second. The base rate holds every time stamp, so that no mean
    can be above it but by fields that were counted as frames.
    """
    average, base = video.average_rate, video.base_rate
    return None if average and base and average > 2 * base else average


def _audio_facts(stream: AvAudioStream) -> AudioFacts:
    base = stream.time_base or Fraction(1, stream.codec_context.sample_rate)
    return AudioFacts(
        index=stream.index,
        codec=stream.codec_context.name,
        sample_rate=stream.codec_context.sample_rate,
        channels=stream.codec_context.channels,
        time_base=base,
        start=stream.start_time * base if stream.start_time is not None else None,
        duration=stream.duration * base if stream.duration else None,
        language=stream.language or "",
    )


def _timecode(container: Any, video: AvVideoStream) -> str | None:
    for metadata in (video.metadata, container.metadata, *(stream.metadata for stream in container.streams.data)):
        if "timecode" in metadata:
            return str(metadata["timecode"])
    return None


def _duration(container: Any, video: AvVideoStream) -> Fraction | None:
    """Seconds the header promises; None where it says nothing."""
    if video.duration and video.time_base:
        return video.duration * video.time_base
    return Fraction(container.duration, av.time_base) if container.duration else None
