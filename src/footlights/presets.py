"""Presets: three named bundles of settings, from what the tape alone shows to as much to see as can be justified.

Each names every setting that any of them tunes, so that choosing one later undoes the one before; a net, a look or a
lift that the user asked for is only ever switched off by one.
"""

from __future__ import annotations

from collections.abc import Mapping

from footlights.errors import UsageError

FAITHFUL, BALANCED, BOLD = "faithful", "balanced", "bold"

Bundle = Mapping[str, bool | float | str]
"""Values by the dotted name of their setting."""

PRESETS: Mapping[str, Bundle] = {
    FAITHFUL: {
        "restoration.fieldlift.strength": 1.0,
        "restoration.fieldlift.detail": 0.0,
        "restoration.faces.restore": False,
        "restoration.sr_model": "",
        "enhancement.colour.levels": "off",
        "enhancement.colour.cast": "off",
        "enhancement.light.lift": 0.0,
        "enhancement.look.table": "",
        "enhancement.detail.strength": 0.0,
        "enhancement.grain.share": 1.0,
        "enhancement.grain.tape": 1.0,
    },
    BALANCED: {
        "restoration.fieldlift.strength": 1.0,
        "restoration.fieldlift.detail": 1.0,
        "restoration.faces.restore": True,
        "enhancement.colour.levels": "evidence",
        "enhancement.colour.cast": "evidence",
        "enhancement.detail.strength": 0.6,
        "enhancement.grain.share": 0.7,
        "enhancement.grain.tape": 0.0,
    },
    BOLD: {
        "restoration.fieldlift.strength": 1.15,
        "restoration.fieldlift.detail": 1.25,
        "restoration.faces.restore": True,
        "enhancement.colour.levels": "evidence",
        "enhancement.colour.cast": "evidence",
        "enhancement.detail.strength": 1.0,
        "enhancement.grain.share": 0.5,
        "enhancement.grain.tape": 0.0,
    },
}
"""`faithful` learns nothing beyond deinterlacing and noise reduction; `balanced` is what the defaults do; `bold` takes
more noise away and raises more detail, inside the same limits."""


def choose(**wanted: bool) -> str | None:
    """The name of the one preset that was asked for. UsageError for more than one."""
    names = [name for name, given in wanted.items() if given]
    if len(names) > 1:
        raise UsageError(
            f"{' and '.join(f'--{name}' for name in names)} cannot be used together",
            "each is a preset, a bundle of settings of its own",
            "give one of them, and change single settings of it with --set",
        )
    return names[0] if names else None
