"""Where the pictures of each shot come from: from the plan's steps and what repairing stages really touched. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from footlights.core.plans import LOWERED, NET_FAILED, Intervention, Region, RestorationPlan, ShotPlan
from footlights.core.provenance import ShotProvenance
from footlights.core.time import FrameRange, SpanKind
from footlights.planning.timeline import output_range

LEARNED = ("fieldlift.restore",)
"""Steps after which every sample has come out of a net that sees the tape."""
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
    "blocking.smooth",
    "timebase.align",
    "colour.balance",
    "light.lift",
    "look.table",
)
"""Steps that change recorded lines without learning: their samples, their place or their light."""
OWN_NET = "upscale.model"
"""The step that runs a net of the user's own: of what it draws nothing is known but that it looks likely."""
FACES = "faces.restore"
"""The step after which what lies inside a restored face's rectangle counts as generated."""
RATE = "rate.convert"
"""The step that makes pictures between instants; what it records are those for which it held a real one."""
NO_REPAIR = (NET_FAILED, LOWERED, RATE, FACES, *FILTERS)
"""Kinds of interventions that put nothing in the place of what was recorded."""
_ADDED = {
    "fields.hold": ("the tape's own lines", "share"),
    "upscale.fine": ("net detail", "detail"),
    FACES: ("net detail of faces", "strength"),
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
        whole = (plan.width, _pillar(shot))
        faces = _share(
            ((one.frames, _covered(one.regions, *whole)) for one in interventions if one.kind == FACES), frames
        )
        made.append(
            _shot(
                shot,
                factor,
                _Shares(min(held + stood, 1.0), max(between - stood, 0.0), min(failed, 1.0), min(touched, 1.0), faces),
            )
        )
    return tuple(made)


class _Shares(NamedTuple):
    """Of the pictures of one shot."""

    held: float
    between: float
    """Instants."""
    failed: float
    """Made by other steps than the net."""
    touched: float
    """By repairs, weighted by area."""
    faces: float
    """Inside the rectangles of restored faces, likewise."""


def _shot(shot: ShotPlan, factor: int, shares: _Shares) -> ShotProvenance:
    held, between, failed, touched, faces = shares
    names = [step.stage for step in shot.steps]
    own, by_net = OWN_NET in names, any(name in LEARNED for name in names)
    learned = (1 - failed) if by_net and not own else 0.0
    # A picture between two that a user's net made is no less its own.
    generated = (1 - failed) if own else 0.0
    rest = 1 - learned - generated
    # What a net made anew where a repair had been is the net's; a filter's repair stays one.
    repaired = rest * touched
    missing = (rest - repaired) * (0.5 if factor == 2 and "deinterlace.match" not in names else 0.0)
    kept = rest - repaired - missing
    others = [step.stage for step in shot.instead or shot.steps] if by_net or own else names
    changed = kept if any(name in FILTERS for name in others) else 0.0
    alive, plain = max(1 - held - between, 0.0), 1 - faces
    return ShotProvenance(
        shot=shot.shot,
        recorded=round((kept - changed) * alive * plain, 6),
        filtered=round(changed * alive * plain, 6),
        interpolated=round(((repaired + missing) * alive + between * (1 - generated)) * plain, 6),
        learned=round(learned * alive * plain, 6),
        repeated=round(held, 6),
        generated=round((1 - (1 - generated) * plain) * (alive + between), 6),
        added=tuple(_added(shot)),
    )


def _added(shot: ShotPlan) -> Iterator[str]:
    for step in shot.steps:
        if step.stage in _ADDED:
            words, parameter = _ADDED[step.stage]
            amount = step.params.get(parameter, 0)
            if isinstance(amount, int | float) and amount:
                yield f"{words} {amount:g}"


def _pillar(shot: ShotPlan) -> int:
    """Black columns on either side of the master."""
    found = next((step.params.get("pillar", 0) for step in shot.steps if step.stage.startswith("upscale.")), 0)
    assert isinstance(found, int)
    return found


def _covered(regions: Sequence[Region], width: int, pillar: int) -> float:
    """Share of the picture inside some rectangles of the master's raster, each place counted once; all of it where none
    are named."""
    if not regions:
        return 1.0
    edge = 1000 * pillar / width
    sides = [(max(one.left, edge), one.top, min(one.right, 1000 - edge), one.bottom) for one in regions]
    across = sorted({side for left, _, right, _ in sides for side in (left, right)})
    area = 0.0
    for start, stop in pairwise(across):
        rows = sorted((top, bottom) for left, top, right, bottom in sides if left <= start and stop <= right)
        reached = 0
        for top, bottom in rows:
            area += max(bottom - max(top, reached), 0) * (stop - start)
            reached = max(reached, bottom)
    return area / (1000 * (1000 - 2 * edge))


def _share(parts: Iterator[tuple[FrameRange, float]], frames: FrameRange) -> float:
    """Share of the shot's pictures, weighted by area."""
    return sum(len(part.intersect(frames)) * area for part, area in parts) / max(len(frames), 1)
