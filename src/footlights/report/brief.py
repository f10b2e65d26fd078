"""The report in at most twenty lines, for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from footlights.core.products import JobResult
from footlights.core.sound_reports import SoundReport
from footlights.report.findings import find
from footlights.report.summary import counted, verdict
from footlights.report.verdict import Suffering, mended, mending, suffering, unmended

LINES = 20
_MOST_DEFECTS, _MOST_TRACKS, _MOST_WARNINGS = 8, 2, 3


def lines(result: JobResult) -> list[str]:
    """What the page's head says, a fact a line; at most `LINES`."""
    found = find(result)
    defects = suffering(result, found)
    told = [verdict(result), *_defects(defects), _light(result), *_sound(result)]
    done, stays = mended(result, found), unmended(found)
    told += [f"{mending(result)}: {done}"] * bool(done) + [f"Cannot be mended: {stays}"] * bool(stays)
    told += [f"Warning: {text}" for text in result.warnings[:_MOST_WARNINGS]]
    if len(result.warnings) > _MOST_WARNINGS:
        told.append(f"{len(result.warnings) - _MOST_WARNINGS} more warnings are in the report")
    return told


def _defects(defects: tuple[Suffering, ...]) -> Iterator[str]:
    width = max((len(one.title) for one in defects), default=0)
    for one in defects[:_MOST_DEFECTS]:
        yield f"  {one.title.ljust(width)}  {one.how}"
    if len(defects) > _MOST_DEFECTS:
        yield f"  and {counted(len(defects) - _MOST_DEFECTS, 'more defect')}"


def _light(result: JobResult) -> str:
    lights: Counter[str] = Counter()
    for report in result.survey.shots:
        lights[report.exposure.light] += len(report.shot.frames)
    total = max(lights.total(), 1)
    named = ", ".join(f"{name} {frames / total:.0%}" for name, frames in lights.most_common(4))
    flashes = sum(report.exposure.flashes for report in result.survey.shots)
    return f"Light: {named or 'none'}; {counted(flashes, 'flash', 'es')}"


def _sound(result: JobResult) -> Iterator[str]:
    if not result.sound:
        yield "Sound: none"
    for one in result.sound[:_MOST_TRACKS]:
        yield f"Sound {one.track}: {_heard(one)}"


def _heard(sound: SoundReport) -> str:
    if sound.silent:
        return "silent"
    hum = f", hum of {sound.hum_frequency} Hz at {sound.hum_level:.0f} dBFS" if sound.hum_frequency else ""
    return (
        f"{sound.loudness:.1f} LUFS, range {sound.loudness_range:.1f} LU, peak {sound.true_peak:.1f} dBTP, "
        f"{counted(sound.clipped, 'clipped run')}, {counted(sound.dropouts, 'dropout')}{hum}, "
        f"ends {sound.ends:+.2f} s against the picture"
    )
