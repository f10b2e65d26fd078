"""Records on disk: dataclasses as JSON, written so that a power cut leaves either the old file or the new one.

Fractions are `"num/den"` strings, enums their values, ranges `{start, stop}`. Reading validates every field.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from pydantic import TypeAdapter, ValidationError

from footlights.errors import FootlightsError, UsageError

T = TypeVar("T")


_adapters: dict[Any, TypeAdapter[Any]] = {}


def _adapter(kind: Any) -> TypeAdapter[Any]:
    """Building a validator costs milliseconds; each kind needs one."""
    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]


def to_data(record: Any, kind: Any = None) -> Any:
    """A dataclass (or a container of them) as plain JSON data; sets become sorted lists."""
    data = _adapter(kind if kind is not None else type(record)).dump_python(record, mode="json")
    return _sort_sets(record, data)


def from_data(kind: type[T], data: Any, origin: str = "the record") -> T:
    """Plain JSON data → dataclass; every problem found is named with its place."""
    try:
        # Through JSON text: there a list may strictly be a tuple, and 1 and 1.0 stay what they are.
        loaded: T = _adapter(kind).validate_json(json.dumps(data))
    except ValidationError as error:
        raise UsageError(f"{origin} is not valid", problems(error), "mend it or delete it") from error
    return loaded


def problems(error: ValidationError) -> str:
    """The findings of a validation as one line."""
    return "; ".join(
        f"{'.'.join(str(part) for part in finding['loc']) or 'value'}: {finding['msg']}" for finding in error.errors()
    )


def dumps(record: Any, kind: Any = None, *, indent: int | None = 1) -> str:
    """JSON text with sorted keys: equal records give equal bytes."""
    return json.dumps(to_data(record, kind), indent=indent, sort_keys=True, ensure_ascii=False) + "\n"


def canonical(data: Any) -> bytes:
    """Canonical JSON of plain data, for hashing."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def digest(data: Any) -> str:
    """SHA-256 of canonical JSON, in hex."""
    return hashlib.sha256(canonical(data)).hexdigest()


def write(path: Path, content: str | bytes) -> None:
    """Put `content` under `path` durably: `.part` file, fsync, rename, fsync of the folder."""
    part = path.with_name(f".{path.name}.{uuid4().hex[:8]}.part")
    try:
        with part.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames inside `folder` durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read(kind: type[T], path: Path) -> T:
    """Load and validate a record."""
    try:
        data = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read", str(error), "mend it or delete it") from error
    return from_data(kind, data, str(path))


def file_digest(path: Path, error: type[FootlightsError] = UsageError) -> str:
    """SHA-256 of a file's bytes, in hex."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as problem:
        raise error(f"{path} cannot be read", str(problem), "check the path and its permissions") from problem


def _sort_sets(record: Any, data: Any) -> Any:
    """Sets have no order; sort their lists so that equal records give equal JSON."""
    if isinstance(record, (set, frozenset)):
        return sorted(data)
    if isinstance(record, dict):
        return {key: _sort_sets(value, data[str(key)]) for key, value in record.items() if str(key) in data}
    if isinstance(record, (list, tuple)):
        return [_sort_sets(value, item) for value, item in zip(record, data, strict=True)]
    if hasattr(type(record), "__dataclass_fields__"):
        return {name: _sort_sets(getattr(record, name), item) for name, item in data.items()}
    return data
