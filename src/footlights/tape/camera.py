"""Camera electronics: masking matrix, gamma, sensor noise, knee, black, detail correction, and the 601 matrix.

The display-referred picture fixes what colours a monitor shows (gamma 2.4, BT.1886); the sensor's noise belongs to the
scene's light, which the camera curve of BT.709 (0.45 with a linear toe of slope 4.5) ties to the same signal. The noise
is therefore laid on the signal, its strength carried through the slope of that curve: exact for the small noise of a
camera, finite in black.

References: EMVA 1288 (noise variance linear in light), ITU-R BT.709-6 item 1.2, SMPTE 170M.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import cv2
import numpy as np

from footlights.core.clip import Plane
from footlights.core.colour import DISPLAY_GAMMA, primaries_matrix, rgb_to_ycbcr
from footlights.core.signal import Primaries
from footlights.tape import spectrum
from footlights.tape.draws import generator, normal
from footlights.tape.parameters import Bounded, bounded
from footlights.tape.raster import LUMA_CODE, Component, Moment

WHITE_CLIP = 1.09
"""Highest signal a studio camera sends: 109 % (BT.601 leaves codes 236..254 for it)."""

BLACK_CLIP = -0.05
"""Lowest signal: sub-black excursions of noise and detail pass, sync does not."""

_MID_GREY = 0.5
"""Signal at which noise is stated."""


@dataclass(frozen=True, slots=True)
class Sensor(Bounded):
    """Noise and transfer of the camera head."""

    group: ClassVar[str] = "sensor"

    luma_sigma: float = bounded(0.8, 0.0, 12.0, "8-bit codes")
    """Standard deviation of luma at mid grey (code 126); gain-up of a dark hall is part of it."""
    shot_share: float = bounded(0.85, 0.0, 1.0, "of the variance at mid grey")
    """Photon noise; the rest is read noise, which rules the blacks."""
    correlation: float = bounded(0.15, 0.0, 0.95, "")
    """Correlation of the noise of R, G and B, from the masking matrix: 0 gives strong chroma noise, 0.95 grey grain."""
    pattern_sigma: float = bounded(0.0, 0.0, 2.0, "8-bit codes")
    """Fixed pattern: the same in every field of a tape, mostly columns."""
    knee: float = bounded(1.0, 0.7, 1.2, "of white")
    """Signal from which highlights are compressed."""
    knee_slope: float = bounded(0.3, 0.02, 1.0, "")
    setup: float = bounded(0.0, -0.1, 0.1, "of white")
    """Black level set in the camera; negative crushes the shadows."""


@dataclass(frozen=True, slots=True)
class Detail(Bounded):
    """Aperture correction; what makes the light and dark outlines of video."""

    group: ClassVar[str] = "detail"

    gain_x: float = bounded(0.15, 0.0, 1.0, "")
    """Rise of the response at `frequency`; 0.15 is 1.2 dB."""
    frequency: float = bounded(3.2, 2.0, 6.0, "MHz")
    """Horizontal frequency of greatest rise."""
    gain_y: float = bounded(0.1, 0.0, 1.0, "")
    """Rise at the field's highest vertical frequency."""
    coring: float = bounded(1.0, 0.0, 12.0, "8-bit codes")
    """Detail smaller than this is taken for noise and left alone."""


def shoot(light: Plane, sensor: Sensor, detail: Detail, at: Moment) -> Component:
    """Linear light of a field's lines `(h, active_width, 3)`, BT.709 primaries → the camera's output, blanked, on the
    full raster, in the primaries and matrix of the television standard.
    """
    standard = at.raster.standard
    light = np.asarray(cv2.transform(light, primaries_matrix(Primaries.BT709, standard.primaries)), dtype=np.float32)
    # Colours beyond the standard's primaries are negative in a channel; the power keeps their sign.
    signal: Plane = np.copysign(cv2.pow(np.abs(light), 1 / DISPLAY_GAMMA), light)
    if sensor.luma_sigma:
        signal += _sensor_noise(signal, sensor, at)
    if sensor.pattern_sigma:
        signal += fixed_pattern(at.seed, at.parity, light.shape[:2], sensor.pattern_sigma)[..., None]
    signal = _knee(signal, sensor)
    np.clip(signal, BLACK_CLIP, WHITE_CLIP, out=signal)
    picture = np.asarray(cv2.transform(signal, rgb_to_ycbcr(standard.matrix)), dtype=np.float32)
    planes = np.zeros((3, at.raster.lines, at.raster.width), dtype=np.float32)
    for plane, channel in zip(planes, cv2.split(picture), strict=True):
        plane[:, at.raster.active] = channel
    luma = sharpen(planes[0], detail)
    luma[:, : at.raster.left] = 0
    luma[:, at.raster.active.stop :] = 0
    return Component(luma, spectrum.halve(planes[1:], spectrum.studio_chroma(at.raster.width)))


def noise_profile(sensor: Sensor, signal: Plane) -> Plane:
    """Standard deviation of one channel's noise at each signal level, in units of full signal.

    Variance is `a * light + b` in the scene's light; the slope of the BT.709 curve carries it to the signal.
    """
    light, slope = _camera_curve(signal)
    grey_light, grey_slope = _camera_curve(np.array(_MID_GREY, dtype=np.float32))
    weights = np.array([0.299, 0.587, 0.114])
    luma_share = sensor.correlation + (1 - sensor.correlation) * float((weights**2).sum())
    variance = (sensor.luma_sigma * LUMA_CODE) ** 2 / luma_share / float(grey_slope) ** 2
    shot = sensor.shot_share * light / grey_light
    return np.asarray(slope * np.sqrt(variance * (shot + 1 - sensor.shot_share)), dtype=np.float32)


def sharpen(luma: Plane, detail: Detail) -> Plane:
    """Luma `(h, W)` with horizontal and vertical detail added, small detail cored."""
    out = luma
    if detail.gain_x:
        wave = np.pi * spectrum.frequencies(luma.shape[-1]) / detail.frequency
        response = np.where(wave < 2 * np.pi, (1 - np.cos(wave)) / 2, 0).astype(np.float32)
        out = out + np.float32(detail.gain_x) * _core(spectrum.filter_lines(luma, response), detail.coring)
    if detail.gain_y:
        taps = np.array([-0.25, 0.5, -0.25], dtype=np.float32)
        edges = np.asarray(cv2.filter2D(luma, -1, taps[:, None], borderType=cv2.BORDER_REPLICATE), dtype=np.float32)
        out = out + np.float32(detail.gain_y) * _core(edges, detail.coring)
    if detail.gain_x or detail.gain_y:
        np.clip(out, BLACK_CLIP, WHITE_CLIP, out=out)
    return out


@lru_cache(maxsize=8)
def fixed_pattern(seed: int, parity: int, shape: tuple[int, int], sigma: float) -> Plane:
    """Fixed pattern of one parity `(h, W)`: column offsets (the CCD's and its clamp's) and a little of each cell."""
    columns = normal(generator(seed, "camera.columns"), shape[1])
    cells = normal(generator(seed, "camera.cells", parity), *shape)
    pattern: Plane = (columns * np.float32(0.9) + cells * np.float32(np.sqrt(1 - 0.81))) * np.float32(sigma * LUMA_CODE)
    return pattern


def _sensor_noise(signal: Plane, sensor: Sensor, at: Moment) -> Plane:
    """Noise of the three channels `(h, W, 3)` at the strength their signals ask for."""
    noise = normal(at.draws("camera.noise"), *signal.shape)
    if sensor.correlation:
        mixing = np.linalg.cholesky(np.full((3, 3), sensor.correlation) + np.eye(3) * (1 - sensor.correlation))
        noise = np.asarray(cv2.transform(noise, mixing), dtype=np.float32)
    levels = cv2.LUT(cv2.convertScaleAbs(signal, alpha=255 / WHITE_CLIP), _profile_table(sensor))
    noise *= levels
    return noise


@lru_cache(maxsize=16)
def _profile_table(sensor: Sensor) -> Plane:
    """`noise_profile` at 256 levels from black to the white clip: a look-up is ten times the speed of the formula."""
    return noise_profile(sensor, np.linspace(0, WHITE_CLIP, 256, dtype=np.float32))


def _camera_curve(signal: Plane) -> tuple[Plane, Plane]:
    """Scene light that gives a signal on the BT.709 camera curve, and the slope of the curve there."""
    toe = signal < 0.081
    light = np.where(toe, np.maximum(signal, 0) / 4.5, ((np.maximum(signal, 0.081) + 0.099) / 1.099) ** (1 / 0.45))
    slope = np.where(toe, 4.5, 1.099 * 0.45 * np.maximum(light, 1e-6) ** -0.55)
    return light.astype(np.float32), slope.astype(np.float32)


def _knee(signal: Plane, sensor: Sensor) -> Plane:
    """Setup, then highlights above the knee compressed."""
    if sensor.setup:
        signal = signal * np.float32(1 - sensor.setup) + np.float32(sensor.setup)
    if sensor.knee >= WHITE_CLIP:
        return signal
    over = signal - np.float32(sensor.knee)
    np.maximum(over, 0, out=over)
    over *= np.float32(1 - sensor.knee_slope)
    signal -= over
    return signal


def _core(detail: Plane, threshold: float) -> Plane:
    """Soft coring: values shrink by `threshold` codes towards zero."""
    limit = np.float32(threshold * LUMA_CODE)
    return np.asarray(detail - np.clip(detail, -limit, limit)) if threshold else detail
