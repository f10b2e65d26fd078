"""Two halves of a chain at once: what comes before works on the next block while what comes behind takes this one.

A net keeps all cores busy and a stage in numpy one; taking turns they leave cores idle. Order and values do not depend
on it: each half is computed by one thread, in the order of the stream.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from queue import Full, Queue
from threading import Event, Thread
from typing import Generic, TypeVar

T = TypeVar("T")
_PATIENCE = 0.1
"""Seconds between looks at whether anybody still wants what waits."""


@dataclass(frozen=True, slots=True)
class _Ended:
    """The stream has come to its end, or to an error."""

    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class _Item(Generic[T]):
    value: T


def ahead(stream: Iterator[T]) -> Iterator[T]:
    """The same items in the same order, computed by a thread of its own that is at most two items ahead.

    An error comes out behind the items before it. Who stops early has the thread ended and the stream closed.
    """
    waiting: Queue[_Item[T] | _Ended] = Queue(maxsize=1)
    unwanted = Event()
    thread = Thread(target=_work, args=(stream, _putter(waiting, unwanted)), daemon=True, name="ahead")
    thread.start()
    try:
        while True:
            match waiting.get():
                case _Item(value):
                    yield value
                case _Ended(None):
                    return
                case _Ended(error):
                    assert error is not None
                    raise error
    finally:
        unwanted.set()
        thread.join()


def _work(stream: Iterator[T], put: Callable[[_Item[T] | _Ended], bool]) -> None:
    end = _Ended()
    try:
        for value in stream:
            if not put(_Item(value)):
                break
    except BaseException as error:  # noqa: BLE001 - handed to who asks for the items
        end = _Ended(error)
    finally:
        if isinstance(stream, Generator):
            stream.close()
    put(end)


def _putter(waiting: Queue[_Item[T] | _Ended], unwanted: Event) -> Callable[[_Item[T] | _Ended], bool]:
    """Puts an item; False once nobody wants it."""

    def put(item: _Item[T] | _Ended) -> bool:
        while not unwanted.is_set():
            try:
                waiting.put(item, timeout=_PATIENCE)
            except Full:
                continue
            return True
        return False

    return put
