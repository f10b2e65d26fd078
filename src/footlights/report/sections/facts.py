"""What was read from the file: signal, sound, settings."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from footlights.core.products import JobResult
from footlights.report.story import Story


def content(story: Story) -> Mapping[str, object]:
    """Rows of the table and notes."""
    result = story.result
    return {
        "facts": [*_signal(result), *_sound(result)],
        "notes": (*result.ingest.source.notes, *(result.plan.notes if result.plan else ())),
    }


def _signal(result: JobResult) -> list[tuple[str, str]]:
    source, signal = result.ingest.source, result.ingest.source.signal

    def said(name: str, value: object) -> str:
        return f"{value} (assumed: the file does not say)" if name in signal.assumed else str(value)

    return [
        ("Raster", f"{source.width}×{source.height}, {source.chroma}, {source.bit_depth} bit"),
        ("Rate", f"{source.rate} frames a second{', variable' if result.ingest.variable else ''}"),
        ("Sample aspect", said("sample_aspect", _ratio(signal.sample_aspect))),
        ("Field order", f"tagged {said('field_order', signal.field_order)}; measured {result.survey.field_order}"),
        ("Matrix", said("matrix", signal.matrix.name)),
        ("Primaries", said("primaries", signal.primaries.name)),
        ("Transfer", said("transfer", signal.transfer.name)),
        ("Range", said("range", signal.range.name)),
        ("Timecode", source.timecode or "none"),
        ("Captions", "present" if source.captions else "none found"),
    ]


def _sound(result: JobResult) -> list[tuple[str, str]]:
    facts = []
    for number, audio in enumerate(result.ingest.source.audio):
        start = "" if audio.start is None else f", begins {float(audio.start):+.4f} s against the picture"
        facts.append(
            (f"Sound {number + 1}", f"{audio.codec}, {audio.sample_rate} Hz, {audio.channels} channels{start}")
        )
    if not facts:
        facts.append(("Sound", "none"))
    facts.extend((f"Setting {name}", text) for name, text in result.settings.items())
    return facts


def _ratio(value: Fraction) -> str:
    return f"{value.numerator}:{value.denominator}"
