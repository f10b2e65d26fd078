"""Sound: a row of facts per track."""

from __future__ import annotations

from collections.abc import Mapping

from footlights.core.sound_reports import SoundCare, SoundReport
from footlights.core.time import clock
from footlights.report.story import Story

_MOST = 12
"""Dropouts named on the page."""


def content(story: Story) -> Mapping[str, object]:
    """Facts of every track; where there is none, that it is so."""
    treated = {one.track: [("Done to it", care(one))] for one in story.result.sound_care}
    return {
        "tracks": [
            {"number": one.track, "facts": [*facts(one), *treated.get(one.track, [])]} for one in story.result.sound
        ]
    }


def facts(sound: SoundReport) -> list[tuple[str, str]]:
    """Names and values with units, for people."""
    if sound.silent:
        return [("Loudness", "silent: nothing above -70 LUFS"), ("Ends", f"{sound.ends:+.3f} s against the picture")]
    moments = ", ".join(clock(second) for second in sound.dropout_seconds[:_MOST])
    more = " …" if sound.dropouts > _MOST else ""
    hum = f"{sound.hum_frequency} Hz at {sound.hum_level:.0f} dBFS" if sound.hum_frequency else "none found"
    clipped = f"{sound.clipped} runs, up to {sound.clip_level:.1f} dBFS" if sound.clipped else "none found"
    return [
        ("Loudness", f"{sound.loudness:.1f} LUFS, range {sound.loudness_range:.1f} LU (EBU R128)"),
        ("True peak", f"{sound.true_peak:.1f} dBTP"),
        ("Clipping", clipped),
        ("Hum", hum),
        ("Dropouts", f"{sound.dropouts}: at {moments}{more}" if sound.dropouts else "none found"),
        ("Missing", f"{sound.missing:.3f} s inside the track"),
        ("Balance", _balance(sound)),
        ("Clock", f"{sound.drift:+.0f} ppm against its timestamps; ends {sound.ends:+.3f} s against the picture"),
    ]


def care(one: SoundCare) -> str:
    """What was done to a track, for people."""
    words = ["clicks repaired"] if one.declicked else []
    if one.hum:
        words.append(f"hum of {one.hum} Hz and its harmonics notched")
    if one.target is not None:
        reached = one.loudness + one.gain
        words.append(f"{one.gain:+.1f} dB, from {one.loudness:.1f} to {reached:.1f} LUFS")
        if reached < one.target - 0.05:
            words.append(f"the true peak of {one.true_peak + one.gain:.1f} dBTP leaves no room up to {one.target:g}")
    return "; ".join(words) if words else "nothing to do"


def _balance(sound: SoundReport) -> str:
    if sound.channels == 1:
        return "one channel"
    return f"left {sound.balance:+.1f} dB against right, correlation {sound.correlation:+.2f}"
