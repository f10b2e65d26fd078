"""What one encode of a chunk is made from, and how one is made."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from footlights.core.encodes import ORDINARY, Look, Rung
from footlights.core.signal import HDR_NAMES, Signal
from footlights.core.time import FrameRange
from footlights.encoding.encoders import Encoder
from footlights.encoding.search import SLOPE
from footlights.errors import VerificationError
from footlights.media import ffmpeg
from footlights.media.reader import index_video

TOLERANCE = 0.45
"""VMAF by which the score of the accepted trial may miss the target."""
_SAFE = 0.2
"""VMAF above the lowest accepted score at which a dear chunk is aimed at least: what is foreseen from a near trial is
off by less."""
_DEAR = 2.0
"""Times the bytes that chunks have in the mean, from which on one is aimed no higher than where the worst one ended."""
MOST_BANDING = 24.0
"""CAMBI at its worst (Tandon et al. 2021)."""


@dataclass(frozen=True, slots=True)
class ChunkRequest:
    """Everything one encode is made from."""

    rung: Rung
    frames: FrameRange
    """Output frames, for the record."""
    keyframes: tuple[int, ...]
    """Inside the chunk; the first is 0."""
    rate: Fraction
    width: int
    """Of the pictures as displayed, in square samples."""
    height: int
    signal: Signal
    """Of the pictures; a rendition is what `core.signal.delivered` makes of it."""
    guess: float
    """q to begin with."""
    probes: int
    q: float | None = None
    """Given by allocation: one encode with it, no search."""
    grain: str = "keep"
    """`auto`: grain is taken out and given back where that saves; `keep`: pictures are encoded as they are."""
    look: Look = ORDINARY
    slope: float = SLOPE
    """VMAF per unit of q to expect around the target."""
    prior: str = "look"
    """What `guess` and `slope` come from, as in `ChunkEncode.prior`."""
    banding: float = 1.0
    """CAMBI that an encode may add to its reference's; not measured where all of it (`MOST_BANDING`) is allowed."""
    slack: float = 0.0
    """VMAF below the target that the chunk may have; where there is any, allocation decides how good it gets, and the
    first trial that is no worse is accepted."""
    price: float | None = None
    """Bytes that one more point of VMAF of one frame may cost, as far as chunks solved before tell."""

    threads: int = 1
    """Processor threads of the encoder."""
    worst: float = 0.0
    """VMAF by which the worst of the chunks solved before ended below its target; 0 or less."""
    ordinary: float | None = None
    """Bytes of a frame, in the mean over those chunks."""

    def aside(self, size: float) -> float:
        """VMAF from its target to where a chunk is aimed that takes so many bytes a frame: a dear one in the mode
        `floor` no higher than the worst of the others."""
        dear = self.ordinary is not None and size >= _DEAR * self.ordinary
        return lowered(self.worst) if dear else 0.0

    @property
    def lowest(self) -> float:
        """The score that the chunk must have."""
        return self.rung.target - self.slack

    @property
    def seconds(self) -> float:
        return float(len(self.frames) / self.rate)

    @property
    def hdr(self) -> str:
        """The transfer characteristic of HDR as FFmpeg calls it; empty for SDR."""
        return HDR_NAMES.get(self.signal.transfer, "")


def lowered(worst: float) -> float:
    """VMAF from its target to where a dear chunk is aimed, by how far the worst chunk ended below its own: a programme
    looks as good as its worst shot. Not so near the lowest accepted score that it would fall below that."""
    return min(max(worst, _SAFE - TOLERANCE), 0.0)


@dataclass(frozen=True, slots=True)
class Picture:
    """Where the chunk's pictures come from."""

    path: Path
    frames: FrameRange
    """Of that file."""
    clean: Path | None = None
    """A file of the same pictures without the grain that was given back to them, where there is one."""


def encode(request: ChunkRequest, encoder: Encoder, q: float, pictures: Path, path: Path) -> None:
    """One encode of a chunk's pictures, whatever their size, or of the first of them; raises VerificationError unless
    all of them are in it."""
    rung, count = request.rung, len(request.frames)
    arguments = [
        *ffmpeg.input_arguments(pictures, request.rate),
        *encoder.arguments(q, request.keyframes, request.rate),
        "-frames:v",
        str(count),
        ffmpeg.file_url(path),
    ]
    ffmpeg.run(arguments, doing=f"encoding {rung.name} at q {q:g}")
    frames = index_video(path).frames
    if frames != count:
        raise VerificationError(
            f"{rung.name} at q {q:g} holds {frames} frames instead of {count}",
            "the encoder lost or invented frames",
            "run the same command again",
        )
