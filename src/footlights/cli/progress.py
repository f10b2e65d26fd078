"""Progress of a job on the terminal: one bar per operation, honest time left, and what a power cut would lose now."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn

from footlights.core.time import clock
from footlights.engine.events import (
    Estimate,
    Event,
    Nondeterminism,
    Paused,
    Quarantined,
    Retry,
    TaskDone,
    TaskFailed,
    TaskProgress,
    TaskStarted,
    Warning_,
    now,
    to_line,
)

_NAMES = {
    "ingest": "Taking the tape in",
    "measure": "Measuring",
    "conclude": "Finding shots",
    "thumbnails": "Thumbnails",
    "restore": "Restoring",
    "compare": "Before and after",
    "assemble": "Master",
    "encode": "Encoding the ladder",
    "package": "Packaging",
}
Listener = Callable[[Event], None]


class Terminal:
    """Renders events on stderr: bars on a terminal, single lines elsewhere."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description:<22}"),
            BarColumn(bar_width=36),
            TaskProgressColumn(),
            TextColumn("{task.fields[note]}"),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._bars: dict[str, TaskID] = {}
        self._op_of: dict[str, str] = {}
        self._finished: dict[str, int] = {}
        self._running: dict[str, int] = {}
        self._last_line = ""

    def __enter__(self) -> Terminal:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def listen(self, event: Event) -> None:
        """Show one event."""
        match event:
            case Estimate():
                self._estimate(event)
            case TaskStarted():
                self._op_of[event.task] = _short(event.op)
            case TaskProgress():
                self._advance(event)
            case TaskDone():
                self._done(event)
            case Warning_():
                self._line(f"note: {event.text}")
            case Retry():
                self._line(f"again: {event.task}, attempt {event.attempt} failed: {event.why}")
            case TaskFailed():
                self._line(f"failed: {event.task}: {event.why}")
            case Quarantined():
                self._line(f"damaged and put aside: {event.task}: {event.why}")
            case Nondeterminism():
                self._line(f"not repeatable: {event.task}: {event.why}")
            case Paused():
                self._line(f"paused: {event.reason} {event.remedy}")
            case _:
                pass

    def _estimate(self, event: Estimate) -> None:
        for units in event.units:
            op = _short(units.op)
            self._finished[op] = units.done
            self._bar(op, units.total)
        if self._bars and event.eta_seconds is not None:
            note = f"about {clock(event.eta_seconds)} left; a power cut now loses {clock(event.at_risk_seconds)}"
            self._progress.update(next(reversed(self._bars.values())), note=note)
            if not self._console.is_terminal:
                self._line(note)

    def _advance(self, event: TaskProgress) -> None:
        op = self._op_of.get(event.task, "")
        if op in self._bars:
            self._running[event.task] = event.done
            running = sum(done for task, done in self._running.items() if self._op_of.get(task) == op)
            self._progress.update(self._bars[op], completed=self._finished.get(op, 0) + running)

    def _done(self, event: TaskDone) -> None:
        op = _short(event.op)
        self._running.pop(event.task, None)
        self._finished[op] = self._finished.get(op, 0) + event.units
        if op in self._bars:
            self._progress.update(self._bars[op], completed=self._finished[op])
        if not self._console.is_terminal and event.action != "reuse":
            self._line(f"done: {event.task} in {clock(event.seconds)}")

    def _bar(self, op: str, total: int) -> None:
        if op not in self._bars:
            self._bars[op] = self._progress.add_task(_NAMES.get(op, op), total=total, note="")
        self._progress.update(self._bars[op], total=total, note="")

    def _line(self, text: str) -> None:
        if text != self._last_line:
            self._last_line = text
            self._progress.console.print(text, highlight=False, soft_wrap=True)


class JsonLines:
    """Writes every event as one NDJSON line on stdout."""

    def __init__(self) -> None:
        self._sequence = 0

    def __enter__(self) -> JsonLines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.stdout.flush()

    def listen(self, event: Event) -> None:
        self._sequence += 1
        sys.stdout.write(to_line(event, self._sequence, now()))
        sys.stdout.flush()


def _short(op: str) -> str:
    return op.rsplit(":", 1)[-1]
