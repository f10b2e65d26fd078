"""Which failures are tried again."""

from __future__ import annotations

import errno
import os
import subprocess

import pytest

from footlights.engine.faults import disk_pauses, kind_of
from footlights.engine.state import FailureKind
from footlights.errors import PausedError, SourceError, ToolError


class OutOfMemoryError(RuntimeError):
    """As torch calls it."""


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


TOOL = ToolError("the tool failed", "it said so", "look at it")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ValueError("x"), FailureKind.DETERMINISTIC),
        (SourceError("x", "y", "z"), FailureKind.DETERMINISTIC),
        (FileNotFoundError(errno.ENOENT, "x"), FailureKind.DETERMINISTIC),
        (SystemExit(3), FailureKind.DETERMINISTIC),
        (MemoryError(), FailureKind.RESOURCE),
        (OSError(errno.ENOMEM, "x"), FailureKind.RESOURCE),
        (OutOfMemoryError("x"), FailureKind.RESOURCE),
        (TimeoutError(), FailureKind.TRANSIENT),
        (OSError(errno.ETIMEDOUT, "x"), FailureKind.TRANSIENT),
        (ConnectionResetError(), FailureKind.TRANSIENT),
        (BlockingIOError(errno.EAGAIN, "x"), FailureKind.TRANSIENT),
        (OSError(errno.ENOSPC, "x"), FailureKind.DISK),
        (OSError(errno.EIO, "x"), FailureKind.DISK),
        (OSError(errno.EDQUOT, "x"), FailureKind.DISK),
        (PermissionError(errno.EACCES, "x"), FailureKind.DISK),
        (PausedError("x", "y", "z"), FailureKind.DISK),
        (caused(TOOL, OSError(errno.ENOSPC, "x")), FailureKind.DISK),
        (caused(ValueError(), caused(RuntimeError(), MemoryError())), FailureKind.RESOURCE),
        (caused(ValueError(), subprocess.CalledProcessError(1, "x")), FailureKind.DETERMINISTIC),
    ],
)
def test_class_and_causes_of_an_error_decide(error: BaseException, kind: FailureKind):
    assert kind_of(error) is kind


def test_circle_of_causes_ends():
    one, two = ValueError(), ValueError()
    one.__cause__, two.__cause__ = two, one
    assert kind_of(one) is FailureKind.DETERMINISTIC


def test_only_faults_of_the_disk_pause():
    with pytest.raises(PausedError, match=r"paused here.*No space left.*Free some space"), disk_pauses("here"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(FileNotFoundError), disk_pauses("here"):
        raise FileNotFoundError(errno.ENOENT, "x")
