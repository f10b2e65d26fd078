"""Evidence for faults of the tape path: a pedestal or a cast counts only where every shot agrees.

Light changes from shot to shot; a fault of the camera chain or the tape stays. So stage light is never "corrected".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from footlights.config import ColourSettings
from footlights.core.reports import ShotReport

_LEAST_SHOTS = 3
_LEAST_FRAMES = 5
_CAST = 2.0
"""Chroma codes of a constant cast of the blacks worth correcting."""
_AGREE = 1.5
"""Chroma codes within which shots agree."""
_PEDESTAL = (18.0, 40.0)
"""Luma codes between which the darkest per cent of every shot must lie to be called a pedestal."""


@dataclass(frozen=True, slots=True)
class Correction:
    """What the whole tape shares."""

    black: float
    """Luma (0..1) that should be black."""
    cb: float
    """Chroma offset of the blacks, -0.5..0.5."""
    cr: float
    why: str

    @property
    def needed(self) -> bool:
        return bool(self.black or self.cb or self.cr)


def correction(shots: Sequence[ShotReport], settings: ColourSettings) -> Correction:
    """Pedestal and cast, each with its reason or the reason against it."""
    exposures = [one.exposure for one in shots if len(one.shot.frames) >= _LEAST_FRAMES]
    black, why_black = _pedestal([one.luma_low for one in exposures], settings.levels)
    cb, cr, why_cast = _cast([(one.black_cb, one.black_cr) for one in exposures], settings.cast)
    return Correction(black, cb, cr, f"{why_black} {why_cast}")


def _pedestal(lows: Sequence[float], mode: str) -> tuple[float, str]:
    if mode == "off":
        return 0.0, "enhancement.colour.levels = off."
    if len(lows) < _LEAST_SHOTS:
        return 0.0, f"{len(lows)} shots are too few to tell a pedestal from a scene."
    if not (_PEDESTAL[0] < min(lows) and max(lows) < _PEDESTAL[1]):
        return 0.0, "No pedestal all shots agree on."
    black = round((min(lows) - 16) / 219, 4)
    return black, f"Blacks of all {len(lows)} shots lie at codes {min(lows):.0f}..{max(lows):.0f}: pedestal removed."


def _cast(found: Sequence[tuple[float, float]], mode: str) -> tuple[float, float, str]:
    if mode == "off":
        return 0.0, 0.0, "enhancement.colour.cast = off."
    known = [pair for pair in found if any(pair)]
    if len(known) < _LEAST_SHOTS:
        return 0.0, 0.0, "Too few shots with measurable blacks to tell a cast from light."
    cb, cr = (median(values) for values in zip(*known, strict=True))
    near = sum(abs(pair[0] - cb) <= _AGREE and abs(pair[1] - cr) <= _AGREE for pair in known)
    if near < 0.9 * len(known) or max(abs(cb), abs(cr)) < _CAST:
        return 0.0, 0.0, "No cast that every shot's blacks share."
    return (
        round(cb / 224, 5),
        round(cr / 224, 5),
        (f"Blacks of {near} of {len(known)} shots lean by {cb:+.1f}/{cr:+.1f} chroma codes: cast removed."),
    )
