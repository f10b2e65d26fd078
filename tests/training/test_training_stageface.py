"""StageFace's training at toy size: labels lie where faces are laid, a run resumes, its export equals it."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra `train`")
pytest.importorskip("safetensors", reason="training needs the extra `train`")

from footlights.core.clip import Plane  # noqa: E402
from footlights.errors import SourceError  # noqa: E402
from footlights.models.stageface import CELL, decoded  # noqa: E402
from footlights.models.stageface_torch import StageFaceNet  # noqa: E402
from footlights.training import stageface, stageface_data, stageface_export, stageface_labels, stageface_render  # noqa: E402  # noqa: E402
from footlights.training.facesources import SourceFace  # noqa: E402
from footlights.training.iterate import taken_up  # noqa: E402
from footlights.training.runs import Chosen, Config  # noqa: E402
from footlights.training.stageface_covers import barred, shadowed  # noqa: E402
from footlights.training.stageface_data import SUSPECTS, _cut, draw_batch, open_shards, targets  # noqa: E402
from footlights.training.stageface_labels import Aligned, Labels, Shown  # noqa: E402
from footlights.training.stageface_lights import diode_light, light  # noqa: E402
from footlights.training.stageface_scenes import FACE, HEIGHT, IGNORED, WIDTH, draw_scene  # noqa: E402
from footlights.training.stageface_seen import read_seen, with_seen  # noqa: E402
from footlights.training.stageface_stock import Stock, weights_of  # noqa: E402

CONFIG = Config("", "stageface", 4, 2, 1, 64, rate=1e-3, warm_up=1, threads=1, readers=1, bf16=False, check_every=4)
BOX = (0.0, 0.02, 0.6, 0.67, -0.14, -0.08, 0.14, -0.08, 0.0, 0.06, 0.0, 0.17, -0.26, -0.04, 0.26, -0.04)
SIDE, MIDDLE = 150.0, (128.0, 120.0)


def write_sources(data: Path) -> Stock:
    """A dark face with bright points where its box has them, and an even wall."""
    (data / "train_faces").mkdir(parents=True)
    (data / "train_images").mkdir()
    face = np.full((256, 256, 3), 60, np.uint8)
    for x, y in np.array(BOX[4:]).reshape(6, 2) * SIDE + MIDDLE:
        cv2.circle(face, (round(x), round(y)), 7, (255, 255, 255), -1)
    cv2.imwrite(str(data / "train_faces" / "dots.png"), face)
    cv2.imwrite(str(data / "train_images" / "plain.png"), np.full((480, 640, 3), 90, np.uint8))
    source = SourceFace("train_faces/dots.png", -1, SIDE, 0.0, *MIDDLE, real=False, held_out=False)
    return Stock.of(Labels((Aligned(source, BOX),), (Shown("train_images/plain.png", -1, (), ()),)), data)


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Stock:
    return write_sources(tmp_path_factory.mktemp("sources"))


def unlit(picture: Plane, rng: np.random.Generator) -> Plane:
    return picture


@pytest.mark.parametrize("hard", [0.0, 1.0])
def test_labels_lie_where_faces_are_laid(stock: Stock, monkeypatch: pytest.MonkeyPatch, hard: float) -> None:
    for name in ("light", "diode_light"):
        monkeypatch.setattr(f"footlights.training.stageface_scenes.{name}", unlit)
    monkeypatch.setattr("footlights.training.stageface_scenes._worsened", lambda colours, side, rng: colours)
    brighter = []
    for seed in range(12):
        scene = draw_scene(stock, np.random.default_rng(seed), hard)
        for row, kind in zip(scene.rows, scene.kinds, strict=True):
            points = row[4:].reshape(6, 2)
            if kind == FACE and row[3] > 40 and (points > 2).all() and (points < (WIDTH - 3, HEIGHT - 3)).all():
                x, y = points.round().astype(int).T
                between = ((points[0] + points[1]) / 2).round().astype(int)
                brighter += list(scene.picture[y, x, 1] > scene.picture[between[1], between[0], 1] + 0.05)
    # Some points lie behind microphones, glasses or other faces.
    assert len(brighter) >= 60
    assert np.mean(brighter) > 0.85


def test_a_face_is_asked_for_only_while_its_middle_is_in_the_picture(stock: Stock) -> None:
    scenes = [draw_scene(stock, np.random.default_rng(seed)) for seed in range(20)]
    for scene in scenes:
        for row, kind in zip(scene.rows, scene.kinds, strict=True):
            assert kind in (FACE, IGNORED)
            assert (kind == FACE) == (0 <= row[0] < WIDTH and 0 <= row[1] < HEIGHT)


def test_light_clips_and_leaves_nothing_out_of_range() -> None:
    picture = np.full((HEIGHT, WIDTH, 3), 0.5, np.float32)
    made = [light(picture, np.random.default_rng(seed)) for seed in range(12)]
    assert all(each.min() >= 0 and each.max() <= 1 for each in made)
    assert len({round(float(each.mean()), 3) for each in made}) > 8


def test_diodes_leave_channels_all_but_empty_and_clip_their_own() -> None:
    picture = np.full((HEIGHT, WIDTH, 3), 0.5, np.float32)
    made = np.array([diode_light(picture, np.random.default_rng(seed))[0, 0] for seed in range(40)])
    assert made.min() == 0
    assert made.max() <= 1
    dimmest, brightest = made.min(axis=1), made.max(axis=1)
    assert (dimmest < 0.7 * brightest).all()
    assert (dimmest == 0).sum() > 8


def test_bars_leave_most_of_a_face_and_shadows_only_darken_it() -> None:
    grey = np.full((96, 96, 3), 0.95, np.float32)
    for seed in range(12):
        rng = np.random.default_rng(seed)
        assert (barred(grey, 50, rng) != grey).any(axis=-1).mean() < 0.55
        shaded = shadowed(grey, 50, rng)
        assert shaded.max() <= grey.max()
        assert shaded.min() > 0


def test_no_face_is_laid_much_larger_than_it_was_seen(stock: Stock) -> None:
    large = stock.aligned[0]
    small = replace(large, source=replace(large.source, side=45.0))
    np.testing.assert_allclose(weights_of((large, small), 30), [0.5, 0.5])
    np.testing.assert_allclose(weights_of((large, small), 60), [1, 0])


def test_a_face_that_was_seen_by_eye_is_cut_out_upright_and_named_in_its_picture(tmp_path: Path) -> None:
    turn, middle, high = 0.3, np.array([200.0, 150.0]), 67.0
    cos, sin = np.cos(turn), np.sin(turn)
    points = np.array(BOX[4:]).reshape(6, 2) * 100 @ np.array([[cos, sin], [-sin, cos]]) + middle
    listed = tmp_path / "seen.csv"
    words = ",".join(str(value) for value in (*middle, 60.0, high, *points.ravel()))
    listed.write_text(f"path,frame,kind,x\na.png,-1,face,{words}\na.png,-1,doubtful,{words}\nb.png,-1,face,{words}\n")
    seen = read_seen(listed)
    assert [each.sure for each in seen] == [True, False, True]
    before = (*(middle + 3), 60.0, high, *points.ravel())
    labels = with_seen(Labels((), (Shown("a.png", -1, (), (before,)),)), seen)
    assert len(labels.aligned) == 2
    face = labels.aligned[0]
    assert face.source.turn == pytest.approx(turn)
    np.testing.assert_allclose(face.box, (0, 0, 0.6, 0.67, *BOX[4:]), atol=1e-3)
    shown = labels.shown[0]
    assert shown.sure == (seen[0].row,)
    assert shown.doubtful == (seen[1].row,)


def test_what_the_net_should_say_reads_as_the_boxes_that_were_given() -> None:
    rng = np.random.default_rng(4)
    crop = rng.integers(0, 255, (128, 128, 3), dtype=np.uint8)
    rows = np.stack(
        [
            np.r_[(30.2, 40.9), (20.0, 24.0), rng.uniform(20, 50, 12)],
            np.r_[(90, 80), (50, 60), rng.uniform(60, 110, 12)],
        ]
    )
    heat, counted, boxes, weights = targets(crop, rows, np.array([FACE, FACE], np.int8))
    found = decoded(np.concatenate([np.log((heat + 1e-6) / (1 - heat + 1e-6))[None], boxes]).astype(np.float32), 0.9)
    found = found[np.argsort(found[:, 0])]
    assert counted.min() == 1
    assert (heat == 1).sum() == 2
    assert (weights[heat == 1] == 1).all()
    np.testing.assert_allclose((found[:, :2] + found[:, 2:4]) / 2, rows[:, :2], atol=1e-3)
    np.testing.assert_allclose(found[:, 2:4] - found[:, :2], rows[:, 2:4], rtol=1e-4)
    np.testing.assert_allclose(found[:, 5:], rows[:, 4:], atol=1e-3)


@pytest.mark.parametrize(
    ("row", "kind", "level"),
    [
        ((60, 60, 30, 36), IGNORED, None),
        ((60, 60, 6, 7), FACE, None),
        ((60, 60, 140, 150), FACE, None),
        ((60, 60, 30, 36), FACE, 0),
    ],
    ids=["ignored", "too small", "too large", "in the dark"],
)
def test_where_a_face_is_not_asked_for_the_net_may_say_what_it_likes(
    row: tuple[float, ...], kind: int, level: int | None
) -> None:
    crop = np.random.default_rng(5).integers(0, 255, (128, 128, 3), dtype=np.uint8)
    if level is not None:
        crop[:] = level
    heat, counted, _, weights = targets(crop, np.array([[*row, *[60.0] * 12]]), np.array([kind], np.int8))
    assert heat.max() < 1
    assert weights.max() == 0
    assert counted[60 // CELL, 60 // CELL] == 0
    if row[3] < 100:
        assert counted[0, 0] == 1


def write_shards(folder: Path) -> Path:
    """Bright discs with boxes around them."""
    rng = np.random.default_rng(6)
    for name in ("train", "val"):
        shard = folder / name / "shard-0000"
        shard.mkdir(parents=True)
        pictures = np.full((3, 192, 256, 3), 20, np.uint8)
        rows = []
        for picture in pictures:
            x, y, high = rng.uniform(60, 190), rng.uniform(50, 140), rng.uniform(30, 60)
            cv2.circle(picture, (round(x), round(y)), round(high / 3), (200, 200, 200), -1)
            rows.append([x, y, 0.9 * high, high, *[x, y] * 6])
        np.save(shard / "pictures.npy", pictures)
        owner, kinds = np.arange(3, dtype=np.int32), np.ones(3, np.int8)
        np.savez(shard / "faces.npz", rows=np.array(rows, np.float32), kinds=kinds, owner=owner)
    (folder / "train" / "shard-0001.part").mkdir()
    return folder


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shards(tmp_path_factory.mktemp("shards"))


def test_crops_carry_their_faces_along(shards: Path) -> None:
    train = open_shards(shards / "train")
    first, again, other = (draw_batch(train, 8, 160, 7, number) for number in (0, 0, 1))
    np.testing.assert_array_equal(first.planes, again.planes)
    assert not np.array_equal(first.planes, other.planes)
    sample, row, column = np.nonzero(first.heat == 1)
    assert len(sample) >= 4
    # Contrast nearby is above what surrounds it in the middle of a bright disc, and below it around the disc.
    inside = first.planes[sample, 1, row * CELL + 2, column * CELL + 2]
    assert (inside > 0.5).all()


def test_crops_are_laid_around_suspects_too(shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shard = tmp_path / "train" / "shard-0000"
    shutil.copytree(shards / "train" / "shard-0000", shard)
    pictures = np.full((3, 192, 256, 3), 20, np.uint8)
    cv2.circle(pictures[1], (40, 50), 4, (250, 250, 250), -1)
    np.save(shard / "pictures.npy", pictures)
    np.savez(shard / SUSPECTS, suspects=np.array([[1, 40, 50, 12, 0, 0.4]]))
    monkeypatch.setattr(stageface_data, "varied", lambda crop, rng: crop)
    shares = []
    for share in (0.0, 1.0):
        monkeypatch.setattr(stageface_data, "_SUSPECTS", share)
        planes = draw_batch(open_shards(tmp_path / "train"), 30, 64, 3, 0).planes
        shares.append((planes[:, 0].reshape(30, -1).max(axis=1) > 1).mean())
    assert shares[0] < 0.3
    assert shares[1] > 0.9


def test_a_crop_is_the_part_of_the_picture_that_it_should_be() -> None:
    rng = np.random.default_rng(8)
    picture = cv2.GaussianBlur(rng.integers(0, 255, (120, 160, 3), dtype=np.uint8), (0, 0), 2.0)
    np.testing.assert_array_equal(_cut(picture, np.array([30.0, 20.0]), 1.0, 64), picture[20:84, 30:94])
    beyond = _cut(picture, np.array([-16.0, 90.0]), 1.0, 64)
    assert not beyond[:, :15].any()
    assert not beyond[31:].any()
    np.testing.assert_array_equal(beyond[:30, 16:], picture[90:, :48])
    larger = _cut(picture, np.array([30.0, 20.0]), 1.2, 64)
    resized = cv2.resize(picture[20:74, 30:84], None, fx=1.2, fy=1.2, interpolation=cv2.INTER_LINEAR)[:60, :60]
    assert np.abs(larger[1:58, 1:58].astype(int) - resized[1:58, 1:58]).max() <= 6


def test_without_shards_it_says_what_to_run(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    with pytest.raises(SourceError, match="stageface_render"):
        open_shards(tmp_path / "train")


def trained(shards: Path, folder: Path, stops: tuple[int, ...]) -> StageFaceNet:
    folder.mkdir()
    config = replace(CONFIG, check_every=stops[0], iterations=stops[-1])
    for stop in stops:
        chosen = Chosen(replace(config, iterations=stop), "", shards, folder, True, None, float("inf"))
        run = taken_up(stageface.begin, chosen)
        stageface.train(run, chosen)
    return run.mean


def test_a_run_that_was_stopped_is_the_run_that_was_not(shards: Path, tmp_path: Path) -> None:
    # The rate falls at the end: both runs must know the same end.
    whole, resumed = (trained(shards, tmp_path / name, stops) for name, stops in (("a", (2,)), ("b", (1, 2))))
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        torch.testing.assert_close(one, other)
    assert (tmp_path / "a" / "journal.csv").read_text().count("\n") == 2


def test_the_loss_falls(shards: Path) -> None:
    run = stageface.begin(CONFIG)
    batch = draw_batch(open_shards(shards / "train"), 2, 64, 1, 0)
    losses = [float(stageface.step(run, replace(CONFIG, iterations=100), batch)["total"]) for _ in range(12)]
    assert losses[-1] < 0.7 * losses[0]


def test_the_export_equals_the_net(tmp_path: Path) -> None:
    import openvino

    torch.manual_seed(3)
    net = StageFaceNet()
    net.train()(torch.randn(2, 4, 64, 64))
    planes = torch.randn(1, 4, 64, 128)
    with torch.no_grad():
        expected = net.eval()(planes).numpy()
    stageface_export.export_finder(net, tmp_path / "net.xml", halved=False)
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(str(tmp_path / "net.xml"), "CPU", settings)
    np.testing.assert_allclose(compiled([planes.numpy()])[0], expected, atol=1e-4)


def test_shards_are_rendered_from_labels(stock: Stock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = tmp_path / "labels.json"
    labels.write_text(json.dumps(asdict(Labels(stock.aligned, (*stock.people, *stock.nobody)))), "utf-8")
    assert stageface_labels.read_labels(labels).aligned == stock.aligned
    for name, count in (("_TAPES", 1), ("_SCENES", 2), ("_UNTAPED", 1)):
        monkeypatch.setattr(stageface_render, name, count)
    arguments = ["--labels", str(labels), "--data", str(stock.data), "--out", str(tmp_path), "--shards", "1"]
    stageface_render.main(arguments)
    (shard,) = open_shards(tmp_path)
    assert shard.pictures.shape == (3, HEIGHT, WIDTH, 3)
    assert len(shard.rows) == len(shard.kinds) == 3
