"""Care for the sound of a job: which tracks are treated and how, as one task, and what is said of it.

Nothing is treated unless a setting asks for it; then master and stream take the treated tracks, and the tape's own
packets stay in the ingest as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from footlights.core import records
from footlights.core.sound_reports import SoundCare, SoundReport
from footlights.core.source import Ingest
from footlights.engine.artifacts import Artifact
from footlights.engine.tasks import Task
from footlights.media.audio import AudioTrack
from footlights.media.soundcare import VERSION, Wanted, care
from footlights.pipeline.assembly import SoundPlan
from footlights.settings import SoundSettings

TASK = "sound-care"
RECORD = "care.json"
STRETCHED, SPEED = "sound-stretch", "speed.txt"


def tasks(heard: Sequence[SoundReport], ingest: Ingest, settings: SoundSettings) -> list[Task]:
    """The task that treats the tracks; none where nothing is to be done."""
    wanted = tuple(wanted_of(report, settings) for report in heard)
    if not any(one.declick or one.hum or one.loudness is not None for one in wanted):
        return []
    seconds = max(round(float(ingest.slot_count / ingest.source.rate)), 1)
    return [
        Task(
            TASK,
            "footlights.pipeline.ops:care_sound",
            VERSION,
            {"wanted": records.to_data(wanted, tuple)},
            needs=("ingest",),
            units=max(len(wanted), 1) * seconds,
            priority=40,
        )
    ]


def wanted_of(report: SoundReport, settings: SoundSettings) -> Wanted:
    """What the settings ask for on one track."""
    return Wanted(
        track=report.track,
        declick=settings.declick,
        hum=report.hum_frequency if settings.dehum else 0,
        loudness=settings.target if settings.loudness == "r128" and not report.silent else None,
        peak=settings.peak,
    )


def stretching(plan: SoundPlan, ingest: Ingest, caring: Sequence[Task]) -> list[Task]:
    """The task that stretches the tracks, treated ones where there are some, for slow motion; else none."""
    if not plan.stretched:
        return []
    needs = ("ingest", *(task.id for task in caring))
    units, speed = len(ingest.sounding), str(plan.speed)
    return [Task(STRETCHED, "footlights.pipeline.ops:stretch_sound", 1, {"speed": speed}, needs=needs, units=units)]


def attached(made: Sequence[Task], sounding: Sequence[Task], names: Sequence[str]) -> list[Task]:
    """The tasks, of which those called `names` use the tracks of the last that works on sound."""
    if not sounding:
        return list(made)
    return [replace(task, needs=(*task.needs, sounding[-1].id)) if task.id in names else task for task in made]


def treat(
    tracks: Mapping[int, AudioTrack], wanted: Sequence[Wanted], folder: Path, progress: Callable[[int], None]
) -> tuple[SoundCare, ...]:
    """Write `audio-N.nut` for every wanted track, as the ingest has it; `progress` gets seconds of all tracks."""
    found: list[SoundCare] = []
    done = 0
    for one in wanted:
        found.append(care(tracks[one.track], one, folder / f"audio-{one.track}.nut", _later(progress, done)))
        done += round(found[-1].samples / 48_000)
    records.write(folder / RECORD, records.dumps(tuple(found), tuple[SoundCare, ...]))
    return tuple(found)


def sound_of(source: Artifact, others: Sequence[Artifact]) -> tuple[Path, list[Artifact]]:
    """The folder that holds the tracks, treated or stretched ones where there are some, and the other inputs."""
    treated = [one for one in others if any((one.folder / name).is_file() for name in (RECORD, SPEED))]
    return (treated[0] if treated else source).folder, [one for one in others if one not in treated]


def unheard_hum(heard: Sequence[SoundReport], settings: SoundSettings) -> Iterator[str]:
    """A sentence where hum was to be notched and none was heard."""
    without = [str(one.track) for one in heard if not one.hum_frequency]
    if settings.dehum and without:
        yield f"sound.dehum: no hum was heard on track {', '.join(without)}; nothing was notched there"


def _later(progress: Callable[[int], None], before: int) -> Callable[[int], None]:
    return lambda seconds: progress(before + seconds)
