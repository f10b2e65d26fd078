"""What an op is: a function `op(context: OpContext) -> OpResult` that a worker process imports by name and calls.

An op writes plain files below `context.folder` and nothing else. The same request must give the same content, whatever
the number of threads, workers or earlier attempts. An exception is a failed attempt; its class decides whether there is
another one (`footlights.engine.faults`).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from footlights.engine.artifacts import Artifact
from footlights.engine.tasks import JSON
from footlights.errors import InternalError


@dataclass(frozen=True, slots=True)
class OpResult:
    """What an op hands back besides its files."""

    content: str = ""
    """Name of what came out, so that equal results have equal names; empty takes the digest of files and facts."""
    facts: Mapping[str, JSON] = field(default_factory=dict)
    """Small plain data for whoever reads the artifact; as reproducible as the files."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Versions and devices that took part, for the manifest; not part of the content."""


@dataclass(frozen=True, slots=True)
class OpContext:
    """What an op is given."""

    params: Mapping[str, JSON]
    inputs: Mapping[str, Artifact]
    """By id of the needed task, in the order of `Task.needs`."""
    folder: Path
    """Empty folder to write into; it becomes the artifact."""
    threads: int
    """Processor threads the op may use."""
    progress: Callable[[int], None]
    """Tell the units done so far, 0 … `Task.units`; cheap enough to call for each one."""
    warn: Callable[[str], None]
    """Note something a person should know; kept in the manifest."""
    places: Mapping[str, str] = field(default_factory=dict)
    """Where things outside the job are, as `Task.places`."""


def load(name: str) -> Callable[[Any], Any]:
    """The function called "package.module:function"; InternalError if there is none."""
    module, _, function = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise InternalError(f"there is no op '{name}'", str(error), "report this, or reinstall footlights") from error
    if not callable(found):
        raise InternalError(f"op '{name}' cannot be called", f"it is {type(found).__name__}", "report this")
    op: Callable[[Any], Any] = found
    return op
