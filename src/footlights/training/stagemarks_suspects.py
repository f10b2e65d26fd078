"""Hard negatives for StageMarks: `python -m footlights.training.stagemarks_suspects --shards SHARDS/train`.

StageFace searches every picture of the shards; what it takes for a face and is none is noted beside them.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from footlights.models.stageface import StageFace
from footlights.training.shards import whole_shards
from footlights.training.stageface_data import SUSPECTS
from footlights.training.stagemarks_data import Rows, alone, open_marks_shard

_SUSPECTED = 0.12
"""Score from which a box is suspected."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Search the shards that were not searched yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=Path, required=True)
    parser.add_argument("--most", type=int, default=0, help="pictures of each shard that are searched; all if 0")
    chosen = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    net = StageFace(threads=1)
    for folder in whole_shards(chosen.shards, "stageface_render"):
        if (folder / SUSPECTS).exists():
            continue
        shard = open_marks_shard(folder)
        found = suspects(net, shard.pictures[: chosen.most or None], shard.rows, shard.owner)
        part = folder / ("part-" + SUSPECTS)
        np.savez(part, suspects=found)
        part.rename(folder / SUSPECTS)
        print(f"{folder.name}: {len(found)}", flush=True)  # noqa: T201


def suspects(net: StageFace, pictures: NDArray[np.uint8], rows: Rows, owner: NDArray[np.int32]) -> NDArray[np.float32]:
    """Boxes of StageFace that lie on no face and on nothing that is to be ignored, as `MarksShard` holds them."""
    found = []
    for number, picture in enumerate(pictures):
        own = rows[owner == number]
        for box in net.boxes(np.asarray(picture), _SUSPECTED):
            x, y, high = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, box[3] - box[1]
            if alone(own, x, y):
                found.append([number, x, y, high, np.arctan2(box[8] - box[6], box[7] - box[5]), box[4]])
    return np.array(found, np.float32).reshape(-1, 6)


if __name__ == "__main__":
    main()
