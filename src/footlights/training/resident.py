"""Shards held whole in the memory of an accelerator: batches are cut out there, none travels.

The same draws give the same batches as `batches.draw_batch`, element by element.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from footlights.errors import UsageError
from footlights.training.batches import BatchShape, Draw
from footlights.training.shards import Shard
from footlights.training.unroll import DeviceBatch

_READERS = 4
_TRUTH = ("truth_luma", "truth_chroma")
_TAPE = ("luma", "chroma", "motion", "damage")


class ResidentShards:
    """All shards of a training as one array of each kind; they must be of one shape."""

    def __init__(self, shards: Sequence[Shard], device: torch.device) -> None:
        self.device = device
        self.tapes, self.crops = len(shards[0].tapes), shards[0].crops
        self.frames, self.side = shards[0].frames, shards[0].side
        for shard in shards:
            if (len(shard.tapes), shard.crops, shard.frames, shard.side) != (
                self.tapes,
                self.crops,
                self.frames,
                self.side,
            ):
                raise UsageError(f"{shard.name} is of another shape", "shards held together must agree", "render anew")
        self._upside_down = np.array([[tape.upside_down for tape in shard.tapes] for shard in shards])
        self._progressive = np.array([[tape.progressive for tape in shard.tapes] for shard in shards])
        self._arrays = {name: self._held(shards, name) for name in (*_TRUTH, *_TAPE)}

    def _held(self, shards: Sequence[Shard], name: str) -> Tensor:
        """One array of all shards: `(shards × crops, …)` of the truth, `(shards × tapes × crops, …)` of the tapes."""
        shape = shards[0].arrays[name].shape
        first = shape[0] if name in _TRUTH else shape[0] * shape[1]
        rest = shape[1:] if name in _TRUTH else shape[2:]
        sample = torch.from_numpy(np.empty(0, shards[0].arrays[name].dtype))
        held = torch.empty((len(shards) * first, *rest), dtype=sample.dtype, device=self.device)

        def read(number: int) -> None:
            part = torch.from_numpy(np.array(shards[number].arrays[name])).reshape(first, *rest)
            held[number * first : (number + 1) * first].copy_(part)

        with ThreadPoolExecutor(_READERS) as pool:
            list(pool.map(read, range(len(shards))))
        return held

    def batch(self, found: Sequence[Draw], shape: BatchShape) -> DeviceBatch:
        """The batch these draws are of."""
        return self.gathered(self.told(found), shape)

    def told(self, found: Sequence[Draw]) -> NDArray[np.float64]:
        """Draws as one table `(facts, B)`, made ready away from the device."""
        rows = []
        for draw in found:
            lost = draw.lost
            parities = lost.parities if lost else ()
            rows.append(
                [
                    draw.shard * self.crops + draw.crop,
                    (draw.shard * self.tapes + draw.tape) * self.crops + draw.crop,
                    draw.start,
                    draw.top,
                    draw.left,
                    self._upside_down[draw.shard, draw.tape],
                    self._progressive[draw.shard, draw.tape],
                    draw.marked,
                    lost.frame if lost else -1,
                    0 in parities,
                    1 in parities,
                    lost.other if lost else 0,
                    draw.sigma,
                    *draw.gain,
                ]
            )
        return np.array(rows, np.float64).T.copy()

    def gathered(self, told: NDArray[np.float64], shape: BatchShape) -> DeviceBatch:
        """The batch of a table of draws."""
        table = torch.from_numpy(told)
        if self.device.type == "cuda":
            table = table.pin_memory()
        table = table.to(self.device, non_blocking=True)
        whole = table[:12].long()
        truth, tape, start, top, left, upside_down, progressive, marked, lost, lost_top, lost_bottom, other = whole
        steps = torch.arange(shape.frames + 2, device=self.device)
        wanted = start[:, None] - 1 + steps  # (B, T + 2)
        own = wanted.clamp(0, self.frames - 1)
        there = (wanted >= 0) & (wanted < self.frames)
        gone = (
            torch.stack([lost_top, lost_bottom], dim=1)[:, None] * (steps == lost[:, None])[:, :, None]
        )  # (B, T+2, 2)
        instead = (start - 1 + other).clamp(0, self.frames - 1)
        shown = torch.where(gone.bool(), instead[:, None, None], own[:, :, None])  # (B, T + 2, 2)
        return DeviceBatch(
            luma=self._luma(tape, shown, (top, left), shape.side),
            chroma=self._chroma(tape, shown, (top, left), shape.side),
            motion=self._motion(tape, start, (top, left), shape),
            valid=self._valid(tape, own, (top, left), shape.side, marked)
            * (there[:, :, None] & ~gone.bool())[..., None, None],
            sigma=table[12].float(),
            gain=table[13:].float().T.contiguous(),
            **self._truth((truth, start, progressive), (top, left, upside_down), shape),
        )

    def _luma(self, tape: Tensor, shown: Tensor, corner: tuple[Tensor, Tensor], side: int) -> Tensor:
        line = torch.arange(side, device=self.device)
        frames = shown[:, :, line % 2]  # (B, T + 2, S)
        rows, columns = (each[:, None] + line for each in corner)
        return self._arrays["luma"][_at(tape, 4), frames[..., None], rows[:, None, :, None], columns[:, None, None]]

    def _chroma(self, tape: Tensor, shown: Tensor, corner: tuple[Tensor, Tensor], side: int) -> Tensor:
        line = torch.arange(side, device=self.device)
        frames = shown[:, :, line % 2][:, :, None, :, None]
        plane = torch.arange(2, device=self.device)[:, None, None]
        rows = (corner[0][:, None] + line)[:, None, None, :, None]
        columns = (corner[1][:, None] // 2 + line[: side // 2])[:, None, None, None]
        return self._arrays["chroma"][_at(tape, 5), frames, plane, rows, columns]

    def _cells(self, corner: tuple[Tensor, Tensor], side: int) -> tuple[Tensor, Tensor]:
        """Rows and columns of a sample's cells `(B, S/2)`."""
        cell = torch.arange(side // 2, device=self.device)
        return corner[0][:, None] // 2 + cell, corner[1][:, None] // 2 + cell

    def _motion(self, tape: Tensor, start: Tensor, corner: tuple[Tensor, Tensor], shape: BatchShape) -> Tensor:
        rows, columns = self._cells(corner, shape.side)
        frames = start[:, None] + torch.arange(shape.frames, device=self.device)
        two = torch.arange(2, device=self.device)
        return self._arrays["motion"][
            _at(tape, 6),
            frames[:, :, None, None, None, None],
            two[:, None, None, None],
            two[:, None, None],
            rows[:, None, None, None, :, None],
            columns[:, None, None, None, None],
        ]

    def _valid(self, tape: Tensor, own: Tensor, corner: tuple[Tensor, Tensor], side: int, marked: Tensor) -> Tensor:
        rows, columns = self._cells(corner, side)
        field = torch.arange(2, device=self.device)[:, None, None]
        damage = self._arrays["damage"][
            _at(tape, 5), own[:, :, None, None, None], field, rows[:, None, None, :, None], columns[:, None, None, None]
        ]
        return 1 - damage * marked[:, None, None, None, None].to(torch.uint8)

    def _truth(
        self, which: tuple[Tensor, Tensor, Tensor], place: tuple[Tensor, Tensor, Tensor], shape: BatchShape
    ) -> dict[str, Any]:
        truth, start, progressive = which
        top, left, upside_down = place
        instants = 2 * start[:, None] + torch.arange(2 * shape.frames, device=self.device)
        instants = instants - instants % 2 * progressive[:, None]

        def lines(scale: int) -> tuple[Tensor, Tensor]:
            line = torch.arange(scale * shape.side, device=self.device)
            upright = scale * top[:, None] + line
            rows = torch.where(upside_down[:, None].bool(), scale * self.side - 1 - upright, upright)
            return rows, scale * left[:, None] + line

        rows, columns = lines(4)
        luma = self._arrays["truth_luma"][
            _at(truth, 4), instants[:, :, None, None], rows[:, None, :, None], columns[:, None, None]
        ]
        rows, columns = lines(2)
        plane = torch.arange(2, device=self.device)[:, None, None]
        chroma = self._arrays["truth_chroma"][
            _at(truth, 5),
            instants[:, :, None, None, None],
            plane,
            rows[:, None, None, :, None],
            columns[:, None, None, None],
        ]
        return {"truth_luma": luma, "truth_chroma": chroma}


def _at(index: Tensor, axes: int) -> Tensor:
    """`(B,)` as `(B, 1, …)` of so many axes."""
    return index.view(-1, *[1] * (axes - 1))
