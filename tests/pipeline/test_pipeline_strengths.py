"""The guard of strengths in a job: a shot that noise does not explain is made anew with less, told, and kept so."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from footlights.core import records
from footlights.core.plans import LOWERED, RestorationPlan
from footlights.core.products import JobResult
from footlights.core.redegraded import LIMIT
from footlights.engine.events import Event, TaskDone
from footlights.pipeline.job import GENERATED, PLAN
from made_tapes import HEIGHT, PAL, WIDTH, Picture, interlaced, noisy, write_ffv1
from small_job import restore

FRAMES = 6
GRAIN = "grain.synthesis"
SETS = (
    "geometry.height=288",
    "encoding.enabled=false",
    "ingest.field_order=top-first",
    "master.codec=ffv1",
    "restoration.chain=classical",
    "enhancement.detail.strength=0",
    "enhancement.grain.share=1",
)


def blocks(seed: int) -> Picture:
    """Flat places with sharp edges, in which noise is told exactly."""
    rng = np.random.default_rng(seed)
    picture = np.full((HEIGHT, WIDTH), 60 + 4 * seed, np.float32)
    for left, top in rng.integers(0, (WIDTH, HEIGHT), (24, 2)):
        picture[top : top + 40, left : left + 50] = rng.integers(40, 210)
    return picture


def noisy_tape(folder: Path) -> Path:
    """A scene under noise. On a master as small as the tape all of its grain is more than noise explains."""
    seen = interlaced(lambda instant: blocks(1), FRAMES)
    return write_ffv1(folder / "tape.mkv", noisy(seen, 2.0), rate=PAL, order="tff")


def shares(plan: RestorationPlan | None) -> list[list[object]]:
    return [[step.params["share"] for step in shot.steps if step.stage == GRAIN] for shot in plan.shots if plan]


def test_a_shot_that_noise_does_not_explain_is_made_anew_with_less(tmp_path: Path) -> None:
    """One job, gone on with three times: it is the costly part."""
    folder, events = tmp_path / "job", list[Event]()
    result = restore(noisy_tape(tmp_path), folder, *SETS, listen=events.append)
    grain_is_lowered_and_the_master_passes(folder, result, events)
    a_second_run_finds_all_of_it(folder, result)
    what_a_person_planned_stays(folder, result)
    no_guard_where_the_settings_ask_for_none(folder)


def grain_is_lowered_and_the_master_passes(folder: Path, result: JobResult, events: list[Event]) -> None:
    (found,) = result.trials
    assert found.measured > LIMIT
    assert found.lowered
    (knob,) = found.knobs
    assert shares(result.plan)[found.shot] == ([knob.kept] if knob.kept else [])
    compared = result.fidelity[found.shot]
    assert compared.explained
    assert compared.ratio == pytest.approx(found.foretold, abs=0.03), "the trial foretells the check"
    notes = [one for one in result.interventions if one.kind == LOWERED]
    assert f"{found.measured:.2f} of its noise" in notes[-1].why
    assert any("is lowered" in str(event) for event in events)
    done = {(one.task, one.key): one.seconds for one in events if isinstance(one, TaskDone) and ":restore" in one.op}
    assert result.timings["restore"] == pytest.approx(sum(done.values()), abs=0.02), "what is found again counts once"
    assert records.read(RestorationPlan, folder / PLAN) == result.plan
    written = json.loads((folder / "report.json").read_text("utf-8"))
    assert written["trials"] == [records.to_data(one) for one in result.trials]
    assert f"grain.synthesis share {knob.planned:g} → {knob.kept:g}" in (folder / "report.html").read_text("utf-8")


def a_second_run_finds_all_of_it(folder: Path, result: JobResult) -> None:
    events = list[Event]()
    again = restore(None, folder, *SETS, listen=events.append)
    assert (again.trials, again.plan, again.fidelity) == (result.trials, result.plan, result.fidelity)
    assert not [event for event in events if isinstance(event, TaskDone) and event.action != "reuse"]
    assert not [one for one in again.warnings if "edited by hand" in one]


def what_a_person_planned_stays(folder: Path, result: JobResult) -> None:
    shot = result.trials[-1].shot
    plan = json.loads((folder / PLAN).read_text("utf-8"))
    steps = [step for step in plan["shots"][shot]["steps"] if step["stage"] != GRAIN]
    grain = {"stage": GRAIN, "version": 3, "params": {"share": 1.0, "sigmas": [3.0], "zoom": 1.0}, "why": "by hand"}
    plan["shots"][shot]["steps"] = [*steps, grain]
    (folder / PLAN).write_text(json.dumps(plan), "utf-8")
    by_hand = restore(None, folder, *SETS)
    assert shares(by_hand.plan)[shot] == [1.0]
    assert [one.approved_by for one in by_hand.plan.shots if by_hand.plan].count("person") == 1
    assert not by_hand.fidelity[shot].explained
    assert shot not in [one.shot for one in by_hand.trials]
    assert any("stays as it was planned by hand" in one for one in by_hand.warnings)
    (folder / PLAN).write_bytes((folder / GENERATED).read_bytes())


def no_guard_where_the_settings_ask_for_none(folder: Path) -> None:
    result = restore(None, folder, *SETS, "enhancement.guard=false")
    assert result.trials == ()
    assert not all(one.explained for one in result.fidelity)
    assert not [one for one in result.interventions if one.kind == LOWERED]
