"""Y/C delay: chroma is moved back over its luma, inside each field, by fractions of samples and lines.

Tapes that put colour on a low carrier (VHS, S-VHS, Hi8, U-matic) delay it by filters along the line and by combs across
lines, the same for all pictures of a deck. Cubic interpolation (Keys 1981) is exact enough for chroma of that
bandwidth.
"""

from __future__ import annotations

from dataclasses import dataclass

from footlights.core.clip import Clip
from footlights.core.fields import interpolate_columns, interpolate_lines, split, weave
from footlights.restoration.base import Contract, Fields, Touch, bound, stage


@stage("chroma.align", version=1)
class AlignChroma:
    """Moves the chroma of whole fields, recorded as touching all of the picture; luma passes unchanged."""

    @dataclass(frozen=True, slots=True)
    class Params:
        right: float = 0.0
        """Luma samples by which colour lies to the right of luma, -12..12: it is moved left by as much."""
        below: float = 0.0
        """Field lines by which it lies below luma, -4..4: it is moved up by as much."""

        def __post_init__(self) -> None:
            bound("chroma.align.right", self.right, -12, 12, "samples")
            bound("chroma.align.below", self.below, -4, 4, "field lines")

    def __init__(self, params: Params) -> None:
        self.params = params
        self.touched: list[Touch] = []

    @property
    def contract(self) -> Contract:
        return Contract(fields=Fields.WOVEN)

    def run(self, clip: Clip) -> Clip:
        """Clip of T frames → T frames."""
        right, below, chroma = self.params.right, self.params.below, clip.chroma
        if not right and not below:
            return clip
        if right:
            ratio = clip.width / chroma.shape[-1]
            chroma = interpolate_columns(chroma, chroma.shape[-1], step=1.0, offset=right / ratio)
        if below:
            moved = [interpolate_lines(field, field.shape[-2], step=1.0, offset=below) for field in split(chroma)]
            chroma = weave(*moved)
        self.touched.extend(Touch(number, 1.0) for number in clip.frames)
        return clip.with_pictures(clip.luma, chroma)
