"""Which picture a field shows: cadence, lost and repeated fields, blends, swapped field order.

Everything is drawn from the absolute numbers of frames and fields and looks back a bounded way, so the schedule of
field one million needs no history. Runs of losses are kept apart, and no loss reaches across a cut: a held picture
always belongs to its shot.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar

from footlights.core.reports import CadenceKind
from footlights.errors import ParameterError
from footlights.tape.draws import chances
from footlights.tape.parameters import Bounded, bounded

_FILM_OF_FIELD = (0, 0, 1, 1, 1, 2, 2, 3, 3, 3)
"""Film frame of each field in a cycle of ten: 2:3:2:3 pull-down."""

_FIRST_FIELD_OF_FILM = (0, 2, 5, 7)

TELECINE_PHASE = 2
"""Field number modulo 10 (and so modulo 5) at which a film frame's three-field run begins."""

LONGEST_LOSS = 3
"""Frames that can be lost in a row."""

REACH = 2 * (LONGEST_LOSS + 2) + 2
"""Fields the schedule may look back: a lost run, a lost field before it, a duplicate of that, a blend or swap."""


@dataclass(frozen=True, slots=True)
class Losses(Bounded):
    """How often the picture of another instant stands where one should be."""

    group: ClassVar[str] = "losses"

    lost_frame_rate: float = bounded(0.0, 0.0, 0.2, "runs per frame")
    """Runs of 1 to 3 frames the tape lost; a frame store held the frame before, and noise was added later."""
    lost_field_rate: float = bounded(0.0, 0.0, 0.2, "per field")
    """Single fields replaced by the field of the same parity before them; noise was added later."""
    duplicate_rate: float = bounded(0.0, 0.0, 0.2, "per frame")
    """Frames the capture delivered twice, bit for bit, in place of the next."""
    blend_rate: float = bounded(0.0, 0.0, 0.5, "per field")
    """Fields mixed with the field before, as by a standards converter."""
    blend_share: float = bounded(0.5, 0.1, 0.9, "")
    """Share of the earlier field in a blend."""
    swap_rate: float = bounded(0.0, 0.0, 1.0, "of the shots")
    """Shots whose two fields per frame stand in the wrong order."""


@dataclass(frozen=True, slots=True)
class Slot:
    """What one output field shows and how it came there."""

    number: int
    """Output field, counted in time."""
    played: int
    """Field of the tape whose playback was captured: `number`, or earlier when the capture repeated itself."""
    recorded: int
    """Field the camera made that lies on the tape there: `played`, or earlier when a frame store held it."""
    sources: tuple[tuple[int, float], ...]
    """Pictures and their weights, which add up to 1; the first is the one that cannot be missing."""
    lost_frame: bool = False
    lost_field: bool = False
    blended: bool = False

    @property
    def duplicate(self) -> bool:
        """Whether the capture repeated an earlier field bit for bit."""
        return self.played != self.number


@dataclass(frozen=True, slots=True)
class Schedule:
    """The time of one tape."""

    seed: int
    losses: Losses
    scan: CadenceKind
    exposure: float = 0.0
    """Time averaged into one picture, in picture intervals, 0..2."""
    cuts: tuple[int, ...] = field(default=())
    """Fields that begin a shot, ascending, none at 0."""

    def picture_of(self, number: int) -> int:
        """The picture a field shows when nothing goes wrong."""
        if self.scan is CadenceKind.TELECINE:
            return 4 * (number // 10) + _FILM_OF_FIELD[number % 10]
        return number - number % 2 if self.scan is CadenceKind.PROGRESSIVE else number

    def field_of(self, picture: int) -> int:
        """The first field that shows a picture."""
        if self.scan is CadenceKind.TELECINE:
            return 10 * (picture // 4) + _FIRST_FIELD_OF_FILM[picture % 4]
        return picture

    def shows(self, picture: int) -> bool:
        """Whether any field shows a picture; progressive scan leaves out every second."""
        return self.scan is not CadenceKind.PROGRESSIVE or picture % 2 == 0 or self.exposure > 0

    def shot_of_picture(self, picture: int) -> int:
        """The picture that begins the shot of a picture."""
        return self.picture_of(self.shot_start(self.field_of(picture)))

    def shot_start(self, number: int) -> int:
        """The field that begins the shot of a field."""
        index = bisect_right(self.cuts, number)
        return self.cuts[index - 1] if index else 0

    def swapped(self, number: int) -> bool:
        """Whether the shot of this field has its field order swapped."""
        if not self.losses.swap_rate:
            return False
        (chance,) = chances(self.seed, "losses.swap", self.shot_start(number), 1)
        return chance < self.losses.swap_rate

    def slot(self, number: int) -> Slot:
        """What output field `number` shows."""
        played = number - 2 if self._duplicated(number // 2) else number
        held = self._held(played // 2)
        recorded = played - 2 * held
        lost_field = self._field_lost(recorded)
        recorded -= 2 if lost_field else 0
        instant = self._in_order(recorded)
        blended = self._blended(instant)
        return Slot(
            number=number,
            played=played,
            recorded=recorded,
            sources=self._mixed(instant) if blended else self._exposed(self.picture_of(instant)),
            lost_frame=held > 0,
            lost_field=lost_field and not held,
            blended=blended,
        )

    def _in_order(self, number: int) -> int:
        """The field whose instant a recorded field shows: its own, or its partner's where the order is swapped."""
        partner = number ^ 1
        same_shot = self.shot_start(partner) == self.shot_start(number)
        return partner if same_shot and self.swapped(number) else number

    def _mixed(self, number: int) -> tuple[tuple[int, float], ...]:
        """Pictures and weights of a field blended with the one before it."""
        share = self.losses.blend_share
        weights: dict[int, float] = {}
        for picture, part in ((self.picture_of(number), 1 - share), (self.picture_of(number - 1), share)):
            for source, weight in self._exposed(picture):
                weights[source] = weights.get(source, 0.0) + part * weight
        return tuple(weights.items())

    def _exposed(self, picture: int) -> tuple[tuple[int, float], ...]:
        """A picture and its neighbours as a shutter of `exposure` picture intervals weighs them.

        Motion between pictures is taken as linear, so a box of width e reaches e/8 of each neighbour.
        """
        side = self.exposure / 8
        if not side:
            return ((picture, 1.0),)
        shot = self.shot_start(self.field_of(picture))
        neighbours = [
            near for near in (picture - 1, picture + 1) if near >= 0 and self.shot_start(self.field_of(near)) == shot
        ]
        return ((picture, 1 - side * len(neighbours)), *((near, side) for near in neighbours))

    def _cut_within(self, first: int, last: int) -> bool:
        """Whether a shot begins at one of the fields first..last, both counted."""
        return self.shot_start(last) >= first

    def _held(self, frame: int) -> int:
        """How many frames back the frame store held the picture of this frame; 0: nothing was lost."""
        if not self.losses.lost_frame_rate:
            return 0
        for back in range(LONGEST_LOSS):
            begin = frame - back
            if begin >= 1 and self._loss_begins(begin):
                _, length = chances(self.seed, "losses.frame", begin, 2)
                reaches = back <= int(length * LONGEST_LOSS)
                return back + 1 if reaches and not self._cut_within(2 * begin - 1, 2 * frame + 1) else 0
        return 0

    def _loss_begins(self, frame: int) -> bool:
        """Whether a run of lost frames begins here; not within three frames of another draw."""
        draws = [chances(self.seed, "losses.frame", near, 2)[0] for near in range(max(0, frame - LONGEST_LOSS), frame)]
        begins = chances(self.seed, "losses.frame", frame, 2)[0] < self.losses.lost_frame_rate
        return begins and all(draw >= self.losses.lost_frame_rate for draw in draws)

    def _field_lost(self, number: int) -> bool:
        """Whether this single field repeats the field of its parity before it, which is never itself a repeat."""
        rate = self.losses.lost_field_rate
        if not rate or number < 2 or chances(self.seed, "losses.field", number, 1)[0] >= rate:
            return False
        if chances(self.seed, "losses.field", number - 2, 1)[0] < rate or self._cut_within(number - 1, number):
            return False
        return not self._held(number // 2) and not self._held(number // 2 - 1)

    def _duplicated(self, frame: int) -> bool:
        """Whether the capture delivered the frame before again."""
        rate = self.losses.duplicate_rate
        if not rate or frame < 1 or self._cut_within(2 * frame - 1, 2 * frame + 1):
            return False
        now, before = (chances(self.seed, "losses.duplicate", near, 1)[0] for near in (frame, frame - 1))
        return now < rate <= before

    def _blended(self, number: int) -> bool:
        """Whether a field is mixed with the one before it, where that shows another picture of the same shot."""
        rate = self.losses.blend_rate
        if not rate or number < 1 or self._cut_within(number, number):
            return False
        if self.picture_of(number) == self.picture_of(number - 1):
            return False
        return chances(self.seed, "losses.blend", number, 1)[0] < rate


def checked_cuts(cuts: Iterable[int]) -> tuple[int, ...]:
    """Cut positions in ascending order; field 0 begins the first shot anyway."""
    found = sorted(set(cuts))
    if found and found[0] < 0:
        raise ParameterError("tape.cuts", found[0], "cuts are field numbers from 0")
    return tuple(cut for cut in found if cut > 0)
