"""What shots of one camera under one light share: their noise, measured better together than one by one."""

from __future__ import annotations

from collections import defaultdict
from math import log2

from footlights.core.reports import ShotReport, Survey

_UNLIKE = 0.35
"""Octaves between a shot's own noise and that of its group from which it keeps its own: 27 per cent."""


def noise_of(survey: Survey) -> tuple[tuple[float, str], ...]:
    """Luma sigma in codes for every shot, and how it was come by."""
    stage = survey.stage
    if stage is None:
        return tuple(_own(report) for report in survey.shots)
    keys = list(zip(stage.cameras, stage.lights, strict=True))
    groups: dict[tuple[int, int], list[tuple[float, int]]] = defaultdict(list)
    for report, key in zip(survey.shots, keys, strict=True):
        if report.noise.confidence > 0:
            groups[key].append((report.noise.luma_sigma, len(report.shot.frames)))
    medians = {key: _median(values) for key, values in groups.items() if len(values) > 1}
    return tuple(
        _shared(report, key, medians[key], len(groups[key])) if key in medians else _own(report)
        for report, key in zip(survey.shots, keys, strict=True)
    )


def _own(report: ShotReport) -> tuple[float, str]:
    return report.noise.luma_sigma, f"noise.luma_sigma {report.noise.luma_sigma:.2f} codes"


def _shared(report: ShotReport, group: tuple[int, int], sigma: float, count: int) -> tuple[float, str]:
    own = report.noise.luma_sigma
    if report.noise.confidence > 0 and abs(log2((own + 0.1) / (sigma + 0.1))) > _UNLIKE:
        return _own(report)
    who = f"of {count} shots by camera {group[0]} under light {group[1]} together"
    return sigma, f"noise.luma_sigma {sigma:.2f} codes {who} (alone {own:.2f})"


def _median(values: list[tuple[float, int]]) -> float:
    """Median by weight: the value at which half of all frames is reached."""
    half, reached = sum(weight for _, weight in values) / 2, 0
    for value, weight in sorted(values):
        reached += weight
        if reached >= half:
            return value
    return 0.0
