"""Noise, dropouts, sharpness, exposure, complexity and the active area against closed forms."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.signal import lfilter

from footlights.analysis.exposure import light_name
from footlights.analysis.view import histogram_of, quantile_of
from footlights.metrics import dropouts
from footlights.metrics.noise import measure
from footlights.metrics.sharpness import limit
from made_tapes import HEIGHT, WIDTH, Picture, interlaced, noisy, panned, surveyed, texture

A = texture(21)


def _stage() -> Picture:
    """A textured performer before a smooth backdrop."""
    scene = cv2.GaussianBlur(texture(20), (0, 0), 40)
    scene[150:420, 180:420] = texture(21)[150:420, 180:420]
    return scene


@pytest.mark.parametrize("sigma", [1.0, 2.5, 6.0])
@pytest.mark.parametrize("speed", [0.0, 3.0])
def test_noise_sigma_is_right_on_still_and_moving_pictures(tmp_path: Path, sigma: float, speed: float) -> None:
    stage = _stage()
    _, survey = surveyed(noisy(interlaced(lambda f: panned(stage, f, dx=speed, dy=speed / 4), 25), sigma), tmp_path)
    # Rounding to codes adds 1/12 code² of its own.
    assert survey.shots[0].noise.luma_sigma == pytest.approx(np.sqrt(sigma**2 + 1 / 12), rel=0.12)


def test_noise_that_depends_on_brightness_is_measured_per_band(tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(30, 225, WIDTH, dtype=np.float32), (HEIGHT, 1))
    rng = np.random.default_rng(3)
    strength = 1 + 4 * (ramp - 30) / 195
    frames = [ramp + strength * rng.standard_normal(ramp.shape).astype(np.float32) for _ in range(25)]
    _, survey = surveyed(frames, tmp_path, order="prog")
    noise = survey.shots[0].noise
    for level, sigma in zip(noise.luma_levels, noise.luma_sigmas, strict=True):
        assert sigma == pytest.approx(1 + 4 * (level - 30) / 195, rel=0.25)


def test_coarse_noise_has_the_correlation_of_its_filter() -> None:
    rng = np.random.default_rng(4)
    fields = [
        cv2.GaussianBlur(rng.standard_normal((144, 352)).astype(np.float32), (0, 0), 1.0) * 8 + 120 for _ in (0, 1)
    ]
    sample = measure(*fields)
    assert sample is not None
    assert sample.horizontal == pytest.approx(np.exp(-1 / 4), abs=0.08)
    assert sample.vertical == pytest.approx(np.exp(-1 / 4), abs=0.08)


@pytest.mark.parametrize("size", [0.0, 0.6, 1.2])
def test_shape_of_noise_is_that_of_its_filter_in_whole_codes_too(size: float) -> None:
    rng = np.random.default_rng(9)

    def field() -> Picture:
        plane = rng.standard_normal((240, 704)).astype(np.float32)
        plane = cv2.GaussianBlur(plane, (0, 0), sigmaX=size, sigmaY=1e-3) if size else plane
        return np.rint(plane / plane.std() * 1.5 + 120)

    sample = measure(field(), field())
    assert sample is not None
    lags = np.arange(1, len(sample.across) + 1)
    taps = cv2.getGaussianKernel(31, size).ravel() if size else np.eye(31)[15]
    own = np.correlate(taps, taps, "full")
    expected = (own / own.max())[30 + lags]
    assert sample.across == pytest.approx(expected, abs=0.05)
    assert sample.down == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize(("along", "down"), [(0.0, 0.0), (0.5, 0.0), (0.8, 0.3), (0.92, 0.0), (0.92, 0.3)])
def test_noise_in_streaks_is_measured_in_full(along: float, down: float) -> None:
    """Streaks are as long as the blocks that sigma is measured in; what goes with their mean is given back."""
    rng = np.random.default_rng(7)

    def streaks() -> Picture:
        plane = rng.standard_normal((340, 520)).astype(np.float32)
        for axis, share in ((1, along), (0, down)):
            plane = lfilter([np.sqrt(1 - share**2)], [1, -share], plane, axis=axis)
        return plane[100:, 160:] * 3 + 128

    sample = measure(streaks(), streaks())
    assert sample is not None
    assert sample.sigma == pytest.approx(3, rel=0.12)


@pytest.mark.parametrize("size", [0.0, 0.7, 1.2])
def test_noise_coarser_than_any_streak_is_measured_in_full_too(size: float) -> None:
    """Its spectrum is a Gaussian's, which falls off later and then faster than that of streaks."""
    rng = np.random.default_rng(11)

    def field() -> Picture:
        plane = rng.standard_normal((240, 704)).astype(np.float32)
        plane = cv2.GaussianBlur(plane, (0, 0), sigmaX=size, sigmaY=2 * size / 3) if size else plane
        return np.rint(plane / plane.std() * 3 + 128)

    found = [sample.sigma for _ in range(4) if (sample := measure(field(), field())) is not None]
    assert np.mean(found) == pytest.approx(3, rel=0.03)


def test_changing_light_is_no_noise() -> None:
    picture = panned(_stage(), 0)[0::2]
    sample = measure(picture * 1.2, picture)
    assert sample is not None
    assert sample.sigma < 0.6


@pytest.mark.parametrize("sigma", [0.0, 2.0])
def test_credits_that_roll_over_black_are_no_noise(sigma: float) -> None:
    paper = np.full((3 * HEIGHT, WIDTH), 16, np.float32)
    for line in range(1, 30):
        cv2.putText(paper, "Violin Anna Keller", (30, 28 * line), cv2.FONT_HERSHEY_COMPLEX, 0.8, 220, 2, cv2.LINE_AA)
    rng = np.random.default_rng(9)
    now, before = (paper[top : top + HEIGHT : 2] + sigma * rng.standard_normal((HEIGHT // 2, WIDTH)) for top in (8, 4))
    sample = measure(np.rint(now), np.rint(before))
    assert sample is not None
    assert sample.sigma == pytest.approx(sigma, rel=0.1, abs=0.1)


def _with_streaks(field: Picture, places: list[tuple[int, int, int]], value: float) -> Picture:
    struck = field.copy()
    for line, x, length in places:
        struck[line, x : x + length] = value
    return struck


PLACES = [(20, 40, 30), (61, 200, 12), (100, 300, 45), (140, 10, 60)]


@pytest.mark.parametrize("value", [16.0, 235.0])
def test_streaks_are_found_where_they_are(value: float) -> None:
    calm = texture(22, contrast=40)
    fields = [np.clip(panned(calm, n, dx=0.8)[0::2], 40, 200) for n in range(3)]
    struck = _with_streaks(fields[1], [place for place in PLACES if place[0] < 140], value)
    found = dropouts.find(*(np.rint(field).astype(np.uint8) for field in (struck, fields[0], fields[2])))
    assert found.number == 3
    for line, x, length in PLACES[:3]:
        assert found.mask[line, x + 4 : x + length - 4].mean() > 0.9
    assert found.mask[30:55].sum() == 0


def test_a_streak_is_found_to_its_faint_end() -> None:
    fields = [panned(_stage(), n)[0::2] for n in (0, 0.5, 1)]
    struck, fade = fields[1].copy(), np.exp(-4 * np.maximum(np.arange(80) / 80 - 0.3, 0))
    struck[60, 40:120] += fade * (235 - struck[60, 40:120])
    found = dropouts.find(*(np.rint(field).astype(np.uint8) for field in (struck, fields[0], fields[2])))
    assert found.mask[60, 42:100].all()
    assert found.mask.sum() <= 90


def test_noise_motion_and_sparkle_are_no_dropouts() -> None:
    rng = np.random.default_rng(6)
    fields = [panned(A, 2 * n, dx=4)[0::2] + rng.standard_normal((144, 352)) * 4 for n in range(3)]
    for _ in range(40):  # stage lamps: a few samples wide and high, one field long
        y, x = rng.integers(4, 138), rng.integers(4, 340)
        fields[1][y : y + 4, x : x + 6] = 235
    before, now, after = (np.clip(field, 16, 235).astype(np.uint8) for field in fields)
    assert dropouts.find(now, before, after, sigma=4).number <= 1


def test_dropouts_are_counted_on_a_tape(tmp_path: Path) -> None:
    calm = texture(23, contrast=40)
    frames = noisy(interlaced(lambda f: np.clip(panned(calm, f, dx=0.5), 40, 200), 20), 1.5)
    for frame, line in ((5, 41), (9, 100), (9, 201), (14, 60)):
        frames[frame][line, 80:120] = 235
    _, survey = surveyed(frames, tmp_path)
    report = survey.shots[0].dropouts
    assert report.count == 4
    assert set(report.worst_frames) == {5, 9, 14}


@pytest.mark.parametrize("share", [0.35, 0.5, 0.7])
def test_resolution_limit_is_found_where_the_filter_cuts(share: float) -> None:
    """Lines with a 1/f² power spectrum, cut sharply at a share of the sampling limit."""
    rng = np.random.default_rng(8)
    frequency = np.linspace(0, 1, 361)
    amplitude = np.where(frequency < share, 1 / np.maximum(frequency, 0.004), 0.0)
    spectrum = amplitude * np.exp(2j * np.pi * rng.random((400, 361)))
    lines = 120 + np.fft.irfft(spectrum, axis=1) * 40
    assert limit(lines + rng.standard_normal(lines.shape) * 0.3, 0.3) == pytest.approx(share, abs=0.05)


def test_a_full_band_picture_reaches_the_sampling_limit() -> None:
    rng = np.random.default_rng(9)
    spectrum = (1 / np.maximum(np.linspace(0, 1, 361), 0.004)) * np.exp(2j * np.pi * rng.random((300, 361)))
    assert limit(120 + np.fft.irfft(spectrum, axis=1) * 40, 0.0) > 0.95


COLOURS = {
    "red": (1, 0.1, 0.1),
    "green": (0.1, 0.9, 0.1),
    "blue": (0.1, 0.1, 1),
    "magenta": (1, 0.1, 0.9),
    "cyan": (0.1, 0.9, 0.9),
    "amber": (1, 0.65, 0.1),
    "yellow": (1, 1, 0.1),
    "white": (0.8, 0.8, 0.8),
}


@pytest.mark.parametrize(("name", "rgb"), COLOURS.items())
def test_light_has_the_name_of_its_colour(name: str, rgb: tuple[float, float, float]) -> None:
    red, green, blue = rgb
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    cb, cr = (blue - luma) / 1.772 * 224, (red - luma) / 1.402 * 224
    assert light_name(cb * 0.5, cr * 0.5, 0.3) == name


def test_no_lit_sample_is_darkness() -> None:
    assert light_name(float("nan"), float("nan"), 0.0) == "dark"


def test_blanking_at_the_sides_is_told_from_picture(tmp_path: Path) -> None:
    def seen(field: int) -> Picture:
        picture = panned(A, field)
        picture[:, :10], picture[:, -14:] = 16, 16
        return picture

    _, survey = surveyed(interlaced(seen, 20), tmp_path)
    assert survey.active == (10, 0, WIDTH - 14, HEIGHT)


def test_complexity_follows_itu_t_p910(tmp_path: Path) -> None:
    frames = [panned(A, n) for n in range(12)]
    _, survey = surveyed(frames, tmp_path, order="prog")
    written = [np.clip(np.rint(frame), 16, 235).astype(np.uint8) for frame in frames]
    sampled = (1, 6, 11)
    spatial = max(
        np.hypot(cv2.Sobel(written[n], cv2.CV_64F, 1, 0), cv2.Sobel(written[n], cv2.CV_64F, 0, 1))[1:-1, 1:-1].std()
        for n in sampled
    )
    temporal = max((written[n].astype(float) - written[n - 1]).std() for n in sampled)
    assert survey.shots[0].complexity.spatial == pytest.approx(spatial, rel=1e-3)
    assert survey.shots[0].complexity.temporal == pytest.approx(temporal, rel=1e-3)
    assert survey.shots[0].complexity.motion == pytest.approx(np.hypot(2, 0.7) / 2 * 0.75, rel=0.6)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.99, 1.0])
def test_quantiles_of_histograms_are_those_of_the_samples(share: float) -> None:
    codes = np.random.default_rng(5).integers(0, 256, (17, 23), dtype=np.uint8)
    dark = np.asarray(cv2.inRange(codes, 20, 90), np.uint8)
    assert quantile_of(histogram_of(codes), share) == pytest.approx(np.quantile(codes, share))
    assert quantile_of(histogram_of(codes, dark), share) == pytest.approx(np.quantile(codes[dark > 0], share))
