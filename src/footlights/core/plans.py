"""Plans: what will be done to each shot, and why. Data, written before work; a person may edit them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from footlights.core.signal import Signal
from footlights.core.time import FrameRange, TimeMap

Value = bool | int | float | str | tuple[int, ...] | tuple[float, ...] | tuple[str, ...]
"""A stage parameter as plain data."""


@dataclass(frozen=True, slots=True)
class Step:
    """One stage with its resolved parameters."""

    stage: str
    version: int
    params: dict[str, Value]
    why: str
    weights: str | None = None
    """`name@sha256:…` of the net, where one is used."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A stage that was considered and left out."""

    stage: str
    why: str


@dataclass(frozen=True, slots=True)
class ShotPlan:
    """What happens to one shot, in order."""

    shot: int
    slots: FrameRange
    """Frame instants of the source, holes counted."""
    first_field: int
    steps: tuple[Step, ...]
    skipped: tuple[Skipped, ...] = ()
    approved_by: str = "rules"
    instead: tuple[Step, ...] = ()
    """Steps that take over where a net among `steps` fails; none where the job shall stop then."""


@dataclass(frozen=True, slots=True)
class RestorationPlan:
    """The whole tape."""

    source: str
    """Content hash of the ingest this plan belongs to."""
    shots: tuple[ShotPlan, ...]
    width: int
    height: int
    rate: Fraction
    """Frames per second of the master."""
    signal: Signal
    """Of the master."""
    seed: int
    time_map: TimeMap
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of output frames restored and encoded as one file: a part of a long shot, or several very short shots."""

    index: int
    frames: FrameRange
    """Output frames."""
    parts: tuple[PiecePart, ...]


@dataclass(frozen=True, slots=True)
class PiecePart:
    """The share of one shot in a piece."""

    shot: int
    slots: FrameRange
    """Source frame instants."""
    frames: FrameRange
    """Output frames."""


NET_FAILED = "net-failed"
"""Kind of the intervention where other steps took over from a net that broke down."""


LOWERED = "strength-lowered"
"""Kind of the intervention where enhancement was given less strength than the rules had planned."""


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of a picture, half-open, in thousandths of its width and height."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True, slots=True)
class Intervention:
    """What was actually done to some pixels: an archive must be able to ask which were invented."""

    frames: FrameRange
    """Output frames."""
    kind: str
    """Stage that did it, or `NET_FAILED`."""
    area: float
    """Share of the picture concerned, 0..1."""
    why: str
    regions: tuple[Region, ...] = ()
    """Where, on the raster the stage works on: the tape's, or the master's for what comes behind the upscaler; empty
    where it is the whole picture."""
