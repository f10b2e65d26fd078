"""The face descriptor: a unit vector that forgives light and blur, and tells other pictures apart."""

from __future__ import annotations

from importlib.resources import files

import cv2
import numpy as np
import pytest

from footlights.core.clip import Plane
from footlights.core.faces import FACE_SHARE
from footlights.errors import ParameterError
from footlights.models.faceid import DIMENSIONS, described, descriptor, jets, similarity


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


def test_an_upright_face_is_typical_in_any_light_and_a_turned_one_is_not() -> None:
    face = singer()
    dim = (face * 0.4 * np.linspace(0.7, 1.2, 128)[:, None]).astype(np.float32)
    upright, poorly_lit = described(face)[1], described(dim)[1]
    assert upright > 0.5
    assert poorly_lit == pytest.approx(upright, abs=0.05)
    on_its_head, tilted, beside = face[::-1].copy(), turned(face, 40), np.roll(face, 50, axis=1)
    assert max(described(each)[1] for each in (on_its_head, tilted, beside)) < upright - 0.15
    np.testing.assert_array_equal(described(face)[0], descriptor(face))


def singer() -> Plane:
    """The demo's synthetic singer, as a crop is cut."""
    data = np.frombuffer((files("footlights.pipeline.sample") / "singer.webp").read_bytes(), np.uint8)
    grey = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE).astype(np.float32) / 255
    scale = 128 / (330 / FACE_SHARE)
    matrix = np.array([[scale, 0, 63.5 - 280 * scale], [0, scale, 63.5 - 300 * scale]])
    soft = cv2.GaussianBlur(grey, (0, 0), 0.5 / scale)
    return np.asarray(cv2.warpAffine(soft, matrix, (128, 128), flags=cv2.INTER_LINEAR), np.float32)


def turned(face: Plane, degrees: float) -> Plane:
    matrix = cv2.getRotationMatrix2D((63.5, 63.5), degrees, 1.0)
    return np.asarray(cv2.warpAffine(face, matrix, (128, 128), borderMode=cv2.BORDER_REFLECT), np.float32)


def test_a_flat_crop_is_no_error() -> None:
    flat = np.full((64, 64), 0.5, np.float32)
    assert np.isfinite(jets(flat)).all()
    assert described(flat)[1] < 0.5


def test_crops_too_small_are_refused() -> None:
    with pytest.raises(ParameterError, match=r"faceid\.crop"):
        jets(np.zeros((32, 32), np.float32))
