"""The way of a small net's training on the processor: batch by batch, looked at now and then, saved, ended in order."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import cv2
import torch
from torch import Tensor

from footlights.training import checkpoint
from footlights.training.checkpoint import Progress, Run
from footlights.training.runs import Asked, Chosen, Clock, Config, go_on, must_be_finite, schedule

B = TypeVar("B")
N = TypeVar("N", bound=torch.nn.Module)


def begun(make: Callable[[], N], config: Config, *, decay: float) -> Run[N]:
    """A net with fresh weights, its mean and its optimiser, whose weights decay by `decay`."""
    torch.manual_seed(config.seed)
    net = make().to(memory_format=torch.channels_last)
    trained = [parameter for parameter in net.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(trained, config.rate, betas=(0.9, 0.99), weight_decay=decay)
    return Run(net, copy.deepcopy(net).requires_grad_(False), optimiser, Progress(), torch.zeros(()))


def taken_up(begin: Callable[[Config], Run[N]], chosen: Chosen) -> Run[N]:
    """The run that was asked for, as it begins or where it stopped, on the threads that it may use."""
    torch.set_num_threads(chosen.config.threads)
    cv2.setNumThreads(1)
    run = begin(chosen.config)
    go_on(run, chosen)
    return run


def iterate(
    run: Run[N],
    chosen: Chosen,
    batches: Iterable[B],
    step: Callable[[B], Mapping[str, Tensor]],
    check: Callable[[dict[str, float]], None],
) -> None:
    """Every batch through `step`; the means of what it says go to `check` as often as the configuration asks. Saved
    after each check, every so many seconds, and before an early end."""
    config = chosen.config
    saved, clock, asked = time.monotonic(), Clock(run.progress), Asked()
    sums: dict[str, float] = {}
    counted = 0
    for batch in batches:
        for name, value in step(batch).items():
            sums[name] = sums.get(name, 0.0) + float(value)
        counted += 1
        clock.tick(run.progress)
        done, late = run.progress.iteration, time.monotonic() > chosen.deadline or asked.to_stop
        due = done % config.check_every == 0 or done == config.iterations
        if due:
            check({name: value / counted for name, value in sums.items()})
            sums, counted = {}, 0
        if due or late or time.monotonic() - saved > config.save_seconds:
            checkpoint.save(chosen.last, run, chosen.text)
            saved = time.monotonic()
        if due:
            clock = Clock(run.progress)  # validation is not training
        if late:
            return


def paced(run: Run[N], config: Config) -> None:
    """Set the rate of this iteration."""
    for group in run.optimiser.param_groups:
        group["lr"] = config.rate * schedule(config, run.progress.iteration)


def learned(run: Run[N], config: Config, total: Tensor) -> Tensor:
    """One step down the gradient of the loss, and the mean net after it; the norm of the gradient."""
    progress = run.progress
    run.optimiser.zero_grad(set_to_none=True)
    total.backward()
    norm = torch.nn.utils.clip_grad_norm_(run.net.parameters(), config.clip)
    must_be_finite(norm, progress)
    run.optimiser.step()
    # Early on the mean must not remember the untrained net.
    share = 1 - min(config.mean, (1 + progress.iteration) / (10 + progress.iteration))
    with torch.no_grad():
        for mean, now in zip(run.mean.parameters(), run.net.parameters(), strict=True):
            mean.lerp_(now, share)
    progress.iteration += 1
    return norm
