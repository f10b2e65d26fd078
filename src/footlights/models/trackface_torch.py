"""TrackFace as a torch module, for training and export only; conventions in `footlights.models.trackface`.

Residual blocks without norms at a half, a quarter and an eighth of the crop's side; the memory enters at a quarter; at
an eighth every cell looks at 5×5 cells of each reference (dot-product attention with an empty answer to choose), which
brings the detail of 8×8 samples at once.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from footlights.models.fieldlift_torch import Block
from footlights.models.trackface import PLANES, REFERENCES, STATE

HALF, QUARTER, EIGHTH = 20, 40, 64
"""Channels of the three grids."""
_CELL = 8
_REACH = 2
"""Cells around its own that a cell looks at in every reference."""
_KEY, _VALUE = 16, 48
_STATE_LIMIT = 4.0
_NOT_THERE = 30.0


class References(nn.Module):
    """What the references say to every cell."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(_CELL**2, EIGHTH, 3, padding=1)
        self.block = Block(EIGHTH)
        self.key = nn.Conv2d(EIGHTH, _KEY, 1)
        self.value = nn.Conv2d(EIGHTH, _VALUE, 1)
        self.query = nn.Conv2d(EIGHTH, _KEY, 1)
        self.near = nn.Parameter(torch.zeros((2 * _REACH + 1) ** 2))
        """Liking for each of the neighbouring cells."""
        self.nothing = nn.Parameter(torch.zeros(1))

    def encode(self, details: Tensor) -> Tensor:
        """Detail `(N·3, 1, P, P)` → keys and values, side by side, `(N·3, K + V, P/8, P/8)`."""
        x = self.block(torch.relu(self.stem(nn.functional.pixel_unshuffle(details, _CELL))))
        return torch.cat([self.key(x), self.value(x)], dim=1)

    def forward(self, x: Tensor, encoded: Tensor, there: Tensor) -> Tensor:
        """Features `(N, C, h, w)`, encoded references and which are there `(N, 3)` → `(N, V, h, w)`."""
        batch, _, height, width = x.shape
        query = self.query(x).unsqueeze(1) * _KEY**-0.5
        padded = nn.functional.pad(encoded, (_REACH, _REACH, _REACH, _REACH))
        padded = padded.reshape(batch, REFERENCES, _KEY + _VALUE, height + 2 * _REACH, width + 2 * _REACH)
        cells = [
            padded[..., row : row + height, column : column + width]
            for row in range(2 * _REACH + 1)
            for column in range(2 * _REACH + 1)
        ]
        missing = ((there - 1) * _NOT_THERE)[:, :, None, None]
        scores = [
            (query * cell[:, :, :_KEY]).sum(dim=2) + self.near[number] + missing for number, cell in enumerate(cells)
        ]
        nothing = self.nothing.reshape(1, 1, 1, 1).expand(batch, 1, height, width)
        shares = torch.softmax(torch.cat([*scores, nothing], dim=1), dim=1)
        found = torch.zeros_like(cells[0][:, 0, _KEY:])
        for number, cell in enumerate(cells):
            share = shares[:, REFERENCES * number : REFERENCES * (number + 1)].unsqueeze(2)
            found = found + (share * cell[:, :, _KEY:]).sum(dim=1)
        return found


class TrackFaceNet(nn.Module):
    """One step of the recurrence."""

    def __init__(self) -> None:
        super().__init__()
        self.references = References()
        self.stem = nn.Conv2d(4 * 3 + PLANES - 3, HALF, 3, padding=1)
        self.enter = Block(HALF)
        self.down = nn.Conv2d(HALF, QUARTER, 3, stride=2, padding=1)
        self.recall = nn.Conv2d(QUARTER + STATE, QUARTER, 3, padding=1)
        self.middle = Block(QUARTER)
        self.deeper = nn.Conv2d(QUARTER, EIGHTH, 3, stride=2, padding=1)
        self.deep = Block(EIGHTH)
        self.join = nn.Conv2d(EIGHTH + _VALUE, EIGHTH, 1)
        self.deepest = nn.Sequential(Block(EIGHTH), Block(EIGHTH))
        self.up = nn.Conv2d(EIGHTH, 4 * QUARTER, 1)
        self.back = nn.Sequential(Block(QUARTER), Block(QUARTER))
        self.higher = nn.Conv2d(QUARTER, 4 * HALF, 1)
        self.leave = Block(HALF)
        self.out = nn.Conv2d(HALF, 4, 3, padding=1)
        with torch.no_grad():
            self.out.weight.zero_()
            self.out.bias.zero_()

    def encode(self, references: Tensor) -> Tensor:
        """References' detail `(N, 3, P, P)` → what attention reads; the same for every instant of a track."""
        batch, count, height, width = references.shape
        return self.references.encode(references.reshape(batch * count, 1, height, width))

    def forward(self, window: Tensor, state: Tensor, references: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
        """Window `(N, 9, P, P)`, memory `(N, 16, P/4, P/4)`, references `(N, 3, P, P)` and which are there `(N, 3)` →
        next memory and residual of detail `(N, 1, P, P)`.
        """
        return self.step(window, state, self.encode(references), there)

    def step(self, window: Tensor, state: Tensor, encoded: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
        """As `forward`, with references already encoded."""
        half = torch.cat(
            [nn.functional.pixel_unshuffle(window[:, :3], 2), nn.functional.avg_pool2d(window[:, 3:], 2)], dim=1
        )
        fine = self.enter(torch.relu(self.stem(half)))
        quarter = torch.relu(self.down(fine))
        quarter = self.middle(torch.relu(self.recall(torch.cat([quarter, state.to(quarter.dtype)], dim=1))))
        deep = self.deep(torch.relu(self.deeper(quarter)))
        found = self.references(deep, encoded, there)
        deep = self.deepest(torch.relu(self.join(torch.cat([deep, found], dim=1))))
        quarter = self.back(quarter + nn.functional.pixel_shuffle(self.up(deep), 2))
        fine = self.leave(fine + nn.functional.pixel_shuffle(self.higher(quarter), 2))
        residual = nn.functional.pixel_shuffle(self.out(fine), 2)
        return torch.clamp(quarter[:, :STATE], -_STATE_LIMIT, _STATE_LIMIT), residual
