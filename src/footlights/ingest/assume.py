"""What to assume where a tape's tags are silent, and where they are known to mislead. Pure; every assumption is named.

Facts: DV is bottom field first (SMPTE 314M, IEC 61834). SD is BT.601: SMPTE 170M primaries with 525 lines, BT.470BG
with 625. Of 720 samples 704 make up the picture, so the sample aspect is 10:11 (525) or 12:11 (625) for 4:3 and 40:33
or 16:11 for 16:9; containers that state 8:9, 16:15, 32:27 or 64:45 divide by 720 and make faces 2.3 % too narrow.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from typing import TypeVar

from footlights.core.signal import ChromaSiting, FieldOrder, Matrix, Primaries, Range, Signal, Transfer
from footlights.media.tapefacts import VideoFacts
from footlights.settings import IngestSettings, aspect

E = TypeVar("E", bound=IntEnum)

_SD_WIDTHS = range(700, 729)
_FOUR_BY_THREE = {480: Fraction(10, 11), 576: Fraction(12, 11)}
_SIXTEEN_BY_NINE = {480: Fraction(40, 33), 576: Fraction(16, 11)}
_MISLEADING = {
    480: {Fraction(8, 9): Fraction(10, 11), Fraction(32, 27): Fraction(40, 33)},
    576: {Fraction(16, 15): Fraction(12, 11), Fraction(64, 45): Fraction(16, 11)},
}
_BOTTOM_FIRST_CODECS = frozenset({"dvvideo"})
_CENTRED_CHROMA = frozenset({"mpeg1video", "mjpeg", "ljpeg", "jpeg2000"})


@dataclass(frozen=True, slots=True)
class Interpretation:
    """A signal with the sentences that explain it."""

    signal: Signal
    notes: tuple[str, ...]


def interpret(video: VideoFacts, settings: IngestSettings, *, rgb: bool) -> Interpretation:
    """Fill what the tags leave open and correct what they are known to get wrong; a person's setting wins."""
    assumed: set[str] = set()
    notes: list[str] = []
    lines = _lines(video.height)
    matrix, primaries, transfer = _colour(video, settings, lines, assumed)
    signal = Signal(
        matrix=Matrix.IDENTITY if rgb else matrix,
        primaries=primaries,
        transfer=transfer,
        range=_range(video, assumed, rgb=rgb),
        field_order=_field_order(video, settings, assumed, notes),
        sample_aspect=_sample_aspect(video, settings, lines, assumed, notes),
        chroma_siting=_siting(video),
        assumed=frozenset(assumed),
    )
    return Interpretation(signal, tuple(notes))


def _lines(height: int) -> int:
    """480 or 576 for the rasters of SD (also 486, 512 and 608 with their extra lines), 0 for others."""
    if height in (480, 486, 512):
        return 480
    return 576 if height in (576, 608) else 0


def _known(kind: type[E], value: int) -> E | None:
    try:
        member = kind(value)
    except ValueError:
        return None
    return None if member.name == "UNSPECIFIED" else member


def _colour(
    video: VideoFacts, settings: IngestSettings, lines: int, assumed: set[str]
) -> tuple[Matrix, Primaries, Transfer]:
    sd = lines != 0 or video.height <= 576
    by_standard = (
        (
            Matrix.BT470BG if lines == 576 else Matrix.SMPTE170M,
            Primaries.BT470BG if lines == 576 else Primaries.SMPTE170M,
        )
        if sd
        else (Matrix.BT709, Primaries.BT709)
    )
    matrix = _known(Matrix, video.matrix)
    if matrix is None or matrix is Matrix.IDENTITY:
        matrix = by_standard[0]
        assumed.add("matrix")
    primaries = _known(Primaries, video.primaries)
    if primaries is None or primaries in (Primaries.FILM, Primaries.DCI_P3):
        primaries = by_standard[1]
        assumed.add("primaries")
    transfer = _known(Transfer, video.transfer)
    if transfer is None:
        transfer = Transfer.SMPTE170M if sd else Transfer.BT709
        assumed.add("transfer")
    if settings.matrix != "auto":
        matrix = Matrix.BT709 if settings.matrix == "bt709" else Matrix.SMPTE170M
        assumed.discard("matrix")
    return matrix, primaries, transfer


def _range(video: VideoFacts, assumed: set[str], *, rgb: bool) -> Range:
    if rgb or video.full_range_format:
        return Range.FULL
    known = _known(Range, video.range)
    if known is None:
        assumed.add("range")
    return known or Range.LIMITED


def _field_order(video: VideoFacts, settings: IngestSettings, assumed: set[str], notes: list[str]) -> FieldOrder:
    if settings.field_order != "auto":
        notes.append(f"Field order {settings.field_order} was set by hand.")
        return FieldOrder(settings.field_order)
    order = FieldOrder(video.field_order)
    if order is FieldOrder.UNKNOWN:
        assumed.add("field_order")
        if video.codec in _BOTTOM_FIRST_CODECS:
            return FieldOrder.BOTTOM_FIRST
    return order


def _sample_aspect(
    video: VideoFacts, settings: IngestSettings, lines: int, assumed: set[str], notes: list[str]
) -> Fraction:
    by_hand = aspect(settings.sample_aspect)
    if by_hand is not None:
        notes.append(f"Sample aspect {by_hand.numerator}:{by_hand.denominator} was set by hand.")
        return by_hand
    stated = video.sample_aspect or Fraction(0)
    sd = lines != 0 and video.width in _SD_WIDTHS
    if not sd:
        if stated <= 0:
            assumed.add("sample_aspect")
        return stated if stated > 0 else Fraction(1)
    if stated in _MISLEADING[lines]:
        right = _MISLEADING[lines][stated]
        notes.append(
            f"The tag {stated.numerator}:{stated.denominator} spreads 720 samples over the picture; 704 are, so "
            f"{right.numerator}:{right.denominator} is used."
        )
        return right
    if stated in (_FOUR_BY_THREE[lines], _SIXTEEN_BY_NINE[lines]):
        return stated
    if stated > 0 and stated != 1:
        return stated
    assumed.add("sample_aspect")
    return _FOUR_BY_THREE[lines]


def _siting(video: VideoFacts) -> ChromaSiting:
    if video.codec in _CENTRED_CHROMA:
        return ChromaSiting.CENTRE
    if video.codec == "dvvideo" and video.pixel_format == "yuv420p":
        return ChromaSiting.TOP_LEFT
    return ChromaSiting.LEFT
