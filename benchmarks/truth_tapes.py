"""The tapes of `analysis_truth.py`: what each is, and how it is made with the truth of all that is asked of it."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

import concerts
from footlights.core.clip import Plane
from footlights.core.reports import CadenceKind
from footlights.core.signal import FieldOrder
from footlights.core.time import FrameRange
from footlights.metrics.interlace import block_changes, repeat_level
from footlights.pipeline.simulate import write_frames
from footlights.tape import optics
from footlights.tape.presets import PRESETS
from footlights.tape.raster import NTSC, PAL, Raster, parity_of
from footlights.tape.record import Sample
from footlights.tape.schedule import Schedule
from footlights.tape.simulate import Simulator
from footlights.tape.truth import NoiseTruth, Truth
from truth_scores import SEEN, Field, Lost

TOP, BOTTOM = FieldOrder.TOP_FIRST, FieldOrder.BOTTOM_FIRST
INTERLACED, PROGRESSIVE, TELECINE = CadenceKind.INTERLACED, CadenceKind.PROGRESSIVE, CadenceKind.TELECINE
SUFFIX = {"ffv1": ".mkv", "mpeg2": ".mpg", "dv": ".avi"}
LOSSES = {"lost_frame_rate": 0.008, "lost_field_rate": 0.006, "duplicate_rate": 0.010}
"""Per frame or field: enough of them to count, not so many that they would be a cadence."""
Codes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Case:
    """One tape."""

    preset: str
    number: int
    raster: Raster
    order: FieldOrder
    scan: CadenceKind
    codec: str
    strobes: bool
    lies: bool
    """The tape's field order tag is wrong."""

    @property
    def name(self) -> str:
        parts = [self.preset, str(self.number), self.raster.standard, self.order, self.scan, self.codec]
        return " ".join([*parts, *(["strobes"] if self.strobes else []), *(["wrong tag"] if self.lies else [])])


def cases(preset: str) -> Iterator[Case]:
    """The tapes of one preset."""
    rows = (
        (NTSC, TOP, INTERLACED, "ffv1", False, False),
        (NTSC, BOTTOM, INTERLACED, "ffv1", True, True),
        (NTSC, TOP, INTERLACED, "mpeg2", False, False),
        (NTSC, BOTTOM, INTERLACED, "dv", True, False),
        (PAL, TOP, INTERLACED, "mpeg2", True, True),
        (PAL, TOP, PROGRESSIVE, "ffv1", True, False),
        (NTSC, TOP, TELECINE, "ffv1", False, False),
        (NTSC, BOTTOM, TELECINE, "mpeg2", False, True),
    )
    for number, row in enumerate(rows):
        yield Case(preset, number, *row)


class Made(NamedTuple):
    """What is true of a tape."""

    concert: concerts.Concert
    truth: Truth
    noises: list[NoiseTruth]
    """Of every shot."""
    lost: list[Lost]
    """Fields that do not show their own instant."""
    still: set[Field]
    """Fields at which the clip itself rests."""


def made(case: Case, data: Path, frames: int, seed: int, tape: Path) -> Made:
    """Write the tape."""
    seed = zlib.crc32(f"{case.name} {seed}".encode())
    preset = PRESETS[case.preset]
    preset = replace(preset, losses=replace(preset.losses, **LOSSES))
    simulator = Simulator(preset, seed % 10_000, case.raster, case.order, case.scan)
    rng = np.random.default_rng(seed)
    concert, cuts = concerts.draw(data, frames, simulator.schedule(()), rng, strobes=case.strobes)
    wanted = _sampled(cuts, frames, simulator)
    kept: dict[int, Plane] = {}
    schedule = simulator.schedule(cuts)
    numbers = {schedule.picture_of(field) for fields in wanted for field in fields}
    replaced = _replaced(schedule, frames)
    shown: dict[int, Codes] = {}
    stream = _keep(concerts.show(concert), numbers, kept, shown)
    recording = simulator.run(stream, cuts, frames=FrameRange(0, frames))
    other = TOP if case.order is BOTTOM else BOTTOM
    tagged = replace(simulator, field_order=other) if case.lies else simulator
    aspect = simulator.signal(Fraction(4, 3)).sample_aspect
    write_frames(tape, recording, tagged, case.codec, aspect, None, 8_000_000, lambda _: None)
    deque(stream, maxlen=0)  # what a field lost at the very end should have shown
    noises = [simulator.noise([_sample(simulator, kept, cuts, field) for field in fields]) for fields in wanted]
    lost = [_lost(schedule, field, kind, case.order, shown) for field, kind in replaced.items()]
    return Made(concert, recording.truth(), noises, lost, _still(schedule, frames, case.order, shown))


def _replaced(schedule: Schedule, frames: int) -> dict[int, str]:
    """Fields that do not show their own instant, and what became of it."""
    slots = map(schedule.slot, range(2 * frames))
    return {
        slot.number: "lost frame" if slot.lost_frame else "lost field" if slot.lost_field else "duplicate"
        for slot in slots
        if slot.lost_frame or slot.lost_field or slot.duplicate
    }


def _pictures(schedule: Schedule, field: int) -> tuple[int, int]:
    """The picture a field should show, and the one it shows."""
    return schedule.picture_of(field), schedule.slot(field).sources[0][0]


def _lost(schedule: Schedule, field: int, kind: str, order: FieldOrder, shown: dict[int, Codes]) -> Lost:
    parity = parity_of(field, order)
    repeats = field > 1 and schedule.slot(field).recorded == schedule.slot(field - 2).recorded
    should, does = (shown[picture][parity::2] for picture in _pictures(schedule, field))
    return Lost(field // 2, parity, kind, repeats, repeat_level(block_changes(should, does)))


def _still(schedule: Schedule, frames: int, order: FieldOrder, shown: dict[int, Codes]) -> set[Field]:
    """Frame and parity of fields whose own picture is not the one of the field of their parity before, but looks so."""
    found = set()
    for field in range(2, 2 * frames):
        own, before, parity = schedule.picture_of(field), schedule.picture_of(field - 2), parity_of(field, order)
        if own != before and repeat_level(block_changes(shown[own][parity::2], shown[before][parity::2])) < SEEN:
            found.add((field // 2, parity))
    return found


def _sampled(cuts: Sequence[int], frames: int, simulator: Simulator) -> list[tuple[int, int]]:
    """Of every shot two fields whose noise is measured."""
    return [
        (start + (stop - start) // 3, start + 2 * (stop - start) // 3)
        for start, stop in pairwise([0, *cuts, 2 * frames])
    ]


def _keep(
    pictures: Iterable[Plane], numbers: set[int], kept: dict[int, Plane], shown: dict[int, Codes]
) -> Iterator[Plane]:
    """Pass pictures on, and keep some as they are, and all as luma codes of a frame."""
    for number, picture in enumerate(pictures):
        if number in numbers:
            kept[number] = picture
        grey = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (720, 480), interpolation=cv2.INTER_AREA)
        shown[number] = (16 + 219 * grey).astype(np.uint8)
        yield picture


def _sample(simulator: Simulator, kept: dict[int, Plane], cuts: Sequence[int], field: int) -> Sample:
    """The light of a field's lines before the camera."""
    schedule = simulator.schedule(cuts)
    picture = schedule.picture_of(field)
    rows = simulator.expose(kept[picture], picture, schedule.shot_of_picture(picture))
    lines = optics.collect(rows, parity_of(field, simulator.field_order), simulator.preset.optics)
    return Sample(lines, field, field)
