"""The worst moments of a tape, defect by defect: which frames a person should look at first. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from footlights.core.defects import Defect
from footlights.core.reports import Survey
from footlights.report.findings import of_gap

MOST = 20
"""Moments of one list."""
_GAPS = "Lost, repeated and damaged frames"
_LEAST = {Defect.NOISE: 1.0, Defect.COMBING: 4.0, Defect.FLICKER: 4.0}
"""Codes below which a list would show nothing worth looking at."""
Series = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Moment:
    """A frame in one of the lists."""

    title: str
    """Of the list."""
    defect: Defect
    frame: int
    """Ingest frame number."""
    value: str
    """What was measured there, with its unit."""


def moments(survey: Survey, series: Series, rate: Fraction) -> tuple[Moment, ...]:
    """Up to `MOST` frames of every list, the worst first, never two of one list within a second (but for gaps)."""
    return (
        *_gaps(survey),
        *_dropouts(series, rate),
        *_highest(Defect.NOISE, "Noise", series.get("noise.luma"), rate, "sigma {:.1f} codes"),
        *_highest(Defect.COMBING, "Combing", _combing(survey, series), rate, "fields {:.1f} codes apart"),
        *_highest(
            Defect.FLICKER,
            "Flicker, strobes among it",
            _flicker(survey, series),
            rate,
            "{:.0f} codes brighter or darker",
        ),
    )


def flicker(mean: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far each frame's mean brightness lies from the mean of its two neighbours, in codes; unknown at the ends."""
    found = np.full(mean.shape, np.nan, np.float32)
    found[1:-1] = np.abs(mean[1:-1] - (mean[:-2] + mean[2:]) / 2)
    return found


def _gaps(survey: Survey) -> Iterator[Moment]:
    longest = sorted(survey.gaps, key=lambda gap: (-len(gap.slots), gap.slots.start))[:MOST]
    for gap in longest:
        for found in of_gap(gap, survey):
            yield Moment(_GAPS, found.defect, found.frames.start, found.value)


def _dropouts(series: Series, rate: Fraction) -> Iterator[Moment]:
    count, area = series.get("dropouts.count"), series.get("dropouts.area")
    if count is None or area is None:
        return
    struck = np.where(np.nan_to_num(count) > 0, np.nan_to_num(area), np.float32(0))
    for frame in _apart(struck, 0.0, rate):
        yield Moment("Dropouts", Defect.DROPOUT, frame, f"{count[frame]:.0f} streaks, {area[frame]:.2%} of the picture")


def _highest(
    defect: Defect, title: str, values: NDArray[np.float32] | None, rate: Fraction, words: str
) -> Iterator[Moment]:
    if values is not None:
        for frame in _apart(np.nan_to_num(values), _LEAST[defect], rate):
            yield Moment(title, defect, frame, words.format(float(values[frame])))


def _apart(values: NDArray[np.float32], least: float, rate: Fraction) -> Sequence[int]:
    """Frames of the highest values above `least`, none within a second of a higher one."""
    chosen: list[int] = []
    reach = max(round(rate), 1)
    taken = np.zeros(len(values), np.bool_)
    for frame in np.argsort(-values, kind="stable").tolist():
        if len(chosen) == MOST or values[frame] <= least:
            break
        if not taken[frame]:
            chosen.append(frame)
            taken[max(frame - reach, 0) : frame + reach + 1] = True
    return chosen


def _combing(survey: Survey, series: Series) -> NDArray[np.float32] | None:
    distance = series.get("cadence.distance")
    return distance[:, 0] if distance is not None and survey.field_order.interlaced else None


def _flicker(survey: Survey, series: Series) -> NDArray[np.float32] | None:
    """Within shots: across a cut the light has changed."""
    mean = series.get("exposure.mean")
    if mean is None:
        return None
    found = flicker(mean)
    for report in survey.shots[1:]:
        start = report.shot.frames.start
        found[start - 1 : start + 1 + report.shot.first_field] = np.nan
    return found
