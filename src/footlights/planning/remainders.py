"""What follows from the noise that the net was seen to leave in a shot: a filter behind it, or more of the tape."""

from __future__ import annotations

from footlights.config import DenoiseSettings
from footlights.core.plans import Skipped, Step, Value
from footlights.core.reports import Remainder
from footlights.restoration.base import STAGES

LEFT = 0.6
"""Sigma in codes that the net may leave before a filter follows it."""
KEPT = 0.5
"""Share of the fields' own detail beyond noise that is kept: the net redraws thin lines softer or stronger than they
were, the field shows them with noise, and the mean of two estimates errs less than either."""
CRAWL = 0.3
"""Codes of dot crawl from which a field's own lines cannot be trusted."""
_HIDDEN = 2.0
"""What the net leaves is coarser than what it was given and lies along edges: flat blocks show about half of it
(docs/decisions/20261129-noise-behind-the-net.md)."""


def kept_detail(dot_crawl: float) -> float:
    """Share of the fields' own detail to keep on a shot with so many codes of dot crawl."""
    return KEPT if dot_crawl < CRAWL else 0.0


def behind_net(settings: DenoiseSettings, left: Remainder | None) -> Step | Skipped:
    """The noise filter after the net, where the net was seen to leave noise."""
    if left is None:
        return Skipped("denoise.motion", "the net takes noise away along the motion; what it leaves was not measured")
    found = f"the net leaves {left.luma_sigma:.2f} codes of noise in luma, {left.chroma_sigma:.2f} in chroma"
    if max(left.luma_sigma, left.chroma_sigma) < LEFT:
        return Skipped("denoise.motion", f"{found}: less than {LEFT}")
    params: dict[str, Value] = {
        "radius": settings.radius,
        "strength": settings.strength,
        "levels": (128.0,),
        "sigmas": (round(_HIDDEN * left.luma_sigma, 3),),
        "chroma_sigma": round(min(_HIDDEN * left.chroma_sigma, 60.0), 3),
    }
    return Step(
        "denoise.motion",
        STAGES.get("denoise.motion").version,
        params,
        f"{found}, measured on pictures it made; what is left hides in detail and is reckoned {_HIDDEN:g} times that",
    )
