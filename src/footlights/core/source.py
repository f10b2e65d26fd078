"""What is known of a tape: streams, signal, damage, and the index of its lossless ingest."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from footlights.core.signal import Signal
from footlights.core.time import FrameRange


@dataclass(frozen=True, slots=True)
class AudioStream:
    """One audio track as found."""

    index: int
    """Stream index in the source file."""
    codec: str
    sample_rate: int
    channels: int
    start: Fraction | None
    """Seconds from the first video frame to the first sample; negative when the sound begins earlier."""
    duration: Fraction | None
    """Seconds."""
    language: str = ""
    packets: int = 0


@dataclass(frozen=True, slots=True)
class Source:
    """The tape file and its picture signal."""

    name: str
    sha256: str
    bytes: int
    container: str
    codec: str
    pixel_format: str
    """FFmpeg's name of the decoded layout, e.g. `yuv411p`."""
    width: int
    """Coded samples per line."""
    height: int
    """Coded lines per frame."""
    rate: Fraction
    """Frames per second."""
    signal: Signal
    bit_depth: int
    chroma: str
    """`4:2:0`, `4:1:1`, `4:2:2`, `4:4:4` or `grey`."""
    audio: tuple[AudioStream, ...] = ()
    timecode: str | None = None
    captions: bool = False
    notes: tuple[str, ...] = ()
    """Facts worth telling that fit nowhere else, as sentences."""


class GapKind(StrEnum):
    """What is wrong with a run of source frames."""

    LOST = "lost"
    """The timestamps leave a hole: nothing was recorded for this instant."""
    DUPLICATE = "duplicate"
    """An earlier picture stands in for the one that was lost."""
    DAMAGED = "damaged"
    """The decoder could not read all of the frame, or the tape itself was torn."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A run of frames that do not hold what they should.

    `start`/`stop` are ingest frame numbers; a LOST gap is empty there (`start == stop`: the hole lies before frame
    `start`) and has its extent only in `slots`.
    """

    start: int
    stop: int
    kind: GapKind
    slots: FrameRange
    """Frame instants concerned, holes counted."""
    evidence: str
    timecode: str = ""
    fields: int = 3
    """Which fields are concerned: 1 top, 2 bottom, 3 both."""


@dataclass(frozen=True, slots=True)
class DecodeFault:
    """Something the demuxer or decoder complained of."""

    frame: int
    """Ingest frame number nearest to the fault."""
    message: str


@dataclass(frozen=True, slots=True)
class Ingest:
    """The lossless copy everything downstream starts from."""

    source: Source
    frames: int
    """Frames decoded and kept; none invented, none dropped."""
    time_base: Fraction
    """Seconds per tick of `pts`."""
    pts: tuple[int, ...]
    """Presentation time of each frame in ticks, as found, the first at zero."""
    slots: tuple[int, ...]
    """Frame instant of each frame on the grid of `source.rate`, holes counted."""
    variable: bool
    """True where the frames follow no common clock; each then keeps its own time and `slots` only count."""
    interlaced: tuple[bool, ...]
    """The flag of each frame, whether or not it tells the truth."""
    first_pts: int
    """Ticks of the first frame in the source's own clock."""
    faults: tuple[DecodeFault, ...]
    gaps: tuple[Gap, ...]
    content: str
    """SHA-256 over all frame hashes and timestamps: the identity of the pictures."""
    quantisers: tuple[float, ...] = ()
    """MPEG's quantiser_scale of each frame, root mean square over its macroblocks: steps between coefficients of an
    orthonormal DCT in codes. Empty where the format has none; 0 for a frame of which the decoder did not tell it."""

    @property
    def slot_count(self) -> int:
        """Frame instants from first to last frame, holes counted."""
        return self.slots[-1] + 1 if self.slots else 0

    @property
    def sounding(self) -> tuple[AudioStream, ...]:
        """The sound tracks that hold anything, with a known place against the picture."""
        return tuple(audio for audio in self.source.audio if audio.packets and audio.start is not None)

    def slot_range(self, frames: FrameRange) -> FrameRange:
        """Instants of an ingest frame range; a hole at its end belongs to it, one before it does not."""
        stop = self.slots[frames.stop] if frames.stop < self.frames else self.slot_count
        return FrameRange(self.slots[frames.start], stop)
