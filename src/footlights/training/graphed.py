"""A training step captured once as a CUDA graph and replayed: a small net's step is made of two thousand small
kernels, and launching them one by one takes longer than running them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import torch
from torch import Tensor

from footlights.training.unroll import DeviceBatch

Learn = Callable[[DeviceBatch], dict[str, Tensor]]

_WARM_STEPS = 3
"""Steps taken one by one before capture, as PyTorch asks for: libraries choose their kernels and workspaces."""


class GraphedStep:
    """Calls `learn`, which must wait for nothing on the device, and replays it from the fourth batch of a shape on.

    The terms it gives are overwritten by the next call.
    """

    def __init__(self, learn: Learn, forget_gradients: Callable[[], None]) -> None:
        self._learn, self._forget_gradients = learn, forget_gradients
        self._graph: torch.cuda.CUDAGraph | None = None
        self._terms: dict[str, Tensor] = {}
        self._held: DeviceBatch | None = None
        self._shape: torch.Size | None = None
        self._warm = 0

    def __call__(self, batch: DeviceBatch) -> dict[str, Tensor]:
        """One step."""
        if batch.truth_luma.shape != self._shape:
            self._graph, self._shape, self._warm = None, batch.truth_luma.shape, 0
        if self._warm < _WARM_STEPS:
            self._warm += 1
            return self._aside(batch)
        if self._graph is None:
            self._capture(batch)
        self._fill(batch)
        assert self._graph is not None
        self._graph.replay()
        return self._terms

    def _aside(self, batch: DeviceBatch) -> dict[str, Tensor]:
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            terms = self._learn(batch)
        torch.cuda.current_stream().wait_stream(stream)
        return terms

    def _capture(self, batch: DeviceBatch) -> None:
        self._held = DeviceBatch(**{entry.name: getattr(batch, entry.name).clone() for entry in fields(DeviceBatch)})
        self._forget_gradients()  # those of the capture must live in its own memory
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._terms = self._learn(self._held)
        self._graph = graph

    def _fill(self, batch: DeviceBatch) -> None:
        for entry in fields(DeviceBatch):
            getattr(self._held, entry.name).copy_(getattr(batch, entry.name))
