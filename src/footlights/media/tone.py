"""A test tone with clicks, as sound for made-up tapes: the clicks show where the sound lies against the picture."""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path

import numpy as np

RATE = 48_000


def write_tone(path: Path, seconds: Fraction) -> None:
    """A soft chord in stereo, 16-bit PCM, with a 2 ms click at every full half second."""
    count = int(seconds * RATE)
    time = np.arange(count) / RATE
    left = 0.12 * np.sin(2 * np.pi * 220 * time) + 0.08 * np.sin(2 * np.pi * 277.2 * time)
    right = 0.12 * np.sin(2 * np.pi * 220 * time) + 0.08 * np.sin(2 * np.pi * 329.6 * time)
    click = (np.arange(count) % (RATE // 2)) < RATE // 500
    stereo = np.stack([np.where(click, 0.7, left), np.where(click, 0.7, right)], axis=1)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((stereo * 32767).astype("<i2").tobytes())
