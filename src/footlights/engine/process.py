"""Child processes that cannot outlive their purpose: own process group, dead with their parent, no core files.

Linux only in its last line of defence (PR_SET_PDEATHSIG, oom_score_adj); elsewhere that line is missing.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from footlights.config import child_environment

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_VMSTAT = Path("/proc/vmstat")
_MEMINFO = Path("/proc/meminfo")
_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")
_OOM_SCORE = "600"
"""−1000 … 1000: with memory exhausted the kernel takes a worker, whose task can be repeated, and not its parent."""
_LARGEST_FILE = 64 << 20
"""Bytes a confined process may write into one file, its log included."""
_PATIENCE = 5.0
"""Seconds a killed process may take to vanish; longer only while it hangs inside the kernel."""


def start(
    module: str, arguments: Sequence[str], environment: Mapping[str, str], *, stdout: int, stderr: IO[bytes]
) -> subprocess.Popen[bytes]:
    """Start `python -m module` as leader of a new process group, with a pipe to its stdin.

    The current folder is not importable in it (`-P`). The thread that calls this must live as long as the child:
    Linux counts a thread's end as the death of the parent.
    """
    return subprocess.Popen(
        [sys.executable, "-P", "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=stderr,
        bufsize=0,
        env=child_environment(**environment),
        process_group=0,
    )


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a child with everything it started and reap it. Safe to call twice."""
    if process.returncode is None:  # an unreaped child keeps its number, so the group cannot be someone else's
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_PATIENCE)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()


def how_it_ended(process: subprocess.Popen[bytes]) -> str:
    """The end of a process in words."""
    code = process.returncode
    if code is None:
        return "it does not end"
    if code >= 0:
        return f"it ended with code {code}"
    with suppress(ValueError):
        return f"it was killed by {signal.Signals(-code).name}"
    return f"it was killed by signal {-code}"


def die_with_parent(parent: int) -> None:
    """In a child: be killed when `parent` dies, and end at once if it already has."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def settle_in() -> None:
    """In a child: no core files, no Ctrl-C of the terminal (the parent decides), first choice when memory runs out."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE)


def confine(memory: int | None, seconds: float) -> None:
    """In a child: limit address space (bytes), file sizes and processor time, and give up gaining privileges."""
    if memory is not None:
        _limit(resource.RLIMIT_AS, memory)
    _limit(resource.RLIMIT_FSIZE, _LARGEST_FILE)
    _limit(resource.RLIMIT_CPU, int(seconds * (os.cpu_count() or 1)) + 1)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def _limit(kind: int, most: int) -> None:
    """A lower limit that the user or the machine has set already stays. The hard limit lies above the soft one, so that
    the signal which names the reason comes before SIGKILL."""
    _, ceiling = resource.getrlimit(kind)
    hard = most + 1 if ceiling == resource.RLIM_INFINITY else min(most + 1, ceiling)
    resource.setrlimit(kind, (min(most, hard), hard))


def take_over_pipes() -> tuple[int, int]:
    """In a child: descriptors of the pipes at stdin and stdout, which become /dev/null and stderr.

    So nothing that ops or their children print or read can disturb the conversation with the parent.
    """
    requests, replies = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, replies


def memory_kills() -> int:
    """How often the kernel killed a process for want of memory since the machine started; 0 where unknown."""
    return next((int(line.split()[1]) for line in _lines(_VMSTAT) if line.startswith("oom_kill ")), 0)


def usable_memory() -> int | None:
    """Bytes that new processes may take without others being pushed out, or without reaching the limit of a container
    (cgroup v2); None where neither is known."""
    bounds = [*_available(), *_container_limits()]
    return min(bounds) if bounds else None


def _available() -> Iterator[int]:
    """Linux's own estimate, in which the cache of files counts as free."""
    for line in _lines(_MEMINFO):
        if line.startswith("MemAvailable:"):
            yield int(line.split()[1]) << 10


def _container_limits() -> Iterator[int]:
    """Limits of the group that this process is in, and of those around it."""
    for line in _lines(_OWN_CGROUP):
        if line.startswith("0::"):
            own = _CGROUPS / line[3:].strip().lstrip("/")
            for group in (own, *own.parents):
                if group.is_relative_to(_CGROUPS):
                    yield from (int(value) for value in _lines(group / "memory.max") if value.strip().isdigit())


def _lines(path: Path) -> list[str]:
    """Nothing where the file is not there or not to be read."""
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, ctypes.c_ulong(value), 0, 0, 0)
