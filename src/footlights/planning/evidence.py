"""Evidence for faults of the tape path: what leans in the tape's own black and in its clipped white, in every shot.

Light changes from shot to shot; a fault of the camera chain or the tape stays, or drifts. Black and clipped white know
nothing of the colour of the light (`analysis/balance.py`). So stage light is never "corrected".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from footlights.core.colour import ycbcr_to_rgb
from footlights.core.reports import ShotReport, Survey
from footlights.core.signal import Matrix
from footlights.planning.drift import LEAST, Fault, Sight, fault, light_apart
from footlights.settings import ColourSettings

_LEAST_FRAMES = 5
_CAST = 2.0
"""Chroma codes of a cast worth correcting."""
_AGREE_BLACK, _AGREE_WHITE, _AGREE_LUMA = 1.5, 3.0, 4.0
"""Codes within which shots agree on their blacks' chroma, their whites' chroma, and the code of their white."""
_PEDESTAL = (18.0, 40.0)
"""Luma codes between which the blacks of every shot must lie to be called a pedestal."""
_AT_BLACK = 3.0
"""Luma codes above the darkest shot's black at which a shot still shows black."""
_FADED = (150.0, 222.0)
"""Luma codes between which white must be clipped in every shot to be called faded."""
_WHITE = 243.0
"""Code above which a white that fades along the tape cannot have begun."""
_ON_LINE, _APART, _LOWEST = 1.5, 0.1, 14.0
"""Codes from a line of rising blacks, share of the tape between two shots that tell of it, and where it may begin."""
_LIKE = 0.7
"""Cosine from which the blacks' lean is that of the whites."""
_ABOVE = 8.0
"""Codes by which the brightest per cent of any shot may be brighter than the faded white."""
_NO_COLOUR = 1.0
"""Codes by which chroma varies over pictures that carry no colour."""

RGB = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Correction:
    """What is done to the balance of one shot, in the tape's own R'G'B' (0..1)."""

    black: RGB
    """What shall become black."""
    white: RGB
    """What shall become white."""
    why: str

    @property
    def needed(self) -> bool:
        return (self.black, self.white) != ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


@dataclass(frozen=True, slots=True)
class _Found:
    """Faults of the whole tape."""

    pedestal: Fault | None
    """Luma code of black."""
    black: Fault | None
    """Chroma of black."""
    lean: Fault | None
    """Chroma of white, at full luma, beyond that of black."""
    ceiling: Fault | None
    """Luma code of white."""
    why: str


def corrections(survey: Survey, settings: ColourSettings, matrix: Matrix) -> tuple[Correction, ...]:
    """One per shot, with its reason or the reason against it."""
    found = _found(survey, settings)
    total = max(survey.frames, 1)
    return tuple(
        _correction(found, (one.shot.frames.start + one.shot.frames.stop) / (2 * total), camera, matrix)
        for one, camera in zip(survey.shots, _cameras(survey), strict=True)
    )


def _found(survey: Survey, settings: ColourSettings) -> _Found:
    total = max(survey.frames, 1)
    shots = [
        (one, (one.shot.frames.start + one.shot.frames.stop) / (2 * total), camera)
        for one, camera in zip(survey.shots, _cameras(survey), strict=True)
        if len(one.shot.frames) >= _LEAST_FRAMES
    ]
    reports = [one for one, _, _ in shots]
    ceiling, why_ceiling = _ceiling(shots, settings.levels)
    pedestal, why_pedestal = _pedestal(shots, settings.levels, ceiling)
    why_pedestal += f" {veil}" if (veil := veiled(survey)) else ""
    black, lean, why_cast = _casts(shots, settings.cast, pedestal)
    if pedestal and black is None and _coloured_black(reports):
        pedestal, why_pedestal = None, "The raised blacks lean with the light: haze, not a pedestal."
        black, lean, why_cast = _casts(shots, settings.cast, pedestal)
    return _Found(
        pedestal, black, lean, ceiling, " ".join(part for part in (why_pedestal, why_ceiling, why_cast) if part)
    )


def _correction(found: _Found, time: float, camera: int, matrix: Matrix) -> Correction:
    floor = _above_black(found.pedestal, time) / 219
    top = (found.ceiling.at(time, camera)[0] - 16) / 219 if found.ceiling else 1.0
    black = np.array(found.black.at(time, camera) if found.black else (0.0, 0.0)) / 224
    lean = np.array(found.lean.at(time, camera) if found.lean else (0.0, 0.0)) / 224
    decode = ycbcr_to_rgb(matrix)
    low = decode @ np.array([floor, *black])
    high = decode @ np.array([top, *(black + lean * (top - floor))])
    return Correction(_rgb(low), _rgb(high), found.why)


def _rgb(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> RGB:
    red, green, blue = (round(float(value), 5) + 0.0 for value in values)
    return red, green, blue


def _above_black(pedestal: Fault | None, time: float) -> float:
    """Luma codes by which black lies above 16."""
    return pedestal.at(time, 0)[0] - 16 if pedestal else 0.0


def _pedestal(shots: _Known, mode: str, ceiling: Fault | None) -> tuple[Fault | None, str]:
    if mode == "off":
        return None, "enhancement.colour.levels = off."
    lows = [one.balance.black_luma for one, _, _ in shots]
    if len(lows) < LEAST:
        few = f"{len(lows)} shots are" if len(lows) > 1 else "One shot is"
        return None, f"{few} too few to tell a pedestal from a scene."
    if ceiling and any(ceiling.slope):
        rising = _rising(shots, ceiling.slope[0])
        if rising:
            first, last = rising.at(0, 0)[0], rising.at(1, 0)[0]
            return rising, f"Black drifts from code {first:.0f} to {last:.0f} while white does: pedestal removed."
    if not (_PEDESTAL[0] < min(lows) and max(lows) < _PEDESTAL[1]):
        return None, "No pedestal all shots agree on."
    span = f"{min(lows):.0f}..{max(lows):.0f}"
    return Fault((min(lows), 0.0)), f"Blacks of all {len(lows)} shots lie at codes {span}: pedestal removed."


def _rising(shots: _Known, white: float) -> Fault | None:
    """The line over time below which no shot's black lies, and on which several do, against the slope of white. Haze
    thickens too: only beside a white that drifts the other way it tells of the tape."""
    seen = [(time, one.balance.black_luma) for one, time, _ in shots if one.balance.blacks]
    best, most = None, LEAST - 1
    for (t, low), (u, other) in combinations(seen, 2):
        if abs(u - t) < _APART:
            continue
        slope = (other - low) / (u - t)
        above = np.array([value - low - slope * (time - t) for time, value in seen])
        on = int((np.abs(above) <= _ON_LINE).sum())
        drifts = (
            slope * white < 0 and abs(slope) >= _AT_BLACK and min(low - slope * t, low + slope * (1 - t)) >= _LOWEST
        )
        if drifts and (above >= -_ON_LINE).all() and on > most:
            best, most = Fault((low - slope * t, 0.0), (slope, 0.0), agreeing=on, of=len(seen)), on
    return best


def _coloured_black(reports: Sequence[ShotReport]) -> bool:
    """Whether the blacks of most shots have a colour."""
    dark = [(one.balance.black_cb, one.balance.black_cr) for one in reports if one.balance.blacks]
    return bool(dark) and float(np.abs(np.median(np.array(dark), axis=0)).max()) >= _CAST


def veiled(survey: Survey) -> str:
    """A sentence where no shot shows black, as under a log curve that no tag names, or under a veil."""
    reports = [one for one in survey.shots if len(one.shot.frames) >= _LEAST_FRAMES]
    if len(reports) < LEAST or any(one.balance.blacks for one in reports):
        return ""
    low, high = min(one.exposure.luma_low for one in reports), max(one.exposure.luma_high for one in reports)
    why = "a log curve without a tag, or a veil; nothing is stretched."
    return f"No shot shows black (codes {low:.0f}..{high:.0f}): {why}"


_Known = Sequence[tuple[ShotReport, float, int]]
"""Shots, each with its time along the tape and its camera."""


def _ceiling(shots: _Known, mode: str) -> tuple[Fault | None, str]:
    if mode == "off":
        return None, ""
    seen = [
        Sight(time, camera, (one.balance.white_luma, 0.0), (0.0, 0.0))
        for one, time, camera in shots
        if one.balance.whites
    ]
    found = fault(seen, _AGREE_LUMA)
    if found is None:
        return None, ""
    levels = [found.at(time, camera)[0] for _, time, camera in shots]
    over = any(one.exposure.luma_high > level + _ABOVE for (one, _, _), level in zip(shots, levels, strict=True))
    highest = _WHITE if any(found.slope) else _FADED[1]
    if over or min(levels) < _FADED[0] or min(levels) > _FADED[1] or max(levels) > highest:
        return None, ""
    span = f"{min(levels):.0f}..{max(levels):.0f}"
    return found, f"White is clipped at codes {span} in all shots that show any ({found.words}): faded, raised to 235."


def colourless(reports: Sequence[ShotReport]) -> bool:
    """Whether none of a tape's shots shows more colour than a tint."""
    return bool(reports) and all(one.balance.colour < _NO_COLOUR for one in reports)


def _casts(shots: _Known, mode: str, pedestal: Fault | None) -> tuple[Fault | None, Fault | None, str]:
    if mode == "off":
        return None, None, "enhancement.colour.cast = off."
    if colourless([one for one, _, _ in shots]):
        return None, None, "The tape carries no colour: what tint there is stays."
    black, why_black = _black_cast(shots, pedestal)
    lean, why_white = _white_cast(shots, black, pedestal)
    return black, lean, f"{why_black} {why_white}".strip()


def _black_cast(shots: _Known, pedestal: Fault | None) -> tuple[Fault | None, str]:
    """Chroma of black, from the shots that show the tape's black: the darkest of others is a thing in some light."""
    lowest = min((one.balance.black_luma for one, _, _ in shots if one.balance.blacks), default=0.0)
    floor = pedestal or Fault((lowest, 0.0))
    seen = [
        Sight(time, camera, (one.balance.black_cb, one.balance.black_cr), _light(one))
        for one, time, camera in shots
        if one.balance.blacks and one.balance.black_luma <= floor.at(time, 0)[0] + _AT_BLACK
    ]
    if len(seen) < LEAST:
        return None, "Too few shots show the tape's black to tell a cast from light."
    found = fault(seen, _AGREE_BLACK)
    if found is None or _greatest(found, shots) < _CAST:
        return None, "No cast that every shot's blacks share."
    if not light_apart(seen) and not _whites_agree(found, shots):
        return None, "The blacks lean, but under one colour of light only: that is light, not a cast."
    return found, f"Blacks lean by {_span(found)} chroma codes ({found.words}): cast removed."


def _whites_agree(black: Fault, shots: _Known) -> bool:
    """Whether the tape's clipped whites lean as its blacks do: they know nothing of haze, which a lamp outshines."""
    white, _ = _white_cast(shots, None, None)
    if white is None:
        return False
    one, other = np.array(black.at(0.5, 0)), np.array(white.at(0.5, 0))
    return float(one @ other) > _LIKE * float(np.hypot(*one) * np.hypot(*other))


def _white_cast(shots: _Known, black: Fault | None, pedestal: Fault | None) -> tuple[Fault | None, str]:
    """Chroma of clipped white beyond that of black, reckoned at full luma."""
    seen = []
    for one, time, camera in shots:
        if one.balance.whites:
            below = black.at(time, camera) if black else (0.0, 0.0)
            share = (one.balance.white_luma - 16 - _above_black(pedestal, time)) / 219
            lean = ((one.balance.white_cb - below[0]) / share, (one.balance.white_cr - below[1]) / share)
            seen.append(Sight(time, camera, lean, _light(one)))
    if len(seen) < LEAST:
        return None, ""
    found = fault(seen, _AGREE_WHITE)
    if found is None or _greatest(found, shots) < _CAST:
        return None, ""
    if not light_apart(seen):
        return None, "Clipped whites lean, but under one colour of light only: that is light, not a cast."
    return found, f"Clipped whites lean by {_span(found)} chroma codes ({found.words}): balanced."


def _light(report: ShotReport) -> tuple[float, float]:
    return report.exposure.chroma_cb, report.exposure.chroma_cr


def _greatest(found: Fault, shots: _Known) -> float:
    """The greatest cast of any shot, in codes."""
    return max(max(map(abs, found.at(time, camera))) for _, time, camera in shots)


def _span(found: Fault) -> str:
    start = found.level
    if not any(found.slope):
        return f"{start[0]:+.1f}/{start[1]:+.1f}"
    stop = (start[0] + found.slope[0], start[1] + found.slope[1])
    return f"{start[0]:+.1f}/{start[1]:+.1f} to {stop[0]:+.1f}/{stop[1]:+.1f}"


def _cameras(survey: Survey) -> tuple[int, ...]:
    return survey.stage.cameras if survey.stage else (0,) * len(survey.shots)
