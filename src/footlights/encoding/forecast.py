"""How large renditions will be, before anything is encoded: a rough model, and how far it may be off. Pure.

Bits per sample at a target, fitted by least squares (ridge 0.5 on all but the constant) to the curves of 22 shots of
six clips at 540 and 270 lines, SVT-AV1 preset 10, targets 87 to 95 (n = 128):

    log2(bits / sample) = -5.51 + 1.37 log2(TI + 2) - 0.87 log2(lines / 540) - 1.06 log2(100 - target)

Spatial information told nothing more. Clips left out of the fit were off by 0.65 octaves (standard deviation), so nine
of ten lie within a factor of about two. Grain that is coded as parameters, and unlike material, are not in the data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2

from footlights.core.encodes import Look, Rung

_CONSTANT, _TEMPORAL, _LINES, _LOSS = -5.51, 1.37, -0.87, -1.06
_PRESET, _SLOWER = 10, -0.16
"""Octaves of bytes for each slower preset (six shots at equal score: -0.24, -0.36, -0.58 at 9, 8 and 6 against 10)."""
FACTOR = 2.1
"""From the likely size down and up: 1.65 standard deviations."""
H264 = 2.0
"""Bytes of H.264 at the same quality, roughly."""


@dataclass(frozen=True, slots=True)
class Span:
    """A number that is not known yet: nine of ten lie between `low` and `high`."""

    low: float
    likely: float
    high: float

    @staticmethod
    def around(likely: float, factor: float) -> Span:
        return Span(likely / factor, likely, likely * factor)


def bytes_of(rung: Rung, chunks: Sequence[tuple[int, float, Look]]) -> Span:
    """Of one rendition, from the frames, the seconds and the look of every chunk; no chunk exceeds the rate limit."""
    total = most = 0.0
    for frames, seconds, look in chunks:
        bits = (
            _CONSTANT
            + _TEMPORAL * log2(look.temporal + 2)
            + _LINES * log2(rung.height / 540)
            + _LOSS * log2(max(100 - rung.target, 1))
            + (_SLOWER * (_PRESET - int(rung.preset)) if rung.codec == "av1" else 0.0)
        )
        limit = rung.max_rate * seconds / 8
        size = 2**bits * rung.width * rung.height * frames / 8 * (H264 if rung.codec == "h264" else 1.0)
        total += min(size, limit)
        most += min(size * FACTOR, limit)
    return Span(total / FACTOR, total, max(most, total))
