"""The measurements as CSV (RFC 4180) for spreadsheets: a row per frame, and a row per shot."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass

import numpy as np

from footlights.core.products import JobResult
from footlights.core.time import timecode
from footlights.report.findings import Found
from footlights.report.story import Series

_FRAME_COLUMNS = 3
"""Columns of more numbers per frame than this are working material, not facts."""


def shots_csv(result: JobResult, found: Sequence[Found]) -> str:
    """A row per shot: every number of its reports as `report.field`, and its defects with their severity."""
    rate, slots = result.ingest.source.rate, result.ingest.slots
    rows: list[dict[str, object]] = []
    by_shot: dict[int | None, list[Found]] = defaultdict(list)
    for one in found:
        by_shot[one.shot].append(one)
    for report in result.survey.shots:
        shot = report.shot
        row: dict[str, object] = {
            "shot": shot.index,
            "start": shot.frames.start,
            "stop": shot.frames.stop,
            "timecode": timecode(slots[shot.frames.start], rate),
            "entry": shot.entry,
        }
        for part in fields(report):
            row.update(_numbers(part.name, getattr(report, part.name)))
        named = [f"{one.defect} ({one.severity.name.lower()})" for one in by_shot[shot.index]]
        rows.append({**row, "defects": "; ".join(named)})
    return _written(list(rows[0]) if rows else ["shot"], ([row.get(key, "") for key in rows[0]] for row in rows))


def frames_csv(result: JobResult, series: Series) -> Iterator[str]:
    """Lines of a table with a row per frame, an empty cell where a number was not measured."""
    names = sorted(name for name, column in series.items() if column.ndim == 1 or column.shape[1] <= _FRAME_COLUMNS)
    heads = [f"{name}.{i}" if series[name].ndim > 1 else name for name in names for i in range(_width(series, name))]
    yield _written(["frame", "slot", *heads])
    for frame in range(result.ingest.frames):
        values = np.concatenate([np.atleast_1d(series[name][frame]) for name in names]) if names else np.zeros(0)
        cells = ["" if not np.isfinite(value) else f"{value:.6g}" for value in values]
        yield _written([frame, result.ingest.slots[frame], *cells])


def _width(series: Series, name: str) -> int:
    return series[name].shape[1] if series[name].ndim > 1 else 1


def _numbers(name: str, part: object) -> Iterator[tuple[str, object]]:
    if name == "shot" or not is_dataclass(part):
        return
    for one in fields(part):
        value = getattr(part, one.name)
        if isinstance(value, bool | int | float | str) and one.name != "measured_by":
            yield f"{name}.{one.name}", value


def _written(head: Sequence[object], rows: Iterable[Sequence[object]] = ()) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue()
