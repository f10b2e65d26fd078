"""The training as a whole at toy size: shards are rendered, a run falls, resumes exactly, and its export equals it."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra `train`")
pytest.importorskip("safetensors", reason="training needs the extra `train`")

from footlights.models import fieldlift  # noqa: E402
from footlights.models.fieldlift_torch import FieldLiftNet  # noqa: E402
from footlights.training import batches, export, runs, unroll  # noqa: E402
from footlights.training import fieldlift as training  # noqa: E402
from footlights.training.batches import BatchShape, Draw, draw_batch, whole  # noqa: E402
from footlights.training.resident import ResidentShards  # noqa: E402
from footlights.training.shards import TapeFacts, open_shards, write_shard  # noqa: E402

CONFIG = Path(__file__).parents[2] / "training" / "configs" / "cpu_smoke.toml"
SIDE, FRAMES, CROPS = 40, 4, 2


def _shard(folder: Path, seed: int) -> None:
    """A made-up shard: a picture that pans, its fields exact, with noise; no simulator, for speed."""
    rng = np.random.default_rng(seed)
    texture = cv2.GaussianBlur(rng.random((400, 400), np.float32) * 900 - 320, (0, 0), 4)
    truth = np.empty((CROPS, 2 * FRAMES, 4 * SIDE, 4 * SIDE), np.uint8)
    for crop in range(CROPS):
        for field in range(2 * FRAMES):
            part = texture[20 * crop : 20 * crop + 4 * SIDE, 8 * field : 8 * field + 4 * SIDE]
            truth[crop, field] = np.clip(part, 16, 235)
    clean = truth.reshape(CROPS, 2 * FRAMES, SIDE, 4, SIDE, 4).mean(axis=(3, 5))
    woven = clean[:, 0::2].copy()
    woven[:, :, 1::2] = clean[:, 1::2, 1::2]
    noisy = np.clip(woven + rng.normal(0, 3, woven.shape), 1, 254).astype(np.uint8)
    motion = np.zeros((1, CROPS, FRAMES, 2, 2, SIDE // 2, SIDE // 2), np.int8)
    motion[:, :, :, 0, 0], motion[:, :, :, 1, 0] = 8, -8  # 16 fine samples a frame are 2 cells
    three = np.zeros((1, CROPS, 2 * FRAMES, 3, SIDE, SIDE), np.float16)
    three[0, :, :, 0] = np.repeat((noisy - 16.0) / 219, 2, axis=1)
    write_shard(
        folder,
        [TapeFacts("light", 3.0, upside_down=False)],
        {
            "truth_luma": truth,
            "truth_chroma": np.full((CROPS, 2 * FRAMES, 2, 2 * SIDE, 2 * SIDE), 128, np.uint8),
            "luma": noisy[None],
            "chroma": np.full((1, CROPS, FRAMES, 2, SIDE, SIDE // 2), 128, np.uint8),
            "motion": motion,
            "damage": np.zeros((1, CROPS, FRAMES, 2, SIDE // 2, SIDE // 2), np.uint8),
            "bwdif": three,
        },
    )


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    for split, seed in (("train", 1), ("val", 2)):
        _shard(folder / split / "shard-0000", seed)
    return folder


def _train(shards: Path, run: Path, *more: str) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    training.main(["--config", str(CONFIG), "--shards", str(shards), "--run", str(run), *more])
    return load_file(run / "last.safetensors")


def test_smoke_training_ends_with_a_journal_a_curve_and_a_sheet(shards: Path, tmp_path: Path):
    _train(shards, tmp_path)
    assert {"journal.csv", "curve.png", "sheet.png", "last.safetensors"} <= {path.name for path in tmp_path.iterdir()}
    assert len((tmp_path / "journal.csv").read_text("utf-8").splitlines()) == 2


def test_a_resumed_run_equals_an_uninterrupted_one(shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    straight = _train(shards, tmp_path / "straight")
    whole_step, steps = training.step, []

    def stopping(*arguments: object) -> dict[str, torch.Tensor]:
        if len(steps) == 5:
            raise KeyboardInterrupt
        steps.append(1)
        return whole_step(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(training, "step", stopping)
    hasty = tmp_path / "hasty.toml"  # saves after every iteration
    hasty.write_text(CONFIG.read_text("utf-8") + "save_seconds = 0.0\n", "utf-8")
    with pytest.raises(KeyboardInterrupt):
        training.main(["--config", str(hasty), "--shards", str(shards), "--run", str(tmp_path / "halted")])
    monkeypatch.setattr(training, "step", whole_step)
    resumed = _train(shards, tmp_path / "halted", "--resume")
    assert straight.keys() == resumed.keys()
    for name, tensor in straight.items():
        assert torch.equal(tensor, resumed[name]), name


def test_a_progressive_tape_has_one_truth_for_both_instants(shards: Path):
    (shard,) = open_shards(shards / "val")
    film = replace(shard, tapes=(replace(shard.tapes[0], progressive=True),))
    batch, interlaced = (whole(one, 0, 0) for one in (film, shard))
    np.testing.assert_array_equal(batch.truth_luma[:, 1::2], batch.truth_luma[:, 0::2])
    np.testing.assert_array_equal(batch.truth_luma[:, 0::2], interlaced.truth_luma[:, 0::2])
    assert (interlaced.truth_luma[:, 1::2] != interlaced.truth_luma[:, 0::2]).any()


def test_lost_fields_and_frames_show_another_instant_and_say_so(shards: Path):
    shard = open_shards(shards / "val")[0]
    draw = Draw(0, 0, 0, 0, 0, 0, 3.0, marked=False)
    whole_one = batches._cut(shard, BatchShape(1, FRAMES, SIDE), draw)
    kinds = set()
    for seed in range(60):
        lost = batches._lost(FRAMES + 2, np.random.default_rng(seed))
        sample = batches._cut(shard, BatchShape(1, FRAMES, SIDE), replace(draw, lost=lost))
        changed = [
            parity for parity in (0, 1) if (sample.luma[0, :, parity::2] != whole_one.luma[0, :, parity::2]).any()
        ]
        kinds.add(tuple(changed))
        assert not sample.valid[0, lost.frame, list(lost.parities)].any()
        assert (sample.valid != whole_one.valid).sum() == len(lost.parities) * SIDE**2 // 4
    # A frame at an end may give way to its own copy beyond it, which changes nothing.
    assert kinds - {()} == {(0,), (1,), (0, 1)}


def test_batches_cut_on_the_device_equal_those_cut_here(shards: Path):
    shard = open_shards(shards / "val")[0]
    damaged = {
        **shard.arrays,
        "damage": np.random.default_rng(3).integers(0, 2, shard.arrays["damage"].shape, np.uint8),
    }
    colour = np.random.default_rng(4).integers(16, 240, shard.arrays["truth_chroma"].shape, np.uint8)
    damaged["truth_chroma"] = colour
    plain = replace(shard, arrays=damaged)
    turned = replace(plain, tapes=(replace(shard.tapes[0], upside_down=True, progressive=True),))
    both, shape = [plain, turned], BatchShape(24, 3, 32)
    found = batches.draws(both, shape, 5, 0)
    assert {draw.shard for draw in found} == {0, 1}
    assert any(draw.lost for draw in found)
    held = ResidentShards(both, torch.device("cpu")).batch(found, shape)
    here = draw_batch(both, shape, 5, 0)
    for entry in fields(here):
        np.testing.assert_array_equal(getattr(held, entry.name).numpy(), getattr(here, entry.name), entry.name)


def test_a_net_learns_what_its_base_does_not_know(shards: Path):
    config = runs.Config("", "tiny", 40, 2, 3, 32, warm_up=5, rate=4e-3, threads=1, bf16=False)
    run, data = training.begin(config), open_shards(shards / "train")
    batch = draw_batch(data, BatchShape(2, 3, 32), 1, 0)
    here = unroll.on_device(batch, torch.device("cpu"))
    learned = training._learning(run, config)
    losses = [float(training.step(run, config, here, learned)["total"]) for _ in range(40)]
    assert losses[-1] < 0.9 * losses[0]


def test_torch_packs_fetches_and_weaves_as_the_program_does(shards: Path):
    batch = whole(open_shards(shards / "val")[0], 0, 0)
    inputs = unroll.to_inputs(unroll.on_device(batch, torch.device("cpu")))
    luma = (batch.luma[0, 2].astype(np.float32) - 16) / np.float32(219)
    chroma = (batch.chroma[0, 2].astype(np.float32) - 128) / np.float32(224)
    planes = fieldlift.packed(luma, chroma)
    np.testing.assert_allclose(inputs.planes[0, 2].numpy(), planes, atol=1e-6)
    np.testing.assert_allclose(unroll.base(inputs.planes[:, 2]).numpy(), fieldlift.base(planes), atol=1e-6)
    motion = np.random.default_rng(5).normal(0, 4, (2, SIDE // 2, SIDE // 2)).astype(np.float32)
    found, rest, inside, _ = unroll.fetch(inputs.planes[:, 2], torch.from_numpy(motion)[None])
    theirs = fieldlift.fetched(planes, motion)
    for ours, other in zip((found, rest, inside[:, 0]), theirs, strict=True):
        np.testing.assert_allclose(ours[0].numpy(), other, atol=1e-6)


def in_turn(made: tuple[torch.Tensor, ...]) -> list[torch.Tensor]:
    """What the net gives for one frame as its exported form does: instants one after another."""
    next_state, *residuals = made
    return [next_state, *(part[instant, None] for instant in range(fieldlift.INSTANTS) for part in residuals)]


@pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning")
def test_the_exported_net_equals_the_trained_one(tmp_path: Path):
    import openvino

    torch.manual_seed(1)
    net = FieldLiftNet(fieldlift.SIZES["tiny"]).eval()
    export.export(net, tmp_path / "net.xml", halved=False)
    window, state = torch.randn(1, fieldlift.WINDOW_PLANES, 20, 28), torch.randn(1, net.size.state, 20, 28)
    compiled = openvino.Core().compile_model(str(tmp_path / "net.xml"), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    made = compiled({"window": window.numpy(), "state": state.numpy()})
    with torch.no_grad():
        expected = in_turn(net(window, state))
    for name, tensor in zip(export.OUTPUTS, expected, strict=True):
        np.testing.assert_allclose(made[name], tensor.numpy(), atol=2e-5, err_msg=name)


def test_the_shipped_net_equals_the_shipped_weights_in_torch():
    """The exported graph holds all that the module does: its fading memory as well."""
    from importlib.resources import as_file, files

    from safetensors.torch import load_file

    from footlights.models.runtime import Net

    net = FieldLiftNet(fieldlift.SIZES["S"]).eval()
    with as_file(files("footlights.models") / "weights" / "fieldlift_s.safetensors") as path:
        missing = net.load_state_dict({name: tensor.float() for name, tensor in load_file(path).items()}, strict=False)
    assert not missing.missing_keys
    assert not missing.unexpected_keys
    torch.manual_seed(2)
    window, state = torch.rand(1, fieldlift.WINDOW_PLANES, 20, 28), torch.randn(1, net.size.state, 20, 28)
    with torch.no_grad():
        expected = in_turn(net(window, state))
    for name, made, tensor in zip(
        export.OUTPUTS, Net("fieldlift_s", threads=1)(window.numpy(), state.numpy()), expected, strict=True
    ):
        np.testing.assert_allclose(made, tensor.numpy(), atol=2e-3, err_msg=name)
