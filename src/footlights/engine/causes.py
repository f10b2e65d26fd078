"""Errors of ours across process borders: taken apart into plain data, and put together again as the same class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from footlights import errors
from footlights.errors import FootlightsError, InternalError


@dataclass(frozen=True, slots=True)
class Cause:
    """A FootlightsError as plain data."""

    classes: tuple[str, ...]
    """Names of its classes, the nearest first."""
    what: str
    why: str
    remedy: str

    def to_data(self) -> dict[str, Any]:
        """As plain JSON data."""
        return asdict(self)

    def rebuilt(self) -> FootlightsError:
        """The error again, as the nearest of its classes that `errors` has."""
        known = (getattr(errors, name, None) for name in self.classes)
        kind = next(
            (found for found in known if isinstance(found, type) and issubclass(found, FootlightsError)), InternalError
        )
        error = kind.__new__(kind)
        FootlightsError.__init__(error, self.what, self.why, self.remedy)
        return error


def cause_of(error: BaseException) -> Cause | None:
    """What can travel of an error; None for those that are not ours."""
    if not isinstance(error, FootlightsError):
        return None
    classes = tuple(kind.__name__ for kind in type(error).__mro__)
    return Cause(classes, _clean(error.what), _clean(error.why), _clean(error.remedy))


def cause_from(data: Mapping[str, Any] | None) -> Cause | None:
    """Inverse of `Cause.to_data`."""
    return None if data is None else Cause(tuple(data["classes"]), data["what"], data["why"], data["remedy"])


def _clean(text: str) -> str:
    """Text that can be written as UTF-8; a file name need not be."""
    return text.encode("utf-8", "backslashreplace").decode()
