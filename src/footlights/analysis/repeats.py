"""Whether a field shows the instant of the field of its parity before it: a repeat in place of one that was lost.

The change from field to field is measured on small pictures without their light (`view.describe`), in tiles: noise and
jitter of the tape hardly reach them, strobes are taken out of them, and what moves shows. A repeat changes less than
the fields around it everywhere where something usually moves, and the next field leaps over what was missed. Fields are
compared with those around them that have the same light as theirs: a spot that blinds the camera hides motion.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.analysis import heldnoise, noise
from footlights.analysis.base import ANALYSERS, Notes, Scene, Series
from footlights.analysis.view import Descriptor, FrameView
from footlights.core.reports import Shot

_ACROSS, _DOWN, _EDGE = 6, 4, 6
"""Tiles, and samples of the small picture left out around them (blanking, head switching)."""
_TILES = _ACROSS * _DOWN
_REACH, _MOST, _LEAST = 12, 16, 4
"""Frames on either side that a field is compared with: how far, how many at most and at least."""
_BLACK, _DIM = 16.0, 4.0
"""Code of black, and codes above it that count as light at least."""
_STEADY, _ALIKE = 0.04, 0.2
"""Change of light (of the logarithm) up to which a field has the light of its model; and up to which the fields of two
frames and of those before them are lit alike: a flash in the other field coarsens the coding of both."""
_MOVERS, _BUSY = 6, 12
"""Tiles that usually change most: those that must rest, and those of which three quarters must."""
_FLOOR, _LEVEL_FLOOR, _SPREAD_FLOOR = 1e-4, 0.3, 0.03
"""Least change (of structure, of codes, of the logarithm) that counts: rounding."""
_RUN, _RESTING, _DEEPER = 6, 0.6, 2.0
"""Frames a repeat may last until the leap, the share of its fall (of the logarithm) that they have in common, and how
many times that fall one of them may fall for the leap to be its own as well."""
_OFFSET = -5.3
_WEIGHTS = (-0.45, -0.6, -0.55, -1.8, 1.0)
"""Log odds of a repeat: of the change as a whole, of three quarters of the busy tiles, of the movers in spreads, of the
most changed blocks in full, and of the leap. Fitted by logistic regression to simulated tapes of clips and photographs
that no benchmark uses."""
_AT_REST = 3.0
"""Weight, besides, of a leap that is none: the field after the repeat changes less than usual as well."""
_UNLIKE, _UNLIKE_BOTH = -2.6, (-0.7, -0.2, 4.0)
"""Fall of the change as a whole (of the logarithm) that is asked for where only fields under other light could be
compared with (between strobes a coded field rests by itself), or of the whole and of the most changed blocks, with log
odds."""
_LEAPS = (0.25, 0.8)
"""Leap from which what only fields under other light could be compared with is told as well, and log odds that are
asked for: what rests by itself between strobes moves on as it did, what was lost is made up for."""
_NOISE, _NOISE_CODES, _OUTSTANDING = 3.4, 2.0, (-0.9, 3.0)
"""Sigmas of the shot's noise, and codes besides, by which the most changed blocks of a repeat differ at most from its
model: two fields of nothing but noise differ by 1.13 sigma in the mean; coders and a deck's jitter add to that. What
rests under a strobe, or only moves less than what is around it, differs by more. Beyond, log odds that are asked for,
and how far those blocks must have fallen (of the logarithm): a coder's noise is more than what is measured of it."""
_RESTS = (-0.9, 0.25)
"""Fall (of the logarithm) of the difference from the field between a field and its model, at which the scene is taken
to have rested there unless the next field leaps by so much: between a field and its repeat a scene moves as it did."""
_MORE_NOISE, _LEAPS_OVER = 1.6, (0.4, 1.0)
"""Up to so many times that difference, a leap of so much with log odds of so much will do: jitter and coding of a worn
tape are more than its noise, but nothing makes them leap."""
_TOGETHER, _TOGETHER_LEAST = 3.0, (-0.4, -0.25, 0.2, -4.0)
"""Log odds that two resting fields of one frame have more than both together (each counts the rarity of losses; that
would be 5.3 if they were independent, but a scene that pauses rests in both); how far the whole and the most changed
blocks must have fallen in both, how far the leap goes at least, and the log odds of either by itself."""
_TOGETHER_LEAPS = (0.3, 5.0)
"""A leap of both fields, under one light, from which that is nearly all: a scene that pauses goes on as it did."""
_QUIET, _MOST_QUIET, _SILENT = -2.5, 6.0, -3.5
"""Spreads by which noise must be less than usual to speak for a repeat, log odds that it gives at most (one for each
spread beyond), and spreads from which it is told under any light, and jitter and coding explain any difference."""
_CLIP, _LEAP = 8.0, 2.0
"""Bounds of what counts in spreads, and of the leap."""

Floats = NDArray[np.float64]


class Signs(NamedTuple):
    """What speaks for a repeat; falls are of the logarithm."""

    whole: float
    """Fall of the change as a whole."""
    busy: float
    """Of three quarters of the busy tiles."""
    movers: float
    """Of the tiles that usually move most, in spreads."""
    blocks: float
    """Of the most changed blocks in full."""
    leap: float
    loose: bool
    """Only fields under other light could be compared with."""
    lit: bool = True
    """The field that leaps has the light of the one of its parity before it."""
    quiet: float = 0.0
    """Of the noise, in its spreads (`heldnoise`); 0 where that is not known."""
    across: float = 0.0
    """Fall of the difference from the field of the other parity between it and its model."""

    @property
    def odds(self) -> float:
        """Log odds of a repeat."""
        signs = (max(self.whole, -_CLIP), self.busy, self.movers, self.blocks, self.leap)
        moved = _OFFSET + float(np.dot(_WEIGHTS, signs)) + _AT_REST * min(self.leap, 0.0)
        return moved + float(np.clip(_QUIET - self.quiet, 0.0, _MOST_QUIET))

    @property
    def told(self) -> bool:
        """Whether the light lets it be told."""
        whole, blocks, odds = _UNLIKE_BOTH
        both = self.whole <= whole and self.blocks <= blocks and self.odds > odds
        return not self.loose or self.whole <= _UNLIKE or both or self.leaps(*_LEAPS) or self.quiet < _SILENT

    @property
    def rests(self) -> bool:
        """Whether the scene itself rested, as where a camera that shakes turns back: the field between this one and its
        model is near them as well, and nothing was missed."""
        across, leap = _RESTS
        return self.across <= across and self.leap < leap and self.quiet >= _SILENT

    def leaps(self, least: float, odds: float) -> bool:
        """Whether what was missed is made up for by the next field that shows something else, as clearly as asked."""
        return self.leap >= least and self.odds > odds

    def speaks_for(self, other: Signs) -> bool:
        """Whether this field and the other of its frame rest together, and something was missed."""
        whole, blocks, leap, _ = _TOGETHER_LEAST
        fallen = max(self.whole, other.whole) < whole and max(self.blocks, other.blocks) < blocks
        return fallen and min(self.leap, other.leap) > leap and not (self.loose or other.loose)


class Course(NamedTuple):
    """What was measured of the fields of a shot, (frames, 2) each."""

    change: Floats
    """Of structure from the field of the same parity before, in tiles; (frames, 2, tiles)."""
    whole: Floats
    """The logarithm of their mean."""
    across: Floats
    """The logarithm of the difference from the nearer field of the other parity."""
    level: Floats
    """Difference of the most changed blocks in full, codes."""
    light: Floats
    """The logarithm of the light of both fields of a frame, then of those of the frame before; (frames, 4)."""
    known: NDArray[np.bool_]


@ANALYSERS.add("repeats")
class RepeatAnalyser:
    """Notes by how much each field differs from the one of its parity before."""

    name: ClassVar[str] = "repeats"
    version: ClassVar[int] = 4
    before: ClassVar[int] = 1
    after: ClassVar[int] = 0
    columns: ClassVar[dict[str, int]] = {"repeats.change": 2 * _TILES, "repeats.light": 2, "repeats.across": 2}
    """Mean square change of structure in every tile of the top field, then of the bottom field; light above black in
    codes; mean square difference from the nearer of the other parity's fields in this frame and the one before."""

    def __init__(self, scene: Scene) -> None:
        del scene

    def look(self, views: Sequence[FrameView], notes: Notes) -> None:
        now = views[-1]
        light = np.array([max(field.mean - _BLACK, _DIM) for field in now.descriptors])
        notes.set(now.number, **{"repeats.light": light})
        if len(views) < 2:
            return
        pairs = list(zip(now.descriptors, views[-2].descriptors, strict=True))
        change = [_tiles((new.structure - old.structure)[_EDGE:-_EDGE, _EDGE:-_EDGE]) for new, old in pairs]
        notes.set(now.number, **{"repeats.change": np.concatenate(change)})
        notes.set(now.number, **{"repeats.across": _across(*pairs)})


def _across(top: tuple[Descriptor, Descriptor], bottom: tuple[Descriptor, Descriptor]) -> Floats:
    """How much each field of a frame, given with that of the frame before, differs from the nearer one between."""
    woven = _apart(top[0], bottom[0])
    return np.array([min(woven, _apart(top[0], bottom[1])), min(woven, _apart(bottom[0], top[1]))])


def _apart(one: Descriptor, other: Descriptor) -> float:
    difference = (one.structure - other.structure)[_EDGE:-_EDGE, _EDGE:-_EDGE]
    return float(np.mean(difference * difference))


def evidence(series: Series, shot: Shot, usable: NDArray[np.bool_]) -> tuple[Floats, NDArray[np.bool_]]:
    """Log odds that each field of a shot repeats the one of its parity before it, (frames, 2); -inf where nothing
    tells; and which of them only rest, as the scene itself did. `usable` (frames, 2) names the fields that may be
    compared: not those a film cadence repeats."""
    inside = slice(shot.frames.start, shot.frames.stop)
    change = series["repeats.change"][inside].astype(np.float64).reshape(-1, 2, _TILES)
    level = series["cadence.repeat"][inside].astype(np.float64)
    light = np.log(series["repeats.light"][inside].astype(np.float64))
    light = np.concatenate([light, np.roll(light, 1, axis=0)], axis=1)
    known = usable & np.isfinite(change).all(axis=2) & np.isfinite(level)
    odds, rests = np.full(known.shape, -np.inf), np.zeros(known.shape, np.bool_)
    if not known.any():
        return odds, rests
    whole = np.log(np.nan_to_num(change.mean(axis=2)) + _FLOOR)
    across = np.log(np.nan_to_num(series["repeats.across"][inside].astype(np.float64)) + _FLOOR)
    course = Course(change, whole, across, level, light, known)
    sigma = noise.report(series, shot)
    explained = _NOISE * sigma.luma_sigma + _NOISE_CODES if sigma.confidence > 0 else float("inf")
    steady = np.stack([_steady(light, parity) for parity in (0, 1)], axis=1)
    quiet = heldnoise.quiet(series["cadence.quiet"][inside].reshape(*known.shape, -1), light[:, :2], known & steady)
    signs: dict[tuple[int, int], Signs] = {}
    for parity in (0, 1):
        for frame in np.flatnonzero(known[:, parity] & _steady(light, parity)):
            found = _signs(int(frame), parity, course)
            if found is None:
                continue
            found = found._replace(quiet=float(quiet[frame, parity]))
            if found.told and like_noise(found, float(level[frame, parity]), explained):
                signs[int(frame), parity] = found
                odds[frame, parity] = found.odds
                rests[frame, parity] = found.rests
    return together(odds, signs), rests


def like_noise(found: Signs, level: float, explained: float) -> bool:
    """Whether noise explains by how much a field differs from its model."""
    fallen, odds = _OUTSTANDING
    leaps = level <= _MORE_NOISE * explained and found.leaps(*_LEAPS_OVER)
    quiet = found.quiet < _SILENT
    return level <= explained or (found.blocks <= fallen and found.odds > odds) or leaps or quiet


def together(odds: Floats, signs: dict[tuple[int, int], Signs]) -> Floats:
    """The log odds where the other field of a frame speaks for one."""
    joined = odds.copy()
    for (frame, parity), found in signs.items():
        other = signs.get((frame, 1 - parity))
        if other is not None and found.speaks_for(other) and odds[frame].min() > _TOGETHER_LEAST[-1]:
            leaps, more = _TOGETHER_LEAPS
            both = more if min(found.leap, other.leap) >= leaps and found.lit and other.lit else _TOGETHER
            joined[frame, parity] = max(odds[frame, parity], odds[frame].sum() + both)
    return joined


def _signs(frame: int, parity: int, course: Course) -> Signs | None:
    change, whole, across, level, light, known = course
    others, loose = _others(frame, parity, light, known)
    if len(others) < _LEAST:
        return None
    usually = float(np.median(whole[others, parity]))
    fall = float(whole[frame, parity]) - usually
    own, usual = change[frame, parity] + _FLOOR, np.median(change[others, parity], axis=0) + _FLOOR
    busiest = np.argsort(-usual)
    movers = np.log(change[:, parity, busiest[:_MOVERS]].mean(axis=1) + _FLOOR)
    most = np.median(level[others, parity])
    after = _after(whole[:, parity], frame, fall, usually)
    return Signs(
        whole=fall,
        busy=float(np.percentile(np.log(own / usual)[busiest[:_BUSY]], 75)),
        movers=_spreads(movers, frame, others),
        blocks=float(np.log((level[frame, parity] + _LEVEL_FLOOR) / (most + _LEVEL_FLOOR))),
        leap=float(np.clip(whole[after, parity] - usually, -_LEAP, _LEAP)) if after else 0.0,
        loose=loose,
        lit=bool(_steady(light, parity)[after]),
        across=float(across[frame, parity] - np.median(across[others, parity])),
    )


def _steady(light: Floats, parity: int) -> NDArray[np.bool_]:
    return np.asarray(np.abs(light[:, parity] - light[:, 2 + parity]) < _STEADY)


def _others(frame: int, parity: int, light: Floats, known: NDArray[np.bool_]) -> tuple[NDArray[np.intp], bool]:
    """Frames around whose fields of a parity one is compared with, and whether their light differs from its own."""
    start = max(frame - _REACH, 0)
    near = start + np.flatnonzero(known[start : frame + _REACH + 1, parity])
    near = near[near != frame]
    steady = near[_steady(light[near], parity)]
    alike = steady[np.abs(light[steady] - light[frame]).max(axis=1) < _ALIKE]
    chosen = next((some for some in (alike, steady) if len(some) >= _LEAST), near)
    order = np.argsort(np.abs(chosen - frame), kind="stable")[:_MOST]
    return chosen[order], chosen is not alike


def _spreads(values: Floats, frame: int, others: NDArray[np.intp]) -> float:
    """How far a value lies from those of others, in their spread (1.48 times the median distance from the median)."""
    middle = np.median(values[others])
    spread = 1.48 * np.median(np.abs(values[others] - middle)) + _SPREAD_FLOOR
    return float(np.clip((values[frame] - middle) / spread, -_CLIP, _CLIP))


def _after(values: Floats, frame: int, fall: float, usual: float) -> int:
    """The first field after a frame's that does not rest as well, whose leap is looked at; 0 where none follows, or
    where one between rests so much more that it is what the leap makes up for: the scene was only slower before."""
    run = range(frame + 1, min(frame + _RUN, len(values)))
    after = next((after for after in run if values[after] - usual > _RESTING * fall), 0)
    deepest = min(values[frame + 1 : after], default=usual) - usual
    return after if deepest >= _DEEPER * min(fall, 0.0) else 0


def _tiles(difference: NDArray[np.float32]) -> NDArray[np.float32]:
    square = difference * difference
    return np.asarray(cv2.resize(square, (_ACROSS, _DOWN), interpolation=cv2.INTER_AREA), np.float32).ravel()
