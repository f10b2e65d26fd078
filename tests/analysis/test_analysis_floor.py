"""Camera and tape told apart by the black beside the picture: drawn noises of known strength, added as variances."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from footlights.analysis.base import Notes, Scene
from footlights.analysis.floor import UNTOLD, floor_of, keeps_noise
from footlights.analysis.noise import NoiseAnalyser
from footlights.analysis.view import FrameView
from footlights.core.reports import Untold
from footlights.core.time import FrameRange
from footlights.media.pixels import layout
from footlights.metrics.margins import NUMBERS, margins
from footlights.metrics.noise import calm_of
from made_tapes import HEIGHT, WIDTH, Picture, settings, surveyed

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


def patchy(frames: list[Picture]) -> list[Picture]:
    """Fine stripes tremble in a half of the picture, grey in the mean."""
    rng, places = np.random.default_rng(9), np.zeros((HEIGHT, WIDTH), np.float32)
    places[:, BLANK : WIDTH // 2 : 2], places[:, BLANK + 1 : WIDTH // 2 : 2] = 6, -6
    return [frame + places * np.float32(rng.standard_normal()) for frame in frames]


def dotted(frames: list[Picture]) -> list[Picture]:
    """Dots of a subcarrier, which turn over from frame to frame, in the picture."""
    dots = np.zeros((HEIGHT, WIDTH), np.float32)
    dots[:, BLANK : WIDTH - BLANK] = 4 * np.cos(np.arange(WIDTH - 2 * BLANK) * 1.7)
    return [frame + dots * (1 if number % 2 else -1) for number, frame in enumerate(frames)]


@pytest.mark.parametrize(("tape", "camera"), [(1.5, 1.2), (1.5, 2.0), (1.5, 4.0), (1.0, 2.5)])
def test_both_are_measured_as_they_were_made(tmp_path: Path, tape: float, camera: float) -> None:
    noise = surveyed(drawn(tape, camera, count=40), tmp_path)[1].shots[0].noise
    rounded = np.hypot(tape, np.sqrt(1 / 12))
    assert noise.luma_sigma == pytest.approx(np.hypot(rounded, camera), rel=0.08)
    assert noise.tape_sigma == pytest.approx(rounded, rel=0.08)
    assert noise.camera_sigma == pytest.approx(camera, rel=0.12)
    assert noise.tape_across == pytest.approx((0, 0, 0), abs=0.1)
    assert noise.untold is None


@pytest.mark.parametrize(
    ("why", "frames"),
    [
        (Untold.NO_BLACK, lambda: drawn(1.5, 2.0, blank=0)),
        # A converter's own black, which is still.
        (Untold.NO_BLACK, lambda: drawn(1.5, 2.0, beside=0.0)),
        (Untold.LOUD, lambda: drawn(1.0, 0.0, beside=2.0)),
        (Untold.WEAK, lambda: drawn(1.5, 0.0)),
        (Untold.WEAK, lambda: drawn(1.5, 0.5)),
        (Untold.MOVES, lambda: patchy(drawn(1.5, 3.0))),
        (Untold.DOTS, lambda: dotted(drawn(1.5, 3.0))),
    ],
)
def test_what_tells_nothing_is_not_told_apart(tmp_path: Path, why: Untold, frames: object) -> None:
    assert callable(frames)
    noise = surveyed(frames(), tmp_path)[1].shots[0].noise
    assert (noise.untold, noise.tape_sigma, noise.tape_across) == (why, 0, ())


def test_a_lossy_codec_is_not_told_apart(tmp_path: Path) -> None:
    taken, survey = surveyed(drawn(1.5, 3.0), tmp_path)
    assert survey.shots[0].noise.untold is None
    assert keeps_noise(taken.ingest.source.codec)
    assert not any(keeps_noise(codec) for codec in ("dvvideo", "mpeg2video", "h264", "prores"))
    rows, widths = np.ones((20, 2 * NUMBERS), np.float32), np.full((20, 4), 8, np.float32)
    told = {"noise.margins": rows, "borders.blank": widths}
    assert floor_of(told, "ffv1").untold is None
    assert floor_of(told, "dvvideo").untold is Untold.LOSSY


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
    assert floor_of({"noise.margins": rows, "borders.blank": widths}, "ffv1").step == 2
    assert floor_of({"noise.margins": rows, "borders.blank": widths * 20}, "ffv1") == UNTOLD
    assert floor_of({"noise.margins": rows * np.nan, "borders.blank": widths}, "ffv1") == UNTOLD


def test_a_comb_that_leaves_a_line_something_of_the_one_before_takes_nothing_off() -> None:
    """Neighbouring lines have a half in common; lines two apart have nothing."""
    rng = np.random.default_rng(6)
    noise = [rng.standard_normal((289, 64), dtype=np.float32) * np.float32(4) for _ in range(40)]
    fields = [BLACK + (one[1:] + one[:-1]) / 2 for one in noise]
    found = np.mean([margins(fields[at : at + 3]) for at in range(len(fields) - 2)], axis=0)
    assert found[:, 0] == pytest.approx(8, rel=0.1)


def test_calm_is_what_the_calmest_blocks_show_two_frames_apart() -> None:
    one = np.array([[4.0, 4.4, 5.0, 3.0, 3.3, 3.75, 4, 4.4, 5, 1]], np.float32)
    assert calm_of(np.repeat(one, 2, axis=0)) is None, "too few places"
    calm = calm_of(np.repeat(one, 3, axis=0))
    assert calm is not None
    assert calm == pytest.approx((1.06 * np.sqrt(3 / 4.4), 0.75, np.sqrt(1.25)), rel=1e-5)


@pytest.mark.parametrize(
    ("frames", "codec", "number", "looks"),
    [(999, "ffv1", 6, True), (200_000, "ffv1", 6, False), (200_000, "ffv1", 1001, True), (999, "dvvideo", 6, False)],
)
def test_a_long_tape_is_looked_at_beside_the_picture_in_few_places(
    tmp_path: Path, frames: int, codec: str, number: int, looks: bool
) -> None:
    shown = drawn(1.5, 3.0, count=4)
    ingest = surveyed(shown, tmp_path)[0].ingest
    ingest = replace(ingest, frames=frames, source=replace(ingest.source, codec=codec))
    chroma = np.full((HEIGHT // 2, WIDTH // 2), 128, np.uint8)
    views = [
        FrameView(number - 3 + at, (one.astype(np.uint8), chroma, chroma), layout("yuv420p"), ingest.source.signal)
        for at, one in enumerate(shown)
    ]
    notes = Notes(NoiseAnalyser.columns, FrameRange(number, number + 1))
    NoiseAnalyser(Scene(ingest, settings().analysis)).look(views, notes)
    assert bool(np.isfinite(notes.columns["noise.margins"]).all()) is looks
    assert np.isfinite(notes.columns["noise.luma"]).all()
