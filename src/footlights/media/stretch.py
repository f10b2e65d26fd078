"""Sound of slow motion: stretched to the length of the pictures at its own pitch.

By FFmpeg's `atempo`, a waveform-similarity overlap-add (Verhelst and Roelands, "An overlap-add technique based on
waveform similarity (WSOLA)", 1993). The result is PCM, as long as the track divided by the speed to the sample.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from footlights.media import ffmpeg
from footlights.media.audio import AudioTrack, decoded, source_format

_SLOWEST = Fraction(1, 2)
"""Least tempo of one `atempo`; slower ones are made of several."""


def stretched(track: AudioTrack, speed: Fraction, target: Path) -> AudioTrack:
    """The track at `speed` (below 1 is slower) as a NUT file at `target`; one without sound is left as it is."""
    form = source_format(track)
    if not form.packets:
        return replace(track, start=track.start / speed)
    first, end = None, 0
    for placed in decoded(track):
        first = placed.position if first is None else first
        end = placed.position + placed.samples.shape[1]
    seconds = Fraction(end - (first or 0), form.sample_rate) / speed
    samples = round(seconds * form.sample_rate)
    # Holes are filled first: the filter knows no times.
    chain = ["aresample=async=1:min_hard_comp=0.01:first_pts=0", *_tempos(speed), "apad", f"atrim=end_sample={samples}"]
    codec = "pcm_s16le" if form.sample_format in ("u8", "s16") else "pcm_s24le"
    ffmpeg.run(
        [
            *ffmpeg.input_arguments(track.path),
            *("-map", "0:a:0", "-af", ",".join(chain), "-c:a", codec, "-ar", str(form.sample_rate)),
            *("-f", "nut", ffmpeg.file_url(target)),
        ],
        doing=f"stretching the sound track {track.path.name}",
    )
    return replace(track, path=target, start=track.start / speed)


def _tempos(speed: Fraction) -> list[str]:
    found = []
    while speed < _SLOWEST:
        found.append(f"atempo={float(_SLOWEST)}")
        speed /= _SLOWEST
    return [*found, f"atempo={float(speed):.9f}"]
