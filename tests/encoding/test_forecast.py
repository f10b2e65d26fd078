"""Sizes foretold: larger with movement, lines and target; never over the limit; a range around the likely one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from footlights.core.encodes import Look
from footlights.encoding import ladder
from footlights.encoding.forecast import FACTOR, H264, bytes_of
from footlights.settings import EncodingSettings

RUNGS = {rung.name: rung for rung in ladder.rungs(960, 540, EncodingSettings(heights=(540, 270), h264_height=540))}
CALM, BUSY = Look(60, 4, 90), Look(60, 30, 90)


def likely(name: str, look: Look, **changes: float | str) -> float:
    return bytes_of(replace(RUNGS[name], **changes), [(100, 4.0, look)]).likely  # type: ignore[arg-type]


def test_the_model_is_that_of_its_docstring() -> None:
    bits = 2 ** (-5.51 + 1.37 * 2.0 - 1.06 * 3.0)  # TI 2, 92
    assert likely("av1-540", Look(60, 2, 90), target=92.0, preset="10") == pytest.approx(bits * 960 * 540 * 100 / 8)


def test_more_of_everything_takes_more() -> None:
    assert likely("av1-540", CALM) < likely("av1-540", BUSY)
    assert likely("av1-270", CALM) < likely("av1-540", CALM)
    assert likely("av1-540", CALM, target=87.0) < likely("av1-540", CALM)
    assert likely("h264-540", CALM) == pytest.approx(H264 * likely("av1-540", CALM, preset="10"))
    assert likely("av1-540", CALM, preset="6") < likely("av1-540", CALM, preset="8")


def test_the_range_lies_around_it_and_under_the_limit() -> None:
    span = bytes_of(RUNGS["av1-540"], [(100, 4.0, CALM)])
    assert span.low == pytest.approx(span.likely / FACTOR)
    assert span.high == pytest.approx(span.likely * FACTOR)
    wild = bytes_of(RUNGS["av1-540"], [(100, 4.0, Look(60, 500, 90))])
    assert wild.likely == wild.high == RUNGS["av1-540"].max_rate * 4 / 8
