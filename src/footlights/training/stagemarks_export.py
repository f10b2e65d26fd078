"""Exports StageMarks: `python -m footlights.training.stagemarks_export --checkpoint RUN/last.safetensors --out N.xml`.

Writes OpenVINO IR of the running mean, norms folded into the convolutions before them, weights halved to 16 bits, and
the same weights as safetensors; prints the entry of `weights.toml` for them. The graph takes any number of squares.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from footlights.models.stageface import PLANES
from footlights.models.stagemarks import SIDE
from footlights.models.stagemarks_torch import StageMarksNet
from footlights.training.checkpoint import mean_net
from footlights.training.export import card
from footlights.training.stageface_export import folded


def main(arguments: Sequence[str] | None = None) -> None:
    """Export one checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="name of the .xml file")
    chosen = parser.parse_args(arguments)
    net = mean_net(chosen.checkpoint, StageMarksNet())
    weights = {name: parameter.detach().half().contiguous() for name, parameter in net.named_parameters()}
    save_file(weights, str(chosen.out.with_suffix(".safetensors")))
    export_marks(net, chosen.out)
    print(card(chosen.out))  # noqa: T201


def export_marks(net: StageMarksNet, path: Path, *, halved: bool = True) -> None:
    """Write a net as OpenVINO IR; its norms are folded."""
    import openvino

    net = folded(net.float().eval())
    example = torch.zeros(2, PLANES, SIDE, SIDE)
    with torch.no_grad(), warnings.catch_warnings():
        # Tracing freezes the shape checks of plain Python; the export is compared with the net at another size.
        warnings.simplefilter("ignore")
        graph = torch.jit.trace(net, example)
        model: Any = openvino.convert_model(graph, example_input=example)
    model.reshape([-1, PLANES, SIDE, SIDE])
    for port, name in zip((*model.inputs, *model.outputs), ("planes", "marks", "presence"), strict=True):
        port.get_tensor().set_names({name})
    openvino.save_model(model, str(path), compress_to_fp16=halved)


if __name__ == "__main__":
    main()
