"""Film grain in a real Chromium: what is painted has the grain that the decoder draws by the tables of the stream."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from footlights.core.filmgrain import FilmGrain
from footlights.core.time import FrameRange
from footlights.encoding.encoders import SvtAv1
from footlights.encoding.grain.inject import inject, seed_of
from footlights.encoding.package import Rendition, write_stream
from footlights.media import ffmpeg
from footlights.media.pieces import Clock, Piece
from footlights.media.playback import with_grain

pytestmark = pytest.mark.browser

RATE, FRAMES = Fraction(25), 25
WITHIN = 0.15
GRAIN = FilmGrain(y=((0, 40), (255, 60)), lag=1, taps_y=(8, 14, 8, 14), tap_shift=7, scaling_shift=9)


def grey_stream(folder: Path, grain: FilmGrain | None) -> Path:
    """A second of flat grey with these tables; the encode that is in it."""
    folder.mkdir()
    plain, grainy = folder / "plain.mkv", folder / "grainy.mkv"
    source = ["-f", "lavfi", "-i", "color=gray:s=256x144:r=25"]
    ffmpeg.run(
        [*source, "-frames:v", str(FRAMES), *SvtAv1().arguments(30, (0,), RATE), ffmpeg.file_url(plain)],
        doing="encoding grey",
    )
    inject(plain, grainy, [grain] * FRAMES, [seed_of(frame) for frame in range(FRAMES)])
    clock = Clock([frame / RATE for frame in range(FRAMES)], FRAMES / RATE, RATE)
    write_stream(folder / "stream", [Rendition("av1-144", (Piece(grainy, FRAMES),))], clock, [FrameRange(0, FRAMES)])
    return grainy


@pytest.mark.parametrize("grain", [GRAIN, None], ids=["grain", "none"])
def test_grain_is_really_painted(
    page: Any, site_folder: Path, record_property: Any, grain: FilmGrain | None, request: pytest.FixtureRequest
) -> None:
    """High-frequency energy of a flat region: differences of neighbouring samples, R'G'B' codes of 8 bits."""
    name = f"grey-{request.node.callspec.id}"
    encode = grey_stream(site_folder / name, grain)
    page.evaluate("source => loadHls('av01', source)", f"{name}/stream/master.m3u8")
    frames = [3, 12, 20]
    found = page.evaluate("times => energyAt(times)", [float((frame + Fraction(1, 2)) / RATE) for frame in frames])
    wanted = []
    for frame in frames:
        luma = with_grain(encode, frame)[1][0].astype(np.float64)[32:-32, 32:-32] / 4 * 255 / 219
        wanted.append(float(np.diff(luma, axis=1).std()))
    record_property("energy", [round(value, 3) for value in found])
    record_property("decoder", [round(value, 3) for value in wanted])
    if grain is None:
        assert max(found) < 0.5
    else:
        assert min(wanted) > 2
        assert found == pytest.approx(wanted, rel=WITHIN)
