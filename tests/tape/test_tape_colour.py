"""Colour bars through the clean chain, and what a composite connection does to colour."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tape_pictures import amplitude, flat, grey, preset

from footlights.core.fields import TOP
from footlights.tape import composite
from footlights.tape.composite import Composite, Decoder
from footlights.tape.levels import Levels
from footlights.tape.presets import NEUTRAL
from footlights.tape.raster import CHROMA_CODE, LUMA_CODE, NTSC, PAL, Component, Moment, Raster
from footlights.tape.simulate import Simulator

_CHROMATICITIES = {
    "709": ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    "ntsc": ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    "pal": ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06)),
}
_CYCLES = 227.5 / 858


def _to_xyz(name: str) -> np.ndarray:
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in _CHROMATICITIES[name]]).T
    white = np.array([0.3127 / 0.3290, 1, (1 - 0.3127 - 0.3290) / 0.3290])
    return columns * np.linalg.solve(columns, white)


def _bars() -> np.ndarray:
    """Eight bars between 20 % and 75 %, as a studio of the standard makes them."""
    return np.array([[0.75 if (7 - bar) >> bit & 1 else 0.2 for bit in (1, 2, 0)] for bar in range(8)])


def _codes(rgb: np.ndarray) -> np.ndarray:
    """8-bit Y, Cb, Cr of BT.601, written out."""
    red, green, blue = rgb.T
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return np.stack([16 + 219 * luma, 128 + 224 * (blue - luma) / 1.772, 128 + 224 * (red - luma) / 1.402], axis=-1)


@pytest.mark.parametrize(("name", "raster"), [("ntsc", NTSC), ("pal", PAL)])
def test_colour_bars_survive_the_clean_chain_within_a_code(name: str, raster: Raster):
    """Bars of the standard's own primaries, handed over in BT.709, come out with the codes the standard gives them."""
    to_709 = np.linalg.solve(_to_xyz("709"), _to_xyz(name))
    pictures = np.clip((_bars() ** 2.4) @ to_709.T, 0, None) ** (1 / 2.4)
    width = raster.active_width // 8
    picture = np.repeat(pictures.astype(np.float32), width, axis=0)[None].repeat(raster.height, axis=0)
    frame = next(Simulator(NEUTRAL, raster=raster).run([np.ascontiguousarray(picture)] * 2))
    centres = raster.left + width // 2 + width * np.arange(8)
    found = np.stack([frame.y[100, centres], frame.cb[100, centres // 2], frame.cr[100, centres // 2]], axis=-1).astype(
        float
    )
    np.testing.assert_allclose(found, _codes(_bars()), atol=1.0)


def test_colours_beyond_the_primaries_of_the_tape_stay_finite():
    frame = next(Simulator(NEUTRAL).run([flat((0.0, 1.0, 0.0))] * 2))
    assert frame.y[100, 300] > 130
    assert frame.cr[100, 150] < 60


def test_levels_act_on_luma_and_chroma():
    red = flat((0.6, 0.3, 0.3))
    plain = Simulator(NEUTRAL).degrade_field(red, 0)
    moved = Simulator(preset(levels=Levels(gain=1.1, pedestal=4.0, chroma_gain=0.5))).degrade_field(red, 0)
    np.testing.assert_allclose(moved.luma, plain.luma * 1.1 + 4 * LUMA_CODE, atol=1e-5)
    np.testing.assert_allclose(moved.chroma, plain.chroma * 0.5, atol=1e-5)


def _coloured(raster: Raster, cb: float, cr: float) -> Component:
    field = grey(raster)
    field.chroma[0] = cb
    field.chroma[1] = cr
    return field


def _at(number: int, raster: Raster = NTSC) -> Moment:
    return Moment(0, number, TOP, raster)


def test_chroma_sits_on_the_subcarrier_and_turns_from_line_to_line():
    signal = composite.encode(_coloured(NTSC, 0.2, 0.1), Composite(), _at(0))[:, 100:600]
    waves = [amplitude(line, _CYCLES) for line in signal]
    expected = np.hypot(0.2 * 0.492111 * 1.772, 0.1 * 0.877283 * 1.402)
    assert abs(waves[0]) == pytest.approx(expected, rel=0.01)
    assert abs(amplitude(signal[0], 0.2)) < 0.02 * expected
    np.testing.assert_allclose(np.array(waves[1:]) / np.array(waves[:-1]), -1, atol=0.01)


def test_subcarrier_repeats_after_four_fields():
    """Frame to frame the dots change sign; after two frames they repeat; the fields of a frame differ by 263 lines."""
    coloured = _coloured(NTSC, 0.2, 0.1)
    first, second, third, fifth = (
        composite.encode(coloured, Composite(), _at(number)) - 0.5 for number in (0, 1, 2, 4)
    )
    np.testing.assert_allclose(third, -first, atol=1e-5)
    np.testing.assert_allclose(fifth, first, atol=1e-5)
    np.testing.assert_allclose(second, -first, atol=1e-5)


def test_pal_repeats_after_eight_fields():
    coloured = _coloured(PAL, 0.2, 0.1)
    fields = [composite.encode(coloured, Composite(), _at(number, PAL)) for number in (0, 2, 4, 8)]
    np.testing.assert_allclose(fields[3], fields[0], atol=1e-4)
    assert np.abs(fields[1] - fields[0]).max() > 0.05
    assert np.abs(fields[2] - fields[0]).max() > 0.05


@pytest.mark.parametrize("raster", [NTSC, PAL])
@pytest.mark.parametrize("decoder", list(Decoder))
def test_flat_colour_comes_back_from_every_decoder(raster: Raster, decoder: Decoder):
    luma_mhz = 4.2 if raster is NTSC else 5.5
    field = _coloured(raster, 0.2, -0.15)
    back = composite.transcode(field, Composite(decoder=decoder, luma_mhz=luma_mhz), _at(5, raster))
    inner = np.s_[4:-4, 80:-80]
    np.testing.assert_allclose(back.luma[inner], 0.5, atol=0.01)
    np.testing.assert_allclose(back.chroma[:, 4:-4, 40:-40], field.chroma[:, 4:-4, 40:-40], atol=0.006)


def test_grey_pictures_take_no_colour_and_no_dots():
    back = composite.transcode(grey(), Composite(decoder=Decoder.NOTCH), _at(3))
    np.testing.assert_allclose(back.luma, 0.5, atol=1e-4)
    assert np.abs(back.chroma).max() < 1e-4


def test_dot_crawl_lies_at_the_subcarrier_and_alternates_between_frames():
    """Behind a notch, the dots along a vertical colour edge are subcarrier and change sign with the frame."""
    field = grey()
    field.chroma[1, :, 180:] = 0.3
    edge = slice(330, 394)
    residue = [
        composite.transcode(field, Composite(decoder=Decoder.NOTCH, notch_mhz=0.6), _at(number)).luma[:, edge] - 0.5
        for number in (0, 2)
    ]
    assert np.abs(residue[0]).max() > 3 * LUMA_CODE
    power = (np.abs(np.fft.rfft(residue[0] * np.hanning(64), 1024, axis=1)) ** 2).mean(axis=0)
    cycles = np.arange(len(power)) / 1024
    assert (power * cycles).sum() / power.sum() == pytest.approx(_CYCLES, abs=0.015)
    assert power[np.abs(cycles - _CYCLES) < 0.1].sum() > 0.9 * power.sum()
    np.testing.assert_allclose(residue[1], -residue[0], atol=1e-4)
    np.testing.assert_allclose(residue[0][1:], -residue[0][:-1], atol=1e-4)


def test_a_leaking_decoder_leaves_a_checkerboard_on_flat_colour():
    coloured = _coloured(NTSC, 0.2, 0.1)
    dots = composite.transcode(coloured, Composite(decoder=Decoder.NOTCH, leak=0.1), _at(0)).luma[:, 100:600] - 0.5
    expected = 0.1 * np.hypot(0.2 * 0.492111 * 1.772, 0.1 * 0.877283 * 1.402)
    assert abs(amplitude(dots[50], _CYCLES)) == pytest.approx(expected, rel=0.02)
    np.testing.assert_allclose(dots[51], -dots[50], atol=1e-4)


def test_comb_leaves_dots_only_where_colour_changes_between_lines():
    field = grey()
    field.chroma[1, 120:] = 0.3
    residue = np.abs(composite.transcode(field, Composite(decoder=Decoder.ONE_LINE), _at(0)).luma - 0.5)[:, 80:-80]
    lines = residue.max(axis=1)
    assert lines[120] > 10 * LUMA_CODE
    assert lines[40:118].max() < LUMA_CODE
    assert lines[124:200].max() < LUMA_CODE


def test_fine_luma_near_the_subcarrier_becomes_colour_behind_a_notch():
    field = grey()
    field.luma[:] += (0.2 * np.cos(2 * np.pi * 0.255 * np.arange(720))).astype(np.float32)
    notch = composite.transcode(field, Composite(decoder=Decoder.NOTCH), _at(0)).chroma[:, 20:-20, 40:-40]
    comb = composite.transcode(field, Composite(decoder=Decoder.TWO_LINE), _at(0)).chroma[:, 20:-20, 40:-40]
    assert np.abs(notch).max() > 20 * CHROMA_CODE
    assert np.abs(comb).max() < 2 * CHROMA_CODE


def test_hue_error_turns_the_colour_plane():
    back = composite.transcode(_coloured(NTSC, 0.0, 0.2), Composite(hue=10.0), _at(0))
    u, v = (back.chroma[:, 100, 180] * [0.492111 * 1.772, 0.877283 * 1.402]).astype(float)
    assert abs(np.degrees(np.arctan2(u, v))) == pytest.approx(10, abs=0.5)


def test_differential_phase_turns_bright_colours_only():
    line = replace(Composite(), differential_phase=4.0)
    angles = []
    for level in (0.0, 1.0):
        field = _coloured(NTSC, 0.0, 0.2)
        field.luma[:] = level
        u, v = (composite.transcode(field, line, _at(0)).chroma[:, 100, 180] * [0.872, 1.230]).astype(float)
        angles.append(np.degrees(np.arctan2(u, v)))
    assert abs(angles[1] - angles[0]) == pytest.approx(4, abs=0.3)
