"""Parameters that know their bounds: every simulator setting carries its range and unit, and refuses other values."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from footlights.errors import ParameterError


@dataclass(frozen=True, slots=True)
class Bounds:
    """Closed range of one numeric parameter."""

    low: float
    high: float
    unit: str
    whole: bool = False
    """Only whole numbers."""

    def holds(self, value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, int if self.whole else (int, float)):
            return False
        return self.low <= value <= self.high


def bounded(default: float, low: float, high: float, unit: str) -> Any:
    """A dataclass field for a real number in `[low, high]`."""
    return field(default=default, metadata={"bounds": Bounds(low, high, unit)})


def counted(default: int, low: int, high: int, unit: str) -> Any:
    """A dataclass field for a whole number in `[low, high]`."""
    return field(default=default, metadata={"bounds": Bounds(low, high, unit, whole=True)})


class Bounded:
    """Base of parameter groups: checks every bounded field when the group is made."""

    __slots__ = ()
    group: ClassVar[str] = ""

    def __post_init__(self) -> None:
        for name, bounds in bounds_of(type(self)).items():
            value = getattr(self, name)
            if not bounds.holds(value):
                kind = "a whole number " if bounds.whole else ""
                remedy = f"choose {kind}{bounds.low:g}..{bounds.high:g} {bounds.unit}"
                raise ParameterError(f"tape.{self.group}.{name}", value, remedy)


def bounds_of(kind: type[Any]) -> dict[str, Bounds]:
    """Bounds of every bounded field of a parameter group, by field name."""
    return {entry.name: entry.metadata["bounds"] for entry in fields(kind) if "bounds" in entry.metadata}
