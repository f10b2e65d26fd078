"""Whole processes killed, interrupted and starved of disk: the same command continues to the same result."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from toy_engine import HERE, Session

from contracts_engine import fan
from footlights.engine.artifacts import ArtifactStore, Level
from footlights.engine.events import Quarantined, TaskDone, TaskStarted, Warning_, read_events
from footlights.engine.schedule import Limits
from footlights.engine.tasks import Task
from footlights.errors import INTERRUPTED, LockedError, PausedError

KILLS = 20
ROUNDS = 60
"""Work of one toy task, about 40 ms."""


def start(folder: Path, rounds: int = ROUNDS) -> subprocess.Popen[str]:
    """The toy job as a process at the head of its own session."""
    return subprocess.Popen(
        [sys.executable, str(HERE / "toy_job.py"), str(folder), "fan", str(rounds)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def read_until(process: subprocess.Popen[str], kind: str) -> str:
    """Follow its events until the first of a kind, or to the end; what it printed."""
    lines = []
    while (line := process.stdout.readline()) and line.strip() != kind:
        lines.append(line)
    return "".join(lines)


def read_rest(process: subprocess.Popen[str]) -> str:
    """Everything it still prints until it ends."""
    with process:
        return process.stdout.read()


def finish(folder: Path) -> list[str]:
    """Run the toy job to its end; the contents of its artifacts."""
    process = start(folder)
    output = read_rest(process)
    assert process.returncode == 0, output
    return output.splitlines()[-1].split()


def assert_nothing_half_written(folder: Path) -> None:
    store = ArtifactStore(folder)
    for place in folder.glob("artifacts/??/*"):
        assert store.validate(place.name, Level.FULL) is not None


def test_job_killed_at_random_moments_ends_with_the_same_result(tmp_path: Path):
    seed = random.randrange(1 << 32)
    sys.stdout.write(f"seed {seed}\n")
    chance = random.Random(seed)
    expected = finish(tmp_path / "undisturbed")
    kills = jobs = 0
    while kills < KILLS:
        folder = tmp_path / f"job-{jobs}"
        jobs += 1
        while kills < KILLS:
            process = start(folder)
            # one in ten may still be starting
            output = read_until(process, "task-started") if chance.random() < 0.9 else ""
            try:
                process.wait(timeout=chance.uniform(0.0, 0.4))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                kills += 1
            output += read_rest(process)
            assert_nothing_half_written(folder)
            if process.returncode == 0:
                break
        result = output.splitlines()[-1].split() if process.returncode == 0 else finish(folder)
        assert result == expected
        assert_nothing_half_written(folder)
        assert list((folder / "tmp").iterdir()) == []
    sys.stdout.write(f"{kills} kills over {jobs} jobs\n")


def test_what_a_killed_session_published_is_checked_in_full(session, tmp_path: Path):
    job: Session = session()
    sound = session("sound").run(fan(10, ROUNDS))
    process = start(job.folder)
    read_until(process, "task-done")
    os.killpg(process.pid, signal.SIGKILL)
    read_rest(process)
    done = next(event for event in read_events(job.folder / "events.ndjson") if event.kind == "task-done")
    path = ArtifactStore(job.folder).folder_of(str(done.data["key"])) / "value.txt"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[::-1])
    assert job.run(fan(10, ROUNDS)) == sound
    assert "did not end in order" in job.of(Warning_)[0].text
    assert [event.task for event in job.of(Quarantined)] == [done.data["task"]]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_lock_is_held_while_it_works_and_free_afterwards(session, tmp_path: Path, number: int):
    job: Session = session()
    process = start(job.folder, rounds=100_000)
    read_until(process, "task-started")
    began = time.monotonic()
    with pytest.raises(LockedError, match=f"process {process.pid}"):
        job.run(fan(1))
    assert time.monotonic() - began < 1
    os.killpg(process.pid, number)
    read_rest(process)
    assert process.returncode == (INTERRUPTED if number == signal.SIGINT else -number)
    job.run([Task("a", "toy_ops:digest", 1)])


def test_interrupted_job_says_so_and_continues(tmp_path: Path):
    expected = finish(tmp_path / "undisturbed")
    folder = tmp_path / "job"
    process = start(folder)
    read_until(process, "task-done")
    os.killpg(process.pid, signal.SIGINT)
    messages = read_rest(process)
    assert process.returncode == INTERRUPTED
    assert "Traceback" not in messages
    last = list(read_events(folder / "events.ndjson"))[-1]
    assert (last.data["phase"], last.data["reason"]) == ("paused", "interrupted")
    assert list((folder / "tmp").iterdir()) == []
    assert finish(folder) == expected


@contextmanager
def small_disk(place: Path, size: int) -> Iterator[None]:
    """A file system of `size` bytes; skips where this user cannot mount."""
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], capture_output=True, text=True, check=False
    )
    if made.returncode != 0:
        pytest.skip(f"mounting a tmpfs is not allowed here: {made.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.parametrize("size", [100 << 10, 700 << 10, 1100 << 10, 1500 << 10])
def test_full_disk_pauses_and_the_same_command_finishes(session, tmp_path: Path, size: int):
    """The job needs 2 MB. The smallest disk has not even room for the index."""
    tasks = [Task(f"fill/{index}", "toy_ops:fill", 1, {"name": f"n{index}", "size": 250_000}) for index in range(8)]
    expected = session().run(tasks)
    place = tmp_path / "disk"
    with small_disk(place, size):
        job = Session(place / "job", options={"limits": Limits(reserve=0)})
        with pytest.raises(PausedError, match="No space left on device") as caught:
            job.run(tasks)
        assert caught.value.exit_code == 7
        assert_nothing_half_written(job.folder)
        done = {event.task for event in job.of(TaskDone)}
        subprocess.run(["mount", "-o", "remount,size=16m", str(place)], check=True)
        assert job.run(tasks) == expected
        assert {event.task for event in job.of(TaskStarted)}.isdisjoint(done)
        assert_nothing_half_written(job.folder)
