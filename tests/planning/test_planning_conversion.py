"""The rule for fields that a converter mixed: left unless asked, and only where they can be taken apart."""

import pytest
from test_planning import ingest, shot, survey

from footlights.core.plans import Skipped, Step
from footlights.core.tape_reports import Conversion, ConversionReport
from footlights.planning import rules
from made_tapes import settings

ASKED = "restoration.conversion.unmix=0.8"


def planned(kind: Conversion, confidence: float, *asked: str) -> tuple[dict[str, Step], dict[str, Skipped]]:
    """Steps and what was left out of one shot."""
    one = shot(0, 10, 70, conversion=ConversionReport(kind, 6.03, 0.3, 0.25, confidence, "test"))
    (made,) = rules.plan(survey(one), ingest(80), settings(*asked)).shots
    return {step.stage: step for step in made.steps}, {left.stage: left for left in made.skipped}


def test_mixed_fields_are_left_until_a_person_asks() -> None:
    steps, skipped = planned(Conversion.PAL_TO_NTSC, 0.9)
    assert "fields.unmix" not in steps
    assert "restoration.conversion.unmix = 0" in skipped["fields.unmix"].why
    assert "fieldlift.restore" in steps
    steps, skipped = planned(Conversion.PAL_TO_NTSC, 0.9, ASKED)
    assert dict(steps["fields.unmix"].params) == {"phase": 0.25, "start": 20, "stop": 140, "strength": 0.8}
    assert "deinterlace.bwdif" in steps
    assert "taken apart" in skipped["fieldlift.restore"].why
    order = list(steps)
    assert order.index("deinterlace.bwdif") < order.index("fields.unmix") < order.index("upscale.lanczos")


@pytest.mark.parametrize(
    ("kind", "confidence", "more", "words"),
    [
        (Conversion.NTSC_TO_PAL, 0.9, (), "not on the tape any more"),
        (Conversion.PAL_TO_NTSC, 0.4, (), "too little to go by"),
        (Conversion.PAL_TO_NTSC, 0.9, ("enhancement.rate.output=50",), "another rate"),
    ],
)
def test_what_cannot_be_taken_apart_is_said(
    kind: Conversion, confidence: float, more: tuple[str, ...], words: str
) -> None:
    steps, skipped = planned(kind, confidence, ASKED, *more)
    assert "fields.unmix" not in steps
    assert words in skipped["fields.unmix"].why


def test_shots_that_were_not_converted_say_nothing() -> None:
    steps, skipped = planned(Conversion.NONE, 0.0, ASKED)
    assert "fields.unmix" not in {**steps, **skipped}
