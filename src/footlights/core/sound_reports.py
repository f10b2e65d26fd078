"""What was heard on a sound track, and what was done to it. Every value has a unit in its docstring."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SoundReport:
    """What was heard on one sound track, mixed to stereo at 48 kHz on the programme's time where not said else."""

    track: int
    """Stream index in the source file."""
    channels: int
    silent: bool
    """Nothing above -70 LUFS: loudness, hum and balance say nothing then."""
    loudness: float
    """Integrated loudness of EBU R128 in LUFS, not below -70."""
    loudness_range: float
    """EBU Tech 3342, in LU."""
    true_peak: float
    """ITU-R BS.1770 in dBTP, not below -120."""
    clipped: int
    """Runs of samples cut flat at their peak, on the track's own samples."""
    clip_level: float
    """Highest level of such a run in dBFS; 0 where there is none."""
    hum_frequency: int
    """Mains frequency whose hum was found, 50 or 60 Hz; 0 where none was, or where the track is too short to tell."""
    hum_level: float
    """RMS of fundamental and harmonics in dBFS; -120 where none was found."""
    dropouts: int
    """Moments of 10 to 300 ms in which the sound suddenly falls by more than 25 dB and comes back as suddenly."""
    dropout_seconds: tuple[float, ...]
    """When the first hundred begin, in seconds from the first picture."""
    missing: float
    """Seconds inside the track for which there are no samples."""
    balance: float
    """RMS of left over right in dB, within ±60."""
    correlation: float
    """Of left and right, -1..1: 1 is mono, below 0 is out of phase."""
    ends: float
    """Seconds from the end of the picture to the end of the sound; negative where the sound ends first."""
    drift: float
    """The timestamps' clock against the count of samples in parts per million; 0 where it cannot be told from their
    rounding."""
    measured_by: str


@dataclass(frozen=True, slots=True)
class SoundCare:
    """What was done to a sound track, on its way into master and stream."""

    track: int
    """Stream index in the source file."""
    declicked: bool
    hum: int
    """Mains frequency in Hz whose hum was notched; 0 where none was."""
    loudness: float
    """Integrated loudness in LUFS before the gain, -70 for a silent track."""
    true_peak: float
    """dBTP before the gain."""
    gain: float
    """dB on the whole track."""
    target: float | None
    """LUFS that were wanted; None where the level was left alone."""
    samples: int
    """In the result, at the track's own rate."""
