"""Tools for the engine's tests: toy jobs in a folder, with worker processes that can import the toy ops."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))  # for contracts_engine, as worker processes find toy_ops by PYTHONPATH

from footlights.engine.events import Event  # noqa: E402
from footlights.engine.local import LocalExecutor  # noqa: E402
from footlights.engine.loop import Coordinator  # noqa: E402
from footlights.engine.schedule import Limits  # noqa: E402
from footlights.engine.state import RetryPolicy  # noqa: E402
from footlights.engine.tasks import Task  # noqa: E402

ENVIRONMENT = {"PYTHONPATH": str(HERE)}
QUICK_RETRY = RetryPolicy(delay=0.01)


def make_executor(workers: int = 2, lease: float = 60.0) -> LocalExecutor:
    """Workers that beat fast and know the toy ops."""
    return LocalExecutor(workers, environment=ENVIRONMENT, beat=0.02, lease=lease)


@dataclass
class Session:
    """Runs tasks to the end in one folder, keeping the events."""

    folder: Path
    workers: int = 2
    options: dict = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    def coordinator(self) -> Coordinator:
        options = {"limits": Limits(cores=4, reserve=0), "policy": QUICK_RETRY, **self.options}
        return Coordinator(self.folder, make_executor(self.workers), listen=self.events.append, **options)

    def run(self, *waves: Sequence[Task]) -> dict[str, str]:
        """Content of every task; each wave is a run of one session."""
        self.events.clear()
        with self.coordinator() as coordinator:
            for tasks in waves:
                for _ in coordinator.run(tasks):
                    pass
            return {task.id: coordinator.artifact(task.id).content for tasks in waves for task in tasks}

    def of(self, kind: type[Event]) -> list[Event]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]
