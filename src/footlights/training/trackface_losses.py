"""What TrackFace's training minimises.

In units of log detail: Charbonnier distances of detail, of its edges and of what changes from instant to instant,
weighted by where in the face and how bright it is; and no light of its own. In luma, as a face is shown and scored:
how alike the magnitudes of gradients are (Xue et al., "Gradient magnitude similarity deviation", 2014), and the error
over the one that was there before, so that every face counts alike and a face that loses costs more than others gain.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from footlights.core.facelight import CODES, OFFSET

_EPSILON = 0.03
_COARSE = 16
_MARGIN = 4
"""Samples at a window's edge that do not count: they lack half their surroundings."""
_LEVEL = 0.5 + OFFSET / CODES
"""Light under which detail is seen as luma: every face at one exposure."""
_FLOOR = (1.5 / CODES) ** 2
"""Added to mean squares of luma before they are compared: 1.5 codes are no error."""
_ALIKE = 170.0
"""The constant of gradient magnitude similarity, squared codes."""
_NO_LOSS = 0.03
"""Share of the error that must be gone for a face not to count as losing."""


@dataclass(frozen=True, slots=True)
class FaceWeights:
    """Of the terms."""

    detail: float = 1.0
    edges: float = 0.6
    temporal: float = 0.7
    coarse: float = 0.2
    structure: float = 1.0
    lost: float = 0.2
    harm: float = 1.5


def face_loss(
    made: Tensor, given: Tensor, truth: Tensor, weight: Tensor, deviations: Tensor, weights: FaceWeights
) -> tuple[Tensor, dict[str, Tensor]]:
    """Detail `(B, T, S, S)` made, given and true, the weight of every sample, and what detail was divided by `(B, T)` →
    the sum, and its terms."""
    inner = (..., slice(_MARGIN, -_MARGIN), slice(_MARGIN, -_MARGIN))
    error, share = (made - truth)[inner], weight[inner]
    change = nn.functional.avg_pool2d(made - given, _COARSE)
    ours, base, true = (_luma(each, deviations)[inner] for each in (made, given, truth))
    ratio = _lost(ours, base, true, share)
    terms = {
        "detail": _distance(error, share),
        "edges": _distance(error[..., 1:] - error[..., :-1], share[..., 1:])
        + _distance(error[..., 1:, :] - error[..., :-1, :], share[..., 1:, :]),
        "temporal": _distance(error[:, 1:] - error[:, :-1], share[:, 1:]),
        "coarse": change.abs().mean(),
        "structure": _unlike(ours, true, share),
        "lost": ratio.mean(),
        "harm": torch.relu(ratio + _NO_LOSS).mean(),
    }
    total = torch.stack([getattr(weights, name) * term for name, term in terms.items()]).sum()
    return total, terms


def _distance(error: Tensor, weight: Tensor) -> Tensor:
    return (weight * (torch.sqrt(error * error + _EPSILON**2) - _EPSILON)).mean()


def _luma(detail: Tensor, deviations: Tensor) -> Tensor:
    """Detail as luma 0..1 under an even light."""
    return torch.exp((detail * deviations[..., None, None]).clamp(-2, 1)) * _LEVEL - OFFSET / CODES


def _lost(made: Tensor, given: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Logarithm of the mean square error over the one that was given `(B,)`; below 0 is a gain."""
    square = [(weight * (each - truth) ** 2).mean(dim=(1, 2, 3)) / weight.mean(dim=(1, 2, 3)) for each in (made, given)]
    return torch.log((square[0] + _FLOOR) / (square[1] + _FLOOR))


def _unlike(made: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Mean over pictures of the deviation of gradient magnitude similarity, and half of what is missing of its mean."""
    seen = nn.functional.avg_pool2d(weight, 2)[..., 1:-1, 1:-1]
    a, b = (_magnitudes(each) for each in (made, truth))
    alike = (2 * a * b + _ALIKE) / (a * a + b * b + _ALIKE)
    share = seen / seen.sum(dim=(-2, -1), keepdim=True)
    mean = (share * alike).sum(dim=(-2, -1), keepdim=True)
    spread = torch.sqrt((share * (alike - mean) ** 2).sum(dim=(-2, -1)) + 1e-5)
    return (spread + 0.5 * (1 - mean[..., 0, 0])).mean()


def _magnitudes(luma: Tensor) -> Tensor:
    """Of Prewitt gradients at half size `(B, T, h, w)`, in codes."""
    small = nn.functional.avg_pool2d(luma, 2) * CODES
    across, down = small[..., :, 2:] - small[..., :, :-2], small[..., 2:, :] - small[..., :-2, :]
    x = (across[..., :-2, :] + across[..., 1:-1, :] + across[..., 2:, :]) / 3
    y = (down[..., :, :-2] + down[..., :, 1:-1] + down[..., :, 2:]) / 3
    return torch.sqrt(x * x + y * y + 1e-3)
