"""Between the coordinator and whoever runs its work: the Executor protocol and the messages that cross it.

All messages are plain data and can be written as JSON, so that work may be sent to any process on any machine that
sees the job folder. Results never travel: the worker publishes the artifact and answers with its key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from footlights.engine.state import Failure
from footlights.engine.tasks import JSON, Resources, Task


class Duty(StrEnum):
    """What is to be done with a task."""

    RUN = "run"
    """Call its op and publish the artifact."""
    CHECK = "check"
    """Hash every byte of the artifact it has."""


@dataclass(frozen=True, slots=True)
class Work:
    """One piece of work for one worker."""

    ticket: int
    """Names this piece in the reports about it."""
    duty: Duty
    task: Task
    key: str
    request: Mapping[str, JSON]
    inputs: tuple[tuple[str, str], ...] = ()
    """(id of the needed task, key of its artifact), in the order of `task.needs`."""
    attempt: int = 1

    def to_data(self) -> dict[str, Any]:
        """As plain JSON data."""
        return asdict(self)


def work_from(data: Mapping[str, Any]) -> Work:
    """Inverse of `Work.to_data`."""
    task = dict(data["task"])
    task["needs"] = tuple(task["needs"])
    task["resources"] = Resources(**task["resources"])
    inputs = tuple((need, key) for need, key in data["inputs"])
    return Work(**{**data, "duty": Duty(data["duty"]), "task": Task(**task), "inputs": inputs})


@dataclass(frozen=True, slots=True)
class Progressed:
    """A worker is alive and has come so far."""

    ticket: int
    done: int
    """Units."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The artifact is published, or, for a check, every byte is as published."""

    ticket: int
    warnings: tuple[str, ...] = ()
    nondeterminism: str = ""


@dataclass(frozen=True, slots=True)
class Damaged:
    """The artifact `key` is not what was published: the one to check, or an input."""

    ticket: int
    key: str
    why: str


@dataclass(frozen=True, slots=True)
class Failed:
    """This attempt is over without a result."""

    ticket: int
    failure: Failure


Report: TypeAlias = Progressed | Finished | Damaged | Failed


class Executor(Protocol):
    """Runs work in processes of its own. Used by one thread at a time."""

    @property
    def workers(self) -> int:
        """How many pieces of work it takes at once, at least 1."""
        ...

    def open(self, job_folder: Path) -> None:
        """Get ready to work for this job."""
        ...

    def submit(self, work: Work) -> None:
        """Begin a piece of work without waiting for it; at most `workers` may be unfinished."""
        ...

    def wait(self, timeout: float | None) -> list[Report]:
        """Reports that came in; sleeps until there is one or `timeout` seconds passed. Each piece of work ends with
        exactly one of Finished, Damaged or Failed, whatever happens to its worker."""
        ...

    def abort(self) -> None:
        """Stop all unfinished work at once, with every process it started; nothing is reported about it."""
        ...

    def close(self) -> None:
        """Abort, and let go of all workers."""
        ...
