"""The face that tests look at: the synthetic singer of the demo (SFHQ, no real person; NOTICE.md)."""

from __future__ import annotations

from importlib.resources import files

import cv2
import numpy as np
from numpy.typing import NDArray

MARKS = np.array([(208, 266), (352, 266), (280, 345), (278, 412)])
"""Right eye, left eye, nose tip and mouth, read off the 560 × 560 picture by eye."""


def singer() -> NDArray[np.uint8]:
    """R'G'B', 560 × 560."""
    data = np.frombuffer((files("footlights.pipeline.sample") / "singer.webp").read_bytes(), np.uint8)
    return np.ascontiguousarray(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)[..., ::-1])
