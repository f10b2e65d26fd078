"""StageFace as a torch module, for training and export only; conventions in `footlights.models.stageface`.

A small residual net over four grids with one way back up (Lin et al., "Feature pyramid networks", 2017), and one head
on the finest that says of each cell whether a face's middle lies there, and where its box and points lie (Zhou et al.,
"Objects as points", 2019).
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from footlights.models.stageface import OUT_PLANES, PLANES

WIDTHS = (24, 48, 64, 80)
"""Channels of the grids of 4, 8, 16 and 32 samples."""
_HEAD = 32
_MOMENTUM = 0.03
_LIKELY = 0.01
"""What the untrained net thinks of every cell."""


class Norm(nn.Module):
    """Batch normalisation whose statistics are parameters, so that checkpoints and running means hold them."""

    FLOOR: ClassVar[float] = 1e-5
    """Added to the variance."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.mean = nn.Parameter(torch.zeros(width), requires_grad=False)
        self.variance = nn.Parameter(torch.ones(width), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.batch_norm(
            x, self.mean, self.variance, self.weight, self.bias, self.training, _MOMENTUM, self.FLOOR
        )


def layer(before: int, after: int, side: int = 3, stride: int = 1) -> nn.Sequential:
    """A convolution, normalised and rectified."""
    conv = nn.Conv2d(before, after, side, stride=stride, padding=side // 2, bias=False)
    return nn.Sequential(conv, Norm(after), nn.ReLU())


class Block(nn.Module):
    """Two normalised 3×3 convolutions, added to the input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = layer(width, width)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), Norm(width))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.second(self.first(x)))


class StageFaceNet(nn.Module):
    """Planes `(N, 4, H, W)` of an octave → `(N, 17, H/4, W/4)`; both sides multiples of 32."""

    def __init__(self) -> None:
        super().__init__()
        four, eight, sixteen, thirty = WIDTHS
        self.stem = layer(4 * PLANES, four, stride=2)
        self.fine = Block(four)
        self.down_eight = layer(four, eight, stride=2)
        self.eight = nn.Sequential(Block(eight), Block(eight))
        self.down_sixteen = layer(eight, sixteen, stride=2)
        self.sixteen = nn.Sequential(Block(sixteen), Block(sixteen))
        self.down_thirty = layer(sixteen, thirty, stride=2)
        self.thirty = Block(thirty)
        self.up_sixteen = layer(thirty, sixteen, side=1)
        self.back_sixteen = layer(sixteen, sixteen)
        self.up_eight = layer(sixteen, eight, side=1)
        self.back_eight = layer(eight, eight)
        self.up_four = layer(eight, four, side=1)
        self.head = layer(four, _HEAD)
        self.out = nn.Conv2d(_HEAD, OUT_PLANES, 1)
        with torch.no_grad():
            self.out.weight *= 0.1
            self.out.bias.zero_()
            self.out.bias[0] = float(torch.logit(torch.tensor(_LIKELY)))

    def forward(self, planes: Tensor) -> Tensor:
        four = self.fine(self.stem(nn.functional.pixel_unshuffle(planes, 2)))
        eight = self.eight(self.down_eight(four))
        sixteen = self.sixteen(self.down_sixteen(eight))
        thirty = self.thirty(self.down_thirty(sixteen))
        sixteen = self.back_sixteen(sixteen + _doubled(self.up_sixteen(thirty)))
        eight = self.back_eight(eight + _doubled(self.up_eight(sixteen)))
        found: Tensor = self.out(self.head(four + _doubled(self.up_four(eight))))
        return found


def _doubled(x: Tensor) -> Tensor:
    return nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")
