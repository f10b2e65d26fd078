"""Artifacts: immutable folders named by the key of what made them, under their final name only when complete.

Order of publishing: files fsynced and hashed, manifest, fsync, rename, fsync of the parent, files made read-only. An
fsync that fails is never tried again (the kernel may have dropped the pages: "fsyncgate"); its OSError goes upward.
Layout: `artifacts/ab/<key>/`, `tmp/<key>.<uuid>/`, `quarantine/`, all in one file system.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from io import FileIO
from pathlib import Path, PurePosixPath
from uuid import uuid4

from footlights.core import records
from footlights.engine import manifest as manifests
from footlights.engine.manifest import DamagedArtifactError, FileRecord, Making, Manifest
from footlights.engine.tasks import JSON
from footlights.errors import InternalError

_TAKEN = (errno.ENOTEMPTY, errno.EEXIST)
_TRIES = 3
_DAMAGE = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.EIO)
"""Errors of reading that condemn an artifact; others, like too many open files, say nothing about it."""


class Level(Enum):
    """How closely an artifact is looked at before it is trusted."""

    QUICK = "quick"
    """The manifest holds, and the files are exactly the listed ones with the listed sizes."""
    FULL = "full"
    """QUICK, and every byte hashed."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A published result."""

    key: str
    folder: Path
    manifest: Manifest

    @property
    def content(self) -> str:
        """Name of what came out."""
        return self.manifest.content

    @property
    def facts(self) -> Mapping[str, JSON]:
        """What the op reported besides its files."""
        return self.manifest.making.facts

    def path(self, name: str) -> Path:
        """Where the file `name` lies; a name the artifact does not have is an InternalError."""
        if name not in self.manifest.files:
            raise InternalError(
                f"artifact {self.key[:12]} of '{self.manifest.making.task}' has no file '{name}'",
                f"it has {', '.join(sorted(self.manifest.files)) or 'none'}",
                "report this",
            )
        return self.folder / name


@dataclass(frozen=True, slots=True)
class Published:
    """The artifact that now stands under the key, and what was strange about it."""

    artifact: Artifact
    nondeterminism: str = ""
    """Set when another result already stood there with other content; the first is kept."""


class ArtifactStore:
    """The artifacts of one job folder. Several processes may publish at once."""

    def __init__(self, job_folder: Path) -> None:
        self.job_folder = job_folder
        self._artifacts = job_folder / "artifacts"
        self._tmp = job_folder / "tmp"
        self._quarantine = job_folder / "quarantine"

    def prepare(self) -> None:
        """Make the folders of the layout."""
        for folder in (self._artifacts, self._tmp, self._quarantine):
            folder.mkdir(parents=True, exist_ok=True)
        records.sync_folder(self.job_folder)

    def folder_of(self, key: str) -> Path:
        """Final place of an artifact, whether or not it exists."""
        return self._artifacts / key[:2] / key

    def draft(self, key: str) -> Path:
        """A new empty folder to write a result into."""
        folder = self._tmp / f"{key}.{uuid4().hex}"
        folder.mkdir(parents=True)
        return folder

    def discard(self, folder: Path) -> None:
        """Remove a draft as far as possible; what is left is removed by `clean_tmp`."""
        shutil.rmtree(folder, ignore_errors=True)

    def discard_drafts(self, key: str) -> None:
        """Remove what killed workers left of this artifact; nobody may be working on it."""
        for folder in self._tmp.glob(f"{key}.*"):
            self.discard(folder)

    def publish(self, folder: Path, making: Making) -> Published:
        """Give a finished draft its final name. Publishing the same key again changes nothing.

        Symbolic links and special files inside are an InternalError; OSErrors of the disk go upward unchanged.
        """
        names = sorted(_names(folder))
        if manifests.NAME in names:
            raise InternalError(f"'{making.task}' wrote {manifests.NAME}", "that name is the engine's", "report this")
        files = {name: _fsync_and_hash(folder / name) for name in names}
        manifest = manifests.complete(making, files)
        _write_new(folder / manifests.NAME, manifests.to_text(manifest).encode())
        for inside in sorted({parent for name in names for parent in PurePosixPath(name).parents}, reverse=True):
            records.sync_folder(folder / inside)
        records.sync_folder(folder)
        return self._give_name(folder, manifest)

    def validate(self, key: str, level: Level = Level.QUICK) -> Artifact | None:
        """The artifact under `key`, None if there is none; DamagedArtifactError says what is wrong with it."""
        folder = self.folder_of(key)
        try:
            if not stat.S_ISDIR(folder.lstat().st_mode):
                raise DamagedArtifactError(key, "its place is taken by something that is no folder")
            with _open_plain(folder / manifests.NAME) as file:
                manifest = manifests.from_text(file.read(), key)
            _compare(key, folder, manifest, level)
        except FileNotFoundError as error:
            if not os.path.lexists(folder):
                return None
            raise DamagedArtifactError(key, f"{error.filename} is missing") from error
        except OSError as error:
            if error.errno not in _DAMAGE:
                raise
            raise DamagedArtifactError(key, f"it cannot be read ({error})") from error
        return Artifact(key, folder, manifest)

    def manifest_of(self, key: str) -> Manifest | None:
        """The manifest under `key` if it can be read, whatever the files look like."""
        try:
            with _open_plain(self.folder_of(key) / manifests.NAME) as file:
                return manifests.from_text(file.read(), key)
        except (OSError, DamagedArtifactError):
            return None

    def keys(self) -> tuple[str, ...]:
        """Keys of all artifacts that stand under their final names, sound or not."""
        return tuple(folder.name for folder in sorted(self._artifacts.glob("??/*")))

    def all_manifests(self) -> Iterator[Manifest]:
        """Every readable manifest, to rebuild an index from; unreadable ones are met when they are needed."""
        for key in self.keys():
            manifest = self.manifest_of(key)
            if manifest is not None:
                yield manifest

    def quarantine(self, key: str) -> Path | None:
        """Move the artifact under `key` aside; returns its new place, None if there was nothing."""
        try:
            return self._put_aside(self.folder_of(key), key)
        except FileNotFoundError:
            return None

    def clean_tmp(self) -> int:
        """Remove all drafts; only the holder of the job's lock may. Returns how many there were."""
        count = 0
        for entry in list(self._tmp.iterdir()):
            count += 1
            for _ in range(_TRIES):  # a worker that is just being killed may still add a file
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry, ignore_errors=True)
                else:
                    entry.unlink(missing_ok=True)
                if not os.path.lexists(entry):
                    break
        return count

    def free_bytes(self) -> int:
        """Bytes an ordinary user can still write in the job folder's file system."""
        state = os.statvfs(self.job_folder)
        return state.f_bavail * state.f_frsize

    def _give_name(self, folder: Path, manifest: Manifest) -> Published:
        key = manifest.making.key
        place = self.folder_of(key)
        if not place.parent.is_dir():
            place.parent.mkdir(parents=True, exist_ok=True)
            records.sync_folder(self._artifacts)
        for _ in range(_TRIES):
            try:
                folder.rename(place)
            except OSError as error:
                if error.errno not in _TAKEN:
                    raise
                first = self._first(key)
                if first is not None:
                    return self._keep_first(folder, manifest, first)
                continue
            records.sync_folder(place.parent)
            for name in (*manifest.files, manifests.NAME):
                (place / name).chmod(0o444)
            return Published(Artifact(key, place, manifest))
        raise InternalError(f"artifact {key[:12]} cannot take its place", f"{place} keeps reappearing", "report this")

    def _first(self, key: str) -> Artifact | None:
        """The sound artifact that already stands under `key`; a damaged one is put aside."""
        try:
            return self.validate(key)
        except DamagedArtifactError:
            self.quarantine(key)
            return None

    def _keep_first(self, folder: Path, ours: Manifest, first: Artifact) -> Published:
        if ours.content == first.content:
            self.discard(folder)
            return Published(first)
        aside = self._put_aside(folder, ours.making.key)
        return Published(
            first,
            f"made again with content {ours.content[:12]} instead of {first.content[:12]}; the first is kept, "
            f"the other is in {aside.relative_to(self.job_folder)}",
        )

    def _put_aside(self, folder: Path, key: str) -> Path:
        place = self._quarantine / f"{key}.{uuid4().hex[:8]}"
        folder.rename(place)
        records.sync_folder(folder.parent)
        records.sync_folder(self._quarantine)
        return place


def _names(folder: Path, prefix: str = "") -> Iterator[str]:
    """Relative POSIX names of all plain files; anything that is neither file nor folder is refused."""
    with os.scandir(folder) as entries:
        for entry in entries:
            name = prefix + entry.name
            if entry.is_dir(follow_symlinks=False):
                yield from _names(Path(entry.path), name + "/")
            elif entry.is_file(follow_symlinks=False) and _is_text(name):
                yield name
            else:
                raise InternalError(
                    f"{entry.path!r} cannot be part of an artifact", "it is no plain file", "report this"
                )


def _is_text(name: str) -> bool:
    with suppress(UnicodeEncodeError):
        return bool(name.encode())
    return False


def _compare(key: str, folder: Path, manifest: Manifest, level: Level) -> None:
    """Raise DamagedArtifactError at the first difference between the files and the manifest."""
    try:
        found = set(_names(folder)) - {manifests.NAME}
    except InternalError as error:
        raise DamagedArtifactError(key, error.what) from error
    for name in sorted(found ^ set(manifest.files)):
        raise DamagedArtifactError(key, f"{name} is {'not in its list' if name in found else 'missing'}")
    for name, record in manifest.files.items():
        size = (folder / name).lstat().st_size
        if size != record.bytes:
            raise DamagedArtifactError(key, f"{name} has {size} bytes instead of {record.bytes}")
        if level is Level.FULL and _hash(folder / name) != record.sha256:
            raise DamagedArtifactError(key, f"{name} has other bytes than were published")


def _hash(path: Path) -> str:
    with _open_plain(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fsync_and_hash(path: Path) -> FileRecord:
    with _open_plain(path) as file:
        os.fsync(file.fileno())
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return FileRecord(os.fstat(file.fileno()).st_size, sha256)


def _open_plain(path: Path) -> FileIO:
    """Open for reading without following a symbolic link at the end."""
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb", buffering=0)


def _write_new(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
