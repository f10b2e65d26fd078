"""Y/C delay against simulated tapes whose delay is known."""

from dataclasses import replace

import numpy as np
import pytest

from footlights.analysis.alignment import report
from footlights.core.reports import ChromaDelayReport
from footlights.tape.presets import NEUTRAL
from footlights.tape.raster import Raster
from tape_views import Simulated, simulated, stage_scene


def late(right: float, below: float, mhz: float = 1.5) -> Simulated:
    tape = replace(NEUTRAL.tape, chroma_mhz=mhz, chroma_order=2.0, chroma_delay=right, chroma_drop=below)
    return simulated(replace(NEUTRAL, tape=tape), stage_scene(10))


def found(tape: Simulated) -> ChromaDelayReport:
    return report(tape.columns("alignment"), tape.shot)


@pytest.mark.parametrize(
    ("right", "below", "mhz"), [(0, 0, 2.75), (4, 0.5, 0.5), (1.3, 1.0, 1.0), (-2.0, 0, 0.5), (6, 2.0, 0.5)]
)
def test_delay_is_found_to_a_quarter_sample_and_line(right: float, below: float, mhz: float) -> None:
    one = found(late(right, below, mhz))
    assert one.horizontal == pytest.approx(right, abs=0.25)
    assert one.vertical == pytest.approx(below, abs=0.25)
    assert min(one.confidence, one.vertical_confidence) > 0.5


def test_without_colour_or_room_nothing_is_claimed() -> None:
    grey = [np.repeat(picture[..., :1], 3, axis=2) for picture in stage_scene(10)]
    assert found(simulated(NEUTRAL, grey)).confidence == 0
    tiny = [np.full((96, 128, 3), 0.5, np.float32)] * 10
    small = found(simulated(NEUTRAL, tiny, raster=Raster(width=128, height=96, active_width=128)))
    assert (small.horizontal, small.confidence) == (0, 0)
    assert found(simulated(NEUTRAL, [np.zeros((480, 704, 3), np.float32)] * 2)).confidence == 0
