"""Upscaling: the active picture to the master's raster in float, chroma to 4:2:0; by a Lanczos kernel alone, with the
fine detail that our net has found, or by a net of the user's own.

Geometry: of 720 samples only the active 704 become the picture; they are resampled once to the final width, never 720.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import cv2
import numpy as np

from footlights.core.clip import Clip, Plane
from footlights.core.colour import rgb_to_ycbcr, ycbcr_to_rgb
from footlights.core.fields import cubic_weights
from footlights.errors import ParameterError, PlanError
from footlights.models import user_nets
from footlights.models.fieldlift import SCALE, fine_chroma, fine_luma
from footlights.restoration.base import Contract, bound, stage


@dataclass(frozen=True, slots=True)
class Raster:
    """Parameters every enlargement has."""

    width: int = 2880
    """Samples per line of the result; even."""
    height: int = 2160
    """Lines of the result; even."""
    crop: tuple[int, ...] = (0, 0, 0, 0)
    """Samples cut off at left, top, right and bottom before scaling."""
    pillar: int = 0
    """Black columns added at the left and at the right."""

    def __post_init__(self) -> None:
        bound("upscale.width", self.width, 16, 8192, "samples")
        bound("upscale.height", self.height, 16, 8192, "lines")
        if self.width % 2 or self.height % 2 or self.pillar % 2:
            raise ParameterError(
                "upscale.width/height/pillar", (self.width, self.height, self.pillar), "give even numbers"
            )
        if len(self.crop) != 4 or any(side < 0 for side in self.crop):
            raise ParameterError("upscale.crop", self.crop, "give left, top, right and bottom")

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the result, pillars included."""
        return self.width + 2 * self.pillar, self.height

    def inside(self, plane: Plane, scale: int = 1) -> Plane:
        """The part of a plane `(H, W)` on a raster `scale` times the tape's that becomes the picture."""
        left, top, right, bottom = (side * scale for side in self.crop)
        height, width = plane.shape
        return plane[top : height - bottom, left : width - right]

    def place(self, luma: Plane, chroma: tuple[Plane, Plane], out: tuple[Plane, Plane]) -> None:
        """Write one enlarged picture between its pillars into `out`, luma `(H, W)` and chroma `(2, h, w)`."""
        for plane, target, side in ((luma, out[0], self.pillar), (np.stack(chroma), out[1], self.pillar // 2)):
            target[..., side : side + plane.shape[-1]] = plane
            if side:
                target[..., :side], target[..., -side:] = 0, 0


@stage("upscale.lanczos", version=1)
class LanczosUpscale:
    """Luma by an eight-tap Lanczos kernel, chroma by a cubic one onto left-sited 4:2:0."""

    @dataclass(frozen=True, slots=True)
    class Params(Raster):
        pass

    def __init__(self, params: Params) -> None:
        self.params = params

    @property
    def contract(self) -> Contract:
        return Contract(size=self.params.size)

    def run(self, clip: Clip) -> Clip:
        """Clip (T, H, W), 4:4:4 → luma (T, height, width + 2·pillar), chroma at half size."""
        raster = self.params
        made = _empty(clip, raster)
        for index in range(len(clip)):
            luma = raster.inside(clip.luma[index])
            cb, cr = (_half(raster.inside(plane), raster) for plane in clip.chroma[index])
            large = cv2.resize(luma, (raster.width, raster.height), interpolation=cv2.INTER_LANCZOS4)
            raster.place(np.asarray(large, np.float32), (cb, cr), (made.luma[index], made.chroma[index]))
        return made


@stage("upscale.fine", version=1)
class FineUpscale:
    """Pictures four times the tape's, with the fine detail that a net has found, resampled once to the master's."""

    @dataclass(frozen=True, slots=True)
    class Params(Raster):
        detail: float = 1.0
        """Share of the fine detail that is added, 0..1.5."""

        def __post_init__(self) -> None:
            Raster.__post_init__(self)
            bound("upscale.fine.detail", self.detail, 0, 1.5)

    def __init__(self, params: Params) -> None:
        self.params = params

    @property
    def contract(self) -> Contract:
        return Contract(size=self.params.size, needs_detail=True)

    def run(self, clip: Clip) -> Clip:
        """Clip (T, H, W), 4:4:4, with fine detail → luma (T, height, width + 2·pillar), chroma at half size."""
        if clip.fine is None:
            raise PlanError(
                "step 'upscale.fine' has no fine detail to add",
                "no net stands before it in the plan",
                "plan upscale.lanczos instead, or delete plan.json to have it written anew",
            )
        raster, share = self.params, np.float32(self.params.detail)
        made = _empty(clip, raster)
        for index in range(len(clip)):
            luma = raster.inside(fine_luma(clip.luma[index], _share(clip.fine.luma[index], share)), SCALE)
            cb, cr = (
                _half(raster.inside(fine_chroma(plane, _share(fine, share)), SCALE // 2), raster)
                for plane, fine in zip(clip.chroma[index], clip.fine.chroma[index], strict=True)
            )
            kernel = cv2.INTER_AREA if raster.height < 0.75 * luma.shape[0] else cv2.INTER_LANCZOS4
            large = cv2.resize(luma, (raster.width, raster.height), interpolation=kernel)
            raster.place(np.asarray(large, np.float32), (cb, cr), (made.luma[index], made.chroma[index]))
        return made


@stage("upscale.model", version=1)
class ModelUpscale:
    """A user's super-resolution net on the clean pictures, for luma; colour and coarse light stay the tape's."""

    @dataclass(frozen=True, slots=True)
    class Params(Raster):
        file: str = ""
        """Path of the net's weights."""

    def __init__(self, params: Params) -> None:
        self.params = params
        self._net: user_nets.Tiled | None = None

    @staticmethod
    def weights(params: Params) -> str:
        """The hash of the user's file: a job does not go on with another net."""
        return user_nets.reference(params.file)

    @property
    def contract(self) -> Contract:
        return Contract(size=self.params.size)

    def run(self, clip: Clip) -> Clip:
        """Clip (T, H, W), 4:4:4 → luma (T, height, width + 2·pillar), chroma at half size."""
        if self._net is None:
            from footlights.models.user_torch import UserNet

            self._net = user_nets.Tiled(UserNet(self.params.file))
        raster, matrix = self.params, clip.signal.matrix
        made = _empty(clip, raster)
        for index in range(len(clip)):
            luma, *chroma = (raster.inside(plane) for plane in (clip.luma[index], *clip.chroma[index]))
            picture = cv2.transform(np.stack([luma, *chroma], axis=-1), ycbcr_to_rgb(matrix))
            large = self._net(np.ascontiguousarray(np.moveaxis(picture, -1, 0), np.float32))
            grey = np.tensordot(rgb_to_ycbcr(matrix)[0].astype(np.float32), large, 1)
            fine = user_nets.colour_locked(np.asarray(grey, np.float32), np.ascontiguousarray(luma))
            kernel = cv2.INTER_AREA if raster.height < 0.75 * fine.shape[0] else cv2.INTER_LANCZOS4
            fitted = cv2.resize(fine, (raster.width, raster.height), interpolation=kernel)
            cb, cr = (_half(plane, raster) for plane in chroma)
            raster.place(np.asarray(fitted, np.float32), (cb, cr), (made.luma[index], made.chroma[index]))
        return made


def _share(fine: Plane, share: np.float32) -> Plane:
    """That much of fine detail; all of it as it is."""
    return fine if share == 1 else fine * share


def _empty(clip: Clip, raster: Raster) -> Clip:
    """The clip with room for its enlarged pictures."""
    width, height = raster.size
    return replace(
        clip,
        luma=np.empty((len(clip), height, width), np.float32),
        chroma=np.empty((len(clip), 2, height // 2, width // 2), np.float32),
        signal=replace(clip.signal, sample_aspect=Fraction(1)),
        fine=None,
        lines=(),
    )


def _half(plane: Plane, raster: Raster) -> Plane:
    """A chroma plane on the left-sited 4:2:0 grid of the enlarged picture.

    Left siting puts a chroma sample on the even luma samples, a quarter chroma sample left of where resampling about
    the centres would; the source is shifted by that much first.
    """
    shift = -0.5 * plane.shape[1] / raster.width
    taps = np.arange(-2, 3)
    kernel = cubic_weights(taps - shift).astype(np.float32)[None, :]
    shifted = cv2.filter2D(np.ascontiguousarray(plane), -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)
    size = (raster.width // 2, raster.height // 2)
    method = cv2.INTER_AREA if size[1] < 0.75 * plane.shape[0] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(shifted, size, interpolation=method), np.float32)
