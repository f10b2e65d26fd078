"""From measurements to defects: which shot suffers from what, and how much. Pure.

A rule looks at one shot and names at most one defect. The bounds between slight, marked and heavy are where a defect
begins to be seen beside a clean picture, where nobody misses it, and where it is all one sees; they steer words and
colours only, never the restoration.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from math import hypot
from statistics import median

from footlights.core.defects import Defect
from footlights.core.products import JobResult
from footlights.core.reports import CadenceKind, ShotReport, Survey
from footlights.core.sound_reports import SoundReport
from footlights.core.source import Gap, GapKind, Ingest
from footlights.core.tape_reports import Conversion
from footlights.core.time import FrameRange
from footlights.report.coding import compressed
from footlights.report.levels import suspicions

_BOTH_FIELDS = 3
_COMBED = 0.5
"""Samples of motion from field to field from which woven frames show teeth."""
_EDGES = 30
"""Edges in each direction from which their outlines are named."""
_CONVERTED = 0.3
"""Confidence from which a conversion by blending is named."""
_ALIKE, _AGREEING = 2.0, 0.7
"""Codes between the blacks of shots that share a cast, and the share of the tape's frames that must."""


_HEADS = frozenset(
    {Defect.DROPOUT, Defect.HEAD_SWITCHING, Defect.LINE_JITTER, Defect.SKEW, Defect.VERTICAL_JUMP},
)
"""What the heads of a deck do; leaves before the wind do what looks like it."""
_TAPE_LINES, _TAPE_SAMPLES = (480, 486, 512, 576, 608), (700, 768)


class Severity(IntEnum):
    """How much a defect disturbs."""

    SLIGHT = 1
    MARKED = 2
    HEAVY = 3


@dataclass(frozen=True, slots=True)
class Found:
    """One defect in one shot, or on some of its frames."""

    defect: Defect
    shot: int | None
    """None where it is the sound's, or the tape's as a whole."""
    frames: FrameRange
    """Ingest frame numbers; at least one, for the map."""
    severity: Severity
    value: str
    """What was measured, with its unit."""


Rule = Callable[[ShotReport], "tuple[Defect, Severity | None, str]"]


def find(result: JobResult) -> tuple[Found, ...]:
    """All defects of a tape, the heaviest first, then in the order of the tape."""
    survey = result.survey
    heads = of_heads(result)
    found = [one for report in survey.shots for one in _of_shot(report) if heads or one.defect not in _HEADS]
    found.extend(one for gap in survey.gaps for one in of_gap(gap, survey))
    found.extend(_cast(survey))
    for report, defect, step, value in compressed(survey, result.ingest):
        severity = grade(step, 4, 10, 20)
        if severity is not None:
            found.append(Found(defect, report.shot.index, report.shot.frames, severity, value))
    whole = FrameRange(0, max(result.ingest.frames, 1))
    found.extend(
        Found(defect, None, whole, Severity.MARKED, value)
        for defect, value in suspicions([one.levels for one in survey.shots], result.ingest.source.signal.range)
    )
    found.extend(one for sound in result.sound for one in of_sound(sound, result.ingest))
    return tuple(sorted(found, key=lambda one: (-one.severity, one.frames.start)))


NOISE_GRADES = 1.0, 2.5, 5.0
"""Codes of noise from which it is slight, marked, heavy."""


def of_heads(result: JobResult) -> bool:
    """Whether a deck may have made it: what has fields does, or the raster of SD tape."""
    source = result.ingest.source
    raster = source.height in _TAPE_LINES and _TAPE_SAMPLES[0] <= source.width <= _TAPE_SAMPLES[1]
    return raster or any(one.cadence.kind is not CadenceKind.PROGRESSIVE for one in result.survey.shots)


def grade(value: float, slight: float, marked: float, heavy: float) -> Severity | None:
    """Severity of a value that is worse the larger it is; None below `slight`."""
    bounds = ((heavy, Severity.HEAVY), (marked, Severity.MARKED), (slight, Severity.SLIGHT))
    return next((severity for bound, severity in bounds if value >= bound), None)


def _of_shot(report: ShotReport) -> Iterator[Found]:
    for rule in RULES:
        defect, severity, value = rule(report)
        if severity is not None:
            yield Found(defect, report.shot.index, report.shot.frames, severity, value)


def of_gap(gap: Gap, survey: Survey) -> Iterator[Found]:
    """The defect a gap is."""
    names = {
        GapKind.LOST: Defect.LOST_FRAME,
        GapKind.DUPLICATE: Defect.DUPLICATE_FRAME if gap.fields == _BOTH_FIELDS else Defect.LOST_FIELD,
        GapKind.DAMAGED: Defect.DAMAGED_FRAME,
    }
    start = min(gap.start, max(survey.frames - 1, 0))
    frames = FrameRange(start, max(gap.stop, start + 1))
    shot = next((one.shot.index for one in survey.shots if start in one.shot.frames), 0)
    count = max(len(gap.slots), 1)
    severity = Severity.MARKED if count == 1 else Severity.HEAVY
    yield Found(names[gap.kind], shot, frames, severity, f"{count} at {gap.timecode}: {gap.evidence}")


def _cast(survey: Survey) -> Iterator[Found]:
    """Tinted blacks on which the shots agree: what differs from shot to shot is light."""
    dark = [one for one in survey.shots if one.exposure.black_cb or one.exposure.black_cr]
    if not dark:
        return
    blue, red = (median(getattr(one.exposure, name) for one in dark) for name in ("black_cb", "black_cr"))
    near = [one for one in dark if hypot(one.exposure.black_cb - blue, one.exposure.black_cr - red) <= _ALIKE]
    severity = grade(hypot(blue, red), 1.5, 4, 8)
    if severity is None or sum(len(one.shot.frames) for one in near) < _AGREEING * survey.frames:
        return
    for one in near:
        value = f"blacks at Cb {one.exposure.black_cb:+.1f}, Cr {one.exposure.black_cr:+.1f} codes, as on other shots"
        yield Found(Defect.CAST, one.shot.index, one.shot.frames, severity, value)


def of_sound(sound: SoundReport, ingest: Ingest) -> Iterator[Found]:
    """Defects of one sound track."""
    whole = FrameRange(0, max(ingest.frames, 1))
    minutes = max(float(ingest.slot_count / ingest.source.rate), 1.0) / 60
    judged = [
        (Defect.SOUND_CLIPPING, grade(sound.clipped / minutes, 1, 30, 300), f"{sound.clipped} runs"),
        (Defect.SOUND_MISSING, grade(sound.missing, 0.01, 0.1, 1.0), f"{sound.missing:.2f} s"),
        (Defect.SOUND_DRIFT, grade(abs(sound.drift) * minutes * 60e-6, 0.02, 0.08, 0.3), f"{sound.drift:+.0f} ppm"),
        (
            Defect.SOUND_HUM,
            grade(sound.hum_level, -75, -55, -40),
            f"{sound.hum_frequency} Hz, {sound.hum_level:.0f} dBFS",
        ),
    ]
    if sound.channels > 1 and not sound.silent:
        apart = f"left {sound.balance:+.1f} dB against right"
        judged.append((Defect.SOUND_BALANCE, grade(abs(sound.balance), 3, 6, 20), apart))
        judged.append(
            (Defect.SOUND_PHASE, grade(-sound.correlation, 0.3, 0.5, 0.8), f"correlation {sound.correlation:+.2f}")
        )
    for defect, severity, value in judged:
        if severity is not None:
            yield Found(defect, None, whole, severity, f"track {sound.track}: {value}")
    severity = grade(sound.dropouts / minutes, 0.0, 1, 10) if sound.dropouts else None
    if severity is None:
        return
    for second in sound.dropout_seconds:
        slot = int(second * ingest.source.rate)
        frame = min(bisect_left(ingest.slots, slot), max(ingest.frames - 1, 0))
        value = f"track {sound.track} at {second:.2f} s"
        yield Found(Defect.SOUND_DROPOUT, None, FrameRange(frame, frame + 1), severity, value)


def _noise(report: ShotReport) -> tuple[Defect, Severity | None, str]:
    sigma = report.noise.luma_sigma
    return Defect.NOISE, grade(sigma, *NOISE_GRADES), f"sigma {sigma:.1f} codes"


def _chroma_noise(report: ShotReport) -> tuple[Defect, Severity | None, str]:
    sigma = max(report.noise.cb_sigma, report.noise.cr_sigma)
    return Defect.CHROMA_NOISE, grade(sigma, *NOISE_GRADES), f"sigma {sigma:.1f} codes"


def _dropouts(report: ShotReport) -> tuple[Defect, Severity | None, str]:
    found = report.dropouts
    severity = grade(found.rate, 0.0, 0.1, 1.0) if found.count else None
    return Defect.DROPOUT, severity, f"{found.count} streaks, {found.rate:.2g} a field"


def _softness(report: ShotReport) -> tuple[Defect, Severity | None, str]:
    lines = report.sharpness.lines
    severity = grade(-lines, -330, -260, -200) if lines > 0 else None
    return Defect.SOFTNESS, severity, f"{lines:.0f} television lines"


def _chroma_delay(report: ShotReport) -> tuple[Defect, Severity | None, str]:
    found = report.chroma_delay
    value = f"{found.horizontal:+.1f} samples across, {found.vertical:+.1f} field lines down"
    severity = grade(max(abs(found.horizontal), abs(found.vertical)), 0.5, 1.5, 3.0)
    return Defect.CHROMA_DELAY, severity if found.confidence > 0.5 else None, value


def _dot_crawl(report: ShotReport) -> tuple[Defect, Severity | None, str]:
    found = report.composite
    severity = grade(found.dot_crawl, 0.5, 1.5, 4.0) if found.confidence > 0 else None
    return Defect.DOT_CRAWL, severity, f"{found.dot_crawl:.1f} codes of subcarrier in luma"


def _cross_colour(report: ShotReport) -> tuple[Defect, Severity | None, str]:
    found = report.composite
    severity = grade(found.cross_colour, 0.5, 1.5, 4.0) if found.confidence > 0 else None
    return Defect.CROSS_COLOUR, severity, f"{found.cross_colour:.1f} codes of false colour"


def _clipping(report: ShotReport) -> tuple[Defect, Severity | None, str]:
    share = report.exposure.clipped_share
    return Defect.CLIPPING, grade(share, 0.01, 0.05, 0.15), f"{share:.1%} of the picture at white"


def _flicker(report: ShotReport) -> tuple[Defect, Severity | None, str]:
    found, codes = report.flicker, report.exposure.flicker
    if found.confidence >= 0.5:
        how = f"pumps every {found.period:.0f} frames" if found.period else "trembles"
        value = f"the light of the whole picture {how}, by {found.strength:.1f} %"
        return Defect.FLICKER, grade(found.strength, 0.6, 2.0, 5.0), value
    value = f"brightness off by {codes:.1f} codes from frame to frame, all along the shot"
    return Defect.FLICKER, grade(codes, 0.6, 1.5, 4.0), value


def _head_switching(report: ShotReport) -> tuple[Defect, Severity | None, str]:
    lines = report.borders.switch_lines
    return Defect.HEAD_SWITCHING, grade(lines, 1, 4, 8), f"{lines} field lines at the bottom"


def _jitter(report: ShotReport) -> tuple[Defect, Severity | None, str]:
    found = report.timebase
    severity = grade(found.jitter, 0.17, 0.4, 1.0) if found.confidence >= 0.5 else None
    return Defect.LINE_JITTER, severity, f"lines stray by {found.jitter:.2f} samples"


def _skew(report: ShotReport) -> tuple[Defect, Severity | None, str]:
    found = report.timebase
    severity = grade(abs(found.skew), 1.0, 3.0, 8.0) if found.skew_confidence >= 0.4 else None
    return Defect.SKEW, severity, f"the top line bent by {found.skew:+.1f} samples"


def _vertical_jumps(report: ShotReport) -> tuple[Defect, Severity | None, str]:
    jumps = report.timebase.jumps
    furthest = max((abs(one.lines) for one in jumps), default=0)
    return Defect.VERTICAL_JUMP, grade(furthest, 1, 3, 8), f"{len(jumps)} fields, up to {furthest} field lines"


def _combing(report: ShotReport) -> tuple[Defect, Severity | None, str]:
    motion = report.complexity.motion
    seen = report.cadence.kind is CadenceKind.INTERLACED and motion >= _COMBED
    return Defect.COMBING, Severity.SLIGHT if seen else None, f"fields {motion:.1f} samples of motion apart"


def _blended(report: ShotReport) -> tuple[Defect, Severity | None, str]:
    found = report.conversion
    systems = {Conversion.PAL_TO_NTSC: "50 fields made 59.94", Conversion.NTSC_TO_PAL: "59.94 fields made 50"}
    seen = found.kind is not Conversion.NONE and found.confidence >= _CONVERTED
    value = (
        f"{systems[found.kind]} by mixing, every {found.period:.2f} fields anew, confidence {found.confidence:.2f}"
        if seen
        else ""
    )
    return Defect.BLENDED_FIELDS, Severity.MARKED if seen else None, value


def _blocking(report: ShotReport) -> tuple[Defect, Severity | None, str]:
    found = report.blocking
    severity = grade(found.strength, 0.5, 1.2, 2.5) if found.confidence >= 0.5 else None
    return Defect.BLOCKING, severity, f"steps of {found.strength:.1f} codes every eight samples"


def _halos(report: ShotReport) -> tuple[Defect, Severity | None, str]:
    found = report.halos
    along = grade((found.before + found.behind) / 2, 0.045, 0.08, 0.15) if min(found.edges) >= _EDGES else None
    across = grade((found.above + found.below) / 2, 0.05, 0.1, 0.18) if min(found.across) >= _EDGES else None
    told = [f"outlines of {found.before:.0%} and {found.behind:.0%} beside edges"] if along or not across else []
    told += [f"outlines of {found.above:.0%} above and {found.below:.0%} below edges"] if across else []
    return Defect.HALOS, max(filter(None, (along, across)), default=None), "; ".join(told)


def _crushed(report: ShotReport) -> tuple[Defect, Severity | None, str]:
    share = report.levels.crushed
    return Defect.CRUSHED, grade(share, 0.02, 0.1, 0.3), f"{share:.0%} of the picture cut off at one black"


def _borders(report: ShotReport) -> tuple[Defect, Severity | None, str]:
    edges = report.borders
    widest = max(edges.left, edges.right, edges.top, edges.bottom)
    value = f"{edges.left}, {edges.top}, {edges.right}, {edges.bottom} samples or lines (left, top, right, bottom)"
    return Defect.BLANK_BORDERS, Severity.SLIGHT if widest > 10 else None, value


def _field_order(report: ShotReport) -> tuple[Defect, Severity | None, str]:
    cadence = report.cadence
    wrong = not cadence.agrees and cadence.kind is not CadenceKind.PROGRESSIVE and cadence.confidence > 0.6
    return Defect.WRONG_FIELD_ORDER, Severity.MARKED if wrong else None, f"{cadence.field_order}, not {cadence.tagged}"


RULES: Sequence[Rule] = (
    _noise,
    _chroma_noise,
    _dropouts,
    _head_switching,
    _jitter,
    _skew,
    _vertical_jumps,
    _field_order,
    _combing,
    _blended,
    _softness,
    _chroma_delay,
    _dot_crawl,
    _cross_colour,
    _blocking,
    _halos,
    _clipping,
    _flicker,
    _crushed,
    _borders,
)
"""One per defect that is judged from a shot. A new analyser adds its own here."""
