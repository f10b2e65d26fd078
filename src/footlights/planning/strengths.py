"""How strong enhancement may be in a shot whose master noise does not explain, and the plan after that. Pure.

The square of what is left over falls by what each strength has put in, which grows with the square of the strength.
So one trial without each tells how far the one that puts in most is to be lowered, then the next; one more proves it.
Of grain half stays in any case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import floor, sqrt

from footlights.core.plans import LOWERED, Intervention, RestorationPlan, ShotPlan, Skipped, Step
from footlights.core.redegraded import LIMIT, Knob, ShotFidelity, StrengthTrial
from footlights.planning.timeline import output_range

STRENGTHS = {"upscale.fine": "detail", "detail.limited": "strength", "grain.synthesis": "share"}
"""Steps that add to a picture what the tape's noise has to hide, and the parameter that says how much."""
_STAYS = {"grain.synthesis": 0.5}
"""Share of a planned strength that is kept in any case: shots of one tape have one grain, and it is the tape's own."""
AIM = LIMIT - 0.005
"""Residual over noise that is aimed at."""
_GRID = 0.05
"""Strengths are rounded down to a multiple of this."""
_HALVED = 2
"""Times that a strength is halved where less is explained than was foretold."""
_FELT = 0.004
"""Of the squared noise: what a strength has to put in at least before it is lowered."""

Name = tuple[str, str]
"""Stage and parameter."""
Ratio = Callable[[Mapping[Name, float]], float]
"""Residual over noise of a shot's pictures with these strengths instead of those of the plan."""


def planned(shot: ShotPlan) -> dict[Name, float]:
    """The strengths of a shot's plan that are not nothing."""
    found: dict[Name, float] = {}
    for step in shot.steps:
        value = step.params.get(STRENGTHS.get(step.stage, ""), 0)
        if isinstance(value, int | float) and value:
            found[step.stage, STRENGTHS[step.stage]] = float(value)
    return found


def settled(shot: ShotPlan, measured: float, ratio: Ratio) -> StrengthTrial:
    """Which strengths explain a shot whose master came to `measured`; all of them as planned where none would."""
    wanted = planned(shot)
    tried, least = ratio({}), ratio(dict.fromkeys(wanted, 0.0))
    # The encoder takes a little of grain and detail away, and adds its own error.
    shift = measured**2 - tried**2
    without = {name: ratio({name: 0.0}) for name in wanted}
    gains = {name: tried**2 - value**2 for name, value in without.items()}
    kept, foretold = dict[Name, float](), measured
    for proposed in _proposals(wanted, gains, measured**2 - AIM**2):
        proven = _master(ratio(proposed), shift)
        if proven <= LIMIT:
            kept, foretold = proposed, proven
            break
    knobs = tuple(Knob(*name, value, kept.get(name, value), without[name]) for name, value in wanted.items())
    return StrengthTrial(shot.shot, measured, tried, knobs, round(foretold, 3), round(_master(least, shift), 3))


def _proposals(wanted: Mapping[Name, float], gains: Mapping[Name, float], needed: float) -> Iterator[dict[Name, float]]:
    """What is tried, most first: as foretold; what is kept in part halved, and halved again; none of what was to be
    lowered; none of all that put anything in."""
    kept = _chosen(wanted, gains, needed)
    halved = [
        {name: _held(name, wanted, value / 2**times) for name, value in kept.items()} for times in range(_HALVED + 1)
    ]
    felt = [name for name, gain in gains.items() if gain >= _FELT]
    none = [{name: _held(name, wanted, 0.0) for name in names} for names in (kept, felt)]
    tried: list[dict[Name, float]] = []
    for one in (*halved, *none):
        if one and one not in tried:
            tried.append(one)
            yield one


def _held(name: Name, wanted: Mapping[Name, float], value: float) -> float:
    """Down to the grid, but not below what stays of the planned strength."""
    return max(round(floor(value / _GRID + 1e-6) * _GRID, 3), round(_STAYS.get(name[0], 0.0) * wanted[name], 3))


def _master(tried: float, shift: float) -> float:
    """What a master comes to whose pictures come to `tried` in a trial."""
    return sqrt(max(tried**2 + shift, 0.0))


def _chosen(wanted: Mapping[Name, float], gains: Mapping[Name, float], needed: float) -> dict[Name, float]:
    """Strengths lowered until the squares of the ratios have fallen by `needed`, the one that puts in most first."""
    kept: dict[Name, float] = {}
    for name, gain in sorted(gains.items(), key=lambda one: (-one[1], one[0])):
        if needed <= 0 or gain < _FELT:
            break
        share = sqrt(1 - needed / gain) if gain > needed else 0.0
        kept[name] = _held(name, wanted, wanted[name] * share)
        needed -= gain * (1 - (kept[name] / wanted[name]) ** 2)
    return kept


def lowered(plan: RestorationPlan, trials: Sequence[StrengthTrial]) -> RestorationPlan:
    """The plan with the strengths that are kept, each with its why; a step of which nothing is kept is left out, but
    for the one that enlarges."""
    kept = {trial.shot: trial for trial in trials if trial.lowered}
    return replace(plan, shots=tuple(_shot(shot, kept.get(shot.shot)) for shot in plan.shots))


def in_vain(trials: Sequence[StrengthTrial], found: Sequence[ShotFidelity]) -> frozenset[int]:
    """Shots that were lowered, made anew, and are not explained all the same."""
    off = {one.shot for one in found if not one.explained}
    return frozenset(trial.shot for trial in trials if trial.lowered and trial.shot in off)


def put_back(plan: RestorationPlan, before: RestorationPlan, shots: frozenset[int]) -> RestorationPlan:
    """The plan with these shots as they were planned before."""
    pairs = zip(plan.shots, before.shots, strict=True)
    return replace(plan, shots=tuple(old if new.shot in shots else new for new, old in pairs))


def unlowered(trials: Sequence[StrengthTrial], shots: frozenset[int]) -> Iterator[StrengthTrial]:
    """The trials, of these shots the first alone, with everything as planned."""
    seen = set[int]()
    for trial in trials:
        if trial.shot not in shots:
            yield trial
        elif trial.shot not in seen:
            seen.add(trial.shot)
            knobs = tuple(replace(knob, kept=knob.planned) for knob in trial.knobs)
            yield replace(trial, knobs=knobs, foretold=trial.measured)


def words(trial: StrengthTrial) -> str:
    """What was lowered and why."""
    changes = ", ".join(
        f"{knob.stage} {knob.parameter} {knob.planned:g} → {knob.kept:g}" for knob in trial.knobs if knob.lowered
    )
    found = f"pushed back to the tape, the master came to {trial.measured:.2f} of its noise"
    return f"{changes}: {found}, {trial.foretold:.2f} foretold (limit {LIMIT:g})"


def interventions(plan: RestorationPlan, trials: Sequence[StrengthTrial]) -> Iterator[Intervention]:
    """One for every shot that was lowered."""
    for trial in trials:
        if trial.lowered:
            frames = output_range(plan.shots, trial.shot, plan.time_map.instants, plan.time_map.step)
            yield Intervention(frames, LOWERED, 1.0, words(trial))


def told(trials: Sequence[StrengthTrial]) -> Iterator[str]:
    """A sentence for every shot that was tried."""
    for trial in trials:
        if trial.lowered:
            yield f"Enhancement of shot {trial.shot} is lowered. {words(trial)}."
        else:
            yield (
                f"Enhancement of shot {trial.shot} stays as planned: pushed back to the tape, its master came to "
                f"{trial.measured:.2f} of the noise, and without any of it would come to {trial.least:.2f}."
            )


def _shot(shot: ShotPlan, trial: StrengthTrial | None) -> ShotPlan:
    if trial is None:
        return shot
    kept = {knob.stage: knob for knob in trial.knobs if knob.lowered}
    found = f"pushed back to the tape, {trial.measured:.2f} of its noise"
    steps, left_out = list[Step](), list[Skipped]()
    for step in shot.steps:
        knob = kept.get(step.stage)
        if knob is None:
            steps.append(step)
        elif knob.kept or step.stage.startswith("upscale."):
            why = f"{step.why}; {knob.parameter} lowered from {knob.planned:g}: {found}"
            steps.append(replace(step, params={**step.params, knob.parameter: knob.kept}, why=why))
        else:
            left_out.append(Skipped(step.stage, f"{step.why}; {knob.planned:g} was too much: {found}"))
    return replace(shot, steps=tuple(steps), skipped=(*shot.skipped, *left_out))
