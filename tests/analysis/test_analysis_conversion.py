"""Fields that a standards converter mixed, made with exact weights; and all that must not pass for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from footlights.analysis import conversion
from footlights.analysis.base import ANALYSERS, Notes, Scene
from footlights.analysis.view import FrameView
from footlights.core.reports import Entry, Shot
from footlights.core.signal import FieldOrder
from footlights.core.source import Ingest, Source
from footlights.core.tape_reports import Conversion, ConversionReport
from footlights.core.time import NTSC_FIELD_RATE, NTSC_FRAME_RATE, PAL_FRAME_RATE, FrameRange
from footlights.media.pixels import layout
from footlights.tape.presets import NEUTRAL
from footlights.tape.simulate import Simulator
from made_tapes import settings

Picture = NDArray[np.float32]
LINES, SAMPLES = 160, 240
FRAMES = 75


@lru_cache
def layers(seed: int) -> list[Picture]:
    rng, made = np.random.default_rng(seed), []
    for size in (9, 15, 6):
        noise = rng.standard_normal((LINES // size + 60, SAMPLES // size + 60)).astype(np.float32)
        made.append(18 * cv2.resize(noise, None, fx=size, fy=size, interpolation=cv2.INTER_CUBIC))
    return made


@lru_cache(maxsize=1000)
def moving(instant: float, seed: int = 3) -> Picture:
    """Three layers of texture that move apart from one another, at any instant."""
    picture = np.full((LINES, SAMPLES), 100, np.float32)
    for layer, dx, dy in zip(layers(seed), (5.0, -3.0, 1.6), (0.6, 1.1, -0.5), strict=True):
        move = np.array([[1, 0, 400 + dx * instant], [0, 1, 200 + dy * instant]], np.float32)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        picture += cv2.warpAffine(layer, move, (SAMPLES, LINES), flags=flags, borderMode=cv2.BORDER_REFLECT)
    return np.clip(picture, 16, 235)


def filled(picture: Picture, parity: int) -> Picture:
    """A field of the picture, the lines between made from those around them: what a converter has of it."""
    lines = picture[parity::2]
    other = (lines + np.roll(lines, 1 if parity else -1, axis=0)) / 2
    made = np.empty_like(picture)
    made[parity::2], made[1 - parity :: 2] = lines, other
    return made


def converted(source: Callable[[int], Picture], ratio: Fraction, phase: float) -> Callable[[int], Picture]:
    """Field n is made of the source's fields around n·ratio + phase, by how near it lies to them."""

    def picture(field: int) -> Picture:
        place = field * float(ratio) + phase
        start, share = int(place), place % 1
        before, after = (filled(source(start + k), (start + k) % 2) for k in (0, 1))
        return np.asarray((1 - share) * before + share * after, np.float32)

    return picture


def found(seen: Callable[[int], Picture], rate: Fraction, *, start: int = 0, frames: int = FRAMES) -> ConversionReport:
    """What the analyser says of one shot."""
    (one,) = told(taped(seen, frames, start=start), rate, start)
    return one


def taped(seen: Callable[[int], Picture], frames: int, *, start: int = 0, sigma: float = 1.5) -> list[Any]:
    """Frames from `start` on, top field first, with noise."""
    rng = np.random.default_rng(start + 1)
    shown: list[Any] = []
    for number in range(start, start + frames):
        frame = seen(2 * number).copy()
        frame[1::2] = seen(2 * number + 1)[1::2]
        shown.append(np.clip(np.rint(frame + rng.normal(0, sigma, frame.shape)), 0, 255).astype(np.uint8))
    return shown


def told(shown: Sequence[Any], rate: Fraction, start: int = 0, shots: int = 1) -> tuple[ConversionReport, ...]:
    signal, every = Simulator(NEUTRAL, 3).signal(), tuple(range(len(shown)))
    source = Source("t", "0" * 64, 1, "mkv", "ffv1", "yuv422p", SAMPLES, LINES, rate, signal, 8, "4:2:2")
    ingest = Ingest(source, len(shown), 1 / rate, every, every, False, (True,) * len(shown), 0, (), (), "c" * 64)
    names = ("conversion", "repeats")
    scene = Scene(ingest, settings().analysis, FieldOrder.TOP_FIRST)
    analysers = [ANALYSERS.get(name)(scene) for name in names]
    whole = FrameRange(0, start + len(shown))
    notes = [Notes(one.columns, whole) for one in analysers]
    views: list[FrameView] = []
    for number, luma in enumerate(shown, start):
        grey = np.full((LINES, SAMPLES // 2), 128, np.uint8)
        planes: Any = (luma, grey, grey)
        views = [*views, FrameView(number, planes, layout("yuv422p"), signal)][-2:]
        for one, own in zip(analysers, notes, strict=True):
            one.look(views, own)
    series = {name: column for own in notes for name, column in own.columns.items()}
    cuts = [start + len(shown) * n // shots for n in range(shots + 1)]
    made = [Shot(n, FrameRange(*one), 0, Entry.CUT, 1.0) for n, one in enumerate(pairwise(cuts))]
    return conversion.report(series, made, range(whole.stop), rate)


@pytest.mark.parametrize("phase", [0.1, 0.65])
def test_fields_made_of_fifty_and_of_sixty_show_their_beat_and_its_phase(phase: float) -> None:
    made = found(converted(moving, 50 / NTSC_FIELD_RATE, phase), NTSC_FRAME_RATE)
    assert made.kind is Conversion.PAL_TO_NTSC
    assert made.period == pytest.approx(6.03, abs=0.01)
    assert made.confidence > 0.8
    assert abs((made.phase - phase + 0.5) % 1 - 0.5) < 0.05
    made = found(converted(moving, NTSC_FIELD_RATE / 50, phase), PAL_FRAME_RATE)
    assert made.kind is Conversion.NTSC_TO_PAL
    assert made.period == pytest.approx(5.03, abs=0.01)
    assert abs((made.phase - phase + 0.5) % 1 - 0.5) < 0.08


def test_shots_of_one_conversion_tell_the_same_phase() -> None:
    fields = converted(moving, 50 / NTSC_FIELD_RATE, 0.4)
    later = found(fields, NTSC_FRAME_RATE, start=41)
    assert later.kind is Conversion.PAL_TO_NTSC
    assert later.phase == pytest.approx(0.4, abs=0.05)


def test_shots_that_show_too_little_alone_are_told_by_the_whole_tape() -> None:
    def slow(instant: float) -> Picture:
        return moving(instant / 2)

    for phase in (0.2, None):
        seen = converted(slow, 50 / NTSC_FIELD_RATE, phase) if phase is not None else slow
        shown = taped(seen, 350, sigma=3)
        alone = [told(shown[n : n + 50], NTSC_FRAME_RATE)[0].kind for n in (0, 150, 300)]
        together = told(shown, NTSC_FRAME_RATE, shots=7)
        kinds = [one.kind for one in together]
        assert alone.count(Conversion.NONE) >= 2
        assert kinds.count(Conversion.PAL_TO_NTSC) >= 6 if phase is not None else set(kinds) == {Conversion.NONE}
        phases = [one.phase for one in together if one.kind is not Conversion.NONE]
        assert phases == pytest.approx([phase] * len(phases), abs=0.15)


def test_a_coders_pattern_of_six_fields_is_none_of_it() -> None:
    """Pictures between others are coded more coarsely than those, as MPEG does with two of type B."""

    def coded(field: int) -> Picture:
        rng = np.random.default_rng(field)
        sigma = 1.5 if field // 2 % 3 == 0 else 4.5
        return moving(field / 2) + cv2.blur(rng.normal(0, 4 * sigma, (LINES, SAMPLES)).astype(np.float32), (4, 4))

    for shots in (1, 7):
        found = told(taped(coded, 350), NTSC_FRAME_RATE, shots=shots)
        assert {one.kind for one in found} == {Conversion.NONE}


def pulled(field: int) -> Picture:
    """Film of 24 frames in 3:2."""
    group, place = divmod(field, 5)
    return moving(2.5 * (2 * group + (place >= 2)))


def flashing(field: int) -> Picture:
    """A strobe every sixth field."""
    return np.asarray((moving(field) - 16) * (1.0 if field % 6 == 0 else 0.2) + 16, np.float32)


def swinging(field: int) -> Picture:
    """Light that swells and falls at the beat itself."""
    return np.asarray((moving(field) - 16) * (0.8 + 0.2 * np.cos(2 * np.pi * field / 6.03)) + 16, np.float32)


def dissolving(field: int) -> Picture:
    share = field / (2 * FRAMES)
    return np.asarray((1 - share) * moving(field) + share * moving(field, 5), np.float32)


def fading(field: int) -> Picture:
    return np.asarray((moving(field) - 16) * (1 - field / (2 * FRAMES + 1)) + 16, np.float32)


def blurred(field: int) -> Picture:
    """A shutter that is open for a whole field."""
    return np.asarray(np.mean([moving(field + part / 4) for part in range(4)], axis=0), np.float32)


@pytest.mark.parametrize(
    "seen",
    [
        moving,
        lambda field: moving(field // 2 * 2),
        lambda field: moving(field // 6 * 6),
        lambda field: moving(0),
        pulled,
        flashing,
        swinging,
        dissolving,
        fading,
        blurred,
    ],
    ids=["interlaced", "progressive", "ten", "still", "film", "strobe", "swelling", "dissolve", "fade", "shutter"],
)
def test_what_is_not_mixed_shows_no_conversion(seen: Callable[[int], Picture]) -> None:
    assert found(seen, NTSC_FRAME_RATE).kind is Conversion.NONE


def test_repeats_of_every_fifth_field_are_none_on_pal_either() -> None:
    assert found(lambda field: moving(field // 5 * 5), PAL_FRAME_RATE).kind is Conversion.NONE


def test_short_shots_and_other_rates_tell_nothing() -> None:
    fields = converted(moving, 50 / NTSC_FIELD_RATE, 0.4)
    assert found(fields, NTSC_FRAME_RATE, frames=12).kind is Conversion.NONE
    assert found(fields, Fraction(24), frames=40).kind is Conversion.NONE
