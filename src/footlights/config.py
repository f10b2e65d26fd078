"""Where settings come from, each with its origin: defaults < preset < footlights.toml < environment < `--set`.

The only module that reads the environment, where `enhancement.grain.share` is called
`FOOTLIGHTS_ENHANCEMENT__GRAIN__SHARE`.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from footlights.errors import ConfigError, did_you_mean
from footlights.presets import PRESETS
from footlights.settings import Section, Settings

FILE_NAME = "footlights.toml"
_ENVIRONMENT_PREFIX = "FOOTLIGHTS_"
DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Resolved:
    """Settings and where each that is not a default came from."""

    settings: Settings
    origins: dict[str, str]


def resolve(
    assignments: Iterable[str] = (),
    file: Path | None = None,
    recorded: Mapping[str, Any] | None = None,
    preset: str | None = None,
) -> Resolved:
    """Put the layers together. `assignments` are `a.b=value` strings; `file` replaces ./footlights.toml; `recorded` are
    the settings a job was begun with, by dotted name, which every other layer overrides; `preset` comes next.

    Raises ConfigError naming the setting, its origin and the nearest known name.
    """
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    known = dict(_leaves(Settings))
    for name, value, origin in _layers(assignments, file, recorded or {}, preset):
        if name not in known:
            raise ConfigError(
                f"there is no setting '{name}' (from {origin})",
                _children(name, known) or did_you_mean(name, known) or "nothing is called like that",
                "`footlights config` lists all settings",
            )
        values[name] = value
        origins[name] = origin
    try:
        return Resolved(Settings.model_validate(_nest(values)), origins)
    except ValidationError as error:
        finding = error.errors()[0]
        name = ".".join(str(part) for part in finding["loc"] if not isinstance(part, int))
        raise ConfigError(
            f"{name} = {finding['input']!r} (from {origins.get(name, 'defaults')}) cannot be used",
            finding["msg"],
            "`footlights config` lists all settings with their defaults",
        ) from error


def listing(resolved: Resolved) -> Iterator[tuple[str, Any, str]]:
    """Every setting as (dotted name, value, origin)."""
    for name, _ in _leaves(Settings):
        value: Any = resolved.settings
        for part in name.split("."):
            value = getattr(value, part)
        yield name, value, resolved.origins.get(name, DEFAULT)


def child_environment(**extra: str) -> dict[str, str]:
    """The environment for a child process: ours with `extra` on top."""
    return {**os.environ, **extra}


def explicit(resolved: Resolved) -> dict[str, Any]:
    """The settings that do not come from the defaults, by dotted name, as plain data."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value, origin in listing(resolved)
        if origin != DEFAULT
    }


def _layers(
    assignments: Iterable[str], file: Path | None, recorded: Mapping[str, Any], preset: str | None
) -> Iterator[tuple[str, Any, str]]:
    for name, value in recorded.items():
        yield name, value, "the job"
    for name, value in PRESETS[preset].items() if preset else ():
        yield name, value, f"--{preset}"
    path = file if file is not None else Path(FILE_NAME)
    if file is not None or path.is_file():
        for name, value in _flatten(_load(path)):
            yield name, value, str(path)
    for variable, text in sorted(os.environ.items()):
        if variable.startswith(_ENVIRONMENT_PREFIX) and "__" in variable:
            yield variable.removeprefix(_ENVIRONMENT_PREFIX).lower().replace("__", "."), _parse(text), f"${variable}"
    for assignment in assignments:
        name, separator, text = assignment.partition("=")
        if not separator:
            raise ConfigError(
                f"--set {assignment} cannot be used", "there is no '=' in it", "write --set enhancement.grain.share=0"
            )
        yield name.strip(), _parse(text.strip()), "--set"


def _load(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path} cannot be read", str(error), "mend it or leave it out") from error


def _parse(text: str) -> Any:
    """A TOML value; anything that is none is a string."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _flatten(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _nest(values: Mapping[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, value in values.items():
        *parents, leaf = name.split(".")
        branch = tree
        for parent in parents:
            branch = branch.setdefault(parent, {})
        branch[leaf] = value
    return tree


def _leaves(section: type[Section], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, field in section.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            yield from _leaves(kind, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", kind


def _children(name: str, known: Iterable[str]) -> str:
    inside = [setting for setting in known if setting.startswith(f"{name}.")]
    return f"it is a group; settings in it: {', '.join(inside)}" if inside else ""
