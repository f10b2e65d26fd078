"""Pictures of a net held to the tape's own lines: by how much, where, and what they need for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from contracts_stage import clip_of, through, with_lines
from footlights.core.clip import Clip, Lines, join
from footlights.core.plans import Step
from footlights.core.subcarrier import NTSC
from footlights.core.time import FrameRange
from footlights.errors import PlanError
from footlights.models.fieldlift_run import reference
from footlights.restoration import chain
from footlights.restoration.base import STAGES, Fields, Stage, build


def stage(name: str, **params: object) -> Stage:
    weights = reference("S") if name == "fieldlift.restore" else None
    return build(Step(name, STAGES.get(name).version, params, "", weights))  # type: ignore[arg-type]


def grey(frames: int, height: int = 32, width: int = 96) -> Clip:
    clip = clip_of(frames)
    luma, chroma = np.full((frames, height, width), 0.4, np.float32), np.zeros((frames, 2, height, width), np.float32)
    return replace(clip, luma=luma, chroma=chroma)


def held(picture: Clip, lines: Lines, **params: float) -> Clip:
    return stage("fields.hold", **params).run(replace(picture, lines=(lines,)))


@pytest.mark.parametrize("first", [0, 1])
def test_its_own_lines_come_nearer_by_the_share_and_those_between_by_the_mean_of_theirs(first: int) -> None:
    lines = 0.4 + np.arange(16, dtype=np.float32)[:, None] / 100 * np.ones((16, 96), np.float32)
    (made,) = held(grey(1), Lines(lines, first, 2), share=0.25).luma
    np.testing.assert_allclose(made[first::2], 0.4 + 0.25 * (lines - 0.4), atol=1e-6)
    between = made[1:-1:2] if first == 0 else made[2::2]
    np.testing.assert_allclose(between, 0.4 + 0.25 * ((lines[:-1] + lines[1:]) / 2 - 0.4), atol=1e-6)


def test_a_frame_that_is_one_instant_comes_nearer_as_a_whole() -> None:
    frame = np.random.default_rng(1).random((32, 96), np.float32)
    (made,) = held(grey(1), Lines(frame, 0, 1), share=0.5).luma
    np.testing.assert_allclose(made, (0.4 + frame) / 2, atol=1e-6)


def test_colour_on_the_subcarrier_is_not_brought_back_and_what_is_coarser_is() -> None:
    along = np.arange(96)
    pattern = 0.1 * np.sin(2 * np.pi * NTSC.cycles * along).astype(np.float32)
    step = np.where(along < 48, 0.0, 0.1).astype(np.float32)
    for extra, near, far in ((pattern, 0.002, 0.0), (step, 0.2, 0.045)):
        lines = np.float32(0.4) + np.tile(extra, (16, 1))
        (made,) = held(grey(1), Lines(lines, 0, 2), share=0.5, subcarrier=NTSC.cycles).luma
        change = np.abs(made - 0.4)[:, 24:-24]
        assert far <= change.max() <= near
    (plain,) = held(grey(1), Lines(np.float32(0.4) + np.tile(pattern, (16, 1)), 0, 2), share=0.5).luma
    assert np.abs(plain - 0.4).max() == pytest.approx(0.05, abs=0.002)


def test_pictures_whose_lines_were_lost_stay() -> None:
    clip = with_lines(clip_of(4))
    made = through(stage("fields.hold", share=0.5), clip, 2)
    np.testing.assert_array_equal(made.luma[1], clip.luma[1])
    assert np.abs(made.luma[2] - clip.luma[2]).max() > 0.01


def test_a_net_hands_on_the_lines_of_every_field_that_was_not_lost() -> None:
    clip = clip_of(6, fields=Fields.WOVEN)
    lost = clip.frames.start + 2
    net = stage("fieldlift.restore", lost=(lost,), fields=(2,))
    pictures = join(list(chain.run([net], [clip], FrameRange(2 * clip.frames.start, 2 * clip.frames.stop))))
    for number, lines in zip(pictures.frames, pictures.lines, strict=True):
        frame, second = divmod(number, 2)
        if (frame, second) == (lost, 1):
            assert lines is None
            continue
        assert lines is not None
        assert (lines.first, lines.step) == (second, 2)
        np.testing.assert_array_equal(lines.luma, clip.luma[frame - clip.frames.start, second::2])


def test_lines_are_cut_and_joined_with_their_pictures_and_end_where_colours_change() -> None:
    clip = with_lines(clip_of(6))
    parts = [clip.take(part) for part in clip.frames.split(2)]
    assert join(parts).lines == clip.lines
    assert join([parts[0], replace(parts[1], lines=())]).lines == ()
    assert stage("colour.convert").run(clip).lines == ()
    assert stage("upscale.lanczos", width=192, height=128, crop=(0, 0, 0, 0)).run(clip).lines == ()
    with pytest.raises(ValueError, match="lines of 1 pictures for 6 frames"):
        replace(clip, lines=(None,))


def test_where_no_net_stands_before_it_the_plan_is_wrong() -> None:
    with pytest.raises(PlanError, match="no lines of the tape"):
        stage("fields.hold", share=0.2).run(clip_of(3))
    enlarging = stage("upscale.lanczos", width=192, height=128, crop=(0, 0, 0, 0))
    with pytest.raises(PlanError, match="no lines to compare with"):
        chain.check([stage("deinterlace.bwdif"), stage("fields.hold"), enlarging], 2, (192, 128))
