"""Grain measured, fitted, drawn and taken out: known strength and shape come back."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from made_grain import curve, grainy, scene

from footlights.core.filmgrain import FilmGrain
from footlights.encoding.grain.calibrate import calibrate
from footlights.encoding.grain.fit import fit, reduced, texture_of
from footlights.encoding.grain.inject import seed_of
from footlights.encoding.grain.measure import (
    LEVELS,
    GrainStatistics,
    Planes,
    differences_in_picture,
    differences_in_time,
    softened,
)
from footlights.encoding.grain.remove import GrainRemover
from footlights.encoding.grain.synthesis import apply

SIGMA = 18.0


@pytest.fixture(scope="module")
def clean() -> list[Planes]:
    return list(scene(8))


@pytest.fixture(scope="module")
def noisy(clean: list[Planes]) -> list[Planes]:
    return list(grainy(clean, SIGMA, chroma=8.0))


def measured(pictures: list[Planes]) -> GrainStatistics:
    return differences_in_time([(pictures, [softened(planes) for planes in pictures])])


def test_strength_at_every_brightness_is_found_without_a_reference(noisy: list[Planes]) -> None:
    found = measured(noisy)
    known = np.isfinite(found.sigma)
    assert known.sum() >= 6
    wanted = curve(np.asarray(LEVELS * 4, np.uint16), SIGMA)
    assert np.abs(found.sigma[known] / wanted[known] - 1).mean() < 0.05
    assert found.chroma == pytest.approx((8, 8), rel=0.05)
    assert abs(found.correlation) < 0.1


def test_shape_is_that_of_the_grain_itself(clean: list[Planes], noisy: list[Planes]) -> None:
    assert measured(noisy).shape.error(differences_in_picture(noisy, clean).shape) < 0.02


def test_what_never_changes_is_told_from_grain(clean: list[Planes]) -> None:
    moving = list(scene(8, moving=False))
    dirt = grainy(moving, 10.0, still=True)
    half = [tuple(np.clip(a + (b.astype(int) - c), 0, 1023).astype(np.uint16) for a, b, c in zip(*three, strict=True))
            for three in zip(dirt, grainy(moving, 2.0), moving, strict=True)]  # fmt: skip
    # The still part is seen by nobody who compares pictures, so what is found is the grain alone.
    assert measured(half).mean < 3


@pytest.mark.parametrize("kind", ["clean", "black", "one", "grey"])
def test_pictures_without_grain_give_none(kind: str, clean: list[Planes]) -> None:
    black = [tuple(np.full_like(plane, 64) for plane in planes) for planes in clean]
    pictures = {"clean": clean, "black": black, "one": clean[:1], "grey": [(planes[0],) for planes in clean]}[kind]
    found = measured(pictures)
    assert found.mean < 1
    if found.mean == 0:
        assert not fit(found).applies


def test_monochrome_and_one_picture_are_measured_and_cleaned(noisy: list[Planes]) -> None:
    grey = [(planes[0],) for planes in noisy]
    found = measured(grey)
    assert found.mean == pytest.approx(measured(noisy).mean)
    assert found.chroma == (0.0, 0.0)
    cleaned = list(GrainRemover(found).run(grey[:1]))
    assert [len(planes) for planes in cleaned] == [1]


@pytest.mark.parametrize("size", [0.0, 0.5, 0.9])
def test_taps_make_the_shape_they_were_fitted_to(size: float) -> None:
    pictures = grainy([(np.full((256, 256), 500, np.uint16),)] * 3, SIGMA, size=size)
    shape = measured(list(pictures)).shape
    assert texture_of(shape).shape.whole_error(shape) < 0.045


def test_the_loop_ends_at_the_strength_of_the_source(clean: list[Planes], noisy: list[Planes]) -> None:
    found = measured(noisy)
    made = calibrate(found, clean[:4], [seed_of(frame) for frame in range(4)])
    assert made.error < 0.03
    assert made.worst_bin < 0.08
    assert made.shape_error < 0.06
    assert made.sigma == pytest.approx(made.wanted, rel=0.05)
    drawn = differences_in_picture(
        [apply(planes, made.grain, seed_of(90 + n)) for n, planes in enumerate(clean)], clean
    )
    assert drawn.mean == pytest.approx(differences_in_picture(noisy, clean).mean, rel=0.05)
    assert drawn.chroma == pytest.approx((8, 8), rel=0.15)


def test_grain_is_taken_out_and_the_moving_picture_stays(clean: list[Planes], noisy: list[Planes]) -> None:
    cleaned = list(GrainRemover(measured(noisy)).run(noisy))

    def error(pictures: list[Planes], plane: int) -> float:
        pairs = zip(pictures, clean, strict=True)
        return float(np.mean([(a[plane].astype(float) - b[plane]) ** 2 for a, b in pairs]) ** 0.5)

    assert error(cleaned, 0) < 0.35 * error(noisy, 0)
    assert error(cleaned, 1) < 0.35 * error(noisy, 1)
    assert cleaned[0][0].dtype == np.uint16
    # Inside the patch, whose texture is of the strength of grain, correlation with the truth must stay.
    inside = np.s_[20:52, 40:56]
    assert np.corrcoef(cleaned[4][0][inside].ravel(), clean[4][0][inside].ravel())[0, 1] > 0.95


def test_cuts_do_not_mix_shots(clean: list[Planes]) -> None:
    other = [tuple(1000 - plane for plane in planes) for planes in clean[:3]]
    pictures = grainy([*clean[:3], *other], 8.0)
    cleaned = list(GrainRemover(measured(pictures[:3])).run(pictures))
    assert np.abs(cleaned[2][0].astype(float) - clean[2][0]).mean() < 5
    assert np.abs(cleaned[3][0].astype(float) - other[0][0]).mean() < 5


def test_points_are_few_and_near_the_curve() -> None:
    values = 200 * np.sin(np.pi * LEVELS / 256)
    points = reduced(LEVELS, values, 14)
    assert 4 <= len(points) <= 14
    line = np.interp(LEVELS, [place for place, _ in points], [value for _, value in points])
    assert np.abs(line - values).max() < 4
    assert len(reduced(LEVELS, np.full(20, 80.0), 14)) == 2


def test_grain_that_rounds_to_nothing_is_not_drawn(noisy: list[Planes]) -> None:
    assert fit(measured(noisy), np.zeros(20), (0.0, 0.0)) == FilmGrain()


def test_grain_of_large_pictures_is_taken_out_along_a_motion_found_at_half_the_size() -> None:
    """A square that moves keeps its texture nearly as well as where motion is searched at full size."""

    def enlarged(plane: np.ndarray) -> np.ndarray:
        return cv2.resize(plane, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)

    clean = [tuple(enlarged(plane) for plane in planes) for planes in scene(5, height=224, width=288)]
    pictures = list(grainy(clean, SIGMA))
    grain = measured(pictures)
    part, inside = np.s_[:336, :432], np.s_[56:160, 72:180]
    small = [(one[0][part], *(plane[:168, :216] for plane in one[1:])) for one in pictures]
    left = {
        size: float(np.std(list(GrainRemover(grain).run(shown))[2][0][inside].astype(float) - clean[2][0][inside]))
        for size, shown in (("large", pictures), ("small", small))
    }
    assert left["large"] < 1.1 * left["small"] < 0.7 * float(np.std(pictures[2][0][inside] - 1.0 * clean[2][0][inside]))
