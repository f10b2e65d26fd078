"""How evenly renditions spend, by their finished files: a row of `report.json`, sentences where a limit is broken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from footlights.core.encodes import Peak, RenditionRates

_CONTAINER = 1.005
"""Encodes are held to limits before they are cut into segments, whose boxes take a little more or less."""


def row(rates: RenditionRates) -> dict[str, Any]:
    """Highest segment and window as multiples of the average, the first frame of each, and what they may be."""
    segment, window = rates.segment, rates.window
    return {
        "kbit_per_second": round(rates.average * segment.times / 1000),
        "limit": round(rates.limit / 1000),
        "segment": round(segment.times, 3),
        "segment_start": segment.frames.start,
        "segment_cap": segment.cap,
        "window": window and round(window.times, 3),
        "window_start": window and window.frames.start,
        "window_cap": window and window.cap,
    }


def warnings(rates: Sequence[RenditionRates]) -> Iterator[str]:
    """A sentence for every limit that a finished rendition does not keep."""
    for one in rates:
        highest = one.average * one.segment.times
        if highest > one.limit * _CONTAINER:
            yield (
                f"{one.rung}: a segment has {highest / 1000:.0f} kbit/s, more than the {one.limit / 1000:.0f} of its "
                f"size (from frame {one.segment.frames.start}); players whose line just carries the rendition may halt"
            )
        for peak, what in ((one.segment, "a segment has"), (one.window, "five minutes have")):
            if peak is not None and is_over(peak):
                yield (
                    f"{one.rung}: {what} {peak.times:.2f} times the average rate of {one.average / 1000:.0f} kbit/s, "
                    f"{peak.cap:g} times are allowed (from frame {peak.frames.start}); parts come down no further than "
                    "encoding.slack below the target"
                )


def is_over(peak: Peak) -> bool:
    """Whether it breaks the limit of the mode."""
    return peak.cap is not None and peak.times > peak.cap * _CONTAINER
