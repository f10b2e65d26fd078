"""FieldLift as a torch module, for training and export only; conventions in `footlights.models.fieldlift`.

Residual blocks without norms (Lim et al., "Enhanced deep residual networks", 2017) on the grid of 2×2 samples and, for
reach, on the grid of 4×4; a shuffle to the size of the tape; residuals for two instants from shared last layers.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from footlights.models.fieldlift import CLEAN_PLANES, FRAME_PLANES, INSTANTS, OUT_PLANES, SCALE, WINDOW_PLANES, Size

LUMA_GAIN, CHROMA_GAIN = 8.0, 20.0
"""Bring differences to about unit variance; those of chroma are smaller."""
STATE_LIMIT = 4.0
"""The state is kept within ±this, so that no length of tape can make it grow."""
STATE_KEPT = 0.6
"""Share of the state that reaches the next step. Training saw runs of eight frames; without fading, what the net adds
to its memory builds up over longer ones until thin lines smear (see docs/decisions/20261129-fading-memory.md)."""


class Block(nn.Module):
    """Two 3×3 convolutions around a ReLU, added to the input; `(N, C, h, w)` in and out."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        with torch.no_grad():
            self.second.weight *= 0.3

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(torch.relu(self.first(x)))


def evened(window: Tensor, gains: Tensor) -> Tensor:
    """The window `(N, 35, h, w)` with every picture as amplified difference from the local mean of its component in
    the frame itself, and those three means at the end: `(N, 38, h, w)`.

    What the net must find lies in differences of a few hundredths between planes that are nearly alike; given as they
    are, they left it at its base for hundreds of iterations.
    """
    now = window[:, :FRAME_PLANES]
    means = torch.stack([now[:, :4].mean(dim=1), now[:, 4:6].mean(dim=1), now[:, 6:].mean(dim=1)], dim=1)
    means = nn.functional.avg_pool2d(means, 5, stride=1, padding=2, count_include_pad=False)
    each = torch.cat([means[:, :1].expand(-1, 4, -1, -1), means[:, 1:].repeat_interleave(2, dim=1)], dim=1)
    frames = [
        (window[:, first : first + FRAME_PLANES] - each) * gains for first in range(0, 3 * FRAME_PLANES, FRAME_PLANES)
    ]
    return torch.cat([*frames, window[:, 3 * FRAME_PLANES :], means], dim=1)


class FieldLiftNet(nn.Module):
    """One step of the recurrence."""

    gains: Tensor

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.size = size
        width, deep = size.width, size.deep
        self.stem = nn.Conv2d(WINDOW_PLANES + CLEAN_PLANES + size.state, width, 3, padding=1)
        self.before = nn.Sequential(*(Block(width) for _ in range(size.before)))
        self.down = nn.Conv2d(width, deep, 3, stride=2, padding=1)
        self.below = nn.Sequential(*(Block(deep) for _ in range(size.below)))
        self.up = nn.Conv2d(deep, 4 * width, 1)
        self.after = nn.Sequential(*(Block(width) for _ in range(size.after)))
        self.tail = nn.Conv2d(width, INSTANTS * 4 * size.tail, 3, padding=1)
        self.refine = nn.Conv2d(size.tail, size.tail, 3, padding=1)
        self.out = nn.Conv2d(size.tail, OUT_PLANES, 3, padding=1)
        gains = torch.tensor([LUMA_GAIN] * 4 + [CHROMA_GAIN] * 4)[:, None, None]
        self.register_buffer("gains", gains, persistent=False)
        with torch.no_grad():
            self.up.weight *= 0.3
            self.out.weight *= 0.1
            self.out.bias.zero_()

    def forward(self, window: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Window `(N, 35, h, w)` and carried state `(N, K, h, w)` → next state, clean residual `(2N, 3, 2h, 2w)`, fine
        luma residual `(2N, 1, 8h, 8w)`, fine chroma residual `(2N, 2, 4h, 4w)`; the instants of a frame side by side.
        """
        x, next_state = self.features(window, state)
        return (next_state, *self.pictures(x))

    def features(self, window: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Window and carried state → features `(N, C, h, w)` and the next state `(N, K, h, w)`."""
        x = torch.relu(self.stem(torch.cat([evened(window, self.gains), state.to(window.dtype)], dim=1)))
        x = self.before(x)
        deep = self.below(torch.relu(self.down(x)))
        x = self.after(x + nn.functional.pixel_shuffle(self.up(deep), 2))
        return x, STATE_KEPT * torch.clamp(x[:, : self.size.state], -STATE_LIMIT, STATE_LIMIT)

    def pictures(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features `(N, C, h, w)` → the three residuals."""
        x = self.tail(features)
        batch, _, height, width = x.shape
        x = x.reshape(batch * INSTANTS, 4 * self.size.tail, height, width)
        return self.residuals(nn.functional.pixel_shuffle(x, 2))

    def residuals(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What the tail gives at the size of the tape `(N, tail, 2h, 2w)` → the three residuals of N instants."""
        x = self.out(torch.relu(self.refine(torch.relu(x))))
        luma = nn.functional.pixel_shuffle(x[:, CLEAN_PLANES : CLEAN_PLANES + SCALE**2], SCALE)
        chroma = nn.functional.pixel_shuffle(x[:, CLEAN_PLANES + SCALE**2 :], SCALE // 2)
        return x[:, :CLEAN_PLANES], luma, chroma


class Deployed(nn.Module):
    """The net as it is exported: the last layers once per instant, each instant's channels apart from the start.

    What it computes is the same. Instants side by side in the batch made an engine move all features of the tape's size
    around, which took it a tenth of its time.
    """

    def __init__(self, net: FieldLiftNet) -> None:
        super().__init__()
        self.net = net
        self.tails = nn.ModuleList()
        for weight, bias in zip(net.tail.weight.chunk(INSTANTS), _bias(net.tail).chunk(INSTANTS), strict=True):
            tail = nn.Conv2d(net.size.width, 4 * net.size.tail, 3, padding=1)
            with torch.no_grad():
                tail.weight.copy_(weight)
                _bias(tail).copy_(bias)
            self.tails.append(tail)

    def forward(self, window: Tensor, state: Tensor) -> tuple[Tensor, ...]:
        """As the net's, but next state and then clean, luma and chroma residual of the first and of the second."""
        features, next_state = self.net.features(window, state)
        residuals = (self.net.residuals(nn.functional.pixel_shuffle(tail(features), 2)) for tail in self.tails)
        return (next_state, *(part for instant in residuals for part in instant))


def _bias(layer: nn.Conv2d) -> Tensor:
    assert layer.bias is not None
    return layer.bias
