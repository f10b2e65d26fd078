"""Tiny AV1 streams and what the decoder makes of them, with film grain and without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from footlights.core.filmgrain import FilmGrain
from footlights.media import ffmpeg
from footlights.media.pixels import layout, plane_views

Planes = tuple[NDArray[Any], ...]


def encode(
    path: Path, *, size: str = "98x70", frames: int = 20, pixels: str = "yuv420p10le", codec: str = "libsvtav1"
) -> Path:
    """A moving test picture as one closed group."""
    source = ["-f", "lavfi", "-i", f"testsrc2=s={size}:r=25,trim=end_frame={frames},format={pixels}"]
    options = {
        "libsvtav1": ["-preset", "10", "-svtav1-params", "crf=40:keyint=-1:scd=0:lp=1"],
        "libaom-av1": ["-cpu-used", "8", "-crf", "45", "-g", "999", "-lag-in-frames", "8"],
    }[codec]
    ffmpeg.run([*source, "-c:v", codec, *options, ffmpeg.file_url(path)], doing="encoding a test stream")
    return path


def decode(path: Path, *, grain: bool) -> list[Planes]:
    """All pictures by dav1d, which draws grain itself or leaves it out."""
    container: Any = av.open(str(path))
    with container:
        stream = container.streams.video[0]
        if not grain:
            stream.codec_context.options = {"export_side_data": "film_grain"}
        return [
            tuple(plane.copy() for plane in plane_views(frame, layout(frame.format.name)))
            for frame in container.decode(stream)
        ]


def same(one: list[Planes], other: list[Planes]) -> bool:
    """Whether both hold the same samples."""
    return len(one) == len(other) and all(
        np.array_equal(a, b)
        for first, second in zip(one, other, strict=True)
        for a, b in zip(first, second, strict=True)
    )


def some_grain(*, chroma: bool = True, lag: int = 3) -> FilmGrain:
    """A table with every part of the syntax in use."""
    rng = np.random.default_rng(lag)
    taps = [tuple(int(tap) for tap in rng.integers(-12, 14, 2 * lag * (lag + 1) + more)) for more in (0, 1, 1)]
    return FilmGrain(
        y=((0, 40), (100, 120), (255, 60)),
        cb=((0, 60), (255, 90)) if chroma else (),
        cr=((30, 70),) if chroma else (),
        scaling_shift=9,
        lag=lag,
        taps_y=taps[0],
        taps_cb=taps[1],
        taps_cr=taps[2],
        scale_shift=1,
    )
