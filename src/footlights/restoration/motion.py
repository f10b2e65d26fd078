"""Pictures of a clip moved along the motion between them (`metrics.motion`)."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core.clip import Clip, Plane
from footlights.core.colour import eight_bit_luma
from footlights.metrics.motion import Flow, grid


def guide(luma: Plane, blur: float) -> NDArray[np.uint8]:
    """A luma plane as 8-bit picture for motion search, noise softened by a Gaussian of `blur` samples."""
    codes = eight_bit_luma(luma)
    return np.asarray(cv2.GaussianBlur(codes, (0, 0), blur), np.uint8) if blur > 0 else codes


def moved(plane: Plane, flow: Flow, share: float = 1.0, *, sharp: bool = True) -> Plane:
    """The plane read `share` of the way along the flow; edges are held."""
    x, y = grid(plane.shape[1], plane.shape[0])
    kernel = cv2.INTER_CUBIC if sharp else cv2.INTER_LINEAR
    return np.asarray(
        cv2.remap(plane, x + share * flow[..., 0], y + share * flow[..., 1], kernel, borderMode=cv2.BORDER_REPLICATE),
        np.float32,
    )


def over_window(
    clip: Clip,
    radius: int,
    blur: float,
    picture: Callable[[Clip, list[NDArray[np.uint8]], int], tuple[Plane, Plane]],
) -> Clip:
    """Clip of T pictures → T - 2·radius pictures, luma and chroma of each made by `picture` from the clip, the guides
    of all its pictures (softened by `blur`) and its number in the clip."""
    out = clip.take(clip.frames.shrink(radius))
    guides = [guide(luma, blur) for luma in clip.luma]
    luma, chroma = np.empty(out.luma.shape, np.float32), np.empty(out.chroma.shape, np.float32)
    for index in range(len(out)):
        luma[index], chroma[index] = picture(clip, guides, index + radius)
    return out.with_pictures(luma, chroma)
