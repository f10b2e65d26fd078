"""Provenance: where the pictures of a shot come from, as shares of its samples."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ShotProvenance:
    """One shot of the master. The shares `recorded` … `generated` add up to 1.

    They count samples of the tape's raster in all output pictures: enlarging makes sixteen or more of each and adds
    what `added` names.
    """

    shot: int
    recorded: float
    """Of lines that the picture's own field or frame recorded, converted in matrix, primaries and size, and not touched
    otherwise."""
    filtered: float
    """Of such lines, changed by filters: noise reduction, lines moved to their place, fine contrast, balance, light, a
    look."""
    interpolated: float
    """Of lines that its field does not have, of repaired places, and of pictures between instants where the rate was
    converted: made by filters from neighbours."""
    learned: float
    """That came out of a trained net which sees the tape, whether its field had recorded them or not."""
    repeated: float
    """Of pictures that hold a neighbour because too much was lost, or because nothing true could be made between."""
    generated: float
    """That hold detail which a net finds likely: inside the rectangles of restored faces, or all that a net of the
    user's own made."""
    added: tuple[str, ...] = ()
    """What lies on top of all samples and is not on the tape: `net detail 1`, `grain 0.7` with their strengths."""
