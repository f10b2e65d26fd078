"""Provenance: shares add up, and follow what was planned and what was really touched."""

from dataclasses import replace

import pytest
from test_planning import ingest, shot, survey

from footlights.core.plans import NET_FAILED, Intervention, RestorationPlan
from footlights.core.time import FrameRange, Span, SpanKind
from footlights.planning import rules
from footlights.planning.provenance import provenance
from made_tapes import settings


def planned(*sets: str) -> RestorationPlan:
    return rules.plan(survey(shot(0, 0, 30), shot(1, 30, 60)), ingest(), settings(*sets))


CLASSICAL = "restoration.chain=classical"


@pytest.mark.parametrize("sets", [(), (CLASSICAL,), (CLASSICAL, "restoration.denoise.strength=0")])
def test_shares_add_up_to_one(sets: tuple[str, ...]) -> None:
    touched = (
        Intervention(FrameRange(3, 40), "dropouts.conceal", 0.3, ""),
        Intervention(FrameRange(10, 30), NET_FAILED, 1.0, ""),
    )
    for one in provenance(planned(*sets), touched):
        assert one.recorded + one.filtered + one.interpolated + one.learned + one.repeated == pytest.approx(1, abs=1e-5)


def test_a_net_makes_every_sample_but_where_it_failed() -> None:
    plan = planned("restoration.fieldlift.on_failure=classical")
    first, second = provenance(plan, (Intervention(FrameRange(0, 30), NET_FAILED, 1.0, ""),))
    assert first.learned == pytest.approx(0.5)
    assert (first.filtered, first.interpolated) == (pytest.approx(0.25), pytest.approx(0.25))
    assert second.learned == 1
    assert second.added == ("net detail 1", "fine contrast 0.6", "grain 0.7")


def test_filters_keep_half_of_the_lines_and_repairs_are_interpolated() -> None:
    touched = (Intervention(FrameRange(0, 60), "dropouts.conceal", 0.2, ""),)
    first, second = provenance(planned(CLASSICAL), touched)
    assert (first.filtered, first.interpolated) == (pytest.approx(0.4), pytest.approx(0.6))
    assert (second.filtered, second.interpolated, second.learned) == (0.5, 0.5, 0)
    (plain, _) = provenance(planned(CLASSICAL, "restoration.denoise.strength=0", "enhancement.detail.strength=0"), ())
    assert (plain.recorded, plain.filtered) == (0.5, 0)


def test_held_pictures_are_told_apart() -> None:
    plan = planned(CLASSICAL)
    spans = (
        Span(FrameRange(0, 60), FrameRange(0, 30), SpanKind.ORIGINAL),
        Span(FrameRange(60, 90), FrameRange(30, 45), SpanKind.REPEATED),
        Span(FrameRange(90, 120), FrameRange(45, 60), SpanKind.ORIGINAL),
    )
    first, second = provenance(replace(plan, time_map=replace(plan.time_map, spans=spans)), ())
    assert (first.repeated, second.repeated) == (0, 0.5)


def test_the_faithful_preset_adds_grain_alone() -> None:
    faithful = ("restoration.fieldlift.detail=0", "enhancement.detail.strength=0", "enhancement.grain.share=1")
    assert provenance(planned(*faithful), ())[0].added == ("grain 1",)


def test_pictures_between_instants_are_interpolated_unless_one_was_held() -> None:
    plan = planned(CLASSICAL, "enhancement.rate.output=60", "enhancement.rate.speed=0.5")
    frames = plan.time_map.frames // 2
    held = (Intervention(FrameRange(1, 13), "rate.convert", 1.0, "a real picture is held"),)
    first, second = provenance(plan, held)
    assert second.interpolated > 0.95
    assert second.repeated == 0
    assert first.repeated == pytest.approx(12 / frames, abs=0.01)
    assert first.interpolated + first.repeated + first.recorded + first.filtered == pytest.approx(1, abs=1e-5)
