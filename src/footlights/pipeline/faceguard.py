"""The identity guard: restored faces that drift away from the person on the tape are put back, whole track by track.

Every piece of the master that restores faces notes how alike each of them stays to what it was made from. When all
pieces of those shots are there, each track is judged from its first picture to its last; a track that is refused is
named in the plan, and its pieces are made anew without it, bit by bit what the chain before had made.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from footlights.core import records
from footlights.core.likeness import Beside, FaceLikeness, FaceVerdict
from footlights.core.plans import PiecePart, RestorationPlan, ShotPlan, Skipped, Step
from footlights.engine.tasks import Task
from footlights.metrics.faces import Limits, judge
from footlights.pipeline.job import keep_plan
from footlights.restoration.base import Stage, Witness

if TYPE_CHECKING:
    from footlights.pipeline.session import Session

STAGE = "faces.restore"
LIKENESS = "faces.json"
"""File of a piece: how alike its restored faces are to their sources."""
_QUALITY = 90
_TRUST = 0.2
"""Likeness above the limit from which a face that was given up counts again."""
Key = tuple[int, int]
"""Shot and face."""


@dataclass(frozen=True, slots=True)
class Witnessed:
    """One restored face of one piece."""

    likeness: FaceLikeness
    least: Beside


@dataclass(frozen=True, slots=True)
class Guarded:
    """What the guard found."""

    verdicts: tuple[FaceVerdict, ...] = ()
    pictures: Mapping[Key, bytes] = field(default_factory=dict)
    """JPEG, source beside restored, at the moment where they are least alike."""


def witnessed(part: PiecePart, stages: Iterable[Stage]) -> Iterator[Witnessed]:
    """What the stages of a part of a piece saw of its faces."""
    for stage in stages:
        if not isinstance(stage, Witness):
            continue
        for face, least in sorted(stage.least.items()):
            seen = [one for one in stage.likeness if one.face == face and one.frame in part.frames]
            if seen:
                frames, alike, loss = zip(*((one.frame, one.to_source, one.loss) for one in seen), strict=True)
                yield Witnessed(FaceLikeness(part.shot, face, frames, _short(alike), _short(loss)), least)


def save(folder: Path, found: Sequence[Witnessed]) -> None:
    """Into the folder of a piece: one record, one picture a face; nothing where no face was restored."""
    if not found:
        return
    records.write(folder / LIKENESS, records.dumps(tuple(one.likeness for one in found), tuple))
    for one in found:
        both = np.hstack([one.least.before, one.least.after])
        _, data = cv2.imencode(".jpg", np.ascontiguousarray(both[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        records.write(folder / _picture((one.likeness.shot, one.likeness.face)), data.tobytes())


def guarded(
    one: Session, plan: RestorationPlan, make: Callable[[RestorationPlan], list[Task]]
) -> tuple[RestorationPlan, list[Task], Guarded]:
    """Make the pieces that restore faces, judge, and plan those of refused tracks anew.

    `make` gives the tasks of all pieces of a plan. The plan, its tasks and what was found come back; `plan.json`
    follows where no person has edited it.
    """
    tasks = make(plan)
    chosen = [task for task in tasks if len(task.needs) > 1]
    if not chosen:
        return plan, tasks, Guarded()
    one.run(chosen)
    folders = [one.artifact(task.id).folder for task in chosen]
    found = Guarded(verdicts(folders, one.job.settings.restoration.faces.identity), pictures(folders))
    refused = [verdict for verdict in found.verdicts if verdict.refused]
    if not refused:
        return plan, tasks, found
    for verdict in refused:
        one.warn(f"Face {verdict.face} of shot {verdict.shot} stays as the tape shows it: {verdict.refused}.")
    kept = without(plan, refused)
    keep_plan(one.job.folder, kept)
    return kept, make(kept), found


def verdicts(folders: Sequence[Path], identity: float = Limits().doubt) -> tuple[FaceVerdict, ...]:
    """On every track that was restored, from the folders of all its pieces; refused below the likeness `identity`."""
    limits = Limits(doubt=identity, trust=min(identity + _TRUST, 1.0))
    tracks: dict[Key, list[FaceLikeness]] = defaultdict(list)
    for folder in folders:
        for likeness in _read(folder):
            tracks[likeness.shot, likeness.face].append(likeness)
    return tuple(_verdict(key, parts, limits) for key, parts in sorted(tracks.items()))


def pictures(folders: Sequence[Path]) -> dict[Key, bytes]:
    """Of every track, the pair of crops at which it is least alike."""
    least: dict[Key, tuple[float, Path]] = {}
    for folder in folders:
        for likeness in _read(folder):
            key, lowest = (likeness.shot, likeness.face), min(likeness.to_source)
            if key not in least or lowest < least[key][0]:
                least[key] = lowest, folder / _picture(key)
    return {key: path.read_bytes() for key, (_, path) in sorted(least.items())}


def without(plan: RestorationPlan, refused: Sequence[FaceVerdict]) -> RestorationPlan:
    """The plan with refused tracks left out, and said why."""
    by_shot: dict[int, list[FaceVerdict]] = defaultdict(list)
    for verdict in refused:
        by_shot[verdict.shot].append(verdict)
    return replace(plan, shots=tuple(_without(shot, by_shot.get(shot.shot, ())) for shot in plan.shots))


def _without(shot: ShotPlan, refused: Sequence[FaceVerdict]) -> ShotPlan:
    if not refused:
        return shot
    left_out = tuple(Skipped(STAGE, f"face {verdict.face}: {verdict.refused}") for verdict in refused)
    numbers = tuple(sorted(verdict.face for verdict in refused))
    steps = tuple(_refusing(step, numbers) if step.stage == STAGE else step for step in shot.steps)
    return replace(shot, steps=steps, skipped=(*shot.skipped, *left_out))


def _refusing(step: Step, numbers: tuple[int, ...]) -> Step:
    why = f"{step.why}; put back by the identity guard: {', '.join(f'face {number}' for number in numbers)}"
    return replace(step, params={**step.params, "refused": numbers}, why=why)


def _verdict(key: Key, parts: Sequence[FaceLikeness], limits: Limits) -> FaceVerdict:
    ordered = sorted(parts, key=lambda part: part.frames[0])
    alike = np.concatenate([part.to_source for part in ordered])
    loss = np.concatenate([part.loss for part in ordered])
    found = judge(alike, restored_to_reference=-loss, source_to_reference=np.zeros(len(loss)), limits=limits)
    middle, lowest, drift = (round(float(value), 4) for value in (found.similarity, found.lowest, found.drift))
    return FaceVerdict(*key, len(alike), middle, lowest, drift, found.refused)


def _read(folder: Path) -> tuple[FaceLikeness, ...]:
    path = folder / LIKENESS
    return records.read(tuple[FaceLikeness, ...], path) if path.is_file() else ()


def _picture(key: Key) -> str:
    return f"face-{key[0]:05d}-{key[1]:02d}.jpg"


def _short(values: Iterable[float]) -> tuple[float, ...]:
    return tuple(round(value, 4) for value in values)
