"""Blended conversions between 50 and 59.94 fields, found or not: `python benchmarks/conversion.py --data DIR`.

Dev clips, every picture taken for a field, converted as a simple converter does (fields made whole by the mean of the
lines around, mixed by how near they lie in time), then on a tape of our own simulator with its noise and codec (same
author). Beside them the same clips as they are, as film in 3:2, with every picture shown for six fields, and mixed with
the clip before (a dissolve), on which nothing must be found. Shots of `--fields` source fields; in pieces.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

import bench
import defects
import pieces
import quality_tapes as tapes
import repair
import repair_own as own
from footlights.analysis import conversion
from footlights.core.clip import Plane
from footlights.core.reports import Entry, Shot
from footlights.core.tape_reports import Conversion
from footlights.core.time import NTSC_FIELD_RATE, NTSC_FRAME_RATE, PAL_FRAME_RATE, FrameRange
from footlights.media.recode import recode

Row = dict[str, Any]
PRESETS = ("light", "heavy")
_PHASE = 0.3


def _mixed(scene: list[Plane], ratio: Fraction) -> list[Plane]:
    """Pictures of the other system, one a field."""
    made = []
    for number in range(int((len(scene) - 2) / ratio)):
        place = number * float(ratio) + _PHASE
        start, share = int(place), np.float32(place % 1)
        before, after = (_filled(scene[start + k], (start + k) % 2) for k in (0, 1))
        made.append((1 - share) * before + share * after)
    return made


def _filled(picture: Plane, parity: int) -> Plane:
    """A field, and between its lines the mean of those around."""
    lines, made = picture[parity::2], picture.copy()
    made[1 - parity :: 2] = (lines + np.roll(lines, 1 if parity else -1, axis=0)) / 2
    return made


def _film(scene: list[Plane], ratio: Fraction) -> list[Plane]:
    del ratio
    return [picture for number, picture in enumerate(scene) for _ in range(2 + number % 2)][: len(scene)]


def _held(scene: list[Plane], ratio: Fraction) -> list[Plane]:
    del ratio
    return [scene[number // 6 * 6] for number in range(len(scene))]


def _dissolved(scene: list[Plane], ratio: Fraction) -> list[Plane]:
    del ratio
    share = np.linspace(0, 1, len(scene), dtype=np.float32)
    return [(1 - one) * a + one * b for one, a, b in zip(share, scene, scene[::-1], strict=True)]


def _plain(scene: list[Plane], ratio: Fraction) -> list[Plane]:
    del ratio
    return scene


WAYS: dict[str, tuple[Callable[[list[Plane], Fraction], list[Plane]], Fraction, Conversion]] = {
    "pal to ntsc": (_mixed, NTSC_FRAME_RATE, Conversion.PAL_TO_NTSC),
    "ntsc to pal": (_mixed, PAL_FRAME_RATE, Conversion.NTSC_TO_PAL),
    "plain": (_plain, NTSC_FRAME_RATE, Conversion.NONE),
    "plain, pal": (_plain, PAL_FRAME_RATE, Conversion.NONE),
    "film": (_film, NTSC_FRAME_RATE, Conversion.NONE),
    "held": (_held, NTSC_FRAME_RATE, Conversion.NONE),
    "dissolve": (_dissolved, NTSC_FRAME_RATE, Conversion.NONE),
}


def told(name: str, scene: list[Plane], seed: int) -> Row:
    """What the analyser says of a clip, converted and not."""
    row: Row = {"preset": name}
    columns: dict[str, Any] = {}
    shot = Shot(0, FrameRange(0, 0), 0, Entry.START, 1.0)
    for what, (make, rate, kind) in WAYS.items():
        ratio = NTSC_FIELD_RATE / 50 if kind is Conversion.NTSC_TO_PAL else 50 / NTSC_FIELD_RATE
        if what != "plain, pal":  # the tape is that of before
            pictures = make(scene, ratio)
            tape = own.played(repair.worn(name), pictures[: len(pictures) // 2 * 2], seed)
            codec, bit_rate = tapes.CODECS[name]
            if codec is not None:
                tape = replace(tape, pictures=recode(tape.pictures, codec, bit_rate=bit_rate))
            columns = {**defects.columns(tape, "conversion"), **defects.columns(tape, "repeats")}
            shot = Shot(0, FrameRange(0, len(tape.pictures.luma)), 0, Entry.START, 1.0)
        (found,) = conversion.report(columns, (shot,), range(shot.frames.stop), rate)
        row[what] = [str(found.kind), found.explained, found.phase, found.confidence]
    return row


def summary(rows: list[Row]) -> Row:
    """By way and preset: shots, found, wrong, and the worst error of the phase in fields of the source."""
    table: Row = {}
    for what, (_, _, kind) in WAYS.items():
        for name in PRESETS:
            here = [row[what] for row in rows if row["preset"] == name]
            right = [one for one in here if one[0] == str(kind)]
            errors = [abs((one[2] - _PHASE + 0.5) % 1 - 0.5) for one in right]
            made = kind is not Conversion.NONE
            table[f"{what}, {name}"] = {
                "shots": len(here),
                "found": len(right) if made else 0,
                "wrong": sum(one[0] not in (str(kind), str(Conversion.NONE)) for one in here),
                "phase_error": round(max(errors), 3) if made and errors else None,
            }
    return table


def main() -> int:
    parser = bench.arguments("conversion", __doc__)
    parser.add_argument("--fields", type=int, default=120, help="pictures of each clip, one a field")
    parser.add_argument("--clips", nargs="*", help="names of dev clips; all by default")
    pieces.arguments(parser)
    options = bench.parsed(parser)
    facts, kept = bench.machine(), pieces.opened(options)
    paths = (one for one in sorted((options.data / "dev_clips").iterdir()) if one.suffix in (".mp4", ".mkv"))
    chosen = [one for one in paths if not options.clips or one.stem in options.clips]
    rows = []
    for path in chosen:
        scene = list(tapes.clip_pictures(path, options.fields))
        if len(scene) > 80:
            rows += list(kept.rows("told", {path.stem: scene}, PRESETS, told))
    table = summary(rows) if rows else {}
    facts = {"machine": facts, "commits": kept.commits(), "rows_missing": kept.missing}
    bench.write(options.out, facts | {"summary": table, "rows": rows})
    bench.table(("tape", "shots", "found", "wrong", "phase"), [(what, *one.values()) for what, one in table.items()])
    return pieces.PAUSED if kept.missing else 0


if __name__ == "__main__":
    sys.exit(pieces.finished(main))
