"""The finder of a process: one for all parts of a tape, and searched by one thread at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.analysis.faces import Finder, finder_of
from sample_face import singer


def _placed(side: int) -> NDArray[np.uint8]:
    """The singer, so many samples high, in a grey picture."""
    picture = np.full((240, 320, 3), 70, np.uint8)
    picture[20 : 20 + side, 40 : 40 + side] = cv2.resize(singer(), (side, side), interpolation=cv2.INTER_AREA)
    return picture


def test_parts_measured_at_once_share_a_finder_and_find_what_each_would_alone() -> None:
    pictures = [_placed(side) for side in (120, 150, 180, 210)] * 3
    alone = [Finder("stageface")(picture) for picture in pictures[:4]]
    assert all(len(rows) == 1 for rows in alone)
    with ThreadPoolExecutor(4) as pool:
        shared = list(pool.map(lambda picture: finder_of("stageface")(picture), pictures))
    assert finder_of("stageface") is finder_of("stageface")
    for rows, expected in zip(shared, alone * 3, strict=True):
        np.testing.assert_array_equal(rows, expected)
