"""Exports TrackFace: `python -m footlights.training.trackface_export --checkpoint RUN/last.safetensors --out NAME.xml`.

Writes OpenVINO IR of the running mean, weights halved to 16 bits, and the same weights as safetensors; prints the entry
of `weights.toml` for them. The graph takes any crop whose side is a multiple of 32.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from footlights.models.trackface import PLANES, REFERENCES, STATE
from footlights.models.trackface_torch import TrackFaceNet
from footlights.training.checkpoint import mean_net
from footlights.training.export import card

INPUTS = ("window", "state", "references", "there")
OUTPUTS = ("next_state", "residual")


def main(arguments: Sequence[str] | None = None) -> None:
    """Export one checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="name of the .xml file")
    chosen = parser.parse_args(arguments)
    net = mean_net(chosen.checkpoint, TrackFaceNet())
    export_face_net(net, chosen.out)
    weights = {name: parameter.detach().half().contiguous() for name, parameter in net.named_parameters()}
    save_file(weights, str(chosen.out.with_suffix(".safetensors")))
    print(card(chosen.out))  # noqa: T201


def export_face_net(net: TrackFaceNet, path: Path, *, halved: bool = True) -> None:
    """Write a net as OpenVINO IR."""
    import openvino

    net = net.float().eval()
    side = 64
    example = (
        torch.zeros(1, PLANES, side, side),
        torch.zeros(1, STATE, side // 4, side // 4),
        torch.zeros(1, REFERENCES, side, side),
        torch.zeros(1, REFERENCES),
    )
    with torch.no_grad(), warnings.catch_warnings():
        # Tracing freezes the shape checks of plain Python; the export is compared with the net at another size.
        warnings.simplefilter("ignore")
        graph = torch.jit.trace(net, example)
        model: Any = openvino.convert_model(graph, example_input=example)
    for port, name in zip((*model.inputs, *model.outputs), (*INPUTS, *OUTPUTS), strict=True):
        port.get_tensor().set_names({name})
    openvino.save_model(model, str(path), compress_to_fp16=halved)


if __name__ == "__main__":
    main()
