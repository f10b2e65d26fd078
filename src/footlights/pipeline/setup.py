"""Installs what optional parts need: the one place that lets pip use the network, because it was asked to."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from footlights.errors import ToolError

_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
"""PyTorch's own index of builds without CUDA: its wheels for Linux elsewhere bring gigabytes of it."""


@dataclass(frozen=True, slots=True)
class Wheel:
    """A package as pip is asked for it."""

    module: str
    requirement: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """Packages of an optional part, and how to see that they work."""

    wheels: tuple[Wheel, ...]
    probe: str
    """Program text that prints one line."""


PARTS: Mapping[str, Part] = {
    "user-models": Part(
        wheels=(
            Wheel("torch", "torch==2.13.0", ("--index-url", _CPU_INDEX) if sys.platform == "linux" else ()),
            Wheel("safetensors", "safetensors>=0.6,<1"),
            # Without their dependencies: spandrel asks for torchvision, which would replace torch by one for CUDA.
            Wheel("einops", "einops>=0.8,<1", ("--no-deps",)),
            Wheel("spandrel", "spandrel>=0.4.2,<0.5", ("--no-deps",)),
        ),
        probe="from footlights.models.user_torch import state; print(state())",
    )
}


def missing(part: Part) -> list[tuple[str, ...]]:
    """The commands that install what is not there yet."""
    pip = (sys.executable, "-m", "pip", "install", "--disable-pip-version-check")
    lacking = [wheel for wheel in part.wheels if importlib.util.find_spec(wheel.module) is None]
    return [(*pip, *wheel.options, wheel.requirement) for wheel in lacking]


def put_in(part: Part, commands: Sequence[tuple[str, ...]]) -> str:
    """Run the commands, then see that the part works; what it says of itself. ToolError with the end of pip's words."""
    for command in commands:
        _ran(command, "pip could not install it", "see that the network can be reached, and run the same command again")
    return _ran((sys.executable, "-c", part.probe), "it is installed, but does not work", "report this defect").strip()


def _ran(command: Sequence[str], what: str, remedy: str) -> str:
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise ToolError(what, " ".join(ran.stderr.split())[-400:], remedy)
    return ran.stdout
