"""Drawn scenes on tapes of our own simulator, as the tracker is shown them: shared by the parts of `faces.py`."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from footlights.core.clip import Clip, Plane
from footlights.core.colour import DISPLAY_GAMMA, chroma_from_codes, luma_from_codes
from footlights.core.signal import Range
from footlights.core.time import FrameRange
from footlights.models.faces import Picture
from footlights.pipeline.facetracks import picture_of
from footlights.tape.raster import NTSC
from footlights.tape.simulate import Simulator
from footlights.training.tapes import known_tape

SIZE = (640, 480)
"""Of the pictures with square samples."""
DRAWN = (704, 480)
"""Samples and lines in which scenes are drawn; those of the tape's active picture."""
TINTS = {
    "white": (1.0, 1.0, 1.0),
    "amber": (1.0, 0.5, 0.08),
    "red": (1.0, 0.035, 0.02),
    "blue": (0.03, 0.07, 1.0),
    "magenta": (1.0, 0.03, 0.75),
    "green": (0.05, 1.0, 0.12),
}
"""Shares of linear light."""
_GAIN = 1.8
"""Of coloured light: cameras are opened under it until its own channel clips."""


def on_tape(scenes: Iterator[Plane], seed: int, *, tape: str = "medium") -> Iterator[Picture]:
    """Scenes `(480, 704, 3)` R'G'B' 0..1, one a field, through the simulator: its fields as pictures, in order."""
    simulator = Simulator(known_tape(tape).preset, seed, NTSC)
    active = slice(NTSC.left, NTSC.left + NTSC.active_width)
    halved = slice(active.start // 2, active.stop // 2)
    for frame in simulator.run(scenes):
        luma = luma_from_codes(frame.y, 8, Range.LIMITED)[:, active]
        chroma = np.stack([chroma_from_codes(plane, 8, Range.LIMITED)[:, halved] for plane in (frame.cb, frame.cr)])
        clip = Clip(luma[None], chroma[None], simulator.signal(), FrameRange(0, 1), Fraction(30000, 1001))
        for parity in (0, 1):
            yield picture_of(clip, 0, parity, SIZE)


def lit(scene: Plane, light: Any) -> Plane:
    """A scene under another light, clipped as a camera clips."""
    colour = np.array(light, np.float32)
    gain = _GAIN if colour.min() < 1 else 1.0
    linear = np.maximum(scene, 0) ** DISPLAY_GAMMA * colour * gain
    return np.ascontiguousarray(np.minimum(linear, 1) ** (1 / DISPLAY_GAMMA), np.float32)
