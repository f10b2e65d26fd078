"""Restoring one piece: its shots through their stages, into the master's encoder, read back and hashed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from fractions import Fraction
from pathlib import Path
from queue import Queue
from threading import Thread

import cv2

from footlights.core.clip import Clip
from footlights.core.faces import ShotFaces
from footlights.core.plans import NET_FAILED, Intervention, Piece, PiecePart, ShotPlan, Step
from footlights.core.signal import FieldOrder
from footlights.core.source import Ingest
from footlights.core.time import FrameRange
from footlights.encoding.encoders import MasterCodec
from footlights.errors import InternalError, NetError, VerificationError
from footlights.media.ffmpeg import EncoderPipe, RawFormat, file_url
from footlights.media.lossless import frame_digest
from footlights.media.pixels import Samples
from footlights.media.reader import VideoReader, index_video
from footlights.models import runtime
from footlights.pipeline.faceguard import Witnessed, witnessed
from footlights.pipeline.pictures import Cuts, Quantiser, source_blocks
from footlights.restoration import chain
from footlights.restoration.base import Guided, Recorder, Stage, Touch, build

Codes = tuple[Samples, ...]
_LONGEST, _PLACES = 50, 64
"""Pictures of one intervention, so that it tells where something moved; and places that it names at most."""


@dataclass(frozen=True, slots=True)
class PieceRequest:
    """Everything one piece is made from."""

    piece: Piece
    shots: tuple[ShotPlan, ...]
    """Plans of the shots its parts belong to, in order."""
    ends_late: tuple[bool, ...]
    """For each of them: the second field of its last frame is the next shot's."""
    rate: Fraction
    factor: int
    """Output frames per source frame."""
    width: int
    height: int
    field_order: FieldOrder
    seed: int
    codec: str
    quality: float
    keyframes: tuple[int, ...]
    """Frames of the piece that must be key frames."""


@dataclass(frozen=True, slots=True)
class PieceResult:
    """What came out."""

    frames: int
    restored: tuple[str, ...]
    """SHA-256 of every frame as sent to the encoder."""
    decoded: tuple[str, ...]
    """SHA-256 of every frame as decoded from the finished file."""
    content: str
    interventions: tuple[Intervention, ...]
    faces: tuple[Witnessed, ...] = ()
    """What was seen of the faces that were restored."""


def restore_piece(
    request: PieceRequest,
    master: MasterCodec,
    opened: tuple[Ingest, VideoReader],
    target: Path,
    progress: Callable[[int], None],
    faces: Mapping[int, ShotFaces] | None = None,
    *,
    threads: int = 2,
) -> PieceResult:
    """Write the piece to `target`. VerificationError where it does not read back; `faces` by shot."""
    # Where there are more cores, pieces are restored side by side: each net keeps to its share. The chain has threads
    # of its own, beside which OpenCV's would only wait for each other: that took a twentieth of the time.
    runtime.grant_threads(threads)
    cv2.setNumThreads(1)
    interventions: list[Intervention] = []
    seen: list[Witnessed] = []
    digests: list[str] = []
    raw = RawFormat(request.width, request.height, "yuv420p10le", str(request.rate))
    arguments = [*master.encoder.arguments(request.quality, request.keyframes, request.rate), file_url(target)]
    with (
        EncoderPipe(raw, arguments, doing=f"encoding piece {request.piece.index}") as pipe,
        _Feeder(pipe, digests) as feeder,
    ):
        for codes in _pictures(request, opened, (interventions, seen), faces or {}):
            feeder.send(codes)
            progress(len(digests))
    expected = len(request.piece.frames)
    if len(digests) != expected:
        raise InternalError(
            f"piece {request.piece.index} got {len(digests)} frames instead of {expected}",
            "the plan and the chain disagree",
            "report this defect with plan.json",
        )
    decoded = _read_back(target, expected)
    content = hashlib.sha256("\n".join(decoded).encode()).hexdigest()
    return PieceResult(expected, tuple(digests), decoded, content, tuple(interventions), tuple(seen))


def _pictures(
    request: PieceRequest,
    opened: tuple[Ingest, VideoReader],
    noted: tuple[list[Intervention], list[Witnessed]],
    faces: Mapping[int, ShotFaces],
) -> Iterator[Codes]:
    quantiser = Quantiser(request.seed)
    interventions, seen = noted
    for part, shot, late in zip(request.piece.parts, request.shots, request.ends_late, strict=True):
        ways = [[build(step) for step in steps] for steps in (shot.steps, shot.instead) if steps]
        for stage in (stage for stages in ways for stage in stages if isinstance(stage, Guided)):
            if shot.shot in faces:
                stage.guide(faces[shot.shot], shot.slots.start * request.factor)

        def failed(frames: FrameRange, error: NetError) -> None:
            interventions.append(Intervention(frames, NET_FAILED, 1.0, str(error)))

        source = _source(request, shot, late, opened)
        for clip in chain.run_guarded(ways, source, part.frames, failed):
            for index in range(len(clip)):
                yield quantiser.codes(clip, index)
        for steps, stages in zip((shot.steps, shot.instead), ways, strict=False):
            interventions.extend(_record(part, steps, stages))
            seen.extend(witnessed(part, stages))


def _source(
    request: PieceRequest, shot: ShotPlan, ends_late: bool, opened: tuple[Ingest, VideoReader]
) -> Callable[[Sequence[Stage], FrameRange], Iterator[Clip]]:
    """Gives the blocks of the shot that stages need for some output frames."""
    ingest, reader = opened
    whole = FrameRange(shot.slots.start, shot.slots.stop + (1 if ends_late else 0))
    cuts = Cuts(whole, starts_late=bool(shot.first_field), ends_late=ends_late)

    def blocks(stages: Sequence[Stage], frames: FrameRange) -> Iterator[Clip]:
        rate = chain.rate_factor(stages)
        needed = FrameRange(frames.start // rate, -(-frames.stop // rate))
        reach = chain.reach(stages)
        context = needed.grow(reach.before, reach.after).intersect(whole)
        return source_blocks(ingest, reader, context, cuts, request.field_order)

    return blocks


def _record(part: PiecePart, steps: Sequence[Step], stages: Sequence[Stage]) -> Iterator[Intervention]:
    """Which output frames of the part the repairing stages touched."""
    for index, (step, stage) in enumerate(zip(steps, stages, strict=True)):
        if not isinstance(stage, Recorder):
            continue
        behind = stages[index + 1 :] if stage.contract.touches_output else stages[index:]
        touched: dict[int, Touch] = {}
        for one in stage.touched:
            if (before := touched.get(one.frame)) is not None:
                whole = not before.regions or not one.regions
                both = () if whole else tuple(dict.fromkeys((*before.regions, *one.regions)))
                one = one._replace(area=before.area + one.area, regions=both)
            touched[one.frame] = one
        shown: dict[int, Touch] = {}
        for number, one in sorted(touched.items()):
            frames = chain.shown(behind, number).intersect(part.frames)
            if stage.contract.display:
                shown.update(dict.fromkeys(frames, one))
            else:
                yield from _runs(step, dict.fromkeys(frames, one))
        yield from _runs(step, shown)


def _runs(step: Step, touched: Mapping[int, Touch]) -> Iterator[Intervention]:
    """One intervention for every run of consecutive pictures touched for one reason, with the mean area."""
    frames = sorted(touched)
    start = 0
    for stop in range(1, len(frames) + 1):
        ends = stop == len(frames) or frames[stop] != frames[stop - 1] + 1 or stop - start >= _LONGEST
        if ends or touched[frames[stop]].why != touched[frames[start]].why:
            run = frames[start:stop]
            area = sum(touched[frame].area for frame in run) / len(run)
            why = touched[run[0]].why or step.why
            places = {place for frame in run for place in touched[frame].regions}
            # Too many places to name, or a whole picture among them: none, which means the whole.
            few = len(places) <= _PLACES and all(touched[frame].regions for frame in run)
            told = tuple(sorted(places, key=astuple)) if few else ()
            yield Intervention(FrameRange(run[0], run[-1] + 1), step.stage, round(area, 6), why, told)
            start = stop


class _Feeder:
    """Hashes and sends pictures from a second thread, so that the chain computes meanwhile; two wait at most."""

    def __init__(self, pipe: EncoderPipe, digests: list[str]) -> None:
        self._pipe = pipe
        self._digests = digests
        self._queue: Queue[Codes | None] = Queue(maxsize=2)
        self._error: BaseException | None = None
        self._thread = Thread(target=self._work, daemon=True)

    def send(self, codes: Codes) -> None:
        if self._error is not None:
            raise self._error
        self._queue.put(codes)

    def __enter__(self) -> _Feeder:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._queue.put(None)
        self._thread.join()
        if self._error is not None and kind is None:
            raise self._error

    def _work(self) -> None:
        while (codes := self._queue.get()) is not None:
            if self._error is not None:
                continue  # drain, so that the sender never waits on a full queue
            try:
                self._digests.append(frame_digest(codes))
                for plane in codes:
                    self._pipe.write(plane)
            except BaseException as error:  # noqa: BLE001 - handed to the sender
                self._error = error


def _read_back(path: Path, expected: int) -> tuple[str, ...]:
    index = index_video(path)
    if index.frames != expected:
        raise VerificationError(
            f"{path.name} holds {index.frames} frames instead of {expected}",
            "the encoder lost or invented frames",
            "run the same command again; if it stays, choose another master.codec",
        )
    with VideoReader(path, index) as reader:
        return tuple(frame_digest(picture.planes) for picture in reader.read(FrameRange(0, expected)))
