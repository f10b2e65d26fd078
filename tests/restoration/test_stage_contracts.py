"""Every registered stage keeps the contract of stages."""

import re
from typing import Any

import numpy as np
import pytest

from contracts_stage import assert_stage, clip_of, with_fine, with_lines
from footlights.core.clip import Clip
from footlights.core.plans import Step
from footlights.errors import ParameterError, PlanError, UsageError
from footlights.restoration.base import STAGES, Contract, Fields, build

WOVEN, PROGRESSIVE = Fields.WOVEN, Fields.PROGRESSIVE
CASES: dict[str, tuple[Clip, dict[str, Any] | None, dict[str, Any]]] = {
    "gaps.rebuild": (
        clip_of(fields=WOVEN),
        {"lost": (), "fields": ()},
        {"lost": (45, 50, 51), "fields": (3, 1, 3), "longest": 3},
    ),
    "timebase.align": (
        clip_of(8, fields=WOVEN, width=256),
        {"jitter": 0.0, "skew": 0.0, "jumped": (), "jumps": ()},
        {"jitter": 0.5, "skew": 3.0, "jumped": (85, 88), "jumps": (2, -3)},
    ),
    "blocking.smooth": (clip_of(fields=WOVEN), {"strength": 0.0}, {"strength": 6.0, "phase": 3}),
    "flicker.level": (clip_of(16, fields=WOVEN), {"strength": 0.0}, {"swing": 0.05, "reach": 3}),
    "halos.equalise": (clip_of(fields=WOVEN), {"taps": (1.0,)}, {"taps": (0.0, -0.05, 1.1, -0.1, 0.05)}),
    "dropouts.conceal": (clip_of(fields=WOVEN), {"strength": 0.0}, {"strength": 1.0, "sigma": 2.0}),
    "switching.fill": (clip_of(fields=WOVEN), {"lines": 0}, {"lines": 4}),
    "chroma.align": (clip_of(fields=WOVEN), {"right": 0.0, "below": 0.0}, {"right": 2.5, "below": 0.75}),
    "composite.comb": (clip_of(fields=WOVEN), {"luma": 0.0, "chroma": 0.0}, {"system": "pal"}),
    "composite.dots": (clip_of(fields=WOVEN), {"share": 0.0}, {"system": "pal"}),
    "deinterlace.bwdif": (clip_of(fields=WOVEN), None, {"top_first": True}),
    "deinterlace.match": (clip_of(fields=WOVEN), None, {"top_first": True}),
    "fieldlift.restore": (clip_of(12, fields=WOVEN), None, {"top_first": True, "sigma": 2.0}),
    "fields.unmix": (
        clip_of(),
        {"strength": 0.0, "stop": 58},
        {"phase": 0.3, "start": 40, "stop": 58, "strength": 0.9},
    ),
    "denoise.motion": (clip_of(), {"strength": 0.0}, {"radius": 2, "sigmas": (2.0,), "chroma_sigma": 1.0}),
    "denoise.steady": (clip_of(), {"strength": 0.0}, {"sigma": 2.0, "chroma_sigma": 1.0}),
    "fields.hold": (with_lines(clip_of()), {"share": 0.0}, {"share": 0.3, "subcarrier": 0.265}),
    "colour.balance": (
        clip_of(),
        {"black": (0.0, 0.0, 0.0), "white": (1.0, 1.0, 1.0)},
        {"black": (0.05, 0.02, 0.03), "white": (0.8, 0.9, 0.85)},
    ),
    "colour.convert": (clip_of(), {"matrix": 1, "primaries": 1}, {"matrix": 6, "primaries": 6}),
    "light.lift": (clip_of(), {"strength": 0.0}, {"strength": 0.7}),
    "upscale.lanczos": (clip_of(8), None, {"width": 192, "height": 128, "crop": (2, 0, 2, 0)}),
    "upscale.fine": (with_fine(clip_of(8)), None, {"width": 400, "height": 270, "crop": (2, 0, 2, 0)}),
    "faces.restore": (clip_of(half=True), {"strength": 0.0}, {}),
    "detail.limited": (clip_of(half=True), {"strength": 0.0}, {"strength": 1.0}),
    "rate.convert": (clip_of(half=True), {"numerator": 1}, {"numerator": 2}),
    "grain.synthesis": (clip_of(half=True), {"share": 0.0}, {"share": 1.0, "sigmas": (3.0,)}),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(CASES))
def test_stage_keeps_its_contract(name: str) -> None:
    clip, identity, params = CASES[name]
    assert_stage(name, clip, identity=identity, **params)


def test_every_stage_is_held_to_the_contract() -> None:
    # upscale.model needs torch, look.table a file: tests/models/test_models_user_nets.py and test_light_and_look.py.
    assert set(STAGES.names()) == {*CASES, "upscale.model", "look.table"}


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_stage_says_what_it_is_and_bounds_its_parameters(name: str) -> None:
    cls = STAGES.get(name)
    assert cls.__doc__
    assert re.match(r"^[a-z]+\.[a-z]+$", name)
    assert isinstance(cls(cls.Params()).contract, Contract)


@pytest.mark.parametrize(
    ("stage", "params", "words"),
    [
        ("denoise.motion", {"radius": 9}, "denoise.motion.radius = 9"),
        ("denoise.steady", {"sigma": 99.0}, "denoise.steady.sigma = 99"),
        ("fields.hold", {"share": 1.5}, "0..1"),
        ("fields.hold", {"subcarrier": 0.7}, "0..0.5 cycles a sample"),
        ("denoise.motion", {"sigmas": (1.0, 2.0)}, "one sigma for every level"),
        ("detail.limited", {"strength": -1}, "0..2"),
        ("faces.restore", {"strength": 2.0}, "0..1"),
        ("faces.restore", {"raster": (720,)}, "samples and lines"),
        ("grain.synthesis", {"share": 1.5}, "0..1"),
        ("upscale.lanczos", {"width": 101}, "even"),
        ("upscale.fine", {"detail": 2.0}, "0..1.5"),
        ("gaps.rebuild", {"lost": (1,), "fields": (4,)}, "1, 2 or 3"),
        ("switching.fill", {"lines": 30}, "0..24"),
        ("chroma.align", {"right": 20.0}, "-12..12 samples"),
        ("composite.comb", {"system": "secam"}, "ntsc or pal"),
        ("composite.dots", {"system": "secam"}, "ntsc or pal"),
        ("composite.dots", {"share": 1.5}, "0..1"),
        ("blocking.smooth", {"phase": 8}, "0..7 samples"),
        ("flicker.level", {"reach": 40}, "2..30 frames"),
        ("halos.equalise", {"taps": (0.5, 0.5)}, "an odd number of taps"),
        ("halos.equalise", {"taps": (0.5, 0.5, 0.5)}, "add up to 1"),
        ("timebase.align", {"jitter": 9.0}, "0..4 samples"),
        ("timebase.align", {"jumped": (4,)}, "one number of lines for every field"),
        ("colour.balance", {"white": (1.0, 1.0, 2.0)}, "0.5..1.5"),
        ("colour.balance", {"black": (0.0,)}, "R', G' and B'"),
        ("light.lift", {"strength": 1.5}, "0..1"),
        ("colour.convert", {"matrix": 2}, "matrix of H.273"),
    ],
)
def test_parameters_out_of_bounds_are_refused_with_the_bounds(stage: str, params: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError, match=re.escape(words)):
        build(Step(stage, STAGES.get(stage).version, params, ""))


def test_unknown_parameters_stages_and_versions_are_plan_errors() -> None:
    with pytest.raises(PlanError, match="Did you mean 'radius'"):
        build(Step("denoise.motion", 1, {"raduis": 2}, ""))
    with pytest.raises(PlanError, match="planned for version 99"):
        build(Step("denoise.motion", 99, {}, ""))
    with pytest.raises(UsageError, match=r"Did you mean 'denoise\.motion'"):
        build(Step("denoise.moton", 1, {}, ""))


@pytest.mark.parametrize("lasting", [{}, {"lasts": 0.6, "apart": 2}])
def test_grain_of_a_frame_depends_on_its_number_only(lasting: dict[str, float]) -> None:
    clip = clip_of(10, half=True, noise=0)
    step = Step("grain.synthesis", 3, {"share": 1.0, "sigmas": (3.0,), "seed": 5, **lasting}, "")
    whole = build(step).run(clip)
    late = build(step).run(clip.take(clip.frames.shrink(6, 0)))
    np.testing.assert_array_equal(whole.luma[6:], late.luma)
