"""One shape from several views: nearer to the truth with more views, whatever each view's pose and expression."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from footlights.core.face_shape import FaceModel, apart, fit, in_sight, vertex_normals
from footlights.errors import ParameterError
from footlights.models.face3d import built_in
from made_heads import head, seen, view


@pytest.fixture(scope="module")
def model() -> FaceModel:
    """Half of the directions: the same mathematics in less time."""
    whole = built_in()
    return replace(whole, identity=whole.identity[:30])


def test_three_views_are_nearer_to_the_truth_than_one_and_one_than_the_mean_face(model: FaceModel) -> None:
    errors = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        true = head(rng, model)
        one, three = (
            apart(model.shape(fit(model, seen(rng, true, model, yaws, 1.0)).coefficients), true)
            for yaws in ((0.0,), (-40.0, 0.0, 40.0))
        )
        errors.append((apart(model.mean, true), one, three))
    mean, one, three = np.mean(errors, axis=0)
    assert three < 0.85 * one < 0.85 * mean


def test_a_head_of_the_model_is_found_again_with_its_poses(model: FaceModel) -> None:
    rng = np.random.default_rng(1)
    truth = rng.normal(0, 1, len(model.identity))
    shape = model.shape(truth)
    views = [view(-35, 5, 3), view(10, -8, 0), view(40, 0, -10)]
    found = fit(model, np.array([one.project(shape) for one in views]))
    assert apart(model.shape(found.coefficients), shape) < 0.5
    for one, true, name in zip(found.views, views, ("left", "front", "right"), strict=True):
        assert one.angles == pytest.approx(true.angles, abs=1.5), name
        assert one.scale == pytest.approx(true.scale, rel=0.02)


def test_an_open_mouth_is_no_part_of_the_identity(model: FaceModel) -> None:
    mood = np.zeros(len(model.expression))
    mood[0] = 0.8
    points = np.array([view(yaw).project(model.shape(np.zeros(len(model.identity)), mood)) for yaw in (-30, 0, 30)])
    found = fit(model, points)
    assert all(one.expression[0] > 0.6 for one in found.views)
    assert apart(model.shape(found.coefficients), model.mean) < 0.6


def test_unknown_landmarks_are_left_out(model: FaceModel) -> None:
    points = np.array([view(yaw).project(model.mean) for yaw in (-30, 20)])
    points[0, ::3] = np.nan
    assert apart(model.shape(fit(model, points).coefficients), model.mean) < 0.1


def test_what_is_turned_away_is_out_of_sight(model: FaceModel) -> None:
    share = in_sight(vertex_normals(model.mean, model.triangles), view(60))
    assert share[4] > 0.5  # tip of the nose
    assert share[447] < 0.05 or share[227] < 0.05  # one cheek, beside the ear
    assert abs(share[447] - share[227]) > 0.5


def test_too_few_landmarks_are_refused(model: FaceModel) -> None:
    points = np.full((1, 468, 2), np.nan)
    points[0, :5] = 1.0
    with pytest.raises(ParameterError, match="six landmarks"):
        fit(model, points)
