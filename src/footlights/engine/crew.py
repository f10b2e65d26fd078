"""Who is working on what: the work an executor has in hand, and what the machine has room for beside it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import count

from footlights.engine.executor import Duty, Executor, Report, Work
from footlights.engine.schedule import Lack, Limits, lack
from footlights.engine.tasks import Resources


@dataclass(slots=True)
class Running:
    """One piece of work in hand."""

    work: Work
    started: float
    """Moment, seconds of the monotonic clock."""
    alone: bool
    """Nothing may run beside it."""
    done: int = 0
    """Units."""


class Crew:
    """Hands work to an executor, never more than fits."""

    def __init__(self, executor: Executor, limits: Limits) -> None:
        self._executor = executor
        self._limits = limits
        self._tickets = count(1)
        self._running: dict[int, Running] = {}
        self.slots = executor.workers
        """How many pieces of work may run side by side."""

    def __len__(self) -> int:
        return len(self._running)

    def has_room(self) -> bool:
        """Whether another piece of work may start at all."""
        return len(self._running) < self.slots and not any(running.alone for running in self._running.values())

    def lack(self, wanted: Resources, free_disk: int) -> Lack:
        """What keeps a task from running beside the others."""
        others = [running.work.task.resources for running in self.tasks().values()]
        return lack(wanted, others, self._limits, free_disk)

    def works_on(self, key: str) -> bool:
        """Whether somebody makes or checks this artifact."""
        return any(running.work.key == key for running in self._running.values())

    def tasks(self) -> dict[str, Running]:
        """What is being run, without checks, by task id."""
        return {one.work.task.id: one for one in self._running.values() if one.work.duty is Duty.RUN}

    def ticket(self) -> int:
        """A new number for a piece of work."""
        return next(self._tickets)

    def submit(self, work: Work, *, alone: bool = False) -> None:
        """Have a piece of work done."""
        self._executor.submit(work)
        self._running[work.ticket] = Running(work, time.monotonic(), alone)

    def wait(self, timeout: float) -> list[Report]:
        """Reports of the executor about work in hand."""
        return [report for report in self._executor.wait(timeout) if report.ticket in self._running]

    def get(self, ticket: int) -> Running:
        """The work behind a report."""
        return self._running[ticket]

    def release(self, ticket: int) -> Work:
        """A piece of work has come to its end."""
        return self._running.pop(ticket).work

    def abort(self) -> list[Work]:
        """Stop everything; returns the tasks that were running."""
        self._executor.abort()
        stopped = [running.work for running in self.tasks().values()]
        self._running.clear()
        return stopped
