"""The functions that tasks run, in a worker process: arguments in, files in a folder, facts out.

Each is thin: it turns plain data into types, calls the layer that does the work, and names what came out. An op knows
its inputs by their order, as the engine asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path

from footlights.analysis import people
from footlights.analysis import sound as listening
from footlights.analysis import survey as analysis
from footlights.core import faces, records
from footlights.core.encodes import BasePictures, ChunkEncode
from footlights.core.faces import PersonTrack
from footlights.core.plans import Intervention
from footlights.core.reports import Survey
from footlights.core.sound_reports import SoundReport
from footlights.core.source import Ingest
from footlights.core.time import FrameRange
from footlights.encoding.encoders import MASTERS
from footlights.engine.artifacts import Artifact
from footlights.engine.ops import OpContext, OpResult
from footlights.engine.tasks import JSON
from footlights.ingest import ingest as taking_in
from footlights.media import ffmpeg
from footlights.media.reader import VideoReader
from footlights.media.soundcare import Wanted
from footlights.media.stretch import stretched
from footlights.models import runtime
from footlights.pipeline import assembly, clean, evidence, faceguard, hdr, provenancetrack, soundcaring
from footlights.pipeline import fidelity as pushing
from footlights.pipeline import worst as worst_pictures
from footlights.pipeline.chunks import ChunkRequest, Picture
from footlights.pipeline.facetracks import FACES, FaceRequest, track
from footlights.pipeline.facewave import PERSONS
from footlights.pipeline.pushback import ShotRequest
from footlights.pipeline.references import seen_large
from footlights.pipeline.restore import PieceRequest, restore_piece
from footlights.pipeline.rungs import encode_chunk
from footlights.planning.provenance import RATE
from footlights.planning.provenancemap import MapRequest
from footlights.report import worst
from footlights.settings import AnalysisSettings, IngestSettings

SURVEY = "survey.json"
RESULT = "result.json"
RESTORED = "restored.sha256"
DECODED = "decoded.sha256"
BASES = "bases.json"
"""What AV1 renditions decode to without film grain, for `footlights verify`."""
CONTENTS = "contents.json"
"""SHA-256 of every track of the stream, for `footlights verify`."""


def ingest(context: OpContext) -> OpResult:
    """Tape → lossless copy. Params: settings, sha256. Place: tape."""
    settings = IngestSettings.model_validate(context.params["settings"])
    record = taking_in.ingest(
        Path(context.places["tape"]),
        context.folder,
        settings,
        sha256=str(context.params["sha256"]),
        progress=context.progress,
    )
    facts: dict[str, JSON] = {
        "frames": record.frames,
        "rate": str(record.source.rate),
        "slots": record.slot_count,
    }
    return OpResult(content=records.digest(records.to_data(record)), facts=facts, environment=_tools())


def measure(context: OpContext) -> OpResult:
    """Ingest → columns of all analysers for frames start..stop. Params: start, stop, settings, versions."""
    (source,) = context.inputs.values()
    record, reader = taking_in.open_ingest(source.folder)
    frames = FrameRange(_number(context, "start"), _number(context, "stop"))
    settings = AnalysisSettings.model_validate(context.params["settings"])
    digests = taking_in.read_hashes(source.folder)
    with reader:
        columns = analysis.measure(record, reader, digests, frames, settings, context.progress)
    analysis.save(context.folder / analysis.SERIES, columns)
    return OpResult(facts={"frames": len(frames)})


def conclude(context: OpContext) -> OpResult:
    """Ingest and all measured parts in order → survey. Params: settings."""
    source, *parts = context.inputs.values()
    record = records.read(Ingest, source.folder / taking_in.RECORD)
    settings = AnalysisSettings.model_validate(context.params["settings"])
    series = analysis.load([part.folder / analysis.SERIES for part in parts])
    found = analysis.conclude(series, record, settings)
    analysis.save(context.folder / analysis.SERIES, series)
    records.write(context.folder / SURVEY, records.dumps(found))
    facts = {"shots": len(found.shots), "gaps": len(found.gaps), "frames": found.frames}
    return OpResult(content=records.digest(records.to_data(found)), facts=facts)


def sound(context: OpContext) -> OpResult:
    """Ingest → what is heard on its tracks, and their loudness over time. Params: version."""
    (source,) = context.inputs.values()
    record = records.read(Ingest, source.folder / taking_in.RECORD)
    duration = record.slot_count / record.source.rate
    found, loudness = [], {}
    tracks = assembly.sound_tracks(record, source.folder)
    for number, (audio, heard) in enumerate(zip(record.sounding, tracks, strict=True)):
        before = number * round(float(duration))
        report, momentary = listening.measure(heard, audio.index, duration, _later(context.progress, before))
        found.append(report)
        loudness[str(audio.index)] = momentary
    records.write(context.folder / RESULT, records.dumps(tuple(found), tuple[SoundReport, ...]))
    analysis.save(context.folder / analysis.SERIES, loudness)
    return OpResult(facts={"tracks": len(found)}, environment=_tools())


def care_sound(context: OpContext) -> OpResult:
    """Ingest → its sound tracks, treated. Params: wanted (a tuple of Wanted)."""
    (source,) = context.inputs.values()
    record = records.read(Ingest, source.folder / taking_in.RECORD)
    wanted = records.from_data(tuple[Wanted, ...], context.params["wanted"], "what is wanted")
    tracks = dict(
        zip((one.index for one in record.sounding), assembly.sound_tracks(record, source.folder), strict=True)
    )
    done = soundcaring.treat(tracks, wanted, context.folder, context.progress)
    return OpResult(facts={"tracks": len(done)}, environment=_tools())


def stretch_sound(context: OpContext) -> OpResult:
    """Ingest, and treated sound → its tracks at another speed. Params: speed."""
    source, *others = context.inputs.values()
    sound_folder, _ = soundcaring.sound_of(source, others)
    record = records.read(Ingest, source.folder / taking_in.RECORD)
    speed = Fraction(str(context.params["speed"]))
    tracks = assembly.sound_tracks(record, sound_folder)
    for number, one in enumerate(tracks, 1):
        stretched(one, speed, context.folder / one.path.name)
        context.progress(number)
    records.write(context.folder / soundcaring.SPEED, f"{speed}\n")
    return OpResult(facts={"tracks": len(tracks)}, environment=_tools())


def list_video(context: OpContext) -> OpResult:
    """Video → its frame times, audio packets and record. Params: settings, sha256. Place: video."""
    settings = IngestSettings.model_validate(context.params["settings"])
    record = taking_in.list_video(
        Path(context.places["video"]), context.folder, settings, sha256=str(context.params["sha256"])
    )
    return OpResult(facts={"frames": record.frames, "rate": str(record.source.rate)}, environment=_tools())


def glance(context: OpContext) -> OpResult:
    """Listed video → columns of a few analysers for frames start..stop. Params: start, stop, versions. Place: video."""
    (listed,) = context.inputs.values()
    record = records.read(Ingest, listed.folder / taking_in.RECORD)
    frames = FrameRange(_number(context, "start"), _number(context, "stop"))
    with VideoReader(Path(context.places["video"])) as reader:
        columns = analysis.measure_glance(record, reader, frames, AnalysisSettings(), context.progress)
    analysis.save(context.folder / analysis.SERIES, columns)
    return OpResult(facts={"frames": len(frames)})


def conclude_glance(context: OpContext) -> OpResult:
    """Listed video and all parts in order → its shots. Params: versions."""
    listed, *parts = context.inputs.values()
    record = records.read(Ingest, listed.folder / taking_in.RECORD)
    series = analysis.load([part.folder / analysis.SERIES for part in parts])
    found = analysis.conclude_glance(series, record)
    records.write(context.folder / SURVEY, records.dumps(found, tuple))
    return OpResult(facts={"shots": len(found), "frames": record.frames})


def thumbnails(context: OpContext) -> OpResult:
    """Ingest and survey → one picture per shot, and those of the worst moments."""
    source, surveyed = context.inputs.values()
    record, reader = taking_in.open_ingest(source.folder)
    found = records.read(Survey, surveyed.folder / SURVEY)
    with reader:
        evidence.write_thumbnails(context.folder, record, reader, found, context.progress)
        series = analysis.load([surveyed.folder / analysis.SERIES])
        moments = worst.moments(found, series, record.source.rate)
        worst_pictures.write(context.folder, record, reader, found, moments)
    return OpResult(facts={"pictures": len(found.shots), "moments": len(moments)})


def track_faces(context: OpContext) -> OpResult:
    """Ingest → the faces of one shot. Params: request (a FaceRequest)."""
    (source,) = context.inputs.values()
    request = records.from_data(FaceRequest, context.params["request"], "the request")
    runtime.grant_threads(context.threads)
    opened = taking_in.open_ingest(source.folder)
    with opened[1]:
        found = track(request, opened, context.folder, context.progress)
    facts: dict[str, JSON] = {"faces": len(found.faces), "left_out": found.left_out, "instants": found.instants}
    return OpResult(facts=facts)


def link_people(context: OpContext) -> OpResult:
    """The faces of all shots → which of them are the same person."""
    linked = people.people_of(faces.load(one.folder / FACES) for one in context.inputs.values())
    found = tuple(PersonTrack(*key, person) for key, person in sorted(linked.items()))
    records.write(context.folder / PERSONS, records.dumps(found, tuple))
    return OpResult(facts={"people": len(set(linked.values())), "tracks": len(found)})


def restore(context: OpContext) -> OpResult:
    """Ingest, and the faces of shots whose plan restores them → one piece of the master. Params: request."""
    source, *tracked = context.inputs.values()
    request = records.from_data(PieceRequest, context.params["request"], "the request")
    master = MASTERS[request.codec]
    followed = {found.shot: found for found in (faces.load(one.folder / FACES) for one in tracked)}
    opened = taking_in.open_ingest(source.folder)
    target = context.folder / f"piece{master.encoder.suffix}"
    with opened[1]:
        result = restore_piece(request, master, opened, target, context.progress, followed, threads=context.threads)
    records.write(context.folder / RESTORED, _lines(result.restored))
    records.write(context.folder / DECODED, _lines(result.decoded))
    faceguard.save(context.folder, result.faces)
    facts: dict[str, JSON] = {
        "frames": result.frames,
        "interventions": records.to_data(result.interventions, tuple),
    }
    return OpResult(content=result.content, facts=facts, environment=_tools())


def compare(context: OpContext) -> OpResult:
    """Ingest, survey and pieces → pictures before and after. Params: moments."""
    source, surveyed, *pieces = context.inputs.values()
    record, reader = taking_in.open_ingest(source.folder)
    found = records.read(Survey, surveyed.folder / SURVEY)
    moments = records.from_data(tuple[evidence.Moment, ...], context.params["moments"], "the moments")
    with reader:
        evidence.write_pairs(context.folder, record, reader, found, [file_of(piece) for piece in pieces], moments)
    return OpResult(facts={"pictures": len(moments)})


def fidelity(context: OpContext) -> OpResult:
    """Ingest and pieces → the master pushed back to the tape, per shot. Params: request (ShotRequests)."""
    source, *pieces = context.inputs.values()
    requests = records.from_data(tuple[ShotRequest, ...], context.params["request"], "the request")
    opened = taking_in.open_ingest(source.folder)
    with opened[1]:
        found = pushing.measure(requests, opened, [file_of(piece) for piece in pieces], context.progress)
    records.write(context.folder / RESULT, records.dumps(found, tuple))
    return OpResult(facts={"shots": len(found)})


def assemble(context: OpContext) -> OpResult:
    """Ingest, all pieces in order, and treated sound → master and its frame list. Params: request."""
    source, *others = context.inputs.values()
    sound_folder, pieces = soundcaring.sound_of(source, others)
    record = records.read(Ingest, source.folder / taking_in.RECORD)
    request = records.from_data(assembly.MasterRequest, context.params["request"], "the request")
    sound = assembly.sound_tracks(record, sound_folder, request.sound)
    sources = [
        assembly.PieceFile(file_of(piece), _read_lines(piece, RESTORED), _read_lines(piece, DECODED), _held(piece))
        for piece in pieces
    ]
    result = assembly.write(request, record, sound, sources, context.folder)
    records.write(context.folder / RESULT, records.dumps(result))
    return OpResult(content=result.facts.content, facts={"frames": result.facts.frames}, environment=_tools())


def map_provenance(context: OpContext) -> OpResult:
    """All pieces in order → the provenance track. Params: request (a MapRequest), timing."""
    asked = records.from_data(MapRequest, context.params["request"], "the request")
    timing = records.from_data(assembly.Timing, context.params["timing"], "the timing")
    touched = [
        one
        for piece in context.inputs.values()
        for one in records.from_data(tuple[Intervention, ...], piece.facts["interventions"], "the piece")
    ]
    frames = provenancetrack.write(asked, timing, touched, context.folder, context.progress)
    return OpResult(facts={"frames": frames}, environment=_tools())


def make_hdr(context: OpContext) -> OpResult:
    """A piece of the master → the same as HDR. Params: request (an HdrPiece)."""
    (piece,) = context.inputs.values()
    request = records.from_data(hdr.HdrPiece, context.params["request"], "the request")
    bright = hdr.make(request, file_of(piece), context.folder / "piece.mkv", context.progress)
    return OpResult(facts={"frames": len(request.frames), "bright": bright}, environment=_tools())


def join_hdr(context: OpContext) -> OpResult:
    """Ingest, all HDR pieces in order, and treated sound → `hdr.mkv`. Params: request (an HdrJoin)."""
    source, *others = context.inputs.values()
    sound_folder, pieces = soundcaring.sound_of(source, others)
    record = records.read(Ingest, source.folder / taking_in.RECORD)
    request = records.from_data(hdr.HdrJoin, context.params["request"], "the request")
    numbers = [(_fact(piece, "frames"), _fact(piece, "bright")) for piece in pieces]
    files = [(file_of(piece), frames) for piece, (frames, _) in zip(pieces, numbers, strict=True)]
    sound = assembly.sound_tracks(record, sound_folder, request.sound)
    made = hdr.join(request, record, sound, files, sum(bright for _, bright in numbers), context.folder)
    records.write(context.folder / RESULT, records.dumps(made))
    return OpResult(facts={"frames": made.frames}, environment=_tools())


def encode(context: OpContext) -> OpResult:
    """A piece, or a range of the place `video` → one chunk of one rendition. Params: request."""
    request = records.from_data(ChunkRequest, context.params["request"], "the request")
    if "video" in context.places:
        picture = Picture(Path(context.places["video"]), request.frames)
    else:
        (piece,) = context.inputs.values()
        picture = _whole(piece, len(request.frames))
    pixels = max(1, round(len(request.frames) * request.rung.width * request.rung.height / 1e6))
    result = encode_chunk(request, picture, context.folder, lambda trials: context.progress(trials * pixels))
    records.write(context.folder / RESULT, records.dumps(result))
    return OpResult(facts={"bytes": result.chosen.bytes, "outcome": result.outcome}, environment=_tools())


def see(context: OpContext) -> OpResult:
    """A piece, or a range of the place `video`, and its chunks of several renditions → how each looks at the size of
    the largest. Params: request (a ChunkRequest of the largest)."""
    request = records.from_data(ChunkRequest, context.params["request"], "the request")
    origin, *chunks = context.inputs.values()
    if "video" in context.places:
        picture = Picture(Path(context.places["video"]), request.frames)
    else:
        picture = _whole(origin, len(request.frames))
    grain = records.read(ChunkEncode, chunks[-1].folder / RESULT).grain
    removed = grain is not None and grain.outcome == "coded"
    seen = seen_large(request, picture, [file_of(chunk) for chunk in chunks], context.folder, removed=removed)
    records.write(context.folder / RESULT, records.dumps(seen, tuple))
    return OpResult(facts={"renditions": len(seen)}, environment=_tools())


def package(context: OpContext) -> OpResult:
    """Ingest, all chunks, rung after rung, and treated sound → stream folder, verified. Params: request."""
    source, *others = context.inputs.values()
    sound_folder, chunks = soundcaring.sound_of(source, others)
    record = records.read(Ingest, source.folder / taking_in.RECORD)
    request = records.from_data(assembly.StreamRequest, context.params["request"], "the request")
    sound = assembly.sound_tracks(record, sound_folder, request.sound)
    base = assembly.bases([records.read(ChunkEncode, chunk.folder / RESULT) for chunk in chunks])
    files = [file_of(chunk) for chunk in chunks]
    checks, contents = assembly.write_stream_folder(request, sound, files, context.folder / "stream", base)
    records.write(context.folder / BASES, records.dumps(base, dict[str, tuple[BasePictures, ...]]))
    records.write(context.folder / RESULT, records.dumps(checks, tuple))
    records.write(context.folder / CONTENTS, records.dumps(contents))
    return OpResult(facts={"checks": len(checks)}, environment=_tools())


def file_of(artifact: Artifact) -> Path:
    """The one video file of an artifact, its clean pictures apart."""
    videos = (path for path in sorted(artifact.folder.iterdir()) if path.suffix in (".mkv", ".mov", ".mp4"))
    (found,) = (path for path in videos if path.name != clean.FILE)
    return found


def _whole(piece: Artifact, frames: int) -> Picture:
    """All pictures of a piece of the master."""
    path = file_of(piece)
    return Picture(path, FrameRange(0, frames), clean.beside(path))


def _later(progress: Callable[[int], None], before: int) -> Callable[[int], None]:
    """Progress of a part that begins after `before` units."""
    return lambda done: progress(before + done)


def _lines(digests: Iterable[str]) -> str:
    return "".join(f"{digest}\n" for digest in digests)


def _read_lines(artifact: Artifact, name: str) -> tuple[str, ...]:
    return tuple((artifact.folder / name).read_text("ascii").split())


def _held(piece: Artifact) -> frozenset[int]:
    """Output frames of a piece for which the conversion of the rate held a real picture."""
    listed = records.from_data(tuple[Intervention, ...], piece.facts["interventions"], "the piece")
    return frozenset(frame for one in listed if one.kind == RATE for frame in one.frames)


def _number(context: OpContext, name: str) -> int:
    value = context.params[name]
    assert isinstance(value, int), f"{name} is a whole number by construction of the task"
    return value


def _fact(artifact: Artifact, name: str) -> int:
    value = artifact.facts[name]
    assert isinstance(value, int), f"{name} is a whole number by construction of the op"
    return value


def _tools() -> dict[str, str]:
    """Versions of what took part, for the manifest."""
    return ffmpeg.versions()
