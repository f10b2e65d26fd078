"""Hanging dots: what a comb decoder of our simulator left where colour changes from line to line."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from footlights.core import subcarrier
from footlights.core.clip import Plane
from footlights.core.plans import Step
from footlights.metrics.dots import hanging
from footlights.pipeline import putback
from footlights.restoration.base import STAGES, build
from footlights.tape.composite import Composite, Decoder
from footlights.tape.presets import NEUTRAL
from footlights.tape.raster import NTSC, PAL, Raster
from tape_views import simulated


def lamps(count: int, height: int, *, grey: bool = False) -> list[Plane]:
    """Soft cyan lamps on amber, drifting; `grey`: the same shapes without colour, with fine diagonal stripes."""
    rows, columns = np.mgrid[0:height, 0:704].astype(np.float32)
    made = []
    for number in range(count):
        level = np.zeros((height, 704), np.float32)
        for x, y, radius in ((150, 120, 60), (420, 200, 90), (560, 380, 50), (250, 340, 70)):
            level = np.maximum(level, np.hypot(columns - x - 1.5 * number, (rows - y) * 1.4) < radius)
        level = cv2.GaussianBlur(level, (0, 0), 2.0)[..., None]
        low, high = np.float32([0.45, 0.22, 0.1]), np.float32([0.4, 0.9, 1.0])
        if grey:
            stripes = 0.1 * np.sin(2 * np.pi * (0.26 * columns + 0.25 * rows))
            made.append(np.repeat(0.3 + 0.4 * level + stripes[..., None].astype(np.float32), 3, axis=2))
        else:
            made.append(np.asarray(low * (1 - level) + high * level, np.float32))
    return made


def error(made: Plane, true: Plane) -> float:
    """Root mean square of what lies on the subcarrier and is inverted from line to line, in luma codes."""
    carrier = subcarrier.NTSC if made.shape[1] == 480 else subcarrier.PAL
    across = subcarrier.across(carrier.inverted)
    apart = [
        cv2.sepFilter2D(np.ascontiguousarray(frame[0::2]), -1, subcarrier.band(carrier.cycles), across)
        for frame in made - true
    ]
    return float(np.sqrt(np.mean(np.stack(apart)[:, 8:-8, 20:-20] ** 2)) * 219)


@pytest.mark.parametrize(("system", "raster"), [("ntsc", NTSC), ("pal", PAL)])
@pytest.mark.parametrize(("decoder", "share"), [(Decoder.ONE_LINE, 0.4), (Decoder.TWO_LINE, 0.75)])
def test_dots_that_a_comb_left_on_moving_edges_go(system: str, raster: Raster, decoder: Decoder, share: float) -> None:
    scene = lamps(6, raster.height)
    tape = simulated(replace(NEUTRAL, playback=Composite(decoder)), scene, raster=raster).clip()
    stage = build(Step("composite.dots", STAGES.get("composite.dots").version, {"system": system}, ""))
    made = stage.run(tape)
    true = simulated(NEUTRAL, scene, raster=raster).clip()
    assert error(made.luma, true.luma) < share * error(tape.luma, true.luma)
    np.testing.assert_array_equal(made.chroma, tape.chroma)
    assert [touch.frame for touch in stage.touched] == [0, 1, 2]  # type: ignore[attr-defined]


def test_fine_stripes_without_colour_stay_to_the_bit() -> None:
    tape = simulated(NEUTRAL, lamps(2, 480, grey=True)).clip()
    field, colour = tape.luma[0, 0::2], tape.chroma[0][:, 0::2]
    np.testing.assert_array_equal(hanging(field, colour, subcarrier.NTSC), 0)


def test_the_pattern_is_that_of_the_colour_that_differs() -> None:
    """Closed form: U and V of colour that changes from line to line, on the subcarrier, with a gain and a phase."""
    rows, columns = np.mgrid[0:96, 0:720].astype(np.float32)
    edge = 0.5 + 0.5 * np.sin(rows / 5) * np.sin(columns / 90)
    chroma = np.stack([0.3 * edge, -0.2 * edge]).astype(np.float32)
    u, v = 0.874 * chroma[0], 1.23 * chroma[1]
    change = (np.roll(v, -1, 0) - np.roll(v, 1, 0) - 1j * (np.roll(u, -1, 0) - np.roll(u, 1, 0))) / 2
    change[[0, -1]] = 0
    turn = 0.45 * np.exp(1j * 1.1)
    dots = (turn * change * np.exp(2j * np.pi * (227.5 / 858 * columns + 0.5 * rows))).real
    made = hanging((0.4 + dots).astype(np.float32), chroma, subcarrier.NTSC)
    inner = (slice(12, -12), slice(24, -24))
    assert np.abs(made - dots)[inner].max() < 0.08 * np.abs(dots).max()
    astray = np.exp(2j * np.pi * np.random.default_rng(2).random(96))[:, None] * change
    wild = (turn * astray * np.exp(2j * np.pi * (227.5 / 858 * columns + 0.5 * rows))).real
    np.testing.assert_array_equal(hanging((0.4 + wild).astype(np.float32), chroma, subcarrier.NTSC), 0)


def test_dots_that_were_taken_out_are_put_back_before_a_master_is_compared() -> None:
    tape = simulated(replace(NEUTRAL, playback=Composite(Decoder.ONE_LINE)), lamps(2, 480)).clip()
    step = Step("composite.dots", STAGES.get("composite.dots").version, {"share": 0.8}, "")
    made = build(step).run(tape)
    put_back = made.luma[0] + putback.dotted(step, tape.luma[0], tape.chroma[0])
    np.testing.assert_allclose(put_back, tape.luma[0], atol=1e-6)
