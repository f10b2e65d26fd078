"""Rule for the outlines beside edges: undone where the edges of the whole tape agree that there are some. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from footlights.core.plans import Skipped, Step, Value
from footlights.core.reports import Survey
from footlights.core.tape_reports import HaloReport
from footlights.metrics.halos import Edges, Profile, common, equalised, equaliser, overshoot, together
from footlights.restoration.base import STAGES
from footlights.settings import Settings

SEEN = 0.045
"""Overshoot, mean of both sides, from which it is undone: what edges up and down share on tapes that a camera sharpened
by 1.2 dB comes to 0.03, to 0.065 and more on those that show it (benchmarks/halos.py)."""
_LEAST, _OWN = 60, 150
"""Edges in each direction: of the whole tape that tell of it, and with which a shot may have an answer of its own."""
TIMES, BEFORE_NET = 2.0, 1.5
"""How many times over the least change is made: what both directions share, by a filter that is bound to do little, is
about half of the halo. The net learned tapes of decks that peak, and does the rest itself
(docs/decisions/20261129-halos.md)."""
_APART = 0.05
"""Overshoot by which that must differ: another camera, or an edit from another tape."""


@dataclass(frozen=True, slots=True)
class TapeHalos:
    """The edges of all shots together."""

    up: Edges
    down: Edges

    @property
    def edges(self) -> int:
        """In the direction that has fewer."""
        return min(self.up.number, self.down.number)

    @property
    def profile(self) -> Profile:
        return common(self.up, self.down)

    @property
    def overshoot(self) -> float:
        """Mean of both sides."""
        return float(np.mean(overshoot(self.profile)))


def of_tape(survey: Survey) -> TapeHalos:
    """The edges of all shots of a tape."""
    return of_shots([one.halos for one in survey.shots])


def of_shots(shots: Sequence[HaloReport]) -> TapeHalos:
    """The mean of the shots' edges, by their number."""
    return TapeHalos(
        together([Edges(np.array(one.up), one.edges[0]) for one in shots if one.edges[0]]),
        together([Edges(np.array(one.down), one.edges[1]) for one in shots if one.edges[1]]),
    )


def rule(tape: TapeHalos, own: HaloReport, settings: Settings, *, net: bool) -> Step | Skipped:
    """Equalise a shot's lines by what the tape shows, or by what it shows itself where that is something else. `net`:
    FieldLift comes behind it."""
    name, strength = "halos.equalise", settings.restoration.halos.strength
    found, whose = tape, "of all shots"
    if min(own.edges) >= _OWN and abs((own.before + own.behind) / 2 - tape.overshoot) > _APART:
        found, whose = of_shots([own]), "of this shot, unlike the others"
    if found.edges < _LEAST:
        return Skipped(name, f"{found.edges} steep, free-standing edges in one direction: too few to tell")
    profile = found.profile
    before, behind = overshoot(profile)
    count = found.up.number + found.down.number
    evidence = f"halos {before:.1%} of the step before and {behind:.1%} behind {count} edges {whose}"
    if found.overshoot < SEEN:
        return Skipped(name, f"{evidence}: no more than scenes have of their own")
    if strength == 0:
        return Skipped(name, "restoration.halos.strength = 0")
    taps = equaliser(profile, BEFORE_NET if net else TIMES)
    left = " and ".join(f"{one:.1%}" for one in overshoot(equalised(profile, taps)))
    params: dict[str, Value] = {"taps": tuple(round(float(tap), 5) for tap in taps), "strength": strength}
    return Step(name, STAGES.get(name).version, params, f"{evidence}; {left} are left at full strength")
