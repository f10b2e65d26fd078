"""The worker process: reads one piece of work per line, runs its op, publishes the artifact itself, answers in lines.

Started as `python -m footlights.engine.worker <parent pid> <job folder> <seconds between heartbeats>`. Lines it sends:
{"kind": "beat" | "finished" | "damaged" | "failed", "ticket", …}. When its stdin ends nobody is left to take a result:
it then kills its whole process group.
"""

from __future__ import annotations

import json
import os
import platform
import select
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import footlights
from footlights.engine import ops, process
from footlights.engine.artifacts import Artifact, ArtifactStore, Level
from footlights.engine.causes import cause_of
from footlights.engine.executor import Duty, Work, work_from
from footlights.engine.faults import kind_of
from footlights.engine.manifest import DamagedArtifactError, Making
from footlights.engine.tasks import plain_object
from footlights.errors import FootlightsError, InternalError


class Channel:
    """Sends JSON lines to the coordinator; used by the op's thread and the heart."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._turn = threading.Lock()

    def send(self, **message: Any) -> None:
        """Write one line; a coordinator that is gone is an OSError."""
        line = json.dumps(message).encode() + b"\n"
        with self._turn:
            while line:
                line = line[os.write(self._handle, line) :]


class Heart:
    """Tells at a fixed beat that the process lives and how many units the running op has done."""

    def __init__(self, channel: Channel, beat: float) -> None:
        self._channel = channel
        self._beat = beat
        self.done = 0

    @contextmanager
    def beating(self, ticket: int) -> Iterator[None]:
        """Beat while the block runs."""
        self.done = 0
        over = threading.Event()
        thread = threading.Thread(target=self._run, args=(ticket, over), daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _run(self, ticket: int, over: threading.Event) -> None:
        with suppress(OSError):
            while not over.wait(self._beat):
                self._channel.send(kind="beat", ticket=ticket, done=self.done)


class Worker:
    """Serves one piece of work after the other."""

    def __init__(self, store: ArtifactStore, channel: Channel, beat: float) -> None:
        self._store = store
        self._channel = channel
        self._heart = Heart(channel, beat)

    def serve(self, work: Work) -> None:
        """Do the work and answer, whatever the op throws."""
        _note(f"== {work.duty} {work.task.id} attempt {work.attempt} at {_now()}")
        try:
            with self._heart.beating(work.ticket):
                answer = self._check(work) if work.duty is Duty.CHECK else self._run(work)
        except DamagedArtifactError as error:
            answer = {"kind": "damaged", "key": error.key, "why": error.why}
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the edge of the worker: whatever an op throws is told
            trace = _clean(traceback.format_exc())
            _note(trace)
            cause = cause_of(error)
            answer = {
                "kind": "failed",
                "failure": kind_of(error).value,
                "why": _in_words(error),
                "trace": trace,
                "cause": None if cause is None else cause.to_data(),
            }
        with suppress(OSError, ValueError):  # what the op printed belongs to this piece of work
            sys.stdout.flush()
        self._channel.send(ticket=work.ticket, **answer)

    def _check(self, work: Work) -> dict[str, Any]:
        if self._store.validate(work.key, Level.FULL) is None:
            raise DamagedArtifactError(work.key, "it is gone")
        return {"kind": "finished"}

    def _run(self, work: Work) -> dict[str, Any]:
        inputs = {need: self._input(key) for need, key in work.inputs}
        op = ops.load(work.task.op)
        folder = self._store.draft(work.key)
        try:
            return self._make(work, op, inputs, folder)
        finally:
            self._store.discard(folder)  # after publishing, nothing is left under this name

    def _make(self, work: Work, op: Any, inputs: dict[str, Artifact], folder: Path) -> dict[str, Any]:
        warnings: list[str] = []

        def progress(done: int) -> None:
            self._heart.done = int(done)  # not the integer of some library, which JSON would not take

        def warn(text: str) -> None:
            warnings.append(_clean(text))

        started, clock = _now(), time.monotonic()
        task = work.task
        context = ops.OpContext(task.params, inputs, folder, task.resources.threads, progress, warn, task.places)
        result = op(context)
        if not isinstance(result, ops.OpResult):
            raise InternalError(
                f"op {work.task.op} returned {type(result).__name__}", "it is no OpResult", "report this"
            )
        making = Making(
            key=work.key,
            task=work.task.id,
            request=work.request,
            facts=plain_object(result.facts, f"{work.task.id}.facts"),
            started=started,
            ended=_now(),
            cost_ms=round((time.monotonic() - clock) * 1000),
            units=work.task.units,
            content=result.content,
            environment={**_environment(), **{name: _clean(value) for name, value in result.environment.items()}},
            warnings=tuple(warnings),
        )
        published = self._store.publish(folder, making)
        return {"kind": "finished", "warnings": warnings, "nondeterminism": published.nondeterminism}

    def _input(self, key: str) -> Artifact:
        artifact = self._store.validate(key)
        if artifact is None:
            raise DamagedArtifactError(key, "it is gone")
        return artifact


def main(arguments: Sequence[str]) -> int:
    """Serve until stdin ends."""
    requests, replies = process.take_over_pipes()
    parent, folder, beat = int(arguments[0]), Path(arguments[1]), float(arguments[2])
    process.die_with_parent(parent)
    process.settle_in()
    worker = Worker(ArtifactStore(folder), Channel(replies), beat)
    threading.Thread(target=_watch_parent, args=(requests,), daemon=True).start()
    with os.fdopen(requests, "rb") as lines:
        for line in lines:
            worker.serve(work_from(json.loads(line)))
    return 0


def _watch_parent(requests: int) -> None:
    """When the other end of stdin closes, end this process with all it started."""
    poll = select.poll()
    poll.register(requests, 0)  # a hang-up is reported without asking; data is left to the main thread
    poll.poll()
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


def _in_words(error: BaseException) -> str:
    if isinstance(error, FootlightsError):
        return _clean(str(error))
    return _clean(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)


def _clean(text: object) -> str:
    """Text that can be written as UTF-8; a file name need not be."""
    return str(text).encode("utf-8", "backslashreplace").decode()


def _environment() -> dict[str, str]:
    return {
        "footlights": footlights.__version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "host": socket.gethostname(),
    }


def _note(text: str) -> None:
    """A line in the worker's log; a full disk only loses it."""
    with suppress(OSError, ValueError):
        os.write(2, text.encode() + b"\n")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
