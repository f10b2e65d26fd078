"""A premiere without a server of ours: the files any web server or bucket serves, written as they become due.

Segments come first, playlists after them, every file whole or not at all. It keeps no state either: killed and begun
again it writes what is due by then.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from footlights.core import records
from footlights.premiere.site import Answer, Site

_AT_MOST = Fraction(5)
"""Seconds between two looks at the clock, should it be set."""


class Publisher:
    """Brings a folder up to what is to be seen at an instant."""

    def __init__(self, site: Site, folder: Path) -> None:
        self._site, self._folder = site, folder
        self._done: set[str] = set()
        self._waiting = sorted(site.segments, key=lambda name: site.segments[name][1].end)
        for name in site.fixed:
            self._put(name, site.answer(name, Fraction(0)))

    def bring_up(self, now: Fraction) -> None:
        """Write what became due, then the playlists and the manifest; take away what the slate no longer needs."""
        schedule = self._site.schedule
        gone = 0
        for name in self._waiting:
            entry = self._site.segments[name][1]
            if not schedule.due(entry, now):
                break
            gone += 1
            left = entry.part == 0 and schedule.opening + entry.end + 2 * schedule.window < now
            if not left:
                self._put(name, self._site.answer(name, now))
                self._done.add(name)
        self._waiting = self._waiting[gone:]
        for name in self._site.moving:
            answer = self._site.answer(name, now)
            if answer.status == 200:
                self._put(name, answer)
        for name in [one for one in self._done if self._site.segments[one][1].part == 0]:
            if schedule.opening + self._site.segments[name][1].end + 2 * schedule.window < now:
                (self._folder / name).unlink(missing_ok=True)
                self._done.discard(name)

    def run(self, clock: Callable[[], Fraction], sleep: Callable[[float], None]) -> None:
        """Until nothing will change any more."""
        while True:
            now = clock()
            self.bring_up(now)
            coming = self._site.schedule.next_change(now)
            if coming is None:
                return
            sleep(float(min(max(coming - clock(), Fraction(0)), _AT_MOST)))

    def _put(self, name: str, answer: Answer) -> None:
        target = self._folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if answer.path is None:
            if not target.is_file() or target.read_bytes() != answer.data:
                records.write(target, answer.data)
            return
        if target.is_file() and target.stat().st_size == answer.size:
            return
        part = target.with_name(f".{target.name}.part")
        part.unlink(missing_ok=True)
        try:
            os.link(answer.path, part)
        except OSError:
            shutil.copyfile(answer.path, part)
        part.replace(target)
