"""The event log."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from footlights.engine.events import Estimate, EventLog, OpUnits, Retry, Warning_, read_events
from footlights.engine.state import FailureKind


def texts(folder: Path, after: int = 0) -> list[object]:
    return [event.data["text"] for event in read_events(folder / "events.ndjson", after)]


def test_events_are_lines_with_schema_number_and_time(tmp_path: Path):
    with EventLog(tmp_path) as log:
        log.append(Warning_("line\nbreak, ü", "a/1"))
        log.append(Retry("a/1", 1, FailureKind.TRANSIENT, "killed", 0.5))
        log.append(Estimate((OpUnits("m:f", 1, 2),), None, 0.25))
    lines = (tmp_path / "events.ndjson").read_text("utf-8").splitlines()
    first, second, third = map(json.loads, lines)
    assert {**first, "ts": ""} == {
        "schema": 1, "seq": 1, "ts": "", "kind": "warning", "text": "line\nbreak, ü", "task": "a/1"
    }  # fmt: skip
    assert first["ts"].endswith("+00:00")
    assert (second["seq"], second["kind"], second["failure"]) == (2, "retry", "transient")
    assert third["units"] == [{"op": "m:f", "done": 1, "total": 2}]


def test_numbers_go_on_after_reopening(tmp_path: Path):
    for text in ("one", "two"):
        with EventLog(tmp_path) as log:
            log.append(Warning_(text))
    assert [event.seq for event in read_events(tmp_path / "events.ndjson")] == [1, 2]
    assert texts(tmp_path, after=1) == ["two"]
    assert list(read_events(tmp_path / "missing")) == []


@pytest.mark.parametrize("cut", [1, 2, 10, 50])
def test_torn_line_is_closed_and_skipped(tmp_path: Path, cut: int):
    with EventLog(tmp_path) as log:
        log.append(Warning_("kept"))
        log.append(Warning_("torn"))
    path = tmp_path / "events.ndjson"
    torn = path.read_bytes()[:-cut]
    path.write_bytes(torn)
    with EventLog(tmp_path) as log:
        log.append(Warning_("after"))
    assert path.read_bytes().startswith(torn + b"\n"), "nothing written is ever changed"
    assert [text for text in texts(tmp_path) if text != "torn"] == ["kept", "after"]
    numbers = [event.seq for event in read_events(path)]
    assert numbers == sorted(set(numbers))


def test_log_of_zeros_after_a_power_cut_is_survived(tmp_path: Path):
    (tmp_path / "events.ndjson").write_bytes(b"\0" * 5000)
    with EventLog(tmp_path) as log:
        log.append(Warning_("after"))
    assert texts(tmp_path) == ["after"]


def test_unknown_kinds_and_fields_are_read(tmp_path: Path):
    (tmp_path / "events.ndjson").write_text('{"schema":9,"seq":7,"ts":"t","kind":"future","new":[1]}\n')
    (event,) = read_events(tmp_path / "events.ndjson")
    assert (event.seq, event.kind, event.data["new"]) == (7, "future", [1])


def test_line_cut_by_a_full_disk_is_an_error_and_mended_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    real = os.write
    with EventLog(tmp_path) as log:
        monkeypatch.setattr(os, "write", lambda handle, data: real(handle, data[:20]))
        with pytest.raises(OSError, match="No space left") as caught:
            log.append(Warning_("cut"))
        assert caught.value.errno == errno.ENOSPC
        monkeypatch.undo()
        log.append(Warning_("whole"))
    assert [(event.seq, event.data["text"]) for event in read_events(tmp_path / "events.ndjson")] == [(1, "whole")]


def test_last_number_is_found_behind_a_very_long_line(tmp_path: Path):
    with EventLog(tmp_path) as log:
        log.append(Warning_("one"))
    with (tmp_path / "events.ndjson").open("ab") as file:
        file.write(b"x" * (2 << 20))
    with EventLog(tmp_path) as log:
        assert log.append(Warning_("two")).seq == 2
