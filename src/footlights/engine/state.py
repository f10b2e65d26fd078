"""The rules of a job, pure: which task may start, what a failure means, who is cancelled with whom.

Nothing here reads a file or a clock; moments are arguments, in seconds of any clock that never runs backward. A move
the rules do not know is an InternalError. Retry classes after Temporal and Ray: what may pass by itself is tried
again, what is certain to repeat is not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter

from footlights.engine.causes import Cause
from footlights.engine.tasks import Task
from footlights.errors import InternalError


class TaskState(StrEnum):
    """Where a task stands."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    QUARANTINED = "quarantined"
    """Harms its workers, or the programs they start; left out so that the others can go on."""
    CANCELLED = "cancelled"
    """Needs something that failed."""


class JobPhase(StrEnum):
    """Where a job stands."""

    PLANNED = "planned"
    RUNNING = "running"
    PAUSED = "paused"
    ASSEMBLING = "assembling"
    VERIFYING = "verifying"
    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    CANCELLED = "cancelled"


class FailureKind(StrEnum):
    """What a failure says about the next attempt."""

    TRANSIENT = "transient"
    """May pass by itself: worker killed, no answer in time, connection lost."""
    RESOURCE = "resource"
    """Memory ran out: tried once more with nothing beside it."""
    DETERMINISTIC = "deterministic"
    """Would fail again the same way."""
    DISK = "disk"
    """No space, quota or a failing disk: the job pauses, the task is not to blame."""


@dataclass(frozen=True, slots=True)
class Failure:
    """How one attempt ended."""

    kind: FailureKind
    why: str
    killed: bool = False
    """The worker process did not survive it, by itself or because it gave no answer."""
    crashed: bool = False
    """A program that the worker had started did not survive it."""
    trace: str = ""
    """Traceback, where there is one."""
    log: str = ""
    """End of what the worker wrote to its log meanwhile."""
    cause: Cause | None = None
    """The error itself, where it is one of ours."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One failed try of a task."""

    number: int
    failure: Failure
    at: float
    """Moment it ended, seconds."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how soon."""

    attempts: int = 3
    """Tries of a task whose failures are transient."""
    delay: float = 1.0
    """Seconds before the second try; doubled for each further one."""

    def wait_before(self, failures: int) -> float:
        """Seconds to wait after that many transient failures."""
        return self.delay * 2.0 ** (failures - 1)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from a failure."""

    state: TaskState
    """PENDING to try again, else FAILED or QUARANTINED."""
    delay: float = 0.0
    """Seconds before the next try."""
    alone: bool = False
    """The next try runs with nothing beside it."""
    pause: bool = False
    """The whole job pauses."""


def judge(attempts: Sequence[Attempt], policy: RetryPolicy) -> Verdict:
    """What follows from the last of these failed attempts (at least one), in view of the earlier ones."""
    kinds = [attempt.failure.kind for attempt in attempts]
    match kinds[-1]:
        case FailureKind.DISK:
            return Verdict(TaskState.PENDING, pause=True)
        case FailureKind.DETERMINISTIC:
            return Verdict(TaskState.FAILED)
        case FailureKind.RESOURCE if kinds.count(FailureKind.RESOURCE) > 1:
            return Verdict(TaskState.QUARANTINED)
        case FailureKind.RESOURCE:
            return Verdict(TaskState.PENDING, alone=True)
        case FailureKind.TRANSIENT:
            failures = kinds.count(FailureKind.TRANSIENT)
            if failures < policy.attempts:
                return Verdict(TaskState.PENDING, delay=policy.wait_before(failures))
            ends = sum(attempt.failure.killed or attempt.failure.crashed for attempt in attempts)
            return Verdict(TaskState.QUARANTINED if ends >= policy.attempts else TaskState.FAILED)


@dataclass(slots=True)
class _Entry:
    task: Task
    order: int
    state: TaskState = TaskState.PENDING
    attempts: tuple[Attempt, ...] = ()
    ready_at: float = 0.0
    alone: bool = False
    cause: str = ""
    """Id of the failed task a cancelled one depends on."""


class Board:
    """All tasks of a session, their dependencies and where each stands."""

    def __init__(self, policy: RetryPolicy | None = None) -> None:
        self._policy = policy or RetryPolicy()
        self._entries: dict[str, _Entry] = {}
        self._pending: dict[str, None] = {}
        """Ids in state PENDING, so that a job of thousands is not walked through for each step."""
        self._dependants: dict[str, dict[str, None]] = {}

    def add(self, tasks: Sequence[Task]) -> None:
        """Ask for these tasks: new ones and, again, known ones; all become PENDING with a clean record.

        Twice the same id, a need nobody knows or a circle is an InternalError and changes nothing.
        """
        self._refuse_impossible(tasks)
        for task_id in list(self._pending):  # left over from a wave that was stopped; unless it is asked for again
            self._set_state(task_id, TaskState.CANCELLED)
        for order, task in enumerate(tasks):
            known = self._entries.get(task.id)
            for need in known.task.needs if known is not None else ():
                del self._dependants[need][task.id]
            self._entries[task.id] = _Entry(task, order)
            self._pending[task.id] = None
            for need in task.needs:
                self._dependants.setdefault(need, {})[task.id] = None
        for task in tasks:
            for need in task.needs:
                if self._entries[need].state not in (TaskState.PENDING, TaskState.DONE):
                    self._cancel([task.id], need)

    def state(self, task_id: str) -> TaskState:
        """Where a task stands."""
        return self._entry(task_id).state

    def task(self, task_id: str) -> Task:
        """The task with this id."""
        return self._entry(task_id).task

    def attempts(self, task_id: str) -> tuple[Attempt, ...]:
        """Its failed attempts so far."""
        return self._entry(task_id).attempts

    def alone(self, task_id: str) -> bool:
        """Whether it must run with nothing beside it."""
        return self._entry(task_id).alone

    def cause(self, task_id: str) -> str:
        """For a cancelled task, the id of the failed one it depends on."""
        return self._entry(task_id).cause

    def dependants(self, task_id: str) -> tuple[str, ...]:
        """Tasks that need this one directly."""
        return tuple(self._dependants.get(task_id, ()))

    def is_fed(self, task_id: str) -> bool:
        """Whether a task is PENDING and all it needs is DONE."""
        entry = self._entry(task_id)
        return entry.state is TaskState.PENDING and all(
            self._entries[need].state is TaskState.DONE for need in entry.task.needs
        )

    def fed(self) -> list[str]:
        """All such tasks, most urgent first; some may have to wait before a new try."""
        found = [self._entries[task_id] for task_id in self._pending if self.is_fed(task_id)]
        found.sort(key=lambda entry: (-entry.task.priority, entry.order))
        return [entry.task.id for entry in found]

    def ready(self, now: float) -> list[str]:
        """The `fed` tasks that may start now."""
        return [task_id for task_id in self.fed() if self._entries[task_id].ready_at <= now]

    def next_retry(self, now: float) -> float | None:
        """Seconds until a waiting task may start; None when none waits."""
        moments = [self._entries[task_id].ready_at - now for task_id in self.fed()]
        return min((moment for moment in moments if moment > 0), default=None)

    def start(self, task_id: str) -> None:
        """PENDING → RUNNING; every need must be DONE."""
        if not self.is_fed(task_id):
            raise InternalError(f"'{task_id}' cannot start", "it is not pending, or a need is not done", "report this")
        self._move(task_id, {TaskState.PENDING}, TaskState.RUNNING)

    def finish(self, task_id: str) -> None:
        """RUNNING, or PENDING where an earlier result is reused → DONE."""
        self._move(task_id, {TaskState.RUNNING, TaskState.PENDING}, TaskState.DONE)

    def release(self, task_id: str) -> None:
        """RUNNING → PENDING without blame."""
        self._move(task_id, {TaskState.RUNNING}, TaskState.PENDING)

    def reopen(self, task_id: str) -> None:
        """DONE → PENDING: its result turned out to be damaged or stale."""
        self._move(task_id, {TaskState.DONE}, TaskState.PENDING)

    def fail(self, task_id: str, failure: Failure, now: float) -> tuple[Verdict, list[str]]:
        """RUNNING → what `judge` says; also returns the ids cancelled with it."""
        entry = self._entry(task_id)
        attempts = (*entry.attempts, Attempt(len(entry.attempts) + 1, failure, now))
        verdict = judge(attempts, self._policy)
        self._move(task_id, {TaskState.RUNNING}, verdict.state)
        entry.ready_at = now + verdict.delay
        entry.alone = entry.alone or verdict.alone
        if not verdict.pause:
            entry.attempts = attempts
        if verdict.state is TaskState.PENDING:
            return verdict, []
        return verdict, self._cancel(self.dependants(task_id), task_id)

    def in_state(self, *states: TaskState) -> list[str]:
        """Ids of the tasks in one of these states."""
        return [task_id for task_id, entry in self._entries.items() if entry.state in states]

    def __contains__(self, task_id: object) -> bool:
        return task_id in self._entries

    def _entry(self, task_id: str) -> _Entry:
        if task_id not in self._entries:
            raise InternalError(f"there is no task '{task_id}'", "it was never asked for", "report this")
        return self._entries[task_id]

    def _move(self, task_id: str, allowed: Collection[TaskState], target: TaskState) -> _Entry:
        entry = self._entry(task_id)
        if entry.state not in allowed:
            raise InternalError(f"'{task_id}' cannot become {target}", f"it is {entry.state}", "report this")
        self._set_state(task_id, target)
        return entry

    def _set_state(self, task_id: str, state: TaskState) -> None:
        self._entries[task_id].state = state
        if state is TaskState.PENDING:
            self._pending[task_id] = None
        else:
            self._pending.pop(task_id, None)

    def _cancel(self, task_ids: Iterable[str], cause: str) -> list[str]:
        """Cancel these and what depends on them; finished results stay, they do not need the failed one any more."""
        cancelled: list[str] = []
        waiting = list(task_ids)
        while waiting:
            entry = self._entries[waiting.pop()]
            if entry.state is TaskState.PENDING:
                self._set_state(entry.task.id, TaskState.CANCELLED)
                entry.cause = cause
                cancelled.append(entry.task.id)
                waiting.extend(self.dependants(entry.task.id))
        return cancelled

    def _refuse_impossible(self, tasks: Sequence[Task]) -> None:
        given = {task.id: task for task in tasks}
        if len(given) != len(tasks):
            twice = sorted(task.id for task in tasks if given[task.id] is not task)
            raise InternalError(f"two tasks are called {', '.join(twice)}", "an id names one task", "report this")
        for task in tasks:
            for need in task.needs:
                if need not in given and need not in self._entries:
                    raise InternalError(f"'{task.id}' needs '{need}'", "nobody makes that", "report this")
        graph = {task_id: entry.task.needs for task_id, entry in self._entries.items()}
        graph.update((task.id, task.needs) for task in tasks)
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            circle = " → ".join(reversed(error.args[1]))
            raise InternalError(f"'{error.args[1][0]}' needs itself", circle, "report this") from error
