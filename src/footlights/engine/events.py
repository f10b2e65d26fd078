"""What happens, as typed events, and the append-only log `<job>/events.ndjson` that keeps them.

One JSON object per line: {schema, seq, ts, kind, …}. Each line is one write. A line torn by a crash is closed on
reopening and skipped by readers; nothing else is ever rewritten. Readers ignore kinds and fields they do not know.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar

from footlights.engine.state import FailureKind, JobPhase
from footlights.engine.tasks import JSON

SCHEMA = 1
NAME = "events.ndjson"
_TAIL = 1 << 20


@dataclass(frozen=True, slots=True)
class Event:
    """Something worth telling."""

    kind: ClassVar[str] = "event"
    logged: ClassVar[bool] = True
    """Whether the log keeps it; what changes every second is only passed on."""


@dataclass(frozen=True, slots=True)
class JobState(Event):
    """The job as a whole moved on."""

    kind: ClassVar[str] = "job-state"
    phase: JobPhase
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TaskStarted(Event):
    """A worker got the task."""

    kind: ClassVar[str] = "task-started"
    task: str
    op: str
    units: int
    attempt: int
    """From 1."""
    action: str
    """`redo` or `new`."""
    why: str


@dataclass(frozen=True, slots=True)
class TaskProgress(Event):
    """A running task came further."""

    kind: ClassVar[str] = "task-progress"
    logged: ClassVar[bool] = False
    task: str
    done: int
    """Units."""
    units: int


@dataclass(frozen=True, slots=True)
class TaskDone(Event):
    """The artifact of a task is there."""

    kind: ClassVar[str] = "task-done"
    task: str
    op: str
    key: str
    content: str
    action: str
    """`reuse`, `redo` or `new`."""
    why: str
    units: int
    seconds: float
    """Time the op ran, now or when the reused result was made."""
    bytes: int


@dataclass(frozen=True, slots=True)
class TaskFailed(Event):
    """A task is given up; `state` is `failed`, `quarantined` or `cancelled`."""

    kind: ClassVar[str] = "task-failed"
    task: str
    state: str
    why: str
    log: str = ""
    """Traceback and end of the worker's log."""


@dataclass(frozen=True, slots=True)
class Retry(Event):
    """An attempt failed and another one follows."""

    kind: ClassVar[str] = "retry"
    task: str
    attempt: int
    """The one that failed, from 1."""
    failure: FailureKind
    why: str
    delay: float
    """Seconds until the next."""
    log: str = ""


@dataclass(frozen=True, slots=True)
class Quarantined(Event):
    """A damaged artifact was put aside; it is made again."""

    kind: ClassVar[str] = "quarantined"
    task: str
    key: str
    why: str


@dataclass(frozen=True, slots=True)
class Paused(Event):
    """No new work is started, for a reason outside the program."""

    kind: ClassVar[str] = "paused"
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Warning_(Event):  # noqa: N801 - Warning is a builtin
    """Something a person should know; work goes on."""

    kind: ClassVar[str] = "warning"
    text: str
    task: str = ""


@dataclass(frozen=True, slots=True)
class Note(Event):
    """Something worth telling that is as it should be."""

    kind: ClassVar[str] = "note"
    text: str


@dataclass(frozen=True, slots=True)
class Nondeterminism(Event):
    """The same request gave another result; the first is kept."""

    kind: ClassVar[str] = "nondeterminism"
    task: str
    key: str
    why: str


@dataclass(frozen=True, slots=True)
class OpUnits:
    """How far all tasks of one op are."""

    op: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Estimate(Event):
    """How far everything asked for is."""

    kind: ClassVar[str] = "estimate"
    units: tuple[OpUnits, ...]
    eta_seconds: float | None
    """Time left; None while the speed of some op is unknown."""
    at_risk_seconds: float
    """Work a power cut would lose now: time since the running tasks began, summed."""


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """One line of the log as read back."""

    seq: int
    """1, 2, 3, …; gaps only where a line was torn."""
    ts: str
    """UTC, ISO 8601."""
    kind: str
    data: Mapping[str, JSON]


def to_line(event: Event, seq: int, ts: str) -> str:
    """One NDJSON line with its newline."""
    data = {"schema": SCHEMA, "seq": seq, "ts": ts, "kind": event.kind, **asdict(event)}
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n"


def now() -> str:
    """This moment, UTC, ISO 8601 with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def read_events(path: Path, after: int = 0) -> Iterator[LoggedEvent]:
    """Events with `seq` > `after`; torn lines are skipped, a missing file has none. Safe beside a writer."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        for line in file:
            event = _parse(line)
            if event is not None and event.seq > after:
                yield event


class EventLog:
    """Appends to the log; a context manager. Only the holder of the job's lock may open it.

    A disk that is full or broken raises OSError from `append`.
    """

    def __init__(self, job_folder: Path) -> None:
        self.path = job_folder / NAME
        self._handle = -1
        self._torn = False
        self._seq = 0

    def __enter__(self) -> EventLog:
        self._handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        size = os.fstat(self._handle).st_size
        self._torn = size > 0 and os.pread(self._handle, 1, size - 1) != b"\n"
        self._seq = self._last_seq(size)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._handle)
        self._handle = -1

    def append(self, event: Event) -> LoggedEvent:
        """Write one line; a torn line before it is closed first."""
        seq, ts = self._seq + 1, now()
        line = to_line(event, seq, ts).encode()
        content = b"\n" + line if self._torn else line
        self._torn = True
        written = os.write(self._handle, content)
        if written != len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        self._torn = False
        self._seq = seq
        return LoggedEvent(seq, ts, event.kind, asdict(event))

    def _last_seq(self, size: int) -> int:
        for length in (_TAIL, size):
            tail = os.pread(self._handle, min(length, size), max(0, size - length))
            for line in reversed(tail.splitlines()):
                event = _parse(line)
                if event is not None:
                    return event.seq
        return 0


def _parse(line: bytes) -> LoggedEvent | None:
    try:
        data: dict[str, Any] = json.loads(line)
        seq, ts, kind = int(data.pop("seq")), str(data.pop("ts")), str(data.pop("kind"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return LoggedEvent(seq, ts, kind, data)
