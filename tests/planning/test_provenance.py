"""Provenance: shares add up, and follow what was planned and what was really touched."""

from dataclasses import replace

import pytest
from test_planning import ingest, shot, survey

from footlights.core.plans import NET_FAILED, Intervention, Region, RestorationPlan, ShotPlan, Step
from footlights.core.time import FrameRange, Span, SpanKind
from footlights.planning import rules
from footlights.planning.provenance import FACES, FILTERS, LEARNED, OWN_NET, provenance
from footlights.restoration.base import STAGES
from made_tapes import settings


def planned(*sets: str) -> RestorationPlan:
    return rules.plan(survey(shot(0, 0, 30), shot(1, 30, 60)), ingest(), settings(*sets))


CLASSICAL = "restoration.chain=classical"


@pytest.mark.parametrize("sets", [(), (CLASSICAL,), (CLASSICAL, "restoration.denoise.strength=0")])
def test_shares_add_up_to_one(sets: tuple[str, ...]) -> None:
    touched = (
        Intervention(FrameRange(3, 40), "dropouts.conceal", 0.3, ""),
        Intervention(FrameRange(10, 30), NET_FAILED, 1.0, ""),
        Intervention(FrameRange(20, 50), "faces.restore", 0.1, "", (Region(100, 200, 400, 700),)),
    )
    for one in provenance(planned(*sets), touched):
        shares = (one.recorded, one.filtered, one.interpolated, one.learned, one.repeated, one.generated)
        assert sum(shares) == pytest.approx(1, abs=1e-5)


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


def test_inside_the_rectangles_of_restored_faces_all_is_generated() -> None:
    """Two that overlap count once; what lies on a black column beside the picture counts for nothing."""
    plan = planned()
    pillar, width = plan.shots[0].steps[-1].params.get("pillar", 0), plan.width
    assert pillar == 0
    places = (Region(100, 0, 300, 1000), Region(200, 500, 500, 1000))
    first, second = provenance(plan, (Intervention(FrameRange(0, 30), "faces.restore", 0.05, "", places),))
    assert first.generated == pytest.approx(0.5 * (0.2 + 0.2 * 0.5))
    assert first.learned == pytest.approx(1 - first.generated)
    assert (second.generated, second.learned) == (0, 1)
    sided = replace(plan, shots=tuple(_with(one, "upscale.fine", pillar=width // 4) for one in plan.shots))
    (beside, _) = provenance(sided, (Intervention(FrameRange(0, 60), "faces.restore", 0.05, "", (places[0],)),))
    assert beside.generated == pytest.approx(0.1)


def test_what_a_net_of_ones_own_makes_is_generated_but_where_it_failed() -> None:
    plan = own_net(planned())
    first, second = provenance(plan, (Intervention(FrameRange(0, 15), NET_FAILED, 1.0, ""),))
    assert (first.generated, first.learned) == (pytest.approx(0.75), 0)
    assert (second.generated, second.learned) == (1, 0)


@pytest.mark.parametrize("stage", ["light.lift", "look.table", "colour.balance", "blocking.smooth", "timebase.align"])
def test_what_changes_light_place_or_samples_leaves_nothing_recorded(stage: str) -> None:
    bare = planned(CLASSICAL, "restoration.denoise.strength=0", "enhancement.detail.strength=0")
    more = tuple(replace(one, steps=(*one.steps, Step(stage, 1, {}, ""))) for one in bare.shots)
    jumped = (Intervention(FrameRange(3, 4), stage, 0.5, ""),) if stage == "timebase.align" else ()
    for one in provenance(replace(bare, shots=more), jumped):
        assert (one.recorded, one.filtered, one.interpolated) == (0, 0.5, 0.5)


def test_every_stage_is_accounted_for() -> None:
    """A new one has to be put under filters, nets or one of these."""
    converts = {"colour.convert", "upscale.lanczos", "upscale.fine", "rate.convert"}
    neighbours = {"deinterlace.bwdif", "deinterlace.match"}
    repairs = {"dropouts.conceal", "gaps.rebuild", "switching.fill"}
    known = {*FILTERS, *LEARNED, OWN_NET, FACES, "grain.synthesis", *converts, *neighbours, *repairs}
    assert set(STAGES.names()) <= known


def own_net(plan: RestorationPlan) -> RestorationPlan:
    """The plan with a net of the user's own in the place of what enlarges."""
    shots = []
    for one in plan.shots:
        steps = (replace(step, stage=OWN_NET) if step.stage.startswith("upscale.") else step for step in one.steps)
        shots.append(replace(one, steps=tuple(steps)))
    return replace(plan, shots=tuple(shots))


def _with(given: ShotPlan, stage: str, **params: int) -> ShotPlan:
    steps = (replace(step, params={**step.params, **params}) if step.stage == stage else step for step in given.steps)
    return replace(given, steps=tuple(steps))


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
