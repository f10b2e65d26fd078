"""The log a run keeps of the fields it delivered."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from footlights.core.clip import Plane
from footlights.tape import defects, timebase
from footlights.tape.defects import Band, Dropout
from footlights.tape.draws import chances
from footlights.tape.light import strobe_gain
from footlights.tape.presets import Preset
from footlights.tape.raster import Moment
from footlights.tape.schedule import Slot
from footlights.tape.truth import Flash

_MOST_SAMPLES = 12


@dataclass(frozen=True, slots=True)
class Sample:
    """A field kept for the noise measurement: the light of its lines before the camera."""

    lines: Plane
    """`(h, active_width, 3)` linear light."""
    recorded: int
    played: int


@dataclass(slots=True)
class Log:
    """What happened in the fields delivered so far."""

    start: int
    """First frame of the run."""
    fields: int = 0
    lost_frames: list[int] = field(default_factory=list)
    lost_fields: list[int] = field(default_factory=list)
    duplicated_frames: list[int] = field(default_factory=list)
    blended_fields: list[int] = field(default_factory=list)
    flashes: list[Flash] = field(default_factory=list)
    dropouts: list[Dropout] = field(default_factory=list)
    switch_lines: list[int] = field(default_factory=list)
    tracking: list[Band] = field(default_factory=list)
    jitter_power: float = 0.0
    samples: list[Sample] = field(default_factory=list)
    """Fields spread evenly over the run: every `stride`-th frame has one."""
    stride: int = 1

    def add(self, slot: Slot, lines: Plane, preset: Preset, deck: Moment) -> None:
        """Note one delivered field; `deck` is the field of the tape that was played."""
        self.fields += 1
        self._note_time(slot)
        gain = strobe_gain(preset.light, deck.seed, slot.sources[0][0])
        if gain != 1:
            self.flashes.append(Flash(slot.number, gain))
        self.dropouts.extend(replace(each, field=slot.number) for each in defects.dropouts(preset.defects, deck))
        band = defects.switch_band(preset.defects, deck)
        if band is not None:
            self.switch_lines.append(band.lines)
        band = defects.tracking_band(preset.defects, deck)
        if band is not None:
            self.tracking.append(replace(band, field=slot.number))
        if preset.timebase.jitter:
            self.jitter_power += float((timebase.jitter(preset.timebase, deck) ** 2).mean())
        self._sample(slot, lines, deck.seed)

    @property
    def jitter_rms(self) -> float:
        """Root mean square of the line jitter, in luma samples."""
        return float(np.sqrt(self.jitter_power / max(1, self.fields)))

    def _note_time(self, slot: Slot) -> None:
        """Note where the picture of another instant stands; whole frames once, at their second field."""
        frame, second = divmod(slot.number, 2)
        if slot.duplicate:
            if second:
                self.duplicated_frames.append(frame)
            return
        if slot.lost_frame and second:
            self.lost_frames.append(frame)
        if slot.lost_field:
            self.lost_fields.append(slot.number)
        if slot.blended:
            self.blended_fields.append(slot.number)

    def _sample(self, slot: Slot, lines: Plane, seed: int) -> None:
        """Keep one field of every `stride`-th frame; when there are many, drop every other and double the stride."""
        frame, second = divmod(slot.number, 2)
        place = frame - self.start
        chosen = int(chances(seed, "truth.sample", frame, 1)[0] < 0.5)
        if place % self.stride or second != chosen:
            return
        self.samples.append(Sample(lines, slot.recorded, slot.played))
        if len(self.samples) > _MOST_SAMPLES:
            self.samples = self.samples[::2]
            self.stride *= 2
