"""Exports a trained net: `python -m footlights.training.export --checkpoint RUN/last.safetensors --out NAME.xml`.

Writes OpenVINO IR (an .xml and a .bin beside it) of the running mean, weights halved to 16 bits, and the same weights
as safetensors for later training; prints the entry of `weights.toml` for them. The graph takes any size whose sides are
multiples of 4 and says so in its names: `window` and `state` in, `next_state` and both instants' residuals out.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from footlights.models.fieldlift import INSTANTS, WINDOW_PLANES, size_named
from footlights.models.fieldlift_torch import Deployed, FieldLiftNet
from footlights.training.checkpoint import N, mean_net, size_of

INPUTS = ("window", "state")
OUTPUTS = ("next_state", *(f"{part}_{instant}" for instant in range(INSTANTS) for part in ("clean", "luma", "chroma")))


def main(arguments: Sequence[str] | None = None) -> None:
    """Export one checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="name of the .xml file")
    parser.add_argument("--full", action="store_true", help="keep the weights in 32 bits")
    chosen = parser.parse_args(arguments)
    net = mean_net(chosen.checkpoint, FieldLiftNet(size_named(size_of(chosen.checkpoint))))
    export(net, chosen.out, halved=not chosen.full)
    weights = {name: parameter.detach().half().contiguous() for name, parameter in net.named_parameters()}
    save_file(weights, str(chosen.out.with_suffix(".safetensors")), metadata={"size": net.size.name})
    print(card(chosen.out))  # noqa: T201


def export_small(
    about: str | None,
    arguments: Sequence[str] | None,
    make: Callable[[], N],
    write: Callable[[N, Path], None],
) -> None:
    """The command that exports one checkpoint of a small net: its weights as safetensors, what `write` makes of it, and
    the entry of `weights.toml` for both."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="name of the .xml file")
    chosen = parser.parse_args(arguments)
    net = mean_net(chosen.checkpoint, make())
    # Before writing, which may fold norms into what stands before them.
    weights = {name: parameter.detach().half().contiguous() for name, parameter in net.named_parameters()}
    save_file(weights, str(chosen.out.with_suffix(".safetensors")))
    write(net, chosen.out)
    print(card(chosen.out))  # noqa: T201


def save_traced(
    net: nn.Module,
    example: tuple[torch.Tensor, ...],
    names: Sequence[str],
    path: Path,
    *,
    shape: Sequence[int] | None = None,
    halved: bool = True,
) -> None:
    """Write a net as OpenVINO IR by tracing it on an example; `names` of its inputs, then outputs; `shape` of its one
    input, -1 where any size will do."""
    import openvino

    with torch.no_grad(), warnings.catch_warnings():
        # Tracing freezes the shape checks of plain Python; the export is compared with the net at another size.
        warnings.simplefilter("ignore")
        graph = torch.jit.trace(net, example)
        model: Any = openvino.convert_model(graph, example_input=example)
    if shape is not None:
        model.reshape(list(shape))
    for port, name in zip((*model.inputs, *model.outputs), names, strict=True):
        port.get_tensor().set_names({name})
    save_lean(model, path, halved=halved)


def save_lean(model: Any, path: Path, *, halved: bool) -> None:
    """Write a model as OpenVINO IR without what its reader finds by itself: white space, which is a sixth of the file,
    and the shapes of inputs, which are those of the outputs they come from."""
    import openvino

    openvino.save_model(model, str(path), compress_to_fp16=halved)
    tight = re.sub(r">\s+<", "><", path.read_text("utf-8"))
    inputs = re.compile("<input>.*?</input>", re.DOTALL)
    path.write_text(inputs.sub(lambda found: re.sub("<dim>.*?</dim>", "", found[0]), tight), "utf-8")


def card(graph: Path) -> str:
    """What `weights.toml` must say of the files; the words are to be written by hand."""
    digests = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (graph.with_suffix(".bin"), graph, graph.with_suffix(".safetensors"))
    }
    files = ", ".join(f"{json.dumps(name)} = {json.dumps(digest)}" for name, digest in digests.items())
    return f"[{graph.stem}]\nfile = {json.dumps(graph.name)}\nfiles = {{ {files} }}"


def export(net: FieldLiftNet, path: Path, *, halved: bool = True) -> None:
    """Write a net as OpenVINO IR."""
    import openvino

    net = net.float().eval()
    example = (torch.zeros(1, WINDOW_PLANES, 16, 24), torch.zeros(1, net.size.state, 16, 24))
    # The deep grid halves the net's grid: both sides are even.
    height, width = (2 * torch.export.Dim(name, min=2, max=1024) for name in ("half_height", "half_width"))
    graph = torch.export.export(
        Deployed(net).eval(), example, dynamic_shapes=({2: height, 3: width}, {2: height, 3: width})
    )
    model: Any = openvino.convert_model(graph)
    for port, name in zip(model.inputs, INPUTS, strict=True):
        port.get_tensor().set_names({name})
    for port, name in zip(model.outputs, OUTPUTS, strict=True):
        port.get_tensor().set_names({name})
    save_lean(model, path, halved=halved)


if __name__ == "__main__":
    main()
