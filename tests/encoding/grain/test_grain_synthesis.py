"""Closed forms of the synthesis; that it is the decoder's, sample for sample, is shown beside the injection."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from grain_streams import some_grain

from footlights.core.filmgrain import FilmGrain
from footlights.encoding.grain.synthesis import apply, grain_templates, noise_image, scaling_table
from footlights.errors import ParameterError

WHITE = FilmGrain(y=((0, 64),), scaling_shift=8, lag=0, taps_y=(), taps_cb=(0,), taps_cr=(0,), restricted=False)


def test_scaling_passes_through_its_points_and_is_level_beyond_them() -> None:
    table = scaling_table(((50, 10), (150, 110), (200, 60)))
    assert list(table[[0, 50, 100, 150, 175, 200, 255]]) == [10, 10, 60, 110, 85, 60, 60]


def test_white_grain_has_the_strength_its_table_says() -> None:
    planes = tuple(np.full(size, 512, np.uint16) for size in ((256, 256), (128, 128), (128, 128)))
    drawn = apply(planes, WHITE, 77)
    # 512 / 4 of the Gaussian at 10 bits, times 64 / 256.
    assert np.std(drawn[0].astype(float)) == pytest.approx(128 * 64 / 256, rel=0.05)
    assert np.array_equal(drawn[1], planes[1])


def test_first_order_taps_make_the_correlation_of_a_first_order_process() -> None:
    taps = [0] * 24
    taps[-1] = 64
    template = grain_templates(replace(WHITE, lag=3, taps_y=tuple(taps), taps_cb=(0,) * 25), 5)[0][3:, 12:-3].astype(
        float
    )
    assert (template[:, 1:] * template[:, :-1]).mean() / template.var() == pytest.approx(0.5, abs=0.06)
    assert abs((template[1:] * template[:-1]).mean() / template.var()) < 0.06


def test_grain_follows_seed_and_knows_no_neighbour() -> None:
    grain = some_grain()
    one, same, other = (noise_image((96, 160), grain, seed)[0].astype(float) for seed in (11, 11, 12))
    assert np.array_equal(one, same)
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.1


def test_restricted_grain_stays_in_studio_range() -> None:
    strong = replace(some_grain(), y=((0, 255),), scaling_shift=8)
    planes = tuple(np.full(size, 70, np.uint16) for size in ((64, 64), (32, 32), (32, 32)))
    assert apply(planes, strong, 3)[0].min() == 64
    assert apply(planes, replace(strong, restricted=False), 3)[0].min() < 64


@pytest.mark.parametrize(
    "wrong",
    [
        {"y": ((3, 1), (3, 2))},
        {"y": tuple((place, 1) for place in range(15))},
        {"y": ((0, 256),)},
        {"y": ((0, 1),), "taps_y": (0,) * 23},
        {"lag": 4},
        {"scaling_shift": 12},
    ],
)
def test_tables_that_no_stream_could_hold_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ParameterError):
        FilmGrain(**wrong)  # type: ignore[arg-type]
