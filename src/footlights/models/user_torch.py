"""Runs a user's net with torch: the architecture is found by spandrel, the weights are data and never a program.

Weights are read from safetensors, or by torch's unpickler for weights alone (`weights_only`), which builds nothing but
tensors; TorchScript, which is a program, is refused.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from footlights.core.clip import Plane
from footlights.errors import UsageError

_PURPOSES = frozenset({"SR", "Restoration", "FaceSR"})


class UserNet:
    """A net out of a file; UsageError for what is no net for pictures."""

    def __init__(self, path: str) -> None:
        _stand_in_for_torchvision()
        import spandrel

        file = Path(path)
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        try:
            model = spandrel.ModelLoader(self._device).load_from_state_dict(_weights(file))
        except (spandrel.UnsupportedModelError, RuntimeError, KeyError, ValueError) as error:
            raise UsageError(
                f"{file.name} cannot be used",
                f"no architecture fits its weights ({type(error).__name__} {str(error)[:120]})",
                "give weights for an architecture that spandrel knows, for example ESRGAN, Compact, SwinIR or DAT",
            ) from error
        if not isinstance(model, spandrel.ImageModelDescriptor) or model.purpose not in _PURPOSES:
            raise UsageError(
                f"{file.name} cannot be used", f"it is a net for {model.purpose}", "give a super-resolution net"
            )
        self._channels = model.input_channels
        if self._channels not in (1, 3) or model.output_channels not in (1, 3):
            raise UsageError(
                f"{file.name} cannot be used",
                f"it takes {self._channels} planes and gives {model.output_channels}",
                "give a net for R'G'B' or grey pictures",
            )
        self.scale = int(model.scale)
        self.architecture = str(model.architecture.name)
        self._model = model.eval()

    def __call__(self, picture: Plane) -> Plane:
        """R'G'B' `(3, h, w)`, 0..1 → `(3, h·scale, w·scale)`."""
        given = torch.from_numpy(np.clip(picture, 0, 1)).to(self._device)
        batch = given[:, None] if self._channels == 1 else given[None]
        try:
            with torch.inference_mode():
                made = torch.cat([self._model(one[None]) for one in batch])
        except torch.OutOfMemoryError as error:
            torch.cuda.empty_cache()
            raise MemoryError(str(error)) from error
        except RuntimeError as error:
            if "not enough memory" in str(error):
                raise MemoryError(str(error)) from error
            raise
        planes = made[:, 0] if self._channels == 1 else made[0].expand(3, -1, -1)
        return np.asarray(planes.float().cpu().numpy(), np.float32)


def state() -> str:
    """What runs users' nets here, in a line."""
    _stand_in_for_torchvision()
    import spandrel

    where = torch.cuda.get_device_name() if torch.cuda.is_available() else "the processor"
    return f"spandrel {spandrel.__version__} on torch {torch.__version__}: nets of your own run on {where}"


def _weights(file: Path) -> Any:
    """The tensors of a file by name."""
    if file.suffix.lower() == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(file)
        except SafetensorError as error:
            raise UsageError(f"{file.name} is not read", f"it is damaged ({error})", "fetch the file again") from error
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises what its archive and its unpickler raise
        raise UsageError(
            f"{file.name} is not read",
            f"it is damaged, or holds more than weights, which could do anything ({str(error).splitlines()[0][:120]})",
            "convert it to safetensors with a program you trust, and give that file",
        ) from error


def _stand_in_for_torchvision() -> None:
    """spandrel imports torchvision for two functions, and torchvision would bring a torch for CUDA with it: where it is
    not installed, a module with just these names stands in for it."""
    if "torchvision" in sys.modules:
        return
    try:
        import torchvision  # noqa: F401
    except ImportError:
        functional = ModuleType("torchvision.transforms.functional")
        functional.__dict__.update(InterpolationMode=_Unavailable, rotate=_Unavailable, normalize=_normalise)
        transforms = ModuleType("torchvision.transforms")
        transforms.__dict__["functional"] = functional
        package = ModuleType("torchvision")
        package.__dict__["transforms"] = transforms
        for module in (package, transforms, functional):
            sys.modules[module.__name__] = module


def _normalise(tensor: Any, mean: list[float], std: list[float], inplace: bool = False) -> Any:
    """As torchvision's: per channel, (x - mean) / std."""
    scale = torch.tensor(std, dtype=tensor.dtype, device=tensor.device).view(-1, 1, 1)
    made = (tensor - torch.tensor(mean, dtype=tensor.dtype, device=tensor.device).view(-1, 1, 1)) / scale
    return tensor.copy_(made) if inplace else made


class _Unavailable:
    """What only LaMa uses, a net for filling holes."""

    NEAREST = BILINEAR = None

    def __init__(self, *_: object, **__: object) -> None:
        raise UsageError("this net cannot be used", "it needs torchvision", "give a super-resolution net")
