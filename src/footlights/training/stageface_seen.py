"""Adds faces to labels: `python -m footlights.training.stageface_seen --labels L.json --seen SEEN.csv --out ALL.json`.

They are those that StageFace has found in training pictures and its teacher has not, looked through by eye: profiles,
hats and dark glasses, hands and cups in front, people in the crowd. What nobody can name there is ignored.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from footlights.training.facesources import SourceFace
from footlights.training.stageface_labels import Aligned, Labels, Shown, read_labels

Values = NDArray[np.float64]

_SHARE = 0.67
"""Of a crop's side that the height of a box takes."""
_MOST_TURN = 0.5
"""Radians: eyes of a profile lie on one another and say nothing of how it is turned."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One box of a picture."""

    path: str
    frame: int
    sure: bool
    row: tuple[float, ...]
    """Middle, width, height and six points, in samples."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the labels with the faces that were seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--seen", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    made = with_seen(read_labels(chosen.labels), read_seen(chosen.seen))
    chosen.out.write_text(json.dumps(asdict(made)), "utf-8")
    print(f"{len(made.aligned)} faces, {sum(len(each.sure) for each in made.shown)} in pictures")  # noqa: T201


def read_seen(path: Path) -> list[Seen]:
    """The list that was looked through."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    return [Seen(row[0], int(row[1]), row[2] == "face", tuple(map(float, row[3:]))) for row in rows]


def with_seen(labels: Labels, seen: Sequence[Seen]) -> Labels:
    """Labels whose faces include the ones that were seen: cut out, and where they are shown in whole pictures."""
    aligned = labels.aligned + tuple(aligned_of(each) for each in seen if each.sure)
    return Labels(aligned, tuple(_completed(each, seen) for each in labels.shown))


def aligned_of(seen: Seen) -> Aligned:
    """A box as a face that can be cut out, upright as its eyes say."""
    pairs = np.array(seen.row).reshape(8, 2)
    eyes = pairs[3] - pairs[2]
    turn = float(np.arctan2(eyes[1], eyes[0]))
    turn = turn if abs(turn) < _MOST_TURN else 0.0
    side = float(pairs[1, 1]) / _SHARE
    source = SourceFace(seen.path, seen.frame, side, turn, float(pairs[0, 0]), float(pairs[0, 1]), True, False)
    cos, sin = np.cos(turn), np.sin(turn)
    placed = (pairs - pairs[0]) @ np.array([[cos, -sin], [sin, cos]]) / side
    placed[1] = pairs[1] / side
    return Aligned(source, tuple(round(float(value), 4) for value in placed.reshape(-1)))


def _completed(shown: Shown, seen: Sequence[Seen]) -> Shown:
    own = [each for each in seen if (each.path, each.frame) == (shown.path, shown.frame)]
    sure = tuple(each.row for each in own if each.sure)
    doubtful = tuple(each.row for each in own if not each.sure)
    # What the teacher doubted and the eye has named is doubted no longer.
    still = tuple(row for row in shown.doubtful if all(_apart(row, one) for one in sure))
    return replace(shown, sure=shown.sure + sure, doubtful=still + doubtful)


def _apart(row: Sequence[float], other: Sequence[float]) -> bool:
    return bool(np.hypot(row[0] - other[0], row[1] - other[1]) > 0.5 * max(row[3], other[3]))


if __name__ == "__main__":
    main()
