"""Trains StageFace: `python -m footlights.training.stageface --config training/configs/stageface-cpu.toml [--resume]`.

Reads shards (see `stageface_render`), writes checkpoint, journal and curve into the run's folder. Every batch follows
from the seed and its number, so a run that was stopped and resumed over the same shards is the run that was not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from footlights.models.faces import Picture
from footlights.models.stageface import decoded, octaves, padded, planes_of
from footlights.models.stageface_torch import StageFaceNet
from footlights.training import journal
from footlights.training.batches import ahead_of
from footlights.training.checkpoint import Run
from footlights.training.iterate import begun, iterate, learned, paced, taken_up
from footlights.training.runs import Chosen, Config, choose
from footlights.training.stageface_data import Batch, Shard, draw_batch, open_shards
from footlights.training.stageface_scenes import FACE

_CHECKED = 120
"""Held-out pictures searched at a validation."""
_SCORES = (0.2, 0.3, 0.4, 0.5)
_DRAWN = "_at_0.5"
"""Ending of the columns that the curve shows: recall by height, and false boxes a picture."""
_BANDS = ((12, 22), (22, 36), (36, 60), (60, 120))
"""Heights of boxes in lines, for validation."""
_NEAR, _SIZES = 0.35, (0.6, 1.6)
_BOX = 1.0
"""Weight of places against that of finding."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Train to the end, or to `--minutes`."""
    chosen = choose(__doc__, arguments)
    train(taken_up(begin, chosen), chosen)


def begin(config: Config) -> Run[StageFaceNet]:
    """A net with fresh weights, its mean and its optimiser."""
    return begun(StageFaceNet, config, decay=1e-3)


def train(run: Run[StageFaceNet], chosen: Chosen) -> None:
    """Iterate, validate, save."""
    config = chosen.config
    shards = open_shards(chosen.shards / "train", config.train_shards)
    held_out = open_shards(chosen.shards / "val")
    print(f"{sum(len(each.pictures) for each in shards)} pictures", flush=True)  # noqa: T201
    drawn = partial(draw_batch, shards, config.batch, config.side, config.seed)
    iterate(
        run,
        chosen,
        ahead_of(drawn, range(run.progress.iteration, config.iterations), config.readers),
        lambda batch: step(run, config, batch),
        lambda sums: check(run, sums, held_out, chosen.run),
    )


def step(run: Run[StageFaceNet], config: Config, batch: Batch) -> dict[str, Tensor]:
    """One iteration; the loss, its terms and the norm of the gradient."""
    paced(run, config)
    planes = torch.from_numpy(batch.planes).contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=config.bf16):
        found = run.net.train()(planes)
    total, terms = loss_of(found.float(), batch)
    norm = learned(run, config, total)
    return {"total": total.detach(), "norm": norm, **terms}


def loss_of(found: Tensor, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
    """Focal loss of the middles (Law and Deng, "CornerNet", 2018) and absolute error of boxes and points."""
    heat, counted = torch.from_numpy(batch.heat), torch.from_numpy(batch.counted)
    logit = found[:, 0]
    sure, unsure = torch.nn.functional.logsigmoid(logit), torch.nn.functional.logsigmoid(-logit)
    likely = torch.sigmoid(logit)
    there = (heat == 1).float()
    middles = there * (1 - likely) ** 2 * sure + (1 - there) * (1 - heat) ** 4 * likely**2 * unsure
    faces = there.sum().clamp(min=1)
    finding = -(middles * counted).sum() / faces
    weights = torch.from_numpy(batch.weights)[:, None]
    off = ((found[:, 1:] - torch.from_numpy(batch.boxes)).abs() * weights).sum(dim=(0, 2, 3)) / weights.sum().clamp(
        min=1
    )
    place, size, points = off[:2].sum(), off[2:4].sum(), off[4:].sum() / 6
    total = finding + _BOX * (place + size + points)
    parts = {"finding": finding, "place": place, "size": size, "points": points}
    return total, {name: part.detach() for name, part in parts.items()}


def check(run: Run[StageFaceNet], sums: Mapping[str, float], held_out: Sequence[Shard], folder: Path) -> None:
    """Search held-out pictures with the mean net; note what is found and what is false, draw the curve."""
    scores = searched(run.mean.eval(), held_out)
    progress = run.progress
    row = {
        **journal.spent(progress),
        **{f"loss_{name}": f"{value:.5f}" for name, value in sums.items()},
        **scores,
    }
    journal.write_row(folder / "journal.csv", row)
    journal.draw_curves(folder / "journal.csv", folder / "curve.png", _DRAWN, unit="")
    print(f"{progress.iteration}: loss {sums.get('total', 0):.3f}; {scores}", flush=True)  # noqa: T201


def searched(net: StageFaceNet, shards: Sequence[Shard]) -> dict[str, str]:
    """Recall by height and false boxes a picture at several scores, on whole pictures and their octaves."""
    hits: dict[tuple[int, float], list[bool]] = {}
    false = dict.fromkeys(_SCORES, 0)
    looked = 0
    for shard in shards:
        for picture, rows, kinds in zip(shard.pictures, shard.rows, shard.kinds, strict=True):
            if looked == _CHECKED:
                break
            looked += 1
            found = boxes_of(net, np.asarray(picture), min(_SCORES))
            for score in _SCORES:
                seen = found[found[:, 4] >= score]
                near = np.array([[_matches(row, box) for box in seen] for row in rows]).reshape(len(rows), len(seen))
                false[score] += int((~near.any(axis=0)).sum())
                for row, kind, own in zip(rows, kinds, near, strict=True):
                    band = next((n for n, (low, high) in enumerate(_BANDS) if low <= row[3] < high), None)
                    if kind == FACE and band is not None:
                        hits.setdefault((band, score), []).append(bool(own.any()))
    names = {f"recall_{_BANDS[band][0]}_at_{score}": values for (band, score), values in sorted(hits.items())}
    recalls = {name: f"{np.mean(values):.3f}" for name, values in names.items()}
    return recalls | {f"false_at_{score}": f"{count / max(looked, 1):.3f}" for score, count in false.items()}


def boxes_of(net: StageFaceNet, picture: Picture, least: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """What `models.stageface.StageFace.boxes` will say once the net is exported."""
    found = [np.zeros((0, 17))]
    for octave, scale in octaves(picture):
        with torch.no_grad():
            raw = net(torch.from_numpy(padded(planes_of(octave))[None]))[0].numpy()
        rows = decoded(raw, least)
        rows[:, :4] = (rows[:, :4] + 0.5) * scale - 0.5
        found.append(rows)
    return np.concatenate(found)


def _matches(
    row: np.ndarray[tuple[int, ...], np.dtype[np.float64]], box: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
) -> bool:
    middle = (box[:2] + box[2:4]) / 2
    near = np.hypot(*(middle - row[:2])) < _NEAR * row[3]
    return bool(near and _SIZES[0] < (box[3] - box[1]) / row[3] < _SIZES[1])


if __name__ == "__main__":
    main()
