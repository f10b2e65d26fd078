"""Drawn grain around key frames, seen on pictures that are decoded anyway when a chunk is verified."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from footlights.core.filmgrain import FilmGrain
from footlights.core.time import FrameRange
from footlights.encoding.grain.measure import Planes, as_float
from footlights.encoding.grain.steadiness import Drawn, Steadiness, steadiness
from footlights.encoding.grain.synthesis import apply
from footlights.media.pixels import Samples
from footlights.media.reader import VideoReader, index_video
from footlights.pipeline.grainwindows import LARGE, read, thinned

_KEYS = 2
"""Key frames of a chunk that are watched; of large pictures, whose grain takes long to draw, one."""
_AROUND, _AROUND_LARGE = 3, 2
"""Pictures before and after each of them."""


class Watch:
    """Shown the pictures of a chunk without grain, one after the other, it keeps those around key frames."""

    def __init__(
        self, clean: Path, runs: Sequence[FrameRange], tables: Sequence[FilmGrain | None], seeds: Sequence[int]
    ) -> None:
        self._clean, self._tables, self._seeds = clean, tables, seeds
        index = index_video(clean)
        large = index.width * index.height > LARGE
        around = _AROUND_LARGE if large else _AROUND
        # Of the first key frame of a chunk only one side can be seen.
        keys = [run.start for run in runs[1:]] or [0]
        most = min(len(keys), 1 if large else _KEYS)
        chosen = [keys[(2 * number + 1) * len(keys) // (2 * most)] for number in range(most)]
        near = {key: FrameRange(max(key - around, 0), min(key + around + 1, len(tables))) for key in chosen}
        self._near = {key: frames for key, frames in near.items() if all(tables[frame] for frame in frames)}
        self._wanted = {frame for frames in self._near.values() for frame in frames}
        self._seen: dict[int, Planes] = {}

    def see(self, number: int, planes: tuple[Samples, ...]) -> None:
        """Of the chunk's pictures the one with this number."""
        if number in self._wanted:
            self._seen[number] = planes[:1]

    def found(self) -> Steadiness:
        """What they told."""
        with VideoReader(self._clean) as clean:
            return steadiness(
                [
                    (
                        key - frames.start,
                        [self._drawn(frame, plain) for frame, plain in zip(frames, there, strict=True)],
                    )
                    for key, frames in self._near.items()
                    for there in [read(clean, frames)]
                ]
            )

    def _drawn(self, frame: int, clean: Planes) -> Drawn:
        base, table = self._seen[frame], self._tables[frame]
        assert table is not None
        shown = apply(base, table, self._seeds[frame])
        plain, seen, before = (as_float(thinned(planes[:1])[0]) for planes in (base, shown, clean))
        return Drawn(seen - plain, seen, before)
