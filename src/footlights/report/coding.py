"""Which compression a shot went through, by its pictures, against what its file tells of its own. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from footlights.core.defects import Defect
from footlights.core.reports import ShotReport, Survey
from footlights.core.source import Ingest

_SURE = 0.5
_COARSER = 1.5
"""Times the file's own steps from which it was another compression that left those of the pictures."""
_LOSSLESS = frozenset({"ffv1", "huffyuv", "ffvhuff", "utvideo", "rawvideo", "v210", "v308", "r210", "magicyuv", "png"})
_NAMES = {
    "flat": "of one size",
    "mpeg": "of MPEG's intra matrix",
    "dv": "of DV's weights",
    "jpeg": "of JPEG's table",
}
_LINES = {"frame": "of frame lines", "field": "of field lines", "macroblock": "of either field or frame lines"}


def compressed(survey: Survey, ingest: Ingest) -> Iterator[tuple[ShotReport, Defect, float, str]]:
    """Shots whose pictures show a quantiser: its step in codes and all of it in words."""
    own = median([scale for scale in ingest.quantisers if scale] or [0.0])
    for report in survey.shots:
        found = report.quantiser
        if found.step and found.confidence >= _SURE:
            evidence = (
                f"steps {_NAMES[found.matrix]}, {found.step:g} codes, in blocks {_LINES[found.lines]} on "
                f"{found.frames} of {found.looked} frames looked at"
            )
            yield report, Defect.QUANTISATION, found.step, f"{evidence}; {_whose(found.step, own, ingest.source.codec)}"


def _whose(step: float, own: float, codec: str) -> str:
    """Whether the file's own coder did it."""
    if codec in _LOSSLESS:
        return f"compressed before it was stored as {codec}"
    if own and step > _COARSER * own:
        return f"an earlier generation: {codec} of this file has {own:.1f}"
    return f"{codec} of this file" if own else f"{codec} of this file or an earlier compression"
