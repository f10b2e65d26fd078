"""Colour: from the tape's matrix and primaries to the master's, once, in float."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from footlights.core.clip import Clip
from footlights.core.colour import convert_primaries, difference_matrix
from footlights.core.signal import Matrix, Primaries, Range, Transfer
from footlights.errors import ParameterError
from footlights.restoration.base import Contract, stage


@stage("colour.convert", version=2)
class ConvertColour:
    """Matrix and primaries; nothing is clipped."""

    @dataclass(frozen=True, slots=True)
    class Params:
        matrix: int = int(Matrix.SMPTE170M)
        """H.273 matrix of the tape."""
        primaries: int = int(Primaries.SMPTE170M)
        """H.273 primaries of the tape."""

        def __post_init__(self) -> None:
            if self.matrix not in list(Matrix) or self.matrix in (Matrix.IDENTITY, Matrix.UNSPECIFIED):
                raise ParameterError("colour.convert.matrix", self.matrix, "give a Y'CbCr matrix of H.273")
            if self.primaries not in list(Primaries) or self.primaries == Primaries.UNSPECIFIED:
                raise ParameterError("colour.convert.primaries", self.primaries, "give primaries of H.273")

    def __init__(self, params: Params) -> None:
        self.params = params

    @property
    def contract(self) -> Contract:
        return Contract()

    def run(self, clip: Clip) -> Clip:
        """Clip of 4:4:4 pictures → the same pictures in BT.709."""
        params = self.params
        source = (Matrix(params.matrix), Primaries(params.primaries))
        target = (Matrix.BT709, Primaries.BT709)
        luma, chroma = np.empty(clip.luma.shape, np.float32), np.empty(clip.chroma.shape, np.float32)
        for index in range(len(clip)):
            luma[index], chroma[index] = convert_primaries(clip.luma[index], clip.chroma[index], source, target)
        signal = replace(
            clip.signal,
            matrix=Matrix.BT709,
            primaries=Primaries.BT709,
            transfer=Transfer.BT709,
            range=Range.LIMITED,
        )
        fine = None if clip.fine is None else clip.fine.mixed(difference_matrix(source, target))
        return replace(clip, luma=luma, chroma=chroma, signal=signal, fine=fine, lines=())
