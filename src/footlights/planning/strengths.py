"""How strong enhancement may be in a shot whose master noise does not explain, and the plan after that. Pure.

First the net's pictures are held to a share of the tape's own lines, up to `MOST`: what structure is left over falls by
that share (docs/decisions/20261130-holding-to-the-tape.md). Where it is not enough, strengths are lowered besides. The
square of what is left over falls by what each strength has put in, which grows with the square of the strength. So one
trial without each tells how far the one that puts in most is to be lowered, then the next; one more proves it. Of grain
half stays in any case, the tape's own in the lines that are held to counted. Where nothing is enough, lines alone are
held to if they bring the shot half of the way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import ceil, floor, sqrt

from footlights.core.plans import LOWERED, Intervention, RestorationPlan, ShotPlan, Skipped, Step, Value
from footlights.core.redegraded import LIMIT, Knob, ShotFidelity, StrengthTrial
from footlights.planning.timeline import output_range
from footlights.restoration.base import STAGES

Name = tuple[str, str]
"""Stage and parameter."""
Ratio = Callable[[Mapping[Name, float]], float]
"""Residual over noise of a shot's pictures with these strengths instead of those of the plan."""
STRENGTHS = {"upscale.fine": "detail", "detail.limited": "strength", "grain.synthesis": "share"}
"""Steps that add to a picture what the tape's noise has to hide, and the parameter that says how much."""
HOLD: Name = ("fields.hold", "share")
"""What draws the net's pictures towards the tape's lines."""
MOST = 0.35
"""Largest share of the tape's lines: beyond it their noise and combs cost more than they tell."""
BEHIND = ("fieldlift.restore", "denoise.steady")
"""Steps that pictures are held to the tape's lines behind."""
_STAYS = {"grain.synthesis": 0.5}
"""Share of a planned strength that is kept in any case: shots of one tape have one grain, and it is the tape's own.
Lines that are held to bring as much of it as their share."""
AIM = LIMIT - 0.005
"""Residual over noise that is aimed at."""
TAKEN = 0.025
"""By how much less is aimed at where pictures are held to the tape: the master's encoder takes some away again."""
_GRID = 0.05
"""Strengths are rounded to a multiple of this: down, and shares of the tape's lines up."""
_HALVED = 2
"""Times that a strength is halved where less is explained than was foretold."""
_FELT = 0.004
"""Of the squared noise: what a strength has to put in at least before it is lowered."""


def planned(shot: ShotPlan) -> dict[Name, float]:
    """The strengths of a shot's plan that are not nothing."""
    found: dict[Name, float] = {}
    for step in shot.steps:
        value = step.params.get(STRENGTHS.get(step.stage, ""), 0)
        if isinstance(value, int | float) and value:
            found[step.stage, STRENGTHS[step.stage]] = float(value)
    return found


def held(shot: ShotPlan) -> float | None:
    """The planned share of the tape's lines; None where no net stands between them and the pictures."""
    shares = {step.stage: step.params.get(HOLD[1], 0.0) for step in shot.steps}
    if BEHIND[0] not in shares:
        return None
    share = shares.get(HOLD[0], 0.0)
    assert isinstance(share, int | float)
    return float(share)


def settled(shot: ShotPlan, measured: float, ratio: Ratio) -> StrengthTrial:
    """Which strengths explain a shot whose master came to `measured`; all of them as planned where none would."""
    tried = ratio({})
    trial = StrengthTrial(shot.shot, measured, tried, (), measured, measured)
    # The encoder takes a little of grain and detail away, and adds its own error.
    shift = measured**2 - tried**2

    def master(strengths: Mapping[Name, float]) -> float:
        """What a master comes to whose pictures come to that in a trial."""
        return sqrt(max(ratio(strengths) ** 2 + shift, 0.0))

    before = held(shot)
    most = {} if before is None or before >= MOST else {HOLD: MOST}
    by_lines = master(most) if most else measured
    if most and before is not None:
        if by_lines <= LIMIT:
            share, foretold = _enough(before, measured, by_lines, master)
            knob = Knob(*HOLD, before, share, tried)
            return replace(trial, knobs=(knob,), foretold=round(foretold, 3), least=round(by_lines, 3))
        trial = replace(trial, knobs=(Knob(*HOLD, before, MOST, tried),))
    return _lowered(shot, trial, most, by_lines, master)


def _enough(before: float, measured: float, by_most: float, master: Ratio) -> tuple[float, float]:
    """The smallest share of the tape's lines that is enough where `MOST` is, and what the master comes to with it."""
    # What is left of the structure falls with the share's complement, its square with the complement's.
    structure = max(measured**2 - by_most**2, 1e-9) / ((1 - before) ** 2 - (1 - MOST) ** 2)
    left = (1 - before) ** 2 - (measured**2 - (AIM - TAKEN) ** 2) / structure
    share = round(ceil((1 - sqrt(max(left, 0.0))) / _GRID - 1e-6) * _GRID, 3)
    if share < MOST:
        proven = master({HOLD: share})
        if proven <= LIMIT:
            return share, proven
    return MOST, by_most


def _lowered(
    shot: ShotPlan, trial: StrengthTrial, lines: Mapping[Name, float], measured: float, master: Ratio
) -> StrengthTrial:
    """The trial of a shot that comes to `measured` with its pictures held to the tape's `lines` as far as may be."""
    wanted = planned(shot)
    without = {name: master({**lines, name: 0.0}) for name in wanted}
    gains = {name: measured**2 - value**2 for name, value in without.items()}
    # Without some strengths more is left over: they made good what the net lacks.
    floors = _floors(wanted, lines.get(HOLD, 0.0))
    felt = {name: _at_least(floors[name], 0.0) for name, gain in gains.items() if gain >= _FELT}
    least = master({**lines, **felt}) if felt else measured
    trial = replace(trial, least=round(least, 3))
    kept, foretold = dict[Name, float](), measured
    aim = AIM - TAKEN if lines else AIM
    for proposed in _proposals(wanted, floors, gains, measured**2 - aim**2) if least <= LIMIT else ():
        proven = master({**lines, **proposed})
        if proven <= LIMIT:
            kept, foretold = proposed, proven
            break
    if not kept and not _half_way(trial.measured, measured):
        return replace(trial, knobs=tuple(replace(knob, kept=knob.planned) for knob in trial.knobs))
    knobs = tuple(Knob(*name, value, kept.get(name, value), round(without[name], 3)) for name, value in wanted.items())
    return replace(trial, knobs=(*trial.knobs, *knobs), foretold=round(foretold, 3))


def _half_way(before: float, now: float) -> bool:
    """Whether a master came at least half of the way to what noise explains."""
    return now <= (before + LIMIT) / 2


def _proposals(
    wanted: Mapping[Name, float], floors: Mapping[Name, float], gains: Mapping[Name, float], needed: float
) -> Iterator[dict[Name, float]]:
    """What is tried, most first: as foretold; what is kept in part halved, and halved again; none of what was to be
    lowered; none of all that put anything in."""
    kept = _chosen(wanted, floors, gains, needed)
    halved = [
        {name: _at_least(floors[name], value / 2**times) for name, value in kept.items()}
        for times in range(_HALVED + 1)
    ]
    felt = [name for name, gain in gains.items() if gain >= _FELT]
    none = [{name: _at_least(floors[name], 0.0) for name in names} for names in (kept, felt)]
    tried: list[dict[Name, float]] = []
    for one in (*halved, *none):
        if one and one not in tried:
            tried.append(one)
            yield one


def _floors(wanted: Mapping[Name, float], own: float) -> dict[Name, float]:
    """What stays of each strength in any case; `own` is the share of the tape's lines, whose noise adds to grain as
    variances do."""
    stays = {name: _STAYS.get(name[0], 0.0) * value for name, value in wanted.items()}
    return {name: round(sqrt(max(value**2 - own**2, 0.0)), 3) for name, value in stays.items()}


def _at_least(least: float, value: float) -> float:
    """Down to the grid, but not below what stays in any case."""
    return max(round(floor(value / _GRID + 1e-6) * _GRID, 3), least)


def _chosen(
    wanted: Mapping[Name, float], floors: Mapping[Name, float], gains: Mapping[Name, float], needed: float
) -> dict[Name, float]:
    """Strengths lowered until the squares of the ratios have fallen by `needed`, the one that puts in most first."""
    kept: dict[Name, float] = {}
    for name, gain in sorted(gains.items(), key=lambda one: (-one[1], one[0])):
        if needed <= 0 or gain < _FELT:
            break
        share = sqrt(1 - needed / gain) if gain > needed else 0.0
        kept[name] = _at_least(floors[name], wanted[name] * share)
        needed -= gain * (1 - (kept[name] / wanted[name]) ** 2)
    return kept


def with_strengths(shot: ShotPlan, strengths: Mapping[Name, float], carrier: float) -> tuple[Step, ...]:
    """The steps of a shot with other strengths. Holding to the tape's lines comes in where it was not planned; around
    `carrier` cycles a sample, unless 0, that leaves pictures as they are."""
    found = list[Step]()
    for step in shot.steps:
        name = (step.stage, STRENGTHS.get(step.stage, HOLD[1]))
        found.append(replace(step, params={**step.params, name[1]: strengths[name]}) if name in strengths else step)
    if HOLD in strengths and HOLD[0] not in {step.stage for step in found}:
        at = max(number for number, step in enumerate(found) if step.stage in BEHIND) + 1
        params: dict[str, Value] = {HOLD[1]: strengths[HOLD], "subcarrier": carrier}
        found.insert(
            at, Step(HOLD[0], STAGES.get(HOLD[0]).version, params, "the net's pictures beside the tape's lines")
        )
    return tuple(found)


def lowered(plan: RestorationPlan, trials: Sequence[StrengthTrial], carriers: Mapping[int, float]) -> RestorationPlan:
    """The plan with the strengths that are kept, each with its why; a step of which nothing is kept is left out, but
    for the one that enlarges. `carriers` as in `with_strengths`, by shot."""
    kept = {trial.shot: trial for trial in trials if trial.lowered}
    shots = (_shot(shot, kept.get(shot.shot), carriers.get(shot.shot, 0.0)) for shot in plan.shots)
    return replace(plan, shots=tuple(shots))


def in_vain(trials: Sequence[StrengthTrial], found: Sequence[ShotFidelity]) -> frozenset[int]:
    """Shots that were lowered, made anew, and did not come half of the way to what noise explains."""
    now = {one.shot: one.ratio for one in found if not one.explained}
    first: dict[int, float] = {}
    for trial in trials:
        first.setdefault(trial.shot, trial.measured)
    tried = {trial.shot for trial in trials if trial.lowered} & now.keys()
    return frozenset(shot for shot in tried if not _half_way(first[shot], now[shot]))


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
        f"{knob.stage} {knob.parameter} {knob.planned:g} → {knob.kept:g}" for knob in trial.knobs if knob.changed
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
            yield f"Strength in shot {trial.shot} is lowered. {words(trial)}."
        else:
            yield (
                f"Strength in shot {trial.shot} stays as planned: pushed back to the tape, its master came to "
                f"{trial.measured:.2f} of the noise, and with as little as may be would come to {trial.least:.2f}."
            )


def _shot(shot: ShotPlan, trial: StrengthTrial | None, carrier: float) -> ShotPlan:
    if trial is None:
        return shot
    kept = {knob.stage: knob for knob in trial.knobs if knob.changed}
    found = f"pushed back to the tape, {trial.measured:.2f} of its noise"
    steps, left_out = list[Step](), list[Skipped]()
    for step in with_strengths(shot, {(knob.stage, knob.parameter): knob.kept for knob in kept.values()}, carrier):
        knob = kept.get(step.stage)
        if knob is None:
            steps.append(step)
        elif knob.kept or step.stage.startswith("upscale."):
            way = "raised" if knob.kept > knob.planned else "lowered"
            why = f"{step.why}; {knob.parameter} {way} from {knob.planned:g}: {found}"
            steps.append(replace(step, why=why))
        else:
            left_out.append(Skipped(step.stage, f"{step.why}; {knob.planned:g} was too much: {found}"))
    return replace(shot, steps=tuple(steps), skipped=(*shot.skipped, *left_out))
