"""How the renditions were made: rate and quality of every trial, and the parts that are hardest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from footlights.core.encodes import ChunkEncode, EncodePlan, Probe
from footlights.core.time import clock
from footlights.report.rdplot import rd_plot
from footlights.report.story import Story

_MOST = 40
"""Rows of a table; all parts are in report.json."""


def content(story: Story) -> Mapping[str, object] | None:
    """Plots and tables; None where no stream was made."""
    return ladder(story.result.encode_plan, story.result.encodes)


def ladder(plan: EncodePlan | None, encodes: Sequence[ChunkEncode]) -> Mapping[str, object] | None:
    """The same from a plan and its encodes alone."""
    if plan is None or not encodes:
        return None
    rate = float(plan.rate)
    found = []
    for rung in plan.rungs:
        chunks = [one for one in encodes if one.rung == rung.name]
        if chunks:
            hardest = sorted(chunks, key=lambda one: one.chosen.bytes / len(one.frames), reverse=True)[:_MOST]
            found.append(
                {
                    "name": f"{rung.name} ({rung.width}×{rung.height})",
                    "plot": Markup(rd_plot(rung.name, chunks, rate)),  # noqa: S704 - numbers and an escaped name
                    "rows": [_row(one, rate) for one in sorted(hardest, key=lambda one: one.frames.start)],
                    "more": len(chunks) - len(hardest),
                }
            )
    return {"rungs": found, "left_out": plan.left_out}


def _row(encode: ChunkEncode, rate: float) -> Mapping[str, object]:
    chosen = encode.chosen
    return {
        "at": clock(encode.frames.start / rate),
        "seconds": f"{len(encode.frames) / rate:.1f}",
        "q": f"{chosen.q:g}",
        "rate": round(chosen.bytes * 8 * rate / len(encode.frames) / 1000),
        "mean": f"{chosen.mean:.1f}",
        "low": f"{chosen.low:.1f}",
        "second": "" if chosen.second is None else f"{chosen.second:.1f}",
        "miss": f"{chosen.score - encode.target:+.2f}" if encode.target else "",
        "colour": "" if chosen.colour is None else f"{chosen.colour:.1f}",
        "banding": f"{chosen.banding:.1f}",
        "trials": ", ".join(f"{one.q:g} ({one.why})" if one.why else f"{one.q:g}" for one in _tried(encode)),
        "outcome": encode.outcome if encode.bands == "few" else f"{encode.outcome}, banding {encode.bands}",
    }


def _tried(encode: ChunkEncode) -> tuple[Probe, ...]:
    """The proxy first, where there is one."""
    return encode.probes if encode.proxy is None else (encode.proxy, *encode.probes)
