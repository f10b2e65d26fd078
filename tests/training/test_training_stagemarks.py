"""StageMarks' training at toy size: landmarks go where faces go, a run resumes, its export equals it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch", reason="training needs the extra `train`")
pytest.importorskip("safetensors", reason="training needs the extra `train`")

from footlights.models.face3d import built_in  # noqa: E402
from footlights.models.landmarks import RIGID, Mesh, Square, pose_of  # noqa: E402
from footlights.models.stageface import StageFace  # noqa: E402
from footlights.models.stagemarks import INDEX, SIDE, laid  # noqa: E402
from footlights.models.stagemarks_torch import StageMarksNet  # noqa: E402
from footlights.training import stagemarks, stagemarks_export, stagemarks_suspects  # noqa: E402
from footlights.training.facesources import SourceFace  # noqa: E402
from footlights.training.iterate import taken_up  # noqa: E402
from footlights.training.runs import Chosen, Config  # noqa: E402
from footlights.training.stageface_data import SUSPECTS  # noqa: E402
from footlights.training.stageface_labels import Aligned, Labels, Shown  # noqa: E402
from footlights.training.stageface_scenes import FACE, HEIGHT, WIDTH, draw_scene  # noqa: E402
from footlights.training.stageface_stock import Stock  # noqa: E402
from footlights.training.stageface_things import draw_thing  # noqa: E402
from footlights.training.stageface_turned import draw_turn, turned_box, turned_picture, turned_points  # noqa: E402
from footlights.training.stagemarks_data import draw_batch, open_marks_shards, yaw_of  # noqa: E402
from footlights.training.stagemarks_labels import Meshes  # noqa: E402

CONFIG = Config("", "stagemarks", 4, 3, 1, 96, rate=1e-3, warm_up=1, threads=1, readers=1, bf16=False, check_every=4)
BOX = (0.0, 0.02, 0.6, 0.67, -0.14, -0.08, 0.14, -0.08, 0.0, 0.06, 0.0, 0.17, -0.26, -0.04, 0.26, -0.04)
SIDE_OF_FACE, MIDDLE = 150.0, (128.0, 120.0)


def head() -> NDArray[np.float64]:
    """A mesh in sides about the middle of its crop; the built-in mean shape, whose face is 345 of 512 high."""
    mean = built_in().mean
    mean = mean * (0.62 / np.ptp(mean, axis=0).max())
    return np.asarray(mean - (mean.max(axis=0) + mean.min(axis=0)) / 2 + (0, 0.02, 0))


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Stock:
    """A dark face with a bright dot on every rigid landmark, and an even wall."""
    data = tmp_path_factory.mktemp("sources")
    for folder in ("train_faces", "train_images"):
        (data / folder).mkdir()
    face = np.full((256, 256, 3), 60, np.uint8)
    for x, y in head()[list(RIGID), :2] * SIDE_OF_FACE + MIDDLE:
        cv2.circle(face, (round(x), round(y)), 4, (255, 255, 255), -1)
    cv2.imwrite(str(data / "train_faces" / "dots.png"), face)
    cv2.imwrite(str(data / "train_images" / "plain.png"), np.full((480, 640, 3), 90, np.uint8))
    source = SourceFace("train_faces/dots.png", -1, SIDE_OF_FACE, 0.0, *MIDDLE, real=False, held_out=False)
    labels = Labels((Aligned(source, BOX),), (Shown("train_images/plain.png", -1, (), ()),))
    return Stock.of(labels, data, Meshes(head()[None], np.zeros((0, 468, 3))))


def test_a_mirrored_face_has_its_landmarks_on_the_other_side() -> None:
    mirror = Meshes(head()[None], np.zeros((0, 468, 3))).mirror()
    for right, left in ((33, 263), (133, 362), (234, 454), (61, 291), (98, 327)):
        assert (mirror[right], mirror[left]) == (left, right)
    assert [mirror[middle] for middle in (1, 4, 5, 6)] == [1, 4, 5, 6]
    assert list(Meshes(np.full((1, 468, 3), np.nan), np.zeros((0, 468, 3))).mirror()) == list(range(468))


def test_landmarks_lie_where_faces_are_laid(stock: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("footlights.training.stageface_scenes.light", lambda picture, rng: picture)
    monkeypatch.setattr("footlights.training.stageface_scenes._TURNED", 0.5)
    brighter, turned = [], 0
    for seed in range(24):
        scene = draw_scene(stock, np.random.default_rng(seed))
        assert len(scene.rows) == len(scene.kinds) == len(scene.marks)
        for row, kind, marks in zip(scene.rows, scene.kinds, scene.marks, strict=True):
            points = marks[list(RIGID), :2]
            if kind != FACE or row[3] < 60 or (points < 3).any() or (points > (WIDTH - 4, HEIGHT - 4)).any():
                continue
            yaw = abs(pose_of(Mesh(marks, 1.0))[0])
            turned += yaw > 20
            if yaw < 10:
                x, y = points.round().astype(int).T
                low, high = points.min(axis=0).astype(int), points.max(axis=0).astype(int) + 1
                skin = np.percentile(scene.picture[low[1] : high[1], low[0] : high[0], 1], 30)
                brighter += list(scene.picture[y, x, 1] > skin + 0.04)
    assert turned >= 2
    assert len(brighter) >= 100
    assert np.mean(brighter) > 0.8


def test_a_turned_face_shows_its_near_side_where_its_landmarks_are() -> None:
    mesh = head()
    size, side = 241, 120.0
    middle = (size - 1) / 2
    colours = np.full((size, size, 3), 0.2, np.float32)
    for landmark in (33, 1, 263):
        x, y = mesh[landmark, :2] * side + middle
        cv2.circle(colours, (round(x), round(y)), 5, (1.0, 1.0, 1.0), -1)
    cos, sin = np.cos(0.6), np.sin(0.6)
    turn = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
    after = turned_points(mesh, turn)
    shown, cover = turned_picture(colours, mesh * side, after * side, side, np.random.default_rng(0))
    for landmark in (1, 33 if after[33, 2] < after[263, 2] else 263):
        x, y = (after[landmark, :2] * side + middle).round().astype(int)
        assert shown[y, x].mean() > 0.7
        assert cover[y, x] > 0.9
    assert cover[5, 5] == 0
    box = turned_box(np.array(BOX), mesh, after).reshape(8, 2)
    assert box[1, 0] < BOX[2]
    # The nose goes the way of the face, and farther than the eyes between which it lies.
    assert abs(box[4, 0]) > abs((box[2, 0] + box[3, 0]) / 2)
    rotation = draw_turn(np.random.default_rng(3))
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)


def test_round_things_are_round_and_of_many_kinds() -> None:
    rng = np.random.default_rng(2)
    made = [draw_thing(97, 80.0, rng) for _ in range(40)]
    for colours, cover in made:
        assert colours.shape == (97, 97, 3)
        assert 0 <= cover.min() <= cover.max() <= 1
        assert cover[48, 48] > 0 or cover.max() > 0.9
        assert colours.min() >= 0
    assert len({round(float(colours.mean()), 2) for colours, _ in made}) > 15


def write_shards(folder: Path) -> Path:
    """Faces of dots, one a picture, with their landmarks."""
    rng = np.random.default_rng(6)
    for name in ("train", "val"):
        shard = folder / name / "shard-0000"
        shard.mkdir(parents=True)
        pictures = np.full((4, 192, 256, 3), 20, np.uint8)
        rows, marks = [], []
        for picture in pictures:
            x, y, high = rng.uniform(60, 190), rng.uniform(60, 130), rng.uniform(40, 60)
            points = head()[list(INDEX)] * (high / 0.67) + (x, y, 0)
            for dot in points:
                cv2.circle(picture, (round(dot[0]), round(dot[1])), 2, (200, 200, 200), -1)
            rows.append([x, y, 0.9 * high, high, *[x, y] * 6])
            marks.append(points)
        np.save(shard / "pictures.npy", pictures)
        numbers = {"kinds": np.ones(4, np.int8), "owner": np.arange(4, dtype=np.int32)}
        np.savez(shard / "faces.npz", rows=np.array(rows, np.float32), marks=np.array(marks, np.float32), **numbers)
    return folder


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shards(tmp_path_factory.mktemp("shards"))


def test_squares_carry_their_landmarks_along(shards: Path) -> None:
    train = open_marks_shards(shards / "train")
    first, again, other = (draw_batch(train, 16, 7, number) for number in (0, 0, 1))
    np.testing.assert_array_equal(first.planes, again.planes)
    assert not np.array_equal(first.planes, other.planes)
    assert set(first.there) == {0, 1}
    brighter = []
    for row in np.flatnonzero(first.known):
        places = ((first.marks[row, :, :2] + 0.5) * SIDE - 0.5).round().astype(int)
        inside = ((places >= 0) & (places < SIDE)).all(axis=1)
        x, y = places[inside].T
        brighter += list(first.planes[row, 1, y, x] > 0.3)
    assert len(brighter) > 100
    assert np.mean(brighter) > 0.8


def test_faces_that_look_to_the_side_are_shown_more_often(shards: Path, tmp_path: Path) -> None:
    shard = tmp_path / "train" / "shard-0000"
    shutil.copytree(shards / "train" / "shard-0000", shard)
    with np.load(shard / "faces.npz") as file:
        faces = dict(file)
    cos, sin = np.cos(0.8), np.sin(0.8)
    aside = faces["marks"].mean(axis=1)[2]
    faces["marks"][2] = (faces["marks"][2] - aside) @ np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]]).T + aside
    faces["marks"][3] = np.nan
    np.savez(shard / "faces.npz", **faces)
    (train,) = open_marks_shards(tmp_path / "train")
    assert list(train.asked) == [0, 1, 2, 3]
    assert list(train.turned) == [2]
    assert abs(yaw_of(train.marks[2])) == pytest.approx(np.degrees(0.8), abs=1)
    assert yaw_of(train.marks[3]) == 0
    drawn = [draw_batch([train], 16, 9, number) for number in range(8)]
    turned = [abs(yaw_of(marks)) > 25 for batch in drawn for marks in batch.marks[batch.known > 0]]
    assert 0.38 < np.mean(turned) < 0.75


def test_what_stageface_suspects_is_shown_as_what_is_no_face(shards: Path, tmp_path: Path) -> None:
    copied = write_shards(tmp_path)
    (train,) = open_marks_shards(copied / "train")
    found = stagemarks_suspects.suspects(StageFace(threads=1), train.pictures, train.rows[:0], train.owner[:0])
    assert found.shape[1:] == (6,)
    stagemarks_suspects.main(["--shards", str(copied / "train"), "--most", "1"])
    assert (copied / "train" / "shard-0000" / SUSPECTS).exists()
    np.savez(copied / "train" / "shard-0000" / SUSPECTS, suspects=np.array([[1, 20, 20, 30, 0.1, 0.4]], np.float32))
    batch = draw_batch(open_marks_shards(copied / "train"), 16, 3, 0)
    assert ((batch.there == 0) & (batch.known == 0)).any()


def trained(shards: Path, folder: Path, stops: tuple[int, ...]) -> StageMarksNet:
    folder.mkdir()
    config = replace(CONFIG, check_every=stops[0], iterations=stops[-1])
    for stop in stops:
        chosen = Chosen(replace(config, iterations=stop), "", shards, folder, True, None, float("inf"))
        run = taken_up(stagemarks.begin, chosen)
        stagemarks.train(run, chosen)
    return run.mean


def test_a_run_that_was_stopped_is_the_run_that_was_not(shards: Path, tmp_path: Path) -> None:
    # The rate falls at the end: both runs must know the same end.
    whole, resumed = (trained(shards, tmp_path / name, stops) for name, stops in (("a", (2,)), ("b", (1, 2))))
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        torch.testing.assert_close(one, other)
    assert (tmp_path / "a" / "journal.csv").read_text().count("\n") == 2


def test_the_loss_falls(shards: Path) -> None:
    run = stagemarks.begin(CONFIG)
    batch = draw_batch(open_marks_shards(shards / "train"), 4, 1, 0)
    losses = [float(stagemarks.step(run, replace(CONFIG, iterations=100), batch)["total"]) for _ in range(9)]
    assert losses[-1] < 0.8 * losses[0]


def test_the_export_equals_the_net_and_lays_its_landmarks(tmp_path: Path) -> None:
    import openvino

    torch.manual_seed(3)
    net = StageMarksNet()
    net.train()(torch.randn(4, 4, SIDE, SIDE))
    planes = torch.randn(3, 4, SIDE, SIDE)
    with torch.no_grad():
        marks, presence = (each.numpy() for each in net.eval()(planes))
    stagemarks_export.export_marks(net, tmp_path / "net.xml", halved=False)
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(str(tmp_path / "net.xml"), "CPU", settings)
    found = compiled([planes.numpy()])
    np.testing.assert_allclose(found[0], marks, atol=1e-4)
    np.testing.assert_allclose(found[1], presence, atol=1e-4)
    mesh = laid(marks[0].reshape(-1, 3).astype(float), 0.5, Square(50.0, 40.0, 20.0, 0.3))
    assert np.isfinite(mesh.points[list(INDEX)]).all()
    assert np.isnan(mesh.points).any(axis=1).sum() == 468 - len(INDEX)
