"""Where the pictures of each shot come from: from the plan's steps and what repairing stages really touched. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from footlights.core.plans import LOWERED, NET_FAILED, Intervention, RestorationPlan, ShotPlan
from footlights.core.provenance import ShotProvenance
from footlights.core.time import FrameRange, SpanKind
from footlights.planning.timeline import output_range

LEARNED = ("fieldlift.restore", "upscale.model")
"""Steps after which every sample has come out of a net."""
FILTERS = (
    "flicker.level",
    "denoise.motion",
    "denoise.steady",
    "composite.comb",
    "composite.dots",
    "chroma.align",
    "halos.equalise",
    "fields.unmix",
    "fields.hold",
    "detail.limited",
)
"""Steps that change recorded lines without learning."""
RATE = "rate.convert"
"""The step that makes pictures between instants; what it records are those for which it held a real one."""
NO_REPAIR = (NET_FAILED, LOWERED, RATE, *FILTERS)
"""Kinds of interventions that put nothing in the place of what was recorded."""
_ADDED = {
    "fields.hold": ("the tape's own lines", "share"),
    "upscale.fine": ("net detail", "detail"),
    "faces.restore": ("net detail of faces", "strength"),
    "detail.limited": ("fine contrast", "strength"),
    "grain.synthesis": ("grain", "share"),
}
"""What steps put on top of the samples: words, and the parameter that says how much."""


def provenance(plan: RestorationPlan, interventions: Sequence[Intervention]) -> tuple[ShotProvenance, ...]:
    """One record per shot, in order."""
    factor, step = plan.time_map.instants, plan.time_map.step
    made = []
    for index, shot in enumerate(plan.shots):
        frames = output_range(plan.shots, index, factor, step)
        held = _share(((span.out, 1.0) for span in plan.time_map.spans if span.kind is SpanKind.REPEATED), frames)
        stood = _share(((one.frames, 1.0) for one in interventions if one.kind == RATE), frames)
        between = sum(map(plan.time_map.between, frames)) / max(len(frames), 1)
        failed = _share(((one.frames, one.area) for one in interventions if one.kind == NET_FAILED), frames)
        touched = _share(((one.frames, one.area) for one in interventions if one.kind not in NO_REPAIR), frames)
        shares = (min(held + stood, 1.0), max(between - stood, 0.0), min(failed, 1.0), min(touched, 1.0))
        made.append(_shot(shot, factor, shares))
    return tuple(made)


def _shot(shot: ShotPlan, factor: int, shares: tuple[float, float, float, float]) -> ShotProvenance:
    """The shares of one shot, of which some pictures are held, some lie between instants, some were made by other
    steps, some places repaired."""
    held, between, failed, touched = shares
    names = [step.stage for step in shot.steps]
    by_net = any(name in LEARNED for name in names)
    learned = (1 - failed) if by_net else 0.0
    rest = 1 - learned
    # What a net made anew where a repair had been is the net's; a filter's repair stays one.
    repaired = rest * touched
    missing = (rest - repaired) * (0.5 if factor == 2 and "deinterlace.match" not in names else 0.0)
    kept = rest - repaired - missing
    others = [step.stage for step in shot.instead] if by_net else names
    changed = kept if any(name in FILTERS for name in others) else 0.0
    alive = max(1 - held - between, 0.0)
    return ShotProvenance(
        shot=shot.shot,
        recorded=round((kept - changed) * alive, 6),
        filtered=round(changed * alive, 6),
        interpolated=round((repaired + missing) * alive + between, 6),
        learned=round(learned * alive, 6),
        repeated=round(held, 6),
        added=tuple(_added(shot)),
    )


def _added(shot: ShotPlan) -> Iterator[str]:
    for step in shot.steps:
        if step.stage in _ADDED:
            words, parameter = _ADDED[step.stage]
            amount = step.params.get(parameter, 0)
            if isinstance(amount, int | float) and amount:
                yield f"{words} {amount:g}"


def _share(parts: Iterator[tuple[FrameRange, float]], frames: FrameRange) -> float:
    """Share of the shot's pictures, weighted by area."""
    return sum(len(part.intersect(frames)) * area for part, area in parts) / max(len(frames), 1)
