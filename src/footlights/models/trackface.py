"""TrackFace's conventions: what the net sees of a face, and how its answer becomes a crop. No torch here.

The net works on light-free detail of aligned crops (`footlights.core.facelight`), never on colour. One step takes the
crop of now and its two neighbours, what is known of the tape and of the size of the face, where in the face each
sample lies, a memory of the instants before, and up to three reference crops: the sharpest aligned pictures of the same
person, whose true detail is copied where it fits (attention within ±2 cells of 8 samples; the crops are aligned, so it
need not look further). It gives a residual: a net that knows nothing changes nothing.

References: Sajjadi et al., "Frame-recurrent video super-resolution", 2018 (the memory); Wang et al., "EDVR", 2019
(aligned neighbours); Wu et al., "MVF-Net", 2019 (several views of one person constrain each other).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from footlights.core.clip import Plane
from footlights.core.facelight import coarse, detail_of, evenness, log_light
from footlights.errors import ParameterError
from footlights.models.runtime import Backend, Net, cards, fastest

NAME = "trackface"
REFERENCES = 3
PLANES = 3 + 2 + 2 + 2
"""Of a step's input: detail before, now, after; whether before and after are there; noise and size; place in face."""
STATE = 16
"""Channels of the memory, at a quarter of the crop's side."""
DETAIL_LIMIT = 6.0
"""Detail is cut off at this many deviations: lamps and black borders in a crop are no face."""
SIGMA_UNIT, SCALE_UNIT = 8.0, 0.5
"""Noise of this many 8-bit codes, and this many lines of the tape per sample of the crop, are 1 on their planes."""
STRENGTH = {"even": 0.5, "coloured": 0.9}
"""Share of what lasts in the net's change that is given in white and in coloured light. Chosen on 312 tracks of people
in no training and no score: the most in white light with which none of them loses 0.1 dB; what single faces lose falls
with the square of the share."""
STEADYING = 0.95
"""Share of the rest, which comes and goes: it takes back what flickers in FieldLift's pictures."""
LASTS = 0.7
"""Share of the mean of before in what lasts of now."""
TYPICAL = (0.44, 0.54)
"""Likeness to a mean face (`models.faceid.described`) from which a change is given, and from which all of it is. Of 124
clean faces 3 lie below 0.5; faces turned away, tilted or half hidden lie there too, and on them the net guesses. Of 115
tracks of people in no training and no score 13 become less like the truth without this, 12 of them below 0.42."""
_EVENNESS = (0.15, 0.45)
"""Of the light, `core.facelight.evenness`: coloured below, white above."""
HIGHEST = 78.0
"""Lines from brow to chin above which the net gains nothing (0.00 dB): the tape holds such a face itself."""

_TOLERANCE = 0.05


@dataclass(frozen=True, slots=True)
class FaceCrop:
    """One instant of a face as the net is given it."""

    luma: Plane
    """`(P, P)` nominal 0..1, P a multiple of 32: what the chain before made of the tape, cut out and aligned."""
    scale: float
    """Lines of the tape per sample of the crop: the size of the face."""
    sigma: float
    """Noise of the tape's luma in 8-bit codes, as the analysis found it."""
    deviation: float
    """As `core.facelight.split` measured it; the answer is in its units."""
    references: tuple[Plane, ...] = field(default=())
    """Up to three luma crops `(P, P)` of the same person, aligned likewise, sharpest first; none is legal."""
    strength: float = STRENGTH["even"]
    """Share of the net's lasting change that is given; `shares_in` knows it."""
    steadying: float = STEADYING
    """Share of the rest of it, likewise."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What one instant leaves to the next."""

    state: Plane
    """The net's own `(16, P/4, P/4)`."""
    change: Plane
    """Mean of its changes `(P, P)`, in log detail."""


def window(now: FaceCrop, before: FaceCrop | None, after: FaceCrop | None) -> Plane:
    """Input of one step `(9, P, P)`; a neighbour beyond a cut is None and the crop itself stands in, marked."""
    side = now.luma.shape[-1]
    if now.luma.shape != (side, side) or side % 32:
        raise ParameterError("trackface.crop", now.luma.shape, "give square crops whose side is a multiple of 32")
    planes = np.empty((PLANES, side, side), np.float32)
    own = seen(now.luma, now.deviation)
    planes[1] = own
    for plane, there, other in ((0, 3, before), (2, 4, after)):
        planes[plane] = own if other is None else seen(other.luma, now.deviation)
        planes[there] = other is not None
    planes[5], planes[6] = now.sigma / SIGMA_UNIT, now.scale / SCALE_UNIT
    planes[7:] = places(side)
    return planes


def shares_in(rgb: Plane, typical: float) -> tuple[float, float]:
    """Shares of the net's change that are given, lasting and steadying, in the light of a crop `(3, P, P)`, of a face
    that is so much like a mean one."""
    known = _smooth(typical, *TYPICAL)
    lasting = STRENGTH["coloured"] + (STRENGTH["even"] - STRENGTH["coloured"]) * _smooth(evenness(rgb), *_EVENNESS)
    return known * lasting, known * STEADYING


def seen(luma: Plane, deviation: float) -> Plane:
    """Detail of a crop as the net sees it."""
    return np.clip(detail_of(luma, deviation), -DETAIL_LIMIT, DETAIL_LIMIT)


def places(side: int) -> Plane:
    """Where in the crop each sample lies `(2, P, P)`: x and y, ±1 at its edges."""
    grid = ((np.arange(side) + 0.5) / side * 2 - 1).astype(np.float32)
    return np.stack([np.broadcast_to(grid, (side, side)), np.broadcast_to(grid[:, None], (side, side))])


def references_of(crop: FaceCrop) -> tuple[Plane, Plane]:
    """Detail of the references `(3, P, P)`, each in its own units, and which are there `(3,)`."""
    side = crop.luma.shape[-1]
    details, there = np.zeros((REFERENCES, side, side), np.float32), np.zeros(REFERENCES, np.float32)
    for number, luma in enumerate(crop.references[:REFERENCES]):
        if luma.shape != crop.luma.shape:
            raise ParameterError("trackface.references", luma.shape, "give references of the crop's own size")
        log = log_light(luma)
        fine = log - coarse(log)
        details[number] = np.clip(fine / max(float(np.std(fine)), 0.03), -DETAIL_LIMIT, DETAIL_LIMIT)
        there[number] = 1
    return details, there


class TrackFace:
    """The shipped net on the fastest backend that is right."""

    def __init__(self, *, threads: int = 0) -> None:
        self._threads = threads
        self.backend = backend()

    def restore(self, crops: Iterable[FaceCrop]) -> Iterator[Plane]:
        """Consecutive instants of one face in one shot → their restored detail `(P, P)`, in units of `deviation`.

        Crops of one call have one size. Nothing is carried from one call to the next.
        """
        before: FaceCrop | None = None
        now: FaceCrop | None = None
        memory: Memory | None = None
        for after in _followed_by_none(crops):
            if now is not None:
                detail, memory = self.step(now, before, after, memory)
                yield detail
            before, now = now, after

    def step(
        self, now: FaceCrop, before: FaceCrop | None, after: FaceCrop | None, memory: Memory | None
    ) -> tuple[Plane, Memory]:
        """One instant: its restored detail `(P, P)` and what to remember."""
        planes = window(now, before, after)
        quarter = planes.shape[-1] // 4
        state = np.zeros((STATE, quarter, quarter), np.float32) if memory is None else memory.state
        references, there = references_of(now)
        net = _ready(self.backend.precision, self._threads, planes.shape[-1])
        next_state, residual = net(planes[None], state[None], references[None], there[None])
        change, unit = residual[0, 0], np.float32(now.deviation)
        lasting = unit * change
        if memory is not None:
            lasting += np.float32(LASTS) * (memory.change - lasting)
        given = np.float32(now.strength) * change
        given += np.float32(now.steadying - now.strength) * (change - lasting / unit)
        # What was cut off for the net is kept: the change is added to the crop's own detail.
        return detail_of(now.luma, now.deviation) + given, Memory(next_state[0], lasting)


def shipped() -> bool:
    """Whether weights come with the program."""
    return NAME in cards()


def reference() -> str:
    """The weights as plans name them."""
    return cards()[NAME].reference


@lru_cache(maxsize=1)
def backend() -> Backend:
    """What the net runs on here; found once, since it depends on the processor alone."""
    return fastest(NAME, _probe(), tolerance=_TOLERANCE)[1]


@lru_cache(maxsize=2)
def _ready(precision: str, threads: int, side: int) -> Net:
    """The net made ready for crops of one side; kept, since every piece of a tape asks for the same."""
    quarter = side // 4
    shapes = {
        "window": (1, PLANES, side, side),
        "state": (1, STATE, quarter, quarter),
        "references": (1, REFERENCES, side, side),
        "there": (1, REFERENCES),
    }
    return Net(NAME, precision=precision, threads=threads, shapes=shapes)


def _smooth(value: float, low: float, high: float) -> float:
    """0 below `low`, 1 above `high`, smooth between."""
    x = min(max((value - low) / (high - low), 0.0), 1.0)
    return x * x * (3 - 2 * x)


def _followed_by_none(crops: Iterable[FaceCrop]) -> Iterator[FaceCrop | None]:
    yield from crops
    yield None


def _probe() -> tuple[Plane, Plane, Plane, Plane]:
    """Detail with edges under a plausible memory, always the same."""
    rng = np.random.default_rng(3)
    planes = rng.standard_normal((1, PLANES, 64, 64))
    planes[:, :, 20:40, 24:48] += 1.0
    planes[:, 3:7] = np.array([1, 1, 0.3, 0.6])[None, :, None, None]
    planes[:, 7:] = places(64)
    state = 0.3 * rng.standard_normal((1, STATE, 16, 16))
    references = rng.standard_normal((1, REFERENCES, 64, 64))
    made: Sequence[Plane] = [np.asarray(each, np.float32) for each in (planes, state, references)]
    return made[0], made[1], made[2], np.array([[1, 1, 0]], np.float32)
