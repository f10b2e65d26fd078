"""What the analysis found, per shot. Every value has a unit in its docstring and a `measured_by` in its report."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from footlights.core.signal import FieldOrder
from footlights.core.source import Gap
from footlights.core.tape_reports import (
    BlockingReport,
    ConversionReport,
    FlickerReport,
    HaloReport,
    LevelsReport,
    QuantiserReport,
    TimeBaseReport,
)
from footlights.core.time import FrameRange


class Entry(StrEnum):
    """How a shot begins."""

    START = "start"
    CUT = "cut"
    DISSOLVE = "dissolve"
    FADE = "fade"


@dataclass(frozen=True, slots=True)
class Shot:
    """A run of frames from one camera."""

    index: int
    frames: FrameRange
    """Ingest frame numbers, half-open."""
    first_field: int
    """0, or 1 when the cut fell between the two fields of `frames.start` (its first field is the previous shot's)."""
    entry: Entry
    score: float
    """Evidence for the entry, 0..1."""


class Untold(StrEnum):
    """Why the tape's noise was not told from the camera's; the value ends the sentence "not told apart: …"."""

    LOSSY = "the file's codec does not keep noise as it was"
    NO_BLACK = "no live black beside the picture shows the tape's noise"
    LOUD = "the black beside the picture has more noise than the picture"
    MOVES = "too little of the picture rests"
    DOTS = "much of what changes is dots of the colour carrier"
    WEAK = "what the tape's noise leaves for the camera's is too little to be sure of"


@dataclass(frozen=True, slots=True)
class NoiseReport:
    """Noise of the source fields, in 8-bit code values (standard deviation)."""

    luma_sigma: float
    cb_sigma: float
    cr_sigma: float
    luma_levels: tuple[float, ...]
    """Mean luma code of each brightness band."""
    luma_sigmas: tuple[float, ...]
    """Sigma in each band: noise depends on the signal."""
    vertical_correlation: float
    """Correlation with the next line of the same field, -1..1; grain size in the vertical."""
    horizontal_correlation: float
    """Correlation with the next sample of the line."""
    confidence: float
    measured_by: str
    down: tuple[float, ...] = ()
    """Correlation with the next line of the field, the one after it …, the rounding to codes taken out; empty where the
    noise is too weak to tell."""
    across: tuple[float, ...] = ()
    """The same along the line."""
    in_time: float = 0.0
    """Correlation of luma noise with that of the next field of the same parity, 0..1; 0 where it does not show. Luma
    sigmas are those of all the noise, with what lasts."""
    tape_sigma: float = 0.0
    """Of luma's noise what tape and deck added to that of the camera, in codes, by the black beside the picture; 0
    where the two are not told apart."""
    tape_across: tuple[float, ...] = ()
    """Correlation of that with the next sample of the line, the one after it …, as far as is known."""
    untold: Untold | None = Untold.NO_BLACK
    """Why camera and tape are not told apart; nothing where they are."""

    @property
    def camera_sigma(self) -> float:
        """Codes: noise of luma without the tape's, where they are told apart; what the two make adds as variances."""
        return float(max(self.luma_sigma**2 - self.tape_sigma**2, 0.0) ** 0.5)


class CadenceKind(StrEnum):
    """How time is laid into the fields of a shot."""

    INTERLACED = "interlaced"
    """Every field has its own instant (59.94i, 50i)."""
    PROGRESSIVE = "progressive"
    """Both fields of a frame show one instant."""
    TELECINE = "telecine"
    """Film frames spread over fields 3:2."""


TELLING = 0.05
"""Share of a tape's frames whose cadence must be known for the whole tape to be called by it."""


@dataclass(frozen=True, slots=True)
class CadenceReport:
    """Field order and cadence."""

    kind: CadenceKind
    field_order: FieldOrder
    tagged: FieldOrder
    """What the file claims."""
    agrees: bool
    phase: int
    """TELECINE: field number modulo 10 (counted in display order from the shot's first field) at which a film frame's
    three-field run begins; else 0."""
    confidence: float
    """Share of the votes, 0..1; 0.5 and less means a still picture that tells nothing."""
    measured_by: str
    unsure: tuple[int, ...] = ()
    """Frames in which a field looks repeated that film would repeat as well, where a film cadence could be neither made
    out nor excluded: no loss is claimed."""


@dataclass(frozen=True, slots=True)
class DropoutReport:
    """Streaks where the head lost the tape."""

    count: int
    rate: float
    """Streaks per field."""
    area: float
    """Share of the picture, 0..1."""
    worst_frames: tuple[int, ...]
    measured_by: str


@dataclass(frozen=True, slots=True)
class BorderReport:
    """What of the raster shows no picture."""

    left: int
    """Columns of black at the left, in samples: no frame of the shot shows more picture."""
    top: int
    """Lines of black at the top of the frame."""
    right: int
    bottom: int
    switch_lines: int
    """Field lines at the bottom that are torn by head switching (blank lines below them counted); 0 where none are."""
    confidence: float
    """In `switch_lines`, 0..1; 0 where the bottom of the picture is too dark or plain to tell."""
    measured_by: str


@dataclass(frozen=True, slots=True)
class ChromaDelayReport:
    """Where colour lies against luma."""

    horizontal: float
    """Luma samples by which colour lies to the right of luma, -11..11."""
    vertical: float
    """Field lines by which colour lies below luma, -4..4."""
    confidence: float
    """In `horizontal`, 0..1: agreement of the places that show both."""
    vertical_confidence: float
    measured_by: str


@dataclass(frozen=True, slots=True)
class CompositeReport:
    """Traces of a composite connection, in 8-bit code values (root mean square)."""

    dot_crawl: float
    """Subcarrier left in luma; noise is not counted."""
    cross_colour: float
    """Fine luma mistaken for colour; 0 where chroma has half the lines and shows none."""
    confidence: float
    """0..1 by the number of measured frames; 0 on rasters that are not sampled at 13.5 MHz."""
    measured_by: str
    explained: float = 0.0
    """Share 0..1 of what lies on the subcarrier in luma that the colour of the same field explains: dots that a comb
    left on edges of colour, with one phase all over the field."""


@dataclass(frozen=True, slots=True)
class ComplexityReport:
    """Spatial and temporal information of ITU-T P.910 on luma codes (8 bit)."""

    spatial: float
    temporal: float
    motion: float
    """Median motion in samples per field."""
    measured_by: str


@dataclass(frozen=True, slots=True)
class SharpnessReport:
    """Effective resolution."""

    horizontal: float
    """Share of the horizontal sampling limit that carries picture above noise, 0..1."""
    vertical: float
    """The same vertically, within a field."""
    lines: float
    """Horizontal resolution in television lines per picture height."""
    measured_by: str


@dataclass(frozen=True, slots=True)
class ExposureReport:
    """Light."""

    luma_low: float
    """1st percentile of luma codes (8 bit)."""
    luma_median: float
    luma_high: float
    """99th percentile."""
    black_share: float
    """Share of samples at or below studio black."""
    clipped_share: float
    """Share of samples at or above studio white."""
    light: str
    """Colour of the light: `white`, `red`, `amber`, `yellow`, `green`, `cyan`, `blue`, `magenta` or `dark`."""
    chroma_cb: float
    """Mean Cb of lit samples in codes around 0."""
    chroma_cr: float
    black_cb: float
    """Median Cb of the darkest samples: a constant value over the whole tape is a cast, not light."""
    black_cr: float
    flashes: int
    """Strobes and photo flashes."""
    measured_by: str
    flicker: float = 0.0
    """Codes by which half of all frames and more lie off the mean of their neighbours' brightness; 0 where flashes or
    too few frames hide it."""


@dataclass(frozen=True, slots=True)
class BalanceReport:
    """The tape's own black and white, and whether there is colour on it, in 8-bit code values."""

    black_luma: float
    """Code of the darkest blocks; 0 where nothing is dark."""
    black_cb: float
    """Their chroma around 0."""
    black_cr: float
    blacks: int
    """Measured frames that show such blocks."""
    white_luma: float
    """Code at which the camera clipped all three channels; 0 where nothing is clipped."""
    white_cb: float
    """Mean chroma around 0 inside clipped places."""
    white_cr: float
    whites: int
    """Measured frames that show clipped white."""
    colour: float
    """Standard deviation of chroma over the picture, noise averaged away."""
    measured_by: str


@dataclass(frozen=True, slots=True)
class FaceBox:
    """A face in one frame, in source samples."""

    frame: int
    left: float
    top: float
    width: float
    height: float
    score: float
    """Detector score, 0..1."""
    presence: float
    """Landmark net's confidence that this is a face, 0..1."""


@dataclass(frozen=True, slots=True)
class FaceTrack:
    """One face through a shot."""

    boxes: tuple[FaceBox, ...]

    @property
    def height(self) -> float:
        """Largest height in source lines."""
        return max(box.height for box in self.boxes)


@dataclass(frozen=True, slots=True)
class FaceReport:
    """Faces seen on the searched frames."""

    tracks: tuple[FaceTrack, ...]
    key_frames: int
    """Frames that were searched."""
    measured_by: str


@dataclass(frozen=True, slots=True)
class ShotReport:
    """Everything known of one shot."""

    shot: Shot
    noise: NoiseReport
    cadence: CadenceReport
    conversion: ConversionReport
    dropouts: DropoutReport
    borders: BorderReport
    timebase: TimeBaseReport
    blocking: BlockingReport
    quantiser: QuantiserReport
    halos: HaloReport
    levels: LevelsReport
    chroma_delay: ChromaDelayReport
    composite: CompositeReport
    complexity: ComplexityReport
    sharpness: SharpnessReport
    exposure: ExposureReport
    flicker: FlickerReport
    balance: BalanceReport
    faces: FaceReport
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, slots=True)
class Remainder:
    """Noise that the net leaves in a shot, in 8-bit code values (standard deviation)."""

    shot: int
    luma_sigma: float
    chroma_sigma: float
    """The greater of Cb's and Cr's."""
    measured_by: str


@dataclass(frozen=True, slots=True)
class Strobe:
    """A run of flashes no more than a second apart; a single one as well."""

    start: int
    """Ingest frame numbers, half-open."""
    stop: int
    flashes: int


@dataclass(frozen=True, slots=True)
class StageReport:
    """Who took the pictures, and under what light: a value per shot, in the order of the shots."""

    cameras: tuple[int, ...]
    """Number of the camera, from 0 in the order in which they are first seen; at most 8 are told apart."""
    lights: tuple[int, ...]
    """Number of the state of the light, likewise; at most 24."""
    haze: tuple[float, ...]
    """Light over the shadows as a share of the brightest light, 0..1; 0 as well where it was too dark to tell."""
    strobes: tuple[Strobe, ...]
    measured_by: str


@dataclass(frozen=True, slots=True)
class Survey:
    """The analysis of a whole tape."""

    shots: tuple[ShotReport, ...]
    frames: int
    gaps: tuple[Gap, ...]
    active: tuple[int, int, int, int]
    """Left, top, right, bottom of the picture inside blanking, in samples, right and bottom exclusive."""
    field_order: FieldOrder
    """The tape's, by the weight of its shots."""
    measured_by: str
    stage: StageReport | None = None
    """Cameras and light."""


@dataclass(frozen=True, slots=True)
class ShotGlance:
    """A shot of a video that is only to be encoded."""

    shot: Shot
    spatial: float
    """SI of ITU-T P.910, at SD width."""
    temporal: float
    """TI of ITU-T P.910."""
    luma: float
    """Median code."""
    cadence: CadenceKind
