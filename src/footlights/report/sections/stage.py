"""Cameras and light: who took the shots, under what light, and the strobes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from statistics import median

from footlights.core.reports import ShotReport
from footlights.core.time import timecode
from footlights.report.story import Story

_MOST = 40
"""Rows of a table; all are in report.json."""


def content(story: Story) -> Mapping[str, object] | None:
    """Tables of cameras, lights and strobes; None where they were not looked for."""
    survey, ingest = story.result.survey, story.result.ingest
    stage = survey.stage
    if stage is None or not survey.shots:
        return None
    flashes = [
        (timecode(ingest.slots[one.start], ingest.source.rate), one.stop - one.start, one.flashes)
        for one in stage.strobes[:_MOST]
    ]
    return {
        "cameras": [_camera(*item) for item in _sorted(survey.shots, stage.cameras)],
        "lights": [_light(*item) for item in _sorted(survey.shots, stage.lights)],
        "haze": f"{median(stage.haze):.0%}",
        "strobes": flashes,
        "more": len(stage.strobes) - len(flashes),
    }


def _sorted(shots: tuple[ShotReport, ...], numbers: tuple[int, ...]) -> list[tuple[int, list[ShotReport]]]:
    groups: dict[int, list[ShotReport]] = defaultdict(list)
    for report, number in zip(shots, numbers, strict=True):
        groups[number].append(report)
    return sorted(groups.items())


def _camera(number: int, shots: list[ShotReport]) -> tuple[object, ...]:
    return (
        number,
        len(shots),
        sum(len(one.shot.frames) for one in shots),
        f"{median(one.noise.luma_sigma for one in shots):.1f}",
        f"{median(one.sharpness.lines for one in shots):.0f}",
    )


def _light(number: int, shots: list[ShotReport]) -> tuple[object, ...]:
    longest = max(shots, key=lambda one: len(one.shot.frames)).exposure
    frames = sum(len(one.shot.frames) for one in shots)
    return number, len(shots), frames, longest.light, f"{longest.luma_median:.0f}"
