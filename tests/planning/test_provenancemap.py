"""The provenance map: every place of a frame by where it comes from, in agreement with the shares of its shot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from test_planning import CLASSICAL, ingest, shot, survey
from test_provenance import own_net

from footlights.core.plans import NET_FAILED, Intervention, Region, RestorationPlan
from footlights.core.time import FrameRange, Span, SpanKind
from footlights.planning import rules
from footlights.planning.provenance import provenance
from footlights.planning.provenancemap import Origin, frame_map, request
from made_tapes import settings

TAPE = (720, 480)


def planned(*sets: str) -> RestorationPlan:
    return rules.plan(survey(shot(0, 0, 60)), ingest(), settings(*sets))


def drawn(plan: RestorationPlan, frame: int, *touched: Intervention) -> np.ndarray:
    asked = request(plan, TAPE)
    return frame_map(asked, asked.shots[0], frame, [one for one in touched if frame in one.frames])


def test_a_net_makes_every_place_and_filters_take_over_where_it_fails() -> None:
    plan = planned("restoration.fieldlift.on_failure=classical")
    failed = Intervention(FrameRange(4, 9), NET_FAILED, 1.0, "")
    assert drawn(plan, 3, failed).shape == (480, 88)
    assert (drawn(plan, 3, failed) == Origin.LEARNED).all()
    assert set(np.unique(drawn(plan, 4, failed))) == {Origin.FILTERED, Origin.INTERPOLATED}


def test_the_lines_of_the_own_field_are_told_from_the_others() -> None:
    plan = planned(CLASSICAL)
    for frame in (6, 7):
        lines = drawn(plan, frame)[:, 0]
        assert (lines[frame % 2 :: 2] == Origin.FILTERED).all()
        assert (lines[1 - frame % 2 :: 2] == Origin.INTERPOLATED).all()
    bare = planned(CLASSICAL, "restoration.denoise.strength=0", "enhancement.detail.strength=0")
    assert Origin.RECORDED in drawn(bare, 6)
    bottom = planned(CLASSICAL, "ingest.field_order=bottom-first")
    assert (drawn(bottom, 6)[1::2] == Origin.FILTERED).all()


def test_repairs_and_faces_are_drawn_where_they_lie() -> None:
    repaired = Intervention(FrameRange(6, 7), "dropouts.conceal", 0.1, "", (Region(500, 250, 750, 500),))
    found = drawn(planned(CLASSICAL), 6, repaired)
    columns = (found[::2] == Origin.INTERPOLATED).any(axis=0)
    # The picture is samples 8..712 of 720: half of the raster is sample 360, column 44.
    assert (columns.argmax(), len(columns) - columns[::-1].argmax()) == (44, pytest.approx(67, abs=1))
    assert (found[120:240:2, 50] == Origin.INTERPOLATED).all()
    assert (found[242::2, 50] == Origin.FILTERED).all()
    face = Intervention(FrameRange(6, 7), "faces.restore", 0.1, "", (Region(0, 0, 250, 1000),))
    found = drawn(planned(), 6, face, repaired)
    assert (found[:, :22] == Origin.GENERATED).all()
    assert (found[:, 22:] == Origin.LEARNED).all()


def test_held_and_made_frames_are_told_from_those_of_the_tape() -> None:
    plan = planned(CLASSICAL, "enhancement.rate.output=60", "enhancement.rate.speed=0.5")
    held = Intervention(FrameRange(3, 4), "rate.convert", 1.0, "held")
    assert (drawn(plan, 3, held) == Origin.REPEATED).all()
    assert (drawn(plan, 5, held) == Origin.INTERPOLATED).all()
    lost = replace(
        planned(CLASSICAL),
        time_map=replace(
            planned(CLASSICAL).time_map,
            spans=(
                Span(FrameRange(0, 60), FrameRange(0, 30), SpanKind.ORIGINAL),
                Span(FrameRange(60, 120), FrameRange(30, 60), SpanKind.REPEATED),
            ),
        ),
    )
    assert (drawn(lost, 60) == Origin.REPEATED).all()
    assert (drawn(lost, 59) != Origin.REPEATED).all()


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("sets", [(), (CLASSICAL,), (CLASSICAL, "enhancement.rate.output=30")])
def test_the_map_agrees_with_the_shares_of_the_shot(sets: tuple[str, ...], own: bool) -> None:
    plan = own_net(planned(*sets)) if own else planned(*sets)
    places = (Region(100, 100, 500, 600), Region(300, 400, 800, 900))
    touched = (
        Intervention(FrameRange(10, 20), "dropouts.conceal", 1.0, ""),
        Intervention(FrameRange(15, 45), "faces.restore", 0.2, "", places),
        Intervention(FrameRange(30, 33), "rate.convert", 1.0, "held"),
    )[: 3 if len(sets) > 1 else 2]
    (shares,) = provenance(plan, touched)
    maps = np.stack([drawn(plan, frame, *touched) for frame in range(plan.time_map.frames)])
    for origin in Origin:
        assert (maps == origin).mean() == pytest.approx(getattr(shares, origin.name.lower()), abs=0.06), origin
