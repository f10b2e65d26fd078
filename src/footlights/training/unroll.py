"""The recurrence over a batch of sequences in torch: the same packing, fetching and bases as `models.fieldlift`."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from footlights.models.fieldlift import INSTANTS, SCALE, SIGMA_UNIT
from footlights.models.fieldlift_torch import FieldLiftNet
from footlights.training.batches import Batch
from footlights.training.shards import MOTION_STEP


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures at 2T instants, nominal range."""

    clean: Tensor
    """`(B, 2T, 3, S, S)` at the size of the tape."""
    luma: Tensor
    """`(B, 2T, 1, 4S, 4S)`."""
    chroma: Tensor
    """`(B, 2T, 2, 2S, 2S)`."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """A batch on the device, in float."""

    planes: Tensor
    """`(B, T + 2, 8, h, w)`."""
    valid: Tensor
    """`(B, T + 2, 2, h, w)`."""
    motion: Tensor
    """`(B, T, 2, 2, h, w)` cells."""
    noise: Tensor
    """`(B, 1, h, w)`."""


@dataclass(frozen=True, slots=True)
class DeviceBatch:
    """A batch as `batches.Batch` has it, in the memory of the device."""

    luma: Tensor
    chroma: Tensor
    motion: Tensor
    valid: Tensor
    sigma: Tensor
    gain: Tensor
    truth_luma: Tensor
    truth_chroma: Tensor


def on_device(batch: Batch, device: torch.device) -> DeviceBatch:
    """The batch brought there."""
    return DeviceBatch(
        **{entry.name: torch.from_numpy(getattr(batch, entry.name)).to(device) for entry in fields(DeviceBatch)}
    )


def to_inputs(batch: DeviceBatch) -> Inputs:
    """What the net sees of a batch."""
    luma = _luma(batch.luma) * batch.gain[:, 0, None, None, None]
    chroma = _chroma(batch.chroma) * batch.gain[:, 1, None, None, None, None]
    top, bottom = slice(0, None, 2), slice(1, None, 2)
    planes = [luma[:, :, lines, columns] for lines in (top, bottom) for columns in (top, bottom)]
    planes += [chroma[:, :, plane, lines] for plane in (0, 1) for lines in (top, bottom)]
    height, width = planes[0].shape[-2:]
    sigma = batch.sigma * batch.gain[:, 0] / SIGMA_UNIT
    return Inputs(
        planes=torch.stack(planes, dim=2),
        valid=batch.valid.float(),
        motion=batch.motion.float() * MOTION_STEP,
        noise=sigma[:, None, None, None].expand(-1, 1, height, width),
    )


def to_truth(batch: DeviceBatch) -> Pictures:
    """What should come out; the clean picture is the mean of what its samples cover."""
    luma = _luma(batch.truth_luma)[:, :, None] * batch.gain[:, 0, None, None, None, None]
    chroma = _chroma(batch.truth_chroma) * batch.gain[:, 1, None, None, None, None]
    clean_luma = torch.nn.functional.avg_pool2d(luma.flatten(0, 1), SCALE)
    clean_chroma = torch.nn.functional.avg_pool2d(chroma.flatten(0, 1), SCALE // 2)
    clean = torch.cat([clean_luma, clean_chroma], dim=1).unflatten(0, luma.shape[:2])
    return Pictures(clean, luma, chroma)


def unroll(net: FieldLiftNet, inputs: Inputs) -> Pictures:
    """All steps of a batch, from an empty state."""
    batch, padded, _, height, width = inputs.planes.shape
    steps = padded - 2
    state = inputs.planes.new_zeros(batch, net.size.state, height, width)
    both = torch.cat([inputs.planes, inputs.valid], dim=2)  # (B, T + 2, 10, h, w)
    features = []
    for step in range(steps):
        before, rest_before, inside_before, place = fetch(both[:, step], inputs.motion[:, step, 0])
        after, rest_after, inside_after, _ = fetch(both[:, step + 2], inputs.motion[:, step, 1])
        now = both[:, step + 1]
        window = torch.cat(
            [
                now[:, :8], before[:, :8], after[:, :8],
                now[:, 8:], before[:, 8:] * inside_before, after[:, 8:] * inside_after,
                rest_before, rest_after, inputs.noise,
            ],
            dim=1,
        )  # fmt: skip
        if step:
            state = rows_at(state, place) * inside_before.to(state.dtype)
        found, state = net.features(window.contiguous(memory_format=torch.channels_last), state)
        features.append(found)
    clean, luma, chroma = net.pictures(torch.stack(features, dim=1).flatten(0, 1))
    return assembled(inputs.planes[:, 1:-1].flatten(0, 1), (clean, luma, chroma), batch)


def fetch(planes: Tensor, motion: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """As `models.fieldlift.fetched`, for a batch: planes `(B, C, h, w)`, remainder, inside `(B, 1, h, w)`; and the
    flat place `(B·h·w)` each cell was fetched from."""
    batch, _, height, width = planes.shape
    whole = torch.round(motion)
    columns = torch.arange(width, device=planes.device) + whole[:, 0]
    rows = torch.arange(height, device=planes.device)[:, None] + whole[:, 1]
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    place = rows.clamp(0, height - 1) * width + columns.clamp(0, width - 1)
    offset = torch.arange(batch, device=planes.device)[:, None, None] * (height * width)
    flat = (place.long() + offset).flatten()
    return rows_at(planes, flat), motion - whole, inside[:, None].to(planes.dtype), flat


def rows_at(planes: Tensor, place: Tensor) -> Tensor:
    """Cells `(B, C, h, w)` picked by flat place: one row of channels each, as they lie in memory channels-last."""
    batch, channels, height, width = planes.shape
    rows = planes.permute(0, 2, 3, 1).reshape(-1, channels)
    return rows.index_select(0, place).view(batch, height, width, channels).permute(0, 3, 1, 2)


def assembled(planes: Tensor, residuals: tuple[Tensor, Tensor, Tensor], batch: int) -> Pictures:
    """Residuals over their bases; `planes` `(N, 8, h, w)` are the frames themselves, N a multiple of `batch`.

    The fine pictures do not train the clean one they lie upon, which has a truth of its own: nothing is lost, and the
    backward pass through the enlargement is saved.
    """
    clean = base(planes) + residuals[0].float()
    under = clean.detach()
    luma = torch.nn.functional.interpolate(under[:, :1], scale_factor=SCALE, mode="bicubic", align_corners=False)
    chroma = torch.nn.functional.interpolate(
        under[:, 1:], scale_factor=SCALE // 2, mode="bilinear", align_corners=False
    )
    return Pictures(
        clean.unflatten(0, (batch, -1)),
        (luma + residuals[1].float()).unflatten(0, (batch, -1)),
        (chroma + residuals[2].float()).unflatten(0, (batch, -1)),
    )


def base(planes: Tensor) -> Tensor:
    """As `models.fieldlift.base`: `(N, 8, h, w)` → `(2N, 3, 2h, 2w)`."""
    count, _, height, width = planes.shape
    pictures = planes.new_empty(count, INSTANTS, 3, 2 * height, 2 * width)
    for field in (0, 1):
        pair = planes[:, 2 * field : 2 * field + 2]
        luma = pair.permute(0, 2, 3, 1).reshape(count, 1, height, 2 * width)
        chroma = planes[:, 4 + field : 8 : 2]
        right = torch.cat([chroma[..., 1:], chroma[..., -1:]], dim=-1)
        wide = torch.stack([chroma, (chroma + right) * 0.5], dim=-1).flatten(-2)
        lines = torch.cat([luma, wide], dim=1)
        pictures[:, field, :, field::2] = lines
        if field:
            near = torch.cat([lines[..., :1, :], lines[..., :-1, :]], dim=-2)
        else:
            near = torch.cat([lines[..., 1:, :], lines[..., -1:, :]], dim=-2)
        pictures[:, field, :, 1 - field :: 2] = (lines + near) * 0.5
    return pictures.flatten(0, 1)


def _luma(codes: Tensor) -> Tensor:
    return (codes.float() - 16) * (1 / 219)


def _chroma(codes: Tensor) -> Tensor:
    return (codes.float() - 128) * (1 / 224)
