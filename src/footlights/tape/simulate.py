"""The tape simulator: progressive pictures in, woven frames of a damaged interlaced tape out, and the truth about them.

    simulator = Simulator(preset("vhs"), seed=7)
    recording = simulator.run(pictures, cuts=[240])
    for frame in recording:
        ...
    truth = recording.truth()

The chain follows the physics: stage light, lens, sensor, read-out, camera, composite, tape, noise, time base, damage,
composite again, levels, converter (models and sources in the modules of each step). It streams: a few pictures are
held, whatever the length of the tape.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import count

import numpy as np
from numpy.typing import NDArray

from footlights.core.clip import Plane
from footlights.core.fields import TOP, weave
from footlights.core.reports import CadenceKind
from footlights.core.signal import ChromaSiting, FieldOrder, Range, Signal, Transfer
from footlights.core.time import FrameRange
from footlights.errors import ParameterError
from footlights.tape import composite, defects, levels, light, noise, optics, timebase
from footlights.tape.camera import shoot
from footlights.tape.formats import transfer
from footlights.tape.presets import Preset, quiet
from footlights.tape.raster import NTSC, Component, Moment, Raster, Standard, parity_of
from footlights.tape.record import Log, Sample
from footlights.tape.schedule import REACH, TELECINE_PHASE, Schedule, Slot, checked_cuts
from footlights.tape.truth import CutPoint, NoiseTruth, Truth, measure_noise


@dataclass(frozen=True, slots=True)
class TapeFrame:
    """One woven frame in studio-range code values, Y'CbCr 4:2:2 co-sited: uint8, or uint16 above 8 bits."""

    number: int
    y: NDArray[np.unsignedinteger]
    """`(H, W)`."""
    cb: NDArray[np.unsignedinteger]
    """`(H, W/2)`."""
    cr: NDArray[np.unsignedinteger]
    """`(H, W/2)`."""


@dataclass(frozen=True, slots=True)
class Simulator:
    """A tape machine set up in one way. It holds no state: `run` may be called again, in parts, and in any order."""

    preset: Preset
    seed: int = 0
    raster: Raster = NTSC
    field_order: FieldOrder = FieldOrder.TOP_FIRST
    scan: CadenceKind = CadenceKind.INTERLACED
    bits: int = 8

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ParameterError("tape.seed", self.seed, "choose 0 or more")
        if not self.field_order.interlaced:
            raise ParameterError("tape.field_order", str(self.field_order), "choose top-first or bottom-first")
        if self.bits not in (8, 10):
            raise ParameterError("tape.bits", self.bits, "choose 8 or 10")
        if self.scan is CadenceKind.TELECINE and self.raster.standard is Standard.PAL:
            raise ParameterError("tape.scan", str(self.scan), "PAL shows film progressive at 25 frames per second")

    @property
    def picture_rate(self) -> Fraction:
        """Pictures per second `run` expects: one per field, or one per film frame (24000/1001) for telecine."""
        fields = 2 * self.raster.standard.frame_rate
        return fields * Fraction(4, 10) if self.scan is CadenceKind.TELECINE else fields

    def signal(self, picture_aspect: Fraction = Fraction(4, 3)) -> Signal:
        """How the frames are to be tagged when the pictures have this shape."""
        standard = self.raster.standard
        return Signal(
            matrix=standard.matrix,
            primaries=standard.primaries,
            transfer=Transfer.SMPTE170M,
            range=Range.LIMITED,
            field_order=self.field_order,
            sample_aspect=picture_aspect * self.raster.height / self.raster.active_width,
            chroma_siting=ChromaSiting.LEFT,
        )

    def first_picture(self, frame: int) -> int:
        """The picture an iterable must begin with for a run that starts at `frame`."""
        return _first_needed(self.schedule(()), 2 * frame)

    def schedule(self, cuts: Iterable[int]) -> Schedule:
        """Which picture every field shows."""
        exposure = self.preset.optics.exposure
        return Schedule(self.seed, self.preset.losses, self.scan, exposure, checked_cuts(cuts))

    def run(
        self, pictures: Iterable[Plane], cuts: Iterable[int] = (), *, frames: FrameRange | None = None
    ) -> Recording:
        """Frames of the tape, from R'G'B' pictures `(H, W, 3)` float32 0..1, BT.709 primaries.

        Pictures come at `picture_rate`; progressive scan shows those of even number only. `cuts` are the field
        numbers that begin a shot. `frames` delivers a part: the pictures then begin with
        `first_picture(frames.start)`, and the part equals the same frames of the whole.
        """
        return Recording(self, iter(pictures), self.schedule(cuts), frames)

    def degrade_field(self, picture: Plane, number: int, *, shot: int = 0) -> Component:
        """One picture as field `number` of the tape, before the converter; losses and shutter left out.

        `shot` is the picture its shot begins with (it decides the stage light).
        """
        rows = self.expose(picture, number, shot)
        lines = optics.collect(rows, parity_of(number, self.field_order), self.preset.optics)
        return self.degrade(lines, number, number)

    def lit(self, picture: Plane, index: int, *, shot: int = 0) -> Plane:
        """The clean picture under this tape's stage light: what a restoration should come back to."""
        return light.lit(picture, self.preset.light, self.seed, index, shot)

    def expose(self, picture: Plane, index: int, shot: int) -> Plane:
        """Picture → linear light on the sensor rows `(rows, active_width, 3)`."""
        rows = optics.expose(picture, self.raster, self.preset.optics.read_out)
        return optics.lens(light.illuminate(rows, self.preset.light, self.seed, index, shot), self.preset.optics)

    def degrade(self, lines: Plane, recorded: int, played: int) -> Component:
        """Light of a field's lines `(h, active_width, 3)` through camera and tape, up to the converter.

        `recorded` numbers the camera's field, `played` the tape's; they differ where a frame store held a field.
        """
        preset, deck = self.preset, self.moment(played)
        field = shoot(lines, preset.sensor, preset.detail, self.moment(recorded))
        if preset.recording is not None:
            field = composite.transcode(field, preset.recording, deck)
        field = noise.add_noise(transfer(field, preset.tape), preset.noise, deck)
        field = defects.damage(timebase.displace(field, preset.timebase, deck), preset.defects, deck)
        if preset.playback is not None:
            field = composite.transcode(field, preset.playback, deck)
        return levels.adjust(field, preset.levels)

    def moment(self, number: int) -> Moment:
        """Where the chain stands at one field."""
        return Moment(self.seed, number, parity_of(number, self.field_order), self.raster)

    def noise(self, samples: Iterable[Sample]) -> NoiseTruth:
        """Noise really present on the output: fields computed with and without every random noise source."""
        silent = Simulator(quiet(self.preset), self.seed, self.raster, self.field_order, self.scan, self.bits)
        pairs = (
            (self.degrade(s.lines, s.recorded, s.played), silent.degrade(s.lines, s.recorded, s.played))
            for s in samples
        )
        spared = round(self.preset.defects.switch_lines) + 1 if self.preset.defects.switch_lines else 0
        return measure_noise(pairs, self.raster, self.bits, spared)


class Recording(Iterator[TapeFrame]):
    """The frames of one run, in order, and the truth about those delivered so far."""

    def __init__(
        self, simulator: Simulator, pictures: Iterator[Plane], schedule: Schedule, frames: FrameRange | None
    ) -> None:
        self.simulator = simulator
        self.schedule = schedule
        self._range = frames
        start = frames.start if frames is not None else 0
        self._window = _Window(simulator, pictures, schedule, _first_needed(schedule, 2 * start))
        self._log = Log(start)
        self._frames = self._make()

    def __next__(self) -> TapeFrame:
        return next(self._frames)

    @property
    def held(self) -> int:
        """Pictures held in memory now."""
        return len(self._window)

    def truth(self) -> Truth:
        """Everything known of the frames delivered so far; the noise is measured now, on fields spread over them."""
        simulator, log, shape = self.simulator, self._log, self._window.shape
        fields = range(2 * log.start, 2 * log.start + log.fields)
        tape = simulator.preset.tape
        return Truth(
            seed=simulator.seed,
            preset=simulator.preset.name,
            parameters=simulator.preset,
            raster=simulator.raster,
            field_order=simulator.field_order,
            cadence=simulator.scan,
            telecine_phase=TELECINE_PHASE if simulator.scan is CadenceKind.TELECINE else 0,
            bits=simulator.bits,
            rate=simulator.raster.standard.frame_rate,
            sample_aspect=simulator.signal(Fraction(shape[1], shape[0]) if shape else Fraction(4, 3)).sample_aspect,
            first_frame=log.start,
            frames=log.fields // 2,
            cuts=tuple(CutPoint(cut, cut // 2, cut % 2) for cut in self.schedule.cuts if cut in fields),
            swapped_shots=tuple(
                shot for shot in (0, *self.schedule.cuts) if shot < fields.stop and self.schedule.swapped(shot)
            ),
            flashes=tuple(log.flashes),
            lost_frames=tuple(log.lost_frames),
            lost_fields=tuple(log.lost_fields),
            duplicated_frames=tuple(log.duplicated_frames),
            blended_fields=tuple(log.blended_fields),
            dropouts=tuple(log.dropouts),
            switch_lines=tuple(log.switch_lines),
            tracking=tuple(log.tracking),
            chroma_delay=tape.chroma_delay * tape.generations,
            chroma_drop=tape.chroma_drop * tape.generations,
            jitter_rms=log.jitter_rms,
            noise=simulator.noise(log.samples),
        )

    def _make(self) -> Iterator[TapeFrame]:
        order = self.simulator.field_order
        for number in self._range if self._range is not None else count():
            woven: dict[int, Component] = {}
            slots = [self.schedule.slot(field) for field in (2 * number, 2 * number + 1)]
            lights = [self._light(slot) for slot in slots]
            for slot, lines in zip(slots, lights, strict=True):
                if lines is None:
                    return
                woven[parity_of(slot.number, order)] = self.simulator.degrade(lines, slot.recorded, slot.played)
                self._log.add(slot, lines, self.simulator.preset, self.simulator.moment(slot.played))
            top, bottom = woven[TOP], woven[1 - TOP]
            frame = Component(weave(top.luma, bottom.luma), weave(top.chroma, bottom.chroma))
            yield TapeFrame(number, *levels.quantise(frame, self.simulator.bits))
            self._window.forget(_first_needed(self.schedule, 2 * number + 2))

    def _light(self, slot: Slot) -> Plane | None:
        """Light of the lines of one field, or None when the pictures have come to their end."""
        rows = self._window.mix(slot.sources)
        if rows is None:
            return None
        parity = parity_of(slot.number, self.simulator.field_order)
        return optics.collect(rows, parity, self.simulator.preset.optics)


class _Window:
    """The sensor's light of the latest pictures; earlier ones are forgotten."""

    def __init__(self, simulator: Simulator, pictures: Iterator[Plane], schedule: Schedule, first: int) -> None:
        self._simulator = simulator
        self._pictures = pictures
        self._schedule = schedule
        self._next = first
        self._held: dict[int, Plane] = {}
        self.shape: tuple[int, ...] = ()
        """Shape of the pictures, once one was seen."""

    def __len__(self) -> int:
        return len(self._held)

    def mix(self, sources: tuple[tuple[int, float], ...]) -> Plane | None:
        """Weighted light of several pictures; those beyond the end give their weight to the first."""
        rows = [(self._get(picture), weight) for picture, weight in sources]
        leading = rows[0][0]
        if leading is None:
            return None
        present = [(light, weight) for light, weight in rows if light is not None]
        if len(present) == 1:
            return leading
        total = sum(weight for _, weight in present[1:])
        mixed = leading * np.float32(1 - total)
        for other, weight in present[1:]:
            mixed += other * np.float32(weight)
        return mixed

    def forget(self, before: int) -> None:
        for picture in [picture for picture in self._held if picture < before]:
            del self._held[picture]

    def _get(self, picture: int) -> Plane | None:
        while self._next <= picture:
            latest = next(self._pictures, None)
            if latest is None:
                return None
            if self.shape and latest.shape != self.shape:
                raise ParameterError("tape.picture", latest.shape, f"all pictures must be {self.shape}")
            self.shape = latest.shape
            if self._schedule.shows(self._next):
                shot = self._schedule.shot_of_picture(self._next)
                self._held[self._next] = self._simulator.expose(latest, self._next, shot)
            self._next += 1
        return self._held[picture]


def _first_needed(schedule: Schedule, number: int) -> int:
    """The earliest picture that field `number` or a later one may show."""
    return max(0, schedule.picture_of(max(0, number - REACH)) - 1)
