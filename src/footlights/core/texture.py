"""Random texture that depends on a seed and the absolute frame number only: never on block, batch or thread.

Drawing 6 million normal values takes longer than anything else done to a 4K frame; instead one texture larger than the
picture is drawn once, and each frame shows it at its own place, mirrored its own way (a million different views).
Texture that lasts in time adds such views up (`Lasting`).
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

_ROOM = 512
"""Samples by which the texture is larger than the picture on each axis."""
_GRID, _TAPS = 512, 16
"""Frequencies at which a shaping filter is designed, and its samples on each side of the middle."""
_ANCHOR = 16
"""Views from one that is added up from the beginning to the next; each between follows from the one before."""
_FORGOTTEN = 1 / 256
"""Share of a view that is left of it where it no longer counts."""
MOST_LASTING = 0.9
"""Correlation up to which that is soon enough."""
_BEFORE = 2**16
"""Frames before the first that views are added up from; so numbered, none is negative."""
_STRIP = 64
"""Lines worked on at once: what is between does not leave the processor's cache."""


class Texture:
    """A random plane, seen anew by every frame; make one by `grain` or `triangular_dither`."""

    def __init__(self, plane: NDArray[np.float32], *, seed: int) -> None:
        """`plane` is larger than the pictures by 512 samples on each axis."""
        self._plane = plane
        self._seed = seed

    def view(self, frame: int) -> NDArray[np.float32]:
        """The texture of one frame; a view, not to be written to."""
        rng = np.random.default_rng([self._seed, 0x6672, frame])
        top, left = (int(value) for value in rng.integers(0, _ROOM, 2))
        mirror = rng.integers(0, 2, 2) * 2 - 1
        height, width = self._plane.shape[0] - _ROOM, self._plane.shape[1] - _ROOM
        cut = self._plane[top : top + height, left : left + width]
        return cut[:: int(mirror[0]), :: int(mirror[1])]


class Lasting:
    """A texture of which a share `rho` stays from a frame to that `apart` later: first-order, of unit strength.

    x(n) = rho x(n - apart) + √(1 - rho²) e(n), with views of a texture as e. Every sixteenth x is the sum of as many
    e as count; those between follow from it in this order and no other, so that a frame is the same to the last bit
    wherever work begins.
    """

    def __init__(self, texture: Texture, *, rho: float, apart: int = 1) -> None:
        """`rho` from 0 to `MOST_LASTING`."""
        self._texture = texture
        self._rho = rho
        self._apart = apart
        self._held: dict[int, tuple[int, NDArray[np.float32]]] = {}

    def view(self, frame: int) -> NDArray[np.float32]:
        """The texture of one frame; good until the next is asked for."""
        place, phase = divmod(frame, self._apart)
        anchor = place - place % _ANCHOR
        at, plane = self._held.get(phase, (-1, None))
        if plane is None or not anchor <= at <= place:
            at, plane = anchor, self._added_up(anchor, phase)
        for later in range(at + 1, place + 1):
            self._add(plane, self._rho, later, phase, np.sqrt(1 - self._rho**2))
        self._held[phase] = place, plane
        return plane

    def _added_up(self, place: int, phase: int) -> NDArray[np.float32]:
        """The x of an anchor."""
        count = 1 + int(np.ceil(np.log(_FORGOTTEN) / np.log(self._rho))) if self._rho > _FORGOTTEN else 1
        shares = self._rho ** np.arange(count)
        shares /= np.sqrt(np.square(shares).sum())
        plane = np.zeros_like(self._texture.view(0), order="C")
        for back, share in enumerate(shares.tolist()):
            self._add(plane, 1.0, place - back, phase, share)
        return plane

    def _add(self, plane: NDArray[np.float32], kept: float, place: int, phase: int, share: float) -> None:
        new = self._texture.view(place * self._apart + phase + _BEFORE)
        for top in range(0, len(plane), _STRIP):
            lines = plane[top : top + _STRIP]
            if kept != 1:
                np.multiply(lines, np.float32(kept), out=lines)
            np.add(lines, new[top : top + _STRIP] * np.float32(share), out=lines)


def grain(
    height: int, width: int, *, seed: int, down: Sequence[float] = (), across: Sequence[float] = (), zoom: float = 1.0
) -> Texture:
    """Normal texture of unit standard deviation and the spectrum of a tape's noise, enlarged by `zoom`, at least 1.
    `down` and `across` are the correlations of the tape's samples with the first, second … neighbour on each axis."""
    rng = np.random.default_rng([seed, 0x6772])
    plane = rng.standard_normal((height + _ROOM, width + _ROOM), dtype=np.float32)
    if zoom > 1 or any(down) or any(across):
        columns, rows = shaping(down, zoom), shaping(across, zoom)
        plane = np.asarray(cv2.sepFilter2D(plane, -1, rows, columns, borderType=cv2.BORDER_REFLECT_101), np.float32)
        plane /= plane.std()
    return Texture(plane, seed=seed)


def shaping(correlations: Sequence[float], zoom: float) -> NDArray[np.float64]:
    """The symmetric filter `(2 * _TAPS + 1,)` of unit energy that gives white noise the spectrum of noise with these
    correlations between neighbours (Wiener and Khinchin), enlarged by `zoom` with the Lanczos kernel of four lobes, as
    the tape's pictures are."""
    frequency = np.fft.rfftfreq(_GRID)
    power = np.ones(len(frequency))
    for lag, value in enumerate(correlations, 1):
        power += 2 * value * np.cos(2 * np.pi * lag * zoom * frequency)
    places = np.fft.fftfreq(_GRID, 1 / _GRID) / zoom
    enlarging = np.where(np.abs(places) < 4, np.sinc(places) * np.sinc(places / 4), 0)
    # Measured correlations need not be those of any noise: what power would be negative is none.
    amplitude = np.sqrt(np.maximum(power, 0)) * np.abs(np.fft.rfft(enlarging))
    taps = np.roll(np.fft.irfft(amplitude, _GRID), _GRID // 2)[_GRID // 2 - _TAPS : _GRID // 2 + _TAPS + 1]
    return np.asarray(taps / np.sqrt(np.square(taps).sum()), np.float64)


def triangular_dither(height: int, width: int, *, seed: int) -> Texture:
    """Triangular noise of ±1 quantisation step (Lipshitz, Wannamaker and Vanderkooy 1992): makes the rounding error
    independent of the picture in mean and power."""
    rng = np.random.default_rng([seed, 0x7470])
    shape = (height + _ROOM, width + _ROOM)
    return Texture(rng.random(shape, dtype=np.float32) - rng.random(shape, dtype=np.float32), seed=seed)
