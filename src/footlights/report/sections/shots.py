"""Shots: a picture, what was measured, what was decided and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from footlights.core.reports import NoiseReport, ShotReport
from footlights.core.time import timecode
from footlights.report.dictionary import DICTIONARY
from footlights.report.findings import Found
from footlights.report.pictures import data_url
from footlights.report.shown import shown_shots
from footlights.report.story import Story


def content(story: Story) -> Mapping[str, object]:
    """The gaps, and the shots that are shown."""
    survey = story.result.survey
    shown = shown_shots(survey)
    found: dict[int | None, list[Found]] = defaultdict(list)
    for one in story.found:
        found[one.shot].append(one)
    return {
        "gaps": survey.gaps[:_MOST_GAPS],
        "more_gaps": max(len(survey.gaps) - _MOST_GAPS, 0),
        "shots": [
            _shot(report, story, found[report.shot.index]) for report in survey.shots if report.shot.index in shown
        ],
        "more": len(survey.shots) - len(shown),
    }


_MOST_GAPS = 500
"""Gaps listed on the page; all are in the report's JSON."""
_MOST_FOUND = 12


def _shot(report: ShotReport, story: Story, found: Sequence[Found]) -> Mapping[str, object]:
    shot, ingest = report.shot, story.result.ingest
    plan, picture = story.plans.get(shot.index), story.pictures.shots.get(shot.index)
    return {
        "index": shot.index,
        "start": shot.frames.start,
        "stop": shot.frames.stop,
        "time": timecode(ingest.slots[shot.frames.start], ingest.source.rate),
        "entry": shot.entry,
        "measured": _measured(report),
        "found": [(one.defect, DICTIONARY[one.defect].title, one.value, one.severity) for one in found[:_MOST_FOUND]],
        "picture": data_url(picture) if picture else None,
        "steps": plan.steps if plan else (),
        "skipped": plan.skipped if plan else (),
    }


def _measured(report: ShotReport) -> str:
    faces, cadence = len(report.faces.tracks), report.cadence
    order = f", {cadence.field_order}" if cadence.kind != "progressive" else ""
    unsure = f" ({len(cadence.unsure)} frames repeat a field: film or lost, unsure)" if cadence.unsure else ""
    return (
        f"{cadence.kind}{order}{'' if cadence.agrees else f' (the file claims {cadence.tagged})'}{unsure} · "
        f"noise {report.noise.luma_sigma:.2f} / {report.noise.cb_sigma:.2f} / {report.noise.cr_sigma:.2f} codes"
        f"{_whose(report.noise)} · "
        f"sharpness {report.sharpness.horizontal:.2f} ({report.sharpness.lines:.0f} lines) · "
        f"motion {report.complexity.motion:.1f} samples a field · {report.exposure.light} light · "
        f"{report.dropouts.count} dropouts · {faces} face track{'' if faces == 1 else 's'}"
    )


def _whose(noise: NoiseReport) -> str:
    """What of luma's noise is the camera's and what the tape's."""
    if noise.confidence == 0:
        return ""
    if noise.untold:
        return f" (luma's of camera and tape not told apart: {noise.untold})"
    return f" (luma's: camera {noise.camera_sigma:.2f}, tape {noise.tape_sigma:.2f})"
