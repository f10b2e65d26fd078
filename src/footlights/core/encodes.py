"""Encode plans and their results: rungs, probes, chunks, segments."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from footlights.core.filmgrain import FilmGrain
from footlights.core.time import FrameRange


@dataclass(frozen=True, slots=True)
class Rung:
    """One rendition of the ladder."""

    name: str
    """Also its folder, e.g. `av1-1080`."""
    codec: str
    """`av1` or `h264`."""
    width: int
    height: int
    bit_depth: int
    preset: str
    target: float
    """VMAF to reach against the master scaled to this rung's size."""
    q_min: float
    q_max: float
    max_rate: int
    """Bits per second no segment may exceed."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a chunk looks like, as far as it tells how hard it is to encode."""

    spatial: float
    """SI of ITU-T P.910, at SD width."""
    temporal: float
    """TI of ITU-T P.910."""
    luma: float
    """Median 8-bit code."""
    place: str = ""
    """Camera and light, where they were told apart."""


ORDINARY = Look(60.0, 15.0, 90.0)
"""What is taken for granted where nothing was seen."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One trial encode of a chunk."""

    q: float
    bytes: int
    mean: float
    """VMAF, mean over all frames, as far as those that were measured tell."""
    low: float
    """5th percentile."""
    worst: float
    """Of the measured frames."""
    why: str = ""
    """What led to it: a `search.Reason`, `rate` (the limit was broken before), `banding`, `allocation`."""
    banding: float = 0.0
    """CAMBI beyond that of the reference, mean over the measured frames; 0 where the pictures are too small for it."""
    every: int = 1
    """VMAF was measured every so many frames; the others were told from those and from their own PSNR."""
    second: float | None = None
    """The lowest mean VMAF over one second, wherever in the chunk that begins; of the whole chunk where it is shorter.
    None of a proxy, and in records from before it was kept. It decides nothing."""
    colour: float | None = None
    """CIEDE2000 between the encode's mean colours of blocks of 64×64 samples and its reference's, which one block in a
    thousand exceeds. None of HDR, of a proxy, and in records from before it was kept. It decides nothing."""

    @property
    def score(self) -> float:
        """What a search holds against the target: a chunk may not buy a good mean with a bad second."""
        return min(self.mean, self.low + 3)


@dataclass(frozen=True, slots=True)
class GrainTable:
    """Film grain parameters from one frame of a chunk on."""

    start: int
    grain: FilmGrain


@dataclass(frozen=True, slots=True)
class GrainEncode:
    """What became of the grain of one chunk at one rung. Sigmas in 8-bit codes, errors relative to what was wanted."""

    outcome: str
    """`coded` (taken out, drawn again by the decoder), `baked` (a share of it stands in the pictures), `kept`."""
    why: str
    sigma: float = 0.0
    """Luma grain wanted; where it is kept that of the pictures, 0 where they have none to speak of or it cannot be
    measured."""
    drawn: float = 0.0
    """Luma grain found in what was made."""
    error: float = 0.0
    """Of sigma, mean over the bins of brightness."""
    worst_bin: float = 0.0
    shape_error: float = 0.0
    """Root mean square over the autocorrelation, 9 by 5 places."""
    correlation: float = 0.0
    """Of the grain of neighbouring pictures."""
    side_bytes: int = 0
    """What the tables take."""
    tables: tuple[GrainTable, ...] = ()
    drawn_frames: int = 0
    """Pictures that a decoder draws grain over."""
    base: str = ""
    """SHA-256 of the pictures as they decode without film grain; empty where no decoder draws any."""
    pumping: float = 0.0
    """By how much what is seen of drawn grain is stronger in key frames than in the pictures around them, relative."""
    drawn_correlation: float = 0.0
    """Of the drawn grain of neighbouring pictures."""


@dataclass(frozen=True, slots=True)
class BasePictures:
    """What a chunk of a rendition must decode to without film grain, and how many pictures have some."""

    frames: int
    drawn_frames: int
    base: str


@dataclass(frozen=True, slots=True)
class ChunkEncode:
    """The accepted encode of one chunk at one rung; its probe is the final bitstream."""

    rung: str
    frames: FrameRange
    keyframes: tuple[int, ...]
    """Output frames at which closed groups of pictures begin."""
    chosen: Probe
    probes: tuple[Probe, ...]
    outcome: str
    """`reached`, `ceiling` (quality limit of the q range), `floor` (better than asked at the coarsest q), `budget` (the
    best of the allowed trials, outside the tolerance), `capped` (coarsened to keep the rate), `allocated` (its q given
    by allocation, in the mode `floor` because its size makes ending above the target dear)."""
    grain: GrainEncode | None = None
    """None in records of before, where the settings left grain alone."""
    target: float = 0.0
    """The score that was sought."""
    bands: str = "few"
    """`few`: the encode adds no more banding than allowed; `mended`: it did, and was given more bits until it did not;
    `seen`: it does, and more bits do not help or are not allowed."""
    prior: str = ""
    """What the first trial was expected from: `look` (the pictures alone), `shots` (others of the same rendition),
    `rendition` (the same chunk at another one); where there is a proxy, what that was."""
    proxy: Probe | None = None
    """A quick encode at half the size that said where the search begins."""


@dataclass(frozen=True, slots=True)
class Peak:
    """Where a finished rendition has its highest rate, over a given length."""

    times: float
    """Of the rendition's average rate."""
    frames: FrameRange
    cap: float | None = None
    """What `times` may be in the mode that was asked for; None where it sets no limit."""


@dataclass(frozen=True, slots=True)
class RenditionRates:
    """What the finished files of a rendition take, by their sizes. Rates in bits per second."""

    rung: str
    average: float
    limit: int
    """No segment may exceed it."""
    segment: Peak
    window: Peak | None
    """Over five minutes in whole segments; None for programmes that are not longer."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A rendition that was planned and is not made."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class EncodePlan:
    """The ladder and where every rendition is cut."""

    rungs: tuple[Rung, ...]
    segments: tuple[FrameRange, ...]
    """Media segments, shared by all renditions; each begins with a key frame."""
    chunks: tuple[FrameRange, ...]
    """Runs of segments encoded with one q."""
    rate: Fraction
    frames: int
    left_out: tuple[LeftOut, ...] = ()
