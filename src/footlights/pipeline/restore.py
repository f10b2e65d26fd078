"""Restoring one piece: its shots through their stages, into the master's encoder, read back and hashed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import astuple, dataclass
from fractions import Fraction
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import NamedTuple

import cv2

from footlights.core import records
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
from footlights.media.reader import VideoIndex, VideoReader, index_video
from footlights.models import runtime
from footlights.pipeline import clean
from footlights.pipeline.faceguard import Witnessed, witnessed
from footlights.pipeline.pictures import Cuts, Quantiser, source_blocks
from footlights.restoration import chain
from footlights.restoration.base import Guided, Recorder, Stage, Touch, build

Codes = tuple[Samples, ...]


class _Picture(NamedTuple):
    """One finished picture."""

    codes: Codes
    clean: Samples
    """Luma before grain was given back; grain leaves chroma alone."""


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
    clean: bool = False
    """The pictures before grain was given back are kept as well."""


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
    doing = f"encoding piece {request.piece.index}"
    with ExitStack() as stack:
        pipes = [stack.enter_context(EncoderPipe(raw, arguments, doing=doing))]
        if request.clean:
            beside = clean.arguments(target.with_name(clean.FILE), request.keyframes, request.rate)
            pipes.append(stack.enter_context(EncoderPipe(raw, beside, doing=f"{doing} without grain")))
        feeder = stack.enter_context(_Feeder(pipes, digests))
        for picture in _pictures(request, opened, (interventions, seen), faces or {}):
            feeder.send(picture)
            progress(len(digests))
    expected = len(request.piece.frames)
    if len(digests) != expected:
        raise InternalError(
            f"piece {request.piece.index} got {len(digests)} frames instead of {expected}",
            "the plan and the chain disagree",
            "report this defect with plan.json",
        )
    decoded = _read_back(target, expected)
    content = _content(decoded, target.with_name(clean.FILE) if request.clean else None)
    return PieceResult(expected, tuple(digests), decoded, content, tuple(interventions), tuple(seen))


def _pictures(
    request: PieceRequest,
    opened: tuple[Ingest, VideoReader],
    noted: tuple[list[Intervention], list[Witnessed]],
    faces: Mapping[int, ShotFaces],
) -> Iterator[_Picture]:
    quantiser = Quantiser(request.seed)
    interventions, seen = noted
    for part, shot, late in zip(request.piece.parts, request.shots, request.ends_late, strict=True):
        ways = [[build(step) for step in steps] for steps in (shot.steps, shot.instead) if steps]
        for stage in (stage for stages in ways for stage in stages if isinstance(stage, Guided)):
            if shot.shot in faces:
                stage.guide(faces[shot.shot], shot.slots.start * request.factor)

        before, last = _parted(ways, shot) if request.clean else (ways, [[] for _ in ways])

        def failed(frames: FrameRange, error: NetError, last: list[Sequence[Stage]] = last) -> None:
            interventions.append(Intervention(frames, NET_FAILED, 1.0, str(error)))
            last.pop(0)

        source = _source(request, shot, late, opened)
        for clip in chain.run_guarded(before, source, part.frames, failed):
            for made in chain.run(last[0], [clip], clip.frames) if last[0] else (clip,):
                for index, frame in enumerate(made.frames):
                    codes = quantiser.codes(made, index)
                    own = quantiser.luma(clip, frame - clip.frames.start) if last[0] else codes[0]
                    yield _Picture(codes, own)
        for steps, stages in zip((shot.steps, shot.instead), ways, strict=False):
            interventions.extend(_record(part, steps, stages))
            seen.extend(witnessed(part, stages))


def _parted(ways: Sequence[Sequence[Stage]], shot: ShotPlan) -> tuple[list[Sequence[Stage]], list[Sequence[Stage]]]:
    """The ways without the stage that gives grain back, and that stage of each, where it has one."""
    places = [
        len(stages) - clean.grained(steps) for stages, steps in zip(ways, (shot.steps, shot.instead), strict=False)
    ]
    return (
        [stages[:place] for stages, place in zip(ways, places, strict=True)],
        [stages[place:] for stages, place in zip(ways, places, strict=True)],
    )


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
    """Hashes and sends pictures from a second thread, so that the chain computes meanwhile; two wait at most.

    The first of the pipes takes them as they are, the second, where there is one, without grain.
    """

    def __init__(self, pipes: Sequence[EncoderPipe], digests: list[str]) -> None:
        self._pipes = pipes
        self._digests = digests
        self._queue: Queue[_Picture | None] = Queue(maxsize=2)
        self._error: BaseException | None = None
        self._thread = Thread(target=self._work, daemon=True)

    def send(self, picture: _Picture) -> None:
        if self._error is not None:
            raise self._error
        self._queue.put(picture)

    def __enter__(self) -> _Feeder:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._queue.put(None)
        self._thread.join()
        if self._error is not None and kind is None:
            raise self._error

    def _work(self) -> None:
        while (picture := self._queue.get()) is not None:
            if self._error is not None:
                continue  # drain, so that the sender never waits on a full queue
            try:
                self._digests.append(frame_digest(picture.codes))
                for pipe, luma in zip(self._pipes, (picture.codes[0], picture.clean), strict=False):
                    for plane in (luma, *picture.codes[1:]):
                        pipe.write(plane)
            except BaseException as error:  # noqa: BLE001 - handed to the sender
                self._error = error


def _content(decoded: Sequence[str], beside: Path | None) -> str:
    """What pieces are told apart by: their decoded pictures, and the clean ones beside them."""
    digest = hashlib.sha256("\n".join(decoded).encode())
    if beside is not None:
        _counted(beside, len(decoded))
        digest.update(records.file_digest(beside, VerificationError).encode())
    return digest.hexdigest()


def _read_back(path: Path, expected: int) -> tuple[str, ...]:
    index = _counted(path, expected)
    with VideoReader(path, index) as reader:
        return tuple(frame_digest(picture.planes) for picture in reader.read(FrameRange(0, expected)))


def _counted(path: Path, expected: int) -> VideoIndex:
    index = index_video(path)
    if index.frames != expected:
        raise VerificationError(
            f"{path.name} holds {index.frames} frames instead of {expected}",
            "the encoder lost or invented frames",
            "run the same command again; if it stays, choose another master.codec",
        )
    return index
