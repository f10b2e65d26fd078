"""Nets that users bring: tiles without seams, colour that stays the tape's, files that are data and no programs."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from contracts_stage import clip_of
from footlights.core.plans import Step
from footlights.errors import MissingExtraError, PausedError, UsageError
from footlights.models import user_nets
from footlights.models.user_nets import Tiled, colour_locked, installed, reference
from footlights.restoration.base import build

needs_torch = pytest.mark.skipif(not installed(), reason="torch and spandrel are not installed (extra `models`)")


class Doubler:
    """Every sample twice in both directions; fails on tiles above what its memory holds."""

    scale = 2

    def __init__(self, most: int = 10_000) -> None:
        self.most = most
        self.seen: list[tuple[int, ...]] = []

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        self.seen.append(picture.shape)
        if max(picture.shape) > self.most:
            raise MemoryError
        return picture.repeat(2, axis=1).repeat(2, axis=2)


@pytest.mark.parametrize("size", [(33, 47), (64, 64), (65, 200), (130, 91)])
def test_tiles_leave_no_seam_and_no_hole(size: tuple[int, int]) -> None:
    picture = np.random.default_rng(1).random((3, *size)).astype(np.float32)
    tiled = Tiled(Doubler(), tile=64)
    assert tiled(picture) == pytest.approx(picture.repeat(2, axis=1).repeat(2, axis=2), abs=1e-6)
    assert max(max(shape[1:]) for shape in tiled.net.seen) <= 64


def test_tiles_get_smaller_when_memory_runs_out_and_stay_so(caplog: pytest.LogCaptureFixture) -> None:
    picture = np.random.default_rng(1).random((3, 300, 300)).astype(np.float32)
    tiled = Tiled(Doubler(most=70))
    assert tiled(picture) == pytest.approx(picture.repeat(2, axis=1).repeat(2, axis=2), abs=1e-6)
    assert tiled.tile == 64
    assert "tiles of 64" in caplog.text
    with pytest.raises(PausedError, match="does not fit"):
        Tiled(Doubler(most=20))(picture)


def test_only_detail_is_the_nets_own() -> None:
    rng = np.random.default_rng(2)
    source = np.clip(np.linspace(0.1, 0.8, 96)[None] + 0.02 * rng.standard_normal((64, 96)), 0, 1).astype(np.float32)
    checks = 0.05 * (np.indices((128, 192)).sum(0) % 2 * 2 - 1)
    # A net that brightens, tilts the light, and adds fine checks.
    enlarged = source.repeat(2, axis=0).repeat(2, axis=1) * 0.8 + 0.1 + np.linspace(0, 0.1, 192)[None] + checks
    locked = colour_locked(enlarged.astype(np.float32), source)
    small = locked.reshape(64, 2, 96, 2).mean(axis=(1, 3))
    inner = (slice(12, -12), slice(12, -12))
    coarse = np.abs(small - source)[inner].reshape(-1, 8).mean(axis=1)
    assert coarse.max() < 0.02
    assert np.std(np.diff(locked, axis=1)) > 0.8 * np.std(np.diff(checks, axis=1))


@pytest.mark.parametrize(("name", "why"), [("net.onnx", "end in"), ("gone.safetensors", "no such file")])
def test_what_is_no_net_is_refused_with_the_reason(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "net.onnx").write_bytes(b"x")
    with pytest.raises(UsageError, match=why):
        reference(str(tmp_path / name))


@pytest.mark.skipif(installed(), reason="everything is installed here")
def test_without_spandrel_the_command_that_brings_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "net.safetensors").write_bytes(b"x")
    with pytest.raises(MissingExtraError, match="footlights setup user-models"):
        reference(str(tmp_path / "net.safetensors"))


def _compact(folder: Path) -> Path:
    """A tiny net of a public architecture with random weights."""
    import torch
    from safetensors.torch import save_file

    from footlights.models import user_torch

    user_torch.state()
    from spandrel.architectures.Compact.__arch.SRVGG import SRVGGNetCompact

    torch.manual_seed(3)
    net = SRVGGNetCompact(num_feat=8, num_conv=2, upscale=2, act_type="prelu")
    torch.save({"params": net.state_dict()}, folder / "tiny.pth")
    save_file(net.state_dict(), folder / "tiny.safetensors")
    return folder / "tiny.safetensors"


@needs_torch
def test_a_users_net_makes_the_masters_picture_and_leaves_its_light(tmp_path: Path) -> None:
    file = str(_compact(tmp_path))
    step = Step("upscale.model", 1, {"file": file, "width": 192, "height": 128}, "", reference(file))
    clip = clip_of(2)
    made, plain = (
        build(one).run(clip) for one in (step, Step("upscale.lanczos", 1, {"width": 192, "height": 128}, ""))
    )
    assert made.luma.shape == (2, 128, 192)
    assert made.chroma == pytest.approx(plain.chroma)
    # A net of random weights paints nonsense, and still the light is where it was.
    assert made.luma.mean(axis=(1, 2)) == pytest.approx(plain.luma.mean(axis=(1, 2)), abs=0.01)
    assert not np.allclose(made.luma, plain.luma, atol=1e-3)


@needs_torch
def test_weights_of_pytorch_and_safetensors_are_the_same_net(tmp_path: Path) -> None:
    from footlights.models.user_torch import UserNet

    file = _compact(tmp_path)
    picture = np.random.default_rng(1).random((3, 20, 24)).astype(np.float32)
    first, second = (UserNet(str(one)) for one in (file, file.with_suffix(".pth")))
    assert (first.scale, first.architecture) == (2, "RealESRGAN Compact")
    assert np.array_equal(first(picture), second(picture))


class _Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("/tmp/footlights-bomb"),)  # type: ignore[return-value]


@needs_torch
def test_a_file_that_is_a_program_is_refused_and_not_run(tmp_path: Path) -> None:
    import torch

    from footlights.models.user_torch import UserNet

    torch.save({"params": _Bomb()}, tmp_path / "bomb.pth")
    (tmp_path / "old.pth").write_bytes(pickle.dumps(_Bomb()))
    with pytest.warns(DeprecationWarning, match="script"):
        torch.jit.script(torch.nn.Conv2d(3, 3, 3)).save(str(tmp_path / "program.pt"))
    (tmp_path / "noise.safetensors").write_bytes(bytes(range(256)) * 8)
    for name in ("bomb.pth", "old.pth", "program.pt", "noise.safetensors"):
        with pytest.raises(UsageError, match=name.split(".")[0]):
            UserNet(str(tmp_path / name))
    assert not Path("/tmp/footlights-bomb").exists()


@needs_torch
def test_tensors_of_no_known_net_are_refused(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    from footlights.models.user_torch import UserNet

    save_file({"a": torch.zeros(3)}, tmp_path / "odd.safetensors")
    with pytest.raises(UsageError, match="No architecture"):
        UserNet(str(tmp_path / "odd.safetensors"))


def test_a_replaced_file_is_another_net(tmp_path: Path) -> None:
    if not installed():
        pytest.skip("needs the extra `models`")
    file = tmp_path / "net.safetensors"
    file.write_bytes(b"one")
    first = user_nets.reference(str(file))
    file.write_bytes(b"other")
    assert user_nets.reference(str(file)) != first
