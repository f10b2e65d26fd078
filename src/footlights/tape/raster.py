"""The 13.5 MHz raster of SD video: lines, active samples, subcarrier; and the field that travels through the chain.

References: ITU-R BT.601-7 (858 × 525 and 864 × 625 sampling), SMPTE 170M (NTSC subcarrier 455/2 line frequencies),
ITU-R BT.1700 (PAL subcarrier 1135/4 + 1/625 line frequencies).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

import numpy as np

from footlights.core.clip import Plane
from footlights.core.colour import chroma_from_codes, luma_from_codes
from footlights.core.fields import BOTTOM, TOP
from footlights.core.signal import FieldOrder, Matrix, Primaries, Range
from footlights.core.time import NTSC_FRAME_RATE, PAL_FRAME_RATE
from footlights.errors import ParameterError
from footlights.tape.draws import generator

SAMPLE_MHZ = 13.5
"""Luma sampling frequency of BT.601."""

LUMA_CODE = float(np.diff(luma_from_codes(np.array([16, 17], np.uint8), 8, Range.LIMITED))[0])
"""One 8-bit luma code in units of full luma."""

CHROMA_CODE = float(np.diff(chroma_from_codes(np.array([128, 129], np.uint8), 8, Range.LIMITED))[0])
"""One 8-bit chroma code in units of full chroma."""


class Standard(StrEnum):
    """Television system."""

    NTSC = "ntsc"
    """480i at 59.94 fields per second."""
    PAL = "pal"
    """576i at 50 fields per second."""

    @property
    def frame_rate(self) -> Fraction:
        """Frames per second."""
        return NTSC_FRAME_RATE if self is Standard.NTSC else PAL_FRAME_RATE

    @property
    def lines_per_frame(self) -> int:
        """Lines of a frame, blanking included."""
        return 525 if self is Standard.NTSC else 625

    @property
    def samples_per_line(self) -> int:
        """Samples of a line, blanking included."""
        return 858 if self is Standard.NTSC else 864

    @property
    def subcarrier(self) -> Fraction:
        """Colour subcarrier cycles per line."""
        return Fraction(455, 2) if self is Standard.NTSC else Fraction(1135, 4) + Fraction(1, 625)

    @property
    def matrix(self) -> Matrix:
        return Matrix.SMPTE170M if self is Standard.NTSC else Matrix.BT470BG

    @property
    def primaries(self) -> Primaries:
        return Primaries.SMPTE170M if self is Standard.NTSC else Primaries.BT470BG


@dataclass(frozen=True, slots=True)
class Raster:
    """Size of the coded frame and where the picture lies in it.

    `NTSC` and `PAL` are the real ones; training makes smaller rasters for crops (`active_width == width`: no blanking).
    """

    standard: Standard = Standard.NTSC
    width: int = 720
    """Samples per line, even."""
    height: int = 480
    """Lines of a frame, even."""
    active_width: int = 704
    """Samples that carry picture, centred; black blanking on both sides. 704 is 4:3 at 10:11 (NTSC) or 12:11 (PAL)."""

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ("width", self.width, 32, 2048),
            ("height", self.height, 16, 2048),
            ("active_width", self.active_width, 16, self.width),
        ):
            if not low <= value <= high or value % 2:
                raise ParameterError(f"tape.raster.{name}", value, f"choose an even number {low}..{high}")

    @property
    def lines(self) -> int:
        """Lines of one field."""
        return self.height // 2

    @property
    def left(self) -> int:
        """First sample of the picture."""
        return (self.width - self.active_width) // 2

    @property
    def active(self) -> slice:
        """The samples of a line that carry picture."""
        return slice(self.left, self.left + self.active_width)

    @property
    def sample_aspect(self) -> Fraction:
        """Width to height of a sample when the active picture is 4:3."""
        return Fraction(4 * self.height, 3 * self.active_width)


NTSC = Raster(Standard.NTSC, 720, 480, 704)
PAL = Raster(Standard.PAL, 720, 576, 704)


@dataclass(frozen=True, slots=True)
class Component:
    """One field as Y'CbCr 4:2:2, co-sited, float and unclipped: what travels between the steps of the chain."""

    luma: Plane
    """`(h, W)`, studio black 0 to white 1."""
    chroma: Plane
    """`(2, h, W/2)` Cb then Cr, nominal -0.5..0.5."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a step stands: which field of which tape it works on."""

    seed: int
    number: int
    """Absolute field number on this tape."""
    parity: int
    """TOP or BOTTOM lines of the frame."""
    raster: Raster

    def draws(self, step: str) -> np.random.Generator:
        """The random draws of `step` for this field."""
        return generator(self.seed, step, self.number)


def parity_of(number: int, order: FieldOrder) -> int:
    """TOP or BOTTOM: which lines field `number` (counted in time) fills."""
    first, second = (BOTTOM, TOP) if order is FieldOrder.BOTTOM_FIRST else (TOP, BOTTOM)
    return second if number % 2 else first
