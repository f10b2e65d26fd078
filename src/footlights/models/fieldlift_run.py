"""FieldLift over a run of frames: the exported net, its memory, and the motion between frames.

Every step sees the frame itself and its two neighbours. The memory begins empty and is carried along the motion.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from footlights.core.clip import Fine, Plane
from footlights.models import fieldlift
from footlights.models.fieldlift import INSTANTS, SIZES, WINDOW_PLANES, Kept, Packed, size_named
from footlights.models.runtime import Backend, Net, cards, fastest, granted_threads

_TOLERANCE = 0.1
"""How far 16 bits may lie from 32 on the probe, as a share of what each output does."""
_PROBE = (40, 56)
"""Cells of the probe."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One woven frame, top field first, sides multiples of 4."""

    luma: Plane
    """`(H, W)`."""
    chroma: Plane
    """`(2, H, W/2)`, co-sited 4:2:2."""
    valid: tuple[bool, bool] = (True, True)
    """Whether top and bottom field hold what the tape recorded there and then."""


@dataclass(frozen=True, slots=True)
class Lifted:
    """A frame at the instants of both its fields."""

    luma: Plane
    """`(2, H, W)`, clean."""
    chroma: Plane
    """`(2, 2, H, W)`."""
    fine: Fine


@dataclass(frozen=True, slots=True)
class _Seen:
    """A frame as the net and the motion search see it."""

    packed: Packed
    contrast: NDArray[np.uint8]


def weights_name(size: str) -> str:
    """The name of a size's weights among the cards."""
    return f"fieldlift_{size_named(size).name.lower()}"


def shipped() -> tuple[str, ...]:
    """Sizes whose weights come with the program."""
    return tuple(size for size in SIZES if weights_name(size) in cards())


def reference(size: str) -> str:
    """The weights of a size as plans name them."""
    return cards()[weights_name(size)].reference


_NOTHING = Kept()


class FieldLift:
    """A net of one size on the fastest backend that is right."""

    def __init__(self, size: str, *, threads: int = 0) -> None:
        self._size = size_named(size)
        self._threads = threads
        self.backend = backend(size)

    def lift(self, frames: Iterable[Frame], sigma: float, kept: Kept = _NOTHING) -> Iterator[Lifted]:
        """Consecutive frames of one shot → the same frames, clean and with their fine detail.

        `sigma` is the luma noise of the shot in 8-bit codes; `kept` what is given back of the fields' own detail.
        """
        before: _Seen | None = None
        now: _Seen | None = None
        state: Plane | None = None
        for after in _followed_by_none(frames):
            seen = None if after is None else _Seen(_packed(after), fieldlift.contrast(after.luma[0::2]))
            if now is not None:
                lifted, state = self._step(now, before, seen, sigma, state)
                yield _detailed(lifted, now.packed, kept, sigma) if kept.share or kept.colour else lifted
            before, now = now, seen

    def _step(
        self, now: _Seen, before: _Seen | None, after: _Seen | None, sigma: float, state: Plane | None
    ) -> tuple[Lifted, Plane]:
        back, onward = (_motion(now, other) for other in (before, after))
        neighbours = [None if other is None else other.packed for other in (before, after)]
        window = fieldlift.window(now.packed, neighbours[0], neighbours[1], sigma, (back, onward))
        if state is None:
            carried = np.zeros((self._size.state, *window.shape[1:]), np.float32)
        else:
            carried = fieldlift.carried(state, back)
        next_state = np.empty(carried.shape, np.float32)
        clean, luma, chroma = fieldlift.residuals(*window.shape[1:])
        parts = (part[instant, None] for instant in range(INSTANTS) for part in (clean, luma, chroma))
        self._net(*window.shape[1:]).into((window[None], carried[None]), (next_state[None], *parts))
        fields = fieldlift.base(now.packed.planes)
        pictures = np.add(fields, clean, out=clean)
        for instant in range(INSTANTS):
            # A field that is not the tape's own has no light to keep.
            if now.packed.valid[instant].all():
                pictures[instant, 0] = fieldlift.light_kept(pictures[instant, 0], fields[instant, 0])
                for plane in (1, 2):
                    pictures[instant, plane] = fieldlift.colour_kept(pictures[instant, plane], fields[instant, plane])
        return Lifted(pictures[:, 0], pictures[:, 1:], Fine(tuple(luma[:, 0]), tuple(chroma))), next_state

    def _net(self, height: int, width: int) -> Net:
        """The net made ready for a grid of `(h, w)` cells."""
        threads = self._threads or granted_threads()
        return _ready(self._size.name, self.backend.precision, threads, height, width)


def _detailed(lifted: Lifted, packed: Packed, kept: Kept, sigma: float) -> Lifted:
    """With the detail of those fields that are the tape's own."""
    luma, chroma, fields = lifted.luma.copy(), lifted.chroma.copy(), fieldlift.base(packed.planes)
    for instant in range(INSTANTS):
        if packed.valid[instant].all():
            own = fields[instant, :, instant::2]
            if kept.share:
                luma[instant] = fieldlift.detail_kept(luma[instant], own[0], instant, kept, sigma)
            if kept.colour:
                for plane in (0, 1):
                    chroma[instant, plane] = fieldlift.chroma_kept(
                        chroma[instant, plane], own[1 + plane], instant, kept
                    )
    return replace(lifted, luma=luma, chroma=chroma)


@lru_cache(maxsize=2)
def _ready(size: str, precision: str, threads: int, height: int, width: int) -> Net:
    """The net made ready for a grid of `(h, w)` cells; kept, since every piece of a tape asks for the same."""
    shapes = {"window": (1, WINDOW_PLANES, height, width), "state": (1, size_named(size).state, height, width)}
    return Net(weights_name(size), precision=precision, threads=threads, shapes=shapes)


@lru_cache
def backend(size: str) -> Backend:
    """What a size runs on here; found once, since it depends on the processor alone."""
    probe = _probe(size_named(size).state)
    return fastest(weights_name(size), probe, tolerance=_TOLERANCE)[1]


def _packed(frame: Frame) -> Packed:
    planes = fieldlift.packed(frame.luma, frame.chroma)
    valid = np.empty((INSTANTS, *planes.shape[1:]), np.float32)
    valid[0], valid[1] = frame.valid
    return Packed(planes, valid)


def _motion(now: _Seen, other: _Seen | None) -> Plane:
    if other is None:
        return np.zeros((2, *now.contrast.shape), np.float32)
    return fieldlift.motion(now.contrast, other.contrast)


def _followed_by_none(frames: Iterable[Frame]) -> Iterator[Frame | None]:
    yield from frames
    yield None


def _probe(state: int) -> tuple[Plane, Plane]:
    """Pictures with an edge and noise under a plausible state, always the same."""
    rng = np.random.default_rng(1)
    window = 0.4 + 0.03 * rng.standard_normal((1, WINDOW_PLANES, *_PROBE))
    window[:, :, :, _PROBE[1] // 2 :] += 0.2
    window[:, 3 * fieldlift.FRAME_PLANES :] = 1.0
    carried = 0.3 * rng.standard_normal((1, state, *_PROBE))
    return window.astype(np.float32), carried.astype(np.float32)
