"""The index of a job, `store.sqlite3`: where each task stands, for readers, and what work has cost, for the time left.

It is never the truth: artifacts are, and the index is rebuilt from their manifests when it is missing, damaged or of
another version. One connection writes; others may read with `file:…?mode=ro`. A reader that holds its lock too long
only delays rows. A full or failing disk is an OSError with the errno of the disk.

Rollback journal and synchronous=FULL: WAL could corrupt before SQLite 3.51.3 and may lose the last commits on power
loss (https://sqlite.org/wal.html).
"""

from __future__ import annotations

import errno
import logging
import os
import sqlite3
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from footlights.core import records
from footlights.engine.artifacts import ArtifactStore
from footlights.engine.manifest import Manifest
from footlights.engine.state import JobPhase, TaskState

NAME = "store.sqlite3"
VERSION = 1
_SIDE_FILES = ("-journal", "-wal", "-shm")
_MISSING = "it was missing"
_DISK_FAULTS = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_IOERR: errno.EIO,
    sqlite3.SQLITE_CANTOPEN: errno.EIO,
    sqlite3.SQLITE_READONLY: errno.EROFS,
}
_BUSY_MS = 5000
"""How long a commit waits for readers, milliseconds."""
_HISTORY = 101
"""Rows the median cost is taken of: odd, so that the median is one of them."""
_SCHEMA = """
CREATE TABLE job (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    phase TEXT NOT NULL, reason TEXT NOT NULL, session INTEGER NOT NULL, clean INTEGER NOT NULL,
    created TEXT NOT NULL, updated TEXT NOT NULL
);
CREATE TABLE task (
    key TEXT NOT NULL, id TEXT NOT NULL, op TEXT NOT NULL, state TEXT NOT NULL, content TEXT NOT NULL,
    attempt INTEGER NOT NULL, cost_ms INTEGER NOT NULL, bytes INTEGER NOT NULL, units INTEGER NOT NULL,
    trusted INTEGER NOT NULL, session INTEGER NOT NULL, moment INTEGER NOT NULL,
    PRIMARY KEY (key, id)
);
CREATE INDEX task_by_id ON task (id, moment);
CREATE INDEX task_by_op ON task (op, moment);
CREATE INDEX task_by_moment ON task (moment);
"""
_ADOPT = """
INSERT INTO task VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, (SELECT COALESCE(MAX(moment), 0) + 1 FROM task))
ON CONFLICT (key, id) DO UPDATE SET state = excluded.state, moment = excluded.moment"""
"""A result of an earlier session is used again: its cost and whether it is trusted stay."""
_REPLACE = f"""{_ADOPT}, op = excluded.op, content = excluded.content, attempt = excluded.attempt,
    cost_ms = excluded.cost_ms, bytes = excluded.bytes, units = excluded.units, trusted = 0, session = excluded.session
"""
T = TypeVar("T")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Row:
    """One task under one key."""

    key: str
    id: str
    op: str
    state: TaskState
    content: str = ""
    attempt: int = 0
    cost_ms: int = 0
    bytes: int = 0
    units: int = 0


def row_of(manifest: Manifest) -> Row:
    """The row of a published artifact."""
    making = manifest.making
    return Row(
        key=making.key,
        id=making.task,
        op=str(making.request.get("op", "")),
        state=TaskState.DONE,
        content=manifest.content,
        cost_ms=making.cost_ms,
        bytes=manifest.bytes,
        units=making.units,
    )


class Store:
    """The index; a context manager. Rows are collected by `record` and committed together by `flush`.

    Opening begins a session, leaving ends it in order. `notice` says what had to be mended;
    `ended_in_order` is False when the session before this one was killed.
    """

    def __init__(self, artifacts: ArtifactStore) -> None:
        self._artifacts = artifacts
        self._path = artifacts.job_folder / NAME
        self._pending: dict[tuple[str, str], tuple[str, tuple[str | int, ...]]] = {}
        self._trust: set[str] = set()
        self._connection: sqlite3.Connection | None = None
        self._session = 0
        self.notice = ""
        self.ended_in_order = True

    def __enter__(self) -> Store:
        try:
            _translated(self._open)
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            _translated(self._end_session)
        except (OSError, sqlite3.Error) as problem:
            _log.warning("%s could not be closed in order, the next session checks more: %s", self._path, problem)
        finally:
            self._close()

    def record(self, row: Row) -> None:
        """Note what this session did with a task; the last row for the same key and id counts."""
        self._pending[row.key, row.id] = (_REPLACE, _values(row, self._session))

    def adopt(self, row: Row) -> None:
        """Note that a result of an earlier session is used again."""
        self._pending[row.key, row.id] = (_ADOPT, _values(row, 0))

    def trust(self, key: str) -> None:
        """Note that every byte of an artifact was checked."""
        self._trust.add(key)

    def flush(self) -> None:
        """Commit what was noted. While a reader blocks it is kept for the next time."""
        if self._pending or self._trust:
            self._mended(self._commit)

    def set_phase(self, phase: JobPhase, reason: str = "") -> None:
        """Commit where the job stands, with everything noted so far."""
        update = "UPDATE job SET phase = ?, reason = ?, updated = ?"
        self._mended(lambda: self._commit(update, phase.value, reason, _now()))

    def phase(self) -> tuple[JobPhase, str]:
        """Where the job stands and why, as last committed."""
        phase, reason = self._query("SELECT phase, reason FROM job")[0]
        return JobPhase(phase), reason

    def trusted(self, key: str) -> bool:
        """Whether the artifact needs no full check: it had one, or the session that published it ended in order."""
        return bool(self._query("SELECT MIN(trusted) FROM task WHERE key = ?", key)[0][0])

    def latest(self, task_id: str) -> str | None:
        """Key under which this task was last done."""
        rows = self._query("SELECT key FROM task WHERE id = ? AND state = 'done' ORDER BY moment DESC LIMIT 1", task_id)
        return str(rows[0][0]) if rows else None

    def seconds_per_unit(self, op: str) -> float | None:
        """Median cost of an op in earlier sessions and this one; None without history."""
        rows = self._query(
            "SELECT cost_ms * 0.001 / units FROM task WHERE op = ? AND state = 'done' AND units > 0 AND cost_ms > 0 "
            "ORDER BY moment DESC LIMIT ?",
            op,
            _HISTORY,
        )
        return statistics.median(row[0] for row in rows) if rows else None

    def rows(self) -> list[Row]:
        """All rows, oldest first."""
        found = self._query(
            "SELECT key, id, op, state, content, attempt, cost_ms, bytes, units FROM task ORDER BY moment"
        )
        return [Row(key, task, op, TaskState(state), *rest) for key, task, op, state, *rest in found]

    def _open(self) -> None:
        why = self._connect()
        if why:
            self._rebuild(why)
        self._begin_session()

    def _begin_session(self) -> None:
        now = _now()
        with self._database as database:
            database.execute("BEGIN IMMEDIATE")
            database.execute(
                "INSERT OR IGNORE INTO job VALUES (1, ?, '', 0, 1, ?, ?)", (JobPhase.PLANNED.value, now, now)
            )
            self._session, clean = database.execute("SELECT session + 1, clean FROM job").fetchone()
            database.execute("UPDATE job SET session = ?, clean = 0, updated = ?", (self._session, now))
        self.ended_in_order = bool(clean)

    def _end_session(self) -> None:
        """Everything published in order is trusted from now on."""
        self._commit("UPDATE task SET trusted = 1 WHERE session = ? AND state = 'done'", self._session)
        self._commit("UPDATE job SET clean = 1, updated = ?", _now())

    @property
    def _database(self) -> sqlite3.Connection:
        assert self._connection is not None, "the store is used outside its with block"
        return self._connection

    def _connect(self) -> str:
        """Open the file; returns why it cannot be used, empty when it can."""
        if not self._path.exists():
            return _MISSING
        try:
            self._connection = _connection(self._path)
            verdict = self._connection.execute("PRAGMA quick_check").fetchone()[0]
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
            return f"it was damaged ({error})"
        if verdict != "ok":
            return f"it was damaged ({verdict})"
        return "" if version == VERSION else f"it had version {version}, this program writes {VERSION}"

    def _rebuild(self, why: str) -> None:
        """Move the file aside and make a new one from the manifests."""
        self._close()
        aside = self._artifacts.job_folder / "quarantine" / f"{NAME}.{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
        for suffix in ("", *_SIDE_FILES):  # an old journal would be played back into the new file
            old = Path(f"{self._path}{suffix}")
            if os.path.lexists(old):
                old.rename(f"{aside}{suffix}")
        records.sync_folder(self._path.parent)
        rows = [row_of(manifest) for manifest in self._artifacts.all_manifests()]
        self._connection = _connection(self._path)
        with self._connection as database:
            database.execute("BEGIN IMMEDIATE")
            for statement in filter(str.strip, _SCHEMA.split(";")):
                database.execute(statement)
            database.executemany(_ADOPT, [_values(row, 0) for row in rows])
            database.execute(f"PRAGMA user_version = {VERSION}")
        if rows or why != _MISSING:
            self.notice = f"the index {NAME} was rebuilt from {len(rows)} artifacts, because {why}"

    def _commit(self, statement: str = "", *values: str | int) -> None:
        """Write what was noted, and one statement more, in one transaction; a blocking reader leaves it for later."""
        try:
            with self._database as database:
                database.execute("BEGIN IMMEDIATE")
                for upsert, row in self._pending.values():
                    database.execute(upsert, row)
                database.executemany("UPDATE task SET trusted = 1 WHERE key = ?", [(key,) for key in self._trust])
                if statement:
                    database.execute(statement, values)
        except sqlite3.OperationalError as error:
            if _code(error) not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise
            _log.warning("%s is locked by a reader; its rows wait", self._path)
        else:
            self._pending.clear()
            self._trust.clear()

    def _mended(self, work: Callable[[], T]) -> T:
        """Do `work`; if the file turns out to be damaged or gone, rebuild it and do it again."""
        try:
            return _translated(work)
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
            why = f"it was damaged ({error})"
        _translated(lambda: self._rebuild(why))
        _translated(self._begin_session)
        return _translated(work)

    def _query(self, statement: str, *values: str | int) -> list[Any]:
        return self._mended(lambda: self._database.execute(statement, values).fetchall())

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _connection(path: Path) -> sqlite3.Connection:
    """Used by one thread at a time, not always the same one."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        for setting in (
            f"busy_timeout = {_BUSY_MS}",
            "journal_mode = DELETE",
            "synchronous = FULL",
            "foreign_keys = ON",
        ):
            connection.execute(f"PRAGMA {setting}")
    except BaseException:
        connection.close()
        raise
    return connection


def _values(row: Row, session: int) -> tuple[str | int, ...]:
    return (
        row.key,
        row.id,
        row.op,
        row.state.value,
        row.content,
        row.attempt,
        row.cost_ms,
        row.bytes,
        row.units,
        session,
    )


def _translated(work: Callable[[], T]) -> T:
    """Faults of the disk as OSErrors, so that they are met in one way everywhere."""
    try:
        return work()
    except sqlite3.DatabaseError as error:
        number = None if _is_damage(error) else _DISK_FAULTS.get(_code(error))
        if number is None:
            raise
        raise OSError(number, f"{os.strerror(number)} ({error})", NAME) from error


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    moved = getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_READONLY_DBMOVED
    return moved or _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _code(error: sqlite3.DatabaseError) -> int:
    """Primary result code; 0 for errors of the Python module itself."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
