"""Camera and tape told apart by the black beside the picture: drawn noises of known strength, added as variances."""

from pathlib import Path

import numpy as np
import pytest

from footlights.analysis.floor import UNTOLD, floor_of
from footlights.metrics.margins import NUMBERS, margins
from made_tapes import HEIGHT, WIDTH, Picture, surveyed

BLANK, BLACK = 8, 22.0
"""Samples at either side, and their code."""


def drawn(tape: float, camera: float, *, blank: int = BLANK, beside: float = 1.0, count: int = 24) -> list[Picture]:
    """Frames of a bright picture between black sides; `beside` is how strong the tape's noise is there."""
    rng = np.random.default_rng(7)
    inside = np.zeros((1, WIDTH), np.float32)
    inside[:, blank : WIDTH - blank] = 1
    plain = BLACK + np.float32(90) * inside
    strength = tape * np.where(inside > 0, 1, beside).astype(np.float32)

    def noise() -> Picture:
        return rng.standard_normal((HEIGHT, WIDTH), dtype=np.float32)

    return [plain + strength * noise() + np.float32(camera) * inside * noise() for _ in range(count)]


@pytest.mark.parametrize(("tape", "camera"), [(1.5, 0.0), (1.5, 2.0), (1.5, 4.0), (1.0, 2.5)])
def test_both_are_measured_as_they_were_made(tmp_path: Path, tape: float, camera: float) -> None:
    noise = surveyed(drawn(tape, camera), tmp_path)[1].shots[0].noise
    rounded = np.hypot(tape, np.sqrt(1 / 12))
    assert noise.luma_sigma == pytest.approx(np.hypot(rounded, camera), rel=0.08)
    assert noise.tape_sigma == pytest.approx(rounded, rel=0.08)
    assert noise.camera_sigma == pytest.approx(camera, rel=0.08, abs=0.45 * tape)
    assert noise.tape_across == pytest.approx((0, 0, 0), abs=0.1)


@pytest.mark.parametrize(
    ("why", "frames"),
    [
        ("no black beside the picture", lambda: drawn(1.5, 2.0, blank=0)),
        ("a converter's own black", lambda: drawn(1.5, 2.0, beside=0.0)),
        ("more noise beside the picture than in it", lambda: drawn(1.0, 0.0, beside=2.0)),
    ],
)
def test_what_tells_nothing_is_not_told_apart(tmp_path: Path, why: str, frames: object) -> None:
    assert callable(frames)
    noise = surveyed(frames(), tmp_path)[1].shots[0].noise
    assert (noise.tape_sigma, noise.tape_across) == (0, ()), why


def test_a_side_shows_strength_shape_and_how_long_noise_lasts() -> None:
    """A mean of two samples is correlated by a half; a third that lasts shows two thirds of the variance in a step."""
    rng, rho = np.random.default_rng(3), 1 / 3
    noise = [np.zeros((288, 65), np.float32)]
    for _ in range(60):
        new = rng.standard_normal((288, 65), dtype=np.float32) * np.float32(4)
        noise.append(np.float32(rho) * noise[-1] + np.float32(np.sqrt(1 - rho**2)) * new)
    fields = [BLACK + (one[:, 1:] + one[:, :-1]) / 2 for one in noise[20:]]
    found = np.mean([margins(fields[at : at + 3]) for at in range(len(fields) - 2)], axis=0)
    assert found.shape == (2, NUMBERS)
    assert found[:, 0] == pytest.approx(8 * (1 - rho), rel=0.1)
    assert found[:, 1] / found[:, 0] - 1 == pytest.approx(rho, abs=0.06)
    assert found[:, 2] == pytest.approx(0.5, abs=0.06)
    assert found[:, 3:] == pytest.approx(0, abs=0.08)


def test_black_that_was_cut_off_and_a_side_of_the_picture_tell_nothing() -> None:
    fields = [16 + np.random.default_rng(n).standard_normal((288, 64)).astype(np.float32) * 2 for n in range(3)]
    assert np.isfinite(margins(fields)).all()
    assert np.isnan(margins([np.maximum(one, 16) for one in fields])).all()
    bright = [one + np.where(np.arange(64) < 32, 0, 60) for one in fields]
    assert np.isfinite(margins(bright)).all(axis=1).tolist() == [True, False]


def test_a_dark_picture_is_no_blanking() -> None:
    """Where no frame is bright beside it, the black may be the scene's, with the camera's noise."""
    rows = np.tile(np.array([4, 4, 0, 0, 0], np.float32), (20, 2))
    widths = np.tile(np.array([8, 0, 8, 0], np.float32), (20, 1))
    assert floor_of({"noise.margins": rows, "borders.blank": widths}).step == 2
    assert floor_of({"noise.margins": rows, "borders.blank": widths * 20}) == UNTOLD
    assert floor_of({"noise.margins": rows * np.nan, "borders.blank": widths}) == UNTOLD
