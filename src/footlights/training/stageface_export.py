"""Exports StageFace: `python -m footlights.training.stageface_export --checkpoint RUN/last.safetensors --out NAME.xml`.

Writes OpenVINO IR of the running mean, norms folded into the convolutions before them, weights halved to 16 bits, and
the same weights as safetensors; prints the entry of `weights.toml` for them. The graph takes pictures whose
sides are multiples of 32.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from footlights.models.stageface import PLANES, STEP
from footlights.models.stageface_torch import Norm, StageFaceNet
from footlights.training.checkpoint import N, mean_net
from footlights.training.export import card


def main(arguments: Sequence[str] | None = None) -> None:
    """Export one checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="name of the .xml file")
    chosen = parser.parse_args(arguments)
    net = mean_net(chosen.checkpoint, StageFaceNet())
    weights = {name: parameter.detach().half().contiguous() for name, parameter in net.named_parameters()}
    save_file(weights, str(chosen.out.with_suffix(".safetensors")))
    export_finder(net, chosen.out)
    print(card(chosen.out))  # noqa: T201


def export_finder(net: StageFaceNet, path: Path, *, halved: bool = True) -> None:
    """Write a net as OpenVINO IR; its norms are folded."""
    import openvino

    net = folded(net.float().eval())
    example = torch.zeros(1, PLANES, 2 * STEP, 3 * STEP)
    with torch.no_grad(), warnings.catch_warnings():
        # Tracing freezes the shape checks of plain Python; the export is compared with the net at another size.
        warnings.simplefilter("ignore")
        graph = torch.jit.trace(net, example)
        model: Any = openvino.convert_model(graph, example_input=example)
    model.reshape([-1, PLANES, -1, -1])
    for port, name in zip((*model.inputs, *model.outputs), ("planes", "found"), strict=True):
        port.get_tensor().set_names({name})
    openvino.save_model(model, str(path), compress_to_fp16=halved)


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
