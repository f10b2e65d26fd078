"""When what is shown: one line of segments per track, from the opening of the lobby to the end. Pure.

A segment has a number that it keeps for ever, and an instant at which it may be seen first: its end, as with a live
encoder. Everything else, playlists above all, is a function of that line and the clock; there is no state to lose, and
any number of servers with the same files and the same start say the same at the same time.

The lobby shows the slate: its opening once, its middle again and again, its end (a countdown) so that it is over
exactly when the programme begins. A repeated segment is the same file with later decoding times (`Entry.shift`), so
that time goes on evenly and no player has to be told of a break.

The idea of playlists as a function of the clock is that of nginx-vod-module (live from VOD).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from footlights.errors import UsageError
from footlights.premiere.programme import Programme, Track

LOOP = Fraction(8)
"""Seconds of the slate's opening, of its middle and of its end: 375 AAC packets at 48 kHz, 80 pictures."""
PER_LOOP = 2
"""Segments of each of them."""
LONGEST_LOBBY = 24 * 3600
HOLD = 60
"""Seconds after the end for which players that were there find the last segments; then the whole becomes video on
demand under the same addresses."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One segment in a track's line."""

    number: int
    """Of the line, from 0; the media sequence number."""
    part: int
    """Which part it belongs to; 0 is the slate."""
    index: int
    """Which segment of its part's line, from 0."""
    file: str
    """In the folder of its part."""
    start: Fraction
    """Seconds from the opening of the lobby."""
    end: Fraction
    tick: int
    """Presentation in ticks of its part."""
    duration: int
    """Ticks."""
    shift: int
    """Ticks to be added to the file's decoding times."""


@dataclass(frozen=True, slots=True)
class Part:
    """A programme, or the slate, at its place."""

    name: str
    """First part of the addresses of its files: `slate`, `1`, `2` …"""
    programme: Programme
    start: Fraction
    """Seconds from the opening of the lobby."""
    duration: Fraction


@dataclass(frozen=True, slots=True)
class Schedule:
    """A premiere: what is shown when. Equal arguments give equal schedules."""

    opening: Fraction
    """Seconds since 1970 UTC: time zero of the line."""
    start: Fraction
    """When the first programme begins."""
    window: Fraction
    """Seconds a player can go back while it is live."""
    parts: tuple[Part, ...]
    lines: dict[str, tuple[Entry, ...]] = field(repr=False)
    """Of every track, by name."""
    ends: dict[str, tuple[Fraction, ...]] = field(repr=False)
    """Ends of the entries of every line, for searching."""
    turns: tuple[Fraction, ...] = field(repr=False)
    """Seconds since 1970 at which a playlist changes: segments, the doors, the end, video on demand."""

    @property
    def duration(self) -> Fraction:
        """Seconds from the opening of the lobby to the end of the last programme."""
        return self.parts[-1].start + self.parts[-1].duration

    @property
    def doors(self) -> Fraction:
        """Seconds since 1970: from when on there is something to play; a whole window is there at once."""
        return self.opening + _whole(self.window)

    @property
    def end(self) -> Fraction:
        """Seconds since 1970: when the last segment is there."""
        return self.opening + self.duration

    @property
    def ending(self) -> Fraction:
        """Seconds since 1970: two target durations after the end, when every player has seen the last segment of every
        track listed, and before one that is three behind has shown it. Said at once, Shaka Player 5.2 may learn it of
        one track before it knows the last segment of another, and never shows that."""
        return self.end + min(Fraction(2 * self.target), Fraction(HOLD, 2))

    @property
    def closing(self) -> Fraction:
        """Seconds since 1970: six target durations later, when every player has asked for the last segment, also one
        that is three behind, as it is told to be, and has stalled since. Not later than the window is long, behind
        whose end players are moved on, and well before the manifest becomes another."""
        return self.end + min(Fraction(6 * self.target), self.window, Fraction(HOLD, 2))

    @property
    def target(self) -> int:
        """EXT-X-TARGETDURATION: of the longest segment of all parts, for ever."""
        return max(part.programme.target for part in self.parts)

    @property
    def model(self) -> Programme:
        """The programme whose tags stand for all: the first."""
        return self.parts[1].programme

    def is_open(self, now: Fraction) -> bool:
        return now >= self.doors

    def is_over(self, now: Fraction) -> bool:
        """Whether a playlist may say that nothing follows."""
        return now >= self.ending

    def is_closed(self, now: Fraction) -> bool:
        """Whether a manifest may say that nothing follows."""
        return now >= self.closing

    def on_demand(self, now: Fraction) -> bool:
        """Whether the premiere has become video on demand."""
        return now >= self.end + HOLD

    def due(self, entry: Entry, now: Fraction) -> bool:
        """Whether a segment may be seen: the embargo."""
        return self.is_open(now) and self.opening + entry.end <= now

    def seen(self, track: str, now: Fraction) -> tuple[Entry, ...]:
        """What the playlist of a track lists: the window, after the end the last window, later all programmes."""
        line, ends = self.lines[track], self.ends[track]
        if self.on_demand(now):
            return tuple(entry for entry in line if entry.part > 0)
        if not self.is_open(now):
            return ()
        stop = bisect_right(ends, now - self.opening)
        first = bisect_right(ends, ends[stop - 1] - self.window) if stop else 0
        return line[first:stop]

    def changed(self, now: Fraction) -> Fraction:
        """The last instant, not after `now`, at which a playlist began to say something else; `now` before the first.

        Seconds since 1970. Until the next such instant everything stays as it was then.
        """
        place = bisect_right(self.turns, now)
        return self.turns[place - 1] if place else now

    def next_change(self, now: Fraction) -> Fraction | None:
        """The first such instant after `now`; None where nothing will ever change again."""
        place = bisect_right(self.turns, now)
        return self.turns[place] if place < len(self.turns) else None


def plan(
    programmes: Sequence[Programme],
    start: Fraction,
    slate: Programme,
    *,
    lobby: Fraction = Fraction(900),
    window: Fraction = Fraction(60),
) -> Schedule:
    """Place the programmes one after the other from `start` (seconds since 1970) on, the slate before them.

    The slate is a stream of three times `LOOP`: opening, middle, countdown. `lobby` is how long it can be watched at
    least. Raises UsageError for lengths that make no sense.
    """
    check_lengths(lobby, window)
    length = max(_whole(lobby) + _whole(window), 3 * LOOP)
    opening, place = start - length, length
    parts = [Part("slate", slate, Fraction(0), length)]
    for number, programme in enumerate(programmes, start=1):
        parts.append(Part(str(number), programme, place, programme.duration))
        place += programme.duration
    lines = {track.name: _line(parts, track.name) for track in programmes[0].tracks}
    ends = {name: tuple(entry.end for entry in line) for name, line in lines.items()}
    end = opening + place
    due = {opening + stop for stops in ends.values() for stop in stops}
    doors = opening + _whole(window)
    turns = {*(stop for stop in due if stop > doors), doors, end, end + HOLD}
    schedule = Schedule(opening, start, window, tuple(parts), lines, ends, ())
    return replace(schedule, turns=tuple(sorted({*turns, schedule.ending, schedule.closing})))


def check_lengths(lobby: Fraction, window: Fraction) -> None:
    """UsageError unless both lengths can be scheduled."""
    if not 0 <= lobby <= LONGEST_LOBBY:
        raise UsageError(
            f"a lobby of {float(lobby):g} s cannot be scheduled",
            f"it lasts between 0 and {LONGEST_LOBBY} seconds",
            "choose --lobby SECONDS",
        )
    if not 20 <= window <= LONGEST_LOBBY:
        raise UsageError(
            f"a window of {float(window):g} s cannot be served",
            "players need three segments at least, and one day is the most that is kept",
            "choose --window SECONDS between 20 and 86400",
        )


def _whole(seconds: Fraction) -> Fraction:
    """Rounded up to whole repetitions of the slate."""
    return -(-seconds // LOOP) * LOOP


def _line(parts: Sequence[Part], name: str) -> tuple[Entry, ...]:
    entries: list[Entry] = []
    for number, part in enumerate(parts):
        track = part.programme.track(name)
        order = _looped(track, part.duration) if part.name == "slate" else _once(track)
        for index, (segment, shift) in enumerate(order):
            begin, stop = track.marks[segment], track.marks[segment + 1]
            entries.append(
                Entry(
                    number=len(entries),
                    part=number,
                    index=index,
                    file=track.files[segment],
                    start=part.start + Fraction(begin + shift, track.timescale),
                    end=part.start + Fraction(stop + shift, track.timescale),
                    tick=begin + shift,
                    duration=stop - begin,
                    shift=shift,
                )
            )
    return tuple(entries)


def _once(track: Track) -> list[tuple[int, int]]:
    return [(segment, 0) for segment in range(len(track.files))]


def _looped(track: Track, length: Fraction) -> list[tuple[int, int]]:
    """Segments of the slate, and how many ticks later than its file says each is shown."""
    middle, countdown, stop = PER_LOOP, 2 * PER_LOOP, 3 * PER_LOOP
    step = track.marks[countdown] - track.marks[middle]
    rounds = int(length / LOOP) - 2
    order = [(segment, 0) for segment in range(middle)]
    order += [(segment, count * step) for count in range(rounds) for segment in range(middle, countdown)]
    return order + [(segment, (rounds - 1) * step) for segment in range(countdown, stop)]
