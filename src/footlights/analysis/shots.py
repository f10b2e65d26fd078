"""Shots: cuts that fall on any field, and fades; strobes and flashes are not cuts. Dissolves are not found: their
structure breaks at no field, so the scenes they join count as one shot.

Fields are compared by structure with the light taken out (`metrics.structure`), never by brightness. Where structure
breaks, the fields after the break are compared with the field before it: if the scene comes back within a few fields,
it was a flash (or a fault), not a cut. A scene that goes dark and comes back the same is one shot.
A scene of less than four fields is a fault or a flash, unless it stands among at least three that last one frame each.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from footlights.analysis.base import ANALYSERS, Notes, Scene, Series
from footlights.analysis.view import Descriptor, FrameView
from footlights.core.reports import Entry, Shot
from footlights.core.time import FrameRange
from footlights.metrics.structure import Comparer, Similarity

BREAK = 0.55
"""Correlation below which two neighbouring fields do not show the same scene (same shot ≥ 0.71, other shot ≤ 0.36)."""
SAME = 0.5
"""Correlation from which two fields further apart show the same scene."""
DARK = 0.03
"""Share of structured blocks below which a field shows nothing."""
REACH = 16
"""Fields after a break in which the scene may come back: 0.27 s at 59.94."""
_WHITE_STEP = 25.0
"""Codes by which a field without structure must be brighter than those before to be a flash and not darkness."""
_LIT_STEP, _LIT_SHARE, _BLACK = 10.0, 0.3, 16.0
"""Codes, and share of the field's light before above black, by which one step of a flash or strobe lights the mean."""
_BACK = (1, 2, 4, 8)
INSERT = 4
"""Fields that a scene must hold by itself to be a shot and not a flash."""
_AFTERWARDS = 6
"""Fields after its return in which a scene should still be there: where the two fields of a frame stand in the wrong
order, a cut inside the frame shows the new scene, the old one once more, and then the new one for good."""
_HOLDS = 0.2
"""By this much more a new scene must be like itself than like the old one (cuts of noisy tapes under strobes ≥ 0.31);
fields in which the noise outshines the scene are like nothing (≤ 0.15)."""
_LEAVES, _GONE = 0.25, 0.45
"""By this much more the fields after the return must be like the new scene, not the old, for the new to have stayed;
and how little they must be like the old one: of a scene that moves fast, what is nearer in time is more alike."""
_UNLIKE, _CLEAR = (0.36, 0.42), 0.3
"""Likeness of a new scene to the field before and to all that are compared up to which light has nothing to do with it
(nine in ten cuts); beyond, as after a blinding or dark phase of a strobe over fast motion (0.47, 0.57), it must be by
this much more like itself (strobes 0.21 to 0.27, cuts 0.45 in the median)."""
_FRAMES_ALONE = 3
"""Scenes of one frame each that must follow each other to be shots: one by itself may be a flash or a fault."""


@dataclass(slots=True)
class _Break:
    """A place where structure broke: field `index` (of the view `frame`) does not continue `before`."""

    frame: int
    field: int
    index: int
    before: tuple[Descriptor, ...]
    """Structured fields at some distances before: a flash may build up over a few fields."""
    first: Descriptor
    bridge: float = -1.0
    returned: int = 0
    hold: float = 1.0
    old: float = -1.0
    """How much the fields that follow the return are like the scene before the break."""
    new: float = -1.0
    """How much they are like the field after it."""


@ANALYSERS.add("shots")
class ShotAnalyser:
    """Notes, per field: similarity to the field before; and for breaks, whether the old scene came back."""

    name: ClassVar[str] = "shots"
    version: ClassVar[int] = 5
    before: ClassVar[int] = REACH
    after: ClassVar[int] = REACH // 2 + 1
    columns: ClassVar[dict[str, int]] = {
        "shots.same": 2,
        "shots.structure": 2,
        "shots.bridge": 2,
        "shots.returned": 2,
        "shots.hold": 2,
        "shots.leaves": 2,
        "shots.level": 2,
        "shots.motion": 1,
    }

    def __init__(self, scene: Scene) -> None:
        self._first = scene.first_field
        self._comparer = Comparer()
        self._past: deque[Descriptor] = deque(maxlen=_BACK[-1])
        self._breaks: list[_Break] = []
        self._count = 0

    def look(self, views: Sequence[FrameView], notes: Notes) -> None:
        view = views[-1]
        motion = []
        for field, now in enumerate(view.in_order(self._first)):
            found = self._field(view.number, field, now, notes)
            motion.append(found.motion)
            self._count += 1
        notes.set(view.number, **{"shots.motion": float(np.mean(motion))})

    def _field(self, frame: int, field: int, now: Descriptor, notes: Notes) -> Similarity:
        dark = _structured(now) < DARK
        before = self._past[-1] if self._past else None
        found = Similarity(float("nan"), float("nan"), _structured(now), 0.0)
        if before is not None and not dark:
            found = self._comparer.compare(now.structure, now.energy, before.structure)
        notes.add(frame, "shots.same", field, found.correlation)
        notes.add(frame, "shots.structure", field, found.structure)
        notes.add(frame, "shots.level", field, now.mean)
        self._follow(now, notes)
        if before is not None and found.correlation < BREAK:
            models = tuple(self._past[-back] for back in _BACK if back <= len(self._past))
            self._breaks.append(_Break(frame, field, self._count, models, now))
            notes.add(frame, "shots.bridge", field, -1.0)
        if not dark:
            self._past.append(now)
        return found

    def _follow(self, now: Descriptor, notes: Notes) -> None:
        """Compare this field with the scene before every recent break, and with the scene after it."""
        self._breaks = [item for item in self._breaks if self._count - item.index <= REACH]
        known: dict[int, float] = {}
        for item in self._breaks:
            age = self._count - item.index
            back = max(self._correlation(now, model, known) for model in item.before)
            if back > item.bridge:
                item.bridge = back
                if back >= SAME and not item.returned:
                    item.returned = age
            if item.returned and item.returned + 1 < age <= item.returned + _AFTERWARDS:
                item.old = max(item.old, back)
                item.new = max(item.new, self._correlation(now, item.first, known))
            held = self._correlation(now, item.first, known) if age < INSERT else -1.0
            if held > -1:
                item.hold = min(item.hold, held)
            notes.add(item.frame, "shots.bridge", item.field, item.bridge)
            notes.add(item.frame, "shots.returned", item.field, item.returned)
            notes.add(item.frame, "shots.hold", item.field, item.hold)
            notes.add(item.frame, "shots.leaves", item.field, item.new - item.old if item.old < _GONE else 0.0)

    def _correlation(self, now: Descriptor, then: Descriptor, known: dict[int, float]) -> float:
        """-1 where either shows nothing. Breaks that follow each other ask for the same fields: what is `known` of this
        one is not worked out again."""
        if id(then) not in known:
            found = self._comparer.compare(now.structure, now.energy, then.structure).correlation
            known[id(then)] = found if np.isfinite(found) else -1.0
        return known[id(then)]


def find_shots(series: Series, frames: int) -> tuple[tuple[Shot, ...], NDArray[np.bool_]]:
    """Shots of the whole tape and, per frame, whether it holds a flash."""
    flashes = np.zeros(frames, np.bool_)
    cuts: list[_Cut] = []
    same = series["shots.same"].reshape(-1)
    bridge, returned, hold, leaves = (
        series[f"shots.{name}"].reshape(-1) for name in ("bridge", "returned", "hold", "leaves")
    )
    flash_end, alone = -1, _alone(series)
    for index in np.flatnonzero(same < BREAK):
        if alone[index]:
            cuts.append(_Cut(int(index), float(1 - max(same[index], 0.0)), Entry.CUT))
            continue
        if index <= flash_end:
            continue  # the light going back to what it was
        own = hold[index] - max(same[index], 0)
        stays = returned[index] > INSERT and hold[index] >= SAME and own >= _CLEAR
        left = leaves[index] > _LEAVES
        if bridge[index] >= SAME and not stays and not left:
            flash_end = int(index + returned[index])
            flashes[index // 2 : (flash_end + 1) // 2 + 1] = True
            continue
        unlike = same[index] <= _UNLIKE[0] or bridge[index] <= _UNLIKE[1]
        if own < (_HOLDS if unlike else _CLEAR) and not left:
            continue
        if index > len(same) - INSERT:
            continue  # the tape ends before it can be told from a fault
        cuts.append(_Cut(int(index), float(1 - max(same[index], 0.0)), _entry(series, int(index))))
    for start, stop in _white_outs(series):
        flashes[start // 2 : (stop + 1) // 2] = True
    settled = _settled(cuts, alone)
    for start, stop in _lit_up(series, {cut.field for cut in settled}):
        flashes[start // 2 : (stop + 1) // 2] = True
    return _shots(settled, frames), flashes


def _alone(series: Series) -> NDArray[np.bool_]:
    """Fields that begin a shot of one frame: among several frames in a row of which each is like none of the fields
    before and after it, while its own two fields are alike."""
    same, bridge = (series[f"shots.{name}"].reshape(-1) for name in ("same", "bridge"))
    broken = np.concatenate([same < BREAK, [True]])  # the tape's end ends its last scene
    scene = broken[:-2] & (same[1:] >= BREAK) & broken[2:] & (bridge[:-1] < SAME)
    found = np.zeros(len(same), np.bool_)
    for parity in (0, 1):
        chain = scene[parity::2]
        edges = np.flatnonzero(np.diff(np.concatenate([[False], chain, [False]]).astype(np.int8)))
        for start, stop in zip(edges[0::2], edges[1::2], strict=True):
            found[2 * start + parity : 2 * stop + parity : 2] = stop - start >= _FRAMES_ALONE
    return found


def _white_outs(series: Series) -> Iterator[tuple[int, int]]:
    """Short runs of fields, from start to stop, that show nothing because they are too bright."""
    empty = series["shots.structure"].reshape(-1) < DARK
    level = series["shots.level"].reshape(-1)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], empty, [False]]).astype(np.int8)))
    for start, stop in zip(edges[0::2], edges[1::2], strict=True):
        before = level[max(start - 8, 0) : start]
        if before.size and stop - start <= REACH and level[start:stop].mean() > np.median(before) + _WHITE_STEP:
            yield int(start), int(stop)


def _lit_up(series: Series, cuts: Set[int]) -> Iterator[tuple[int, int]]:
    """Short runs of fields, from start to stop, that one step lights up and that soon go back at least half way, with
    no cut among them: flashes and strobes under which the scene shows all the while."""
    level = series["shots.level"].reshape(-1)
    with np.errstate(invalid="ignore"):  # a field that no frame has is NaN, and no step
        rises = level[1:] - level[:-1] >= np.maximum(_LIT_STEP, _LIT_SHARE * (level[:-1] - _BLACK))
    for before in np.flatnonzero(rises):
        start = int(before) + 1
        after = level[start : start + REACH]
        gone = np.flatnonzero(after <= (level[before] + after[:2].max()) / 2)
        if gone.size and cuts.isdisjoint(range(start, start + int(gone[0]) + 1)):
            yield start, start + int(gone[0])


@dataclass(frozen=True, slots=True)
class _Cut:
    field: int
    """Number of the first field of the new shot, in the order of exposure."""
    score: float
    entry: Entry


def _settled(cuts: list[_Cut], alone: NDArray[np.bool_]) -> list[_Cut]:
    """One cut per place: of breaks within two fields (a torn or blended field) the first counts, unless it begins a
    shot of one frame."""
    kept: list[_Cut] = []
    for cut in cuts:
        if not kept or alone[kept[-1].field] or cut.field - kept[-1].field > 2:
            kept.append(cut)
    return kept


def _entry(series: Series, field: int) -> Entry:
    """A shot that begins out of darkness fades in; any other break is a cut."""
    before = series["shots.structure"].reshape(-1)[max(field - 4, 0) : field]
    return Entry.FADE if before.size and float(np.nanmin(before)) < DARK else Entry.CUT


def _shots(cuts: list[_Cut], frames: int) -> tuple[Shot, ...]:
    starts = [_Cut(0, 1.0, Entry.START), *[cut for cut in cuts if cut.field > 1]]
    stops = [cut.field // 2 for cut in starts[1:]] + [frames]
    return tuple(
        Shot(number, FrameRange(cut.field // 2, stop), cut.field % 2, cut.entry, min(cut.score, 1.0))
        for number, (cut, stop) in enumerate(zip(starts, stops, strict=True))
    )


def _structured(descriptor: Descriptor) -> float:
    """Share of the picture with structure in it."""
    return float((descriptor.energy > 12.0).mean())
