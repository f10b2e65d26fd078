"""The sections of the page, in its order: each a module with `content`, a template beside it, and a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from footlights.report.sections import (
    encodes,
    faces,
    facts,
    fidelity,
    over_time,
    pairs,
    products,
    provenance,
    shots,
    sound,
    stage,
    verdict,
    words,
    worst,
)
from footlights.report.story import Story


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page."""

    name: str
    """Of its template, `sections/NAME.html.j2`."""
    content: Callable[[Story], Mapping[str, object] | None]
    """What the template shows; None where there is nothing to tell. Text is escaped by the template."""


SECTIONS = (
    Section("verdict", verdict.content),
    Section("over_time", over_time.content),
    Section("worst", worst.content),
    Section("pairs", pairs.content),
    Section("shots", shots.content),
    Section("faces", faces.content),
    Section("stage", stage.content),
    Section("sound", sound.content),
    Section("provenance", provenance.content),
    Section("fidelity", fidelity.content),
    Section("facts", facts.content),
    Section("products", products.content),
    Section("encodes", encodes.content),
    Section("words", words.content),
)
