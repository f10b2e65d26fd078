"""`scan` from outside: what comes on which stream, event by event, and what a second run does."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from commands import QUICK, Ended, inside, program, report

from footlights.engine.lock import JobLock
from tape_files import make

FRAMES = 8


@dataclass(frozen=True, slots=True)
class Scanned:
    """A tape and its job, with what was said while it was begun and when the command was given again."""

    tape: Path
    job: Path
    first: Ended
    again: Ended


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Scanned:
    """Once with `--json`, then for people."""
    folder = tmp_path_factory.mktemp("scan")
    tape, job = make(folder / "[bold]tape.mpg", FRAMES), folder / "job"
    command = ("scan", tape, "-o", job, *QUICK)
    return Scanned(tape, job, program(*command, "--json"), program(*command))


def test_every_line_of_json_has_schema_and_kind_and_the_last_is_the_result(scanned: Scanned) -> None:
    assert scanned.first.code == 0, scanned.first.stderr
    assert scanned.first.stderr == ""
    *events, result = scanned.first.objects
    assert all(one["schema"] == 1 and re.fullmatch("[a-z]+(-[a-z]+)*", one["kind"]) for one in [*events, result])
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", event["ts"]) for event in events)
    kinds = {event["kind"] for event in events}
    assert {"job-state", "task-started", "task-done", "estimate"} <= kinds
    assert result["kind"] == "result"
    assert (result["frames_in"], result["shots"], result["folder"]) == (FRAMES, 1, str(scanned.job))


def test_every_started_task_is_done_with_its_units(scanned: Scanned) -> None:
    started = {event["task"]: event for event in scanned.first.objects if event["kind"] == "task-started"}
    done = {event["task"]: event for event in scanned.first.objects if event["kind"] == "task-done"}
    assert {"ingest", "survey", "thumbnails"} < set(done)
    assert set(started) == set(done)
    assert all(event["action"] == "new" and event["why"] for event in started.values())
    assert done["ingest"]["units"] == FRAMES
    last = [event for event in scanned.first.objects if event["kind"] == "estimate"][-1]
    assert all(units["done"] == units["total"] for units in last["units"])
    assert last["at_risk_seconds"] == 0


def test_people_get_the_result_on_stdout_and_nothing_new_on_stderr(scanned: Scanned) -> None:
    assert scanned.again.code == 0
    verdict, *facts, place = scanned.again.stdout.splitlines()
    assert f"{FRAMES / 25:.1f} s of 352×288 interlaced video" in verdict
    assert len(facts) <= 19
    assert any(line.startswith("Light: ") for line in facts)
    assert any(line.startswith("Sound") for line in facts)
    assert place == f"Report: {scanned.job / 'report.html'}"
    assert scanned.again.stderr == "", "everything was reused: no stage began"


def test_the_report_counts_what_is_on_the_tape(scanned: Scanned) -> None:
    found = report(scanned.job)
    assert (found["schema"], found["frames_in"], found["rate_in"]) == (1, FRAMES, "25")
    assert [(shot["start"], shot["stop"]) for shot in found["shots"]] == [(0, FRAMES)]
    assert found["source"]["name"] == scanned.tape.name
    assert found["frames_out"] == 2 * FRAMES, "the plan is foreseen"
    assert all(step["why"] for shot in found["shots"] for step in [*shot["steps"], *shot["skipped"]])
    assert (scanned.job / "report.html").read_text("utf-8").count("<script") == 1, "the cursor, and no other"


def test_plan_says_what_and_why_and_what_it_costs(scanned: Scanned) -> None:
    command = ("plan", scanned.tape, "-o", scanned.job, *QUICK)
    ended = inside(*command, "--json")
    assert ended.code == 0, ended.stderr
    plan = ended.objects[-1]
    assert (plan["kind"], plan["folder"]) == ("plan", str(scanned.job))
    (shot,) = plan["shots"]
    assert {"fieldlift.restore", "upscale.fine"} <= {step["stage"] for step in shot["steps"]}
    assert all(step["why"] for step in [*shot["steps"], *shot["skipped"]])
    assert all(task["action"] == "new" and task["why"] for task in plan["tasks"])
    assert plan["seconds"] > 0
    assert plan["disk_bytes"] > 0
    table = inside(*command).stdout
    assert "fieldlift.restore" in table
    assert f"Plan: {scanned.job / 'plan.json'}" in table
    assert re.search(r"About .* of work and \d+\.\d\d GiB of disk still needed", table)


def test_a_job_folder_stands_for_its_tape(scanned: Scanned) -> None:
    ended = inside("scan", scanned.job)
    assert ended.code == 0, ended.stderr
    assert f"Report: {scanned.job / 'report.html'}" in ended.stdout


def test_stderr_without_a_terminal_is_a_line_per_stage(tmp_path: Path) -> None:
    ended = program("scan", make(tmp_path / "tape.mkv", 4), "-o", tmp_path / "job", *QUICK)
    stages = ["Taking the tape in …", "Measuring …", "Finding shots …", "Thumbnails …"]
    said = [line for line in ended.stderr.splitlines() if line.endswith(" …")]
    assert [line for line in said if line != "Listening …"] == stages
    assert said.count("Listening …") == 1, "beside the pictures, whenever a worker is free"


def test_a_job_in_use_is_left_alone_with_code_5(scanned: Scanned) -> None:
    with JobLock(scanned.job):
        error = program("scan", scanned.tape, "-o", scanned.job, "--json").refused(5)
    assert str(scanned.job) in error["what"]
