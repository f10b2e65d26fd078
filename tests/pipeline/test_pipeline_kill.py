"""`kill -9` at any moment, the same command again, the same bytes. The long campaign is in benchmarks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from footlights.core.products import JobResult
from footlights.engine.artifacts import ArtifactStore, Level
from footlights.pipeline.products import read_list
from small_job import SMALL

_DELAYS = (1.2, 2.6, 4.0)
"""Seconds from the start to the kill: while measuring, restoring, encoding on an idle machine."""


def command(tape: Path, folder: Path) -> list[str]:
    sets = [argument for assignment in SMALL for argument in ("--set", assignment)]
    return [sys.executable, "-m", "footlights", "restore", str(tape), "-o", str(folder), *sets]


def whole(folder: Path) -> bool:
    """Nothing under a final name is half-written."""
    store = ArtifactStore(folder)
    sound = [store.validate(key, Level.FULL) for key in store.keys()]  # noqa: SIM118 - it is no mapping
    return None not in sound and all((folder / name).is_file() for name in read_list(folder))


def test_killed_job_ends_with_the_same_bytes(tape: Path, finished: tuple[Path, JobResult], tmp_path: Path) -> None:
    folder = tmp_path / "job"
    for delay in _DELAYS:
        process = subprocess.Popen(
            command(tape, folder), start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(delay)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert whole(folder)
    last = subprocess.run(command(tape, folder), capture_output=True, text=True, check=False)
    assert last.returncode == 0, last.stderr
    made, expected = read_list(folder), read_list(finished[0])
    assert {name: digest for name, digest in made.items() if not name.startswith("report.")} == {
        name: digest for name, digest in expected.items() if not name.startswith("report.")
    }
