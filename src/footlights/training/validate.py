"""Validation on held-out sources: the net against bwdif and bicubic on the same tapes, and a sheet to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from footlights.models.fieldlift_torch import FieldLiftNet
from footlights.training.batches import Batch, stacked, whole
from footlights.training.shards import Shard
from footlights.training.unroll import Pictures, on_device, to_inputs, to_truth, unroll

_MARGIN = 8
"""Samples of the tape at a crop's edge that are not scored."""
_SKIPPED = 1
"""Frames at either end that are not scored: the classical deinterlacer lacks their neighbours."""


@dataclass(frozen=True, slots=True)
class Score:
    """Mean over crops of the peak signal-to-noise ratio, dB, peak = studio white over black; and motion's error."""

    clean: float
    """Luma at the size of the tape."""
    fine: float
    """Luma at four times its size."""
    chroma: float
    flicker: float
    """Mean square of the change from picture to picture that the truth does not have, ×1e4, luma at tape size."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One tape preset."""

    ours: Score
    classical: Score
    worst_gain: float
    """Least gain in fine luma over the classical picture among the crops, dB."""
    wins: int
    crops: int


def compare(
    net: FieldLiftNet, shards: Sequence[Shard], device: torch.device, crops: int, *, bf16: bool = True
) -> dict[str, Comparison]:
    """Scores by tape preset on the first `crops` crops of every shard, spread over its scenes."""
    found: dict[str, list[tuple[Score, Score]]] = {}
    for shard in shards:
        chosen = np.linspace(0, shard.crops - 1, min(crops, shard.crops)).astype(int)
        for tape, facts in enumerate(shard.tapes):
            batch = stacked([whole(shard, tape, int(crop)) for crop in chosen])
            truth = to_truth(on_device(batch, device))
            ours = restored(net, batch, device, bf16=bf16)
            classical = classical_pictures(shard.arrays["bwdif"][tape, chosen], device)
            scores = zip(_scores(ours, truth), _scores(classical, truth), strict=True)
            found.setdefault(facts.name, []).extend(scores)
    return {name: _comparison(scores) for name, scores in found.items()}


def restored(net: FieldLiftNet, batch: Batch, device: torch.device, *, bf16: bool = True) -> Pictures:
    """What the net makes of a batch."""
    net.eval()
    with torch.no_grad(), torch.autocast(device.type, dtype=torch.bfloat16, enabled=bf16):
        return unroll(net, to_inputs(on_device(batch, device)))


def classical_pictures(bwdif: NDArray[np.float16], device: torch.device) -> Pictures:
    """Deinterlaced pictures `(B, 2T, 3, S, S)`, enlarged by OpenCV's bicubic kernel."""
    planes = bwdif.astype(np.float32)
    count, instants, _, side, _ = planes.shape
    luma = np.empty((count, instants, 1, 4 * side, 4 * side), np.float32)
    chroma = np.empty((count, instants, 2, 2 * side, 2 * side), np.float32)
    for crop in range(count):
        for instant in range(instants):
            y, cb, cr = planes[crop, instant]
            luma[crop, instant, 0] = cv2.resize(y, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
            for plane, source in enumerate((cb, cr)):
                chroma[crop, instant, plane] = cv2.resize(source, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    return Pictures(*(torch.from_numpy(part).to(device) for part in (planes, luma, chroma)))


def _scores(made: Pictures, truth: Pictures) -> list[Score]:
    clean = _scored(made.clean - truth.clean, 1)[:, :, :1]
    changes = clean[:, 1:] - clean[:, :-1]
    columns = zip(
        _decibels(clean),
        _decibels(_scored(made.luma - truth.luma, 4)),
        _decibels(_scored(made.chroma - truth.chroma, 2)),
        (changes**2).mean(dim=(1, 2, 3, 4)) * 1e4,
        strict=True,
    )
    return [Score(*(float(value) for value in row)) for row in columns]


def _scored(error: Tensor, scale: int) -> Tensor:
    edge, frames = _MARGIN * scale, 2 * _SKIPPED
    return error[:, frames:-frames, :, edge:-edge, edge:-edge]


def _decibels(error: Tensor) -> Tensor:
    """`(B, …)` errors → `(B,)`; at most 60 dB, so that flat black crops do not rule the mean."""
    return -10 * torch.log10((error.float() ** 2).flatten(1).mean(dim=1).clamp(min=1e-6))


def _comparison(scores: list[tuple[Score, Score]]) -> Comparison:
    gains = [ours.fine - classical.fine for ours, classical in scores]
    return Comparison(
        ours=_mean([ours for ours, _ in scores]),
        classical=_mean([classical for _, classical in scores]),
        worst_gain=min(gains),
        wins=sum(gain > 0 for gain in gains),
        crops=len(gains),
    )


def _mean(scores: list[Score]) -> Score:
    columns = [[getattr(score, name) for score in scores] for name in ("clean", "fine", "chroma", "flicker")]
    return Score(*(float(np.mean(column)) for column in columns))


def write_sheet(net: FieldLiftNet, shards: Sequence[Shard], path: Path, device: torch.device, rows: int = 6) -> None:
    """A picture: rows of crops, columns tape | classical | ours | truth, the tapes in turn."""
    lines = []
    for row in range(rows):
        shard = shards[row % len(shards)]
        tape = row % len(shard.tapes)
        crop = (row * 7 + 3) % shard.crops
        batch = whole(shard, tape, crop)
        ours, truth = restored(net, batch, device), to_truth(on_device(batch, device))
        classical = classical_pictures(shard.arrays["bwdif"][tape, [crop]], device)
        instant = shard.frames
        woven = _bgr(_tape_luma(batch, instant // 2), _tape_chroma(batch, instant // 2))
        shown = [cv2.resize(woven, None, fx=4, fy=4, interpolation=cv2.INTER_NEAREST)]
        shown += [
            _bgr(each.luma[0, instant, 0].cpu().numpy(), each.chroma[0, instant].cpu().numpy())
            for each in (classical, ours, truth)
        ]
        lines.append(np.concatenate(shown, axis=1))
    cv2.imwrite(str(path), np.concatenate(lines))


def _tape_luma(batch: Batch, frame: int) -> NDArray[np.float32]:
    return (batch.luma[0, frame + 1].astype(np.float32) - 16) / 219


def _tape_chroma(batch: Batch, frame: int) -> NDArray[np.float32]:
    return (batch.chroma[0, frame + 1].astype(np.float32) - 128) / 224


def _bgr(luma: NDArray[np.float32], chroma: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Luma `(H, W)` and chroma `(2, h, w)` as B'G'R' for a file."""
    size = (luma.shape[1], luma.shape[0])
    cb, cr = (cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR) for plane in chroma)
    picture = np.stack([luma + 1.772 * cb, luma - 0.344136 * cb - 0.714136 * cr, luma + 1.402 * cr], axis=-1)
    return np.asarray(np.clip(picture * 255 + 0.5, 0, 255), np.uint8)
