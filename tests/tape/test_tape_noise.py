"""Noise is as strong as asked for, and of the right colour."""

from __future__ import annotations

import numpy as np
import pytest
from tape_pictures import flat, grey, preset

from footlights.core.fields import TOP
from footlights.tape import noise
from footlights.tape.camera import Detail, Sensor, fixed_pattern, noise_profile, shoot
from footlights.tape.noise import TapeNoise
from footlights.tape.presets import MEDIUM, NEUTRAL
from footlights.tape.raster import CHROMA_CODE, LUMA_CODE, NTSC, SAMPLE_MHZ, Moment
from footlights.tape.simulate import Simulator

_AT = Moment(1, 6, TOP, NTSC)
_NO_DETAIL = Detail(gain_x=0, gain_y=0)


def _light(level: float) -> np.ndarray:
    return np.full((240, 704, 3), level**2.4, dtype=np.float32)


@pytest.mark.parametrize("sigma", [0.5, 2.0, 6.0])
@pytest.mark.parametrize("correlation", [0.0, 0.6])
def test_sensor_noise_has_the_luma_sigma_asked_for_at_mid_grey(sigma: float, correlation: float):
    field = shoot(_light(0.5), Sensor(luma_sigma=sigma, correlation=correlation), _NO_DETAIL, _AT)
    inside = field.luma[:, NTSC.active]
    assert inside.std() / LUMA_CODE == pytest.approx(sigma, rel=0.05)
    assert inside.mean() == pytest.approx(0.5, abs=0.002)


def test_sensor_noise_follows_light_through_the_camera_curve():
    """Photon noise alone: variance ∝ light, light = ((V + 0.099) / 1.099)^(1/0.45), so sigma(V) = V'(L) √L."""
    sensor = Sensor(luma_sigma=1.0, shot_share=1.0, correlation=0)
    levels = np.array([0.2, 0.5, 0.9], dtype=np.float32)
    light = ((levels + 0.099) / 1.099) ** (1 / 0.45)
    expected = light**-0.55 * np.sqrt(light)
    found = noise_profile(sensor, levels)
    np.testing.assert_allclose(found / found[1], expected / expected[1], rtol=1e-3)
    for level in levels:
        inside = shoot(_light(float(level)), sensor, _NO_DETAIL, _AT).luma[:, NTSC.active]
        at_grey = shoot(_light(0.5), sensor, _NO_DETAIL, _AT).luma[:, NTSC.active]
        ratio = np.interp(level, levels, expected / expected[1])
        assert inside.std() / at_grey.std() == pytest.approx(ratio, rel=0.05)


def test_read_noise_rules_the_blacks_and_stays_finite():
    still = noise_profile(Sensor(luma_sigma=1.0, shot_share=0.5), np.array([0.0, 0.5], dtype=np.float32))
    assert 2 < still[0] / still[1] < 4


def test_fixed_pattern_is_the_same_in_every_field_of_a_parity():
    sensor = Sensor(luma_sigma=0, pattern_sigma=0.5)
    first, second = (shoot(_light(0.5), sensor, _NO_DETAIL, Moment(1, number, TOP, NTSC)).luma for number in (2, 8))
    assert np.array_equal(first, second)
    assert fixed_pattern(1, TOP, (240, 704), 0.5).std() / LUMA_CODE == pytest.approx(0.5, rel=0.1)


@pytest.mark.parametrize("sigma", [1.0, 4.0])
def test_fm_noise_has_the_sigma_asked_for(sigma: float):
    field = noise.add_noise(grey(), TapeNoise(luma_sigma=sigma), _AT)
    assert (field.luma - 0.5).std() / LUMA_CODE == pytest.approx(sigma, rel=0.04)
    assert not field.chroma.any()


def test_fm_noise_rises_with_frequency_below_the_deemphasis():
    """Power density ∝ f²: four times the power per octave, far below de-emphasis and corner."""
    fields = [
        noise.fm_noise(TapeNoise(luma_sigma=2, corner_mhz=6, deemphasis_mhz=6), Moment(1, n, TOP, NTSC))
        for n in range(4)
    ]
    power = (np.abs(np.fft.rfft(np.concatenate(fields), axis=1)) ** 2).mean(axis=0)
    frequency = np.fft.rfftfreq(720, 1 / SAMPLE_MHZ)

    def density(centre: float) -> float:
        return float(power[np.abs(frequency - centre) < 0.15].mean())

    assert density(3.0) / density(1.5) == pytest.approx(4, rel=0.25)
    assert density(2.0) / density(1.0) == pytest.approx(4, rel=0.3)


@pytest.mark.parametrize("streak", [8.0, 24.0])
def test_chroma_noise_has_sigma_and_streak_length_asked_for(streak: float):
    fields = [
        noise.chroma_noise(TapeNoise(chroma_sigma=5, streak=streak, chroma_lines=0), Moment(1, n, TOP, NTSC))
        for n in range(3)
    ]
    planes = np.concatenate(fields)
    assert planes.std() / CHROMA_CODE == pytest.approx(5, rel=0.08)
    lag = round(streak / 2)  # in chroma samples
    correlation = (planes[..., lag:] * planes[..., :-lag]).mean() / planes.var()
    assert correlation == pytest.approx(np.exp(-1), abs=0.08)
    below = (planes[:, 1:] * planes[:, :-1]).mean() / planes.var()
    assert abs(below) < 0.05


def test_line_phase_turns_whole_lines():
    field = grey()
    field.chroma[0] = 0.2
    noisy = noise.add_noise(field, TapeNoise(line_phase=3.0), _AT)
    angle = np.degrees(np.arctan2(noisy.chroma[1], noisy.chroma[0]))
    assert angle[:, 7].std() == pytest.approx(3.0, rel=0.12)
    np.testing.assert_allclose(angle, angle[:, :1].repeat(360, axis=1), atol=1e-3)
    np.testing.assert_allclose(np.hypot(*noisy.chroma), 0.2, atol=1e-5)


def test_line_level_moves_whole_lines():
    noisy = noise.add_noise(grey(), TapeNoise(line_level=1.5), _AT).luma
    assert noisy[:, 7].std() / LUMA_CODE == pytest.approx(1.5, rel=0.12)
    assert np.ptp(noisy, axis=1).max() == 0


def test_truth_measures_the_noise_that_is_there():
    """On flat grey the noise of the output can be measured directly, rounding included."""
    tape = preset(sensor=Sensor(luma_sigma=1.5, correlation=0), noise=TapeNoise(luma_sigma=2.0, chroma_sigma=3.0))
    recording = Simulator(tape, seed=4).run([flat(0.45)] * 8)
    frames = list(recording)
    truth = recording.truth().noise
    luma = np.stack([frame.y[:, NTSC.active] for frame in frames]).astype(float)
    cb = np.stack([frame.cb[:, 4:356] for frame in frames]).astype(float)
    assert truth.luma_sigma == pytest.approx(luma.std(), rel=0.02)
    assert truth.cb_sigma == pytest.approx(cb.std(), rel=0.03)
    assert truth.luma_sigma == pytest.approx(np.sqrt(1.5**2 + 2.0**2 + 1 / 12), rel=0.07)
    (band,) = truth.bands
    assert band.level == pytest.approx(16 + 0.45 * 219, abs=1)
    assert band.share == 1


def test_truth_of_noise_is_not_misled_by_the_picture():
    """A busy picture and strong geometry do not leak into the measured noise."""
    rng = np.random.default_rng(0)
    busy = rng.random((480, 704, 3), dtype=np.float32)
    recording = Simulator(MEDIUM, seed=2).run([busy] * 4)
    list(recording)
    measured = recording.truth().noise
    assert 1.0 < measured.luma_sigma < 3.5
    assert 1.0 < measured.cb_sigma < 3.5


def test_a_tape_without_noise_has_none():
    recording = Simulator(NEUTRAL).run([flat(0.4)] * 4)
    list(recording)
    assert recording.truth().noise.luma_sigma == pytest.approx(0, abs=1e-3)
