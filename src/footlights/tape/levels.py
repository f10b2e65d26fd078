"""Playback levels and the converter: gain, pedestal, colour level, and rounding to code values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from footlights.core.colour import chroma_to_codes, luma_to_codes
from footlights.tape.parameters import Bounded, bounded
from footlights.tape.raster import LUMA_CODE, Component


@dataclass(frozen=True, slots=True)
class Levels(Bounded):
    """Mis-set playback controls."""

    group: ClassVar[str] = "levels"

    gain: float = bounded(1.0, 0.7, 1.3, "×")
    pedestal: float = bounded(0.0, -20.0, 20.0, "8-bit codes")
    chroma_gain: float = bounded(1.0, 0.3, 1.5, "×")


def adjust(field: Component, levels: Levels) -> Component:
    """One field at the levels of playback."""
    luma, chroma = field.luma, field.chroma
    if levels.gain != 1:
        luma = luma * np.float32(levels.gain)
    if levels.pedestal:
        luma = luma + np.float32(levels.pedestal * LUMA_CODE)
    if levels.chroma_gain != 1:
        chroma = chroma * np.float32(levels.chroma_gain)
    return Component(luma, chroma)


def quantise(
    field: Component, bits: int
) -> tuple[NDArray[np.unsignedinteger], NDArray[np.unsignedinteger], NDArray[np.unsignedinteger]]:
    """Y `(h, W)`, Cb and Cr `(h, W/2)` as studio-range code values: uint8, or uint16 above 8 bits."""
    kind = np.uint8 if bits == 8 else np.uint16
    return (
        luma_to_codes(field.luma, bits).astype(kind),
        chroma_to_codes(field.chroma[0], bits).astype(kind),
        chroma_to_codes(field.chroma[1], bits).astype(kind),
    )
