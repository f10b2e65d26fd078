"""The defect map: one row per defect, time from left to right, colour for severity. SVG text without a script."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from html import escape
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from footlights.core.defects import Defect
from footlights.core.reports import Survey
from footlights.report.dictionary import DICTIONARY
from footlights.report.findings import Found
from footlights.report.plots import LEFT, WIDTH, cuts, time_axis

COLUMNS = 900
"""Columns of the map, however long the tape: each shows the worst of its frames."""
_ROW, _TOP = 20, 8
_MOST_LINKS = 300
_CLASSES = ("", "one", "two", "three")
_LIGHTS = {
    "white": "#d8d4c8", "red": "#c0392b", "amber": "#d68910", "yellow": "#cdbb2a", "green": "#3d9140",
    "cyan": "#2a9d9d", "blue": "#3455b4", "magenta": "#a63d9c", "dark": "#3a3a42",
}  # fmt: skip

Levels = NDArray[np.int8]
"""Severity per column, 0 for none."""


def rows(survey: Survey, found: Sequence[Found], counts: NDArray[np.float32] | None = None) -> Mapping[Defect, Levels]:
    """Severity of every defect found, per column, in the order of their names.

    `counts` are dropouts per frame: a shot with a few is not marked as a whole, but where they are.
    """
    columns = min(COLUMNS, max(survey.frames, 1))
    made: dict[Defect, Levels] = {}
    for one in found:
        row = made.setdefault(one.defect, np.zeros(columns, np.int8))
        inside = _columns(one.frames.start, one.frames.stop, survey.frames, columns)
        row[inside] = np.maximum(row[inside], one.severity)
    if Defect.DROPOUT in made and counts is not None:
        hit = np.zeros(columns, np.bool_)
        for frame in np.flatnonzero(np.nan_to_num(counts) > 0):
            hit[_columns(int(frame), int(frame) + 1, survey.frames, columns)] = True
        made[Defect.DROPOUT] = np.where(hit, made[Defect.DROPOUT], 0).astype(np.int8)
    return {defect: made[defect] for defect in Defect if defect in made}


def draw(survey: Survey, rate: Fraction, levels: Mapping[Defect, Levels]) -> str:
    """The map as an SVG element; names of defects link to the page's dictionary, shots to their description."""
    height = _TOP + _ROW * (len(levels) + 1) + 22
    starts = [report.shot.frames.start for report in survey.shots]
    parts = [*_shots(survey), cuts(starts, survey.frames, _TOP, height - 20)]
    for number, (defect, row) in enumerate(levels.items(), 1):
        top = _TOP + number * _ROW
        parts.append(
            f'<a href="#defect-{defect}"><text class="axis end" x="{LEFT - 6}" y="{top + 13}">'
            f"{escape(DICTIONARY[defect].title)}</text></a>"
        )
        parts.extend(_runs(row, top))
    label = f"Defect map: {len(survey.shots)} shots, {len(levels)} defects"
    return (
        f'<svg class="plot" data-frames="{survey.frames}" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{label}">{"".join(parts)}{time_axis(survey.frames, rate, height)}</svg>'
    )


def _columns(start: int, stop: int, frames: int, columns: int) -> slice:
    first = start * columns // max(frames, 1)
    return slice(first, max(-(-stop * columns // max(frames, 1)), first + 1))


def _runs(row: Levels, top: int) -> Iterator[str]:
    """One path per severity, so that ten thousand specks stay a small page."""
    step = (WIDTH - LEFT) / len(row)
    for severity in (1, 2, 3):
        path, start = "", 0
        for same, group in groupby(row == severity):
            length = len(list(group))
            if same:
                wide = max(length * step, 1.5)
                path += f"M{LEFT + start * step:.0f} {top}h{wide:.1f}v{_ROW - 5}h{-wide:.1f}z"
            start += length
        if path:
            yield f'<path class="{_CLASSES[severity]}" d="{path}"/>'


def _shots(survey: Survey) -> Iterator[str]:
    yield f'<text class="axis end" x="{LEFT - 6}" y="{_TOP + 13}">Shots</text>'
    to_x = (WIDTH - LEFT) / max(survey.frames, 1)
    if len(survey.shots) > _MOST_LINKS:
        yield from _light(survey)
        return
    for report in survey.shots:
        frames = report.shot.frames
        left, width = LEFT + frames.start * to_x, max(len(frames) * to_x - 1, 1)
        label = (
            f"Shot {report.shot.index}: frames {frames.start} to {frames.stop}, {report.exposure.light} light, "
            f"begins by {report.shot.entry}"
        )
        yield (
            f'<a href="#shot-{report.shot.index}"><rect x="{left:.1f}" y="{_TOP}" width="{width:.1f}" '
            f'height="{_ROW - 5}" fill="{_LIGHTS.get(report.exposure.light, "#888")}">'
            f"<title>{escape(label)}</title></rect></a>"
        )


def _light(survey: Survey) -> Iterator[str]:
    """Of very many shots only the colour of their light, by columns."""
    starts = np.array([report.shot.frames.start for report in survey.shots])
    middles = (np.arange(COLUMNS) + 0.5) * survey.frames / COLUMNS
    lights = [survey.shots[int(i)].exposure.light for i in np.searchsorted(starts, middles, side="right") - 1]
    step, start = (WIDTH - LEFT) / COLUMNS, 0
    for light, group in groupby(lights):
        length = len(list(group))
        yield (
            f'<rect x="{LEFT + start * step:.1f}" y="{_TOP}" width="{length * step:.1f}" height="{_ROW - 5}" '
            f'fill="{_LIGHTS.get(light, "#888")}"/>'
        )
        start += length
