"""Workers on this machine."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from toy_engine import ENVIRONMENT, HERE, make_executor

from contracts_engine import assert_executor
from footlights.config import child_environment
from footlights.engine import local, process
from footlights.engine.artifacts import ArtifactStore
from footlights.engine.executor import Duty, Failed, Finished, Progressed, Work, work_from
from footlights.engine.local import LocalExecutor
from footlights.engine.state import FailureKind
from footlights.engine.tasks import Resources, Task, key_of, request_of
from footlights.errors import InternalError, ParameterError

PATIENCE = 20.0


@pytest.fixture
def job(tmp_path: Path) -> Path:
    ArtifactStore(tmp_path).prepare()
    return tmp_path


def work_for(task: Task, ticket: int = 1) -> Work:
    request = request_of(task, {})
    return Work(ticket, Duty.RUN, task, key_of(request), request)


def last_report(executor: LocalExecutor) -> object:
    """The report that ends a piece of work."""
    while True:
        for report in executor.wait(PATIENCE):
            if not isinstance(report, Progressed):
                return report


def heard(pipe: Path) -> str:
    """One line from a named pipe; fails where nobody writes any in PATIENCE, rather than wait for ever."""
    handle = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        text = b""
        end = time.monotonic() + PATIENCE
        while not text.endswith(b"\n"):
            assert time.monotonic() < end, f"nothing came through {pipe.name}"
            ready, _, _ = select.select([handle], [], [], 0.1)
            text += os.read(handle, 4096) if ready else b""
            time.sleep(0.01)
        return text.decode()
    finally:
        os.close(handle)


def gone(pid: int) -> bool:
    """Wait for a process that need not be our child to end."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], PATIENCE)[0])
    finally:
        os.close(handle)


def test_local_executor_keeps_the_contract():
    assert_executor(make_executor)


def test_work_survives_the_way_through_json():
    task = Task("a/1", "toy_ops:digest", 3, {"x": [1, 2.5, None, "ß"]}, ("b", "c"), Resources(2, 3, 4), 7, -1, 2.5)
    work = Work(9, Duty.CHECK, task, "key", {"op": "x"}, (("b", "kb"), ("c", "kc")), 2)
    assert work_from(work.to_data()) == work


def test_silent_worker_is_killed_and_blamed(job: Path):
    """An op that stops every thread of its process sends no heartbeat."""
    executor = make_executor(1, lease=1.5)
    executor.open(job)
    executor.submit(work_for(Task("silent", "toy_ops:hold_everything", 1)))
    report = last_report(executor)
    executor.close()
    assert isinstance(report, Failed)
    assert report.failure.kind is FailureKind.TRANSIENT
    assert report.failure.killed
    assert "no sign of life for 1.5 s" in report.failure.why


def test_time_in_which_this_process_slept_is_forgiven(job: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    executor = make_executor(1)
    executor.open(job)
    executor.submit(work_for(Task("slow", "toy_ops:wait_for_word", 1, {"pipe": str(pipe)}, timeout=30)))
    assert isinstance(executor.wait(PATIENCE)[0], Progressed)
    real = time.monotonic
    monkeypatch.setattr(local.time, "monotonic", lambda: real() + 3600)
    executor.wait(0)
    pipe.write_text("go on\n")
    assert isinstance(last_report(executor), Finished)
    executor.close()


def test_idle_worker_that_was_killed_is_replaced_without_blame(job: Path):
    executor = make_executor(1)
    executor.open(job)
    executor.submit(work_for(Task("first", "toy_ops:digest", 1, {"n": 1})))
    assert isinstance(last_report(executor), Finished)
    pid = executor.pids()[0]
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    executor.submit(work_for(Task("second", "toy_ops:digest", 1, {"n": 2}), 2))
    assert isinstance(last_report(executor), Finished)
    assert executor.pids() != [pid]
    executor.close()


def test_programs_of_a_killed_worker_die_with_it(job: Path, tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    executor = make_executor(1)
    executor.open(job)
    executor.submit(work_for(Task("mother", "toy_ops:bear_child", 1, {"pipe": str(pipe)})))
    child, worker = map(int, heard(pipe).split())
    os.kill(worker, signal.SIGKILL)
    assert isinstance(last_report(executor), Failed)
    assert gone(child)
    executor.close()


def test_abort_ends_work_and_its_programs_without_a_report(job: Path, tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    executor = make_executor(1)
    executor.open(job)
    executor.submit(work_for(Task("mother", "toy_ops:bear_child", 1, {"pipe": str(pipe)})))
    child, worker = map(int, heard(pipe).split())
    executor.abort()
    assert gone(child)
    assert gone(worker)
    assert executor.wait(0) == []
    executor.submit(work_for(Task("next", "toy_ops:digest", 1), 2))
    assert isinstance(last_report(executor), Finished)
    executor.close()


@pytest.mark.parametrize("whole_group", [True, False])
def test_nothing_outlives_a_killed_coordinator(job: Path, tmp_path: Path, whole_group: bool):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    script = [sys.executable, str(HERE / "toy_job.py"), str(job), "bear_child", str(pipe)]
    coordinator = subprocess.Popen(script, start_new_session=True, stdout=subprocess.DEVNULL)
    child, worker = map(int, heard(pipe).split())
    (os.killpg if whole_group else os.kill)(coordinator.pid, signal.SIGKILL)
    coordinator.wait()
    assert gone(worker)
    assert gone(child)


def test_workers_outlive_the_thread_that_asked_for_them(job: Path, tmp_path: Path):
    """The kernel counts the end of a thread as the death of the parent; a web page runs jobs in passing threads."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    executor = make_executor(1)
    executor.open(job)

    def begin() -> None:
        executor.submit(work_for(Task("slow", "toy_ops:wait_for_word", 1, {"pipe": str(pipe)})))
        assert isinstance(executor.wait(PATIENCE)[0], Progressed)

    asking = threading.Thread(target=begin)
    asking.start()
    asking.join()
    assert executor.wait(0.2) == []
    pipe.write_text("go on\n")
    assert isinstance(last_report(executor), Finished)
    executor.close()


def test_worker_dies_with_its_parent_even_if_nobody_closes_its_pipe(job: Path):
    """Another process still holds the pipe, as a forked child of the coordinator would."""
    reading, writing = os.pipe()
    script = (
        "import os, subprocess, sys\n"
        "worker = [sys.executable, '-m', 'footlights.engine.worker', str(os.getpid()), sys.argv[1], '0.01']\n"
        "subprocess.Popen(worker).wait()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(job)],
        stdin=reading,
        stdout=subprocess.PIPE,
        env=child_environment(**ENVIRONMENT),
    )
    os.close(reading)
    os.write(writing, json.dumps(work_for(Task("hung", "toy_ops:hang", 1)).to_data()).encode() + b"\n")
    assert parent.stdout.readline().startswith(b'{"kind": "beat"')
    (child,) = children(parent.pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert gone(child)
    os.close(writing)


def children(pid: int) -> list[int]:
    """Processes a process has started."""
    return [int(number) for number in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_worker_ends_itself_and_its_programs_when_its_pipe_ends(job: Path, tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with (tmp_path / "log").open("wb") as log:
        arguments = [str(os.getpid()), str(job), "1"]
        worker = process.start("footlights.engine.worker", arguments, ENVIRONMENT, stdout=subprocess.PIPE, stderr=log)
    work = work_for(Task("mother", "toy_ops:bear_child", 1, {"pipe": str(pipe)}))
    worker.stdin.write(json.dumps(work.to_data()).encode() + b"\n")
    child = int(heard(pipe).split()[0])
    worker.stdin.close()
    assert gone(worker.pid)
    assert gone(child)
    process.kill_group(worker)


def test_time_limit_of_a_task_is_none_for_checking_it(job: Path):
    executor = make_executor(1)
    executor.open(job)
    work = work_for(Task("a", "toy_ops:digest", 1))
    executor.submit(work)
    assert isinstance(last_report(executor), Finished)
    executor.submit(replace(work, ticket=2, duty=Duty.CHECK, task=replace(work.task, timeout=1e-6)))
    assert last_report(executor) == Finished(2)
    executor.close()


def test_long_request_passes_through_a_small_pipe(job: Path):
    executor = make_executor(1)
    executor.open(job)
    executor.submit(work_for(Task("long", "toy_ops:digest", 1, {"text": "x" * 1_000_000})))
    assert isinstance(last_report(executor), Finished)
    executor.close()


def test_worker_that_cannot_start_is_a_failure(job: Path):
    executor = LocalExecutor(1, environment={**ENVIRONMENT, "PYTHONHOME": "/nowhere"})
    executor.open(job)
    executor.submit(work_for(Task("a", "toy_ops:digest", 1)))
    report = last_report(executor)
    executor.close()
    assert isinstance(report, Failed)
    assert report.failure.kind is FailureKind.TRANSIENT
    assert "ended with code 1" in report.failure.why


def test_log_of_a_worker_is_put_aside_when_it_is_long(job: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(local, "_LOG_SIZE", 10)
    (job / "logs").mkdir()
    (job / "logs" / "worker-0.log").write_text("a long old log")
    executor = make_executor(1)
    executor.open(job)
    executor.submit(work_for(Task("a", "toy_ops:digest", 1)))
    last_report(executor)
    executor.close()
    assert (job / "logs" / "worker-0.log.1").read_text() == "a long old log"
    assert "== run a attempt 1" in (job / "logs" / "worker-0.log").read_text()


def test_more_work_than_workers_is_refused(job: Path):
    executor = make_executor(1)
    executor.open(job)
    executor.submit(work_for(Task("a", "toy_ops:hang", 1)))
    with pytest.raises(InternalError):
        executor.submit(work_for(Task("b", "toy_ops:hang", 1), 2))
    executor.close()
    executor.close()


def test_at_least_one_worker_is_needed():
    with pytest.raises(ParameterError, match="workers = 0"):
        LocalExecutor(0)
