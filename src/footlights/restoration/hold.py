"""A share of the tape's own lines, held to beside what a net made of them.

Where a master differs from its tape by more than noise, its net has drawn something otherwise than it was recorded, or
left it out. The mean of both errs less than either as long as the share is small: of noise it brings back as much as
the share. What a composite connection left of colour on the subcarrier is not brought back. See
docs/decisions/20261130-holding-to-the-tape.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from footlights.core import subcarrier
from footlights.core.clip import Clip, Lines, Plane
from footlights.errors import PlanError
from footlights.models.fieldlift import lines_doubled
from footlights.restoration.base import Contract, bound, stage


@stage("fields.hold", version=1)
class HoldToFields:
    """Luma drawn towards the lines it was made from; lines between follow the mean of their neighbours."""

    @dataclass(frozen=True, slots=True)
    class Params:
        share: float = 0.0
        """Of the difference between the tape's lines and the picture, 0..1; 0 is the identity."""
        subcarrier: float = 0.0
        """Cycles per sample of a colour subcarrier around which the picture stays as it is, 0..0.5; 0 where the tape
        shows no trace of one."""

        def __post_init__(self) -> None:
            bound("fields.hold.share", self.share, 0, 1)
            bound("fields.hold.subcarrier", self.subcarrier, 0, 0.5, "cycles a sample")

    def __init__(self, params: Params) -> None:
        self.params = params

    @property
    def contract(self) -> Contract:
        return Contract(needs_lines=True)

    def run(self, clip: Clip) -> Clip:
        """Clip → clip of the same size; chroma unchanged. PlanError for pictures that no net has made of lines."""
        if self.params.share == 0:
            return clip
        if not clip.lines:
            raise PlanError(
                "step 'fields.hold' has no lines of the tape beside its pictures",
                "they go with the pictures of a net, until colours are converted or balanced",
                "let it follow fieldlift.restore or denoise.steady",
            )
        pairs = zip(clip.luma, clip.lines, strict=True)
        luma = [picture if lines is None else self._held(picture, lines) for picture, lines in pairs]
        return clip.with_pictures(np.stack(luma), clip.chroma)

    def _held(self, picture: Plane, lines: Lines) -> Plane:
        apart = lines.luma - picture[lines.first :: lines.step]
        if self.params.subcarrier:
            apart -= cv2.filter2D(apart, -1, subcarrier.band(self.params.subcarrier)[None])
        apart *= np.float32(self.params.share)
        return picture + (lines_doubled(apart, lines.first) if lines.step == 2 else apart)
