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
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from footlights.errors import UsageError
from footlights.models.fieldlift import size_named
from footlights.models.fieldlift_torch import FieldLiftNet
from footlights.training import checkpoint, journal
from footlights.training.batches import BatchShape, ahead_of, draw_batch, draws
from footlights.training.checkpoint import Progress, Run
from footlights.training.graphed import GraphedStep, Learn
from footlights.training.losses import Weights, loss
from footlights.training.resident import ResidentShards
from footlights.training.shards import Shard, open_shards
from footlights.training.unroll import DeviceBatch, on_device, to_inputs, to_truth, unroll
from footlights.training.validate import Comparison, compare, write_sheet

_LOOK_EVERY = 20
"""Iterations on an accelerator between looks at its results: each look waits for it."""


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


def main(arguments: Sequence[str] | None = None) -> None:
    """Train to the end, or to `--minutes`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--shards", type=Path, required=True, help="folder with train/ and val/, as render made them")
    parser.add_argument("--run", type=Path, required=True, help="folder of this run: checkpoint, journal, sheets")
    parser.add_argument("--resume", action="store_true", help="go on from the run's checkpoint")
    parser.add_argument("--start-from", type=Path, help="take the weights of another run's checkpoint, nothing else")
    parser.add_argument("--minutes", type=float, help="stop after this time, resumable")
    parser.add_argument("--iterations", type=int, help="instead of the configuration's")
    chosen = parser.parse_args(arguments)
    text = chosen.config.read_text("utf-8")
    config = Config(**tomllib.loads(text))
    if chosen.iterations:
        config = replace(config, iterations=chosen.iterations)
        text += f"# as begun with --iterations {chosen.iterations}\n"
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


def begin(config: Config) -> Run[FieldLiftNet]:
    """A net with fresh weights, its mean and its optimiser."""
    torch.manual_seed(config.seed)
    torch.backends.cudnn.benchmark = True
    device = torch.device(config.device)
    net = FieldLiftNet(size_named(config.size)).to(device, memory_format=torch.channels_last)
    rate = torch.tensor(config.rate, device=device) if config.graphed else config.rate
    optimiser = torch.optim.AdamW(
        net.parameters(), rate, betas=(0.9, 0.99), weight_decay=1e-4, capturable=config.graphed
    )
    share = torch.zeros((), device=device)
    return Run(net, copy.deepcopy(net).requires_grad_(False), optimiser, Progress(), share)


def train(run: Run[FieldLiftNet], config: Config, text: str, places: Places, deadline: float) -> None:
    """Iterate, validate, save."""
    shards = open_shards(places.shards / "train", config.train_shards or None)
    held_out = open_shards(places.shards / "val")
    device = torch.device(config.device)
    last, saved, clock = places.run / "last.safetensors", time.monotonic(), Clock(run.progress)
    asked = Asked()
    sums: dict[str, Tensor] = {}
    learned = _learning(run, config)
    for batch in _planned(shards, config, run.progress.iteration, device):
        terms = step(run, config, batch, learned)
        for name, value in terms.items():
            sums[name] = sums.get(name, 0.0) + value
        done = run.progress.iteration
        clock.tick(run.progress)
        due = done % config.check_every == 0 or done == config.iterations
        late = time.monotonic() - saved > config.save_seconds or time.monotonic() > deadline or asked.to_stop
        if due or late or device.type == "cpu" or done % _LOOK_EVERY == 0:
            must_be_finite(terms["norm"], run.progress)
        if due:
            means = {name: float(value) / config.check_every for name, value in sums.items()}
            sums.clear()
            check(run, config, means, held_out, places)
            checkpoint.save(last, run, text)
            saved = time.monotonic()
            clock = Clock(run.progress)  # validation is not training
        elif late:
            checkpoint.save(last, run, text)
            saved = time.monotonic()
        if time.monotonic() > deadline or asked.to_stop:
            return


def _learning(run: Run[FieldLiftNet], config: Config) -> Learn:
    """What a step does on the device."""

    def one(batch: DeviceBatch) -> dict[str, Tensor]:
        return learn(run, config, batch)

    if not config.graphed:
        return one
    return GraphedStep(one, lambda: run.optimiser.zero_grad(set_to_none=True))


def step(run: Run[FieldLiftNet], config: Config, batch: DeviceBatch, learned: Learn) -> dict[str, Tensor]:
    """One iteration; the loss, its terms and the norm of the gradient."""
    progress = run.progress
    rate = config.rate * schedule(config, progress.iteration)
    for group in run.optimiser.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate
    # Early on the mean must not remember the untrained net.
    run.share.fill_(1 - min(config.mean, (1 + progress.iteration) / (10 + progress.iteration)))
    terms = learned(batch)
    progress.iteration += 1
    return terms


def learn(run: Run[FieldLiftNet], config: Config, batch: DeviceBatch) -> dict[str, Tensor]:
    """Forward, backward, the optimiser and the running mean; nothing here waits for the device."""
    run.net.train()
    with torch.autocast(run.share.device.type, dtype=torch.bfloat16, enabled=config.bf16, cache_enabled=False):
        made = unroll(run.net, to_inputs(batch))
    total, terms = loss(made, to_truth(batch), Weights())
    run.optimiser.zero_grad(set_to_none=True)
    total.backward()
    norm = torch.nn.utils.clip_grad_norm_(run.net.parameters(), config.clip)
    run.optimiser.step()
    with torch.no_grad():
        for mean, now in zip(run.mean.parameters(), run.net.parameters(), strict=True):
            mean.lerp_(now, run.share)
    return {"total": total.detach(), "norm": norm, **{name: term.detach() for name, term in terms.items()}}


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


def check(
    run: Run[FieldLiftNet], config: Config, means: dict[str, float], held_out: Sequence[Shard], places: Places
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


def _planned(shards: Sequence[Shard], config: Config, first: int, device: torch.device) -> Iterator[DeviceBatch]:
    """The batches still to come; the last part of the run may have longer samples."""
    turn = max(first, int(config.long_from * config.iterations))
    short = BatchShape(config.batch, config.frames, config.side)
    fewer = max(1, config.batch * config.frames // config.long_frames)
    long = BatchShape(fewer, config.long_frames, config.side)
    held = ResidentShards(shards, device) if config.resident else None
    for shape, numbers in ((short, range(first, turn)), (long, range(turn, config.iterations))):
        if held:
            yield from _cut_there(held, shards, config, shape, numbers)
        else:
            drawn = partial(draw_batch, shards, shape, config.seed)
            yield from (on_device(batch, device) for batch in ahead_of(drawn, numbers, config.readers))


def _cut_there(
    held: ResidentShards, shards: Sequence[Shard], config: Config, shape: BatchShape, numbers: range
) -> Iterator[DeviceBatch]:
    def told(number: int) -> NDArray[np.float64]:
        return held.told(draws(shards, shape, config.seed, number))

    for table in ahead_of(told, numbers, config.readers):
        yield held.gathered(table, shape)


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


if __name__ == "__main__":
    main()
