"""Runtime: weights are checked against their card, then inferred by OpenVINO on the CPU."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from footlights.errors import InternalError

_WEIGHTS = files("footlights.models") / "weights"


@dataclass(frozen=True, slots=True)
class Card:
    """Where a set of weights comes from and what it is allowed for."""

    name: str
    file: str
    sha256: str
    what: str
    source: str
    licence: str

    @property
    def reference(self) -> str:
        """As named in plans: `name@sha256:…`."""
        return f"{self.name}@sha256:{self.sha256[:16]}"


@lru_cache(maxsize=1)
def cards() -> Mapping[str, Card]:
    """All shipped weights."""
    table = tomllib.loads((_WEIGHTS / "weights.toml").read_text("utf-8"))
    return {name: Card(name=name, **entry) for name, entry in table.items()}


def _check(card: Card) -> None:
    """Raise InternalError unless the file is the one its card describes."""
    try:
        found = hashlib.sha256((_WEIGHTS / card.file).read_bytes()).hexdigest()
    except OSError as error:
        found = error.strerror or str(error)
    if found != card.sha256:
        raise InternalError(
            f"the weights {card.file} are not those of their card",
            f"the installation is damaged: SHA-256 {card.sha256[:16]}… is expected, found {found[:40]}",
            "reinstall footlights",
        )


class Net:
    """One compiled net; call it with its input, get its outputs by name.

    `precision` is OpenVINO's inference precision hint: `f32`, or `bf16` where the net was checked at it.
    """

    def __init__(self, name: str, *, precision: str = "f32", threads: int = 0) -> None:
        import openvino

        card = cards()[name]
        _check(card)
        core = openvino.Core()
        settings: dict[str, Any] = {"INFERENCE_PRECISION_HINT": precision}
        if threads:
            settings["INFERENCE_NUM_THREADS"] = threads
        model = core.read_model(model=str(_WEIGHTS / card.file))
        self._compiled = core.compile_model(model, "CPU", settings)
        self._outputs = list(self._compiled.outputs)

    def __call__(self, tensor: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Outputs in the net's order."""
        result = self._compiled(tensor)
        return [np.asarray(result[output], np.float32) for output in self._outputs]
