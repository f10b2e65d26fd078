"""Shots of one camera under one light share their noise; a shot that is unlike the others keeps its own."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_planning import ingest

from footlights.core.plans import RestorationPlan
from footlights.core.reports import ShotReport, StageReport, Survey, Untold
from footlights.core.time import FrameRange
from footlights.planning import rules
from footlights.planning.shared import noise_of
from footlights.restoration.base import build
from made_tapes import TakenIn, interlaced, panned, settings, surveyed, texture


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> tuple[TakenIn, Survey]:
    frames = interlaced(lambda instant: panned(texture(1), instant), 6)
    return surveyed(frames, tmp_path_factory.mktemp("tape"))


def survey_of(survey: Survey, *sigmas: float, cameras: tuple[int, ...]) -> Survey:
    """A shot of two frames per sigma."""

    def shot(number: int, sigma: float) -> ShotReport:
        like = survey.shots[0]
        frames = FrameRange(2 * number, 2 * number + 2)
        noise = replace(like.noise, luma_sigma=sigma, confidence=0.5)
        return replace(like, shot=replace(like.shot, index=number, frames=frames), noise=noise)

    stage = StageReport(cameras, (0,) * len(sigmas), (0.0,) * len(sigmas), (), "test")
    return replace(survey, shots=tuple(shot(*item) for item in enumerate(sigmas)), stage=stage)


def test_alike_shots_share_the_median_and_say_so(tape: tuple[TakenIn, Survey]) -> None:
    survey = survey_of(tape[1], 2.0, 2.2, 2.1, cameras=(0, 0, 0))
    assert [noise.luma_sigma for noise, _ in noise_of(survey)] == [2.1, 2.1, 2.1]
    assert "of 3 shots by camera 0 under light 0 together (alone 2.00)" in noise_of(survey)[0][1]


def test_other_cameras_and_unlike_shots_keep_their_own(tape: tuple[TakenIn, Survey]) -> None:
    survey = survey_of(tape[1], 2.0, 2.2, 5.0, 4.0, cameras=(0, 0, 0, 1))
    assert [noise.luma_sigma for noise, _ in noise_of(survey)] == [2.2, 2.2, 5.0, 4.0]
    assert noise_of(survey)[3][1] == "noise.luma_sigma 4.00 codes"
    assert noise_of(replace(survey, stage=None))[0][0] == survey.shots[0].noise


def test_the_plan_uses_the_shared_noise(tape: tuple[TakenIn, Survey]) -> None:
    taken, survey = tape
    survey = survey_of(survey, 2.0, 2.2, 2.1, cameras=(0, 0, 0))
    plan = rules.plan(survey, taken.ingest, settings())
    steps = [step for shot in plan.shots for step in shot.steps if step.stage == "fieldlift.restore"]
    assert [step.params["sigma"] for step in steps] == [2.1, 2.1, 2.1]
    assert all("together" in step.why for step in steps)


def resolved(survey: Survey, *values: float) -> Survey:
    shots = tuple(
        replace(one, sharpness=replace(one.sharpness, horizontal=value))
        for one, value in zip(survey.shots, values, strict=True)
    )
    return replace(survey, shots=shots)


def of_stage(plan: RestorationPlan, stage: str) -> list[float]:
    """Strength or share of the stage in every shot, 0 where it was left out."""
    found = [next((step.params for step in one.steps if step.stage == stage), {}) for one in plan.shots]
    return [float(str(params.get("strength", params.get("detail", 0.0)))) for params in found]


def test_detail_follows_how_soft_alike_shots_are(tape: tuple[TakenIn, Survey]) -> None:
    survey = resolved(survey_of(tape[1], 2.0, 2.0, 2.0, 2.0, 2.0, cameras=(0, 0, 0, 1, 2)), 0.4, 0.5, 0.0, 0.85, 0.99)
    plan = rules.plan(survey, ingest(10), settings("geometry.height=1080"))
    assert of_stage(plan, "detail.limited") == pytest.approx([0.6, 0.6, 0.6, 0.24, 0.0], abs=1e-6)
    assert "with its alike (alone 0.00)" in next(s.why for s in plan.shots[2].steps if s.stage == "detail.limited")
    assert "sharp already" in next(s.why for s in plan.shots[4].skipped if s.stage == "detail.limited")
    assert of_stage(plan, "upscale.fine") == [1.0] * 5, "the master has much finer a raster than the tape"


def test_a_master_that_the_tape_fills_gets_no_fine_detail(tape: tuple[TakenIn, Survey]) -> None:
    survey = resolved(survey_of(tape[1], 2.0, 2.0, cameras=(0, 1)), 0.5, 0.97)
    plan = rules.plan(survey, tape[0].ingest, settings("geometry.height=288"))
    assert of_stage(plan, "upscale.fine") == [1.0, 0.0]
    assert "which needs little" in next(s.why for s in plan.shots[1].steps if s.stage == "upscale.fine")


def test_a_tape_too_dark_to_tell_is_not_sharpened(tape: tuple[TakenIn, Survey]) -> None:
    survey = resolved(survey_of(tape[1], 2.0, 2.0, cameras=(0, 1)), 0.0, 0.0)
    plan = rules.plan(survey, tape[0].ingest, settings())
    assert of_stage(plan, "detail.limited") == [0.0, 0.0]
    assert "enough to tell" in next(s.why for s in plan.shots[0].skipped if s.stage == "detail.limited")


def shaped(survey: Survey, *noises: dict[str, object]) -> Survey:
    shots = tuple(
        replace(one, noise=replace(one.noise, **noise)) for one, noise in zip(survey.shots, noises, strict=True)
    )
    return replace(survey, shots=shots)


def params_of(plan: RestorationPlan, stage: str) -> list[dict[str, object] | None]:
    """What the stage is given in every shot, None where it was left out."""
    return [next((dict(step.params) for step in one.steps if step.stage == stage), None) for one in plan.shots]


def test_grain_and_floor_are_one_for_all_shots_of_a_camera_and_light(tape: tuple[TakenIn, Survey]) -> None:
    survey = resolved(survey_of(tape[1], 2.0, 2.5, 2.2, 5.0, 4.0, cameras=(0, 0, 0, 0, 1)), 0.4, 0.4, 0.4, 0.4, 0.4)
    curves = {"luma_levels": (48.0, 112.0), "down": (0.3,)}
    survey = shaped(
        survey,
        {**curves, "luma_sigmas": (1.0, 2.0), "across": (0.5, 0.1)},
        {**curves, "luma_sigmas": (2.5, 2.5), "across": ()},
        {"luma_levels": (112.0, 176.0), "luma_sigmas": (2.2, 3.3), "across": (0.6, 0.2), "down": (0.2,)},
        {**curves, "luma_sigmas": (5.0, 5.0), "across": (0.9, 0.8)},
        {**curves, "luma_sigmas": (3.0, 4.0), "across": (0.2, 0.0)},
    )
    plan = rules.plan(survey, ingest(10), settings("geometry.height=1080"))
    grains, details = params_of(plan, "grain.synthesis"), params_of(plan, "detail.limited")
    assert grains[0] is not None
    assert details[0] is not None
    assert grains[0] == grains[1] == grains[2]
    assert details[0] == details[1] == details[2]
    # By hand: half of all frames of camera 0 have 2.2 codes at most; shares 0.5 and 1, then 1, 1 and 1, then 1.5.
    assert (grains[0]["levels"], grains[0]["sigmas"]) == ((48.0, 112.0, 176.0), (1.1, 2.2, 3.3))
    assert (grains[0]["down"], grains[0]["across"], details[0]["floor"]) == ((0.3,), (0.5, 0.1), 0.88)
    assert [grain and grain["sigmas"] for grain in grains[3:]] == [(5.0, 5.0), (3.0, 4.0)], "unlike, and another camera"
    assert [grain and grain["across"] for grain in grains[3:]] == [(0.9, 0.8), (0.2, 0.0)]
    why = [step.why for shot in plan.shots for step in shot.steps if step.stage == "grain.synthesis"]
    assert (
        "of 4 shots by camera 0 under light 0 together (alone 2.00), camera and tape not told apart: no live black"
        in why[0]
    )
    assert "together" not in why[4]
    assert [build(step) for shot in plan.shots for step in shot.steps if step.stage == "grain.synthesis"]


def test_grain_lasts_as_the_noise_of_its_group_and_not_beyond_a_cut(tape: tuple[TakenIn, Survey]) -> None:
    survey = survey_of(tape[1], 2.0, 2.5, 2.2, 2.1, cameras=(0, 0, 0, 1))
    survey = shaped(survey, {"in_time": 0.36}, {"in_time": 0.0}, {"in_time": 0.36}, {"in_time": 0.04})
    found = params_of(rules.plan(survey, ingest(8), settings()), "grain.synthesis")
    assert [one and (one["lasts"], one["apart"]) for one in found] == [(0.36, 2)] * 3 + [(0.0, 1)], (
        "one picture a field"
    )
    assert [one and one["seed"] for one in found] == [2000, 2001, 2002, 2000]
    found = params_of(rules.plan(survey, ingest(8), settings("enhancement.rate.output=29.97")), "grain.synthesis")
    assert [one and (one["lasts"], one["apart"]) for one in found] == [(0.36, 1)] * 3 + [(0.0, 1)], "one a frame"
    found = params_of(rules.plan(survey, ingest(8), settings("enhancement.rate.output=25")), "grain.synthesis")
    # A twenty-fifth of a second is 1.1988 frames of the tape: 0.36 ** 1.1988 = 0.2938.
    assert [one and (one["lasts"], one["apart"]) for one in found][:1] == [(0.294, 1)]


def test_grain_of_the_camera_alone_has_its_spectrum(tape: tuple[TakenIn, Survey]) -> None:
    """Camera noise of 3 codes, white; of the tape 4, of which a sample and the next have a half in common."""
    both = {"tape_sigma": 4.0, "tape_across": (0.5,), "across": (0.32, 0.2), "down": (0.09,), "untold": None}
    survey = shaped(survey_of(tape[1], 5.0, 5.2, cameras=(0, 0)), both, {"untold": Untold.MOVES})
    found = params_of(rules.plan(survey, ingest(4), settings("enhancement.grain.tape=1")), "grain.synthesis")
    assert found[0] is not None
    assert found[0] == found[1], "the tape is one for all"
    assert (found[0]["tape"], found[0]["tape_share"], found[0]["across"]) == (4.0, 1.0, (0.32, 0.2))
    plan = rules.plan(survey, ingest(4), settings())
    found = params_of(plan, "grain.synthesis")
    assert found[0] is not None
    # 16 of 25 codes² are the tape's, more than the rest, and so taken off once: 0.32 + 0.32 - 0.5. Of the second sample
    # and the next line the tape's is not known: as of all the noise.
    assert (found[0]["tape_share"], found[0]["across"], found[0]["down"]) == (0.0, (0.14, 0.2), (0.09,))
    part = rules.plan(survey, ingest(4), settings("enhancement.grain.tape=0.75"))
    found = params_of(part, "grain.synthesis")
    assert found[0] is not None
    # Of 16 codes² 7 are left out and 18 stay, of which they had been 7/18: 0.32 + 7/18 × (0.32 - 0.5).
    assert found[0]["across"] == (0.25, 0.2)
    why = next(step.why for step in plan.shots[0].steps if step.stage == "grain.synthesis")
    assert "camera 3.00, tape 4.00 × 0, share 0.7" in why


def test_where_nothing_is_left_of_grain_without_the_tapes_there_is_none(tape: tuple[TakenIn, Survey]) -> None:
    survey = shaped(survey_of(tape[1], 3.0, 3.0, cameras=(0, 1)), {"tape_sigma": 2.99, "untold": None}, {})
    plan = rules.plan(survey, ingest(4), settings())
    found = params_of(plan, "grain.synthesis")
    assert found[0] is None
    assert found[1] is not None
    assert (found[1]["tape"], found[1]["sigmas"]) == (0.0, survey.shots[1].noise.luma_sigmas)
    assert any("camera 0.24, tape 2.99 × 0" in one.why for one in plan.shots[0].skipped)
    assert any("not told apart" in one.why for one in plan.shots[1].steps)


def test_a_group_is_told_apart_as_most_of_what_can_tell(tape: tuple[TakenIn, Survey]) -> None:
    told = {"tape_sigma": 2.0, "tape_across": (0.5,), "untold": None}
    survey = survey_of(tape[1], 3.0, 3.0, 3.0, cameras=(0, 0, 0))

    def of(*noises: dict[str, object]) -> list[object]:
        found = params_of(rules.plan(shaped(survey, *noises), ingest(6), settings()), "grain.synthesis")
        return [one and one["tape"] for one in found]

    weak, moves = {"untold": Untold.WEAK}, {"untold": Untold.MOVES}
    assert of(told, moves, moves) == [2.0] * 3, "where it moves nothing is said against it"
    assert of(told, told, weak) == [2.0] * 3
    assert of(told, weak, weak) == [0.0] * 3


def test_grain_does_not_switch_on_and_off_within_a_group(tape: tuple[TakenIn, Survey]) -> None:
    survey = survey_of(tape[1], 0.41, 0.5, 0.47, cameras=(0, 0, 0))
    found = params_of(rules.plan(survey, tape[0].ingest, settings()), "grain.synthesis")
    assert found[0] is not None
    assert found[0] == found[1] == found[2]


def test_a_shot_too_short_to_measure_has_the_noise_of_the_one_it_is_like(tape: tuple[TakenIn, Survey]) -> None:
    survey = survey_of(tape[1], 2.0, 0.0, cameras=(0, 0))
    survey = shaped(survey, {}, {"confidence": 0.0, "luma_levels": (), "luma_sigmas": (), "down": (), "across": ()})
    found = params_of(rules.plan(survey, tape[0].ingest, settings()), "grain.synthesis")
    assert found[0] is not None
    assert found[0] == found[1]
    assert noise_of(survey)[0] == (survey.shots[0].noise, "noise.luma_sigma 2.00 codes"), "alone: as it was measured"
    assert "of 1 shot by camera 0" in noise_of(survey)[1][1]
