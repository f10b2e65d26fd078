"""A job is a folder. This module knows its files: whose tape it is, which settings it was begun with, its plan, and the
products at its top, which appear under their final names only when they are finished and verified."""

from __future__ import annotations

import json
import os
import shutil
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from footlights.config import Resolved, Settings, explicit, resolve
from footlights.core import records
from footlights.engine.isolate import IsolationError, run_isolated
from footlights.engine.tasks import JSON
from footlights.errors import ConfigError, OutputExistsError, PausedError, SourceChangedError, SourceError, UsageError

JOB_FILE = "job.toml"
FORMAT_FILE = "FORMAT"
FORMAT = "1"
PLAN = "plan.json"
GENERATED = "reports/plan.generated.json"
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


def default_folder(tape: Path) -> Path:
    """Where a tape's job goes when no folder is given: beside where the command is typed."""
    return Path(f"{tape.stem}.footlights")


def open_job(tape: Path | None, folder: Path, assignments: tuple[str, ...] = (), config: Path | None = None) -> Job:
    """Begin a job, or go on with one. A folder that holds anything else is left alone.

    Raises OutputExistsError for a foreign folder, SourceChangedError where the tape is another one, ConfigError for
    unusable settings.
    """
    if (folder / JOB_FILE).is_file():
        return _continue(tape, folder, assignments, config)
    if tape is None:
        raise UsageError(f"{folder} is no job folder", f"there is no {JOB_FILE} in it", "give the folder of a job")
    _refuse_foreign(folder)
    resolved = resolve(assignments, config)
    identity = identify(tape, examine(tape, resolved.settings))
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


def examine(tape: Path, settings: Settings) -> int:
    """Look at a tape in a throw-away process with limits; returns the frames its container promises, 0 if unknown.

    Raises SourceError, within two seconds, for a file that is no tape, is absurd or would open other files.
    """
    params: dict[str, JSON] = {"path": str(tape), "settings": settings.ingest.model_dump(mode="json")}
    try:
        facts = run_isolated("footlights.pipeline.ops:probe", params, _PROBE_SECONDS, _PROBE_MEMORY)
    except IsolationError as error:
        raise SourceError(
            f"{tape} cannot be looked at", f"probing it ended by {error.mishap}", "check the file; it may be hostile"
        ) from error
    return int(facts["frames"])


def identify(tape: Path, frames: int) -> TapeIdentity:
    """Size, time and digest of a tape file."""
    try:
        status = tape.stat()
    except OSError as error:
        raise SourceError(f"{tape} cannot be read", error.strerror or str(error), "check the path") from error
    digest = records.file_digest(tape, SourceError)
    return TapeIdentity(str(tape.absolute()), status.st_size, status.st_mtime_ns, digest, frames)


def publish(artifact_folder: Path, names: Mapping[str, str], job_folder: Path) -> None:
    """Give finished files of an artifact their final names at the top of the job, whole or not at all.

    `names` maps names in the artifact to names in the job; a folder is taken with everything in it. Files are hard
    links where the file system has them, so a 4K master is not stored twice.
    """
    for source, target in names.items():
        part = job_folder / f".{target}.{uuid4().hex[:8]}.part"
        final = job_folder / target
        try:
            _link(artifact_folder / source, part)
            _replace(part, final)
        except OSError as error:
            shutil.rmtree(part, ignore_errors=True)
            part.unlink(missing_ok=True) if not part.is_dir() else None
            raise PausedError(
                f"{final} cannot be written", error.strerror or str(error), "make space and run the same command again"
            ) from error
    records.sync_folder(job_folder)


def _continue(tape: Path | None, folder: Path, assignments: tuple[str, ...], config: Path | None) -> Job:
    identity, recorded = _read(folder / JOB_FILE)
    if tape is not None:
        identity = _same_tape(tape, identity)
    before = resolve((), Path(os.devnull), recorded)
    resolved = resolve(assignments, config, recorded)
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
    if folder.is_dir() and any(folder.iterdir()):
        raise OutputExistsError(
            f"{folder} is not empty and is no job of ours",
            f"there is no {JOB_FILE} in it, and nothing in it shall be overwritten",
            "choose an empty or new folder with -o",
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


def _toml(value: Any) -> str:
    """TOML text of a bool, number, string or list of them; JSON writes all of these the same way."""
    return json.dumps(value)


def _link(source: Path, target: Path) -> None:
    if source.is_dir():
        target.mkdir()
        for inner in sorted(source.iterdir()):
            _link(inner, target / inner.name)
        return
    try:
        os.link(source, target)
    except OSError:
        # A file system without hard links; the copy is made durable like any other file.
        shutil.copyfile(source, target)
        with target.open("rb+") as file:
            os.fsync(file.fileno())


def _replace(part: Path, final: Path) -> None:
    """Rename over what an earlier run of this job left there; a folder is moved aside first."""
    if not final.is_dir() or final.is_symlink():
        part.replace(final)
        return
    aside = final.with_name(f".{final.name}.{uuid4().hex[:8]}.old")
    final.rename(aside)
    part.rename(final)
    shutil.rmtree(aside)
