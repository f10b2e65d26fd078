"""Exports StageMarks: `python -m footlights.training.stagemarks_export --checkpoint RUN/last.safetensors --out N.xml`.

Writes OpenVINO IR of the running mean, norms folded into the convolutions before them, weights halved to 16 bits, and
the same weights as safetensors; prints the entry of `weights.toml` for them. The graph takes any number of squares.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from footlights.models.stageface import PLANES
from footlights.models.stagemarks import SIDE
from footlights.models.stagemarks_torch import StageMarksNet
from footlights.training.export import export_small, save_traced
from footlights.training.stageface_export import folded


def main(arguments: Sequence[str] | None = None) -> None:
    """Export one checkpoint."""
    export_small(__doc__, arguments, StageMarksNet, export_marks)


def export_marks(net: StageMarksNet, path: Path, *, halved: bool = True) -> None:
    """Write a net as OpenVINO IR; its norms are folded."""
    example = (torch.zeros(2, PLANES, SIDE, SIDE),)
    names, shape = ("planes", "marks", "presence"), (-1, PLANES, SIDE, SIDE)
    save_traced(folded(net.float().eval()), example, names, path, shape=shape, halved=halved)


if __name__ == "__main__":
    main()
