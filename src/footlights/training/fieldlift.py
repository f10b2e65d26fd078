"""Trains FieldLift: `python -m footlights.training.fieldlift --config training/configs/NAME.toml [--resume]`.

Reads shards (see `render`), writes checkpoints, a journal, a curve and picture sheets into the run's folder. Every
batch follows from the seed and its number, so a run that was stopped and resumed is the run that was not.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from footlights.models.fieldlift import size_named
from footlights.models.fieldlift_torch import FieldLiftNet
from footlights.training import checkpoint, journal
from footlights.training.batches import BatchShape, ahead_of, draw_batch, draws
from footlights.training.checkpoint import Progress, Run
from footlights.training.graphed import GraphedStep, Learn
from footlights.training.losses import Weights, loss
from footlights.training.resident import ResidentShards
from footlights.training.runs import Asked, Chosen, Clock, Config, choose, go_on, must_be_finite, schedule
from footlights.training.shards import Shard, open_shards
from footlights.training.unroll import DeviceBatch, on_device, to_inputs, to_truth, unroll
from footlights.training.validate import Comparison, compare, write_sheet

_LOOK_EVERY = 20
"""Iterations on an accelerator between looks at its results: each look waits for it."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Train to the end, or to `--minutes`."""
    chosen = choose(__doc__, arguments)
    torch.set_num_threads(chosen.config.threads)
    run = begin(chosen.config)
    go_on(run, chosen)
    train(run, chosen)


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


def train(run: Run[FieldLiftNet], chosen: Chosen) -> None:
    """Iterate, validate, save."""
    config, deadline = chosen.config, chosen.deadline
    shards = open_shards(chosen.shards / "train", config.train_shards or None)
    held_out = open_shards(chosen.shards / "val")
    device = torch.device(config.device)
    saved, clock, asked = time.monotonic(), Clock(run.progress), Asked()
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
            check(run, config, means, held_out, chosen.run)
            checkpoint.save(chosen.last, run, chosen.text)
            saved = time.monotonic()
            clock = Clock(run.progress)  # validation is not training
        elif late:
            checkpoint.save(chosen.last, run, chosen.text)
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


def check(
    run: Run[FieldLiftNet], config: Config, means: dict[str, float], held_out: Sequence[Shard], folder: Path
) -> dict[str, Comparison]:
    """Validate the mean net, note it, draw the curve and the sheet."""
    device = torch.device(config.device)
    results = compare(run.mean, held_out, device, config.check_crops, bf16=config.bf16)
    table = folder / "journal.csv"
    journal.note(table, run.progress, means, results)
    journal.draw_curves(table, folder / "curve.png")
    write_sheet(run.mean, held_out, folder / "sheet.png", device)
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


if __name__ == "__main__":
    main()
