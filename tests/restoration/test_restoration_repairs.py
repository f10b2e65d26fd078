"""Each repair on its own defect: nearer to the tape without it, and nothing lost where there is none."""

from dataclasses import replace

import numpy as np
import pytest

from footlights.core.clip import Clip, Plane
from footlights.core.plans import Step
from footlights.restoration.base import STAGES, build
from footlights.tape.composite import Composite, Decoder
from footlights.tape.defects import Defects
from footlights.tape.presets import NEUTRAL
from footlights.tape.raster import NTSC, PAL, Raster
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
