"""The coordinator: what it reuses, what it does again and why, and how it ends."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from toy_engine import Session, make_executor

from contracts_engine import fan
from footlights.engine.artifacts import ArtifactStore, Level
from footlights.engine.events import (
    Estimate,
    Event,
    JobState,
    Nondeterminism,
    Paused,
    Quarantined,
    Retry,
    TaskDone,
    TaskProgress,
    TaskStarted,
    Warning_,
    read_events,
)
from footlights.engine.loop import Coordinator
from footlights.engine.manifest import Making
from footlights.engine.schedule import Limits
from footlights.engine.state import JobPhase
from footlights.engine.tasks import Resources, Task, key_of, request_of
from footlights.engine.unfinished import UnfinishedError
from footlights.errors import InternalError, LockedError, PausedError

NewSession = Callable[..., Session]


def digest(name: str, *needs: str, **params: int) -> Task:
    return Task(name, "toy_ops:digest", 1, params, needs)


def fixed(name: str, *needs: str, **params: object) -> Task:
    return Task(name, "toy_ops:fixed", 1, params, needs)


def actions(session: Session) -> dict[str, str]:
    """What became of each task in the end."""
    return {event.task: event.action for event in session.of(TaskDone)}


def damage(session: Session, task_id: str, name: str = "parts/value.bin") -> None:
    """Flip one bit in an artifact, keeping its size."""
    key = next(event.key for event in session.of(TaskDone) if event.task == task_id)
    path = ArtifactStore(session.folder).folder_of(key) / name
    path.chmod(0o644)
    content = path.read_bytes()
    path.write_bytes(bytes([content[0] ^ 1]) + content[1:])


def test_second_run_reuses_everything_and_starts_no_worker(session: NewSession):
    job = session()
    first = job.run(fan(3))
    assert set(actions(job).values()) == {"new"}
    assert [event.phase for event in job.of(JobState)] == [JobPhase.RUNNING, JobPhase.COMPLETE]
    assert job.of(Estimate)[-1].eta_seconds == 0
    assert job.run(fan(3)) == first
    assert set(actions(job).values()) == {"reuse"}
    assert job.of(TaskStarted) == []
    assert sum(path.read_text().count("== run") for path in (job.folder / "logs").iterdir()) == len(fan(3))


def test_changed_parameter_redoes_what_depends_on_it_and_says_why(session: NewSession):
    job = session()
    job.run([digest("a", n=1), digest("b", "a"), digest("c")])
    job.run([digest("a", n=2), digest("b", "a"), digest("c")])
    assert actions(job) == {"a": "redo", "b": "redo", "c": "reuse"}
    assert {event.task: event.why for event in job.of(TaskStarted)} == {
        "a": "params.n changed from 1 to 2",
        "b": "input 'a' has other content",
    }
    job.run([digest("a", n=1), digest("b", "a"), digest("c")])
    assert set(actions(job).values()) == {"reuse"}, "the first version is still there"


def test_equal_content_ends_the_redoing(session: NewSession):
    job = session()
    job.run([fixed("a", content="same", n=1), fixed("b", "a", content="b")])
    job.run([fixed("a", content="same", n=2), fixed("b", "a", content="b")])
    assert actions(job) == {"a": "redo", "b": "reuse"}


def test_preview_foretells_the_run_and_changes_nothing(session: NewSession):
    job = session()
    old = [digest("a", n=1), digest("b", "a"), digest("c")]
    new = [digest("a", n=2), digest("b", "a"), digest("c"), digest("d", "b")]
    job.run(old)
    with job.coordinator() as coordinator:
        forecast = {entry.task.id: (entry.action, entry.why) for entry in coordinator.preview(new)}
        assert forecast == {
            "a": ("redo", "params.n changed from 1 to 2"),
            "b": ("redo", "needs 'a', which has to be made first"),
            "c": ("reuse", "same request, artifact in place"),
            "d": ("new", "needs 'b', which has to be made first"),
        }
        assert {action for _, action, _ in coordinator.preview(old)} == {"reuse"}
    assert len(list(ArtifactStore(job.folder).all_manifests())) == 3


def test_graph_may_grow_in_waves(session: NewSession):
    job = session()
    waves = ([digest("a")], [digest("b", "a")], [digest("c", "a", "b")])
    grown = job.run(*waves)
    whole = session("other").run([task for wave in waves for task in wave])
    assert grown == whole


def test_earlier_wave_that_is_redefined_is_done_again(session: NewSession):
    job = session()
    with job.coordinator() as coordinator:
        list(coordinator.run([digest("a", n=1), digest("b", "a")]))
        before = coordinator.artifact("b").content
        list(coordinator.run([digest("a", n=2), digest("b", "a")]))
        assert coordinator.artifact("b").content != before
        with pytest.raises(InternalError, match="no artifact of 'x'"):
            coordinator.artifact("x")


def test_tasks_with_the_same_request_share_one_artifact(session: NewSession):
    job = session()
    contents = job.run([digest("a", n=1), digest("b", n=1), digest("c", n=1)])
    assert len(set(contents.values())) == 1
    assert len(job.of(TaskStarted)) == 1
    assert sorted(actions(job).values()) == ["new", "reuse", "reuse"]


def test_urgent_tasks_come_first_then_the_order_given(session: NewSession):
    job = session(workers=1)
    tasks = [replace(digest(name, n=index), priority=priority) for index, (name, priority) in enumerate(
        [("a", 0), ("b", 5), ("c", 0), ("d", 5), ("e", 9)]
    )]  # fmt: skip
    job.run(tasks)
    assert [event.task for event in job.of(TaskStarted)] == ["e", "b", "d", "a", "c"]


def test_threads_of_running_tasks_never_exceed_the_cores(session: NewSession):
    job = session(workers=3, options={"limits": Limits(cores=3, reserve=0)})
    sizes = {f"t{index}": size for index, size in enumerate([1, 2, 3, 1, 1, 9, 2])}
    tasks = [
        replace(digest(name, n=index), resources=Resources(size)) for index, (name, size) in enumerate(sizes.items())
    ]
    job.run(tasks)
    running: set[str] = set()
    for event in job.events:
        if isinstance(event, TaskStarted):
            running.add(event.task)
            assert sum(sizes[name] for name in running) <= 3 or len(running) == 1
        if isinstance(event, TaskDone):
            running.discard(event.task)


def test_task_without_room_on_the_disk_pauses_the_job_before_it_starts(session: NewSession):
    job = session()
    tasks = [digest("small"), replace(digest("big", "small"), resources=Resources(disk=1 << 60))]
    with pytest.raises(PausedError, match=r"'big' needs 1073741824\.00 GiB") as caught:
        job.run(tasks)
    assert caught.value.exit_code == 7
    assert [event.task for event in job.of(TaskStarted)] == ["small"]
    assert len(job.of(Paused)) == 1
    assert job.of(JobState)[-1].phase is JobPhase.PAUSED
    job.run([digest("small"), digest("big", "small")])
    assert actions(job) == {"small": "reuse", "big": "new"}


def test_reserve_of_disk_stays_free(session: NewSession):
    with pytest.raises(PausedError, match="have to stay free"):
        session(options={"limits": Limits(reserve=1 << 60)}).run([digest("a")])


@pytest.mark.parametrize("level", [Level.FULL, Level.QUICK])
def test_flipped_byte_is_found_by_a_full_check_and_only_that_artifact_is_redone(session: NewSession, level: Level):
    job = session()
    first = job.run(fan(3))
    damage(job, "middle/1", "value.txt")
    job.options["level"] = level
    assert job.run(fan(3)) == first
    found = {event.task: event.why for event in job.of(Quarantined)}
    if level is Level.QUICK:
        assert found == {}, "an orderly end and no reader: bytes are not looked at"
        return
    assert found == {"middle/1": "value.txt has other bytes than were published"}
    assert [(event.task, event.why) for event in job.of(TaskStarted)] == [
        ("middle/1", "its artifact was damaged: value.txt has other bytes than were published")
    ]
    job.run(fan(3))
    assert job.of(Quarantined) == []
    assert set(actions(job).values()) == {"reuse"}


def test_damaged_input_is_found_before_it_is_read(session: NewSession):
    job = session()
    first, second = [digest("a", n=1), digest("b", n=2)], [digest("c", "a", "b")]
    sound = session("sound").run(first, second)
    job.run(first)
    damage(job, "a")
    assert job.run(first, second) == sound
    assert [event.task for event in job.of(Quarantined)] == ["a"]
    assert [event.task for event in job.of(TaskStarted)] == ["a", "c"]


def test_lost_file_is_found_at_once(session: NewSession):
    job = session()
    first = job.run(fan(2))
    key = next(event.key for event in job.of(TaskDone) if event.task == "source")
    (ArtifactStore(job.folder).folder_of(key) / "value.txt").unlink()
    with job.coordinator() as coordinator:
        forecast = {entry.task.id: entry for entry in coordinator.preview(fan(2))}
        assert forecast["source"].action == "redo"
        assert forecast["source"].why == "its artifact is damaged: value.txt is missing"
    assert job.run(fan(2)) == first
    assert actions(job) == {"source": "redo", "middle/0": "reuse", "middle/1": "reuse", "end": "reuse"}


def test_redone_input_with_other_content_redoes_its_readers(session: NewSession):
    """The op gives another result each time, so nothing made from the lost one may stay."""
    job = session()
    tasks = [Task("noise", "toy_ops:random_result", 1), fixed("reader", "noise", content="x"), digest("other")]
    job.run(tasks)
    key = next(event.key for event in job.of(TaskDone) if event.task == "noise")
    (ArtifactStore(job.folder).folder_of(key) / "noise.bin").unlink()
    job.run(tasks)
    assert actions(job) == {"noise": "redo", "reader": "redo", "other": "reuse"}


def test_finished_reader_is_redone_when_its_input_turns_out_damaged(session: NewSession):
    job = session(options={"level": Level.FULL})
    tasks = [Task("noise", "toy_ops:random_result", 1), Task("reader", "toy_ops:echo", 1, {}, ("noise",))]
    before = job.run(tasks)
    damage(job, "noise", "noise.bin")
    after = job.run(tasks)
    assert set(after.values()).isdisjoint(before.values())
    assert actions(job) == {"noise": "redo", "reader": "redo"}


def test_running_reader_is_redone_when_its_input_changes_meanwhile(session: NewSession, tmp_path: Path):
    """While `end` runs, `other` asks for `noise`, which is damaged; so it and `middle` are made anew, and differ."""
    pipes = {name: tmp_path / name for name in ("gate", "end")}
    for pipe in pipes.values():
        os.mkfifo(pipe)
    job = session()
    first = [Task("noise", "toy_ops:random_result", 1), Task("middle", "toy_ops:echo", 1, {}, ("noise",))]
    gate = Task("gate", "toy_ops:wait_for_word", 1, {"pipe": str(pipes["gate"])})
    end = Task("end", "toy_ops:wait_for_word", 1, {"pipe": str(pipes["end"])}, ("middle",))
    other = Task("other", "toy_ops:echo", 1, {}, ("noise", "gate"))
    before = job.run(first)
    damage(job, "noise", "noise.bin")
    job.events.clear()
    with job.coordinator() as coordinator:
        for event in coordinator.run([*first, gate, end, other]):
            if isinstance(event, TaskStarted) and event.task == "end":
                pipes["end" if again_started(job) else "gate"].write_text("go on\n")
            if isinstance(event, TaskDone) and (event.task, event.action) == ("middle", "redo"):
                pipes["end"].write_text("go on\n")
        assert coordinator.artifact("middle").content != before["middle"]
        making = coordinator.artifact("end").manifest.making
        assert making.request["in"] == [coordinator.artifact("middle").content]
    assert again_started(job)


def again_started(job: Session) -> bool:
    return [event.task for event in job.of(TaskStarted)].count("end") == 2


def test_input_damaged_under_way_is_made_again(session: NewSession):
    """The artifact is harmed between its publication and the start of its reader."""
    job = session()
    tasks = [digest("a"), digest("b", "a")]
    with job.coordinator() as coordinator:
        for event in coordinator.run(tasks):
            if isinstance(event, TaskDone) and event.task == "a" and len(job.of(TaskDone)) == 1:
                os.truncate(coordinator.artifact("a").path("value.txt"), 1)
        content = coordinator.artifact("b").content
    assert [event.task for event in job.of(TaskDone)] == ["a", "a", "b"]
    assert [event.task for event in job.of(Quarantined)] == ["a"]
    assert [(event.task, event.attempt) for event in job.of(Retry)] == [("b", 1)]
    assert session("sound").run(tasks)["b"] == content


def test_result_of_a_worker_that_died_before_it_could_answer_is_adopted(session: NewSession, tmp_path: Path):
    job = session()
    job.run([Task("a", "toy_ops:publish_and_die", 1, {"counter": str(tmp_path / "counter")})])
    assert [event.task for event in job.of(Retry)] == ["a"]
    assert actions(job) == {"a": "reuse"}
    assert (tmp_path / "counter").read_text() == "."


def test_words_that_are_no_text_do_not_stop_anything(session: NewSession):
    job = session()
    tasks = [Task(name, "toy_ops:odd_words", 1, {"fail": name == "bad"}) for name in ("good", "bad")]
    with pytest.raises(UnfinishedError, match=r"ValueError: file \\udcff"):
        job.run(tasks)
    assert [event.text for event in job.of(Warning_)] == ["file \\udcff"]
    assert "good" in actions(job)


def test_index_is_rebuilt_without_doing_anything_again(session: NewSession):
    job = session()
    first = job.run(fan(2))
    for harm in (Path.unlink, lambda path: path.write_bytes(b"rubbish" * 999)):
        harm(job.folder / "store.sqlite3")
        assert job.run(fan(2)) == first
        assert set(actions(job).values()) == {"reuse"}
        assert "rebuilt from 4 artifacts" in job.of(Warning_)[0].text


def test_failures_are_told_together_with_what_they_hold_up(session: NewSession):
    job = session()
    tasks = [Task("bad", "toy_ops:refuse", 1), digest("after", "bad"), digest("good")]
    with pytest.raises(UnfinishedError, match=r"2 of 3 tasks are not done\. 'bad' failed: the thing is odd") as caught:
        job.run(tasks)
    assert caught.value.exit_code == 4
    assert [(failure.task, failure.state, failure.why) for failure in caught.value.failures][1] == (
        "after", "cancelled", "it needs 'bad'"
    )  # fmt: skip
    assert "Traceback" in caught.value.failures[0].log
    assert job.of(JobState)[-1].phase is JobPhase.INCOMPLETE
    assert actions(job) == {"good": "new"}


def test_next_wave_can_go_on_beside_a_failed_one(session: NewSession):
    job = session()
    with job.coordinator() as coordinator:
        with pytest.raises(UnfinishedError):
            list(coordinator.run([Task("bad", "toy_ops:refuse", 1), digest("good")]))
        list(coordinator.run([digest("more", "good")]))
        with pytest.raises(UnfinishedError, match="'held' cancelled: it needs 'bad'"):
            list(coordinator.run([digest("held", "bad")]))


def test_unknown_need_is_a_defect_and_leaves_the_session_usable(session: NewSession):
    with session().coordinator() as coordinator:
        with pytest.raises(InternalError, match="'b' needs 'x'"):
            coordinator.run([digest("b", "x")])
        assert list(coordinator.run([digest("a")]))


def test_run_that_is_left_off_kills_its_work_and_can_be_continued(session: NewSession, tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    job = session()
    slow = Task("slow", "toy_ops:wait_for_word", 1, {"pipe": str(pipe)}, units=2)
    with job.coordinator() as coordinator:
        for event in coordinator.run([digest("a"), slow]):
            if isinstance(event, TaskProgress) and event.task == "slow":
                break
        for event in coordinator.run([digest("a"), slow]):
            if isinstance(event, TaskProgress) and event.task == "slow":
                pipe.write_text("go on\n")
        assert coordinator.artifact("slow").content
    phases = [(event.phase, event.reason) for event in job.of(JobState)]
    assert phases[1] == (JobPhase.PAUSED, "interrupted")
    assert phases[-1] == (JobPhase.COMPLETE, "")
    assert list((job.folder / "tmp").iterdir()) == []


def test_one_coordinator_per_folder(session: NewSession):
    job = session()
    with job.coordinator(), pytest.raises(LockedError, match=f"process {os.getpid()}"), job.coordinator():
        pass
    job.run([digest("a")])


def test_other_result_for_the_same_request_is_told(session: NewSession):
    """Two jobs made the same artifact; the second one's arrives while ours is being made."""
    mine, other = session(), session("other")
    task = Task("noise", "toy_ops:random_result", 1)
    other.run([task])
    with mine.coordinator() as coordinator:
        for event in coordinator.run([task]):
            if isinstance(event, TaskStarted):
                key = other.of(TaskDone)[0].key
                place = coordinator.artifacts.folder_of(key)
                place.parent.mkdir(parents=True)
                ArtifactStore(other.folder).folder_of(key).rename(place)
        assert coordinator.artifact("noise").content == other.of(TaskDone)[0].content
    assert len(mine.of(Nondeterminism)) == 1


def test_memory_that_ran_out_beside_others_lowers_how_many_run(session: NewSession, tmp_path: Path):
    job = session(workers=2)
    hungry = {"counter": str(tmp_path / "counter"), "times": 1, "error": "MemoryError"}
    job.run([Task("hungry", "toy_ops:raise_until", 1, hungry), *fan(3)])
    crowd: set[str] = set()
    alone = False
    for event in job.events:
        if isinstance(event, TaskStarted):
            assert not alone
            crowd.add(event.task)
            alone = (event.task, event.attempt) == ("hungry", 2)
            assert not alone or crowd == {"hungry"}
        if isinstance(event, (TaskDone, Retry)):
            crowd.discard(event.task)
            alone = alone and event.task != "hungry"
    assert [event.text for event in job.of(Warning_)] == ["memory ran out; from now on at most 1 run side by side"]


def test_events_are_kept_in_the_log_except_progress(session: NewSession):
    job = session()
    job.run(fan(2, rounds=30))
    logged = list(read_events(job.folder / "events.ndjson"))
    assert [event.seq for event in logged] == list(range(1, len(logged) + 1))
    assert [event.kind for event in logged] == [event.kind for event in job.events if event.logged]
    assert logged[-1].data["phase"] == "complete"


def test_caller_may_log_events_of_its_own(session: NewSession):
    job = session()
    with job.coordinator() as coordinator:
        coordinator.announce(JobState(JobPhase.VERIFYING, "reading back"))
    (logged,) = read_events(job.folder / "events.ndjson")
    assert (logged.kind, logged.data["phase"]) == ("job-state", "verifying")
    assert job.of(JobState)[0].reason == "reading back"


def test_defect_of_a_listener_ends_the_session_in_order(session: NewSession):
    job = session()

    def listen(event: Event) -> None:
        if isinstance(event, TaskStarted):
            raise RuntimeError("the screen is gone")

    coordinator = Coordinator(job.folder, make_executor(), listen=listen, limits=Limits(reserve=0))
    with pytest.raises(RuntimeError, match="the screen is gone"), coordinator:
        list(coordinator.run(fan(2)))
    assert list((job.folder / "tmp").iterdir()) == []
    job.run(fan(2))
    assert job.of(Warning_) == []


def test_time_left_is_known_from_the_history_of_the_job(session: NewSession):
    job = session()
    job.run([replace(digest("a", rounds=30), units=30)])
    job.run([replace(digest("b", rounds=31), units=31)])
    assert job.of(Estimate)[0].eta_seconds > 0
    fresh = session("fresh", options={"priors": {"toy_ops:digest": 2.0}})
    fresh.run([replace(digest("a"), units=30)])
    assert fresh.of(Estimate)[0].eta_seconds == pytest.approx(60.0, rel=0.1)


def test_finished_tasks_are_reused_quickly(session: NewSession, monkeypatch: pytest.MonkeyPatch):
    """5 ms each at most, so that a job of thousands goes on within seconds. Publishing by hand keeps the test short."""
    job = session()
    tasks = [digest("source"), *(digest(f"t{index}", "source", n=index) for index in range(400))]
    source = job.run(tasks[:1])["source"]
    store = ArtifactStore(job.folder)
    with monkeypatch.context() as quick:
        quick.setattr(os, "fsync", lambda handle: None)
        for task in tasks[1:]:
            request = request_of(task, {"source": source})
            key = key_of(request)
            store.publish(store.draft(key), Making(key, task.id, request, {}, "", "", 1, 1))
    began = time.process_time()
    job.run(tasks)
    assert time.process_time() - began < 0.005 * len(tasks)
    assert set(actions(job).values()) == {"reuse"}
    assert len(job.of(TaskDone)) == 401
