"""A lift that keeps black and white, and looks of the user's own: closed forms."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from contracts_stage import assert_stage, clip_of, with_fine
from footlights.core import lookup
from footlights.core.colour import luma_to_codes, rgb_to_ycbcr
from footlights.core.lookup import LookTable
from footlights.core.plans import Step
from footlights.core.signal import Matrix
from footlights.enhancement.lift import lifted, lowered
from footlights.enhancement.look import LookUp
from footlights.errors import PlanError
from footlights.restoration.base import build

GREY = np.linspace(-0.1, 1.15, 1251, dtype=np.float32)[None]


def table_file(folder: Path, gamma: float) -> Path:
    steps = np.linspace(0, 1, 257, dtype=np.float32)
    file = folder / "look.cube"
    file.write_text(lookup.written(LookTable(np.stack([steps**gamma] * 3, -1))), "utf-8")
    return file


def test_a_lift_keeps_black_white_and_order_and_comes_back() -> None:
    high = lifted(GREY, 1.0)
    outside = (GREY <= 0) | (GREY >= 1)
    np.testing.assert_array_equal(high[outside], GREY[outside])
    assert (np.diff(high[0]) > 0).all()
    near = np.abs(GREY) < 4 / 219
    assert np.abs(high - GREY)[near].max() * 219 < 0.5, "less than half a code within four of black"
    assert lifted(np.float32([[0.3]]), 1.0)[0, 0] == pytest.approx(0.3 + 6 * 0.09 * 0.343)
    assert lowered(high, 1.0) == pytest.approx(GREY, abs=1e-4)


def test_a_lift_makes_no_bands() -> None:
    """A slow dark ramp of the float pictures stays one: no 10-bit code is left out by more than the slope asks for."""
    ramp = np.linspace(0.02, 0.4, 4000, dtype=np.float32)[None]
    steps = np.diff(np.unique(luma_to_codes(lifted(ramp, 1.0), 10)).astype(int))
    assert steps.max() == 1


def test_a_lift_keeps_hue_and_scales_chroma_with_luma() -> None:
    base = clip_of(1, noise=0)
    flat = replace(base, luma=np.full_like(base.luma, 0.2), chroma=np.full_like(base.chroma, -0.06))
    out = build(Step("light.lift", 1, {"strength": 1.0}, "")).run(flat)
    gain = float(out.luma[0, 0, 0]) / 0.2
    assert gain > 1.5
    assert out.chroma == pytest.approx(np.full_like(out.chroma, -0.06 * gain), rel=1e-4)


def test_a_look_keeps_the_contract_and_the_bits_of_its_file(tmp_path: Path) -> None:
    file = table_file(tmp_path, 0.8)
    assert_stage("look.table", clip_of(4), identity={"strength": 0.0}, file=str(file))
    step = Step("look.table", 1, {"file": str(file)}, "", LookUp.weights(LookUp.Params(file=str(file))))
    build(step)
    table_file(tmp_path, 0.7)
    with pytest.raises(PlanError, match="which give other pictures"):
        build(step)


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_a_curve_works_on_the_display_signal_and_detail_follows_its_slope(tmp_path: Path, strength: float) -> None:
    base = clip_of(1, noise=0)
    colour = np.array([0.5, 0.3, 0.2]) @ rgb_to_ycbcr(Matrix.SMPTE170M).T
    chroma = np.ones_like(base.chroma) * colour[1:, None, None].astype(np.float32)
    flat = with_fine(replace(base, luma=np.full_like(base.luma, colour[0]), chroma=chroma))
    file = table_file(tmp_path, 0.5)
    params = {"file": str(file), "strength": strength}
    out = build(Step("look.table", 1, params, "", lookup.reference(str(file)))).run(flat)
    seen = np.array([0.5, 0.3, 0.2])
    expected = (seen + strength * (np.sqrt(seen) - seen)) @ rgb_to_ycbcr(Matrix.SMPTE170M).T
    assert out.luma[0, 5, 5] == pytest.approx(expected[0], abs=1e-3)
    assert out.chroma[0, :, 5, 5] == pytest.approx(expected[1:], abs=1e-3)
    assert flat.fine is not None
    assert out.fine is not None
    slope = 1 - strength + strength * (rgb_to_ycbcr(Matrix.SMPTE170M)[0] @ (0.5 / np.sqrt(seen)))
    assert np.median(out.fine.luma[0] / flat.fine.luma[0]) == pytest.approx(slope, abs=0.02)
