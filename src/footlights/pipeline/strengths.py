"""The guard of strengths: where noise does not explain a shot's master, enhancement is lowered until it does.

When the pieces are there, the re-degradation check is made first. Of a shot that fails it, the pictures that were
compared are made once more without an encoder, held to a share of the tape's own lines, if need be with each strength
at nothing in turn, and pushed back to the tape; from that follows how much of each is explained
(`planning/strengths.py`). Only the pieces of shots that are lowered are made anew, and checked again; twice at most.
What did not come half of the way so gets its strengths back. Shots that a person planned are left as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from footlights.core import records
from footlights.core.clip import Clip
from footlights.core.plans import Piece, RestorationPlan, ShotPlan, Step
from footlights.core.redegraded import ShotFidelity, StrengthTrial
from footlights.core.signal import FieldOrder
from footlights.core.source import Ingest
from footlights.core.time import FrameRange
from footlights.engine.tasks import Resources, Task
from footlights.errors import NetError
from footlights.media.reader import VideoReader
from footlights.pipeline import fidelity, graph
from footlights.pipeline.job import keep_plan
from footlights.pipeline.pictures import Cuts, source_blocks
from footlights.pipeline.pushback import ShotRequest, Shown, residual
from footlights.planning.remainders import carrier_held
from footlights.planning.strengths import (
    BEHIND,
    Name,
    held,
    in_vain,
    lowered,
    planned,
    put_back,
    settled,
    told,
    unlowered,
    with_strengths,
)
from footlights.planning.wholetape import tape_order
from footlights.restoration import chain
from footlights.restoration.base import build

if TYPE_CHECKING:
    from footlights.pipeline.run import Surveyed
    from footlights.pipeline.session import Session

VERSION = 10
TRIALS = "trials.json"
_ROUNDS = 2
_LEFT_OUT = ("rate.convert", "faces.restore")
"""Steps that a trial leaves out: only instants are compared that are shown as they are, and faces are followed for the
piece that restores them."""


@dataclass(frozen=True, slots=True)
class TrialRequest:
    """One shot that failed the check."""

    plan: ShotPlan
    """Without whys."""
    slots: FrameRange
    """With the frame whose first field alone is the shot's."""
    asked: ShotRequest
    """`Instant.frame` counts the tape's instants."""
    field_order: FieldOrder
    factor: int
    """Instants of a source frame."""
    measured: float
    """Residual over noise of its master."""
    carrier: float
    """Cycles a sample of the subcarrier that its lines still carry; 0 for none."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """The plan that is explained best, what it is made by, and what was found on the way."""

    plan: RestorationPlan
    restored: list[Task]
    found: tuple[ShotFidelity, ...]
    trials: tuple[StrengthTrial, ...] = ()


def guarded(
    one: Session,
    known: Surveyed,
    plan: RestorationPlan,
    layout: graph.Layout,
    make: Callable[[RestorationPlan], list[Task]],
) -> Guarded:
    """Make all pieces, check them, and lower what is not explained; `make` gives the tasks of all pieces of a plan."""
    made = _checked(one, known, plan, layout, make)
    if not one.job.settings.enhancement.guard:
        return made
    for number in range(_ROUNDS):
        by_hand, failing = _failing(made)
        for shot in by_hand if not number else ():
            one.warn(f"Shot {shot} differs from the tape by more than its noise, and stays as it was planned by hand.")
        requests = list(_requests(known, made, failing, one))
        asked = [_task(request, number, one.share(len(requests))) for request in requests]
        one.run(asked)
        trials = tuple(trial for task in asked for trial in one.record(tuple[StrengthTrial, ...], task.id, TRIALS))
        for sentence in told(trials):
            one.warn(sentence)
        made = replace(made, trials=(*made.trials, *trials))
        if not any(trial.lowered for trial in trials):
            break
        carriers = {request.plan.shot: request.carrier for request in requests}
        again = _checked(one, known, lowered(made.plan, trials, carriers), layout, make)
        made = replace(again, trials=made.trials)
    if vain := in_vain(made.trials, made.found):
        for checked in made.found:
            if checked.shot in vain:
                came_to = f"with less its master came to {checked.ratio:.2f} of the noise"
                one.warn(f"Strength in shot {checked.shot} is put back as it was planned: {came_to}.")
        again = _checked(one, known, put_back(made.plan, plan, vain), layout, make)
        made = replace(again, trials=tuple(unlowered(made.trials, vain)))
    if made.plan != plan:
        keep_plan(one.job.folder, made.plan)
    return made


def _checked(
    one: Session,
    known: Surveyed,
    plan: RestorationPlan,
    layout: graph.Layout,
    make: Callable[[RestorationPlan], list[Task]],
) -> Guarded:
    """All pieces of a plan, made, and what the check says of them."""
    restored = make(plan)
    order = tape_order(known.survey, one.job.settings)
    checks = fidelity.tasks(plan, known.ingest, known.survey, layout.pieces, order)
    one.run([*restored, *checks])
    found = tuple(shot for task in checks for shot in one.record(tuple[ShotFidelity, ...], task.id, fidelity.RESULT))
    return Guarded(plan, restored, found)


def _failing(made: Guarded) -> tuple[list[int], dict[int, float]]:
    """Shots that are not explained: those that a person planned, and how far off the others are."""
    off = {one.shot: one.ratio for one in made.found if one.samples and not one.explained and not one.undecided}
    by_hand = [shot for shot in off if made.plan.shots[shot].approved_by == "person"]
    others = {shot: made.plan.shots[shot] for shot in off if shot not in by_hand}
    return by_hand, {number: off[number] for number, shot in others.items() if planned(shot) or held(shot) is not None}


def _requests(known: Surveyed, made: Guarded, failing: Mapping[int, float], one: Session) -> Iterator[TrialRequest]:
    plan, order = made.plan, tape_order(known.survey, one.job.settings)
    factor, step = plan.time_map.instants, plan.time_map.step
    whole = (Piece(0, FrameRange(0, plan.time_map.frames), ()),)
    for shot, asked in zip(plan.shots, fidelity.requests(plan, known.ingest, known.survey, whole, order), strict=True):
        if shot.shot in failing:
            instants = tuple(replace(at, frame=int(at.frame * step)) for at in asked.instants)
            slots = shot.slots.grow(0, 1) if graph.ends_late(plan, shot.shot, factor) else shot.slots
            compared = replace(asked, instants=instants)
            report = known.survey.shots[shot.shot]
            dots_out = any(one.stage == "composite.dots" for one in shot.steps)
            carrier = carrier_held(report, known.ingest.source, dots_out=dots_out) if factor == 2 else 0.0
            yield TrialRequest(graph.bare(shot), slots, compared, order, factor, failing[shot.shot], carrier)


def _task(request: TrialRequest, number: int, threads: int) -> Task:
    return Task(
        f"strengths/{number}/{request.plan.shot:05d}",
        "footlights.pipeline.lookops:try_strengths",
        VERSION,
        {"request": records.to_data(request)},
        needs=(graph.INGEST,),
        resources=Resources(threads, memory=3 * 2**30),
        units=len(request.asked.instants),
        priority=65,
    )


def measure(
    request: TrialRequest, opened: tuple[Ingest, VideoReader], progress: Callable[[int], None]
) -> Iterator[StrengthTrial]:
    """The trial of a shot; nothing where the net breaks down."""
    # A net that breaks down here did so in the shot, which the filters then made.
    with suppress(NetError):
        clean = []
        for at in request.asked.instants:
            clean.append(_clean(request, at.frame, opened))
            progress(len(clean))

        def ratio(strengths: Mapping[Name, float]) -> float:
            left = residual(request.asked, opened, (_finished(request, clip, strengths) for clip in clean))
            return left.rms / left.noise

        yield settled(request.plan, request.measured, ratio)


def _clean(request: TrialRequest, instant: int, opened: tuple[Ingest, VideoReader]) -> Clip:
    """A picture as it is before anything is added to it, with what the net has found beside it."""
    steps = _parted(request.plan.steps)[0]
    # Rebuilding looks far around what was lost; where nothing was, it changes nothing and is not worth its context.
    calm = [step for step in steps if step.stage != "gaps.rebuild"]
    context = _context(request, calm, instant)
    if any(slot in context for step in steps if step not in calm for slot in _rebuilt(step)):
        context, calm = _context(request, steps, instant), steps
    cuts = Cuts(
        request.slots, starts_late=bool(request.plan.first_field), ends_late=request.slots != request.plan.slots
    )
    blocks = source_blocks(*opened, context, cuts, request.field_order)
    (clip,) = chain.run([build(step) for step in calm], blocks, FrameRange(instant, instant + 1))
    return clip


def _context(request: TrialRequest, steps: Sequence[Step], instant: int) -> FrameRange:
    """Frames of the shot that these steps need for a picture."""
    reach = chain.reach([build(step) for step in steps])
    slot = FrameRange(instant // request.factor, instant // request.factor + 1)
    return slot.grow(reach.before, reach.after).intersect(request.slots)


def _rebuilt(step: Step) -> Iterator[int]:
    for name in ("lost", "damaged"):
        slots = step.params.get(name, ())
        assert isinstance(slots, tuple)
        yield from (int(slot) for slot in slots)


def _finished(request: TrialRequest, clip: Clip, strengths: Mapping[Name, float]) -> Shown:
    """The picture of the master with other strengths than planned."""
    for step in _parted(with_strengths(request.plan, strengths, request.carrier))[1]:
        clip = build(step).run(clip)
    return clip.luma[0], clip.chroma[0]


def _parted(given: Sequence[Step]) -> tuple[list[Step], list[Step]]:
    """The steps up to the net and what steadies its pictures, or up to the one that enlarges where there is no net; and
    the others, none of which looks at other pictures."""
    steps = [step for step in given if step.stage not in _LEFT_OUT]
    behind = [number + 1 for number, step in enumerate(steps) if step.stage in BEHIND]
    at = behind[-1] if behind else next(n for n, step in enumerate(steps) if step.stage.startswith("upscale."))
    return steps[:at], steps[at:]
