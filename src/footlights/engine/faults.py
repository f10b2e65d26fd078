"""Which kind of failure an exception is, and which faults of the disk pause a job."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from footlights.engine.state import FailureKind
from footlights.errors import PausedError

DISK_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EACCES, errno.EFBIG})
"""Space, quota, the device, permission, the size of files: a person can mend them, and no task is to blame."""
_TRANSIENT_ERRNOS = frozenset({errno.EAGAIN, errno.ESTALE, errno.EINTR})
CRASH = "ToolCrashError"
"""Class of the error of a program that a worker had started and that did not survive its work."""
_NAMED = {
    "OutOfMemoryError": FailureKind.RESOURCE,
    "AcceleratorError": FailureKind.TRANSIENT,
    CRASH: FailureKind.TRANSIENT,
}
"""By name: classes of libraries the engine does not import (torch), and programs that crashed."""
_REMEDIES = {
    errno.ENOSPC: "free some space, then run the same command again: finished work is kept",
    errno.EDQUOT: "raise the quota or free some space, then run the same command again: finished work is kept",
    errno.EROFS: "mount the file system writable, then run the same command again: finished work is kept",
    errno.EACCES: "give yourself access to it, then run the same command again: finished work is kept",
    errno.EFBIG: "use a disk that takes larger files, then run the same command again: finished work is kept",
    errno.EIO: "check the disk and its cables, then run the same command again: finished work is kept",
}


def kind_of(error: BaseException) -> FailureKind:
    """What an exception of an op says about another attempt; causes (`raise … from`) count."""
    for cause in _causes(error):
        named = next((_NAMED[kind.__name__] for kind in type(cause).__mro__ if kind.__name__ in _NAMED), None)
        number = cause.errno if isinstance(cause, OSError) else None
        if isinstance(cause, PausedError) or number in DISK_ERRNOS:
            return FailureKind.DISK
        if isinstance(cause, MemoryError) or number == errno.ENOMEM:
            return FailureKind.RESOURCE
        if isinstance(cause, (TimeoutError, ConnectionError)) or number in _TRANSIENT_ERRNOS:
            return FailureKind.TRANSIENT
        if named is not None:
            return named
    return FailureKind.DETERMINISTIC


def remedy_for(error: OSError) -> str:
    """What to do about a fault of the disk."""
    return _REMEDIES.get(error.errno or 0, _REMEDIES[errno.EIO])


@contextmanager
def disk_pauses(doing: str) -> Iterator[None]:
    """Faults of the disk inside the block become PausedError."""
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_ERRNOS:
            raise
        raise PausedError(f"the job paused {doing}", str(error), remedy_for(error)) from error


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    seen: set[int] = set()
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__
