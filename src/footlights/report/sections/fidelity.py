"""Fidelity: what is left when the master is pushed back to the tape."""

from __future__ import annotations

from collections.abc import Mapping

from footlights.core.redegraded import LIMIT, ShotFidelity, StrengthTrial
from footlights.report.story import Story


def content(story: Story) -> Mapping[str, object] | None:
    """A row per shot, the least explained first; nothing before there is a master."""
    found = story.result.fidelity
    if not found:
        return None
    compared = sorted((one for one in found if one.samples), key=lambda one: -one.ratio)
    return {
        "rows": [_row(one) for one in compared],
        "left_out": [(one.shot, one.why) for one in found if not one.samples],
        "explained": sum(one.explained for one in compared),
        "compared": len(compared),
        "undecided": sum(one.undecided for one in compared),
        "limit": f"{LIMIT:g}",
        "tried": [_tried(one) for one in story.result.trials],
    }


def _tried(one: StrengthTrial) -> Mapping[str, object]:
    changes = [f"{knob.stage} {knob.parameter} {knob.planned:g} → {knob.kept:g}" for knob in one.knobs if knob.changed]
    return {
        "shot": one.shot,
        "changes": ", ".join(changes) or "nothing: it would not have been enough",
        "ratios": [f"{one.measured:.2f}", f"{one.foretold:.2f}", f"{one.least:.2f}"],
    }


def _row(one: ShotFidelity) -> Mapping[str, object]:
    return {
        "shot": one.shot,
        "explained": one.explained,
        "undecided": one.undecided,
        "numbers": [f"{one.residual:.2f}", f"{one.noise:.2f}", f"{one.ratio:.2f}", f"{one.high:.2f}"],
        "edges": f"{one.edges:.0%}",
    }
