"""Raster, lens and read-out: where the picture lies and how much vertical detail a field keeps."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from tape_pictures import SMALL, amplitude, flat, preset

from footlights.core.fields import BOTTOM, TOP
from footlights.core.reports import CadenceKind
from footlights.core.signal import FieldOrder, Matrix, Primaries
from footlights.errors import ParameterError
from footlights.tape import optics
from footlights.tape.optics import Optics, ReadOut
from footlights.tape.presets import NEUTRAL
from footlights.tape.raster import NTSC, PAL, Raster
from footlights.tape.simulate import Simulator


def test_sample_aspects_are_those_of_704_active_samples():
    assert NTSC.sample_aspect == Fraction(10, 11)
    assert PAL.sample_aspect == Fraction(12, 11)


def test_picture_fills_the_active_samples_and_blanking_is_black():
    frame = next(Simulator(NEUTRAL).run([flat(1.0)] * 2))
    assert frame.y.shape == (480, 720)
    assert frame.cb.shape == frame.cr.shape == (480, 360)
    assert frame.y.dtype == np.uint8
    assert np.all(frame.y[:, 8:712] == 235)
    assert np.all(frame.y[:, :8] == 16)
    assert np.all(frame.y[:, 712:] == 16)
    assert np.all(frame.cb == 128)


def test_ten_bit_codes_are_four_times_as_fine():
    frame = next(Simulator(NEUTRAL, bits=10).run([flat(1.0)] * 2))
    assert frame.y.dtype == np.uint16
    assert np.all(frame.y[:, 8:712] == 940)


@pytest.mark.parametrize(("raster", "size"), [(NTSC, (1080, 1440)), (PAL, (768, 1024)), (NTSC, (576, 768))])
@pytest.mark.parametrize("read_out", list(ReadOut))
def test_a_circle_stays_a_circle(raster: Raster, size: tuple[int, int], read_out: ReadOut):
    """Second moments of a disc, in samples and lines, differ by the sample aspect; its centre stays in place."""
    height, width = size
    y, x = np.mgrid[0:height, 0:width]
    radius = 0.35 * height
    distance = np.hypot(x - (width - 1) / 2, y - (height - 1) / 2)
    disc = np.clip(radius + 0.5 - distance, 0, 1).astype(np.float32)
    picture = np.repeat(disc[..., None], 3, axis=2)
    simulator = Simulator(preset(optics=replace(NEUTRAL.optics, read_out=read_out)), raster=raster)
    recording = simulator.run([picture] * 2)
    luma = next(recording).y.astype(float) - 16
    lines, samples = np.mgrid[0 : luma.shape[0], 0 : luma.shape[1]]
    mean_x, mean_y = (luma * samples).sum() / luma.sum(), (luma * lines).sum() / luma.sum()
    ratio = np.sqrt((luma * (samples - mean_x) ** 2).sum() / (luma * (lines - mean_y) ** 2).sum())
    assert ratio * float(raster.sample_aspect) == pytest.approx(1, abs=0.004)
    assert mean_x == pytest.approx((raster.width - 1) / 2, abs=0.02)
    assert mean_y == pytest.approx((raster.height - 1) / 2, abs=0.02)
    assert recording.truth().sample_aspect == raster.sample_aspect


def _box(cycles: float, cells: int, pitch: float) -> float:
    """Gain of the mean of `cells` samples at `pitch` for a sine of `cycles` per unit."""
    return float(np.sin(np.pi * cycles * pitch * cells) / (cells * np.sin(np.pi * cycles * pitch)))


@pytest.mark.parametrize("cycles", [0.05, 0.15, 0.25, 0.35])
@pytest.mark.parametrize("parity", [TOP, BOTTOM])
@pytest.mark.parametrize(
    ("read_out", "gain"),
    [
        (ReadOut.LINE, lambda nu: _box(nu, 4, 0.25)),
        (ReadOut.TWO_LINE, lambda nu: _box(nu, 8, 0.25)),
        (ReadOut.THREE_LINE, lambda nu: _box(nu, 4, 0.25) * (1 + np.cos(2 * np.pi * nu)) / 2),
    ],
)
def test_read_out_has_the_gain_of_its_sum_and_no_shift(read_out: ReadOut, gain, parity: int, cycles: float):
    """A vertical sine of `cycles` per frame line, four picture lines to each: sensor rows average, lines add rows."""
    raster = Raster(width=32, height=96, active_width=32)
    row = (np.arange(4 * raster.height) + 0.5) / 4 - 0.5  # in frame lines, line centres at whole numbers
    light = 0.5 + 0.4 * np.cos(2 * np.pi * cycles * row)
    picture = np.broadcast_to((light ** (1 / 2.4))[:, None, None], (len(row), 32, 3)).astype(np.float32)
    lines = optics.collect(optics.expose(picture, raster, read_out), parity, Optics(read_out=read_out))
    assert lines.shape == (48, 32, 3)
    inner = slice(2, -2)
    position = (2 * np.arange(48) + parity)[inner]
    expected = 0.5 + 0.4 * gain(cycles) * np.cos(2 * np.pi * cycles * position)
    np.testing.assert_allclose(lines[inner, 5, 1], expected, atol=2e-4)


def test_lens_blur_has_the_standard_deviation_asked_for():
    for exponent in (1.0, 2.0, 6.0):
        kernel = optics.point_spread(1.4, exponent).astype(float)
        position = np.arange(len(kernel)) - len(kernel) // 2
        assert np.sqrt((kernel * position**2).sum()) == pytest.approx(1.4, rel=0.06)


def test_aberration_moves_red_outwards_and_blue_inwards():
    lines = np.zeros((48, 704, 3), dtype=np.float32)
    lines[:, 690:694] = 1
    spread = optics.collect(np.repeat(lines, 2, axis=0), TOP, Optics(aberration=1.0, read_out=ReadOut.LINE))
    x = np.arange(704)
    centre = [(spread[20, :, channel] * x).sum() / spread[20, :, channel].sum() for channel in range(3)]
    assert centre[1] == pytest.approx(691.5, abs=0.01)
    assert centre[0] - centre[1] == pytest.approx(0.966, abs=0.05)
    assert centre[2] - centre[1] == pytest.approx(-0.966, abs=0.05)


def test_smear_lights_the_whole_column_of_a_lamp():
    rows = np.zeros((96, 64, 3), dtype=np.float32)
    rows[40:44, 30:33] = 1
    smeared = optics.lens(rows, Optics(blur_x=0, blur_y=0, smear=0.01))
    assert smeared[5, 31, 0] == pytest.approx(0.01 * 4 / 96, rel=0.01)
    assert smeared[5, 10, 0] == 0


def test_static_picture_gives_the_vertical_detail_of_both_fields():
    """A camera that sums line pairs still lays the two fields on different lines: a slope stays a slope."""
    picture = np.broadcast_to(np.linspace(0.1, 0.9, 96, dtype=np.float32)[:, None, None], (96, 128, 3))
    simulator = Simulator(preset(optics=replace(NEUTRAL.optics, read_out=ReadOut.TWO_LINE)), raster=SMALL)
    frame = next(simulator.run([np.ascontiguousarray(picture)] * 2))
    steps = np.diff(frame.y[4:-4, 64].astype(int))
    assert steps.min() >= 1
    assert steps.max() <= 3


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((400, 704, 3), np.float32),
        np.zeros((480, 640, 3), np.float32),
        np.zeros((480, 704), np.float32),
        np.zeros((480, 704, 3), np.uint8),
        np.full((480, 704, 3), -0.1, np.float32),
        np.full((480, 704, 3), np.nan, np.float32),
    ],
)
def test_pictures_the_sampler_cannot_reduce_are_refused(picture):
    with pytest.raises(ParameterError, match=r"tape\.picture"):
        next(Simulator(NEUTRAL).run([picture] * 2))


def test_signal_says_how_the_frames_are_to_be_read():
    signal = Simulator(NEUTRAL, field_order=FieldOrder.BOTTOM_FIRST).signal()
    assert (signal.matrix, signal.primaries) == (Matrix.SMPTE170M, Primaries.SMPTE170M)
    assert signal.sample_aspect == Fraction(10, 11)
    assert signal.field_order is FieldOrder.BOTTOM_FIRST
    assert Simulator(NEUTRAL, raster=PAL).signal(Fraction(16, 9)).sample_aspect == Fraction(16, 11)


def test_settings_that_cannot_be_are_refused():
    with pytest.raises(ParameterError):
        Simulator(NEUTRAL, seed=-1)
    with pytest.raises(ParameterError):
        Simulator(NEUTRAL, field_order=FieldOrder.PROGRESSIVE)
    with pytest.raises(ParameterError):
        Simulator(NEUTRAL, bits=12)
    with pytest.raises(ParameterError):
        Simulator(NEUTRAL, raster=PAL, scan=CadenceKind.TELECINE)
    with pytest.raises(ParameterError):
        Raster(width=721)
    with pytest.raises(ParameterError):
        Raster(active_width=722)


def test_amplitude_helper_measures_a_known_sine():
    n = np.arange(400)
    assert abs(amplitude(0.3 * np.cos(2 * np.pi * 0.21 * n + 1), 0.21)) == pytest.approx(0.3, rel=1e-3)
