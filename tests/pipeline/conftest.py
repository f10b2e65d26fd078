"""The small job, done once and shared."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from footlights.core.products import JobResult
from small_job import make_tape, restore


@pytest.fixture(scope="session")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tape(tmp_path_factory.mktemp("tape") / "tape.mkv")


@pytest.fixture(scope="session")
def finished(tape: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, JobResult]:
    """The finished job; nobody may change its folder."""
    folder = tmp_path_factory.mktemp("job") / "job"
    return folder, restore(tape, folder)


@pytest.fixture
def copied(finished: tuple[Path, JobResult], tmp_path: Path) -> Callable[[], Path]:
    """Makes copies of the finished job that may be changed."""

    def copy() -> Path:
        target = tmp_path / f"copy{len(list(tmp_path.iterdir()))}"
        shutil.copytree(finished[0], target)
        return target

    return copy
