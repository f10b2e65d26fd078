"""What is shown: a finished stream folder as its tracks and segments, read from its own manifests.

Nothing of a folder is served but what is listed here, so that a path from outside never reaches the file system.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from footlights.encoding.cmaf import HEADER_FILE
from footlights.encoding.dash import MANIFEST_FILE, Representation, read_manifest
from footlights.encoding.hls import MASTER_FILE, Tag, read_master
from footlights.errors import SourceError, UsageError

_LARGEST_MANIFEST = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Track:
    """One rendition or sound track of a stream folder."""

    name: str
    """Also its folder."""
    codecs: str
    """RFC 6381."""
    bandwidth: int
    """Bits per second, peak (RFC 8216)."""
    width: int
    """0 for sound."""
    height: int
    timescale: int
    """Ticks per second."""
    files: tuple[str, ...]
    """Segments, relative to the folder of the stream, in order."""
    sizes: tuple[int, ...]
    """Bytes of every segment."""
    marks: tuple[int, ...]
    """Ticks at which segments begin, and the end."""

    @property
    def header(self) -> str:
        return f"{self.name}/{HEADER_FILE}"

    @property
    def is_sound(self) -> bool:
        return self.width == 0


@dataclass(frozen=True, slots=True)
class Programme:
    """A stream folder."""

    folder: Path
    duration: Fraction
    """Seconds."""
    tracks: tuple[Track, ...]
    """Pictures in the order of the manifests, then sound."""
    tags: tuple[Tag, ...]
    """EXT-X-STREAM-INF and EXT-X-MEDIA of the multivariant playlist."""

    @property
    def target(self) -> int:
        """The longest segment, rounded to seconds."""
        longest = max(
            Fraction(late - early, track.timescale)
            for track in self.tracks
            for early, late in zip(track.marks, track.marks[1:], strict=False)
        )
        return max(1, int(longest + Fraction(1, 2)))

    def track(self, name: str) -> Track:
        """By name; KeyError where there is none."""
        return named(self.tracks, name)


def named(tracks: Sequence[Track], name: str) -> Track:
    """The track called so; KeyError where there is none."""
    for track in tracks:
        if track.name == name:
            return track
    raise KeyError(name)


def read_programme(folder: Path) -> Programme:
    """Read a stream folder, or the job folder that holds one as `stream/`.

    Raises SourceError where it is none or where a file that its manifest names is missing or empty.
    """
    if not (folder / MANIFEST_FILE).is_file() and (folder / "stream" / MANIFEST_FILE).is_file():
        folder = folder / "stream"
    try:
        duration, found = read_manifest(_text(folder, MANIFEST_FILE))
        tags = read_master(_text(folder, MASTER_FILE))
    except ValueError as error:
        raise _unfit(folder, str(error)) from error
    if not found or duration <= 0:
        raise _unfit(folder, "its manifest lists nothing to show")
    tracks = tuple(_track(folder, one) for one in found)
    listed = {tag.uri.split("/")[0] for tag in tags if tag.name in ("STREAM-INF", "MEDIA")}
    if listed != {track.name for track in tracks}:
        raise _unfit(folder, f"its HLS playlist lists {sorted(listed)}, its DASH manifest something else")
    return Programme(folder, duration, tracks, tags)


def check_alike(programmes: Sequence[Programme]) -> None:
    """UsageError unless all programmes have the same tracks, so that a player can go from one to the next."""
    first = programmes[0]
    for other in programmes[1:]:
        if sorted(_kinds(other)) != sorted(_kinds(first)):
            raise UsageError(
                f"{other.folder} cannot follow {first.folder}",
                "they do not have the same renditions and sound tracks",
                "encode both with the same settings",
            )


def _kinds(programme: Programme) -> Iterator[tuple[str, str, int, int]]:
    return ((track.name, track.codecs.split(".")[0], track.width, track.height) for track in programme.tracks)


def _track(folder: Path, found: Representation) -> Track:
    sizes = []
    for file in (found.header, *found.files):
        if "\\" in file or file.startswith("/") or ".." in file.split("/"):
            raise _unfit(folder, f"its manifest names {file!r}, which is no file inside it")
        try:
            sizes.append((folder / file).stat().st_size)
        except OSError as error:
            raise _unfit(folder, f"{file}: {error.strerror or error}") from error
        if not sizes[-1]:
            raise _unfit(folder, f"{file} is empty")
    return Track(
        name=found.name,
        codecs=found.codecs,
        bandwidth=found.bandwidth,
        width=found.width,
        height=found.height,
        timescale=found.timescale,
        files=found.files,
        sizes=tuple(sizes[1:]),
        marks=tuple(int(start * found.timescale) for start in found.starts),
    )


def _text(folder: Path, name: str) -> str:
    path = folder / name
    try:
        if path.stat().st_size > _LARGEST_MANIFEST:
            raise _unfit(folder, f"{name} is larger than any of ours")
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _unfit(folder, f"{name}: {getattr(error, 'strerror', None) or error}") from error


def _unfit(folder: Path, why: str) -> SourceError:
    return SourceError(
        f"{folder} holds no finished stream",
        why,
        "give the stream/ folder of a job that `footlights restore` or `footlights encode` finished",
    )
