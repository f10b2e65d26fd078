"""Dot crawl and cross-colour against simulated composite connections."""

from dataclasses import replace

import numpy as np
import pytest

from footlights.analysis.composite import report
from footlights.core import subcarrier
from footlights.core.reports import CompositeReport
from footlights.tape.composite import Composite, Decoder, subcarrier_mhz
from footlights.tape.noise import TapeNoise
from footlights.tape.presets import NEUTRAL, Preset
from footlights.tape.raster import NTSC, PAL, Raster
from tape_views import simulated, stage_scene

NOISY = TapeNoise(luma_sigma=3, chroma_sigma=3)


def found(preset: Preset, raster: Raster = NTSC, speed: float = 1.5) -> CompositeReport:
    lines = 576 if raster is PAL else 480
    pictures = [np.pad(p, ((0, lines - 480), (0, 0), (0, 0)), mode="edge") for p in stage_scene(14, speed=speed)]
    tape = simulated(preset, pictures, raster=raster)
    return report(tape.columns("composite"), tape.shot)


@pytest.mark.parametrize("raster", [NTSC, PAL])
def test_dot_crawl_is_measured_and_noise_is_not(raster: Raster) -> None:
    crawling = found(replace(NEUTRAL, noise=NOISY, playback=Composite(Decoder.NOTCH, leak=0.2)), raster)
    sound = found(replace(NEUTRAL, noise=NOISY), raster)
    assert crawling.dot_crawl > 1
    assert sound.dot_crawl < 0.3
    assert crawling.confidence > 0


@pytest.mark.parametrize("raster", [NTSC, PAL])
def test_colour_explains_what_a_comb_left_and_nothing_of_noise(raster: Raster) -> None:
    combed = found(replace(NEUTRAL, playback=Composite(Decoder.ONE_LINE)), raster)
    assert combed.explained > 0.5
    assert found(replace(NEUTRAL, noise=NOISY), raster).explained < 0.1


def test_fine_luma_mistaken_for_colour_is_measured() -> None:
    stripes = 0.5 + 0.2 * np.cos(2 * np.pi * 3.4 / 13.5 * np.arange(704, dtype=np.float32))
    pictures = [np.broadcast_to(stripes[None, :, None], (480, 704, 3)).astype(np.float32)] * 14
    for decoder, low, high in ((Decoder.NOTCH, 1.0, 60.0), (None, 0.0, 0.1)):
        preset = NEUTRAL if decoder is None else replace(NEUTRAL, playback=Composite(decoder))
        tape = simulated(preset, pictures)
        assert low <= report(tape.columns("composite"), tape.shot).cross_colour <= high


def test_other_rasters_show_no_subcarrier() -> None:
    assert subcarrier.of_raster(352, 288) is None
    assert found(replace(NEUTRAL, name="one"), Raster(width=640, active_width=640)).confidence == 0


@pytest.mark.parametrize(("system", "raster"), [(subcarrier.NTSC, NTSC), (subcarrier.PAL, PAL)])
def test_the_pattern_is_the_subcarriers(system: subcarrier.Subcarrier, raster: Raster) -> None:
    assert system.cycles * 13.5 == pytest.approx(subcarrier_mhz(raster), abs=1e-6)
    wave = np.cos(2 * np.pi * system.cycles * np.arange(400))
    np.testing.assert_allclose(np.convolve(wave, subcarrier.band(system.cycles), "valid"), wave[12:-12], atol=1e-4)
    assert abs(subcarrier.band(system.cycles).sum()) < 1e-6
