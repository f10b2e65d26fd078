"""Priors of the quality search: from shots that look alike, and from the rendition below."""

from __future__ import annotations

import pytest

from footlights.core.encodes import ChunkEncode, Look, Probe
from footlights.core.time import FrameRange
from footlights.encoding.priors import MOST_SCOUTS, Solved, carried, expected, scouts, solved
from footlights.encoding.search import Prior

WIDE, CLOSE = Look(80, 20, 60, "0/0"), Look(30, 8, 100, "1/0")


def encode(outcome: str, *trials: tuple[float, float]) -> ChunkEncode:
    probes = tuple(Probe(q, 1000, score, score, score) for q, score in trials)
    return ChunkEncode("av1-270", FrameRange(0, 9), (0,), probes[-1], probes, outcome, target=93.0)


def test_a_finished_search_tells_where_the_target_lies_and_how_steep_it_is() -> None:
    found = solved(WIDE, encode("reached", (30, 95.0), (34, 93.4)), -1.3, Prior(30.0))
    assert found is not None
    assert found.slope == pytest.approx(-0.4)
    assert found.q == pytest.approx(35.0)
    one = solved(WIDE, encode("reached", (30, 93.0)), -0.7, Prior(33.0, -0.9))
    assert one == Solved(WIDE, 30, -0.7, 33.0, -0.9)


@pytest.mark.parametrize("outcome", ["capped", "allocated"])
def test_a_search_that_ended_at_its_rate_teaches_nothing(outcome: str) -> None:
    assert solved(WIDE, encode(outcome, (18, 80.0)), -1.3, Prior(30.0)) is None


def test_behind_the_end_of_the_range_the_answer_lies_beyond() -> None:
    found = solved(WIDE, encode("ceiling", (24, 90.0), (18, 91.5)), -1.3, Prior(30.0))
    assert found is not None
    assert 15 <= found.q < 18


def test_the_same_camera_and_light_outweigh_others_that_look_alike() -> None:
    same, other = Solved(WIDE, 26, -1.0, 33.0), Solved(Look(80, 20, 60, "2/5"), 40, -1.0, 33.0)
    prior = expected(Look(82, 21, 61, "0/0"), Prior(33.0), [same, other])
    assert prior is not None
    assert prior.q == pytest.approx(26, abs=3)
    assert expected(WIDE, Prior(33.0), []) is None


def test_nothing_is_learnt_from_what_looks_quite_different() -> None:
    """The look alone says more of such a chunk; three of the same camera and light are believed."""
    far = [Solved(Look(5, 60, 200, "3/1"), 12, -1.0, 33.0)] * 3
    near = [Solved(WIDE, 26, -1.0, 33.0)] * 3
    away, here = expected(WIDE, Prior(33.0), far), expected(WIDE, Prior(33.0), near)
    assert away is not None
    assert here is not None
    assert away.q == pytest.approx(33, abs=3)
    assert here.q == pytest.approx(26, abs=0.5)


def test_what_is_between_two_known_ones_is_expected_between_them() -> None:
    prior = expected(Look(50, 13, 80), Prior(33.0), [Solved(WIDE, 26, -2.0, 33.0), Solved(CLOSE, 40, -0.5, 33.0)])
    assert prior is not None
    assert 29 < prior.q < 37
    assert -2.0 < prior.slope < -0.5


def test_slopes_move_as_those_of_others_differed_from_what_their_looks_said() -> None:
    """Of a chunk that moves four times as much, twice as steep is expected still; far away the look is believed."""
    steep = [Solved(WIDE, 33, -1.2, 33.0, -0.6)] * 3
    near, far = expected(WIDE, Prior(33.0, -0.6), steep), expected(Look(5, 60, 200, "3/1"), Prior(33.0, -0.4), steep)
    assert near is not None
    assert far is not None
    assert near.slope == pytest.approx(-1.2, rel=0.05)
    assert far.slope == pytest.approx(-0.4, rel=0.1)


def test_another_rendition_moves_the_value_as_it_moved_those_solved_at_both() -> None:
    pairs = [
        (Solved(WIDE, 26, -1.0, 33.0), Solved(WIDE, 29, -1.5, 33.0)),
        (Solved(CLOSE, 40, -1.0, 33.0), Solved(CLOSE, 41, -1.0, 33.0)),
    ]
    near = carried(WIDE, Solved(WIDE, 30, -1.0, 33.0), pairs, 0.5)
    assert near.q == pytest.approx(33, abs=0.5)
    assert near.slope == pytest.approx(-1.5, abs=0.1)
    assert carried(WIDE, Solved(WIDE, 30, -1.0, 33.0), [], 0.5).q == 30.5


def test_scouts_lie_far_apart_and_are_few() -> None:
    looks = [WIDE] * 20 + [CLOSE] * 20 + [Look(60, 50, 30)]
    chosen = scouts(looks)
    assert len(chosen) <= MOST_SCOUTS
    assert {looks[number] for number in chosen} == {WIDE, CLOSE, looks[-1]}
    assert scouts([WIDE]) == (0,)
    assert scouts([]) == ()
    assert len(set(scouts([WIDE] * 500))) == MOST_SCOUTS
