"""Room on the machine and time left."""

from __future__ import annotations

import pytest

from footlights.engine.schedule import Estimator, Lack, Limits, Standing, fitting, lack, share
from footlights.engine.tasks import Resources, Task

LIMITS = Limits(cores=4, memory=100, reserve=10)


@pytest.mark.parametrize(
    ("wanted", "running", "free", "expected"),
    [
        (Resources(), [], 10, Lack.NOTHING),
        (Resources(), [], 9, Lack.DISK),
        (Resources(disk=5), [], 15, Lack.NOTHING),
        (Resources(disk=5), [Resources(disk=1)], 15, Lack.DISK),
        (Resources(threads=2), [Resources(threads=2)], 10, Lack.NOTHING),
        (Resources(threads=3), [Resources(threads=2)], 10, Lack.THREADS),
        (Resources(threads=9), [], 10, Lack.NOTHING),
        (Resources(memory=60), [Resources(memory=40)], 10, Lack.NOTHING),
        (Resources(memory=60), [Resources(memory=41)], 10, Lack.MEMORY),
        (Resources(memory=999), [], 10, Lack.NOTHING),
    ],
)
def test_room_is_what_running_tasks_leave(wanted: Resources, running: list[Resources], free: int, expected: Lack):
    assert lack(wanted, running, LIMITS, free) is expected


def test_memory_is_not_counted_without_a_limit():
    huge = Resources(memory=1 << 60)
    assert lack(huge, [huge], Limits(cores=4, reserve=0), 0) is Lack.NOTHING


@pytest.mark.parametrize(("memory", "expected"), [(None, 4), (100, 4), (40, 4), (39, 3), (10, 1), (0, 1)])
def test_workers_are_as_many_as_processors_and_memory_allow(memory: int | None, expected: int):
    assert fitting(Limits(cores=4, memory=memory), 10) == expected


@pytest.mark.parametrize(
    ("cores", "workers", "tasks", "threads"),
    [
        (2, 2, 9, 1),
        (2, 2, 1, 2),
        (2, 1, 9, 2),
        (16, 10, 99, 1),
        (16, 4, 99, 4),
        (16, 4, 2, 8),
        (1, 1, 3, 1),
        (2, 2, 0, 2),
    ],
)
def test_work_side_by_side_fills_the_machine(cores: int, workers: int, tasks: int, threads: int):
    assert share(cores, workers, tasks) == threads


def estimator(history: dict[str, float] | None = None, priors: dict[str, float] | None = None) -> Estimator:
    return Estimator((history or {}).get, priors or {}, LIMITS, 2)


def task(name: str, op: str = "m:slow", units: int = 10, threads: int = 2, needs: tuple[str, ...] = ()) -> Task:
    return Task(name, op, 1, {}, needs, Resources(threads), units)


def test_unknown_speed_gives_no_time():
    estimate = estimator().estimate([Standing(task("a"), 0)])
    assert estimate.eta_seconds is None
    assert [(one.op, one.done, one.total) for one in estimate.units] == [("m:slow", 0, 10)]


def test_this_session_beats_history_beats_prior():
    waiting = [Standing(task("w"), 0)]
    assert estimator({}, {"m:slow": 3.0}).estimate(waiting).eta_seconds == 30.0
    assert estimator({"m:slow": 2.0}, {"m:slow": 3.0}).estimate(waiting).eta_seconds == 20.0
    finished = Standing(task("d"), 10, seconds=10.0)
    assert estimator({"m:slow": 2.0}).estimate([finished, *waiting]).eta_seconds == 10.0


def test_running_task_counts_with_what_it_has_done():
    estimate = estimator().estimate([Standing(task("r"), 5, elapsed=20.0)])
    assert estimate.eta_seconds == 20.0
    assert estimate.at_risk_seconds == 20.0


def test_work_is_spread_over_workers_and_processors():
    """Six tasks of 10 s, each half the machine: three rounds."""
    standings = [Standing(task(f"t{index}"), 0) for index in range(6)]
    assert estimator({"m:slow": 1.0}).estimate(standings).eta_seconds == pytest.approx(30.0)
    whole = [Standing(task(f"t{index}", threads=4), 0) for index in range(6)]
    assert estimator({"m:slow": 1.0}).estimate(whole).eta_seconds == pytest.approx(60.0)


def test_chain_cannot_be_spread():
    chain = [Standing(task("a"), 0), Standing(task("b", needs=("a",)), 0), Standing(task("c", needs=("b",)), 0)]
    assert estimator({"m:slow": 1.0}).estimate(chain).eta_seconds == pytest.approx(30.0)


def test_reused_work_says_nothing_about_speed():
    reused = Standing(task("a"), 10)
    assert estimator().estimate([reused, Standing(task("b"), 0)]).eta_seconds is None
    assert estimator().estimate([reused]).eta_seconds == 0.0
