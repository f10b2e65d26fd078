"""Drawn grain is as strong as it should be at every brightness and in every picture, against what was put in."""

from __future__ import annotations

import numpy as np
import pytest
from made_grain import grainy, scene

from footlights.core.filmgrain import FilmGrain
from footlights.core.time import FrameRange
from footlights.encoding.grain.calibrate import calibrate
from footlights.encoding.grain.fit import fit
from footlights.encoding.grain.inject import seed_of
from footlights.encoding.grain.measure import (
    Planes,
    blocks_of,
    differences_in_picture,
    differences_in_time,
    softened,
    without_plane,
)
from footlights.encoding.grain.seeds import steady_seeds, strengths
from footlights.encoding.grain.synthesis import apply, grain_templates, luma_templates

COARSE = FilmGrain(
    y=((0, 120), (255, 120)), scale_shift=2,
    taps_y=(4, 2, 0, 0, 0, 2, 4, 5, -5, -11, 1, -10, -10, -10, -7, -12, -6, 41, 28, 19, 1, -13, 20, 75),
)  # fmt: skip


def stripes(levels: tuple[float, ...], sigmas: tuple[float, ...], frames: int) -> tuple[list[Planes], list[Planes]]:
    """Upright stripes of these 8-bit codes, and the same with grain of these sigmas on them."""
    height, wide = 256, 96
    rng = np.random.default_rng(5)
    plain = np.repeat(np.array(levels, np.float32) * 4, wide)[None].repeat(height, 0)
    strength = np.repeat(np.array(sigmas, np.float32) * 4, wide)[None]
    clean = [(np.rint(plain).astype(np.uint16),)] * frames
    noisy = [(np.rint(plain + rng.standard_normal(plain.shape) * strength).astype(np.uint16),) for _ in range(frames)]
    return clean, noisy


def test_grain_that_falls_steeply_towards_black_is_drawn_so() -> None:
    """The blocks of a bin all lie at its upper edge, where a line through its middle would draw a third too much."""
    clean, noisy = stripes((25.0, 29.0, 60.0), (0.36, 0.8, 0.7), 8)
    source = differences_in_time([(noisy, clean)])
    assert source.places[1] == pytest.approx(24.8, abs=0.3)
    assert (np.diff(source.places) >= 2).all()
    made = calibrate(source, clean[:4], steady_seeds(fit(source), FrameRange(0, 4)))
    assert made.worst_bin < 0.03
    others = steady_seeds(made.grain, FrameRange(40, 48))
    found = differences_in_picture(
        [apply(one, made.grain, seed) for one, seed in zip(clean, others, strict=True)], clean
    )
    for number, sigma in ((1, 0.36), (2, 0.8), (4, 0.7)):
        assert found.sigma[number] / 4 == pytest.approx(sigma, rel=0.06)


def test_weak_grain_is_scaled_by_fine_steps() -> None:
    """Grain of two 10-bit codes on a texture of a hundred would be scaled by 20 of 255."""
    pictures = list(grainy(list(scene(6)), 2.5))
    grain = fit(differences_in_time([(pictures, [softened(planes) for planes in pictures])]))
    assert max(value for _, value in grain.y) > 100
    assert 0 < grain.scale_shift <= 3


def test_templates_of_many_seeds_are_those_of_each() -> None:
    seeds = [7, 4000, 65535]
    each = [grain_templates(COARSE, seed, planes=1)[0] for seed in seeds]
    assert np.array_equal(luma_templates(COARSE, seeds), np.stack(each))


def test_pictures_are_grainy_alike() -> None:
    """Of coarse grain, blocks of which are stronger in one seed's texture than in another's."""
    grey = (np.full((512, 512), 480, np.uint16),)

    def spread(seeds: list[int]) -> float:
        drawn = [apply(grey, COARSE, seed)[0].astype(np.float32) - 480 for seed in seeds]
        each = np.array([(without_plane(blocks_of(one, 32)) ** 2).mean() ** 0.5 for one in drawn])
        return float(each.std() / each.mean())

    chosen, any_ = steady_seeds(COARSE, FrameRange(0, 24)), [seed_of(frame) for frame in range(24)]
    assert spread(chosen) < 0.5 * spread(any_)
    assert chosen == steady_seeds(COARSE, FrameRange(0, 24))
    assert chosen[10:] == steady_seeds(COARSE, FrameRange(10, 24))
    assert len(set(chosen)) == 24
    assert strengths(COARSE, chosen).std() < 0.4 * strengths(COARSE, any_).std()


def test_seeds_of_pictures_without_luma_grain_are_the_frames_own() -> None:
    assert steady_seeds(FilmGrain(), FrameRange(3, 6)) == [seed_of(3), seed_of(4), seed_of(5)]


def test_what_survived_is_not_told_by_restless_blocks_alone() -> None:
    """The cleaned pictures change a little everywhere, an encoder put noise into a tenth of them and none elsewhere."""
    rng = np.random.default_rng(8)
    clean = [(np.rint(480 + 1.5 * rng.standard_normal((320, 320))).astype(np.uint16),) for _ in range(4)]
    noisy = [(np.rint(one[0] + 6 * rng.standard_normal((320, 320))).astype(np.uint16),) for one in clean]
    made = [(one[0].copy(),) for one in clean]
    for one in made:
        one[0][:32] += rng.integers(0, 13, (32, 320), dtype=np.uint16)
    source = differences_in_time([(noisy, clean)])
    assert source.mean == pytest.approx(6, rel=0.05)
    # Even noise of 13 codes has a sigma of 3.7; most of the picture has what the cleaned one has left.
    assert differences_in_time([(made, clean)]).mean > 3
    assert differences_in_time([(made, clean)], source).mean == pytest.approx(1.5, rel=0.1)
