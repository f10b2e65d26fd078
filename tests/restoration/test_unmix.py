"""Fields that a converter mixed, taken apart: against pictures that were mixed with exact weights."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from contracts_stage import clip_of, through, with_fine
from footlights.core.clip import Clip, Fine, Plane
from footlights.core.time import NTSC_FIELD_RATE, FrameRange
from footlights.restoration.unmix import UnmixFields, solved

RATIO = Fraction(50) / NTSC_FIELD_RATE
COUNT, START, PHASE = 40, 100, 0.37


def place(number: int) -> float:
    return float(number * RATIO) + PHASE


def converted() -> tuple[Clip, Clip, list[int]]:
    """Pictures mixed of a source's, the source, and which of its pictures is nearest to each."""
    numbers = range(START, START + COUNT)
    first = int(place(START))
    source = clip_of(int(place(START + COUNT)) - first + 2, start=0, noise=0.0)

    def mixed(planes: Plane) -> Plane:
        made = []
        for number in numbers:
            at, share = divmod(place(number) - first, 1)
            made.append((1 - share) * planes[int(at)] + share * planes[int(at) + 1])
        return np.asarray(made, np.float32)

    frames = FrameRange(START, START + COUNT)
    clip = Clip(mixed(source.luma), mixed(source.chroma), source.signal, frames, source.rate)
    return clip, source, [int(np.floor(place(number) - first + 0.5)) for number in numbers]


def psnr(made: Plane, true: Plane) -> float:
    return -10 * float(np.log10(np.mean((made - true) ** 2)))


def unmixing(**params: float) -> UnmixFields:
    return UnmixFields(UnmixFields.Params(phase=PHASE, start=START, stop=START + COUNT, **params))


def test_every_picture_becomes_the_nearest_of_the_source() -> None:
    clip, source, nearest = converted()
    made = through(unmixing(), clip, 7)
    for name in ("luma", "chroma"):
        true, before, after = getattr(source, name)[nearest], getattr(clip, name), getattr(made, name)
        inner = slice(4, -4)
        assert psnr(after[inner], true[inner]) > psnr(before[inner], true[inner]) + 15
        assert psnr(after, true) > psnr(before, true) + 6, "at the ends of a shot as well"
    repeats = [a == b for a, b in pairwise(nearest)]
    assert sum(repeats) == pytest.approx(COUNT / 6, abs=1.1)


def test_noise_grows_little_and_light_not_at_all() -> None:
    for phase in np.linspace(0, 1, 13):
        weights = solved(FrameRange(50, 65), 57, float(phase))
        assert weights.sum() == pytest.approx(1)
        assert np.sqrt((weights**2).sum()) < 1.6


def test_pictures_of_other_shots_are_never_mixed_in() -> None:
    clip, _, _ = converted()
    cut = clip.luma.copy()
    cut[:10] = 0.9
    stage = UnmixFields(UnmixFields.Params(phase=PHASE, start=START + 10, stop=START + COUNT))
    made = through(stage, replace(clip, luma=cut), 40)
    alone = through(stage, clip.take(FrameRange(START + 10, START + COUNT)), 30)
    np.testing.assert_allclose(made.luma[10:], alone.luma, atol=1e-6)
    np.testing.assert_array_equal(made.luma[:10], cut[:10])


def test_fine_detail_goes_the_way_of_its_pictures_and_what_changed_is_recorded() -> None:
    clip, _, _ = converted()
    clip = with_fine(clip.take(FrameRange(START, START + 20)))
    assert clip.fine is not None
    fine = Fine(tuple(np.repeat(np.repeat(one, 4, 0), 4, 1) for one in clip.luma), clip.fine.chroma)
    stage = unmixing()
    made = stage.run(replace(clip, fine=fine))
    assert made.fine is not None
    for enlarged, picture in zip(made.fine.luma, made.luma, strict=True):
        np.testing.assert_allclose(enlarged[::4, ::4], picture, atol=1e-5)
    assert [touch.frame for touch in stage.touched] == list(made.frames)
    assert all(0 < touch.area <= 1 for touch in stage.touched)
