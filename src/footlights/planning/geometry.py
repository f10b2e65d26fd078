"""Geometry: from the tape's raster to the master's.

Of the 720 samples of an SD line 704 make up the picture (ITU-R BT.601 with SMPTE RP 187); rasters of 486, 512 and 608
lines carry some or all of the vertical blanking besides the 480 or 576 lines of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from footlights.core.source import Source
from footlights.settings import GeometrySettings

_LINES = {486: (480, 4), 512: (480, 32), 608: (576, 32)}
"""Coded lines → lines of the picture, and how many lie above it. Even numbers keep the fields in order."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """From the tape's raster to the master's."""

    width: int
    """Of the picture."""
    height: int
    crop: tuple[int, int, int, int]
    """Left, top, right, bottom."""
    pillar: int
    """Black columns on either side."""
    lines: int
    """Source lines that fill `height`."""
    why: str

    @property
    def scale(self) -> float:
        """Output lines per source line."""
        return self.height / self.lines


def lay_out(source: Source, wanted: GeometrySettings) -> Geometry:
    """Size of the master and the part of the raster that fills it."""
    width, coded = source.width, source.height // 2 * 2
    aspect = source.signal.sample_aspect
    lines, top = _LINES.get(coded, (coded, 0))
    active = _active_width(width, coded, wanted.active_width)
    side = (width - active) // 2
    shape = active * aspect / lines
    height = wanted.height
    out_width, widest = _even(height * shape), _even(height * Fraction(16, 9))
    if out_width > widest:
        out_width, height = widest, _even(widest / shape)
    pillar = (widest - out_width) // 2 // 2 * 2 if wanted.canvas == "16:9" else 0
    why = (
        f"The {active} active samples of {width}, {aspect.numerator}:{aspect.denominator} wide each, by "
        f"{lines} lines make {out_width}×{height} square samples."
    )
    return Geometry(out_width, height, (side, top, width - active - side, coded - lines - top), pillar, lines, why)


def _active_width(width: int, lines: int, choice: str) -> int:
    if choice in ("704", "702") and width >= int(choice):
        return int(choice)
    if choice == "auto" and 704 < width <= 720 and lines in (480, 486, 512, 576, 608):
        return 704
    return width


def _even(value: Fraction | int) -> int:
    return max(16, round(value / 2) * 2)
