"""A stream folder: every rendition and sound track as CMAF, and the HLS and DASH manifests over the same files.

    stream/master.m3u8, manifest.mpd
    stream/<rendition>/init.mp4, 00001.m4s …, media.m3u8, iframes.m3u8
    stream/sound-1/init.mp4, 00001.m4s …, media.m3u8
    stream/thumbnails.vtt, thumbnails/001.jpg …   (not of HDR, whose codes no JPEG shows)

The folder is written in place and must not exist or be empty; the caller publishes it as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from footlights.core.signal import BT709_SIGNAL, HDR_NAMES, Signal
from footlights.core.time import FrameRange
from footlights.encoding import thumbnails
from footlights.encoding.cmaf import HEADER_FILE, StreamTrack, sound_edges, write_file, write_sound, write_video
from footlights.encoding.codecs import codec_string
from footlights.encoding.dash import MANIFEST_FILE, manifest
from footlights.encoding.hls import (
    IFRAME_FILE,
    MASTER_FILE,
    MEDIA_FILE,
    SoundVariant,
    Stream,
    VideoVariant,
    iframe_playlist,
    language_tag,
    master_playlist,
    media_playlist,
)
from footlights.errors import OutputExistsError, UsageError
from footlights.media.audio import AudioTrack, encode_aac
from footlights.media.pieces import Clock, Piece, VideoTrack

SOUND_BIT_RATE = 128_000
"""Bits per second of the stereo AAC."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
_PLAYABLE = frozenset({"av1", "h264"})


@dataclass(frozen=True, slots=True)
class Rendition:
    """One rung's finished encode."""

    name: str
    """Its folder and its id in the manifests: letters, digits, `.`, `_` and `-`."""
    pieces: tuple[Piece, ...]
    signal: Signal = BT709_SIGNAL


def write_stream(
    folder: Path,
    renditions: Sequence[Rendition],
    clock: Clock,
    segments: Sequence[FrameRange],
    *,
    sound: Sequence[AudioTrack] = (),
    sound_bit_rate: int = SOUND_BIT_RATE,
) -> Stream:
    """Write everything; equal input gives equal bytes. Returns what was written, for `streamcheck` and the report."""
    _check(folder, renditions, segments, len(clock.times))
    folder.mkdir(parents=True, exist_ok=True)
    video = tuple(_write_rendition(folder, rendition, clock, segments) for rendition in renditions)
    boundaries = [clock.times[part.start] for part in segments[1:]]
    tracks = tuple(
        _write_track(folder, number, track, clock.end, boundaries, sound_bit_rate)
        for number, track in enumerate(sound, start=1)
    )
    stream = Stream(video, _distinct(tracks), clock.end)
    texts = {folder / MASTER_FILE: master_playlist(stream), folder / MANIFEST_FILE: manifest(stream)}
    for variant in stream.video:
        texts[folder / variant.track.name / MEDIA_FILE] = media_playlist(variant.track, stream)
        texts[folder / variant.track.name / IFRAME_FILE] = iframe_playlist(variant.track, stream)
    for heard in stream.sound:
        texts[folder / heard.track.name / MEDIA_FILE] = media_playlist(heard.track, stream)
    for path, text in texts.items():
        write_file(path, text.encode())
    _write_thumbnails(folder, stream)
    return stream


def _write_thumbnails(folder: Path, stream: Stream) -> None:
    shown = [variant for variant in stream.video if variant.video_range == "SDR"]
    if shown:
        smallest = min(shown, key=lambda variant: variant.width * variant.height)
        own = folder / smallest.track.name
        files = [own / HEADER_FILE, *(own / segment.file for segment in smallest.track.segments)]
        thumbnails.write(folder, files, stream.duration, smallest.sample_aspect)


def _write_rendition(folder: Path, rendition: Rendition, clock: Clock, segments: Sequence[FrameRange]) -> VideoVariant:
    with VideoTrack(rendition.pieces, clock, rendition.signal) as video:
        if video.codec not in _PLAYABLE:
            raise UsageError(
                f"rendition {rendition.name} is {video.codec}",
                "streams are AV1 or H.264",
                "give the encode of a rung, not a master",
            )
        track = write_video(folder, rendition.name, video, segments)
        signal = rendition.signal
        shown = signal.transfer.name if signal.transfer in HDR_NAMES else "SDR"
        size = video.width, video.height
        return VideoVariant(track, codec_string(track.header), *size, clock.rate, signal.sample_aspect, shown)


def _write_track(
    folder: Path, number: int, source: AudioTrack, end: Fraction, boundaries: Sequence[Fraction], bit_rate: int
) -> SoundVariant:
    encoded = encode_aac(source, end, bit_rate)
    track: StreamTrack = write_sound(folder, f"sound-{number}", encoded, sound_edges(encoded, boundaries))
    language = language_tag(source.language)
    return SoundVariant(track, codec_string(track.header), source.title or language or f"Sound {number}", language)


def _distinct(tracks: Sequence[SoundVariant]) -> tuple[SoundVariant, ...]:
    """NAME must be unique within a group (RFC 8216 4.3.4.1.1)."""
    named: list[SoundVariant] = []
    for number, track in enumerate(tracks, start=1):
        taken = any(other.title == track.title for other in named)
        title = f"{track.title} ({number})" if taken else track.title
        named.append(SoundVariant(track.track, track.codecs, title, track.language, track.channels))
    return tuple(named)


def _check(folder: Path, renditions: Sequence[Rendition], segments: Sequence[FrameRange], frames: int) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise OutputExistsError(f"{folder} is not empty", "a stream is written as a whole", "give a new folder")
    names = [rendition.name for rendition in renditions]
    for name in names:
        if not _NAME.match(name) or names.count(name) > 1 or name.startswith("sound-"):
            raise UsageError(
                f"a rendition cannot be called {name!r}",
                "the name is a folder, a part of addresses and an XML id, and no other track may have it",
                "use letters, digits, '.', '_' and '-'",
            )
    if not renditions:
        raise UsageError("a stream needs pictures", "no rendition was given", "plan at least one rung")
    position = 0
    for part in segments:
        if part.start != position or not len(part):
            raise UsageError(f"segment {part} does not follow frame {position}", "segments lie end to end", "plan anew")
        position = part.stop
    if position != frames:
        raise UsageError(f"the segments end at frame {position}", f"there are {frames} frames", "plan anew")
