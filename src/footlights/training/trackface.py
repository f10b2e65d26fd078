"""Trains TrackFace: `python -m footlights.training.trackface --config training/configs/trackface-cpu.toml [--resume]`.

Reads shards (see `trackface_render`), writes checkpoint, journal, curve and picture sheet into the run's folder. Every
batch follows from the seed and its number, so a run that was stopped and resumed is the run that was not.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from footlights.models.trackface import DETAIL_LIMIT, STATE
from footlights.models.trackface_torch import TrackFaceNet
from footlights.training import journal
from footlights.training.batches import ahead_of
from footlights.training.checkpoint import Run
from footlights.training.iterate import begun, iterate, learned, paced, taken_up
from footlights.training.runs import Chosen, Config, choose
from footlights.training.trackface_data import Batch, Pool, Shape, draw_batch, load_tracks
from footlights.training.trackface_losses import FaceWeights, face_loss
from footlights.training.trackface_validate import check_tracks, summary, write_face_sheet


def main(arguments: Sequence[str] | None = None) -> None:
    """Train to the end, or to `--minutes`."""
    chosen = choose(__doc__, arguments)
    train(taken_up(begin, chosen), chosen)


def begin(config: Config) -> Run[TrackFaceNet]:
    """A net with fresh weights, its mean and its optimiser."""
    return begun(TrackFaceNet, config, decay=1e-4)


def train(run: Run[TrackFaceNet], chosen: Chosen) -> None:
    """Iterate, validate, save."""
    config = chosen.config
    pool = Pool.of(load_tracks(chosen.shards / "train", config.train_shards))
    held_out = Pool.of(load_tracks(chosen.shards / "val"))
    print(f"{len(pool.tracks)} tracks, {len(held_out.tracks)} held out", flush=True)  # noqa: T201
    drawn = partial(draw_batch, pool, Shape(config.batch, config.frames, config.side), config.seed)
    iterate(
        run,
        chosen,
        ahead_of(drawn, range(run.progress.iteration, config.iterations), config.readers),
        lambda batch: step(run, config, batch),
        lambda sums: check(run, config, sums, held_out, chosen.run),
    )


def step(run: Run[TrackFaceNet], config: Config, batch: Batch) -> dict[str, Tensor]:
    """One iteration; the loss, its terms and the norm of the gradient."""
    paced(run, config)
    made, given, truth = unroll(run.net, batch, bf16=config.bf16)
    weights, deviations = torch.from_numpy(batch.weights), torch.from_numpy(batch.deviations)
    total, terms = face_loss(made, given, truth, weights, deviations, FaceWeights())
    norm = learned(run, config, total)
    return {"total": total.detach(), "norm": norm, **{name: term.detach() for name, term in terms.items()}}


def unroll(net: TrackFaceNet, batch: Batch, *, bf16: bool, alone: bool = False) -> tuple[Tensor, Tensor, Tensor]:
    """What the net makes of a batch: detail made, given and true `(B, T, S, S)`, each over its instant's deviation.

    `alone` shows every instant to the net without neighbours and memory: what a picture net would see.
    """
    deviations = torch.from_numpy(batch.deviations)[..., None, None]
    detail, truth = torch.from_numpy(batch.detail), torch.from_numpy(batch.truth) / deviations
    there, facts = torch.from_numpy(batch.there), torch.from_numpy(batch.facts)
    count, instants, side = truth.shape[:3]
    state = torch.zeros(count, STATE, side // 4, side // 4)
    made, given = [], []
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
        encoded = net.encode(torch.from_numpy(batch.references))
        for now in range(instants):
            window = (detail[:, now : now + 3] / deviations[:, now : now + 1]).clamp(-DETAIL_LIMIT, DETAIL_LIMIT)
            own = window[:, 1:2]
            flags = there[:, now]
            if alone:
                window, flags, state = own.expand(-1, 3, -1, -1), torch.zeros_like(flags), torch.zeros_like(state)
            known = torch.cat([flags, facts], dim=1)[..., None, None].expand(-1, -1, side, side)
            planes = torch.cat([window, known, torch.from_numpy(batch.places)], dim=1)
            planes = planes.contiguous(memory_format=torch.channels_last)
            state, residual = net.step(planes, state, encoded, torch.from_numpy(batch.present))
            given.append(own)
            made.append(own + residual.float())
    return torch.cat(made, dim=1), torch.cat(given, dim=1), truth.clamp(-DETAIL_LIMIT, DETAIL_LIMIT)


def check(run: Run[TrackFaceNet], config: Config, sums: dict[str, float], held_out: Pool, folder: Path) -> None:
    """Validate the mean net, note it, draw the curve and the sheet."""
    restored = partial(unroll, run.mean.eval(), bf16=config.bf16)
    scores = check_tracks(restored, held_out, config.check_crops)
    progress = run.progress
    row = {
        **journal.spent(progress),
        **{f"loss_{name}": f"{value:.5f}" for name, value in sums.items()},
        **summary(scores),
    }
    journal.write_row(folder / "journal.csv", row)
    journal.draw_curves(folder / "journal.csv", folder / "curve.png", "_gain")
    write_face_sheet(restored, held_out, folder / "sheet.png")
    gains = ", ".join(f"{name} {value}" for name, value in row.items() if name.endswith(("_gain", "_harmed")))
    print(f"{progress.iteration}: loss {sums.get('total', 0):.4f}; {gains}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
