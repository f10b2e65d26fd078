"""A plan that a person edited: what may be changed in it, and what is marked as theirs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from footlights.core.plans import RestorationPlan, ShotPlan
from footlights.errors import PlanError
from footlights.restoration import chain
from footlights.restoration.base import build


def checked(by_hand: RestorationPlan, fresh: RestorationPlan, before: RestorationPlan, path: Path) -> RestorationPlan:
    """An edited plan, validated; shots that differ from the rules, and from `before`, which guards may have changed,
    are marked as a person's."""
    if by_hand.source != fresh.source:
        raise PlanError(f"{path} belongs to another tape", "its source is not this job's ingest", "delete it")
    if [shot.slots for shot in by_hand.shots] != [shot.slots for shot in fresh.shots]:
        raise PlanError(f"{path} has other shots than the survey", "shots cannot be edited there", "delete it")
    if replace(by_hand, shots=fresh.shots, notes=fresh.notes) != fresh or _first_fields(by_hand) != _first_fields(
        fresh
    ):
        raise PlanError(f"{path} changes more than steps", "only the steps of shots can be edited", "delete it")
    for shot in by_hand.shots:
        for steps in (shot.steps, shot.instead) if shot.instead else (shot.steps,):
            chain.check(
                [build(step) for step in steps],
                fresh.time_map.instants,
                (fresh.width, fresh.height),
                fresh.time_map.step,
            )
    shots: list[ShotPlan] = []
    for number, (mine, theirs) in enumerate(zip(by_hand.shots, fresh.shots, strict=True)):
        written = [(one.steps, one.instead) for one in (theirs, *before.shots[number : number + 1])]
        own = (mine.steps, mine.instead) not in written
        shots.append(replace(mine, approved_by="person" if own else mine.approved_by))
    return replace(by_hand, shots=tuple(shots))


def _first_fields(plan: RestorationPlan) -> list[int]:
    return [shot.first_field for shot in plan.shots]
