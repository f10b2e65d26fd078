"""DV's own error: found by coding again, so that the re-degradation check can decide on DV tapes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from footlights.media.roundtrip import is_dv, through_dv
from footlights.metrics.quantised import quantised
from footlights.metrics.redegradation import Pushed, compare
from made_tapes import texture

GREY = np.full((288, 360), 128, np.uint8)


def scene() -> np.ndarray:
    """A picture with plain places and much fine detail, 576×720."""
    plane = 90 + (cv2.resize(texture(5)[:288, :360], (720, 576), interpolation=cv2.INTER_CUBIC) - 120) * 0.1
    grains = cv2.GaussianBlur(np.random.default_rng(4).normal(0, 1, (576, 400)).astype(np.float32), (0, 0), 0.8)
    plane[:, 300:700] = np.clip(120 + grains * 12 / grains.std(), 30, 220)
    return plane.astype(np.float32)


def tape_of(clean: np.ndarray, sigma: float) -> np.ndarray:
    noisy = clean + np.random.default_rng(1).normal(0, sigma, clean.shape)
    return through_dv((np.clip(np.round(noisy), 1, 254).astype(np.uint8), GREY, GREY), "yuv420p")


def ratios(invented: float) -> tuple[float, float]:
    """Residual over noise of one shot on DV, with the format's own error and with the noise of flat places alone."""
    clean = scene()
    tape = tape_of(clean, 1.0)
    sigma = float((tape[:, 16:280] - clean[:, 16:280]).std())
    fine = cv2.GaussianBlur(np.random.default_rng(2).normal(0, 1, clean.shape).astype(np.float32), (0, 0), 1.0)
    master = clean + fine * np.float32(invented / fine.std())

    def coder(lines: np.ndarray) -> np.ndarray:
        frame = tape.copy()
        frame[::2] = np.clip(np.round(lines), 1, 254)
        return through_dv((frame, GREY, GREY), "yuv420p")[::2].astype(np.float32)

    source = tape[::2].astype(np.float32)
    found, flat = (compare([Pushed(source, master, 0, 2, way)], (128.0,), (sigma,)) for way in (coder, None))
    return found.rms / found.noise, flat.rms / flat.noise


def test_the_error_of_dv_is_no_fault_of_a_true_master() -> None:
    ratio, flat = ratios(0.0)
    # A fifth of what the noise of flat places leaves open stays open, in a picture harder than any filmed one.
    assert flat > 1.5
    assert ratio - 1 < 0.25 * (flat - 1)


def test_what_was_invented_shows_on_dv_as_well() -> None:
    ratio, _ = ratios(3.0)
    assert ratio > 1.7


@pytest.mark.parametrize(("lines", "form"), [(480, "yuv411p"), (576, "yuv420p"), (576, "yuv422p")])
def test_a_plain_picture_comes_back_as_it_is(lines: int, form: str) -> None:
    wide, tall = {"yuv411p": (4, 1), "yuv420p": (2, 2), "yuv422p": (2, 1)}[form]
    chroma = np.full((lines // tall, 720 // wide), 128, np.uint8)
    luma = np.full((lines, 720), 100, np.uint8)
    np.testing.assert_array_equal(through_dv((luma, chroma, chroma), form), luma)
    assert is_dv("dvvideo", 720, lines, form)
    assert not is_dv("mpeg2video", 720, lines, form)
    assert not is_dv("dvvideo", 1440, 1080, form)


@pytest.mark.parametrize("scale", [4.0, 12.0])
def test_mpegs_quantiser_puts_coefficients_on_its_steps(scale: float) -> None:
    """Every coefficient comes back in the middle of its interval, or as none; once more through changes nothing."""
    clean = scene()[::2, :100]
    coded = quantised(clean, scale)
    basis = cv2.dct(np.eye(8), flags=cv2.DCT_ROWS).T
    blocks = (coded[:288, :96] - 128).reshape(36, 8, 12, 8).swapaxes(1, 2)
    levels = np.abs(basis @ blocks @ basis.T) / scale
    held = levels > 0.25
    assert levels[~held] == pytest.approx(0, abs=1e-3)
    assert levels[held] % 1 == pytest.approx(0.5, abs=1e-3)
    assert quantised(coded, scale) == pytest.approx(coded, abs=1e-3)
    assert np.array_equal(coded[:, 96:], clean[:, 96:]), "what fills no block is left alone"
    assert np.abs(coded - clean).max() < 8 * scale


@pytest.mark.parametrize(("invented", "explained"), [(0.0, True), (2.5, False)])
def test_mpegs_own_error_is_told_from_invented_texture(*, invented: float, explained: bool) -> None:
    clean, scale = scene(), 6.0
    noisy = clean + np.random.default_rng(1).normal(0, 1.5, clean.shape)
    field = quantised(noisy[::2].astype(np.float32), scale)
    sigma = float((field[:, 16:280] - clean[::2, 16:280]).std())
    fine = cv2.GaussianBlur(np.random.default_rng(2).normal(0, 1, clean.shape).astype(np.float32), (0, 0), 1.0)
    master = clean + fine * np.float32(invented / fine.std())
    known = Pushed(field, master, 0, 2, lambda lines: quantised(lines, scale))
    found = compare([known], (128.0,), (sigma,))
    assert (found.rms / found.noise <= 1.1) is explained
