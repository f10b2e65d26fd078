"""What a picture's numbers mean: ITU-T H.273 code points, range, sample aspect, field order, chroma siting."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum
from fractions import Fraction


class Matrix(IntEnum):
    """H.273 MatrixCoefficients."""

    IDENTITY = 0
    BT709 = 1
    UNSPECIFIED = 2
    FCC = 4
    BT470BG = 5
    SMPTE170M = 6
    SMPTE240M = 7
    BT2020_NCL = 9


class Primaries(IntEnum):
    """H.273 ColourPrimaries."""

    BT709 = 1
    UNSPECIFIED = 2
    BT470M = 4
    BT470BG = 5
    SMPTE170M = 6
    SMPTE240M = 7
    FILM = 8
    BT2020 = 9
    DCI_P3 = 11
    DISPLAY_P3 = 12


class Transfer(IntEnum):
    """H.273 TransferCharacteristics."""

    BT709 = 1
    UNSPECIFIED = 2
    GAMMA22 = 4
    GAMMA28 = 5
    SMPTE170M = 6
    SMPTE240M = 7
    LINEAR = 8
    LOG100 = 9
    LOG316 = 10
    SRGB = 13
    BT2020_10 = 14
    BT2020_12 = 15
    PQ = 16
    HLG = 18


class Range(IntEnum):
    """Code range of the samples: LIMITED is the studio swing of BT.601 and BT.709."""

    UNSPECIFIED = 0
    LIMITED = 1
    FULL = 2


class FieldOrder(StrEnum):
    """Which field of a frame was exposed first."""

    PROGRESSIVE = "progressive"
    TOP_FIRST = "top-first"
    BOTTOM_FIRST = "bottom-first"
    UNKNOWN = "unknown"

    @property
    def interlaced(self) -> bool:
        return self in (FieldOrder.TOP_FIRST, FieldOrder.BOTTOM_FIRST)


class ChromaSiting(StrEnum):
    """Horizontal and vertical position of chroma samples of sub-sampled pictures (H.273 Chroma420SampleLocType)."""

    LEFT = "left"
    CENTRE = "centre"
    TOP_LEFT = "top-left"


@dataclass(frozen=True, slots=True)
class Signal:
    """Interpretation of a picture. Whatever had to be assumed is named in `assumed` and shown in the report."""

    matrix: Matrix = Matrix.UNSPECIFIED
    primaries: Primaries = Primaries.UNSPECIFIED
    transfer: Transfer = Transfer.UNSPECIFIED
    range: Range = Range.UNSPECIFIED
    field_order: FieldOrder = FieldOrder.UNKNOWN
    sample_aspect: Fraction = Fraction(1)
    """Width to height of one sample (SAR, PAR)."""
    chroma_siting: ChromaSiting = ChromaSiting.LEFT
    assumed: frozenset[str] = field(default_factory=frozenset)
    """Names of the fields above that no tag stated."""


HDR_NAMES = {Transfer.PQ: "smpte2084", Transfer.HLG: "arib-std-b67"}
"""FFmpeg's names of the transfer characteristics of BT.2100."""

BT709_SIGNAL = Signal(
    matrix=Matrix.BT709,
    primaries=Primaries.BT709,
    transfer=Transfer.BT709,
    range=Range.LIMITED,
    field_order=FieldOrder.PROGRESSIVE,
)
"""UHD SDR as delivered: BT.709 throughout, studio range, progressive, square samples."""


def delivered(signal: Signal) -> Signal:
    """What pictures of a signal are delivered as: HDR of BT.2100 as it is, all else as BT.709."""
    if signal.transfer not in HDR_NAMES:
        return BT709_SIGNAL
    return replace(BT709_SIGNAL, matrix=Matrix.BT2020_NCL, primaries=Primaries.BT2020, transfer=signal.transfer)
