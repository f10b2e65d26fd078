"""Whether restored faces still are the people on the tape: what was seen of each, and what follows for its track."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Likeness(NamedTuple):
    """A restored face beside the crop it was made from, at one picture of the master."""

    face: int
    """Its number in the shot."""
    frame: int
    to_source: float
    """Cosine of the descriptors of restored and source, -1..1."""
    loss: float
    """By how much the restored face is less like the sharpest crop of its track than the source is; 0 without one."""


class Beside(NamedTuple):
    """The crops of a moment."""

    to_source: float
    frame: int
    before: NDArray[np.uint8]
    """`(P, P, 3)` R'G'B': what the chain before made of the tape."""
    after: NDArray[np.uint8]
    """The same with all of the net's change."""


@dataclass(frozen=True, slots=True)
class FaceLikeness:
    """One face in one piece of the master, picture by picture."""

    shot: int
    face: int
    frames: tuple[int, ...]
    """Output frames."""
    to_source: tuple[float, ...]
    loss: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class FaceVerdict:
    """Of one track, when all of it had been restored."""

    shot: int
    face: int
    judged: int
    """Pictures."""
    similarity: float
    """Median over the track, restored to source."""
    lowest: float
    drift: float
    """Median loss of likeness to the sharpest crop of the track."""
    refused: str
    """Why the track was put back to what the tape shows; empty where it was not."""
