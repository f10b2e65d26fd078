"""Levels of the tape as a whole: what suggests setup or a wrong range. Said, never corrected on its own. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from footlights.core.defects import Defect
from footlights.core.signal import Range
from footlights.core.tape_reports import LevelsReport

_SETUP = (28.0, 37.0)
"""Codes around 16 + 7.5 % of 219 in which the darkest of all shots lie on a tape with setup."""
_WIDE = (4.0, 250.0)
"""Codes that studio range leaves to overshoots: a tape that uses them all is full range."""
_NARROW = (29.0, 219.0)
"""Where studio codes lie when they were read as full range."""
_LEAST = 3
"""Shots that must agree."""


def suspicions(levels: Sequence[LevelsReport], tagged: Range) -> Iterator[tuple[Defect, str]]:
    """What the levels of all shots together point to, each with the evidence and how sure it is."""
    seen = [one for one in levels if one.frames]
    if len(seen) < _LEAST:
        return
    lowest, highest = sorted(one.lowest for one in seen), [one.highest for one in seen]
    floor = lowest[max(0, len(lowest) // 20)]
    used = f"codes {floor:.0f} to {max(highest):.0f} in {len(seen)} shots"
    wide = sum(one.lowest <= _WIDE[0] and one.highest >= _WIDE[1] for one in seen) / len(seen)
    if tagged is Range.LIMITED and wide > 0.5:
        yield Defect.WRONG_RANGE, f"{used}: read as studio range, but probably full range (confidence {wide:.2f})"
    elif tagged is Range.FULL and floor >= _NARROW[0] and max(highest) <= _NARROW[1]:
        sure = min(1.0, len(seen) / 20)
        yield Defect.WRONG_RANGE, f"{used}: read as full range, but probably studio range (confidence {sure:.2f})"
    elif _SETUP[0] <= floor <= _SETUP[1]:
        # Haze lifts blacks by another amount in every shot; setup lifts them all alike.
        sure = sum(abs(one - median(lowest)) <= 4 for one in lowest) / len(lowest)
        if sure > 0.5:
            yield Defect.SETUP, f"{used}: black lies near 7.5 IRE (confidence {sure:.2f})"
