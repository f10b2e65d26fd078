"""Exports StageFace: `python -m footlights.training.stageface_export --checkpoint RUN/last.safetensors --out NAME.xml`.

Writes OpenVINO IR of the running mean, norms folded into the convolutions before them, weights halved to 16 bits, and
the same weights as safetensors; prints the entry of `weights.toml` for them. The graph takes pictures whose
sides are multiples of 32.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from footlights.models.stageface import PLANES, STEP
from footlights.models.stageface_torch import Norm, StageFaceNet
from footlights.training.checkpoint import N
from footlights.training.export import export_small, save_traced


def main(arguments: Sequence[str] | None = None) -> None:
    """Export one checkpoint."""
    export_small(__doc__, arguments, StageFaceNet, export_finder)


def export_finder(net: StageFaceNet, path: Path, *, halved: bool = True) -> None:
    """Write a net as OpenVINO IR; its norms are folded."""
    example = (torch.zeros(1, PLANES, 2 * STEP, 3 * STEP),)
    names, shape = ("planes", "found"), (-1, PLANES, -1, -1)
    save_traced(folded(net.float().eval()), example, names, path, shape=shape, halved=halved)


def folded(net: N) -> N:
    """The net with every norm inside the convolution before it: the same function, a third less to do."""
    with torch.no_grad():
        for module in list(net.modules()):
            if isinstance(module, nn.Sequential) and len(module) > 1 and isinstance(module[1], Norm):
                conv, norm = module[0], module[1]
                assert isinstance(conv, nn.Conv2d)
                gain = norm.weight * torch.rsqrt(norm.variance + Norm.FLOOR)
                made = nn.Conv2d(
                    conv.in_channels,
                    conv.out_channels,
                    conv.kernel_size,
                    conv.stride,
                    conv.padding,
                )
                made.weight.copy_(conv.weight * gain[:, None, None, None])
                assert made.bias is not None
                made.bias.copy_(norm.bias - norm.mean * gain)
                module[0], module[1] = made, nn.Identity()
    return net


if __name__ == "__main__":
    main()
