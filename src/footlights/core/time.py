"""Time: integer frames and exact rationals; seconds as float exist only on the screen.

Frame ranges are half-open. Timecode follows SMPTE ST 12-1 (drop-frame for 30000/1001).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from math import ceil

NTSC_FRAME_RATE = Fraction(30000, 1001)
NTSC_FIELD_RATE = Fraction(60000, 1001)
PAL_FRAME_RATE = Fraction(25)
FILM_NTSC_RATE = Fraction(24000, 1001)


@dataclass(frozen=True, slots=True, order=True)
class FrameRange:
    """Half-open range of frame numbers `[start, stop)` on one timeline."""

    start: int
    stop: int

    def __post_init__(self) -> None:
        if self.stop < self.start:
            raise ValueError(f"a range cannot stop ({self.stop}) before it starts ({self.start})")

    def __len__(self) -> int:
        return self.stop - self.start

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.start, self.stop))

    def __contains__(self, frame: object) -> bool:
        return isinstance(frame, int) and self.start <= frame < self.stop

    def covers(self, other: FrameRange) -> bool:
        return self.start <= other.start and other.stop <= self.stop

    def shrink(self, before: int, after: int | None = None) -> FrameRange:
        return FrameRange(self.start + before, self.stop - (before if after is None else after))

    def grow(self, before: int, after: int | None = None) -> FrameRange:
        return FrameRange(self.start - before, self.stop + (before if after is None else after))

    def shift(self, by: int) -> FrameRange:
        return FrameRange(self.start + by, self.stop + by)

    def intersect(self, other: FrameRange) -> FrameRange:
        """The common part; empty (at the nearer edge) where there is none."""
        start = max(self.start, other.start)
        return FrameRange(start, max(start, min(self.stop, other.stop)))

    def split(self, length: int) -> Iterator[FrameRange]:
        """Consecutive parts of at most `length` frames."""
        for start in range(self.start, self.stop, length):
            yield FrameRange(start, min(start + length, self.stop))

    def scale(self, factor: Fraction) -> FrameRange:
        """The same span on a timeline with `factor` times the rate; both ends must fall on frames."""
        start, stop = self.start * factor, self.stop * factor
        if start.denominator != 1 or stop.denominator != 1:
            raise ValueError(f"[{self.start}, {self.stop}) × {factor} does not end on whole frames")
        return FrameRange(int(start), int(stop))


def at_step(frames: FrameRange, step: Fraction) -> FrameRange:
    """Pictures whose instants lie in `frames`, where picture n is taken at `n * step` of that timeline."""
    return FrameRange(ceil(frames.start / step), ceil(frames.stop / step))


class SpanKind(StrEnum):
    """Where the pictures of a span come from."""

    ORIGINAL = "original"
    """Every output frame shows the instant of a source field or frame."""
    INTERPOLATED = "interpolated"
    """Rebuilt between neighbours because the source lost the instant."""
    REPEATED = "repeated"
    """A neighbour held, because too much was lost to rebuild."""


@dataclass(frozen=True, slots=True)
class Span:
    """Output frames `out` that show the ingest `slots` (source frame instants, numbered with the holes counted)."""

    out: FrameRange
    slots: FrameRange
    kind: SpanKind


@dataclass(frozen=True, slots=True)
class TimeMap:
    """Which output frame came from where; also what retimes the audio. Spans follow each other without gaps."""

    source_rate: Fraction
    out_rate: Fraction
    spans: tuple[Span, ...]
    step: Fraction = Fraction(1)
    """Instants of the tape from one output frame to the next: 1 where every instant is shown, else the rate is
    converted, and frames between instants are interpolated."""
    speed: Fraction = Fraction(1)
    """Below 1: slow motion."""

    def __post_init__(self) -> None:
        position = 0
        for span in self.spans:
            if span.out.start != position:
                raise ValueError(f"output frames {position}..{span.out.start} belong to no span")
            position = span.out.stop

    @property
    def frames(self) -> int:
        """Number of output frames."""
        return self.spans[-1].out.stop if self.spans else 0

    @property
    def instants(self) -> int:
        """Instants the tape has in a frame: 2 where every field has its own."""
        return round(self.out_rate * self.step / (self.source_rate * self.speed))

    def shown(self, slots: FrameRange) -> FrameRange:
        """Output frames whose instants lie in `slots`."""
        return at_step(FrameRange(slots.start * self.instants, slots.stop * self.instants), self.step)

    def between(self, frame: int) -> bool:
        """Whether an output frame lies between two instants of the tape."""
        return (frame * self.step).denominator != 1

    def count(self, kind: SpanKind) -> int:
        return sum(len(span.out) for span in self.spans if span.kind is kind)


def timecode(frame: int, rate: Fraction) -> str:
    """SMPTE ST 12-1 timecode of a frame counted from zero; `;` marks drop-frame (30000/1001 and 60000/1001).

    At field rates (above 30) the frame pair's timecode is given, with `.1` for the second of the pair.
    """
    pair = rate > 30
    number, second = (frame // 2, frame % 2) if pair else (frame, 0)
    base = rate / 2 if pair else rate
    nominal = round(base)
    drop = base == NTSC_FRAME_RATE
    if drop:
        tens, rest = divmod(number, 17982)
        number += 18 * tens + 2 * ((rest - 2) // 1798 if rest >= 2 else 0)
    seconds, frames = divmod(number, nominal)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    mark = ";" if drop else ":"
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{mark}{frames:02d}" + (".1" if second else "")


def clock(seconds: float) -> str:
    """Seconds for people: `1:02:03`, `4:05` or `3.2 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, secs = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{secs:02d}" if hours else f"{minutes}:{secs:02d}"
