"""Running a job: wave after wave of tasks, then the products at the top of the folder and the report.

Everything here can be killed at any moment; the same call goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from footlights.analysis import faces
from footlights.analysis import survey as analysis
from footlights.config import explicit
from footlights.core import records
from footlights.core.faces import ShotFaces
from footlights.core.plans import NET_FAILED, Intervention, RestorationPlan
from footlights.core.products import Check, JobResult
from footlights.core.reports import Remainder, Survey
from footlights.core.signal import Matrix, Primaries
from footlights.core.sound_reports import SoundReport
from footlights.core.source import Ingest
from footlights.engine.reuse import Action, Forecast
from footlights.engine.tasks import Task
from footlights.ingest import ingest as taking_in
from footlights.pipeline import (
    clean,
    extras,
    faceguard,
    facewave,
    fidelity,
    graph,
    ops,
    provenancetrack,
    remainder,
    reporting,
    strengths,
)
from footlights.pipeline.allotting import foreseen, run_stream
from footlights.pipeline.assembly import FRAME_LIST, MasterResult
from footlights.pipeline.byhand import checked
from footlights.pipeline.job import GENERATED, PLAN, RULED, Job
from footlights.pipeline.session import Listener, Session, session
from footlights.planning import enhancement, refusals, rules
from footlights.planning.evidence import veiled
from footlights.planning.foresight import foresee
from footlights.planning.provenance import provenance
from footlights.planning.strengths import interventions as lowerings
from footlights.planning.timeline import time_map
from footlights.planning.wholetape import tape_order
from footlights.report import summary
from footlights.report.dictionary import DICTIONARY
from footlights.report.levels import suspicions
from footlights.report.story import Story


@dataclass(frozen=True, slots=True)
class Surveyed:
    """What is known after the analysis."""

    ingest: Ingest
    survey: Survey
    series: dict[str, NDArray[np.float32]]
    sound: tuple[SoundReport, ...] = ()


@dataclass(frozen=True, slots=True)
class Planned:
    """What would be done, for `footlights plan`."""

    surveyed: Surveyed
    plan: RestorationPlan
    forecasts: tuple[Forecast, ...]
    seconds: float
    """Estimated compute time of what is not there yet."""
    disk: int
    """Bytes it will write."""


def survey(one: Session, *, restoring: bool = False) -> Surveyed:
    """Ingest and analysis; where the tape is to be restored, what rules that out is refused as soon as it is known."""
    job = one.job
    settings = job.settings
    faces.check(settings.analysis.faces)
    enhancement.check(settings)
    one.run([graph.ingest_task(job.tape, settings)])
    ingest = one.record(Ingest, graph.INGEST, taking_in.RECORD)
    if restoring:
        refusals.refuse_hdr(ingest.source)
        refusals.refuse_rate(ingest, refusals.possible_rates(ingest, settings), settings)
    sounding = graph.sound_tasks(ingest)
    one.run([*graph.survey_tasks(ingest, settings), *sounding])
    found = one.record(Survey, graph.SURVEY, ops.SURVEY)
    if restoring:
        refusals.refuse_rate(ingest, [ingest.source.rate * rules.instants(found, settings)], settings)
    series = analysis.load([one.artifact(graph.SURVEY).folder / analysis.SERIES])
    one.publish(graph.SURVEY, {ops.SURVEY: "reports/shots.json"})
    if not sounding:
        return Surveyed(ingest, found, series)
    heard = one.record(tuple[SoundReport, ...], graph.SOUND, ops.RESULT)
    loudness = analysis.load([one.artifact(graph.SOUND).folder / analysis.SERIES])
    return Surveyed(ingest, found, {**series, **reporting.loudness(loudness, ingest)}, heard)


def scan(job: Job, listen: Listener) -> JobResult:
    """Analysis and report only."""
    with session(job, listen) as one:
        known = survey(one)
        foreseen, objection = foresee(known.survey, known.ingest, job.settings)
        if objection:
            one.warn(objection)
        result = replace(_result(one, known), plan=foreseen)
        _report(one, known, result)
        return result


def plan(job: Job, listen: Listener) -> Planned:
    """What would be done, with estimates; writes `plan.json`."""
    with session(job, listen) as one:
        known = survey(one, restoring=True)
        waves, tracked = _faces(one, known)
        restoration = _plan(one, known, tracked)
        layout = graph.lay_out(restoration, known.ingest, job.settings)
        restored = _pieces(one, known, layout, restoration, waves)
        tasks = [*restored, *extras.products(one, known, restoration, layout, restored)]
        forecasts = tuple(one.coordinator.preview(foreseen(one, tasks, job.settings, layout.encode)))
        missing = [forecast.task for forecast in forecasts if forecast.action is not Action.REUSE]
        seconds = sum((one.coordinator.seconds_per_unit(task.op) or 0.0) * task.units for task in missing)
        disk = sum(task.resources.disk for task in missing)
        result = replace(_result(one, known), plan=restoration, faces=tracked)
        _report(one, known, result)
        return Planned(known, restoration, forecasts, seconds, disk)


def restore(job: Job, listen: Listener) -> JobResult:
    """The whole way."""
    with session(job, listen) as one:
        known = survey(one, restoring=True)
        waves, tracked = _faces(one, known)
        restoration = _plan(one, known, tracked)
        layout = graph.lay_out(restoration, known.ingest, job.settings)

        def pieces(plan: RestorationPlan) -> list[Task]:
            return _pieces(one, known, layout, plan, waves)

        restoration, _, guarded = faceguard.guarded(one, restoration, pieces)
        proven = strengths.guarded(one, known, restoration, layout, pieces)
        restoration, restored = proven.plan, proven.restored
        made = extras.products(one, known, restoration, layout, restored)
        mapped = provenancetrack.task(restoration, known.ingest, layout.timing, restored)
        streamed = run_stream(one, [*restored, *made, mapped], job.settings, layout.encode)
        master = one.record(MasterResult, graph.MASTER, ops.RESULT)
        one.publish(graph.MASTER, {master.facts.file: master.facts.file, FRAME_LIST: FRAME_LIST})
        one.publish(mapped.id, {provenancetrack.FILE: provenancetrack.FILE})
        checks = master.checks
        if layout.encode.rungs:
            one.publish(graph.STREAM, {"stream": "stream"})
            checks += one.record(tuple[Check, ...], graph.STREAM, ops.RESULT)
        bright = extras.bright(one, made)
        checks += bright.checks if bright else ()
        one.warnings.extend([*fidelity.warnings(proven.found), *master.notes])
        one.warnings.extend(summary.shortfalls(streamed.encodes, streamed.rates))
        interventions = _interventions(one, restoration, restored, layout)
        one.warnings.extend(_net_failures(interventions))
        result = replace(
            _result(one, known),
            plan=restoration,
            sound_care=extras.sound_care(one, made),
            faces=tracked,
            likeness=guarded.verdicts,
            master=master.facts,
            hdr=bright,
            encode_plan=streamed.plan,
            encodes=streamed.encodes,
            rates=streamed.rates,
            interventions=(*lowerings(restoration, proven.trials), *interventions),
            provenance=provenance(restoration, interventions),
            fidelity=proven.found,
            trials=proven.trials,
            checks=(*checks, *_accounting(known.ingest, restoration, master), *fidelity.checks(proven.found)),
        )
        _report(one, known, result, _pairs(one, layout, known), guarded.pictures)
        return result


def _pieces(
    one: Session, known: Surveyed, layout: graph.Layout, restoration: RestorationPlan, waves: Mapping[int, Task]
) -> list[Task]:
    """The tasks of all pieces of a plan; with clean pictures beside them where a stream takes grain out again."""
    settings, threads = one.job.settings, one.share(len(layout.pieces))

    def tasks(clean_too: bool) -> list[Task]:
        made = graph.restore_tasks(restoration, known.survey, settings, layout, threads, clean_too=clean_too)
        return facewave.guided(made, restoration, layout, waves)

    wanted = bool(layout.encode.rungs) and settings.encoding.grain == "auto"
    return clean.preferred(tasks(wanted), tasks(not wanted), one.coordinator.preview)


def _faces(one: Session, known: Surveyed) -> tuple[dict[int, Task], dict[int, ShotFaces]]:
    """The faces of every shot that has some, followed, and the tasks that did it."""
    tasks = facewave.face_tasks(known.survey, known.ingest, one.job.settings)
    if not tasks:
        return {}, {}
    linking = facewave.people_task(tasks)
    one.run([*tasks.values(), linking])
    made = {shot: one.artifact(task.id) for shot, task in tasks.items()}
    return tasks, facewave.found(made, one.artifact(linking.id))


def _plan(one: Session, known: Surveyed, tracked: Mapping[int, ShotFaces]) -> RestorationPlan:
    """The plan in force: a person's edit of `plan.json` wins over what the rules would write."""
    folder = one.job.folder
    fresh = rules.plan(known.survey, known.ingest, one.job.settings, _remainders(one, known), tracked)
    text = records.dumps(fresh)
    path, generated = folder / PLAN, folder / GENERATED
    edited = path.is_file() and (not generated.is_file() or path.read_text("utf-8") != generated.read_text("utf-8"))
    ruled = folder / RULED if (folder / RULED).is_file() else generated
    changed = ruled.is_file() and ruled.read_text("utf-8") != text
    records.write(folder / RULED, text)
    if not edited:
        records.write(path, text)
        records.write(generated, text)
        return fresh
    times = fresh.time_map
    before = records.read(RestorationPlan, generated) if generated.is_file() else fresh
    by_hand = checked(records.read(RestorationPlan, path), fresh, before, path)
    mapped = time_map(known.survey.shots, by_hand.shots, known.ingest, times.instants, (times.step, times.speed))
    by_hand = replace(by_hand, time_map=mapped)
    if changed:
        one.warn(f"{PLAN} was edited by hand and wins, though settings have changed since; delete it to plan anew")
    return by_hand


def _remainders(one: Session, known: Surveyed) -> tuple[Remainder, ...]:
    """What the net leaves of the noise of the shots that go through it; nothing is looked at where no filter is
    allowed to follow it."""
    settings = one.job.settings
    if settings.restoration.denoise.strength == 0:
        return ()
    first = rules.plan(known.survey, known.ingest, settings)
    looks = remainder.tasks(first, tape_order(known.survey, settings), (graph.INGEST,), one.share)
    one.run(looks)
    return tuple(found for task in looks for found in one.record(tuple[Remainder, ...], task.id, remainder.REMAINDERS))


def _result(one: Session, known: Surveyed) -> JobResult:
    job = one.job
    settings = {
        name: f"{value} (from {job.resolved.origins.get(name, 'the job')})"
        for name, value in explicit(job.resolved).items()
    }
    return JobResult(
        ingest=known.ingest,
        survey=known.survey,
        sound=known.sound,
        warnings=tuple(dict.fromkeys([*one.warnings, *_source_warnings(known)])),
        settings=settings,
        timings={name: round(seconds, 2) for name, seconds in sorted(one.seconds.items())},
    )


def _source_warnings(known: Surveyed) -> Iterator[str]:
    for gap in known.survey.gaps:
        if gap.kind == "damaged":
            yield f"The source is damaged at {gap.timecode}: {gap.evidence}."
    signal, survey_ = known.ingest.source.signal, known.survey
    if (
        signal.field_order.interlaced
        and survey_.field_order.interlaced
        and signal.field_order is not survey_.field_order
    ):
        said = "was assumed" if "field_order" in signal.assumed else "is tagged"
        yield f"Field order {said} {signal.field_order} but measured {survey_.field_order}; the measurement is used."
    wide = signal.matrix is Matrix.BT2020_NCL or signal.primaries is Primaries.BT2020
    if wide and "transfer" in signal.assumed:
        yield (
            f"The tape is tagged BT.2020, as HDR is, but without a transfer: {signal.transfer.name} was assumed. "
            "If it is HDR, convert it to SDR first."
        )
    if sentence := veiled(survey_):
        yield sentence
    for defect, value in suspicions([one.levels for one in survey_.shots], signal.range):
        yield f"Suspected: {DICTIONARY[defect].title.lower()}: {value}; left as it is."


def _interventions(
    one: Session, restoration: RestorationPlan, restored: Sequence[Task], layout: graph.Layout
) -> tuple[Intervention, ...]:
    """What was done to which output frames, with the reasons of the plan."""
    reasons = {(shot.shot, step.stage): step.why for shot in restoration.shots for step in shot.steps}
    found: list[Intervention] = []
    for task, piece in zip(restored, layout.pieces, strict=True):
        facts = one.artifact(task.id).facts
        listed = records.from_data(tuple[Intervention, ...], facts["interventions"], task.id)
        for item in listed:
            shot = next(part.shot for part in piece.parts if part.frames.covers(item.frames))
            found.append(replace(item, why=item.why or reasons.get((shot, item.kind), "")))
    return tuple(found)


def _net_failures(interventions: Sequence[Intervention]) -> Iterator[str]:
    """A sentence for every run of frames that the filters made because the net broke down."""
    for item in interventions:
        if item.kind == NET_FAILED:
            yield f"Output frames {item.frames} were made by the filters instead of the net. {item.why}"


def _accounting(ingest: Ingest, restoration: RestorationPlan, master: MasterResult) -> Iterator[Check]:
    """Every source instant has its output frames, and every output frame its source."""
    expected = restoration.time_map.frames
    yield Check(
        "every output frame accounted for", master.facts.frames == expected, str(master.facts.frames), str(expected)
    )
    covered = sum(len(span.slots) for span in restoration.time_map.spans)
    yield Check(
        "every source instant accounted for", covered == ingest.slot_count, str(covered), str(ingest.slot_count)
    )


def _report(
    one: Session,
    known: Surveyed,
    result: JobResult,
    pairs: Sequence[tuple[str, bytes]] = (),
    beside: Mapping[tuple[int, int], bytes] = MappingProxyType({}),
) -> None:
    shown = reporting.pictures(one.artifact(graph.THUMBNAILS).folder, known.survey, pairs)
    pictures = replace(shown, faces=beside)
    reporting.write(one.job.folder, Story(result, known.series, pictures))


def _pairs(one: Session, layout: graph.Layout, known: Surveyed) -> list[tuple[str, bytes]]:
    artifact = one.artifact(graph.COMPARE)
    return [
        (moment.caption, (artifact.folder / f"pair-{number:04d}.jpg").read_bytes())
        for number, moment in enumerate(graph.moments(known.survey, known.ingest, layout))
    ]
