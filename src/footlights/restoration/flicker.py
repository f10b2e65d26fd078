"""Flicker: the light of every field is brought to the course that the fields around it take.

Film in a projector, shutters against lamps and nervous exposure make the whole picture brighter and darker, often not
everywhere alike. The steps of the light from field to field (`metrics.flicker`) are summed to its course; the course is
smoothed by a local line under Gaussian weights (Cleveland, "Robust locally weighted regression", 1979), and the field
is multiplied by what it lacks. A straight fade is its own smooth. Steps that are larger than the flicker, and fields in
which the light turns at once, belong to another light: a window never reaches over them, and a flash stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core.clip import Clip, Plane
from footlights.metrics import flicker
from footlights.restoration.base import Contract, Edge, Fields, Touch, bound, stage

_WIDTHS = 2.0
"""Standard deviations of the Gaussian that the window reaches."""
_TURN, _SHARE = 0.4, 0.5
"""Logarithm of a gain from one field to the next, and share of the picture that follows it, beyond which the light has
turned."""
_APART, _LITTLE = 6.0, 0.01
"""Distance from the fields nearest in time, in units of the flicker, and logarithm of a gain added to it, at which a
field belongs to another light."""
_NEAREST = 2
"""Frames on each side that tell where the light is."""
_WHITE = (0.97, 1.0)
"""Luma between which less and less is changed: what is clipped did not flicker."""
_STIFF = 0.005
"""Pull of a line's slope towards zero, in squares of the Gaussian's standard deviation."""
_SEEN = 0.002
"""Logarithm of a gain from which a picture counts as changed: half a code of white."""


@stage("flicker.level", version=1)
class LevelFlicker:
    """Multiplies fields by a gain that is smooth over the picture, luma and chroma alike."""

    @dataclass(frozen=True, slots=True)
    class Params:
        strength: float = 1.0
        """Share of what a field lacks that it is given, 0..1; 0 is the identity."""
        swing: float = 0.02
        """Size of the flicker: standard deviation of the natural logarithm of the gain, 0..0.3."""
        reach: int = 10
        """Frames looked at on each side, 2..30; slow pumping needs about a period."""
        limit: float = 0.25
        """Largest change, as the natural logarithm of the gain, 0..0.5."""
        interlaced: bool = True
        """Whether the two fields of a frame have a light of their own."""
        top_first: bool = True
        """Which field of a frame comes first."""

        def __post_init__(self) -> None:
            bound("flicker.level.strength", self.strength, 0, 1)
            bound("flicker.level.swing", self.swing, 0, 0.3)
            bound("flicker.level.reach", self.reach, 2, 30, "frames")
            bound("flicker.level.limit", self.limit, 0, 0.5)

    def __init__(self, params: Params) -> None:
        self.params = params
        self.touched: list[Touch] = []
        self._per_frame = 2 if params.interlaced else 1

    @property
    def contract(self) -> Contract:
        reach = self.params.reach
        return Contract(before=reach, after=reach, fields=Fields.WOVEN, edge=Edge.HOLD)

    def run(self, clip: Clip) -> Clip:
        """Clip of T frames → T - 2·reach frames."""
        out = clip.take(clip.frames.shrink(self.params.reach))
        if not self.params.strength or not self.params.limit:
            return out
        lacks = self._lacks(clip)
        luma, chroma = out.luma.copy(), out.chroma.copy()
        for index in range(len(out)):
            changes = [lacks[self._per_frame * (index + self.params.reach) + k] for k in range(self._per_frame)]
            if max(float(np.abs(change).max()) for change in changes) < _SEEN:
                continue
            for change, rows in zip(changes, self._rows(), strict=True):
                _multiplied(luma[index, rows], chroma[index, :, rows], change)
            self.touched.append(Touch(out.frames.start + index, 1.0))
        return out.with_pictures(luma, chroma)

    def _rows(self) -> Iterator[slice]:
        """Lines of the instants of a frame, in the order of time."""
        if not self.params.interlaced:
            yield np.s_[:]
            return
        first = 0 if self.params.top_first else 1
        yield np.s_[first::2]
        yield np.s_[1 - first :: 2]

    def _lacks(self, clip: Clip) -> NDArray[np.float32]:
        """Logarithm of the gain that every instant lacks, place by place `(instants, ROWS, COLUMNS)`; only those that
        have their whole window in the clip are right."""
        lights = [flicker.light(np.ascontiguousarray(frame[rows])) for frame in clip.luma for rows in self._rows()]
        steps = [flicker.step(before, now) for before, now in pairwise(lights)]
        course = np.zeros((len(lights), flicker.SHAPES))
        np.cumsum([one.gain for one in steps], axis=0, out=course[1:])
        turns = np.array([abs(one.gain[0]) > _TURN or one.share < _SHARE for one in steps])
        scene = np.concatenate([[0], np.cumsum(turns)])
        held = self._held(lights)
        lacks = np.zeros((len(lights), flicker.ROWS, flicker.COLUMNS), np.float32)
        margin = self.params.reach * self._per_frame
        for number in range(margin, len(lights) - margin):
            missing = self._smooth(course, scene, held, number) - course[number]
            lacks[number] = np.clip(flicker.gains(missing), -self.params.limit, self.params.limit)
        return lacks * np.float32(self.params.strength)

    def _held(self, lights: list[Plane]) -> NDArray[np.bool_]:
        """Whether an instant shows the same as the one a frame later `(instants,)`: beyond a cut the picture stands."""
        apart = self._per_frame
        same = [np.array_equal(now, later) for now, later in zip(lights, lights[apart:], strict=False)]
        return np.array([*same, *[False] * apart], np.bool_)

    def _smooth(
        self, course: NDArray[np.float64], scene: NDArray[np.int_], held: NDArray[np.bool_], number: int
    ) -> NDArray[np.float64]:
        """The course at an instant as a line through its window gives it, for each shape."""
        reach, near = self.params.reach * self._per_frame, _NEAREST * self._per_frame
        window = np.s_[number - reach : number + reach + 1]
        time = np.arange(-reach, reach + 1) * (_WIDTHS / reach)
        own = (scene[window] == scene[number]) & ~_standing(held[window], self._per_frame)
        own[reach] = True
        nearest = own & (np.abs(np.arange(-reach, reach + 1)) <= near)
        level = float(np.median(course[window, 0][nearest]))
        apart = (course[window, 0] - level) / (_APART * self.params.swing + _LITTLE)
        weights = own * np.exp(-np.square(time) / 2) * np.square(np.maximum(1 - np.square(apart), 0))
        total, first, second = (float((weights * time**power).sum()) for power in (0, 1, 2))
        # A line through few instants says nothing of its slope, which is pulled to zero.
        spread = second * total - first * first + _STIFF * total
        values = weights @ course[window], (weights * time) @ course[window]
        if total <= 0 or spread <= 0:
            return course[number]
        return np.asarray(((second + _STIFF) * values[0] - first * values[1]) / spread, np.float64)


def _standing(held: NDArray[np.bool_], apart: int) -> NDArray[np.bool_]:
    """Instants at either end of a window in which the picture stands until that end, but for the one that is nearest to
    the middle: what a cut leaves of the window. `held` tells which equal those a frame (`apart`) later."""
    standing = np.zeros(len(held), np.bool_)
    before = int(np.argmin(held)) if not held.all() else 0
    standing[:before] = True
    equal = held[:-apart][::-1]  # an instant and the one a frame later are the same
    after = int(np.argmin(equal)) if not equal.all() else 0
    standing[len(held) - after :] = True
    return standing


def _multiplied(luma: Plane, chroma: Plane, change: NDArray[np.float32]) -> None:
    """Write luma (h, W) and chroma (2, h, W) times the exponential of the change at every place into themselves."""
    gain = cv2.resize(np.exp(change), (luma.shape[1], luma.shape[0]), interpolation=cv2.INTER_LINEAR)
    open_to = np.clip((np.float32(_WHITE[1]) - luma) / np.float32(_WHITE[1] - _WHITE[0]), 0, 1)
    gain = 1 + (gain - 1) * open_to
    luma *= gain
    if chroma.shape[1:] != luma.shape:
        gain = cv2.resize(gain, (chroma.shape[2], chroma.shape[1]), interpolation=cv2.INTER_AREA)
    chroma *= gain
