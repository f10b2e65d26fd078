"""Whether a task has its result already, and if not, why not: in words a person can check.

Reading only; a damaged artifact is reported, not moved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from graphlib import TopologicalSorter
from typing import NamedTuple

from footlights.engine.artifacts import Artifact, ArtifactStore
from footlights.engine.manifest import DamagedArtifactError
from footlights.engine.store import Store
from footlights.engine.tasks import JSON, Task, first_difference, key_of, request_of


class Action(StrEnum):
    """What has to happen for a task."""

    REUSE = "reuse"
    REDO = "redo"
    """It was done before, but not like this, or the result is gone."""
    NEW = "new"


class Forecast(NamedTuple):
    """What a run would do with a task."""

    task: Task
    action: Action
    why: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What is done with a task, given what its inputs contain."""

    key: str
    request: Mapping[str, JSON]
    action: Action
    why: str
    artifact: Artifact | None = None
    """The result to reuse."""
    damage: str = ""
    """What is wrong with the artifact that stands under the key."""


def decide(task: Task, contents: Mapping[str, str], artifacts: ArtifactStore, store: Store) -> Decision:
    """Look for the result of `task`; `contents` holds the content of each of its needs."""
    request = request_of(task, contents)
    key = key_of(request)
    try:
        artifact = artifacts.validate(key)
    except DamagedArtifactError as error:
        return Decision(key, request, Action.REDO, f"its artifact is damaged: {error.why}", damage=error.why)
    if artifact is not None:
        return Decision(key, request, Action.REUSE, "same request, artifact in place", artifact)
    latest = store.latest(task.id)
    if latest is None:
        return Decision(key, request, Action.NEW, "never done before")
    return Decision(key, request, Action.REDO, _why_again(task, latest, key, request, artifacts))


def preview(
    tasks: Sequence[Task], contents: Mapping[str, str], artifacts: ArtifactStore, store: Store
) -> list[Forecast]:
    """What a run of `tasks` would do, changing nothing; `contents` holds what other tasks have produced."""
    known = {task.id: task for task in tasks}
    produced = {task_id: content for task_id, content in contents.items() if task_id not in known}
    forecasts: dict[str, Forecast] = {}
    for task_id in TopologicalSorter({task.id: task.needs for task in tasks}).static_order():
        if task_id not in known:
            continue
        task = known[task_id]
        missing = next((need for need in task.needs if need not in produced), None)
        if missing is None:
            decision = decide(task, produced, artifacts, store)
            forecasts[task_id] = Forecast(task, decision.action, decision.why)
            if decision.artifact is not None:
                produced[task_id] = decision.artifact.content
        else:
            action = Action.NEW if store.latest(task_id) is None else Action.REDO
            forecasts[task_id] = Forecast(task, action, f"needs '{missing}', which has to be made first")
    return [forecasts[task.id] for task in tasks]


def _why_again(task: Task, latest: str, key: str, request: Mapping[str, JSON], artifacts: ArtifactStore) -> str:
    if latest == key:
        return "its artifact is gone"
    old = artifacts.manifest_of(latest)
    if old is None:
        return "it was done with another request, whose artifact is gone"
    return first_difference(old.making.request, request, task.needs)
