"""Rule for tapes whose fields a converter mixed: taken apart only where a person asks for it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from footlights.core.plans import Skipped, Step, Value
from footlights.core.reports import ShotReport
from footlights.core.tape_reports import Conversion
from footlights.core.time import FrameRange
from footlights.restoration.base import STAGES
from footlights.settings import Settings

_NAME = "fields.unmix"
_SURE = 0.5


def unmixed(report: ShotReport, settings: Settings) -> bool:
    """Whether the fields of a shot are to be taken apart."""
    found = report.conversion
    asked = settings.restoration.conversion.unmix > 0
    return asked and found.kind is Conversion.PAL_TO_NTSC and found.confidence >= _SURE


def rule(report: ShotReport, slots: FrameRange, settings: Settings, *, rate: bool) -> Iterator[Step | Skipped]:
    """Unmix the pictures of a shot of `slots`; `rate`: another rate is asked for."""
    found, strength = report.conversion, settings.restoration.conversion.unmix
    if found.kind is Conversion.NONE:
        return
    evidence = f"conversion {found.kind}, confidence {found.confidence:.2f}"
    if found.kind is Conversion.NTSC_TO_PAL:
        yield Skipped(_NAME, f"{evidence}: a sixth of the instants is not on the tape any more")
    elif strength == 0:
        yield Skipped(_NAME, f"{evidence}: restoration.conversion.unmix = 0, for how the converter mixed is not known")
    elif not unmixed(report, settings):
        yield Skipped(_NAME, f"{evidence}: too little to go by")
    elif rate:
        yield Skipped(
            _NAME, f"{evidence}: another rate is asked for, which would be made from the pictures as they are"
        )
    else:
        params: dict[str, Value] = {
            "phase": found.phase,
            "start": 2 * slots.start,
            "stop": 2 * slots.stop,
            "strength": strength,
        }
        yield Step(_NAME, STAGES.get(_NAME).version, params, f"{evidence}, phase {found.phase:.3f}")
