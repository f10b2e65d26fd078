"""What the analysis found of the tape's own faults, per shot; part of `ShotReport` (`core/reports.py`)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Jump:
    """A field that lies too high or too low."""

    frame: int
    """Ingest frame number."""
    field: int
    """0 top, 1 bottom."""
    lines: int
    """Field lines by which it lies too low; negative: too high."""


@dataclass(frozen=True, slots=True)
class TimeBaseReport:
    """Where lines and fields lie against where they belong."""

    jitter: float
    """Standard deviation of the offsets of lines along themselves, in luma samples; what a corrector left over."""
    memory: float
    """Correlation of the offsets of neighbouring field lines, 0..1."""
    confidence: float
    """In `jitter`, 0..1 by the number of measured frames."""
    skew: float
    """Luma samples by which the topmost line is bent to the right."""
    skew_lines: float
    """Field lines over which the bend falls to 1/e."""
    skew_confidence: float
    """0..1; 0 where the top of the picture is too dark or plain to tell."""
    jumps: tuple[Jump, ...]
    """Fields that jumped up or down and back within three fields."""
    measured_by: str
