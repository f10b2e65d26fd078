"""The quantiser of a compression, from pictures whose steps are known, and from real coders."""

from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

from footlights.analysis import quantiser as analyser
from footlights.core.clip import Plane
from footlights.media.pixels import layout, new_frame, plane_views
from footlights.media.roundtrip import through_dv
from footlights.metrics import quantiser
from footlights.tape.camera import Sensor
from footlights.tape.presets import NEUTRAL, preset
from tape_views import Simulated, simulated, stage_scene

Codes = NDArray[np.uint8]
MATRIX = np.array(
    [
        [8, 16, 19, 22, 26, 27, 29, 34],
        [16, 16, 22, 24, 27, 29, 34, 37],
        [19, 22, 26, 27, 29, 34, 34, 38],
        [22, 22, 26, 27, 29, 34, 37, 40],
        [22, 26, 27, 29, 32, 35, 40, 48],
        [26, 27, 29, 32, 35, 40, 48, 58],
        [26, 27, 29, 34, 38, 46, 56, 69],
        [27, 29, 35, 38, 46, 56, 69, 83],
    ]
)
"""ISO/IEC 13818-2, 6.3.11."""
_BASIS = np.cos(np.outer(np.arange(8), 2 * np.arange(8) + 1) * np.pi / 16) / 2
_BASIS[0] /= np.sqrt(2)


def coded(lines: Codes, steps: Plane, x: int = 0, y: int = 0) -> Codes:
    """Every block from sample `x` and line `y` on, its DCT rounded to multiples of `steps`."""
    made = np.roll(lines.astype(np.float64), (-y, -x), (0, 1))
    high, wide = (size // 8 for size in made.shape)
    blocks = made[: high * 8, : wide * 8].reshape(high, 8, wide, 8).swapaxes(1, 2) - 128
    rounded = np.round(_BASIS @ blocks @ _BASIS.T / steps) * steps
    made[: high * 8, : wide * 8] = (_BASIS.T @ rounded @ _BASIS + 128).swapaxes(1, 2).reshape(high * 8, wide * 8)
    return np.clip(np.rint(np.roll(made, (y, x), (0, 1))), 0, 255).astype(np.uint8)


def matrix(scale: float, kind: str) -> Plane:
    return (MATRIX * scale / 16 if kind == "mpeg" else np.full((8, 8), scale)).astype(np.float32)


def tape(sigma: float = 2.0, frames: int = 2) -> Simulated:
    return simulated(replace(NEUTRAL, sensor=Sensor(luma_sigma=sigma, knee=1.2)), list(stage_scene(2 * frames)))


def mpeg2(luma: Codes, scale: int) -> Codes:
    """A picture of its own in MPEG-2 with a fixed quantiser_scale."""
    coder = av.CodecContext.create("mpeg2video", "w")
    assert isinstance(coder, VideoCodecContext)
    coder.height, coder.width = luma.shape
    coder.pix_fmt, coder.time_base, coder.framerate = "yuv420p", Fraction(1, 25), Fraction(25)
    coder.qmin = coder.qmax = scale // 2
    grey = np.full((luma.shape[0] // 2, luma.shape[1] // 2), 128, np.uint8)
    frame = new_frame((luma, grey, grey), "yuv420p")
    frame.pts = 0
    decoder = av.CodecContext.create("mpeg2video", "r")
    assert isinstance(decoder, VideoCodecContext)
    packets = [*coder.encode(frame), *coder.encode(None)]
    (found,) = [one for packet in (*packets, None) for one in decoder.decode(packet)]
    return np.array(plane_views(found, layout("yuv420p"))[0])


@pytest.mark.parametrize("kind", ["flat", "mpeg"])
@pytest.mark.parametrize("scale", [3.0, 6.0, 14.0])
def test_steps_and_matrix_are_those_that_rounded_the_picture(kind: str, scale: float) -> None:
    luma = tape().frames[0].y
    found = quantiser.measure(coded(luma, matrix(scale, kind)))
    assert found is not None
    assert found.matrix == kind
    assert found.lines == quantiser.FRAME
    assert found.step == pytest.approx(scale, rel=0.02)
    assert found.share > 0.8


def test_blocks_of_fields_and_blocks_elsewhere_are_found_in_their_place() -> None:
    luma = tape().frames[0].y
    woven = luma.copy()
    for parity in (0, 1):
        woven[parity::2] = coded(luma[parity::2], matrix(8, "mpeg"))
    found = quantiser.measure(woven)
    assert found is not None
    assert (found.lines, found.step) == (quantiser.FIELD, 8)
    moved = coded(luma, matrix(6, "mpeg"), 3, 5)
    assert quantiser.measure(moved) is None
    sought = quantiser.search(moved, field=False)
    assert sought is not None
    assert (sought.x, sought.y, sought.step) == (3, 5, 6)


@pytest.mark.parametrize("name", ["light", "medium", "heavy", "vhs"])
def test_pictures_that_were_never_compressed_show_none(name: str) -> None:
    for frame in simulated(preset(name), list(stage_scene(4))).frames:
        assert quantiser.measure(frame.y) is None
        assert quantiser.search(frame.y, field=False) is None
        assert quantiser.search(frame.y, field=True) is None


@pytest.mark.parametrize("luma", [np.full((480, 720), 16, np.uint8), np.tile(np.uint8([16, 235]), (480, 360))])
def test_plain_and_regular_pictures_show_none(luma: Codes) -> None:
    assert quantiser.measure(luma) is None
    assert quantiser.search(luma, field=True) is None


def test_real_coders_leave_their_own_steps() -> None:
    luma = tape().frames[0].y
    for scale in (4, 12):
        found = quantiser.measure(mpeg2(luma, scale))
        assert found is not None
        assert (found.matrix, found.step) == ("mpeg", scale)
    grey = np.full((480, 180), 128, np.uint8)
    second = through_dv((mpeg2(luma, 12), grey, grey), "yuv411p")
    found = quantiser.measure(second)
    assert found is not None
    assert (found.matrix, found.step) == ("mpeg", 12), "the coarser generation shows through the finer"


def test_a_shot_tells_of_the_pictures_that_show_it() -> None:
    made = tape(frames=12)
    plain = analyser.report(made.columns("quantiser"), made.shot)
    assert (plain.step, plain.frames, plain.looked, plain.confidence) == (0, 0, 2, 0)
    made.frames[3].y[:] = coded(made.frames[3].y, matrix(8, "mpeg"))
    found = analyser.report(made.columns("quantiser"), made.shot)
    assert (found.step, found.matrix, found.frames, found.looked) == (8, "mpeg", 1, 2), "one of predicted ones"
    assert found.confidence == 0.8
    made.frames[10].y[:] = coded(made.frames[10].y, matrix(3, "flat"))
    found = analyser.report(made.columns("quantiser"), made.shot)
    assert (found.step, found.matrix) == (8, "mpeg"), "of two compressions the coarser"
