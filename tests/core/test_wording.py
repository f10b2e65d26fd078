"""One is not told as many."""

from __future__ import annotations

import pytest

from footlights.core.wording import counted, do, out_of


@pytest.mark.parametrize(("number", "told"), [(0, "0 parts"), (1, "1 part"), (2, "2 parts")])
def test_counted(number: int, told: str) -> None:
    assert counted(number, "part") == told


@pytest.mark.parametrize(
    ("number", "whole", "told"),
    [(1, 1, "its only part stays"), (1, 3, "1 of 3 parts stays"), (3, 3, "3 of 3 parts stay")],
)
def test_a_verb_that_agrees(number: int, whole: int, told: str) -> None:
    assert do(number, whole, "stays", "stay") == told
    assert told.startswith(out_of(number, whole))
