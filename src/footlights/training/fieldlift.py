"""Trains FieldLift: `python -m footlights.training.fieldlift --config training/configs/NAME.toml [--resume]`.

Reads shards (see `render`), writes checkpoints, a journal, a curve and picture sheets into the run's folder. Every
batch follows from the seed and its number, so a run that was stopped and resumed is the run that was not.
"""

from __future__ import annotations

import argparse
import copy
import os
import signal
import time
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from footlights.errors import UsageError
from footlights.models.fieldlift import size_named
from footlights.models.fieldlift_torch import FieldLiftNet
from footlights.training import checkpoint, journal
from footlights.training.batches import Batch, BatchShape, batches
from footlights.training.checkpoint import Progress, Run
from footlights.training.losses import Weights, loss
from footlights.training.shards import Shard, open_shards
from footlights.training.unroll import to_inputs, to_truth, unroll
from footlights.training.validate import Comparison, compare, write_sheet


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
    compiled: bool = False
    train_shards: int = 0
    """Shards used, in the order of their names; 0 for all. A resumed run must use the same."""
    check_every: int = 500
    """Iterations between validations."""
    check_crops: int = 16
    """Crops of each validation shard."""
    save_seconds: float = 300.0


def main(arguments: Sequence[str] | None = None) -> None:
    """Train to the end, or to `--minutes`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--shards", type=Path, required=True, help="folder with train/ and val/, as render made them")
    parser.add_argument("--run", type=Path, required=True, help="folder of this run: checkpoint, journal, sheets")
    parser.add_argument("--resume", action="store_true", help="go on from the run's checkpoint")
    parser.add_argument("--start-from", type=Path, help="take the weights of another run's checkpoint, nothing else")
    parser.add_argument("--minutes", type=float, help="stop after this time, resumable")
    chosen = parser.parse_args(arguments)
    text = chosen.config.read_text("utf-8")
    config = Config(**tomllib.loads(text))
    last = chosen.run / "last.safetensors"
    if last.exists() and not chosen.resume:
        raise UsageError(f"{last} exists", "a run is not begun over another", "give --resume or another --run")
    chosen.run.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(config.threads)
    run = begin(config)
    if chosen.resume and last.exists():
        checkpoint.load(last, run)
        journal.drop_after(chosen.run / "journal.csv", run.progress.iteration)
    elif chosen.start_from:
        checkpoint.mean_net(chosen.start_from, run.net)
        run.mean.load_state_dict(run.net.state_dict())
    deadline = time.monotonic() + chosen.minutes * 60 if chosen.minutes else float("inf")
    train(run, config, text, Places(chosen.shards, chosen.run), deadline)


@dataclass(frozen=True, slots=True)
class Places:
    """Folders of a run."""

    shards: Path
    run: Path


def begin(config: Config) -> Run:
    """A net with fresh weights, its mean and its optimiser."""
    torch.manual_seed(config.seed)
    device = torch.device(config.device)
    net = FieldLiftNet(size_named(config.size)).to(device, memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(net.parameters(), config.rate, betas=(0.9, 0.99), weight_decay=1e-4)
    return Run(net, copy.deepcopy(net).requires_grad_(False), optimiser, Progress())


def train(run: Run, config: Config, text: str, places: Places, deadline: float) -> None:
    """Iterate, validate, save."""
    shards = open_shards(places.shards / "train", config.train_shards or None)
    held_out = open_shards(places.shards / "val")
    device = torch.device(config.device)
    if config.compiled:
        run.net.features = torch.compile(run.net.features)  # type: ignore[method-assign]
        run.net.pictures = torch.compile(run.net.pictures)  # type: ignore[method-assign]
    last, saved, clock = places.run / "last.safetensors", time.monotonic(), _Clock(run.progress)
    asked = _Asked()
    sums: dict[str, float] = {}
    for batch in _planned(shards, config, run.progress.iteration):
        for name, value in step(run, config, batch, device).items():
            sums[name] = sums.get(name, 0.0) + value
        done = run.progress.iteration
        clock.tick(run.progress)
        if done % config.check_every == 0 or done == config.iterations:
            means = {name: value / config.check_every for name, value in sums.items()}
            sums.clear()
            check(run, config, means, held_out, places)
            checkpoint.save(last, run, text)
            saved = time.monotonic()
            clock = _Clock(run.progress)  # validation is not training
        elif time.monotonic() - saved > config.save_seconds or time.monotonic() > deadline or asked.to_stop:
            checkpoint.save(last, run, text)
            saved = time.monotonic()
        if time.monotonic() > deadline or asked.to_stop:
            return


def step(run: Run, config: Config, batch: Batch, device: torch.device) -> dict[str, float]:
    """One iteration; the loss and its terms."""
    progress = run.progress
    for group in run.optimiser.param_groups:
        group["lr"] = config.rate * schedule(config, progress.iteration)
    run.net.train()
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=config.bf16):
        made = unroll(run.net, to_inputs(batch, device))
    total, terms = loss(made, to_truth(batch, device), Weights())
    run.optimiser.zero_grad(set_to_none=True)
    total.backward()
    norm = torch.nn.utils.clip_grad_norm_(run.net.parameters(), config.clip)
    if not torch.isfinite(norm):
        raise ArithmeticError(f"the gradient is not finite at iteration {progress.iteration}")
    run.optimiser.step()
    # Early on the mean must not remember the untrained net.
    keep = min(config.mean, (1 + progress.iteration) / (10 + progress.iteration))
    with torch.no_grad():
        for mean, now in zip(run.mean.parameters(), run.net.parameters(), strict=True):
            mean.lerp_(now, 1 - keep)
    progress.iteration += 1
    return {"total": float(total.detach()), **{name: float(term.detach()) for name, term in terms.items()}}


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


def check(
    run: Run, config: Config, means: dict[str, float], held_out: Sequence[Shard], places: Places
) -> dict[str, Comparison]:
    """Validate the mean net, note it, draw the curve and the sheet."""
    device = torch.device(config.device)
    results = compare(run.mean, held_out, device, config.check_crops, bf16=config.bf16)
    table = places.run / "journal.csv"
    journal.note(table, run.progress, means, results)
    journal.draw_curves(table, places.run / "curve.png")
    write_sheet(run.mean, held_out, places.run / "sheet.png", device)
    line = ", ".join(f"{name} {found.ours.fine - found.classical.fine:+.2f}" for name, found in results.items())
    print(f"{run.progress.iteration}: loss {means.get('total', 0):.4f}; fine luma {line} dB", flush=True)  # noqa: T201
    return results


def _planned(shards: Sequence[Shard], config: Config, first: int) -> Iterator[Batch]:
    """The batches still to come; the last part of the run may have longer samples."""
    turn = max(first, int(config.long_from * config.iterations))
    short = BatchShape(config.batch, config.frames, config.side)
    fewer = max(1, config.batch * config.frames // config.long_frames)
    long = BatchShape(fewer, config.long_frames, config.side)
    yield from batches(shards, short, config.seed, range(first, turn), ahead=config.readers)
    yield from batches(shards, long, config.seed, range(turn, config.iterations), ahead=config.readers)


class _Asked:
    """Whether somebody asked the process to end: the iteration is finished and saved first."""

    def __init__(self) -> None:
        self.to_stop = False
        signal.signal(signal.SIGTERM, self._stop)

    def _stop(self, *_: object) -> None:
        self.to_stop = True


class _Clock:
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


if __name__ == "__main__":
    main()
