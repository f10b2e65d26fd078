"""The coordinator: takes a job folder for itself and makes every task's artifact exist, reusing what is there.

It can be killed at any moment: what is published stays, the rest is done again by the next one. A run ends with all
tasks done, with UnfinishedError after finishing what can be finished, or with PausedError when the disk is full or
fails.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from footlights.engine import events, reuse
from footlights.engine.artifacts import Artifact, ArtifactStore, Level
from footlights.engine.crew import Crew, Running
from footlights.engine.events import Event, EventLog
from footlights.engine.executor import Damaged, Duty, Executor, Failed, Finished, Progressed, Report, Work
from footlights.engine.faults import disk_pauses, remedy_for
from footlights.engine.journal import Journal
from footlights.engine.ledger import Ledger
from footlights.engine.lock import JobLock
from footlights.engine.manifest import DamagedArtifactError
from footlights.engine.reuse import Decision, Forecast
from footlights.engine.schedule import Estimator, Lack, Limits, Standing
from footlights.engine.state import Board, Failure, FailureKind, JobPhase, RetryPolicy, TaskState
from footlights.engine.store import Store
from footlights.engine.tasks import Task
from footlights.engine.unfinished import UnfinishedError, unfinished
from footlights.errors import PausedError

_ESTIMATE_EVERY = 5.0
"""Seconds between two estimates of the time left."""
_CHECK_TRIES = 3
"""Times a worker may die over one artifact before the artifact counts as damaged."""
_MEND = "free some space or mend the disk, then run the same command again: finished work is kept"


@dataclass(slots=True)
class _Pause:
    reason: str
    remedy: str
    told: bool = False


class Coordinator:
    """One session in a job folder; a context manager that holds the folder's lock.

    `listen` is called with every event, also with those of an interrupted run that nobody iterates any more. `priors`
    are seconds per unit of ops without history. `level` FULL hashes every reused artifact; QUICK only those of a
    session that did not end in order and those a task is about to read.
    """

    def __init__(
        self,
        job_folder: Path,
        executor: Executor,
        *,
        listen: Callable[[Event], None] | None = None,
        limits: Limits | None = None,
        policy: RetryPolicy | None = None,
        priors: Mapping[str, float] | None = None,
        level: Level = Level.QUICK,
    ) -> None:
        self.artifacts = ArtifactStore(job_folder)
        self._executor = executor
        self._limits = limits or Limits()
        self._crew = Crew(executor, self._limits)
        self._store = Store(self.artifacts)
        self._log = EventLog(job_folder)
        self._journal = Journal(self._log, self._store, listen)
        self._ledger = Ledger(self.artifacts, self._store, level)
        self._estimator = Estimator(self._store.seconds_per_unit, priors or {}, self._limits, executor.workers)
        self._board = Board(policy)
        self._stack = ExitStack()
        self._active: Generator[Event, None, None] | None = None
        self._wave: dict[str, None] = {}
        self._seconds: dict[str, float] = {}
        self._check_failures: dict[str, int] = {}
        self._pause: _Pause | None = None
        self._estimated = 0.0

    def __enter__(self) -> Coordinator:
        folder = self.artifacts.job_folder
        with ExitStack() as stack, disk_pauses("while it was opened"):
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(JobLock(folder))
            self.artifacts.prepare()
            self.artifacts.clean_tmp()
            stack.enter_context(self._log)
            stack.enter_context(self._store)
            stack.callback(self._executor.close)
            self._executor.open(folder)
            if self._store.notice:
                self._journal.tell(events.Warning_(self._store.notice))
            if not self._store.ended_in_order:
                self._journal.tell(
                    events.Warning_("the last session did not end in order: every byte it published is checked")
                )
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._active is not None:
            self._active.close()
        self._stack.close()

    def run(self, tasks: Sequence[Task]) -> Iterator[Event]:
        """Make all these tasks done; a task may need one of an earlier run of this session.

        The work happens while the events are iterated. Leaving off, or an exception like KeyboardInterrupt, kills what
        is running; everything published stays.
        """
        if self._active is not None:
            self._active.close()
        self._board.add(tasks)
        self._ledger.forget(task.id for task in tasks)
        self._wave = dict.fromkeys(task.id for task in tasks)
        self._pause = None
        self._journal.fault = None
        self._active = self._drive()
        return self._active

    def preview(self, tasks: Sequence[Task]) -> list[Forecast]:
        """What `run` would do with each task and why, without doing it."""
        return reuse.preview(tasks, self._ledger.contents(), self.artifacts, self._store)

    def artifact(self, task_id: str) -> Artifact:
        """The result of a task that is done in this session."""
        return self._ledger.artifact(task_id)

    def seconds_per_unit(self, op: str) -> float | None:
        """What a unit of an op costs: from this job's history, else as given by the caller; None if nobody knows."""
        return self._estimator.known_rate(op)

    def announce(self, event: Event) -> Event:
        """Log an event of the caller among those of the engine."""
        return self._journal.tell(event)

    def _drive(self) -> Generator[Event, None, None]:
        try:
            with disk_pauses("while it kept its books"):
                yield self._journal.phase(JobPhase.RUNNING)
                while True:
                    now = time.monotonic()
                    yield from self._settle()
                    yield from self._start(now)
                    yield from self._tell_pause()
                    yield from self._estimate(last=False)
                    self._journal.flush()
                    retry = None if self._pause else self._board.next_retry(now)
                    if not self._crew and retry is None:
                        break
                    patience = _ESTIMATE_EVERY if retry is None else min(retry, _ESTIMATE_EVERY)
                    for report in self._crew.wait(patience):
                        yield from self._take(report)
        except BaseException as error:
            self._abandon(error)
            raise
        finally:
            self._active = None
        yield from self._conclude()

    def _settle(self) -> Iterator[Event]:
        """Decide about every task whose needs are there; what can be reused is done."""
        while fresh := [task_id for task_id in self._board.fed() if not self._ledger.is_decided(task_id)]:
            for task_id in filter(self._board.is_fed, fresh):
                task = self._board.task(task_id)
                decision = self._ledger.decide(task)
                if decision.damage:
                    yield self._journal.tell(events.Quarantined(task_id, decision.key, decision.damage))
                    yield from self._damaged(decision.key, decision.damage)
                if decision.artifact is not None:
                    self._board.finish(task_id)
                    yield self._journal.tell(_done(task, decision, decision.artifact))

    def _start(self, now: float) -> Iterator[Event]:
        """Hand out as much work as fits, most urgent first. What does not fit is not overtaken, lest it starve."""
        if self._journal.fault is not None and self._pause is None:
            self._pause = _Pause(str(self._journal.fault), remedy_for(self._journal.fault))
        for task_id in self._board.ready(now):
            if not self._has_room():
                return
            task, decision = self._board.task(task_id), self._ledger.decision(task_id)
            unverified = self._ledger.unverified(task)
            if unverified:
                self._check(unverified)
            elif self._crew.works_on(decision.key):
                self._ledger.forget([task_id])  # it is being made for another task; look again when that is done
            elif self._fits(task):
                yield self._begin(task, decision)
            else:
                return
        self._check(list(self._ledger.suspects))

    def _has_room(self) -> bool:
        return self._pause is None and self._crew.has_room()

    def _fits(self, task: Task) -> bool:
        """Whether the machine has room for the task now; a disk without room for it, nothing running, is a pause."""
        if self._board.alone(task.id) and self._crew:
            return False
        free = self.artifacts.free_bytes()
        short = self._crew.lack(task.resources, free)
        if short is Lack.DISK and not self._crew:
            self._pause = _Pause(
                f"'{task.id}' needs {_gib(task.resources.disk)} of disk and {_gib(self._limits.reserve)} have to stay "
                f"free, but {_gib(free)} are free in {self.artifacts.job_folder}",
                _MEND,
            )
        return short is Lack.NOTHING

    def _begin(self, task: Task, decision: Decision) -> Event:
        attempt = len(self._board.attempts(task.id)) + 1
        inputs = tuple((need, self._ledger.artifact(need).key) for need in task.needs)
        work = Work(self._crew.ticket(), Duty.RUN, task, decision.key, decision.request, inputs, attempt)
        self._crew.submit(work, alone=self._board.alone(task.id))
        self._board.start(task.id)
        self._journal.note(task, decision.key, TaskState.RUNNING, attempt)
        return self._journal.tell(
            events.TaskStarted(task.id, task.op, task.units, attempt, decision.action, decision.why)
        )

    def _check(self, keys: Iterable[str]) -> None:
        """Have artifacts hashed, as far as there is room."""
        for key in keys:
            if not self._has_room():
                return
            if not self._crew.works_on(key):
                task = self._board.task(self._ledger.owner(key))
                self._crew.submit(Work(self._crew.ticket(), Duty.CHECK, task, key, {}))

    def _take(self, report: Report) -> Iterator[Event]:
        """Follow up what an executor reports."""
        if isinstance(report, Progressed):
            yield from self._progressed(self._crew.get(report.ticket), report.done)
            return
        work = self._crew.release(report.ticket)
        match report:
            case Finished() if work.duty is Duty.CHECK:
                self._ledger.passed(work.key)
            case Finished():
                yield from self._finished(work, report)
            case Damaged():
                yield from self._damaged(report.key, report.why)
                if work.duty is Duty.RUN:
                    yield from self._failed(work, Failure(FailureKind.TRANSIENT, f"an input is damaged: {report.why}"))
            case Failed() if work.duty is Duty.CHECK:
                yield from self._unchecked(work, report.failure)
            case Failed():
                yield from self._failed(work, report.failure)

    def _progressed(self, running: Running, done: int) -> Iterator[Event]:
        task = running.work.task
        done = min(max(done, 0), task.units)
        if running.work.duty is Duty.RUN and done != running.done:
            running.done = done
            yield self._journal.tell(events.TaskProgress(task.id, done, task.units))

    def _unchecked(self, work: Work, failure: Failure) -> Iterator[Event]:
        """A check came to no end: try again, but not for ever."""
        if failure.kind is FailureKind.DISK:
            self._pause = self._pause or _Pause(f"an artifact cannot be checked: {failure.why}", _MEND)
            return
        self._check_failures[work.key] = self._check_failures.get(work.key, 0) + 1
        if self._check_failures[work.key] >= _CHECK_TRIES:
            yield from self._damaged(work.key, f"it cannot be checked: {failure.why}")

    def _finished(self, work: Work, report: Finished) -> Iterator[Event]:
        task = work.task
        try:
            artifact = self.artifacts.validate(work.key)
        except DamagedArtifactError as error:
            artifact, problem = None, error.why
        else:
            problem = "it is not there"
        if artifact is None:
            yield from self._failed(work, Failure(FailureKind.TRANSIENT, f"the published artifact is lost: {problem}"))
            return
        for text in report.warnings:
            yield self._journal.tell(events.Warning_(text, task.id))
        if report.nondeterminism:
            yield self._journal.tell(events.Nondeterminism(task.id, work.key, report.nondeterminism))
        if not self._ledger.is_current(task):
            self._board.release(task.id)  # an input was made anew meanwhile; the artifact stays for whoever asks it
            self._journal.note(task, work.key, TaskState.PENDING)
            self._ledger.forget([task.id])
            return
        self._ledger.made(task, artifact)
        self._board.finish(task.id)
        self._seconds[task.id] = artifact.manifest.making.cost_ms / 1000
        yield self._journal.tell(_done(task, self._ledger.decision(task.id), artifact))
        yield from self._after_crowding(task)
        for dependant in map(self._board.task, self._board.dependants(task.id)):
            if self._ledger.is_decided(dependant.id) and not self._ledger.is_current(dependant):
                self._reconsider(dependant.id)

    def _after_crowding(self, task: Task) -> Iterator[Event]:
        """A task that ran out of memory beside others and not alone: from now on fewer run side by side."""
        if self._board.alone(task.id) and self._crew.slots > 1:
            self._crew.slots -= 1
            text = f"memory ran out; from now on at most {self._crew.slots} run side by side"
            yield self._journal.tell(events.Warning_(text, task.id))

    def _failed(self, work: Work, failure: Failure) -> Iterator[Event]:
        task, log = work.task, failure.log or failure.trace
        self.artifacts.discard_drafts(work.key)
        verdict, cancelled = self._board.fail(task.id, failure, time.monotonic())
        self._journal.note(task, work.key, verdict.state, work.attempt)
        if verdict.pause:
            reason = f"'{task.id}' met a fault of the disk: {failure.why}"
            self._pause = self._pause or _Pause(reason, _MEND)
        elif verdict.state is TaskState.PENDING:
            self._ledger.forget([task.id])  # a worker that died may have published before
            yield self._journal.tell(events.Retry(task.id, work.attempt, failure.kind, failure.why, verdict.delay, log))
        else:
            yield self._journal.tell(events.TaskFailed(task.id, verdict.state, failure.why, log))
        for task_id in cancelled:
            yield self._journal.tell(events.TaskFailed(task_id, TaskState.CANCELLED, f"it needs '{task.id}'"))

    def _damaged(self, key: str, why: str) -> Iterator[Event]:
        for task_id in self._ledger.damaged(key, why):
            yield self._journal.tell(events.Quarantined(task_id, key, why))
            self._reconsider(task_id)

    def _reconsider(self, task_id: str) -> None:
        """Decide anew about a task; one that is running is looked at when it ends."""
        state = self._board.state(task_id)
        if state is TaskState.DONE:
            self._board.reopen(task_id)
            self._wave[task_id] = None
        if state is not TaskState.RUNNING:
            self._ledger.forget([task_id])

    def _tell_pause(self) -> Iterator[Event]:
        if self._pause is not None and not self._pause.told:
            self._pause.told = True
            yield self._journal.tell(events.Paused(self._pause.reason, self._pause.remedy))

    def _estimate(self, *, last: bool) -> Iterator[Event]:
        now = time.monotonic()
        if not last and now - self._estimated < _ESTIMATE_EVERY:
            return
        self._estimated = now
        running = self._crew.tasks()
        standings = []
        for task_id in self._wave:
            task, state = self._board.task(task_id), self._board.state(task_id)
            if task_id in running:
                standings.append(Standing(task, running[task_id].done, now - running[task_id].started))
            elif state is TaskState.DONE:
                standings.append(Standing(task, task.units, seconds=self._seconds.get(task_id, 0.0)))
            elif state is TaskState.PENDING:
                standings.append(Standing(task, 0))
        yield self._journal.tell(self._estimator.estimate(standings))

    def _abandon(self, error: BaseException) -> None:
        """Stop everything at once and leave it resumable."""
        for work in self._crew.abort():
            self.artifacts.discard_drafts(work.key)
            self._journal.note(work.task, work.key, TaskState.PENDING)
        for task_id in self._board.in_state(TaskState.RUNNING):
            self._board.release(task_id)
        interrupted = isinstance(error, (KeyboardInterrupt, GeneratorExit))
        self._journal.phase(JobPhase.PAUSED, "interrupted" if interrupted else f"{type(error).__name__}: {error}")

    def _conclude(self) -> Iterator[Event]:
        yield from self._estimate(last=True)
        if self._pause is not None:
            yield self._journal.phase(JobPhase.PAUSED, self._pause.reason)
            raise PausedError("the job paused", self._pause.reason, self._pause.remedy)
        failures = unfinished(self._board, self._wave)
        if failures:
            yield self._journal.phase(JobPhase.INCOMPLETE, failures[0].why)
            raise UnfinishedError(failures, len(self._wave))
        yield self._journal.phase(JobPhase.COMPLETE)


def _done(task: Task, decision: Decision, artifact: Artifact) -> Event:
    return events.TaskDone(
        task=task.id,
        op=task.op,
        key=artifact.key,
        content=artifact.content,
        action=decision.action,
        why=decision.why,
        units=task.units,
        seconds=artifact.manifest.making.cost_ms / 1000,
        bytes=artifact.manifest.bytes,
    )


def _gib(size: int) -> str:
    return f"{size / 2**30:.2f} GiB"
