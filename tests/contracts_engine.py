"""What every executor must do, whatever runs its work: `assert_executor`."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from footlights.engine.events import Event, Retry, TaskDone, TaskFailed, TaskProgress, Warning_
from footlights.engine.executor import Executor
from footlights.engine.loop import Coordinator
from footlights.engine.schedule import Limits
from footlights.engine.state import FailureKind, RetryPolicy, TaskState
from footlights.engine.tasks import Task
from footlights.engine.unfinished import UnfinishedError
from footlights.errors import ParameterError, PausedError

MakeExecutor = Callable[[int], Executor]


def assert_executor(make_executor: MakeExecutor) -> None:
    """Check an executor with real processes. `make_executor(workers)` gives one whose workers can import `toy_ops`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _gives_the_same_for_any_number_of_workers(make_executor, folder)
        _tells_failures_apart(make_executor, folder)
        _shows_progress(make_executor, folder)
        _pauses_on_disk_faults(make_executor, folder)
    _takes_only_json()


def run(
    make_executor: MakeExecutor, folder: Path, tasks: Sequence[Task], *, workers: int = 2, events: list[Event]
) -> dict[str, str]:
    """Content by task id."""
    executor = make_executor(workers)
    limits, policy = Limits(cores=4, reserve=0), RetryPolicy(delay=0.01)
    with Coordinator(folder, executor, listen=events.append, limits=limits, policy=policy) as coordinator:
        for _ in coordinator.run(tasks):
            pass
        return {task.id: coordinator.artifact(task.id).content for task in tasks}


def fan(width: int, rounds: int = 1) -> list[Task]:
    """One source, `width` middles that need it, one end that needs all of them."""
    source = Task("source", "toy_ops:digest", 1, {"rounds": rounds}, units=rounds)
    middles = [
        Task(f"middle/{index}", "toy_ops:digest", 1, {"index": index, "rounds": rounds}, ("source",), units=rounds)
        for index in range(width)
    ]
    return [source, *middles, Task("end", "toy_ops:digest", 1, {}, tuple(task.id for task in middles))]


def _gives_the_same_for_any_number_of_workers(make_executor: MakeExecutor, folder: Path) -> None:
    results = [
        run(make_executor, folder / f"workers-{workers}", fan(5), workers=workers, events=[]) for workers in (1, 3)
    ]
    assert results[0] == results[1]
    assert len(set(results[0].values())) == len(results[0])


def _tells_failures_apart(make_executor: MakeExecutor, folder: Path) -> None:
    counters = folder / "counters"
    counters.mkdir()

    def counting(name: str, op: str, **params: str | int) -> Task:
        return Task(name, f"toy_ops:{op}", 1, {"counter": str(counters / name), **params})

    tasks = [
        counting("killed-once", "crash_until", times=1),
        counting("poison", "crash_until", times=99),
        counting("late-once", "raise_until", times=1, error="TimeoutError"),
        counting("always-late", "raise_until", times=99, error="TimeoutError"),
        counting("hungry-once", "raise_until", times=1, error="MemoryError"),
        counting("glutton", "raise_until", times=99, error="MemoryError"),
        Task("refused", "toy_ops:refuse", 1),
        Task("unknown", "toy_ops:there_is_no_such_op", 1),
        Task("exits", "toy_ops:exit_early", 1),
        Task("linked", "toy_ops:link_out", 1),
        Task("hung", "toy_ops:hang", 1, timeout=0.3),
        Task("loud", "toy_ops:shout", 1),
        Task("after-refused", "toy_ops:digest", 1, {}, ("refused",)),
        Task("after-after", "toy_ops:digest", 1, {}, ("after-refused", "loud")),
        Task("after-loud", "toy_ops:digest", 1, {}, ("loud",)),
    ]
    events: list[Event] = []
    with pytest.raises(UnfinishedError) as caught:
        run(make_executor, folder / "failures", tasks, events=events)

    failures = {failure.task: failure for failure in caught.value.failures}
    assert {name: failure.state for name, failure in failures.items()} == {
        "poison": TaskState.QUARANTINED,
        "always-late": TaskState.FAILED,
        "glutton": TaskState.QUARANTINED,
        "refused": TaskState.FAILED,
        "unknown": TaskState.FAILED,
        "exits": TaskState.FAILED,
        "linked": TaskState.FAILED,
        "hung": TaskState.QUARANTINED,
        "after-refused": TaskState.CANCELLED,
        "after-after": TaskState.CANCELLED,
    }
    assert {event.task for event in events if isinstance(event, TaskFailed)} == set(failures)
    done = {event.task for event in events if isinstance(event, TaskDone)}
    assert done == {"killed-once", "late-once", "hungry-once", "loud", "after-loud"}

    retries = [(event.task, event.failure) for event in events if isinstance(event, Retry)]
    assert {name: [kind for task, kind in retries if task == name] for name, _ in retries} == {
        "killed-once": [FailureKind.TRANSIENT],
        "poison": [FailureKind.TRANSIENT] * 2,
        "late-once": [FailureKind.TRANSIENT],
        "always-late": [FailureKind.TRANSIENT] * 2,
        "hungry-once": [FailureKind.RESOURCE],
        "glutton": [FailureKind.RESOURCE],
        "hung": [FailureKind.TRANSIENT] * 2,
    }
    assert "the thing is odd" in failures["refused"].why.lower()
    assert "the last words" in failures["refused"].log
    assert any(isinstance(event, Warning_) and event.text == "it was loud" for event in events)


def _shows_progress(make_executor: MakeExecutor, folder: Path) -> None:
    """The op waits for a word that is only given once its progress was seen."""
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    task = Task("slow", "toy_ops:wait_for_word", 1, {"pipe": str(pipe)}, units=2)
    executor = make_executor(1)
    with Coordinator(folder / "progress", executor, limits=Limits(reserve=0)) as coordinator:
        for event in coordinator.run([task]):
            if isinstance(event, TaskProgress):
                assert (event.task, event.done, event.units) == ("slow", 1, 2)
                pipe.write_text("go on\n")
        assert coordinator.artifact("slow").content


def _pauses_on_disk_faults(make_executor: MakeExecutor, folder: Path) -> None:
    broken = folder / "broken"
    for number in (errno.ENOSPC, errno.EIO, errno.EDQUOT):
        broken.touch()
        params = {"errno": number, "broken": str(broken)}
        tasks = [Task("before", "toy_ops:digest", 1), Task("disk", "toy_ops:disk_error", 1, params, ("before",))]
        with pytest.raises(PausedError, match=os.strerror(number)):
            run(make_executor, folder / f"disk-{number}", tasks, events=[])
        broken.unlink()
        events: list[Event] = []
        run(make_executor, folder / f"disk-{number}", tasks, events=events)
        assert {event.task: event.action for event in events if isinstance(event, TaskDone)}["before"] == "reuse"


def _takes_only_json() -> None:
    for value in (float("nan"), float("inf"), {1}, b"bytes", object(), {1: "number as name"}, "\ud800"):
        with pytest.raises(ParameterError):
            Task("task", "toy_ops:digest", 1, {"list": [{"value": value}]})
