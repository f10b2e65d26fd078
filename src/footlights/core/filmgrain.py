"""Film grain as AV1 codes it: a table of strengths over brightness and the taps of an autoregressive texture.

Reference: AV1 Bitstream & Decoding Process Specification, film_grain_params() (5.9.30, 6.8.20).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from footlights.errors import ParameterError

Points = tuple[tuple[int, int], ...]
"""(brightness 0..255, scaling 0..255), brightness strictly rising."""
_MOST_POINTS = {"y": 14, "cb": 10, "cr": 10}


@dataclass(frozen=True, slots=True)
class FilmGrain:
    """What a decoder draws grain from, but for the seed, which every frame has of its own."""

    y: Points = ()
    """Scaling of luma grain over luma; none: no luma grain."""
    cb: Points = ()
    """Scaling of Cb grain over the value that `chroma_mix` makes."""
    cr: Points = ()
    scaling_shift: int = 11
    """8..11: grain times scaling is divided by two to this power."""
    lag: int = 3
    """0..3: how far the taps reach."""
    taps_y: tuple[int, ...] = (0,) * 24
    """`2·lag·(lag+1)` taps, -128..127, rows from the top, in units of 2^-`tap_shift`."""
    taps_cb: tuple[int, ...] = (0,) * 25
    """As luma's; where there is luma grain one more, that of the luma grain at the same place."""
    taps_cr: tuple[int, ...] = (0,) * 25
    tap_shift: int = 7
    """6..9."""
    scale_shift: int = 0
    """0..3: the white noise that the taps shape is divided by two to this power."""
    chroma_mix: tuple[int, int, int] = (128, 192, 256)
    """cb_mult, cb_luma_mult, cb_offset, for Cr as well; these look chroma scaling up by luma alone."""
    overlap: bool = True
    restricted: bool = True
    """Clip to studio range."""

    def __post_init__(self) -> None:
        for name in ("y", "cb", "cr"):
            points: Points = getattr(self, name)
            places = [place for place, _ in points]
            rising = all(a < b for a, b in pairwise(places))
            if len(points) > _MOST_POINTS[name] or not rising or not _within([v for p in points for v in p], 0, 255):
                raise ParameterError(
                    f"film grain points {name}", points, "give few points of 0..255 with rising places"
                )
        taps = 2 * self.lag * (self.lag + 1)
        chroma = taps + bool(self.y)
        for name, count, used in (("y", taps, self.y), ("cb", chroma, self.cb), ("cr", chroma, self.cr)):
            values: tuple[int, ...] = getattr(self, f"taps_{name}")
            if used and (len(values) != count or not _within(values, -128, 127)):
                raise ParameterError(f"film grain taps_{name}", values, f"give {count} taps of -128..127")
        for name, low, high in (("lag", 0, 3), ("scaling_shift", 8, 11), ("tap_shift", 6, 9), ("scale_shift", 0, 3)):
            if not low <= getattr(self, name) <= high:
                raise ParameterError(f"film grain {name}", getattr(self, name), f"choose {low}..{high}")

    @property
    def applies(self) -> bool:
        """Whether a decoder draws anything at all."""
        return bool(self.y or self.cb or self.cr)


def _within(values: Sequence[int], low: int, high: int) -> bool:
    return all(low <= value <= high for value in values)
