"""The rules of a job, on random graphs with random failures."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footlights.engine.state import Attempt, Board, Failure, FailureKind, RetryPolicy, TaskState, judge
from footlights.engine.tasks import Task
from footlights.errors import InternalError

POLICY = RetryPolicy(attempts=3, delay=1.0)
ENDS = {TaskState.DONE, TaskState.FAILED, TaskState.QUARANTINED, TaskState.CANCELLED}
GOOD = "good"
KILLED = Failure(FailureKind.TRANSIENT, "killed", killed=True)
CRASHED = Failure(FailureKind.TRANSIENT, "crashed", crashed=True)
LATE = Failure(FailureKind.TRANSIENT, "late")
HUNGRY = Failure(FailureKind.RESOURCE, "hungry")
WRONG = Failure(FailureKind.DETERMINISTIC, "wrong")
FULL = Failure(FailureKind.DISK, "full")
outcomes = st.sampled_from([GOOD, GOOD, GOOD, KILLED, CRASHED, LATE, HUNGRY, WRONG, FULL])


def task(name: str, *needs: str, priority: int = 0) -> Task:
    return Task(name, "m:f", 1, {}, needs, priority=priority)


@st.composite
def graphs(draw: st.DrawFn) -> list[Task]:
    count = draw(st.integers(1, 8))
    tasks = []
    for index in range(count):
        needs = draw(st.lists(st.integers(0, index - 1), unique=True, max_size=3)) if index else []
        tasks.append(task(f"t{index}", *(f"t{need}" for need in needs), priority=draw(st.integers(0, 2))))
    return draw(st.permutations(tasks))


@settings(deadline=None)
@given(graphs(), st.data())
def test_every_job_ends_and_keeps_the_rules(tasks: list[Task], data: st.DataObject):
    board, now = Board(POLICY), 0.0
    board.add(tasks)
    failures: dict[str, list[Failure]] = {task.id: [] for task in tasks}
    disk_faults = 3
    while True:
        ready = board.ready(now)
        if not ready:
            wait = board.next_retry(now)
            if wait is None:
                break
            now += wait
            continue
        assert [board.task(one).priority for one in ready] == sorted(
            (board.task(one).priority for one in ready), reverse=True
        )
        chosen = data.draw(st.sampled_from(ready))
        assert all(board.state(need) is TaskState.DONE for need in board.task(chosen).needs)
        board.start(chosen)
        outcome = data.draw(outcomes)
        if outcome is FULL:
            disk_faults -= 1
            outcome = FULL if disk_faults >= 0 else GOOD
        if outcome is GOOD:
            board.finish(chosen)
            continue
        verdict, cancelled = board.fail(chosen, outcome, now)
        assert verdict.pause == (outcome is FULL)
        if outcome is not FULL:
            failures[chosen].append(outcome)
        assert all(board.state(one) is TaskState.CANCELLED for one in cancelled)

    for one in tasks:
        state, kinds = board.state(one.id), Counter(failure.kind for failure in failures[one.id])
        assert state in ENDS
        assert len(board.attempts(one.id)) == len(failures[one.id])
        assert kinds[FailureKind.TRANSIENT] <= 3
        assert kinds[FailureKind.RESOURCE] <= 2
        assert kinds[FailureKind.DETERMINISTIC] <= 1
        blocked = any(board.state(need) is not TaskState.DONE for need in one.needs)
        assert (state is TaskState.CANCELLED) == blocked
        if state is TaskState.CANCELLED:
            assert not failures[one.id]
            assert board.state(board.cause(one.id)) in {TaskState.FAILED, TaskState.QUARANTINED}
        if state is TaskState.QUARANTINED:
            assert kinds[FailureKind.RESOURCE] == 2 or (
                sum(failure.killed or failure.crashed for failure in failures[one.id]) == 3
            )
        if state is TaskState.FAILED:
            assert kinds[FailureKind.DETERMINISTIC] or kinds[FailureKind.TRANSIENT] == 3


@pytest.mark.parametrize(
    ("failures", "state", "delay"),
    [
        ([KILLED], TaskState.PENDING, 1.0),
        ([KILLED, KILLED], TaskState.PENDING, 2.0),
        ([KILLED] * 3, TaskState.QUARANTINED, 0.0),
        ([CRASHED] * 3, TaskState.QUARANTINED, 0.0),
        ([CRASHED, KILLED, CRASHED], TaskState.QUARANTINED, 0.0),
        ([CRASHED, LATE, CRASHED], TaskState.FAILED, 0.0),
        ([LATE] * 3, TaskState.FAILED, 0.0),
        ([KILLED, KILLED, LATE], TaskState.FAILED, 0.0),
        ([HUNGRY], TaskState.PENDING, 0.0),
        ([HUNGRY, KILLED], TaskState.PENDING, 1.0),
        ([HUNGRY, HUNGRY], TaskState.QUARANTINED, 0.0),
        ([WRONG], TaskState.FAILED, 0.0),
        ([FULL], TaskState.PENDING, 0.0),
    ],
)
def test_failures_are_judged_by_kind(failures: list[Failure], state: TaskState, delay: float):
    verdict = judge([Attempt(number, failure, 0.0) for number, failure in enumerate(failures, 1)], POLICY)
    assert (verdict.state, verdict.delay) == (state, delay)


def test_task_short_of_memory_is_tried_alone():
    board = Board(POLICY)
    board.add([task("a")])
    board.start("a")
    board.fail("a", HUNGRY, 0.0)
    assert board.alone("a")
    board.start("a")
    board.fail("a", LATE, 0.0)
    assert board.alone("a")


def test_waiting_task_is_ready_only_after_its_delay():
    board = Board(POLICY)
    board.add([task("a")])
    board.start("a")
    board.fail("a", KILLED, 10.0)
    assert board.ready(10.5) == []
    assert board.next_retry(10.5) == 0.5
    assert board.ready(11.0) == ["a"]
    assert board.next_retry(11.0) is None


def test_full_disk_leaves_no_blame():
    board = Board(POLICY)
    board.add([task("a")])
    for _ in range(10):
        board.start("a")
        verdict, cancelled = board.fail("a", FULL, 0.0)
        assert verdict.pause
        assert cancelled == []
    assert board.attempts("a") == ()


def test_done_work_behind_a_failed_task_goes_on():
    """a was redone and failed; b has its result already, so c can be made."""
    board = Board(POLICY)
    board.add([task("a"), task("b", "a"), task("c", "b"), task("d", "a")])
    for name in "ab":
        board.start(name)
        board.finish(name)
    board.reopen("a")
    board.start("a")
    assert board.fail("a", WRONG, 0.0)[1] == ["d"]
    assert board.ready(0.0) == ["c"]


def test_task_that_failed_itself_is_not_cancelled_by_another():
    board = Board(POLICY)
    board.add([task("a"), task("b", "a")])
    board.start("a")
    board.finish("a")
    board.start("b")
    board.fail("b", WRONG, 0.0)
    board.reopen("a")
    board.start("a")
    assert board.fail("a", WRONG, 0.0)[1] == []
    assert board.state("b") is TaskState.FAILED


def test_later_wave_may_need_earlier_tasks_and_redefine_them():
    board = Board(POLICY)
    board.add([task("a"), task("b", "a"), task("bad")])
    for name in ("a", "b"):
        board.start(name)
        board.finish(name)
    board.start("bad")
    board.fail("bad", WRONG, 0.0)
    board.add([task("b"), task("c", "a"), task("d", "bad"), task("e", "d")])
    assert board.dependants("a") == ("c",)
    assert board.ready(0.0) == ["b", "c"]
    assert board.state("d") is board.state("e") is TaskState.CANCELLED
    assert board.cause("d") == "bad"


def test_leftovers_of_a_stopped_wave_are_not_run():
    board = Board(POLICY)
    board.add([task("a"), task("b")])
    board.add([task("a")])
    assert board.ready(0.0) == ["a"]


@pytest.mark.parametrize(
    ("tasks", "words"),
    [
        ([task("a"), task("a")], "two tasks are called a"),
        ([task("a", "x")], "'a' needs 'x'"),
        ([task("a", "b"), task("b", "c"), task("c", "a")], "needs itself"),
    ],
)
def test_impossible_graph_is_refused_and_changes_nothing(tasks: list[Task], words: str):
    board = Board(POLICY)
    with pytest.raises(InternalError, match=words):
        board.add(tasks)
    assert board.in_state(*TaskState) == []


def test_circle_through_an_earlier_wave_is_refused():
    board = Board(POLICY)
    board.add([task("a"), task("b", "a")])
    with pytest.raises(InternalError, match="needs itself"):
        board.add([task("a", "b")])


def test_long_chain_needs_no_recursion():
    board = Board(POLICY)
    names = [f"t{index}" for index in range(5000)]
    board.add([task(names[0]), *(task(name, before) for before, name in pairwise(names))])
    board.start("t0")
    _, cancelled = board.fail("t0", WRONG, 0.0)
    assert len(cancelled) == 4999


@pytest.mark.parametrize("move", ["release", "reopen", "finish"])
def test_move_the_rules_do_not_know_is_a_defect(move: str):
    board = Board(POLICY)
    board.add([task("a"), task("b", "a")])
    with pytest.raises(InternalError):
        board.start("b")
    board.start("a")
    board.fail("a", WRONG, 0.0)
    with pytest.raises(InternalError, match="cannot become"):
        getattr(board, move)("a")
    with pytest.raises(InternalError, match="there is no task 'x'"):
        board.state("x")
