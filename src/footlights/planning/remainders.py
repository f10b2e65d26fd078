"""What stands behind the net: how much of the fields' own detail is kept, how strongly neighbours steady a picture."""

from __future__ import annotations

from footlights.core.plans import Step, Value
from footlights.core.reports import Remainder, ShotReport
from footlights.core.source import Source
from footlights.core.subcarrier import of_raster
from footlights.planning.repairs import TRACES
from footlights.restoration.base import STAGES
from footlights.settings import DenoiseSettings

LEFT = 0.6
"""Sigma in codes that the net may leave before more than the nearest pictures steady it."""
KEPT = 0.5
"""Share of the fields' own detail beyond noise that is kept: the net redraws thin lines softer or stronger than they
were, the field shows them with noise, and the mean of two estimates errs less than either."""
COLOUR_KEPT = 0.3
"""The same share of chroma, of tapes whose colour is clean: beyond it small errors of the tape's colour come back."""
CLEAN_COLOUR = 2.0
"""Codes of chroma noise up to which a tape's colour is clean."""
CRAWL = 0.3
"""Codes of dot crawl from which a field's own lines cannot be trusted."""
_MOSTLY = 0.5
"""Share of what lies on the subcarrier that colour has to explain before lines without it can be trusted there."""
_HIDDEN = 2.0
"""What the net leaves is coarser than what it was given and lies along edges: flat blocks show about half of it
(docs/decisions/20261129-noise-behind-the-net.md)."""
_MOST = 2.5
"""Luma sigma beyond which the filter would take unlike places of a crowd for errors of the net."""


def kept_detail(dot_crawl: float) -> float:
    """Share of the fields' own detail to keep on a shot with so many codes of dot crawl."""
    return KEPT if dot_crawl < CRAWL else 0.0


def kept_colour(report: ShotReport, chroma_sigma: float) -> float:
    """Share of the fields' own chroma detail to keep, none where noise or stripes of luma would come back with it."""
    clean = chroma_sigma <= CLEAN_COLOUR and report.composite.cross_colour < TRACES
    return COLOUR_KEPT if clean else 0.0


def composite(report: ShotReport) -> bool:
    """Whether a shot shows traces of a composite connection."""
    return max(report.composite.dot_crawl, report.composite.cross_colour) >= TRACES


def carrier_left(report: ShotReport, source: Source) -> float:
    """Cycles a sample of the colour subcarrier whose traces an interlaced shot shows; 0 where it shows none."""
    carrier = of_raster(source.width, source.height // 2 * 2)
    return round(carrier.cycles, 6) if carrier and composite(report) else 0.0


def carrier_held(report: ShotReport, source: Source, *, dots_out: bool) -> float:
    """The same for lines that pictures are held to, `dots_out` whether `composite.dots` went over them: where colour
    explains most of what lies on the subcarrier, little of it is left to bring back."""
    clean = dots_out and report.composite.explained >= _MOSTLY and report.composite.dot_crawl < CRAWL
    return 0.0 if clean else carrier_left(report, source)


def behind_net(settings: DenoiseSettings, noise: tuple[float, float], left: Remainder | None) -> Step:
    """The pictures of the net, steadied by their neighbours; by more of them where the net was seen to leave noise.

    `noise` is the tape's, in luma and in chroma, in 8-bit codes.
    """
    (sigma, chroma_sigma), radius = noise, 1
    found = f"the net errs otherwise in every field; tape noise {sigma:.2f} codes in luma, {chroma_sigma:.2f} in chroma"
    if left is not None:
        found = f"{found}; the net leaves {left.luma_sigma:.2f} and {left.chroma_sigma:.2f}"
        sigma, chroma_sigma = max(sigma, _HIDDEN * left.luma_sigma), max(chroma_sigma, _HIDDEN * left.chroma_sigma)
        if max(left.luma_sigma, left.chroma_sigma) >= LEFT:
            radius = settings.radius
            found = f"{found}, {LEFT} or more: {radius} pictures on each side"
    params: dict[str, Value] = {
        "radius": radius,
        "strength": settings.strength,
        "sigma": round(min(sigma, _MOST), 3),
        "chroma_sigma": round(min(chroma_sigma, 60.0), 3),
    }
    return Step("denoise.steady", STAGES.get("denoise.steady").version, params, found)
