"""Progress of a job: bars on a terminal, a line now and then in a log, NDJSON for programs; with honest time left, and
what a power cut would lose now."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol

from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn

from footlights.cli.output import console, plain, say
from footlights.core.time import clock
from footlights.engine.events import (
    Estimate,
    Event,
    Nondeterminism,
    Note,
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
from footlights.engine.state import TaskState

NAMES = {
    "ingest": "Taking the tape in",
    "measure": "Measuring",
    "conclude": "Finding shots",
    "thumbnails": "Thumbnails",
    "sound": "Listening",
    "care_sound": "Treating the sound",
    "stretch_sound": "Stretching the sound",
    "track_faces": "Following faces",
    "link_people": "Telling people apart",
    "remainder": "Trying the net",
    "try_strengths": "Trying strengths",
    "restore": "Restoring",
    "compare": "Before and after",
    "fidelity": "Fidelity",
    "assemble": "Master",
    "map_provenance": "Map of provenance",
    "make_hdr": "HDR rendition",
    "join_hdr": "Joining the HDR rendition",
    "list_video": "Reading the video",
    "glance": "Looking at it",
    "conclude_glance": "Finding shots",
    "encode": "Encoding the ladder",
    "see": "Comparing renditions",
    "package": "Packaging",
}
"""What each op is called before people."""
EVERY = 30.0
"""Seconds between two lines of progress where there is no terminal."""
Listener = Callable[[Event], None]


class View(Protocol):
    """Something that shows events while a job runs; a context manager."""

    def __enter__(self) -> View: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def listen(self, event: Event) -> None:
        """Show one event."""


def view(*, as_json: bool) -> View:
    """What suits the place the output goes to."""
    if as_json:
        return JsonLines()
    return Bars() if sys.stderr.isatty() and not console(stderr=True).is_dumb_terminal else Lines()


class Bars:
    """A bar per stage on a terminal's stderr."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<22}", markup=False),
            BarColumn(bar_width=36),
            TaskProgressColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=console(stderr=True),
        )
        self._bars: dict[str, TaskID] = {}
        self._op_of: dict[str, str] = {}
        self._finished: dict[str, int] = {}
        self._running: dict[str, int] = {}

    def __enter__(self) -> Bars:
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
                self._running[event.task] = event.done
                self._advance(event.task)
            case TaskDone():
                self._done(event)
            case Retry() | TaskFailed():
                self._running.pop(event.task, None)
                self._advance(event.task)
        text = told(event)
        if text:
            self._progress.console.print(plain(text), soft_wrap=True)

    def _estimate(self, event: Estimate) -> None:
        for units in event.units:
            op = _short(units.op)
            self._finished[op] = units.done - self._under_way(op)
            if op not in self._bars:
                self._bars[op] = self._progress.add_task(_name(op), total=units.total, note="")
            self._progress.update(self._bars[op], total=units.total, note="")
        if self._bars:
            self._progress.update(next(reversed(self._bars.values())), note=_outlook(event))

    def _advance(self, task: str) -> None:
        op = self._op_of.get(task, "")
        if op in self._bars:
            self._progress.update(self._bars[op], completed=self._finished.get(op, 0) + self._under_way(op))

    def _under_way(self, op: str) -> int:
        """Units that running tasks have done."""
        return sum(done for task, done in self._running.items() if self._op_of.get(task) == op)

    def _done(self, event: TaskDone) -> None:
        op = self._op_of[event.task] = _short(event.op)
        self._running.pop(event.task, None)
        self._finished[op] = self._finished.get(op, 0) + event.units
        self._advance(event.task)


class Lines:
    """Lines on stderr for a log: one when a stage begins, and every half minute how far it is."""

    def __init__(self, moment: Callable[[], float] = time.monotonic) -> None:
        self._moment = moment
        self._told = moment()
        self._stages: set[str] = set()
        self._last = ""

    def __enter__(self) -> Lines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.stderr.flush()

    def listen(self, event: Event) -> None:
        """Tell of one event, if it is worth a line."""
        text = told(event)
        match event:
            case TaskStarted() if _name(event.op) not in self._stages:
                self._stages.add(_name(event.op))
                text = f"{_name(event.op)} …"
            case Estimate() if self._moment() - self._told >= EVERY:
                self._told = self._moment()
                shares = [f"{_name(one.op)} {100 * one.done // one.total} %" for one in event.units if one.total]
                text = f"{', '.join(shares)}; {_outlook(event)}"
        if text and text != self._last:
            self._last = text
            say(text)


class JsonLines:
    """Writes every event as one NDJSON line on stdout."""

    def __init__(self) -> None:
        self._sequence = 0
        self._broken = False

    def __enter__(self) -> JsonLines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._broken:
            sys.stdout.flush()

    def listen(self, event: Event) -> None:
        """Write one event. An output that fails stops the work once; what the engine tells while it stops is not
        written any more."""
        if self._broken:
            return
        self._sequence += 1
        try:
            sys.stdout.write(to_line(event, self._sequence, now()))
            sys.stdout.flush()
        except OSError:
            self._broken = True
            raise


def told(event: Event) -> str:
    """What a person should know of an event, as a line; empty for those that are mere progress."""
    match event:
        case Note():
            return event.text
        case Warning_():
            return f"note: {event.text}"
        case Retry():
            return f"again: {event.task}, attempt {event.attempt} failed: {event.why}"
        case TaskFailed():
            given_up = "set aside" if event.state == TaskState.QUARANTINED else "failed"
            return f"{given_up}: {event.task}: {event.why}"
        case Quarantined():
            return f"damaged and put aside: {event.task}: {event.why}"
        case Nondeterminism():
            return f"not repeatable: {event.task}: {event.why}"
        case Paused():
            return f"paused: {event.reason}; {event.remedy}"
        case _:
            return ""


def _outlook(event: Estimate) -> str:
    left = "time left not known yet" if event.eta_seconds is None else f"about {clock(event.eta_seconds)} left"
    return f"{left}; a power cut now loses {clock(event.at_risk_seconds)}"


def _name(op: str) -> str:
    return NAMES.get(_short(op), _short(op))


def _short(op: str) -> str:
    return op.rsplit(":", 1)[-1]
