"""Bandwidth, ringing, delays and the time base, against their closed forms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import correlate
from tape_pictures import amplitude, grey

from footlights.core.fields import TOP
from footlights.tape import spectrum, timebase
from footlights.tape.camera import Detail, sharpen
from footlights.tape.formats import FORMATS, VHS_SP, TapeFormat, lower, transfer
from footlights.tape.raster import LUMA_CODE, NTSC, SAMPLE_MHZ, Component, Moment
from footlights.tape.timebase import TimeBase

_AT = Moment(3, 10, TOP, NTSC)


def _sweep(frequencies: list[float]) -> np.ndarray:
    """A field whose line k holds a sine of the k-th frequency, in MHz."""
    luma = np.full((240, 720), 0.5, dtype=np.float32)
    for line, frequency in enumerate(frequencies):
        luma[line] += 0.3 * np.cos(2 * np.pi * frequency / SAMPLE_MHZ * np.arange(720))
    return luma


def _gains(luma: np.ndarray, frequencies: list[float]) -> np.ndarray:
    inner = luma[:, 150:570]
    return np.array([abs(amplitude(inner[line], f / SAMPLE_MHZ)) / 0.3 for line, f in enumerate(frequencies)])


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_luma_is_three_decibels_down_at_the_corner_of_every_format(name: str):
    tape = replace(FORMATS[name], peaking=0.0, generations=1)
    frequencies = [0.5, tape.luma_mhz * 0.5, tape.luma_mhz]
    field = transfer(Component(_sweep(frequencies), grey().chroma), tape)
    low, half, corner = _gains(field.luma, frequencies)
    assert low == pytest.approx(1, abs=0.01)
    assert half > 0.9
    assert 20 * np.log10(corner) == pytest.approx(-3.01, abs=0.15)


def test_every_generation_filters_again():
    frequencies = [1.2, 2.4]
    once, thrice = (
        _gains(transfer(Component(_sweep(frequencies), grey().chroma), tape).luma, frequencies)
        for tape in (TapeFormat(luma_mhz=2.4), TapeFormat(luma_mhz=2.4, generations=3))
    )
    np.testing.assert_allclose(thrice, once**3, rtol=0.02)


def test_chroma_is_three_decibels_down_at_its_corner():
    field = grey()
    field.chroma[0] = 0.2 * np.cos(2 * np.pi * 0.5 / (SAMPLE_MHZ / 2) * np.arange(360))
    filtered = transfer(field, TapeFormat(chroma_mhz=0.5)).chroma[0, 50, 60:300]
    assert abs(amplitude(filtered, 0.5 / (SAMPLE_MHZ / 2))) / 0.2 == pytest.approx(0.5**0.5, rel=0.02)


def test_peaking_lifts_its_frequency_and_rings_after_edges():
    frequencies = [0.2, 1.9]
    tape = TapeFormat(luma_mhz=20, peaking=6.0, peaking_mhz=1.9, peaking_q=1.4)
    low, peak = _gains(transfer(Component(_sweep(frequencies), grey().chroma), tape).luma, frequencies)
    assert low == pytest.approx(1, abs=0.05)
    assert 20 * np.log10(peak) == pytest.approx(6, abs=0.3)
    step = np.full((240, 720), 0.3, dtype=np.float32)
    step[:, 360:] = 0.6
    rung = transfer(Component(step, grey().chroma), tape).luma[100]
    before, after = np.abs(rung[320:352] - 0.3).max(), np.abs(rung[368:400] - 0.6).max()
    assert after > 5 * before
    assert after > 2 * LUMA_CODE


def _delay(reference: np.ndarray, moved: np.ndarray) -> float:
    """Shift of `moved` against `reference` in samples: peak of the cross-correlation, by a parabola."""
    product = correlate(moved, reference, mode="full")
    peak = int(np.argmax(product))
    left, top, right = product[peak - 1 : peak + 2]
    return peak - (len(reference) - 1) + 0.5 * (left - right) / (left - 2 * top + right)


@pytest.mark.parametrize("delay", [-2.0, 0.6, 4.0])
def test_chroma_delay_is_found_by_cross_correlation(delay: float):
    pulse = np.exp(-0.5 * ((np.arange(720) - 350) / 25) ** 2).astype(np.float32)
    field = grey()
    field.luma[:] = pulse
    field.chroma[:] = 0.2 * pulse[::2]
    late = transfer(field, TapeFormat(chroma_delay=delay, generations=2))
    chroma = np.interp(np.arange(720), np.arange(0, 720, 2), late.chroma[0, 100])
    assert _delay(late.luma[100], chroma) == pytest.approx(2 * delay, abs=0.1)


@pytest.mark.parametrize("lines", [0.5, 1.0, 2.25])
def test_chroma_drop_moves_chroma_down(lines: float):
    chroma = np.zeros((2, 60, 8), dtype=np.float32)
    chroma[:] = np.exp(-0.5 * ((np.arange(60) - 25) / 4) ** 2)[:, None]
    moved = lower(chroma, lines)[0, :, 3]
    assert (moved * np.arange(60)).sum() / moved.sum() == pytest.approx(25 + lines, abs=0.01)


def test_shift_moves_lines_by_fractions_without_loss():
    n = np.arange(720)
    luma = np.stack([0.5 + 0.2 * np.cos(2 * np.pi * 0.21 * n)] * 3).astype(np.float32)
    shift = np.array([0.0, 0.37, -5.5], dtype=np.float32)
    moved = spectrum.shift_lines(luma, shift)
    for line, by in enumerate(shift):
        expected = 0.5 + 0.2 * np.cos(2 * np.pi * 0.21 * (n - by))
        np.testing.assert_allclose(moved[line, 40:-40], expected[40:-40], atol=0.003)


def test_halving_and_doubling_are_co_sited_inverses():
    n = np.arange(360)
    chroma = (0.2 * np.cos(2 * np.pi * 0.11 * n)[None, None].repeat(4, axis=1)).astype(np.float32)
    flat = np.ones(spectrum.frequencies(360, halved=True).size, dtype=np.float32)
    full = spectrum.double(chroma, flat)
    np.testing.assert_allclose(full[0, 0, 40:-40:2], chroma[0, 0, 20:-20], atol=0.003)
    np.testing.assert_allclose(full[0, 0, 40:-40], 0.2 * np.cos(np.pi * 0.11 * np.arange(40, 680)), atol=0.003)
    np.testing.assert_allclose(spectrum.halve(full, flat)[..., 20:-20], chroma[..., 20:-20], atol=0.003)


def test_jitter_has_the_deviation_and_memory_asked_for():
    settings = TimeBase(jitter=0.5, jitter_memory=0.8)
    fields = np.stack([timebase.jitter(settings, Moment(3, n, TOP, NTSC)) for n in range(80)])
    assert fields.std() == pytest.approx(0.5, rel=0.05)
    assert (fields[:, 1:] * fields[:, :-1]).mean() / fields.var() == pytest.approx(0.8, abs=0.03)


def test_skew_bends_the_top_and_leaves_the_rest():
    offset = timebase.offsets(TimeBase(skew=6.0, skew_lines=8.0), _AT)
    assert offset[0] == pytest.approx(6.0)
    assert offset[8] == pytest.approx(6.0 / np.e, rel=0.01)
    assert abs(offset[100]) < 0.01


def test_wave_has_its_deviation_and_moves_slowly():
    settings = TimeBase(wave=0.5)
    fields = np.stack([timebase.offsets(settings, Moment(3, n, TOP, NTSC)) for n in range(60)])
    assert fields.std() == pytest.approx(0.5, rel=0.35)
    assert np.abs(np.diff(fields, axis=1)).max() < 0.15


def test_luma_and_chroma_move_together():
    pulse = np.exp(-0.5 * ((np.arange(720) - 350) / 12) ** 2).astype(np.float32)
    field = grey()
    field.luma[:] = pulse
    field.chroma[:] = 0.2 * pulse[::2]
    settings = TimeBase(jitter=1.0, skew=4.0, wave=0.5)
    moved = timebase.displace(field, settings, _AT)
    expected = 350 + timebase.offsets(settings, _AT)
    luma = moved.luma @ np.arange(720) / moved.luma.sum(axis=1)
    chroma = moved.chroma[0] @ np.arange(0, 720, 2) / moved.chroma[0].sum(axis=1)
    np.testing.assert_allclose(luma, expected, atol=0.05)
    np.testing.assert_allclose(chroma, expected, atol=0.05)


def test_detail_lifts_its_frequency_and_leaves_small_detail_alone():
    frequencies = [0.3, 3.0]
    low, peak = _gains(sharpen(_sweep(frequencies), Detail(gain_x=0.4, frequency=3.0, gain_y=0, coring=0)), frequencies)
    assert low == pytest.approx(1, abs=0.02)
    assert peak == pytest.approx(1.4, rel=0.02)
    small = grey().luma
    small[::2] += 0.5 * LUMA_CODE
    assert np.array_equal(sharpen(small, Detail(gain_x=0.4, gain_y=0.3, coring=1.0)), small)


def test_vhs_is_soft_along_the_line_only():
    y, x = np.mgrid[0:240, 0:720]
    across = 0.5 + 0.3 * np.cos(np.pi * 4.0 / SAMPLE_MHZ * 2 * x)
    down = 0.5 + 0.3 * np.cos(np.pi * 0.8 * y)
    soft, sharp = (
        transfer(Component(wave.astype(np.float32), grey().chroma), VHS_SP).luma[:, 100:600].std()
        for wave in (across, down)
    )
    assert soft < 0.25 * sharp
