"""The face descriptor: a unit vector that forgives light and blur, and tells other pictures apart."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from footlights.core.clip import Plane
from footlights.errors import ParameterError
from footlights.models.faceid import DIMENSIONS, descriptor, jets, similarity


def made_face(seed: int) -> Plane:
    """Brows, eyes, nose and mouth at places of their own, on skin with some texture."""
    rng = np.random.default_rng(seed)
    face = np.full((128, 128), 0.55, np.float32) + np.linspace(-0.1, 0.1, 128, dtype=np.float32)
    eyes, brows, mouth = 54 + rng.uniform(-5, 5), 44 + rng.uniform(-5, 5), 86 + rng.uniform(-6, 6)
    for side in (-1, 1):
        x = 64 + side * (15 + rng.uniform(-3, 3))
        cv2.ellipse(face, (int(x), int(eyes)), (int(6 + rng.uniform(0, 4)), 3), 0, 0, 360, 0.15, -1)
        cv2.ellipse(face, (int(x), int(brows)), (int(8 + rng.uniform(0, 5)), 2), side * 8, 0, 360, 0.25, -1)
    cv2.ellipse(face, (64, int(mouth)), (int(10 + rng.uniform(0, 9)), int(3 + rng.uniform(0, 3))), 0, 0, 360, 0.3, -1)
    cv2.ellipse(face, (64, 68), (int(3 + rng.uniform(0, 5)), 9), 0, 0, 360, 0.45, -1)
    return cv2.GaussianBlur(face, (0, 0), 1.0).astype(np.float32)


def test_a_descriptor_has_unit_length_whatever_the_size_of_the_crop() -> None:
    small = made_face(1)
    large = cv2.resize(small, (256, 256), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    found = descriptor(large)
    assert found.shape == (DIMENSIONS,)
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-5)
    assert similarity(found, descriptor(small)) > 0.9


def test_light_and_blur_are_forgiven_other_features_are_not() -> None:
    face = made_face(1)
    known = descriptor(face)
    dim = (face * 0.5 * np.linspace(0.7, 1.2, 128)[:, None]).astype(np.float32)
    blurred = cv2.GaussianBlur(face, (0, 0), 1.5).astype(np.float32)
    same = [similarity(known, descriptor(dim)), similarity(known, descriptor(blurred))]
    others = [similarity(known, descriptor(made_face(seed))) for seed in range(2, 8)]
    assert min(same) > max(others)


def test_a_flat_crop_is_no_error() -> None:
    assert np.isfinite(jets(np.full((64, 64), 0.5, np.float32))).all()


def test_crops_too_small_are_refused() -> None:
    with pytest.raises(ParameterError, match=r"faceid\.crop"):
        jets(np.zeros((32, 32), np.float32))
