"""Four tapes, from nearly clean to worn VHS, as complete sets of parameters; `replace` changes any of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from footlights.errors import UsageError, did_you_mean
from footlights.tape import formats
from footlights.tape.camera import Detail, Sensor
from footlights.tape.composite import Composite, Decoder
from footlights.tape.defects import Defects
from footlights.tape.formats import TapeFormat
from footlights.tape.levels import Levels
from footlights.tape.light import StageLight
from footlights.tape.noise import TapeNoise
from footlights.tape.optics import Optics, ReadOut
from footlights.tape.schedule import Losses
from footlights.tape.timebase import TimeBase


@dataclass(frozen=True, slots=True)
class Preset:
    """All parameters of one tape, in the order of the chain. The defaults are a good camera on a perfect tape."""

    name: str = "clean"
    light: StageLight = field(default_factory=StageLight)
    optics: Optics = field(default_factory=Optics)
    sensor: Sensor = field(default_factory=Sensor)
    detail: Detail = field(default_factory=Detail)
    recording: Composite | None = None
    """Composite connection on the way to the tape; None is component or Y/C."""
    tape: TapeFormat = formats.DIGITAL
    noise: TapeNoise = field(default_factory=TapeNoise)
    timebase: TimeBase = field(default_factory=TimeBase)
    defects: Defects = field(default_factory=Defects)
    playback: Composite | None = None
    """Composite connection from the deck to the capture."""
    losses: Losses = field(default_factory=Losses)
    levels: Levels = field(default_factory=Levels)


NEUTRAL = Preset(
    name="neutral",
    optics=Optics(blur_x=0, blur_y=0, read_out=ReadOut.LINE),
    sensor=Sensor(luma_sigma=0, knee=1.2),
    detail=Detail(gain_x=0, gain_y=0),
    tape=TapeFormat(luma_mhz=20, luma_order=10, chroma_mhz=20, chroma_order=10),
)
"""Geometry, interlace and colour only: a tape that adds nothing. The starting point for tests of single defects."""

LIGHT = Preset(
    name="light",
    optics=Optics(blur_x=0.45, blur_y=0.4, aberration=0.15),
    sensor=Sensor(luma_sigma=0.9, pattern_sigma=0.08),
    detail=Detail(gain_x=0.18, gain_y=0.12, frequency=3.6, coring=1.0),
    tape=formats.DIGIBETA,
    noise=TapeNoise(chroma_sigma=0.3, streak=6),
)
"""Digital Betacam or DV camera original."""

MEDIUM = Preset(
    name="medium",
    optics=Optics(blur_x=0.55, blur_y=0.45, aberration=0.25, smear=0.0005),
    sensor=Sensor(luma_sigma=1.6, pattern_sigma=0.15, correlation=0.1),
    detail=Detail(gain_x=0.3, gain_y=0.18, frequency=3.2, coring=1.5),
    recording=Composite(decoder=Decoder.ONE_LINE, saturation=0.97, hue=1.5, differential_phase=1.0),
    tape=formats.BETACAM_SP,
    noise=TapeNoise(
        luma_sigma=1.1, corner_mhz=4.4, deemphasis_mhz=1.6, chroma_sigma=2.0, streak=9, line_phase=0.8, line_level=0.15
    ),
    timebase=TimeBase(jitter=0.04, jitter_memory=0.6),
    defects=Defects(dropout_rate=0.08, compensated=0.9),
    losses=Losses(lost_field_rate=0.0005),
    levels=Levels(chroma_gain=0.97),
)
"""Betacam SP that went through a composite mixer once."""

HEAVY = Preset(
    name="heavy",
    optics=Optics(blur_x=0.7, blur_y=0.5, aberration=0.4, smear=0.001),
    sensor=Sensor(luma_sigma=2.6, pattern_sigma=0.3, correlation=0.1, setup=-0.01),
    detail=Detail(gain_x=0.4, gain_y=0.22, frequency=2.8, coring=1.5),
    recording=Composite(decoder=Decoder.NOTCH, i_mhz=1.0, saturation=0.92, hue=-3.0, differential_phase=2.0),
    tape=replace(formats.S_VHS, generations=3),
    noise=TapeNoise(
        luma_sigma=2.6, corner_mhz=4.0, deemphasis_mhz=1.0, chroma_sigma=4.5, streak=16, line_phase=2.2, line_level=0.4
    ),
    timebase=TimeBase(jitter=0.22, jitter_memory=0.85, skew=1.5, wave=0.15),
    defects=Defects(dropout_rate=1.2, compensated=0.7, switch_lines=2, switch_shift=14, switch_noise=8),
    playback=Composite(decoder=Decoder.TWO_LINE, saturation=0.98, i_mhz=0.6, q_mhz=0.6, leak=0.03),
    losses=Losses(lost_frame_rate=0.003, lost_field_rate=0.006, duplicate_rate=0.003, blend_rate=0.004, swap_rate=0.02),
    levels=Levels(gain=1.03, pedestal=3.0, chroma_gain=0.94),
)
"""Third generation on S-VHS: a bootleg's copy of a copy, with dropouts and lost fields."""

VHS = Preset(
    name="vhs",
    optics=Optics(blur_x=0.6, blur_y=0.5, aberration=0.3, smear=0.001),
    sensor=Sensor(luma_sigma=2.0, pattern_sigma=0.3, correlation=0.1),
    detail=Detail(gain_x=0.35, gain_y=0.2, frequency=2.8, coring=1.5),
    recording=Composite(decoder=Decoder.ONE_LINE, i_mhz=0.6, q_mhz=0.6),
    tape=formats.VHS_SP,
    noise=TapeNoise(
        luma_sigma=3.2, corner_mhz=3.0, deemphasis_mhz=0.7, chroma_sigma=5.0, streak=24, line_phase=3.0, line_level=0.6
    ),
    timebase=TimeBase(jitter=0.45, jitter_memory=0.85, skew=3.5, wave=0.3),
    defects=Defects(dropout_rate=0.7, compensated=0.7, switch_lines=4, switch_shift=34, tracking_rate=0.15, snow=2e-5),
    playback=Composite(decoder=Decoder.NOTCH, i_mhz=0.6, q_mhz=0.6, notch_mhz=0.7, leak=0.08),
    losses=Losses(lost_field_rate=0.002, duplicate_rate=0.001),
    levels=Levels(gain=0.98, pedestal=2.0, chroma_gain=0.9),
)
"""VHS in standard play, played through a composite connection."""

PRESETS = {preset.name: preset for preset in (LIGHT, MEDIUM, HEAVY, VHS)}


def preset(name: str) -> Preset:
    """A preset by name."""
    try:
        return PRESETS[name]
    except KeyError:
        known = did_you_mean(name, PRESETS) or f"known: {', '.join(PRESETS)}"
        raise UsageError(f"there is no tape preset {name!r}", known, "choose a known preset") from None


def quiet(preset: Preset) -> Preset:
    """The same tape without its random noise: same geometry, same defects, same draws for everything else."""
    return replace(
        preset,
        sensor=replace(preset.sensor, luma_sigma=0.0, pattern_sigma=0.0),
        noise=replace(preset.noise, luma_sigma=0.0, chroma_sigma=0.0, line_phase=0.0, line_level=0.0),
    )
