"""Pictures of a clip moved along the motion between them (`metrics.motion`)."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core.clip import Clip, Plane
from footlights.core.colour import eight_bit_luma
from footlights.metrics.motion import Flow, MotionEstimator, grid


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


def between(before: list[Plane], after: list[Plane], share: float, estimator: MotionEstimator) -> list[Plane]:
    """The pictures at `share` (0..1) of the way from `before` to `after`, planes luma first, by motion of the luma.

    Where both motions contradict each other (something is covered or uncovered) the picture nearer in time counts.
    """
    first, last = guide(before[0], 1.0), guide(after[0], 1.0)
    onward, back = estimator.flow(first, last), estimator.flow(last, first)
    distrust_onward = _contradiction(onward, back)
    distrust_back = _contradiction(back, onward)
    weight = np.float32(1 - share) * np.exp(-distrust_onward) + np.float32(1e-3)
    other = np.float32(share) * np.exp(-distrust_back) + np.float32(1e-3)
    from_before = [moved(plane, back, share) for plane in before]
    from_after = [moved(plane, onward, 1 - share) for plane in after]
    # Two warped pictures that still differ show a ghost when mixed: there the nearer one is taken almost alone.
    clash = cv2.blur(np.abs(from_before[0] - from_after[0]), (5, 5))
    power = 1 + np.minimum(clash * np.float32(40), 6)
    weight, other = weight**power, other**power
    ratio = weight / (weight + other)
    return [np.asarray(a * ratio + b * (1 - ratio), np.float32) for a, b in zip(from_before, from_after, strict=True)]


def _contradiction(flow: Flow, opposite: Flow) -> Plane:
    """How far going there and back misses the start, in samples, softened."""
    x, y = grid(flow.shape[1], flow.shape[0])
    there = cv2.remap(opposite, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.blur(np.linalg.norm(flow + there, axis=-1).astype(np.float32), (5, 5)), np.float32)
