"""Each repair on its own defect: nearer to the tape without it, and nothing lost where there is none."""

from dataclasses import replace

import numpy as np
import pytest

from footlights.core.clip import Clip, Plane
from footlights.core.plans import Step
from footlights.restoration.base import STAGES, build
from footlights.restoration.timebase import AlignLines, shifted
from footlights.tape.composite import Composite, Decoder
from footlights.tape.defects import Defects
from footlights.tape.presets import NEUTRAL
from footlights.tape.raster import NTSC, PAL, Raster
from footlights.tape.timebase import TimeBase
from tape_views import simulated, stage_scene


def repaired(clip: Clip, name: str, **params: object) -> Clip:
    """The clip through one stage."""
    return build(Step(name, STAGES.get(name).version, params, "")).run(clip)  # type: ignore[arg-type]


def error(made: Plane, true: Plane) -> float:
    """Root mean square, in luma codes."""
    return float(np.sqrt(np.mean((made - true) ** 2)) * 219)


def test_torn_lines_are_filled_from_those_above_and_recorded() -> None:
    scene = stage_scene(4)
    sound = simulated(NEUTRAL, scene).clip()
    torn = simulated(replace(NEUTRAL, defects=Defects(switch_lines=5)), scene).clip()
    stage = build(Step("switching.fill", 1, {"lines": 6}, ""))
    made = stage.run(torn)
    assert error(made.luma[:, -12:], sound.luma[:, -12:]) < 0.7 * error(torn.luma[:, -12:], sound.luma[:, -12:])
    np.testing.assert_array_equal(made.luma[:, :-12], torn.luma[:, :-12])
    assert [touch.area for touch in stage.touched] == [12 / 480] * 2  # type: ignore[attr-defined]


def test_late_colour_comes_back_over_its_luma() -> None:
    scene = stage_scene(2)
    soft = replace(NEUTRAL.tape, chroma_mhz=0.5, chroma_order=2.0)
    true = simulated(replace(NEUTRAL, tape=soft), scene).clip()
    late = simulated(replace(NEUTRAL, tape=replace(soft, chroma_delay=3.3, chroma_drop=1.0)), scene).clip()
    made = repaired(late, "chroma.align", right=3.3, below=1.0)
    inner = np.s_[..., 8:-8, 24:-24]
    assert error(made.chroma[inner], true.chroma[inner]) < 0.1 * error(late.chroma[inner], true.chroma[inner])
    np.testing.assert_array_equal(made.luma, late.luma)


@pytest.mark.parametrize(("system", "raster"), [("ntsc", NTSC), ("pal", PAL)])
@pytest.mark.parametrize("speed", [0.0, 1.5])
def test_dot_crawl_is_combed_out_and_sound_pictures_are_kept(system: str, raster: Raster, speed: float) -> None:
    scene = [
        np.pad(one, ((0, raster.height - 480), (0, 0), (0, 0)), mode="edge") for one in stage_scene(14, speed=speed)
    ]
    true = simulated(NEUTRAL, scene, raster=raster).clip()
    crawling = replace(NEUTRAL, playback=Composite(Decoder.NOTCH, leak=0.25, luma_mhz=6.0, notch_mhz=0.6))
    tape = simulated(crawling, scene, raster=raster).clip()
    made, kept = (repaired(clip, "composite.comb", system=system) for clip in (tape, true))
    wanted = true.take(made.frames).luma
    assert error(made.luma, wanted) < 0.9 * error(tape.take(made.frames).luma, wanted)
    assert error(kept.luma, wanted) < 0.7


def test_lines_that_stray_come_back_and_steady_ones_stay() -> None:
    scene = stage_scene(12)
    true = simulated(NEUTRAL, scene).clip()
    errors = TimeBase(jitter=0.5, jitter_memory=0.85, skew=6.0)
    strayed = simulated(replace(NEUTRAL, timebase=errors), scene).clip()
    chosen = {"jitter": 0.5, "memory": 0.85, "skew": 6.0, "skew_lines": 8.0}
    made = repaired(strayed, "timebase.align", **chosen)
    kept = repaired(true, "timebase.align", jitter=0.5, memory=0.85)
    wanted = true.take(made.frames)
    inner = np.s_[..., 24:-24]
    assert error(made.luma[inner], wanted.luma[inner]) < 0.6 * error(
        strayed.take(made.frames).luma[inner], wanted.luma[inner]
    )
    assert error(made.chroma[inner], wanted.chroma[inner]) < error(
        strayed.take(made.frames).chroma[inner], wanted.chroma[inner]
    )
    assert error(kept.luma[inner], wanted.luma[inner]) < 0.5


def test_a_master_is_put_astray_as_the_tape_is() -> None:
    """Measured offsets the other way round: a clean picture moved by them is the strayed tape's, but for little."""
    scene = stage_scene(12)
    true = simulated(NEUTRAL, scene).clip()
    errors = TimeBase(jitter=0.5, jitter_memory=0.85, skew=6.0)
    tape = simulated(replace(NEUTRAL, timebase=errors), scene).clip().take(true.frames.shrink(0, len(true) - 5))
    params = {"jitter": 0.5, "memory": 0.85, "skew": 6.0, "skew_lines": 8.0}
    stage = build(Step("timebase.align", STAGES.get("timebase.align").version, params, ""))
    assert isinstance(stage, AlignLines)
    offsets = stage.offsets(tape)
    clean, wanted = (one.luma[2][:, 24:-24] for one in (true, tape))
    made = shifted(true.luma[2], -offsets)[:, 24:-24]
    assert error(made, wanted) < 0.6 * error(clean, wanted)


def test_a_jumped_field_is_put_back_line_for_line_and_recorded() -> None:
    true = simulated(NEUTRAL, stage_scene(12)).clip()
    luma, chroma = true.luma.copy(), true.chroma.copy()
    for plane in (luma[3], *chroma[3]):
        plane[1::2] = np.roll(plane[1::2], 4, axis=0)
    stage = build(Step("timebase.align", STAGES.get("timebase.align").version, {"jumped": (7,), "jumps": (4,)}, ""))
    made = stage.run(true.with_pictures(luma, chroma))
    np.testing.assert_array_equal(made.luma[:, :-8], true.take(made.frames).luma[:, :-8])
    assert [(touch.frame, touch.area) for touch in stage.touched] == [(3, 0.5)]  # type: ignore[attr-defined]


def test_moved_colour_and_combed_carriers_are_recorded() -> None:
    crawling = replace(NEUTRAL, playback=Composite(Decoder.NOTCH, leak=0.25, luma_mhz=6.0, notch_mhz=0.6))
    tape = simulated(crawling, stage_scene(6)).clip()
    moved = build(Step("chroma.align", 1, {"right": 1.5}, ""))
    moved.run(tape)
    assert [(one.frame, one.area) for one in moved.touched] == [(0, 1.0), (1, 1.0), (2, 1.0)]  # type: ignore[attr-defined]
    combed = build(Step("composite.comb", 1, {"system": "ntsc"}, ""))
    combed.run(tape)
    (touch,) = combed.touched  # type: ignore[attr-defined]
    assert touch.frame == 1
    assert 0 < touch.area < 1
