"""Heads from pictures: drawn and unrolled without a seam; views that disagree are aligned; others' models are read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from footlights.core.face_shape import FaceFit, apart, fit
from footlights.errors import SourceError, UsageError
from footlights.models import face3d
from footlights.models.face_kit import read_face_kit
from footlights.models.face_points import IBUG_51
from made_heads import view


def painted(shape: np.ndarray) -> face3d.Head:
    """A head with blobs of many sizes on its skin."""
    import cv2

    model = face3d.built_in()
    noise = np.random.default_rng(3).normal(0, 1, (face3d.MAP, face3d.MAP, 3))
    skin = sum(cv2.GaussianBlur(noise, (0, 0), size) * size * 12 for size in (3, 6, 12))
    texture = np.clip(128 + np.asarray(skin), 0, 255).astype(np.uint8)
    nobody = FaceFit(np.zeros(len(model.identity)), (), ())
    return face3d.Head(model, nobody, shape, texture, face3d.unrolled(model.mean), 0.0)


def test_the_nearest_triangle_hides_the_others_and_shares_sum_to_one() -> None:
    flat = np.array([[0, 0], [9, 0], [0, 9], [0, 0], [9, 0], [0, 9]], float)
    depth = np.array([5, 5, 5, 1, 1, 1], float)
    which, share = face3d.raster(flat, depth, np.array([[0, 1, 2], [3, 4, 5]]), 10, 10)
    assert set(np.unique(which)) == {-1, 1}
    assert np.allclose(share[which >= 0].sum(-1), 1)
    x = face3d.spread(flat[:, :1], np.array([[0, 1, 2], [3, 4, 5]]), (which, share))[..., 0]
    assert np.allclose(x[0], np.arange(10))


def test_views_that_disagree_are_brought_together_and_the_skin_is_read_back() -> None:
    model = face3d.built_in()
    truth = model.shape(np.random.default_rng(8).normal(0, 1, len(model.identity)))
    drawn = painted(truth)
    views = [view(yaw, scale=2.0) for yaw in (-30, 0, 30)]
    pictures = [face3d._drawn(drawn, one, 512) for one in views]
    landmarks = np.array([one.project(truth) for one in views])
    landmarks[0] += [6.0, 0.0] * np.sin(truth[:, :1] / 18)  # 3 mm of waves, in one view only
    before = apart(model.shape(fit(model, landmarks).coefficients), truth)
    made = face3d.head(model, pictures, landmarks)
    assert apart(made.shape, truth) < 0.8 * before
    assert made.unseen < 0.1
    middle = np.s_[200:300, 200:300]
    assert np.corrcoef(made.texture[middle].ravel(), drawn.texture[middle].ravel())[0, 1] > 0.8


def test_the_built_in_face_is_its_own_mirror_image_landmark_by_landmark() -> None:
    mean = face3d.built_in().mean
    # Canthi, lids, ears, corners and edges of the mouth, brows, nostrils, jaw: right, left, by the mesh's numbers.
    sides = [(33, 263), (133, 362), (159, 386), (145, 374), (234, 454), (61, 291), (78, 308), (82, 312), (70, 300)]
    sides += [(105, 334), (98, 327), (148, 377), (172, 397), (176, 400), (57, 287), (28, 258), (7, 249)]
    right, left = np.array(sides).T
    np.testing.assert_allclose(mean[right] * [-1, 1, 1], mean[left], atol=0.1)
    midline = [10, 151, 9, 8, 168, 6, 197, 195, 5, 4, 1, 152]
    np.testing.assert_allclose(mean[midline, 0], 0, atol=0.1)


def test_what_no_view_shows_stays_grey() -> None:
    model = face3d.built_in()
    picture = np.full((512, 512, 3), 200, np.uint8)
    made = face3d.head(model, [picture], view(55, scale=2.0).project(model.mean)[None])
    assert 0.15 < made.unseen < 0.6
    assert (made.texture == 96).all(-1).any()


def test_the_mesh_is_written_as_the_format_asks() -> None:
    made = painted(face3d.built_in().mean)
    mesh, material = face3d.obj(made, "face.mtl", "face.png")
    vertices = [line for line in mesh.splitlines() if line.startswith("v ")]
    faces = [[int(part.split("/")[0]) for part in line.split()[1:]] for line in mesh.splitlines() if line[:2] == "f "]
    assert len(vertices) == 468
    assert (np.min(faces), np.max(faces)) == (1, 468)
    assert "map_Kd face.png" in material
    points = np.array([[float(part) for part in line.split()[1:]] for line in vertices])
    a, b, c = (points[np.array(faces)[:, k] - 1] for k in range(3))
    assert np.mean(np.cross(b - a, c - a)[:, 2] > 0) > 0.9  # counter-clockwise towards the viewer


def kit(folder: Path) -> Path:
    """A tiny face model of others: our own mean in their axes, units and names."""
    mean = face3d.built_in().mean
    theirs = mean / 10 * [1, -1, -1] + [0.3, 1.0, 2.0]
    triangles = face3d.built_in().triangles + 1
    faces = "".join(f"f {a}/1 {b}/1 {c}/1\n" for a, b, c in triangles)
    for name, shape in (
        ("generic_neutral_mesh", theirs),
        ("identity000", theirs * [1.05, 1, 1]),
        ("identity001", theirs * [1, 1.05, 1]),
        ("jawOpen", theirs + [0, -0.5, 0] * (theirs[:, 1:2] < -5)),
    ):
        text = "".join(f"v {x:.5f} {y:.5f} {z:.5f}\n" for x, y, z in shape)
        (folder / f"{name}.obj").write_text(text + faces, "utf-8")
    landmarks = [0] * 17 + list(IBUG_51)
    (folder / "vertex_indices.json").write_text(json.dumps({"idxs_to_landmark_verts": landmarks}), "utf-8")
    return folder


def test_a_face_kit_is_read_and_tied_to_the_landmarks(tmp_path: Path) -> None:
    found = read_face_kit(kit(tmp_path), face3d.built_in().mean)
    assert found.identity.shape == (2, 468, 3)
    assert found.expression.shape == (1, 468, 3)
    assert np.mean(found.landmarks == np.arange(468)) > 0.9
    shape = found.shape(np.array([1.0, -0.5]))
    made = fit(found, np.array([view(yaw).project(shape) for yaw in (-30, 0, 30)]))
    assert apart(found.shape(made.coefficients), shape) < 0.5


@pytest.mark.parametrize("harm", ["empty", "another size", "no number", "no landmarks"])
def test_a_damaged_face_kit_is_refused(tmp_path: Path, harm: str) -> None:
    folder = kit(tmp_path)
    if harm == "empty":
        (folder / "generic_neutral_mesh.obj").unlink()
    elif harm == "another size":
        (folder / "identity000.obj").write_text("v 0 0 0\n", "utf-8")
    elif harm == "no number":
        (folder / "identity000.obj").write_text("v 0 zero 0\n", "utf-8")
    else:
        (folder / "vertex_indices.json").write_text("{}", "utf-8")
    with pytest.raises(UsageError if harm == "empty" else SourceError):
        read_face_kit(folder, face3d.built_in().mean)
