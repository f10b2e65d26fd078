"""Field order, cadence, and repeated frames on tapes laid out by hand."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from footlights.analysis import cadence as cadences
from footlights.analysis import repeats
from footlights.core.reports import CadenceKind
from footlights.core.signal import FieldOrder
from footlights.core.source import GapKind
from made_tapes import Picture, interlaced, measured, noisy, panned, surveyed, texture, woven

A, B = texture(11), texture(23)


def _telecined(film: list[Picture]) -> list[Picture]:
    """2:3 pulldown, top field first; frames."""
    fields = [picture for n, picture in enumerate(film) for _ in range(3 if n % 2 else 2)]
    return [woven(fields[2 * n], fields[2 * n + 1]) for n in range(len(fields) // 2)]


@pytest.mark.parametrize("top_first", [True, False])
@pytest.mark.parametrize("tag", ["tff", "bff"])
def test_field_order_is_measured_whatever_the_tag_says(tmp_path: Path, top_first: bool, tag: str) -> None:
    _, survey = surveyed(noisy(interlaced(lambda f: panned(A, f), 20, top_first=top_first), 2), tmp_path, order=tag)
    cadence = survey.shots[0].cadence
    right = FieldOrder.TOP_FIRST if top_first else FieldOrder.BOTTOM_FIRST
    assert (cadence.kind, cadence.field_order) == (CadenceKind.INTERLACED, right)
    assert cadence.agrees == ((tag == "tff") == top_first)
    assert survey.field_order is right


def test_progressive_frames_in_an_interlaced_file_are_recognised(tmp_path: Path) -> None:
    _, survey = surveyed(noisy([panned(A, 2 * n) for n in range(20)], 1), tmp_path, order="tff")
    assert survey.shots[0].cadence.kind is CadenceKind.PROGRESSIVE


def _coded(frames: list[Picture], sigma: float) -> list[Picture]:
    """Under noise of which coding whole frames leaves a little more that both fields of a frame share."""
    rng = np.random.default_rng(17)
    grain = (rng.standard_normal(frame.shape).astype(np.float32) for frame in frames)
    return [
        frame + sigma * cv2.filter2D(one, -1, np.array([[0.06], [1], [0.06]]))
        for frame, one in zip(frames, grain, strict=True)
    ]


def test_noise_that_coding_brought_together_does_not_make_a_dark_tape_progressive(tmp_path: Path) -> None:
    dark = 20 + 0.05 * A
    frames = _coded(interlaced(lambda f: panned(dark, f, dx=0.1), 20), 5)
    _, survey = surveyed(frames, tmp_path, order="tff")
    cadence = survey.shots[0].cadence
    assert (cadence.kind, cadence.confidence) == (CadenceKind.INTERLACED, 0.0)
    assert survey.field_order is FieldOrder.TOP_FIRST


@pytest.mark.parametrize("progressive", [True, False])
def test_a_shot_that_shows_no_cadence_is_what_the_rest_of_the_tape_is(tmp_path: Path, progressive: bool) -> None:
    still = [panned(texture(31), 0)] * 12
    other = [panned(A, 2 * n) for n in range(20)] if progressive else interlaced(lambda f: panned(A, f), 20)
    _, survey = surveyed(noisy(still + other, 1), tmp_path, order="tff")
    right = CadenceKind.PROGRESSIVE if progressive else CadenceKind.INTERLACED
    assert [(one.cadence.kind, one.cadence.confidence > 0) for one in survey.shots] == [(right, False), (right, True)]


def test_three_two_pulldown_is_film(tmp_path: Path) -> None:
    film = [panned(A, 2.5 * n) for n in range(40)]
    fields = [picture for n, picture in enumerate(film) for _ in range(3 if n % 2 else 2)]
    frames = [woven(fields[2 * n], fields[2 * n + 1]) for n in range(len(fields) // 2)]
    _, survey = surveyed(noisy(frames, 1), tmp_path)
    assert survey.shots[0].cadence.kind is CadenceKind.TELECINE


def _lit(picture: Picture, gain: float) -> Picture:
    return np.clip(16 + (picture - 16) * np.float32(gain), 16, 235)


@pytest.mark.parametrize("top_first", [True, False])
def test_strobes_lit_in_single_fields_do_not_turn_the_field_order(tmp_path: Path, top_first: bool) -> None:
    """Light in one field of some frames makes that field look as if it came from far away in time."""
    frames = interlaced(lambda f: _lit(panned(A, f), 1.7 if f % 14 == 1 else 0.8), 40, top_first=top_first)
    _, survey = surveyed(noisy(frames, 2), tmp_path, order="tff")
    right = FieldOrder.TOP_FIRST if top_first else FieldOrder.BOTTOM_FIRST
    assert (survey.field_order, survey.shots[0].cadence.kind) == (right, CadenceKind.INTERLACED)


def test_light_that_never_rests_is_no_evidence_of_a_field_order(tmp_path: Path) -> None:
    frames = interlaced(lambda f: _lit(panned(A, f), 2.5 if f % 3 == 0 else 0.4), 20)
    _, survey = surveyed(noisy(frames, 2), tmp_path, order="tff")
    assert survey.shots[0].cadence.confidence <= 0.5


def test_strobes_in_step_with_five_frames_are_no_film(tmp_path: Path) -> None:
    frames = interlaced(lambda f: _lit(panned(A, f), 1.8 if f % 10 < 3 else 0.6), 40)
    _, survey = surveyed(noisy(frames, 2), tmp_path)
    assert survey.shots[0].cadence.kind is CadenceKind.INTERLACED


@pytest.mark.parametrize(("top_first", "sigma"), [(True, 4.0), (False, 4.0), (False, 1.0)])
def test_film_is_recognised_on_a_noisy_tape_with_its_order_and_phase(
    tmp_path: Path, top_first: bool, sigma: float
) -> None:
    """The noise of a repeated field is as strong as the slow motion of the film."""
    film = [panned(A, 0.5 * n) for n in range(40)]
    fields = [picture for n, picture in enumerate(film) for _ in range(3 if n % 2 else 2)]
    frames = [woven(fields[2 * n], fields[2 * n + 1], top_first=top_first) for n in range(len(fields) // 2)]
    _, survey = surveyed(noisy(frames, sigma), tmp_path)
    cadence = survey.shots[0].cadence
    right = FieldOrder.TOP_FIRST if top_first else FieldOrder.BOTTOM_FIRST
    assert (cadence.kind, cadence.field_order, cadence.phase) == (CadenceKind.TELECINE, right, 2)


def test_a_still_picture_claims_nothing(tmp_path: Path) -> None:
    _, survey = surveyed([panned(A, 0)] * 12, tmp_path, order="bff")
    cadence = survey.shots[0].cadence
    assert (cadence.confidence, cadence.field_order) == (0.0, FieldOrder.BOTTOM_FIRST)


def _with_repeats(repeated: tuple[int, ...], sigma: float, *, before_noise: bool) -> list[Picture]:
    frames = interlaced(lambda f: panned(A, f), 40)
    if not before_noise:
        frames = noisy(frames, sigma)
    for frame in repeated:
        frames[frame] = frames[frame - 1]
    return noisy(frames, sigma) if before_noise else frames


@pytest.mark.parametrize("before_noise", [True, False])
def test_repeated_frames_are_found_and_joined(tmp_path: Path, before_noise: bool) -> None:
    _, survey = surveyed(_with_repeats((9, 20, 21), 2.0, before_noise=before_noise), tmp_path)
    assert [(gap.start, gap.stop, gap.kind) for gap in survey.gaps] == [
        (9, 10, GapKind.DUPLICATE),
        (20, 22, GapKind.DUPLICATE),
    ]


def test_one_repeated_field_is_found_and_named(tmp_path: Path) -> None:
    frames = noisy(interlaced(lambda f: panned(A, f), 30), 2.0)
    frames[14][1::2] = frames[13][1::2]
    _, survey = surveyed(frames, tmp_path)
    (gap,) = survey.gaps
    assert (gap.start, gap.stop) == (14, 15)
    assert gap.evidence.startswith("the bottom field repeats")


def test_a_field_lost_right_behind_a_cut_between_fields_is_found(tmp_path: Path) -> None:
    """The shot begins with the bottom field of frame 20: that of frame 21 can be compared, the top field cannot."""
    frames = interlaced(lambda f: panned(A if f < 41 else B, f), 45)
    frames[21][1::2] = frames[20][1::2]
    _, survey = surveyed(noisy(frames, 2.0), tmp_path)
    assert [(shot.shot.frames.start, shot.shot.first_field) for shot in survey.shots] == [(0, 0), (20, 1)]
    assert [(gap.start, gap.stop, gap.evidence.split()[1]) for gap in survey.gaps] == [(21, 22, "bottom")]


@pytest.mark.parametrize("sigma", [0.8, 3.0])
def test_a_lost_field_is_found_under_noise_that_came_later(tmp_path: Path, sigma: float) -> None:
    frames = interlaced(lambda f: panned(A, f), 40)
    frames[14][1::2] = frames[13][1::2]
    frames[25][0::2] = frames[24][0::2]
    _, survey = surveyed(noisy(frames, sigma), tmp_path)
    found = [(gap.start, gap.stop, gap.evidence.split()[1]) for gap in survey.gaps]
    assert found == [(14, 15, "bottom"), (25, 26, "top")]


def test_a_lost_field_is_found_where_lines_jitter_more_than_the_picture_moves(tmp_path: Path) -> None:
    """Every line of every field is displaced by itself; the camera moves by half a sample a field."""
    rng = np.random.default_rng(5)
    frames = interlaced(lambda f: panned(A, f, dx=0.5), 40)
    frames[22][1::2] = frames[21][1::2]
    moved = [np.stack([np.roll(line, round(rng.normal(0, 0.7)), axis=0) for line in frame]) for frame in frames]
    _, survey = surveyed(noisy(moved, 3.0), tmp_path)
    assert [(gap.start, gap.stop, gap.evidence.split()[1]) for gap in survey.gaps] == [(22, 23, "bottom")]


def test_a_lost_frame_is_found_between_strobes(tmp_path: Path) -> None:
    frames = interlaced(lambda f: _lit(panned(A, f), 1.6 if f % 18 < 3 else 0.6), 50)
    frames[24] = frames[23].copy()
    _, survey = surveyed(noisy(frames, 2), tmp_path)
    assert [(gap.start, gap.stop) for gap in survey.gaps] == [(24, 25)]


def test_a_lost_field_is_found_in_light_that_never_comes_again(tmp_path: Path) -> None:
    """Two frames each have one light: nothing around has that of the lost field, but the field after it leaps."""
    gains = np.random.default_rng(1).uniform(0.45, 1.6, 20)
    frames = interlaced(lambda f: _lit(panned(A, f, dx=1.0), gains[f // 4]), 40)
    frames[21] = frames[21].copy()
    frames[21][1::2] = frames[20][1::2]
    _, survey = surveyed(noisy(frames, 3), tmp_path)
    assert [(gap.start, gap.stop, gap.evidence.split()[1]) for gap in survey.gaps] == [(21, 22, "bottom")]


@pytest.mark.parametrize(("level", "leap", "told"), [(14, 0.7, True), (14, 0.0, False), (20, 0.7, False)])
def test_what_differs_by_more_than_noise_is_a_repeat_where_the_next_field_leaps(
    level: float, leap: float, told: bool
) -> None:
    """Jitter and coding of a worn tape: noise explains 11 codes."""
    signs = repeats.Signs(whole=-1.7, busy=-1.4, movers=-6.0, blocks=-0.7, leap=leap, loose=False)
    assert repeats.like_noise(signs, level, explained=11.0) is told


@pytest.mark.parametrize(("leap", "lit", "told"), [(0.5, True, True), (0.25, True, False), (0.5, False, False)])
def test_two_fields_that_rest_and_leap_together_are_a_lost_frame(leap: float, lit: bool, told: bool) -> None:
    """Neither is likely by itself; a leap into other light is no leap."""
    signs = repeats.Signs(whole=-0.7, busy=-0.5, movers=-1.5, blocks=-0.6, leap=leap, loose=False, lit=lit)
    joined = repeats.together(np.array([[-2.4, -1.8]]), {(0, 0): signs, (0, 1): signs})
    assert (joined > 0).tolist() == [[told, told]]


def test_a_shaken_camera_that_comes_back_has_lost_nothing(tmp_path: Path) -> None:
    """At a turning point two fields of one parity show the same, and those around do not."""
    shaken = [6 * np.sin(0.9 * f + 0.3) for f in range(80)]
    _, survey = surveyed(noisy(interlaced(lambda f: panned(A, shaken[f]), 40), 2), tmp_path)
    assert survey.gaps == ()


def test_the_dim_phases_of_a_strobe_are_no_lost_frames(tmp_path: Path) -> None:
    frames = interlaced(lambda f: _lit(panned(A, f, dx=0.7), 1.6 if f % 8 < 2 else 0.45), 40)
    _, survey = surveyed(noisy(frames, 1.5), tmp_path)
    assert survey.gaps == ()


def test_film_repeats_fields_without_having_lost_them_but_a_lost_frame_is_found(tmp_path: Path) -> None:
    film = [panned(A, 2.5 * n) for n in range(40)]
    fields = [picture for n, picture in enumerate(film) for _ in range(3 if n % 2 else 2)]
    frames = [woven(fields[2 * n], fields[2 * n + 1]) for n in range(len(fields) // 2)]
    frames[20] = frames[19]
    _, survey = surveyed(noisy(frames, 1), tmp_path)
    assert [(gap.start, gap.stop) for gap in survey.gaps] == [(20, 21)]


def test_a_still_shot_has_no_repeats(tmp_path: Path) -> None:
    _, survey = surveyed(noisy([panned(A, 0)] * 20, 1.5), tmp_path)
    assert survey.gaps == ()


def test_frames_doubled_in_a_pattern_are_a_cadence_not_a_loss(tmp_path: Path) -> None:
    _, survey = surveyed(noisy([panned(A, 4 * (n // 2)) for n in range(30)], 1), tmp_path)
    assert survey.gaps == ()


def test_a_moving_object_on_a_still_stage_is_not_taken_for_a_repeat(tmp_path: Path) -> None:
    def seen(field: int) -> Picture:
        picture = panned(A, 0).copy()
        x = 40 + 4 * field
        picture[100:190, x : x + 60] = 210
        return picture

    _, survey = surveyed(noisy(interlaced(seen, 25), 1.5), tmp_path)
    assert survey.gaps == ()
    assert np.isfinite(survey.shots[0].complexity.motion)


def test_film_that_lost_frames_beside_its_repeats_is_still_film(tmp_path: Path) -> None:
    """A frame store's repeats are exact, those of film are not: each hides those of film beside it."""
    film = [panned(A, 2.5 * n) for n in range(26)]
    fields = [picture for n, picture in enumerate(film) for _ in range(3 if n % 2 else 2)]
    frames = noisy([woven(*fields[2 * n : 2 * n + 2]) for n in range(32)], 1)
    for lost in (5, 15, 25):
        frames[lost] = frames[lost - 1]
    _, survey = surveyed(frames, tmp_path)
    assert survey.shots[0].cadence.kind is CadenceKind.TELECINE
    assert [gap.start for gap in survey.gaps] == [5, 15, 25]


def test_a_picture_that_moves_less_and_then_leaps_is_not_lost(tmp_path: Path) -> None:
    """A stutter of the camera itself looks like a repeat among its neighbours, but is more than noise."""
    steps, scene = np.full(30, 4.0), texture(12, contrast=120)
    steps[14:16] = 1.8, 6.2
    stage = [panned(A, 0) for _ in steps]
    for picture, place in zip(stage, np.cumsum(steps), strict=True):
        picture[60:220, 80:260] = panned(scene, float(place), dx=1.0)[60:220, 80:260]
    frames = noisy(stage, 1)
    _, survey = surveyed(frames, tmp_path)
    assert survey.gaps == ()
    frames[14] = frames[13]
    _, survey = surveyed(frames, tmp_path / "lost")
    assert [(gap.start, gap.stop) for gap in survey.gaps] == [(14, 15)]


@pytest.mark.parametrize(
    ("across", "leap", "quiet", "rests"),
    [(-1.1, 0.05, 0.0, True), (-0.1, 0.05, 0.0, False), (-1.1, 0.6, 0.0, False), (-1.1, 0.05, -5.0, False)],
)
def test_a_scene_rests_where_the_field_between_is_near_and_nothing_leaps_or_holds_its_noise(
    across: float, leap: float, quiet: float, rests: bool
) -> None:
    signs = repeats.Signs(-2.8, -2.9, -6.4, -1.5, leap, loose=False, quiet=quiet, across=across)
    assert signs.rests is rests


def test_where_a_camera_that_shakes_turns_back_no_field_is_a_repeat(tmp_path: Path) -> None:
    """It shows nearly what it showed two fields earlier, and so does the field between."""
    steps = np.r_[np.full(38, 3.0), 1.5, 0.8, -0.5, -1.5, np.full(38, -3.0)]
    place = np.cumsum(steps)
    frames = interlaced(lambda f: panned(A, float(place[f]), dx=1.0), 40)
    _, survey = surveyed(noisy(frames, 0.5), tmp_path)
    assert survey.gaps == ()
    frames[12] = woven(frames[12], frames[11])
    _, survey = surveyed(noisy(frames, 0.5), tmp_path / "lost")
    assert [(gap.start, gap.stop, gap.fields) for gap in survey.gaps] == [(12, 13, 2)]


def test_a_scene_that_was_slower_before_a_lost_frame_lost_nothing_there(tmp_path: Path) -> None:
    """What follows the lost frame leaps over that frame alone."""
    speed = np.ones(80)
    speed[34:38] = 0.6
    place = np.cumsum(speed)
    frames = interlaced(lambda f: panned(A, float(place[f]), dx=4.0), 40)
    frames[19] = frames[18].copy()
    _, survey = surveyed(noisy(frames, 4), tmp_path)
    assert [(gap.start, gap.stop) for gap in survey.gaps] == [(19, 20)]


def test_film_that_noise_hides_is_known_by_the_film_around_it(tmp_path: Path) -> None:
    """Edited before it was telecined: the count of five goes on through the cuts."""
    film = [panned(B, 0.3 * n) if 16 <= n < 26 else panned(A, 2.5 * n) for n in range(44)]
    taken, survey = surveyed(noisy(_telecined(film), 4), tmp_path)
    assert [one.shot.frames.start for one in survey.shots] == [0, 20, 32]
    alone = cadences.report(measured(taken), survey.shots[1].shot, FieldOrder.TOP_FIRST)
    assert alone.kind is not CadenceKind.TELECINE
    assert [one.cadence.kind for one in survey.shots] == [CadenceKind.TELECINE] * 3
    runs = {(2 * one.shot.frames.start + one.shot.first_field + one.cadence.phase) % 5 for one in survey.shots}
    assert runs == {2}
    assert survey.gaps == ()


def test_video_between_film_stays_video(tmp_path: Path) -> None:
    film = _telecined([panned(A, 2.5 * n) for n in range(16)])
    frames = [*film, *interlaced(lambda f: panned(B, f), 20), *film]
    _, survey = surveyed(noisy(frames, 2), tmp_path)
    kinds = [one.cadence.kind for one in survey.shots]
    assert kinds == [CadenceKind.TELECINE, CadenceKind.INTERLACED, CadenceKind.TELECINE]


@pytest.mark.parametrize(("bottom", "unsure"), [(14, True), (16, False)])
def test_fields_that_repeat_in_step_with_film_are_unsure(tmp_path: Path, bottom: int, unsure: bool) -> None:
    """Of film the bottom field repeats two frames after the top field, and each after five."""
    frames = interlaced(lambda f: panned(A, f), 40)
    for frame, parity in ((12, 0), (bottom, 1), (27, 0)):
        frames[frame] = frames[frame].copy()
        frames[frame][parity::2] = frames[frame - 1][parity::2]
    _, survey = surveyed(noisy(frames, 2), tmp_path)
    found = [gap.start for gap in survey.gaps]
    assert (found, survey.shots[0].cadence.unsure) == (([], (12, bottom, 27)) if unsure else ([12, bottom, 27], ()))


def test_losses_at_equal_distances_are_no_cadence_where_some_lasted_longer(tmp_path: Path) -> None:
    frames = interlaced(lambda f: panned(A, f), 40)
    for start, count in ((8, 3), (19, 1), (30, 3)):
        frames[start : start + count] = [frames[start - 1]] * count
    _, survey = surveyed(noisy(frames, 2), tmp_path)
    assert [(gap.start, gap.stop) for gap in survey.gaps] == [(8, 11), (19, 20), (30, 33)]


def test_a_lost_frame_is_found_by_both_fields_together(tmp_path: Path) -> None:
    """Motion so slow that noise is much of the change: neither field is sure alone."""
    frames = interlaced(lambda f: panned(A, 0.3 * f), 40)
    frames[20:22] = [frames[19]] * 2
    _, survey = surveyed(noisy(frames, 4.5), tmp_path)
    assert {frame for gap in survey.gaps for frame in range(gap.start, gap.stop)} == {20, 21}


def test_every_shot_has_the_nearest_film_before_and_after_it() -> None:
    assert cadences.neighbours([None, 1, None, None, 2, None]) == [[1], [2], [1, 2], [1, 2], [1], [2]]
    assert cadences.neighbours([None, None]) == [[], []]
