"""Pictures at other instants: where they come from, what is between them, and what is left alone."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from footlights.core.clip import Clip, Plane
from footlights.core.signal import BT709_SIGNAL
from footlights.core.time import FrameRange
from footlights.enhancement.rate import ConvertRate
from footlights.errors import ParameterError
from footlights.restoration import chain

HEIGHT, WIDTH = 96, 160
CODE = 1 / 219


def waves(dx: float, dy: float, seed: int = 0) -> Plane:
    """A sum of waves, moved by dx and dy samples: known exactly at every instant."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float64)
    plane = np.full((HEIGHT, WIDTH), 110.0)
    for _ in range(24):
        a, b = rng.uniform(-0.45, 0.45, 2)
        plane += 9 * np.sin(a * (x - dx) + b * (y - dy) + rng.uniform(0, 6))
    return plane.astype(np.float32)


def clip_of(pictures: list[Plane], start: int = 0) -> Clip:
    luma = (np.stack(pictures) - 16) / 219
    chroma = np.stack([np.stack([plane[::2, ::2] - 110, 110 - plane[::2, ::2]]) for plane in pictures]) / 224
    frames = FrameRange(start, start + len(pictures))
    return Clip(luma.astype(np.float32), chroma.astype(np.float32), BT709_SIGNAL, frames, Fraction(50))


def convert(clip: Clip, ratio: Fraction, **params: bool) -> tuple[Clip, dict[int, str]]:
    """The clip at `ratio` times its rate, and what was held why."""
    stage = ConvertRate(ConvertRate.Params(ratio.numerator, ratio.denominator, **params))
    wanted = FrameRange(-(-clip.frames.start * ratio // 1), -(-clip.frames.stop * ratio // 1))
    made = chain.join(list(chain.run([stage], [clip], wanted)))
    return made, {touch.frame: touch.why for touch in stage.touched}


def codes(made: Clip, frame: int) -> Plane:
    return made.luma[frame - made.frames.start] * 219 + 16


def psnr(one: Plane, true: Plane) -> float:
    inner = (slice(12, -12), slice(16, -16))
    return float(10 * np.log10(255**2 / np.square(one[inner] - true[inner]).mean()))


@pytest.mark.parametrize(
    "path",
    [lambda n: (1.7 * n, 0.6 * n), lambda n: (3.0 * n, -2.0 * n), lambda n: (0.35 * (n - 4) ** 2, 0.0)],
    ids=["slow", "fast", "accelerated"],
)
def test_a_moving_picture_is_where_it_would_have_been(path: Callable[[float], tuple[float, float]]) -> None:
    made, held = convert(clip_of([waves(*path(n)) for n in range(9)]), Fraction(2))
    between = [psnr(codes(made, n), waves(*path(n / 2))) for n in range(3, 14, 2)]
    assert min(between) > 38
    assert set(held) == {17}


@pytest.mark.parametrize("ratio", [Fraction(2, 5), Fraction(6, 5), Fraction(1, 2), Fraction(1000, 1001), Fraction(4)])
def test_instants_the_tape_shows_keep_their_pictures_and_the_length_stays(ratio: Fraction) -> None:
    clip = clip_of([waves(2.0 * n, 0) for n in range(40, 52)], start=40)
    made, _ = convert(clip, ratio)
    step = 1 / ratio
    assert made.rate == 50 * ratio
    assert made.frames.start * step >= 40 > (made.frames.start - 1) * step
    assert made.frames.stop * step >= 52 > (made.frames.stop - 1) * step
    whole = [n for n in made.frames if (n * step).denominator == 1]
    for n in whole:
        source = int(n * step) - 40
        np.testing.assert_array_equal(made.luma[n - made.frames.start], clip.luma[source])
        np.testing.assert_array_equal(made.chroma[n - made.frames.start], clip.chroma[source])


def test_the_same_rate_is_the_identity() -> None:
    clip = clip_of([waves(2.0 * n, 0) for n in range(6)])
    made, held = convert(clip, Fraction(1))
    np.testing.assert_array_equal(made.luma, clip.luma)
    np.testing.assert_array_equal(made.chroma, clip.chroma)
    assert not held


def test_an_unknown_cut_is_never_blended() -> None:
    clip = clip_of([waves(2.0 * n, 0, seed=0 if n < 6 else 9) for n in range(12)])
    made, held = convert(clip, Fraction(4))
    for n in (21, 22, 23):
        nearest = 5 if n < 23 else 6
        np.testing.assert_array_equal(made.luma[n], clip.luma[nearest])
        assert "held" in held[n]
    assert set(held) == {21, 22, 23, 45, 46, 47}
    assert psnr(codes(made, 18), waves(9.0, 0)) > 36


def test_a_strobe_keeps_its_length_and_its_full_light() -> None:
    pictures = [waves(1.5 * n, 0) for n in range(12)]
    flash = [plane + 60 if n == 5 else plane for n, plane in enumerate(pictures)]
    made, held = convert(clip_of(flash), Fraction(2))
    bright = [n for n in made.frames if codes(made, n).mean() > 140]
    between = [n for n in made.frames if 125 < codes(made, n).mean() < 160]
    assert bright == [10, 11]
    assert not between
    assert {9, 11} <= set(held)
    assert all("light jumps" in held[n] for n in (9, 11))


def test_a_lamp_switched_on_is_no_fade_and_a_fade_is_no_lamp() -> None:
    pictures = [waves(1.0 * n, 0) for n in range(12)]
    step = [plane + (40 if n >= 6 else 0) for n, plane in enumerate(pictures)]
    _, held = convert(clip_of(step), Fraction(2))
    assert 11 in held
    fade = [plane + 9 * min(max(n - 2, 0), 7) for n, plane in enumerate(pictures)]
    made, held = convert(clip_of(fade), Fraction(2))
    assert set(held) == {23}
    assert codes(made, 11).mean() == pytest.approx((codes(made, 10).mean() + codes(made, 12).mean()) / 2, abs=0.5)


def test_what_is_covered_comes_from_the_picture_that_shows_it() -> None:
    scene = waves(0, 0)

    def at(instant: float) -> Plane:
        plane = scene.copy()
        left = round(40 + 6 * instant)
        plane[30:66, left : left + 30] = 215
        return plane

    made, _ = convert(clip_of([at(n) for n in range(8)]), Fraction(2))
    for n in (5, 7, 9):
        mixed = (at(n // 2) + at(n // 2 + 1)) / 2
        error, ghost = (np.abs(one - at(n / 2))[24:72, 30:150].mean() for one in (codes(made, n), mixed))
        assert error < 0.65 * ghost


def test_film_is_shown_picture_by_picture() -> None:
    # A 3:2 cadence that begins with three: each film frame is shown once at 2/5 of the rate.
    film = [waves(7.0 * n, 0, seed=n) for n in range(6)]
    fields = [film[n // 5 * 2 + (n % 5 >= 3)] for n in range(15)]
    made, _ = convert(clip_of(fields), Fraction(2, 5), interpolate=False, later=True)
    for n in range(6):
        np.testing.assert_array_equal(made.luma[n], clip_of([film[n]]).luma[0])


def test_an_impossible_ratio_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"1/4\.\.40"):
        ConvertRate.Params(1, 9)
