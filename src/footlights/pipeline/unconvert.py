"""The master's colours in the tape's own matrix and primaries, where the way back is steep as well.

Where light of one colour leaves one of the tape's primaries at nothing, the master shows there what the other two put
in (ITU-R BT.709 and SMPTE 170M differ by 2 to 5 % of a neighbour). On the way back that primary is a difference of two
numbers that are nearly the same, and the steep foot of gamma makes eight codes of a quarter of one. The inverse is
right, and worth nothing. So there the likeliest colour is looked for: one that makes the master's but for its own small
error, and does not lie far from what the tape shows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from footlights.core import colour
from footlights.core.clip import Plane
from footlights.core.signal import Matrix, Primaries

_MASTER = (Matrix.BT709, Primaries.BT709)
_FOOT = 0.15
"""R', G' or B' of the tape below which gamma is steep."""
_LIKELY = np.array([20, 5, 5]) / 219
"""Standard deviation of luma and chroma from what the tape shows: luma may differ by detail, chroma by noise."""
_ERROR = 0.5 / 219
"""Standard deviation of the master's own error: its encoder, and chroma at half size."""
_TANGENT = 4 / 219
"""Luma and chroma on both sides by which slopes are told."""
_STEPS, _STRIDE, _DONE = 8, 0.15, 0.2 / 219
"""Steps at most, how far one goes, and below which change a colour is found."""


def unconverted(picture: Plane, tape: tuple[Matrix, Primaries], about: Plane) -> Plane:
    """Y', Cb, Cr `(3, H, W)` of the master, in nominal range → the same in the tape's matrix and primaries. `about`
    `(3, H, W)` is what the tape shows there."""
    luma, chroma = colour.convert_primaries(picture[0], picture[1:], _MASTER, tape)
    back = np.stack([luma, *chroma])
    if tape[1] != _MASTER[1]:
        steep = _low(back, tape[0]) | _low(about, tape[0])
        back[:, steep] = _likeliest(picture[:, steep], tape, about[:, steep])
    return back


def _low(picture: Plane, matrix: Matrix) -> NDArray[np.bool_]:
    """Where one of R', G', B' is next to nothing."""
    channels = np.einsum("cd,dhw->chw", colour.ycbcr_to_rgb(matrix), picture)
    return np.asarray(np.abs(channels).min(axis=0) < _FOOT)


def _likeliest(colours: Plane, tape: tuple[Matrix, Primaries], about: Plane) -> Plane:
    """Colours `(3, n)` of the master → those of the tape, by the Gauss-Newton method from `about` `(3, n)` on."""
    found = about.astype(np.float32)
    left = np.arange(found.shape[1])
    for _ in range(_STEPS):
        if not len(left):
            break
        step = np.clip(_step(colours[:, left], found[:, left], tape, about[:, left]), -_STRIDE, _STRIDE)
        found[:, left] += step
        left = left[np.abs(step).max(axis=0) > _DONE]
    return found


def _step(colours: Plane, at: Plane, tape: tuple[Matrix, Primaries], about: Plane) -> Plane:
    """How far the likeliest colour would be from `at`, were the conversion straight."""
    sides = np.eye(3, dtype=np.float32)[:, :, None] * np.float32(_TANGENT)
    columns = [(_forth(at + one, tape) - _forth(at - one, tape)) / (2 * _TANGENT) for one in sides]
    slopes = np.moveaxis(np.stack(columns, axis=-1), 0, 1).astype(np.float64)
    off = colours - _forth(at, tape) + np.einsum("ncd,dn->cn", slopes, at - about)
    likely = np.square(_LIKELY)[:, None] * slopes.swapaxes(1, 2)
    change = likely @ np.linalg.solve(slopes @ likely + np.eye(3) * _ERROR**2, off.T[..., None])
    return np.asarray(about + change[..., 0].T - at, np.float32)


def _forth(colours: Plane, tape: tuple[Matrix, Primaries]) -> Plane:
    """Colours `(3, n)` of the tape as the master shows them."""
    luma, chroma = colour.convert_primaries(colours[0, :, None], colours[1:, :, None], tape, _MASTER)
    return np.asarray(np.stack([luma, *chroma])[..., 0], np.float32)
