"""`footlights verify`: everything a job folder holds, read again and compared with what was made.

Three layers, from bytes to pictures: every artifact against its manifest, every product against `SHA256SUMS`, and the
decoded pictures and sound of ingest, master and stream against the digests taken when they were made.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from footlights.core import records
from footlights.core.encodes import BasePictures
from footlights.core.products import Check
from footlights.core.source import Ingest
from footlights.core.time import FrameRange
from footlights.encoding.streamcheck import check_stream
from footlights.engine.artifacts import Artifact, ArtifactStore, Level
from footlights.engine.events import Estimate, OpUnits
from footlights.engine.lock import JobLock
from footlights.engine.manifest import DamagedArtifactError
from footlights.errors import FootlightsError
from footlights.ingest import ingest as taking_in
from footlights.media.lossless import frame_digest
from footlights.media.reader import VideoReader, index_video
from footlights.pipeline import assembly, ops, soundcaring
from footlights.pipeline.job import require
from footlights.pipeline.products import SUMS, read_list
from footlights.pipeline.session import Listener

_STEP = 50
"""Frames between two messages of progress."""


def verify(folder: Path, listen: Listener) -> tuple[Check, ...]:
    """All checks of a job folder, failed ones among them. Changes nothing; what is not finished yet is not missed."""
    require(folder)
    with JobLock(folder):
        return tuple(_checks(folder, _Meter(listen)))


class _Meter:
    """Tells how far each part of the verification is."""

    def __init__(self, listen: Listener) -> None:
        self._listen = listen
        self._units: dict[str, OpUnits] = {}

    def tell(self, what: str, done: int, total: int) -> None:
        """`done` of `total`; passed on at every fiftieth."""
        if done % _STEP == 0 or done == total:
            self._units[what] = OpUnits(what, done, total)
            self._listen(Estimate(tuple(self._units.values()), None, 0.0))


def _checks(folder: Path, meter: _Meter) -> Iterator[Check]:
    artifacts: list[Artifact] = []
    yield from _check_artifacts(ArtifactStore(folder), artifacts, meter)
    listed = read_list(folder)
    yield from _check_products(folder, listed, meter)
    for artifact in artifacts:
        if (artifact.folder / taking_in.HASHES).is_file():
            yield _check_pictures("ingest", artifact.folder / taking_in.PICTURES, _hashes(artifact), meter)
    for name in listed:
        if name.startswith("master.") and name != assembly.FRAME_LIST:
            yield _check_pictures(name, folder / name, _decoded(folder), meter)
    stream = [one for one in artifacts if _is_published(one, listed)]
    if stream:
        yield from _check_stream(folder, stream[-1], artifacts)


def _check_artifacts(store: ArtifactStore, sound: list[Artifact], meter: _Meter) -> Iterator[Check]:
    """Every artifact hashed; those that are whole are appended to `sound`."""
    keys = store.keys()
    for number, key in enumerate(keys, 1):
        try:
            artifact = store.validate(key, Level.FULL)
        except DamagedArtifactError as error:
            yield Check(f"artifact {key[:12]}", passed=False, found=error.why, expected="as published")
        else:
            if artifact is not None:
                sound.append(artifact)
        meter.tell("artifacts", number, len(keys))
    yield Check("artifacts", len(sound) == len(keys), f"{len(sound)} whole", f"{len(keys)}")


def _check_products(folder: Path, listed: dict[str, str], meter: _Meter) -> Iterator[Check]:
    whole = 0
    for number, (name, digest) in enumerate(listed.items(), 1):
        found = records.file_digest(folder / name) if (folder / name).is_file() else "missing"
        if found == digest:
            whole += 1
        else:
            yield Check(name, passed=False, found=found[:16], expected=digest[:16])
        meter.tell("products", number, len(listed))
    for path in sorted([*folder.glob("master.*"), *folder.glob("report.*"), *folder.glob("stream/*.m*")]):
        name = str(path.relative_to(folder))
        if name not in listed:
            yield Check(name, passed=False, found=f"not in {SUMS}", expected="listed")
    yield Check(f"files listed in {SUMS}", whole == len(listed), f"{whole} whole", f"{len(listed)}")


def _check_pictures(name: str, path: Path, digests: Sequence[str], meter: _Meter) -> Check:
    """Every frame decoded and hashed."""
    expected = f"{len(digests)} frames as they were made"
    done = 0
    try:
        index = index_video(path)
        if index.frames != len(digests):
            return Check(f"{name}: pictures", passed=False, found=f"{index.frames} frames", expected=expected)
        with VideoReader(path, index) as reader:
            for picture in reader.read(FrameRange(0, len(digests))):
                if frame_digest(picture.planes) != digests[picture.number]:
                    found = f"frame {picture.number} decodes differently"
                    return Check(f"{name}: pictures", passed=False, found=found, expected=expected)
                done += 1
                meter.tell(f"{name}: pictures", done, len(digests))
    except FootlightsError as error:
        return Check(f"{name}: pictures", passed=False, found=f"{error.what}: {error.why}", expected=expected)
    return Check(f"{name}: pictures", passed=True, found=f"{done} frames", expected=expected)


def _check_stream(folder: Path, package: Artifact, artifacts: Sequence[Artifact]) -> Iterator[Check]:
    """The published stream against what it was packaged from."""
    request = package.manifest.making.request
    inputs, params = request["in"], request["params"]
    assert isinstance(inputs, list)
    assert isinstance(params, dict)
    origin = next((one for one in artifacts if one.content == inputs[0]), None)
    if origin is None:
        yield Check("stream: its ingest", passed=False, found="missing or damaged", expected="whole")
        return
    asked = records.from_data(assembly.StreamRequest, params["request"], "the stream's request")
    contents = records.read(dict[str, str], package.folder / ops.CONTENTS)
    base = records.read(dict[str, tuple[BasePictures, ...]], package.folder / ops.BASES)
    record = records.read(Ingest, origin.folder / taking_in.RECORD)
    folder_of_sound, _ = soundcaring.sound_of(origin, [one for one in artifacts if one.content in inputs[1:]])
    sound = assembly.sound_tracks(record, folder_of_sound, asked.sound)
    yield from check_stream(folder / "stream", assembly.expected_stream(asked, sound, contents, base))


def _is_published(artifact: Artifact, listed: dict[str, str]) -> bool:
    """Whether this is the packaging whose stream the job shows."""
    files = artifact.manifest.files
    return ops.CONTENTS in files and all(
        listed.get(name) == file.sha256 for name, file in files.items() if name.startswith("stream/")
    )


def _hashes(artifact: Artifact) -> tuple[str, ...]:
    return taking_in.read_hashes(artifact.folder)


def _decoded(folder: Path) -> tuple[str, ...]:
    """Digests of the master's frames from its frame list; none where that cannot be read."""
    try:
        with (folder / assembly.FRAME_LIST).open(encoding="utf-8", newline="") as file:
            return tuple(row["decoded_sha256"] for row in csv.DictReader(file))
    except (OSError, KeyError, ValueError):
        return ()
