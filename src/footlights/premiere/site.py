"""What is found under which address at which instant: page, playlists, manifest, segments.

Addresses are looked up in a table that is built once; no path from outside is ever joined to a folder. The answer to an
address is a function of the schedule and the clock, so that servers need to know nothing of each other.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from footlights.encoding.boxes import boxes, find
from footlights.premiere import dash, hls
from footlights.premiere.schedule import Entry, Schedule

MULTIVARIANT = "master.m3u8"
FACTS = "premiere.json"
PAGE = "index.html"
PLAYERS = ("hls.min.js", "shaka-player.compiled.js", "dash.all.min.js")
"""Player libraries by the names their own packages give them."""
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mpd": "application/dash+xml",
    ".m4s": "video/iso.segment",
    ".mp4": "video/mp4",
}
FOR_EVER = "public, max-age=31536000, immutable"
_BRIEFLY = "public, max-age=1"
_ASSETS = (PAGE, "player.js", "player.css")


@dataclass(frozen=True, slots=True)
class Answer:
    """What an address holds now: `data`, or the contents of `path`."""

    status: int
    kind: str
    cache: str
    etag: str
    data: bytes = b""
    path: Path | None = None
    size: int = 0


class Site:
    """All addresses of a premiere."""

    def __init__(self, schedule: Schedule, title: str, players: Path | None = None) -> None:
        self.schedule = schedule
        self._fixed = {name: (files("footlights.premiere") / name).read_bytes() for name in _ASSETS}
        self._fixed[MULTIVARIANT] = hls.multivariant(schedule).encode()
        self._fixed[FACTS] = _facts(schedule, title)
        self._files: dict[str, tuple[Path, int]] = {}
        if players is not None:
            for name in PLAYERS:
                if (players / name).is_file():
                    self._files[name] = (players / name, (players / name).stat().st_size)
        self._entries: dict[str, tuple[str, Entry]] = {}
        for part in schedule.parts:
            for track in part.programme.tracks:
                header = part.programme.folder / track.header
                self._files[f"{part.name}/{track.header}"] = (header, header.stat().st_size)
        for name, line in schedule.lines.items():
            self._entries.update((hls.address(schedule, name, entry), (name, entry)) for entry in line)
        self._moving: Mapping[str, Callable[[Fraction], str]] = {
            dash.MANIFEST: lambda now: dash.manifest(schedule, now),
            **{f"{name}.m3u8": _playlist(schedule, name) for name in schedule.lines},
        }
        self._shifted = lru_cache(maxsize=256)(_shifted)
        self._rendered = lru_cache(maxsize=64)(self._render)

    @property
    def fixed(self) -> tuple[str, ...]:
        """Addresses whose content never changes, segments left out."""
        return (*self._fixed, *self._files)

    @property
    def moving(self) -> tuple[str, ...]:
        """Addresses whose content depends on the clock."""
        return tuple(self._moving)

    @property
    def segments(self) -> Mapping[str, tuple[str, Entry]]:
        """Addresses of all segments, with track and entry."""
        return self._entries

    def answer(self, address: str, now: Fraction) -> Answer:
        """What is found there at an instant; status 404 for what is not there, or not yet."""
        name = address or PAGE
        if name in self._fixed:
            return _held(self._fixed[name], name, "public, max-age=60")
        if name in self._moving:
            return self._rendered(name, self._state(now))
        if name in self._files:
            path, size = self._files[name]
            return Answer(200, _kind(name), FOR_EVER, f'"{name}-{size}"', path=path, size=size)
        if name in self._entries:
            return self._segment(name, now)
        return _missing("there is nothing under this address\n")

    def _segment(self, name: str, now: Fraction) -> Answer:
        track, entry = self._entries[name]
        part = self.schedule.parts[entry.part]
        if not self.schedule.due(entry, now):
            return _missing("not yet\n")
        path = part.programme.folder / entry.file
        size = part.programme.track(track).sizes[int(entry.file.split("/")[-1].split(".")[0]) - 1]
        etag = f'"{name}-{size}"'
        if entry.shift:
            data = self._shifted(path, entry.shift)
            return Answer(200, _kind(name), FOR_EVER, etag, data, size=len(data))
        return Answer(200, _kind(name), FOR_EVER, etag, path=path, size=size)

    def _state(self, now: Fraction) -> Fraction:
        """The last instant at which any playlist changed: what is said now was said from then on."""
        return self.schedule.changed(now)

    def _render(self, name: str, since: Fraction) -> Answer:
        text = self._moving[name](since)
        if not text:
            return _missing("the doors are not open yet\n")
        fresh = max(1, self.schedule.target // 2)
        cache = "public, max-age=3600" if self.schedule.on_demand(since) else f"public, max-age={fresh}"
        return _held(text.encode(), name, cache)


def _playlist(schedule: Schedule, name: str) -> Callable[[Fraction], str]:
    return lambda now: hls.media(schedule, name, now)


def _held(data: bytes, name: str, cache: str) -> Answer:
    return Answer(200, _kind(name), cache, f'"{hashlib.sha256(data).hexdigest()[:16]}"', data, size=len(data))


def _missing(why: str) -> Answer:
    return Answer(404, "text/plain; charset=utf-8", _BRIEFLY, "", why.encode(), size=len(why))


def _kind(name: str) -> str:
    return TYPES[name[name.rindex(".") :]]


def _facts(schedule: Schedule, title: str) -> bytes:
    """What the page needs to know; milliseconds since 1970."""
    facts = {
        "title": title,
        "doors": int(schedule.doors * 1000),
        "start": int(schedule.start * 1000),
        "end": int(schedule.end * 1000),
    }
    return json.dumps(facts, ensure_ascii=False).encode()


def _shifted(path: Path, ticks: int) -> bytes:
    return shifted(path.read_bytes(), ticks)


def shifted(segment: bytes, ticks: int) -> bytes:
    """A segment of ours whose decoding begins later: every tfdt (ISO/IEC 14496-12, 8.8.12, version 1) moved."""
    moved = bytearray(segment)
    for box in boxes(segment):
        if box.kind == b"moof":
            clock = find(segment, b"traf", b"tfdt", within=box)
            (time,) = struct.unpack_from(">Q", segment, clock.body + 4)
            struct.pack_into(">Q", moved, clock.body + 4, time + ticks)
    return bytes(moved)
