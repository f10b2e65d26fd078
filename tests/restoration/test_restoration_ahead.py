"""Working ahead changes when things are computed, never what comes out, in which order, or what is left running."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from footlights.restoration.ahead import ahead


def _running() -> int:
    return sum(thread.name == "ahead" for thread in threading.enumerate())


def test_the_same_items_come_in_the_same_order() -> None:
    assert list(ahead(iter(range(50)))) == list(range(50))
    assert list(ahead(iter(()))) == []
    assert _running() == 0


def test_what_comes_before_is_computed_by_another_thread_at_most_two_items_ahead() -> None:
    made: list[int] = []
    makers: set[int] = set()

    def source() -> Iterator[int]:
        for number in range(20):
            makers.add(threading.get_ident())
            made.append(number)
            yield number

    for number in ahead(source()):
        assert len(made) - number <= 3  # the one taken, one that waits, one in hand
    assert len(makers) == 1
    assert threading.get_ident() not in makers


def test_an_error_comes_behind_the_items_before_it() -> None:
    def source() -> Iterator[int]:
        yield 1
        yield 2
        raise ArithmeticError("broken")

    stream = ahead(source())
    assert (next(stream), next(stream)) == (1, 2)
    with pytest.raises(ArithmeticError, match="broken"):
        next(stream)
    assert _running() == 0


def test_who_stops_early_leaves_nothing_running_or_open() -> None:
    closed = threading.Event()

    def source() -> Iterator[int]:
        try:
            yield from range(1000)
        finally:
            closed.set()

    for number in ahead(source()):
        if number == 3:
            break
    assert closed.wait(5)
    assert _running() == 0
