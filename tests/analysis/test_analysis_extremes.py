"""Tapes at the edge: endless shots, shots of a frame, light that never rests, fields that turn half way."""

from __future__ import annotations

import gc
import weakref
from fractions import Fraction
from pathlib import Path

import numpy as np

from footlights.analysis.base import ANALYSERS, Notes, Scene
from footlights.analysis.view import FrameView
from footlights.core.reports import CadenceKind
from footlights.core.signal import BT709_SIGNAL, FieldOrder
from footlights.core.source import Ingest, Source
from footlights.core.time import FrameRange
from footlights.media.pixels import layout
from footlights.planning import rules
from made_tapes import interlaced, noisy, panned, settings, surveyed, texture


def test_a_shot_without_end_is_measured_in_bounded_memory() -> None:
    """No analyser holds on to more than the few frames it is shown at once, however long the shot."""
    frames = 24
    every = tuple(range(frames))
    source = Source("t", "0" * 64, 1, "mkv", "ffv1", "yuv420p", 96, 64, Fraction(25), BT709_SIGNAL, 8, "4:2:0")
    ingest = Ingest(source, frames, Fraction(1, 25), every, every, False, (True,) * frames, 0, (), (), "c" * 64)
    scene = Scene(ingest, settings().analysis)
    analysers = [ANALYSERS.get(name)(scene) for name in ANALYSERS.names() if name != "faces"]
    notes = [Notes(one.columns, FrameRange(0, frames)) for one in analysers]
    views: list[FrameView] = []
    seen: list[weakref.ref[FrameView]] = []
    for number in range(frames):
        luma = np.random.default_rng(number).integers(30, 200, (64, 96), dtype=np.uint8)
        chroma = np.full((32, 48), 128, np.uint8)
        views = [*views, FrameView(number, (luma, chroma, chroma), layout("yuv420p"), BT709_SIGNAL)][-3:]
        seen.append(weakref.ref(views[-1]))
        for analyser, own in zip(analysers, notes, strict=True):
            analyser.look(views[-(1 + analyser.before + analyser.after) :], own)
    views.clear()
    gc.collect()
    assert sum(one() is not None for one in seen) <= 3


def test_shots_of_one_frame_each_are_all_kept(tmp_path: Path) -> None:
    frames = noisy([panned(texture(seed), 0) for seed in range(14)], 1)
    taken, survey = surveyed(frames, tmp_path)
    assert [one.shot.frames for one in survey.shots] == [FrameRange(number, number + 1) for number in range(14)]
    plan = rules.plan(survey, taken.ingest, settings())
    assert len(plan.shots) == len(survey.shots)
    assert survey.gaps == ()


def test_a_tape_whose_light_never_rests_is_measured_to_its_end(tmp_path: Path) -> None:
    scene = texture(3)
    frames = interlaced(lambda f: np.clip(16 + (panned(scene, f) - 16) * (0.2, 1.0, 2.2)[f % 3], 16, 235), 24)
    taken, survey = surveyed(noisy(frames, 2), tmp_path)
    assert [one.shot.frames.stop for one in survey.shots][-1] == 24
    assert survey.gaps == ()
    assert rules.plan(survey, taken.ingest, settings()).time_map.frames > 0


def test_a_field_order_that_turns_half_way_is_followed_shot_by_shot(tmp_path: Path) -> None:
    scenes = texture(4), texture(9)
    early = interlaced(lambda f: panned(scenes[0], f), 20)
    late = interlaced(lambda f: panned(scenes[1], f), 20, top_first=False)
    taken, survey = surveyed(noisy([*early, *late], 1.5), tmp_path)
    first, second = survey.shots
    assert {first.cadence.kind, second.cadence.kind} == {CadenceKind.INTERLACED}
    assert (first.cadence.field_order, second.cadence.field_order) == (FieldOrder.TOP_FIRST, FieldOrder.BOTTOM_FIRST)
    steps = [
        {step.stage: step.params for step in shot.steps} for shot in rules.plan(survey, taken.ingest, settings()).shots
    ]
    assert [one["fieldlift.restore"]["top_first"] for one in steps] == [True, False]
