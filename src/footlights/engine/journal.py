"""Tells what happens, to three places at once: the event log, the index, and a listener.

A disk that is full or failing is kept in `fault` instead of being raised: books that cannot be written are a reason to
start nothing more, but none to throw away work that is running.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from footlights.engine.events import Event, EventLog, JobState
from footlights.engine.faults import DISK_ERRNOS
from footlights.engine.state import JobPhase, TaskState
from footlights.engine.store import Row, Store
from footlights.engine.tasks import Task


class Journal:
    """Writes down what the coordinator does."""

    def __init__(self, log: EventLog, store: Store, listen: Callable[[Event], None] | None) -> None:
        self._log = log
        self._store = store
        self._listen = listen
        self.fault: OSError | None = None

    def tell(self, event: Event) -> Event:
        """Log an event, pass it to the listener and return it."""
        if event.logged:
            with self._noticing():
                self._log.append(event)
        if self._listen is not None:
            self._listen(event)
        return event

    def phase(self, phase: JobPhase, reason: str = "") -> Event:
        """The job as a whole moves on; everything noted so far is committed with it."""
        with self._noticing():
            self._store.set_phase(phase, reason)
        return self.tell(JobState(phase, reason))

    def note(self, task: Task, key: str, state: TaskState, attempt: int = 0) -> None:
        """A task that is not done moves to another state."""
        self._store.record(Row(key, task.id, task.op, state, attempt=attempt, units=task.units))

    def flush(self) -> None:
        """Commit what was noted in the index."""
        with self._noticing():
            self._store.flush()

    @contextmanager
    def _noticing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno not in DISK_ERRNOS:
                raise
            self.fault = error
