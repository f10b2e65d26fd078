"""Assembling the products: the master with its frame list, the stream folder; each checked before it gets its name."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from footlights.core import records
from footlights.core.encodes import BasePictures, ChunkEncode, EncodePlan
from footlights.core.products import Check, MasterFacts
from footlights.core.signal import BT709_SIGNAL, Signal
from footlights.core.source import Ingest
from footlights.core.time import SpanKind, TimeMap
from footlights.encoding.package import Rendition, write_stream
from footlights.encoding.streamcheck import Expected, check_stream
from footlights.errors import VerificationError
from footlights.media.audio import AudioTrack
from footlights.media.mux import MuxFacts, payload_digest, write_master
from footlights.media.pieces import Clock, Piece
from footlights.media.reader import VideoIndex, index_video
from footlights.media.soundtrack import Container

FRAME_LIST = "master.frames.csv"
_CONTAINERS = {"mkv": Container.MATROSKA, "mov": Container.MOV, "mp4": Container.MP4}
_MATROSKA_TOLERANCE = Fraction(1, 2000)
"""Matroska counts milliseconds."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The clock of the output: a rate, or the time of every frame."""

    rate: Fraction
    frames: int
    times: tuple[Fraction, ...] = ()
    """Only where frames follow no common clock."""
    end: Fraction = Fraction(0)

    def clock(self) -> Clock:
        if self.times:
            return Clock(self.times, self.end, self.rate)
        return Clock([Fraction(frame) / self.rate for frame in range(self.frames)], self.frames / self.rate, self.rate)


@dataclass(frozen=True, slots=True)
class SoundPlan:
    """What becomes of the tape's sound; by default it is taken as it is."""

    speed: Fraction = Fraction(1)
    """Of the pictures; the sound of slow motion is stretched to their length."""
    dropped: bool = False

    @property
    def stretched(self) -> bool:
        """Whether a task of its own stretches it."""
        return self.speed != 1 and not self.dropped


AS_IT_IS = SoundPlan()


@dataclass(frozen=True, slots=True)
class MasterRequest:
    """Everything the master is put together from besides its inputs."""

    container: str
    width: int
    height: int
    timing: Timing
    time_map: TimeMap
    codec: str
    sound: SoundPlan = AS_IT_IS


@dataclass(frozen=True, slots=True)
class PieceFile:
    """One finished piece."""

    path: Path
    restored: tuple[str, ...]
    """SHA-256 of every frame before encoding."""
    decoded: tuple[str, ...]
    """SHA-256 of every frame as it decodes."""
    held: frozenset[int] = frozenset()
    """Output frames that show a neighbour where one was to be interpolated."""


@dataclass(frozen=True, slots=True)
class MasterResult:
    """A written and verified master."""

    facts: MasterFacts
    checks: tuple[Check, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """Everything the stream is packaged from besides its inputs."""

    plan: EncodePlan
    timing: Timing
    sound_rate: int
    """Bits per second of the AAC sound."""
    sound: SoundPlan = AS_IT_IS
    signal: Signal = BT709_SIGNAL
    """Of the renditions."""


def write(
    request: MasterRequest, ingest: Ingest, sound: Sequence[AudioTrack], pieces: Sequence[PieceFile], folder: Path
) -> MasterResult:
    """Write `master.…` and its frame list; VerificationError where the file does not hold what it should."""
    target = folder / f"master.{request.container}"
    clock = request.timing.clock()
    muxed = write_master(
        target,
        _CONTAINERS[request.container],
        [Piece(piece.path, len(piece.decoded)) for piece in pieces],
        clock,
        sound=sound,
        timecode=timecode_of(ingest, request.timing, request.sound),
    )
    records.write(folder / FRAME_LIST, frame_list(request, pieces, clock.times))
    found = index_video(target)
    checks = (*_picture_checks(request, clock, found, muxed), *_sound_checks(sound, target, muxed))
    refuse_failed(checks, target.name)
    facts = MasterFacts(
        file=target.name,
        bytes=target.stat().st_size,
        width=found.width,
        height=found.height,
        frames=found.frames,
        rate=request.timing.rate,
        codec=muxed.codec,
        content=content_of(pieces, clock.times),
    )
    return MasterResult(facts, checks, tuple(track.note for track in muxed.sound if track.note))


Bases = Mapping[str, tuple[BasePictures, ...]]
"""Chunks of AV1 renditions without film grain, by rendition."""


def bases(encodes: Sequence[ChunkEncode]) -> dict[str, tuple[BasePictures, ...]]:
    """What the chunks of all renditions decode to without film grain; renditions that have none are left out."""
    found: dict[str, tuple[BasePictures, ...]] = {}
    for one in encodes:
        if one.grain is not None and one.grain.base:
            chunk = BasePictures(len(one.frames), one.grain.drawn_frames, one.grain.base)
            found[one.rung] = (*found.get(one.rung, ()), chunk)
    return found


def write_stream_folder(
    request: StreamRequest, sound: Sequence[AudioTrack], chunks: Sequence[Path], folder: Path, base: Bases
) -> tuple[tuple[Check, ...], dict[str, str]]:
    """Package all renditions and the sound, decode everything back, refuse what does not fit.

    Returns the checks, and the SHA-256 of every track by its name.
    """
    plan, clock = request.plan, request.timing.clock()
    per_rung = len(plan.chunks)
    renditions = [
        Rendition(
            rung.name,
            tuple(
                Piece(path, len(frames))
                for path, frames in zip(chunks[number * per_rung : (number + 1) * per_rung], plan.chunks, strict=True)
            ),
            request.signal,
        )
        for number, rung in enumerate(plan.rungs)
    ]
    stream = write_stream(folder, renditions, clock, plan.segments, sound=sound, sound_bit_rate=request.sound_rate)
    contents = {
        **{variant.track.name: variant.track.content for variant in stream.video},
        **{variant.track.name: variant.track.content for variant in stream.sound},
    }
    checks = check_stream(folder, expected_stream(request, sound, contents, base))
    refuse_failed(checks, "the stream")
    return checks, contents


def expected_stream(
    request: StreamRequest, sound: Sequence[AudioTrack], contents: Mapping[str, str], base: Bases
) -> Expected:
    """What a stream must hold that was packaged from this request."""
    return Expected(
        clock=request.timing.clock(),
        segments=request.plan.segments,
        renditions=tuple(rung.name for rung in request.plan.rungs),
        sound=tuple(sound),
        signal=request.signal,
        contents=contents,
        base=base,
    )


def timecode_of(ingest: Ingest, timing: Timing, sound: SoundPlan) -> str | None:
    """The tape's timecode, where the frames to be counted are its own, or two for each of them."""
    own = timing.rate in (ingest.source.rate, 2 * ingest.source.rate) and sound.speed == 1
    return ingest.source.timecode if own else None


def sound_tracks(ingest: Ingest, folder: Path, plan: SoundPlan = AS_IT_IS) -> list[AudioTrack]:
    """The tape's sound in a folder: that of the ingest, which kept it as it was, or of the task that stretched it."""
    return [
        AudioTrack(folder / f"audio-{audio.index}.nut", audio.start / plan.speed, audio.language)
        for audio in ingest.sounding
        if audio.start is not None and not plan.dropped
    ]


def frame_list(request: MasterRequest, pieces: Sequence[PieceFile], times: Sequence[Fraction]) -> str:
    """CSV: every output frame with its exact time, where it came from, and its digests."""
    restored = [digest for piece in pieces for digest in piece.restored]
    decoded = [digest for piece in pieces for digest in piece.decoded]
    lines = ["frame,seconds,source_instant,origin,restored_sha256,decoded_sha256"]
    mapped = request.time_map
    held = {frame for piece in pieces for frame in piece.held}
    kinds: list[SpanKind] = [span.kind for span in mapped.spans for _ in span.out]
    for frame, (moment, before, after) in enumerate(zip(times, restored, decoded, strict=True)):
        kind = kinds[frame]
        if mapped.between(frame):
            kind = SpanKind.REPEATED if frame in held else SpanKind.INTERPOLATED
        lines.append(f"{frame},{moment},{frame * mapped.step / mapped.instants},{kind},{before},{after}")
    return "\n".join(lines) + "\n"


def content_of(pieces: Sequence[PieceFile], times: Sequence[Fraction]) -> str:
    """SHA-256 over every decoded frame's digest and exact time: the identity of the master's pictures."""
    total = hashlib.sha256()
    digests = (digest for piece in pieces for digest in piece.decoded)
    for digest, moment in zip(digests, times, strict=True):
        total.update(f"{digest} {moment}\n".encode())
    return total.hexdigest()


def refuse_failed(checks: Sequence[Check], what: str) -> None:
    """VerificationError naming the first check that failed."""
    failed = [check for check in checks if not check.passed]
    if failed:
        first = failed[0]
        raise VerificationError(
            f"{what} failed {len(failed)} of {len(checks)} checks; first: {first.name}",
            f"found {first.found}, expected {first.expected}",
            "run the same command again; if it stays, report it with the job's log",
        )


def _picture_checks(request: MasterRequest, clock: Clock, found: VideoIndex, muxed: MuxFacts) -> list[Check]:
    expected = request.timing.frames
    checks = [
        Check("master frames", found.frames == expected, str(found.frames), str(expected)),
        Check(
            "master size",
            (found.width, found.height) == (request.width, request.height),
            f"{found.width}×{found.height}",
            f"{request.width}×{request.height}",
        ),
    ]
    times = [stamp * found.time_base - muxed.video_start for stamp in found.pts]
    worst = max((abs(a - b) for a, b in zip(times, clock.times, strict=False)), default=Fraction(0))
    limit = _MATROSKA_TOLERANCE if request.container == "mkv" else Fraction(0)
    checks.append(
        Check(
            "master times", worst <= limit, f"at most {float(worst) * 1000:.4f} ms off", f"{float(limit) * 1000:g} ms"
        )
    )
    return checks


def _sound_checks(sound: Sequence[AudioTrack], target: Path, muxed: MuxFacts) -> list[Check]:
    checks = []
    for number, (track, facts) in enumerate(zip(sound, muxed.sound, strict=False)):
        name = f"master sound {number + 1}"
        if facts.copied:
            _, digest = payload_digest(target, number)
            checks.append(Check(f"{name} payload", digest == facts.payload, digest[:16], facts.payload[:16]))
        apart = abs(facts.start - track.start)
        limit = _MATROSKA_TOLERANCE * 2
        checks.append(
            Check(f"{name} offset", apart <= limit, f"{float(facts.start):+.6f} s", f"{float(track.start):+.6f} s")
        )
    return checks
