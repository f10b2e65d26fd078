"""Pieces of a long comparison of encoders: each is made once, and kept with the processor time that it took."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from typing import TypeVar

from footlights.core import records
from footlights.media import ffmpeg

T = TypeVar("T")


class Ledger:
    """Of one way of encoding one programme; a run that was stopped goes on with the piece that it was at."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.whole = 0.0
        """Processor seconds of all pieces."""
        self.encode = 0.0
        """Of the encodes among them."""

    def once(self, name: object, kind: type[T], make: Callable[[], T]) -> T:
        """What `make` gives; `name` tells it from other pieces and holds all that it is made from."""
        kept = self._folder / f"{records.digest(records.to_data(name))[:20]}.json"
        if not kept.exists():
            before = clock()
            with _encodes() as spent:
                made = make()
            piece = {"record": records.to_data(made), "whole": clock() - before, "encode": spent[0]}
            records.write(kept, json.dumps(piece))
        found = json.loads(kept.read_text("utf-8"))
        self.whole += found["whole"]
        self.encode += found["encode"]
        return records.from_data(kind, found["record"], str(kept))

    def close(self) -> None:
        """The way is finished: its pieces are no longer needed."""
        rmtree(self._folder)


def clock() -> float:
    """Processor seconds of all finished children."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def _encodes() -> Iterator[list[float]]:
    """A list of one number: the processor seconds of every encode made inside."""
    spent, plain = [0.0], ffmpeg.run

    def timed(arguments: Sequence[str], *, doing: str, timeout: float | None = None) -> str:
        before = clock()
        said = plain(arguments, doing=doing, timeout=timeout)
        if doing.startswith("encoding"):
            spent[0] += clock() - before
        return said

    ffmpeg.run = timed
    try:
        yield spent
    finally:
        ffmpeg.run = plain
