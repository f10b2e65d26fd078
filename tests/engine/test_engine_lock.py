"""One process in a job folder."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from footlights.engine.lock import JobLock
from footlights.errors import LockedError

HOLD = """
import sys, time
from pathlib import Path
from footlights.engine.lock import JobLock
with JobLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    """Another process that holds the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    return process


def test_second_process_is_refused_at_once_and_told_who_is_there(tmp_path: Path):
    with holder(tmp_path) as other:
        began = time.monotonic()
        with (
            pytest.raises(LockedError, match=f"process {other.pid} on {socket.gethostname()}") as caught,
            JobLock(tmp_path),
        ):
            pass
        assert time.monotonic() - began < 1
        assert caught.value.exit_code == 5
        other.communicate()
    with JobLock(tmp_path):
        assert json.loads((tmp_path / "LOCK").read_text())["pid"] == os.getpid()


def test_lock_frees_itself_when_its_holder_is_killed(tmp_path: Path):
    with holder(tmp_path) as other:
        other.send_signal(signal.SIGKILL)
        other.wait()
        with JobLock(tmp_path):
            pass


def test_same_process_cannot_enter_twice(tmp_path: Path):
    with JobLock(tmp_path):
        with pytest.raises(LockedError), JobLock(tmp_path):
            pass
        with pytest.raises(LockedError), JobLock(tmp_path):
            pass


def test_unreadable_lock_file_does_not_hide_the_holder(tmp_path: Path):
    with JobLock(tmp_path):
        (tmp_path / "LOCK").write_text("")
        with pytest.raises(LockedError, match="another process"), JobLock(tmp_path):
            pass


def test_lock_is_not_taken_through_a_link(tmp_path: Path):
    (tmp_path / "LOCK").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="LOCK"), JobLock(tmp_path):
        pass
