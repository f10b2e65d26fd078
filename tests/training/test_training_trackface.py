"""TrackFace's training at toy size: scenes agree with their truth, a run falls and resumes, its export equals it."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra `train`")
pytest.importorskip("safetensors", reason="training needs the extra `train`")

from footlights.models.trackface import PLANES, REFERENCES, STATE, TrackFace  # noqa: E402
from footlights.models.trackface_torch import TrackFaceNet  # noqa: E402
from footlights.training import checkpoint, trackface, trackface_export  # noqa: E402
from footlights.training.faceid import discriminant, separation  # noqa: E402
from footlights.training.facescenes import LINES, draw_stage, light_at, light_on_stage  # noqa: E402
from footlights.training.facesources import SourceFace, _apart, crop_of, kept_together  # noqa: E402
from footlights.training.runs import Chosen, Config  # noqa: E402
from footlights.training.trackface_data import Pool, Shape, draw_batch, load_tracks, whole_track  # noqa: E402
from footlights.training.trackface_losses import FaceWeights, face_loss  # noqa: E402
from footlights.training.trackface_render import TrackFacts  # noqa: E402
from footlights.training.trackface_score import score_pictures, strip_of  # noqa: E402
from footlights.training.trackface_validate import score_track  # noqa: E402

INSTANTS = 4
CONFIG = Config("", "trackface", 4, 2, 2, 64, rate=1e-3, warm_up=1, threads=1, readers=1, check_every=2, check_crops=1)


def facts(number: int, height: float = 50.0) -> TrackFacts:
    return TrackFacts(f"train_faces/{number}.webp:-1:0", number == 0, height, 0.29, "white", "light", 2.0, True, (0, 0))


def write_shards(folder: Path) -> Path:
    """Two people, sharp and softened."""
    rng = np.random.default_rng(1)
    for name in ("train", "val"):
        shard = folder / name / "shard-0000"
        shard.mkdir(parents=True)
        truth = np.empty((2, INSTANTS, 256, 256), np.float16)
        base = np.empty_like(truth)
        for track in range(2):
            plane = cv2.GaussianBlur(rng.standard_normal((256, 256)).astype(np.float32), (0, 0), 2)
            plane = 0.4 + 0.1 * plane / plane.std()
            for instant in range(INSTANTS):
                truth[track, instant] = plane
                noise = 0.01 * rng.standard_normal(plane.shape)
                base[track, instant] = cv2.GaussianBlur(plane + noise, (0, 0), 1.5)
        np.save(shard / "truth.npy", truth)
        np.save(shard / "base.npy", base)
        (shard / "facts.json").write_text(json.dumps([asdict(facts(0)), asdict(facts(1))]), "utf-8")
    return folder


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shards(tmp_path_factory.mktemp("faces"))


def source(folder: Path, *, real: bool = False) -> SourceFace:
    rng = np.random.default_rng(2)
    picture = cv2.resize(rng.integers(40, 220, (40, 40, 3), dtype=np.uint8), (320, 320), interpolation=cv2.INTER_CUBIC)
    (folder / "train_faces").mkdir(exist_ok=True)
    cv2.imwrite(str(folder / "train_faces" / "one.png"), picture)
    return SourceFace("train_faces/one.png", -1, 260.0, 0.1, 160.0, 160.0, real=real, held_out=False)


def test_a_stage_shows_every_face_where_its_path_says(tmp_path: Path) -> None:
    face, rng = source(tmp_path), np.random.default_rng(3)
    tiles = draw_stage([face], rng)
    assert all(tile.left + tile.room <= 641 and tile.top + tile.room <= LINES + 1 for tile in tiles)
    tile = replace(max(tiles, key=lambda each: each.height), microphone=False)
    stage = light_on_stage([tile], tmp_path, 3)
    side, turn, x, y = tile.crop(3)
    grid = (np.arange(24) - 11.5) / 24 * 0.5
    u, v = grid[None, :], grid[:, None]
    expected = light_at(tile, tmp_path, 3, u, v, 4 * side)
    cos, sin = np.cos(turn) * side, np.sin(turn) * side
    columns = (x + cos * u - sin * v + 0.5) * 2.2 - 0.5
    rows = (y + sin * u + cos * v + 0.5) * 4 - 0.5
    seen = cv2.remap(stage, columns.astype(np.float32), rows.astype(np.float32), cv2.INTER_LINEAR)
    assert np.abs(seen - expected).mean() < 0.02 * np.abs(expected).mean()


def test_a_wide_stage_tilts_and_reshapes_the_same_faces_and_its_truth_follows(tmp_path: Path) -> None:
    face = source(tmp_path)
    plain, wide = (draw_stage([face], np.random.default_rng(3), large=0.0, wide=each) for each in (False, True))
    assert all(tile.tone == 1 for tile in plain)
    assert np.std([tile.turn for tile in wide]) > 1.3 * np.std([tile.turn for tile in plain])
    assert np.std([tile.squeeze[0] for tile in wide]) > 1.5 * np.std([tile.squeeze[0] for tile in plain])
    assert all(tile.height <= 78 for tile in wide)
    tile = replace(wide[0], microphone=False, gain=(1, 1, 1), slope=(0, 0))
    u, v = (np.linspace(-0.2, 0.2, 9)[None, :], np.linspace(-0.2, 0.2, 9)[:, None])
    toned, plain_light = (light_at(replace(tile, tone=tone), tmp_path, 0, u, v, 200) for tone in (1.2, 1.0))
    np.testing.assert_allclose(toned, 0.18**-0.2 * plain_light**1.2, rtol=1e-3)


def test_the_loss_is_least_at_the_truth_and_dear_where_a_face_loses() -> None:
    torch.manual_seed(2)
    truth = torch.nn.functional.avg_pool2d(torch.randn(2, 3, 66, 66), 3, 1)
    given, weight, deviations = truth + 0.2 * torch.randn_like(truth), torch.ones_like(truth), torch.full((2, 3), 0.2)
    losses = {
        share: face_loss(given + share * (truth - given), given, truth, weight, deviations, FaceWeights())
        for share in (-0.5, 0.0, 0.5, 1.0)
    }
    totals = [float(losses[share][0]) for share in (-0.5, 0.0, 0.5, 1.0)]
    assert totals == sorted(totals, reverse=True)
    assert float(losses[0.0][1]["lost"]) == pytest.approx(0, abs=1e-6)
    assert float(losses[0.5][1]["harm"]) == 0 < float(losses[0.0][1]["harm"]) < float(losses[-0.5][1]["harm"])
    structure = [float(losses[share][1]["structure"]) for share in (-0.5, 0.5, 1.0)]
    assert structure == sorted(structure, reverse=True)
    assert structure[-1] < 0.01


def test_a_crop_is_twenty_six_centimetres_of_a_mean_face() -> None:
    points = np.zeros((468, 2))
    points[10], points[152], points[33], points[263] = (100, 50), (100, 222.5), (68, 110), (132, 110)
    side, turn, x, y = crop_of(points)
    assert (side, turn, x) == pytest.approx((256, 0, 100), abs=0.1)
    assert y == pytest.approx(136.25 - 0.022 * 256, abs=0.1)


def test_a_photograph_is_on_one_side_of_the_split(tmp_path: Path) -> None:
    face = source(tmp_path, real=True)
    held = replace(face, path="train_faces/real/us_a-B_0.webp", held_out=True)
    others = [replace(face, path=path) for path in ("train_faces/real/us_a-B_1.webp", "train_images/us_aB.webp")]
    assert all(each.held_out for each in kept_together([held, *others]))
    assert not kept_together([face, held])[0].held_out


@pytest.mark.parametrize(
    ("name", "away"),
    [("us_5940841_0", True), ("us_iFgRcqHznqg_0", True), ("us_6248966_1", False), ("us_GFOlzpLuiCg_0", False)],
)
def test_photographs_stay_on_the_side_that_the_shipped_nets_were_trained_by(name: str, *, away: bool) -> None:
    assert _apart(Path(f"train_faces/real/{name}.webp")) is away


def test_an_untrained_net_changes_nothing(shards: Path) -> None:
    pool = Pool.of(load_tracks(shards / "val"))
    made, given, _ = trackface.unroll(TrackFaceNet().eval(), whole_track(pool, 0), bf16=False)
    assert torch.equal(made, given)
    score = score_track(lambda batch: trackface.unroll(TrackFaceNet(), batch, bf16=False), pool, 0)
    assert score.gain == pytest.approx(0, abs=1e-5)


def test_the_truth_scores_best(shards: Path) -> None:
    pool = Pool.of(load_tracks(shards / "val"))

    def perfect(batch: object) -> tuple[object, object, object]:
        _, given, truth = trackface.unroll(TrackFaceNet(), batch, bf16=False)
        return truth, given, truth

    assert score_track(perfect, pool, 0).gain > 6


def test_tracks_of_faces_larger_than_the_program_restores_are_left_out(shards: Path, tmp_path: Path) -> None:
    folder = tmp_path / "shard-0000"
    folder.mkdir()
    for name in ("base", "truth"):
        np.save(folder / f"{name}.npy", np.load(shards / "val" / "shard-0000" / f"{name}.npy"))
    part = replace(facts(1, 120.0), whole=False, corner=(0.1, 0.0))
    (folder / "facts.json").write_text(json.dumps([asdict(facts(0)), asdict(part)]), "utf-8")
    assert [track.facts.height for track in load_tracks(tmp_path)] == [50.0]


def test_batches_follow_from_seed_and_number(shards: Path) -> None:
    pool, shape = Pool.of(load_tracks(shards / "train")), Shape(3, 2, 64)
    first, again, other = (draw_batch(pool, shape, 5, number) for number in (7, 7, 8))
    assert first.detail.shape == (3, 4, 64, 64)
    assert first.references.shape == (3, REFERENCES, 64, 64)
    np.testing.assert_array_equal(first.detail, again.detail)
    assert not np.array_equal(first.detail, other.detail)


def test_a_resumed_run_equals_one_that_never_stopped(shards: Path, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    config = replace(CONFIG, iterations=4, check_every=4, decay_from=1.0)
    through = trackface.begin(config)
    trackface.train(through, _chosen(config, shards, _folder(tmp_path / "through")))
    first = trackface.begin(config)
    broken = _folder(tmp_path / "broken")
    half = replace(config, iterations=2, check_every=9)
    trackface.train(first, _chosen(half, shards, broken))
    resumed = trackface.begin(config)
    checkpoint.load(broken / "last.safetensors", resumed)
    assert resumed.progress.iteration == 2
    trackface.train(resumed, _chosen(config, shards, broken))
    assert (broken / "journal.csv").read_text("utf-8").count("\n") == 3
    assert (broken / "sheet.png").is_file()
    for one, two in zip(through.mean.parameters(), resumed.mean.parameters(), strict=True):
        assert torch.allclose(one, two, atol=2e-3)


def test_a_run_falls(shards: Path) -> None:
    torch.set_num_threads(1)
    config = replace(CONFIG, iterations=40, rate=3e-3, bf16=False)
    run, pool = trackface.begin(config), Pool.of(load_tracks(shards / "train"))
    losses = [
        float(trackface.step(run, config, draw_batch(pool, Shape(2, 2, 64), 1, number))["total"])
        for number in range(40)
    ]
    assert np.mean(losses[-8:]) < 0.85 * np.mean(losses[:8])


def test_the_exported_net_equals_the_trained_one(tmp_path: Path) -> None:
    import openvino

    torch.manual_seed(4)
    net = TrackFaceNet().eval()
    torch.nn.init.normal_(net.out.weight, std=0.05)
    trackface_export.export_face_net(net, tmp_path / "net.xml", halved=False)
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(str(tmp_path / "net.xml"), "CPU", exact)
    side = 96  # another one than it was traced with
    given = (
        torch.randn(1, PLANES, side, side),
        torch.randn(1, STATE, side // 4, side // 4),
        torch.randn(1, REFERENCES, side, side),
        torch.tensor([[1.0, 1.0, 0.0]]),
    )
    with torch.no_grad():
        expected = net(*given)
    made = compiled([tensor.numpy() for tensor in given])
    for name, tensor in zip(trackface_export.OUTPUTS, expected, strict=True):
        np.testing.assert_allclose(made[name], tensor.numpy(), atol=2e-4, err_msg=name)


def test_a_track_is_scored_as_the_program_runs_it(shards: Path) -> None:
    planes = [
        np.load(shards / "val" / "shard-0000" / f"{name}.npy")[0, 0].astype(np.float32) for name in ("base", "truth")
    ]
    light = np.array([0.9, 0.05, 0.03], np.float32)[:, None, None]
    base, truth = (np.stack([plane * light] * 6) for plane in planes)
    score, ours, alone = score_pictures(TrackFace(threads=1), base, truth, facts(0))
    assert ours.shape == alone.shape == base.shape
    assert strip_of(base, ours, truth).shape == (3, 3 * 256, 3 * 256)
    assert score.colour_mean < 0.3
    assert score.colour_p95 < 1
    assert score.to_source > 0.9
    assert score.base_psnr == pytest.approx(-10 * np.log10(np.mean((planes[0] - planes[1]) ** 2) * 0.3018**2), abs=1.5)


def test_a_discriminant_keeps_what_tells_people_apart() -> None:
    rng = np.random.default_rng(6)

    def pictures(people: int) -> tuple[np.ndarray, list[str]]:
        who = np.repeat(np.arange(people), 4)
        own = rng.standard_normal((people, 160)) * np.r_[np.ones(20), np.zeros(140)]
        noise = rng.standard_normal((len(who), 160)) * np.r_[np.full(20, 0.2), np.full(140, 2.0)]
        return (own[who] + noise).astype(np.float32), [str(each) for each in who]

    def right(vectors: np.ndarray, names: list[str]) -> float:
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        cosines = unit @ unit.T - 2 * np.eye(len(unit))
        return float((np.array(names)[np.argmax(cosines, axis=1)] == np.array(names)).mean())

    centre, project = discriminant(*pictures(150))
    strangers, names = pictures(30)
    assert right(strangers, names) < 0.5
    assert right((strangers - centre) @ project, names) > 0.95
    assert "nearest is right 1.00" in separation(strangers, names, centre, project)


def _chosen(config: Config, shards: Path, run: Path) -> Chosen:
    return Chosen(config, "", shards, run, resume=False, start_from=None, deadline=float("inf"))


def _folder(path: Path) -> Path:
    path.mkdir()
    return path
