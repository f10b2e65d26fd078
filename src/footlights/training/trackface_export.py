"""Exports TrackFace: `python -m footlights.training.trackface_export --checkpoint RUN/last.safetensors --out NAME.xml`.

Writes OpenVINO IR of the running mean, weights halved to 16 bits, and the same weights as safetensors; prints the entry
of `weights.toml` for them. The graph takes any crop whose side is a multiple of 32.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from footlights.models.trackface import PLANES, REFERENCES, STATE
from footlights.models.trackface_torch import TrackFaceNet
from footlights.training.export import export_small, save_traced

INPUTS = ("window", "state", "references", "there")
OUTPUTS = ("next_state", "residual")


def main(arguments: Sequence[str] | None = None) -> None:
    """Export one checkpoint."""
    export_small(__doc__, arguments, TrackFaceNet, export_face_net)


def export_face_net(net: TrackFaceNet, path: Path, *, halved: bool = True) -> None:
    """Write a net as OpenVINO IR."""
    side = 64
    example = (
        torch.zeros(1, PLANES, side, side),
        torch.zeros(1, STATE, side // 4, side // 4),
        torch.zeros(1, REFERENCES, side, side),
        torch.zeros(1, REFERENCES),
    )
    save_traced(net.float().eval(), example, (*INPUTS, *OUTPUTS), path, halved=halved)


if __name__ == "__main__":
    main()
