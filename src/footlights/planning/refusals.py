"""What a tape or its settings rule out, told before any work is done for it. Pure, and light to import."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from footlights.core.signal import Transfer
from footlights.core.source import Ingest, Source
from footlights.errors import ConfigError, SourceError
from footlights.settings import Settings, frame_rate

_DENSEST, _SPARSEST = Fraction(40), Fraction(1, 4)
"""Output frames per instant of the tape."""


def refuse_hdr(source: Source) -> None:
    """SourceError for HDR and log pictures: everything here is meant for SDR, and would show them grey."""
    transfer = source.signal.transfer
    if transfer in (Transfer.PQ, Transfer.HLG, Transfer.LOG100, Transfer.LOG316):
        kind = "HDR video" if transfer in (Transfer.PQ, Transfer.HLG) else "video with a log curve"
        raise SourceError(
            f"{source.name} is {kind}",
            f"its transfer characteristic is {transfer.name}, and only SDR is worked on",
            "convert it to SDR first, for example with ffmpeg's zscale and tonemap filters",
        )


def asked_rate(native: Fraction, settings: Settings) -> tuple[Fraction, Fraction, Fraction]:
    """The master's rate, its speed, and the instants of the tape from one of its frames to the next."""
    wanted = settings.enhancement.rate
    rate = frame_rate(wanted.output) or native
    speed = Fraction(wanted.speed).limit_denominator(1000)
    return rate, speed, native * speed / rate


def refuse_rate(ingest: Ingest, natives: Sequence[Fraction], settings: Settings) -> None:
    """ConfigError where the master's rate cannot be had from the tape, whichever of `natives` its instants a second
    turn out to be."""
    whys = [_objection(ingest, native, settings) for native in natives]
    if all(whys):
        wanted = settings.enhancement.rate
        asked = f"enhancement.rate.output = {wanted.output}, speed = {wanted.speed:g}"
        raise ConfigError(
            f"{asked} cannot be had from this tape", whys[0], "leave them at 'tape' and 1, or choose others"
        )


def possible_rates(ingest: Ingest, settings: Settings) -> tuple[Fraction, ...]:
    """Instants a second that a tape may turn out to have: one a frame, or one a field."""
    frames = ingest.source.rate
    return (frames,) if settings.ingest.field_order == "progressive" else (frames, 2 * frames)


def _objection(ingest: Ingest, native: Fraction, settings: Settings) -> str:
    """Why the rate cannot be had from `native` instants a second; empty where it can."""
    _, speed, stride = asked_rate(native, settings)
    if stride == 1 and speed == 1:
        return ""
    if ingest.variable:
        return "frames of this tape follow no common clock: there is no rate to convert from"
    if not 1 / _DENSEST <= stride <= 1 / _SPARSEST:
        each = f"{float(1 / stride):.3g} pictures for each of the tape's {float(native):.5g} a second"
        return f"that is {each}, and {_SPARSEST} to {_DENSEST} can be made"
    return ""
