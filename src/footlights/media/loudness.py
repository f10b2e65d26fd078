"""Loudness of EBU R128 / ITU-R BS.1770 and true peak, by FFmpeg's `ebur128` filter inside PyAV."""

from __future__ import annotations

from fractions import Fraction
from math import log10

import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.filter import Graph
from numpy.typing import NDArray

from footlights.media.audio import STREAM_RATE, Samples

FLOOR = -70.0
"""LUFS of the absolute gate: nothing is told of anything quieter."""


class LoudnessMeter:
    """Give it stereo blocks at 48 kHz with `add`, then `close`; the numbers are those of everything given."""

    def __init__(self) -> None:
        self.integrated = FLOOR
        """LUFS."""
        self.range = 0.0
        """LU."""
        self.true_peak = -120.0
        """dBTP."""
        self._momentary: list[float] = []
        self._position = 0
        self._graph = Graph()
        self._source = self._graph.add_abuffer(
            sample_rate=STREAM_RATE, format="fltp", layout="stereo", time_base=Fraction(1, STREAM_RATE)
        )
        meter = self._graph.add("ebur128", "metadata=1:peak=true")
        self._sink = self._graph.add("abuffersink")
        self._source.link_to(meter)
        meter.link_to(self._sink)
        self._graph.configure()

    @property
    def momentary(self) -> NDArray[np.float32]:
        """Loudness of the last 400 ms in LUFS, ten times a second; NaN before the first 400 ms."""
        found = np.array(self._momentary, np.float32)
        found[:3] = np.nan
        return np.maximum(found, np.float32(FLOOR))

    def add(self, block: Samples) -> None:
        """`(2, n)`, full scale ±1."""
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(block), format="fltp", layout="stereo")
        frame.sample_rate, frame.time_base, frame.pts = STREAM_RATE, Fraction(1, STREAM_RATE), self._position
        self._position += block.shape[1]
        self._source.push(frame)
        self._read()

    def close(self) -> None:
        """No more blocks."""
        self._source.push(None)
        self._read()

    def _read(self) -> None:
        while True:
            try:
                frame = self._sink.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            said = {name.removeprefix("lavfi.r128."): float(value) for name, value in frame.metadata.items()}
            if "M" not in said:
                continue  # less than 100 ms
            self._momentary.append(said["M"])
            self.integrated, self.range = max(FLOOR, said["I"]), said["LRA"]
            self.true_peak = max(20 * log10(max(said["true_peak"], 1e-6)), self.true_peak)
