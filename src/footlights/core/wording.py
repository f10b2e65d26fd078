"""Numbers of things in sentences for people: one part is not `1 of 1 parts`."""

from __future__ import annotations


def counted(number: int, thing: str) -> str:
    """`1 part`, `3 parts`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def out_of(number: int, whole: int) -> str:
    """`its only part`, `1 of 3 parts`."""
    return "its only part" if whole == 1 else f"{number} of {whole} parts"


def do(number: int, whole: int, one: str, more: str) -> str:
    """`out_of` with its verb: `its only part stays`, `1 of 3 parts stays`, `2 of 3 parts stay`."""
    return f"{out_of(number, whole)} {one if number == 1 else more}"
