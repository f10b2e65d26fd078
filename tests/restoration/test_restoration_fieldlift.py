"""FieldLift in the chain: instants where they belong, both field orders, odd rasters, memory, weights."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from contracts_stage import clip_of, through, with_fine
from footlights.core.clip import Clip, Fine, join
from footlights.core.colour import convert_primaries, difference_matrix
from footlights.core.plans import Step
from footlights.core.signal import FieldOrder, Matrix, Primaries
from footlights.core.time import FrameRange
from footlights.errors import InternalError, NetError, ParameterError, PlanError
from footlights.models.fieldlift_run import reference
from footlights.restoration import chain
from footlights.restoration.base import STAGES, Fields, Stage, build


def lifted(**params: object) -> Stage:
    return build(Step("fieldlift.restore", STAGES.get("fieldlift.restore").version, params, "", reference("S")))  # type: ignore[arg-type]


def upside_down(clip: Clip) -> Clip:
    turned = replace(clip, luma=clip.luma[:, ::-1].copy(), chroma=clip.chroma[:, :, ::-1].copy())
    return replace(turned, signal=replace(clip.signal, field_order=FieldOrder.BOTTOM_FIRST))


def test_a_tape_with_the_bottom_field_first_gives_the_same_pictures_upside_down() -> None:
    clip = clip_of(8, fields=Fields.WOVEN)
    top = through(lifted(top_first=True), clip, 4)
    bottom = through(lifted(top_first=False), upside_down(clip), 4)
    np.testing.assert_array_equal(bottom.luma, top.luma[:, ::-1])
    np.testing.assert_array_equal(bottom.chroma, top.chroma[:, :, ::-1])


def test_clean_pictures_stay_near_the_tape_in_colour_and_light() -> None:
    clip = clip_of(8, fields=Fields.WOVEN)
    made = through(lifted(sigma=2.0), clip, 8)
    for ours, tape in ((made.luma, clip.luma), (made.chroma[:, 0], clip.chroma[:, 0])):
        soft = [cv2.GaussianBlur(plane.mean(axis=0), (0, 0), 8) for plane in (ours, tape)]
        assert np.abs(soft[0] - soft[1]).max() < 0.02


@pytest.mark.parametrize("instants", [1, 2])
def test_a_tape_without_colour_keeps_its_tint_and_gets_none(instants: int) -> None:
    """Moving noise in grey under an even tint; what the net draws of it by itself is more than three times as much."""
    rng = np.random.default_rng(4)
    grain = cv2.GaussianBlur(rng.standard_normal((64, 160)).astype(np.float32), (0, 0), 1.2)
    luma = np.stack([0.5 + 0.5 * np.roll(grain, 3 * n, axis=1)[:, :96] for n in range(8)]).astype(np.float32)
    tint = np.full((8, 2, 64, 96), 0.02, np.float32)
    clip = replace(clip_of(8, fields=Fields.WOVEN), luma=luma, chroma=tint)
    made, free = (
        join(list(lifted(instants=instants, colourless=grey).stream(iter([clip]))))  # type: ignore[attr-defined]
        for grey in (True, False)
    )
    assert np.abs(made.chroma - 0.02).max() < 0.1 / 224
    assert np.abs(free.chroma - 0.02).max() > 0.3 / 224
    assert made.fine is not None
    assert not any(pair.any() for pair in made.fine.chroma)
    np.testing.assert_array_equal(made.luma, free.luma)


def test_each_instant_shows_its_own_field() -> None:
    """A bar that stands at one place in every top field and at another in every bottom field."""
    luma = np.full((10, 64, 96), 0.2, np.float32)
    luma[:, 0::2, 20:36], luma[:, 1::2, 60:76] = 0.8, 0.8
    clip = replace(clip_of(10, fields=Fields.WOVEN), luma=luma, chroma=np.zeros((10, 2, 64, 96), np.float32))
    made = through(lifted(sigma=0.5), clip, 10)
    first, second = made.luma[8].mean(axis=0), made.luma[9].mean(axis=0)
    assert first[24:32].mean() > first[64:72].mean() + 0.15
    assert second[64:72].mean() > second[24:32].mean() + 0.15


def test_a_piece_in_the_middle_of_a_shot_joins_on_to_the_one_before() -> None:
    clip = clip_of(24, fields=Fields.WOVEN)
    whole = through(lifted(), clip, 6)
    stage = lifted()
    reach = chain.reach([stage])
    part = clip.take(FrameRange(clip.frames.start + 14 - reach.before, clip.frames.stop))
    wanted = FrameRange(2 * (clip.frames.start + 14), 2 * clip.frames.stop)
    made = list(chain.run([stage], (part.take(one) for one in part.frames.split(6)), wanted))
    assert made[0].frames.start == wanted.start
    # Half a code: no seam is seen where two pieces meet.
    assert np.abs(made[0].luma - whole.take(made[0].frames).luma).max() < 0.5 / 219


@pytest.mark.parametrize("shape", [(62, 96), (64, 94), (66, 90)])
def test_rasters_that_no_four_divides_keep_their_size(shape: tuple[int, int]) -> None:
    clip = clip_of(3, fields=Fields.WOVEN)
    height, width = shape
    index = np.ix_(np.arange(3), np.arange(height) % 64, np.arange(width))
    odd = replace(clip, luma=clip.luma[index], chroma=np.zeros((3, 2, *shape), np.float32))
    (made, *_) = list(lifted().stream(iter([odd])))  # type: ignore[attr-defined]
    assert made.luma.shape == (2, *shape)
    assert made.fine is not None
    assert np.shape(made.fine.luma) == (2, 4 * height, 4 * width)
    assert np.shape(made.fine.chroma) == (2, 2, 2 * height, 2 * width)


def test_progressive_frames_give_one_picture_each() -> None:
    made = through(lifted(instants=1), clip_of(5, fields=Fields.WOVEN), 2)
    assert made.luma.shape[0] == 5


def test_a_progressive_picture_is_the_mean_of_both_instants() -> None:
    clip = clip_of(5, fields=Fields.WOVEN)
    both, mean = (join(list(lifted(instants=count).stream(iter([clip])))) for count in (2, 1))  # type: ignore[attr-defined]
    np.testing.assert_allclose(mean.luma, (both.luma[0::2] + both.luma[1::2]) / 2, atol=1e-6)
    np.testing.assert_allclose(mean.chroma, (both.chroma[0::2] + both.chroma[1::2]) / 2, atol=1e-6)


def test_pictures_of_film_give_what_their_frames_give_each_as_often_as_it_is_shown() -> None:
    frames = clip_of(6)
    index = np.repeat(np.arange(6), 2)
    start = 2 * frames.frames.start
    shown = replace(frames.picked(index, FrameRange(start, start + 12)), rate=2 * frames.rate)
    once = join(list(lifted(instants=1).stream(iter([frames]))))  # type: ignore[attr-defined]
    twice = join(list(lifted(instants=1, film=True).stream(iter(shown.take(one) for one in shown.frames.split(5)))))  # type: ignore[attr-defined]
    np.testing.assert_array_equal(twice.luma, once.luma[index])
    assert twice.frames == shown.frames


def test_film_has_one_instant_a_picture() -> None:
    with pytest.raises(ParameterError, match="one instant"):
        lifted(film=True)


def test_fine_detail_follows_the_colour_conversion_at_grey() -> None:
    source, target = (Matrix.SMPTE170M, Primaries.SMPTE170M), (Matrix.BT709, Primaries.BT709)
    step = np.array([0.004, 0.003, -0.002])
    base = convert_primaries(np.full((1, 1), 0.5, np.float32), np.zeros((2, 1, 1), np.float32), source, target)
    moved = convert_primaries(
        np.full((1, 1), 0.5 + step[0], np.float32), step[1:, None, None].astype(np.float32), source, target
    )
    found = np.array([moved[0] - base[0], *(moved[1] - base[1])]).ravel()
    np.testing.assert_allclose(difference_matrix(source, target) @ step, found, atol=2e-4)


def test_fine_detail_is_added_at_four_times_the_size_and_cropped_with_its_picture() -> None:
    clip = clip_of(1)
    flat = replace(clip, luma=np.full((1, 64, 96), 0.4, np.float32), chroma=np.zeros((1, 2, 64, 96), np.float32))
    luma = np.zeros((1, 256, 384), np.float32)
    luma[0, 100:140, 200:260] = 0.1
    marked = replace(flat, fine=Fine(tuple(luma), (np.zeros((2, 128, 192), np.float32),)))
    crop = {"width": 368, "height": 256, "crop": (2, 0, 2, 0)}
    made = build(Step("upscale.fine", 1, {**crop, "detail": 0.5}, "")).run(marked)
    assert made.luma.shape == (1, 256, 368)
    assert made.luma[0, 120, 222] == pytest.approx(0.45, abs=1e-4)
    assert made.luma[0, 120, 270] == pytest.approx(0.4, abs=1e-4)
    assert made.fine is None


def test_an_upscaler_for_fine_detail_without_any_is_a_plan_error() -> None:
    with pytest.raises(PlanError, match="has no fine detail to add"):
        build(Step("upscale.fine", 1, {"width": 384, "height": 256}, "")).run(clip_of(1))
    large = Step("upscale.fine", 1, {"width": 384, "height": 256}, "")
    with pytest.raises(PlanError, match="stands before it"):
        chain.check([build(Step("deinterlace.bwdif", 1, {}, "")), build(large)], 2, (384, 256))
    chain.check([lifted(), build(large)], 2, (384, 256))


def test_clips_carry_their_fine_detail_through_cutting_and_joining() -> None:
    clip = with_fine(clip_of(4))
    part = clip.take(FrameRange(clip.frames.start + 1, clip.frames.start + 3))
    assert part.fine is not None
    assert clip.fine is not None
    np.testing.assert_array_equal(part.fine.luma, clip.fine.luma[1:3])


def test_other_weights_than_planned_and_unknown_sizes_are_refused() -> None:
    version = STAGES.get("fieldlift.restore").version
    with pytest.raises(PlanError, match="was planned with the weights"):
        build(Step("fieldlift.restore", version, {}, "", "fieldlift_s@sha256:0000000000000000"))
    with pytest.raises(ParameterError, match="Choose one of S"):
        build(Step("fieldlift.restore", version, {"net": "XL"}, "", reference("S")))


def test_a_net_that_gives_no_numbers_fails_loudly() -> None:
    clip = clip_of(3, fields=Fields.WOVEN)
    broken = replace(clip, luma=np.where(np.arange(96) == 40, np.float32(np.nan), clip.luma).astype(np.float32))
    with np.errstate(invalid="ignore"), pytest.raises(InternalError, match="no numbers in frame 40"):
        list(lifted().stream(iter([broken])))  # type: ignore[attr-defined]


def test_where_the_net_fails_the_filters_take_over_from_there_and_it_is_told() -> None:
    """A memory that flips bits once: the net reads nonsense from frame 44 on, whoever reads again reads well."""
    clip = clip_of(8, fields=Fields.WOVEN)
    bad = clip.luma.copy()
    bad[4:] = np.nan
    net, filters = [lifted()], [build(Step("deinterlace.bwdif", 1, {"top_first": True}, ""))]
    wanted, told = FrameRange(80, 96), []

    def source(stages: list[Stage], frames: FrameRange) -> list[Clip]:
        return [clip if stages is filters else replace(clip, luma=bad)]

    with np.errstate(invalid="ignore"):
        guarded = chain.run_guarded([net, filters], source, wanted, lambda frames, error: told.append((frames, error)))
        made = join([replace(one, fine=None) for one in guarded])
        with pytest.raises(NetError, match="no numbers"):
            list(chain.run_guarded([net], source, wanted, lambda *_: None))
    [(frames, error)] = told
    assert (frames.stop, error.code) == (96, "FTL-0005")
    assert 80 < frames.start <= 88
    plain = join(list(chain.run(filters, [clip], wanted)))
    assert made.frames == wanted
    assert np.array_equal(made.luma[frames.start - 80 :], plain.luma[frames.start - 80 :])
    before = through(lifted(), clip, 8).luma[: frames.start - 82]
    assert made.luma[: len(before)] == pytest.approx(before, abs=1e-5)


def test_rate_and_signal_are_told_as_they_are() -> None:
    made = through(lifted(), clip_of(3, fields=Fields.WOVEN), 3)
    assert made.signal.field_order is FieldOrder.PROGRESSIVE
    assert made.rate == Fraction(50)
