"""Plots stay well-formed SVG whatever the series holds, and show every spike."""

from __future__ import annotations

import re
from fractions import Fraction
from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.typing import NDArray

from footlights.report.plots import LEFT, WIDTH, Plot, curve

PAL = Fraction(25)
NAN = float("nan")


def values(*numbers: float) -> NDArray[np.float32]:
    return np.array(numbers, np.float32)


def outline(svg: str) -> NDArray[np.float64]:
    """The corners of the curve, (N, 2)."""
    points = ElementTree.fromstring(svg).find("polygon")
    assert points is not None
    return np.array([[float(part) for part in point.split(",")] for point in points.attrib["points"].split()])


@pytest.mark.parametrize(
    "series",
    [
        values(5),
        values(0),
        values(0, 0, 0),
        values(NAN, 7, NAN),
        values(-3, -1),
        values(1e9, -1e9),
        values(*range(5000)),
    ],
    ids=["one", "one zero", "zeros", "one known", "negative", "far apart", "long"],
)
def test_any_series_is_a_well_formed_plot_inside_its_frame(series: NDArray[np.float32]) -> None:
    svg = curve(Plot("Noise & <light>", "codes", series), PAL, [0, 1])
    corners = outline(svg)
    assert np.isfinite(corners).all()
    assert (corners >= -1).all()
    assert (corners <= [1001, 121]).all()
    assert len(corners) <= 2 * 900
    assert "nan" not in svg
    label = ElementTree.fromstring(svg).attrib["aria-label"]
    assert label.startswith("Noise & <light>: ")


@pytest.mark.parametrize("series", [values(), values(NAN, NAN)], ids=["empty", "unknown"])
def test_what_was_not_measured_is_said_in_words(series: NDArray[np.float32]) -> None:
    assert curve(Plot("Noise & <light>", "codes", series), PAL, []) == (
        '<p class="quiet">Noise &amp; &lt;light&gt;: not measured.</p>'
    )


def test_thinning_never_hides_a_spike() -> None:
    """The spike must be the highest point of the drawn outline, in its place, to a pixel."""
    series = np.ones(20_000, np.float32)
    series[12_345] = 50
    corners = outline(curve(Plot("Dropouts", "a frame", series), PAL, []))
    highest = corners[corners[:, 1].argmin()]
    assert abs(highest[0] - (LEFT + 12_345 / 19_999 * (WIDTH - LEFT))) < 1.5
    assert highest[1] < 10


def test_axes_begin_at_zero_unless_values_lie_below() -> None:
    texts = [
        re.findall(r'class="axis end">([^<]*)<', curve(Plot("a", "b", s), PAL, []))
        for s in (values(90, 91), values(-4, 1))
    ]
    assert float(texts[0][1]) == 0
    assert float(texts[1][1]) < -3.9


def test_the_cursor_reads_the_highest_value_of_its_place() -> None:
    series = np.arange(10, dtype=np.float32)
    series[3] = NAN
    svg = ElementTree.fromstring(curve(Plot("Noise", "codes", series), PAL, [])).attrib
    assert svg["data-at"].split() == [str(n) for n in range(10) if n != 3]
    assert [float(value) for value in svg["data-top"].split()] == [n for n in range(10) if n != 3]


def test_a_band_reaches_from_its_floor_to_its_values() -> None:
    band = Plot("Luma range", "codes", values(200, 180, 190), floor=values(20, 30, 25))
    corners = outline(curve(band, PAL, []))
    assert len(corners) == 6
    assert corners[:3, 1].max() < corners[3:, 1].min()


@pytest.mark.parametrize(("cuts", "drawn"), [(200, 1), (10_000, 0)])
def test_cuts_are_one_short_path_and_none_where_they_would_hide_the_plot(cuts: int, drawn: int) -> None:
    svg = curve(Plot("Noise", "codes", np.ones(10_000, np.float32)), PAL, range(0, 10_000, 10_000 // cuts))
    assert svg.count('class="cut"') == drawn
    assert len(svg) < 60_000
