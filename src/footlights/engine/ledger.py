"""What this session knows of results: what was decided for each task, what it produced, and how far that is trusted.

An artifact made in this session is trusted. One of an earlier session is hashed in full once before a task reads it;
one of a session that did not end in order even when nobody reads it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from footlights.engine import reuse
from footlights.engine.artifacts import Artifact, ArtifactStore, Level
from footlights.engine.reuse import Action, Decision
from footlights.engine.store import Store, row_of
from footlights.engine.tasks import Task, key_of, request_of
from footlights.errors import InternalError


class Ledger:
    """Decisions and results by task id."""

    def __init__(self, artifacts: ArtifactStore, store: Store, level: Level) -> None:
        self._artifacts = artifacts
        self._store = store
        self._level = level
        self._decisions: dict[str, Decision] = {}
        self._found: dict[str, Artifact] = {}
        self._damage: dict[str, str] = {}
        self._verified: set[str] = set()
        self.suspects: dict[str, None] = {}
        """Keys of reused artifacts that have to be hashed before all is done."""

    def forget(self, task_ids: Iterable[str]) -> None:
        """Decide anew about these tasks."""
        for task_id in task_ids:
            self._decisions.pop(task_id, None)
            artifact = self._found.pop(task_id, None)
            if artifact is not None and artifact.key in self.suspects and not self._owners(artifact.key):
                del self.suspects[artifact.key]

    def is_decided(self, task_id: str) -> bool:
        """Whether it is known what to do with the task."""
        return task_id in self._decisions

    def decision(self, task_id: str) -> Decision:
        """What was decided."""
        return self._decisions[task_id]

    def decide(self, task: Task) -> Decision:
        """Reuse, redo or new; every need must have its result. A result to reuse is taken at once."""
        contents = {need: self._found[need].content for need in task.needs}
        decision = reuse.decide(task, contents, self._artifacts, self._store)
        damage = self._damage.pop(task.id, "")
        if damage and decision.artifact is None:
            decision = replace(decision, action=Action.REDO, why=f"its artifact was damaged: {damage}")
        self._decisions[task.id] = decision
        if decision.artifact is not None:
            self._take_over(task, decision.artifact)
        return decision

    def made(self, task: Task, artifact: Artifact) -> None:
        """A worker published the result of a task."""
        self._found[task.id] = artifact
        self._verified.add(artifact.key)
        self._store.record(replace(row_of(artifact.manifest), id=task.id))

    def artifact(self, task_id: str) -> Artifact:
        """The result of a task; InternalError if it has none in this session."""
        if task_id not in self._found:
            raise InternalError(f"there is no artifact of '{task_id}'", "it is not done in this session", "report this")
        return self._found[task_id]

    def contents(self) -> dict[str, str]:
        """Content of every result, by task id."""
        return {task_id: artifact.content for task_id, artifact in self._found.items()}

    def is_current(self, task: Task) -> bool:
        """Whether the decision about a task still fits what its needs have produced."""
        if not all(need in self._found for need in task.needs):
            return False
        request = request_of(task, {need: self._found[need].content for need in task.needs})
        return key_of(request) == self._decisions[task.id].key

    def unverified(self, task: Task) -> list[str]:
        """Keys of inputs that have to be hashed before the task may read them."""
        return [key for key in (self._found[need].key for need in task.needs) if key not in self._verified]

    def owner(self, key: str) -> str:
        """Id of a task whose result is the artifact `key`; there must be one."""
        return self._owners(key)[0]

    def passed(self, key: str) -> None:
        """Every byte of an artifact is as published."""
        self._verified.add(key)
        self.suspects.pop(key, None)
        self._store.trust(key)

    def damaged(self, key: str, why: str) -> list[str]:
        """Put a damaged artifact aside; returns the tasks whose result is gone with it."""
        self._artifacts.quarantine(key)
        self._verified.discard(key)
        self.suspects.pop(key, None)
        owners = self._owners(key)
        self._damage.update(dict.fromkeys(owners, why))
        self.forget(owners)
        return owners

    def _owners(self, key: str) -> list[str]:
        return [task_id for task_id, artifact in self._found.items() if artifact.key == key]

    def _take_over(self, task: Task, artifact: Artifact) -> None:
        self._found[task.id] = artifact
        self._store.adopt(replace(row_of(artifact.manifest), id=task.id))
        if artifact.key in self._verified:
            return
        if self._level is Level.FULL or not self._store.trusted(artifact.key):
            self.suspects[artifact.key] = None
