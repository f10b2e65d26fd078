"""Progress without a terminal is rare, on one it adds up, and as JSON it stops where the output does."""

from __future__ import annotations

import contextlib
import inspect
import io
import re

import pytest
from rich.console import Console

from footlights.cli import progress
from footlights.cli.progress import EVERY, Bars, JsonLines, Lines
from footlights.engine import events
from footlights.engine.events import Estimate, OpUnits
from footlights.engine.state import FailureKind, TaskState
from footlights.pipeline import lookops, ops

RESTORE, ENCODE = "footlights.pipeline.ops:restore", "footlights.pipeline.ops:encode"
HOUR = 3600


def estimate(done: int, total: int = HOUR, eta: float | None = 90.0) -> Estimate:
    return Estimate((OpUnits(RESTORE, done, total), OpUnits(ENCODE, 0, total)), eta, 7.5)


def started(task: str, op: str = RESTORE, units: int = 10) -> events.TaskStarted:
    return events.TaskStarted(task, op, units, 1, "new", "it was never made")


def done(task: str, op: str = RESTORE, units: int = 10) -> events.TaskDone:
    return events.TaskDone(task, op, "key", "content", "new", "it was never made", units, 1.0, 5)


def test_every_op_has_a_name_before_people() -> None:
    functions = [one for module in (ops, lookops) for one in inspect.getmembers(module, inspect.isfunction)]
    signature = "(context: 'OpContext') -> 'OpResult'"
    assert {name for name, one in functions if str(inspect.signature(one)) == signature} == set(progress.NAMES)


def test_an_hour_of_work_is_one_line_in_half_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    second = 0.0
    with Lines(lambda: second) as lines:
        for number in range(HOUR):
            second = float(number)
            lines.listen(started(f"restore/{number:05d}"))
            lines.listen(events.TaskProgress(f"restore/{number:05d}", 1, 10))
            lines.listen(done(f"restore/{number:05d}"))
            if number % 5 == 0:
                lines.listen(estimate(number, eta=float(HOUR - number)))
    stdout, stderr = capsys.readouterr()
    stage, *reports = stderr.splitlines()
    assert stdout == ""
    assert stage == "Restoring …"
    assert HOUR / EVERY - 2 <= len(reports) <= HOUR / EVERY
    assert reports[0] == "Restoring 0 %, Encoding the ladder 0 %; about 59:30 left; a power cut now loses 7.5 s"


def test_a_stage_is_told_once_and_trouble_always(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines(lambda: 0.0)
    retry = events.Retry("restore/3", 1, FailureKind.TRANSIENT, "the worker died", 0.5)
    for event in (started("a"), started("b"), started("c", ENCODE), started("d"), retry, done("a")):
        lines.listen(event)
    lines.listen(events.Warning_("the tape has \x1b[2J holes"))
    lines.listen(events.TaskFailed("restore/3", TaskState.QUARANTINED, "the worker died"))
    lines.listen(events.TaskFailed("assemble", TaskState.CANCELLED, "it needs 'restore/3'"))
    lines.listen(events.Paused("the disk is full", "make space"))
    assert capsys.readouterr().err.splitlines() == [
        "Restoring …",
        "Encoding the ladder …",
        "again: restore/3, attempt 1 failed: the worker died",
        "note: the tape has \\u001b[2J holes",
        "set aside: restore/3: the worker died",
        "failed: assemble: it needs 'restore/3'",
        "paused: the disk is full; make space",
    ]


def test_an_unknown_speed_is_said_to_be_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    second = 0.0
    lines = Lines(lambda: second)
    second = EVERY
    lines.listen(estimate(5, 10, eta=None))
    assert "Restoring 50 %" in capsys.readouterr().err


def test_bars_count_running_work_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An estimate's units contain those of running tasks."""
    paper = io.StringIO()

    def console(**_: bool) -> Console:
        return Console(file=paper, force_terminal=True, width=120, markup=False, color_system=None)

    monkeypatch.setattr(progress, "console", console)
    with Bars() as bars:
        bars.listen(estimate(0, 10))
        bars.listen(started("a"))
        bars.listen(events.TaskProgress("a", 4, 10))
        bars.listen(estimate(4, 10))
        bars.listen(events.TaskProgress("a", 5, 10))
        bars.listen(events.Warning_("[/odd] name"))
    shown = paper.getvalue()
    assert re.findall(r"Restoring .*?(\d+)%", shown)[-1] == "50"
    assert "note: [/odd] name" in shown
    assert "a power cut now loses 7.5 s" in shown


def test_json_stops_at_the_first_failing_write() -> None:
    lines = JsonLines()
    with contextlib.redirect_stdout(open("/dev/full", "w")) as full:  # noqa: PTH123
        with pytest.raises(OSError, match="No space left"):
            lines.listen(done("a"))
        lines.listen(done("b"))
        with contextlib.suppress(OSError):
            full.close()
