"""The manifest of an artifact: what was asked, what came out, and the digest of every file, sealed by its own digest.

A manifest that was cut, changed by one byte or written by a newer program raises DamagedArtifactError.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import PurePosixPath
from typing import Any

from footlights.core import records
from footlights.engine.tasks import JSON
from footlights.errors import VerificationError

NAME = "manifest.json"
FORMAT = 1


class DamagedArtifactError(VerificationError):
    """An artifact is not what was published; it is put aside and made again."""

    code = "FTL-0801"

    def __init__(self, key: str, why: str) -> None:
        super().__init__(f"artifact {key[:12]} is damaged", why, "run the same command again: it is made anew")
        self.key = key


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One file of an artifact."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Making:
    """What is known of a result besides its files."""

    key: str
    task: str
    """Id of the task it was made for; another task with an equal request shares the artifact."""
    request: Mapping[str, JSON]
    facts: Mapping[str, JSON]
    started: str
    """UTC, ISO 8601."""
    ended: str
    """UTC, ISO 8601."""
    cost_ms: int
    """Milliseconds the op ran, on a clock that never jumps."""
    units: int
    content: str = ""
    """Name of what came out, by the op; empty to take the digest of files and facts."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Versions and devices that took part; not in the key."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """A `Making` and the files that belong to it."""

    making: Making
    files: Mapping[str, FileRecord]
    """By relative POSIX name, without the manifest itself."""

    @property
    def content(self) -> str:
        """Name of what came out; equal content is interchangeable as an input."""
        return self.making.content

    @property
    def bytes(self) -> int:
        """Size of all files together."""
        return sum(file.bytes for file in self.files.values())


def complete(making: Making, files: Mapping[str, FileRecord]) -> Manifest:
    """The manifest of a finished draft; a content the op left empty is the digest of files and facts."""
    content = making.content or records.digest({"facts": making.facts, "files": _file_data(files)})
    return Manifest(replace(making, content=content), files)


def to_text(manifest: Manifest) -> str:
    """JSON with sorted keys; `seal` is the digest of everything else."""
    making = manifest.making
    data: dict[str, Any] = {
        "fmt": FORMAT,
        **{entry.name: getattr(making, entry.name) for entry in fields(making) if entry.name != "environment"},
        "env": dict(making.environment),
        "files": _file_data(manifest.files),
    }
    data["seal"] = records.digest(data)
    return json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def from_text(text: bytes, key: str) -> Manifest:
    """Parse and check a manifest that should belong to `key`. Unknown fields are ignored."""
    try:
        data: dict[str, Any] = json.loads(text)
        seal = data.pop("seal")
        if records.digest(data) != seal:
            raise DamagedArtifactError(key, f"its {NAME} was changed")
        if data["fmt"] != FORMAT:
            raise DamagedArtifactError(key, f"its {NAME} has format {data['fmt']!r}, this program reads {FORMAT}")
        if data["key"] != key:
            raise DamagedArtifactError(key, f"its {NAME} belongs to {data['key']!r}")
        return _from_data(data)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedArtifactError(key, f"its {NAME} cannot be read ({type(error).__name__}: {error})") from error


def is_safe_name(name: str) -> bool:
    """Whether `name` is a plain relative POSIX path that stays inside its folder."""
    parts = PurePosixPath(name).parts
    return bool(parts) and "/".join(parts) == name and not name.startswith("/") and not {"..", "."} & {*parts}


def _from_data(data: Mapping[str, Any]) -> Manifest:
    names = {entry.name for entry in fields(Making)} - {"environment", "warnings"}
    making = Making(
        **{name: data[name] for name in names}, environment=data["env"], warnings=tuple(data.get("warnings", ()))
    )
    for name in data["files"]:
        if not is_safe_name(name):
            raise ValueError(f"file name {name!r}")
    return Manifest(making, {name: FileRecord(int(size), str(sha)) for name, (size, sha) in data["files"].items()})


def _file_data(files: Mapping[str, FileRecord]) -> dict[str, list[Any]]:
    return {name: [file.bytes, file.sha256] for name, file in files.items()}
