"""FieldLift at run time: the shipped net, its backend, its weights."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from footlights.models import fieldlift_run, runtime
from footlights.models.fieldlift import SIZES, Kept, lines_doubled
from footlights.models.fieldlift_run import FieldLift, Frame

RNG = np.random.default_rng(8)


def frames(count: int) -> list[Frame]:
    luma = np.cumsum(RNG.normal(0, 0.02, (48, 64)), axis=1).astype(np.float32) + np.float32(0.5)
    return [Frame(np.roll(luma, number, axis=1), np.zeros((2, 48, 32), np.float32)) for number in range(count)]


@pytest.fixture(scope="module")
def net() -> FieldLift:
    return FieldLift("S", threads=1)


def test_every_frame_comes_back_at_both_instants(net: FieldLift) -> None:
    made = list(net.lift(frames(3), sigma=1.0))
    assert len(made) == 3
    assert made[0].luma.shape == (2, 48, 64)
    assert made[0].chroma.shape == (2, 2, 48, 64)
    assert np.shape(made[0].fine.luma) == (2, 192, 256)
    assert np.shape(made[0].fine.chroma) == (2, 2, 96, 128)


def test_the_same_frames_give_the_same_pictures(net: FieldLift) -> None:
    given = frames(3)
    first, second = list(net.lift(given, 2.0)), list(FieldLift("S", threads=1).lift(given, 2.0))
    for ours, again in zip(first, second, strict=True):
        np.testing.assert_array_equal(ours.luma, again.luma)
        np.testing.assert_array_equal(ours.fine.luma, again.fine.luma)


def test_a_run_of_one_frame_is_restored_alone(net: FieldLift) -> None:
    (made,) = net.lift(frames(1), 1.0)
    assert np.isfinite(made.luma).all()


def test_more_noise_expected_is_more_taken_away(net: FieldLift) -> None:
    noisy = [
        Frame(
            (0.4 + RNG.normal(0, 6 / 219, (48, 64))).astype(np.float32),
            RNG.normal(0, 3 / 224, (2, 48, 32)).astype(np.float32),
        )
        for _ in range(6)
    ]
    left = [float(np.std(list(net.lift(noisy, sigma))[-1].luma)) for sigma in (0.5, 6.0)]
    assert left[1] < left[0]
    assert left[1] < 6 / 219 * 0.6


def test_a_long_run_keeps_its_thin_lines(net: FieldLift) -> None:
    """A memory that does not fade builds up until lines of one sample smear: it lost 1.8 dB here."""
    rng = np.random.default_rng(2)
    drawn = np.full((64, 96), 0.35, np.float32)
    for _ in range(14):
        ends = [int(rng.integers(0, side)) for side in (96, 64, 96, 64)]
        cv2.line(drawn, (ends[0], ends[1]), (ends[2], ends[3]), float(rng.uniform(0.1, 0.8)), 1, cv2.LINE_AA)
    truth = cv2.GaussianBlur(drawn, (0, 0), 0.6)
    grain = np.random.default_rng(3)
    tape = (
        Frame(
            (truth + grain.normal(0, 1.5 / 219, truth.shape)).astype(np.float32),
            grain.normal(0, 1.5 / 224, (2, 64, 48)).astype(np.float32),
        )
        for _ in range(42)
    )
    error = [float(np.mean((made.luma[0] - truth)[8:-8, 8:-8] ** 2)) for made in net.lift(tape, 1.5)]
    worse = 10 * np.log10(np.mean(error[30:]) / np.mean(error[1:6]))
    assert worse < 0.5


def test_light_stays_the_tapes_and_is_the_nets_where_the_tape_has_none(net: FieldLift) -> None:
    given = frames(4)
    for frame, lifted in zip(given, net.lift(given, 2.0), strict=True):
        for instant in range(2):
            own = lines_doubled(frame.luma[instant::2], instant)
            assert lifted.luma[instant].mean() == pytest.approx(own.mean(), abs=1.5e-3)
    black = replace(given[2], luma=np.zeros_like(given[2].luma), valid=(False, False))
    lost = list(net.lift([*given[:2], black, given[3]], 2.0))[2]
    assert lost.luma.mean() > 0.5 * given[1].luma.mean()


@pytest.mark.parametrize("colour", [(0.2, -0.05), (-0.06, 0.18)], ids=["blue", "red"])
def test_a_coloured_flash_of_one_field_keeps_its_colour_and_tints_no_other(
    net: FieldLift, colour: tuple[float, float]
) -> None:
    """The net alone left less than two thirds of a blue one and spread the rest over its neighbours."""
    rng = np.random.default_rng(4)
    luma = cv2.GaussianBlur(rng.normal(0.4, 0.6, (96, 128)).astype(np.float32), (0, 0), 2)
    tape = []
    for number in range(7):
        chroma = rng.normal(0, 1.5 / 224, (2, 96, 64)).astype(np.float32)
        if number == 3:
            chroma[:, 0::2] += np.float32(colour)[:, None, None]
        tape.append(Frame(luma + rng.normal(0, 1 / 219, luma.shape).astype(np.float32), chroma))
    light = np.concatenate([made.chroma.mean(axis=(2, 3)) for made in net.lift(tape, 1.0)])
    flash = 2 * 3
    np.testing.assert_allclose(light[flash], colour, atol=0.02 * max(map(abs, colour)))
    others = np.delete(light, flash, axis=0)
    assert np.abs(others).max() < 0.02 * max(map(abs, colour))


def test_only_fields_of_the_tape_give_their_detail_back(net: FieldLift) -> None:
    plain = replace(frames(1)[0], valid=(True, False))
    (without,), (kept,) = (list(net.lift([plain], 1.0, Kept(share))) for share in (0.0, 0.5))
    apart = [float(np.abs(made.luma[0, 0::2] - plain.luma[0::2]).mean()) for made in (without, kept)]
    assert apart[1] < apart[0]
    np.testing.assert_array_equal(kept.luma[1], without.luma[1])
    np.testing.assert_array_equal(kept.chroma, without.chroma)


def test_only_fields_of_the_tape_give_their_colour_back(net: FieldLift) -> None:
    plain = replace(frames(1)[0], valid=(True, False))
    (without,), (kept,) = (list(net.lift([plain], 1.0, Kept(colour=share, colour_sigma=0.1))) for share in (0.0, 0.5))
    own = np.repeat(plain.chroma[:, 0::2], 2, axis=2)
    apart = [float(np.abs(made.chroma[0, :, 0::2] - own).mean()) for made in (without, kept)]
    assert apart[1] < apart[0]
    np.testing.assert_array_equal(kept.chroma[1], without.chroma[1])
    np.testing.assert_array_equal(kept.luma, without.luma)


def test_a_precision_that_is_wrong_is_not_taken(caplog: pytest.LogCaptureFixture) -> None:
    probe = fieldlift_run._probe(SIZES["S"].state)
    _, strict = runtime.fastest("fieldlift_s", probe, tolerance=0.0, threads=1)
    assert strict.precision == "f32"
    _, usual = runtime.fastest("fieldlift_s", probe, tolerance=0.1, threads=1)
    assert usual.why
    if usual.precision == "bf16":
        assert "more than" in strict.why
        assert "runs in 32 bits" in caplog.text


def test_only_sizes_with_weights_are_offered() -> None:
    assert "S" in fieldlift_run.shipped()
    assert "tiny" not in fieldlift_run.shipped()
    assert fieldlift_run.reference("S").startswith("fieldlift_s@sha256:")
