"""What camera and composite connection do to a picture, as planes for a fit: closed form and simulator as oracles."""

from __future__ import annotations

from dataclasses import replace
from math import erf

import cv2
import numpy as np
import pytest

from footlights.core import subcarrier
from footlights.core.clip import Plane
from footlights.core.signal import Matrix
from footlights.metrics.redegradation import Pushed, Residual, compare
from footlights.metrics.tapepath import APERTURES, behind, crawl, in_light
from footlights.tape import composite
from footlights.tape.composite import Composite, Decoder
from footlights.tape.raster import NTSC, PAL, Component, Moment, Raster
from made_tapes import texture

SIGMA = 2.0
MATRIX = Matrix.SMPTE170M
HEIGHT, WIDTH = 160, 240


def test_an_aperture_gathers_light() -> None:
    """Black beside white: behind a Gaussian aperture light goes over as the error function, signal as its root."""
    step = np.zeros((40, 80), np.float32)
    step[:, 40:] = 1
    for lit, (across, _) in zip(in_light(step, np.zeros((2, 40, 80), np.float32), MATRIX), APERTURES, strict=True):
        places = np.arange(36, 44)
        light = [0.5 * (1 + erf((x - 39.5) / across / 2**0.5)) for x in places]
        assert lit[20, 36:44] ** 2.4 == pytest.approx(np.array(light), abs=0.02)
        assert lit[20, 38] + lit[20, 41] > 1.1, "the edge lies nearer the dark side"


def test_flat_colour_is_the_same_behind_every_aperture() -> None:
    flat = np.full((24, 24), 0.4, np.float32)
    colour = np.stack([flat * 0.3, flat * -0.4])
    for lit in in_light(flat, colour, MATRIX):
        assert lit == pytest.approx(flat, abs=1e-5)


def test_behind_an_aperture_colour_changes_more_softly_from_line_to_line() -> None:
    luma, chroma = np.full((24, 24), 0.4, np.float32), np.zeros((2, 24, 24), np.float32)
    chroma[1, 12:] = 0.2
    soft = behind(luma, chroma, MATRIX)[1]
    assert soft[1, 3] == pytest.approx(chroma[1, 3], abs=1e-5)
    assert np.abs(np.diff(soft[1, :, 12])).max() < 0.15 < np.abs(np.diff(chroma[1, :, 12])).max()


def coloured(seed: int) -> tuple[Plane, Plane]:
    """A woven picture finer than the tape, with hard edges of black, white and red: luma and chroma, nominal."""
    luma = (cv2.resize(texture(seed)[:HEIGHT, :WIDTH], (WIDTH, HEIGHT)) - 16) / np.float32(219) * np.float32(0.5)
    chroma = np.zeros((2, HEIGHT, WIDTH), np.float32)
    for x in range(20, WIDTH - 30, 44):
        cv2.rectangle(luma, (x, 24), (x + 18, HEIGHT - 30), 0.3, -1)
        cv2.rectangle(chroma[1], (x, 24), (x + 18, HEIGHT - 30), 0.35, -1)
        cv2.rectangle(chroma[0], (x, 24), (x + 18, HEIGHT - 30), -0.12, -1)
        cv2.rectangle(luma, (x + 24, 40), (x + 30, HEIGHT - 40), 0.9, -1)
    return luma, np.stack([cv2.GaussianBlur(plane, (0, 0), 2) for plane in chroma])


def taped(number: int, raster: Raster, decoder: Decoder, *, lit: bool = False) -> Pushed:
    """A field that went over a composite connection, with noise, and a master that knows the picture."""
    luma, chroma = coloured(number)
    seen = in_light(luma, chroma, MATRIX)[0] if lit else luma
    parity = number % 2
    field = Component(np.ascontiguousarray(seen[parity::2]), np.ascontiguousarray(chroma[:, parity::2, ::2]))
    at = Moment(1, 4 + number, parity, replace(raster, width=WIDTH, height=HEIGHT, active_width=WIDTH))
    played = composite.transcode(field, Composite(decoder=decoder), at).luma
    noise = np.random.default_rng(number).normal(0, SIGMA, played.shape)
    carrier = subcarrier.NTSC if raster is NTSC else subcarrier.PAL
    return Pushed(
        (played * 219 + 16 + noise).astype(np.float32),
        luma * 219 + 16,
        parity,
        2,
        lit=tuple(one * 219 + 16 for one in in_light(luma, chroma, MATRIX)),
        crawl=tuple(one * 219 for one in crawl(luma, chroma, carrier)),
    )


def ratio(samples: list[Pushed]) -> float:
    found: Residual = compare(samples, (128.0,), (SIGMA,))
    return found.rms / found.noise


@pytest.mark.parametrize("raster", [NTSC, PAL], ids=["ntsc", "pal"])
@pytest.mark.parametrize("decoder", [Decoder.NOTCH, Decoder.TWO_LINE])
def test_dot_crawl_is_put_back_by_the_colour_it_came_from(raster: Raster, decoder: Decoder) -> None:
    samples = [taped(n, raster, decoder) for n in range(3)]
    assert ratio([replace(one, crawl=()) for one in samples]) > 1.3
    assert ratio(samples) < 1.1


def test_an_edge_that_was_blurred_in_light_is_no_fault_of_the_master() -> None:
    samples = [taped(n, NTSC, Decoder.TWO_LINE, lit=True) for n in range(3)]
    assert ratio([replace(one, lit=()) for one in samples]) > 1.3
    assert ratio(samples) < 1.1


def textured(luma: Plane) -> Plane:
    """2.5 codes that nobody filmed."""
    grains = cv2.GaussianBlur(np.random.default_rng(2).normal(0, 1, luma.shape).astype(np.float32), (0, 0), 1.0)
    return luma + grains * np.float32(2.5 / grains.std())


def levelled(luma: Plane) -> Plane:
    """Fine detail taken away, edges kept."""
    return np.asarray(cv2.bilateralFilter(luma, 11, 60, 4), np.float32)


def softened(luma: Plane) -> Plane:
    return np.asarray(cv2.GaussianBlur(luma, (0, 0), 1.2), np.float32)


def displaced(luma: Plane) -> Plane:
    """A part of the picture lies a sample to the right."""
    return np.concatenate([luma[:, :80], np.roll(luma, 1, axis=1)[:, 80:160], luma[:, 160:]], axis=1)


def recoloured(luma: Plane) -> Plane:
    """A ninth of the picture another grey."""
    made = luma.copy()
    made[50:110, 80:160] += 6
    return made


@pytest.mark.parametrize("wrong", [textured, levelled, softened, displaced, recoloured])
def test_what_is_wrong_shows_through_everything_that_is_put_back(wrong: object) -> None:
    assert callable(wrong)
    samples = [taped(n, NTSC, Decoder.TWO_LINE, lit=True) for n in range(3)]
    bad = []
    for number, one in enumerate(samples):
        made = wrong(one.master)
        chroma = coloured(number)[1]
        lit = in_light((made - 16) / np.float32(219), chroma, MATRIX)
        patterns = crawl((made - 16) / np.float32(219), chroma, subcarrier.NTSC)
        bad.append(
            replace(one, master=made, lit=tuple(p * 219 + 16 for p in lit), crawl=tuple(p * 219 for p in patterns))
        )
    assert ratio(bad) > 1.2


def test_another_instant_shows() -> None:
    samples = [taped(n, NTSC, Decoder.TWO_LINE) for n in range(3)]
    assert ratio([replace(one, source=np.roll(one.source, 2, axis=1)) for one in samples]) > 2


def test_concealed_streaks_tell_nothing() -> None:
    samples = [taped(n, NTSC, Decoder.TWO_LINE) for n in range(3)]
    source, mask = samples[0].source.copy(), np.zeros(samples[0].source.shape, bool)
    source[30, 40:160], mask[29:32, 36:164] = 235, True
    hurt = replace(samples[0], source=source)
    assert ratio([hurt, *samples[1:]]) > 1.2
    assert ratio([replace(hurt, concealed=mask), *samples[1:]]) == pytest.approx(ratio(samples), abs=0.03)
