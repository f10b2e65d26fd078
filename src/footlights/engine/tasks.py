"""What is asked for: tasks, what they need, and the key that names a result by everything that made it.

A task that could not be written as JSON, or whose number is NaN or infinite, is refused with ParameterError when it
is built. Idea of keys over upstream *content* (early cut-off): Mokhov, Mitchell, Peyton Jones, "Build systems à la
carte", 2018.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from footlights.core import records
from footlights.errors import ParameterError

JSON: TypeAlias = "Mapping[str, JSON] | Sequence[JSON] | str | int | float | bool | None"
"""Plain data. Read only: what travels is never changed in place."""

_PREFIX = b"ftl1\0"
_OP = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_ID = re.compile(r"[\w.+@:/-]+")
_LONGEST_VALUE = 60
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Resources:
    """What a task takes from the machine while it runs."""

    threads: int = 1
    """Processor threads, at least 1."""
    memory: int = 0
    """Bytes at its peak, as far as known."""
    disk: int = 0
    """Bytes this task is estimated to write."""

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise ParameterError("resources.threads", self.threads, "give at least 1")
        for name, value in (("memory", self.memory), ("disk", self.disk)):
            if value < 0:
                raise ParameterError(f"resources.{name}", value, "give bytes, 0 or more")


@dataclass(frozen=True, slots=True)
class Task:
    """One piece of work whose result is one artifact.

    `id` is a stable name for people, as in "restore/0003". Only `op`, `version`, `params` and the content of `needs`
    may change the result; an op tells its inputs apart by their order in `needs`, never by their names.
    """

    id: str
    op: str
    """Where the function lives: "package.module:function"."""
    version: int
    """Raised by hand whenever the same request may give another result."""
    params: Mapping[str, JSON] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    """Ids of the tasks whose artifacts are inputs, in the order the op expects them."""
    resources: Resources = Resources()
    units: int = 1
    """Amount of work, for progress and the time left."""
    priority: int = 0
    """Higher runs earlier; equal ones in the order given."""
    timeout: float | None = None
    """Seconds one attempt may last; None has no limit."""
    places: Mapping[str, str] = field(default_factory=dict)
    """Paths of things outside the job that the op reads. They do not name the result: what is there is told apart by
    a digest in `params`, so that moving a file does not make its work undone."""

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise ParameterError("task.id", self.id, "use letters, digits and . + @ : / - _")
        if not _OP.fullmatch(self.op):
            raise ParameterError(f"{self.id}.op", self.op, 'write it as "package.module:function"')
        if self.units < 0:
            raise ParameterError(f"{self.id}.units", self.units, "give 0 or more")
        if self.timeout is not None and not (math.isfinite(self.timeout) and self.timeout > 0):
            raise ParameterError(f"{self.id}.timeout", self.timeout, "give seconds above 0, or None")
        if self.id in self.needs or len(set(self.needs)) != len(self.needs):
            raise ParameterError(f"{self.id}.needs", self.needs, "name each other task once")
        object.__setattr__(self, "params", plain_object(self.params, f"{self.id}.params"))
        object.__setattr__(self, "places", {str(name): str(path) for name, path in self.places.items()})


def plain(value: object, where: str) -> JSON:
    """A deep copy of `value` as plain JSON data; anything else is a ParameterError naming its place.

    Tuples become lists and subclasses of text and numbers lose their class, so that what is kept equals what is read.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value, where)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ParameterError(where, value, "use a finite number")
        return float(value) + 0.0  # makes -0.0 the 0.0 it equals
    if isinstance(value, Mapping):
        return plain_object(value, where)
    if isinstance(value, (list, tuple)):
        return [plain(item, f"{where}[{index}]") for index, item in enumerate(value)]
    raise ParameterError(where, value, "use null, true, false, numbers, text, lists and objects")


def plain_object(value: Mapping[str, object], where: str) -> dict[str, JSON]:
    """`plain` for a whole object, whose names must be text."""
    copied: dict[str, JSON] = {}
    for name, item in value.items():
        if not isinstance(name, str):
            raise ParameterError(f"{where}[{name!r}]", name, "use text for the names of an object")
        copied[_text(name, where)] = plain(item, f"{where}.{name}")
    return copied


def request_of(task: Task, inputs: Mapping[str, str]) -> dict[str, JSON]:
    """Everything that makes the result of `task`: `inputs` maps each needed task id to the content it produced."""
    return {
        "fmt": 1,
        "op": task.op,
        "version": task.version,
        "params": dict(task.params),
        "in": [inputs[need] for need in task.needs],
    }


def key_of(request: Mapping[str, JSON]) -> str:
    """Name of the artifact a request asks for: SHA-256 in hex."""
    return hashlib.sha256(_PREFIX + records.canonical(request)).hexdigest()


def first_difference(old: Mapping[str, JSON], new: Mapping[str, JSON], needs: Sequence[str] = ()) -> str:
    """Why `new` is not `old`, in words: the first field that differs. `needs` names the inputs of `new`."""
    for name in ("fmt", "op", "version"):
        if old.get(name) != new.get(name):
            return _changed(name, old.get(name, _ABSENT), new.get(name, _ABSENT))
    difference = _inside("params", old.get("params"), new.get("params"))
    return difference or _other_inputs(old.get("in"), new.get("in"), needs) or "nothing differs"


def _text(value: str, where: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ParameterError(where, value, "use text that can be written as UTF-8") from error
    return str.__str__(value)


def _inside(where: str, old: object, new: object) -> str:
    """First difference inside two values, or an empty string."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted({*old, *new}):
            difference = _inside(f"{where}.{name}", old.get(name, _ABSENT), new.get(name, _ABSENT))
            if difference:
                return difference
        return ""
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        found = (_inside(f"{where}[{index}]", *pair) for index, pair in enumerate(zip(old, new, strict=True)))
        return next(filter(None, found), "")
    same = type(old) is type(new) and old == new
    return "" if same else _changed(where, old, new)


def _other_inputs(old: object, new: object, needs: Sequence[str]) -> str:
    if not isinstance(old, list) or not isinstance(new, list) or old == new:
        return "" if old == new else "the inputs are others"
    if len(old) != len(new):
        return f"the number of inputs changed from {len(old)} to {len(new)}"
    index = next(index for index, pair in enumerate(zip(old, new, strict=True)) if pair[0] != pair[1])
    name = f"'{needs[index]}'" if index < len(needs) else f"{index + 1} of {len(new)}"
    return f"input {name} has other content"


def _changed(where: str, old: object, new: object) -> str:
    if old is _ABSENT:
        return f"{where} is new ({_short(new)})"
    if new is _ABSENT:
        return f"{where} is gone (was {_short(old)})"
    return f"{where} changed from {_short(old)} to {_short(new)}"


def _short(value: object) -> str:
    text = records.canonical(value).decode()
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"
