"""What training minimises: Charbonnier distances at both sizes, of edges, and of what changes from field to field.

The temporal term compares differences of consecutive pictures with those of the truth: it punishes flicker without
flow and, unlike a smoothness penalty, without rewarding blur.

Reference: Charbonnier et al., "Two deterministic half-quadratic regularization algorithms", 1994.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from footlights.training.unroll import Pictures

_EPSILON = 2e-3
"""Half a code of luma: below it the distance is square."""
_MARGIN = 2
"""Samples of the tape at a crop's edge that do not count: they lack half their surroundings."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Of the terms."""

    fine_luma: float = 1.0
    fine_chroma: float = 0.8
    clean_luma: float = 0.7
    clean_chroma: float = 0.5
    edges: float = 0.25
    temporal: float = 0.4


def loss(made: Pictures, truth: Pictures, weights: Weights) -> tuple[Tensor, dict[str, Tensor]]:
    """The weighted sum, and its terms for the log."""
    fine = _inner(made.luma - truth.luma, 4)
    clean = _inner(made.clean - truth.clean, 1)
    middle = torch.nn.functional.avg_pool2d(fine.flatten(0, 1), 2).unflatten(0, fine.shape[:2])
    terms = {
        "fine_luma": charbonnier(fine),
        "fine_chroma": charbonnier(_inner(made.chroma - truth.chroma, 2)),
        "clean_luma": charbonnier(clean[:, :, :1]),
        "clean_chroma": charbonnier(clean[:, :, 1:]),
        "edges": charbonnier(fine[..., 1:] - fine[..., :-1]) + charbonnier(fine[..., 1:, :] - fine[..., :-1, :]),
        "temporal": charbonnier(middle[:, 1:] - middle[:, :-1]),
    }
    total = torch.stack([getattr(weights, name) * term for name, term in terms.items()]).sum()
    return total, terms


def charbonnier(error: Tensor) -> Tensor:
    """Mean of √(e² + ε²) - ε."""
    return (torch.sqrt(error * error + _EPSILON**2) - _EPSILON).mean()


def _inner(error: Tensor, scale: int) -> Tensor:
    edge = _MARGIN * scale
    return error[..., edge:-edge, edge:-edge]
