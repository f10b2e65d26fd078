"""Workers on this machine: long-lived processes, each at the head of its own process group.

A worker that dies, misses its time limit or falls silent is killed with everything it started and replaced; a worker
that failed a task is not used again. Its log is `<job>/logs/worker-<n>.log`.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from footlights.engine import process, reaper
from footlights.engine.causes import cause_from
from footlights.engine.executor import Damaged, Duty, Failed, Finished, Progressed, Report, Work
from footlights.engine.faults import CRASH, kind_of
from footlights.engine.state import Failure, FailureKind
from footlights.errors import InternalError, ParameterError

_BLOCK = 1 << 16
_LOG_TAIL = 4000
"""Bytes of a worker's log that go into a failure."""
_LOG_SIZE = 8 << 20
"""Bytes after which a log is put aside when its worker starts; one older log is kept."""
_ASLEEP = 5.0
"""Seconds unaccounted for from which on this process is taken to have been stopped or suspended."""


@dataclass(slots=True)
class _Worker:
    slot: int
    process: subprocess.Popen[bytes]
    log: Path
    work: Work | None = None
    incoming: bytes = b""
    outgoing: bytes = b""
    lease: float = 0.0
    """Moment until which a sign of life must come."""
    deadline: float = float("inf")
    log_start: int = 0
    memory_kills: int = 0
    done: int = 0


class LocalExecutor:
    """Executor with `workers` processes, started when they are first needed.

    `environment` is added to what they inherit. `beat` is the time between heartbeats and `lease` how long a worker
    may be silent, both in seconds. Time in which this process itself was stopped or the machine slept is not held
    against the workers.
    """

    def __init__(
        self, workers: int, *, environment: Mapping[str, str] | None = None, beat: float = 2.0, lease: float = 60.0
    ) -> None:
        if workers < 1:
            raise ParameterError("workers", workers, "use at least 1")
        self._count = workers
        self._environment = dict(environment or {})
        self._beat = beat
        self._lease = lease
        self._folder: Path | None = None
        self._workers: dict[int, _Worker] = {}
        self._reports: list[Report] = []
        self._selector: selectors.BaseSelector = selectors.DefaultSelector()
        self._starter: ThreadPoolExecutor | None = None
        self._reaper: subprocess.Popen[bytes] | None = None
        self._looked = time.monotonic()

    @property
    def workers(self) -> int:
        """How many pieces of work it takes at once."""
        return self._count

    def pids(self) -> list[int]:
        """Process numbers of the workers that were started."""
        return [worker.process.pid for worker in self._workers.values()]

    def open(self, job_folder: Path) -> None:
        """Work for this job from now on."""
        self._folder = job_folder.absolute()
        self._selector = selectors.DefaultSelector()
        self._looked = time.monotonic()
        (self._folder / "logs").mkdir(exist_ok=True)
        self._starter = ThreadPoolExecutor(1, "worker-starter")
        self._reaper = _start_reaper()

    def submit(self, work: Work) -> None:
        """Give the work to a free worker, starting one if need be."""
        slot = next((slot for slot in range(self._count) if slot not in self._busy()), None)
        if slot is None or self._starter is None:
            raise InternalError(
                f"'{work.task.id}' was submitted", "no worker is free, or none was opened", "report this"
            )
        try:
            self._refresh(slot)
        except OSError as error:
            self._reports.append(Failed(work.ticket, Failure(kind_of(error), f"no worker could be started: {error}")))
            return
        worker = self._workers[slot]
        now = time.monotonic()
        worker.work = work
        worker.done = 0
        worker.lease = now + self._lease
        limit = work.task.timeout if work.duty is Duty.RUN else None  # hashing takes the time it takes
        worker.deadline = float("inf") if limit is None else now + limit
        worker.log_start = _size(worker.log)
        worker.memory_kills = process.memory_kills()
        worker.outgoing = json.dumps(work.to_data(), ensure_ascii=False).encode() + b"\n"
        self._send(worker)

    def wait(self, timeout: float | None) -> list[Report]:
        """Reports that came in; sleeps until there is one or `timeout` seconds passed."""
        until = float("inf") if timeout is None else time.monotonic() + timeout
        self._forgive(time.monotonic() - self._looked)
        while not self._reports:
            now = time.monotonic()
            limits = [limit for worker in self._busy().values() for limit in (worker.lease, worker.deadline)]
            patience = max(0.0, min([until, *limits]) - now)
            self._listen(patience)
            self._forgive(time.monotonic() - now - patience)
            self._enforce()
            if time.monotonic() >= until:
                break
        self._looked = time.monotonic()
        reports, self._reports = self._reports, []
        return reports

    def abort(self) -> None:
        """Kill every busy worker with all it started."""
        for worker in list(self._busy().values()):
            self._dismiss(worker)
        self._reports.clear()

    def close(self) -> None:
        """End all workers and helpers. Safe to call twice."""
        if self._starter is None:
            return
        self._starter.submit(lambda: None).result()  # a start that an interrupt left behind is over now
        for worker in list(self._workers.values()):
            self._dismiss(worker)
        if self._reaper is not None:
            with suppress(OSError):
                self._reaper.communicate()
        self._starter.shutdown()
        self._selector.close()
        self._starter = self._reaper = None
        self._reports.clear()

    def _listen(self, patience: float) -> None:
        """Sleep until a pipe is ready, at most `patience` seconds, and serve all that are."""
        for key, mask in self._selector.select(None if patience == float("inf") else patience):
            worker: _Worker = key.data
            if self._workers.get(worker.slot) is not worker:
                continue  # dismissed by an earlier event of this round
            if mask & selectors.EVENT_WRITE:
                self._send(worker)
            else:
                self._receive(worker)

    def _busy(self) -> dict[int, _Worker]:
        return {slot: worker for slot, worker in self._workers.items() if worker.work is not None}

    def _refresh(self, slot: int) -> None:
        """Make sure a living worker sits in the slot; one that died idle says so by an ended pipe."""
        worker = self._workers.get(slot)
        if worker is not None:
            self._receive(worker)
        if slot not in self._workers:
            assert self._starter is not None
            self._starter.submit(self._start, slot).result()

    def _start(self, slot: int) -> None:
        """Runs in the starter's thread, which lives as long as this executor: the workers die with that thread."""
        assert self._folder is not None
        log = self._folder / "logs" / f"worker-{slot}.log"
        if _size(log) > _LOG_SIZE:
            log.replace(log.with_suffix(".log.1"))
        with log.open("ab") as stderr:
            child = process.start(
                "footlights.engine.worker",
                [str(os.getpid()), str(self._folder), str(self._beat)],
                self._environment,
                stdout=subprocess.PIPE,
                stderr=stderr,
            )
        worker = _Worker(slot, child, log)
        self._workers[slot] = worker
        self._tell_reaper(f"+{child.pid}\n")
        assert child.stdin is not None
        assert child.stdout is not None
        os.set_blocking(child.stdin.fileno(), False)
        os.set_blocking(child.stdout.fileno(), False)
        self._selector.register(child.stdout, selectors.EVENT_READ, worker)

    def _send(self, worker: _Worker) -> None:
        """Write as much as the pipe takes; the rest when it is ready again."""
        pipe = worker.process.stdin
        assert pipe is not None
        with suppress(BlockingIOError, BrokenPipeError):  # a dead worker is noticed by its other pipe
            worker.outgoing = worker.outgoing[os.write(pipe.fileno(), worker.outgoing) :]
        registered = pipe in self._selector.get_map()
        if worker.outgoing and not registered:
            self._selector.register(pipe, selectors.EVENT_WRITE, worker)
        elif not worker.outgoing and registered:
            self._selector.unregister(pipe)

    def _receive(self, worker: _Worker) -> None:
        """Read what there is; an ended pipe is a dead worker."""
        pipe = worker.process.stdout
        assert pipe is not None
        while True:
            try:
                block = os.read(pipe.fileno(), _BLOCK)
            except BlockingIOError:
                return
            if not block:
                self._bury(worker, "the worker died")
                return
            *lines, worker.incoming = (worker.incoming + block).split(b"\n")
            for line in lines:
                self._take(worker, line)
                if self._workers.get(worker.slot) is not worker:
                    return

    def _take(self, worker: _Worker, line: bytes) -> None:
        """Follow up one line of a worker; one that makes no sense is the end of it."""
        try:
            report = _report(json.loads(line))
        except (ValueError, KeyError, TypeError):
            self._bury(worker, f"the worker sent {line[:80]!r}")
            return
        if worker.work is None or worker.work.ticket != report.ticket:
            return
        worker.lease = time.monotonic() + self._lease
        if isinstance(report, Failed):
            self._fail(worker, report.failure)
            return
        if isinstance(report, Progressed):
            if report.done == worker.done:
                return
            worker.done = report.done
        else:
            worker.work = None
        self._reports.append(report)

    def _bury(self, worker: _Worker, what: str) -> None:
        """A worker died or has to: clean up after it, and blame its work."""
        self._fail(worker, Failure(FailureKind.TRANSIENT, what, killed=True))

    def _fail(self, worker: _Worker, failure: Failure) -> None:
        work = worker.work
        self._dismiss(worker)
        if work is None:
            return
        if failure.killed:
            failure = replace(failure, why=f"{failure.why}: {process.how_it_ended(worker.process)}")
        if failure.kind is not FailureKind.DISK and process.memory_kills() > worker.memory_kills:
            failure = replace(failure, kind=FailureKind.RESOURCE, why=f"{failure.why}; the machine ran out of memory")
        self._reports.append(Failed(work.ticket, replace(failure, log=_tail(worker.log, worker.log_start))))

    def _dismiss(self, worker: _Worker) -> None:
        """Kill a worker with all it started; its slot is free again."""
        for pipe in (worker.process.stdin, worker.process.stdout):
            if pipe is not None and not pipe.closed and pipe in self._selector.get_map():
                self._selector.unregister(pipe)
        process.kill_group(worker.process)
        self._tell_reaper(f"-{worker.process.pid}\n")
        worker.work = None
        self._workers.pop(worker.slot, None)

    def _enforce(self) -> None:
        """Kill workers that take too long or are silent."""
        now = time.monotonic()
        for worker in list(self._busy().values()):
            if now >= worker.deadline and worker.work is not None:
                self._bury(worker, f"no result within {worker.work.task.timeout:g} s")
            elif now >= worker.lease:
                self._bury(worker, f"no sign of life for {self._lease:g} s")

    def _forgive(self, stolen: float) -> None:
        """Time in which this process did not run is nobody's delay."""
        if stolen > _ASLEEP:
            for worker in self._busy().values():
                worker.lease += stolen
                worker.deadline += stolen

    def _tell_reaper(self, line: str) -> None:
        if self._reaper is not None and self._reaper.stdin is not None:
            with suppress(OSError, ValueError):
                self._reaper.stdin.write(line.encode())


def _report(message: dict[str, Any]) -> Report:
    """What a worker's line says."""
    ticket = int(message["ticket"])
    match message["kind"]:
        case "beat":
            return Progressed(ticket, int(message["done"]))
        case "finished":
            return Finished(ticket, tuple(message.get("warnings", ())), message.get("nondeterminism", ""))
        case "damaged":
            return Damaged(ticket, message["key"], message["why"])
        case "failed":
            return Failed(ticket, _failure(message))
        case kind:
            raise ValueError(f"unknown kind {kind!r}")


def _failure(message: dict[str, Any]) -> Failure:
    kind, cause = FailureKind(message["failure"]), cause_from(message["cause"])
    crashed = cause is not None and CRASH in cause.classes
    return Failure(kind, message["why"], crashed=crashed, trace=message["trace"], cause=cause)


def _start_reaper() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", reaper.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        start_new_session=True,
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _tail(path: Path, start: int) -> str:
    """The end of a log, at most `_LOG_TAIL` bytes and nothing before `start`."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(start, size - _LOG_TAIL))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""
