"""Pictures for people: code values as JPEG or PNG in the shape the picture has on a screen."""

from __future__ import annotations

import base64
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.core import colour
from footlights.core.clip import Plane
from footlights.core.signal import Matrix

Picture = NDArray[np.uint8]
"""(H, W, 3) B'G'R', as OpenCV writes it."""


def displayed(luma: Plane, chroma: Plane, matrix: Matrix) -> Picture:
    """Float Y'CbCr (luma (H, W), chroma (2, h, w)) as 8-bit picture."""
    height, width = luma.shape
    planes = [cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR) for plane in chroma]
    rgb = cv2.transform(np.stack([luma, *planes], axis=-1).astype(np.float32), colour.ycbcr_to_rgb(matrix))
    return np.clip(rgb * 255 + 0.5, 0, 255).astype(np.uint8)[..., ::-1]


def fitted(picture: Picture, height: int, shape: Fraction | float) -> Picture:
    """Scaled to `height` lines and `shape` (width by height)."""
    size = (round(height * float(shape)), height)
    shrink = picture.shape[0] > height
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA if shrink else cv2.INTER_CUBIC), np.uint8)


def beside(left: Picture, right: Picture, gap: int = 4) -> Picture:
    """Two pictures of one height with a white line between them."""
    line = np.full((left.shape[0], gap, 3), 255, np.uint8)
    return np.hstack([left, line, right])


def jpeg(picture: Picture, quality: int = 85) -> bytes:
    """For pages, where size counts; `quality` is 1..100."""
    ok, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert ok, "a valid picture can always be encoded"
    return bytes(data)


def png(picture: Picture) -> bytes:
    """Without loss, for looking closely."""
    ok, data = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 6])
    assert ok, "a valid picture can always be encoded"
    return bytes(data)


def data_url(data: bytes, kind: str = "jpeg") -> str:
    """For an `img` of a self-contained page."""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
