"""What became of the grain of renditions, and where it is not what it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from footlights.core.encodes import ChunkEncode, GrainEncode
from footlights.core.wording import counted, do, out_of

LEAST_LEFT = 0.9
"""Of the strength of grain that is kept in the pictures."""
_MOST: tuple[tuple[str, float, Callable[[GrainEncode], float]], ...] = (
    ("strength, in the mean over brightnesses,", 0.05, lambda grain: grain.error),
    ("strength at some brightness", 0.10, lambda grain: grain.worst_bin),
    ("shape (root mean square of its autocorrelation)", 0.08, lambda grain: grain.shape_error),
)
"""What drawn grain may be off by."""
_MOST_PUMPING = 0.05


def figures(chunks: Sequence[GrainEncode]) -> dict[str, Any]:
    """Of a rendition; empty where nothing is known of its grain."""
    if not chunks:
        return {}
    coded = [grain for grain in chunks if grain.outcome == "coded"]
    kept = [grain for grain in chunks if _measured(grain)]
    return {
        "outcomes": dict(Counter(grain.outcome for grain in chunks)),
        "reasons": sorted({grain.why for grain in chunks if grain.outcome == "kept"})[:5],
        "sigma": round(_mean([grain.sigma for grain in coded]), 3),
        "sigma_error": round(max((grain.error for grain in coded), default=0.0), 4),
        "worst_bin": round(max((grain.worst_bin for grain in coded), default=0.0), 4),
        "shape_error": round(max((grain.shape_error for grain in coded), default=0.0), 4),
        "pumping": round(_mean([grain.pumping for grain in coded]), 4),
        "drawn_correlation": round(_mean([grain.drawn_correlation for grain in coded]), 4),
        "kept_sigma": round(_mean([grain.sigma for grain in kept]), 3),
        "kept_drawn": round(_mean([grain.drawn for grain in kept]), 3),
        "left": round(min((_left(grain) for grain in kept), default=1.0), 4),
        "measured_kept": len(kept),
    }


def shortfalls(rung: str, chunks: Sequence[ChunkEncode]) -> Iterator[str]:
    """A sentence for each way in which the grain of a rendition is not what it was."""
    kept = [(one, one.grain) for one in chunks if one.grain is not None and _measured(one.grain)]
    lost = [(one, grain) for one, grain in kept if _left(grain) < LEAST_LEFT]
    if lost:
        chunk, worst = min(lost, key=lambda pair: _left(pair[1]))
        yield (
            f"{rung}: of the grain that {do(len(lost), len(chunks), 'keeps', 'keep')} in the pictures less than "
            f"{LEAST_LEFT:.0%} is left ({worst.drawn:.2f} of {worst.sigma:.2f} codes at the least, from frame "
            f"{chunk.frames.start}): the encoder smooths it away; a higher encoding.target leaves more of it, strong "
            "grain is drawn by decoders with encoding.grain=auto"
        )
    yield from _drawn(rung, [(one, one.grain) for one in chunks if one.grain and one.grain.outcome == "coded"])


def _drawn(rung: str, coded: Sequence[tuple[ChunkEncode, GrainEncode]]) -> Iterator[str]:
    """Of grain that decoders draw."""
    for what, most, value in _MOST:
        off = [(one, grain) for one, grain in coded if value(grain) > most]
        if off:
            chunk, worst = max(off, key=lambda pair: value(pair[1]))
            yield (
                f"{rung}: the grain drawn in {out_of(len(off), len(coded))} is off in {what} by more than {most:g}, "
                f"{value(worst):.2f} at most, from frame {chunk.frames.start}"
            )
    # One key frame tells little: its grain comes from one small random texture.
    step = _mean([grain.pumping for _, grain in coded])
    if abs(step) > _MOST_PUMPING:
        yield (
            f"{rung}: grain is {abs(step):.0%} {'stronger' if step > 0 else 'weaker'} in key frames than around them, "
            f"in the mean of {counted(len(coded), 'part')}, and may be seen to pump"
        )


def _measured(grain: GrainEncode) -> bool:
    return grain.outcome == "kept" and grain.sigma > 0


def _left(grain: GrainEncode) -> float:
    return grain.drawn / grain.sigma


def _mean(values: Sequence[float]) -> float:
    return sum(values) / max(len(values), 1)
