"""FieldLift's conventions: packing, fetching along motion, bases, and the cost of a net."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
import pytest

from footlights.core import subcarrier
from footlights.errors import ParameterError, UsageError
from footlights.models import fieldlift
from footlights.models.fieldlift import Kept, Packed

RNG = np.random.default_rng(3)
SHIPPED = Path(str(files("footlights.models"))) / "weights"


def _frame(height: int = 24, width: int = 32) -> tuple[np.ndarray, np.ndarray]:
    return RNG.random((height, width), np.float32), RNG.random((2, height, width // 2), np.float32) - np.float32(0.5)


def test_packed_planes_never_mix_the_two_fields():
    luma, chroma = _frame()
    changed_luma, changed_chroma = luma.copy(), chroma.copy()
    changed_luma[1::2], changed_chroma[:, 1::2] = 0, 0
    planes, changed = fieldlift.packed(luma, chroma), fieldlift.packed(changed_luma, changed_chroma)
    assert planes.shape == (fieldlift.FRAME_PLANES, 12, 16)
    for plane in (0, 1, 4, 6):
        np.testing.assert_array_equal(planes[plane], changed[plane])
    for plane in (2, 3, 5, 7):
        assert not changed[plane].any()


def test_base_keeps_the_lines_of_each_field_and_means_between_them():
    luma, chroma = _frame()
    pictures = fieldlift.base(fieldlift.packed(luma, chroma))
    np.testing.assert_array_equal(pictures[0, 0, 0::2], luma[0::2])
    np.testing.assert_array_equal(pictures[1, 0, 1::2], luma[1::2])
    np.testing.assert_allclose(pictures[0, 0, 1], (luma[0] + luma[2]) / 2, atol=1e-7)
    np.testing.assert_allclose(pictures[1, 0, 2], (luma[1] + luma[3]) / 2, atol=1e-7)
    np.testing.assert_array_equal(pictures[0, 1:, 0::2, 0::2], chroma[:, 0::2])
    np.testing.assert_allclose(pictures[0, 1:, 0, 1], (chroma[:, 0, 0] + chroma[:, 0, 1]) / 2, atol=1e-7)


def test_fetching_along_a_shift_brings_the_other_frame_here_without_blur():
    planes = RNG.random((3, 12, 16), np.float32)
    other = np.roll(planes, (2, -3), axis=(1, 2))
    motion = np.empty((2, 12, 16), np.float32)
    motion[0], motion[1] = -3.2, 2.3
    found, remainder, inside = fieldlift.fetched(other, motion)
    np.testing.assert_array_equal(found[:, :10, 3:], planes[:, :10, 3:])
    np.testing.assert_allclose(remainder[0], -0.2, atol=1e-6)
    np.testing.assert_allclose(remainder[1], 0.3, atol=1e-6)
    assert inside[:10, 3:].all()
    assert not inside[:, :3].any()
    assert not inside[10:].any()


def test_motion_of_a_moving_picture_is_found_under_noise_and_falling_light():
    texture = np.kron(RNG.random((40, 40), np.float32), np.ones((3, 6), np.float32))
    now, other = texture[20:80, 20:180], texture[22:82, 26:186]  # things stand 2 lines higher, 3 cells further left
    dimmed = other * np.float32(0.6) + RNG.normal(0, 0.02, other.shape).astype(np.float32)
    motion = fieldlift.motion_between(now.copy(), dimmed)
    assert np.median(motion[0]) == pytest.approx(-3, abs=0.3)
    assert np.median(motion[1]) == pytest.approx(-2, abs=0.3)


def test_window_marks_what_lies_beyond_a_cut_as_invalid():
    planes = fieldlift.packed(*_frame())
    now = Packed(planes, np.ones((2, 12, 16), np.float32))
    still = np.zeros((2, 12, 16), np.float32)
    made = fieldlift.window(now, None, now, sigma=4.0, motion=(still, still))
    assert made.shape == (fieldlift.WINDOW_PLANES, 12, 16)
    np.testing.assert_array_equal(made[8:16], planes)
    assert made[24:26].all()
    assert not made[26:28].any()
    assert made[28:30].all()
    assert (made[-1] == 0.5).all()


def test_carried_state_is_zero_where_nothing_was_seen():
    state = np.ones((4, 12, 16), np.float32)
    motion = np.zeros((2, 12, 16), np.float32)
    motion[0] = 4
    carried = fieldlift.carried(state, motion)
    assert carried[:, :, :12].all()
    assert not carried[:, :, 12:].any()


def test_macs_count_every_convolution():
    # One convolution more at a time: what a block adds is 18 C² per cell.
    small, more = fieldlift.SIZES["S"], fieldlift.Size("more", 64, 96, 2, 3, 2, 48, 24)
    assert more.macs() - small.macs() == 18 * 64**2 * 240 * 360
    assert 50e9 < small.macs() < 60e9
    assert small.macs(240, 360) * 4 == small.macs()


def test_odd_shapes_and_unknown_sizes_are_refused():
    with pytest.raises(ParameterError):
        fieldlift.packed(np.zeros((22, 32), np.float32), np.zeros((2, 22, 16), np.float32))
    with pytest.raises(UsageError):
        fieldlift.size_named("XL")


def test_coarse_light_is_the_fields_own_and_detail_the_nets():
    rows, columns = np.mgrid[0:96, 0:128].astype(np.float32)
    field = 0.3 + 0.2 * np.sin(columns / 40) + 0.001 * rows
    detail = 0.05 * ((columns // 2 + rows // 2) % 2 * 2 - 1)
    drifted = field * 0.9 + 0.04 + detail
    kept = fieldlift.light_kept(drifted.astype(np.float32), field.astype(np.float32))
    inner = (slice(16, -16), slice(16, -16))
    assert np.abs(kept - (field + detail))[inner].max() < 0.004


@pytest.mark.parametrize("sigma", [0.8, 4.0])
def test_detail_beyond_noise_is_kept_and_noise_is_not(sigma: float) -> None:
    rng = np.random.default_rng(6)
    clean = np.full((64, 96), 0.4, np.float32)
    field = clean[1::2] + rng.normal(0, sigma / 219, (32, 96)).astype(np.float32)
    np.testing.assert_array_equal(fieldlift.detail_kept(clean, field, 1, Kept(0.5), sigma), clean)
    lined = clean[1::2].copy()
    lined[8, :] += 40 / 219
    kept = (fieldlift.detail_kept(clean, lined, 1, Kept(0.5), sigma) - clean) * 219
    power = 40**2 / 5  # one line of the five nearby
    assert kept[17].mean() == pytest.approx(20 * (1 - 5 * sigma**2 / power), abs=0.01)
    assert kept[16].mean() == pytest.approx(kept[17].mean() / 2, rel=1e-3)
    np.testing.assert_array_equal(kept[:15], 0)
    np.testing.assert_array_equal(fieldlift.detail_kept(clean, lined, 1, Kept(0.0), sigma), clean)


@pytest.mark.parametrize("sigma", [0.1, 1.5])
def test_colour_beyond_noise_is_kept_and_noise_is_not(sigma: float) -> None:
    rng = np.random.default_rng(6)
    clean = np.full((64, 96), 0.1, np.float32)
    kept = Kept(colour=0.3, colour_sigma=sigma)
    noisy = clean[0::2] + rng.normal(0, sigma / 224, (32, 96)).astype(np.float32)
    np.testing.assert_array_equal(fieldlift.chroma_kept(clean, noisy, 0, kept), clean)
    patch = clean[0::2].copy()
    patch[10:20, 30:60] -= 20 / 224
    found = (fieldlift.chroma_kept(clean, patch, 0, kept) - clean) * 224
    assert found[30, 45] == pytest.approx(-6 * (1 - 5 * max(sigma, 0.25) ** 2 / 20**2), rel=1e-3)
    assert np.abs(found[:16]).max() == 0
    np.testing.assert_array_equal(fieldlift.chroma_kept(clean, patch, 0, Kept(colour_sigma=sigma)), clean)


def test_a_subcarrier_is_no_detail_that_is_kept() -> None:
    cycles = subcarrier.NTSC.cycles
    clean = np.full((64, 192), 0.4, np.float32)
    columns, rows = np.arange(192), np.arange(32)[:, None]
    crawl = 20 / 219 * np.cos(2 * np.pi * cycles * columns + np.pi * rows)
    bar = np.where(abs(columns - 96) < 12, 40 / 219, 0)
    field = (clean[0::2] + crawl + bar).astype(np.float32)
    inner = (slice(8, -8), slice(20, -20))
    left = fieldlift.detail_kept(clean, field, 0, Kept(0.5, cycles), 0.6) - clean
    assert np.abs(left[inner] * 219 - 0.5 * bar[20:-20] * 219).max() < 3.0
    away = np.abs(columns[20:-20] - 96) > 30
    assert np.abs(left[inner][:, away]).max() * 219 < 0.1
    dotted = fieldlift.detail_kept(clean, field, 0, Kept(0.5), 0.6) - clean
    assert np.abs(dotted[inner][:, away]).max() * 219 > 9


def test_kept_colour_is_light_that_changed_and_no_noise():
    rng = np.random.default_rng(6)
    clean = np.zeros((288, 384), np.float32)
    noise = cv2.GaussianBlur(rng.normal(0, 6 / 224, clean.shape), (9, 1), 3).astype(np.float32)
    spot = np.float32(0.15) * (np.hypot(*np.mgrid[-144:144, -192:192]) < 40)
    noisy, lit = (fieldlift.colour_kept(clean, field) for field in (noise, noise + spot))
    coarse = cv2.GaussianBlur(noise, (0, 0), 6)
    assert np.square(noisy).mean() < 0.35 * np.square(coarse).mean()
    middle, far = lit[136:152, 184:200], lit[:60]
    assert middle.mean() == pytest.approx(0.15, rel=0.05)
    assert np.abs(far).max() < 0.015


def test_all_shipped_nets_together_take_twelve_megabytes_at_most():
    kept = (".xml", ".bin", ".safetensors", ".tflite")
    sizes = [one.stat().st_size for one in SHIPPED.iterdir() if one.suffix in kept]
    assert len(sizes) >= 14
    assert sum(sizes) <= 12_000_000


def test_a_graph_is_written_tight_and_stays_what_it_was():
    """Nothing between tags, and every layer's shapes found again by the reader."""
    text = (SHIPPED / "stageface.xml").read_text("utf-8")
    assert "\n\t" not in text
    import openvino

    model = openvino.Core().read_model(str(SHIPPED / "stageface.xml"))
    assert all(port.get_partial_shape().rank.is_static for op in model.get_ops() for port in op.outputs())
