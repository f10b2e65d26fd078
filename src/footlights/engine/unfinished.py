"""What is left undone when a run ends: which tasks, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from footlights.engine.causes import Cause
from footlights.engine.state import Board, TaskState
from footlights.errors import IncompleteError

_GIVEN_UP = (TaskState.FAILED, TaskState.QUARANTINED, TaskState.CANCELLED)


@dataclass(frozen=True, slots=True)
class TaskFailure:
    """A task that could not be done."""

    task: str
    state: TaskState
    why: str
    log: str = ""
    """End of the worker's log, or the traceback."""
    cause: Cause | None = None
    """The error itself, where it is one of ours; None for a task that was only cancelled."""


class UnfinishedError(IncompleteError):
    """Some tasks could not be done; `failures` tells which and why. Everything else is finished and kept."""

    def __init__(self, failures: Sequence[TaskFailure], total: int) -> None:
        first = failures[0]
        super().__init__(
            f"{len(failures)} of {total} tasks are not done",
            f"'{first.task}' {first.state}: {first.why}",
            "the job's folder 'logs' has the details; the same command tries these tasks again",
        )
        self.failures = tuple(failures)


def unfinished(board: Board, task_ids: Iterable[str]) -> list[TaskFailure]:
    """Those of the tasks that were given up."""
    return [_failure(board, task_id) for task_id in task_ids if board.state(task_id) in _GIVEN_UP]


def _failure(board: Board, task_id: str) -> TaskFailure:
    state = board.state(task_id)
    if state is TaskState.CANCELLED:
        return TaskFailure(task_id, state, f"it needs '{board.cause(task_id)}'")
    failure = board.attempts(task_id)[-1].failure
    return TaskFailure(task_id, state, failure.why, failure.log or failure.trace, failure.cause)
