"""Field order and cadence per shot, measured, whatever the tags say.

References: field distances as in `metrics.interlace`; 3:2 pulldown as in SMPTE ST 12 / ITU-R BT.1700 practice: of five
frames one repeats its top field and another, two frames later, its bottom field (bottom-first: three frames later).

Film that was edited before it was telecined, or is telecined by the player, keeps one count of five through its cuts:
a cadence that is sure on one shot is looked for at the same place of the count on the shots around it, where less has
to be seen than on a shot alone. Film that was edited on tape counts anew in every shot, and each must show its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from math import comb
from typing import ClassVar, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from footlights.analysis.base import ANALYSERS, Notes, Scene, Series
from footlights.analysis.view import FrameView
from footlights.core.reports import CadenceKind, CadenceReport, Shot
from footlights.core.signal import FieldOrder
from footlights.metrics.interlace import QUIET, block_changes, field_distances, quiet_changes, repeat_level

_METHOD = (
    "mean absolute distances between neighbouring fields under one light, voted over the shot's steadily lit frames"
)
_MIN_MOTION = 0.35
"""Codes of mean change per frame below which a picture tells nothing about time."""
_STEADY = 0.06
"""Frames between whose fields the light changes by less than this share are judged by; strobes fool the others even
when the fields are brought to one light, because clipping takes detail away."""
_LEAST_STEADY = 4
"""Steadily lit frames that are needed for a judgement."""
_TELECINE_RATIO = 0.93
"""Repeated fields must change less than the least of the other four places in the cadence, by this factor: what is left
of a repeat is noise, which is much of the change on a noisy tape."""
_TELECINE_SHARE = 0.6
"""Of the repeats, this share must be the least change within two frames on either side; by chance a fifth is."""
_CHANCE = 5e-4
"""Probability that chance alone makes so many of the repeats the least, up to which a shot shows film by itself: ten
places of the cadence are tried on every shot."""
_CARRIED_RATIO, _CARRIED_SHARE = 1.0, 0.35
"""The same two limits for the one place that film on a shot before or after leaves."""
_CLEAR = 0.5
"""A repeat that changes less than this share of the median around it stands out even beside a lost frame, which changes
still less: a frame store's repeats are exact, film's go through the camera's noise."""
_CYCLE = 5
"""Frames of a 3:2 cycle."""
_NEARER = 2.5
"""How many times the distance between the two orders a film frame's fields must be nearer to each other (measured:
progressive above 2.7 with few exceptions, interlaced on MPEG-2 and DV up to 2.2)."""
_CODED = 0.14
"""Share of their distance by which coding alone brings a frame's fields together where noise outshines what moves, or
where hardly anything does (interlaced and progressive alike up to 0.10; progressive that moves 0.18 and more)."""
_FAINT, _AGREED = 0.04, 3.0
"""Votes for an order that noise alone may make, and standard errors by which their mean must differ from none then."""
Floats = NDArray[np.float64]
T = TypeVar("T")


class _Film(NamedTuple):
    """A 3:2 cadence at one place of the count of five."""

    order: FieldOrder
    frame: int
    """Frame of the tape modulo 5 in which the tape's first field repeats."""
    ratio: float
    """Change of repeated fields against the least of the other places; of the worse parity."""
    repeats: int
    """Repeats that could be judged."""
    least: int
    """Of them, those that stand out."""

    @property
    def share(self) -> float:
        return self.least / max(self.repeats, 1)

    @property
    def chance(self) -> float:
        """Probability that of so many fields so many are the least of five by chance."""
        tail = range(self.least, self.repeats + 1)
        return sum(comb(self.repeats, k) * 0.2**k * 0.8 ** (self.repeats - k) for k in tail)


@ANALYSERS.add("cadence")
class CadenceAnalyser:
    """Notes distances between the fields of neighbouring frames."""

    name: ClassVar[str] = "cadence"
    version: ClassVar[int] = 5
    before: ClassVar[int] = 1
    after: ClassVar[int] = 0
    columns: ClassVar[dict[str, int]] = {
        "cadence.distance": 5,
        "cadence.repeat": 2,
        "cadence.light": 1,
        "cadence.quiet": 2 * QUIET[0] * QUIET[1],
    }

    def __init__(self, scene: Scene) -> None:
        del scene

    def look(self, views: Sequence[FrameView], notes: Notes) -> None:
        if len(views) < 2:
            return
        now, before = views[-1], views[-2]
        distances, light = field_distances(now.y, before.y)
        changes = [block_changes(new, old) for new, old in zip(now.fields, before.fields, strict=True)]
        notes.set(now.number, **{"cadence.distance": np.array(distances)})
        notes.set(now.number, **{"cadence.light": light})
        notes.set(now.number, **{"cadence.repeat": np.array([repeat_level(one) for one in changes])})
        notes.set(now.number, **{"cadence.quiet": np.concatenate([quiet_changes(one) for one in changes])})


def conclude(series: Series, shots: Sequence[Shot], tagged: FieldOrder) -> tuple[CadenceReport, ...]:
    """Conclude for every shot of a tape, in order."""
    places = [_places(series, shot) for shot in shots]
    films = [_film(found) for found in places]
    near = neighbours(films)
    chosen = [film or _carried(*found) for film, found in zip(films, zip(places, near, strict=True), strict=True)]
    return _settled([_report(series, shot, tagged, film) for shot, film in zip(shots, chosen, strict=True)], shots)


def _settled(reports: Sequence[CadenceReport], shots: Sequence[Shot]) -> tuple[CadenceReport, ...]:
    """Shots that show nothing are what most of the tape shows by itself, before they are what the tag says."""
    frames = Counter[CadenceKind]()
    for one, shot in zip(reports, shots, strict=True):
        if one.confidence > 0 and one.kind is not CadenceKind.TELECINE:
            frames[one.kind] += len(shot.frames)
    if not frames:
        return tuple(reports)
    usual = frames.most_common(1)[0][0]
    return tuple(replace(one, kind=usual) if one.confidence == 0 else one for one in reports)


def neighbours(items: Sequence[T | None]) -> list[list[T]]:
    """For every place the nearest item before it and the nearest after it, as far as there are any."""
    before, after = (_last_seen(items), _last_seen(items[::-1])[::-1])
    return [[one for one in pair if one is not None] for pair in zip(before, after, strict=True)]


def _last_seen(items: Sequence[T | None]) -> list[T | None]:
    found: list[T | None] = []
    last: T | None = None
    for item in items:
        found.append(last)
        last = item if item is not None else last
    return found


def report(series: Series, shot: Shot, tagged: FieldOrder) -> CadenceReport:
    """Conclude for one shot alone."""
    return _report(series, shot, tagged, _film(_places(series, shot)))


def _report(series: Series, shot: Shot, tagged: FieldOrder, film: _Film | None) -> CadenceReport:
    """The first frame is left out, it is compared with another shot."""
    inside = slice(shot.frames.start + 1, shot.frames.stop)
    distance = series["cadence.distance"][inside].astype(np.float64)
    steady = _steady(series, inside)
    moving = np.isfinite(distance).all(axis=1) & (distance[:, 3:5].mean(axis=1) > _MIN_MOTION)
    fallback = tagged if tagged.interlaced else FieldOrder.PROGRESSIVE
    by_tag = CadenceKind.INTERLACED if tagged.interlaced else CadenceKind.PROGRESSIVE
    untold = CadenceReport(by_tag, fallback, tagged, True, 0, 0.0, _METHOD)
    if not moving.any():
        return untold
    if film is not None:
        phase = (2 * (film.frame - shot.frames.start) - 2 - shot.first_field) % 10
        agrees = film.order is tagged or not tagged.interlaced
        return CadenceReport(CadenceKind.TELECINE, film.order, tagged, agrees, phase, film.share, _METHOD)
    sure = bool((moving & steady).sum() >= _LEAST_STEADY)
    judged = distance[moving & steady] if sure else distance[moving]
    progressive, share = _progressive(judged)
    if not (_shown(judged) if progressive else _ordered(judged)):
        return untold
    if progressive:
        agrees = tagged in (FieldOrder.PROGRESSIVE, FieldOrder.UNKNOWN) or tagged.interlaced
        return CadenceReport(CadenceKind.PROGRESSIVE, fallback, tagged, agrees, 0, _certain(share, sure), _METHOD)
    order, share = _order(judged)
    return CadenceReport(CadenceKind.INTERLACED, order, tagged, order is tagged, 0, _certain(share, sure), _METHOD)


def sampled_order(pairs: Iterable[tuple[FrameView, FrameView]]) -> FieldOrder | None:
    """The field order that pairs of a frame and its successor from all over a tape show; None where they do not."""
    measured = [field_distances(now.y, before.y) for before, now in pairs]
    chosen = np.array([found for found, light in measured if light < _STEADY], np.float64).reshape(-1, 5)
    chosen = chosen[chosen[:, 3:5].mean(axis=1) > _MIN_MOTION]
    if len(chosen) < _LEAST_STEADY:
        return None
    order, share = _order(chosen)
    return order if share > 0.75 else None


def _certain(share: float, sure: bool) -> float:
    """Confidence; where only changing light was to be seen, it is no evidence."""
    return share if sure else min(share, 0.5)


def _votes(moving: Floats) -> Floats:
    """How far every frame speaks for the top field being first, -1..1, however fast it is."""
    return np.asarray((moving[:, 2] - moving[:, 1]) / np.maximum(moving[:, 1] + moving[:, 2], 1e-9))


def _ordered(moving: Floats) -> bool:
    """Whether frames speak for one order clearly, or at least by more than noise makes them."""
    votes = _votes(moving)
    chance = float(votes.std()) / max(len(votes) - 1, 1) ** 0.5
    return bool(np.median(np.abs(votes)) > _FAINT or abs(float(votes.mean())) > _AGREED * chance)


def _order(moving: Floats) -> tuple[FieldOrder, float]:
    """Which field is first, and the share of the motion that says so. Every frame has one vote, however fast it is."""
    votes = _votes(moving)
    share = float(np.abs(votes.sum()) / max(np.abs(votes).sum(), 1e-9))
    return (FieldOrder.TOP_FIRST if votes.sum() >= 0 else FieldOrder.BOTTOM_FIRST), 0.5 + share / 2


def _progressive(moving: Floats) -> tuple[bool, float]:
    """Both fields of a frame nearer to each other than to any other field, and by much more than the others differ?

    Coding a frame as one brings its fields a little nearer to each other whatever they show.
    """
    within, across = moving[:, 0].sum(), np.minimum(moving[:, 1].sum(), moving[:, 2].sum())
    apart = np.abs(moving[:, 1].sum() - moving[:, 2].sum())
    closer = across - within
    share = float(max(closer, apart) / max(abs(closer) + apart, 1e-9))
    return bool(closer > _NEARER * apart), share


def _shown(moving: Floats) -> bool:
    """Whether other fields than a frame's own are further away by more than coding alone brings its own together."""
    nearest = np.minimum(moving[:, 1], moving[:, 2])
    return bool(np.median(nearest - moving[:, 0]) > _CODED * np.median(moving[:, 0]))


def _steady(series: Series, inside: slice) -> NDArray[np.bool_]:
    known = np.isfinite(series["cadence.distance"][inside]).all(axis=1)
    return np.asarray(known & (series["cadence.light"][inside] < _STEADY))


def _places(series: Series, shot: Shot) -> list[_Film]:
    """What speaks for a 3:2 cadence at each of its ten places, by the changes of the top and the bottom field."""
    start = shot.frames.start + 1
    inside = slice(start, shot.frames.stop)
    repeat = series["cadence.repeat"][inside].astype(np.float64)
    change = np.where(_steady(series, inside)[:, None], repeat, np.nan)
    found = []
    for top in range(_CYCLE):
        for order, lag in ((FieldOrder.TOP_FIRST, 2), (FieldOrder.BOTTOM_FIRST, 3)):
            bottom = (top + lag) % _CYCLE
            ratio = max(_ratio(change[:, 0], top), _ratio(change[:, 1], bottom))
            least = [*_least(change[:, 0], top), *_least(change[:, 1], bottom)]
            first = top if order is FieldOrder.TOP_FIRST else bottom
            found.append(_Film(order, (start + first) % _CYCLE, ratio, len(least), sum(least)))
    return found


def _film(places: Sequence[_Film]) -> _Film | None:
    """The cadence that a shot shows by itself, if there is one."""
    shown = [
        one for one in places if one.ratio <= _TELECINE_RATIO and one.share >= _TELECINE_SHARE and one.chance <= _CHANCE
    ]
    return max(shown, key=lambda one: one.share, default=None)


def _carried(places: Sequence[_Film], near: Sequence[_Film]) -> _Film | None:
    """The cadence of a shot nearby, if this shot goes on with it."""
    count = {(one.order, one.frame) for one in near}
    going = [
        one
        for one in places
        if (one.order, one.frame) in count and one.ratio <= _CARRIED_RATIO and one.share >= _CARRIED_SHARE
    ]
    best = max(going, key=lambda one: one.share, default=None)
    return best if best is not None and best.share >= max(one.share for one in places) else None


def _ratio(change: Floats, place: int) -> float:
    """Typical change at one place of the cycle against the least of the other four; infinite where one is unknown."""
    places = [change[start::_CYCLE] for start in range(_CYCLE)]
    typical = [float(np.median(one[np.isfinite(one)])) if np.isfinite(one).any() else np.nan for one in places]
    others = [value for number, value in enumerate(typical) if number != place]
    if not np.isfinite(typical).all() or min(others) < _MIN_MOTION:
        return float("inf")
    return typical[place] / min(others)


def _least(change: Floats, place: int) -> Iterator[bool]:
    """For every repeat there should be: is it the least change around, or clearly one of the least?"""
    for index in range(place, len(change), _CYCLE):
        around = change[max(index - 2, 0) : index + 3]
        if np.isfinite(change[index]) and np.isfinite(around).sum() >= _CYCLE - 1:
            yield bool(change[index] <= max(np.nanmin(around), _CLEAR * np.nanmedian(around)))
