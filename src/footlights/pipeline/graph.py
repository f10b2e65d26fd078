"""The graph: from what is known to the tasks that make the next things known. Pure.

It grows in waves, because what comes next depends on what was found: the ingest tells how many parts to measure, the
survey what to plan, the plan which pieces to restore.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

from footlights.analysis import sound
from footlights.analysis import survey as analysis
from footlights.core import records
from footlights.core.encodes import EncodePlan, Look
from footlights.core.plans import Piece, RestorationPlan, ShotPlan
from footlights.core.reports import Survey
from footlights.core.signal import BT709_SIGNAL, Signal, delivered
from footlights.core.source import Ingest
from footlights.core.time import FrameRange, at_step
from footlights.encoding import ladder
from footlights.encoding.encoders import MASTERS, rung_threads
from footlights.encoding.segments import SegmentRules, key_frames, segments
from footlights.engine.tasks import JSON, Resources, Task
from footlights.ingest import ingest as taking_in
from footlights.pipeline import clean, evidence
from footlights.pipeline.assembly import AS_IT_IS, MasterRequest, SoundPlan, StreamRequest, Timing
from footlights.pipeline.chunks import ChunkRequest
from footlights.pipeline.job import TapeIdentity
from footlights.pipeline.looks import chunk_looks, survey_looks
from footlights.pipeline.restore import PieceRequest
from footlights.planning.timeline import clock_times, cut_frames, output_range, pieces
from footlights.planning.wholetape import tape_order
from footlights.settings import Settings

OPS = "footlights.pipeline.ops"
ENCODE = f"{OPS}:encode"
INGEST, SURVEY, SOUND, THUMBNAILS = "ingest", "survey", "sound", "thumbnails"
COMPARE, MASTER, STREAM = "compare", "master", "stream"

_SLOW_START = 30.0
"""Million samples that every encode may take the time of, beside its own."""

PRIORS = {
    f"{OPS}:ingest": 0.03,
    f"{OPS}:measure": 0.03,
    f"{OPS}:conclude": 0.002,
    f"{OPS}:thumbnails": 0.1,
    f"{OPS}:sound": 0.02,
    f"{OPS}:care_sound": 0.2,
    f"{OPS}:stretch_sound": 10.0,
    "footlights.pipeline.lookops:remainder": 0.5,
    "footlights.pipeline.lookops:try_strengths": 20.0,
    f"{OPS}:restore": 0.55,
    f"{OPS}:track_faces": 0.1,
    f"{OPS}:compare": 1.0,
    f"{OPS}:assemble": 0.003,
    f"{OPS}:make_hdr": 3.0,
    f"{OPS}:join_hdr": 0.003,
    f"{OPS}:fidelity": 1.0,
    f"{OPS}:map_provenance": 0.002,
    f"{OPS}:encode": 0.05,
    f"{OPS}:see": 0.03,
    f"{OPS}:package": 0.06,
    f"{OPS}:list_video": 0.0005,
    f"{OPS}:glance": 0.04,
    f"{OPS}:conclude_glance": 0.002,
}
"""Seconds per unit on two cores, until a run has measured its own."""

_MASTER_BITS = {"av1": 0.35, "h264": 0.6, "hevc": 0.4, "ffv1": 14.0, "prores": 15.0}
"""Bits per sample of the master's luma, for the disk estimate."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How the output is cut: everything the second half of the graph is built from."""

    factor: int
    """Instants of a source frame."""
    timing: Timing
    pieces: tuple[Piece, ...]
    keyframes: tuple[int, ...]
    """Output frames."""
    encode: EncodePlan
    step: Fraction = Fraction(1)
    """Instants from one output frame to the next."""
    sound: SoundPlan = AS_IT_IS

    def shown(self, slots: FrameRange) -> FrameRange:
        """Output frames whose instants lie in `slots`."""
        return at_step(FrameRange(slots.start * self.factor, slots.stop * self.factor), self.step)


@dataclass(frozen=True, slots=True)
class Feed:
    """What the renditions are made from: the master's pieces, one per chunk, or a video file."""

    width: int
    """Displayed, in square samples."""
    height: int
    signal: Signal
    pieces: tuple[str, ...] = ()
    """Ids of their tasks."""
    video: str = ""
    """Path."""


def ingest_task(tape: TapeIdentity, settings: Settings) -> Task:
    """Take the tape in."""
    params: dict[str, JSON] = {"settings": settings.ingest.model_dump(mode="json"), "sha256": tape.sha256}
    return Task(
        INGEST,
        f"{OPS}:ingest",
        taking_in.VERSION,
        params,
        places={"tape": tape.path},
        resources=Resources(threads=2, disk=max(tape.bytes, tape.frames * 600_000)),
        units=max(tape.frames, 1),
        priority=100,
    )


def survey_tasks(ingest: Ingest, settings: Settings) -> list[Task]:
    """Measure in parts, then conclude."""
    chosen = settings.analysis.model_dump(mode="json")
    versions = analysis.versions()
    measured = {key: value for key, value in chosen.items() if key != "part"}
    parts = [
        Task(
            f"measure/{number:04d}",
            f"{OPS}:measure",
            1,
            {"start": part.start, "stop": part.stop, "settings": measured, "versions": dict(versions)},
            needs=(INGEST,),
            units=len(part),
            priority=90,
        )
        for number, part in enumerate(FrameRange(0, ingest.frames).split(settings.analysis.part))
    ]
    conclude = Task(
        SURVEY,
        f"{OPS}:conclude",
        5,
        {"settings": measured},
        needs=(INGEST, *(part.id for part in parts)),
        units=ingest.frames,
        priority=90,
    )
    shots = Task(THUMBNAILS, f"{OPS}:thumbnails", 3, {}, needs=(INGEST, SURVEY), units=10, priority=80)
    return [*parts, conclude, shots]


def sound_tasks(ingest: Ingest) -> list[Task]:
    """Listen to all tracks; nothing where there is none."""
    tracks = len(ingest.sounding)
    seconds = max(round(float(ingest.slot_count / ingest.source.rate)), 1)
    params: dict[str, JSON] = {"version": sound.VERSION}
    task = Task(SOUND, f"{OPS}:sound", 1, params, needs=(INGEST,), units=max(tracks, 1) * seconds, priority=85)
    return [task] if tracks else []


def lay_out(plan: RestorationPlan, ingest: Ingest, settings: Settings) -> Layout:
    """Cut the output into pieces, which are the media segments as well."""
    factor, step = plan.time_map.instants, plan.time_map.step
    times, end = clock_times(ingest, plan)
    cuts = cut_frames(plan.shots, factor, step)
    cutting = replace(SegmentRules(), target=Fraction(settings.restoration.part).limit_denominator(100))
    cut = segments(cuts, times, end, cutting)
    timing = Timing(plan.rate, len(times), times if ingest.variable else (), end if ingest.variable else Fraction(0))
    encode = ladder.plan(plan.width, plan.height, plan.rate, cut, settings.encoding)
    keys = key_frames(cut, cuts, times, end, cutting)
    # A tape without sound has nothing to stretch.
    dropped = settings.enhancement.rate.sound == "drop" or not ingest.sounding
    sound = SoundPlan(plan.time_map.speed, dropped) if plan.time_map.speed != 1 else AS_IT_IS
    return Layout(factor, timing, pieces(plan.shots, factor, cut, step), keys, encode, step, sound)


def restore_tasks(
    plan: RestorationPlan, survey: Survey, settings: Settings, layout: Layout, threads: int, *, clean_too: bool = False
) -> list[Task]:
    """One task per piece, of so many processor threads each; `clean_too` where clean pictures are kept beside them."""
    master = MASTERS[settings.master.codec]
    quality = settings.master.quality if settings.master.quality is not None else master.q
    tasks = []
    for piece in layout.pieces:
        shots = tuple(plan.shots[part.shot] for part in piece.parts)
        request = PieceRequest(
            piece=piece,
            shots=tuple(bare(shot) for shot in shots),
            ends_late=tuple(ends_late(plan, shot.shot, layout.factor) for shot in shots),
            rate=plan.rate,
            factor=layout.factor,
            width=plan.width,
            height=plan.height,
            field_order=tape_order(survey, settings),
            seed=plan.seed,
            codec=settings.master.codec,
            quality=float(quality),
            keyframes=_master_keys(piece, layout.keyframes, round(master.group * plan.rate)),
            clean=clean_too and clean.wanted(shots),
        )
        memory, bits = (clean.MEMORY, clean.BITS) if request.clean else (0, 0.0)
        frames = len(piece.frames)
        disk = frames * plan.width * plan.height * (_MASTER_BITS[settings.master.codec] + bits) / 8
        tasks.append(
            Task(
                f"restore/{piece.index:05d}",
                f"{OPS}:restore",
                6,
                {"request": records.to_data(request)},
                needs=(INGEST,),
                resources=Resources(threads, memory=3 * 2**30 + memory, disk=round(disk)),
                units=frames,
                priority=50 - _order(piece.index),
            )
        )
    return tasks


def product_tasks(
    plan: RestorationPlan, ingest: Ingest, survey: Survey, settings: Settings, layout: Layout, restored: Sequence[Task]
) -> list[Task]:
    """Master, pictures before and after, the ladder and the stream."""
    ids = tuple(task.id for task in restored)
    request = MasterRequest(
        container=settings.master.container,
        width=plan.width,
        height=plan.height,
        timing=layout.timing,
        time_map=plan.time_map,
        codec=settings.master.codec,
        sound=layout.sound,
    )
    master = Task(
        MASTER,
        f"{OPS}:assemble",
        1,
        {"request": records.to_data(request)},
        needs=(INGEST, *ids),
        resources=Resources(disk=sum(task.resources.disk for task in restored)),
        units=layout.timing.frames,
        priority=20,
    )
    tasks = [master, _compare_task(survey, ingest, layout, ids)]
    if layout.encode.rungs:
        looks = [(layout.shown(slots), look) for slots, look in survey_looks(survey, ingest)]
        feed = Feed(plan.width, plan.height, BT709_SIGNAL, pieces=ids)
        tasks += stream_tasks(layout, settings, chunk_looks(looks, layout.encode.chunks), feed)
    return tasks


def stream_tasks(layout: Layout, settings: Settings, looks: Sequence[Look], feed: Feed) -> list[Task]:
    """One task per chunk and rung, and the packaging."""
    plan = layout.encode
    tasks = []
    for rung in plan.rungs:
        for number, frames in enumerate(plan.chunks):
            request = ChunkRequest(
                rung=ladder.aimed(rung, looks[number], settings.encoding.dark),
                frames=frames,
                keyframes=tuple(key - frames.start for key in layout.keyframes if key in frames),
                rate=plan.rate,
                width=feed.width,
                height=feed.height,
                signal=feed.signal,
                guess=ladder.first_guess(rung, looks[number]),
                slope=ladder.expected_slope(rung, looks[number]),
                probes=settings.encoding.probes,
                grain=settings.encoding.grain,
                look=looks[number],
                banding=settings.encoding.banding,
                slack=settings.encoding.slack if settings.encoding.mode == "mean" else 0.0,
                threads=rung_threads(rung.codec),
            )
            pixels = len(frames) * rung.width * rung.height
            tasks.append(
                Task(
                    f"encode/{rung.name}/{number:05d}",
                    ENCODE,
                    18,
                    {"request": records.to_data(request)},
                    needs=(feed.pieces[number],) if feed.pieces else (INGEST,),
                    places={"video": feed.video} if feed.video else {},
                    resources=Resources(request.threads, memory=3 * 2**30, disk=round(pixels * 7.3)),
                    units=settings.encoding.probes * max(1, round(pixels / 1e6)),
                    priority=10,
                    timeout=settings.engine.patience * (_SLOW_START + settings.encoding.probes * pixels / 1e6),
                )
            )
    stream = StreamRequest(
        plan, layout.timing, settings.encoding.audio_rate * 1000, layout.sound, delivered(feed.signal)
    )
    package = Task(
        STREAM,
        f"{OPS}:package",
        4,
        {"request": records.to_data(stream)},
        needs=(INGEST, *(task.id for task in tasks)),
        units=layout.timing.frames,
        priority=5,
    )
    return [*tasks, package]


def moments(survey: Survey, ingest: Ingest, layout: Layout) -> list[evidence.Moment]:
    """The pictures worth showing before and after."""
    found = []
    for frame in sorted(set(evidence.choose(survey))):
        output = min(int(ingest.slots[frame] * layout.factor / layout.step), layout.timing.frames - 1)
        piece = next(one for one in layout.pieces if output in one.frames)
        shot = next(report.shot.index for report in survey.shots if frame in report.shot.frames)
        caption = f"Shot {shot}, frame {frame}: the tape as it is (fields woven), and the master"
        found.append(evidence.Moment(frame, piece.index, output - piece.frames.start, caption))
    return found


def _compare_task(survey: Survey, ingest: Ingest, layout: Layout, ids: Sequence[str]) -> Task:
    chosen = moments(survey, ingest, layout)
    used = sorted({moment.piece for moment in chosen})
    shown = tuple(replace(moment, piece=used.index(moment.piece)) for moment in chosen)
    return Task(
        COMPARE,
        f"{OPS}:compare",
        1,
        {"moments": records.to_data(shown, tuple)},
        needs=(INGEST, SURVEY, *(ids[piece] for piece in used)),
        units=max(len(shown), 1),
        priority=15,
    )


def bare(shot: ShotPlan) -> ShotPlan:
    """The plan without what does not change pictures, so that a better reason does not redo days of work."""
    steps, instead = (tuple(replace(step, why="") for step in steps) for steps in (shot.steps, shot.instead))
    return replace(shot, steps=steps, instead=instead, skipped=(), approved_by="")


def ends_late(plan: RestorationPlan, shot: int, factor: int) -> bool:
    """Whether the second field of its last frame is the next shot's."""
    frames = output_range(plan.shots, shot, factor)
    return frames.stop > plan.shots[shot].slots.stop * factor


def _master_keys(piece: Piece, keyframes: Sequence[int], group: int) -> tuple[int, ...]:
    """Key frames of the stream, and one every `group` frames between them."""
    inside = sorted({key - piece.frames.start for key in keyframes if key in piece.frames} | {0})
    if not group:
        return tuple(inside)
    edges = [*inside, len(piece.frames)]
    filled: list[int] = []
    for start, stop in pairwise(edges):
        filled.extend(range(start, max(stop - group // 2, start + 1), group))
    return tuple(filled)


def _order(index: int) -> int:
    """Pieces in the order of the tape: 0 first, never reaching the next priority."""
    return min(index // 1000, 9)
