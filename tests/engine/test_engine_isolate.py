"""Functions in throw-away processes."""

from __future__ import annotations

import time

import pytest
from toy_engine import ENVIRONMENT

from footlights.engine.isolate import IsolationError, Mishap, run_isolated
from footlights.errors import InternalError, ParameterError, SourceError

LIMIT = 2 << 30


def describe(mood: str, timeout: float = 20.0, **params: object) -> dict[str, object]:
    return run_isolated("toy_ops:describe", {"mood": mood, **params}, timeout, LIMIT, environment=ENVIRONMENT)


def test_facts_come_back_and_chatter_does_not():
    assert describe("good", numbers=[1, 2, 3]) == {"sum": 6}


@pytest.mark.parametrize(
    ("mood", "mishap", "words"),
    [("crash", Mishap.CRASH, "SIGSEGV"), ("hungry", Mishap.MEMORY, "MemoryError")],
)
def test_crash_and_hunger_are_told_apart(mood: str, mishap: Mishap, words: str):
    with pytest.raises(IsolationError, match=words) as caught:
        describe(mood)
    assert caught.value.mishap is mishap


def test_hang_ends_at_the_time_limit():
    began = time.monotonic()
    with pytest.raises(IsolationError, match=r"still busy after 0\.8 s") as caught:
        describe("hang", timeout=0.8)
    assert caught.value.mishap is Mishap.TIMEOUT
    assert time.monotonic() - began < 5


def test_error_of_ours_keeps_its_class_and_words():
    with pytest.raises(SourceError) as caught:
        describe("refuse")
    assert (caught.value.what, caught.value.remedy) == ("the thing is odd", "use another one")


def test_defect_brings_its_traceback():
    with pytest.raises(InternalError, match="KeyError: 'nothing here'") as caught:
        describe("defect")
    assert "toy_ops.py" in caught.value.why


def test_unknown_function_is_a_defect():
    with pytest.raises(InternalError, match="there is no op 'toy_ops:nothing'"):
        run_isolated("toy_ops:nothing", {}, 20.0, environment=ENVIRONMENT)


def test_params_must_be_json():
    with pytest.raises(ParameterError):
        describe("good", numbers={1, 2})
