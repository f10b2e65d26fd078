"""One process at a time in a job folder: an flock that the kernel frees when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from footlights.errors import LockedError

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class JobLock:
    """Exclusive lock on `<job>/LOCK`; a context manager.

    The file says who holds it: {pid, host, boot_id, started}. It is never deleted, since a deleted name could be locked
    twice. Entering a busy folder raises LockedError at once, naming pid and host.
    """

    def __init__(self, job_folder: Path) -> None:
        self._path = job_folder / "LOCK"
        self._handle = -1

    def __enter__(self) -> JobLock:
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _replace(handle, json.dumps(_holder(), sort_keys=True) + "\n")
        except BlockingIOError:
            who = _describe(os.pread(handle, 4096, 0))
            os.close(handle)
            raise LockedError(
                f"{self._path.parent} is in use by {who}",
                "two processes in one job folder would undo each other's work",
                "wait for it or end it, then run the same command again",
            ) from None
        except BaseException:
            os.close(handle)
            raise
        self._handle = handle
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._handle)
        self._handle = -1


def boot_id() -> str:
    """Changes with every start of the machine; empty where the system does not tell."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""


def _holder() -> dict[str, str | int]:
    return {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "boot_id": boot_id(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _replace(handle: int, text: str) -> None:
    os.ftruncate(handle, 0)
    os.pwrite(handle, text.encode(), 0)


def _describe(content: bytes) -> str:
    try:
        holder = json.loads(content)
        return f"process {holder['pid']} on {holder['host']}, started {holder['started']}"
    except (ValueError, KeyError, TypeError):
        return "another process that is just starting"
