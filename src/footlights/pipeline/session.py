"""A session: one run of a job, from taking its folder to the last artifact, on as much of the machine as there is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from footlights.core import records
from footlights.engine.artifacts import Artifact
from footlights.engine.events import Event, TaskDone, Warning_
from footlights.engine.local import LocalExecutor
from footlights.engine.loop import Coordinator
from footlights.engine.process import usable_memory
from footlights.engine.schedule import Limits, fitting, share
from footlights.engine.state import TaskState
from footlights.engine.tasks import Task
from footlights.engine.unfinished import UnfinishedError
from footlights.errors import FootlightsError
from footlights.pipeline import graph, products
from footlights.pipeline.job import Job

Listener = Callable[[Event], None]
T = TypeVar("T")
_HEAVIEST = 3 << 30
"""Bytes that a worker takes at most: chain and encoder of a 4K piece."""


@dataclass(slots=True)
class Session:
    """One run of a job: the coordinator and what was gathered on the way."""

    job: Job
    coordinator: Coordinator
    cores: int = 1
    workers: int = 1
    warnings: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    _counted: set[tuple[str, str]] = field(default_factory=set)
    """Tasks and keys whose seconds are in: the guards ask for all pieces again, and most are found."""

    def share(self, tasks: int) -> int:
        """Processor threads for each of so many pieces of heavy work."""
        return share(self.cores, self.workers, tasks)

    def run(self, tasks: Sequence[Task]) -> None:
        """Make all these tasks done, or raise what kept them from it."""
        try:
            for event in self.coordinator.run(tasks):
                if isinstance(event, TaskDone):
                    if (event.task, event.key) not in self._counted:
                        self._counted.add((event.task, event.key))
                        self.seconds[event.op.rsplit(":", 1)[-1]] += event.seconds
                elif isinstance(event, Warning_):
                    self.warnings.append(event.text)
        except UnfinishedError as error:
            raise _own_error(error) from error

    def warn(self, text: str) -> None:
        """Tell at once, and keep it for the report."""
        self.coordinator.announce(Warning_(text))
        self.warnings.append(text)

    def record(self, kind: type[T], task: str, name: str) -> T:
        """A record from a finished task's artifact."""
        return records.read(kind, self.coordinator.artifact(task).folder / name)

    def artifact(self, task: str) -> Artifact:
        return self.coordinator.artifact(task)

    def publish(self, task: str, names: Mapping[str, str]) -> None:
        """Give files of a finished task their final names in the job folder."""
        products.publish(self.artifact(task), names, self.job.folder)


@contextmanager
def session(job: Job, listen: Listener) -> Iterator[Session]:
    """Take the job folder for ourselves."""
    engine = job.settings.engine
    limits = Limits(reserve=round(engine.reserve * 2**30), memory=usable_memory())
    workers = engine.workers or fitting(limits, _HEAVIEST)
    executor = LocalExecutor(workers)
    (job.folder / "reports").mkdir(exist_ok=True)
    with Coordinator(job.folder, executor, listen=listen, limits=limits, priors=graph.PRIORS) as coordinator:
        products.clean(job.folder)
        one = Session(job, coordinator, limits.cores, workers)
        for change in job.changed:
            one.warn(f"setting changed since the last run: {change}")
        yield one


def _own_error(error: UnfinishedError) -> FootlightsError:
    """Where every failure has one cause, and that is an error of ours, it comes out as itself with its exit code.

    Not so where a part was set aside: which part that is, and that the others are kept, says more than its last crash.
    """
    if any(failure.state is TaskState.QUARANTINED for failure in error.failures):
        return error
    causes = {failure.cause for failure in error.failures if failure.cause is not None}
    if len(causes) != 1:
        return error
    (cause,) = causes
    return cause.rebuilt()
