"""What the commands print: data on stdout, messages on stderr.

Names and messages come out of files nobody vouches for: their control characters are shown, never sent to a terminal.
"""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

SCHEMA = 1
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Terminal control codes and the marks that turn text around; tab and line feed are harmless."""


def out(text: str) -> None:
    """A line of the result."""
    sys.stdout.write(f"{plain(text)}\n")


def say(text: str) -> None:
    """A message."""
    sys.stderr.write(f"{plain(text)}\n")
    sys.stderr.flush()


def emit(kind: str, **data: Any) -> None:
    """One JSON object on a line of its own."""
    sys.stdout.write(json.dumps({"schema": SCHEMA, "kind": kind, **data}, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def show(table: Table) -> None:
    """A table of the result."""
    console().print(table)


def console(*, stderr: bool = False) -> Console:
    """A console that takes text as it is: `[brackets]` and `:colons:` in names mean nothing."""
    from rich.console import Console

    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)


def plain(text: str) -> str:
    """The text with control characters written out."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
