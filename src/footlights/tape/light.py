"""Stage light: moving coloured beams, strobes and haze, multiplied into the scene in linear light.

The truth a restoration is judged by carries the same light (`lit`); light is part of the performance, not damage.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from footlights.core.clip import Plane
from footlights.core.colour import DISPLAY_GAMMA
from footlights.tape.draws import chances, generator
from footlights.tape.parameters import Bounded, bounded, counted

_GRID = (36, 48)
"""Lines and columns of the coarse light map; beams are smooth, so the full size is interpolated from it."""

_LONGEST_STROBE = 3
"""Pictures."""


@dataclass(frozen=True, slots=True)
class StageLight(Bounded):
    """Light added to the clean pictures; the defaults add none."""

    group: ClassVar[str] = "light"

    beams: int = counted(0, 0, 4, "beams")
    """Coloured beams, each with its own colour, place and sway per shot."""
    ambient: float = bounded(1.0, 0.02, 1.5, "of the scene's own light")
    """What is left of the scene's own light."""
    brightness: float = bounded(1.5, 0.1, 3.0, "× the scene's own light")
    """Gain in the heart of a beam."""
    saturation: float = bounded(0.8, 0.0, 1.0, "")
    """0 white beams, 1 light of one or two channels only."""
    sway: float = bounded(0.012, 0.0, 0.1, "picture widths per picture")
    """Greatest speed of a beam."""
    strobe_rate: float = bounded(0.0, 0.0, 0.2, "strobes per picture")
    strobe_low: float = bounded(0.3, 0.1, 1.0, "×")
    """Gain of the weakest strobe; below 1 the light goes out for a moment."""
    strobe_high: float = bounded(3.0, 1.0, 5.0, "×")
    haze: float = bounded(0.0, 0.0, 0.15, "of white")
    """Veil of lit smoke, coloured like the beams."""

    @property
    def dark(self) -> bool:
        """Whether nothing is changed."""
        return not self.beams and self.ambient == 1 and not self.strobe_rate and not self.haze


def strobe_gain(light: StageLight, seed: int, picture: int) -> float:
    """Gain of all light at this picture: 1, or that of a strobe of 1 to 3 pictures that is on."""
    for begin in range(picture, max(-1, picture - _LONGEST_STROBE), -1):
        begins, length, height = chances(seed, "light.strobe", begin, 3)
        if begins < light.strobe_rate and picture - begin <= int(length * _LONGEST_STROBE):
            return float(light.strobe_low * (light.strobe_high / light.strobe_low) ** height)
    return 1.0


def illuminate(linear: Plane, light: StageLight, seed: int, picture: int, shot: int) -> Plane:
    """Linear RGB `(H, W, 3)` under the stage light of one picture; `shot` is the picture its shot begins with."""
    if light.dark:
        return linear
    gain = _light_map(light, seed, picture, shot)
    veil = light.haze * gain.mean(axis=(0, 1)) / max(float(gain.mean()), 1e-6)
    size = (linear.shape[1], linear.shape[0])
    full = cv2.resize(gain, size, interpolation=cv2.INTER_LINEAR)
    lit: Plane = (linear * full + veil.astype(np.float32)) * np.float32(strobe_gain(light, seed, picture))
    return lit


def lit(picture: Plane, light: StageLight, seed: int, number: int, shot: int) -> Plane:
    """Display-referred R'G'B' `(H, W, 3)` under the stage light: what the clean truth of the tape shows."""
    if light.dark:
        return picture
    linear = illuminate(np.asarray(cv2.pow(picture, DISPLAY_GAMMA), np.float32), light, seed, number, shot)
    return np.asarray(cv2.pow(linear, 1 / DISPLAY_GAMMA), dtype=np.float32)


def _light_map(light: StageLight, seed: int, picture: int, shot: int) -> Plane:
    """Gain per channel on the coarse grid `(h, w, 3)`: the scene's own light plus every beam at its place now."""
    rows, columns = _GRID
    y = np.linspace(0, 1, rows, dtype=np.float32)[:, None]
    x = np.linspace(0, 1, columns, dtype=np.float32)[None, :]
    gain = np.full((rows, columns, 3), light.ambient, dtype=np.float32)
    rng = generator(seed, "light.beams", shot)
    for _ in range(light.beams):
        foot, top, width, phase = rng.random(4)
        speed = light.sway * rng.uniform(-1, 1)
        colour = _beam_colour(rng, light.saturation)
        # A beam swings about its lamp above the picture; the sine keeps it on the stage however long the shot is.
        swing = 0.35 * np.sin(2 * np.pi * phase + (picture - shot) * speed / 0.35)
        centre = (0.2 + 0.6 * top) + y * (foot - top + swing)
        spread = (0.05 + 0.15 * width) * (0.5 + y)
        beam = np.exp(-0.5 * ((x - centre) / spread) ** 2)
        gain += light.brightness * beam[..., None].astype(np.float32) * colour
    return gain


def _beam_colour(rng: np.random.Generator, saturation: float) -> Plane:
    """RGB of a beam with its strongest channel at 1: hues of gels and LEDs, at least one channel nearly empty."""
    hue = rng.uniform(0, 6)
    distance = np.abs((np.array([0.0, 2.0, 4.0]) - hue + 3) % 6 - 3)
    pure = np.clip(2 - distance, 0.02, 1)
    mixed: Plane = (1 - saturation + saturation * pure).astype(np.float32)
    return mixed
