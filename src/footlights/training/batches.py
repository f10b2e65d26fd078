"""Batches out of shards: every batch is drawn from the seed and its own number, so a resumed run sees the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from footlights.training.shards import Shard

Codes = NDArray[np.uint8]

_LOST_FIELD = 0.12
"""Share of sequences in which a field shows another instant."""
_LOST_FRAME = 0.4
"""Share of those in which both fields of a frame do."""
_DAMAGE_KNOWN = 0.5
"""Share of sequences that come with their damage marked."""


@dataclass(frozen=True, slots=True)
class BatchShape:
    """How much of a sequence one sample takes."""

    batch: int
    frames: int
    """Steps of the recurrence."""
    side: int
    """Samples of the tape, a multiple of 8."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Sequences of T steps; the tape has one frame more on each side, or the frame itself again where there is none."""

    luma: Codes
    """`(B, T + 2, S, S)` woven."""
    chroma: Codes
    """`(B, T + 2, 2, S, S/2)`."""
    motion: NDArray[np.int8]
    """`(B, T, 2, 2, S/2, S/2)` quarter cells."""
    valid: Codes
    """`(B, T + 2, 2, S/2, S/2)`, 0 or 1 per field; all 0 for a frame that is not there."""
    sigma: NDArray[np.float32]
    """`(B,)` 8-bit codes."""
    gain: NDArray[np.float32]
    """`(B, 2)` of luma and chroma, for tape and truth alike."""
    truth_luma: Codes
    """`(B, 2T, 4S, 4S)`."""
    truth_chroma: Codes
    """`(B, 2T, 2, 2S, 2S)`."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A frame of a sample, some of whose fields give way to their neighbour in time."""

    frame: int
    """Counted in the sample, with the one before it as 0."""
    parities: tuple[int, ...]
    other: int
    """The frame that is shown instead."""


@dataclass(frozen=True, slots=True)
class Draw:
    """One sample of a batch before anything is read."""

    shard: int
    tape: int
    crop: int
    start: int
    """First frame of the recurrence."""
    top: int
    left: int
    sigma: float
    marked: bool
    """Whether the damage of the tape is known."""
    gain: tuple[float, float] = (1.0, 1.0)
    lost: Lost | None = None


def draws(shards: Sequence[Shard], shape: BatchShape, seed: int, number: int) -> list[Draw]:
    """What batch `number` of the run with this seed is made of."""
    rng = np.random.default_rng((seed, number))
    return [_draw(shards, shape, rng) for _ in range(shape.batch)]


def draw_batch(shards: Sequence[Shard], shape: BatchShape, seed: int, number: int) -> Batch:
    """Batch `number` of the run with this seed."""
    return stacked([_cut(shards[draw.shard], shape, draw) for draw in draws(shards, shape, seed, number)])


T = TypeVar("T")


def ahead_of(work: Callable[[int], T], numbers: range, ahead: int = 2) -> Iterator[T]:
    """`work` of the given numbers in order, done ahead in threads."""
    with ThreadPoolExecutor(max_workers=ahead) as pool:
        waiting: list[Future[T]] = []
        for number in numbers:
            waiting.append(pool.submit(work, number))
            if len(waiting) > ahead:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()


def stacked(samples: Sequence[Batch]) -> Batch:
    """Batches joined along their first axis."""
    return Batch(
        **{entry.name: np.concatenate([getattr(each, entry.name) for each in samples]) for entry in fields(Batch)}
    )


def whole(shard: Shard, tape: int, crop: int) -> Batch:
    """A whole sequence of a shard as a batch of one, nothing changed and its damage unmarked: for validation."""
    shape = BatchShape(1, shard.frames, shard.side)
    return _cut(shard, shape, Draw(0, tape, crop, 0, 0, 0, shard.tapes[tape].sigma, marked=False))


def _draw(shards: Sequence[Shard], shape: BatchShape, rng: np.random.Generator) -> Draw:
    number = int(rng.integers(len(shards)))
    shard = shards[number]
    tape, crop = int(rng.integers(len(shard.tapes))), int(rng.integers(shard.crops))
    start = int(rng.integers(shard.frames - shape.frames + 1))
    # Even places leave the cells of 2×2 samples whole.
    top, left = (2 * int(rng.integers((shard.side - shape.side) // 2 + 1)) for _ in range(2))
    changed = rng.random() < 0.5
    sigma = shard.tapes[tape].sigma * float(np.exp(rng.normal(0, 0.15)))
    marked = bool(rng.random() < _DAMAGE_KNOWN)
    gain = (float(rng.uniform(0.8, 1.1)), float(rng.uniform(0.75, 1.15))) if changed else (1.0, 1.0)
    lost = _lost(shape.frames + 2, rng) if rng.random() < _LOST_FIELD else None
    return Draw(number, tape, crop, start, top, left, sigma, marked, gain, lost)


def _lost(frames: int, rng: np.random.Generator) -> Lost:
    frame = int(rng.integers(1, frames - 1))
    parities = (0, 1) if rng.random() < _LOST_FRAME else (int(rng.integers(2)),)
    return Lost(frame, parities, frame + (1 if rng.random() < 0.3 else -1))


def _cut(shard: Shard, shape: BatchShape, draw: Draw) -> Batch:
    """One sample: frames from `start`, a square at `top` and `left`."""
    tape, crop, start, top, left = draw.tape, draw.crop, draw.start, draw.top, draw.left
    arrays: dict[str, Any] = {
        name: array[crop] if name.startswith("truth") else array[tape, crop] for name, array in shard.arrays.items()
    }
    side, half = shape.side, shape.side // 2
    rows, columns = slice(top, top + side), slice(left, left + side)
    cells = (..., slice(top // 2, top // 2 + half), slice(left // 2, left // 2 + half))
    wanted = np.arange(start - 1, start + shape.frames + 1)
    frames = np.clip(wanted, 0, shard.frames - 1)
    valid = np.ones((len(wanted), 2, half, half), np.uint8)
    if draw.marked:
        valid -= arrays["damage"][frames][cells]
    valid[(wanted < 0) | (wanted >= shard.frames)] = 0
    truth_luma, truth_chroma = _truth(arrays, shard, tape, (start, top, left), shape)
    sample = Batch(
        luma=np.array(arrays["luma"][frames, rows, columns])[None],
        chroma=np.array(arrays["chroma"][frames, :, rows, left // 2 : left // 2 + half])[None],
        motion=np.array(arrays["motion"][start : start + shape.frames][cells])[None],
        valid=valid[None],
        sigma=np.array([draw.sigma], np.float32),
        gain=np.array([draw.gain], np.float32),
        truth_luma=truth_luma[None],
        truth_chroma=truth_chroma[None],
    )
    if draw.lost:
        _lose_fields(sample, draw.lost)
    return sample


def _truth(
    arrays: dict[str, Any], shard: Shard, tape: int, place: tuple[int, int, int], shape: BatchShape
) -> tuple[Codes, Codes]:
    """The truth of a sample, turned upside down where its tape is."""
    start, top, left = place
    upside_down = shard.tapes[tape].upside_down
    if upside_down:
        top = shard.side - top - shape.side
    instants = np.arange(2 * start, 2 * (start + shape.frames))
    if shard.tapes[tape].progressive:
        instants -= instants % 2
    luma = arrays["truth_luma"][:, 4 * top : 4 * (top + shape.side), 4 * left : 4 * (left + shape.side)][instants]
    half = (slice(2 * top, 2 * (top + shape.side)), slice(2 * left, 2 * (left + shape.side)))
    chroma = arrays["truth_chroma"][(..., *half)][instants]
    if upside_down:
        luma, chroma = luma[:, ::-1], chroma[:, :, ::-1]
    return np.array(luma), np.array(chroma)


def _lose_fields(sample: Batch, lost: Lost) -> None:
    """One field, or both of a frame, give way to their neighbour in time, marked as what they are.

    A net that meets them unmarked learns to doubt fields that are right, and makes up motion where a camera jolts."""
    for parity in lost.parities:
        sample.luma[0, lost.frame, parity::2] = sample.luma[0, lost.other, parity::2]
        sample.chroma[0, lost.frame, :, parity::2] = sample.chroma[0, lost.other, :, parity::2]
        sample.valid[0, lost.frame, parity] = 0
