"""Sharpening across the lines, and what taking it back would do: `python benchmarks/halos_across.py --data DIR`.

Dev clips as the shots of one tape of our own simulator (same author), sharpened across the lines by the camera: not at
all, by the presets' 0.8 dB at the field's highest vertical frequency, by 2.9 and by 5.1 dB. Told: the outlines above
and below edges that all shots together show. Then, on `light` without noise and codec, the exact inverse of the
camera's kernel, which no estimate can beat: dB of luma against the tape without this sharpening, where it changes that
by more than two codes, and against the true pictures. In pieces.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

import bench
import defects
import pieces
import quality_tapes as tapes
import repair_own as own
from footlights.core.clip import Plane
from footlights.metrics import halosacross
from footlights.tape.presets import preset, quiet
from footlights.training.tapes import neutral

Row = dict[str, Any]
PRESETS = ("light", "medium", "heavy", "vhs")
GAINS = (0.0, 0.1, 0.4, 0.8)
"""Rise at the field's highest vertical frequency; a quarter of it is what each line takes of those beside."""
_TOUCHED = 2
_INNER = np.s_[:, 8:-8, 16:-16]


def told(name: str, scene: list[Plane], seed: int) -> Row:
    """What both fields of all frames of a clip show, by gain."""
    row: Row = {"preset": name}
    for gain in GAINS:
        tape = defects.made(name, scene, seed, detail=replace(preset(name).detail, gain_y=gain))
        seen = [halosacross.measure(frame[parity::2]) for frame in tape.pictures.luma for parity in (0, 1)]
        row[f"{gain:g}"] = [
            [np.sum([one[way].above for one in seen], axis=0).tolist() for way in (0, 1)],
            [np.sum([one[way].below for one in seen], axis=0).tolist() for way in (0, 1)],
            [sum(one[way].number for one in seen) for way in (0, 1)],
        ]
    return row


def undone(name: str, scene: list[Plane], seed: int) -> Row:
    """dB that the inverse of the known kernel gains, against the unsharpened tape and against the truth."""
    row: Row = {"preset": name}
    for gain in GAINS[1:]:
        base = quiet(neutral(preset(name)))
        worn, flat = (replace(base, detail=replace(base.detail, gain_x=0.0, gain_y=one)) for one in (gain, 0.0))
        sharp, plain = (own.played(one, scene[:12], seed) for one in (worn, flat))
        before, wanted = (tapes.clip_of(one.pictures, one.simulator).luma for one in (sharp, plain))
        lit = np.stack([tapes.truth_of(sharp.simulator.lit(one, n))[0] for n, one in enumerate(scene[:12])])
        true = lit[0::2].copy()
        true[:, 1::2] = lit[1::2, 1::2]
        mask = np.abs(before - wanted) > _TOUCHED / 219
        after = _softened(before, gain / 4)
        active = sharp.simulator.raster.active
        row[f"{gain:g}"] = [
            round(_db(after[mask], wanted[mask]) - _db(before[mask], wanted[mask]), 2) if mask.any() else None,
            round(_db(after[..., active][_INNER], true[_INNER]) - _db(before[..., active][_INNER], true[_INNER]), 2),
        ]
    return row


def _softened(luma: Plane, share: float) -> Plane:
    """Fields through the inverse of the kernel -share, 1 + 2 share, -share."""
    line = np.zeros(64)
    line[[0, 1, -1]] = 1 + 2 * share, -share, -share
    taps = np.real(np.fft.ifft(1 / np.fft.fft(line)))[np.arange(-6, 7)]
    made = luma.copy()
    for frame in made:
        for field in (frame[0::2], frame[1::2]):
            field[:] = cv2.filter2D(field, -1, taps[:, None].astype(np.float32), borderType=cv2.BORDER_REPLICATE)
    return made


def _db(made: NDArray[np.float32], true: NDArray[np.float32]) -> float:
    return -10 * float(np.log10(np.mean((made - true) ** 2)))


def summary(rows: list[Row], lost: list[Row]) -> Row:
    """Outlines of whole tapes, and means of what undoing gains."""
    found: Row = {}
    for name in PRESETS:
        here = [row for row in rows if row["preset"] == name]
        found[name] = {gain: _together([row[gain] for row in here]) for gain in map("{:g}".format, GAINS)}
    for gain in map("{:g}".format, GAINS[1:]):
        flat = [row[gain][0] for row in lost if row[gain][0] is not None]
        true = [row[gain][1] for row in lost]
        found[f"undone {gain}"] = {
            "db against unsharpened": [round(float(np.mean(flat)), 2), min(flat), max(flat)],
            "db against the truth": [round(float(np.mean(true)), 2), min(true), max(true)],
        }
    return found


def _together(clips: list[list[Any]]) -> list[float]:
    """Outline above and below over all clips, as edges both ways share it, and the edges of the rarer way."""
    above, below, numbers = (np.array([one[part] for one in clips]).sum(axis=0) for part in range(3))
    ways = [halosacross.Outlines(above[way], below[way], int(numbers[way])) for way in (0, 1)]
    return [*(round(one, 4) for one in halosacross.shared(*ways)), int(numbers.min())]


def main() -> int:
    parser = bench.arguments("halos_across", __doc__)
    parser.add_argument("--frames", type=int, default=8, help="tape frames per clip")
    parser.add_argument("--clips", nargs="*", help="names of dev clips; all by default")
    pieces.arguments(parser)
    options = bench.parsed(parser)
    facts, kept, clips = bench.machine(), pieces.opened(options), dict(defects.clips_of(options))
    rows = list(kept.rows("told", clips, PRESETS, told))
    lost = list(kept.rows("undone", clips, ("light",), undone))
    facts = {"machine": facts, "commits": kept.commits(), "rows_missing": kept.missing}
    if kept.missing:
        return pieces.PAUSED
    found = summary(rows, lost)
    bench.write(options.out, facts | {"summary": found, "rows": rows, "undone": lost})
    bench.table(("tape", "found"), [(name, str(one)) for name, one in found.items()])
    return 0


if __name__ == "__main__":
    sys.exit(pieces.finished(main))
