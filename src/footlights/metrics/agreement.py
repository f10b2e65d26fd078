"""How far two ways of sorting the same things into groups agree."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def adjusted_rand(one: Sequence[int], other: Sequence[int]) -> float:
    """Adjusted Rand index of group numbers from 0 on (Hubert and Arabie, "Comparing partitions", 1985): 1 for equal
    groups, 0 for chance."""
    table = np.zeros((max(one) + 1, max(other) + 1))
    np.add.at(table, (list(one), list(other)), 1)

    def pairs(counts: NDArray[np.float64]) -> float:
        return float((counts * (counts - 1) / 2).sum())

    rows, columns, whole = pairs(table.sum(1)), pairs(table.sum(0)), pairs(np.array([table.sum()]))
    chance = rows * columns / whole
    return (pairs(table) - chance) / ((rows + columns) / 2 - chance)
