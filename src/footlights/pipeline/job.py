"""A job is a folder. This module knows its files: whose tape it is, and which settings it was begun with."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from footlights.config import Resolved, explicit, resolve
from footlights.core import records
from footlights.core.plans import RestorationPlan
from footlights.core.source import Source
from footlights.engine.isolate import IsolationError, run_isolated
from footlights.engine.tasks import JSON
from footlights.errors import ConfigError, OutputExistsError, PausedError, SourceChangedError, SourceError, UsageError
from footlights.planning.refusals import refuse_hdr
from footlights.settings import Settings

Refusal = Callable[[Source], None]
"""Raises for a tape that cannot be worked on."""

JOB_FILE = "job.toml"
FORMAT_FILE = "FORMAT"
FORMAT = "1"
PLAN = "plan.json"
GENERATED = "reports/plan.generated.json"
"""What the program wrote into `PLAN` last: where they differ, a person has edited it."""
RULED = "reports/plan.rules.json"
"""The plan of the rules, before guards changed it."""
_PROBE_SECONDS = 30.0
_PROBE_MEMORY = 4 * 2**30
"""Bytes of address space; a probe of sound SD needs about one gigabyte of it, most never touched."""


@dataclass(frozen=True, slots=True)
class TapeIdentity:
    """The tape a job belongs to."""

    path: str
    bytes: int
    modified: int
    """Nanoseconds since 1970; only spares hashing a file that was not touched."""
    sha256: str
    frames: int
    """Expected from its container, for progress; 0 where it does not say."""


@dataclass(frozen=True, slots=True)
class Job:
    """An opened job folder with the settings in force."""

    folder: Path
    tape: TapeIdentity
    resolved: Resolved
    changed: tuple[str, ...] = ()
    """Settings that differ from those of the last run, as sentences."""

    @property
    def settings(self) -> Settings:
        return self.resolved.settings


def keep_plan(folder: Path, plan: RestorationPlan) -> None:
    """Write a plan that a guard has changed, unless a person has edited the one before."""
    if (folder / PLAN).read_bytes() == (folder / GENERATED).read_bytes():
        text = records.dumps(plan)
        records.write(folder / PLAN, text)
        records.write(folder / GENERATED, text)


def default_folder(tape: Path) -> Path:
    """Where a tape's job goes when no folder is given: beside where the command is typed."""
    return Path(f"{tape.stem}.footlights")


def open_job(
    tape: Path | None,
    folder: Path,
    assignments: tuple[str, ...] = (),
    config: Path | None = None,
    preset: str | None = None,
) -> Job:
    """Begin a job, or go on with one. A folder that holds anything else is left alone.

    Raises OutputExistsError for a foreign folder, SourceChangedError where the tape is another one, ConfigError for
    unusable settings.
    """
    return _opened(tape, folder, (assignments, config, preset), lambda source: None)


def open_restoration(
    tape: Path | None,
    folder: Path,
    assignments: tuple[str, ...] = (),
    config: Path | None = None,
    preset: str | None = None,
) -> Job:
    """The same for a job that is to be restored: SourceError for a tape that says it is HDR or log, before the tape is
    read through or anything is written."""
    return _opened(tape, folder, (assignments, config, preset), refuse_hdr)


def _opened(
    tape: Path | None, folder: Path, chosen: tuple[tuple[str, ...], Path | None, str | None], refuse: Refusal
) -> Job:
    if tape is None:
        require(folder)
    if (folder / JOB_FILE).is_file():
        return _continue(tape, folder, chosen)
    assert tape is not None
    _refuse_foreign(folder)
    assignments, config, preset = chosen
    resolved = resolve(assignments, config, preset=preset)
    source, frames = examine(tape, resolved.settings)
    refuse(source)
    identity = identify(tape, frames)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PausedError(
            f"{folder} cannot be made",
            error.strerror or str(error),
            "choose another folder with -o, or mend its permissions",
        ) from error
    job = Job(folder, identity, resolved)
    _write(job)
    return job


def require(folder: Path) -> None:
    """Raise UsageError for a folder that is no job, ConfigError for a job of another version of the layout."""
    if not (folder / JOB_FILE).is_file():
        raise UsageError(f"{folder} is no job folder", f"there is no {JOB_FILE} in it", "give the folder of a job")
    path = folder / FORMAT_FILE
    found = path.read_text("utf-8").strip() if path.is_file() else "none"
    if found != FORMAT:
        raise ConfigError(
            f"{folder} has job format {found}",
            f"this program reads format {FORMAT}",
            "use the program it was begun with, or begin anew in another folder",
        )


def examine(tape: Path, settings: Settings) -> tuple[Source, int]:
    """Look at a tape in a throw-away process with limits; returns what it says of itself, and the frames its container
    promises, 0 if unknown.

    Raises SourceError, within two seconds, for a file that is no tape, is absurd or would open other files.
    """
    if not _is_text(str(tape)):
        raise SourceError(
            f"{tape} cannot be used as a tape", "its name is no text (UTF-8) that reports could hold", "rename it first"
        )
    params: dict[str, JSON] = {"path": str(tape), "settings": settings.ingest.model_dump(mode="json")}
    try:
        facts = run_isolated("footlights.pipeline.probing:probe", params, _PROBE_SECONDS, _PROBE_MEMORY)
    except IsolationError as error:
        raise SourceError(
            f"{tape} cannot be looked at", f"probing it ended by {error.mishap}", "check the file; it may be hostile"
        ) from error
    return records.from_data(Source, facts["source"], str(tape)), int(facts["frames"])


def identify(tape: Path, frames: int) -> TapeIdentity:
    """Size, time and digest of a tape file."""
    try:
        status = tape.stat()
    except OSError as error:
        raise SourceError(f"{tape} cannot be read", error.strerror or str(error), "check the path") from error
    digest = records.file_digest(tape, SourceError)
    return TapeIdentity(str(tape.absolute()), status.st_size, status.st_mtime_ns, digest, frames)


def _continue(tape: Path | None, folder: Path, chosen: tuple[tuple[str, ...], Path | None, str | None]) -> Job:
    assignments, config, preset = chosen
    require(folder)
    identity, recorded = _read(folder / JOB_FILE)
    if tape is not None:
        identity = _same_tape(tape, identity)
    before = resolve((), Path(os.devnull), recorded)
    resolved = resolve(assignments, config, recorded, preset)
    old, new = explicit(before), explicit(resolved)
    changed = tuple(
        f"{name} was {old.get(name, 'default')!r}, is now {new.get(name, 'default')!r}"
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    )
    job = Job(folder, identity, resolved, changed)
    _write(job)
    return job


def _same_tape(tape: Path, known: TapeIdentity) -> TapeIdentity:
    try:
        status = tape.stat()
    except OSError as error:
        raise SourceError(f"{tape} cannot be read", error.strerror or str(error), "check the path") from error
    untouched = (status.st_size, status.st_mtime_ns) == (known.bytes, known.modified)
    if untouched and str(tape.absolute()) == known.path:
        return known
    now = identify(tape, known.frames)
    if now.sha256 != known.sha256:
        raise SourceChangedError(
            f"{tape} is not the tape this job was begun with",
            f"its SHA-256 is {now.sha256[:16]}…, the job's tape had {known.sha256[:16]}… ({known.path})",
            "give the tape of the job, or another folder with -o",
        )
    return now


def _refuse_foreign(folder: Path) -> None:
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise OutputExistsError(f"{folder} cannot be a job folder", "it is a file or a link", "choose another with -o")
    if folder.is_dir() and not all(_is_beginning(path) for path in folder.iterdir()):
        raise OutputExistsError(
            f"{folder} is not empty and is no job of ours",
            f"there is no {JOB_FILE} in it, and nothing in it shall be overwritten",
            "choose an empty or new folder with -o",
        )


def _is_beginning(path: Path) -> bool:
    """Whether this is what a job leaves that was killed while its folder was being made."""
    return path.name == FORMAT_FILE or (
        path.name.startswith((f".{FORMAT_FILE}.", f".{JOB_FILE}.")) and path.name.endswith(".part")
    )


def _write(job: Job) -> None:
    tape = job.tape
    lines = [
        "# A Footlights job: its tape and the settings that differ from the defaults.",
        "# The same command, or `footlights restore` with this folder, goes on with it.",
        "",
        "[tape]",
        f"path = {json.dumps(tape.path)}",
        f"bytes = {tape.bytes}",
        f"modified = {tape.modified}",
        f'sha256 = "{tape.sha256}"',
        f"frames = {tape.frames}",
        "",
        "[settings]",
        *(f"{json.dumps(name)} = {_toml(value)}" for name, value in sorted(explicit(job.resolved).items())),
        "",
    ]
    text = "\n".join(lines)
    try:
        if not (job.folder / FORMAT_FILE).exists():
            records.write(job.folder / FORMAT_FILE, f"{FORMAT}\n")
        path = job.folder / JOB_FILE
        if not path.exists() or path.read_text("utf-8") != text:
            records.write(path, text)
    except OSError as error:
        raise PausedError(
            f"{job.folder} cannot be written to", error.strerror or str(error), "make space or mend its permissions"
        ) from error


def _read(path: Path) -> tuple[TapeIdentity, dict[str, Any]]:
    try:
        data = tomllib.loads(path.read_text("utf-8"))
        tape = data["tape"]
        size, modified, frames = (int(tape[name]) for name in ("bytes", "modified", "frames"))
        identity = TapeIdentity(str(tape["path"]), size, modified, str(tape["sha256"]), frames)
        return identity, dict(data.get("settings", {}))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read", str(error), "mend it, or begin anew in another folder") from error


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _toml(value: Any) -> str:
    """TOML text of a bool, number, string or list of them; JSON writes all of these the same way."""
    return json.dumps(value)
