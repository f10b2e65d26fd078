"""What the machine has room for, and how long the rest will take. Pure."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from graphlib import TopologicalSorter

from footlights.engine.events import Estimate, OpUnits
from footlights.engine.tasks import Resources, Task

_RESERVE = 2 << 30


def _usable_cores() -> int:
    return len(os.sched_getaffinity(0))


@dataclass(frozen=True, slots=True)
class Limits:
    """What all running tasks together may take."""

    cores: int = field(default_factory=_usable_cores)
    """Processor threads."""
    memory: int | None = None
    """Bytes; None does not count memory."""
    reserve: int = _RESERVE
    """Bytes of disk that stay free."""


def fitting(limits: Limits, memory: int) -> int:
    """How many workers of `memory` bytes each the machine has room for, from one to one for every processor."""
    room = limits.cores if limits.memory is None else limits.memory // memory
    return max(1, min(limits.cores, room))


def share(cores: int, workers: int, tasks: int) -> int:
    """Processor threads for each of so many pieces of work, so that those side by side use the machine."""
    return max(1, cores // max(1, min(workers, tasks)))


class Lack(Enum):
    """Why a task has to wait."""

    NOTHING = "nothing"
    THREADS = "threads"
    MEMORY = "memory"
    DISK = "disk"


def lack(wanted: Resources, running: Sequence[Resources], limits: Limits, free_disk: int) -> Lack:
    """What keeps a task from running beside these; one that asks for more than there is runs by itself.

    What running tasks were estimated to write counts in full, since nobody knows how much of it is written already.
    """
    if limits.reserve + wanted.disk + sum(task.disk for task in running) > free_disk:
        return Lack.DISK
    if running and wanted.threads + sum(task.threads for task in running) > limits.cores:
        return Lack.THREADS
    if running and limits.memory is not None:
        memory = wanted.memory + sum(task.memory for task in running)
        if memory > limits.memory:
            return Lack.MEMORY
    return Lack.NOTHING


@dataclass(frozen=True, slots=True)
class Standing:
    """How far one task is."""

    task: Task
    done: int
    """Units."""
    elapsed: float = 0.0
    """Seconds since it was started; 0 when it is not running."""
    seconds: float = 0.0
    """Time the op took in this session; 0 unless it finished in it."""


class Estimator:
    """Time left, from seconds per unit of each op: of this session, else of the history, else a prior."""

    def __init__(
        self, history: Callable[[str], float | None], priors: Mapping[str, float], limits: Limits, workers: int
    ) -> None:
        self._history = history
        self._priors = priors
        self._cores = limits.cores
        self._workers = workers
        self._remembered: dict[str, float | None] = {}

    def estimate(self, standings: Sequence[Standing]) -> Estimate:
        """Where everything asked for stands, given every task that is finished, running or still to be done."""
        ops = sorted({standing.task.op for standing in standings})
        rates = {op: self._rate(op, [one for one in standings if one.task.op == op]) for op in ops}
        units = tuple(
            OpUnits(
                op,
                sum(one.done for one in standings if one.task.op == op),
                sum(one.task.units for one in standings if one.task.op == op),
            )
            for op in ops
        )
        left = {one.task.id: _left(one, rates[one.task.op]) for one in standings}
        known = [seconds for seconds in left.values() if seconds is not None]
        eta = self._span(standings, dict(zip(left, known, strict=True))) if len(known) == len(left) else None
        return Estimate(units, eta, sum(one.elapsed for one in standings))

    def _span(self, standings: Sequence[Standing], left: Mapping[str, float]) -> float:
        """The longest chain, or all work spread over the machine, whichever takes longer."""
        work = sum(
            left[one.task.id] * max(min(one.task.resources.threads / self._cores, 1.0), 1.0 / self._workers)
            for one in standings
        )
        return max(work, _longest_chain([one.task for one in standings], left))

    def _rate(self, op: str, standings: Iterable[Standing]) -> float | None:
        """Seconds per unit."""
        counted = [one for one in standings if one.done and (one.seconds or one.elapsed)]
        units = sum(one.done for one in counted)
        if units:
            return sum(one.seconds or one.elapsed for one in counted) / units
        return self.known_rate(op)

    def known_rate(self, op: str) -> float | None:
        """Seconds per unit from earlier sessions, else the prior."""
        if op not in self._remembered:
            self._remembered[op] = self._history(op)
        remembered = self._remembered[op]
        return self._priors.get(op) if remembered is None else remembered


def _left(standing: Standing, rate: float | None) -> float | None:
    units = max(0, standing.task.units - standing.done)
    if units == 0:
        return 0.0
    return None if rate is None else units * rate


def _longest_chain(tasks: Sequence[Task], seconds: Mapping[str, float]) -> float:
    needs = {task.id: [need for need in task.needs if need in seconds] for task in tasks}
    until: dict[str, float] = {}
    for task_id in TopologicalSorter(needs).static_order():
        until[task_id] = seconds[task_id] + max((until[need] for need in needs[task_id]), default=0.0)
    return max(until.values(), default=0.0)
