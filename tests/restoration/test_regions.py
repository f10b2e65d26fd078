"""Places as rectangles: they cover the mask, and stay few."""

from __future__ import annotations

import numpy as np

from footlights.core.plans import Region
from footlights.restoration.regions import regions_of


def test_rectangles_cover_the_mask() -> None:
    mask = np.zeros((240, 720), bool)
    mask[10, 100:200] = True
    mask[200:203, 700:720] = True
    assert regions_of(mask) == (Region(138, 41, 278, 46), Region(972, 833, 1000, 846))
    assert regions_of(np.zeros((8, 8), bool)) == ()


def test_many_places_become_one() -> None:
    mask = np.zeros((240, 720), bool)
    mask[20:220:10, 40:680:40] = True
    (one,) = regions_of(mask)
    assert (one.left, one.top) == (55, 83)
