"""Fields that a converter from PAL to NTSC mixed, taken apart: every picture becomes the one of the source that is
nearest to its instant.

A converter that weighs two fields by how near they lie in time makes picture n of the source's around place
n·50/59.94 + phase. Six such pictures hold five of the source: least squares over those around, bound to small weights
(Tikhonov), give each of them back, with up to 1.6 times the noise of a picture. The source's own rate is not restored:
of six pictures two show the same one, as where 50 pictures a second are shown on a screen of 60.

The weights are the simplest converter's. Ones over more fields are undone in part; one that would rather show one field
than two is made worse (docs/decisions/20261129-blended-conversions.md), so that a person has to ask for this.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from footlights.core.clip import Clip, Fine, Plane
from footlights.core.time import NTSC_FIELD_RATE, FrameRange
from footlights.restoration.base import Contract, Touch, bound, changed, stage

_RATIO = float(50 / NTSC_FIELD_RATE)
_REACH = 7
"""Pictures on each side that a picture is solved from: a period of the beat and one more."""
_CAUTION = 0.02
"""Weight of small weights against the exact solution."""


@stage("fields.unmix", version=1)
class UnmixFields:
    """Linear over neighbouring pictures, luma and chroma alike, the same at every place."""

    @dataclass(frozen=True, slots=True)
    class Params:
        phase: float = 0.0
        """Place of picture 0 between two of the source, 0..1."""
        start: int = 0
        """First picture of the shot, and the one behind its last: no others are mixed with them."""
        stop: int = 0
        strength: float = 1.0
        """Share of the change that is made, 0..1."""

        def __post_init__(self) -> None:
            bound("fields.unmix.phase", self.phase, 0, 1)
            bound("fields.unmix.start", self.start, 0, 10**9)
            bound("fields.unmix.stop", self.stop, 0, 10**9)
            bound("fields.unmix.strength", self.strength, 0, 1)

    def __init__(self, params: Params) -> None:
        self.params = params
        self.touched: list[Touch] = []

    @property
    def contract(self) -> Contract:
        return Contract(before=_REACH, after=_REACH)

    def run(self, clip: Clip) -> Clip:
        """Clip of T pictures → T - 2·_REACH pictures."""
        inside = clip.frames.shrink(_REACH)
        kept = clip.take(inside)
        if not self.params.strength:
            return kept
        luma, chroma, fine = [], [], []
        for at, number in enumerate(inside):
            weights = self._weights(number)
            luma.append(_mixed(weights, clip.luma[at : at + len(weights)]))
            chroma.append(_mixed(weights, clip.chroma[at : at + len(weights)]))
            area = changed(luma[-1], kept.luma[at])
            if area:
                self.touched.append(Touch(number, area))
            if clip.fine is not None:
                parts = (clip.fine.luma, clip.fine.chroma)
                fine.append([_mixed(weights, part[at : at + len(weights)]) for part in parts])
        made = kept.with_pictures(np.stack(luma), np.stack(chroma))
        if not fine:
            return made
        own, colour = zip(*fine, strict=True)
        return Clip(made.luma, made.chroma, clip.signal, inside, clip.rate, Fine(tuple(own), tuple(colour)))

    def _weights(self, number: int) -> NDArray[np.float32]:
        """Of the pictures from `_REACH` before `number` to as many behind it."""
        nothing = np.zeros(2 * _REACH + 1)
        nothing[_REACH] = 1
        around = FrameRange(max(number - _REACH, 0), number + _REACH + 1)
        known = around.intersect(FrameRange(self.params.start, max(self.params.stop, self.params.start)))
        if number not in known:
            return nothing.astype(np.float32)
        found = np.zeros_like(nothing)
        first = known.start - (number - _REACH)
        found[first : first + len(known)] = solved(known, number, self.params.phase)
        strength = self.params.strength
        return np.asarray((1 - strength) * nothing + strength * found, np.float32)


def solved(pictures: FrameRange, number: int, phase: float) -> NDArray[np.float64]:
    """Weights of pictures that give the picture of the source nearest to the place of picture `number`, which is one of
    them. Their sum is 1."""
    places = np.arange(pictures.start, pictures.stop) * _RATIO + phase
    before = np.floor(places).astype(int)
    first = int(before[0])
    shares = np.zeros((len(places), int(before[-1]) - first + 2))
    rows = np.arange(len(places))
    shares[rows, before - first] = before + 1 - places
    shares[rows, before - first + 1] = places - before
    wanted = int(np.floor(number * _RATIO + phase + 0.5)) - first
    found = np.linalg.solve(shares @ shares.T + _CAUTION * np.eye(len(places)), shares[:, wanted])
    return np.asarray(found / found.sum())


def _mixed(weights: NDArray[np.float32], pictures: Plane | tuple[Plane, ...]) -> Plane:
    """The sum of pictures by their weights."""
    made = np.zeros_like(pictures[0])
    for weight, picture in zip(weights, pictures, strict=True):
        if weight:
            made += weight * picture
    return made
