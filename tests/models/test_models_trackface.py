"""TrackFace at run time: the shipped net, its window, its memory, its references."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from footlights.core.clip import Plane
from footlights.core.facelight import deviation_of, split
from footlights.errors import ParameterError
from footlights.models import runtime, trackface
from footlights.models.trackface import FaceCrop, TrackFace


def picture(side: int = 64, seed: int = 5) -> Plane:
    rng = np.random.default_rng(seed)
    plane = cv2.GaussianBlur(rng.standard_normal((side, side)).astype(np.float32), (0, 0), 2.5)
    return np.asarray(0.4 + 0.1 * plane / plane.std(), np.float32)


def crop(luma: Plane, *references: Plane) -> FaceCrop:
    return FaceCrop(luma, 0.3, 2.0, split(np.stack([luma] * 3), luma).deviation, references)


@pytest.fixture(scope="module")
def net() -> TrackFace:
    return TrackFace(threads=1)


def test_every_instant_comes_back_in_its_own_units(net: TrackFace) -> None:
    crops = [crop(np.roll(picture(), step, axis=1)) for step in range(3)]
    made = list(net.restore(crops))
    assert [detail.shape for detail in made] == [(64, 64)] * 3
    for given, detail in zip(crops, made, strict=True):
        own = trackface.seen(given.luma, given.deviation)
        assert 0 < np.sqrt(np.mean((detail - own) ** 2)) < 1


def test_the_same_crops_give_the_same_detail(net: TrackFace) -> None:
    crops = [crop(picture(), picture(seed=6))] * 2
    for first, second in zip(net.restore(crops), TrackFace(threads=1).restore(crops), strict=True):
        np.testing.assert_array_equal(first, second)


def test_neighbours_memory_and_references_count(net: TrackFace) -> None:
    now, other = crop(picture()), crop(picture(seed=7))
    alone, memory = net.step(now, None, None, None)
    assert np.abs(net.step(now, other, None, None)[0] - alone).max() > 1e-4
    assert np.abs(net.step(now, None, None, memory)[0] - alone).max() > 1e-5
    with_reference = replace(now, references=(picture(seed=8),))
    assert np.abs(net.step(with_reference, None, None, None)[0] - alone).max() > 1e-6


def test_a_neighbour_beyond_a_cut_is_marked_and_replaced() -> None:
    now, other = crop(picture()), crop(picture(seed=7))
    planes = trackface.window(now, None, other)
    np.testing.assert_array_equal(planes[0], planes[1])
    assert (planes[3].max(), planes[4].min()) == (0, 1)
    assert planes[2].max() != planes[1].max()


def test_places_run_from_edge_to_edge() -> None:
    x, y = trackface.places(64)
    assert x[0, 0] == y[0, 0] == -(1 - 1 / 64)
    assert x[0, -1] == 1 - 1 / 64 == -y[0, 0]


def test_larger_crops_go_through_the_same_net(net: TrackFace) -> None:
    (made,) = net.restore([crop(picture(96))])
    assert made.shape == (96, 96)


def test_crops_of_other_shapes_are_refused(net: TrackFace) -> None:
    with pytest.raises(ParameterError, match=r"trackface\.crop"):
        net.step(FaceCrop(picture()[:60], 0.3, 1.0, 0.1), None, None, None)
    with pytest.raises(ParameterError, match=r"trackface\.references"):
        net.step(crop(picture(), picture(96)), None, None, None)


def test_a_flat_crop_stays_nearly_flat(net: TrackFace) -> None:
    flat = np.full((64, 64), 0.4, np.float32)
    (made,) = net.restore([FaceCrop(flat, 0.3, 1.0, deviation_of(np.zeros_like(flat)))])
    assert np.isfinite(made).all()
    assert np.abs(made).mean() < 0.5


def test_the_weights_are_those_of_their_card() -> None:
    assert trackface.shipped()
    assert trackface.reference().startswith("trackface@sha256:")
    card = runtime.cards()[trackface.NAME]
    assert card.data
    assert card.scores
    assert card.command


def test_more_of_the_change_is_given_under_coloured_light_than_under_white(net: TrackFace) -> None:
    given = {light: lit(picture(), *light) for light in ((1, 0.8, 0.7), (1, 0.3, 0.3), (1, 0.02, 0.02), (0.1, 0.1, 1))}
    strengths = [trackface.shares_in(rgb, 1.0)[0] for rgb in given.values()]
    even, coloured = trackface.STRENGTH["even"], trackface.STRENGTH["coloured"]
    assert strengths[0] == pytest.approx(even)
    assert even < strengths[1] < coloured
    assert strengths[2:] == pytest.approx([coloured] * 2)
    assert trackface.shares_in(np.zeros((3, 64, 64), np.float32), 1.0)[0] == pytest.approx(coloured)
    half, full = (replace(crop(picture()), strength=strength) for strength in (0.5, 1.0))
    changes = [net.step(each, None, None, None)[0] - trackface.seen(each.luma, each.deviation) for each in (half, full)]
    np.testing.assert_allclose(changes[1], 2 * changes[0], atol=1e-4)


def test_nothing_is_given_to_what_is_not_like_a_face(net: TrackFace) -> None:
    rgb = lit(picture(), 1, 0.8, 0.7)
    low, high = trackface.TYPICAL
    assert trackface.shares_in(rgb, low) == (0, 0)
    assert trackface.shares_in(rgb, high) == pytest.approx((trackface.STRENGTH["even"], trackface.STEADYING))
    between = trackface.shares_in(rgb, (low + high) / 2)
    assert between == pytest.approx((trackface.STRENGTH["even"] / 2, trackface.STEADYING / 2))
    nothing = replace(crop(picture()), strength=0.0, steadying=0.0)
    detail, memory = net.step(nothing, None, None, None)
    np.testing.assert_array_equal(detail, trackface.detail_of(nothing.luma, nothing.deviation))
    assert np.abs(memory.change).max() > 0


def test_what_changes_is_given_in_full_and_what_lasts_in_part(net: TrackFace) -> None:
    crops = [crop(picture(seed=seed)) for seed in (5, 6, 5, 7)]
    whole = [replace(one, strength=1.0, steadying=1.0) for one in crops]
    parts = [replace(one, strength=0.3, steadying=0.9) for one in crops]
    mean = np.zeros((64, 64), np.float32)
    for number, (given, all_of_it, some) in enumerate(zip(crops, net.restore(whole), net.restore(parts), strict=True)):
        own, unit = trackface.detail_of(given.luma, given.deviation), given.deviation
        change = (all_of_it - own) * unit
        mean = change if number == 0 else trackface.LASTS * mean + (1 - trackface.LASTS) * change
        wanted = own + (0.3 * change + 0.6 * (change - mean)) / unit
        np.testing.assert_allclose(some, wanted, atol=1e-4)


def lit(luma: Plane, *light: float) -> Plane:
    return np.asarray(luma * np.array(light, np.float32)[:, None, None], np.float32)
