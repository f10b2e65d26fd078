"""Tapes drawn at random around the presets, wide enough that no one tape is learned by heart.

What shifts the whole picture's colour or level (hue, saturation, gain, pedestal, set-up) stays neutral: a restoration
must not guess at it, and a net that is punished for it learns to grey.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import numpy as np

from footlights.media.recode import TapeCodec
from footlights.tape import formats
from footlights.tape.composite import Composite, Decoder
from footlights.tape.light import StageLight
from footlights.tape.noise import TapeNoise
from footlights.tape.optics import ReadOut
from footlights.tape.parameters import Bounds
from footlights.tape.presets import HEAVY, LIGHT, MEDIUM, VHS, Preset, preset

G = TypeVar("G")

_FAMILIES: tuple[tuple[Preset, float], ...] = ((LIGHT, 0.34), (MEDIUM, 0.3), (HEAVY, 0.2), (VHS, 0.16))
_SPREAD = 0.35
"""Standard deviation of the logarithm of what every strength is multiplied by."""
_PROGRESSIVE = 0.1
"""Share of tapes whose camera or film gave one picture a frame."""
_MILD = 0.15
"""Share of tapes whose noise and damage are a fraction of their family's: clean copies exist of every format."""

_FINE_LUMA, _FINE_CHROMA = 0.25, 0.25
"""Shares of tapes whose noise is finer along the line than their family's."""


@dataclass(frozen=True, slots=True)
class Tape:
    """One way a scene came onto tape and off it again."""

    preset: Preset
    codec: TapeCodec | None
    bit_rate: int
    bottom_first: bool
    progressive: bool = False
    """Both fields of a frame show the first one's instant."""


def draw_tape(rng: np.random.Generator) -> Tape:
    """A tape for training."""
    chances = np.array([chance for _, chance in _FAMILIES])
    family = _FAMILIES[int(rng.choice(len(_FAMILIES), p=chances / chances.sum()))][0]
    made = neutral(_varied(family, rng))
    made = replace(made, tape=_tape_format(made, rng), optics=replace(made.optics, read_out=_read_out(rng)))
    made = replace(_connections(made, rng), noise=_noise_spectra(made.noise, rng))
    if rng.random() < _MILD:
        made = _milder(made, float(rng.uniform(0.1, 0.5)))
    codec, bit_rate = _codec(rng)
    bottom_first, progressive = (bool(rng.random() < share) for share in (0.25, _PROGRESSIVE))
    return Tape(made, codec, bit_rate, bottom_first=bottom_first, progressive=progressive)


def known_tape(name: str) -> Tape:
    """The tape of a preset, for validation: colour neutral, and coded as such tapes come."""
    codecs = {"light": (TapeCodec.MPEG2, 8_000_000), "medium": (TapeCodec.DV, 0), "heavy": (TapeCodec.MPEG2, 6_000_000)}
    codec, bit_rate = codecs.get(name, (None, 0))
    return Tape(neutral(preset(name)), codec, bit_rate, bottom_first=False)


def draw_light(rng: np.random.Generator) -> StageLight:
    """Stage light of one scene; nearly half the scenes keep their own light."""
    if rng.random() < 0.4:
        return StageLight()
    return StageLight(
        beams=int(rng.integers(1, 5)),
        ambient=float(rng.choice([rng.uniform(0.03, 0.2), rng.uniform(0.2, 0.9)])),
        brightness=float(rng.uniform(0.3, 2.2)),
        saturation=float(rng.choice([rng.uniform(0, 0.5), rng.uniform(0.5, 1)])),
        sway=float(rng.uniform(0, 0.03)),
        strobe_rate=float(rng.uniform(0.02, 0.12)) if rng.random() < 0.25 else 0.0,
        haze=float(rng.uniform(0.01, 0.12)) if rng.random() < 0.4 else 0.0,
    )


def neutral(tape: Preset) -> Preset:
    """The same tape without what shifts the whole picture's colour or level."""
    return replace(
        tape,
        sensor=replace(tape.sensor, setup=0.0, knee=1.2),
        recording=_plain(tape.recording),
        playback=_plain(tape.playback),
        levels=replace(tape.levels, gain=1.0, pedestal=0.0, chroma_gain=1.0),
    )


def _plain(connection: Composite | None) -> Composite | None:
    return None if connection is None else replace(connection, hue=0.0, saturation=1.0, differential_phase=0.0)


def _varied(tape: Preset, rng: np.random.Generator) -> Preset:
    """Every strength of every group multiplied by a draw of its own."""

    def group(values: G) -> G:
        return _scaled(values, lambda: float(np.exp(rng.normal(0, _SPREAD))))

    return replace(
        tape,
        optics=group(tape.optics),
        sensor=group(tape.sensor),
        detail=group(tape.detail),
        recording=group(tape.recording) if tape.recording else None,
        tape=group(tape.tape),
        noise=group(tape.noise),
        timebase=group(tape.timebase),
        defects=group(tape.defects),
        playback=group(tape.playback) if tape.playback else None,
    )


def _scaled(values: G, factor: Callable[[], float]) -> G:
    """A parameter group with each real number scaled and kept in its bounds; zeros and whole numbers stay."""
    changed: dict[str, Any] = {}
    group: Any = values
    for entry in fields(group):
        bounds: Bounds | None = entry.metadata.get("bounds")
        value = getattr(group, entry.name)
        if bounds is not None and not bounds.whole and value:
            changed[entry.name] = float(np.clip(value * factor(), bounds.low, bounds.high))
    return replace(group, **changed)


def _milder(tape: Preset, share: float) -> Preset:
    """The tape with its noise, jitter and damage reduced to a share."""
    return replace(
        tape,
        sensor=replace(tape.sensor, luma_sigma=tape.sensor.luma_sigma * share),
        noise=replace(
            tape.noise,
            luma_sigma=tape.noise.luma_sigma * share,
            chroma_sigma=tape.noise.chroma_sigma * share,
            line_phase=tape.noise.line_phase * share,
            line_level=tape.noise.line_level * share,
        ),
        timebase=replace(tape.timebase, jitter=tape.timebase.jitter * share, wave=tape.timebase.wave * share),
        defects=replace(tape.defects, dropout_rate=tape.defects.dropout_rate * share, tracking_rate=0.0),
    )


def _tape_format(tape: Preset, rng: np.random.Generator) -> formats.TapeFormat:
    """Often another format than the family's, and another number of generations."""
    chosen = tape.tape
    if rng.random() < 0.25:
        chosen = _scaled(
            list(formats.FORMATS.values())[int(rng.integers(len(formats.FORMATS)))],
            lambda: float(np.exp(rng.normal(0, 0.15))),
        )
    generations = int(rng.choice([1, 1, 1, 2, 3])) if chosen.name not in ("dv", "digibeta") else 1
    delay = min(6.0, chosen.chroma_delay * float(rng.uniform(0.3, 1.4)))
    return replace(chosen, generations=generations, chroma_delay=delay)


def _read_out(rng: np.random.Generator) -> ReadOut:
    return (ReadOut.LINE, ReadOut.TWO_LINE, ReadOut.THREE_LINE)[int(rng.choice(3, p=[0.2, 0.5, 0.3]))]


def _connections(tape: Preset, rng: np.random.Generator) -> Preset:
    """Composite connections come, go and change their decoders."""

    def connection(present: Composite | None, chance: float) -> Composite | None:
        if present is None and rng.random() >= chance:
            return None
        if present is not None and rng.random() < 0.2:
            return None
        decoder = (Decoder.NOTCH, Decoder.ONE_LINE, Decoder.TWO_LINE)[int(rng.choice(3, p=[0.3, 0.4, 0.3]))]
        leak = float(rng.uniform(0, 0.12)) if rng.random() < 0.3 else 0.0
        wide = float(rng.uniform(0.5, 1.4))
        return replace(present or Composite(), decoder=decoder, leak=leak, i_mhz=wide, q_mhz=min(wide, 0.6))

    return replace(tape, recording=connection(tape.recording, 0.15), playback=connection(tape.playback, 0.12))


def _noise_spectra(noise: TapeNoise, rng: np.random.Generator) -> TapeNoise:
    """Noise of other spectra than the families': captures and decoders add grain that is white along the line."""
    if rng.random() < _FINE_LUMA:
        noise = replace(
            noise, corner_mhz=float(rng.uniform(3.5, 6.5)), deemphasis_mhz=float(np.exp(rng.uniform(0, np.log(6))))
        )
    if rng.random() < _FINE_CHROMA:
        noise = replace(
            noise,
            chroma_sigma=float(rng.uniform(1, 9)),
            streak=float(rng.uniform(2, 5)),
            chroma_lines=float(rng.uniform(0, 0.2)),
        )
    return noise


def _codec(rng: np.random.Generator) -> tuple[TapeCodec | None, int]:
    draw = rng.random()
    if draw < 0.3:
        return None, 0
    if draw < 0.58:
        return TapeCodec.DV, 0
    return TapeCodec.MPEG2, int(rng.uniform(3.5e6, 9e6))
