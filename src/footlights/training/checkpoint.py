"""Checkpoints: one safetensors file with net, running mean of the net and optimiser, and the place in the run.

Written under another name, synced, renamed: a file that exists is whole. Nothing in it can run code when it is read.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from footlights.errors import UsageError
from footlights.models.fieldlift_torch import FieldLiftNet

N = TypeVar("N", bound=nn.Module)

MOMENTS = ("exp_avg", "exp_avg_sq")
"""AdamW's own state of each parameter, besides its count of steps."""


@dataclass(slots=True)
class Progress:
    """Where a run stands."""

    iteration: int = 0
    cpu_seconds: float = 0.0
    """Processor time spent in training so far, all threads."""
    wall_seconds: float = 0.0


@dataclass(slots=True)
class Run(Generic[N]):
    """What training changes."""

    net: N
    mean: N
    """Exponential mean of the net's weights: what is validated and exported."""
    optimiser: torch.optim.AdamW
    progress: Progress
    share: Tensor
    """Of the net of now in its running mean, a scalar on the device."""


def save(path: Path, run: Run[N], config: str) -> None:
    """Write a checkpoint; `config` is the configuration's text, which a resumed run must share in what it fixes."""
    tensors: dict[str, Tensor] = {}
    for name, parameter in run.net.named_parameters():
        tensors[f"net.{name}"] = parameter.detach().contiguous()
        kept = run.optimiser.state.get(parameter, {})
        for moment in MOMENTS:
            if moment in kept:
                tensors[f"{moment}.{name}"] = kept[moment].contiguous()
    for name, parameter in run.mean.named_parameters():
        tensors[f"mean.{name}"] = parameter.detach().contiguous()
    progress = run.progress
    facts = {
        "size": _size(run.net),
        "config": config,
        "progress": json.dumps([progress.iteration, progress.cpu_seconds, progress.wall_seconds]),
    }
    part = path.with_name(path.name + ".part")
    save_file(tensors, str(part), metadata=facts)
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def load(path: Path, run: Run[N]) -> None:
    """Put a checkpoint back into a run, bit for bit."""
    with safe_open(str(path), "pt") as file:
        facts = file.metadata() or {}
        if facts.get("size") != _size(run.net):
            raise UsageError(
                f"{path} holds a net of size {facts.get('size')!r}",
                f"the configuration asks for {_size(run.net)!r}",
                "resume with the configuration it was begun with",
            )
        known = set(file.keys())
        iteration, cpu_seconds, wall_seconds = json.loads(facts["progress"])
        with torch.no_grad():
            for name, parameter in run.net.named_parameters():
                parameter.copy_(file.get_tensor(f"net.{name}"))
                if f"{MOMENTS[0]}.{name}" in known:
                    state = {moment: file.get_tensor(f"{moment}.{name}").to(parameter) for moment in MOMENTS}
                    # A captured step counts on the device.
                    place = parameter.device if run.optimiser.defaults["capturable"] else "cpu"
                    run.optimiser.state[parameter] = {"step": torch.tensor(float(iteration), device=place), **state}
            for name, parameter in run.mean.named_parameters():
                parameter.copy_(file.get_tensor(f"mean.{name}"))
    run.progress = Progress(iteration, cpu_seconds, wall_seconds)


def mean_net(path: Path, net: N) -> N:
    """The running mean of a checkpoint, in a net of its size."""
    with safe_open(str(path), "pt") as file, torch.no_grad():
        for name, parameter in net.named_parameters():
            parameter.copy_(file.get_tensor(f"mean.{name}"))
    return net.eval()


def size_of(path: Path) -> str:
    """Name of the size a checkpoint holds."""
    with safe_open(str(path), "pt") as file:
        return str((file.metadata() or {}).get("size", ""))


def _size(net: nn.Module) -> str:
    """What a checkpoint calls the net it holds."""
    return net.size.name if isinstance(net, FieldLiftNet) else type(net).__name__
