"""What VMAF would say of all frames where it saw some of them, and the error of every frame is known.

Measuring the error of a frame (PSNR) costs next to nothing beside VMAF, and inside a shot the two rise and fall
together: with every layer of the encoder's pyramid, every key frame, every fast moment. So a frame that was not
measured gets what its measured neighbours score, moved by as much as its error differs from theirs (a control variate).
What that leaves scattered is added back for the low end of the distribution, which would seem too good otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Series = NDArray[np.float64]

MOST_PSNR = 60.0
"""dB beyond which nothing is seen; equal pictures have no finite value."""
_TIMID = 0.01
"""Squared dB for each pair of neighbours: where the error hardly changes it tells nothing."""
_SCATTER = 0.35
"""Of what a measured frame is missed by when it is told from its measured neighbours: a frame between two is nearer to
them, and knows more of them."""
_LOW = 0.05
EVERY = 7
"""Frames from one measured to the next. Odd: even numbers would see only the lower layers of the encoder's pyramid,
which are coded finer (every second frame: up to 2 VMAF too much). And not five, in which film repeats itself where it
became 60 pictures a second."""
CLOSER = 3
"""The same for shots of which every `EVERY`-th does not tell enough."""
_FEWEST = 57
"""Frames of a shot of which not all are measured."""
_RESTLESS = 1.0
"""VMAF by which measured frames are told wrong by their neighbours (standard deviation) from which on the others are
not to be told from them. Of 27 encodes of 96 frames nineteen below were told within 0.19 by every seventh (root mean
square 0.07); eight above, a dark crowd and one under strobes among them, were off by up to 1.4."""
_RESTLESS_CLOSE = 2.1
"""The same where every third frame is measured. Of 61 encodes of 30 shots of 96 frames (960×540), 51 below were told
within 0.13 (root mean square 0.05), 29 of which every seventh would not tell; ten above, of four shots, were off by up
to 0.49."""
_LOWEST = 6
"""Of so many frames one is measured as well, the lowest told of those that were not, where every third does not tell
enough. Of the ten encodes above, whose scores every third frame missed by 0.29 (root mean square, 0.49 at most), every
third and 16 of 96 more tell them within 0.12 (0.05); a twelfth more would leave 0.41."""
_DOUBT = 2.0
"""VMAF from a target beyond which it is missed for certain, however restless a shot is: of 39 restless encodes scores
were off by up to 1.95 (0.55 root mean square) where every `EVERY`-th frame is measured, and 0.49 where every third is;
but of two of a dancer by 1.0 and 1.3 there, and a search that believed them took five trials for three."""
_UNEASY = 0.7
"""As `_RESTLESS`, of every third frame of a proxy, from which on the shot itself is first measured on every third."""


def whole(measured: Series, every: int, psnr: Series, starts: Sequence[int] = (0,)) -> tuple[Series, Series]:
    """Scores of all frames, from those of every `every`-th and the PSNR of all; and by how much one that was not
    measured may be off, each as likely as the others. Shots begin at `starts`, and nothing is told across a cut."""
    error, numbers = np.minimum(psnr, MOST_PSNR), np.arange(len(psnr))
    seen = numbers[::every]
    shot = np.searchsorted(np.asarray(starts), numbers, side="right")
    # Odd frames are the lowest layer of a pyramid, and VMAF may mind that more than their error says.
    layer = np.where((numbers - np.asarray(starts)[shot - 1]) % 2, -0.5, 0.5)
    rest = _slope(measured, error[seen], shot[seen]) * error
    level = measured - rest[seen]
    missed = _missed(seen, level, shot[seen])
    rest += layer * float(np.median(missed * 2 * layer[seen]))
    level = measured - rest[seen]
    found = np.empty(len(error))
    for one in np.unique(shot):
        inside = shot[seen] == one if (shot[seen] == one).any() else np.ones(len(seen), bool)
        here = numbers[shot == one]
        found[here] = np.interp(here, seen[inside], level[inside]) + rest[here]
    found[seen] = measured
    spread = _SCATTER * _missed(seen, level, shot[seen])
    return np.clip(found, 0, 100), spread - spread.mean()


def _missed(seen: NDArray[np.int64], level: Series, shot: NDArray[np.int64]) -> Series:
    """By how much each measured frame lies above what its measured neighbours in the same shot tell of it."""
    missed = np.zeros(len(seen))
    for place in range(len(seen)):
        others = shot == shot[place]
        others[place] = False
        if others.any():
            missed[place] = level[place] - np.interp(seen[place], seen[others], level[others])
    return missed


def every_of(frames: int) -> int:
    """Every how many of so many frames VMAF looks at first."""
    return EVERY if frames >= _FEWEST else 1


def restless(scatter: Series, every: int = EVERY) -> bool:
    """Whether frames that were not measured cannot be told well from every `every`-th, which were."""
    return float(np.std(scatter)) > _SCATTER * (_RESTLESS if every > CLOSER else _RESTLESS_CLOSE)


def first_look(scatter: Series, every: int) -> int:
    """Every how many frames of a shot VMAF looks at first, by every `every`-th of its proxy."""
    if every == 1:
        return 1
    return CLOSER if float(np.std(scatter)) > _SCATTER * _UNEASY else EVERY


def lowest(found: Series, every: int) -> NDArray[np.int64]:
    """The frames that make the low end, as far as `found` tells, without those that were measured; what was measured of
    the middle tells the middle well."""
    numbers = np.arange(len(found))
    open_ = numbers[numbers % every > 0]
    some = np.argsort(found[open_], kind="stable")[: len(found) // _LOWEST]
    return np.asarray(np.sort(open_[some]))


def missed(score: float, target: float) -> bool:
    """Whether a score told from some frames is so far from a target that more of them would not bring it there."""
    return abs(score - target) > _DOUBT


def low(found: Series, every: int, scatter: Series, also: Sequence[int] | NDArray[np.int64] = ()) -> float:
    """5th percentile, after Hazen: the usual rule is 0.2 to 0.4 too kind where a fifth of 96 frames is measured. Every
    `every`-th frame was measured, and those of `also`."""
    if every == 1:
        return float(np.percentile(found, 100 * _LOW, method="hazen"))
    measured = np.arange(len(found)) % every == 0
    measured[list(also)] = True
    told = (found[~measured][:, None] + scatter).ravel()
    values = np.concatenate([found[measured], told])
    weights = np.concatenate([np.ones(measured.sum()), np.full(len(told), 1 / len(scatter))])
    order = np.argsort(values, kind="stable")
    share = weights[order] / weights.sum()
    return float(np.interp(_LOW, np.cumsum(share) - share / 2, values[order]))


def second(found: Series, lasting: int) -> float:
    """The lowest mean of `lasting` frames on end; of all where there are no more, or `lasting` is 0. What frames that
    were not measured are missed by goes to either side and is nothing in a mean."""
    if not 0 < lasting < len(found):
        return float(found.mean())
    sums = np.concatenate([[0.0], np.cumsum(found)])
    return float((sums[lasting:] - sums[:-lasting]).min() / lasting)


def _slope(measured: Series, error: Series, shot: NDArray[np.int64]) -> float:
    """VMAF per dB, from neighbours in the same shot."""
    same = shot[1:] == shot[:-1]
    rise, gain = np.diff(measured)[same], np.diff(error)[same]
    return max(float(rise @ gain) / (float(gain @ gain) + _TIMID * max(len(rise), 1)), 0.0)
