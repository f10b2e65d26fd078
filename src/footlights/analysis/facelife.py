"""Pictures of faces: posters, backdrops, printed shirts. The detector cannot tell them from faces; landmarks can.

What lies on a plane moves by an affine map from picture to picture, whatever camera and plane do. A living face blinks,
speaks, looks around and turns out of its plane, and no affine map explains that. So every picture's landmarks are laid
on their mean by the best affine map, and what is left is compared with what is left some pictures later: noise of the
net does not last that long, expression does. On 250 fields of simulated tapes what lasts was 0.13 to 0.31 % of the
face's height on four backdrops and 0.51 to 2.6 % on five living faces; between the limits nothing is said. A shirt that
bends (0.69 %) and heads of masks and statues that turn are not flat: they pass for faces.

Factoring motion and shape: Tomasi and Kanade, "Shape and motion from image streams under orthography", 1992.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from footlights.models.landmarks import Mesh

Values = NDArray[np.float64]
Shape = NDArray[np.float32]
"""`(K, 2)`: some landmarks of one picture."""

ENOUGH = 1200
"""Pictures of a track that are looked at: who has not blinked in 20 seconds is not alive."""
_INDEX = (
    33, 133, 362, 263, 159, 145, 386, 374, 160, 144, 385, 380, 1, 4, 6, 168, 195, 2, 98, 327, 70, 105, 107,
    66, 300, 334, 336, 296, 61, 291, 13, 14, 0, 17, 37, 267, 84, 314, 78, 308, 10, 151, 9, 152, 148, 377, 172,
    397, 116, 345, 123, 352, 50, 280, 127, 356, 234, 454,
)  # fmt: skip
"""Lids, nose, brows, lips, chin and outline: what moves, and what it moves against."""
_LEAST = 240
"""Pictures below which nothing is said: people stand still for two seconds (seen: 0.09 % in 120 pictures)."""
_SURE = 600
"""Pictures from which it is said without reserve."""
_LAGS = (5, 6, 7)
_OTHERS = 3
"""Landmarks that must move as much for it to count."""
_STILL = (0.18, 0.36)
"""Percent of the face's height that lasts: below the first a picture, above the second alive."""
_ROUNDS = 3


def shape_of(mesh: Mesh) -> Shape:
    """What is kept of a picture's landmarks."""
    return np.asarray(mesh.points[list(_INDEX), :2], np.float32)


def picture(shapes: Mapping[int, Shape]) -> float:
    """How sure it is that a track shows a picture of a face, 0..1, from its landmarks by instant."""
    if len(shapes) < _LEAST:
        return 0.0
    low, high = _STILL
    still = float(np.clip((high - lasting(shapes)) / (high - low), 0, 1))
    seen = min(len(shapes) / _SURE, 1.0)
    # Half sure after four seconds of stillness on fields, wholly after ten.
    return round(still * (0.5 + 0.5 * (seen - _LEAST / _SURE) / (1 - _LEAST / _SURE)), 3)


def lasting(shapes: Mapping[int, Shape]) -> float:
    """Of the landmarks that move most, what no affine motion explains and what lasts: root mean square in percent of
    the face's extent."""
    instants = sorted(shapes)
    flat = _flattened(np.stack([shapes[instant] for instant in instants]).astype(np.float64))
    rows = np.full((instants[-1] - instants[0] + 1, *flat.shape[1:]), np.nan)
    rows[np.array(instants) - instants[0]] = flat
    products = [(rows[:-lag] * rows[lag:]).sum(axis=-1) for lag in _LAGS if lag < len(rows)]
    common = [each for each in products if np.isfinite(each).any()]
    if not common:
        return 0.0
    # A blink moves a few lids and a mean over all would hide it; the very largest may be one bad point.
    varied = np.sort(np.mean([np.nanmean(each, axis=0) for each in common], axis=0))
    return float(np.sqrt(max(float(varied[-_OTHERS]), 0.0)))


def _flattened(seen: Values) -> Values:
    """Landmarks `(T, K, 2)` → what is left of them `(T, K, 2)`, in percent of their extent, laid on their mean."""
    apart = seen - seen.mean(axis=1, keepdims=True)
    model = apart[len(apart) // 2]
    for _ in range(_ROUNDS):
        # Least squares of every picture at once: model ≈ apart · map.
        maps = np.linalg.solve(np.einsum("tki,tkj->tij", apart, apart), np.einsum("tki,kj->tij", apart, model))
        laid = apart @ maps
        model = laid.mean(axis=0)
    return np.asarray((laid - model) / max(float(np.ptp(model[:, 1])), 1e-9) * 100)
