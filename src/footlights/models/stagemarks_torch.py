"""StageMarks as a torch module, for training and export only; conventions in `footlights.models.stagemarks`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from footlights.models.stageface import PLANES
from footlights.models.stageface_torch import Block, layer
from footlights.models.stagemarks import INDEX, SIDE

WIDTHS = (16, 32, 40, 40)
"""Channels of the grids of 2, 4, 8 and 16 samples."""
_NARROW, _HIDDEN = 10, 64
_LIKELY = 0.3
"""What the untrained net thinks of every square."""


class StageMarksNet(nn.Module):
    """Planes `(N, 4, 96, 96)` of a square → landmarks `(N, 3 K)` in sides about its middle, and a logit `(N, 1)`."""

    def __init__(self) -> None:
        super().__init__()
        two, four, eight, sixteen = WIDTHS
        self.grids = nn.Sequential(
            layer(4 * PLANES, two),
            Block(two),
            layer(two, four, stride=2),
            Block(four),
            layer(four, eight, stride=2),
            Block(eight),
            layer(eight, sixteen, stride=2),
            Block(sixteen),
            layer(sixteen, _NARROW, side=1),
        )
        cells = (SIDE // 16) ** 2
        self.hidden = nn.Linear(_NARROW * cells, _HIDDEN)
        self.marks = nn.Linear(_HIDDEN, 3 * len(INDEX))
        self.presence = nn.Linear(_HIDDEN, 1)
        with torch.no_grad():
            self.marks.weight *= 0.1
            self.presence.bias.fill_(float(torch.logit(torch.tensor(_LIKELY))))

    def forward(self, planes: Tensor) -> tuple[Tensor, Tensor]:
        seen = self.grids(nn.functional.pixel_unshuffle(planes, 2))
        hidden = torch.relu(self.hidden(torch.flatten(seen, 1)))
        return self.marks(hidden), self.presence(hidden)
