"""Grain in the report: what is left of it and how it is drawn, with a sentence wherever it is not what it was."""

from __future__ import annotations

from dataclasses import replace

import pytest

from footlights.core import records
from footlights.core.encodes import ChunkEncode, GrainEncode, Probe
from footlights.core.time import FrameRange
from footlights.report import grain, summary
from footlights.report.sections.products import grain_words

KEPT = GrainEncode("kept", "as set", sigma=2.0, drawn=1.9, error=0.05)
CODED = GrainEncode("coded", "grain", 2.0, 2.0, 0.04, 0.09, 0.07, pumping=0.04)


def parts(*found: GrainEncode | None) -> list[ChunkEncode]:
    probe = Probe(30, 1000, 93, 92, 90)
    return [
        ChunkEncode("av1-270", FrameRange(50 * n, 50 * n + 50), (0,), probe, (probe,), "reached", one, 93.0)
        for n, one in enumerate(found)
    ]


def test_grain_within_its_limits_is_not_warned_of() -> None:
    nothing = GrainEncode("kept", "no grain to speak of")
    assert not list(summary.shortfalls(parts(KEPT, CODED, nothing, None)))


def test_kept_grain_that_is_lost_is_told_once_for_a_rendition() -> None:
    (told,) = summary.shortfalls(parts(KEPT, replace(KEPT, drawn=1.0), replace(KEPT, drawn=1.5)))
    assert "of the grain that 2 of 3 parts keep in the pictures less than 90% is left" in told
    assert "(1.00 of 2.00 codes at the least, from frame 50)" in told


@pytest.mark.parametrize(
    ("off", "words"),
    [
        ({"error": 0.06}, "off in strength, in the mean over brightnesses, by more than 0.05, 0.06 at most"),
        ({"worst_bin": 0.11}, "off in strength at some brightness by more than 0.1, 0.11 at most"),
        ({"shape_error": 0.09}, "by more than 0.08, 0.09 at most"),
    ],
)
def test_drawn_grain_that_is_off_is_told(off: dict[str, float], words: str) -> None:
    (told,) = summary.shortfalls(parts(CODED, replace(CODED, **off)))
    assert "drawn in 1 of 2 parts" in told
    assert words in told
    assert told.endswith("from frame 50")


def test_pumping_is_judged_by_the_mean_of_all_parts() -> None:
    """Of one key frame the grain is cut from one random texture, and may differ by more without a cause."""
    assert not list(summary.shortfalls(parts(replace(CODED, pumping=0.07), replace(CODED, pumping=-0.06))))
    (told,) = summary.shortfalls(parts(replace(CODED, pumping=-0.07), replace(CODED, pumping=-0.05)))
    assert "grain is 6% weaker in key frames than around them" in told


def test_figures_of_a_rendition_tell_both_kinds() -> None:
    found = grain.figures([KEPT, replace(KEPT, drawn=1.0), CODED])
    assert (found["kept_sigma"], found["kept_drawn"], found["left"], found["measured_kept"]) == (2.0, 1.45, 0.5, 2)
    assert (found["sigma"], found["pumping"]) == (2.0, 0.04)
    words = grain_words(found)
    assert "kept 1.45 of 2.00 codes in the mean" in words
    assert "drawn 2.00 codes in the mean" in words
    assert "+4.0% in key frames" in words
    assert grain_words(grain.figures([])) == "as in the pictures"


def test_parts_hold_the_figures_and_records_of_before_are_read() -> None:
    (row,) = summary.parts(parts(CODED))
    assert row["grain"]["pumping"] == 0.04
    assert "tables" not in row["grain"]
    data = records.to_data(CODED)
    old = {name: value for name, value in data.items() if name not in ("pumping", "drawn_correlation")}
    assert records.from_data(GrainEncode, old) == replace(CODED, pumping=0.0)
