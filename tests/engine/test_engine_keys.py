"""Keys: everything that makes a result is in them and nothing else; differences are told in words."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum, StrEnum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footlights.engine.tasks import Resources, Task, first_difference, key_of, plain, request_of
from footlights.errors import ParameterError

TASK = Task("restore/0003", "stages.denoise:run", 2, {"radius": 2, "deep": {"list": [1, {"x": 0.5}]}}, ("a", "b"))
INPUTS = {"a": "content a", "b": "content b"}

numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text(max_size=5), values, max_size=4)


def key(task: Task, inputs: dict[str, str] = INPUTS) -> str:
    return key_of(request_of(task, inputs))


def test_key_is_pinned():
    """A change of this value would make every job in the field start over."""
    assert key(TASK) == "4862897b45b7da0065d294c81f9ed697f2ba672934a3c177251154cc43662702"


@pytest.mark.parametrize(
    ("other", "inputs", "words"),
    [
        (replace(TASK, op="stages.denoise:walk"), INPUTS, 'op changed from "stages.denoise:run" to'),
        (replace(TASK, version=3), INPUTS, "version changed from 2 to 3"),
        (replace(TASK, params={**TASK.params, "radius": 3}), INPUTS, "params.radius changed from 2 to 3"),
        (replace(TASK, params={**TASK.params, "radius": 2.0}), INPUTS, "params.radius changed from 2 to 2.0"),
        (replace(TASK, params={**TASK.params, "radius": "2"}), INPUTS, 'params.radius changed from 2 to "2"'),
        (replace(TASK, params={**TASK.params, "radius": True}), INPUTS, "params.radius changed from 2 to true"),
        (replace(TASK, params={**TASK.params, "new": None}), INPUTS, "params.new is new (null)"),
        (replace(TASK, params={"radius": 2}), INPUTS, "params.deep is gone (was "),
        (
            replace(TASK, params={"radius": 2, "deep": {"list": [1, {"x": 0.25}]}}),
            INPUTS,
            "params.deep.list[1].x changed from 0.5 to 0.25",
        ),
        (TASK, {**INPUTS, "b": "another"}, "input 'b' has other content"),
        (replace(TASK, needs=("b", "a")), INPUTS, "input 'b' has other content"),
        (replace(TASK, needs=("a",)), INPUTS, "the number of inputs changed from 2 to 1"),
    ],
)
def test_whatever_may_change_the_result_changes_the_key_and_is_named(other: Task, inputs: dict[str, str], words: str):
    assert key(other, inputs) != key(TASK)
    assert words in first_difference(request_of(TASK, INPUTS), request_of(other, inputs), other.needs)


@pytest.mark.parametrize(
    "other",
    [
        replace(TASK, id="restore/0004"),
        replace(TASK, resources=Resources(threads=8, memory=1 << 30, disk=1 << 40)),
        replace(TASK, units=500),
        replace(TASK, priority=9),
        replace(TASK, timeout=1.0),
        replace(TASK, params=dict(reversed(TASK.params.items()))),
        replace(TASK, params={"radius": 2, "deep": {"list": (1, {"x": 0.5})}}),
    ],
)
def test_whatever_cannot_change_the_result_is_not_in_the_key(other: Task):
    assert key(other) == key(TASK)
    assert first_difference(request_of(TASK, INPUTS), request_of(other, INPUTS)) == "nothing differs"


def test_renamed_need_with_the_same_content_keeps_the_key():
    assert key(replace(TASK, needs=("x", "b")), {"x": "content a", "b": "content b"}) == key(TASK)


@settings(deadline=None)
@given(objects, objects)
def test_keys_are_equal_exactly_when_requests_are(one: dict[str, object], two: dict[str, object]):
    requests = [request_of(replace(TASK, params=params), INPUTS) for params in (one, two)]
    same = first_difference(*requests) == "nothing differs"
    assert (key_of(requests[0]) == key_of(requests[1])) == same


@settings(deadline=None)
@given(values)
def test_plain_data_is_copied_unchanged_and_stays_so(value: object):
    copy = plain(value, "value")
    assert copy == value
    assert plain(copy, "value") == copy


def test_params_cannot_be_changed_behind_a_task():
    params = {"list": [1]}
    task = Task("a", "m:f", 1, params)
    params["list"].append(2)
    assert task.params == {"list": [1]}


def test_classes_of_text_and_numbers_do_not_matter():
    colour, depth = StrEnum("Colour", ["RED"]), Enum("Depth", {"TEN": 10}, type=int)
    task = Task("a", "m:f", 1, {"colour": colour.RED, "depth": depth.TEN, "zero": -0.0})
    assert repr(task.params) == "{'colour': 'red', 'depth': 10, 'zero': 0.0}"


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": ""},
        {"id": "two words"},
        {"op": "no_colon"},
        {"op": "os:system('x')"},
        {"units": -1},
        {"timeout": 0},
        {"timeout": float("nan")},
        {"needs": ("x", "x")},
        {"needs": ("a",)},
    ],
)
def test_impossible_task_is_refused_by_name(wrong: dict[str, object]):
    name = next(iter(wrong))
    with pytest.raises(ParameterError, match=name):
        Task(**{"id": "a", "op": "m:f", "version": 1, **wrong})


@pytest.mark.parametrize("wrong", [{"threads": 0}, {"memory": -1}, {"disk": -1}])
def test_impossible_resources_are_refused(wrong: dict[str, int]):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        Resources(**wrong)
