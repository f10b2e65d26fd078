"""What the analysis found of the tape's own faults, per shot; part of `ShotReport` (`core/reports.py`)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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


@dataclass(frozen=True, slots=True)
class BlockingReport:
    """The grid that a block transform left."""

    strength: float
    """8-bit codes by which steps on the grid exceed those elsewhere, in smooth places."""
    phase: int
    """Luma sample at which a block begins, 0..7."""
    confidence: float
    """0..1: how far the grid stands out from all other positions."""
    measured_by: str


@dataclass(frozen=True, slots=True)
class QuantiserReport:
    """The quantiser of a compression that the pictures went through, from the pictures alone."""

    step: float
    """8-bit codes between levels of the lowest frequency of an orthonormal 8×8 DCT; 0 where none shows. With the
    default intra matrix of MPEG-2 this is its quantiser_scale."""
    matrix: str
    """How steps grow with frequency: `flat`, `mpeg` (default intra matrix), `dv` or `jpeg` (ITU-T T.81, annex K)."""
    lines: str
    """Whose lines its blocks hold: `frame`, `field`, or `macroblock` where each decides, as in interlaced MPEG-2."""
    x: int
    """Sample at which a block begins, 0..7."""
    y: int
    """Line of the field or frame at which a block begins, 0..7."""
    frames: int
    """Frames that show it."""
    looked: int
    """Frames that were looked at; those of MPEG that are predicted from others show nothing."""
    confidence: float
    """0..1, by how many coefficients lie on the steps."""
    measured_by: str


@dataclass(frozen=True, slots=True)
class FlickerReport:
    """Light that trembles or pumps in the whole picture, all through the shot."""

    strength: float
    """Standard deviation of the gain over the picture around its course, percent."""
    period: float
    """Frames after which pumping comes back; 0 for flicker from picture to picture."""
    evenness: float
    """How alike all parts of the picture flicker: the least of them over the greatest, 0..1."""
    confidence: float
    """That it is no light of the scene, 0..1."""
    measured_by: str


class Conversion(StrEnum):
    """A conversion between field rates by blending fields."""

    NONE = "none"
    PAL_TO_NTSC = "pal-to-ntsc"
    """From 50 to 59.94 fields a second."""
    NTSC_TO_PAL = "ntsc-to-pal"


@dataclass(frozen=True, slots=True)
class ConversionReport:
    """Whether the fields of a shot are mixtures of the fields of another system."""

    kind: Conversion
    """NONE as well where too little moves, or light changes too much, to tell."""
    period: float
    """Fields after which the mixture comes back; 0 where there is none."""
    explained: float
    """Share of the variation from field to field that the mixture's beat explains, 0..1."""
    phase: float
    """Where the tape's first field (ingest frame 0) lies between two fields of the source, 0..1; 0 is on one."""
    confidence: float
    measured_by: str


@dataclass(frozen=True, slots=True)
class HaloReport:
    """Outlines beside edges, along the line and across the lines (of a field where the tape is interlaced)."""

    before: float
    """Share of an edge's step by which its outline exceeds it on the left, 0 or more, as edges up and down agree."""
    behind: float
    """The same on the right, where a deck's filters leave it."""
    edges: tuple[int, int]
    """Edges up and down that were laid over one another; few tell little."""
    up: tuple[float, ...]
    """Mean of the edges up, every half sample from ten before the middle to ten behind it, 0 to 1."""
    down: tuple[float, ...]
    """The same of the edges down, turned over."""
    above: float
    """Share of the step by which a tenth of all edges across the lines exceed it on the line above, whether the
    brightness rises or falls; of sharp edges the share that vertical aperture correction takes of each line beside."""
    below: float
    """The same on the line below."""
    across: tuple[int, int]
    """Edges across the lines that rise and that fall downward; few tell little."""
    measured_by: str


@dataclass(frozen=True, slots=True)
class LevelsReport:
    """The luma codes a shot uses, 8 bit, on the studio scale that the file's range leads to."""

    lowest: float
    """Code that one sample in a thousand does not exceed."""
    highest: float
    """Code that one sample in a thousand exceeds."""
    crushed: float
    """Share of samples on one heap at the lowest code, where noise would have spread them; 0 where there is none."""
    frames: int
    """Frames that were measured; 0 where all were dark, and the codes say nothing."""
    measured_by: str
