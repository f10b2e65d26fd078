"""Grain of files, measured in short runs of their pictures, so that a long chunk takes no longer than a short one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from footlights.core.time import FrameRange
from footlights.encoding.grain.measure import GrainStatistics, Planes, differences_in_time, softened
from footlights.encoding.grain.survival import survived
from footlights.media.reader import VideoReader, index_video

LARGE, HUGE = 2**20, 2**22
"""Samples of a picture of which few, and very few, are enough to see what is drawn."""
_BAND = 64
"""Lines of pictures so huge that every other band of them is enough to measure grain in."""
_WINDOWS, _WINDOW = 4, 4
"""Runs of pictures that are measured in each shot, and their length."""
_MEASURED = 2**25
"""Luma samples that are enough to measure grain in: large pictures have many flat blocks each."""
_GLANCES, _SURE = 2, 100
"""Runs of pictures that are enough to see whether there is any, and the blocks they must have for it."""
_DRAWN_OVER, _DRAWN = 8, 2**21
"""Pictures of a shot that grain is drawn over to see what comes of it, each with a texture of its own, and samples of
them all together."""
_PAIRED, _FEWEST_PAIRS, _MOST_PAIRS = 2**22, 4, 16
"""Samples whose neighbouring pictures tell what is left of it, in pairs spread over all a chunk: an encoder may leave
0.95 of it after a key frame and 0.8 before the next."""


def _windows(run: FrameRange) -> list[FrameRange]:
    """Short runs of pictures, spread evenly."""
    if len(run) <= _WINDOWS * _WINDOW:
        return list(run.split(_WINDOW))
    starts = np.linspace(run.start, run.stop - _WINDOW, _WINDOWS).round().astype(int)
    return [FrameRange(int(start), int(start) + _WINDOW) for start in starts]


def measure(
    grainy: Path, clean: Path | None, runs: Sequence[FrameRange], places: int = 2 * _WINDOWS
) -> GrainStatistics:
    """Grain of the runs together, at so many places at most; without cleaned pictures softened ones tell where it is
    flat."""
    return differences_in_time(_pairs(grainy, clean, _chosen(grainy, runs, places)))


def survived_in(base: Path, clean: Path, run: FrameRange, grain: GrainStatistics) -> GrainStatistics:
    """Of `grain` what is left in an encode of pictures it was taken out of."""
    return differences_in_time(_pairs(base, clean, _chosen(base, (run,), 2 * _WINDOWS)), grain)


def glance(pictures: Path, runs: Sequence[FrameRange]) -> GrainStatistics:
    """Grain of the runs together, at few places; at as many as ever where these say little."""
    found = measure(pictures, None, runs, _GLANCES)
    return found if found.blocks >= _SURE else measure(pictures, None, runs)


def left_in(made: Path, pictures: Path, runs: Sequence[FrameRange]) -> tuple[float, float]:
    """Luma sigma of `pictures`, and of what is left of it in what an encoder `made` of them; both 0 where it cannot be
    measured."""
    index = index_video(pictures)
    possible = [FrameRange(frame, frame + 2) for run in runs for frame in range(run.start, run.stop - 1)]
    wanted = min(max(_PAIRED // (index.width * index.height), _FEWEST_PAIRS), _MOST_PAIRS)
    chosen = _spread(possible, wanted)
    with VideoReader(pictures) as grainy, VideoReader(made) as encoded:
        before = (_read_thinned(grainy, pair) for pair in chosen)
        return survived(zip(before, _in_passing(encoded, chosen), strict=True))


def spread_parts(pictures: Path, run: FrameRange) -> list[tuple[int, Planes]]:
    """Some pictures of a shot with their numbers, of large ones every so many-th band of lines, in turn."""
    index = index_video(pictures)
    count = min(len(run), _DRAWN_OVER)
    every = -(-count * index.width * index.height // _DRAWN)
    bands = max(index.height // _BAND, 1)
    chosen = {run.start + (2 * number + 1) * len(run) // (2 * count): number for number in range(count)}
    passing = FrameRange(min(chosen), max(chosen) + 1)
    with VideoReader(pictures) as reader:
        return [
            (frame, _banded(picture.planes, min(every, bands), chosen[frame]))
            for frame, picture in zip(passing, reader.read(passing), strict=True)
            if frame in chosen
        ]


def _banded(planes: Sequence[NDArray[Any]], every: int, first: int) -> Planes:
    """In 10-bit codes the bands with these numbers, as one picture."""
    bands = (_BAND * len(plane) // len(planes[0]) for plane in planes)
    return tuple(
        _ten_bits(plane[(np.arange(len(plane)) // band - first) % every == 0])
        for plane, band in zip(planes, bands, strict=True)
    )


def _chosen(grainy: Path, runs: Sequence[FrameRange], places: int) -> list[FrameRange]:
    possible = [window for run in runs for window in _windows(run)]
    index = index_video(grainy)
    most = min(max(_MEASURED // (_WINDOW * index.width * index.height), _WINDOWS // 2), places, len(possible))
    return _spread(possible, most)


def _spread(possible: Sequence[FrameRange], most: int) -> list[FrameRange]:
    """At most so many of them, evenly."""
    count = min(most, len(possible))
    return [possible[(2 * number + 1) * len(possible) // (2 * count)] for number in range(count)]


def _pairs(
    grainy: Path, clean: Path | None, windows: Sequence[FrameRange]
) -> Iterator[tuple[list[Planes], list[Planes]]]:
    """Pictures and their cleaned versions, a window at a time."""
    with VideoReader(grainy) as noisy, VideoReader(clean or grainy) as cleaned:
        for window in windows:
            full = _read_thinned(noisy, window)
            if clean is None:
                yield full, [softened(planes) for planes in full]
            else:
                yield full, _read_thinned(cleaned, window)


def read(reader: VideoReader, frames: FrameRange) -> list[Planes]:
    """Pictures in 10-bit codes, copied."""
    return [tuple(_ten_bits(plane) for plane in picture.planes) for picture in reader.read(frames)]


def _read_thinned(reader: VideoReader, frames: FrameRange) -> list[Planes]:
    return [thinned(planes) for planes in read(reader, frames)]


def _in_passing(reader: VideoReader, chosen: Sequence[FrameRange]) -> Iterator[list[Planes]]:
    """The pictures of each range, of a file that is decoded once: to seek in what an encoder made is to decode from a
    key frame again."""
    seen: dict[int, Planes] = {}
    left = list(chosen)
    whole = FrameRange(chosen[0].start, chosen[-1].stop) if chosen else FrameRange(0, 0)
    for number, picture in zip(whole, reader.read(whole), strict=True):
        if any(number in frames for frames in left[:2]):
            seen[number] = thinned(tuple(_ten_bits(plane) for plane in picture.planes))
        while left and number == left[0].stop - 1:
            yield [seen[frame] for frame in left.pop(0)]
            seen = {frame: planes for frame, planes in seen.items() if left and frame >= left[0].start}


def thinned(planes: Planes) -> Planes:
    """Every other band of lines of a huge picture."""
    if planes[0].size <= HUGE:
        return planes
    bands = (_BAND * len(plane) // len(planes[0]) for plane in planes)
    return tuple(plane[np.arange(len(plane)) // band % 2 == 0] for plane, band in zip(planes, bands, strict=True))


def _ten_bits(plane: NDArray[Any]) -> NDArray[np.uint16]:
    """A copy in 10-bit codes."""
    factor = 4 if plane.dtype == np.uint8 else 1
    return np.asarray(plane.astype(np.uint16) * factor, np.uint16)
