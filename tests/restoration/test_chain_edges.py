"""What stands in for pictures beyond a cut, in a stage that writes down which ones it was shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pytest

from footlights.core.clip import Clip
from footlights.core.signal import BT709_SIGNAL
from footlights.core.time import FrameRange
from footlights.restoration import chain
from footlights.restoration.base import Contract, Edge


@dataclass(frozen=True)
class Witness:
    """Gives for every picture the numbers of those in its window, two decimal digits each."""

    before: int
    after: int
    edge: Edge

    @property
    def contract(self) -> Contract:
        return Contract(before=self.before, after=self.after, edge=self.edge)

    def run(self, clip: Clip) -> Clip:
        inner = clip.frames.shrink(self.before, self.after)
        window = self.before + 1 + self.after
        numbers = [
            sum(clip.luma[first + place].astype(np.float64) * 100 ** (window - 1 - place) for place in range(window))
            for first in range(len(inner))
        ]
        return replace(clip.take(inner), luma=np.stack(numbers))


def shown(stage: Witness, count: int, block: int) -> list[int]:
    """What the stage saw of a shot of `count` pictures that comes in blocks."""
    shot = _shot(count)
    made = chain.run([stage], (shot.take(part) for part in shot.frames.split(block)), shot.frames)
    return [int(picture[0, 0]) for clip in made for picture in clip.luma]


def _shot(count: int) -> Clip:
    luma = np.arange(count, dtype=np.float32)[:, None, None] + np.zeros((1, 2, 2), np.float32)
    return Clip(luma, np.zeros((count, 2, 2, 2), np.float32), BT709_SIGNAL, FrameRange(0, count), Fraction(50))


@pytest.mark.parametrize("block", [1, 2, 3, 5, 9])
def test_a_mean_over_neighbours_sees_three_pictures_at_the_ends_too(block: int) -> None:
    assert shown(Witness(1, 1, Edge.CONTINUE), 5, block) == [2_00_01, 1_02, 1_02_03, 2_03_04, 3_04_02]


@pytest.mark.parametrize("block", [1, 3, 7])
def test_windows_that_look_further_on_one_side(block: int) -> None:
    seen = shown(Witness(2, 1, Edge.CONTINUE), 5, block)
    assert seen == [3_02_00_01, 2_00_01_02, 1_02_03, 1_02_03_04, 2_03_04_01]


@pytest.mark.parametrize("block", [1, 2])
def test_shots_shorter_than_the_window_run_backwards(block: int) -> None:
    assert (
        shown(Witness(1, 1, Edge.CONTINUE), 2, block) == shown(Witness(1, 1, Edge.REFLECT), 2, block) == [1_00_01, 1_00]
    )


@pytest.mark.parametrize("radius", [1, 2])
def test_a_shot_in_parts_of_one_picture_shows_the_same(radius: int) -> None:
    stage = Witness(radius, radius, Edge.CONTINUE)
    reach = chain.reach([stage])
    shot = _shot(8)
    seen = []
    for part in shot.frames.split(1):
        around = part.grow(reach.before, reach.after).intersect(shot.frames)
        seen += [int(one.luma[0, 0, 0]) for one in chain.run([stage], iter([shot.take(around)]), part)]
    assert seen == shown(stage, 8, 3)


def test_other_edges_stay_as_they_were() -> None:
    assert shown(Witness(1, 1, Edge.REFLECT), 4, 2) == [1_00_01, 1_02, 1_02_03, 2_03_02]
    assert shown(Witness(1, 1, Edge.HOLD), 4, 2) == [1, 1_02, 1_02_03, 2_03_03]
