"""Trains StageMarks: `python -m footlights.training.stagemarks --config training/configs/stagemarks-cpu.toml`.

Reads StageFace's shards, rendered with `--marks`; writes checkpoint, journal and curve into the run's folder. Every
batch follows from the seed and its number, so a run that was stopped and resumed over the same shards is the run that
was not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from footlights.models.landmarks import RIGID
from footlights.models.stagemarks_torch import StageMarksNet
from footlights.training import journal
from footlights.training.batches import ahead_of
from footlights.training.checkpoint import Run
from footlights.training.iterate import begun, iterate, learned, paced, taken_up
from footlights.training.runs import Chosen, Config, choose
from footlights.training.stagemarks_data import TURNED, Batch, MarksShard, draw_batch, open_marks_shards, yaw_of

_CHECKED, _CHECK_SEED = 8, 77
"""Batches of a validation, and what they are drawn by."""
_PERCENT = 100.0
_SOFT = 1.0
"""Percent of a side below which an error counts as its square."""
_PLACES, _DEPTH = 0.3, 0.15
"""Weight of a percent of error across, and in depth, against the loss of presence."""
_OUTLINE = 0.5
"""Weight of a landmark of the outline."""
_BANDS = ((11, 22), (22, 40), (40, 80), (80, 400))
_DRAWN = "_lines"
"""Ending of the columns that the curve shows: error by height."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Train to the end, or to `--minutes`."""
    chosen = choose(__doc__, arguments)
    train(taken_up(begin, chosen), chosen)


def begin(config: Config) -> Run[StageMarksNet]:
    """A net with fresh weights, its mean and its optimiser."""
    return begun(StageMarksNet, config, decay=1e-3)


def train(run: Run[StageMarksNet], chosen: Chosen) -> None:
    """Iterate, validate, save."""
    config = chosen.config
    shards = open_marks_shards(chosen.shards / "train", config.train_shards)
    held_out = open_marks_shards(chosen.shards / "val")
    print(f"{sum(len(each.rows) for each in shards)} faces", flush=True)  # noqa: T201
    drawn = partial(draw_batch, shards, config.batch, config.seed)
    iterate(
        run,
        chosen,
        ahead_of(drawn, range(run.progress.iteration, config.iterations), config.readers),
        lambda batch: step(run, config, batch),
        lambda sums: check(run, config, sums, held_out, chosen.run),
    )


def step(run: Run[StageMarksNet], config: Config, batch: Batch) -> dict[str, Tensor]:
    """One iteration; the loss, its terms and the norm of the gradient."""
    paced(run, config)
    planes = torch.from_numpy(batch.planes).contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=config.bf16):
        marks, presence = run.net.train()(planes)
    total, terms = loss_of(marks.float(), presence.float(), batch)
    norm = learned(run, config, total)
    return {"total": total.detach(), "norm": norm, **terms}


def loss_of(marks: Tensor, presence: Tensor, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
    """Huber error of landmarks in percent of the square's side where they are known, cross entropy of presence."""
    there, counted, known = (torch.from_numpy(each) for each in (batch.there, batch.counted, batch.known))
    entropy = torch.nn.functional.binary_cross_entropy_with_logits(presence[:, 0], there, reduction="none")
    finding = (entropy * counted).sum() / counted.sum().clamp(min=1)
    off = _PERCENT * (marks.reshape(batch.marks.shape) - torch.from_numpy(batch.marks))
    error = torch.nn.functional.huber_loss(off, torch.zeros_like(off), reduction="none", delta=_SOFT) / _SOFT
    weights = torch.full((off.shape[1],), _OUTLINE)
    weights[: len(RIGID)] = 1.0
    error = (error * weights[:, None] / weights.mean()).mean(dim=1) * known[:, None]
    flat, depth = error[:, :2].sum() / 2, error[:, 2].sum()
    faces = known.sum().clamp(min=1)
    places, depths = flat / faces, depth / faces
    total = finding + _PLACES * places + _DEPTH * depths
    return total, {"finding": finding.detach(), "places": places.detach(), "depth": depths.detach()}


def check(
    run: Run[StageMarksNet], config: Config, sums: Mapping[str, float], held_out: Sequence[MarksShard], folder: Path
) -> None:
    """Look at held-out squares with the mean net; note how far its landmarks are off and whom it takes for a face."""
    scores = scored(run.mean.eval(), held_out, config.batch)
    row = {
        **journal.spent(run.progress),
        **{f"loss_{name}": f"{value:.5f}" for name, value in sums.items()},
        **scores,
    }
    journal.write_row(folder / "journal.csv", row)
    journal.draw_curves(folder / "journal.csv", folder / "curve.png", _DRAWN, unit="% of the face")
    print(f"{run.progress.iteration}: loss {sums.get('total', 0):.3f}; {scores}", flush=True)  # noqa: T201


def scored(net: StageMarksNet, shards: Sequence[MarksShard], count: int) -> dict[str, str]:
    """Median error of rigid landmarks in percent of the face's extent by height of the box, of yaw in degrees of those
    that look to the side, and, at presence of one half, the shares of faces and of other squares in which a face is
    seen."""
    errors: dict[int, list[float]] = {}
    yaws: list[float] = []
    seen: list[float] = []
    false: list[float] = []
    for number in range(_CHECKED):
        batch = draw_batch(shards, count, _CHECK_SEED, number)
        with torch.no_grad():
            marks, presence = (each.numpy() for each in net(torch.from_numpy(batch.planes)))
        off = np.hypot(*(marks.reshape(batch.marks.shape) - batch.marks)[:, : len(RIGID), :2].transpose(2, 0, 1))
        extent = np.ptp(batch.marks[..., :2], axis=1).max(axis=-1)
        for row in np.flatnonzero(batch.known):
            band = next(n for n, (low, high) in enumerate(_BANDS) if low <= batch.size[row] < high)
            errors.setdefault(band, []).append(float(off[row].mean() / extent[row]))
            if abs(true := yaw_of(batch.marks[row])) > TURNED:
                yaws.append(abs(true - yaw_of(marks[row].reshape(-1, 3))))
        likely = presence[:, 0] > 0
        seen += list(likely[(batch.there > 0) & (batch.counted > 0)])
        false += list(likely[(batch.there == 0) & (batch.counted > 0)])
    by_height = {
        f"off_{_BANDS[band][0]}{_DRAWN}": f"{_PERCENT * np.median(each):.3f}" for band, each in sorted(errors.items())
    }
    by_height["off_yaw"] = f"{np.median(yaws) if yaws else 0:.2f}"
    return by_height | {"seen": f"{np.mean(seen):.4f}", "false": f"{np.mean(false):.4f}"}


if __name__ == "__main__":
    main()
