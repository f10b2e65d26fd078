"""Frame rate: pictures at other instants than the tape's, for another rate or for slow motion.

An instant that the tape shows keeps its picture untouched. Between two pictures one is made along the motion
(`restoration/interpolation.py`), or the nearer one is shown: where light jumps, where motion cannot be followed, and
everywhere if the shot came from film, whose cadence must not be mixed with another. Nothing crosses a cut: behind the
last picture of a shot that one is held.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np

from footlights.core.clip import Clip, Plane, join
from footlights.core.time import FrameRange, at_step
from footlights.errors import ParameterError
from footlights.restoration.base import Contract, Touch, bound, stage
from footlights.restoration.interpolation import Course, Interpolator, Passage, guide_of, nearer

_BEFORE, _AFTER = 1, 2
"""Pictures needed besides the one before an instant: the one after it, and the neighbours of both, which bend the paths
and tell a fade from a jump."""
_END = "the shot ends before its next picture"
_FILM = "the shot came from film: its pictures are taken as they are"


@stage("rate.convert", version=1)
class ConvertRate:
    """Pictures at `numerator / denominator` of the rate."""

    @dataclass(frozen=True, slots=True)
    class Params:
        numerator: int = 1
        """Pictures out …"""
        denominator: int = 1
        """… for so many in; equal numbers are the identity."""
        interpolate: bool = True
        """False shows the nearer picture everywhere."""
        later: bool = False
        """Whether of two pictures that are as near the later one is shown; for film in a cadence of 3:2."""

        def __post_init__(self) -> None:
            for name in ("numerator", "denominator"):
                bound(f"rate.convert.{name}", getattr(self, name), 1, 1_000_000)
            if not Fraction(1, 4) <= Fraction(self.numerator, self.denominator) <= 40:
                ratio = f"{self.numerator}/{self.denominator}"
                raise ParameterError("rate.convert.numerator", ratio, "choose 1/4..40 pictures for each")

    def __init__(self, params: Params) -> None:
        self.params = params
        self._step = Fraction(params.denominator, params.numerator)
        self.touched: list[Touch] = []

    @property
    def contract(self) -> Contract:
        return Contract(before=_BEFORE, after=_AFTER, rate=1 / self._step, display=True, touches_output=True)

    def run(self, clip: Clip) -> Clip:
        """Clip of T pictures → those at the new instants of the interior, `frames` counted at the new rate."""
        made = list(self.stream(iter([clip])))
        context = self.contract
        wanted = at_step(clip.frames.shrink(context.before, context.after), self._step)
        return join(made).take(wanted)

    def stream(self, blocks: Iterator[Clip]) -> Iterator[Clip]:
        """One clip for every picture that comes in, where instants fall before the next one."""
        if self._step == 1:
            yield from blocks
            return
        window = _Window(Interpolator() if self.params.interpolate else None)
        for block in blocks:
            for frame in block.frames:
                window.add(block.take(FrameRange(frame, frame + 1)))
                yield from self._made(window, last=False)
        while window.waiting:
            yield from self._made(window, last=True)

    def _made(self, window: _Window, *, last: bool) -> Iterator[Clip]:
        """The instants from the picture that waits to the one behind it, once enough is known of both."""
        if not window.ready(last):
            return
        clip, following = window.pair()
        frame = clip.frames.start
        wanted = at_step(clip.frames, self._step)
        luma: list[Plane] = []
        chroma: list[Plane] = []
        for number in wanted:
            planes = self._instant(window, number, number * self._step - frame, (clip, following))
            luma.append(planes[0])
            chroma.append(np.stack(planes[1:]))
        window.forget()
        if len(wanted):
            yield replace(
                clip,
                luma=np.stack(luma),
                chroma=np.stack(chroma),
                frames=wanted,
                rate=clip.rate / self._step,
            )

    def _instant(self, window: _Window, number: int, share: Fraction, pair: tuple[Clip, Clip | None]) -> list[Plane]:
        before, after = pair
        if share == 0:
            return _planes(before)
        course = window.course() if after is not None else None
        if after is None:
            why = _END
        elif course is None:
            why = _FILM
        elif course.held is None:
            assert window.interpolator is not None
            return window.interpolator.picture(course, float(share), _planes(before), _planes(after))
        else:
            why = str(course.held)
        self.touched.append(Touch(number, 1.0, f"a real picture is held: {why}"))
        late = self.params.later if share == Fraction(1, 2) else bool(nearer(float(share)))
        return _planes(after if late and after is not None else before)


@dataclass(slots=True)
class _Window:
    """The pictures around an interval, with the motion between them; the oldest that is still needed comes first."""

    interpolator: Interpolator | None
    clips: list[Clip] = field(default_factory=list)
    at: int = 0
    """Which of them begins the interval that is next."""
    _passages: dict[int, Passage] = field(default_factory=dict)
    _guides: dict[int, np.ndarray[tuple[int, ...], np.dtype[np.uint8]]] = field(default_factory=dict)

    def add(self, clip: Clip) -> None:
        self.clips.append(clip)

    @property
    def waiting(self) -> bool:
        return self.at < len(self.clips)

    def ready(self, last: bool) -> bool:
        return self.waiting and (last or self.at + _AFTER < len(self.clips))

    def pair(self) -> tuple[Clip, Clip | None]:
        following = self.clips[self.at + 1] if self.at + 1 < len(self.clips) else None
        return self.clips[self.at], following

    def course(self) -> Course | None:
        """The interval that is next; None where nothing is to be interpolated."""
        if self.interpolator is None:
            return None
        now = self._passage(self.at)
        assert now is not None
        return self.interpolator.course(now, self._passage(self.at - 1), self._passage(self.at + 1))

    def forget(self) -> None:
        """Go on to the next interval."""
        self.at += 1
        if self.at > 1:
            first = self.clips.pop(0).frames.start
            self.at -= 1
            self._passages.pop(first, None)
            self._guides.pop(first, None)

    def _passage(self, index: int) -> Passage | None:
        if index < 0 or index + 1 >= len(self.clips) or self.interpolator is None:
            return None
        frame = self.clips[index].frames.start
        if frame not in self._passages:
            self._passages[frame] = self.interpolator.passage(self._guide(index), self._guide(index + 1))
        return self._passages[frame]

    def _guide(self, index: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        clip = self.clips[index]
        if clip.frames.start not in self._guides:
            self._guides[clip.frames.start] = guide_of(clip.luma[0])
        return self._guides[clip.frames.start]


def _planes(clip: Clip) -> list[Plane]:
    return [clip.luma[0], clip.chroma[0, 0], clip.chroma[0, 1]]
