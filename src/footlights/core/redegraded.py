"""What the re-degradation check found: how well the master, pushed back to the tape's raster, explains the tape."""

from __future__ import annotations

from dataclasses import dataclass

LIMIT = 1.1
"""Residual over noise up to which a shot counts as explained."""


@dataclass(frozen=True, slots=True)
class ShotFidelity:
    """One shot of the master against its source fields, luma, in 8-bit codes."""

    shot: int
    samples: int
    """Pictures compared; 0 where none could be."""
    residual: float = 0.0
    """Root mean square of source minus pushed-back master."""
    noise: float = 0.0
    """What of it the tape explains: its measured noise and rounding to codes; on DV tapes what coding such a picture
    again makes of them."""
    ratio: float = 0.0
    """`residual` over `noise`; 1 where nothing but noise was taken away and nothing came in."""
    high: float = 0.0
    """The same, 95th percentile over blocks of 8 lines by 16 samples."""
    edges: float = 0.0
    """Share of the squared residual that lies on the steepest tenth of the samples; 0.1 where it is spread evenly."""
    lossy: bool = False
    """The tape's format adds an error of its own, on edges, which the noise of flat places does not show: a ratio above
    the limit then decides nothing."""
    why: str = ""
    """Why nothing was compared."""

    @property
    def explained(self) -> bool:
        """Whether noise alone explains what differs; False as well where nothing was compared."""
        return self.samples > 0 and self.ratio <= LIMIT

    @property
    def undecided(self) -> bool:
        """Whether something differs that the tape's own format may have done."""
        return self.samples > 0 and self.lossy and not self.explained


@dataclass(frozen=True, slots=True)
class Knob:
    """One strength of a plan, tried on a few pictures of a shot that the tape's noise does not explain."""

    stage: str
    parameter: str
    planned: float
    kept: float
    """What the tape's noise explains; `planned`, or less; more of what holds a picture to the tape's lines."""
    without: float
    """Residual over noise of the trial's pictures with it at nothing, all others as planned."""

    @property
    def changed(self) -> bool:
        """Whether it is kept otherwise than it was planned."""
        return self.kept != self.planned


@dataclass(frozen=True, slots=True)
class StrengthTrial:
    """What was tried on a shot whose master the tape's noise did not explain."""

    shot: int
    measured: float
    """Residual over noise of its master."""
    tried: float
    """The same of the trial's pictures, which no encoder has seen, with everything as planned."""
    knobs: tuple[Knob, ...]
    """Of what has to change at all: where holding to the tape's lines is enough, that alone."""
    foretold: float
    """Residual over noise of the master that is expected from what is kept."""
    least: float
    """The same with as little as the guard may leave."""

    @property
    def lowered(self) -> bool:
        """Whether the net or anything behind it gets less strength than was planned."""
        return any(knob.changed for knob in self.knobs)
