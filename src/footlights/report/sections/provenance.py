"""Provenance: which share of every shot was recorded, filtered, interpolated, learned, repeated or generated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from footlights.core.provenance import ShotProvenance
from footlights.report.story import Story

_KINDS = ("recorded", "filtered", "interpolated", "learned", "repeated", "generated")
_COLUMNS, _HEIGHT = 240, 48
"""Of the strip."""


def content(story: Story) -> Mapping[str, object] | None:
    """A strip over the tape and a row per shot; nothing before there is a master."""
    found = story.result.provenance
    if not found:
        return None
    plan = story.result.plan
    lengths = [len(shot.slots) for shot in plan.shots] if plan else [1] * len(found)
    return {
        "rows": [_row(one) for one in found],
        "bars": list(_strip(found, lengths)),
        "size": (_COLUMNS, _HEIGHT),
        "kinds": _KINDS,
    }


def _strip(found: Sequence[ShotProvenance], lengths: Sequence[int]) -> Iterator[Mapping[str, object]]:
    """Bars of a strip in which time goes to the right and the shares of an instant are stacked; alike neighbours are
    one, so that there are at most `_COLUMNS` for each kind."""
    total, done = max(sum(lengths), 1), 0
    columns: list[tuple[float, ...]] = []
    for one, length in zip(found, lengths, strict=True):
        done += length
        shares = tuple(float(getattr(one, kind)) for kind in _KINDS)
        columns.extend([shares] * (round(done * _COLUMNS / total) - len(columns)))
    start = 0
    for alike, run in groupby(columns):
        width, top = len(list(run)), 0.0
        for kind, share in zip(_KINDS, alike, strict=True):
            place = {"y": round(top * _HEIGHT, 2), "height": round(share * _HEIGHT, 2)}
            if share > 0:
                yield {"kind": kind, "x": start, "width": width, **place}
            top += share
        start += width


def _row(one: ShotProvenance) -> Mapping[str, object]:
    shares = [float(getattr(one, kind)) for kind in _KINDS]
    return {
        "shot": one.shot,
        "shares": ["" if share == 0 else f"{share:.2%}" for share in shares],
        "added": ", ".join(one.added) or "nothing",
    }
