"""Fields: weaving, and chroma raised at the positions the standards give it."""

import numpy as np
import pytest

from footlights.core.fields import raise_chroma, split, weave
from footlights.core.signal import ChromaSiting


def test_weaving_undoes_splitting() -> None:
    frames = np.arange(2 * 8 * 5, dtype=np.float32).reshape(2, 8, 5)
    assert (weave(*split(frames)) == frames).all()


def _lines(height: int) -> np.ndarray:
    return np.arange(height, dtype=np.float32)


def test_interlaced_420_chroma_of_a_vertical_ramp_comes_back_exactly() -> None:
    """A linear function sampled at the MPEG-2 field positions is a linear function again, in both fields."""
    height, width = 48, 8
    # Frame line of chroma line j: top field 4j + 0.5 → field line 2j + 1/4; bottom field likewise + 3/4.
    chroma = np.empty((2, height // 2, width // 2), np.float32)
    for j in range(height // 4):
        chroma[:, 2 * j] = 2 * (2 * j + 0.25)
        chroma[:, 2 * j + 1] = 2 * (2 * j + 0.75) + 1
    raised = raise_chroma(chroma, width, height, ChromaSiting.LEFT, interlaced=True)
    inner = slice(8, -8)
    assert raised[0, inner, 3] == pytest.approx(_lines(height)[inner], abs=1e-4)


def test_progressive_420_chroma_of_a_vertical_ramp_comes_back_exactly() -> None:
    height, width = 48, 8
    chroma = np.broadcast_to((2 * _lines(height // 2) + 0.5)[None, :, None], (2, height // 2, width // 2)).copy()
    raised = raise_chroma(chroma, width, height, ChromaSiting.LEFT, interlaced=False)
    assert raised[1, 6:-6, 2] == pytest.approx(_lines(height)[6:-6], abs=1e-4)


@pytest.mark.parametrize(
    ("ratio", "siting", "offset"),
    [(2, ChromaSiting.LEFT, 0.0), (2, ChromaSiting.CENTRE, 0.5), (4, ChromaSiting.LEFT, 0.0)],
)
def test_horizontal_siting(ratio: int, siting: ChromaSiting, offset: float) -> None:
    width = 64
    samples = ratio * np.arange(width // ratio, dtype=np.float32) + offset
    chroma = np.broadcast_to(samples, (2, 4, width // ratio)).copy()
    raised = raise_chroma(chroma, width, 4, siting, interlaced=False)
    inner = slice(3 * ratio, -3 * ratio)
    assert raised[0, 0, inner] == pytest.approx(np.arange(width, dtype=np.float32)[inner], abs=1e-3)


def test_fields_with_other_colours_do_not_mix() -> None:
    """The failure of progressive upsampling on interlaced tape: stripes on moving saturated light."""
    chroma = np.empty((2, 24, 8), np.float32)
    chroma[:, 0::2], chroma[:, 1::2] = 0.4, -0.4
    raised = raise_chroma(chroma, 16, 48, ChromaSiting.LEFT, interlaced=True)
    assert raised[:, 0::2] == pytest.approx(0.4, abs=1e-6)
    assert raised[:, 1::2] == pytest.approx(-0.4, abs=1e-6)
    mixed = raise_chroma(chroma, 16, 48, ChromaSiting.LEFT, interlaced=False)
    assert np.abs(mixed[0, 0::2] - 0.4).max() > 0.1
