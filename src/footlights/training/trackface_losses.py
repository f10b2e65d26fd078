"""What TrackFace's training minimises, all in units of log detail: Charbonnier distances of detail, of its edges and of
what changes from instant to instant, weighted by where in the face and how bright it is; and no light of its own."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

_EPSILON = 0.03
_COARSE = 16
_MARGIN = 4
"""Samples at a window's edge that do not count: they lack half their surroundings."""


@dataclass(frozen=True, slots=True)
class FaceWeights:
    """Of the terms."""

    detail: float = 1.0
    edges: float = 0.6
    temporal: float = 0.35
    coarse: float = 0.2


def face_loss(
    made: Tensor, given: Tensor, truth: Tensor, weight: Tensor, weights: FaceWeights
) -> tuple[Tensor, dict[str, Tensor]]:
    """Detail `(B, T, S, S)` made, given and true, and the weight of every sample → the sum, and its terms."""
    inner = (..., slice(_MARGIN, -_MARGIN), slice(_MARGIN, -_MARGIN))
    error, share = (made - truth)[inner], weight[inner]
    change = nn.functional.avg_pool2d(made - given, _COARSE)
    terms = {
        "detail": _distance(error, share),
        "edges": _distance(error[..., 1:] - error[..., :-1], share[..., 1:])
        + _distance(error[..., 1:, :] - error[..., :-1, :], share[..., 1:, :]),
        "temporal": _distance(error[:, 1:] - error[:, :-1], share[:, 1:]),
        "coarse": change.abs().mean(),
    }
    total = torch.stack([getattr(weights, name) * term for name, term in terms.items()]).sum()
    return total, terms


def _distance(error: Tensor, weight: Tensor) -> Tensor:
    return (weight * (torch.sqrt(error * error + _EPSILON**2) - _EPSILON)).mean()
