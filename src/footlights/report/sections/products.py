"""What was made: renditions, checks, work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from footlights.core.products import Check
from footlights.report.story import Story
from footlights.report.summary import renditions


def content(story: Story) -> Mapping[str, object]:
    """Rows of its three tables."""
    result = story.result
    rows = renditions(result.encode_plan, result.encodes, result.rates)
    return tables(list(rows), result.checks, result.timings)


def tables(
    rows: Sequence[Mapping[str, Any]], checks: Sequence[Check], timings: Mapping[str, float]
) -> Mapping[str, object]:
    """The same without a story; `rows` are those of `report.json`."""
    return {
        "renditions": [_rendition(row) for row in rows],
        "checks": checks,
        "timings": [(name, f"{seconds:.1f}") for name, seconds in sorted(timings.items())],
    }


def _rendition(row: Mapping[str, Any]) -> Mapping[str, object]:
    return {
        "name": f"{row['name']} ({row['width']}×{row['height']})",
        "rate": row["kbit_per_second"],
        "peaks": _peaks(row["peaks"]),
        "q": row["q"],
        "mean": row["vmaf_mean"],
        "low": row["vmaf_low"],
        "second": "" if row["vmaf_second"] is None else row["vmaf_second"],
        "worst": row["vmaf_worst"],
        "trials": row["probes"],
        "outcome": ", ".join(f"{name} {number}" for name, number in row["outcomes"].items()),
        "grain": grain_words(row["grain"]),
    }


def _peaks(row: Mapping[str, Any] | None) -> str:
    """Highest segment, and highest five minutes of longer programmes."""
    if not row:
        return ""
    return f"{row['segment']:.2f}" + (f" / {row['window']:.2f}" if row["window"] else "")


def grain_words(row: Mapping[str, Any]) -> str:
    """What became of a rendition's grain, in words."""
    if not row:
        return "as in the pictures"
    words = [", ".join(f"{name} {number}" for name, number in row["outcomes"].items())]
    if row["sigma"]:
        error = f"strength within {row['sigma_error']:.1%}, shape within {row['shape_error']:.2f}"
        steady = f"{row['pumping']:+.1%} in key frames"
        words.append(f"drawn {row['sigma']:.2f} codes in the mean, {error}, {steady}")
    if row["measured_kept"]:
        words.append(f"kept {row['kept_drawn']:.2f} of {row['kept_sigma']:.2f} codes in the mean")
    return "; ".join(words)
