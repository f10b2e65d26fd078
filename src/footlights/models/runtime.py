"""Runtime: weights are checked against their card, then inferred by OpenVINO on the CPU.

`fastest` takes 16-bit floats (bfloat16) where the processor multiplies them, and only after they gave what 32 bits give
on a probe. The choice depends on the processor alone, never on a clock: a job that is resumed makes the same pictures.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from logging import getLogger
from typing import Any

import numpy as np
from numpy.typing import NDArray

from footlights.errors import InternalError

_WEIGHTS = files("footlights.models") / "weights"
_LOG = getLogger(__name__)


@dataclass(slots=True)
class _Granted:
    threads: int = 0


_granted = _Granted()


def grant_threads(count: int) -> None:
    """How many threads nets may use that are made ready from now on in this process; 0 is all of the machine's."""
    _granted.threads = count


def granted_threads() -> int:
    """What was granted last."""
    return _granted.threads


@dataclass(frozen=True, slots=True)
class Card:
    """Where a set of weights comes from and what it is allowed for."""

    name: str
    file: str
    """The one that is read; others may lie beside it."""
    files: Mapping[str, str]
    """Every file of the net and its SHA-256."""
    what: str
    source: str
    licence: str
    data: str = ""
    """What our own weights were trained on."""
    scores: str = ""
    """What they reached, and on what."""
    command: str = ""
    """What made them."""

    @property
    def reference(self) -> str:
        """As named in plans: `name@sha256:…`."""
        digests = list(self.files.values())
        digest = digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
        return f"{self.name}@sha256:{digest[:16]}"


@lru_cache(maxsize=1)
def cards() -> Mapping[str, Card]:
    """All shipped weights."""
    table = tomllib.loads((_WEIGHTS / "weights.toml").read_text("utf-8"))
    return {name: Card(name=name, **entry) for name, entry in table.items()}


def data(name: str) -> bytes:
    """The file of weights that are no net, checked against their card."""
    card = cards()[name]
    _check(card)
    return (_WEIGHTS / card.file).read_bytes()


def _check(card: Card) -> None:
    """Raise InternalError unless the files are those the card describes."""
    for name, expected in card.files.items():
        try:
            found = hashlib.sha256((_WEIGHTS / name).read_bytes()).hexdigest()
        except OSError as error:
            found = error.strerror or str(error)
        if found != expected:
            raise InternalError(
                f"the weights {name} are not those of their card",
                f"the installation is damaged: SHA-256 {expected[:16]}… is expected, found {found[:40]}",
                "reinstall footlights",
            )


def tensors_of(name: str) -> Mapping[str, NDArray[np.float32]]:
    """The tensors of weights that are no net: a safetensors file, checked against its card."""
    card = cards()[name]
    _check(card)
    data = (_WEIGHTS / card.file).read_bytes()
    # The format (github.com/huggingface/safetensors): length of a JSON head, the head, the bytes of the tensors.
    length = int.from_bytes(data[:8], "little")
    head: dict[str, dict[str, Any]] = json.loads(data[8 : 8 + length])
    tensors = {}
    for key, entry in head.items():
        if key != "__metadata__":
            first, stop = (8 + length + int(offset) for offset in entry["data_offsets"])
            kind = {"F32": np.float32, "F16": np.float16}[entry["dtype"]]
            tensors[key] = np.frombuffer(data[first:stop], kind).reshape(entry["shape"]).astype(np.float32)
    return tensors


class Net:
    """One compiled net; call it with its input, get its outputs by name.

    `precision` is OpenVINO's inference precision hint: `f32`, or `bf16` where the net was checked at it. `shapes` fixes
    inputs of a net that takes any size, by name: knowing them, the engine is a tenth faster.
    """

    def __init__(
        self,
        name: str,
        *,
        precision: str = "f32",
        threads: int = 0,
        shapes: Mapping[str, Sequence[int]] | None = None,
    ) -> None:
        import openvino

        card = cards()[name]
        _check(card)
        core = openvino.Core()
        settings: dict[str, Any] = {"INFERENCE_PRECISION_HINT": precision}
        if threads or _granted.threads:
            settings["INFERENCE_NUM_THREADS"] = threads or _granted.threads
        model = core.read_model(model=str(_WEIGHTS / card.file))
        if shapes:
            model.reshape({port: list(shape) for port, shape in shapes.items()})
        self._compiled = core.compile_model(model, "CPU", settings)
        self._outputs = list(self._compiled.outputs)
        self._request = self._compiled.create_infer_request()

    def __call__(self, *tensors: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Inputs and outputs in the net's order; what is given is only read, what is returned is the caller's."""
        result = self._compiled(list(tensors), share_inputs=True)
        return [np.asarray(result[output], np.float32) for output in self._outputs]

    def into(self, tensors: Sequence[NDArray[np.float32]], places: Sequence[NDArray[np.float32]]) -> None:
        """As a call, but every output is written to its place, contiguous and of its shape: nothing is copied."""
        import openvino

        for port, place in zip(self._outputs, places, strict=True):
            self._request.set_tensor(port, openvino.Tensor(place, shared_memory=True))
        self._request.infer(list(tensors), share_inputs=True)


@dataclass(frozen=True, slots=True)
class Backend:
    """What a net runs on, and why."""

    precision: str
    """`bf16` or `f32`."""
    why: str


def fastest(
    name: str, probe: tuple[NDArray[np.float32], ...], *, tolerance: float, threads: int = 0
) -> tuple[Net, Backend]:
    """The net at the precision that is fastest here and right: 16 bits must give what 32 give on `probe`, to a root
    mean square of `tolerance` times that of each output."""
    import openvino

    plain = Net(name, threads=threads)
    if "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        return plain, Backend("f32", "this processor multiplies no bfloat16")
    quick = Net(name, precision="bf16", threads=threads)
    worst = max(_apart(found, true) for found, true in zip(quick(*probe), plain(*probe), strict=True))
    if not worst <= tolerance:
        _LOG.warning("%s in bfloat16 is %.3f off, more than %.3f: it runs in 32 bits", name, worst, tolerance)
        return plain, Backend("f32", f"bfloat16 was {worst:.3f} off on the probe, more than {tolerance:.3f}")
    return quick, Backend("bf16", f"bfloat16 is {worst:.4f} off on the probe, within {tolerance:.3f}")


def _apart(found: NDArray[np.float32], true: NDArray[np.float32]) -> float:
    """Root mean square of the difference, over that of the truth."""
    return float(np.sqrt(np.mean((found - true) ** 2) / (np.mean(true**2) + 1e-12)))
