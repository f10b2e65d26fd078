"""Long benchmarks in pieces: every row is kept in a file of its own as soon as it is known, so that a run that was
stopped, or that has only so many minutes, goes on where it was. `--fresh` forgets what was kept."""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

import bench
from footlights.core.clip import Plane

Row = dict[str, Any]
_SEED = 41
PAUSED = 75
"""Exit code of a run with rows missing (EX_TEMPFAIL)."""


class OutOfMinutesError(Exception):
    """The minutes are used up; what is done is kept."""


class Pieces:
    """Rows of one benchmark by name, kept in a folder."""

    def __init__(self, folder: Path, minutes: float) -> None:
        self._folder = folder
        self._end = monotonic() + 60 * minutes
        self.missing = 0
        """Rows that `rows` left out."""
        folder.mkdir(parents=True, exist_ok=True)

    def row(self, name: str, make: Callable[[], Row]) -> Row:
        """The row of that name: the kept one, else what `make` gives. OutOfMinutesError when the time is over,
        ValueError for a row that holds what is no number."""
        path = self._folder / f"{hashlib.sha256(name.encode()).hexdigest()[:20]}.json"
        if path.exists():
            return self._read(path)
        if monotonic() > self._end:
            raise OutOfMinutesError
        made = make()
        part = path.with_suffix(".part")
        kept = {"name": name, "commit": bench.commit(), "row": made}
        part.write_text(json.dumps(kept, default=str, allow_nan=False), "utf-8")
        part.replace(path)
        print(f"{name}: {made}"[:400], file=sys.stderr, flush=True)
        return self._read(path)

    def _read(self, path: Path) -> Row:
        row: Row = json.loads(path.read_text("utf-8"), parse_constant=_refused)["row"]
        return row

    def rows(
        self,
        part: str,
        clips: Mapping[str, list[Plane]],
        presets: Iterable[str],
        make: Callable[[str, list[Plane], int], Row],
    ) -> Iterator[Row]:
        """Rows of one part over clips and presets, without those the minutes do not suffice for: `make` is given the
        preset, the clip's pictures and a seed."""
        for number, (clip, scene) in enumerate(clips.items()):
            for name in presets:
                made = partial(make, name, scene, _SEED + number)
                try:
                    yield {"clip": clip} | self.row(f"{part} {name} {clip} {len(scene)}", made)
                except OutOfMinutesError:
                    self.missing += 1

    def commits(self) -> list[str]:
        """The checkouts that made the rows that are kept."""
        return sorted({json.loads(path.read_text("utf-8"))["commit"] for path in self._folder.glob("*.json")})


def _refused(value: str) -> float:
    raise ValueError(f"a kept row holds {value}, which is no figure: measure anew with --fresh")


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of a benchmark that runs in pieces."""
    parser.add_argument("--pieces", type=Path, help="folder for finished rows (default: beside the result)")
    parser.add_argument("--minutes", type=float, default=1e6, help="stop after so many; the same command goes on")
    parser.add_argument("--fresh", action="store_true", help="forget the rows of an earlier run")


def opened(options: argparse.Namespace) -> Pieces:
    """The pieces of a run, beside its result unless told otherwise."""
    folder = options.pieces or options.out.with_name(f".{options.out.stem}.pieces")
    if options.fresh:
        shutil.rmtree(folder, ignore_errors=True)
    return Pieces(folder, options.minutes)


def finished(benchmark: Callable[[], int]) -> int:
    """Run a benchmark's main; PAUSED where rows are still missing."""
    try:
        code = benchmark()
    except OutOfMinutesError:
        code = PAUSED
    if code == PAUSED:
        print("out of minutes: the same command goes on where this one was", file=sys.stderr)
    return code
