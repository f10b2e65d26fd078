"""What a job says of itself when it is done, or as far as it is done: the content of `report.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from footlights.core.encodes import ChunkEncode, EncodePlan, RenditionRates
from footlights.core.faces import ShotFaces
from footlights.core.likeness import FaceVerdict
from footlights.core.plans import Intervention, RestorationPlan
from footlights.core.provenance import ShotProvenance
from footlights.core.redegraded import ShotFidelity, StrengthTrial
from footlights.core.reports import Survey
from footlights.core.sound_reports import SoundCare, SoundReport
from footlights.core.source import Ingest


@dataclass(frozen=True, slots=True)
class Check:
    """One fact that was verified on a finished product."""

    name: str
    passed: bool
    found: str
    expected: str


@dataclass(frozen=True, slots=True)
class MasterFacts:
    """The master as read back from its file."""

    file: str
    bytes: int
    width: int
    height: int
    frames: int
    rate: Fraction
    codec: str
    content: str
    """SHA-256 over the decoded frames and their exact times."""


@dataclass(frozen=True, slots=True)
class HdrFacts:
    """The HDR rendition as read back from its file."""

    file: str
    frames: int
    curve: str
    """`PQ` or `HLG`."""
    bright: int
    """Frames with clipped light sources, which were made brighter than reference white."""
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class JobResult:
    """Everything known of a job; what has not been made yet is None or empty."""

    ingest: Ingest
    survey: Survey
    sound: tuple[SoundReport, ...] = ()
    """One per track that could be heard."""
    sound_care: tuple[SoundCare, ...] = ()
    """One per track that was treated."""
    plan: RestorationPlan | None = None
    master: MasterFacts | None = None
    hdr: HdrFacts | None = None
    encode_plan: EncodePlan | None = None
    encodes: tuple[ChunkEncode, ...] = ()
    rates: tuple[RenditionRates, ...] = ()
    """Of the finished stream, per rendition."""
    interventions: tuple[Intervention, ...] = ()
    faces: Mapping[int, ShotFaces] = field(default_factory=dict)
    """Faces that were followed, by shot."""
    likeness: tuple[FaceVerdict, ...] = ()
    """What the identity guard found, per track that was restored."""
    provenance: tuple[ShotProvenance, ...] = ()
    """Where the master's pictures come from, per shot."""
    fidelity: tuple[ShotFidelity, ...] = ()
    """The master pushed back to the tape, per shot."""
    trials: tuple[StrengthTrial, ...] = ()
    """What the guard of strengths found, per shot that was not explained."""
    checks: tuple[Check, ...] = ()
    warnings: tuple[str, ...] = ()
    settings: dict[str, str] = field(default_factory=dict)
    """Settings that differ from the defaults, with where they came from."""
    timings: dict[str, float] = field(default_factory=dict)
    """Compute seconds per operation."""
