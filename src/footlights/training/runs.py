"""What every training shares: its configuration, its command line, where it goes on, the rate, the clock, the end."""

from __future__ import annotations

import argparse
import os
import signal
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from footlights.errors import UsageError
from footlights.training import checkpoint, journal
from footlights.training.checkpoint import N, Progress, Run


@dataclass(frozen=True, slots=True)
class Config:
    """One training, as its TOML file says it."""

    promise: str
    """What this training must reach, before it is begun."""
    size: str
    iterations: int
    batch: int
    frames: int
    """Steps of the recurrence in a sample."""
    side: int
    """Samples of the tape, a multiple of 8."""
    long_from: float = 1.0
    """Share of the run from which samples have `long_frames` steps and a smaller batch at equal cost."""
    long_frames: int = 8
    rate: float = 8e-4
    """Learning rate after warm-up."""
    warm_up: int = 200
    decay_from: float = 0.75
    """Share of the run after which the rate falls along a cosine; until then the run can be prolonged."""
    decay_to: float = 0.002
    mean: float = 0.999
    """Weight of the past in the running mean of the net."""
    clip: float = 0.5
    """Greatest norm of the gradient."""
    seed: int = 1
    device: str = "cpu"
    threads: int = 2
    readers: int = 2
    """Threads that draw batches ahead."""
    bf16: bool = True
    resident: bool = False
    """Hold all shards in the memory of the device."""
    graphed: bool = False
    """Capture the step as a CUDA graph."""
    train_shards: int = 0
    """Shards used, in the order of their names; 0 for all. A resumed run must use the same."""
    check_every: int = 500
    """Iterations between validations."""
    check_crops: int = 16
    """Crops of each validation shard."""
    save_seconds: float = 300.0


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was asked for on the command line."""

    config: Config
    text: str
    """The configuration as its file says it, for the checkpoint."""
    shards: Path
    """Folder with train/ and val/."""
    run: Path
    """Folder of the run: checkpoint, journal, curve, sheets."""
    resume: bool
    start_from: Path | None
    deadline: float
    """On the monotonic clock."""

    @property
    def last(self) -> Path:
        """The run's checkpoint."""
        return self.run / "last.safetensors"


def choose(description: str | None, arguments: Sequence[str] | None) -> Chosen:
    """Read the command line; UsageError where a run would be begun over another."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--shards", type=Path, required=True, help="folder with train/ and val/, as they were rendered")
    parser.add_argument("--run", type=Path, required=True, help="folder of this run: checkpoint, journal, sheets")
    parser.add_argument("--resume", action="store_true", help="go on from the run's checkpoint")
    parser.add_argument("--start-from", type=Path, help="take the weights of another run's checkpoint, nothing else")
    parser.add_argument("--minutes", type=float, help="stop after this time, resumable")
    parser.add_argument("--iterations", type=int, help="instead of the configuration's")
    given = parser.parse_args(arguments)
    text = given.config.read_text("utf-8")
    config = Config(**tomllib.loads(text))
    if given.iterations:
        config = replace(config, iterations=given.iterations)
        text += f"# as begun with --iterations {given.iterations}\n"
    deadline = time.monotonic() + given.minutes * 60 if given.minutes else float("inf")
    chosen = Chosen(config, text, given.shards, given.run, given.resume, given.start_from, deadline)
    if chosen.last.exists() and not chosen.resume:
        raise UsageError(f"{chosen.last} exists", "a run is not begun over another", "give --resume or another --run")
    chosen.run.mkdir(parents=True, exist_ok=True)
    return chosen


def go_on(run: Run[N], chosen: Chosen) -> None:
    """Put the run where it stood, or give it another run's weights, as was asked."""
    if chosen.resume and chosen.last.exists():
        checkpoint.load(chosen.last, run)
        journal.drop_after(chosen.run / "journal.csv", run.progress.iteration)
    elif chosen.start_from:
        checkpoint.mean_net(chosen.start_from, run.net)
        run.mean.load_state_dict(run.net.state_dict())


def must_be_finite(norm: Tensor, progress: Progress) -> None:
    """Stop before a broken gradient is saved."""
    if not torch.isfinite(norm):
        raise ArithmeticError(f"the gradient is not finite at iteration {progress.iteration}")


def schedule(config: Config, iteration: int) -> float:
    """Factor on the learning rate: linear warm-up, a plateau, a cosine."""
    if iteration < config.warm_up:
        return (iteration + 1) / config.warm_up
    share = iteration / config.iterations
    if share < config.decay_from:
        return 1.0
    fall = (share - config.decay_from) / (1 - config.decay_from)
    cosine = 0.5 + 0.5 * float(torch.cos(torch.tensor(fall * torch.pi)))
    return config.decay_to + (1 - config.decay_to) * cosine


class Asked:
    """Whether somebody asked the process to end: the iteration is finished and saved first."""

    def __init__(self) -> None:
        self.to_stop = False
        signal.signal(signal.SIGTERM, self._stop)

    def _stop(self, *_: object) -> None:
        self.to_stop = True


class Clock:
    """Adds the time since it was made to a run's progress."""

    def __init__(self, progress: Progress) -> None:
        self._wall, self._cpu = time.monotonic(), _processor_seconds()
        self._before = (progress.wall_seconds, progress.cpu_seconds)

    def tick(self, progress: Progress) -> None:
        progress.wall_seconds = self._before[0] + time.monotonic() - self._wall
        progress.cpu_seconds = self._before[1] + _processor_seconds() - self._cpu


def _processor_seconds() -> float:
    times = os.times()
    return times.user + times.system
