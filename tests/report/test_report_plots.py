"""Plots stay well-formed SVG whatever the series holds, and show every spike."""

from __future__ import annotations

import re
from fractions import Fraction
from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.typing import NDArray

from footlights.core.reports import Survey
from footlights.core.signal import FieldOrder
from footlights.report.plots import Plot, curve, timeline

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
    assert abs(highest[0] - (46 + 12_345 / 19_999 * 954)) < 1.5
    assert highest[1] < 10


def test_axes_begin_at_zero_unless_values_lie_below() -> None:
    texts = [
        re.findall(r'class="axis end">([^<]*)<', curve(Plot("a", "b", s), PAL, []))
        for s in (values(90, 91), values(-4, 1))
    ]
    assert float(texts[0][1]) == 0
    assert float(texts[1][1]) < -3.9


@pytest.mark.parametrize("frames", [0, 1, 10, 25 * 3600 * 30])
def test_a_timeline_of_any_length_has_few_marks(frames: int) -> None:
    survey = Survey((), frames, (), (0, 0, 720, 576), FieldOrder.UNKNOWN, "test")
    drawing = ElementTree.fromstring(timeline(survey, PAL))
    marks = [text.text for text in drawing.iter("text")]
    assert marks[0] == "0.0 s"
    assert len(marks) <= 20
