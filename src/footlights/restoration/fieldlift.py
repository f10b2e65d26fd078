"""Fields to clean pictures by our own net: deinterlacing, noise reduction and detail beyond the tape's raster in one.

The net (`models/fieldlift.py`) carries a memory from frame to frame, so this stage sees a shot from end to end. Beside
the clean pictures at the tape's size it gives fine detail, which `upscale.fine` adds when the picture is enlarged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from footlights.core.clip import Clip, Fine, Lines, Plane, join
from footlights.core.signal import FieldOrder
from footlights.core.time import FrameRange
from footlights.errors import NetError, ParameterError
from footlights.models.fieldlift import SCALE, Kept
from footlights.models.fieldlift_run import FieldLift, Frame, Lifted, reference, shipped
from footlights.restoration.base import Contract, Fields, bound, stage

_WARM_UP = 6
"""Frames after which the memory has forgotten how it began (see docs/decisions/20261125-fieldlift-chain.md)."""
_TINT = 16
"""Samples of which one cell of a tape's tint is the mean."""


@stage("fieldlift.restore", version=9)
class RestoreFields:
    """Recurrent net over fields; loses nothing of the tape's colour, which it is not trained to change."""

    @dataclass(frozen=True, slots=True)
    class Params:
        net: str = "S"
        """Size of the net."""
        top_first: bool = True
        """Which field of a frame was exposed first."""
        sigma: float = 1.0
        """Luma noise of the shot in 8-bit codes, 0..40: how much the net takes for noise."""
        keep: float = 0.0
        """Share of the luma detail in which the fields differ from the net beyond noise, given back, 0..1."""
        subcarrier: float = 0.0
        """Cycles per sample of a colour subcarrier around which no detail is given back, 0..0.5; 0 where the tape shows
        no trace of one."""
        keep_colour: float = 0.0
        """Share of the chroma detail beyond `chroma_sigma`, likewise, 0..1."""
        chroma_sigma: float = 1.0
        """Chroma noise of the shot in 8-bit codes, 0..60."""
        instants: int = 2
        """Pictures per frame: 2 at field rate, 1 for progressive frames, whose two are averaged."""
        film: bool = False
        """Whether the frames are pictures at field rate, put back together from film or progressive frames: of two in
        one frame that are the same the net sees one."""
        lost: tuple[int, ...] = ()
        """Frame instants (slots) that hold what was rebuilt, not what was recorded: the net looks past them."""
        fields: tuple[int, ...] = ()
        """For each of them which field: 1 top, 2 bottom, 3 both."""

        colourless: bool = False
        """Whether the tape carries no colour: its fields' tint is kept, coarse as it is, and none is made."""

        def __post_init__(self) -> None:
            if self.net not in shipped():
                raise ParameterError("fieldlift.restore.net", self.net, f"choose one of {', '.join(shipped())}")
            bound("fieldlift.restore.sigma", self.sigma, 0, 40, "codes")
            bound("fieldlift.restore.keep", self.keep, 0, 1)
            bound("fieldlift.restore.keep_colour", self.keep_colour, 0, 1)
            bound("fieldlift.restore.chroma_sigma", self.chroma_sigma, 0, 60, "codes")
            bound("fieldlift.restore.subcarrier", self.subcarrier, 0, 0.5, "cycles a sample")
            bound("fieldlift.restore.instants", self.instants, 1, 2)
            if self.film and self.instants != 1:
                raise ParameterError("fieldlift.restore.film", self.film, "a picture of film has one instant")
            if len(self.fields) != len(self.lost) or any(field not in (1, 2, 3) for field in self.fields):
                raise ParameterError("fieldlift.restore.fields", self.fields, "give 1, 2 or 3 for every lost frame")

    def __init__(self, params: Params) -> None:
        self.params = params
        self._lost = dict(zip(params.lost, params.fields, strict=True))
        self._net: FieldLift | None = None

    @staticmethod
    def weights(params: Params) -> str:
        """The weights of the chosen size."""
        return reference(params.net)

    @property
    def contract(self) -> Contract:
        each = 2 if self.params.film else 1
        woven = Fields.WOVEN if self.params.instants == 2 else Fields.PROGRESSIVE
        return Contract(before=each * _WARM_UP, after=each, fields=woven, rate=self.params.instants, finds_detail=True)

    def run(self, clip: Clip) -> Clip:
        """Clip of T woven frames → what the shot gives behind the warm-up and before the last frame."""
        made = join(list(self.stream(iter([clip]))))
        inner = clip.frames.shrink(self.contract.before, self.contract.after)
        return made.take(FrameRange(inner.start * self.params.instants, inner.stop * self.params.instants))

    def stream(self, blocks: Iterator[Clip]) -> Iterator[Clip]:
        """Every frame of a run, one clip each: `instants` pictures with their fine detail."""
        if self._net is None:
            self._net = FieldLift(self.params.net)
        waiting: list[list[Clip]] = []

        def frames() -> Iterator[Frame]:
            for block in blocks:
                for part in block.frames.split(1):
                    one = block.take(part)
                    if waiting and self._again(one, waiting[-1][-1]):
                        waiting[-1].append(one)
                    else:
                        waiting.append([one])
                        yield self._frame(one)

        params = self.params
        kept = Kept(params.keep, params.subcarrier, params.keep_colour, params.chroma_sigma)
        for lifted in self._net.lift(frames(), params.sigma, kept):
            made = lifted if self.params.instants == 2 else _averaged(lifted)
            for one in waiting.pop(0):
                yield self._clip(one, made)

    def _again(self, one: Clip, before: Clip) -> bool:
        """Whether a picture is the second of its frame and shows what the first did."""
        second = self.params.film and one.frames.start % 2 == 1
        return second and np.array_equal(one.luma, before.luma) and np.array_equal(one.chroma, before.chroma)

    def _missing(self, one: Clip) -> int:
        """Which fields of the frame of a clip were lost: 1 top, 2 bottom, 3 both."""
        return self._lost.get(one.frames.start // (2 if self.params.film else 1), 0)

    def _frame(self, one: Clip) -> Frame:
        """A clip of one frame as the net takes it: upside down where the bottom field comes first, sides by 4."""
        luma, chroma = self._turned(one.luma[0]), self._turned(one.chroma[0])
        rows, columns = (np.arange(-(-side // 4) * 4) for side in luma.shape)
        # Lines are repeated by pairs, so that what is added keeps to its field.
        rows = np.where(rows < luma.shape[0], rows, luma.shape[0] - 2 + rows % 2)
        columns = np.minimum(columns, luma.shape[1] - 1)
        if len(rows) != luma.shape[0] or len(columns) != luma.shape[1]:
            luma, chroma = luma[np.ix_(rows, columns)], chroma[:, rows[:, None], columns]
        which = self._missing(one)
        top, bottom = not which & 1, not which & 2
        valid = (top, bottom) if self.params.top_first else (bottom, top)
        return Frame(np.ascontiguousarray(luma), np.ascontiguousarray(chroma[..., 0::2]), valid)

    def _clip(self, given: Clip, lifted: Lifted) -> Clip:
        count, (height, width) = self.params.instants, given.luma.shape[1:]

        def cut(plane: Plane, scale: float) -> Plane:
            return np.ascontiguousarray(self._turned(plane[..., : int(height * scale), : int(width * scale)]))

        colour = tuple(cut(pair, SCALE / 2) for pair in lifted.fine.chroma[:count])
        if self.params.colourless:
            colour = tuple(np.zeros_like(pair) for pair in colour)
        fine = Fine(tuple(cut(plane, SCALE) for plane in lifted.fine.luma[:count]), colour)
        # ReLU turns what is no number into 0: what went in wrong shows in the base, not in the residual alone.
        if not all(
            np.isfinite(plane).all() for plane in (lifted.luma, lifted.chroma, *(each[::5, ::5] for each in fine.luma))
        ):
            raise NetError(
                f"FieldLift {self.params.net} gave values that are no numbers in frame {given.frames.start}",
                "its arithmetic broke down",
                "restore with --chain classical or restoration.fieldlift.on_failure=classical, and report this defect",
            )
        return replace(
            given,
            luma=cut(lifted.luma[:count], 1),
            chroma=self._tint(given) if self.params.colourless else cut(lifted.chroma[:count], 1),
            signal=replace(given.signal, field_order=FieldOrder.PROGRESSIVE),
            frames=FrameRange(given.frames.start * count, given.frames.stop * count),
            rate=given.rate * count,
            fine=fine,
            lines=tuple(self._lines(given, instant) for instant in range(count)),
        )

    def _tint(self, given: Clip) -> Plane:
        """`(instants, 2, H, W)`: the fields' chroma, as coarse as a tint is. Of a tape without colour: the net, which
        has seen coloured ones alone, draws up to three codes along moving edges."""
        size = (given.luma.shape[2], given.luma.shape[1])
        if self.params.instants == 1:
            return np.stack([[_coarse(plane, size) for plane in given.chroma[0]]])
        first = 0 if self.params.top_first else 1
        return np.stack([[_coarse(plane[field::2], size) for plane in given.chroma[0]] for field in (first, 1 - first)])

    def _lines(self, given: Clip, instant: int) -> Lines | None:
        """What the tape holds of an instant of a frame; None where it was lost."""
        first = instant if self.params.top_first else 1 - instant
        missing = self._missing(given)
        if self.params.instants == 1:
            return None if missing else Lines(given.luma[0], 0, 1)
        return None if missing & (1, 2)[first] else Lines(given.luma[0, first::2], first, 2)

    def _turned(self, planes: Plane) -> Plane:
        """`(…, H, W)` upside down where the tape's bottom field comes first: the net knows one order."""
        return planes if self.params.top_first else planes[..., ::-1, :]


def _averaged(lifted: Lifted) -> Lifted:
    """Both instants of a progressive frame as one: they show the same, and their errors differ."""
    fine = lifted.fine
    return Lifted(
        lifted.luma.mean(axis=0, keepdims=True),
        lifted.chroma.mean(axis=0, keepdims=True),
        Fine((np.mean(fine.luma, axis=0),), (np.mean(fine.chroma, axis=0),)),
    )


def _coarse(plane: Plane, size: tuple[int, int]) -> Plane:
    """What of a plane is coarser than some `_TINT` samples and half as many lines, at a size (width, height)."""
    height, width = plane.shape
    cells = max(width // _TINT, 1), max(2 * height // _TINT, 1)
    small = cv2.GaussianBlur(cv2.resize(plane, cells, interpolation=cv2.INTER_AREA), (0, 0), 1.5)
    return np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_LINEAR), np.float32)
