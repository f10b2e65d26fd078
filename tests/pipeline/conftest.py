"""The small job, done once and shared by the processes that test."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from footlights.core.products import JobResult
from small_job import make_tape, restore


@pytest.fixture(scope="session")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with _shared(tmp_path_factory, "tape") as (folder, first):
        return make_tape(folder / "tape.mkv") if first else folder / "tape.mkv"


@pytest.fixture(scope="session")
def finished(tape: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, JobResult]:
    """The finished job; nobody may change its folder.

    The first process that asks does the work; every other takes a copy and runs the job again, which finds all done.
    """
    own = tmp_path_factory.mktemp("job") / "job"
    with _shared(tmp_path_factory, "job") as (folder, first):
        if first:
            restore(tape, own)
        shutil.copytree(*((own, folder / "job") if first else (folder / "job", own)))
    return own, restore(tape, own)


@contextmanager
def _shared(factory: pytest.TempPathFactory, name: str) -> Iterator[tuple[Path, bool]]:
    """A folder for all processes of this run, held by one at a time, and whether nobody has filled it yet."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / f"shared {name}"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        first = not (folder / "whole").exists()
        folder.mkdir(exist_ok=True)
        yield folder, first
        (folder / "whole").touch()


@pytest.fixture
def copied(finished: tuple[Path, JobResult], tmp_path: Path) -> Callable[[], Path]:
    """Makes copies of the finished job that may be changed."""

    def copy() -> Path:
        target = tmp_path / f"copy{len(list(tmp_path.iterdir()))}"
        shutil.copytree(finished[0], target)
        return target

    return copy
